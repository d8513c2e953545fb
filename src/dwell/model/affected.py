"""Persons affected: how many there are behind the envelopes of mail that lay in exposed mailboxes, as a range."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["UNBOUND", "Affected", "Range"]


@dataclass(frozen=True, slots=True)
class Range:
    """A number that is known to lie between two: `low` at least, `high` at most; None where no bound is known."""

    low: int | None = None
    high: int | None = None


UNBOUND = Range()


@dataclass(frozen=True, slots=True)
class Affected:
    """An estimate of the persons affected, from envelopes only: no content is opened, and no subject is read.

    Attributes:
        persons: distinct addresses of senders and recipients, owners of the exposed mailboxes left out.
        inside: those in the organisation's own domains; without bounds where these are not known.
        outside: all others, likewise.
        messages: messages whose envelopes these are.
        sizes: bytes of these messages, as the envelopes tell them.
        first_utc: the first envelope held of any of the mailboxes.
        last_utc: the last one.
        sources: the tables the envelopes are from; empty where none is held.
        assumptions: what the range rests on.
        decides: which log would say more.
    """

    persons: Range = UNBOUND
    inside: Range = UNBOUND
    outside: Range = UNBOUND
    messages: Range = UNBOUND
    sizes: Range = UNBOUND
    first_utc: datetime | None = None
    last_utc: datetime | None = None
    sources: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    decides: str = ""

    @property
    def determinable(self) -> bool:
        """Say whether anything held tells of it."""
        return bool(self.sources)
