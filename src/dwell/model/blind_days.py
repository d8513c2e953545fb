"""Days on which a rule that ran could not have been met, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

__all__ = ["BlindDays", "BlindWhy"]


class BlindWhy(StrEnum):
    """Why a rule that ran could not have been met on some days of a host."""

    NOT_RECORDED = "not-recorded"
    """A field that it needs was not recorded, though it was on other days."""
    NOT_LOGGED = "not-logged"
    """The log was written, and events that a running machine always writes where they are switched on are not in it."""
    NOT_HELD = "not-held"
    """No record of the log is held; it may be that there was none."""


@dataclass(frozen=True, slots=True)
class BlindDays:
    """Days of one host, one after the other, on which a rule that ran could not have been met.

    Attributes:
        host: the host; "" where the records name none.
        first_day: the first day, in UTC.
        last_day: the last, included.
        why: the strongest reason.
        what: all reasons, in words.
    """

    host: str
    first_day: date
    last_day: date
    why: BlindWhy
    what: str

    @property
    def span(self) -> str:
        """Give host and days in words."""
        until = "" if self.first_day == self.last_day else f" to {self.last_day}"
        return f"{self.host or 'an unnamed host'} {self.first_day}{until}"
