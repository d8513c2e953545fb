"""Counts of visits by their values, in the month of each and the months beside it: what an account and others do then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dwell.scope.rollup.fold import group, ranked

__all__ = ["DENSE", "MONTH_DAYS", "Counted", "around"]

MONTH_DAYS = 30
DENSE = 4
"""Sums are kept for every number up to the largest where these are at most so many times the rows, else only for those
that there are."""

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

    values: Mapping[str, Codes]
    month: Codes
    visits: Bits

    def around(self, *names: str) -> Bits:
        """Give per row the visits that share its values of the columns named, in its month and those beside it."""
        key = group([self.values[one] for one in names]) if names else np.zeros(len(self.month), np.int64)
        return around(key, self.month, self.visits)


def around(key: Codes, month: Codes, weight: Bits) -> Bits:
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
