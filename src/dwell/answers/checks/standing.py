"""Checks of what stands: what was left behind, the servers' builds, restore points, and quiet since the last act."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from dwell.answers.apps import PLACE
from dwell.answers.checks.logged import QUIET_SHARE
from dwell.answers.checks.scene import GROUNDS_MAX, Finding, Scene, told
from dwell.answers.foothold import WEB_SHELL
from dwell.answers.phrases import count, instant, listed, percent
from dwell.answers.script_states import lists_without
from dwell.model.claims import CheckStatus, Extent, Foothold, FootholdState
from dwell.model.instants import utc_from_us, utc_us
from dwell.scope.builds import BuildSeen, Fixed, families, has_fix
from dwell.scope.cells import HOUR_US
from dwell.scope.intrusions import Held
from dwell.scope.ledger import MAIL_SOURCES, MANAGEMENT
from dwell.scope.rollup.ual import TENANT
from dwell.scope.unable import OPENING

__all__ = ["QUIET_DAYS", "gone", "left_behind", "patched", "quiet", "restore_points", "vulnerable"]

QUIET_DAYS = 30
ACTIVE_DAYS = 1
WHAT_MAX = 160
_STATUS = {
    FootholdState.PRESENT: CheckStatus.FAIL,
    FootholdState.REMOVED: CheckStatus.PASS,
    FootholdState.UNKNOWN: CheckStatus.UNKNOWN,
}


def gone(one: Foothold) -> str:
    """Name the check of one thing; what it is may be a whole audit record, and is told in full where it was found."""
    what = one.what if len(one.what) <= WHAT_MAX else f"{one.what[:WHAT_MAX]}…"
    return f"{one.kind} on {one.host} gone: {what}"


def _gone(scene: Scene, one: Foothold) -> Finding:
    """Check one thing: it is gone only where evidence from after the act it belongs to does not show it any more."""
    check = gone(one)
    acts = {held.id: held.last_utc for held in scene.case.held}
    act = acts.get(one.intrusion or "", scene.last)
    status, why = _STATUS[one.state], one.state_why
    lists = [(file, dated) for file in scene.case.snapshots.of("inventory") if (dated := file.after(act))]
    own = [(file, dated) for file, dated in lists if file.host == one.host]
    if status is CheckStatus.PASS and one.kind == WEB_SHELL:
        own, _ = lists_without(scene.case, one.host, one.what, act)
    extent = Extent(len(own[-1:]), 1, "lists of its files")
    if status is CheckStatus.PASS and one.kind == WEB_SHELL and not own:
        status, why = CheckStatus.UNKNOWN, f"{why}; none is shown to date from after {instant(act)}"
    elif status is CheckStatus.PASS and one.kind != WEB_SHELL:
        extent = Extent(1, 1, "records of its removal")
        if again := _set_again(scene, one, act):
            status, why = CheckStatus.UNKNOWN, f"{why}; {again}"
    looked = told(own[-1:]) if one.kind == WEB_SHELL else ()
    return Finding(status, why, one.grounds, None, extent, looked, check)


def _set_again(scene: Scene, one: Foothold, act: datetime) -> str:
    """Say why a thing that was taken away while the intrusion went on may be there again; "" where it would have shown.

    Whoever set it was there still. That he did not set it anew is known of hours of which the log of cmdlets is held of
    every mail server: it can be set on any of them.
    """
    case = scene.case
    acts = (*case.removals, *case.cmdlets.values())
    undone = next((each.at_utc for each in acts if each.ground in one.grounds[-1:]), None)
    if undone is None or undone >= act:
        return ""
    last = case.ledger.last_hour
    first = min(utc_us(undone) // HOUR_US + 1, last)
    in_tenant = one.host == PLACE
    hosts = [TENANT] if in_tenant else sorted({*case.ledger.servers(), one.host})
    held = np.ones(max(0, last - first), np.bool_)
    for host in hosts:
        held &= case.ledger.seen(host, {"ual"} if in_tenant else {MANAGEMENT, "admin_audit"}, first, last)[0]
    missed = int((~held).sum())
    if not missed:
        return ""
    return (
        f"that is before the last act, at {instant(act)}, and of {count(missed, 'hour')} after it no log is held in which "
        "it would stand if it was set again"
    )


def left_behind(scene: Scene) -> list[Finding]:
    """Check every thing that was left behind."""
    return [_gone(scene, one) for one in scene.footholds]


def _latest(scene: Scene, host: str, after: datetime) -> BuildSeen | None:
    seen = [one for one in scene.case.builds if one.host == host and one.last_utc > after]
    return max(seen, key=lambda one: (one.last_utc, one.build), default=None)


def patched(scene: Scene) -> list[Finding]:
    """Check each exploited server for a build with the fix after the last act."""
    out = []
    for held in scene.case.held:
        cves = {cve for trace in held.traces for cve in trace.cves} | ({"CVE-2021-26855"} if held.forged else set())
        for family in families():
            for host in held.hosts if cves & set(family.cves) else ():
                check = f"{host} patched against {family.name} after {held.id}"
                latest = _latest(scene, host, held.last_utc)
                if latest is None:
                    why = "no row after the last act carries a build"
                    out.append(Finding(CheckStatus.UNKNOWN, why, extent=Extent(0, 1, "servers"), check=check))
                    continue
                fixed = has_fix(latest.build, family)
                status = {Fixed.YES: CheckStatus.PASS, Fixed.NO: CheckStatus.FAIL}.get(fixed, CheckStatus.UNKNOWN)
                why = f"build {latest.build} in rows up to {instant(latest.last_utc)}"
                out.append(Finding(status, why, (latest.ground,), None, Extent(1, 1, "servers"), (), check))
    return out


def vulnerable(scene: Scene) -> list[Finding]:
    """Check every mail server's last build against every family of the table."""
    hosts = scene.case.ledger.servers()
    latest = {host: found for host in hosts if (found := _latest(scene, host, scene.last)) is not None}
    lacking: list[str] = []
    unclear: list[str] = []
    for host, seen in sorted(latest.items()):
        for family in families():
            fixed = has_fix(seen.build, family)
            if fixed is not Fixed.YES:
                (lacking if fixed is Fixed.NO else unclear).append(f"{host} ({seen.build}): {family.name}")
    refs = tuple(one.ground for one in latest.values())
    extent = Extent(len(latest), len(hosts), "mail servers")
    missing = sorted(set(hosts) - set(latest))
    if lacking:
        return [Finding(CheckStatus.FAIL, f"open to what is fixed elsewhere: {listed(lacking)}", refs, None, extent)]
    if not latest:
        return [Finding(CheckStatus.UNKNOWN, "no row after the last act carries a build", (), None, extent)]
    if unclear or missing:
        parts = [f"the table cannot say for {listed(unclear)}"] if unclear else []
        parts += [f"no build after the last act for {listed(missing)}"] if missing else []
        return [Finding(CheckStatus.UNKNOWN, "; ".join(parts), refs, None, extent)]
    builds = listed([f"{host} {seen.build}" for host, seen in sorted(latest.items())])
    return [Finding(CheckStatus.PASS, f"{builds}; what was fixed later is not in the table", refs, None, extent)]


def restore_points(scene: Scene) -> list[Finding]:
    """Look for a restore point older than the first hostile act, for every mail server."""
    case, first = scene.case, scene.first
    dated = [one for one in case.backups if one.point_utc is not None]
    if not dated:
        why = "no restore point of the lists has an instant" if case.backups else "no list of backups is held"
        return [Finding(CheckStatus.UNKNOWN, why)]
    hosts = case.ledger.servers() or sorted({one.host for one in dated})
    older = {one.host for one in dated if one.point_utc is not None and one.point_utc < first}
    without = [one for one in hosts if one not in older]
    oldest = min(dated, key=lambda one: (one.point_utc or first, one.ground))
    extent = Extent(len(hosts) - len(without), len(hosts), "mail servers")
    if without:
        why = (
            f"none for {listed(without)}; the oldest point held is {instant(oldest.point_utc)}, the first hostile act "
            f"{instant(first)}"
        )
        return [Finding(CheckStatus.FAIL, why, (oldest.ground,), None, extent)]
    traits = [] if case.before is None else case.before.older
    early = min((one.first_utc for one in traits), default=first)
    if older != {one.host for one in dated if one.point_utc is not None and one.point_utc < early} & older:
        why = (
            f"points before {instant(first)} exist, and not all before {instant(early)}, when there is what bears its "
            "traits: it may have begun then"
        )
        return [Finding(CheckStatus.UNKNOWN, why, (oldest.ground,), None, extent)]
    start = datetime.fromtimestamp(case.ledger.first_hour * 3600, UTC)
    if first - start < timedelta(days=QUIET_DAYS):
        why = f"points before {instant(first)} exist; the logs begin {instant(start)}, and it may have begun before"
        return [Finding(CheckStatus.UNKNOWN, why, (oldest.ground,), None, extent)]
    why = f"points before {instant(first)} exist; what they hold is not looked at"
    return [Finding(CheckStatus.PASS, why, (oldest.ground,), None, extent)]


def _quiet(scene: Scene, held: Held) -> Finding:
    ledger = scene.case.ledger
    check = f"quiet for {QUIET_DAYS} days after the last act of {held.id}"
    after = int(held.last_utc.timestamp()) // 3600 + 1
    end = datetime.fromtimestamp(ledger.last_hour * 3600, UTC)
    gap = end - held.last_utc
    coverage = ledger.coverage(ledger.mail_hosts(), MAIL_SOURCES, after, ledger.last_hour, "a further act", act=OPENING)
    if gap < timedelta(days=ACTIVE_DAYS):
        why = f"the last act is {instant(held.last_utc)}, the logs end {instant(end)}"
        return Finding(CheckStatus.FAIL, why, check=check)
    found = _tried(scene, held) or _like_it(scene, held)
    if found is not None:
        return replace(found, coverage=coverage, check=check)
    why = f"no further act is seen in {count(gap.days, 'day')}, of which the logs cover {percent(coverage)}"
    enough = gap >= timedelta(days=QUIET_DAYS) and (coverage.share or 0) >= QUIET_SHARE
    return Finding(CheckStatus.PASS if enough else CheckStatus.UNKNOWN, why, (), coverage, check=check)


def _tried(scene: Scene, held: Held) -> Finding | None:
    """Tell what clients of an intrusion were refused after its last act: who is at the door has not gone."""
    accesses = scene.case.accesses
    end = utc_us(held.last_utc)
    rows = [row for row in held.refused if int(accesses.last[row]) > end]
    if not rows:
        return None
    last = max(int(accesses.last[row]) for row in rows)
    why = (
        f"no further act is seen that was answered, but its clients were refused in {count(len(rows), 'session')} after "
        f"{instant(held.last_utc)}, the last at {instant(utc_from_us(last))}: whoever it is tries again"
    )
    return Finding(CheckStatus.UNKNOWN, why, tuple(accesses.refs(rows[:GROUNDS_MAX])))


def _like_it(scene: Scene, held: Held) -> Finding | None:
    """Tell what bears traits of an intrusion after its last act and is laid to nobody: he may have come back so."""
    later = () if scene.case.before is None else scene.case.before.later
    mine = [one for one in later if one.intrusion == held.id]
    if not mine:
        return None
    names = listed(
        [f"{one.account} by {one.client} from {instant(one.first_utc)} ({', '.join(one.traits)})" for one in mine]
    )
    why = f"no further act is seen that is surely its own; what bears its traits after it: {names}"
    return Finding(CheckStatus.UNKNOWN, why, tuple(ref for one in mine for ref in one.grounds)[:GROUNDS_MAX])


def quiet(scene: Scene) -> list[Finding]:
    """Check for a quiet period after the last act of each intrusion, with coverage."""
    return [_quiet(scene, held) for held in scene.case.held]
