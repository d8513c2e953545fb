"""Crowds: one place where many accounts turn up now and then, at hours that are not their own.

An intruder who has the passwords can wear each owner's own browser, or sit where everybody's client looks alike: behind the
house's VPN, on the mail server itself. Then no agent is foreign and the network is taken for an office or a carrier. What
is left is when. An account that comes from a place on a few days here and there, over months, while its owner lives
elsewhere, and mostly at hours at which that account is otherwise asleep, is odd; that many accounts are odd in the same way
in the same place has no owner in common.

A *crowd* is a network, or one agent on one network, with at least `ACCOUNTS_MIN` such visitors, most of those who come
there at all, whose hours are on average `HOUR_BITS_MIN` bits from their own rhythm. A carrier's visitors come once; an
office's and a home's come daily or at their ordinary hours; a delegation abroad stays for some days on end.

Who is asked to be somewhere at night is no crowd either. People who sit there together, as in a night session, come on the
same few days; people on duty stay for some nights on end, or over midnight. An intruder's visits are scattered.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.scope.access import DAY_US
from dwell.scope.rollup.fold import group, ranked

__all__ = ["ACCOUNTS_MIN", "ANY_AGENT", "HOUR_BITS_MIN", "Crowd", "come_now_and_then", "crowds_of", "is_gathering"]

ACCOUNTS_MIN = 8
HOUR_BITS_MIN = 2.0
"""Mean surprise of the hours, against what the account does from everywhere else."""
HOUR_BITS_EACH = 1.0
"""Three of four visitors must be so much from their own rhythm: a few night owls do not make a crowd."""
EACH_SHARE = 0.75
VISITOR_DAYS = 3
VISITOR_SPAN_DAYS = 28.0
SPARSE_SHARE = 1 / 3
"""A visitor is there on at most this share of the days between first and last, and of the days it is seen at all."""
VISITORS_SHARE = 0.6
"""So many of those who come there on more than one day must be visitors of this kind."""
SPAN_DAYS = 90.0
TOGETHER_SHARE = 0.3
"""Where so many of the visitors are there on a day on which any is, on average, they come together."""
ON_END_SHARE = 0.5
"""Where the visitors were or are there on the day before or after on so many of their days, they stay."""
ANY_AGENT = -1
"""Stands for the agent of a crowd that is a network's, whatever the agents."""

Codes = npt.NDArray[np.int64]
Bits = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Crowd:
    """A place where many accounts turn up at hours that are not their own.

    Attributes:
        network: code of the network.
        agent: code of the agent; `ANY_AGENT` where it is the network whatever the agents.
        accounts: codes of the visitors, sorted.
        ties: rows of their ties there.
        hour_bits: mean surprise of their hours there, weighed by visits.
    """

    network: int
    agent: int
    accounts: tuple[int, ...]
    ties: tuple[int, ...]
    hour_bits: float


def crowds_of(ties: pa.Table, usable: npt.NDArray[np.bool_]) -> tuple[Crowd, ...]:
    """Find the crowds: networks first, then single agents on networks that are none as a whole.

    Args:
        ties: the ties (`habits.TIES`).
        usable: per tie, whether it is looked at.
    """
    if not usable.any():
        return ()
    network, agent = (ties[one].to_numpy() for one in ("network", "agent"))
    rows = np.flatnonzero(usable)
    whole = _found(ties, rows, network[rows])
    taken = {one.network for one in whole}
    rest = rows[~np.isin(network[rows], list(taken))]
    tall = int(agent.max(initial=0)) + 1
    single = _found(ties, rest, network[rest] * tall + agent[rest], tall)
    return tuple(sorted((*whole, *single), key=lambda one: (-len(one.accounts), one.network, one.agent)))


def _found(ties: pa.Table, rows: Codes, place: Codes, tall: int = 0) -> list[Crowd]:
    """Judge each place; `tall` parts its number into network and agent, 0 where it is the network's."""
    if not len(rows):
        return []
    names = ("account", "visits", "days", "first", "last")
    account, visits, days, first, last = (ties[one].to_numpy()[rows] for one in names)
    hours, there = (ties[one].to_numpy()[rows] for one in ("away_bits", "network_bits"))
    wide = int(account.max()) + 1
    pairs, start, which = np.unique(place * wide + account, return_index=True, return_inverse=True)
    count = len(pairs)
    weight = np.bincount(which, weights=visits, minlength=count)
    bits = np.bincount(which, weights=visits * hours, minlength=count) / weight
    stayed = np.bincount(which, weights=days, minlength=count)
    since, until = np.full(count, np.iinfo(np.int64).max), np.full(count, np.iinfo(np.int64).min)
    np.minimum.at(since, which, first)
    np.maximum.at(until, which, last)
    span = (until - since) / DAY_US + 1.0
    share = 2.0 ** -there[start]
    if tall:
        # who sits in that network day after day with another agent is no less a visitor there with this one
        share *= (stayed + 1.0) / (np.maximum(_most_days(ties)[rows][start], stayed) + 1.0)
    visitor = come_now_and_then(stayed, span, share)
    spots, spot = np.unique(place[start], return_inverse=True)
    size = len(spots)
    visitors = np.bincount(spot[visitor], minlength=size)
    regulars = np.bincount(spot[stayed > 1], minlength=size)
    late = np.bincount(spot[visitor & (bits >= HOUR_BITS_EACH)], minlength=size)
    heavy = np.bincount(spot[visitor], weights=weight[visitor], minlength=size)
    mean = np.bincount(spot[visitor], weights=(weight * bits)[visitor], minlength=size) / np.maximum(heavy, 1.0)
    ok = (visitors >= ACCOUNTS_MIN) & (visitors >= VISITORS_SHARE * regulars)
    ok &= (late >= EACH_SHARE * visitors) & (mean >= HOUR_BITS_MIN)
    out = []
    for one in np.flatnonzero(ok).tolist():
        mine = visitor & (spot == one)
        if (until[mine].max() - since[mine].min()) / DAY_US < SPAN_DAYS:
            continue
        held = rows[mine[which]]
        out.append(
            Crowd(
                int(spots[one]) // tall if tall else int(spots[one]),
                int(spots[one]) % tall if tall else ANY_AGENT,
                tuple(sorted({int(each) for each in account[start][mine].tolist()})),
                tuple(held.tolist()),
                round(float(mean[one]), 2),
            )
        )
    return out


def come_now_and_then(days: Bits | Codes, span: Bits, share: Bits) -> npt.NDArray[np.bool_]:
    """Say who comes to a place on a few days over weeks, and lives elsewhere.

    Args:
        days: days there, of each.
        span: days from the first to the last.
        share: share that these days have of those on which the account is seen at all.
    """
    often = (days > SPARSE_SHARE * span) | (share > SPARSE_SHARE)
    return np.asarray((days >= VISITOR_DAYS) & (span >= VISITOR_SPAN_DAYS) & ~often)


def _most_days(ties: pa.Table) -> Codes:
    """Give per tie the most days of any tie of its account on its network."""
    place = ranked(group([ties["account"].to_numpy(), ties["network"].to_numpy()]))
    most = np.zeros(int(place.max(initial=-1)) + 1, np.int64)
    np.maximum.at(most, place, ties["days"].to_numpy())
    return most[place]


def is_gathering(account: Codes, day: Codes) -> bool:
    """Say whether people were asked to a place: they come there together, or stay for some days on end.

    Args:
        account: account per visit there.
        day: day per visit, days since 1970.
    """
    who, when = np.unique(np.stack([account, day]), axis=1)
    together = len(who) / (len(np.unique(when)) * len(np.unique(who)))
    # sorted by account, then day: a stay's days stand side by side
    near = (np.diff(who) == 0) & (np.diff(when) == 1)
    on_end = np.count_nonzero(np.append(near, False) | np.insert(near, 0, False)) / len(who)
    return bool(together >= TOGETHER_SHARE or on_end >= ON_END_SHARE)
