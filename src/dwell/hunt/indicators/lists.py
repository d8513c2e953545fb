"""Indicator lists as text: one value a line, or CSV by its header, the shape of Microsoft's feeds among them.

A list is read line by line, however long it is. A line that cannot be used is named or counted, and costs itself alone.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import IO

from dwell.hunt.indicators.gathering import About, Gathering
from dwell.hunt.indicators.indicator import guessed_kind, is_kind, plain_word

__all__ = ["marking", "parts", "read_list", "row_taken", "rows_header"]

LINE_CHARS_MAX = 65_536
JOINED_LINES_MAX = 20
"""Lines that one quoted cell of CSV may run over; beyond this the quote is taken for one that was never closed."""

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "value": ("indicator", "value", "ioc", "observable", "indicatorvalue"),
    "kind": ("indicatortype", "type", "ioctype", "kind", "observabletype"),
    "from": ("validfrom", "firstseen", "from", "start"),
    "until": ("validuntil", "validto", "expires", "expiration", "expirationdatetime", "until", "lastseen"),
    "label": ("label", "description", "comment", "threat", "campaign", "tags", "eventinfo"),
    "source": ("source", "feed", "reference", "provider"),
    "tlp": ("tlp", "tlplevel", "marking"),
    "toids": ("toids",),
    "id": ("uuid", "indicatorid", "id"),
}
_MARKING = re.compile(r"\A(?:tlp[:_\- ]?)?(white|clear|green|amber(?:\+strict)?|red)\Z", re.IGNORECASE)
_UNDECODABLE = re.compile("[\udc80-\udcff\ufffd]")
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def marking(text: str) -> str:
    """Give a TLP marking in one form, `amber+strict` say; "" where it is none."""
    found = _MARKING.match(text.strip())
    return found[1].lower() if found else ""


def _opened(path: Path) -> IO[str]:
    """Open a list; bytes that are no text become marks of their own, so that only their line is lost."""
    with path.open("rb") as handle:
        head = handle.read(4)
    name = next((name for mark, name in _MARKS if head.startswith(mark)), "utf-8")
    return path.open(encoding=name, errors="replace" if name == "utf-16" else "surrogateescape", newline=None)


def _lines(handle: IO[str], out: Gathering) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line that can be read."""
    number, skipping = 0, False
    while text := handle.readline(LINE_CHARS_MAX):
        whole = text.endswith("\n")
        if skipping:
            skipping = not whole
            continue
        number += 1
        if not whole and len(text) >= LINE_CHARS_MAX:
            out.fault(f"longer than {LINE_CHARS_MAX} characters", str(number))
            skipping = True
        elif not text.isascii() and _UNDECODABLE.search(text):
            out.fault("holds bytes that are no text", str(number))
        else:
            yield number, text.rstrip("\n")


def rows_header(cells: Sequence[str]) -> dict[str, int] | None:
    """Give the columns of a header by their meaning; None where the line is no header."""
    names = [plain_word(one) for one in cells]
    out: dict[str, int] = {}
    for meaning, known in _COLUMNS.items():
        at = next((names.index(one) for one in known if one in names), None)
        if at is not None:
            out[meaning] = at
    if "value" not in out:
        at = next((where for where, one in enumerate(names) if is_kind(one)), None)
        if at is None or not (len(cells) > 1 or guessed_kind(cells[0]) == ""):
            return None
        out["value"] = at
        out["named"] = at
    return out


def row_taken(out: Gathering, row: Mapping[str, str], kind: str, place: str) -> None:
    """Take the value of one row, or tell why not; a composite of MISP stands for each of its parts."""
    if row.get("toids", "").strip().lower() in {"0", "false", "no"}:
        out.count("for context only: the list does not mark them as fit for detection (to_ids)")
        return
    named = place if not row.get("id") else f"{place} {row['id'].strip()[:100]}"
    begins, ends, label, source, tlp = (row.get(one, "") for one in ("from", "until", "label", "source", "tlp"))
    about = About(begins, ends, label, source, marking(tlp))
    for word, text in parts(kind, row.get("value", "")):
        out.take(word, text, named, about)


def parts(word: str, text: str) -> list[tuple[str, str]]:
    """Give kind and value of each part of a composite (`filename|md5`); what is no composite is its only part.

    A port beside an address or a host is left out: no kind of indicator holds it.
    """
    first, bar, second = word.partition("|")
    if not bar:
        return [(word, text)]
    value, _, other = text.rpartition("|") if "|" in text else text.rpartition(":")
    if second.strip().lower() == "port":
        return [(first, value or other)]
    return [(first, value), (second, other)] if "|" in text else [(first, text)]


def _plain_list(lines: Iterator[tuple[int, str]], out: Gathering) -> None:
    for number, text in lines:
        plain = text.strip()
        if "#" in plain:
            plain = re.split(r"(?:\A|\s+)#", plain, maxsplit=1)[0].strip()
        if plain:
            out.take("", plain, str(number))


def _cells(text: str, delimiter: str) -> list[str]:
    """Cut a record into its cells."""
    try:
        return next(csv.reader(text.splitlines(keepends=True), delimiter=delimiter), [])
    except csv.Error:  # a cell beyond the library's limit: as good as no quotes
        return text.split(delimiter)


def _records(lines: Iterator[tuple[int, str]], delimiter: str, out: Gathering) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of its first line and the cells of each record; a quote that is never closed costs its line."""
    waiting: list[tuple[int, str]] = []
    source = lines
    while (at := waiting.pop(0) if waiting else next(source, None)) is not None:
        number, text = at
        if not text.strip() or text.lstrip().startswith("#"):
            continue
        if '"' not in text:
            yield number, text.split(delimiter)
            continue
        joined = text
        ahead: list[tuple[int, str]] = []
        while joined.count('"') % 2 and len(ahead) < JOINED_LINES_MAX:
            one = waiting.pop(0) if waiting else next(source, None)
            if one is None:
                break
            ahead.append(one)
            joined += "\n" + one[1]
        if joined.count('"') % 2:
            out.fault("a quote that is never closed", str(number))
            waiting = ahead + waiting
            continue
        yield number, _cells(joined, delimiter)


def read_list(path: Path, out: Gathering) -> None:
    """Read a list.

    Raises:
        OSError: it cannot be read.
    """
    with _opened(path) as handle:
        lines = _lines(handle, out)
        head: list[tuple[int, str]] = []
        for one in lines:
            head.append(one)
            if one[1].strip() and not one[1].lstrip().startswith("#"):
                break
        if not head:
            return
        first = head[-1][1]
        delimiter = max(",;\t", key=first.count)
        names = _cells(first, delimiter)
        header = rows_header(names)
        if header is None:
            _plain_list(chain(head, lines), out)
            return
        named = plain_word(names[header["named"]]) if "named" in header else ""
        for number, cells in _records(lines, delimiter, out):
            row = {meaning: cells[at] for meaning, at in header.items() if at < len(cells)}
            row_taken(out, row, row.get("kind", "").strip() or named, str(number))
