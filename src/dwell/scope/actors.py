"""Which clusters are one actor's: apart by default, together only over a link that is named and weighed.

A link's weight is what its rarity is worth, in bits: that two clients use the same agent counts for as much as that agent
is rare among the accounts' ordinary ties; that they are on the same network outside for as much as it is rare that anybody
else is there by right; that they open the same mailboxes counts for as much as the overlap is unlikely by chance
(hypergeometric tail over all accounts).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import lgamma, log

import numpy as np
import numpy.typing as npt

from dwell.scope.clients import ANY_NETWORK, FOREIGN_BITS, SHORT_ACCOUNTS, Clients, Cluster
from dwell.scope.crowds import ANY_AGENT
from dwell.scope.homes import RESIDENT_DAYS, WEEK_US

__all__ = ["LINK_BITS", "Actor", "Link", "actors_of", "groups_of", "overlap_bits"]

LINK_BITS = 20.0
"""Two clusters are joined at this weight: a coincidence of one in a million among the clusters of one case."""
AGENT_BITS_ALONE = 8.0
"""A tie is taken in for its agent alone where nobody has that agent as an ordinary one and it is at least this strange."""


@dataclass(frozen=True, slots=True)
class Link:
    """Why two clusters are held to be one actor's.

    Attributes:
        first: place of the one cluster.
        second: place of the other.
        bits: weight.
        shared: accounts in both, or mailboxes where one account opens those of others.
        sizes: of how many in each.
        mailboxes: whether it is mailboxes that are counted.
        same_agent: whether the agent is the same.
        ordinary_users: accounts that have that agent as an ordinary one.
        same_network: whether the network is the same.
        residents: further accounts that are on that network with agents of their own, or live there.
    """

    first: int
    second: int
    bits: float
    shared: int
    same_agent: bool
    ordinary_users: int
    sizes: tuple[int, int] = (0, 0)
    mailboxes: bool = False
    same_network: bool = False
    residents: int = 0


@dataclass(frozen=True, slots=True)
class Actor:
    """Clusters that are held to be one actor's.

    Attributes:
        clusters: its clusters, the first seen first.
        links: what joins them; empty where there is one cluster only.
        ties: row numbers of the ties that are its own.
    """

    clusters: tuple[Cluster, ...]
    links: tuple[Link, ...]
    ties: tuple[int, ...]


def _log_choose(total: int, taken: int) -> float:
    return lgamma(total + 1) - lgamma(taken + 1) - lgamma(total - taken + 1)


def overlap_bits(accounts: int, first: int, second: int, shared: int) -> float:
    """Give -log2 of the chance that two random sets of accounts share at least so many.

    Args:
        accounts: accounts in all.
        first: size of the one set.
        second: size of the other.
        shared: accounts in both.
    """
    if shared <= 0:
        return 0.0
    whole = _log_choose(accounts, second)
    chance = 0.0
    for count in range(shared, min(first, second) + 1):
        if second - count <= accounts - first:
            part = _log_choose(first, count) + _log_choose(accounts - first, second - count) - whole
            chance += float(np.exp(part))
            if not chance:  # below what a float can hold: the first term tells the size
                return -part / log(2)
    return float(-np.log2(min(1.0, chance))) if chance else 0.0


def _ordinary_users(clients: Clients, agent: int) -> set[int]:
    """Give the accounts that have an agent as an ordinary one."""
    rows = (clients.column("agent") == agent) & clients.ordinary
    return set(clients.column("account")[rows].tolist())


def _residents(clients: Clients, one: Cluster, other: Cluster) -> int:
    """Count the accounts of neither of two clusters that are on their network with an agent of their own, or live there."""
    here = clients.column("network") == one.network
    here &= (clients.bits("agent") < FOREIGN_BITS) | (clients.column("days") >= RESIDENT_DAYS)
    return len(set(clients.column("account")[here].tolist()).difference(one.accounts, other.accounts))


def _links(clusters: Sequence[Cluster], clients: Clients) -> list[Link]:
    accounts = len(np.unique(clients.column("account")))
    mailboxes = max(accounts, len({box for one in clusters for box in one.mailboxes}))
    ordinary = {one.agent: len(_ordinary_users(clients, one.agent)) for one in clusters}
    out: list[Link] = []
    for place, one in enumerate(clusters):
        for further in range(place + 1, len(clusters)):
            other = clusters[further]
            opened = bool(one.mailboxes or other.mailboxes)
            first, second = (set((opened and each.mailboxes) or each.accounts) for each in (one, other))
            shared = len(first & second)
            bits = overlap_bits(mailboxes if opened else accounts, len(first), len(second), shared)
            same = one.agent == other.agent != ANY_AGENT and one.agent not in clients.nameless
            if same:
                bits += float(-np.log2((ordinary[one.agent] + 1.0) / (accounts + 2.0)))
            near = shared > 0 and one.network == other.network != ANY_NETWORK and one.network not in clients.shared
            there = _residents(clients, one, other) if near else 0
            if near:
                bits += max(0.0, float(-np.log2((there + 1.0) / (accounts + 2.0))))
            if shared and bits >= LINK_BITS:
                users = ordinary[one.agent] if same else 0
                sizes = len(first), len(second)
                out.append(Link(place, further, round(bits, 1), shared, same, users, sizes, opened, near, there))
    return out


def groups_of(count: int, links: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Give what hangs together over links, as places, each group in order."""
    parent = list(range(count))

    def root(one: int) -> int:
        while parent[one] != one:
            one = parent[one]
        return one

    for first, second in links:
        a, b = sorted((root(first), root(second)))
        parent[b] = a
    found: dict[int, list[int]] = {}
    for one in range(count):
        found.setdefault(root(one), []).append(one)
    return list(found.values())


def _ties_of(clusters: Sequence[Cluster], clients: Clients) -> npt.NDArray[np.int64]:
    """Give the ties of an actor: those of its clients, and those of an agent that nobody has as an ordinary one.

    Of a crowd they are those of its visitors.

    A client that is foreign to many is the actor's with the others too to whom its agent is no surprise, where they are
    at home elsewhere in the same weeks: they have no reason to be there.

    An account of the actor's that comes from a network of his is his with any agent, where its owner is at home elsewhere
    and was not there before him: his next browser is his, and an owner's day on a train the year before is not.

    An agent that clusters of other actors have as well is nobody's alone: its other ties go to none of them. One that is
    ordinary to none but the accounts that he uses is his wherever they come with it: where he goes from range to range, his
    own visits to the one make it no surprise on the next. Nobody else has it as an ordinary one: who comes with it for once
    is his as well. Not so those who are there day after day (`settled`): of them it is open whether they live there.
    """
    others = {one.agent for one in clients.clusters if one not in clusters}
    network, agent = clients.column("network"), clients.column("agent")
    bits = clients.bits("agent")
    own = np.zeros(len(network), np.bool_)
    for one in clusters:
        if one.ties:
            own[list(one.ties)] = True
            continue
        if one.network == ANY_NETWORK:
            wanted = (agent == one.agent) & clients.outside & np.isin(clients.column("account"), one.accounts)
            own |= wanted & (bits >= FOREIGN_BITS)
            continue
        here = (network == one.network) & (agent == one.agent) & clients.outside
        own |= here & ((bits >= FOREIGN_BITS) | np.isin(clients.column("account"), one.accounts))
        if len(one.accounts) >= SHORT_ACCOUNTS:
            own |= here & clients.at_home
    accounts = clients.column("account")
    # with his next version, or another program
    came, first = np.unique(accounts[own]), clients.column("first")
    for lan in {one.network for one in clusters if not one.ties and one.network != ANY_NETWORK}:
        mine = [one for one in clusters if one.network == lan and not one.ties]
        begin, end = min(one.first_us for one in mine) - WEEK_US, max(one.last_us for one in mine) + WEEK_US
        there = (network == lan) & clients.outside
        new = np.setdiff1d(came, accounts[there & (first < begin)])
        own |= there & clients.at_home & np.isin(accounts, new) & (first <= end) & ~np.isin(agent, list(others))
    taken = {account for one in clusters for account in one.accounts}
    for tool in {one.agent for one in clusters} - others - clients.nameless:
        if _ordinary_users(clients, tool) <= {
            account for one in clusters if one.agent == tool for account in one.accounts
        }:
            own |= (agent == tool) & clients.outside & ((bits >= AGENT_BITS_ALONE) | np.isin(accounts, list(taken)))
    for one in clients.staying:
        own &= ~((network == one.network) & (agent == one.agent) & np.isin(accounts, one.accounts))
    return np.flatnonzero(own)


def actors_of(clients: Clients) -> tuple[Actor, ...]:
    """Join the clusters that strong links hold together; give the actors, the first seen first."""
    links = _links(clients.clusters, clients)
    out: list[Actor] = []
    for group in groups_of(len(clients.clusters), ((one.first, one.second) for one in links)):
        clusters = tuple(sorted((clients.clusters[one] for one in group), key=lambda one: (one.first_us, one.network)))
        held = tuple(one for one in links if one.first in group)
        rows = _ties_of(clusters, clients)
        out.append(Actor(clusters, held, tuple(int(one) for one in rows)))
    return tuple(sorted(out, key=lambda one: (one.clusters[0].first_us, one.clusters[0].network)))
