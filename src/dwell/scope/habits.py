"""How surprising it is that an account was used from a network with an agent: each term in bits.

A *visit* is one account on one network with one agent over one protocol on one day. A *tie* is all visits of one account
on one network with one agent. For a visit, the agent's term is -log2 of how likely that agent is for that account over
that protocol, judged by its visits from all *other* networks in the months around, and where those are few by what
everybody else uses then. So a known browser in a strange hotel is no surprise; a browser the owner never had, in a
network the owner never used, is. The terms:

* `agent`: as above, or, where a protocol's log names no agent (IMAP, POP), how rarely the account speaks that protocol
elsewhere; * `protocol`: that for all other protocols; * `hour`: hour and day off against the account's rhythm (in
UTC, days off are weekends, unless working time is set: `working_time`); * `network`: how rarely the account is seen there.

Everything runs over visits, not over records, whole columns at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.scope.absences import carried, lived_elsewhere
from dwell.scope.access import DAY_US, Accesses
from dwell.scope.months import MONTH_DAYS, Counted, stretches, whole_accounts
from dwell.scope.rollup.fold import Places, group, narrow, numbered, paired, ranked
from dwell.scope.shared_networks import FOREIGN_BITS
from dwell.scope.working_time import SLOTS, WorkingTime

__all__ = ["BITS_MAX", "TERMS", "TIES", "ties"]

TERMS = ("agent", "hour", "network", "protocol")
BACKOFF = 2.0
"""Visits' worth of weight that everybody else's habits have against the account's own."""
PROTOCOL_TRUST = 20.0
"""Visits of others over a protocol at which what they say of its agents weighs as much as what all protocols say: where
nobody else speaks a protocol, an agent that nobody has anywhere is no ordinary one there."""
HOUR_BACKOFF = 10.0
HOUSE_SHARE = 0.25
"""A place that so many of all visits come from makes the hours of the house, and is held against them whole, where it is
inside, or most come there with agents of their own: else whoever makes so many visits is held against himself."""
MOST_SHARE = 0.5
"""Where so many of all visits come from, it is the house whatever the agents."""
HOUSE_BACKOFF = 100.0
"""Visits' worth of weight that everybody's rhythm has beside that of all other networks, however few come from these."""
BITS_MAX = 16.0

Codes = npt.NDArray[np.int64]
Bits = npt.NDArray[np.float64]

TIES = pa.schema(
    [
        pa.field("account", pa.int64()),
        pa.field("network", pa.int64()),
        pa.field("agent", pa.int64()),
        pa.field("visits", pa.int64()),
        pa.field("days", pa.int64()),
        pa.field("first", pa.int64()),
        pa.field("last", pa.int64()),
        pa.field("elsewhere", pa.int64()),
        *(pa.field(f"{one}_bits", pa.float64()) for one in TERMS),
        pa.field("away_bits", pa.float64()),
        pa.field("meanwhile", pa.float64()),
        pa.field("usually", pa.float64()),
        pa.field("phone", pa.float64()),
    ]
)
"""Codes as in `Accesses`; instants in microseconds since 1970; `elsewhere` counts the account's visits from other networks
in the months around, so that 0 says that there was nothing of its own to judge by; `meanwhile` those on the days of its
visits here, phones left out, and `usually` what it has there on such weekdays (`absences`); `phone` is the share of its
visits that are a phone's."""


Visits = Mapping[str, Places]
"""Columns with a row for each visit."""


def _counted(visits: Visits) -> Counted:
    names = ("account", "network", "protocol", "agent")
    month = visits["day"] // MONTH_DAYS
    parts = [*(visits[one] for one in names), month]
    starts = _starts(parts)
    lengths = np.diff(np.append(starts, len(month))).astype(np.float64)
    taken = [one[starts] for one in parts]
    return Counted(dict(zip(names, taken[:4], strict=True)), taken[4] - int(month.min()), lengths)


def _starts(parts: Sequence[Places]) -> Codes:
    """Give where rows begin that differ from the one before."""
    changed = np.zeros(len(parts[0]), np.bool_)
    changed[:1] = True
    for one in parts:
        changed[1:] |= one[1:] != one[:-1]
    return np.flatnonzero(changed)


def _surprise(counted: Counted) -> tuple[Bits, Bits, Bits]:
    """Give, per row, the bits of the agent and of the protocol, and the account's visits from other networks."""
    own = ("account",)
    same = counted.around("account", "protocol", "agent")
    spoken = counted.around("account", "protocol")
    lived = counted.around(*own)
    here = counted.around("account", "network", "protocol", "agent")
    spoken_here = counted.around("account", "network", "protocol")
    lived_here = counted.around("account", "network")
    house, estate = counted.around("protocol"), counted.around()
    all_own, any_own = spoken - spoken_here, lived - lived_here
    any_others = estate - lived
    same_others = counted.around("protocol", "agent") - same - counted.around("network", "protocol", "agent") + here
    all_others = house - spoken - counted.around("network", "protocol") + spoken_here
    tool_others = counted.around("agent") - counted.around("account", "agent") - counted.around("network", "agent")
    tool_others += counted.around("account", "network", "agent")
    off_others = estate - lived - counted.around("network") + lived_here
    trust = all_others / (all_others + PROTOCOL_TRUST)
    by_others = trust * ((same_others + 0.5) / (all_others + 1)) + (1 - trust) * (
        (tool_others + 0.5) / (off_others + 1)
    )
    agent_bits = -np.log2((same - here + BACKOFF * by_others) / (all_own + BACKOFF))
    by_protocol = BACKOFF * (house - spoken + 0.5) / (any_others + 1)
    return agent_bits, -np.log2((all_own + by_protocol) / (any_own + BACKOFF)), any_own


def _surprises(counted: Counted) -> tuple[Bits, Bits, Bits]:
    """Give what `_surprise` does, some months at a time: no more is asked of a row than what is near it in time."""
    agent, protocol, lived = (np.empty(len(counted.month)) for _ in range(3))
    for near, own in stretches(counted.month):
        for whole, found in zip((agent, protocol, lived), _surprise(counted.taken(near)), strict=True):
            whole[near[own]] = found[own]
    return agent, protocol, lived


def _by_month(accesses: Accesses, visits: Visits) -> tuple[dict[str, npt.NDArray[Any]], npt.NDArray[np.bool_]]:
    """Give, per tie, the bits of the agent and of the protocol, and the most visits from elsewhere; and `_own_places`."""
    counted = _counted(visits)
    tie = ranked(group([counted.values[one] for one in ("account", "network", "agent")]))
    # an application comes from its maker's network and from nowhere else: that is no surprise
    kinds = accesses.kinds[counted.values["agent"]]
    agent_bits, protocol_bits, any_own = _surprises(replace(counted, values={**counted.values, "agent": kinds}))
    # of such programs nothing is known but their protocol: it counts once
    nameless = np.isin(counted.values["agent"], list(accesses.nameless))
    agent_bits, protocol_bits = np.where(nameless, protocol_bits, agent_bits), np.where(nameless, 0.0, protocol_bits)
    weight = np.bincount(tie, weights=counted.visits)
    elsewhere = np.zeros(len(weight))
    np.maximum.at(elsewhere, tie, any_own)
    columns = {
        "agent_bits": np.bincount(tie, weights=counted.visits * agent_bits) / weight,
        "protocol_bits": np.bincount(tie, weights=counted.visits * protocol_bits) / weight,
        "elsewhere": elsewhere.astype(np.int64),
    }
    return columns, _own_places(accesses, counted, agent_bits)


@dataclass(frozen=True, slots=True)
class _House:
    """Everybody's rhythm.

    Attributes:
        share: per slot, the share of all visits.
        width: per slot, how many days of a week it stands for.
        elsewhere: per visit, the share that its slot has of the visits from all other networks.
    """

    share: Bits
    width: Bits
    elsewhere: Bits

    def of(self, some: slice) -> _House:
        """Give it for some of the visits."""
        return _House(self.share, self.width, self.elsewhere[some])


def _house(visits: Visits, working: WorkingTime | None, own: npt.NDArray[np.bool_]) -> _House:
    """Give everybody's rhythm; where working time is set, as that says.

    Args:
        visits: the visits.
        working: when people work, where that is set.
        own: per network code, whether a place from which many visits come may be the house itself (`_own_places`).
    """
    slot, network = visits["slot"], visits["network"]
    counts = np.bincount(slot, minlength=SLOTS).astype(np.float64)
    if working is not None:
        width = working.widths(np.asarray(visits["first"], np.int64))
        share = working.prior(counts, width)
        return _House(share, width, share[slot])
    share = counts / counts.sum()
    # who comes from one place at night must not make the night an ordinary time there; where the house works, that is it
    here = _alike(network)
    others = counts[slot] - _alike(network, slot) + HOUSE_BACKOFF * share[slot]
    whole = (here >= MOST_SHARE * len(slot)) | ((here >= HOUSE_SHARE * len(slot)) & own[network])
    elsewhere = np.where(whole, share[slot], others / (len(slot) - here + HOUSE_BACKOFF))
    return _House(share, np.repeat([5.0, 2.0], SLOTS // 2), elsewhere)


def _own_places(accesses: Accesses, counted: Counted, agent_bits: Bits) -> npt.NDArray[np.bool_]:
    """Say per network code whether it is inside, or most visits there are with agents that their accounts have elsewhere.

    Asked of places only that a great part of all visits comes from.

    Args:
        accesses: all sessions.
        counted: the visits.
        agent_bits: bits of the agent, per row.
    """
    out = accesses.within[:-1].copy()
    account, network, agent = (counted.values[one] for one in ("account", "network", "agent"))
    visits = np.bincount(network, weights=counted.visits, minlength=len(out))
    for one in np.flatnonzero(~out & (visits >= HOUSE_SHARE * visits.sum())).tolist():
        rows = np.flatnonzero(network == one)
        tall = len(accesses.agents) + 1
        at_work = paired(account[rows], tall, accesses.inner[agent[rows]])
        own = (agent_bits[rows] < FOREIGN_BITS) | np.isin(at_work, paired(account, tall, agent))
        out[one] = 2 * counted.visits[rows][own].sum() >= visits[one]
    return out


def _hour_bits(visits: Visits, house: _House) -> tuple[Bits, Bits]:
    """Give, per visit, the bits of its hour: against the account's other visits, and against those from other networks."""
    account, slot, network = visits["account"], visits["slot"], visits["network"]
    own, lived = _alike(account, slot), _alike(account)

    def strange(alike: Codes, all_of_them: Codes, share: Bits) -> Bits:
        rate = (alike + HOUR_BACKOFF * share) / (all_of_them + HOUR_BACKOFF)
        return np.clip(-np.log2(168.0 / house.width[slot] * rate), 0.0, 6.0)

    away = strange(own - _alike(account, network, slot), lived - _alike(account, network), house.elsewhere)
    return strange(own - 1, lived - 1, house.share[slot]), away


def _alike(*parts: Places) -> Codes:
    """Count per visit the visits that share its values, itself among them."""
    place = ranked(group(list(parts)))
    return np.bincount(place)[place]


def _days(keys: Places, day: Places) -> Codes:
    """Count the distinct days of each key; keys count up from 0."""
    first, wide = int(day.min()), int(day.max() - day.min()) + 1
    pairs = np.sort(keys.astype(np.int64) * wide + (day - first))
    new = np.diff(pairs, prepend=-1) != 0
    return np.bincount(pairs[new] // wide, minlength=int(keys.max()) + 1).astype(np.int64)


def _of_accounts(accesses: Accesses, visits: Visits, house: _House) -> dict[str, npt.NDArray[Any]]:
    """Give columns of the ties of some accounts, of which these are all visits: what hangs on nobody else's.

    Args:
        accesses: all sessions, for the names of what is coded.
        visits: the visits.
        house: everybody's rhythm, for these visits.
    """
    account, network, day = (visits[one] for one in ("account", "network", "day"))
    # codes of ties count up in order of account, network and agent
    of_visit, where = numbered(group([account, network, visits["agent"]]))
    number = np.bincount(of_visit)
    first, last = (np.full(len(number), fill) for fill in (np.iinfo(np.int64).max, np.iinfo(np.int64).min))
    np.minimum.at(first, of_visit, visits["first"])
    np.maximum.at(last, of_visit, visits["last"])
    owner, there = ranked(group([account])), ranked(group([account, network]))
    hour_bits, away_bits = _hour_bits(visits, house)
    phone = carried(accesses, visits["protocol"], visits["agent"])
    seen, usual = lived_elsewhere(account, network, day, phone)
    return {
        **{name: visits[name][where] for name in ("account", "network", "agent")},
        "visits": number,
        "days": _days(of_visit, day),
        "first": first,
        "last": last,
        "hour_bits": np.bincount(of_visit, weights=hour_bits) / number,
        "away_bits": np.bincount(of_visit, weights=away_bits) / number,
        "network_bits": -np.log2((_days(there, day)[there[where]] + 1.0) / (_days(owner, day)[owner[where]] + 2.0)),
        "meanwhile": np.bincount(of_visit, weights=seen),
        "usually": np.round(np.bincount(of_visit, weights=usual), 4),
        "phone": np.bincount(of_visit, weights=phone) / number,
    }


def _visits(accesses: Accesses, skip: npt.NDArray[np.bool_], working: WorkingTime) -> Visits:
    """Give one row per visit, from the sessions that count, in order of account, network, protocol, agent and day."""
    kept = accesses.ok & (accesses.account >= 0) & (accesses.network >= 0) & ~accesses.system & ~skip
    rows = narrow(np.flatnonzero(kept))
    names = ("account", "network", "protocol", "agent")
    day = narrow(accesses.first[rows] // DAY_US)
    # sessions are in order of time: a stable sort leaves them so within a visit
    order = np.argsort(group([*(getattr(accesses, one)[rows] for one in names), day]), kind="stable")
    rows, day = rows[order], day[order]
    parts = [*(narrow(getattr(accesses, one)[rows]) for one in names), day]
    starts = _starts(parts)
    last = np.maximum.reduceat(accesses.last[rows], starts) if len(starts) else starts
    out = {name: one[starts] for name, one in zip((*names, "day"), parts, strict=True)}
    first = accesses.first[rows[starts]]
    return out | {"slot": narrow(working.slots(first)), "first": first, "last": last}


def ties(accesses: Accesses, skip: npt.NDArray[np.bool_], working: WorkingTime | None = None) -> pa.Table:
    """Score every account on every network with every agent; rows in `TIES`, in order of the codes.

    Args:
        accesses: all sessions.
        skip: sessions to leave out of both sides: those of services.
        working: when people work, where that is set.
    """
    visits = _visits(accesses, skip, working or WorkingTime())
    if not len(visits["day"]):
        return TIES.empty_table()
    more, own = _by_month(accesses, visits)
    house = _house(visits, working, own)
    held = [
        _of_accounts(accesses, {name: one[some] for name, one in visits.items()}, house.of(some))
        for some in whole_accounts(visits["account"])
    ]
    columns = more | {name: np.concatenate([one.pop(name) for one in held]) for name in list(held[0])}
    for name in (*TERMS, "away"):
        columns[f"{name}_bits"] = np.round(np.clip(columns.pop(f"{name}_bits"), 0.0, BITS_MAX), 2)
    return pa.table([columns[one] for one in TIES.names], schema=TIES)
