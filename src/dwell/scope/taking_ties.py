"""Which mail taken by cmdlet is an intrusion's doing: default apart, as administrators and owners do the same by right.

An act belongs to an intrusion only where one of these links is recorded:

* it was run from an address that is the intrusion's own (`cmdlet_origins`);
* the account that ran it had a session of the intrusion's own within `NEAR` of it;
* an outside address of the intrusion, which came by an exploit, sent a request to that server within `NEAR` of it;
* it is what the intrusion rests on (`remote_shells`);
* it sends mail on to where acts on at least `ALIKE_MIN` mailboxes do that are tied so.

Two intrusions are one where acts of each on at least `ALIKE_MIN` mailboxes, tied by the first four and not to both, send
mail on to one address. Only an address outside ties so: none of the house's own, and none that somebody of no intrusion
sent mail on to before the intrusion began. Who did so from where he is not at home (`away`) is not counted: an
intruder's visits are not all known, and the house sends mail on from its desks and homes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np

from dwell.model.instants import utc_us
from dwell.model.provenance import RecordRef
from dwell.scope.access import Accesses
from dwell.scope.actors import groups_of
from dwell.scope.away import run_from_away
from dwell.scope.cmdlet_origins import Origin, Origins, Ran
from dwell.scope.exploits import NEAR
from dwell.scope.identities import Identities
from dwell.scope.intrusions import Held, joined, numbered
from dwell.scope.takings import ANY_MAILBOX, OF_LIST, Taking, TakingKind
from dwell.scope.visitors import Visits

__all__ = ["Links", "to_outside", "with_takings"]

ALIKE_MIN = 2
"""What is done to one mailbox in the minutes of a session can be its owner's, and go where a whole office sends things."""
_Key = tuple[tuple[RecordRef, ...], str]
"""An act on a mailbox: its records, and the mailbox, as one act can be on several."""
_Goals = Mapping[_Key, Collection[str]]
"""Where acts send mail on to outside of the house: addresses in small letters."""
_BETWEEN = re.compile(r"[\s\"'<>\[\](){}:;,=]+")
_SENT_ON = frozenset({TakingKind.FORWARDING, TakingKind.FLOW})
_COLLECTED, _FORWARDED = "T1114.002", "T1114.003"


@dataclass(frozen=True, slots=True)
class Links:
    """What ties a cmdlet to an intrusion.

    Attributes:
        accesses: all sessions.
        visits: requests of the intrusions' addresses at the times of the cmdlets.
        origins: sessions from where they were run.
        listed: whether an export of the directory tells who is who.
        is_system: says whether a name is the system's own.
        people: the names that sessions have, each with its place among them.
    """

    accesses: Accesses
    visits: Visits
    origins: Origins
    listed: bool
    is_system: Callable[[str], bool]
    people: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        """Number the names once: an act is held against all of them."""
        object.__setattr__(self, "people", {name: place for place, name in enumerate(self.accesses.names)})

    def tie(self, held: Held, one: Ran) -> str:
        """Say what ties an act to an intrusion; "" where nothing does."""
        return (
            _by_itself(held, one)
            or self.by_address(held, one)
            or self._by_session(held, one)
            or self._by_request(held, one)
        )

    def by_address(self, held: Held, one: Ran) -> str:
        """Say from which address of the intrusion's own it was run; "" where from none."""
        if self.origins.of(held, one) is not Origin.OWN:
            return ""
        return f"it was run from {one.client}, an address of this intrusion from which nobody else came"

    def _by_session(self, held: Held, one: Ran) -> str:
        """Say which session of the intrusion's own its account had at the time; "" where none."""
        accesses = self.accesses
        # an account that an exploit's records name need not have a session of any kind
        if one.account is None or one.account not in held.accounts or one.account not in accesses.names:
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

    def _by_request(self, held: Held, one: Ran) -> str:
        """Say which address of the intrusion sent a request to that server at the time; "" where none."""
        if not held.exploited:
            return ""
        found = self.visits.nearest(held.clients, one.host, one.at_utc)
        if found is None:
            return ""
        client, gap = found
        return f"{client} sent a request to {one.host} within {_minutes(gap)} of it"


def _by_itself(held: Held, one: Ran) -> str:
    """Say that the intrusion rests on the act; "" where it does not."""
    mine = next((each for each in held.traces if set(one.grounds) <= set(each.grounds)), None)
    return f"{mine.account}, who ran it, came from {mine.client}" if mine is not None and mine.client else ""


def _minutes(gap: timedelta) -> str:
    seconds = int(gap.total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"


def with_takings(
    held: Sequence[Held], takings: Sequence[Taking], links: Links, identities: Identities
) -> tuple[Held, ...]:
    """Give the intrusions with the mail that each took by cmdlet, and why it is laid to it; some are put together.

    Args:
        held: the intrusions.
        takings: what was taken, by whomever.
        links: what ties an act to an intrusion.
        identities: who is who.
    """
    direct = [{each.key: (each, why) for each in takings if (why := links.tie(one, each))} for one in held]
    if not any(direct):
        return tuple(held)
    goals = _outside(takings, links.accesses, identities)
    tied = {key for mine in direct for key in mine}
    held = [_using(one, mine, links) for one, mine in zip(held, direct, strict=True)]
    wanted = {goal for key in tied for goal in goals[key]}
    there = [one for one in takings if one.key not in tied and not wanted.isdisjoint(goals[one.key])]
    away = run_from_away(there, links.accesses)
    theirs = _house_since([one for one, far in zip(there, away, strict=True) if not far], held, goals)
    shared = {
        (first, second): both
        for second in range(len(held))
        for first in range(second)
        if (
            both := (_alone(direct, first, second, goals).keys() & _alone(direct, second, first, goals).keys())
            - _before(theirs, max(held[first].first_utc, held[second].first_utc))
        )
    }
    out = []
    for group in groups_of(len(held), list(shared)):
        whole = held[group[0]]
        for place in group[1:]:
            whole = joined(whole, held[place], _joint([both for pair, both in shared.items() if place in pair]))
        mine = [one for place in group for one in direct[place].values()]
        out.append(_with(whole, mine, takings, goals, theirs))
    return numbered(out) if shared else tuple(out)


def _using(one: Held, mine: Mapping[_Key, tuple[Taking, str]], links: Links) -> Held:
    """Give an intrusion with the accounts that ran something from an address of its own."""
    used = {each.account for each, _ in mine.values() if each.account and links.by_address(one, each)}
    return replace(one, accounts=tuple(sorted({*one.accounts, *used})))


def to_outside(takings: Sequence[Taking], accesses: Accesses, identities: Identities) -> tuple[Taking, ...]:
    """Give what was taken without the members of lists who are the house's own: their mail is theirs.

    Args:
        takings: what was taken, by whomever.
        accesses: all sessions.
        identities: who is who.
    """
    goals = _outside(takings, accesses, identities)
    return tuple(one for one in takings if not one.part.startswith(OF_LIST) or goals[one.key])


def _outside(takings: Sequence[Taking], accesses: Accesses, identities: Identities) -> _Goals:
    """Give the addresses outside that each act sends mail on to; a name without a domain is one of the directory."""
    used = np.unique(accesses.mailbox[accesses.ok & (accesses.mailbox >= 0)])
    own = {*identities.mailboxes(), *(accesses.names[one] for one in used.tolist())}
    domains = identities.domains() | {one.rpartition("@")[2].lower() for one in own if "@" in one}
    out = {}
    for one in takings:
        told = {each for each in _BETWEEN.split(one.where.lower()) if "@" in each}
        out[one.key] = frozenset(
            each
            for each in (told if one.kind in _SENT_ON else ())
            if not _within(each.rpartition("@")[2], domains) and identities.label(each) not in own
        )
    return out


def _within(domain: str, domains: Collection[str]) -> bool:
    """Say whether a domain is one of several, or lies below one."""
    parts = domain.split(".")
    return any(".".join(parts[place:]) in domains for place in range(max(0, len(parts) - 8), len(parts)))


def _house_since(takings: Sequence[Taking], held: Sequence[Held], goals: _Goals) -> Mapping[str, datetime]:
    """Give the addresses that accounts of no intrusion send mail on to, with when they first did."""
    theirs = {name for one in held for name in one.accounts}
    out: dict[str, datetime] = {}
    for one in takings:
        if one.account is not None and one.account not in theirs:
            for goal in goals[one.key]:
                out[goal] = min(out.get(goal, one.at_utc), one.at_utc)
    return out


def _before(theirs: Mapping[str, datetime], at_utc: datetime) -> set[str]:
    return {goal for goal, since in theirs.items() if since < at_utc}


def _several(mine: Sequence[Taking], goals: _Goals) -> Mapping[str, int]:
    """Give the addresses that mail of at least `ALIKE_MIN` mailboxes is sent on to, with of how many."""
    found: dict[str, set[str]] = {}
    for one in (each for each in mine if each.mailbox != ANY_MAILBOX):
        for goal in goals[one.key]:
            found.setdefault(goal, set()).add(one.mailbox)
    return {goal: len(boxes) for goal, boxes in found.items() if len(boxes) >= ALIKE_MIN}


def _alone(
    direct: Sequence[Mapping[_Key, tuple[Taking, str]]], mine: int, other: int, goals: _Goals
) -> Mapping[str, int]:
    """Give the same of the acts that are tied to one intrusion and not to another."""
    return _several([one for key, (one, _) in direct[mine].items() if key not in direct[other]], goals)


def _joint(shared: Sequence[Collection[str]]) -> str:
    """Say what joins one of several to the others: an address that it and another of them send mail on to."""
    goal = min(goal for both in shared for goal in both)
    return f"acts of both send mail on to {goal}, of at least {ALIKE_MIN} mailboxes each"


def _with(
    one: Held,
    mine: Sequence[tuple[Taking, str]],
    takings: Sequence[Taking],
    goals: _Goals,
    theirs: Mapping[str, datetime],
) -> Held:
    """Give an intrusion with what it took by cmdlet: what is tied to it, and what goes where that goes."""
    if not mine:
        return one
    unique = {each.key: (each, why) for each, why in reversed(mine)}
    mine = sorted(unique.values(), key=lambda pair: (pair[0].at_utc, pair[0].key))
    mine += _alike([each for each, _ in mine], takings, goals, _before(theirs, one.first_utc))
    times = [each.at_utc for each, _ in mine]
    techniques = {*one.techniques, *(_FORWARDED if each.kind in _SENT_ON else _COLLECTED for each, _ in mine)}
    return replace(
        one,
        first_utc=min(one.first_utc, *times),
        last_utc=max(one.last_utc, *times),
        takings=tuple(each for each, _ in mine),
        techniques=tuple(sorted(techniques)),
        links=(*one.links, *_told(mine)),
    )


def _alike(
    mine: Sequence[Taking], takings: Sequence[Taking], goals: _Goals, less: Collection[str]
) -> list[tuple[Taking, str]]:
    """Give the other acts that send mail on to where several of an intrusion's do."""
    several = {goal: count for goal, count in _several(mine, goals).items() if goal not in less}
    tied = {each.key for each in mine}
    out = []
    for each in takings:
        there = [several[goal] for goal in goals[each.key] if goal in several]
        if there and each.key not in tied:
            many = f"{max(there)} mailboxes by acts of this intrusion"
            out.append((each, f"it goes to {each.where}, as does mail of {many}"))
    return out


def _told(mine: Sequence[tuple[Taking, str]]) -> list[str]:
    """Say of each kind of taking how many there are and what ties the first."""
    out = []
    for kind in TakingKind:
        found = [(each, why) for each, why in mine if each.kind is kind]
        if found:
            first, why = found[0]
            boxes = {each.mailbox for each, _ in found} - {ANY_MAILBOX}
            whose = (
                f"of {len(boxes)} mailboxes, {first.mailbox or min(boxes)} first" if boxes else "of mailboxes not told"
            )
            out.append(f"{kind.value} {whose}: {why}")
    return out
