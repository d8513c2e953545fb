"""The cells of one host and source, hour by hour, each in one of six states."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from dwell.model.coverage import CellState

__all__ = ["ALTERED", "CUT", "EMPTY", "HELD", "HOUR_US", "MISSING", "OFF", "STATES", "Hours", "Line", "named_hours"]

STATES = tuple(CellState)
HELD, EMPTY, MISSING, CUT, ALTERED, OFF = range(6)
HOUR_US = 3_600_000_000

Hours = npt.NDArray[np.int64]
_DAY = re.compile(r"u_ex(\d{2})(\d{2})(\d{2})(\d{2})?(?:_x)?\.log", re.IGNORECASE)
_STAMP = re.compile(r"_?(\d{4})(\d{2})(\d{2})(\d{2})?-\d+\.log", re.IGNORECASE)


def named_hours(path: str) -> tuple[int, int] | None:
    """Give the hours that a log's name says it was written for, hours since 1970, the end exclusive; None without any.

    IIS `u_exYYMMDD` is a day and `u_exYYMMDDHH` an hour; Exchange `…YYYYMMDDHH-n.LOG` begins at that hour and is only
    taken for that hour, `…YYYYMMDD-n.LOG` for that day.
    """
    name = re.split(r"[/!\\]", path)[-1]
    match = _DAY.search(name)
    century = "20" if match else ""
    match = match or _STAMP.search(name)
    if match is None:
        return None
    year, month, day, hour = match.groups()
    try:
        start = datetime(int(century + year), int(month), int(day), int(hour or 0), tzinfo=UTC)
    except ValueError:
        return None
    first = int(start.timestamp()) // 3600
    return first, first + (1 if hour else 24)


@dataclass(slots=True)
class Line:
    """The cells of one host and source.

    Attributes:
        start: first hour, hours since 1970.
        states: codes into `STATES`.
        records: records held per hour.
        holders: files that hold records of the hour.
        reasons: why cells are in a state.
    """

    start: int
    states: npt.NDArray[np.int8]
    records: Hours
    holders: Hours
    reasons: dict[int, list[str]] = field(default_factory=dict)

    @classmethod
    def missing(cls, first: int, last: int) -> Line:
        """Give a line of which nothing is held, from `first` to `last` (exclusive)."""
        size = max(0, last - first)
        return cls(first, np.full(size, MISSING, np.int8), np.zeros(size, np.int64), np.zeros(size, np.int64))

    def as_whole(self) -> Line:
        """Give a line of the same states that holds no records of its own: of one mailbox among those of a log."""
        none = np.zeros(len(self.states), np.int64)
        return Line(self.start, self.states.copy(), none, none, {key: list(told) for key, told in self.reasons.items()})

    def near(self, hours: Hours, within: int) -> npt.NDArray[np.bool_]:
        """Say which cells lie at most so many hours from one of some hours since 1970."""
        met, size = np.unique(hours) - self.start, len(self.states)
        steps = np.zeros(size + 1, np.int64)
        np.add.at(steps, np.clip(met - within, 0, size), 1)
        np.add.at(steps, np.clip(met + within + 1, 0, size), -1)
        return np.asarray(np.cumsum(steps[:-1]) > 0)

    def take(self, hour: Hours, count: Hours) -> None:
        """Add the records of one file."""
        np.add.at(self.records, hour - self.start, count)
        self.holders[np.unique(hour) - self.start] += 1

    def mark(
        self, first: int, last: int, state: int, over: Sequence[int], why: str = "", sole: Hours | None = None
    ) -> None:
        """Set cells `first` to `last` (exclusive) whose present state is in `over`.

        Args:
            first: first hour.
            last: the hour after the last.
            state: the new state.
            over: states that give way.
            why: the reason, kept where any cell was set.
            sole: hours of the file that is spoken of: cells that another file holds records of stay as they are.
        """
        a, b = max(0, first - self.start), max(0, min(last - self.start, len(self.states)))
        if b <= a:
            return
        hit = np.isin(self.states[a:b], over)
        if sole is not None:
            own = np.zeros(len(self.states), np.int64)
            own[np.unique(sole) - self.start] = 1
            hit &= self.holders[a:b] <= own[a:b]
        self.states[a:b][hit] = state
        if hit.any() and why and why not in self.reasons.setdefault(state, []):
            self.reasons[state].append(why)

    def reason(self, state: int) -> str:
        """Say why cells are in a state; "" where nothing is to be said."""
        return "; ".join(self.reasons.get(state, ()))
