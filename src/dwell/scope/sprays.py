"""Passwords tried against many names from one place, and whom they let in: how accounts of an intrusion were come by.

A *spray* is a network from which at least `ACCOUNTS_MIN` accounts were refused with one agent, no more than `PAUSE` apart,
and most of those that were tried. Whoever was let in by the same agent from the same network meanwhile, or within `PAUSE`
afterwards, had the password that was tried. Anybody's spray without success is no entry.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from dwell.model.instants import utc_from_us, utc_us
from dwell.model.provenance import RecordRef
from dwell.scope.access import DAY_US, Accesses
from dwell.scope.actors import LINK_BITS, groups_of, overlap_bits
from dwell.scope.address_ties import NEAR_DAYS
from dwell.scope.intrusions import Held
from dwell.scope.rollup.fold import group, paired

__all__ = ["ACCOUNTS_MIN", "Spray", "spray_of", "sprays_of", "with_sprays"]

ACCOUNTS_MIN = 10
"""Fewer names are somebody who has forgotten which account he has."""
PAUSE_DAYS = 2
LET_IN_SHARE = 0.5
"""Where more than this share of those tried are let in, it is people who sign in, and mistype."""
GROUNDS_MAX = 5
_GUESSED = "a password that is easily guessed falls to more than one: the sprays can be another's"

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Spray:
    """Passwords tried against many names.

    Attributes:
        network: from where.
        agent: with what.
        first_us: first refusal, microseconds since 1970.
        last_us: last sign-in or refusal.
        tried: accounts that were refused or let in.
        let_in: accounts that were let in, by name.
        rows: sessions by which they were let in, row numbers of the accesses.
        hosts: servers that let them in.
        grounds: records, those that let in first.
    """

    network: str
    agent: str
    first_us: int
    last_us: int
    tried: int
    let_in: tuple[str, ...]
    rows: tuple[int, ...]
    hosts: tuple[str, ...]
    grounds: tuple[RecordRef, ...]


def sprays_of(accesses: Accesses) -> tuple[Spray, ...]:
    """Give the sprays that let somebody in, in order of time."""
    known = (accesses.network >= 0) & (accesses.account >= 0)
    refused = np.flatnonzero(known & accesses.refused)
    if not len(refused):
        return ()
    tall = len(accesses.agents) + 1
    client = paired(accesses.network, tall, accesses.agent)
    # few clients are refused for many names
    pairs = np.unique(np.stack([client[refused], accesses.account[refused]]), axis=1)
    clients, names = np.unique(pairs[0], return_counts=True)
    out: list[Spray] = []
    for one in clients[names >= ACCOUNTS_MIN].tolist():
        mine = np.flatnonzero(known & (client == one) & (accesses.refused | accesses.ok))
        out += [found for rows in _runs(mine, accesses) if (found := _spray(rows, accesses)) is not None]
    return tuple(sorted(out, key=lambda one: (one.first_us, one.network, one.agent)))


def _runs(rows: Codes, accesses: Accesses) -> list[Codes]:
    """Part sessions, which are in order of time, where there is a pause."""
    gaps = np.flatnonzero(np.diff(accesses.first[rows]) > PAUSE_DAYS * DAY_US) + 1
    return np.split(rows, gaps)


def _spray(rows: Codes, accesses: Accesses) -> Spray | None:
    refused, let_in = rows[accesses.refused[rows]], rows[accesses.ok[rows]]
    tried = np.unique(accesses.account[refused])
    if len(tried) < ACCOUNTS_MIN or not len(let_in):
        return None
    let_in = let_in[accesses.first[let_in] >= accesses.first[refused[0]]]
    held = np.unique(accesses.account[let_in])
    every = np.union1d(tried, held)
    if not len(held) or len(held) > LET_IN_SHARE * len(every):
        return None
    first = let_in[np.unique(group([accesses.account[let_in]]), return_index=True)[1]]
    hosts = sorted({one or "(unknown host)" for one in accesses.rows(let_in.tolist(), ("host",))["host"].to_pylist()})
    lan, tool = int(accesses.network[rows[0]]), int(accesses.agent[rows[0]])
    return Spray(
        accesses.networks[lan],
        accesses.agents[tool],
        int(accesses.first[refused[0]]),
        int(accesses.last[rows].max()),
        len(every),
        tuple(sorted(accesses.names[one] for one in held.tolist())),
        tuple(let_in.tolist()),
        tuple(hosts),
        tuple(dict.fromkeys(accesses.refs([*sorted(first.tolist())[:GROUNDS_MAX], *refused[:GROUNDS_MAX].tolist()]))),
    )


def spray_of(held: Held, sprays: Sequence[Spray]) -> tuple[Spray, ...]:
    """Give the sprays by which an intrusion got passwords: it has sessions in common with each."""
    mine = set(held.rows)
    return tuple(one for one in sprays if mine & set(one.rows))


def with_sprays(held: Sequence[Held], sprays: Sequence[Spray], accesses: Accesses) -> tuple[Held, ...]:
    """Give the intrusions with the sign-ins of those sprays that are theirs.

    A spray is an intrusion's where it came from a network of its for accounts of its: few accounts on one day are no client
    that stands out by itself; that the same network reads their mail afterwards says whose the spray was. So is one that
    comes, with others of the same agent at the same time, from networks that nobody uses afterwards, where those whom all
    of them let in are the intrusion's accounts by no chance (`LINK_BITS`), used within `NEAR_DAYS` and not before.

    Args:
        held: the intrusions.
        sprays: what let somebody in.
        accesses: all sessions.
    """
    further = _by_accounts(held, sprays, accesses)
    out: list[Held] = []
    for place, one in enumerate(held):
        lans = {accesses.networks[lan] for lan, _ in one.pairs if lan >= 0}
        near = [each for each in sprays if each.network in lans and set(each.let_in) & set(one.accounts)]
        wide = [each for each, _ in further.get(place, ()) if each not in near]
        mine = [each for each in sprays if each in near or each in wide]
        rows = sorted({*one.rows, *(row for each in mine for row in each.rows)})
        if not mine or len(rows) == len(one.rows):
            out.append(one)
            continue
        first, last = (int(each(column[rows])) for each, column in ((min, accesses.first), (max, accesses.last)))
        told = dict.fromkeys(text for each, text in further.get(place, ()) if each in wide)
        out.append(
            replace(
                one,
                first_utc=min(one.first_utc, utc_from_us(first)),
                last_utc=max(one.last_utc, utc_from_us(last)),
                rows=tuple(rows),
                accounts=tuple(sorted({*one.accounts, *(name for each in mine for name in each.let_in)})),
                clients=tuple(sorted({*one.clients, *(f"{each.network} {each.agent}" for each in mine)})),
                links=(
                    *one.links,
                    *(f"{each.network}: passwords were tried from there, and let in" for each in near),
                    *told,
                ),
                against=(*one.against, *([_GUESSED] if told else [])),
            )
        )
    return tuple(out)


def _by_accounts(
    held: Sequence[Held], sprays: Sequence[Spray], accesses: Accesses
) -> dict[int, list[tuple[Spray, str]]]:
    """Give the sprays that are an intrusion's by whom they let in, by its place, with what says so."""
    out: dict[int, list[tuple[Spray, str]]] = {}
    everybody = len(np.unique(accesses.account[accesses.ok & (accesses.account >= 0)])) if sprays else 0
    for some in _together(sprays):
        let_in = {name for one in some for name in one.let_in}
        found = [(_worth(one, some, let_in, everybody), -place) for place, one in enumerate(held)]
        bits, place = max(found, default=(0.0, 0))
        if bits >= LINK_BITS:
            own = held[-place].accounts
            text = (
                f"passwords were tried from {len({one.network for one in some})} networks with {some[0].agent} and let "
                f"{len(let_in)} accounts in; {len(let_in & set(own))} of these are among the {len(own)} that were used "
                f"afterwards; {bits:.0f} bits"
            )
            out.setdefault(-place, []).extend((one, text) for one in some)
    return out


def _together(sprays: Sequence[Spray]) -> list[list[Spray]]:
    """Put together the sprays with one agent that overlap in time, or are no more than `PAUSE` apart."""
    pause = PAUSE_DAYS * DAY_US
    pairs = [
        (first, second)
        for second, one in enumerate(sprays)
        for first, other in enumerate(sprays[:second])
        if one.agent == other.agent and one.first_us <= other.last_us + pause and other.first_us <= one.last_us + pause
    ]
    return [[sprays[place] for place in group] for group in groups_of(len(sprays), pairs)]


def _worth(one: Held, some: Sequence[Spray], let_in: Collection[str], everybody: int) -> float:
    """Give what it is worth, in bits, that sprays let in accounts of an intrusion; 0 where they did not come first."""
    own = set(one.accounts)
    shared = own.intersection(let_in)
    began, ended = min(each.first_us for each in some), max(each.last_us for each in some)
    if 2 * len(shared) < len(let_in) or not began <= utc_us(one.first_utc) <= ended + NEAR_DAYS * DAY_US:
        return 0.0
    return overlap_bits(everybody, len(let_in), len(own), len(shared))
