"""Counts of visits by their values, in the month of each and the months beside it: what an account and others do then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dwell.scope.rollup.fold import Places, group, ranked

__all__ = ["DENSE", "MONTH_DAYS", "ROWS_AT_ONCE", "Counted", "around", "stretches", "whole_accounts"]

MONTH_DAYS = 30
DENSE = 4
"""Sums are kept for every number up to the largest where these are at most so many times the rows, else only for those
that there are."""
ROWS_AT_ONCE = 1_000_000
"""So many rows are judged in one go: what that takes is then the same for a case of a year and one of ten."""

Codes = npt.NDArray[np.int64]
Bits = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Counted:
    """Visits, one row for each set of values and month.

    Attributes:
        values: codes by name of the column.
        month: 0 for the first one.
        visits: how many.
    """

    values: Mapping[str, Places]
    month: Places
    visits: Bits

    def around(self, *names: str) -> Bits:
        """Give per row the visits that share its values of the columns named, in its month and those beside it."""
        key = group([self.values[one] for one in names]) if names else np.zeros(len(self.month), np.int64)
        return around(key, self.month, self.visits)

    def taken(self, rows: Codes) -> Counted:
        """Give some of the rows."""
        return Counted({name: one[rows] for name, one in self.values.items()}, self.month[rows], self.visits[rows])


def around(key: Codes, month: Places, weight: Bits) -> Bits:
    """Add up per row what has its key in its month and those beside it.

    Args:
        key: what rows are told apart by, no negative ones.
        month: of each row.
        weight: of each row.
    """
    low = int(month.min()) if len(month) else 0
    wide = int(month.max(initial=low)) - low + 3  # a month without visits between one key and the next
    if int(key.max(initial=0)) >= 2**62 // wide:
        key = ranked(key)
    place = key * wide + month - low + 1
    size = int(place.max(initial=0)) + 2
    if size <= len(place) * DENSE:
        sums = np.bincount(place, weights=weight, minlength=size)
        near = sums.copy()
        near[1:] += sums[:-1]
        near[:-1] += sums[1:]
        return np.asarray(near[place])
    distinct, at = np.unique(place, return_inverse=True)
    sums = np.bincount(at, weights=weight)
    near, close = sums.copy(), np.diff(distinct) == 1
    near[1:][close] += sums[:-1][close]
    near[:-1][close] += sums[1:][close]
    return np.asarray(near[at])


def stretches(month: Places) -> Iterator[tuple[Codes, Codes]]:
    """Yield stretches of months, all of them together, as rows and as places among these.

    The rows are those of a stretch and of the month on either side, in their order, for what is counted around a month
    reaches so far; the places are those of the stretch itself. A month is never parted.

    Args:
        month: of each row, 0 for the first one.
    """
    until = np.cumsum(np.bincount(month)) if len(month) else np.zeros(0, np.int64)
    start = done = 0
    while start < len(until):
        end = max(start + 1, int(np.searchsorted(until, done + ROWS_AT_ONCE, side="right")))
        near = np.flatnonzero((month >= start - 1) & (month <= end))
        yield near, np.flatnonzero((month[near] >= start) & (month[near] < end))
        start, done = end, int(until[end - 1])


def whole_accounts(account: Places, at_once: int | None = None) -> Iterator[slice]:
    """Yield stretches of rows that are in order of accounts, all together; an account is never parted.

    Args:
        account: of each row, in order.
        at_once: rows of a stretch, but for an account that has more; `ROWS_AT_ONCE` where none is given.
    """
    ends = np.append(np.flatnonzero(account[1:] != account[:-1]) + 1, len(account))
    start = 0
    while start < len(account):
        place = np.searchsorted(ends, [start, start + (at_once or ROWS_AT_ONCE)], side="right")
        end = int(ends[max(place[0], place[1] - 1)])
        yield slice(start, end)
        start = end
