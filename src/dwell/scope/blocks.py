"""Blocks: foreign clients that open the same mailboxes from several networks, and clients that take over from one another.

Foreign clients (network and agent) and the accounts they are foreign to are a graph. Most clients have one account, and two
that share two by chance are rare. How rare, is read off graphs that are dealt anew: every client keeps how many accounts it
has and every account how many clients, and who has whom is shuffled (curveball trades between all clients at once, in
rounds). People who belong together count as one account.

A pair of clients weighs what its overlap is worth (hypergeometric tail), and where the one begins when the other has ended,
what it is worth that both come at the same hours: a *succession*. A tie has the bits of the heaviest pair that it is part
of: -log2 of the share of ties that are part of so heavy a pair in the graphs dealt anew. Blocks rank leads, and are told as
what holds an intrusion together; they make none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from dwell.scope.access import DAY_US, Accesses
from dwell.scope.actors import groups_of, overlap_bits
from dwell.scope.clients import FOREIGN_BITS, Block, Clients
from dwell.scope.habits import BITS_MAX
from dwell.scope.kin import Kin
from dwell.scope.rollup.fold import group, ranked

__all__ = ["BLOCK", "dealt_anew", "with_blocks"]

BLOCK = "block"
SHARED_MIN = 2
ROUNDS_BEFORE, ROUNDS_BETWEEN, GRAPHS = 60, 4, 25
"""Rounds of trades before the first graph and between two, and graphs; in a round every client trades once."""
BY_CHANCE_MAX = 0.05
"""A block is told where fewer pairs as heavy are to be expected."""
SUCCESSION_DAYS = 90
RHYTHM_VISITS, RHYTHM_BITS_MAX = 6, 6.0
"""Visits that count towards the hours, and what they are worth at most."""
COLUMN_MAX = 64
"""Of an account with more clients of several accounts each, a client is held against so many others."""
SEED = 20210304

Codes = npt.NDArray[np.int64]
Bits = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Graph:
    """Clients and the accounts they are foreign to.

    Attributes:
        client: of each edge, counting up from 0.
        owner: of each edge, the account's group, counting up from 0.
        network: of each client.
        first: of each client, microseconds since 1970.
        last: likewise.
        hours: of each client, visits by hour of the day in UTC: (clients, 24).
    """

    client: Codes
    owner: Codes
    network: Codes
    first: Codes
    last: Codes
    hours: Bits


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Pairs of clients with accounts in common, and the edges to these.

    Attributes:
        first: the one client.
        second: the other.
        bits: weight.
        edges: edges that are part of a pair.
        heaviest: of each of these, the weight of the heaviest pair.
    """

    first: Codes
    second: Codes
    bits: Bits
    edges: Codes
    heaviest: Bits


def dealt_anew(client: Codes, owner: Codes, rng: np.random.Generator) -> Codes:
    """Give the accounts of the edges after one round in which every client trades with another.

    Both put what they do not share on one heap, and take as much from it as they gave, by lot. How many accounts a client
    has and how many clients an account has stays as it is, and no client has an account twice.

    Args:
        client: of each edge.
        owner: of each edge; no edge twice.
        rng: what the lots are drawn from.
    """
    lot = rng.permutation(int(client.max(initial=-1)) + 1)
    heap = np.empty(len(lot), np.int64)
    heap[lot] = np.arange(len(lot)) // 2
    at = heap[client]
    key = at * (int(owner.max(initial=0)) + 1) + owner
    order = np.argsort(key, kind="stable")
    again = np.diff(key[order]) == 0
    shared = np.zeros(len(key), np.bool_)
    shared[order] = np.append(again, False) | np.append(False, again)
    free = np.flatnonzero(~shared)
    out = owner.copy()
    out[free[np.argsort(at[free], kind="stable")]] = owner[free[np.lexsort((rng.random(len(free)), at[free]))]]
    return out


def _graph(accesses: Accesses, clients: Clients, kin: Kin) -> tuple[_Graph, Codes, Codes]:
    """Give the graph, the ties that are its edges, and the edge of each."""
    lan, tool, account = (clients.column(one) for one in ("network", "agent", "account"))
    ties = np.flatnonzero(
        clients.outside & (clients.bits("agent") >= FOREIGN_BITS) & ~np.isin(tool, list(clients.nameless))
    )
    client, owner = ranked(group([lan[ties], tool[ties]])), ranked(kin.of[account[ties]])
    _, kept, edge = np.unique(group([client, owner]), return_index=True, return_inverse=True)
    size = int(client.max(initial=-1)) + 1
    first, last = np.full(size, np.iinfo(np.int64).max), np.zeros(size, np.int64)
    np.minimum.at(first, client, clients.column("first")[ties])
    np.maximum.at(last, client, clients.column("last")[ties])
    network = np.zeros(size, np.int64)
    network[client] = lan[ties]
    rows, place = accesses.on_ties(lan[ties], tool[ties], account[ties])
    hour = accesses.first[rows] // 3_600_000_000 % 24
    hours = np.bincount(client[place] * 24 + hour, minlength=size * 24).reshape(size, 24).astype(np.float64)
    return _Graph(client[kept], owner[kept], network, first, last, hours), ties, edge


def _rhythm(graph: _Graph, first: Codes, second: Codes) -> Bits:
    """Give what it is worth that the second of two clients comes at the first one's hours; 0 if it does not take over."""
    swap = graph.first[first] > graph.first[second]
    before, after = np.where(swap, second, first), np.where(swap, first, second)
    gap = graph.first[after] - graph.last[before]
    takes_over = (gap > 0) & (gap <= SUCCESSION_DAYS * DAY_US)
    whole = graph.hours.sum(axis=0)
    usual = (whole + 1.0) / (whole.sum() + 24.0)
    own = (graph.hours[before] + 4.0 * usual) / (graph.hours[before].sum(axis=1, keepdims=True) + 4.0)
    visits = graph.hours[after]
    number = np.maximum(visits.sum(axis=1), 1.0)
    mean = (visits * np.log2(own / usual)).sum(axis=1) / number
    worth = np.clip(mean * np.minimum(number, RHYTHM_VISITS), 0.0, RHYTHM_BITS_MAX)
    return np.asarray(np.where(takes_over, worth, 0.0))


def _pairs(graph: _Graph, owner: Codes, owners: int) -> _Pairs:
    """Give the pairs of clients on different networks with two accounts in common or more."""
    degree = np.bincount(graph.client)
    edges = np.flatnonzero(degree[graph.client] >= SHARED_MIN)
    edges = edges[np.lexsort((graph.client[edges], owner[edges]))]
    column, row = owner[edges], graph.client[edges]
    wide = len(degree)
    found: list[tuple[Codes, Codes, Codes]] = []
    for step in range(1, COLUMN_MAX):
        met = np.flatnonzero(column[step:] == column[:-step])
        if not len(met):
            break
        met = met[graph.network[row[met]] != graph.network[row[met + step]]]
        found.append((row[met] * wide + row[met + step], edges[met], edges[met + step]))
    if not found:
        none = np.zeros(0, np.int64)
        return _Pairs(none, none, np.zeros(0), none, np.zeros(0))
    key, one, other = (np.concatenate(part) for part in zip(*found, strict=True))
    pairs, of, shared = np.unique(key, return_inverse=True, return_counts=True)
    first, second = pairs // wide, pairs % wide
    bits = np.zeros(len(pairs))
    several = np.flatnonzero(shared >= SHARED_MIN)
    sizes = np.stack([degree[first[several]], degree[second[several]], shared[several]])
    kinds, kind = np.unique(sizes, axis=1, return_inverse=True)
    worth = np.array([overlap_bits(owners, *(int(one) for one in each)) for each in kinds.T])
    if len(several):
        bits[several] = worth[kind.ravel()] + _rhythm(graph, first[several], second[several])
    heaviest = np.zeros(len(owner))
    for part in (one, other):
        np.maximum.at(heaviest, part, bits[of])
    held = np.flatnonzero(heaviest > 0)
    return _Pairs(first[several], second[several], bits[several], held, heaviest[held])


def with_blocks(clients: Clients, accesses: Accesses, kin: Kin) -> Clients:
    """Put to each tie the bits of the heaviest pair of clients that it is part of, and tell the blocks.

    Args:
        clients: the ties.
        accesses: all sessions.
        kin: who belongs together.
    """
    graph, ties, edge = _graph(accesses, clients, kin)
    out = np.zeros(clients.ties.num_rows)
    owners = len(np.unique(kin.of[clients.column("account")]))
    seen = _pairs(graph, graph.owner, owners)
    if not len(seen.bits):
        return replace(clients, further={**clients.further, BLOCK: out})
    rng = np.random.default_rng(SEED)
    owner, edges, pairs = graph.owner, [], []
    for number in range(ROUNDS_BEFORE + GRAPHS * ROUNDS_BETWEEN):
        owner = dealt_anew(graph.client, owner, rng)
        if number >= ROUNDS_BEFORE and (number - ROUNDS_BEFORE) % ROUNDS_BETWEEN == 0:
            made = _pairs(graph, owner, owners)
            edges.append(made.heaviest)
            pairs.append(made.bits)
    bits = np.zeros(len(graph.client))
    share = (_above(edges, seen.heaviest) + 1.0) / GRAPHS / len(graph.client)
    bits[seen.edges] = np.round(np.clip(-np.log2(np.minimum(share, 1.0)), 0.0, BITS_MAX), 2)
    out[ties] = bits[edge]
    blocks = _told(graph, seen, (_above(pairs, seen.bits) + 1.0) / GRAPHS, clients, ties)
    return replace(clients, further={**clients.further, BLOCK: out}, blocks=blocks)


def _above(graphs: list[Bits], asked: Bits) -> Bits:
    """Count, over all graphs, what weighs at least as much as what is asked about."""
    held = np.sort(np.concatenate(graphs))
    return np.asarray(len(held) - np.searchsorted(held, asked - 1e-9), np.float64)


def _told(graph: _Graph, seen: _Pairs, expected: Bits, clients: Clients, ties: Codes) -> tuple[Block, ...]:
    """Put together clients of pairs that chance does not make, the least to be expected first."""
    strong = np.flatnonzero(expected < BY_CHANCE_MAX)
    links = list(zip(seen.first[strong].tolist(), seen.second[strong].tolist(), strict=True))
    lan, tool, account = (clients.column(one)[ties] for one in ("network", "agent", "account"))
    client = ranked(group([lan, tool]))
    out = []
    for members in groups_of(len(graph.network), links):
        if len(members) < SHARED_MIN:
            continue
        mine = np.flatnonzero(np.isin(client, members))
        counts = np.unique(account[mine], return_counts=True)
        inner = [one for one in strong.tolist() if int(seen.first[one]) in members]
        spans = sorted((int(graph.first[one]), int(graph.last[one])) for one in members)
        out.append(
            Block(
                tuple(sorted({(int(lan[one]), int(tool[one])) for one in mine.tolist()})),
                tuple(counts[0][counts[1] >= SHARED_MIN].tolist()),
                spans[0][0],
                max(end for _, end in spans),
                round(float(expected[inner].min()), 2),
                all(end < start for (_, end), (start, _) in pairwise(spans)),
            )
        )
    return tuple(sorted(out, key=lambda one: (one.expected, -len(one.accounts), one.clients)))
