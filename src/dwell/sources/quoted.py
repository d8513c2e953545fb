"""Lines of quoted text (RFC 4180): which ones are plain, and how an odd one is cut into cells.

A line is *plain* when a vectorised reader cannot go wrong on it: it can start a record, its quotes open at a cell's start
and close at a cell's end within the line, it holds no NUL and no stray carriage return, it is UTF-8, and the next line can
start a record too. All lines of a block are tested at once; the others are looked at one by one.
"""

from __future__ import annotations

import re
from functools import cached_property

import numpy as np
import numpy.typing as npt

from dwell.sources.columns import is_utf8
from dwell.sources.lines import Block

__all__ = ["Scan", "split_cells"]


_QUOTED = re.compile(r'"((?:[^"]|"")*+)"')
_QUOTE = ord('"')
_Bools = npt.NDArray[np.bool_]


def split_cells(text: str, delimiter: str) -> list[str] | None:
    """Cut a record into cells; a quote inside an unquoted cell is a character. None where a quote is not closed."""
    if '"' not in text:
        return text.split(delimiter)
    cells: list[str] = []
    at = 0
    while True:
        if text.startswith('"', at):
            found = _QUOTED.match(text, at)
            if found is None:
                return None
            cells.append(found[1].replace('""', '"'))
            at = found.end()
            if at == len(text):
                return cells
            if text[at] != delimiter:
                return None
            at += 1
        else:
            end = text.find(delimiter, at)
            if end < 0:
                cells.append(text[at:])
                return cells
            cells.append(text[at:end])
            at = end + 1


class Scan:
    """What can be told of all lines of a block at once.

    Attributes:
        block: the lines.
        quotes: how many quotes each line holds.
        blank: which lines are empty.
        timed: which lines start with a date and a `T`, a quote before them allowed.
    """

    def __init__(self, block: Block, delimiter: str, seams: npt.NDArray[np.int64] | None = None) -> None:
        self.block = block
        within = np.empty(0, dtype=np.int64) if seams is None else seams - block.first_line
        self._seams = within[(within >= 0) & (within < len(block))]
        self.delimiter = delimiter
        self.quotes = block.count(_QUOTE)
        self.blank: _Bools = block.ends <= block.starts
        self.hash: _Bools = block.first_bytes() == ord("#")
        self._events: dict[bool, npt.NDArray[np.int64]] = {}

    @cached_property
    def timed(self) -> _Bools:
        """Say which lines start with `dddd-dd-ddT`, as they are or in quotes."""
        view = np.append(self.block.array(), np.zeros(16, dtype=np.uint8))
        length = len(self.block.data)
        first = np.minimum(self.block.starts, length)
        first = first + (view[first] == _QUOTE)
        fits = np.ones(len(first), dtype=np.bool_)
        for place, mark in enumerate("dddd-dd-ddT"):
            byte = view[np.minimum(first + place, length + 4)]
            fits &= (byte >= 48) & (byte <= 57) if mark == "d" else byte == ord(mark)
        return fits

    @cached_property
    def _unbalanced(self) -> npt.NDArray[np.int64]:
        return np.flatnonzero(self.quotes % 2)

    def file_end(self, at: int) -> int:
        """Give the line just past the file that a line is of, or past the block."""
        found = int(np.searchsorted(self._seams, at, side="right"))
        return int(self._seams[found]) if found < len(self._seams) else len(self.block)

    def next_unbalanced(self, at: int) -> int:
        """Give the first line from `at` on with an odd number of quotes; the number of lines where there is none."""
        found = int(np.searchsorted(self._unbalanced, at))
        return int(self._unbalanced[found]) if found < len(self._unbalanced) else len(self.block)

    @cached_property
    def _clean(self) -> _Bools:
        """Say which lines hold nothing that a vectorised reader trips over."""
        block = self.block
        clean: _Bools = (self.quotes % 2 == 0) & ~block.holds(0)
        if b"\r" in block.data:
            clean &= ~block.broken()
        high = block.high()
        if high.any() and not is_utf8(block.data):
            clean &= ~high
        if self.quotes.any():
            clean[self._misquoted()] = False
        return clean

    def _misquoted(self) -> npt.NDArray[np.int64]:
        """Give the lines with a quote that opens in mid-cell or closes in mid-cell."""
        view = np.append(self.block.array(), np.uint8(10))
        places = np.flatnonzero(view == _QUOTE)
        lines = np.repeat(np.arange(len(self.block)), self.quotes)
        ordinal = np.arange(len(places)) - np.searchsorted(places, self.block.starts)[lines]
        before, behind = view[places - 1], view[places + 1]
        edge = (ord(self.delimiter), _QUOTE)
        opens = np.isin(before, edge) | (places == self.block.starts[lines])
        closes = np.isin(behind, edge) | (places + 1 == self.block.ends[lines])
        wrong = np.where(ordinal % 2 == 0, ~opens, ~closes)
        found: npt.NDArray[np.int64] = lines[wrong]
        return found

    def plain(self, *, guard: bool) -> _Bools:
        """Say which lines are plain; with `guard` a record must start with an instant."""
        if not guard:
            return self._clean & ~self.blank
        fine = self.timed | self.hash | self.blank
        fine[self._seams] = True
        plain: _Bools = self._clean & self.timed & np.append(fine[1:], True)
        return plain

    def next_odd(self, at: int, *, guard: bool) -> int:
        """Give the first line from `at` on that is not plain; the number of lines where there is none."""
        events = self._events.get(guard)
        if events is None:
            events = self._events[guard] = np.flatnonzero(~self.plain(guard=guard))
        found = int(np.searchsorted(events, at))
        return int(events[found]) if found < len(events) else len(self.block)
