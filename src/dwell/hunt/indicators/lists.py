"""Indicator lists as text: one value a line, or CSV by its header, the shape of Microsoft's feeds among them.

A list is read some megabytes at a time, however long it is. Rows of the common shapes are judged together, the others one
by one. A line that cannot be used is named or counted, and costs itself alone.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from heapq import merge
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.hunt.indicators.gathering import About, Gathering, marking
from dwell.hunt.indicators.indicator import guessed_kind, is_kind, plain_word
from dwell.hunt.indicators.list_rows import CONTEXT_ONLY, take_rows
from dwell.hunt.indicators.list_text import Block, blocks
from dwell.hunt.indicators.shapes import Bools, met

__all__ = ["parts", "read_list", "row_taken", "rows_header"]

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
_SIMPLE = r"\A[\t -~]*\z"
_SIMPLE_TEXT = r"\A(?:[\t -~][\t -~\x{a0}-\x{2027}\x{202a}-\x{10ffff}]*)?\z"
"""Lines without marks that end one or change what follows, and that begin with something that can be seen."""
_INSIDE = "\x01"
"""Stands for a delimiter inside quotes; no simple line holds it."""


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
        out.count(CONTEXT_ONLY)
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


def _strings(texts: Sequence[str]) -> pa.StringArray:
    return pa.array(texts, pa.string())


def _numbers(block: Block) -> pa.StringArray:
    return pa.array(block.numbers).cast(pa.string())


def _one_by_one(
    out: Gathering, alone: Iterable[tuple[int, str]], take: Callable[[int, str], None], block: Block
) -> None:
    """Take some lines of a block in their order, and tell the bad ones among them."""
    for number, text, why in merge(
        ((number, text, "") for number, text in alone), ((number, "", why) for number, why in block.bad)
    ):
        if why:
            out.fault(why, str(number))
        else:
            take(number, text)


# One value a line ----------------------------------------------------------------------------------


def _plain_line(out: Gathering, number: int, text: str) -> None:
    plain = text.strip()
    if "#" in plain:
        plain = re.split(r"(?:\A|(?<=\s))#", plain, maxsplit=1)[0].strip()
    if plain:
        out.take("", plain, str(number))


def _plain_block(block: Block, out: Gathering) -> None:
    lines = _strings(block.lines)
    alone = ~met(lines, _SIMPLE)
    rows = np.flatnonzero(~alone)
    held = pc.ascii_trim(lines.take(pa.array(rows)), characters=" \t")
    if pc.any(pc.match_substring(held, "#")).as_py():
        held = pc.ascii_trim(pc.replace_substring_regex(held, r"(?:\A|[\t ]+)#.*\z", ""), characters=" \t")
    some = pc.not_equal(held, "").to_numpy(zero_copy_only=False)
    rows, held = rows[some], held.filter(pa.array(some))
    alone[rows] = take_rows({"value": held}, _numbers(block).take(pa.array(rows)), "", out)
    left = ((int(block.numbers[at]), block.lines[at]) for at in np.flatnonzero(alone).tolist())
    _one_by_one(out, left, partial(_plain_line, out), block)


# CSV -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Shape:
    """How the rows of a list are cut.

    Attributes:
        delimiter: what stands between cells.
        header: the columns by their meaning.
        named: the word for the kind of rows without one.
    """

    delimiter: str
    header: Mapping[str, int]
    named: str


def _cells(text: str, delimiter: str) -> list[str]:
    """Cut a record into its cells."""
    if '"' not in text:
        return text.split(delimiter)
    try:
        return next(csv.reader(text.splitlines(keepends=True), delimiter=delimiter), [])
    except csv.Error:  # a cell beyond the library's limit: as good as no quotes
        return text.split(delimiter)


def _nothing(text: str) -> bool:
    """Say whether a line holds no record."""
    return not text.strip() or text.lstrip().startswith("#")


def _record(shape: _Shape, out: Gathering, number: int, text: str) -> None:
    """Take one record; nothing of a line that holds none."""
    if text == _UNCLOSED:
        out.fault("a quote that is never closed", str(number))
    elif not _nothing(text):
        cells = _cells(text, shape.delimiter)
        row = {meaning: cells[at] for meaning, at in shape.header.items() if at < len(cells)}
        row_taken(out, row, row.get("kind", "").strip() or shape.named, str(number))


_UNCLOSED = '"'
"""Stands for a line whose quote is never closed, which can be no record."""


def _over_lines(block: Block) -> tuple[dict[int, str], Bools, int]:
    """Find records that run over several lines, and quotes that are never closed.

    Returns:
        Those records by their first line, `_UNCLOSED` for such a quote; which lines are theirs; and where the lines begin
        that have to wait for more of the list.
    """
    theirs = np.zeros(len(block.lines), np.bool_)
    records: dict[int, str] = {}
    odd = [at for at, text in enumerate(block.lines) if text.count('"') % 2]
    done = 0
    for which, at in enumerate(odd):
        if at < done or _nothing(block.lines[at]):
            continue
        end = next((one for one in odd[which + 1 : which + 2] if one - at <= JOINED_LINES_MAX), None)
        if end is None and not block.last and at + JOINED_LINES_MAX >= len(block.lines):
            return records, theirs, at
        done = at + 1 if end is None else end + 1
        records[at] = _UNCLOSED if end is None else "\n".join(block.lines[at:done])
        theirs[at:done] = True
    return records, theirs, len(block.lines)


def _without_quotes(lines: pa.StringArray, delimiter: str) -> pa.StringArray:
    """Take the quotes off cells that are quoted whole, and put a mark for the delimiters inside."""
    pieces = pc.split_pattern(lines, '"')
    flat = pieces.flatten()
    counts = pc.list_value_length(pieces).to_numpy(zero_copy_only=False)
    within = np.arange(len(flat)) - np.repeat(np.cumsum(counts) - counts, counts)
    inside = pa.array(within % 2 == 1)
    flat = pc.replace_with_mask(flat, inside, pc.replace_substring(flat.filter(inside), delimiter, _INSIDE))
    offsets = pa.array(np.concatenate(([0], np.cumsum(counts))).astype(np.int32))
    return pc.binary_join(pa.ListArray.from_arrays(offsets, flat), "")


def _columns(lines: pa.StringArray, shape: _Shape) -> dict[str, pa.StringArray]:
    """Cut lines into the cells that are asked for; a cell that a line does not have is empty."""
    cut = pc.split_pattern(lines, shape.delimiter)
    flat = cut.flatten()
    counts = pc.list_value_length(cut).to_numpy(zero_copy_only=False)
    starts = np.cumsum(counts) - counts
    out = {}
    for meaning, at in shape.header.items():
        if meaning == "named":
            continue
        held = at < counts
        cells = flat.take(pa.array(np.where(held, starts + at, 0), mask=~held)).fill_null("")
        out[meaning] = pc.replace_substring(cells, _INSIDE, shape.delimiter)
    return out


def _csv_block(block: Block, shape: _Shape, out: Gathering) -> int:
    """Take the records of a block; give where the lines begin that have to wait for more of the list."""
    lines = _strings(block.lines)
    alone = ~met(lines, _SIMPLE_TEXT)
    quoted = bool(pc.any(pc.match_substring(lines, '"')).as_py())
    records: dict[int, str] = {}
    theirs, end = np.zeros(len(lines), np.bool_), len(lines)
    if quoted:
        records, theirs, end = _over_lines(block)
        cell = f'(?:"[^"]*"|[^"{shape.delimiter}]*)'
        alone |= ~met(lines, rf"\A(?:{cell}{shape.delimiter})*{cell}\z")
    alone |= theirs
    rows = np.flatnonzero(~alone & ~met(lines, r"\A[\t ]*(?:#|\z)"))
    rows = rows[rows < end]
    held = lines.take(pa.array(rows))
    if quoted:
        held = _without_quotes(held, shape.delimiter)
    alone[rows] = take_rows(_columns(held, shape), _numbers(block).take(pa.array(rows)), shape.named, out)
    left = (
        (int(block.numbers[at]), records.get(at, block.lines[at]))
        for at in np.flatnonzero(alone[:end]).tolist()
        if at in records or not theirs[at]
    )
    _one_by_one(out, left, partial(_record, shape, out), block)
    return end


def _shape(line: str) -> _Shape | None:
    """Tell how a list is cut by its first line; None where it is no header."""
    delimiter = max(",;\t", key=line.count)
    names = _cells(line, delimiter)
    header = rows_header(names)
    if header is None:
        return None
    return _Shape(delimiter, header, plain_word(names[header["named"]]) if "named" in header else "")


def read_list(path: Path, out: Gathering) -> None:
    """Read a list.

    Raises:
        OSError: it cannot be read.
    """
    found = blocks(path)
    shape = None
    waiting = Block(np.zeros(0, np.int64), [], [], last=False)
    begun = False
    for one in found:
        block = waiting.followed(one)
        waiting = block.since(len(block.lines))
        if not begun:
            at = next((at for at, text in enumerate(block.lines) if not _nothing(text)), None)
            if at is None:
                _one_by_one(out, (), partial(_plain_line, out), block)
                continue
            begun = True
            shape = _shape(block.lines[at])
            if shape is not None:
                block = Block(block.numbers[at + 1 :], block.lines[at + 1 :], block.bad, block.last)
        if shape is None:
            _plain_block(block, out)
        else:
            waiting = block.since(_csv_block(block, shape, out))
