"""On which days a data file holds records, and on which of them a field was not recorded that was on others.

A field that nothing had on a day is not a field that was not recorded. What shows that it was not differs by log:

* IIS writes a dash where a field that is named in `#Fields` has no value, and the reader keeps it as a text. A text column
  that is null was not named.
* Events of one id have the same fields. One that nearly every event of other days has, and none of very many on a day, was
  not recorded then: process events without command lines, for one.

Of other logs no day is told by its fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np
import pyarrow as pa

from dwell.hunt.patterns import Indices
from dwell.hunt.recordkinds import RecordKinds

__all__ = ["DAY_US", "ENOUGH", "STATED", "DayCells", "days_in", "days_told", "runs_unrecorded"]

DAY_US = 86_400_000_000
STATED: Mapping[str, frozenset[str]] = {
    "iis": frozenset(
        ("s-sitename", "s-computername", "s-ip", "cs-method", "cs-uri-stem", "cs-uri-query", "cs-username", "c-ip",
         "cs-version", "cs-user-agent", "cs-cookie", "cs-referer", "cs-host", "X-Forwarded-For")
    ),
}  # fmt: skip
"""By table the columns that are null only where the log did not say that it writes them."""
NEARLY_ALL = 0.95
ENOUGH = 20
"""Records of a run of days without a field, and of the days with it, for the lack to show that it was not recorded."""


class DayCells:
    """The rows of a data file by sort and by day; rows without an instant are of no day.

    Attributes:
        days: the days since 1970 in UTC on which there are rows, ascending.
        counts: rows of each sort and day.
    """

    def __init__(self, kinds: RecordKinds, times: pa.ChunkedArray | None, day: int | None) -> None:
        """Tell rows apart.

        Args:
            kinds: the rows, by sort.
            times: their instants; None where all are of one day, or none has one.
            day: that day; None where there is none.
        """
        self._sorts = kinds.sorts
        self._size = kinds.size
        self._valid: Indices | None = None
        self._runs: tuple[Indices, Indices] | None = None
        if times is None:
            self.days = np.array([] if day is None else [day], np.int64)
        else:
            numbers, starts = _day_runs(times.cast(pa.int64()).fill_null(0).to_numpy())
            self._valid = times.is_valid().to_numpy() if times.null_count else None
            if self._valid is None:
                self.days = np.unique(numbers)
            else:
                self.days = np.unique(np.repeat(numbers, np.diff(starts, append=len(times)))[self._valid])
            self._runs = np.searchsorted(self.days, numbers), np.diff(starts, append=len(times))
        self.counts = self._counts()

    def _counts(self) -> Indices:
        """Count rows by sort and day."""
        if self._size > 1 or self._runs is None or self._valid is not None:
            return self.of(None)
        counted = np.zeros((1, len(self.days)), np.int64)
        np.add.at(counted[0], *self._runs)
        return counted

    @cached_property
    def _codes(self) -> Indices | None:
        """Give of each row the place of its day, -1 where it has none; None where all are of one day or of none."""
        if self._runs is None:
            return None
        codes = np.repeat(*self._runs)
        if self._valid is not None:
            codes[~self._valid] = -1
        return codes

    @cached_property
    def cells(self) -> Indices:
        """Give of each row its sort and day as one number; -1 where it is of no day."""
        if self._codes is None:
            return self._sorts if len(self.days) else np.full(len(self._sorts), -1, np.int64)
        return np.where(self._codes < 0, -1, self._sorts * len(self.days) + self._codes)

    def of(self, rows: Indices | None) -> Indices:
        """Count rows by sort and day.

        Args:
            rows: by row whether it is meant, or their numbers; None for all.
        """
        width = len(self.days)
        cells = self.cells if rows is None else self.cells[rows]
        counted = np.bincount(cells + 1, minlength=self._size * width + 1)[1:]
        return counted.reshape(self._size, width) if width else np.zeros((self._size, 0), np.int64)

    def spans(self, evidence: pa.DictionaryArray) -> tuple[Indices, Indices, Indices, Indices]:
        """Give the pairs of a sort and an evidence file that occur, each with its first and last day.

        Args:
            evidence: of each row its file.

        Returns:
            Sorts, files as codes, first days, last days: one number for each pair.
        """
        width = max(len(evidence.dictionary), 1)
        if self._size == width == 1 and len(self.days) and self._valid is None and not evidence.null_count:
            one = np.zeros(1, np.int64)
            return one, one, self.days[:1], self.days[-1:]
        pairs = self._sorts * width + evidence.indices.to_numpy(zero_copy_only=False)
        codes = self._codes if self._codes is not None else np.zeros(len(pairs), np.int64)
        if not len(self.days):
            none = np.zeros(0, np.int64)
            return none, none, none, none
        if self._codes is not None and (self._codes < 0).any():
            pairs, codes = pairs[self._codes >= 0], self._codes[self._codes >= 0]
        # what stands in one file on one day stands together
        marks = np.flatnonzero(np.append(True, (np.diff(pairs) != 0) | (np.diff(codes) != 0))[: len(pairs)])
        pairs, codes = pairs[marks], codes[marks]
        used, back = np.unique(pairs, return_inverse=True)
        first, last = np.full(len(used), len(self.days)), np.full(len(used), -1)
        np.minimum.at(first, back, codes)
        np.maximum.at(last, back, codes)
        return used // width, used % width, self.days[first], self.days[last]


def _day_runs(instants: Indices) -> tuple[Indices, Indices]:
    """Give the days of the runs of rows of one day, and where each run begins."""
    if len(instants) and bool((instants[1:] >= instants[:-1]).all()):
        # rows are in order of time, but for those of corrected clocks: only the edges of days are looked for
        first, last = int(instants[0]) // DAY_US, int(instants[-1]) // DAY_US
        if last - first < len(instants):
            days = np.arange(first, last + 1)
            starts = np.searchsorted(instants, days * DAY_US)
            held = np.diff(starts, append=len(instants)) > 0
            return days[held], starts[held]
    numbers = np.floor_divide(instants, DAY_US)
    starts = np.append(0, np.flatnonzero(np.diff(numbers)) + 1) if len(numbers) else np.zeros(0, np.int64)
    return numbers[starts], starts


def days_told(days: Indices, counts: Indices) -> bytes:
    """Write down days and how many records each has, those without one left out."""
    some = np.flatnonzero(counts)
    return np.column_stack([days[some], counts[some]]).astype("<i4").tobytes()


def days_in(told: bytes) -> Indices:
    """Give days and how many records each has, as `days_told` wrote them; one row for each day."""
    return np.frombuffer(told, "<i4").reshape(-1, 2).astype(np.int64)


def runs_unrecorded(counts: Indices, held: Indices) -> Indices:
    """Give the places of days on which events of one id lack a field that nearly all events of other days have.

    Days that follow one another are looked at together. The days beside such a run count for neither side: recording is
    switched on and off in the middle of a day.

    Args:
        counts: events of each day, days without one left out.
        held: those of them that have the field.
    """
    bare = held == 0
    edges = np.flatnonzero(np.diff(np.concatenate(([False], bare, [False])).astype(np.int8)))
    out: list[Indices] = []
    for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        with_it = ~bare
        with_it[max(start - 1, 0) : stop + 1] = False
        known = int(counts[with_it].sum())
        enough = known >= ENOUGH and int(counts[start:stop].sum()) >= ENOUGH
        if enough and bool((held[with_it] >= NEARLY_ALL * counts[with_it]).all()):
            out.append(np.arange(start, stop))
    return np.concatenate([np.zeros(0, np.int64), *out])
