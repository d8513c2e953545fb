"""Networks in which clients cannot be told apart: where a great part of the house is, nobody stands out by his agent.

They are internal ranges, networks that a quarter of all accounts use with agents of their own, and offices. An agent is an
account's own where it has it on other networks, or inside; and where a house changes the exit of its network, each brings
along what it had.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.scope.access import DAY_US, INSIDE, Accesses
from dwell.scope.crowds import HOUR_BITS_MIN
from dwell.scope.rollup.fold import group, paired, ranked, users_of
from dwell.scope.settled import LATE_DAYS_MIN, PHONE_SHARE, at_own_hours, is_office, of_several_kinds

__all__ = ["FOREIGN_BITS", "RESIDENT_DAYS", "SHARED_MIN", "SHARED_SHARE", "WEEK_US", "from_inside", "shared_networks"]

FOREIGN_BITS = 3.0
"""An agent is foreign to an account where it is at least this surprising: one chance in eight."""
RESIDENT_DAYS = 10.0
"""Who was on a network on fewer days is not taken to live there."""
SHARED_SHARE = 0.25
SHARED_MIN = 10
WEEK_US = 7 * DAY_US

Codes = npt.NDArray[np.int64]


def from_inside(accesses: Accesses, ties: pa.Table) -> npt.NDArray[np.bool_]:
    """Say of each tie whether its account lives inside with that agent, on `RESIDENT_DAYS` days and at hours of its own."""
    account, agent, days = (ties[one].to_numpy() for one in ("account", "agent", "days"))
    tall = len(accesses.agents) + 1
    places = {name: place for place, name in enumerate(accesses.agents)}
    inner = np.array([places.get(f"{name}{INSIDE}", tall - 1) for name in accesses.agents] or [0])
    lived = paired(account, tall, agent)[(days >= RESIDENT_DAYS) & at_own_hours(ties, HOUR_BITS_MIN)]
    return np.asarray(np.isin(paired(account, tall, inner[agent]), lived) & (inner[agent] < tall - 1))


def _lives_beside(ties: pa.Table, rows: Codes, outer: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Say of some ties whether their account lives on another outside network in the same weeks, at a desk.

    Args:
        ties: the ties.
        rows: those asked about.
        outer: per tie, whether its network is outside.
    """
    names = ("account", "network", "days", "first", "last")
    account, network, days, first, last = (ties[one].to_numpy() for one in names)
    desk = np.flatnonzero(outer & (days >= RESIDENT_DAYS) & (ties["phone"].to_numpy() < PHONE_SHARE))
    desk = desk[np.argsort(account[desk], kind="stable")]
    bounds = np.searchsorted(account[desk], [account[rows], account[rows] + 1])
    out = np.zeros(len(rows), np.bool_)
    for place, (row, start, end) in enumerate(zip(rows.tolist(), *bounds.tolist(), strict=True)):
        mine = desk[start:end]
        both = np.minimum(last[mine], last[row]) - np.maximum(first[mine], first[row])
        out[place] = bool(((network[mine] != network[row]) & (both >= 2 * WEEK_US)).any())
    return out


def _on_two_networks(ties: pa.Table) -> npt.NDArray[np.bool_]:
    """Say of each tie whether its account is on another network with that agent for `RESIDENT_DAYS` days or more."""
    lived = ties["days"].to_numpy() >= RESIDENT_DAYS
    place = ranked(group([ties["account"].to_numpy(), ties["agent"].to_numpy()]))
    count = np.bincount(place, weights=lived, minlength=int(place.max(initial=-1)) + 1)
    return np.asarray(count[place] - lived >= 1)


def shared_networks(accesses: Accesses, ties: pa.Table, inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Say per network code whether it is a shared one.

    A quarter of all accounts must be there on several days with an agent and at hours of their own: whom an intruder reads
    by one foreign agent does not make his network an office, be it the whole house. Where half of all accounts are, it is
    an office where most of them live, with agents of several kinds (`settled`). What an account has inside is its own
    outside as well, where it has no other home in the same weeks, and so is what each brings along from another network:
    the exit of a house that was changed.
    """
    network, account = (ties[one].to_numpy() for one in ("network", "account"))
    shared = np.zeros(len(accesses.networks), np.bool_)
    shared[np.unique(accesses.network[accesses.internal & (accesses.network >= 0)])] = True
    often = at_own_hours(ties, HOUR_BITS_MIN) | (ties["phone"].to_numpy() >= PHONE_SHARE)
    often &= ties["days"].to_numpy() >= LATE_DAYS_MIN
    own = often & (ties["agent_bits"].to_numpy() < FOREIGN_BITS)
    brought = np.flatnonzero(often & inside & ~own & ~shared[network])
    own[brought[~_lives_beside(ties, brought, ~shared[network])]] = True
    most = max(SHARED_MIN, SHARED_SHARE * len(np.unique(account)))
    shared |= users_of(network[own], account[own], len(shared)) >= most
    # each with what it has on another network too: the exit of a house that was changed
    kept = often & (own | _on_two_networks(ties))
    for one in np.flatnonzero(~shared & (users_of(network[kept], account[kept], len(shared)) >= most)).tolist():
        shared[one] = of_several_kinds(ties, kept & (network == one), accesses.kinds)
    return shared | is_office(ties, len(shared), accesses.kinds)
