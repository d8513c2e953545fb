"""Sessions from the very address that attacked a server: whoever attacked from there and signs in from there is one actor.

A session is an intrusion's where all of this is so:

* it came from an outside address from which the intrusion exploited a server, or entered one, within `NEAR_DAYS` of that;
* its account had never come from that network before;
* its account comes from nowhere else with that agent.

Where the agent is one that the account has elsewhere as well, or the account came from there long before, its owner may sit
behind the same provider: the session is not the intrusion's, and is kept as doubtful, as its mailbox has no claim to be
without a sign. So is every session of those
who are not at home there from an address from which an intrusion signed in as others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dwell.model.addresses import is_internal, network
from dwell.model.instants import utc_from_us, utc_us
from dwell.scope.access import DAY_US, Accesses
from dwell.scope.clients import FOREIGN_BITS, Clients
from dwell.scope.forgery import Forged
from dwell.scope.homes import WEEK_US, first_there
from dwell.scope.intrusions import REMOTE_MAIL, VALID_ACCOUNTS, Held
from dwell.scope.rollup.fold import paired
from dwell.scope.settled import DAYS_MIN, at_own_hours, settled

__all__ = ["NEAR_DAYS", "spans_of", "with_neighbours", "with_sign_ins"]

NEAR_DAYS = 90
"""Addresses are let to others: what came from one longer before or after its acts says nothing."""
NAMES_MAX = 5

Codes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class _Seen(NamedTuple):
    """Sessions from addresses that attacked a server.

    Attributes:
        rows: row numbers of the accesses.
        addresses: from where each came.
        elsewhere: whether its account comes from another network with the same agent.
        first_there: when its account first came from that network, microseconds since 1970.
    """

    rows: Codes
    addresses: Sequence[str]
    elsewhere: Mask
    first_there: Codes


def with_sign_ins(held: Sequence[Held], accesses: Accesses, ours: Mask | None = None) -> tuple[Held, ...]:
    """Give the intrusions with the sessions that came from addresses of their exploits.

    Args:
        held: the intrusions.
        accesses: all sessions.
        ours: per session, whether a person calls it ours; None where nobody says so of any.
    """
    spans = [spans_of(one) for one in held]
    wanted = {address for one in spans for address in one}
    if not wanted:
        return tuple(held)
    client, clients = accesses.texts("client")
    known = np.array([one in wanted for one in clients] + [False])[client]
    known &= (accesses.account >= 0) & (accesses.network >= 0) & ~accesses.system & (accesses.ok | accesses.refused)
    if ours is not None and len(ours):
        known &= ~ours
    rows = np.flatnonzero(known)
    taken = {row for one in held for row in (*one.rows, *one.refused)}
    rows = rows[[row not in taken for row in rows.tolist()]] if len(rows) else rows
    if not len(rows):
        return tuple(held)
    seen = _seen(rows, [clients[one] for one in client[rows].tolist()], accesses)
    return tuple(_with(one, each, seen, accesses) for one, each in zip(held, spans, strict=True))


def with_neighbours(
    held: Sequence[Held], accesses: Accesses, clients: Clients, ours: Mask | None = None
) -> tuple[Held, ...]:
    """Give the intrusions with the sessions of others from their own addresses outside as doubtful.

    An intruder wears an owner's browser for one mailbox and another for the next. Left out is who was at home there
    before the intrusion, or day after day as far back as records go, by `DAYS_MIN` days with an agent and at hours of
    his own, and where a great part of the house is. Who came to that very address after it is not, however often: so
    may the intruder have come.

    Args:
        held: the intrusions.
        accesses: all sessions.
        clients: the ties, and the networks in which clients cannot be told apart.
        ours: per session, whether a person calls it ours; None where nobody says so of any.
    """
    if not any(one.rows for one in held):
        return tuple(held)
    client, addresses = accesses.texts("client")
    usable = accesses.ok & (accesses.account >= 0) & (accesses.mailbox >= 0) & (accesses.network >= 0) & (client >= 0)
    usable &= ~accesses.internal & ~accesses.system & ~np.isin(accesses.network, np.array(clients.shared, np.int64))
    wide = len(accesses.networks) + 1
    home = at_own_hours(clients.ties) & (clients.column("days") >= DAYS_MIN) & (clients.bits("agent") < FOREIGN_BITS)
    at_home = paired(clients.column("account")[home], wide, clients.column("network")[home])
    since = clients.column("first")[home]
    ever = settled(clients.ties)[home] & (since < accesses.first[0] + WEEK_US)
    out = []
    for one in held:
        own = np.array(one.rows, np.int64)
        own = own[usable[own]] if len(own) else own
        first = np.full(len(addresses), np.iinfo(np.int64).max)
        last = np.full(len(addresses), np.iinfo(np.int64).min)
        np.minimum.at(first, client[own], accesses.first[own] - NEAR_DAYS * DAY_US)
        np.maximum.at(last, client[own], accesses.last[own] + NEAR_DAYS * DAY_US)
        rows = np.flatnonzero(usable & (last > 0)[client]) if len(own) else own
        rows = rows[(accesses.first[rows] >= first[client[rows]]) & (accesses.first[rows] <= last[client[rows]])]
        before = at_home[(since < utc_us(one.first_utc)) | ever]
        rows = rows[~np.isin(paired(accesses.account[rows], wide, accesses.network[rows]), before)]
        rows = rows[~ours[rows]] if ours is not None and len(ours) else rows
        beside = np.setdiff1d(rows, np.array(one.rows, np.int64)).tolist()
        out.append(replace(one, doubtful=tuple(sorted({*one.doubtful, *beside}))))
    return tuple(out)


def spans_of(held: Held) -> dict[str, tuple[int, int]]:
    """Give first and last act from each outside address, microseconds since 1970."""
    told: dict[str, list[datetime]] = {}
    for act in held.acts:
        if act.client is None or network(act.client) is None or is_internal(act.client):
            continue
        instants = (act.at_utc,) if isinstance(act, Forged) else (act.first_utc, act.last_utc)
        told.setdefault(act.client, []).extend(at for at in instants if at is not None)
    return {one: (utc_us(min(found)), utc_us(max(found))) for one, found in told.items() if found}


def _seen(rows: Codes, addresses: Sequence[str], accesses: Accesses) -> _Seen:
    """Put together what is known of some sessions and of their accounts' others."""
    mine = np.zeros(len(accesses.names) + 1, np.bool_)
    mine[accesses.account[rows]] = True
    mine[-1] = False
    every = np.flatnonzero(mine[accesses.account] & (accesses.network >= 0))
    account, lan = accesses.account[every], accesses.network[every]
    # who was refused was not there
    first = np.where(accesses.ok[every], accesses.first[every], np.iinfo(np.int64).max)
    since = first_there(account, lan, first)[np.searchsorted(every, rows)]
    pair = paired(account, len(accesses.agents) + 1, accesses.agent[every])
    held = accesses.ok[every]
    pairs, networks = np.unique(np.unique(np.stack([pair[held], lan[held]]), axis=1)[0], return_counts=True)
    elsewhere = np.isin(pair[np.searchsorted(every, rows)], pairs[networks > 1])
    return _Seen(rows, addresses, elsewhere, since)


def _with(held: Held, spans: Mapping[str, tuple[int, int]], seen: _Seen, accesses: Accesses) -> Held:
    """Give an intrusion with those of some sessions that are its own."""
    near = NEAR_DAYS * DAY_US
    tied: list[int] = []
    doubtful: list[int] = []
    names: dict[str, set[str]] = {}
    columns = (seen.rows.tolist(), seen.addresses, seen.elsewhere.tolist(), seen.first_there.tolist())
    for row, address, own, since in zip(*columns, strict=True):
        first, last = spans.get(address, (0, -1))
        if last < first or not first - near <= int(accesses.first[row]) <= last + near:
            continue
        if own or since < first - near:
            doubtful.append(row)
            continue
        tied.append(row)
        if accesses.ok[row]:
            names.setdefault(address, set()).add(accesses.names[int(accesses.account[row])])
    if not tied:
        return replace(held, doubtful=tuple(sorted({*held.doubtful, *doubtful})))
    in_order = np.array(sorted(tied), np.int64)
    answered = in_order[accesses.ok[in_order]]
    pairs = frozenset(zip(accesses.network[answered].tolist(), accesses.agent[answered].tolist(), strict=True))
    used = {name for found in names.values() for name in found}
    return replace(
        held,
        first_utc=min(held.first_utc, utc_from_us(int(accesses.first[in_order].min()))),
        last_utc=max(held.last_utc, utc_from_us(int(accesses.last[in_order].max()))),
        rows=tuple(sorted({*held.rows, *answered.tolist()})),
        refused=tuple(sorted({*held.refused, *in_order[accesses.refused[in_order]].tolist()})),
        pairs=held.pairs | pairs,
        accounts=tuple(sorted({*held.accounts, *used})),
        techniques=tuple(sorted({*held.techniques, *((VALID_ACCOUNTS, REMOTE_MAIL) if used else ())})),
        links=(*held.links, *(_told(address, found) for address, found in sorted(names.items()))),
        doubtful=tuple(sorted({*held.doubtful, *doubtful})),
    )


def _told(address: str, names: set[str]) -> str:
    first = ", ".join(sorted(names)[:NAMES_MAX]) + (" and others" if len(names) > NAMES_MAX else "")
    return (
        f"{address}, from which it attacked a server, signed in as {first} within {NEAR_DAYS} days of that, with an agent "
        f"that {'they have' if len(names) > 1 else 'that account has'} nowhere else"
    )
