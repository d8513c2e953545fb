"""The hypothesis board: for each way in which mail can be read, what speaks for it and against, and could it be seen."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dwell.model.coverage import Coverage
from dwell.model.provenance import RecordRef

__all__ = ["Hypothesis", "HypothesisVerdict", "Sign", "SourceView", "Told", "Where"]


class Where(StrEnum):
    """On which side the mailbox lies."""

    SERVERS = "servers"
    TENANT = "tenant"


class Told(StrEnum):
    """What tells a record of this way from the owner's own use."""

    RECORD = "record"
    """The record itself: nobody does that by accident."""
    CLIENT = "client"
    """The client it came from, where that is foreign to several accounts."""
    NOTHING = "nothing"
    """Nothing that this version does."""


class HypothesisVerdict(StrEnum):
    """What the evidence held says of one way of reading mail. Not tested and not covered are no good news."""

    SEEN = "seen"
    """Acts that are held to be an intruder's were of this way."""
    SIGNS = "signs"
    """Something is recorded that belongs to this way, and nothing ties it to mail that an intruder read."""
    NO_SIGN = "no-sign"
    """No sign, with the coverage given."""
    NOT_TESTED = "not-tested"
    """Records that could hold it are there, and nothing in this version tells it from ordinary use."""
    NOT_COVERED = "not-covered"
    """No source held could have shown it."""


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing that speaks for or against.

    Attributes:
        text: what it is, one sentence; may hold evidence text.
        grounds: records, capped.
    """

    text: str
    grounds: tuple[RecordRef, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceView:
    """One source that is able to show a way of reading mail.

    Attributes:
        source: the table, or `table/part`.
        shows: what its record of it holds.
        coverage: hours in which it was held, of those in which the mailboxes could be reached.
    """

    source: str
    shows: str
    coverage: Coverage


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One way of reading mail, and what can be said of it. Coverage is a required argument: see `Claim`.

    Attributes:
        id: stable name: `H-owa-password`.
        title: the way, in words.
        where: on which side the mailboxes lie.
        verdict: see `HypothesisVerdict`.
        why: the verdict in one sentence, with its coverage.
        told: what would tell it from ordinary use.
        coverage: hours in which a source able to show it was held.
        sources: the same for each source able to show it.
        signs_for: what speaks for it.
        signs_against: what speaks against it; a negative names its coverage.
        limits: what limits a negative, whatever the coverage.
        next: what to look for next.
        techniques: ATT&CK ids.
    """

    id: str
    title: str
    where: Where
    verdict: HypothesisVerdict
    why: str
    told: Told
    coverage: Coverage
    sources: tuple[SourceView, ...]
    signs_for: tuple[Sign, ...]
    signs_against: tuple[Sign, ...]
    limits: tuple[str, ...]
    next: tuple[str, ...]
    techniques: tuple[str, ...] = ()

    @property
    def grounds(self) -> tuple[RecordRef, ...]:
        """Give the records that the signs rest on."""
        return tuple(dict.fromkeys(ref for one in (*self.signs_for, *self.signs_against) for ref in one.grounds))
