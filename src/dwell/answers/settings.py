"""What the settings of a case come to, each told with what it lowered: nothing that is set hides anything unsaid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dwell.answers.book import Book
from dwell.answers.clocks import clock_effect
from dwell.answers.marked import SETTING, effect_of
from dwell.answers.phrases import count, listed
from dwell.intake.hosts import short_host
from dwell.model.claims import Learned, LearnedKind, MailboxExposure
from dwell.model.provenance import RecordRef
from dwell.model.settings import Setting, SettingEffect, SettingKind
from dwell.scope.access import DAY_US
from dwell.scope.as_tables import NO_SYSTEM
from dwell.scope.investigation import Investigation
from dwell.scope.namesakes import bare
from dwell.scope.working_time import library

__all__ = ["set_effects", "set_learned", "tell_settings", "vip_first"]

GROUNDS_ROWS = 10


def set_effects(case: Investigation) -> tuple[SettingEffect, ...]:
    """Give every setting in force with what it comes to, in their order."""
    covers = {one.marking.id: one for one in case.marked.covers if one.marking.setting}
    out = []
    for one in case.said.settings:
        if one.id in covers:
            of = effect_of(case, covers[one.id])
            effect = SettingEffect(one, "", of.sessions, of.ties, of.leads, 0, of.contradicts)
            elsewhere = len(_elsewhere(case, one)) if one.kind is SettingKind.SERVICE else 0
            effect = replace(effect, elsewhere=elsewhere)
        elif one.kind is SettingKind.VIP:
            name = dict(case.said.names)[one.id]
            effect = SettingEffect(one, "", mailboxes=(name,) if _known(case, name) else ())
        else:
            effect = SettingEffect(one, "", days=_days(case, one))
        out.append(replace(effect, text=_text(case, effect)))
    return tuple(out)


def _known(case: Investigation, name: str) -> bool:
    return name in case.identities.mailboxes() or name in case.accesses.names


def _elsewhere(case: Investigation, one: Setting) -> list[int]:
    """Give the sessions of a service that came from where it is not said to work."""
    name = dict(case.said.names)[one.id]
    if name not in case.accesses.names or not len(case.said.elsewhere):
        return []
    mine = case.accesses.account == case.accesses.names.index(name)
    return [int(row) for row in np.flatnonzero(case.said.elsewhere & mine)]


def _days(case: Investigation, one: Setting) -> int:
    """Give how many holidays of a setting lie in the time of the case."""
    working = case.said.working
    if working is None or one.kind is not SettingKind.HOLIDAYS or not len(case.accesses):
        return 0
    first, last = int(case.accesses.first.min()), int(case.accesses.first.max())
    return len(replace(working, holidays=(one.value,)).holidays_within(first // DAY_US, last // DAY_US))


def _unasked(case: Investigation, server: str) -> str:
    """Say what it comes to that a server takes no clients."""
    host = short_host(server)
    if host in {bare(each) for each in case.ledger.servers()}:
        return "logs of it are held: they are asked for all the same"
    if host not in case.said.unasked:
        return "no record names a mail server of that name: nothing changes; look whether it is written as meant"
    return "no log of it is asked for, and it lowers no coverage"


_OF_HOSTS = {SettingKind.CLOCK: clock_effect, SettingKind.NO_CLIENTS: _unasked}
"""What a setting of one host comes to, by its kind."""


def _text(case: Investigation, effect: SettingEffect) -> str:
    """Say what a setting comes to."""
    kind = effect.setting.kind
    if kind is SettingKind.VIP:
        if not effect.mailboxes:
            return "no mailbox of that name is known: look whether it is written as the lists have it"
        return f"{listed(effect.mailboxes)} is told first among mailboxes of its grade"
    if kind is SettingKind.HOLIDAYS:
        single = effect.setting.value[:1].isdecimal()
        whose = "" if single else f", as the library {library()} has them"
        return f"{count(effect.days, 'day')} in the time of the case on which nobody works{whose}; {_ranked(case)}"
    if kind is SettingKind.ASN:
        return _table(case)
    if kind is SettingKind.LEADS:
        many = count(len(case.ranked.leads), "lead")
        return f"the list may hold {count(case.ranked.budget, 'lead')} and holds {many}; no order and no answer changes"
    if kind in _OF_HOSTS:
        return _OF_HOSTS[kind](case, effect.setting.value)
    if kind in {SettingKind.HOURS, SettingKind.ZONE}:
        return f"it changes the term of unusual hours, by which leads are ranked; {_ranked(case)}"
    if not effect.sessions and not effect.elsewhere:
        return "it speaks of nothing that is held: look whether it is written as meant"
    parts = [f"it speaks of {count(effect.sessions, 'session')}"]
    if effect.ties:
        parts.append(
            f"{count(effect.ties, 'tie')} are not judged because of it, {count(effect.leads, 'lead')} among them"
        )
    if effect.contradicts:
        parts.append(f"it contradicts {listed(effect.contradicts)}, which dwell finds: see the fifth question")
    if effect.elsewhere:
        rows = _elsewhere(case, effect.setting)
        lans = sorted({case.accesses.networks[one] for one in case.accesses.network[rows].tolist()})
        parts.append(
            f"{count(effect.elsewhere, 'session')} of it came from elsewhere ({listed(lans)}) and are judged like anybody's"
        )
    return "; ".join(parts)


def _table(case: Investigation) -> str:
    """Say how far a table of autonomous systems reaches, and what is put together by it."""
    if case.systems is None:
        return "it could not be used"
    table = case.systems.table
    known = int((case.systems.number != NO_SYSTEM).sum())
    ranges = f"{count(table.ranges, 'range')}, " if table.ranges is not None else ""
    unread = f"{count(table.unread, 'line')} that could not be read, " if table.unread else ""
    return (
        f"{ranges}{unread}{known:,} of {count(len(case.systems.number), 'network')} of clients are in it; "
        f"{count(len(case.systems.clusters), 'agent')} foreign to several accounts inside one system; it makes nobody an "
        "intruder, and ranks no lead"
    )


def _ranked(case: Investigation) -> str:
    """Say how many leads are told and not told because of all that is said: working time only changes their order."""
    then, now = ({(lead.mailbox, lead.client) for lead in one.ranked.leads} for one in (case.unmarked or case, case))
    return (
        f"with all that is set and marked, {count(len(then - now), 'lead')} are not told that would be without, and "
        f"{count(len(now - then), 'lead')} are told in their place"
    )


def tell_settings(case: Investigation, book: Book) -> None:
    """List every setting in force with what it comes to; a service that was used from elsewhere with those records."""
    told: set[str] = set()
    for one in set_effects(case):
        rows = _elsewhere(case, one.setting) if one.elsewhere else []
        name = dict(case.said.names).get(one.setting.id, "")
        refs = _records(case, rows) if name not in told else []
        told |= {name} if refs else set()
        book.assumed(f"{one.setting.told}; what it comes to: {one.text}.", refs, (SETTING,), ())


def _records(case: Investigation, rows: list[int]) -> list[RecordRef]:
    return case.accesses.refs(rows[:GROUNDS_ROWS])


def set_learned(case: Investigation) -> tuple[Learned, ...]:
    """Give the networks and services that are taken for the organisation's own because they are set."""
    kinds = {SettingKind.NETWORK: LearnedKind.NETWORK, SettingKind.SERVICE: LearnedKind.SERVICE}
    return tuple(Learned(kinds[one.kind], one.value, one.told) for one in case.said.settings if one.kind in kinds)


def vip_first(case: Investigation, found: tuple[MailboxExposure, ...]) -> tuple[MailboxExposure, ...]:
    """Mark the mailboxes that are set as VIPs, and put them first among those of their grade; no grade changes."""
    vips = case.said.vips
    if not vips:
        return found
    marked = [replace(one, vip=one.mailbox in vips) for one in found]
    return tuple(sorted(marked, key=lambda one: (one.grade.rank, not one.vip, one.mailbox)))
