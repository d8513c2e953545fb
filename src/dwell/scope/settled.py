"""Who lives where a client is: an account that is there day after day is no stranger there by its agent alone.

A branch office with a browser of its own, a group that was given a new app, phones of one model behind a carrier: their
agent is one that their accounts have nowhere else, and that is all that is odd. They are there on most working days, at the
hours at which their owners live. An intruder who reads a mailbox comes now and then, or at other hours. What is pardoned
here is pardoned for its hours too: whoever comes at night to where people work by day is none of them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.scope.access import DAY_US, Accesses
from dwell.scope.crowds import HOUR_BITS_EACH, HOUR_BITS_MIN, SPARSE_SHARE
from dwell.scope.rollup.fold import Places, group, paired, ranked, users_of

__all__ = [
    "DAYS_MIN",
    "HOME_SHARE",
    "LATE_DAYS_MIN",
    "USERS_MIN",
    "at_own_hours",
    "carried_about",
    "day_after_day",
    "is_office",
    "is_phone",
    "lived_before",
    "of_several_kinds",
    "regular",
    "round_the_clock",
    "settled",
]

DAYS_MIN = 10
LATE_DAYS_MIN = 5
"""So many days are enough where it goes on until the records end: an app that was given out in the last week."""
END_DAYS = 3
"""What was there so many days before the records end goes on until then: a weekend lies between."""
PHONE_SHARE = 0.5
"""A tie is a phone's where so many of its visits are: who carries a phone about is not at home elsewhere by that."""
DAILY_SHARE = 0.45
"""Five days of seven are 0.71 of them; there are holidays and part-time."""
HOME_SHARE = 0.2
"""Who sits nowhere else lives there on fewer days as well: two days of seven are 0.29."""
POLL_SHARE = 0.5
POLL_BINS = 8
"""A client that is there in each of so many equal parts of the day, on so great a share of its days, asks for its owner's
mail by itself: his sleep is no sign against him."""
AWAKE_SHARE = 0.1
"""A phone is on at so many of its days in each of half of these parts at least: nobody is awake at one hour only."""
OFFICE_SHARE = 0.5
"""So many of all accounts, and of those who come, make a network an office where they are settled there."""
USERS_MIN = 3
"""Of the people of a whole house some have other agents than most; one that brings half of the house alone is a tool."""

SECOND_US = 1_000_000

Codes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def at_own_hours(ties: pa.Table, most: float = HOUR_BITS_EACH) -> Mask:
    """Say of each tie whether its hours are those of its account elsewhere; of the house, where there is no elsewhere.

    Args:
        ties: the ties (`habits.TIES`).
        most: bits of surprise that its hours are below.
    """
    return np.asarray(ties["away_bits"].to_numpy() < most)


def settled(ties: pa.Table) -> Mask:
    """Say of each tie whether its account is there day after day at its own hours, or sits nowhere else.

    Who is seen nowhere else at all has no hours to be foreign to: an office in another part of the world.
    """
    daily = _often(ties, DAILY_SHARE)
    alone = _often(ties, HOME_SHARE) & _sits_nowhere_else(ties) & at_own_hours(ties, HOUR_BITS_MIN)
    return np.asarray(daily & at_own_hours(ties) | alone | (daily & (ties["elsewhere"].to_numpy() == 0)))


def regular(ties: pa.Table) -> Mask:
    """Say of each tie whether its account comes on a fifth of the days, at its own hours."""
    return np.asarray(_often(ties, HOME_SHARE) & at_own_hours(ties))


def day_after_day(ties: pa.Table) -> Mask:
    """Say of each tie whether its account comes on nearly half of the days, at whatever hours."""
    return _often(ties, DAILY_SHARE)


def _often(ties: pa.Table, share: float) -> Mask:
    """Say of each tie whether it is there on enough days, and on such a share of the days between first and last."""
    first, last, days = (ties[one].to_numpy() for one in ("first", "last", "days"))
    lasting = last >= last.max(initial=0) - END_DAYS * DAY_US
    enough = np.where(lasting, LATE_DAYS_MIN, DAYS_MIN)
    return np.asarray((days >= enough) & (days >= share * ((last - first) / DAY_US + 1.0)))


def round_the_clock(accesses: Accesses, ties: pa.Table, rows: Codes) -> Codes:
    """Give those of some ties whose client is there day and night on most days, as a program is that polls.

    Args:
        accesses: all sessions.
        ties: the ties (`habits.TIES`).
        rows: the ties that are asked about.
    """
    chosen = rows[_often(ties, DAILY_SHARE)[rows]]
    least = _parts_of_day(accesses, ties, chosen).min(axis=1, initial=np.iinfo(np.int64).max)
    polls: Codes = chosen[least >= POLL_SHARE * ties["days"].to_numpy()[chosen]]
    return polls


def carried_about(accesses: Accesses, ties: pa.Table, rows: Codes) -> Codes:
    """Give those of some ties whose client is a phone that is on day after day, whenever its owner is awake.

    A desk's hours are no measure of it. Who comes now and then is missed on most days, and who comes each night at one hour
    is nobody's phone.

    Args:
        accesses: all sessions.
        ties: the ties (`habits.TIES`).
        rows: the ties that are asked about.
    """
    chosen = rows[(_often(ties, DAILY_SHARE) & is_phone(ties))[rows]]
    met = _parts_of_day(accesses, ties, chosen) >= AWAKE_SHARE * ties["days"].to_numpy()[chosen][:, None]
    carried: Codes = chosen[2 * np.count_nonzero(met, axis=1) >= POLL_BINS]
    return carried


def _parts_of_day(accesses: Accesses, ties: pa.Table, chosen: Codes) -> Codes:
    """Count, for each of some ties and each of `POLL_BINS` parts of the day, the days on which its client is there then."""
    if not len(chosen):
        return np.zeros((0, POLL_BINS), np.int64)
    held, place = accesses.on_ties(*(ties[one].to_numpy()[chosen] for one in ("network", "agent", "account")))
    first, last = accesses.first[held], accesses.last[held]
    width = DAY_US // POLL_BINS
    # a session is in every part of the day from its first to its last line
    count = np.minimum(last // width - first // width + 1, POLL_BINS)
    which = np.repeat(place, count)
    part = np.repeat(first // width, count) + np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
    met = np.unique(paired(which, int(part.max(initial=0)) + 1, part))
    tie, part = np.divmod(met, int(part.max(initial=0)) + 1)
    of_day = np.bincount(tie * POLL_BINS + part % POLL_BINS, minlength=len(chosen) * POLL_BINS)
    return of_day.reshape(-1, POLL_BINS)


def is_phone(ties: pa.Table) -> Mask:
    """Say of each tie whether it is a phone's, which its owner carries about."""
    return np.asarray(ties["phone"].to_numpy() >= PHONE_SHARE)


def _sits_nowhere_else(ties: pa.Table) -> Mask:
    """Say of each tie whether its account has but phones on other networks: less than `DAYS_MIN` days of anything else."""
    account, network, days = (ties[one].to_numpy() for one in ("account", "network", "days"))
    at_desk = np.where(is_phone(ties), 0, days)
    own, here = ranked(account), ranked(group([account, network]))
    return np.asarray(np.bincount(own, weights=at_desk)[own] - np.bincount(here, weights=at_desk)[here] < DAYS_MIN)


def lived_before(ties: pa.Table, own: Mask) -> Mask:
    """Say of each tie whether its account lived on that network before, with other agents, for `DAYS_MIN` days in all.

    A browser that takes another's place is there at the same hours: at others it is somebody else's.

    Args:
        ties: the ties (`habits.TIES`).
        own: per tie, whether its agent is one of its account's own. It counts where it was there day after day, at its own
            hours: an intruder wears an owner's browser too, and his is replaced as well.
    """
    out = np.zeros(ties.num_rows, np.bool_)
    if not ties.num_rows:
        return out
    names = ("account", "network", "first", "last", "days")
    account, network, first, last, days = (ties[one].to_numpy() for one in names)
    days = np.where(own & _often(ties, DAILY_SHARE) & at_own_hours(ties), days, 0)
    place = ranked(group([account, network]))
    begin, end = ((one - first.min()) // SECOND_US for one in (first, last))
    order = np.lexsort((end, place))
    # days of those of the same account and network that ended before a tie began, which is how a browser is replaced
    wide = int(end.max()) + 1
    ended, begun = place[order] * wide + end[order], place * wide + begin
    total = np.concatenate([[0], np.cumsum(days[order])])
    lowest = np.searchsorted(place[order], place, side="left")
    until = np.maximum(np.searchsorted(ended, begun, side="right"), lowest)
    return np.asarray((total[until] - total[lowest] >= DAYS_MIN) & at_own_hours(ties))


def is_office(ties: pa.Table, size: int, kinds: Places) -> Mask:
    """Say per network code whether half of all accounts come there, half of these to stay, and not all with one agent.

    Args:
        ties: the ties (`habits.TIES`).
        size: how many networks there are.
        kinds: per agent, the code of its kind: two applications are none of two kinds.
    """
    out = np.zeros(size, np.bool_)
    network, account = (ties[one].to_numpy() for one in ("network", "account"))
    everybody = len(np.unique(account))
    if not everybody:
        return out
    often = (ties["days"].to_numpy() >= DAYS_MIN) & (2.0 ** -ties["network_bits"].to_numpy() >= SPARSE_SHARE)
    # a phone is there whenever its owner is awake
    often &= at_own_hours(ties, HOUR_BITS_MIN) | is_phone(ties)
    users, living = (users_of(network[one], account[one], size) for one in (np.ones(len(often), np.bool_), often))
    for one in np.flatnonzero((users >= OFFICE_SHARE * everybody) & (living >= OFFICE_SHARE * users)).tolist():
        out[one] = of_several_kinds(ties, network == one, kinds)
    return out


def of_several_kinds(ties: pa.Table, here: Mask, kinds: Places) -> bool:
    """Say whether three accounts or more of some ties have another agent than most: one tool for all is somebody's.

    Args:
        ties: the ties.
        here: which of them.
        kinds: per agent, the code of its kind: two applications are none of two kinds.
    """
    agent, account = (ties[one].to_numpy()[here] for one in ("agent", "account"))
    tools = np.unique(np.stack([kinds[agent], account]), axis=1)
    others = tools[1][tools[0] != np.bincount(tools[0]).argmax()]
    return len(np.unique(others)) >= USERS_MIN
