"""Clients that are foreign to many: one agent on one outside network, surprising for several accounts at once.

A single surprising tie is mostly a hotel, a new phone, a home whose browser is used nowhere else. What an intruder cannot
hide is that one client opens what has no owner in common. So ties are counted per client (network and agent): how many
accounts it is foreign to, and for how long. How rare such a count is, is read off the case itself: the share of all
clients with at least as many.

Shared networks are left out: behind them everybody's client looks alike. They are internal ranges, and networks that a
great part of all accounts use with agents of their own (an office, a carrier); both are told to the reader.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.scope.access import DAY_US, Accesses

__all__ = ["ACCOUNTS_MIN", "FOREIGN_BITS", "Clients", "Cluster", "clients_of"]

FOREIGN_BITS = 3.0
"""An agent is foreign to an account where it is at least this surprising: one chance in eight."""
ACCOUNTS_MIN = 3
SUM_BITS_MIN = 20.0
SHORT_DAYS = 10.0
SHORT_ACCOUNTS = 8
"""A client seen for less than `SHORT_DAYS` counts only with this many accounts: a few people behind one address for some
days are a conference."""
SHARED_SHARE = 0.25
SHARED_MIN = 10
CROWD_SHARE = 0.5

Codes = npt.NDArray[np.int64]
Bits = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cluster:
    """A client that is foreign to several accounts.

    Attributes:
        network: code of the network.
        agent: code of the agent.
        accounts: codes of the accounts it is foreign to, sorted.
        bits: sum of the agent's surprise over them.
        first_us: first visit.
        last_us: last visit.
    """

    network: int
    agent: int
    accounts: tuple[int, ...]
    bits: float
    first_us: int
    last_us: int


@dataclass(frozen=True, slots=True)
class Clients:
    """What the ties say about clients.

    Attributes:
        ties: the ties (`habits.TIES`).
        outside: per tie, whether its network is none of the shared ones.
        fan_out: per tie, -log2 of the share of clients that are foreign to at least as many accounts as this one; 0 where
            the client is not foreign to the account.
        foreign: per tie, to how many accounts its client is foreign.
        clusters: clients that stand out, the most surprising first.
        shared: networks in which clients cannot be told apart, by code.
    """

    ties: pa.Table
    outside: npt.NDArray[np.bool_]
    fan_out: Bits
    foreign: Codes
    clusters: tuple[Cluster, ...]
    shared: tuple[int, ...]

    def column(self, name: str) -> Codes:
        """Give an integer column of the ties."""
        found: Codes = self.ties[name].to_numpy()
        return found

    def bits(self, name: str) -> Bits:
        """Give one term of the ties."""
        found: Bits = self.ties[f"{name}_bits"].to_numpy()
        return found


def _users(network: Codes, account: Codes, size: int) -> Codes:
    """Count the accounts per network code."""
    pairs = np.unique(np.stack([network, account]), axis=1) if len(network) else np.empty((2, 0), np.int64)
    return np.bincount(pairs[0], minlength=size).astype(np.int64)


def _shared_networks(accesses: Accesses, network: Codes, account: Codes, bits: Bits) -> npt.NDArray[np.bool_]:
    """Say per network code whether it is a shared one.

    A quarter of all accounts must be there with an agent of their own: whom an intruder reads by one foreign agent does
    not make his network an office. Where half of all accounts are, nothing is judged whatever their agents.
    """
    shared = np.zeros(len(accesses.networks), np.bool_)
    inside = accesses.network[accesses.internal & (accesses.network >= 0)]
    shared[np.unique(inside)] = True
    own = bits < FOREIGN_BITS
    everybody = len(np.unique(account))
    at_home = _users(network[own], account[own], len(shared))
    shared |= at_home >= max(SHARED_MIN, SHARED_SHARE * everybody)
    return shared | (_users(network, account, len(shared)) >= max(SHARED_MIN, CROWD_SHARE * everybody))


def clients_of(accesses: Accesses, ties: pa.Table) -> Clients:
    """Count, per client, the accounts it is foreign to, and pick the clients that stand out."""
    network, agent, account = (ties[one].to_numpy() for one in ("network", "agent", "account"))
    bits = ties["agent_bits"].to_numpy()
    shared = _shared_networks(accesses, network, account, bits)
    outside = ~shared[network] if len(network) else np.empty(0, np.bool_)
    strange = outside & (bits >= FOREIGN_BITS)
    keys = network * (len(accesses.agents) + 1) + agent
    distinct, place = np.unique(keys, return_inverse=True)
    count = np.bincount(place[strange], minlength=len(distinct))
    outer = np.bincount(place[outside], minlength=len(distinct)) > 0
    foreign = count[place].astype(np.int64)
    ranked = np.sort(count[outer])
    more = len(ranked) - np.searchsorted(ranked, foreign)
    share = (more + 1.0) / (len(ranked) + 1.0)
    fan_out = np.where(strange & (foreign > 1), np.round(-np.log2(np.minimum(share, 1.0)), 2), 0.0)
    total = np.bincount(place[strange], weights=bits[strange], minlength=len(distinct))
    clusters = [
        one
        for wanted in np.flatnonzero((count >= ACCOUNTS_MIN) & (total >= SUM_BITS_MIN))
        if (one := _cluster(ties, np.flatnonzero(strange & (place == wanted)))) is not None
    ]
    clusters.sort(key=lambda one: (-one.bits, one.network, one.agent))
    codes = tuple(int(one) for one in np.flatnonzero(shared))
    return Clients(ties, outside, fan_out, foreign, tuple(clusters), codes)


def _cluster(ties: pa.Table, rows: Codes) -> Cluster | None:
    """Put the ties of one client together; None where they are few and brief."""
    taken = ties.take(pa.array(rows))
    first, last = int(taken["first"].to_numpy().min()), int(taken["last"].to_numpy().max())
    if len(rows) < SHORT_ACCOUNTS and last - first < SHORT_DAYS * DAY_US:
        return None
    accounts = tuple(sorted(int(one) for one in taken["account"].to_numpy()))
    bits = round(float(taken["agent_bits"].to_numpy().sum()), 2)
    return Cluster(int(taken["network"][0].as_py()), int(taken["agent"][0].as_py()), accounts, bits, first, last)
