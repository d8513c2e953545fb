"""The search before the first known act and after the last: what lies there and bears an intrusion's traits.

Before, it is a run of its own over the stretch, with lower thresholds.

What is ordinary is learned anew from that stretch alone, so that what came later makes nothing ordinary. Two kinds of thing
are looked for. What bears a trait of an intrusion, however little it surprises: its networks, its agents where few have
them, its accounts where both agent and network are foreign to them, its clients where they were refused. And what belongs
to nobody known: the leads of the stretch, and clients that are foreign to two accounts where an intrusion takes three.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from dwell.model.addresses import is_internal, network
from dwell.model.claims import Lead
from dwell.model.instants import utc_from_us, utc_us
from dwell.model.provenance import RecordRef
from dwell.model.settings import LEADS_PER_WEEK
from dwell.scope.access import INSIDE, Accesses
from dwell.scope.clients import FOREIGN_BITS, Clients, clients_of
from dwell.scope.habits import ties
from dwell.scope.homes import first_there
from dwell.scope.intrusions import Held
from dwell.scope.leads import leads_of, summed, terms_of, weeks_between
from dwell.scope.rollup.fold import paired, users_of
from dwell.scope.session_terms import Beside, with_session_terms
from dwell.scope.settled import at_own_hours

__all__ = ["FEW_USERS", "Older", "PreHistory", "search_before"]

FEW_USERS = 2
"""An agent is a trait of an intrusion where no more accounts than this have it as an ordinary one."""
PAIR = 2
"""So many accounts that a client is foreign to are told here; an intrusion takes more."""
GROUNDS_MAX = 5
OLDER_MAX = 20

Codes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Older:
    """Something before the first act of an intrusion that bears a trait of it.

    Attributes:
        intrusion: the intrusion.
        traits: which of its traits, in words.
        account: whose account.
        client: network and agent.
        first_utc: first visit.
        last_utc: last visit before the act.
        visits: visits; refused ones where that is the trait.
        bits: how surprising it is in its own stretch.
        grounds: first records.
    """

    intrusion: str
    traits: tuple[str, ...]
    account: str
    client: str
    first_utc: datetime
    last_utc: datetime
    visits: int
    bits: float
    grounds: tuple[RecordRef, ...]


@dataclass(frozen=True, slots=True)
class PreHistory:
    """What lies before the first act of the first intrusion.

    Attributes:
        end_utc: that act.
        ties: ties of account, outside network and agent that were judged.
        older: what bears a trait of an intrusion, before that intrusion's own first act; the most surprising first, and no
            more than `OLDER_MAX` of an intrusion.
        number: how much there is of it.
        leads: leads of the stretch, the most surprising first.
        expected_false: leads that chance alone would give.
        pairs: clients that are foreign to two accounts or more: client, accounts; the most accounts first.
        later: what bears a trait of an intrusion after its last act, and is foreign to the account that came so; the most
            surprising first, and no more than `OLDER_MAX` of an intrusion.
    """

    end_utc: datetime
    ties: int
    older: tuple[Older, ...]
    number: int
    leads: tuple[Lead, ...]
    expected_false: float
    pairs: tuple[tuple[str, tuple[str, ...]], ...]
    later: tuple[Older, ...] = ()


def search_before(
    accesses: Accesses,
    clients: Clients,
    served: npt.NDArray[np.bool_],
    held: Sequence[Held],
    beside: Beside | None = None,
    per_week: int = LEADS_PER_WEEK,
) -> PreHistory | None:
    """Search the stretches before the first known act and after each last one; None where there is no intrusion.

    Before the first act of the first intrusion everything is judged anew. Before that of a later one its traits are looked
    for in what was judged over the whole time: what came between is an earlier intruder's stretch as well.

    Args:
        accesses: all sessions.
        clients: the ties of the whole time.
        served: per session, whether it is part of a service's rounds; these are not judged.
        held: the intrusions.
        beside: what is known beside the sessions; None for nothing.
        per_week: leads that can be looked at in a week of the case's time.
    """
    if not held or not len(accesses.first):
        return None
    first = utc_us(min(one.first_utc for one in held))
    before = accesses.first < first
    anew = clients_of(accesses, ties(accesses, served | ~before), served=served & before)
    anew = with_session_terms(anew, accesses, served | ~before, beside or Beside())
    ranked = leads_of(accesses, anew, (), weeks_between(int(accesses.first[0]), first), per_week=per_week)
    known = {(pair, name) for one in held for pair in one.pairs for name in one.accounts}
    older: list[Older] = []
    number = 0
    for one in held:
        end = utc_us(one.first_utc)
        found, many = _by_trait(accesses, anew if end == first else clients, one, end, known)
        older, number = [*older, *found], number + many
    return PreHistory(
        utc_from_us(first),
        int(anew.outside.sum()),
        tuple(sorted(older, key=lambda one: (-one.bits, one.intrusion, one.account, one.client))),
        number,
        ranked.leads,
        ranked.expected_false,
        _pairs(accesses, anew),
        tuple(each for one in held for each in _after(accesses, clients, one, known)),
    )


def _pairs(accesses: Accesses, clients: Clients) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Give the clients that are foreign to at least two accounts."""
    lan, tool, account = (clients.column(one) for one in ("network", "agent", "account"))
    found: dict[tuple[int, int], set[int]] = {}
    for row in np.flatnonzero(clients.outside & (clients.fan_out > 0)).tolist():
        found.setdefault((int(lan[row]), int(tool[row])), set()).add(int(account[row]))
    told = [
        (f"{accesses.networks[one]} {accesses.agents[two]}", tuple(sorted(accesses.names[who] for who in whom)))
        for (one, two), whom in found.items()
        if len(whom) >= PAIR
    ]
    return tuple(sorted(told, key=lambda one: (-len(one[1]), one[0])))


def _codes(names: Sequence[str], wanted: set[str]) -> Codes:
    return np.array([place for place, name in enumerate(names) if name in wanted], np.int64)


def _traits(accesses: Accesses, clients: Clients, one: Held) -> tuple[Codes, dict[str, Mask]]:
    """Give an intrusion's networks, and per trait which ties bear it."""
    shared = np.array(sorted(clients.shared), np.int64)
    outer = {network(text) or "" for text in one.clients if _is_address(text) and not is_internal(text)}
    lans = np.array(sorted({lan for lan, _ in one.pairs if lan >= 0}), np.int64)
    lans = np.setdiff1d(np.union1d(lans, _codes(accesses.networks, outer)), shared)
    lan, tool, account = (clients.column(name) for name in ("network", "agent", "account"))
    own = clients.bits("agent") < FOREIGN_BITS
    ordinary = users_of(tool[own], account[own], len(accesses.agents)) if len(tool) else np.zeros(0, np.int64)
    rare = np.array([each for _, each in one.pairs if each >= 0 and _few(ordinary, each)], np.int64)
    return lans, {
        "its network": np.isin(lan, lans),
        "its agent": np.isin(tool, rare),
        # an owner's home has an agent that is used nowhere else, too: a day there is no surprise
        "its account": np.isin(account, _codes(accesses.names, set(one.accounts)))
        & ~own
        & (clients.bits("network") >= FOREIGN_BITS),
    }


def _by_trait(
    accesses: Accesses, clients: Clients, one: Held, end: int, known: AbstractSet[tuple[tuple[int, int], str]]
) -> tuple[list[Older], int]:
    """Give what bears a trait of an intrusion before its first act, and how much there is of it."""
    lans, has = _traits(accesses, clients, one)
    mine = np.logical_or.reduce([*has.values()]) & (clients.column("first") < end)
    found, many = _bearers(accesses, clients, one, has, mine, (None, end), known)
    refused = _refused(accesses, one, lans, (None, end))
    return [*found, *refused], many + len(refused)


def _after(
    accesses: Accesses, clients: Clients, one: Held, known: AbstractSet[tuple[tuple[int, int], str]]
) -> list[Older]:
    """Give what bears the network or the agent of an intrusion after its last act.

    Only what is foreign to the account counts: an owner who lives behind the same provider goes on living there. What the
    intrusion itself did there makes its network no less foreign to an account that had never come from it before; nor does
    how often it comes from the intrusion's very address since (`address_ties`).
    """
    began = utc_us(one.last_utc)
    lans, has = _traits(accesses, clients, one)
    agent, lan = (clients.bits(name) >= FOREIGN_BITS for name in ("agent", "network"))
    taken = np.isin(clients.column("account"), _codes(accesses.names, set(one.accounts)))
    beside, wide = np.array(one.doubtful, np.int64), len(accesses.networks) + 1
    at_address = np.isin(
        paired(clients.column("account"), wide, clients.column("network")),
        paired(accesses.account[beside], wide, accesses.network[beside]),
    )
    since = first_there(*(clients.column(name) for name in ("account", "network", "first")))
    lan |= (since >= utc_us(one.first_utc)) & (taken | at_address | ~at_own_hours(clients.ties))
    mine = (has["its network"] & (agent | lan) | has["its agent"] & agent) & (clients.column("last") > began)
    found, _ = _bearers(accesses, clients, one, has, mine, (began, None), known)
    return [*found, *_refused(accesses, one, lans, (began + 1, None))]


def _bearers(
    accesses: Accesses,
    clients: Clients,
    one: Held,
    has: Mapping[str, Mask],
    mine: Mask,
    within: tuple[int | None, int | None],
    known: AbstractSet[tuple[tuple[int, int], str]],
) -> tuple[list[Older], int]:
    """Put those of some ties that belong to no known intrusion into words, the most telling first, and count them all."""
    lan, tool, account = (clients.column(name) for name in ("network", "agent", "account"))
    first, last = clients.column("first"), clients.column("last")
    began, end = within
    rows = np.flatnonzero(clients.outside & mine)
    theirs = [((int(lan[row]), int(tool[row])), accesses.names[account[row]]) in known for row in rows.tolist()]
    rows = rows[~np.array(theirs, np.bool_)]
    total = summed(terms_of(clients)) if len(rows) else np.zeros(len(first))
    # two traits at once weigh more than any surprise
    traits = np.sum([each[rows] for each in has.values()], axis=0)
    shown = rows[np.lexsort((rows, -total[rows], -traits))][:OLDER_MAX]
    grounds = _grounds(accesses, clients, shown, 0 if began is None else began)
    out = [
        Older(
            one.id,
            tuple(text for text, each in has.items() if each[row]),
            accesses.names[account[row]],
            f"{accesses.networks[lan[row]]} {accesses.agents[tool[row]].removesuffix(INSIDE)}",
            utc_from_us(int(first[row]) if began is None else max(int(first[row]), began)),
            utc_from_us(int(last[row]) if end is None else min(int(last[row]), end)),
            int(clients.column("visits")[row]),
            round(float(total[row]), 2),
            grounds.get(place, ()),
        )
        for place, row in enumerate(shown.tolist())
    ]
    return out, len(rows)


def _grounds(accesses: Accesses, clients: Clients, shown: Codes, began: int) -> dict[int, tuple[RecordRef, ...]]:
    """Give the first records of each of some ties from an instant on."""
    out: dict[int, list[int]] = {}
    rows, places = accesses.on_ties(*(clients.column(name)[shown] for name in ("network", "agent", "account")))
    for row, place in zip(rows.tolist(), places.tolist(), strict=True):
        if accesses.ok[row] and accesses.last[row] >= began and len(out.setdefault(place, [])) < GROUNDS_MAX:
            out[place].append(row)
    return {place: tuple(accesses.refs(found)) for place, found in out.items()}


def _is_address(text: str) -> bool:
    return " " not in text and ("." in text or ":" in text)


def _few(ordinary: Codes, agent: int) -> bool:
    return agent >= len(ordinary) or int(ordinary[agent]) <= FEW_USERS


def _refused(accesses: Accesses, one: Held, lans: Codes, within: tuple[int | None, int | None]) -> list[Older]:
    """Give per network of an intrusion what was refused there within some time, microseconds since 1970."""
    out = []
    for lan in lans.tolist():
        asked = accesses.refused & (accesses.network == lan)
        if within[0] is not None:
            asked &= accesses.first >= within[0]
        if within[1] is not None:
            asked &= accesses.first < within[1]
        rows = np.flatnonzero(asked)
        if len(rows):
            span = utc_from_us(int(accesses.first[rows].min())), utc_from_us(int(accesses.last[rows].max()))
            accounts = len(np.unique(accesses.account[rows]))
            refs = tuple(accesses.refs(rows[:GROUNDS_MAX].tolist()))
            who = f"{accounts} accounts" if accounts > 1 else _account(accesses, int(accesses.account[rows[0]]))
            trait = ("its network, refused",)
            out.append(Older(one.id, trait, who, accesses.networks[lan], *span, len(rows), 0.0, refs))
    return out


def _account(accesses: Accesses, code: int) -> str:
    return accesses.names[code] if code >= 0 else "an unknown account"
