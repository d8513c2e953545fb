"""Who is at home where: accounts that are on a network for weeks, and what tells that they are at home elsewhere then."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.scope.access import DAY_US
from dwell.scope.months import whole_accounts
from dwell.scope.rollup.fold import Places, group, ranked
from dwell.scope.settled import is_phone

__all__ = [
    "RESIDENT_DAYS",
    "WEEK_US",
    "among_residents",
    "at_home_elsewhere",
    "first_there",
    "has_others",
    "lives_beside",
]

RESIDENT_DAYS = 10.0
"""Who was on a network on fewer days is not taken to live there."""
WEEK_US = 7 * DAY_US
SECOND_US = 1_000_000
TIES_AT_ONCE = 200_000
"""So many ties are held against each other in one go."""

Codes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def at_home_elsewhere(ties: pa.Table, outside: Mask) -> Mask:
    """Say of each tie whether the account's other outside ties reach into its time, a week on either side."""
    account, network, first, last = (ties[one].to_numpy() for one in ("account", "network", "first", "last"))
    out = np.zeros(ties.num_rows, np.bool_)
    rows = np.flatnonzero(outside)
    if (np.diff(account[rows]) < 0).any():
        rows = rows[np.argsort(account[rows], kind="stable")]
    # what is asked hangs on nobody else's ties: some accounts at a time, or the sorting takes more memory than all else
    for some in whole_accounts(account[rows], TIES_AT_ONCE):
        part = rows[some]
        out[part] = _reached(account[part], network[part], first[part], last[part])
    return out


def _reached(account: Places, network: Places, first: Codes, last: Codes) -> Mask:
    """Say of each stretch whether one of the same account on another network reaches into its time, as above."""
    # in seconds, so that an instant and the number of a place fit into one number
    begin = int(first.min()) - WEEK_US
    low, start, end, high = ((one - begin) // SECOND_US for one in (first - WEEK_US, first, last, last + WEEK_US))
    owner, here = ranked(account), ranked(group([account, network]))
    return np.asarray(_meeting(owner, low, start, end, high) > _meeting(here, low, start, end, high))


def has_others(ties: pa.Table, outside: Mask, mine: Codes) -> Mask:
    """Say of ties with one agent whether their account is elsewhere outside with another one, a week on either side.

    Args:
        ties: the ties.
        outside: per tie, whether its network is outside and not shared.
        mine: the ties asked about, phones or none of them.
    """
    names = ("network", "agent", "first", "last")
    network, agent, first, last = (ties[one].to_numpy() for one in names)
    phone = is_phone(ties)
    others = np.flatnonzero(outside & (agent != agent[mine[:1]]) & (phone == phone[mine].any()))
    asked, other = _of_same_account(ties, mine, others)
    own = mine[asked]
    met = (first[other] <= last[own] + WEEK_US) & (last[other] >= first[own] - WEEK_US)
    met &= network[other] != network[own]
    return np.bincount(asked[met], minlength=len(mine)) > 0


def _meeting(keys: Codes, low: Codes, start: Codes, end: Codes, high: Codes) -> Codes:
    """Count, for each stretch, those of its key that begin no later than `high` and end no earlier than `low`.

    Args:
        keys: counting up from 0.
        low: what others must not end before.
        start: where it begins, not before `low`.
        end: where it ends.
        high: what others must not begin after, not before `end`.
    """
    wide = int(high.max()) + 1
    base = keys * wide
    begun = np.searchsorted(np.sort(base + start), base + high, side="right")
    ended = np.searchsorted(np.sort(base + end), base + low, side="left")
    # both count those of lower keys whole
    return begun - ended


def first_there(account: Places, network: Places, first: Codes) -> Codes:
    """Give per row when its account first came to its network.

    Args:
        account: account of each row.
        network: network of each row.
        first: when each row begins, microseconds since 1970.
    """
    place = ranked(group([account, network]))
    out = np.full(int(place.max(initial=-1)) + 1, np.iinfo(np.int64).max)
    np.minimum.at(out, place, first)
    return out[place]


def lives_beside(ties: pa.Table, rows: Codes, outer: Mask) -> Mask:
    """Say of some ties whether their account lives on another outside network in the same weeks, at a desk.

    Args:
        ties: the ties.
        rows: those asked about.
        outer: per tie, whether its network is outside.
    """
    names = ("network", "days", "first", "last")
    network, days, first, last = (ties[one].to_numpy() for one in names)
    desk = np.flatnonzero(outer & (days >= RESIDENT_DAYS) & ~is_phone(ties))
    asked, other = _of_same_account(ties, rows, desk)
    own = rows[asked]
    both = np.minimum(last[other], last[own]) - np.maximum(first[other], first[own])
    met = asked[(network[other] != network[own]) & (both >= 2 * WEEK_US)]
    return np.bincount(met, minlength=len(rows)) > 0


def _of_same_account(ties: pa.Table, rows: Codes, others: Codes) -> tuple[Codes, Codes]:
    """Pair some ties with those of others that are of the same account: the place of the one, the row of the other."""
    account = ties["account"].to_numpy()
    known = np.zeros(int(account.max(initial=0)) + 1, np.bool_)
    known[account[rows]] = True
    others = others[known[account[others]]]
    others = others[np.argsort(account[others], kind="stable")]
    start, end = (np.searchsorted(account[others], account[rows], side=side) for side in ("left", "right"))
    count = end - start
    place = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count - start, count)
    return np.repeat(np.arange(len(rows)), count), others[place]


def among_residents(ties: pa.Table, rows: Codes, living: Mask) -> float:
    """Give the bits that so many accounts of one client are worth among all who live on its network in that time.

    Behind a range of a provider many are at home, and some of them have a rare browser: that these have it is no more than
    their share, by their surprise or by how many have it where they live elsewhere. The bound is Chernoff's; where nobody
    else lives there it is the sum of their surprise. Who was there on fewer days than people usually are where they live is
    no neighbour: an intruder could make as many of them as he likes.

    Args:
        ties: the ties.
        rows: those of the client that are foreign, one an account.
        living: per tie, whether the account is at home on no other outside network in the same weeks.
    """
    names = ("account", "network", "agent", "first", "last")
    account, network, agent, first, last = (ties[one].to_numpy() for one in names)
    then = living & (first <= last[rows].max()) & (last >= first[rows].min())
    here, surprise = network == network[rows[0]], float(ties["agent_bits"].to_numpy()[rows].sum())
    count = len(rows)
    neighbours = np.intersect1d(account[then & here], _residents(ties, living, here))
    everybody = count + len(np.setdiff1d(neighbours, account[rows]))
    if everybody == count:
        return surprise
    others, having = (len(np.unique(account[one])) for one in (then & ~here, then & ~here & (agent == agent[rows[0]])))
    share, usual = count / everybody, max(2.0 ** -(surprise / count), (having + 0.5) / (others + 1.0))
    if share <= usual:
        return 0.0
    return float(everybody * (share * np.log2(share / usual) + (1 - share) * np.log2((1 - share) / (1 - usual))))


def _residents(ties: pa.Table, living: Mask, here: Mask) -> Codes:
    """Give the accounts that are on a network on at least half as many days as people are where they live, ten at least.

    Args:
        ties: the ties.
        living: per tie, whether the account is at home on no other outside network in the same weeks.
        here: per tie, whether it is of the network.
    """
    account, days = ties["account"].to_numpy(), ties["days"].to_numpy().astype(np.float64)
    places = group([account, ties["network"].to_numpy()])
    elsewhere = living & ~here
    usual = np.bincount(ranked(places[elsewhere]), weights=days[elsewhere]) if elsewhere.any() else np.zeros(1)
    mine = np.flatnonzero(living & here)
    people, place = np.unique(account[mine], return_inverse=True)
    stayed = np.bincount(place, weights=days[mine], minlength=len(people))
    return people[stayed >= max(RESIDENT_DAYS, float(np.median(usual)) / 2)]
