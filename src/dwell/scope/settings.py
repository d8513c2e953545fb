"""What the settings of a case come to: markings, working time, who is told first, and where a service has no business."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from dwell.model.markings import Marking
from dwell.model.settings import Setting, SettingKind
from dwell.scope.access import Accesses
from dwell.scope.identities import Identities
from dwell.scope.marked import from_range
from dwell.scope.working_time import WorkingTime, working_time

__all__ = ["NOTHING_SET", "Said", "said_in"]

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Said:
    """What is set.

    Attributes:
        settings: the settings in force.
        names: the name in the case of each account and mailbox that is set, by the id of the setting.
        markings: those of own networks and services, as the markings they are obeyed as.
        working: when people work; None where nothing is said of it.
        elsewhere: per session, whether a service that is set with addresses came from another one, and was answered.
        before_all: settings by which records are dated otherwise, or other servers are asked for: they count before
            anything is judged.
        unasked: short names of the servers that a record names, and that are not asked for because of a setting.
    """

    settings: tuple[Setting, ...] = ()
    names: tuple[tuple[str, str], ...] = ()
    markings: tuple[Marking, ...] = ()
    working: WorkingTime | None = None
    elsewhere: Mask = field(default_factory=lambda: np.zeros(0, np.bool_))
    before_all: tuple[Setting, ...] = ()
    unasked: frozenset[str] = frozenset()

    @property
    def vips(self) -> frozenset[str]:
        """Give the mailboxes that are told first."""
        named = dict(self.names)
        return frozenset(named[one.id] for one in self.settings if one.kind is SettingKind.VIP)

    @property
    def timed(self) -> tuple[Setting, ...]:
        """Give the settings of working time."""
        kinds = {SettingKind.HOURS, SettingKind.HOLIDAYS, SettingKind.ZONE}
        return tuple(one for one in self.settings if one.kind in kinds)

    @property
    def rejudging(self) -> tuple[Setting, ...]:
        """Give the settings by which ties are scored otherwise: working time, and services used from elsewhere."""
        served = tuple(one for one in self.settings if one.kind is SettingKind.SERVICE) if self.elsewhere.any() else ()
        return (*self.timed, *served)

    @property
    def resting(self) -> tuple[Setting, ...]:
        """Give the settings without which an answer may be another one, those obeyed as markings left out."""
        return (*self.rejudging, *self.before_all)


NOTHING_SET = Said()


def said_in(settings: Sequence[Setting], identities: Identities, accesses: Accesses) -> Said:
    """Say what settings come to in a case.

    Args:
        settings: those in force.
        identities: names.
        accesses: all sessions.
    """
    named = {
        one.id: identities.label(one.value) or one.value
        for one in settings
        if one.kind in {SettingKind.SERVICE, SettingKind.VIP}
    }
    markings = [made for one in settings if (made := one.marking(named.get(one.id, ""))) is not None]
    return Said(
        tuple(settings),
        tuple(named.items()),
        tuple(markings),
        working_time(settings),
        _elsewhere([one for one in settings if one.kind is SettingKind.SERVICE], named, accesses),
    )


def _elsewhere(services: Sequence[Setting], named: dict[str, str], accesses: Accesses) -> Mask:
    """Say which answered sessions of services came from where they are not said to work."""
    ranges: dict[str, list[str]] = {}
    for one in services:
        ranges.setdefault(named[one.id], []).append(one.at)
    out = np.zeros(len(accesses), np.bool_)
    for name, places in ranges.items():
        if name in accesses.names and all(places):
            mine = (accesses.account == accesses.names.index(name)) & accesses.ok & (accesses.network >= 0)
            for place in places:
                mine &= ~from_range(accesses, place)
            out |= mine
    return out
