"""Which acts were run from where their account is not at home: of those nobody can say that the house did them.

An act was run from away where the address that its record has is outside, or all sessions that its account had within
`NEAR` of it are, on networks on which the account was seen on fewer than `RESIDENT_DAYS` days, and on at most a third of
its own. Where no session of the account is known at the time, or one is inside or has no address, it was not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from dwell.model.addresses import is_internal, network
from dwell.model.instants import utc_us
from dwell.scope.access import DAY_US, Accesses
from dwell.scope.cmdlet_origins import Ran
from dwell.scope.crowds import SPARSE_SHARE
from dwell.scope.exploits import NEAR
from dwell.scope.homes import RESIDENT_DAYS
from dwell.scope.rollup.fold import group, ranked

__all__ = ["run_from_away"]

Codes = npt.NDArray[np.int64]


def run_from_away(acts: Sequence[Ran], accesses: Accesses) -> list[bool]:
    """Say of each act whether it was run from a network outside on which its account does not live.

    Args:
        acts: what was run, by whomever.
        accesses: all sessions.
    """
    places = {name: place for place, name in enumerate(accesses.names)}
    if not acts:
        return []
    codes = [places.get(one.account, -1) if one.account is not None else -1 for one in acts]
    wanted = np.zeros(len(places) + 1, np.bool_)
    wanted[codes] = True
    wanted[-1] = False
    rows = np.flatnonzero(wanted[accesses.account] & accesses.ok & ~accesses.system)
    # sessions are in order of time: so are those of one account
    rows = rows[np.argsort(accesses.account[rows], kind="stable")]
    account = accesses.account[rows]
    lives = _lives(account, accesses.network[rows], accesses.first[rows] // DAY_US)
    lives |= accesses.internal[rows] | (accesses.network[rows] < 0)
    lans = {name: place for place, name in enumerate(accesses.networks)}
    starts, ends = (np.searchsorted(account, codes, side=side) for side in ("left", "right"))
    return [
        _is_away(one, rows[start:end], lives[start:end], lans, accesses)
        for one, start, end in zip(acts, starts.tolist(), ends.tolist(), strict=True)
    ]


def _lives(account: Codes, lan: Codes, day: Codes) -> npt.NDArray[np.bool_]:
    """Say of each session whether its account is at home on its network."""
    if not len(account):
        return np.zeros(0, np.bool_)
    owner, place = ranked(group([account])), ranked(group([account, lan]))
    once, there = (np.unique(group(parts), return_index=True)[1] for parts in ([account, day], [account, lan, day]))
    own, here = np.bincount(owner[once])[owner], np.bincount(place[there])[place]
    return np.asarray((here >= RESIDENT_DAYS) | (here > SPARSE_SHARE * own))


def _is_away(one: Ran, rows: Codes, lives: npt.NDArray[np.bool_], lans: Mapping[str, int], accesses: Accesses) -> bool:
    """Say whether an act was run from away, by all sessions of its account."""
    if one.client is not None:
        lan = network(one.client)
        if lan is None or is_internal(one.client) or not len(rows):
            return False
        # whoever has never been there does not live there
        return not lives[accesses.network[rows] == lans.get(lan, len(lans))].any()
    at, near = utc_us(one.at_utc), int(NEAR.total_seconds() * 1_000_000)
    then = (accesses.first[rows] - near <= at) & (accesses.last[rows] + near >= at)
    return bool(then.any() and not lives[then].any())
