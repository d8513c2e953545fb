"""Whether the owner was elsewhere as usual on the days on which his account was used at a place: who travels leaves a hole.

People who work at a partner's, sit in a training room or sleep after a night shift are not at their desks on that day, nor
at home. An intruder takes nobody away: on the days of his visits the owner is about as on any other. So what an account
does from other networks on the days of its visits to a place is held against what it does there on such weekdays in the
months around. Phones are left out: people carry them along.
"""

from __future__ import annotations

from math import log

import numpy as np
import numpy.typing as npt

from dwell.scope.access import Accesses
from dwell.scope.months import DENSE, MONTH_DAYS, around
from dwell.scope.rollup.fold import Places, group, ranked

__all__ = ["AWAY_BITS", "AWAY_SHARE", "are_there_themselves", "carried", "lived_elsewhere"]

AWAY_SHARE = 0.5
"""Where people do less than this share of what they usually do elsewhere, they came themselves."""
AWAY_BITS = 20.0
"""And that little must be so unlikely by chance: one in a million."""
_CARRIED = frozenset({"eas", "m365-eas"})
_PHONES = ("outlook-ios", "outlook-android")
"""How the agents of apps on phones begin, in lower case."""
_WEEK = 7

Codes = npt.NDArray[np.int64]
Counts = npt.NDArray[np.float64]


def carried(accesses: Accesses, protocol: Places, agent: Places) -> npt.NDArray[np.bool_]:
    """Say per visit whether it is a phone's.

    Args:
        accesses: all sessions, for the names of what is coded.
        protocol: protocol per visit.
        agent: agent per visit.
    """
    phones = np.array([one.lower().startswith(_PHONES) for one in accesses.agents] or [False])
    spoken = np.array([one in _CARRIED for one in accesses.protocols] or [False])
    return np.asarray(phones[agent] | spoken[protocol])


def lived_elsewhere(
    account: Places, network: Places, day: Places, phone: npt.NDArray[np.bool_]
) -> tuple[Counts, Counts]:
    """Give, per visit, how much its account was used from other networks on that day, and how much it usually is.

    Args:
        account: account per visit.
        network: network per visit.
        day: day per visit, days since 1970.
        phone: whether the visit is a phone's: it counts for nothing, and is asked about like the others.

    Returns:
        Visits of the account from other networks on the day; and its mean on that weekday in the month and those beside it.
    """
    fixed = (~phone).astype(np.float64)
    weekday, month = day % _WEEK, day // MONTH_DAYS

    def on_that_day(*parts: Places) -> Counts:
        place = _placed(group([*parts, day]))
        return np.asarray(np.bincount(place, weights=fixed)[place])

    def usually(*parts: Places) -> Counts:
        return around(_placed(group([*parts, weekday])), month, fixed)

    seen = on_that_day(account) - on_that_day(account, network)
    usual = usually(account) - usually(account, network)
    owner = ranked(account)
    size = int(owner.max(initial=-1)) + 1
    first, last = np.full(size, np.iinfo(np.int64).max), np.full(size, np.iinfo(np.int64).min)
    np.minimum.at(first, owner, day)
    np.maximum.at(last, owner, day)
    start = np.maximum(first[owner], (month - 1) * MONTH_DAYS)
    end = np.minimum(last[owner], (month + 2) * MONTH_DAYS - 1)
    days = (end - weekday) // _WEEK - (start - 1 - weekday) // _WEEK
    return seen, usual / np.maximum(days, 1)


def _placed(key: Codes) -> Codes:
    """Give keys as places to add up at: as they are where they lie close together, else their ranks."""
    return key if int(key.max(initial=0)) < len(key) * DENSE else ranked(key)


def are_there_themselves(seen: float, usual: float) -> bool:
    """Say whether people came to a place themselves, by what they did elsewhere on those days and what is usual.

    How unlikely it is that so few visits come of so many expected ones is told by Chernoff's bound on the Poisson tail.
    """
    if seen >= AWAY_SHARE * usual:
        return False
    return (usual - seen + (seen * log(seen / usual) if seen else 0.0)) / log(2) >= AWAY_BITS
