"""Applications tied to intrusions: from the theft of a signing key, or a stolen account, to mail that an application read.

Default apart. An application belongs to an intrusion only where one of two links is recorded: what it was given was given
by an account of the intrusion from one of the intrusion's own networks; or the intrusion read the signing key of AD FS,
with which a token of anybody can be made, and whoever gave the application its rights had, within a day of that, logged
on from the same inside address as the one who read the key, and at most ten accounts did. Times alone tie nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dwell.model.addresses import network
from dwell.scope.access import Accesses
from dwell.scope.app_acts import AppAct
from dwell.scope.apps import App
from dwell.scope.identities import Identities
from dwell.scope.intrusions import Held
from dwell.scope.reach import Logon
from dwell.scope.traces import Trace
from dwell.scope.words import without_domain

__all__ = ["KEY_THEFT", "key_traces", "with_apps"]

KEY_THEFT = "CR-03"
"""The catalogue's entry of the theft of a signing key."""
WITHIN = timedelta(days=1)
"""Logons and what was given belong to a theft no further away than this."""
SHARED_MAX = 10
"""An address that more accounts log on from in that time is a gateway, or a server for all."""
_NOWHERE = (None, "127.0.0.1", "::1")
"""Where a logon names no machine but its own."""
_TECHNIQUES = ("T1098.001", "T1114.002", "T1528")


def key_traces(held: Held) -> tuple[Trace, ...]:
    """Give the traces of an intrusion that tell of the theft of a signing key, in order of time."""
    mine = [one for one in held.traces if one.catalogue == KEY_THEFT and one.table == "evtx"]
    return tuple(sorted(mine, key=lambda one: (str(one.first_utc or ""), one.rule_id, one.grounds)))


@dataclass(frozen=True, slots=True)
class _Theft:
    """The theft of a key, and who logged on from where its reader did.

    Attributes:
        readers: accounts that read the key.
        since: its first trace.
        until: its last.
        logons: by account, the first logon from an address that a reader used as well.
        users: by address, how many accounts logged on from there.
    """

    readers: frozenset[str]
    since: datetime
    until: datetime
    logons: Mapping[str, Logon]
    users: Mapping[str | None, int]


def _theft(held: Held, logons: Iterable[Logon]) -> _Theft | None:
    """Give the theft of a key by an intrusion; None where it stole none."""
    traces = key_traces(held)
    instants = [at for one in traces for at in (one.first_utc, one.last_utc) if at is not None]
    if not instants:
        return None
    since, until = min(instants), max(instants)
    readers = frozenset(without_domain(one.account) for one in traces if one.account) - {""}
    near = [
        one
        for one in logons
        if one.client not in _NOWHERE and not one.refused and since - WITHIN <= one.first_utc <= until + WITHIN
    ]
    used: dict[str | None, set[str]] = {}
    for one in near:
        used.setdefault(one.client, set()).add(without_domain(one.account))
    # an address that many log on from ties nobody to anybody
    shared = {place for place, who in used.items() if who & readers and len(who) <= SHARED_MAX}
    first: dict[str, Logon] = {}
    for one in sorted(near, key=lambda each: (each.first_utc, each.ground)):
        if one.client in shared:
            first.setdefault(without_domain(one.account), one)
    return _Theft(readers, since, until, first, {place: len(who) for place, who in used.items()})


def _by_key(theft: _Theft | None, act: AppAct) -> str | None:
    """Say by which logons the giver of rights is tied to the theft of a key; None where nothing does."""
    if theft is None or act.at_utc is None or not (theft.since <= act.at_utc <= theft.until + WITHIN):
        return None
    giver = without_domain(act.account)
    if giver in theft.readers:
        return f"{act.account}, who read the signing key of AD FS, gave it"
    logon = theft.logons.get(giver)
    if logon is None:
        return None
    readers = ", ".join(sorted(theft.readers))
    return (
        f"{act.account}, who gave it, logged on to {logon.host} from {logon.client}, as did {readers}, who read the "
        f"signing key of AD FS; {theft.users[logon.client]} accounts logged on from there within a day of it"
    )


def _by_account(held: Held, act: AppAct, accesses: Accesses, identities: Identities) -> str | None:
    """Say by which account and network the giver is an intruder's; None where it is not."""
    lan = network(act.address)
    mine = {accesses.networks[one] for one, _ in held.pairs}
    started = act.at_utc is not None and act.at_utc >= held.first_utc
    if started and lan is not None and lan in mine and identities.label(act.account) in held.accounts:
        return f"{act.account} gave it from {act.address}, a network of this intrusion"
    return None


def _tied(
    held: Held, theft: _Theft | None, app: App, accesses: Accesses, identities: Identities
) -> tuple[AppAct, str] | None:
    for act in app.given:
        why = _by_account(held, act, accesses, identities) or _by_key(theft, act)
        if why is not None:
            return act, why
    return None


def with_apps(
    held: Sequence[Held], apps: Sequence[App], accesses: Accesses, logons: Sequence[Logon], identities: Identities
) -> tuple[Held, ...]:
    """Give the intrusions with the applications that are tied to each, and why.

    Args:
        held: the intrusions.
        apps: applications that were given rights on mail or a secret.
        accesses: all sessions.
        logons: Windows logons.
        identities: names.
    """
    out = []
    for one in held:
        mine, links, last = list(one.apps), list(one.links), one.last_utc
        known = {app.ids for app in mine}
        theft = _theft(one, logons)
        for app in apps:
            found = _tied(one, theft, app, accesses, identities)
            if found is None or app.ids in known:
                continue
            since, why = found
            # what it read before it was given anything by this actor is not this actor's
            reads = tuple(read for read in app.reads if read.at_utc and since.at_utc and read.at_utc >= since.at_utc)
            mine.append(replace(app, reads=reads))
            links.append(f"application {app.name}: {why}")
            seen = [*(act.at_utc for act in app.given), *(read.at_utc for read in reads)]
            last = max([last, *(at for at in seen if at is not None)])
        techniques = tuple(sorted({*one.techniques, *(_TECHNIQUES if mine else ())}))
        out.append(replace(one, apps=tuple(mine), links=tuple(links), last_utc=last, techniques=techniques))
    return tuple(out)
