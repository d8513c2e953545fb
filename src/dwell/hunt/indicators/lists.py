"""Indicator lists as text: one value a line, or CSV by its header, the shape of Microsoft's feeds among them.

A list is read some megabytes at a time, however long it is. Rows of the common shapes are judged together, the others one
by one. A line that cannot be used is named or counted, and costs itself alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from heapq import merge
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.hunt.indicators.gathering import Gathering
from dwell.hunt.indicators.list_header import beside, row_taken
from dwell.hunt.indicators.list_rows import NO_VALUE, take_rows
from dwell.hunt.indicators.list_shape import ASKED_LINES, ListShape, cells_of, holds_nothing, shape_of
from dwell.hunt.indicators.list_text import Block, blocks
from dwell.hunt.indicators.shapes import Bools, met

__all__ = ["read_list"]

JOINED_LINES_MAX = 20
"""Lines that one quoted cell of CSV may run over; beyond this the quote is taken for one that was never closed."""

_SIMPLE = r"\A[\t -~]*\z"
_SIMPLE_TEXT = r"\A(?:[\t -~][\t -~\x{a0}-\x{2027}\x{202a}-\x{10ffff}]*)?\z"
"""Lines without marks that end one or change what follows, and that begin with something that can be seen."""
_INSIDE = "\x01"
"""Stands for a delimiter inside quotes; no simple line holds it."""


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


def _record(shape: ListShape, out: Gathering, only: Mapping[int, Sequence[int]], number: int, text: str) -> None:
    """Take one record; nothing of a line that holds none.

    Args:
        shape: how the list is cut.
        out: takes the values.
        only: the columns of values that are still to be taken, by the number of the line; all of a line that is not named.
        number: the line.
        text: the record.
    """
    if text == _UNCLOSED:
        out.fault("a quote that is never closed", str(number))
    elif not holds_nothing(text):
        row_taken(out, shape.header, cells_of(text, shape.delimiter), str(number), only.get(number))


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
        if at < done or holds_nothing(block.lines[at]):
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


def _columns(lines: pa.StringArray, shape: ListShape) -> dict[int, pa.StringArray]:
    """Cut lines into the cells that are asked for, by column; a cell that a line does not have is empty."""
    cut = pc.split_pattern(lines, shape.delimiter)
    flat = cut.flatten()
    counts = pc.list_value_length(cut).to_numpy(zero_copy_only=False)
    starts = np.cumsum(counts) - counts
    out = {}
    header = shape.header
    for at in {*header.about.values(), *(one for one, _ in (*header.values, *header.beside))}:
        held = at < counts
        cells = flat.take(pa.array(np.where(held, starts + at, 0), mask=~held)).fill_null("")
        out[at] = pc.replace_substring(cells, _INSIDE, shape.delimiter)
    return out


def _blank(cells: pa.StringArray) -> Bools:
    return met(cells, NO_VALUE)


def _rows_taken(
    lines: pa.StringArray, numbers: pa.StringArray, shape: ListShape, out: Gathering
) -> dict[int, list[int]]:
    """Take what can be judged together of records.

    Returns:
        The records of which something has to be judged one by one, with the columns of values that are left of each.
    """
    header = shape.header
    cells = _columns(lines, shape)
    for at, name in header.beside:
        out.count(beside(name), int((~_blank(cells[at])).sum()))
    blanks = np.stack([_blank(cells[at]) for at, _ in header.values])
    left: dict[int, list[int]] = {}
    for which, (at, word) in enumerate(header.values):
        # a row without any value is told once
        mine = ~blanks[which] if which else ~blanks[which] | blanks.all(axis=0)
        rows = np.flatnonzero(mine)
        chosen = pa.array(rows)
        held = {name: cells[column].take(chosen) for name, column in header.about.items()}
        value = pc.if_else(pa.array(blanks[which][rows]), "", cells[at].take(chosen))
        alone = take_rows(held | {"value": value}, numbers.take(chosen), word, out)
        for row in rows[alone].tolist():
            left.setdefault(row, []).append(at)
    return left


def _csv_block(block: Block, shape: ListShape, out: Gathering) -> int:
    """Take the records of a block; give where the lines begin that have to wait for more of the list."""
    lines = _strings(block.lines)
    alone = ~met(lines, _SIMPLE_TEXT)
    quoted = bool(pc.any(pc.match_substring(lines, '"')).as_py())
    records: dict[int, str] = {}
    theirs, end = np.zeros(len(lines), np.bool_), len(lines)
    if quoted:
        records, theirs, end = _over_lines(block)
        cell = f'(?: *"[^"]*" *|[^"{shape.delimiter}]*)'
        alone |= ~met(lines, rf"\A(?:{cell}{shape.delimiter})*{cell}\z")
    alone |= theirs
    rows = np.flatnonzero(~alone & ~met(lines, r"\A[\t ]*(?:#|\z)"))
    rows = rows[rows < end]
    held = lines.take(pa.array(rows))
    if quoted:
        held = _without_quotes(held, shape.delimiter)
    left_of = _rows_taken(held, _numbers(block).take(pa.array(rows)), shape, out)
    some = list(left_of)
    alone[rows[some]] = True
    only = dict(zip(block.numbers[rows[some]].tolist(), left_of.values(), strict=True))
    left = (
        (int(block.numbers[at]), records.get(at, block.lines[at]))
        for at in np.flatnonzero(alone[:end]).tolist()
        if at in records or not theirs[at]
    )
    _one_by_one(out, left, partial(_record, shape, out, only), block)
    return end


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
        if not begun and not block.last and len(block.lines) < ASKED_LINES:
            waiting = block
            continue
        if not begun:
            told = shape_of(block.lines)
            if told is None:
                _one_by_one(out, (), partial(_plain_line, out), block)
                continue
            begun, shape = True, told.shape
            if told.fault:
                out.fault(told.fault, str(block.numbers[told.begins]))
            if told.counted:
                out.count(told.counted)
            block = Block(block.numbers[told.begins :], block.lines[told.begins :], block.bad, block.last)
        if shape is None:
            _plain_block(block, out)
        else:
            waiting = block.since(_csv_block(block, shape, out))
