"""Checks of what event logs tell: tasks, services and accounts made since the first act and not seen to go."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta

from dwell.answers.checks.scene import GROUNDS_MAX, NO_LOG, Finding, Scene
from dwell.answers.phrases import instant, listed, percent
from dwell.model.claims import CheckStatus
from dwell.scope.changes import ACCOUNT, SERVICE, TASK, Change
from dwell.scope.reach import class_of_hosts

__all__ = ["QUIET_SHARE", "accounts", "scheduled_tasks", "services"]

QUIET_SHARE = 0.9
"""Share of the host-hours that has to be covered before silence passes."""
_SYSTEM = {"evtx/System"}
_SCHEDULER = "evtx/Microsoft-Windows-TaskScheduler/Operational"
_SECURITY = "evtx/Security"
_AUDITED = frozenset({4698, 4699, 4702})
"""Events of tasks in the Security log: audit of them is off unless switched on."""


def _standing(changes: Sequence[Change]) -> list[Change]:
    """Give what was made and not taken away afterwards: the last change of each thing counts."""
    last: dict[tuple[str, str, str], Change] = {}
    for one in changes:
        last[one.what] = one
    return sorted((one for one in last.values() if one.made), key=lambda one: (one.at_utc, one.ground))


def _told(scene: Scene, kind: str, hosts: Collection[str], able: Collection[str], *, all_known: bool = True) -> Finding:
    """Say what was made on hosts since the first act, and how much of the time their logs cover."""
    begin = int(scene.first.timestamp()) // 3600
    last = scene.case.ledger.last_hour
    coverage = scene.case.ledger.coverage(hosts, able, begin, last, f"the making of a {kind}")
    mine = [one for one in scene.case.changes if one.kind == kind and one.host in hosts]
    standing = [one for one in _standing(mine) if one.at_utc >= scene.first - timedelta(hours=1)]
    refs = tuple(one.ground for one in standing)[:GROUNDS_MAX]
    covered = f"the logs cover {percent(coverage)} of the time since the first act"
    if standing:
        names = listed(
            [f"{one.name} on {one.host}, {instant(one.at_utc)}, by {one.account or 'nobody named'}" for one in standing]
        )
        theirs = [one for one in standing if one.account in scene.touched]
        status = CheckStatus.FAIL if theirs else CheckStatus.UNKNOWN
        judged = "some by an account that an intruder used" if theirs else "to be confirmed by whoever knows them"
        return Finding(status, f"{len(standing)} made and not seen to go, {judged}: {names}; {covered}", refs, coverage)
    enough = all_known and coverage.share is not None and coverage.share >= QUIET_SHARE
    if not coverage.hours_able:
        return Finding(CheckStatus.UNKNOWN, NO_LOG, (), coverage)
    more = "" if all_known else "; whether there are other hosts of this kind is not known"
    status = CheckStatus.PASS if enough else CheckStatus.UNKNOWN
    return Finding(status, f"none seen; {covered}{more}", (), coverage)


def scheduled_tasks(scene: Scene) -> list[Finding]:
    """Look for tasks. The Security log counts only where it is shown to record tasks at all."""
    servers = scene.case.ledger.servers()
    audited = {one.host for one in scene.case.changes if one.event_id in _AUDITED}
    able = {_SCHEDULER} | ({_SECURITY} if audited >= set(servers) else set())
    return [_told(scene, TASK, servers, able)]


def services(scene: Scene) -> list[Finding]:
    """Look for services on the mail servers."""
    return [_told(scene, SERVICE, scene.case.ledger.servers(), _SYSTEM)]


def accounts(scene: Scene) -> list[Finding]:
    """Look for accounts made in the directory: on hosts that answer for Kerberos."""
    kinds = class_of_hosts(scene.case.logons, ())
    controllers = sorted(host for host, kind in kinds.items() if kind == "directory")
    makers = {one.host for one in scene.case.changes if one.kind == ACCOUNT}
    return [_told(scene, ACCOUNT, sorted(makers | set(controllers)), {_SECURITY}, all_known=False)]
