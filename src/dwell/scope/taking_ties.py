"""Which mail taken by cmdlet is an intrusion's doing: default apart, as administrators and owners do the same by right.

An act belongs to an intrusion only where one of these links is recorded:

* the account that ran it had a session of the intrusion's own within `NEAR` of it;
* an outside address of the intrusion, which came by an exploit, sent a request to that server within `NEAR` of it;
* it is what the intrusion rests on (`remote_shells`);
* it sends mail on to where at least `ALIKE_MIN` acts do that are tied so.

Two intrusions are one where at least `ALIKE_MIN` acts of each, tied by the first three, send mail on to one address.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np

from dwell.model.instants import utc_us
from dwell.scope.access import Accesses
from dwell.scope.actors import groups_of
from dwell.scope.exploits import NEAR
from dwell.scope.intrusions import Held, joined, numbered
from dwell.scope.takings import Taking, TakingKind
from dwell.scope.visitors import Visits

__all__ = ["with_takings"]

ALIKE_MIN = 2
"""One act in the minutes of a session can be its owner's, and go where a whole office sends things."""
_TECHNIQUES: Mapping[TakingKind, str] = {TakingKind.EXPORT: "T1114.002", TakingKind.FORWARDING: "T1114.003"}


def _by_session(held: Held, one: Taking, accesses: Accesses) -> str:
    """Say which session of the intrusion's own its account had at the time; "" where none."""
    if one.account is None or one.account not in held.accounts:
        return ""
    rows = np.array(held.rows, np.int64)
    rows = rows[accesses.account[rows] == accesses.names.index(one.account)] if len(rows) else rows
    at, near = utc_us(one.at_utc), int(NEAR.total_seconds() * 1_000_000)
    rows = rows[(accesses.first[rows] - near <= at) & (accesses.last[rows] + near >= at)]
    if not len(rows):
        return ""
    lan = int(accesses.network[rows[0]])
    place = f" from {accesses.networks[lan]}" if lan >= 0 else ""
    return f"{one.account}, who ran it, had a session of this intrusion{place} within {_minutes(NEAR)} of it"


def _by_request(held: Held, one: Taking, visits: Visits) -> str:
    """Say which address of the intrusion sent a request to that server at the time; "" where none."""
    if not held.exploited:
        return ""
    found = visits.nearest(held.clients, one.host, one.at_utc)
    if found is None:
        return ""
    client, gap = found
    return f"{client} sent a request to {one.host} within {_minutes(gap)} of it"


def _by_itself(held: Held, one: Taking) -> str:
    """Say that the intrusion rests on the act; "" where it does not."""
    mine = next((each for each in held.traces if set(one.grounds) <= set(each.grounds)), None)
    return f"{mine.account}, who ran it, came from {mine.client}" if mine is not None and mine.client else ""


def _minutes(gap: timedelta) -> str:
    seconds = int(gap.total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"


def with_takings(
    held: Sequence[Held], takings: Sequence[Taking], accesses: Accesses, visits: Visits
) -> tuple[Held, ...]:
    """Give the intrusions with the mail that each took by cmdlet, and why it is laid to it; some are put together.

    Args:
        held: the intrusions.
        takings: what was taken, by whomever.
        accesses: all sessions.
        visits: requests of the intrusions' addresses at the times of the takings.
    """
    direct = [
        [
            (each, why)
            for each in takings
            if (why := _by_itself(one, each) or _by_session(one, each, accesses) or _by_request(one, each, visits))
        ]
        for one in held
    ]
    goals = [_goals(mine) for mine in direct]
    pairs = [
        (first, second)
        for second in range(len(held))
        for first in range(second)
        if goals[first].keys() & goals[second].keys()
    ]
    if not pairs:
        return tuple(_with(one, mine, takings) for one, mine in zip(held, direct, strict=True))
    out = []
    for group in groups_of(len(held), pairs):
        whole = held[group[0]]
        for place in group[1:]:
            whole = joined(whole, held[place], _joint({each: goals[each] for each in group}, place))
        out.append(_with(whole, [one for place in group for one in direct[place]], takings))
    return numbered(out)


def _goals(mine: Iterable[tuple[Taking, str]]) -> Mapping[str, str]:
    """Give the addresses that at least `ALIKE_MIN` acts send mail on to, each with how it was written first."""
    told = [(_goal(one), one.where) for one, _ in mine if one.kind is TakingKind.FORWARDING]
    counted = Counter(goal for goal, _ in told)
    return {goal: where for goal, where in reversed(told) if counted[goal] >= ALIKE_MIN}


def _joint(goals: Mapping[int, Mapping[str, str]], place: int) -> str:
    """Say what joins one of several to the others: an address that it and another of them send mail on to."""
    mine = goals[place]
    shared = min(goal for other, held in goals.items() if other != place for goal in held if goal in mine)
    return f"acts of both send mail on to {mine[shared]}, at least {ALIKE_MIN} of each"


def _with(one: Held, mine: Sequence[tuple[Taking, str]], takings: Sequence[Taking]) -> Held:
    """Give an intrusion with what it took by cmdlet: what is tied to it, and what goes where that goes."""
    if not mine:
        return one
    unique = {each.grounds: (each, why) for each, why in reversed(mine)}
    mine = sorted(unique.values(), key=lambda pair: (pair[0].at_utc, pair[0].grounds))
    mine += _alike(mine, takings)
    times = [each.at_utc for each, _ in mine]
    techniques = {*one.techniques, *(_TECHNIQUES[each.kind] for each, _ in mine)}
    return replace(
        one,
        first_utc=min(one.first_utc, *times),
        last_utc=max(one.last_utc, *times),
        takings=tuple(each for each, _ in mine),
        techniques=tuple(sorted(techniques)),
        links=(*one.links, *_told(mine)),
    )


def _alike(mine: Sequence[tuple[Taking, str]], takings: Sequence[Taking]) -> list[tuple[Taking, str]]:
    """Give the other acts that send mail on to where several of an intrusion's do."""
    tied = [each for each, _ in mine]
    goals = Counter(_goal(each) for each in tied if each.kind is TakingKind.FORWARDING)
    return [
        (each, f"it goes to {each.where}, as {goals[_goal(each)]} others of this intrusion do")
        for each in takings
        if each.kind is TakingKind.FORWARDING and each not in tied and goals[_goal(each)] >= ALIKE_MIN
    ]


def _goal(one: Taking) -> str:
    """Give the address that mail is sent on to, however the cmdlet writes it."""
    return one.where.strip().strip('"').lower().removeprefix("smtp:")


def _told(mine: Sequence[tuple[Taking, str]]) -> list[str]:
    """Say of each kind of taking how many there are and what ties the first."""
    out = []
    for kind in TakingKind:
        found = [(each, why) for each, why in mine if each.kind is kind]
        if found:
            first, why = found[0]
            out.append(
                f"{kind.value} of {len({each.mailbox for each, _ in found})} mailboxes, {first.mailbox} first: {why}"
            )
    return out
