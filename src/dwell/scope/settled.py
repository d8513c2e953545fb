"""Who lives where a client is: an account that is there day after day is no stranger there by its agent alone.

A branch office with a browser of its own, a group that was given a new app, phones of one model behind a carrier: their
agent is one that their accounts have nowhere else, and that is all that is odd. They are there on most working days, at the
hours at which their owners live, or sit nowhere else. An intruder who reads a mailbox comes now and then, or at other
hours.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.scope.access import DAY_US
from dwell.scope.crowds import HOUR_BITS_EACH, SPARSE_SHARE
from dwell.scope.rollup.fold import group, ranked, users_of

__all__ = ["PHONE_SHARE", "is_office", "lived_before", "settled"]

DAYS_MIN = 10
PHONE_SHARE = 0.5
"""A tie is a phone's where so many of its visits are: who carries a phone about is not at home elsewhere by that."""
DAILY_SHARE = 0.45
"""Five days of seven are 0.71 of them; there are holidays and part-time."""
OFFICE_SHARE = 0.5
"""So many of all accounts, and of those who come, make a network an office where they are settled there."""
USERS_MIN = 3
"""Of the people of a whole house some have other agents than most; one that brings half of the house alone is a tool."""

Codes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def settled(ties: pa.Table) -> Mask:
    """Say of each tie whether its account is there day after day, at hours that are its own, or sits nowhere else."""
    days = ties["days"].to_numpy()
    span = (ties["last"].to_numpy() - ties["first"].to_numpy()) / DAY_US + 1.0
    daily = (days >= DAYS_MIN) & (days >= DAILY_SHARE * span)
    return np.asarray(daily & (_sits_nowhere_else(ties) | (ties["away_bits"].to_numpy() < HOUR_BITS_EACH)))


def _sits_nowhere_else(ties: pa.Table) -> Mask:
    """Say of each tie whether its account has but phones on other networks: less than `DAYS_MIN` days of anything else."""
    account, network, days = (ties[one].to_numpy() for one in ("account", "network", "days"))
    at_desk = np.where(ties["phone"].to_numpy() < PHONE_SHARE, days, 0)
    own, here = ranked(account), ranked(group([account, network]))
    return np.asarray(np.bincount(own, weights=at_desk)[own] - np.bincount(here, weights=at_desk)[here] < DAYS_MIN)


def lived_before(ties: pa.Table, own: Mask) -> Mask:
    """Say of each tie whether its account lived on that network before, with other agents, for `DAYS_MIN` days in all.

    Args:
        ties: the ties (`habits.TIES`).
        own: per tie, whether its account lives there by it: an intruder's browser is replaced as well.
    """
    out = np.zeros(ties.num_rows, np.bool_)
    if not ties.num_rows:
        return out
    names = ("account", "network", "first", "last", "days")
    account, network, first, last, days = (ties[one].to_numpy() for one in names)
    days = np.where(own, days, 0)
    place = ranked(group([account, network]))
    begin, end = np.split(ranked(np.concatenate((first, last))), 2)
    order = np.lexsort((end, place))
    # days of those of the same account and network that ended before a tie began, which is how a browser is replaced
    wide = 2 * len(place) + 1
    ended, begun = place[order] * wide + end[order], place * wide + begin
    total = np.concatenate([[0], np.cumsum(days[order])])
    lowest = np.searchsorted(place[order], place, side="left")
    until = np.maximum(np.searchsorted(ended, begun, side="right"), lowest)
    return np.asarray(total[until] - total[lowest] >= DAYS_MIN)


def is_office(ties: pa.Table, size: int) -> Mask:
    """Say per network code whether half of all accounts come there, half of these to stay, and not all with one agent.

    Args:
        ties: the ties (`habits.TIES`).
        size: how many networks there are.
    """
    out = np.zeros(size, np.bool_)
    network, agent, account = (ties[one].to_numpy() for one in ("network", "agent", "account"))
    everybody = len(np.unique(account))
    if not everybody:
        return out
    often = (ties["days"].to_numpy() >= DAYS_MIN) & (2.0 ** -ties["network_bits"].to_numpy() >= SPARSE_SHARE)
    users, living = (users_of(network[one], account[one], size) for one in (np.ones(len(often), np.bool_), often))
    for one in np.flatnonzero((users >= OFFICE_SHARE * everybody) & (living >= OFFICE_SHARE * users)).tolist():
        here = network == one
        tools = np.unique(np.stack([agent[here], account[here]]), axis=1)
        others = tools[1][tools[0] != np.bincount(tools[0]).argmax()]
        out[one] = len(np.unique(others)) >= USERS_MIN
    return out
