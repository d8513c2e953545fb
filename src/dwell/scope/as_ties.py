"""Clients in one autonomous system: a weak tie beside the network, which makes nobody an intruder.

A provider's system holds thousands of strangers, and an intruder may rent in many. So what lies in one system is told and
weighed, and that is all: no mailbox is called opened, no tie is judged otherwise, no lead has another rank because of it.

The weight is what the coincidence is worth, in bits: that ties of *k* accounts which one agent is foreign to lie in one
system is worth (k - 1) times -log2 of the share of all accounts that are at home there with agents of their own. In a
system that everybody is at home in, it is worth nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dwell.scope.access import Accesses
from dwell.scope.as_tables import NO_SYSTEM, AsTable
from dwell.scope.clients import ACCOUNTS_MIN, FOREIGN_BITS, Clients

__all__ = ["AsCluster", "Systems", "systems_of"]

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class AsCluster:
    """An agent that is foreign to several accounts from several networks of one autonomous system.

    Attributes:
        number: the system.
        agent: code of the agent.
        accounts: codes of the accounts it is foreign to, sorted.
        networks: codes of the networks, sorted.
        at_home: accounts that are at home in the system with agents of their own.
        bits: weight.
        ties: row numbers of the ties.
    """

    number: int
    agent: int
    accounts: tuple[int, ...]
    networks: tuple[int, ...]
    at_home: int
    bits: float
    ties: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Systems:
    """What a table says of the networks of a case.

    Attributes:
        table: the table.
        number: per network code, its system; `NO_SYSTEM` where the table has none.
        clusters: the heaviest first.
    """

    table: AsTable
    number: Codes
    clusters: tuple[AsCluster, ...] = ()

    def name(self, network: int) -> str:
        """Give the system of a network code in words: `AS64500 EXAMPLE`; "" where the table has none."""
        number = int(self.number[network]) if network >= 0 else NO_SYSTEM
        return self.words(number) if number != NO_SYSTEM else ""

    def words(self, number: int) -> str:
        """Give a system in words."""
        return f"AS{number} {self.table.systems.name(number)}".strip()

    def by_tie(self) -> dict[int, AsCluster]:
        """Give the cluster of each tie that is in one, by its row number."""
        return {row: one for one in self.clusters for row in one.ties}


def systems_of(table: AsTable, accesses: Accesses, clients: Clients) -> Systems:
    """Look the networks of a case up, and put ties together that lie in one system.

    Args:
        table: the table.
        accesses: all sessions.
        clients: the ties.
    """
    number = table.systems.numbers(accesses.networks)
    lan, agent, account = (clients.column(one) for one in ("network", "agent", "account"))
    bits = clients.bits("agent")
    of = number[lan] if len(lan) else np.empty(0, np.int64)
    strange = np.flatnonzero(clients.outside & (bits >= FOREIGN_BITS) & (of != NO_SYSTEM))
    everybody = len(np.unique(account))
    order = strange[np.lexsort((account[strange], lan[strange], agent[strange], of[strange]))]
    parts = np.flatnonzero((np.diff(of[order]) != 0) | (np.diff(agent[order]) != 0)) + 1
    ordinary = np.unique(np.stack([of[bits < FOREIGN_BITS], account[bits < FOREIGN_BITS]]), axis=1)
    out = []
    for rows in np.split(order, parts):
        who, where = np.unique(account[rows]), np.unique(lan[rows])
        if len(who) < ACCOUNTS_MIN or len(where) <= 1:
            continue
        there = ordinary[1][ordinary[0] == of[rows[0]]]
        home = len(np.setdiff1d(there, who))
        chance = (home + 1.0) / (max(everybody - len(who), 0) + 2.0)
        weight = round(float((len(who) - 1) * max(0.0, -np.log2(chance))) + 0.0, 1)
        accounts, networks = (tuple(int(one) for one in some) for some in (who, where))
        ties = tuple(int(one) for one in rows)
        out.append(AsCluster(int(of[rows[0]]), int(agent[rows[0]]), accounts, networks, home, weight, ties))
    out.sort(key=lambda one: (-one.bits, one.number, one.agent))
    return Systems(table, number, tuple(out))
