"""Accounts that open mailboxes of others by their work: which of their sessions are their rounds, and which are not.

An archive, a backup, a calendar service: their work looks like collection and is not judged by an owner's habits. It is
told by its rounds: on a day on which it comes it opens most of the mailboxes that it serves, with one agent, and mostly
from one place. Whoever abuses such an account, or the rights of one that nobody uses, comes with a client of his own and
picks: a few mailboxes today, others next week. So a service's *rounds* are left out of what is judged, by client, and
everything else that its account does is judged like anybody's. Somebody who reads a mailbox of his own is no service when
he comes from outside with an agent that he has nowhere else: what he opens of others so is judged, rounds or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dwell.scope.access import DAY_US, Accesses
from dwell.scope.months import MONTH_DAYS
from dwell.scope.rollup.fold import Places, group, paired, ranked

__all__ = [
    "ROUND_SHARE",
    "SERVICE_MIN",
    "SERVICE_SHARE",
    "Services",
    "people",
    "rounds",
    "service_accounts",
    "services_of",
]

SERVICE_SHARE = 0.5
"""An account that opens such a share of all mailboxes is told as a service."""
SERVICE_MIN = 10
"""Fewer mailboxes of others make no service."""
ROUND_SHARE = 0.5
"""A client makes rounds where it opens, on a day on which it comes, at least such a share of those of that month."""
ROUND_DAYS = 5
"""On fewer days nothing makes rounds: who takes everything in one night does not."""

Codes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Services:
    """What is taken for services.

    Attributes:
        accounts: accounts, by code, and how many mailboxes of others each opens.
        served: per session, whether it is part of a service's rounds.
    """

    accounts: Mapping[int, int]
    served: Mask


def service_accounts(accesses: Accesses) -> dict[int, int]:
    """Give accounts that open a great part of all mailboxes though they are not theirs, and how many each opens.

    They are told to the reader, who can say whether they are known.
    """
    other = (accesses.account >= 0) & (accesses.mailbox != accesses.account) & accesses.ok
    pair = np.unique(paired(accesses.account[other], len(accesses.names) + 1, accesses.mailbox[other]))
    owners, counts = np.unique(pair // (len(accesses.names) + 1), return_counts=True)
    limit = max(SERVICE_MIN, SERVICE_SHARE * np.count_nonzero(np.bincount(accesses.mailbox[accesses.ok] + 1)))
    return {int(one): int(count) for one, count in zip(owners, counts, strict=True) if count >= limit}


def _first(codes: Codes) -> Codes:
    """Give the first row of each code."""
    return np.unique(codes, return_index=True)[1].astype(np.int64)


def rounds(client: Codes, mailbox: Places, day: Codes) -> tuple[Mask, Codes]:
    """Say per client whether it makes rounds, and how many mailboxes it opens; clients count up from 0."""
    size = int(client.max(initial=-1)) + 1
    month = day // MONTH_DAYS
    taken = _first(group([client, mailbox, day]))  # one row a client, mailbox and day
    visits = np.bincount(client[taken], minlength=size)
    monthly = ranked(group([client, month]))
    held = _first(group([client, month, mailbox]))
    mailboxes = np.bincount(monthly[held])
    days = _first(group([client, day]))
    possible = np.bincount(client[days], weights=mailboxes[monthly[days]], minlength=size)
    opened = np.bincount(client[_first(group([client, mailbox]))], minlength=size)
    often = np.bincount(client[days], minlength=size) >= ROUND_DAYS
    return (opened >= SERVICE_MIN) & often & (visits >= ROUND_SHARE * possible), opened


def _own_days(accesses: Accesses, who: Codes, *also: Places) -> tuple[tuple[Places, ...], Codes]:
    """Give which of some accounts read a mailbox of their own, by columns of the sessions, and on how many days."""
    wanted = np.zeros(len(accesses.names) + 1, np.bool_)
    wanted[who] = True
    wanted[-1] = False
    # a call to EWS that names no mailbox is taken to mean the account's own: a service's calls look so as well
    calls = np.array([one.removeprefix("m365-") == "ews" for one in accesses.protocols] or [False])
    rows = np.flatnonzero(wanted[accesses.account])
    own = accesses.ok[rows] & (accesses.network[rows] >= 0) & (accesses.mailbox[rows] == accesses.account[rows])
    rows = rows[own & ~calls[accesses.protocol[rows]]]
    columns = [accesses.account[rows], *(one[rows] for one in also)]
    days = _first(group([*columns, accesses.first[rows] // DAY_US]))
    where = group([one[days] for one in columns]) if len(days) else days
    _, first, count = np.unique(where, return_index=True, return_counts=True)
    return tuple(one[days][first] for one in columns), count


def people(accesses: Accesses, who: Codes) -> Mask:
    """Say per account code whether it is one of some that read a mailbox of their own, as people do: on `ROUND_DAYS`."""
    (account,), days = _own_days(accesses, who)
    out = np.zeros(len(accesses.names) + 1, np.bool_)
    out[account[days >= ROUND_DAYS]] = True
    return out


def _strange(accesses: Accesses, owner: Codes, tool: Codes, lan: Codes | None = None) -> Mask:
    """Say of accounts with agents whether it is somebody with a mailbox of his own, who reads that otherwise.

    Args:
        accesses: all sessions.
        owner: the accounts.
        tool: the agents.
        lan: the network of each; what is read from there does not count. None where only what is read inside counts.
    """
    tall = len(accesses.agents) + 1
    (account, agent, network, inside), days = _own_days(
        accesses, owner, accesses.agent, accesses.network, accesses.internal.astype(np.int32)
    )
    wanted, own = paired(owner, tall, tool), paired(account, tall, agent)
    size = int(max(wanted.max(initial=0), own.max(initial=0))) + 1
    read = np.bincount(own, weights=days * (inside if lan is None else np.ones(len(days))), minlength=size)
    there = np.zeros(len(wanted))
    if lan is not None and len(own):
        wide = len(accesses.networks) + 1
        places, at = paired(own, wide, network), paired(wanted, wide, lan)
        order = np.argsort(places)
        place = np.minimum(np.searchsorted(places[order], at), len(order) - 1)
        there = np.where(places[order][place] == at, days[order][place], 0)
    return np.asarray(people(accesses, owner)[owner] & (read[wanted] - there < ROUND_DAYS))


def services_of(accesses: Accesses) -> Services:
    """Say which accounts are services, and which sessions are their rounds.

    A client is an account's agent on a network. Where none of its networks sees rounds, and the agent makes them over all
    of them together, as a hired service does that comes by many addresses, all of its sessions are rounds. Of an account
    that opens most of all mailboxes a client that does so is its work as well, however it goes about it, where it comes
    from inside or the account makes no rounds at all. No work is what comes from outside with an agent that somebody with a
    mailbox of his own has for nothing else.
    """
    known = accesses.ok & (accesses.account >= 0) & (accesses.network >= 0)
    other = np.flatnonzero(known & (accesses.mailbox >= 0) & (accesses.mailbox != accesses.account))
    most = service_accounts(accesses)
    if not len(other):
        return Services(most, np.zeros(len(accesses), np.bool_))
    account, mailbox, day = accesses.account[other], accesses.mailbox[other], accesses.first[other] // DAY_US
    lan, tool = accesses.network[other], accesses.agent[other]
    wide, tall = len(accesses.networks) + 1, len(accesses.agents) + 1
    agents, agent = np.unique(paired(account, tall, tool), return_inverse=True)
    clients, client = np.unique(paired(paired(account, wide, lan), tall, tool), return_inverse=True)
    by_client, opened = rounds(client, mailbox, day)
    by_agent, _ = rounds(agent, mailbox, day)
    owner = clients // (wide * tall)
    inside = np.bincount(client, weights=accesses.internal[other]) > 0
    stranger = ~inside & _strange(accesses, owner, clients % tall, clients // tall % wide)
    by_client &= ~stranger
    outer = np.bincount(agent, weights=accesses.internal[other]) == 0
    by_agent &= ~(outer & _strange(accesses, agents // tall, agents % tall))
    steady = agents[by_agent & (np.bincount(agent, weights=by_client[client]) == 0)]
    limit = max(SERVICE_MIN, SERVICE_SHARE * np.count_nonzero(np.bincount(accesses.mailbox[accesses.ok] + 1)))
    makers = np.union1d(owner[by_client], steady // tall)
    whole_house = np.isin(owner, list(most)) & (opened >= limit) & ~stranger
    works = by_client | (whole_house & (inside | ~np.isin(owner, makers)))
    lans = paired(accesses.account, wide, accesses.network)
    served = known & np.isin(paired(lans, tall, accesses.agent), clients[works])
    served |= known & np.isin(paired(accesses.account, tall, accesses.agent), steady)
    # what was refused, or came from nowhere, is a service's where all that is known of it is
    pure = ~np.isin(accesses.account, accesses.account[known & ~served])
    makers = np.unique(accesses.account[served])
    served |= pure & np.isin(accesses.account, makers)
    whole = np.bincount(account[_first(group([account, mailbox]))], minlength=len(accesses.names))
    # who opens most mailboxes and makes no rounds is judged, and told by that
    makers = np.unique(accesses.account[served & (accesses.account >= 0)])
    told = {int(one): most.get(int(one), int(whole[one])) for one in makers.tolist()}
    return Services(dict(sorted(told.items())), served)
