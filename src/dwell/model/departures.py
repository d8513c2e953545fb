"""Departures: accounts that went away, by what records and exports say, and whether they were used afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dwell.model.provenance import RecordRef

__all__ = ["Departure", "DepartureKind"]


class DepartureKind(StrEnum):
    """In which way an account went away."""

    DISABLED = "disabled"
    DELETED = "deleted"
    MAILBOX_REMOVED = "mailbox-removed"
    LEFT_OUT = "left-out"
    """A later list of the same kind does not have it: that is less than to be deleted, and may be a filter."""


@dataclass(frozen=True, slots=True)
class Departure:
    """An account that went away. It says nothing of why: who retired, who was dismissed, an account that was replaced.

    Attributes:
        account: the name it goes by.
        kinds: in which ways, in order of time.
        after_utc: it was still there then: the last record that shows it so; None where none does.
        by_utc: it was gone by then; the same as `after_utc` where a record tells the act itself; None where only undated
            exports show it gone.
        back_utc: it was there again by then; None where nothing shows it back.
        until_utc: it was gone until then at least; None where nothing shows it back.
        signs: what says so, in words, in order of time.
        against: what contradicts it, or limits it.
        grounds: the records of `signs`.
        sessions: answered sessions of the account after it was gone.
        first_use_utc: the first of them.
        last_use_utc: the last of them.
        clients: their networks and agents.
        opened_by: other accounts that opened its mailbox after it was gone.
        use_grounds: records of the sessions, capped.
    """

    account: str
    kinds: tuple[DepartureKind, ...]
    after_utc: datetime | None
    by_utc: datetime | None
    back_utc: datetime | None
    until_utc: datetime | None
    signs: tuple[str, ...]
    against: tuple[str, ...] = ()
    grounds: tuple[RecordRef, ...] = ()
    sessions: int = 0
    first_use_utc: datetime | None = None
    last_use_utc: datetime | None = None
    clients: tuple[str, ...] = ()
    opened_by: tuple[str, ...] = ()
    use_grounds: tuple[RecordRef, ...] = ()

    @property
    def when(self) -> str:
        """Say when it went, as closely as is known: `on 2021-03-05`, `between 2021-03-01 and 2021-04-01`."""
        if self.by_utc is None:
            return "at an unknown time"
        by = f"{self.by_utc:%Y-%m-%d}"
        if self.after_utc == self.by_utc:
            return f"on {by}"
        return f"by {by}" if self.after_utc is None else f"between {self.after_utc:%Y-%m-%d} and {by}"

    @property
    def told(self) -> str:
        """Say it in a few words, for lists."""
        what = ", ".join(one.value.replace("-", " ") for one in self.kinds)
        back = f", there again by {self.back_utc:%Y-%m-%d}" if self.back_utc is not None else ""
        doubt = "; contradicted" if any(one.startswith(CONTRADICTED) for one in self.against) else ""
        return f"{what} {self.when}{back}{doubt}"


CONTRADICTED = "contradicted:"
"""Begins what says otherwise, apart from what only limits."""
