"""How did they get in? Per server and weakness or credential: scan, attempt, partial, success, post-exploitation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from dwell.answers.book import Book
from dwell.answers.intrusions import grounds_of
from dwell.answers.marked import marked_intrusion
from dwell.answers.phrases import count, instant, listed, percent, span, whole_span
from dwell.model.claims import Answer, EntryFinding, Outcome, Question
from dwell.model.instants import utc_from_us
from dwell.model.provenance import RecordRef
from dwell.scope.builds import Exposure, Fixed, exposures, families
from dwell.scope.exploits import ENTRIES, Act
from dwell.scope.forgery import CVE, Forged
from dwell.scope.intrusions import VALID_ACCOUNTS, Held
from dwell.scope.investigation import Investigation
from dwell.scope.ledger import MAIL_SOURCES
from dwell.scope.traces import Trace

__all__ = ["CREDENTIALS", "answer", "findings"]

CREDENTIALS = f"valid accounts ({VALID_ACCOUNTS})"
GROUNDS = 10


class _Ladder:
    """The highest step that was reached on one host by one weakness."""

    def __init__(self) -> None:
        self.best = Outcome.SCAN
        self.instants: list[datetime] = []
        self.grounds: list[tuple[int, RecordRef]] = []

    def take(self, outcome: Outcome, instants: Iterable[datetime | None], grounds: Iterable[RecordRef]) -> None:
        """Take one trace."""
        self.best = max(self.best, outcome, key=lambda one: one.rank)
        self.instants += [one for one in instants if one is not None]
        self.grounds += [(-outcome.rank, one) for one in grounds]

    def finding(
        self, host: str, cve: str | None, method: str | None, intrusion: str | None, markings: tuple[str, ...] = ()
    ) -> EntryFinding:
        """Put it into one finding, the records of the highest step first."""
        first, last = min(self.instants, default=None), max(self.instants, default=None)
        refs = tuple(dict.fromkeys(one for _, one in sorted(self.grounds)))[:GROUNDS]
        return EntryFinding(host, self.best, first, last, intrusion, cve, method, refs, markings)


def _ways(trace: Trace) -> list[tuple[str | None, str | None]]:
    """Give the weaknesses a trace is about, else the rule itself as the method."""
    found: list[tuple[str | None, str | None]] = [(one, None) for one in trace.cves]
    return found or [(None, trace.title)]


def findings(case: Investigation) -> tuple[EntryFinding, ...]:
    """Give one finding per host, weakness or credential, and intrusion; what no intrusion explains has none."""
    ladders: dict[tuple[str, str | None, str | None, str | None, tuple[str, ...]], _Ladder] = {}
    owners: dict[int, str] = {}
    for held in case.held:
        owners |= {id(one): held.id for one in (*held.forged, *held.traces)}
    for request in case.forged:
        key = (request.host, CVE, None, owners.get(id(request)), case.marked.named(request))
        ladders.setdefault(key, _Ladder()).take(request.outcome, [request.at_utc], [request.ground])
    for trace in case.traces:
        if not trace.catalogue.startswith(ENTRIES):
            continue
        owner = owners.get(id(trace))
        exploited = any(key[1] == CVE and key[3] == owner for key in ladders)
        for cve, method in _ways(trace):
            # a script used after a forged write on the same server is that exploit's last step
            step = CVE if method is not None and owner is not None and exploited else cve
            way = None if step is not None else method
            one = ladders.setdefault((trace.host, step, way, owner, case.marked.named(trace)), _Ladder())
            one.take(trace.outcome, [trace.first_utc, trace.last_utc], trace.grounds)
    found = [ladder.finding(*key) for key, ladder in ladders.items()]
    found += [one for held in case.held if held.rows for one in _credentials(case, held)]
    return tuple(sorted(found, key=lambda one: (-one.outcome.rank, str(one.first_utc), one.host, str(one.cve))))


def _credentials(case: Investigation, held: Held) -> list[EntryFinding]:
    """Give the first and last use of accounts by an intrusion, per server."""
    ladders: dict[str, _Ladder] = {}
    hosts = case.accesses.table["host"]
    exposed = [one for one in case.exposed if one.intrusion == held.id]
    grounds = [ref for one in exposed for ref in one.references()[:1]]
    for row in held.rows:
        host = hosts[row].as_py() or "(unknown host)"
        ladder = ladders.setdefault(host, _Ladder())
        ladder.instants += [utc_from_us(int(one[row])) for one in (case.accesses.first, case.accesses.last)]
    out = []
    for host, ladder in sorted(ladders.items()):
        ladder.best = Outcome.SUCCESS
        ladder.grounds = [(0, one) for one in grounds]
        out.append(ladder.finding(host, None, CREDENTIALS, held.id))
    return out


def _open_windows(case: Investigation, book: Book) -> None:
    """Say from when to when a server was seen open to what."""
    able = {"httpproxy", "ews"}
    by_host: dict[str, list[Exposure]] = {}
    for one in exposures(case.builds):
        by_host.setdefault(one.host, []).append(one)
    for host, found in sorted(by_host.items()):
        coverage = case.ledger.coverage([host], able, *whole_span(case), "the server's build")
        for family in families():
            mine = [one for one in found if one.family is family]
            exposed = [one for one in mine if one.fixed is Fixed.NO]
            if not exposed:
                continue
            fixed = min((one.first_utc for one in mine if one.fixed is Fixed.YES), default=None)
            first, last = exposed[0], max(exposed, key=lambda one: one.last_utc)
            until = (
                f"rows carry a build with the fix from {instant(fixed)}" if fixed else "no row has a build with the fix"
            )
            book.recorded(
                f"{host} was open to {family.name} ({', '.join(family.cves)}; fixed by the update of {family.update}): "
                f"build {first.build} is in its rows {span(first.first_utc, last.last_utc)}; {until}.",
                [one.ground for one in mine],
                coverage,
                ["the build before the first row and between rows is not recorded"],
            )


def _forged_claims(case: Investigation, book: Book) -> None:
    """Say what came of forged requests on each server; where there are none, with what coverage."""
    for host in case.ledger.servers():
        coverage = case.ledger.coverage([host], {"httpproxy"}, *whole_span(case), "a forged request (HttpProxy)")
        mine = [one for one in case.forged if one.host == host]
        if not mine:
            book.no_sign(
                f"No sign of {CVE} (ProxyLogon) on {host}: HttpProxy covers {percent(coverage)}.",
                coverage,
                f"{CVE} (ProxyLogon) on {host} is not testable: no HttpProxy log of it is held.",
            )
            continue
        by_step: dict[Outcome, list[Forged]] = {}
        for one in mine:
            by_step.setdefault(one.outcome, []).append(one)
        told = ", ".join(f"{len(by_step[step])} {step.value}" for step in Outcome if step in by_step)
        clients = sorted({one.client for one in mine if one.client})
        best = max(by_step, key=lambda one: one.rank)
        book.recorded(
            f"{host} was sent {count(len(mine), 'forged request')} ({CVE}) from {listed(clients)} "
            f"{span(mine[0].at_utc, mine[-1].at_utc)}: {told}.",
            [one.ground for one in (*by_step[best], *mine)],
            coverage,
            _ours(case, mine),
        )


def _rule_claims(case: Investigation, book: Book) -> None:
    """Say what our rules met, one claim per rule and host."""
    groups: dict[tuple[str, str], list[Trace]] = {}
    for one in case.traces:
        if one.catalogue.startswith(ENTRIES):
            groups.setdefault((one.rule_id, one.host), []).append(one)
    for (_, host), found in sorted(groups.items()):
        best = max(found, key=lambda one: one.outcome.rank)
        records = sum(one.count for one in found)
        instants = [at for one in found for at in (one.first_utc, one.last_utc) if at is not None]
        clients = sorted({one.client for one in found if one.client})
        origin = f" from {listed(clients)}" if clients else ""
        coverage = case.ledger.coverage([host], {best.table}, *whole_span(case), f"what '{best.title}' looks for")
        book.recorded(
            f"{best.title}: {count(records, 'record')} on {host}{origin} "
            f"{span(min(instants, default=None), max(instants, default=None))}; furthest step: {best.outcome.value}.",
            [ref for one in found for ref in one.grounds],
            coverage,
            ["a rule meets a shape of text; what it means is for the reader to judge", *_ours(case, found)],
        )


def _ours(case: Investigation, acts: Sequence[Act]) -> list[str]:
    """Say how many of the acts a person calls ours."""
    named = [names for one in acts if (names := case.marked.named(one))]
    ids = sorted({name for names in named for name in names})
    return [f"{len(named):,} of {len(acts):,} are called ours by {listed(ids)}"] if named else []


def answer(case: Investigation, found: tuple[EntryFinding, ...]) -> tuple[Answer, Book]:
    """Answer the question."""
    book = Book(Question.ENTRY)
    for held in case.held:
        if held.rows:
            accounts = count(len(held.accounts), "account")
            refs = grounds_of(case, held)
            hosts = case.ledger.hosts(MAIL_SOURCES)
            coverage = case.ledger.coverage(hosts, MAIL_SOURCES, *whole_span(case), "a sign-in to mail")
            tell = book.assumed if held.marking else book.inferred
            tell(
                f"{held.id} signed in with {accounts} of others, first at {instant(held.first_utc)}; how it came by the "
                "passwords no record held can show.",
                refs,
                coverage=coverage,
                against=held.against,
                marked=marked_intrusion(case, held) if held.marking else (),
            )
    _forged_claims(case, book)
    _rule_claims(case, book)
    _open_windows(case, book)
    got_in = [one for one in found if one.outcome.rank >= Outcome.SUCCESS.rank and one.intrusion is not None]
    ways = sorted({(one.intrusion or "", one.cve or one.method or "") for one in got_in})
    if ways:
        made = {held.id for held in case.held if held.marking}
        told = "; ".join(
            f"{name} by {way}{' (an intruder by marking alone)' if name in made else ''}" for name, way in ways
        )
        return book.answer(f"They got in: {told}."), book
    hosts = case.ledger.hosts(MAIL_SOURCES)
    coverage = case.ledger.coverage(hosts, MAIL_SOURCES, *whole_span(case), "an entry")
    if not coverage.hours_able:
        return book.answer("How they got in cannot be said: no log able to show an entry is held."), book
    verdict = f"No entry is seen in what is held; the mail logs cover {percent(coverage)} of the server-hours."
    return book.answer(verdict), book
