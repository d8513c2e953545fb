"""Applications through which an intrusion reads: those whose records its sessions are.

An application that owners consented to acts in their names, from its maker's network. Where such a network is held to be
an intruder's, so is the application, with what it read from the networks before and after. What it reads meanwhile from
others, or on rounds, is the work of an application that somebody else misuses with its secret: that stays apart, and so do
those who gave it its rights.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from dwell.model.addresses import network
from dwell.model.instants import utc_from_us, utc_us
from dwell.scope.access import DAY_US, Accesses
from dwell.scope.app_acts import Deed
from dwell.scope.apps import App, AppRead
from dwell.scope.identities import Identities
from dwell.scope.intrusions import VALID_ACCOUNTS, Held
from dwell.scope.services import rounds
from dwell.scope.words import agent

__all__ = ["MAILBOXES_MIN", "doubtful_reads", "through_apps"]

USE_SHARE = 0.5
"""An application is an intrusion's where so many of its sessions are the application's, or where so much of what the
application read it read on its networks."""
MAILBOXES_MIN = 3
"""Through fewer mailboxes no application is tied."""
MEANWHILE = timedelta(days=7)
"""Networks that are used one after the other overlap by no more than this."""
SIGNED_IN = timedelta(days=1)
"""Whoever gave the rights signed in no longer before that."""
_CONSENT, _GRANT = "T1528", "T1098.003"
Lan = str | None
Key = tuple[str | None, Lan, str]
"""(account, network, agent)."""


def _key(read: AppRead) -> Key:
    return read.account, network(read.client), agent(read.agent)


def _spans(reads: Sequence[AppRead]) -> dict[Lan, tuple[datetime, datetime]]:
    """Give from when to when each network was read from."""
    out: dict[Lan, tuple[datetime, datetime]] = {}
    for one in reads:
        if one.at_utc is not None:
            first, last = out.get(network(one.client), (one.at_utc, one.at_utc))
            out[network(one.client)] = (min(first, one.at_utc), max(last, one.at_utc))
    return out


def _serving(app: App) -> frozenset[Lan]:
    """Give the networks on which an application makes rounds over the mailboxes that it may read."""
    dated = [(network(one.client), one.mailbox, one.at_utc) for one in app.reads if one.at_utc is not None]
    if not dated:
        return frozenset()
    lans = list(dict.fromkeys(lan for lan, _, _ in dated))
    boxes = {box: place for place, box in enumerate(dict.fromkeys(box for _, box, _ in dated))}
    client = np.array([lans.index(lan) for lan, _, _ in dated], np.int64)
    mailbox = np.array([boxes[box] for _, box, _ in dated], np.int64)
    served, _ = rounds(client, mailbox, np.array([utc_us(at) // DAY_US for _, _, at in dated], np.int64))
    return frozenset(lan for place, lan in enumerate(lans) if served[place])


def doubtful_reads(app: App, identities: Identities) -> tuple[dict[str, list[AppRead]], int]:
    """Give what an application read of which nobody with a say over all mailboxes is known to have wished it.

    That is what it read of whoever consented to it himself, and of everybody where most of those whom it read did. What an
    administrator let in is looked at by what it does: reads beside its rounds are not what it was let in for.

    Args:
        app: the application.
        identities: names.

    Returns:
        Those reads by mailbox; and how many of the owners of all whom it read consented.
    """
    boxes = {one.mailbox for one in app.reads}
    givers = {identities.label(one.account) for one in app.given if one.deed is Deed.RIGHTS}
    consented = boxes & givers
    whole = len(consented) >= USE_SHARE * len(boxes)
    serving = _serving(app)
    out: dict[str, list[AppRead]] = {}
    for one in app.reads:
        if whole or one.mailbox in consented or network(one.client) not in serving:
            out.setdefault(one.mailbox, []).append(one)
    return out, len(consented)


def _of_actor(app: App, own: Collection[Lan]) -> tuple[AppRead, ...]:
    """Give what an application read for an intruder: from his networks, and from those before and after them."""
    spans, serving = _spans(app.reads), _serving(app)
    known = [spans[lan] for lan in own if lan in spans]
    theirs = set(own)
    for lan, (first, last) in spans.items():
        meanwhile = max((min(last, end) - max(first, start) for start, end in known), default=MEANWHILE)
        if lan not in serving and meanwhile <= MEANWHILE:
            theirs.add(lan)
    return tuple(one for one in app.reads if network(one.client) in theirs)


@dataclass(frozen=True, slots=True)
class _Tied:
    """An application of an intrusion: with what it read, the intrusion's sessions that are its own, and why."""

    app: App
    rows: frozenset[int]
    why: str
    whole: bool


def _tied(held: Held, keys: Mapping[int, Key], app: App, accesses: Accesses) -> _Tied | None:
    read_as = {_key(one) for one in app.reads}
    mine = [row for row, key in keys.items() if key in read_as]
    held_keys = {keys[row] for row in mine}
    theirs = [one for one in app.reads if _key(one) in held_keys]
    enough = len(mine) >= USE_SHARE * len(keys) or len(theirs) >= USE_SHARE * len(app.reads)
    if not mine or not enough or len({one.mailbox for one in theirs}) < MAILBOXES_MIN:
        return None
    reads = _of_actor(app, {lan for _, lan, _ in held_keys})
    rows = _rows_of(accesses, {_key(one) for one in reads})
    why = f"{len(mine):,} of the {len(keys):,} sessions that make the intrusion are records of it"
    return _Tied(replace(app, reads=reads), frozenset(rows), why, len(reads) == len(app.reads))


def _rows_of(accesses: Accesses, wanted: Collection[Key]) -> list[int]:
    """Give the answered sessions of some accounts on some networks with some agents."""
    names, lans, tools = (
        {text: code for code, text in enumerate(one)} for one in (accesses.names, accesses.networks, accesses.agents)
    )
    codes = sorted(
        (names[who], lans[lan], tools[tool])
        for who, lan, tool in wanted
        if who in names and lan in lans and tool in tools
    )
    if not codes:
        return []
    account, lan, tool = (np.array(one, np.int64) for one in zip(*codes, strict=True))
    found, _ = accesses.on_ties(lan, tool, account)
    rows: list[int] = found[accesses.ok[found]].tolist()
    return rows


def _giver(tied: _Tied, lans: Collection[str], accesses: Accesses, identities: Identities) -> list[str]:
    """Say who gave the rights: the owners whom it read, or somebody who was signed in from a network of the intrusion."""
    owners = {one.account for one in tied.app.reads} | {one.mailbox for one in tied.app.reads}
    given = [one for one in tied.app.given if one.deed is Deed.RIGHTS]
    consented = sorted({name for one in given if (name := identities.label(one.account)) in owners and name})
    out = [f"{len(consented):,} owners of the mailboxes consented to it"] if consented else []
    for one in given:
        name = identities.label(one.account)
        if name is None or name in owners or one.at_utc is None or name not in accesses.names:
            continue
        at = utc_us(one.at_utc)
        rows = np.flatnonzero(
            (accesses.account == accesses.names.index(name))
            & accesses.ok
            & (accesses.first <= at)
            & (accesses.first >= at - SIGNED_IN // timedelta(microseconds=1))
        )
        met = sorted({accesses.networks[lan] for lan in accesses.network[rows].tolist() if lan >= 0} & set(lans))
        if met:
            seen = utc_from_us(int(accesses.first[rows].min()))
            out.append(
                f"{one.account}, who gave it its rights, had signed in from {met[0]} at {seen:%Y-%m-%d %H:%M} UTC"
            )
    return out


def _with(held: Held, tied: _Tied, accesses: Accesses, identities: Identities) -> Held:
    """Put what was read through an application to an intrusion."""
    rows = sorted({*held.rows, *tied.rows})
    pairs = held.pairs | {(int(accesses.network[row]), int(accesses.agent[row])) for row in tied.rows}
    lans = {accesses.networks[lan] for lan, _ in pairs}
    accounts = {*held.accounts, *(accesses.names[int(accesses.account[row])] for row in tied.rows)}
    given = [one.at_utc for one in tied.app.given if one.at_utc is not None] if tied.whole else []
    seen = [utc_from_us(int(one[row])) for row in tied.rows for one in (accesses.first, accesses.last)]
    why = "; ".join([tied.why, *(_giver(tied, lans, accesses, identities) if tied.whole else ())])
    apart = [] if tied.whole else [f"application {tied.app.name} does other work besides, which is left out"]
    through = held.through | tied.rows
    by_owners = "consented to it" in why
    techniques = {*held.techniques, *((_CONSENT if by_owners else _GRANT,) if tied.whole else ())}
    if tied.whole and set(rows) <= through:
        techniques -= {VALID_ACCOUNTS}
    return replace(
        held,
        first_utc=min([held.first_utc, *seen, *given]),
        last_utc=max([held.last_utc, *seen, *given]),
        rows=tuple(rows),
        pairs=pairs,
        clients=tuple(sorted({f"{accesses.networks[lan]} {accesses.agents[tool]}" for lan, tool in pairs})),
        accounts=tuple(sorted(accounts)),
        techniques=tuple(sorted(techniques)),
        links=(*held.links, f"application {tied.app.name}: {why}"),
        against=(*held.against, *apart, "an application that nobody told of would look the same"),
        apps=(*held.apps, tied.app),
        through=through,
        entered=(*held.entered, *((tied.app.name,) if tied.whole else ())),
    )


def through_apps(
    held: Sequence[Held], apps: Sequence[App], accesses: Accesses, identities: Identities
) -> tuple[Held, ...]:
    """Give the intrusions with the applications through which they read, in order of their first acts, renumbered.

    Args:
        held: the intrusions.
        apps: applications that were given rights on mail or a secret.
        accesses: all sessions.
        identities: names.
    """
    out = []
    for one in held:
        keys: dict[int, Key] = {
            row: (
                accesses.names[int(accesses.account[row])],
                accesses.networks[int(accesses.network[row])],
                accesses.agents[int(accesses.agent[row])],
            )
            for row in one.rows
            if accesses.account[row] >= 0
            and accesses.network[row] >= 0
            and not accesses.protocols[int(accesses.protocol[row])].endswith("sign-in")
        }
        found = [tied for app in apps if app.reads and (tied := _tied(one, keys, app, accesses)) is not None]
        made = one
        for tied in found:
            made = _with(made, tied, accesses, identities)
        out.append(made)
    out.sort(key=lambda one: (one.first_utc, one.last_utc, one.clients))
    return tuple(replace(one, id=f"I{place}") for place, one in enumerate(out, 1))
