"""Reads a page back as a browser would: tags with attributes, text, and tables cell by cell."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = frozenset({"br", "meta"})


class Page(HTMLParser):
    """A page read back.

    Attributes:
        tags: every start tag with its attributes.
        text: all text outside the style sheet, in order.
        tables: rows of cell texts, by caption.
        faults: what a page of ours never holds: comments, instructions, tags left open or closed twice.
    """

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.tables: dict[str, list[list[str]]] = {}
        self.faults: list[str] = []
        self._open: list[str] = []
        self._rows: list[list[str]] = []
        self._caption = ""
        self.feed(text)
        self.close()
        self.faults += [f"left open: {tag}" for tag in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if len(dict(attrs)) != len(attrs):
            self.faults.append(f"an attribute twice: {tag}")
        if tag not in VOID:
            self._open.append(tag)
        if tag == "table":
            self._rows, self._caption = [], ""
        elif tag == "tr":
            self._rows.append([])
        elif tag in {"td", "th"}:
            self._rows[-1].append("")
        elif tag == "br":
            self.handle_data("\n")

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"closed out of turn: {tag}")
        if tag == "table":
            self.tables[self._caption.strip()] = self._rows

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            return
        self.text += data
        if "caption" in self._open:
            self._caption += data
        elif {"td", "th"} & set(self._open):
            self._rows[-1][-1] += data

    def handle_comment(self, data: str) -> None:
        self.faults.append(f"comment: {data}")

    def handle_pi(self, data: str) -> None:
        self.faults.append(f"instruction: {data}")

    def table(self, caption: str) -> list[list[str]]:
        """Give the rows of the one table whose caption begins so, its head left off."""
        (found,) = [rows for name, rows in self.tables.items() if name.startswith(caption)]
        return [[cell.strip() for cell in row] for row in found[1:]]
