"""Exports of rights, rules and mailboxes as PowerShell shows them: `Name : value`, a block an object (`Format-List`).

Source:
    Microsoft Learn, "Format-List", and "about_Preference_Variables" for `$FormatEnumerationLimit`: what somebody copied
    from the screen or sent to a file with `| fl > file`. A blank line parts the objects. Names are padded to one width,
    then stand ` : ` and the value; a value that goes on is indented below it. The names are those of the exports as CSV
    and JSON, and so are the kinds. Unverified: built from descriptions, no sample of a whole export seen; the output of
    `Get-Mailbox | fl` and `Get-InboxRule | fl` of one server would verify it.
Time:
    None. Instants are in the words of the culture of whoever ran it, and stay text.
Units:
    One block is one right, rule, mailbox or account; `record_no` is its first line. Lines that go on are put together
    with a blank, or with nothing where the line is as long as the block's longest: there the width of the screen cut it.

Raises:
    Nothing. A line before the first block that is no command is an anomaly.
Trust:
    As for the export as CSV; and a text of this kind is easily edited, or a value made that looks like another line.
Silence:
    Lists are cut after four members (`{a, b, c, d...}`), which is told as a fact: what stands behind is not here. Values
    are cut nowhere else. `Format-List` alone leaves out most properties of most commands: `fl *` does not.
"""

from __future__ import annotations

import re
from typing import ClassVar

import pyarrow as pa

from dwell.model.provenance import Fact, FactKind
from dwell.sources.directory import Directory
from dwell.sources.exports import OWNERS, Exports, kind_of, surer, told
from dwell.sources.settings_text import Pairs, SettingsText
from dwell.sources.source import Guess, Sniff

__all__ = ["DirectoryList", "ExportsList"]

_PAIR = re.compile(r"(?P<name>[^\W\d_#][\w .()/#-]{0,98}?)(?P<pad>\s{0,98}) :(?: (?P<value>.*))?$")
_PROMPT = re.compile(r"(?:\[PS\] ?|PS )?[A-Z]:\\[^>]*>|\[[^\]\s]+\]: PS |PS>", re.IGNORECASE)
"""How a line begins that is a command somebody typed."""
_CUT = ("...}", "…}")
"""How a list ends of which not all is shown."""
_LOOKED_AT = 400
_PAIRS_MIN = 2
_WIDTH_MIN = 79
"""No screen is narrower: a block whose longest line is shorter was not cut by one."""
_CUT_LIST = "lists that were cut where PowerShell shows no more of them (...): what they hold besides is not here"


def _pairs(lines: list[str]) -> Pairs:
    """Give the names and values of a block; a line that is neither a pair nor goes on is a text by itself."""
    widest = max(map(len, lines))
    cut_at = widest if widest >= _WIDTH_MIN else widest + 1
    out: list[tuple[str, list[str]]] = []
    before = ""
    for line in lines:
        found = _PAIR.match(line)
        if found is not None:
            out.append((found["name"].strip(), [found["value"] or ""]))
        elif line[:1] in {" ", "\t"} and out and out[-1][0] != "text":
            out[-1][1].append(("" if len(before) >= cut_at else " ") + line.strip())
        else:
            out.append(("text", [line.strip()]))
        before = line
    return [(name, "".join(parts).strip()) for name, parts in out]


def _first_block(sniff: Sniff) -> list[str]:
    """Give the lines of the first block of pairs."""
    found: list[str] = []
    for line in sniff.text.splitlines()[:_LOOKED_AT]:
        bare = line.removeprefix("\ufeff").rstrip("\0 \t")
        if not found and not _PAIR.match(bare):
            if bare and not _PROMPT.match(bare):
                return []
            continue
        if not bare:
            break
        found.append(bare)
    return found


def _names(lines: list[str]) -> frozenset[str]:
    return frozenset(name.lower() for name, _ in _pairs(lines) if name != "text") if lines else frozenset()


class _FormatList(SettingsText):
    """Output of `Format-List`."""

    needs_blank = True

    def _title(self, line: str) -> str | None:
        bare = line.removeprefix("\ufeff")
        return bare if _PAIR.match(bare) else None

    def _is_head(self, line: str) -> bool:
        return bool(_PROMPT.match(line.removeprefix("\ufeff")))

    def _named(self, title: str, lines: list[str], head: str) -> Pairs:
        del head
        # of a block that was parted because it is long, every part has the first pair
        return [pair for pair in self._told(_pairs([title, *lines])) if pair[1]]

    def _told(self, pairs: Pairs) -> Pairs:
        """Put the pairs of a block into the names that the table has."""
        return pairs

    def _facts(self, number: int, title: str, lines: list[str]) -> list[Fact]:
        cut = sum(value.startswith("{") and value.endswith(_CUT) for _, value in _pairs([title, *lines]))
        return [Fact(FactKind.TRUNCATED, number, None, None, cut, _CUT_LIST)] if cut else []


class ExportsList(_FormatList):
    """Exports of rights, rules and devices, as PowerShell shows them."""

    key = "exports_list"
    title = "Exports of rights, rules, devices and applications (Format-List)"
    _known: ClassVar[dict[str, str]] = {name.lower(): name for name in Exports.columns} | dict(Exports.aliases)

    def identify(self, sniff: Sniff) -> Guess | None:
        """Go by the names in the first block."""
        names = _names(_first_block(sniff))
        kind = kind_of(names) if len(names) >= _PAIRS_MIN else ""
        if not kind:
            return None
        return surer(Guess(78, self.key, "blocks of Format-List with the names of this export"), kind)

    def _resolve(self, name: str) -> str:
        return self._known.get(name.lower(), name)

    def _told(self, pairs: Pairs) -> Pairs:
        names = frozenset(name.lower() for name, _ in pairs)
        owner = next((one for one in OWNERS if one in names), "")
        pairs = [
            (f"account.{name}" if name.lower() in OWNERS and name.lower() != owner else name, value)
            for name, value in pairs
        ]
        kind = "" if "kind" in names else kind_of(names)
        return [("kind", kind), *pairs] if kind else pairs

    def _completed(self, records: pa.RecordBatch) -> pa.RecordBatch:
        return told(records)


class DirectoryList(_FormatList):
    """Directory export, as PowerShell shows it."""

    key = "directory_list"
    title = "Directory export (Format-List)"
    schema = Directory.schema
    lexicon = Directory.lexicon
    _known: ClassVar[dict[str, str]] = {name.lower(): name for name in Directory.columns} | dict(Directory.aliases)

    @property
    def table(self) -> str:
        """Give the table of directory exports."""
        return "directory"

    def identify(self, sniff: Sniff) -> Guess | None:
        """Go by the names in the first block."""
        names = _names(_first_block(sniff))
        if len(names) >= _PAIRS_MIN and all(group & names for group in Directory.marks):
            return Guess(80, self.key, "blocks of Format-List with the names of a directory export")
        return None

    def _resolve(self, name: str) -> str:
        return self._known.get(name.lower(), name)
