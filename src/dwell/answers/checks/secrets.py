"""Checks of passwords: set since the last act, for every account that was used or whose mailbox was exposed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from dwell.answers.checks.scene import GROUNDS_MAX, Finding, Scene
from dwell.answers.phrases import count, instant, listed
from dwell.model.claims import CheckStatus, Extent
from dwell.scope.intrusions import Held
from dwell.scope.investigation import Investigation
from dwell.scope.states import PasswordSet

__all__ = ["krbtgt", "passwords"]

_SAME = timedelta(minutes=1)
"""Dates that are no further apart are one change, written more or less closely."""


def _possible(until_of: Mapping[str, datetime | None], one: PasswordSet) -> bool:
    """Say whether a date is no later than its export: what is later was misread, as where day and month change places."""
    until = until_of.get(one.ground.evidence_id)
    return until is None or one.earliest_utc is None or one.earliest_utc <= until


def _newest(case: Investigation) -> tuple[dict[str, tuple[PasswordSet, ...]], set[str]]:
    """Give, per account, the newest date of all exports, and the accounts of which one has a date that cannot be.

    Each was true when its export was made. One name can be that of accounts in several domains, each with a password of its
    own: then there is a date of each, in no order.
    """
    given: dict[str, list[PasswordSet]] = {}
    odd: set[str] = set()
    until = case.snapshots.no_later()
    for one in case.passwords:
        label = case.identities.label(one.account)
        if label is not None and not _possible(until, one):
            odd.add(label)
        elif label is not None:
            given.setdefault(label, []).append(one)
    return {label: tuple(_newest_of(mine) for mine in _accounts(held)) for label, held in given.items()}, odd


def _accounts(held: Sequence[PasswordSet]) -> list[list[PasswordSet]]:
    """Put together the dates that are of one account: of one domain, or of one sign-in name, which moves with it."""
    domains = {one.domain for one in held if one.placed}
    if len(domains) < 2:
        return [list(held)]
    out: list[list[PasswordSet]] = []
    for one in held:
        alike = [mine for mine in out if any(_alike(one, other) for other in mine)]
        out = [mine for mine in out if mine not in alike]
        out.append([one, *(other for mine in alike for other in mine)])
    return out


def _alike(one: PasswordSet, other: PasswordSet) -> bool:
    if one.placed and other.placed and one.domain == other.domain:
        return True
    return "@" in one.account and one.account.lower() == other.account.lower()


def _newest_of(held: Sequence[PasswordSet]) -> PasswordSet:
    newest = held[0]
    for one in held[1:]:
        newest = one if _later(one, newest) else newest
    return newest


def _later(one: PasswordSet, other: PasswordSet) -> bool:
    """Say whether one date is shown to be later than another, or is the only one of the two that can be read."""
    if one.earliest_utc is None or other.earliest_utc is None:
        return other.earliest_utc is None
    return one.earliest_utc >= other.earliest_utc


def _is_late(one: PasswordSet, held: Held) -> bool:
    return one.earliest_utc is not None and one.earliest_utc > held.last_utc


def _is_stale(one: PasswordSet, held: Held) -> bool:
    return one.latest_utc is not None and one.latest_utc <= held.last_utc


def _dates(known: Mapping[str, Sequence[PasswordSet]], case: Investigation, name: str) -> list[PasswordSet]:
    """Give the dates that are held of an account, several where others have its name; none that cannot be read."""
    found = known.get(name) or known.get(case.identities.label(name) or "") or ()
    return [one for one in found if one.set_utc is not None]


def _telling(name: str, dates: Sequence[PasswordSet], held: Held) -> PasswordSet:
    """Give the date that decides: the oldest that is not late, that of the very name before others."""
    return min(
        dates,
        key=lambda one: (
            _is_late(one, held),
            not _is_stale(one, held),
            one.account.lower() != name.lower(),
            one.ground,
        ),
    )


def _of(scene: Scene, held: Held) -> Finding:
    exposed = {one.mailbox for one in scene.case.exposed if one.intrusion == held.id and (one.sessions or one.messages)}
    names = sorted(set(held.accounts) | exposed)
    check = f"passwords of the {count(len(names), 'account')} used or exposed by {held.id} set after its last act"
    known, odd = _newest(scene.case)
    each = {name: _dates(known, scene.case, name) for name in names}
    own = {name: _telling(name, dates, held) for name, dates in each.items() if dates}
    odd = {name for name in names if {name, scene.case.identities.label(name)} & odd}
    odd -= {name for name in odd if name in own and _is_late(own[name], held)}
    own = {name: one for name, one in own.items() if name not in odd}
    late = [name for name, one in own.items() if _is_late(one, held)]
    stale = sorted(name for name, one in own.items() if _is_stale(one, held))
    extent = Extent(len(own), len(names), "accounts")
    # a namesake of another domain proves nothing of the one that was used
    two = {name for name in stale if any(not _is_stale(one, held) for one in each[name])}
    two = {name for name in two if own[name].account.lower() != name.lower()}
    stale = [name for name in stale if name not in two]
    open_ = sorted(set(own) - set(late) - set(stale) - two)
    if stale:
        why = f"{len(stale)} were last set before {instant(held.last_utc)}: {listed(stale)}"
        refs = tuple(own[name].ground for name in stale)[:GROUNDS_MAX]
        return Finding(CheckStatus.FAIL, why, refs, None, extent, (), check)
    if len(own) < len(names):
        missing = sorted(set(names) - set(own))
        why = f"no date is held for {len(missing)}: {listed(missing)}"
        why += f" (a date later than its export, which was misread, for {listed(sorted(odd))})" if odd else ""
        if late:
            why = f"{len(late)} of {len(names)} were set after the last act; {why}"
        return Finding(CheckStatus.UNKNOWN, why, (), None, extent, (), check)
    if two:
        why = f"{len(late)} of {len(names)} were set after the last act; accounts of two domains have the name of "
        why += f"{listed(sorted(two))}, and the password of one was last set before"
        refs = tuple(own[name].ground for name in sorted(two))[:GROUNDS_MAX]
        return Finding(CheckStatus.UNKNOWN, why, refs, None, extent, (), check)
    if open_:
        why = f"{len(late)} of {len(names)} were set after the last act; within hours of it, and without a zone: "
        why += f"{listed(open_)} (where the export writes UTC, it tells)"
        refs = tuple(own[name].ground for name in open_)[:GROUNDS_MAX]
        return Finding(CheckStatus.UNKNOWN, why, refs, None, extent, (), check)
    refs = tuple(one.ground for one in own.values())[:GROUNDS_MAX]
    return Finding(CheckStatus.PASS, "every password was set after the last act", refs, None, extent, (), check)


def passwords(scene: Scene) -> list[Finding]:
    """Check every intrusion that used accounts or exposed mailboxes."""
    exposed = {one.intrusion for one in scene.case.exposed if one.sessions or one.messages}
    return [_of(scene, held) for held in scene.case.held if held.rows or held.id in exposed]


def krbtgt(scene: Scene) -> list[Finding]:
    """Look for two dates after the last act in each domain: the old password stays valid until the second change."""
    found = [one for one in scene.case.passwords if one.account.lower().partition("@")[0] == "krbtgt"]
    dated: dict[str, list[PasswordSet]] = {}
    until = scene.case.snapshots.no_later()
    odd = [one for one in found if not _possible(until, one)]
    if odd:
        why = f"a date later than its export was misread: {listed([one.written for one in odd])}"
        return [Finding(CheckStatus.UNKNOWN, why, tuple(one.ground for one in odd)[:GROUNDS_MAX])]
    for one in sorted(found, key=lambda one: one.ground):
        if one.set_utc is not None:
            dated.setdefault(one.domain, []).append(one)
    if not dated:
        return [Finding(CheckStatus.UNKNOWN, "no date for krbtgt is held")]
    each = [_set_twice(dates, scene.last, domain, several=len(dated) > 1) for domain, dates in sorted(dated.items())]
    worst = next(
        one for one in (CheckStatus.FAIL, CheckStatus.UNKNOWN, CheckStatus.PASS) if one in {e.status for e in each}
    )
    extents = [one.extent for one in each if one.extent is not None]
    extent = Extent(sum(one.seen for one in extents), sum(one.asked for one in extents), "changes")
    refs = tuple(ref for one in each for ref in one.grounds)[:GROUNDS_MAX]
    return [Finding(worst, "; ".join(one.why for one in each), refs, None, extent)]


def _apart(one: PasswordSet, other: PasswordSet) -> bool:
    """Say whether two dates cannot be one change, which exports write more or less closely, and in local time or UTC."""
    if one.earliest_utc is None or other.earliest_utc is None or one.latest_utc is None or other.latest_utc is None:
        return False
    return one.latest_utc + _SAME < other.earliest_utc


def _changes(dates: Sequence[PasswordSet]) -> list[PasswordSet]:
    """Give the dates that are changes of their own, the earliest first: the most that are all apart."""
    out: list[PasswordSet] = []
    for one in sorted(dates, key=lambda one: (str(one.latest_utc), one.ground)):
        if not out or _apart(out[-1], one):
            out.append(one)
    return out


def _set_twice(dates: Sequence[PasswordSet], last: datetime, domain: str, *, several: bool) -> Finding:
    """Judge the dates of one domain; it is named where there are several."""
    of = f" in {domain or 'an unnamed domain'}" if several else ""
    after = _changes([one for one in dates if one.earliest_utc is not None and one.earliest_utc > last])
    newest = max(dates, key=lambda one: (str(one.latest_utc), one.ground))
    refs = tuple(one.ground for one in after or [newest])[:GROUNDS_MAX]
    extent = Extent(min(len(after), 2), 2, "changes")
    if not after:
        sure = newest.latest_utc is not None and newest.latest_utc <= last
        why = f"last set at {instant(newest.set_utc)}{of}"
        why += "" if sure else ", within hours of the act, and written without a zone"
        return Finding(CheckStatus.FAIL if sure else CheckStatus.UNKNOWN, why, refs, None, extent)
    told = listed([instant(one.set_utc) for one in after])
    if len(after) < 2:
        why = f"set at {told}{of}; an export shows one change only, never whether there were two"
        return Finding(CheckStatus.UNKNOWN, why, refs, None, extent)
    if not domain:
        why = f"set at {told}; of which domain each is, nothing tells: each domain has a krbtgt of its own"
        return Finding(CheckStatus.UNKNOWN, why, refs, None, extent)
    why = f"set at {told}{of}, as exports from different times show"
    return Finding(CheckStatus.PASS, why, refs, None, extent)
