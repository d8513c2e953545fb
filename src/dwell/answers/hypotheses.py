"""The hypothesis board: each way of reading mail held against the evidence, with "would we have seen it?".

A way is *seen* where acts that are held to be an intruder's were of it. Where nothing is seen the board says what a
negative is worth: which sources could show that way and for which share of the hours they are held, and whether
anything in this version would tell it from ordinary use. Where nothing would, no coverage makes it a negative.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from dwell.answers.phrases import count, listed, percent, span, whole_span
from dwell.hunt.ruleset import RuleInfo
from dwell.model.claims import Outcome, RuleOutcome, RuleStatus
from dwell.model.coverage import Coverage
from dwell.model.hypotheses import Hypothesis, HypothesisVerdict, Sign, SourceView, Told, Where
from dwell.model.instants import utc_from_us
from dwell.model.provenance import RecordRef
from dwell.scope.investigation import Investigation
from dwell.scope.ledger import MAIL_SOURCES
from dwell.scope.modes import Mode, Whose, modes
from dwell.scope.rollup.ual import TENANT
from dwell.scope.traces import Trace

__all__ = ["board"]

GROUNDS_MAX = 5
TENANT_TABLE = "ual"
TENANT_TABLES = frozenset({TENANT_TABLE, "entra_audit"})
APPS = "MB-11"
"""The catalogue's entry of applications with rights on mail."""
LEADS_NAMED = 3

Mask = npt.NDArray[np.bool_]


class _Board:
    """What all ways have in common, worked out once."""

    def __init__(self, case: Investigation) -> None:
        self.case = case
        accesses = case.accesses
        self.hosts = {
            Where.SERVERS: case.ledger.servers() or [one for one in case.ledger.hosts(MAIL_SOURCES) if one != TENANT],
            Where.TENANT: [TENANT] if TENANT_TABLE in case.tables else [],
        }
        self.other: Mask = accesses.mailbox != accesses.account
        judged = accesses.ok & (accesses.account >= 0) & ~accesses.system
        self.service: Mask = case.served
        self.judged: Mask = judged & ~self.service
        self.leads = self._leads()

    def _leads(self) -> dict[int, npt.NDArray[np.int64]]:
        """Give, by rank, the sessions of each lead that was taken into no intrusion."""
        accesses = self.case.accesses
        names, networks, agents = (
            {name: place for place, name in enumerate(one)}
            for one in (accesses.names, accesses.networks, accesses.agents)
        )
        ties: dict[tuple[int, int, int], int] = {}
        for lead in self.case.ranked.leads:
            lan, _, tool = lead.client.partition(" ")
            if lead.intrusion is None:
                ties[names[lead.mailbox], networks[lan], agents[tool]] = lead.rank
        account, network, agent = np.array([*ties], np.int64).reshape(-1, 3).T
        rows, places = accesses.on_ties(network, agent, account)
        ranks = [*ties.values()]
        out: dict[int, list[int]] = {}
        for row, place in zip(rows.tolist(), places.tolist(), strict=True):
            if accesses.ok[row]:
                out.setdefault(ranks[place], []).append(row)
        return {rank: np.array(out[rank], np.int64) for rank in sorted(out)}

    def sessions(self, mode: Mode) -> Mask:
        """Say which sessions are of a way, whoever's they are."""
        accesses = self.case.accesses
        spoken = np.array([one in mode.protocols for one in accesses.protocols] or [False])
        found: Mask = spoken[np.maximum(accesses.protocol, 0)] & (accesses.protocol >= 0) & accesses.ok
        if mode.whose is not Whose.ANY:
            found = found & (self.other if mode.whose is Whose.OTHER else ~self.other)
        return found

    def coverage(self, mode: Mode, sources: Iterable[str]) -> Coverage:
        """Say in how many hours of the hosts a way is open on one of the sources was held."""
        span_ = whole_span(self.case)
        return self.case.ledger.coverage(
            self.hosts[mode.where], set(sources), *span_, f"this ({mode.key})", act=mode.key
        )

    def grounds(self, rows: Sequence[int]) -> tuple[RecordRef, ...]:
        """Give the records of the first sessions."""
        return tuple(self.case.accesses.refs(rows[:GROUNDS_MAX]))


def _by_intrusions(one: _Board, mode: Mode, sessions: Mask) -> list[Sign]:
    """Give what each intrusion did in this way."""
    accesses, out = one.case.accesses, []
    for held in one.case.held:
        rows = [row for row in held.rows if sessions[row]]
        if rows:
            opened = len(np.unique(accesses.mailbox[rows][accesses.mailbox[rows] >= 0]))
            when = span(utc_from_us(int(accesses.first[rows].min())), utc_from_us(int(accesses.last[rows].max())))
            many = count(opened, "mailbox", "mailboxes") if opened else "mailboxes that no record names"
            text = f"{held.id} opened {many} so, {count(len(rows), 'session')} {when}."
            out.append(Sign(text, one.grounds(rows)))
        answered = [act for act in held.forged if act.ews]
        if mode.forged and answered:
            when = span(answered[0].at_utc, answered[-1].at_utc)
            text = f"{held.id} was answered {count(len(answered), 'forged call')} to EWS {when}."
            out.append(Sign(text, tuple(act.ground for act in answered[:GROUNDS_MAX])))
        reads = [read for app in held.apps for read in app.reads] if APPS in mode.rules else []
        if reads:
            boxes = count(len({read.mailbox for read in reads}), "mailbox", "mailboxes")
            names = listed([app.name for app in held.apps if app.reads])
            text = f"{held.id} opened {boxes} through {names}, {count(len(reads), 'record')}."
            out.append(Sign(text, tuple(read.ground for read in reads[:GROUNDS_MAX])))
    return out


def _of_side(mode: Mode, trace: Trace) -> bool:
    return (trace.table in TENANT_TABLES) is (mode.where is Where.TENANT)


def _traces(one: _Board, mode: Mode) -> list[Trace]:
    """Give the hits that belong to this way, those that got furthest first."""
    found = [trace for trace in one.case.traces if trace.catalogue in mode.rules and _of_side(mode, trace)]
    return sorted(found, key=lambda trace: (-trace.outcome.rank, str(trace.first_utc or ""), trace.rule_id))


def _hits(one: _Board, mode: Mode) -> list[Sign]:
    """Put the hits into words: one sign for each rule and server."""
    out: dict[tuple[str, str], list[Trace]] = {}
    for trace in _traces(one, mode):
        out.setdefault((trace.title, trace.host), []).append(trace)
    signs = []
    for (title, host), traces in out.items():
        instants = [at for trace in traces for at in (trace.first_utc, trace.last_utc) if at is not None]
        when = span(min(instants, default=None), max(instants, default=None))
        number = count(sum(trace.count for trace in traces), "record")
        refs = tuple(dict.fromkeys(ref for trace in traces for ref in trace.grounds))
        signs.append(
            Sign(f"{title} on {host}, {number} {when}, furthest: {traces[0].outcome.value}.", refs[:GROUNDS_MAX])
        )
    return signs


def _by_leads(one: _Board, sessions: Mask) -> list[Sign]:
    """Say how many of the leads outside intrusions came in this way."""
    ranks = [rank for rank, rows in one.leads.items() if sessions[rows].any()]
    if not ranks:
        return []
    named = listed([f"lead-{rank}" for rank in ranks], LEADS_NAMED)
    first = one.leads[ranks[0]]
    text = f"{count(len(ranks), 'lead')} outside any intrusion came so: {named}. A lead is a place to look."
    return [Sign(text, one.grounds(first[sessions[first]].tolist()))]


def _against(one: _Board, mode: Mode, sessions: Mask, coverage: Coverage) -> list[Sign]:
    """Say that nobody uses this way at all, or that none of those who do is held for an intruder."""
    out: list[Sign] = []
    if not coverage.hours_able:
        return out
    if mode.protocols and mode.told is Told.CLIENT:
        used = sessions & one.judged
        users = len(np.unique(one.case.accesses.account[used]))
        of_whom = "" if mode.whose is not Whose.OTHER else " on somebody else's mailbox"
        if not users:
            who = "Nobody but services used" if (sessions & one.service).any() else "Nobody used"
            out.append(Sign(f"{who} this way{of_whom} in the logs held; coverage {percent(coverage)}."))
        elif not any(sessions[row] for held in one.case.held for row in held.rows):
            text = (
                f"{count(users, 'account')} used this way{of_whom}, and none of its clients is held for an intruder's"
            )
            out.append(Sign(f"{text}; coverage {percent(coverage)}."))
    return out


def _rules(one: _Board, mode: Mode) -> list[tuple[RuleOutcome, str]]:
    """Give our rules about this way, with the catalogue's entry of each."""
    out = []
    for rule in one.case.hunted.outcomes:
        info = one.case.hunted.rules.get(rule.rule_id)
        if info is not None and info.pack and info.catalogue in mode.rules and _is_about(info, mode):
            out.append((rule, info.catalogue))
    return out


def _met_nothing(one: _Board, mode: Mode) -> list[Sign]:
    """Give the rules that ran and met nothing, each with the coverage of what it looks at."""
    met = {trace.rule_id for trace in one.case.traces}
    out = []
    for rule, entry in _rules(one, mode):
        held = {name: one.coverage(mode, {name}) for name in mode.rules[entry]}
        # a rule about servers and the tenant alike may have had records of one side only
        if rule.status is RuleStatus.RAN and rule.rule_id not in met and any(each.hours_able for each in held.values()):
            told = ", ".join(f"{name} {percent(each)}" for name, each in held.items())
            out.append(Sign(f"The rule “{rule.title}” ran and met nothing; coverage: {told}."))
    return out


def _is_about(info: RuleInfo, mode: Mode) -> bool:
    """Say whether a rule is about records of the servers, or of the tenant, whichever a way is open on."""
    return any((one in TENANT_TABLES) is (mode.where is Where.TENANT) for one in info.tables)


def _limits(one: _Board, mode: Mode, sessions: Mask) -> list[str]:
    """Give what limits a negative: what is always so, services that are not judged, and rules that were blind."""
    out = list(mode.limits)
    if mode.told is Told.CLIENT:
        out.append("only a client that is foreign to several accounts stands out; dwell power says how surely")
        accesses = one.case.accesses
        rows = sessions & one.service
        names = sorted({accesses.names[place] for place in np.unique(accesses.account[rows]).tolist()})
        if names:
            out.append(f"taken for services and not judged: {listed(names)}")
    for rule, entry in _rules(one, mode):
        if rule.status in {RuleStatus.BLIND, RuleStatus.PARTLY_BLIND}:
            out.append(f"the rule “{rule.title}” is {rule.status.value}: {rule.reason}")
        elif not any(one.coverage(mode, {name}).hours_able for name in mode.rules[entry]):
            out.append(f"the rule “{rule.title}” had no record of {listed(mode.rules[entry])} to look at")
    return out


def _next(one: _Board, mode: Mode, sources: Sequence[SourceView]) -> list[str]:
    """Give what to look for next: the logs that are not held first, as nothing else can replace them."""
    out = []
    for view in sources:
        absent = [host for host in one.hosts[mode.where] if (host, view.source) not in one.case.ledger.lines]
        if absent:
            out.append(f"{view.source} logs of {listed(absent)}, of which none is held")
    if mode.where is Where.TENANT and not one.hosts[mode.where]:
        out.append("an audit export of the tenant, if the organisation has one")
    return [*out, *mode.next]


_WORDS = {
    HypothesisVerdict.SEEN: "An intruder read mail in this way",
    HypothesisVerdict.SIGNS: "Something is recorded that belongs to this way, and nothing ties it to mail that was read",
    HypothesisVerdict.NO_SIGN: "No sign of it",
    HypothesisVerdict.NOT_TESTED: (
        "Not tested: nothing in this version would tell it from ordinary use, whatever is recorded"
    ),
    HypothesisVerdict.NOT_COVERED: "Not covered: no source held could have shown it",
}


def _verdict(mode: Mode, coverage: Coverage, *, seen: bool, signs: bool) -> HypothesisVerdict:
    if seen:
        return HypothesisVerdict.SEEN
    if signs:
        return HypothesisVerdict.SIGNS
    if not coverage.hours_able:
        return HypothesisVerdict.NOT_COVERED
    return HypothesisVerdict.NOT_TESTED if mode.told is Told.NOTHING else HypothesisVerdict.NO_SIGN


def _why(verdict: HypothesisVerdict, coverage: Coverage) -> str:
    """Put the verdict into one sentence; where there is a coverage to tell, with it."""
    if verdict in {HypothesisVerdict.NOT_COVERED, HypothesisVerdict.NOT_TESTED}:
        return f"{_WORDS[verdict]}."
    if not coverage.hours_able:
        return f"{_WORDS[verdict]}; no source held could have shown more."
    return f"{_WORDS[verdict]}; the sources able to show it cover {percent(coverage)} of the host-hours."


def _hypothesis(one: _Board, mode: Mode) -> Hypothesis:
    sessions = one.sessions(mode)
    coverage = one.coverage(mode, mode.able)
    views = tuple(SourceView(name, shows, one.coverage(mode, {name})) for name, shows in sorted(mode.able.items()))
    judged = mode.told is not Told.NOTHING
    acts = _by_intrusions(one, mode, sessions) if judged else []
    hits = _hits(one, mode)
    done = any(trace.outcome.rank >= Outcome.PARTIAL.rank for trace in _traces(one, mode))
    verdict = _verdict(mode, coverage, seen=bool(acts), signs=bool(hits and done))
    leads = _by_leads(one, sessions) if judged and mode.protocols else []
    return Hypothesis(
        f"H-{mode.key}",
        mode.title,
        mode.where,
        verdict,
        _why(verdict, coverage),
        mode.told,
        coverage,
        views,
        (*acts, *hits, *leads),
        (*_against(one, mode, sessions, coverage), *(() if acts or hits else _met_nothing(one, mode))),
        tuple(_limits(one, mode, sessions)),
        tuple(_next(one, mode, views)),
        mode.techniques,
    )


def board(case: Investigation) -> tuple[Hypothesis, ...]:
    """Hold every way of reading mail against the case; in the order of the table of ways."""
    one = _Board(case)
    return tuple(_hypothesis(one, mode) for mode in modes())
