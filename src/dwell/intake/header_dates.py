"""`#Date` lines held against the records below them: IIS and Exchange write one when they open a file, and then append.

So a record below such a line is not of before it, and the first one is of soon after it: the file is opened because there
is something to write. Where records are older than the line by more than `EARLY_S`, or the first is younger by more than
`LATE_S`, a hand or a collector was at the file, or the clock was set. An hour is what buffers, long requests and a restart
explain; a day is the longest in which a busy log is rotated at least once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.model.instants import utc_from_us, utc_text, utc_us
from dwell.model.provenance import Fact, FactKind
from dwell.sources.source import RECORD_NO, TIME_UTC

__all__ = ["EARLY", "EARLY_S", "FACTS_MAX", "LATE", "LATE_S", "HeaderDates"]

EARLY_S = 3_600
LATE_S = 86_400
FACTS_MAX = 64
"""So many `#Date` lines of a file are told of, the first; how many more there are is said."""
ROWS_MAX = 1 << 20
"""So many records wait at most for the end of their block; a block holds fewer."""
EARLY = "records below the #Date line are of before it"
LATE = "the first record below the #Date line is of long after it"
_SECOND_US = 1_000_000
_NO_TIME = -(2**63)

Ints = npt.NDArray[np.int64]


@dataclass(slots=True)
class _Line:
    """A `#Date` line and what was found below it.

    Attributes:
        number: its line.
        at_us: what it says, microseconds since 1970.
        seen: whether a record was below it.
        late: number and instant of a first record that is too young.
        early: how many records are too old.
        first: number of the first of them.
        low_us: the oldest.
        high_us: the youngest.
    """

    number: int
    at_us: int
    seen: bool = False
    late: tuple[int, int] | None = None
    early: int = 0
    first: int = 0
    low_us: int = 0
    high_us: int = 0


class HeaderDates:
    """The `#Date` lines of one file. What a reader learns of a block of lines may come after the block's records."""

    def __init__(self) -> None:
        self._lines: list[_Line] = []
        self._waiting: list[tuple[Ints, Ints]] = []
        self._rows = 0
        self._found: list[Fact] = []
        self._more = 0

    def learn(self, facts: Sequence[Fact]) -> None:
        """Take the `#Date` lines among facts."""
        for fact in facts:
            if fact.kind is FactKind.HEADER and fact.record_no and fact.from_utc and fact.detail.startswith("#Date"):
                self._lines.append(_Line(fact.record_no, utc_us(fact.from_utc)))

    def agree(self, span: tuple[int, int] | None) -> bool:
        """Say whether the lines known so far agree with any records whose first and last instants these are.

        Args:
            span: microseconds since 1970; None where no record has an instant.
        """
        if span is None or not self._lines:
            return True
        early, late = span[0] + EARLY_S * _SECOND_US, span[1] - LATE_S * _SECOND_US
        return all(late <= one.at_us <= early for one in self._lines)

    def take(self, records: pa.RecordBatch | None, *, complete: bool) -> None:
        """Take records, in the order of the file.

        Args:
            records: the records.
            complete: whether all `#Date` lines above them are known.
        """
        if records is not None and records.num_rows:
            times = records.column(TIME_UTC.name).cast(pa.int64()).fill_null(_NO_TIME)
            numbers = records.column(RECORD_NO.name).to_numpy(zero_copy_only=False)
            self._waiting.append((numbers, times.to_numpy(zero_copy_only=False)))
            self._rows += records.num_rows
        if complete or self._rows >= ROWS_MAX:
            self._compare()

    def facts(self) -> list[Fact]:
        """Give what does not agree."""
        self._compare()
        for line in self._lines:
            self._take(line)
        self._lines = []
        if not self._more:
            return self._found
        detail = f"{self._more:,} more #Date lines do not agree with the records below them"
        return [*self._found, Fact(FactKind.DATE_DOUBT, None, count=self._more, detail=detail)]

    def _compare(self) -> None:
        waiting, self._waiting, self._rows = self._waiting, [], 0
        if not waiting or not self._lines:
            return
        numbers, times = (np.concatenate([one[side] for one in waiting]) for side in (0, 1))
        known = times != _NO_TIME
        order = np.argsort(numbers[known], kind="stable")
        numbers, times = numbers[known][order], times[known][order]
        lines = np.array([one.number for one in self._lines], np.int64)
        at = np.array([one.at_us for one in self._lines], np.int64)
        above = np.searchsorted(lines, numbers) - 1
        below = np.flatnonzero(above >= 0)
        numbers, times, above = numbers[below], times[below], above[below]
        for start in np.flatnonzero(np.diff(above, prepend=-1)).tolist():
            self._first(self._lines[int(above[start])], int(numbers[start]), int(times[start]))
        early = np.flatnonzero(times < at[above] - EARLY_S * _SECOND_US)
        if len(early):
            # `above` rises with the numbers: the records below one line follow each other
            for rows in np.split(early, np.flatnonzero(np.diff(above[early])) + 1):
                self._early(self._lines[int(above[rows[0]])], numbers[rows], times[rows])
        self._settle()

    def _settle(self) -> None:
        """Keep the last line, which more records may follow, and of the others what does not agree."""
        for line in self._lines[:-1]:
            self._take(line)
        del self._lines[:-1]

    def _take(self, line: _Line) -> None:
        for fact in _facts(line):
            self._more += len(self._found) >= FACTS_MAX
            self._found += [fact] if len(self._found) < FACTS_MAX else []

    @staticmethod
    def _first(line: _Line, number: int, time_us: int) -> None:
        if not line.seen and time_us > line.at_us + LATE_S * _SECOND_US:
            line.late = (number, time_us)
        line.seen = True

    @staticmethod
    def _early(line: _Line, numbers: Ints, times: Ints) -> None:
        low, high = int(times.min()), int(times.max())
        line.low_us = min(low, line.low_us) if line.early else low
        line.high_us = max(high, line.high_us) if line.early else high
        line.first = line.first or int(numbers[0])
        line.early += len(numbers)


def _facts(line: _Line) -> Iterator[Fact]:
    says = f"line {line.number} says {utc_text(utc_from_us(line.at_us))}"
    if line.early:
        low, high = utc_from_us(line.low_us), utc_from_us(line.high_us)
        detail = f"{EARLY}: {says}; {line.early:,} from {utc_text(low)} to {utc_text(high)}"
        yield Fact(FactKind.DATE_DOUBT, line.first, low, high, line.early, detail)
    if line.late is not None:
        number, first = line.late[0], utc_from_us(line.late[1])
        detail = f"{LATE}: {says}, line {number} {utc_text(first)}"
        yield Fact(FactKind.DATE_DOUBT, number, utc_from_us(line.at_us), first, 1, detail)
