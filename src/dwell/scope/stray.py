"""Instants that cannot be, or that lie far from everything else in their file: no hour counts as watched for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

__all__ = ["Stray", "runs", "without_stray"]

Hours = npt.NDArray[np.int64]
POSSIBLE = tuple(int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) // 3600 for year in (1990, 2100))
"""The first hour that a log can speak of, and the hour after the last, hours since 1970."""
YEAR = 366 * 24
"""A file that is silent for longer than this, in hours, was not kept all the while."""
FEW = 0.01
"""Up to this share of a file's records, behind such a silence, are held for stray."""


@dataclass(frozen=True, slots=True)
class Stray:
    """Records of one file whose instants count for no hour.

    Attributes:
        host: the host, or a word for none.
        source: the source, `table` or `table/part`.
        evidence_id: the file.
        records: how many.
        first_hour: the earliest, hours since 1970 (may be far below 0).
        last_hour: the latest.
    """

    host: str
    source: str
    evidence_id: str
    records: int
    first_hour: int
    last_hour: int


def runs(hour: Hours) -> list[tuple[int, int]]:
    """Give the stretches that a file's hours make: first hour and the hour after the last, split at silences of a year.

    Args:
        hour: hours in which the file holds records, since 1970, in any order, at least one.
    """
    ordered = np.unique(hour)
    cuts = np.flatnonzero(np.diff(ordered) > YEAR) + 1
    return [(int(part[0]), int(part[-1]) + 1) for part in np.split(ordered, cuts)]


def without_stray(hour: Hours, count: Hours) -> npt.NDArray[np.bool_]:
    """Tell which hours of a file count: those that can be, and do not lie alone years away from the rest.

    Args:
        hour: hours in which the file holds records, since 1970.
        count: records in each.
    """
    kept = (hour >= POSSIBLE[0]) & (hour < POSSIBLE[1])
    if not kept.any():
        return kept
    groups = [(hour >= first) & (hour < last) & kept for first, last in runs(hour[kept])]
    most = max(int(count[one].sum()) for one in groups)
    for one in groups:
        if int(count[one].sum()) <= FEW * most:
            kept &= ~one
    return kept
