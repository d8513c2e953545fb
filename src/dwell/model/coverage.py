"""Coverage: what a source held, per host and hour. No negative is stated without it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

__all__ = ["CellState", "Coverage", "CoverageCell", "CoverageDay", "CoverageRow"]


class CellState(StrEnum):
    """State of one cell (host x source x hour). Unknown is not a pass: only HELD and HELD_EMPTY count as seen."""

    HELD = "held"
    HELD_EMPTY = "held-empty"
    MISSING = "missing"
    TRUNCATED = "truncated"
    ALTERED = "altered"
    NOT_RECORDED = "not-recorded"


@dataclass(frozen=True, slots=True)
class CoverageCell:
    """One cell of the ledger.

    Attributes:
        host: the server or tenant.
        source: the source key.
        hour_utc: start of the hour.
        state: see `CellState`.
        records: records held in that hour.
        reason: why the state is what it is; empty for HELD.
    """

    host: str
    source: str
    hour_utc: datetime
    state: CellState
    records: int
    reason: str


@dataclass(frozen=True, slots=True)
class CoverageRow:
    """Hours per state for one host and source; the contract's `coverage` rows.

    Attributes:
        host: the server or tenant.
        source: the source key.
        first_utc: first hour the row speaks of.
        last_utc: last hour.
        held: hours held, those held and empty included.
        held_empty: hours in which the source was running and wrote nothing.
        missing: hours for which no file is held.
        truncated: hours cut off.
        altered: hours cleared, renumbered, with time going back, or with lines missing that another log has.
        not_recorded: hours in which recording was off, or silent by design.
        reasons: reason text and the hours it speaks of, sorted.
        instants: how the records of the host and the source's table came by their instants, in words, and how many did.
    """

    host: str
    source: str
    first_utc: datetime | None
    last_utc: datetime | None
    held: int
    held_empty: int
    missing: int
    truncated: int
    altered: int
    not_recorded: int
    reasons: tuple[tuple[str, int], ...] = ()
    instants: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class CoverageDay:
    """Hours per state of one host and source on one day (UTC); what the coverage calendar is drawn from.

    Attributes:
        host: the server or tenant.
        source: the source key, with its part (`evtx/Security`) where it has one.
        day: the day.
        hours: hours in each state, in the order in which `CellState` names them; they sum to the hours the ledger has
            for that day (fewer than 24 on the first and last day).
        records: records held on that day.
    """

    host: str
    source: str
    day: date
    hours: tuple[int, int, int, int, int, int]
    records: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a claim rests on: the hours asked for, and those in which a source able to show the act was held.

    Attributes:
        hours_able: host-hours in which at least one source able to show that kind of act was held.
        hours_asked: host-hours the claim speaks of.
        sources: the sources counted as able, sorted.
        why: how it was counted, in one sentence.
    """

    hours_able: int
    hours_asked: int
    sources: tuple[str, ...]
    why: str

    @property
    def share(self) -> float | None:
        """Share of the hours asked for, 0..1, rounded down to four digits: 1 says that no hour is missing.

        None where nothing was asked.
        """
        if self.hours_asked <= 0:
            return None
        return min(self.hours_able, self.hours_asked) * 10_000 // self.hours_asked / 10_000
