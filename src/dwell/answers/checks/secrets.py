"""Checks of passwords: set since the last act, for every account that was used or whose mailbox was exposed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from dwell.answers.checks.scene import GROUNDS_MAX, Finding, Scene
from dwell.answers.phrases import count, instant, listed
from dwell.model.claims import CheckStatus, Extent
from dwell.model.provenance import RecordRef
from dwell.scope.intrusions import Held
from dwell.scope.investigation import Investigation
from dwell.scope.states import PasswordSet

__all__ = ["krbtgt", "passwords"]


def _newest(case: Investigation) -> dict[str, PasswordSet]:
    """Give, per account, the newest date of all exports: each was true when its export was made."""
    out: dict[str, PasswordSet] = {}
    for one in case.passwords:
        label = case.identities.label(one.account)
        held = out.get(label) if label is not None else None
        if label is None or (held is not None and (one.set_utc is None or (held.set_utc or one.set_utc) > one.set_utc)):
            continue
        out[label] = one
    return out


def _of(scene: Scene, held: Held) -> Finding:
    exposed = {one.mailbox for one in scene.case.exposed if one.intrusion == held.id and (one.sessions or one.messages)}
    names = sorted(set(held.accounts) | exposed)
    check = f"passwords of the {count(len(names), 'account')} used or exposed by {held.id} set after its last act"
    known = _newest(scene.case)
    own = {name: known[name] for name in names if name in known and known[name].set_utc is not None}
    late = [name for name, one in own.items() if one.set_utc is not None and one.set_utc > held.last_utc]
    stale = sorted(set(own) - set(late))
    extent = Extent(len(own), len(names), "accounts")
    if stale:
        why = f"{len(stale)} were last set before {instant(held.last_utc)}: {listed(stale)}"
        refs = tuple(own[name].ground for name in stale)[:GROUNDS_MAX]
        return Finding(CheckStatus.FAIL, why, refs, None, extent, (), check)
    if len(own) < len(names):
        missing = sorted(set(names) - set(own))
        why = f"no date is held for {len(missing)}: {listed(missing)}"
        if late:
            why = f"{len(late)} of {len(names)} were set after the last act; {why}"
        return Finding(CheckStatus.UNKNOWN, why, (), None, extent, (), check)
    refs = tuple(one.ground for one in own.values())[:GROUNDS_MAX]
    return Finding(CheckStatus.PASS, "every password was set after the last act", refs, None, extent, (), check)


def passwords(scene: Scene) -> list[Finding]:
    """Check every intrusion that used accounts or exposed mailboxes."""
    exposed = {one.intrusion for one in scene.case.exposed if one.sessions or one.messages}
    return [_of(scene, held) for held in scene.case.held if held.rows or held.id in exposed]


def krbtgt(scene: Scene) -> list[Finding]:
    """Look for two dates after the last act in each domain: the old password stays valid until the second change."""
    found = [one for one in scene.case.passwords if one.account.lower().partition("@")[0] == "krbtgt"]
    dated: dict[str, dict[datetime, RecordRef]] = {}
    for one in sorted(found, key=lambda one: one.ground):
        if one.set_utc is not None:
            dated.setdefault(one.domain, {})[one.set_utc] = one.ground
    if not dated:
        return [Finding(CheckStatus.UNKNOWN, "no date for krbtgt is held")]
    each = [_set_twice(dates, scene.last, domain if len(dated) > 1 else "") for domain, dates in sorted(dated.items())]
    worst = next(
        one for one in (CheckStatus.FAIL, CheckStatus.UNKNOWN, CheckStatus.PASS) if one in {e.status for e in each}
    )
    extents = [one.extent for one in each if one.extent is not None]
    extent = Extent(sum(one.seen for one in extents), sum(one.asked for one in extents), "changes")
    refs = tuple(ref for one in each for ref in one.grounds)[:GROUNDS_MAX]
    return [Finding(worst, "; ".join(one.why for one in each), refs, None, extent)]


def _set_twice(dates: Mapping[datetime, RecordRef], last: datetime, domain: str) -> Finding:
    """Judge the dates of one domain; it is named where there are several."""
    of = f" in {domain}" if domain else ""
    after, newest = sorted(one for one in dates if one > last), max(dates)
    refs = tuple(dates[one] for one in after or [newest])[:GROUNDS_MAX]
    extent = Extent(min(len(after), 2), 2, "changes")
    if not after:
        return Finding(CheckStatus.FAIL, f"last set at {instant(newest)}{of}", refs, None, extent)
    if len(after) < 2:
        why = f"set at {instant(newest)}{of}; an export shows one change only, never whether there were two"
        return Finding(CheckStatus.UNKNOWN, why, refs, None, extent)
    why = f"set at {listed([instant(one) for one in after])}{of}, as exports from different times show"
    return Finding(CheckStatus.PASS, why, refs, None, extent)
