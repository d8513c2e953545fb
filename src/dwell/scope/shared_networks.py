"""Networks in which clients cannot be told apart: where a great part of the house is, nobody stands out by his agent.

They are internal ranges, networks that a quarter of all accounts use with agents of their own, and offices. An agent is an
account's own where it has it on other networks, or inside; and where a house changes the exit of its network, each brings
along what it had. What makes a network shared is of the same kind: behind the carrier of everybody's phones a browser
stands out as it does elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.scope.access import DAY_US, Accesses
from dwell.scope.crowds import HOUR_BITS_MIN
from dwell.scope.homes import RESIDENT_DAYS, WEEK_US, lives_beside
from dwell.scope.rollup.fold import group, paired, ranked, users_of
from dwell.scope.settled import (
    HOME_SHARE,
    LATE_DAYS_MIN,
    USERS_MIN,
    at_own_hours,
    day_after_day,
    is_office,
    is_phone,
    of_several_kinds,
)

__all__ = [
    "FOREIGN_BITS",
    "SHARED_MIN",
    "SHARED_SHARE",
    "Shared",
    "from_inside",
    "shared_networks",
]

FOREIGN_BITS = 3.0
"""An agent is foreign to an account where it is at least this surprising: one chance in eight."""
SHARED_SHARE = 0.25
SHARED_MIN = 10

Codes = npt.NDArray[np.int64]


def from_inside(accesses: Accesses, ties: pa.Table) -> npt.NDArray[np.bool_]:
    """Say of each tie whether its account lived inside with that agent before, at hours of its own or day after day.

    On `RESIDENT_DAYS` days, and on a fifth as many as lie between its first visit here and its last, from no later than a
    week after the first one on: who takes a tool inside afterwards, for some days, makes it nobody's own.
    """
    names = ("account", "agent", "days", "first", "last")
    account, agent, days, first, last = (ties[one].to_numpy() for one in names)
    tall = len(accesses.agents) + 1
    out = np.zeros(len(account), np.bool_)
    # who reads an account elsewhere all day makes its owner's hours in the office strange, and takes his office from nobody
    own_hours = at_own_hours(ties, HOUR_BITS_MIN) | day_after_day(ties)
    lived = np.flatnonzero((days >= RESIDENT_DAYS) & own_hours)
    lived = lived[np.isin(agent[lived], accesses.inner)]
    rows = np.flatnonzero(accesses.inner[agent] >= 0) if len(lived) else lived
    if not len(rows):
        return out
    owned, place = np.unique(paired(account[lived], tall, agent[lived]), return_inverse=True)
    most, since = np.zeros(len(owned), np.int64), np.full(len(owned), np.iinfo(np.int64).max)
    np.maximum.at(most, place, days[lived])
    np.minimum.at(since, place, first[lived])
    key = paired(account[rows], tall, accesses.inner[agent[rows]])
    at = np.minimum(np.searchsorted(owned, key), len(owned) - 1)
    mine = (owned[at] == key) & (since[at] <= first[rows] + WEEK_US)
    out[rows] = mine & (most[at] >= HOME_SHARE * ((last - first)[rows] / DAY_US + 1.0))
    return out


def _on_two_networks(ties: pa.Table) -> npt.NDArray[np.bool_]:
    """Say of each tie whether its account is on another network with that agent for `RESIDENT_DAYS` days or more."""
    lived = ties["days"].to_numpy() >= RESIDENT_DAYS
    place = ranked(group([ties["account"].to_numpy(), ties["agent"].to_numpy()]))
    count = np.bincount(place, weights=lived, minlength=int(place.max(initial=-1)) + 1)
    return np.asarray(count[place] - lived >= 1)


@dataclass(frozen=True, slots=True)
class Shared:
    """Networks in which clients cannot be told apart.

    Attributes:
        phones: per network code, whether phones cannot be.
        desks: whether no other clients can be either: behind a carrier all that is alike is phones.
    """

    phones: npt.NDArray[np.bool_]
    desks: npt.NDArray[np.bool_]

    def of(self, ties: pa.Table) -> npt.NDArray[np.bool_]:
        """Say of each tie whether its client cannot be told apart."""
        network = ties["network"].to_numpy()
        return np.asarray(np.where(is_phone(ties), self.phones[network], self.desks[network]))


def shared_networks(accesses: Accesses, ties: pa.Table, inside: npt.NDArray[np.bool_]) -> Shared:
    """Say per network code whether it is a shared one.

    A quarter of all accounts must be there on several days with an agent and at hours of their own: whom an intruder reads
    by one foreign agent does not make his network an office, be it the whole house. Where half of all accounts are, it is
    an office where most of them live, with agents of several kinds (`settled`). What an account has inside is its own
    outside as well, where it has no other home in the same weeks, and so is what each brings along from another network:
    the exit of a house that was changed.

    Args:
        accesses: all sessions.
        ties: the ties (`habits.TIES`).
        inside: per tie, whether its account lived inside with its agent (`from_inside`).
    """
    network, account = (ties[one].to_numpy() for one in ("network", "account"))
    shared = accesses.within[:-1].copy()
    phone = is_phone(ties)
    often = at_own_hours(ties, HOUR_BITS_MIN) | phone
    often &= ties["days"].to_numpy() >= LATE_DAYS_MIN
    own = often & (ties["agent_bits"].to_numpy() < FOREIGN_BITS)
    brought = np.flatnonzero(often & inside & ~own & ~shared[network])
    own[brought[~lives_beside(ties, brought, ~shared[network])]] = True
    most = max(SHARED_MIN, SHARED_SHARE * len(np.unique(account)))
    shared |= users_of(network[own], account[own], len(shared)) >= most
    # each with what it has on another network too: the exit of a house that was changed
    kept = often & (own | _on_two_networks(ties))
    for one in np.flatnonzero(~shared & (users_of(network[kept], account[kept], len(shared)) >= most)).tolist():
        shared[one] = of_several_kinds(ties, kept & (network == one), accesses.kinds)
    shared |= is_office(ties, len(shared), accesses.kinds)
    # a few who are at a desk there with what is their own, or many with whatever they have
    desk = shared[network] & often & ~phone
    belong, many = (users_of(network[one], account[one], len(shared)) for one in (desk & own, desk))
    return Shared(shared, shared & (accesses.within[:-1] | (belong >= USERS_MIN) | (many >= most)))
