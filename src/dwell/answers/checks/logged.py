"""Checks of what event logs tell: tasks, services and accounts made since the first act and not seen to go."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from dwell.answers import reach
from dwell.answers.checks.scene import GROUNDS_MAX, NO_LOG, Finding, Scene
from dwell.answers.phrases import count, instant, listed, percent
from dwell.model.claims import CheckStatus, ReachVerdict
from dwell.model.coverage import Coverage
from dwell.scope.changes import ACCOUNT, SERVICE, TASK, Change
from dwell.scope.reach import class_of_hosts

__all__ = ["QUIET_SHARE", "accounts", "scheduled_tasks", "services"]

QUIET_SHARE = 0.9
"""Share of the hours of each host that has to be covered before silence passes."""
CLOUD = "cloud"
_SYSTEM = "evtx/System"
_SCHEDULER = "evtx/Microsoft-Windows-TaskScheduler/Operational"
_SECURITY = "evtx/Security"
_TELLS: Mapping[str, Mapping[str, frozenset[int]]] = {
    TASK: {_SCHEDULER: frozenset({106, 140, 141}), _SECURITY: frozenset({4698, 4699, 4702})},
    SERVICE: {_SYSTEM: frozenset({7045}), _SECURITY: frozenset({4697})},
}
"""Per kind of thing, the logs that tell of one, and by which events. A log counts on a host only where it holds one of
them, whenever: audit of tasks is off unless switched on, and an export can be of other events alone."""


@dataclass(frozen=True, slots=True)
class _Logs:
    """What logs of some hosts are able to show.

    Attributes:
        coverage: hours since the first act in which a log able to show it is held.
        thin: hosts of which less than `QUIET_SHARE` of these hours are.
        mute: of these, hosts of which such a log is held that holds no event of the kind.
    """

    coverage: Coverage
    thin: tuple[str, ...]
    mute: tuple[str, ...]


def _logs(scene: Scene, hosts: Collection[str], able: Mapping[str, Collection[str]], what: str) -> _Logs:
    """Say what logs of hosts are able to show since the first act."""
    ledger = scene.case.ledger
    span = int(scene.first.timestamp()) // 3600, ledger.last_hour
    each = {host: ledger.coverage([host], able.get(host, ()), *span, what) for host in sorted(hosts)}
    seen, asked = sum(one.hours_able for one in each.values()), sum(one.hours_asked for one in each.values())
    sources = tuple(sorted({source for one in each.values() for source in one.sources}))
    why = f"hours of {count(len(each), 'host')} in which a log able to show {what} was held: {seen} of {asked}"
    thin = tuple(host for host, one in each.items() if (one.share or 0) < QUIET_SHARE)
    return _Logs(Coverage(seen, asked, sources, why), thin, ())


def _able(scene: Scene, kind: str, hosts: Collection[str]) -> tuple[dict[str, set[str]], tuple[str, ...]]:
    """Give per host the logs shown to tell of a kind of thing, and the hosts whose logs are held and tell of none."""
    events: dict[str, set[int]] = {}
    for one in scene.case.changes:
        events.setdefault(one.host, set()).add(one.event_id)
    tells = _TELLS[kind]
    able = {host: {source for source, numbers in tells.items() if numbers & events.get(host, set())} for host in hosts}
    # the Security log of a host that audits nothing of the kind is the rule: only the log meant for it is missed
    meant = next(iter(tells))
    return able, tuple(sorted(host for host in hosts if not able[host] and (host, meant) in scene.case.ledger.lines))


def _hosts(scene: Scene) -> list[str]:
    """Give the hosts on which an intruder can have left something: mail servers, and what he reached beyond mail."""
    beyond = {
        one.system
        for one in reach.findings(scene.case)
        if one.verdict is ReachVerdict.REACHED and one.system_class != CLOUD
    }
    return sorted({*scene.case.ledger.servers(), *beyond})


def _standing(changes: Sequence[Change]) -> list[Change]:
    """Give what was made and not taken away afterwards: the last change of each thing counts."""
    last: dict[tuple[str, str, str], Change] = {}
    for one in changes:
        last[one.what] = one
    return sorted((one for one in last.values() if one.made), key=lambda one: (one.at_utc, one.ground))


def _told(scene: Scene, kind: str, hosts: Collection[str], logs: _Logs, *, all_known: bool = True) -> Finding:
    """Say what was made on hosts since the first act, and how much of the time their logs cover."""
    coverage = logs.coverage
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
    mute = (
        f"the logs of {listed(logs.mute)} hold no event of a {kind} at all: an export of other events would look the same"
        if logs.mute
        else ""
    )
    if not coverage.hours_able:
        return Finding(CheckStatus.UNKNOWN, mute or NO_LOG, (), coverage)
    if not all_known:
        return Finding(
            CheckStatus.UNKNOWN,
            f"none seen; {covered}; whether there are other hosts of this kind is not known",
            (),
            coverage,
        )
    thin = f"not enough of {listed(logs.thin)}" if logs.thin else ""
    status = CheckStatus.UNKNOWN if logs.thin else CheckStatus.PASS
    return Finding(status, "; ".join(filter(None, ["none seen", covered, thin, mute])), (), coverage)


def _made(scene: Scene, kind: str) -> list[Finding]:
    hosts = _hosts(scene)
    able, mute = _able(scene, kind, hosts)
    return [_told(scene, kind, hosts, replace(_logs(scene, hosts, able, f"the making of a {kind}"), mute=mute))]


def scheduled_tasks(scene: Scene) -> list[Finding]:
    """Look for tasks on the mail servers and what was reached beyond them."""
    return _made(scene, TASK)


def services(scene: Scene) -> list[Finding]:
    """Look for services on the mail servers and what was reached beyond them."""
    return _made(scene, SERVICE)


def accounts(scene: Scene) -> list[Finding]:
    """Look for accounts made in the directory: on hosts that answer for Kerberos."""
    kinds = class_of_hosts(scene.case.logons, ())
    controllers = {host for host, kind in kinds.items() if kind == "directory"}
    hosts = sorted(controllers | {one.host for one in scene.case.changes if one.kind == ACCOUNT})
    logs = _logs(scene, hosts, dict.fromkeys(hosts, (_SECURITY,)), f"the making of an {ACCOUNT}")
    return [_told(scene, ACCOUNT, hosts, logs, all_known=False)]
