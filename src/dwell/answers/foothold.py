"""What did they leave behind? Files, virtual directories, rules, roles, permissions: from logs even where it is gone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import pyarrow.compute as pc

from dwell.answers import apps
from dwell.answers.book import Book
from dwell.answers.lacking import tell_taken
from dwell.answers.phrases import count, hours_of, instant, listed, percent, whole_span
from dwell.answers.script_states import UNCOVERED, state_of
from dwell.answers.ways import writes_page
from dwell.hunt.checks.registry import CHECKS
from dwell.model.claims import Answer, Foothold, FootholdState, Outcome, Question
from dwell.model.coverage import Coverage
from dwell.model.provenance import EvidenceId, RecordRef
from dwell.scope.cmdlets import TABLES, Cmdlet, retold
from dwell.scope.exploits import Act, script_name, shell_path
from dwell.scope.forgery import Forged
from dwell.scope.investigation import Investigation
from dwell.scope.removals import Removals, denies
from dwell.scope.traces import Trace
from dwell.scope.unable import SHELL

__all__ = ["KINDS", "answer", "findings", "leaves"]

KINDS: Mapping[str, str] = {
    "EX-04": "virtual directory",
    "EX-06": "mailbox export or file written by an exploit",
    "MB-03": "impersonation role",
    "MB-04": "mailbox permission",
    "MB-05": "folder permission",
    "MB-07": "forwarding or inbox rule",
    "MB-08": "mobile device",
    "MB-11": "application",
    "TA-01": "transport agent",
    "IM-01": "IIS module",
    "OS-01": "role, account, task or service",
    "AF-05": "auditing switched off",
}
"""What a rule of the catalogue leaves behind, where it leaves anything."""
CONTEXT = 2
"""A rule of this weight and below leaves nothing behind by itself; its hits are told with what else was met."""
WEB_SHELL, PAGE = "web shell", "page written by a forged call"
_PLANTED = re.compile(r"\\aspnet_client\\(?:.*\\)?[^\\]+\.(?:aspx|asp|ashx|asmx)$", re.IGNORECASE)
"""The folder is normally empty of scripts: catalogue WS-01."""
GROUNDS = 10
CHECKED: Mapping[str, str] = {one.id: one.table for one in CHECKS}
"""The table that each check looks at."""
_TAKEN = "taken away"
_UNSET = "this record takes it away; none that is held sets it"


def _shells(case: Investigation, owners: Mapping[int, str]) -> Iterable[Foothold]:
    """Give scripts that were used as web shells or written by an exploit, and scripts that lie where none belong."""
    used: dict[tuple[str, str], list[Trace]] = {}
    for one in case.traces:
        path = shell_path(one)
        answered = one.status is not None and 200 <= one.status < 300
        if path is not None and answered and one.catalogue.startswith(("WS-", "EX-05")):
            used.setdefault((one.host, path), []).append(one)
    asked = {(host, script_name(path)): (host, path) for host, path in used}
    for host, path, trace in _written(case):
        used.setdefault(asked.get((host, script_name(path)), (host, path)), []).append(trace)
    told: set[RecordRef] = set()
    for (host, path), traces in sorted(used.items()):
        last = max((at for one in traces for at in (one.first_utc, one.last_utc) if at is not None), default=None)
        state, why, files = state_of(case, host, path, last)
        told |= {one.ground for one in files}
        instants = [one.first_utc for one in traces if one.first_utc is not None]
        instants += [one.created_utc for one in files if one.created_utc is not None]
        grounds = [one.ground for one in files] + [ref for one in traces for ref in one.grounds]
        owner = next((owners[id(one)] for one in traces if id(one) in owners), None)
        yield Foothold(WEB_SHELL, host, path, min(instants, default=None), state, owner, why, tuple(grounds[:GROUNDS]))
    for file in case.files:
        if _PLANTED.search(file.path) and file.ground not in told:
            state, why, _ = state_of(case, file.host, file.path, None)
            if state is FootholdState.PRESENT:
                why = "in the list of files, in a folder that holds no scripts by itself"
            yield Foothold(
                WEB_SHELL, file.host or "(unknown host)", file.path, file.created_utc, state, None, why, (file.ground,)
            )


def _written(case: Investigation) -> Iterable[tuple[str, str, Trace]]:
    """Give the pages that event logs say were written into web folders: host, path as a list of files has it, trace."""
    found: list[tuple[str, str, Trace]] = []
    longest: dict[tuple[str, str], str] = {}
    for one in case.traces:
        path = one.value("TargetFilename") or one.value("RelativeTargetName") or one.value("ObjectName")
        if one.table == "evtx" and one.catalogue.startswith("WS-") and path is not None:
            found.append((one.host, path, one))
            # one log names the drive, another the share: what both end in is the file
            key = (one.host, script_name(path))
            longest[key] = max(longest.get(key, ""), path, key=len)
    for host, path, trace in found:
        yield host, longest[host, script_name(path)], trace


def _pages(case: Investigation, owners: Mapping[int, str], shells: Sequence[Foothold]) -> Iterable[Foothold]:
    """Give pages that forged calls wrote and of which no log tells: one a server and intrusion, unless a shell is known."""
    known = {one.host for one in shells}
    found: dict[tuple[str, str | None], list[Act]] = {}
    for held in case.held:
        for request in held.forged:
            if writes_page(request):
                found.setdefault((request.host, held.id), []).append(request)
    for trace in case.traces:
        if writes_page(trace) and trace.table not in {"evtx", "ual"}:
            found.setdefault((trace.host, owners.get(id(trace))), []).append(trace)
    for (host, owner), acts in sorted(found.items(), key=lambda one: (one[0][0], one[0][1] or "")):
        if host in known:
            continue
        instants = [at for one in acts if (at := one.at_utc if isinstance(one, Forged) else one.first_utc) is not None]
        refs = [ref for one in acts for ref in ((one.ground,) if isinstance(one, Forged) else one.grounds)]
        told = (
            "the settings of a virtual directory were written into a file by a call that was answered; no log names it"
        )
        yield Foothold(
            PAGE,
            host,
            told,
            min(instants, default=None),
            FootholdState.UNKNOWN,
            owner,
            UNCOVERED,
            tuple(refs[:GROUNDS]),
        )


def _changes(case: Investigation, owners: Mapping[int, str]) -> Iterable[Foothold]:
    """Give changes of configuration that rules met in event logs and audit records."""
    by_kind: dict[str, list[tuple[Trace, Cmdlet]]] = {}
    for one in case.traces:
        # what was given to applications is told application by application
        if not leaves(one) or one.table not in TABLES or one.catalogue == "MB-11":
            continue
        held = [case.cmdlets[ref] for ref in one.grounds if ref in case.cmdlets]
        # what denies a right leaves nobody a way back
        by_kind.setdefault(one.catalogue, []).extend((one, cmdlet) for cmdlet in held if not denies(cmdlet))
        if len(held) < one.count:
            yield _met(one, owners, one.count - len(held))
    for catalogue, acts in sorted(by_kind.items()):
        again = retold(one for _, one in acts)
        yield from _set_and_undone(case, catalogue, [one for one in acts if one[1].ground not in again], owners)


def leaves(trace: Trace) -> bool:
    """Say whether what a rule met is left behind: context by its weight is ordinary mostly, what failed left nothing."""
    return trace.catalogue in KINDS and trace.weight > CONTEXT and trace.outcome.rank > Outcome.ATTEMPT.rank


def _met(trace: Trace, owners: Mapping[int, str], more: int) -> Foothold:
    """Tell what a rule met where the records themselves do not say what was set to what, or are too many."""
    what = "; ".join(trace.matched) or trace.title
    told = f"{what} ({count(more, 'further record')})" if more < trace.count else what
    return Foothold(
        KINDS[trace.catalogue], _place(trace), told, trace.first_utc, FootholdState.UNKNOWN, owners.get(id(trace)),
        UNCOVERED, trace.grounds[:GROUNDS],
    )  # fmt: skip


def _set_and_undone(
    case: Investigation, catalogue: str, acts: Sequence[tuple[Trace, Cmdlet]], owners: Mapping[int, str]
) -> Iterable[Foothold]:
    """Tell what cmdlets set, equal ones once, each with the record that took it away again where one did."""
    label = case.identities.label
    removals = Removals(case.removals, label)
    every = {one.ground: one for one in (*(one for _, one in acts), *case.removals) if one.takes_away(catalogue)}
    undoing = sorted(every.values(), key=lambda one: (_sortable(one.at_utc), one.ground))
    paired: set[RecordRef] = set()
    groups: dict[tuple[str, str], list[tuple[Trace, Cmdlet]]] = {}
    for trace, one in acts:
        if not one.takes_away(catalogue):
            groups.setdefault((_place(trace), one.words), []).append((trace, one))
    for (place, words), alike in groups.items():
        last = max((one for _, one in alike), key=lambda one: (_sortable(one.at_utc), one.ground))
        cleared = [one for one in undoing if one.undoes(last, catalogue, label) and removals.keeps_name(last, one)]
        paired |= {one.ground for one in cleared}
        removed = removals.of(last)
        first_of_both = [*cleared[:1], *(() if removed is None else (removed,))]
        undone = min(first_of_both, key=lambda one: (_sortable(one.at_utc), one.ground), default=None)
        state, why = FootholdState.UNKNOWN, UNCOVERED
        grounds = sorted({one.ground for _, one in alike})[:GROUNDS]
        if undone is not None:
            state, why = FootholdState.REMOVED, f"{_TAKEN} at {instant(undone.at_utc)}: {undone.words}"
            grounds = [*grounds[: GROUNDS - 1], undone.ground]
        first = min((one.at_utc for _, one in alike if one.at_utc is not None), default=None)
        owner = next((owners[id(trace)] for trace, _ in alike if id(trace) in owners), None)
        yield Foothold(KINDS[catalogue], place, words, first, state, owner, why, tuple(grounds))
    for trace, one in acts:
        if one.takes_away(catalogue) and one.ground not in paired:
            yield Foothold(
                KINDS[catalogue], _place(trace), one.words, one.at_utc, FootholdState.REMOVED, owners.get(id(trace)),
                _UNSET, (one.ground,),
            )  # fmt: skip


def _place(trace: Trace) -> str:
    """Give the server of a trace; audit records of Microsoft 365 name none."""
    return "Microsoft 365" if trace.table == "ual" else trace.host


def findings(case: Investigation) -> tuple[Foothold, ...]:
    """Give everything that was left behind, in order of time."""
    owners = {id(trace): held.id for held in case.held for trace in held.traces}
    taken = {ref: held.id for held in case.held for one in held.takings for ref in one.grounds}
    for trace in case.traces:
        mine = {taken[ref] for ref in trace.grounds if ref in taken}
        # a row of hits can tell of several acts: it is laid to somebody only where all are his
        if len(mine) == 1 and all(ref in taken for ref in trace.grounds):
            owners.setdefault(id(trace), mine.pop())
    shells = list(_shells(case, owners))
    pages = _pages(case, owners, shells)
    found = [_ours(case, one) for one in (*shells, *pages, *_changes(case, owners), *apps.footholds(case))]
    found = [one for one in found if one.intrusion is not None or one.state_why != _UNSET]
    return tuple(sorted(found, key=lambda one: (_sortable(one.first_utc), one.host, one.kind, one.what, one.grounds)))


def _ours(case: Investigation, one: Foothold) -> Foothold:
    """Say which markings call it ours: all that rules met of it must be."""
    refs = set(one.grounds)
    met = [trace for trace in case.traces if refs & set(trace.grounds)] if case.marked.our_acts else []
    if one.intrusion is not None or not met or any(trace not in case.marked.our_acts for trace in met):
        return one
    return replace(one, markings=tuple(sorted({name for trace in met for name in case.marked.named(trace)})))


def _cleared(case: Investigation, book: Book) -> None:
    """Tell what nobody known took away, and no record held ever set: nothing was left behind, as far as is known."""
    owners = {id(trace): held.id for held in case.held for trace in held.traces}
    found = [one for one in _changes(case, owners) if one.state_why == _UNSET and one.intrusion is None]
    for one in sorted(found, key=lambda each: (_sortable(each.first_utc), each.what, each.grounds))[:GROUNDS]:
        book.recorded(
            f"{one.host}, {instant(one.first_utc)}: {one.what}. It takes away a {one.kind} that no record held sets, and "
            "counts for nothing that was left behind.",
            one.grounds,
            None,
            ["what was there before the logs begin is not known"],
        )


def _checked(case: Investigation, book: Book) -> None:
    """Tell what checks of lists of files and of configurations met; whose it is they do not say."""
    hits = case.hunted.hits
    for one in case.hunted.checks:
        if not one.hits:
            continue
        refs = hits.filter(pc.equal(hits["rule_id"], one.rule_id))["refs"].to_pylist()
        table = CHECKED[one.rule_id]
        grounds = [RecordRef(table, EvidenceId(ref["evidence_id"]), ref["record_no"]) for held in refs for ref in held]
        others = listed(case.hunted.rules[one.rule_id].falsepositives)
        against = ["states have no author, and nothing says when it came there", f"also looks so: {others}"]
        book.recorded(
            f"{one.title}: {count(one.hits, 'record')} of {listed(one.hosts) or 'servers without a name'}; dwell hunt "
            "lists them.",
            grounds[:GROUNDS],
            None,
            against,
        )


def _sortable(at: datetime | None) -> str:
    return "9999" if at is None else at.isoformat()


def _nothing(requests: Coverage, cmdlets: Coverage, hours: str, lists: int, servers: int) -> str:
    """Say that nothing is seen, and of each kind of thing how much of it could be: one figure would stand for all."""
    shells = f"for web shells in use {percent(requests)} of {hours} (IIS)"
    changes = (
        f"for rules, rights and roles {percent(cmdlets)} (MSExchange Management)"
        if cmdlets.hours_able
        else "for rules, rights and roles none (no MSExchange Management log)"
    )
    files = f"for files {lists} of {count(servers, 'mail server')}" if lists else "for files none (no list of them)"
    return f"Nothing left behind is seen; what is held covers, {shells}, {changes}, {files}."


def answer(case: Investigation, found: tuple[Foothold, ...]) -> tuple[Answer, Book]:
    """Answer the question."""
    book = Book(Question.FOOTHOLD)
    for one in found:
        owner = f" ({one.intrusion})" if one.intrusion else ""
        owner = f" (called ours by {listed(one.markings)})" if one.markings else owner
        # what took a thing away is part of what is recorded; any other reason limits the statement
        undone = one.state_why if one.state_why.startswith(_TAKEN) else ""
        book.recorded(
            f"{one.kind} on {one.host}{owner}, first at {instant(one.first_utc)}, now {one.state.value}: {one.what}"
            f"{'; ' if undone else ''}{undone}.",
            one.grounds,
            None,
            [one.state_why] if one.state_why and not undone else [],
        )
    _cleared(case, book)
    _checked(case, book)
    tell_taken(case, book)
    hosts = case.ledger.servers()
    listed_hosts = sorted({one.host for one in case.files} & set(hosts))
    without = sorted(set(hosts) - set(listed_hosts))
    if without:
        book.unknown(f"No list of files is held for {listed(without)}: what lies on disk there cannot be said.")
    requests = case.ledger.coverage(hosts, {"iis"}, *whole_span(case), "the use of a web shell (IIS)", act=SHELL)
    cmdlets = case.ledger.coverage(
        hosts, {"evtx/MSExchange Management"}, *whole_span(case), "changes by cmdlet (MSExchange Management)"
    )
    further = "further " if found else ""
    book.no_sign(
        f"No {further}sign of a web shell in use: IIS covers {percent(requests)}.",
        requests,
        "Whether a web shell was used is not testable: no IIS log that could show it is held.",
        on="no-sign-rules",
    )
    book.no_sign(
        f"No {further}sign of a change by cmdlet that our rules know: MSExchange Management covers {percent(cmdlets)}.",
        cmdlets,
        "Whether configuration was changed by cmdlet is not testable: no MSExchange Management log is held.",
        ["rules exist for part of the cmdlets an intruder could use"],
        on="no-sign-rules",
    )
    book.unknown(
        "What configuration, lists and exports say of IIS modules, transport agents, tasks and services as they are now is "
        "judged under the question whether they are out; it is not told here who left them."
    )
    if not found and not requests.hours_able:
        return book.answer("What they left behind cannot be said: no IIS log that could show it is held."), book
    if not found:
        hours = hours_of(requests.hours_asked, *whole_span(case))
        return book.answer(_nothing(requests, cmdlets, hours, len(listed_hosts), len(hosts))), book
    there = sum(one.state is FootholdState.PRESENT for one in found)
    open_ones = sum(one.state is FootholdState.UNKNOWN for one in found)
    verdict = f"{count(len(found), 'thing')} left behind: {there} still there, {open_ones} of unknown state."
    return book.answer(verdict), book
