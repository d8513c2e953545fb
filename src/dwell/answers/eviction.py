"""Are they out? Each check is pass, fail or unknown, with evidence dated after the act. Unknown is not a pass."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from dwell.answers.book import Book
from dwell.answers.phrases import count, instant, listed, percent
from dwell.model.claims import Answer, CheckStatus, EvictionCheck, Foothold, FootholdState, Question
from dwell.scope.builds import Fixed, families, has_fix
from dwell.scope.intrusions import Held
from dwell.scope.investigation import Investigation
from dwell.scope.ledger import MAIL_SOURCES
from dwell.scope.states import PasswordSet

__all__ = ["QUIET_DAYS", "QUIET_SHARE", "answer", "findings"]

QUIET_DAYS = 30
QUIET_SHARE = 0.9
ACTIVE_DAYS = 1
GROUNDS_MAX = 10
NOT_DATED = "no export dated after the last hostile act is held"
STATES: tuple[str, ...] = (
    "inbox rules, forwarding and transport rules removed",
    "role assignments, mailbox and folder permissions reviewed",
    "IIS modules, virtual directories and machine keys renewed",
    "transport agents, scheduled tasks and services reviewed",
    "mobile devices and applications reviewed",
    "auditing on, bypass list empty",
    "sessions and tokens revoked",
    "content of the restore points scanned",
)
"""Checks that need an export of a state, which this version does not read yet: never a pass."""


def _patched(case: Investigation, held: Held) -> list[EvictionCheck]:
    """Check each exploited server for a build with the fix after the last act."""
    cves = {cve for trace in held.traces for cve in trace.cves} | ({"CVE-2021-26855"} if held.forged else set())
    out = []
    for family in families():
        if not cves & set(family.cves):
            continue
        for host in held.hosts:
            check = f"{host} patched against {family.name} after {held.id}"
            seen = [one for one in case.builds if one.host == host and one.last_utc > held.last_utc]
            latest = max(seen, key=lambda one: (one.last_utc, one.build), default=None)
            if latest is None:
                out.append(EvictionCheck(check, CheckStatus.UNKNOWN, "no row after the last act carries a build"))
                continue
            fixed = has_fix(latest.build, family)
            status = {Fixed.YES: CheckStatus.PASS, Fixed.NO: CheckStatus.FAIL}.get(fixed, CheckStatus.UNKNOWN)
            why = f"build {latest.build} in rows up to {instant(latest.last_utc)}"
            out.append(EvictionCheck(check, status, why, (latest.ground,)))
    return out


def _gone(found: tuple[Foothold, ...]) -> list[EvictionCheck]:
    """Check every thing that was left behind."""
    state = {
        FootholdState.PRESENT: CheckStatus.FAIL,
        FootholdState.REMOVED: CheckStatus.PASS,
        FootholdState.UNKNOWN: CheckStatus.UNKNOWN,
    }
    return [
        EvictionCheck(f"{one.kind} on {one.host} gone: {one.what}", state[one.state], one.state_why, one.grounds)
        for one in found
    ]


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


def _passwords(case: Investigation, held: Held) -> EvictionCheck:
    """Check that every account an intrusion used has a new password since."""
    check = f"passwords of the {count(len(held.accounts), 'account')} of {held.id} set after its last act"
    known = _newest(case)
    own = {name: known[name] for name in held.accounts if name in known and known[name].set_utc is not None}
    late = [name for name, one in own.items() if one.set_utc is not None and one.set_utc > held.last_utc]
    stale = sorted(set(own) - set(late))
    refs = tuple(own[name].ground for name in stale)
    if stale:
        why = f"{len(stale)} were last set before {instant(held.last_utc)}: {listed(stale)}"
        return EvictionCheck(check, CheckStatus.FAIL, why, refs)
    if len(own) < len(held.accounts):
        missing = sorted(set(held.accounts) - set(own))
        return EvictionCheck(check, CheckStatus.UNKNOWN, f"no date is held for {len(missing)}: {listed(missing)}")
    refs = tuple(one.ground for one in own.values())
    return EvictionCheck(check, CheckStatus.PASS, "every password was set after the last act", refs)


def _krbtgt(case: Investigation, last: datetime) -> EvictionCheck:
    check = "krbtgt password set twice after the last act"
    found = [one for one in case.passwords if one.account.lower().partition("@")[0] == "krbtgt"]
    dated = [one for one in found if one.set_utc is not None]
    if not dated:
        return EvictionCheck(check, CheckStatus.UNKNOWN, "no date for krbtgt is held")
    newest = max(dated, key=lambda one: (one.set_utc or last, one.ground))
    if newest.set_utc is not None and newest.set_utc <= last:
        return EvictionCheck(check, CheckStatus.FAIL, f"last set at {instant(newest.set_utc)}", (newest.ground,))
    why = f"set at {instant(newest.set_utc)}; an export shows one change only, never whether there were two"
    return EvictionCheck(check, CheckStatus.UNKNOWN, why, (newest.ground,))


def _restore(case: Investigation, first: datetime) -> EvictionCheck:
    """Check for a restore point older than the first hostile act."""
    check = "a restore point older than the first hostile act, for every mail server"
    dated = [one for one in case.backups if one.point_utc is not None]
    if not dated:
        why = "no restore point of the lists has an instant" if case.backups else "no list of backups is held"
        return EvictionCheck(check, CheckStatus.UNKNOWN, why)
    hosts = case.ledger.servers() or sorted({one.host for one in dated})
    older = {one.host for one in dated if one.point_utc is not None and one.point_utc < first}
    without = [one for one in hosts if one not in older]
    oldest = min(dated, key=lambda one: (one.point_utc or first, one.ground))
    if without:
        why = (
            f"none for {listed(without)}; the oldest point held is {instant(oldest.point_utc)}, the first hostile act "
            f"{instant(first)}"
        )
        return EvictionCheck(check, CheckStatus.FAIL, why, (oldest.ground,))
    start = datetime.fromtimestamp(case.ledger.first_hour * 3600, UTC)
    if first - start < timedelta(days=QUIET_DAYS):
        why = f"points before {instant(first)} exist; the logs begin {instant(start)}, and it may have begun before"
        return EvictionCheck(check, CheckStatus.UNKNOWN, why, (oldest.ground,))
    why = f"points before {instant(first)} exist; what they hold is not looked at"
    return EvictionCheck(check, CheckStatus.PASS, why, (oldest.ground,))


def _quiet(case: Investigation, held: Held) -> EvictionCheck:
    """Check for a quiet period after the last act, with coverage."""
    check = f"quiet for {QUIET_DAYS} days after the last act of {held.id}"
    after = int(held.last_utc.timestamp()) // 3600 + 1
    end = datetime.fromtimestamp(case.ledger.last_hour * 3600, UTC)
    gap = end - held.last_utc
    hosts = case.ledger.hosts(MAIL_SOURCES)
    coverage = case.ledger.coverage(hosts, MAIL_SOURCES, after, case.ledger.last_hour, "a further act")
    if gap < timedelta(days=ACTIVE_DAYS):
        return EvictionCheck(
            check, CheckStatus.FAIL, f"the last act is {instant(held.last_utc)}, the logs end {instant(end)}"
        )
    why = f"no further act is seen in {gap.days} days, of which the logs cover {percent(coverage)}"
    enough = gap >= timedelta(days=QUIET_DAYS) and (coverage.share or 0) >= QUIET_SHARE
    return EvictionCheck(check, CheckStatus.PASS if enough else CheckStatus.UNKNOWN, why, (), coverage)


def findings(case: Investigation, footholds: tuple[Foothold, ...]) -> tuple[EvictionCheck, ...]:
    """Give every check, in the order in which they are made."""
    out = _gone(footholds)
    if not case.held:
        why = "no intrusion is known by which a check could be dated"
        return (*out, *(EvictionCheck(one, CheckStatus.UNKNOWN, why) for one in STATES))
    for held in case.held:
        if held.exploited:
            out += _patched(case, held)
        if held.rows:
            out.append(_passwords(case, held))
    out.append(_krbtgt(case, max(one.last_utc for one in case.held)))
    out.append(_restore(case, min(one.first_utc for one in case.held)))
    out += [_quiet(case, held) for held in case.held]
    out += [EvictionCheck(one, CheckStatus.UNKNOWN, NOT_DATED) for one in STATES]
    return tuple(out)


def answer(case: Investigation, found: tuple[EvictionCheck, ...]) -> tuple[Answer, Book]:
    """Answer the question."""
    book = Book(Question.EVICTION)
    for one in found:
        if one.coverage is not None and one.status is CheckStatus.PASS:
            book.no_sign(f"Pass: {one.check}; {one.why}.", one.coverage, f"Unknown: {one.check}; not covered.")
        elif one.status is CheckStatus.UNKNOWN:
            book.unknown(f"Unknown: {one.check}; {one.why}.", one.grounds)
        else:
            book.recorded(f"{one.status.value.capitalize()}: {one.check}; {one.why}.", one.grounds)
    tally = {status: sum(one.status is status for one in found) for status in CheckStatus}
    told = f"{tally[CheckStatus.PASS]} pass, {tally[CheckStatus.FAIL]} fail, {tally[CheckStatus.UNKNOWN]} unknown"
    if not case.held:
        return book.answer(f"Cannot be said: no intrusion is known by which checks could be dated; {told}."), book
    if tally[CheckStatus.FAIL]:
        return book.answer(f"Not shown to be out: {told}."), book
    if tally[CheckStatus.UNKNOWN]:
        return book.answer(f"Cannot be said: {told}; unknown is not a pass."), book
    return book.answer(f"Every check passes: {told}."), book
