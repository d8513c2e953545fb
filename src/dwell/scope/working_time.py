"""When people work, as a person sets it: the zone, the days, the hours, the holidays.

Without any of it the term of unusual hours goes by UTC, Monday to Friday, and by what the case itself shows. A zone moves
the hours, holidays and the days set move days to those on which nobody works. Hours of the day that are set have half of
the weight that everybody's rhythm has against an account's own; the other half is the rhythm that the case shows. How much
is done outside of them is measured in the case, not set.
"""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import numpy.typing as npt

from dwell.model.settings import Setting, SettingKind, band

__all__ = ["SLOTS", "WorkingTime", "dates_of", "known_zone", "library", "working_time"]

SLOTS = 48
"""Hours of a working day, then hours of a day off."""
HOUR_US, DAY_US = 3_600_000_000, 86_400_000_000
HOURS_A_DAY = 24
WEEK = 7.0
FIRST_YEAR, LAST_YEAR = 1990, 2100
"""Years for which holidays are asked for: a forged instant must not make the library count thousands of years."""
SAID_SHARE = 0.5
"""Weight of the hours that are set in what everybody's rhythm counts for."""
EPOCH = date(1970, 1, 1)
MONDAY_TO_FRIDAY = frozenset(range(5))

Codes = npt.NDArray[np.int64]
Shares = npt.NDArray[np.float64]


def known_zone(name: str) -> bool:
    """Say whether a zone has this IANA name."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def library() -> str:
    """Give the library that knows the holidays, with its version: another one may count other days."""
    return f"holidays {importlib.metadata.version('holidays')}"


@functools.lru_cache(maxsize=64)
def dates_of(value: str, first_year: int, last_year: int) -> tuple[date, ...]:
    """Give the holidays of a country (`BE`), a part of one (`DE/BY`), or the single day (`2021-05-14`), in order.

    Args:
        value: what is set.
        first_year: first year asked for.
        last_year: last year asked for.

    Raises:
        ValueError: it is no day, and the library knows no such country or part.
    """
    if value[:1].isdecimal():
        return (date.fromisoformat(value),)
    import holidays  # it takes half a second to load, which only those who set holidays should wait for

    country, _, part = value.partition("/")
    years = range(max(first_year, FIRST_YEAR), min(last_year, LAST_YEAR) + 1)
    try:
        found = holidays.country_holidays(country, subdiv=part or None, years=years)
    except NotImplementedError as fault:
        raise ValueError(value) from fault
    return tuple(sorted(found))


@dataclass(frozen=True, slots=True)
class WorkingTime:
    """Working time as it is set.

    Attributes:
        zone: the zone's IANA name.
        days: weekdays on which people work, 0 for Monday.
        hours: hours of a working day in which they do; None where that is not set.
        holidays: what is set for holidays.
    """

    zone: str = "UTC"
    days: frozenset[int] = MONDAY_TO_FRIDAY
    hours: frozenset[int] | None = None
    holidays: tuple[str, ...] = ()

    def local(self, at_us: Codes) -> Codes:
        """Give instants (microseconds since 1970, UTC) as the clock on the wall of the zone shows them."""
        if self.zone == "UTC" or not len(at_us):
            return at_us
        zone = ZoneInfo(self.zone)
        hours, place = np.unique(at_us // HOUR_US, return_inverse=True)
        days, which = np.unique(hours // HOURS_A_DAY, return_inverse=True)
        ends = np.array([[_offset_us(zone, (day + step) * HOURS_A_DAY) for step in (0, 1)] for day in days.tolist()])
        offsets = ends[which, 0]
        # the clock was changed on these days: each hour is looked up
        changed = np.flatnonzero(ends[which, 0] != ends[which, 1])
        offsets[changed] = [_offset_us(zone, one) for one in hours[changed].tolist()]
        return np.asarray(at_us + offsets[place], np.int64)

    def days_off(self, day: Codes) -> npt.NDArray[np.bool_]:
        """Say of local days (since 1970) on which of them nobody works."""
        if not len(day):
            return np.zeros(0, np.bool_)
        off = ~np.isin((day + 3) % 7, list(self.days))
        return np.asarray(off | np.isin(day, self.holidays_within(int(day.min()), int(day.max()))))

    def holidays_within(self, first_day: int, last_day: int) -> Codes:
        """Give the holidays between two days since 1970, both included, in order."""
        years = [_date(one).year for one in (first_day, last_day)]
        found = {(one - EPOCH).days for value in self.holidays for one in dates_of(value, years[0], years[1])}
        return np.array(sorted(one for one in found if first_day <= one <= last_day), np.int64)

    def slots(self, at_us: Codes) -> Codes:
        """Give the slot of each instant: the local hour, and 24 more on a day off."""
        local = self.local(at_us)
        off = self.days_off(local // DAY_US)
        return np.asarray(local // HOUR_US % HOURS_A_DAY + np.where(off, HOURS_A_DAY, 0), np.int64)

    def widths(self, at_us: Codes) -> Shares:
        """Give, per slot, how many days of a week of the case's time it stands for."""
        if not len(at_us):
            return _widths(WEEK - 2.0)
        ends = self.local(np.array([at_us.min(), at_us.max()], np.int64)) // DAY_US
        off = self.days_off(np.arange(int(ends[0]), int(ends[1]) + 1, dtype=np.int64))
        return _widths(WEEK * float(np.mean(~off)))

    def prior(self, counts: Shares, width: Shares) -> Shares:
        """Give the share that each slot has of everybody's visits, with the hours that are set.

        Args:
            counts: visits per slot.
            width: days of a week per slot.
        """
        shown = counts / counts.sum()
        if self.hours is None:
            return np.asarray(shown, np.float64)
        slot = np.arange(SLOTS)
        inside = (slot < HOURS_A_DAY) & np.isin(slot % HOURS_A_DAY, list(self.hours))
        said = np.zeros(SLOTS)
        for part in (inside, ~inside):
            if width[part].sum() > 0:
                said[part] = shown[part].sum() * width[part] / width[part].sum()
        return np.asarray((1.0 - SAID_SHARE) * shown + SAID_SHARE * said, np.float64)


def _widths(working: float) -> Shares:
    return np.repeat([working, WEEK - working], HOURS_A_DAY)


def _offset_us(zone: ZoneInfo, hour: int) -> int:
    """Give how far a zone is ahead of UTC in an hour since 1970; 0 where no calendar reaches."""
    try:
        at = datetime.fromtimestamp(0, UTC) + timedelta(hours=hour)
        ahead = at.astimezone(zone).utcoffset()
    except OverflowError:
        return 0
    return 0 if ahead is None else int(ahead.total_seconds()) * 1_000_000


def _date(day: int) -> date:
    """Give a day since 1970 as a date, the nearest that a calendar has."""
    try:
        return EPOCH + timedelta(days=day)
    except OverflowError:
        return date.max if day > 0 else date.min


def working_time(settings: Sequence[Setting]) -> WorkingTime | None:
    """Give the working time that settings make; None where none speaks of it."""
    zone = next((one.value for one in settings if one.kind is SettingKind.ZONE), None)
    hours = next((one.value for one in settings if one.kind is SettingKind.HOURS), None)
    free = tuple(one.value for one in settings if one.kind is SettingKind.HOLIDAYS)
    if zone is None and hours is None and not free:
        return None
    days, of_day = (MONDAY_TO_FRIDAY, None) if hours is None else band(hours)
    return WorkingTime(zone or "UTC", days, of_day, free)
