"""Settings of a case: what a person says once of the organisation, and every answer then goes by.

A setting changes no record and hides none. Own networks and known services are obeyed as markings of *ours* are; working
time feeds one term of surprise; a list of VIPs puts mailboxes first and changes no grade.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from dwell.model.markings import Marking, MarkingKind, MarkingVerdict

__all__ = [
    "LEADS_PER_WEEK",
    "LEADS_PER_WEEK_MAX",
    "ONE_ONLY",
    "WEEKDAYS",
    "Setting",
    "SettingEffect",
    "SettingKind",
    "band",
    "hours_text",
    "leads_per_week",
]

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
HOURS_A_DAY = 24
LEADS_PER_WEEK = 10
"""How many leads an analyst is taken to look at in a week of the case's time, where nothing else is said."""
LEADS_PER_WEEK_MAX = 1_000


class SettingKind(StrEnum):
    """What can be set."""

    NETWORK = "network"
    """An address or a range of the organisation's own: its clients are not judged."""
    SERVICE = "service"
    """An account of a known service (archive, backup, migration), at an address or anywhere."""
    HOURS = "hours"
    """Working days and hours, in whole hours: `Mon-Fri 08-18`. One only."""
    HOLIDAYS = "holidays"
    """Days on which nobody works: a country (`BE`), a part of one (`DE/BY`), or a day (`2021-05-14`)."""
    VIP = "vip"
    """A mailbox that is told first; its grade stays what it is."""
    ZONE = "zone"
    """The zone in which people work, by its IANA name; for the term of unusual hours. One only."""
    ASN = "asn"
    """A table of autonomous systems: told beside clients, and never a ground. One only."""
    LEADS = "leads-per-week"
    """How many leads can be looked at in a week of the case's time: how long the list is. One only."""
    CLOCK = "clock"
    """A host's clock: `EX01=right`, `EX02=as-written`, or by how many seconds it was ahead, `EX02=+3600`.
    One only of each host."""
    NO_CLIENTS = "no-clients"
    """A mail server that takes no clients, as a mailbox role of its own, or that is gone: no log of it is asked for."""


ONE_ONLY = frozenset({SettingKind.HOURS, SettingKind.ZONE, SettingKind.ASN, SettingKind.LEADS})
"""Kinds of which one is in force at a time: another takes its place."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    Attributes:
        id: `S1`, `S2`, … in the order in which they were made; never used again.
        kind: what is set.
        value: the range in CIDR form, the account, the mailbox, the hours, the country or day, the zone, the
            table's file name, the number of leads, the host's clock, the server.
        reason: why; never empty.
        by: who says so, as given.
        at_utc: when it was made; None for one that is tried and not saved.
        at: the range that a service works from, in CIDR form; "" for any.
        sha256: the hash of a table; "" for other kinds.
        dated: the day that a table speaks of, and what dates it.
        path: where a table lies that is not saved yet; "" once it lies in the case.
    """

    id: str
    kind: SettingKind
    value: str
    reason: str
    by: str
    at_utc: datetime | None = None
    at: str = ""
    sha256: str = ""
    dated: str = ""
    path: str = ""

    @property
    def what(self) -> str:
        """Give what is set, in words: `service svc-archive@gov.example at 192.0.2.10`."""
        of = f" at {self.at}" if self.at else f", SHA-256 {self.sha256[:16]}…, of {self.dated}" if self.sha256 else ""
        return f"{self.kind.value} {self.value}{of}"

    @property
    def told(self) -> str:
        """Give the whole of it in words, with who said so, when and why."""
        day = f" on {self.at_utc:%Y-%m-%d}" if self.at_utc is not None else ""
        return f"{self.id}: {self.what}, set by {self.by}{day}, because: {self.reason}"

    def same(self, other: Setting) -> bool:
        """Say whether another one sets the same."""
        if self.sha256:
            return self.sha256 == other.sha256
        return (self.kind, self.value, self.at) == (other.kind, other.value, other.at)

    def marking(self, account: str) -> Marking | None:
        """Give the marking that it is obeyed as; None where it is not of clients.

        Args:
            account: the name that the account of a service goes by in the case.
        """
        if self.kind is SettingKind.NETWORK:
            kind, target, whose = MarkingKind.NETWORK, self.value, ""
        elif self.kind is SettingKind.SERVICE and self.at:
            kind, target, whose = MarkingKind.TIE, self.at, account
        elif self.kind is SettingKind.SERVICE:
            kind, target, whose = MarkingKind.ACCOUNT, account, ""
        else:
            return None
        return Marking(
            self.id, kind, target, MarkingVerdict.OURS, self.reason, self.by, self.at_utc, account=whose, setting=True
        )


@dataclass(frozen=True, slots=True)
class SettingEffect:
    """A setting in force, and what it comes to in this case.

    Attributes:
        setting: the setting.
        text: what it comes to, in words.
        sessions: sessions that a network or a service speaks of, answered or refused.
        ties: ties that are not judged because of it, wholly or with others.
        leads: leads within the budget that are not told because of it.
        elsewhere: answered sessions of a service from where it is not said to work: they are judged like anybody's.
        contradicts: intrusions that dwell itself finds and that it takes something from, by their ids.
        mailboxes: the mailboxes that a VIP setting puts first.
        days: holidays that lie in the time of the case.
    """

    setting: Setting
    text: str
    sessions: int = 0
    ties: int = 0
    leads: int = 0
    elsewhere: int = 0
    contradicts: tuple[str, ...] = field(default=())
    mailboxes: tuple[str, ...] = field(default=())
    days: int = 0


def band(text: str) -> tuple[frozenset[int], frozenset[int]]:
    """Read working time: weekdays (0 for Monday) and hours of the day.

    `Mon-Fri 08-18` is from 08:00 to 18:00; `Sun-Thu 22-06` goes over midnight; `Mon,Wed 08-12` names single days.

    Raises:
        ValueError: it is written otherwise, or names no hour.
    """
    days_part, _, hours_part = " ".join(text.split()).partition(" ")
    days: set[int] = set()
    for part in days_part.split(","):
        first, dash, last = part.partition("-")
        a, b = (WEEKDAYS.index(one.strip().capitalize()) for one in (first, last if dash else first))
        days |= {(a + step) % len(WEEKDAYS) for step in range((b - a) % len(WEEKDAYS) + 1)}
    first, dash, last = hours_part.partition("-")
    start, end = (_hour(one) for one in (first, last))
    if not dash or not 0 <= start < HOURS_A_DAY or not 0 <= end <= HOURS_A_DAY or start == end:
        raise ValueError(text)
    length = (end - start) % HOURS_A_DAY or HOURS_A_DAY
    return frozenset(days), frozenset((start + step) % HOURS_A_DAY for step in range(length))


def _hour(text: str) -> int:
    """Read a whole hour: `8`, `08` or `08:00`."""
    hour, _, minute = text.strip().partition(":")
    if minute not in {"", "00"} or not hour.isascii() or not hour.isdecimal() or len(hour) > len("00"):
        raise ValueError(text)
    return int(hour)


def hours_text(text: str) -> str:
    """Bring working time into one form: `Mon,Tue,Wed,Thu,Fri 08-18`.

    Raises:
        ValueError: it is written otherwise, or names no hour.
    """
    days, hours = band(text)
    start = next((one for one in sorted(hours) if (one - 1) % HOURS_A_DAY not in hours), 0)
    end = (start + len(hours)) % HOURS_A_DAY or HOURS_A_DAY
    return f"{','.join(WEEKDAYS[one] for one in sorted(days))} {start:02}-{end:02}"


def leads_per_week(settings: Sequence[Setting]) -> int:
    """Give how many leads can be looked at in a week: the one that is set, else the usual number."""
    return next((int(one.value) for one in settings if one.kind is SettingKind.LEADS), LEADS_PER_WEEK)
