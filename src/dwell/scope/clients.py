"""Clients that are foreign to many: one agent on one outside network, surprising for several accounts at once.

A single surprising tie is mostly a hotel, a new phone, a home whose browser is used nowhere else. What an intruder cannot
hide is that one client opens what has no owner in common. So mailboxes are counted per client (network and agent): how
many it opens through accounts that it is foreign to, and for how long. How rare such a count is, is read off the case
itself: the share of all clients with at least as many.

Shared networks are left out: behind them everybody's client looks alike. They are internal ranges, and networks that a
great part of all accounts use with agents of their own (an office, a carrier); both are told to the reader. What can be
told there is told by the hours (`crowds`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.scope.absences import are_there_themselves
from dwell.scope.access import DAY_US, Accesses
from dwell.scope.coincidences import EXPECTED_MAX, expected
from dwell.scope.crowds import ANY_AGENT, HOUR_BITS_MIN, Crowd, crowds_of, is_gathering
from dwell.scope.homes import RESIDENT_DAYS, WEEK_US, among_residents, at_home_elsewhere, has_others
from dwell.scope.relays import Relay, relays_of
from dwell.scope.rollup.fold import Places, group, numbered, paired, users_of
from dwell.scope.settled import (
    at_own_hours,
    carried_about,
    is_phone,
    lived_before,
    regular,
    round_the_clock,
    settled,
)
from dwell.scope.shared_networks import FOREIGN_BITS, from_inside, shared_networks

__all__ = [
    "ACCOUNTS_MIN",
    "ANY_NETWORK",
    "FOREIGN_BITS",
    "SHORT_ACCOUNTS",
    "Block",
    "Clients",
    "Cluster",
    "clients_of",
]

ACCOUNTS_MIN = 3
SUM_BITS_MIN = 20.0
SHORT_DAYS = 10.0
SHORT_ACCOUNTS = 8
"""A client seen for less than `SHORT_DAYS` counts only with this many accounts: a few people behind one address for some
days are a conference."""
STALE_ACCOUNTS = 8
STALE_DAYS = 90.0
"""An agent that nobody has as an ordinary one counts whatever the networks, where it is foreign to this many accounts whose
owners are at home elsewhere, for this long: browsers and apps grow older with the calendar, and an intruder's does not."""
ROUNDS_SHARE = 0.8
"""A service's rounds go on where it makes them in so many of the weeks: logs have holes."""
ANY_NETWORK = -1
"""Stands for the network of a cluster that is an agent's, whatever its networks."""
MONTH_US = 30 * DAY_US
HOURS, HOUR_US = 24, DAY_US // 24
HOUR_BACKOFF = 10.0
"""Hours' worth of weight that all hours alike have against those at which an account is on a network."""

Codes = npt.NDArray[np.int64]
Bits = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cluster:
    """A client that is foreign to several accounts.

    Attributes:
        network: code of the network; `ANY_NETWORK` where the agent is foreign to the accounts wherever it comes from.
        agent: code of the agent; `ANY_AGENT` for a crowd with its owners' own agents.
        accounts: codes of the accounts it is foreign to, sorted.
        bits: sum of the agent's surprise over the mailboxes opened; of the hours' surprise in a crowd.
        first_us: first visit.
        last_us: last visit.
        ties: rows of its ties where it is a crowd (`crowds`); empty where the agent is what is foreign.
        mailboxes: codes of the mailboxes opened, sorted; empty where they are those of the accounts.
        strays: whether it is a service's account that is used from elsewhere while its rounds go on.
        relay: the address inside at which logins are passed on (`relays`); "" where it is no relay.
    """

    network: int
    agent: int
    accounts: tuple[int, ...]
    bits: float
    first_us: int
    last_us: int
    ties: tuple[int, ...] = ()
    mailboxes: tuple[int, ...] = ()
    strays: bool = False
    relay: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """Foreign clients on different networks that open the same mailboxes (`blocks`).

    Attributes:
        clients: network and agent codes, sorted.
        accounts: codes of the accounts that two of them or more are foreign to, sorted.
        first_us: first visit.
        last_us: last visit.
        expected: fewer pairs of clients as heavy as its heaviest one are to be expected by chance.
        succession: whether each begins after the one before has ended.
    """

    clients: tuple[tuple[int, int], ...]
    accounts: tuple[int, ...]
    first_us: int
    last_us: int
    expected: float
    succession: bool

    @property
    def told(self) -> str:
        """Give it in words."""
        how = "one after the other, never at once, " if self.succession else ""
        return (
            f"{len(self.clients)} clients on different networks come {how}to the same {len(self.accounts)} accounts that "
            f"they are foreign to; by chance fewer than {self.expected:g} pairs of clients have as much in common"
        )


@dataclass(frozen=True, slots=True)
class Clients:
    """What the ties say about clients.

    Attributes:
        ties: the ties (`habits.TIES`).
        outside: per tie, whether it is judged: its network is none of the shared ones, or it is of a crowd there, and
            nobody says it is ours.
        fan_out: per tie, -log2 of the share of clients that open at least as many mailboxes so; 0 where the client is not
            foreign to the account.
        foreign: per tie, how many mailboxes its client opened through accounts that it is foreign to.
        at_home: per tie, whether the account is on another outside network over the same protocol in the same weeks: its
            owner is at home elsewhere.
        clusters: clients that stand out, the most surprising first.
        shared: networks in which clients cannot be told apart, by code.
        departed: per tie, how rare it is that an account is used after it went (`departures`); None where none is.
        nameless: agents that stand for a protocol: two clients that have one in common have nothing in common.
        further: terms told from the sessions (`session_terms`), NaN where nothing tells them; empty where nobody asked.
        blocks: foreign clients that open the same mailboxes, the least to be expected by chance first.
        on_servers: per tie, whether it is ranked though its network is shared: its client is a mail server itself.
        neighbours: clients foreign to no more accounts than their share of those who live on the network, or that open
            mailboxes of others for one or two who live there: no clusters.
        staying: clients foreign to several accounts, most of which are there day after day (`settled`): no clusters, and no
            ground to say that these mailboxes bear no sign.
        inside: per tie, whether its account lives inside with the same agent; None where nobody asked.
    """

    ties: pa.Table
    outside: npt.NDArray[np.bool_]
    fan_out: Bits
    foreign: Codes
    at_home: npt.NDArray[np.bool_]
    clusters: tuple[Cluster, ...]
    shared: tuple[int, ...]
    departed: Bits | None = None
    nameless: frozenset[int] = frozenset()
    further: Mapping[str, Bits] = field(default_factory=dict)
    on_servers: npt.NDArray[np.bool_] | None = None
    blocks: tuple[Block, ...] = ()
    neighbours: tuple[Cluster, ...] = ()
    staying: tuple[Cluster, ...] = ()
    inside: npt.NDArray[np.bool_] | None = None

    @property
    def ordinary(self) -> npt.NDArray[np.bool_]:
        """Say of each tie whether its agent is an ordinary one of its account: elsewhere, or inside."""
        own = self.bits("agent") < FOREIGN_BITS
        return own if self.inside is None else own | self.inside

    @property
    def ranked(self) -> npt.NDArray[np.bool_]:
        """Say of each tie whether leads are chosen from it."""
        return self.outside if self.on_servers is None else self.outside | self.on_servers

    def column(self, name: str) -> Codes:
        """Give an integer column of the ties."""
        found: Codes = self.ties[name].to_numpy()
        return found

    def bits(self, name: str) -> Bits:
        """Give one term of the ties."""
        found: Bits = self.ties[f"{name}_bits"].to_numpy()
        return found


def clients_of(
    accesses: Accesses,
    ties: pa.Table,
    left_out: npt.NDArray[np.bool_] | None = None,
    served: npt.NDArray[np.bool_] | None = None,
) -> Clients:
    """Count, per client, the accounts it is foreign to, and pick the clients that stand out.

    Args:
        accesses: all sessions.
        ties: the ties (`habits.TIES`).
        left_out: per tie, whether it is not to be judged, as those of shared networks are not; None for no tie.
        served: per session, whether it is part of a service's rounds (`services`); None for none.
    """
    network, agent = (ties[one].to_numpy() for one in ("network", "agent"))
    bits = ties["agent_bits"].to_numpy()
    daily = settled(ties)
    inside = from_inside(accesses, ties)
    daily |= inside & regular(ties)
    alike = shared_networks(accesses, ties, inside)
    shared, outside = alike.phones, ~alike.of(ties)
    if left_out is not None:
        outside &= ~left_out
    strange = (
        outside
        & (bits >= FOREIGN_BITS)
        & ~_taken_home(accesses, ties)
        & ~lived_before(ties, daily | (bits < FOREIGN_BITS))
    )
    keys = network * (len(accesses.agents) + 1) + agent
    distinct, place = np.unique(keys, return_inverse=True)
    opened, weight, mailbox = _opened(accesses, ties, strange)
    count = np.bincount(place[opened], minlength=len(distinct))
    outer = np.bincount(place[outside], minlength=len(distinct)) > 0
    foreign = count[place].astype(np.int64)
    ranked = np.sort(count[outer])
    more = len(ranked) - np.searchsorted(ranked, foreign)
    share = (more + 1.0) / (len(ranked) + 1.0)
    fan_out = np.where(strange & (foreign > 1), np.round(-np.log2(np.minimum(share, 1.0)), 2), 0.0)
    total: Bits = np.bincount(place[opened], weights=weight, minlength=len(distinct)).astype(np.float64)
    at_home = at_home_elsewhere(ties, outside)
    phone = is_phone(ties)
    by_browser = at_home_elsewhere(ties, outside & ~phone)
    living = outside & ~phone & ~by_browser
    clusters: list[Cluster] = []
    neighbours: list[Cluster] = []
    staying: list[Cluster] = []
    rare = expected(count, total, SUM_BITS_MIN / ACCOUNTS_MIN) < EXPECTED_MAX
    for wanted in np.flatnonzero((count >= ACCOUNTS_MIN) & (total >= SUM_BITS_MIN) & rare):
        rows, held = np.flatnonzero(strange & (place == wanted)), mailbox[place[opened] == wanted]
        found = _cluster(ties, rows, held, total[wanted])
        if found is not None and _stay(ties, found, own := _staying(accesses, ties, rows, daily)):
            others = _odd_beside(ties, np.setdiff1d(rows, own))
            staying.append(found if others is None else _without(found, others))
            clusters += [] if others is None else [others]
        elif found is not None:
            if found.mailboxes:
                alone = not _at_home_there(ties, rows, strange)
            else:
                alone = among_residents(ties, rows, living) >= SUM_BITS_MIN
            (clusters if alone else neighbours).append(found)
    elsewhere = at_home_elsewhere(ties, outside & phone) | by_browser
    named = ~np.isin(agent, list(accesses.nameless))
    clusters += _stale(ties, outside, strange & elsewhere & named, {one.agent for one in clusters}, inside)
    if served is not None:
        clusters += _straying(accesses, ties, outside, served, clusters)
    foreign_there = (bits >= FOREIGN_BITS) if left_out is None else (bits >= FOREIGN_BITS) & ~left_out
    for relay in relays_of(accesses, ties, foreign_there):
        clusters.append(_of_relay(relay, ties))
        outside[list(relay.ties)] = True
    for crowd in crowds_of(ties, np.ones(len(network), np.bool_) if left_out is None else ~left_out):
        rows = np.array(crowd.ties, np.int64)
        known = _known_already(crowd, clusters) or _asked_there(accesses, ties, rows)
        if not known and not _keep_hours_there(accesses, crowd):
            clusters.append(_of_crowd(crowd, ties))
            outside[list(crowd.ties)] = True
            shared[crowd.network] &= crowd.agent != ANY_AGENT
    clusters.sort(key=lambda one: (-one.bits, one.network, one.agent))
    codes = tuple(int(one) for one in np.flatnonzero(shared))
    return Clients(
        ties, outside, fan_out, foreign, at_home, tuple(clusters), codes, nameless=accesses.nameless,
        neighbours=tuple(neighbours), staying=tuple(staying), inside=inside,
    )  # fmt: skip


def _staying(accesses: Accesses, ties: pa.Table, rows: Codes, daily: npt.NDArray[np.bool_]) -> Codes:
    """Give those of a client's ties whose account is there day after day: itself, by a program that polls, by a phone."""
    others = rows[~daily[rows]]
    found = round_the_clock(accesses, ties, others), carried_about(accesses, ties, others)
    return np.concatenate((rows[daily[rows]], np.union1d(*found)))


def _odd_beside(ties: pa.Table, rows: Codes) -> Cluster | None:
    """Put together who comes to where others live, now and then and at hours not his own; None where they are few.

    No hours are asked of a phone: an app that most use day after day, some have open late now and then.
    """
    rows = rows[~(at_own_hours(ties) | is_phone(ties))[rows]]
    bits = float(ties["agent_bits"].to_numpy()[rows].sum())
    if len(rows) < ACCOUNTS_MIN or bits < SUM_BITS_MIN:
        return None
    found = _cluster(ties, rows, np.sort(ties["account"].to_numpy()[rows]), bits)
    return None if found is None else replace(found, ties=tuple(rows.tolist()))


def _without(found: Cluster, others: Cluster) -> Cluster:
    return replace(found, accounts=tuple(one for one in found.accounts if one not in others.accounts))


def _stay(ties: pa.Table, found: Cluster, daily: Codes) -> bool:
    """Say whether most accounts of a client that many share are there day after day, each to read its own mailbox."""
    return not found.mailboxes and 2 * len(np.unique(ties["account"].to_numpy()[daily])) >= len(found.accounts)


def _known_already(crowd: Crowd, clusters: Sequence[Cluster]) -> bool:
    """Say whether most of a crowd are accounts of a client of that network that stands out by its agent."""
    there = {one for each in clusters if each.network in (crowd.network, ANY_NETWORK) for one in each.accounts}
    return 2 * len(there & set(crowd.accounts)) > len(crowd.accounts)


def _asked_there(accesses: Accesses, ties: pa.Table, rows: Codes) -> bool:
    """Say whether the visitors of a crowd came themselves, together or for some days on end."""
    held = _sessions_of(accesses, ties, rows)
    return _came(ties, rows) or is_gathering(accesses.account[held], accesses.first[held] // DAY_US)


def _keep_hours_there(accesses: Accesses, crowd: Crowd) -> bool:
    """Say whether most of a crowd with one agent live on its network with others, and are there at such hours anyway.

    A second browser in the office is used by day, as the first one is, and strange only to what its owner does elsewhere.
    """
    if crowd.agent == ANY_AGENT:
        return False
    own = np.zeros(len(accesses.names) + 1, np.bool_)
    own[list(crowd.accounts)] = True
    own[-1] = False
    here = np.flatnonzero(own[accesses.account] & (accesses.network == crowd.network) & accesses.ok)
    theirs = accesses.agent[here] == crowd.agent
    hour = accesses.first[here] // HOUR_US
    # once a day in each hour, however many sessions
    wide, early = len(accesses.names) + 1, int(hour.min(initial=0))
    met = np.unique(paired(hour[~theirs] - early, wide, accesses.account[here[~theirs]]))
    usual = np.bincount(met % wide * HOURS + (met // wide + early) % HOURS, minlength=wide * HOURS).reshape(-1, HOURS)
    lived = usual.sum(axis=1, keepdims=True)
    rate = (usual + HOUR_BACKOFF / HOURS) / (lived + HOUR_BACKOFF)
    bits = np.where(lived >= RESIDENT_DAYS, np.clip(-np.log2(HOURS * rate), 0.0, None), np.nan)
    told = bits[accesses.account[here[theirs]], hour[theirs] % HOURS]
    told = told[~np.isnan(told)]
    return bool(2 * len(told) > np.count_nonzero(theirs) and told.mean() < HOUR_BITS_MIN)


def _sessions_of(accesses: Accesses, ties: pa.Table, rows: Codes) -> Codes:
    """Give the answered sessions of some ties."""
    held, _ = accesses.on_ties(*(ties[one].to_numpy()[rows] for one in ("network", "agent", "account")))
    return held[accesses.ok[held]]


def _of_crowd(crowd: Crowd, ties: pa.Table) -> Cluster:
    rows = np.array(crowd.ties, np.int64)
    first, last, bits = (ties[one].to_numpy()[rows] for one in ("first", "last", "away_bits"))
    return Cluster(
        crowd.network, crowd.agent, crowd.accounts, round(float(bits.sum()), 2), int(first.min()), int(last.max()),
        crowd.ties,
    )  # fmt: skip


def _of_relay(relay: Relay, ties: pa.Table) -> Cluster:
    rows = np.array(relay.ties, np.int64)
    first, last, bits = (ties[one].to_numpy()[rows] for one in ("first", "last", "agent_bits"))
    return Cluster(
        relay.network, relay.agent, relay.accounts, round(float(bits.sum()), 2), int(first.min()), int(last.max()),
        relay.ties, relay=relay.address,
    )  # fmt: skip


def _stale(
    ties: pa.Table,
    outside: npt.NDArray[np.bool_],
    visiting: npt.NDArray[np.bool_],
    taken: set[int],
    inside: npt.NDArray[np.bool_],
) -> list[Cluster]:
    """Give agents that are foreign to many accounts over a long time, each from a network of its own.

    What most of them have inside (`inside`, per tie) is an ordinary one of theirs. Who is elsewhere with the very same
    agent has moved, and was not visited.
    """
    agent, account = ties["agent"].to_numpy(), ties["account"].to_numpy()
    bits, first, last = (ties[one].to_numpy() for one in ("agent_bits", "first", "last"))
    size = int(agent.max(initial=-1)) + 1
    rows = np.flatnonzero(visiting)
    users = users_of(agent[rows], account[rows], size)
    ordinary = users_of(agent[bits < FOREIGN_BITS], account[bits < FOREIGN_BITS], size)
    at_work = rows[inside[rows]]
    ordinary += 2 * users_of(agent[at_work], account[at_work], size) >= np.maximum(users, 1)
    out = []
    for wanted in np.flatnonzero((users >= STALE_ACCOUNTS) & (ordinary == 0)):
        mine = rows[agent[rows] == wanted]
        if int(wanted) in taken or _span(ties, mine) < STALE_DAYS * DAY_US:
            continue
        mine = mine[has_others(ties, outside, mine)]
        accounts = tuple(np.unique(account[mine]).tolist())
        if len(accounts) >= STALE_ACCOUNTS and _span(ties, mine) >= STALE_DAYS * DAY_US and not _came(ties, mine):
            start, end = int(first[mine].min()), int(last[mine].max())
            out.append(Cluster(ANY_NETWORK, int(wanted), accounts, round(float(bits[mine].sum()), 2), start, end))
    return out


def _span(ties: pa.Table, rows: Codes) -> int:
    """Give the time from the first visit of some ties to the last, microseconds."""
    first, last = (ties[one].to_numpy()[rows] for one in ("first", "last"))
    return int(last.max() - first.min()) if len(rows) else 0


def _straying(
    accesses: Accesses,
    ties: pa.Table,
    outside: npt.NDArray[np.bool_],
    served: npt.NDArray[np.bool_],
    clusters: Sequence[Cluster],
) -> list[Cluster]:
    """Give services' accounts that come from elsewhere too, with an agent nobody has, while their rounds go on all along.

    No record has to say whose mailbox was opened: IIS does not. How often the account changed its network meanwhile is all
    one. Where a service changes its client, the rounds by the old one end; another program of its own comes from where it
    is itself.
    """
    names = ("account", "network", "agent", "agent_bits", "first", "last")
    account, network, agent, bits, first, last = (ties[one].to_numpy() for one in names)
    known = {(one, each.agent) for each in clusters for one in each.accounts}
    out = []
    rounds = np.flatnonzero(served)
    for who in np.unique(accesses.account[rounds]).tolist():
        work = rounds[accesses.account[rounds] == who]
        mine = outside & (account == who) & ~np.isin(network, accesses.network[work])
        for tool in np.unique(agent[mine]).tolist():
            rows = np.flatnonzero(mine & (agent == tool))
            start, end = int(first[rows].min()), int(last[rows].max())
            others = (agent == tool) & (bits < FOREIGN_BITS) & (account != who)
            if (who, tool) in known or others.any() or end - start < SHORT_DAYS * DAY_US:
                continue
            if _go_on(accesses.first[work], start, end):
                weight = round(float(bits[rows].sum()), 2)
                out.append(Cluster(ANY_NETWORK, tool, (who,), weight, start, end, strays=True))
    return out


def _go_on(rounds: Codes, start: int, end: int) -> bool:
    """Say whether rounds are made all along from one instant to another: in every week of it and around it."""
    weeks = np.unique(rounds // WEEK_US)
    return bool(np.isin(np.arange(start // WEEK_US - 1, end // WEEK_US + 2), weeks).mean() >= ROUNDS_SHARE)


def _opened(accesses: Accesses, ties: pa.Table, strange: npt.NDArray[np.bool_]) -> tuple[Codes, Bits, Places]:
    """Give, for each mailbox that a client opened through an account it is foreign to, such a tie's row, its bits, and it.

    Through the owner's account that is one mailbox a tie; a delegate's or a service's account opens many.
    """
    names = ("account", "network", "agent")
    account, network, agent = (ties[one].to_numpy() for one in names)
    held = np.flatnonzero(strange)
    rows, place = accesses.on_ties(network[held], agent[held], account[held])
    usable = accesses.ok[rows] & (accesses.mailbox[rows] >= 0)
    rows, tie = rows[usable], held[place[usable]]
    tall = len(accesses.agents) + 1
    client = network[tie] * tall + agent[tie]
    _, first = numbered(group([client, accesses.mailbox[rows]]))
    picked = tie[first] if len(rows) else tie
    return picked, ties["agent_bits"].to_numpy()[picked], accesses.mailbox[rows[first]] if len(rows) else rows


def _cluster(ties: pa.Table, rows: Codes, mailboxes: Codes, bits: float) -> Cluster | None:
    """Put the ties of one client together; None where the mailboxes are few and the time is brief, or people came along."""
    taken = ties.take(pa.array(rows))
    first, last = int(taken["first"].to_numpy().min()), int(taken["last"].to_numpy().max())
    if len(mailboxes) < SHORT_ACCOUNTS and last - first < SHORT_DAYS * DAY_US:
        return None
    # a few accounts that open mailboxes of others: whether a service is missed elsewhere tells nothing
    if len(taken) >= ACCOUNTS_MIN and _came(ties, rows):
        return None
    accounts = tuple(sorted(int(one) for one in taken["account"].to_numpy()))
    lan, agent = int(taken["network"][0].as_py()), int(taken["agent"][0].as_py())
    held = tuple(sorted(int(one) for one in mailboxes))
    return Cluster(lan, agent, accounts, round(float(bits), 2), first, last, (), held if held != accounts else ())


def _at_home_there(ties: pa.Table, rows: Codes, strange: npt.NDArray[np.bool_]) -> bool:
    """Say whether a client that opens mailboxes of others is the new computer of the one or two it signs in as.

    They lived on its network before it came, with an agent that is theirs, and were there in the month before.
    """
    if len(rows) >= ACCOUNTS_MIN:
        return False
    account, network, days, first, last = (
        ties[one].to_numpy() for one in ("account", "network", "days", "first", "last")
    )
    own = ~strange & (network == network[rows[0]]) & (days >= RESIDENT_DAYS)
    return all(
        (own & (account == account[row]) & (first < first[row]) & (last >= first[row] - MONTH_US)).any()
        for row in rows.tolist()
    )


def _taken_home(accesses: Accesses, ties: pa.Table) -> npt.NDArray[np.bool_]:
    """Say of each tie whether an account that opens mailboxes of others has the same agent inside in the same months.

    Who opens mailboxes by his work does so from home as well, with the computer of the office. Of accounts that open their
    own only this is not asked: a desktop client is the same everywhere in a house.
    """
    out = np.zeros(ties.num_rows, np.bool_)
    known = accesses.ok & (accesses.account >= 0) & (accesses.mailbox >= 0) & (accesses.mailbox != accesses.account)
    pairs = np.unique(paired(accesses.account[known], len(accesses.names) + 1, accesses.mailbox[known]))
    owners, counts = np.unique(pairs // (len(accesses.names) + 1), return_counts=True)
    rows = np.flatnonzero(np.isin(ties["account"].to_numpy(), owners[counts >= ACCOUNTS_MIN]))
    account, agent, first, last = (ties[one].to_numpy()[rows] for one in ("account", "agent", "first", "last"))
    inner = accesses.inner
    for place in np.flatnonzero(inner[agent] >= 0).tolist():
        own = (account == account[place]) & (agent == inner[agent[place]])
        out[rows[place]] = bool((own & (first <= last[place] + MONTH_US) & (last >= first[place] - MONTH_US)).any())
    return out


def _came(ties: pa.Table, rows: Codes) -> bool:
    """Say whether those whose accounts were used there came themselves: they were missed elsewhere on those days."""
    seen, usual = (float(ties[one].to_numpy()[rows].sum()) for one in ("meanwhile", "usually"))
    return are_there_themselves(seen, usual)
