"""An indicator that records met: where lists name it, where its records lie in time, and what lowers it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["IndicatorMet", "Naming"]


@dataclass(frozen=True, slots=True)
class Naming:
    """One time that a list names an indicator.

    Attributes:
        source: the list, and where the list has it from.
        place: the line, or the id that STIX or MISP gives.
        written: the value as written.
        label: what the list says of it; "" where nothing.
        tlp: its TLP marking, as `amber`; "" where there is none.
        valid_from: the start of its window; None where unsaid.
        valid_until: the end of its window; None where unsaid.
    """

    source: str
    place: str
    written: str
    label: str
    tlp: str
    valid_from: datetime | None
    valid_until: datetime | None


@dataclass(frozen=True, slots=True)
class IndicatorMet:
    """An indicator that records met.

    Attributes:
        id: the id that its hits carry.
        title: what it is.
        records: how many records met it.
        windows: how many of them lie `inside`, `before`, `after` its windows, or have `no-window`.
        tables: tables that hold them.
        first_utc: the earliest; None where no record has a time.
        last_utc: the latest.
        named_in: where lists name it, the first of them.
        warning_lists: the lists that say that many have to do with it.
    """

    id: str
    title: str
    records: int
    windows: tuple[tuple[str, int], ...]
    tables: tuple[str, ...]
    first_utc: datetime | None
    last_utc: datetime | None
    named_in: tuple[Naming, ...]
    warning_lists: tuple[str, ...] = ()
