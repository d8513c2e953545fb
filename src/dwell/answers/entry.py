"""How did they get in? Per server and weakness or credential: scan, attempt, partial, success, post-exploitation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from dwell.answers.acts import Act, acts_of
from dwell.answers.apps import chains
from dwell.answers.book import Book
from dwell.answers.intrusions import grounds_of
from dwell.answers.marked import marked_intrusion
from dwell.answers.phrases import count, hours_of, instant, listed, percent, span, whole_span
from dwell.model.claims import Answer, EntryFinding, Outcome, Question
from dwell.model.instants import utc_from_us
from dwell.model.provenance import RecordRef
from dwell.scope.builds import Exposure, Fixed, exposures, families, is_contradicted, is_known
from dwell.scope.exploits import ENTRIES
from dwell.scope.forgery import CVE, Forged
from dwell.scope.intrusions import VALID_ACCOUNTS, Held
from dwell.scope.investigation import Investigation
from dwell.scope.ledger import MAIL_SOURCES
from dwell.scope.remote_shells import REMOTE_SHELL
from dwell.scope.rollup.ual import TENANT
from dwell.scope.sprays import Spray, spray_of
from dwell.scope.traces import Trace
from dwell.scope.unable import ENTRY, FORGED

__all__ = ["CREDENTIALS", "SPRAY", "answer", "findings"]

CREDENTIALS = f"valid accounts ({VALID_ACCOUNTS})"
SPRAY = "password spray (T1110.003)"
ADMINISTRATOR = f"an administrator's account, {REMOTE_SHELL} ({VALID_ACCOUNTS})"
GROUNDS = 10
RESTART = timedelta(hours=1)
"""While a server is updated some rows carry the build before and some the new one."""


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


_Key = tuple[str, str | None, str | None, str | None, tuple[str, ...]]
"""(host, weakness, method, intrusion, markings that call it ours)."""


def _exploited(ladders: Mapping[_Key, _Ladder], host: str, owner: str | None) -> str | None:
    """Give the weakness by which an intrusion got furthest on a server; None where it used none there."""
    mine = [
        (-one.best.rank, cve)
        for (where, cve, _, who, _), one in ladders.items()
        if (where, who) == (host, owner) and cve
    ]
    return min(mine)[1] if mine and owner is not None else None


def findings(case: Investigation) -> tuple[EntryFinding, ...]:
    """Give one finding per host, weakness or credential, and intrusion; what no intrusion explains has none."""
    ladders: dict[_Key, _Ladder] = {}
    owners: dict[int, str] = {}
    for held in case.held:
        owners |= {id(one): held.id for one in (*held.forged, *held.traces)}
    for request in case.forged:
        key: _Key = (request.host, CVE, None, owners.get(id(request)), case.marked.named(request))
        ladders.setdefault(key, _Ladder()).take(request.outcome, [request.at_utc], [request.ground])
    traces = [one for one in case.traces if one.catalogue.startswith(ENTRIES)]
    for trace in (one for one in traces if one.cves):
        for cve in trace.cves:
            key = (trace.host, cve, None, owners.get(id(trace)), case.marked.named(trace))
            one = ladders.setdefault(key, _Ladder())
            one.take(trace.outcome, [trace.first_utc, trace.last_utc], trace.grounds)
    for trace in (one for one in traces if not one.cves):
        owner = owners.get(id(trace))
        # a script written or used after an exploit on the same server is that exploit's last step
        step = _exploited(ladders, trace.host, owner)
        key = (trace.host, step, None if step else trace.title, owner, case.marked.named(trace))
        one = ladders.setdefault(key, _Ladder())
        one.take(trace.outcome, [trace.first_utc, trace.last_utc], trace.grounds)
    found = [ladder.finding(*key) for key, ladder in ladders.items()]
    found += [one for held in case.held if held.rows for one in (*_sprayed(case, held), *_credentials(case, held))]
    found += [one for held in case.held for one in _remote(held)]
    found += [one for held in case.held for one in _given(case, held)]
    return tuple(sorted(found, key=lambda one: (-one.outcome.rank, str(one.first_utc), one.host, str(one.cve))))


def _credentials(case: Investigation, held: Held) -> list[EntryFinding]:
    """Give the first and last use of accounts by an intrusion, per server."""
    ladders: dict[str, _Ladder] = {}
    rows = [row for row in held.rows if row not in held.through] if held.entered else held.rows
    hosts = case.accesses.rows(rows, ("host",))["host"].to_pylist()
    exposed = [one for one in case.exposed if one.intrusion == held.id]
    grounds = [ref for one in exposed for ref in one.references()[:1]]
    for row, host in zip(rows, hosts, strict=True):
        ladder = ladders.setdefault(host or "(unknown host)", _Ladder())
        ladder.instants += [utc_from_us(int(one[row])) for one in (case.accesses.first, case.accesses.last)]
    out = []
    for host, ladder in sorted(ladders.items()):
        ladder.best = Outcome.SUCCESS
        ladder.grounds = [(0, one) for one in grounds]
        out.append(ladder.finding(host, None, CREDENTIALS, held.id))
    return out


def _by_application(case: Investigation, book: Book, held: Held) -> None:
    """Say through which application an intrusion came, and who gave it its rights."""
    for app in held.apps:
        if app.name in held.entered:
            given = sorted({act.account or "nobody named" for act in app.given})
            first = min((act.at_utc for act in app.given if act.at_utc is not None), default=None)
            rights = sorted({right for act in app.given for right in act.rights})
            book.inferred(
                f"{held.id} read through the application {app.name}, which was given {listed(rights)} by "
                f"{listed(given)}, first at {instant(first)}; whether they were deceived no record held can show.",
                [act.ground for act in app.given],
                coverage=case.ledger.coverage([TENANT], {"ual"}, *whole_span(case), "rights given to an application"),
                against=held.against,
                on="entry-application",
            )


def _given(case: Investigation, held: Held) -> list[EntryFinding]:
    """Give the first and last act by which an application of an intrusion was given its rights."""
    out = []
    for app in held.apps:
        if app.name not in held.entered:
            continue
        ladder = _Ladder()
        for act in app.given:
            ladder.take(Outcome.SUCCESS, [act.at_utc], [act.ground])
        owners = {read.account for read in app.reads}
        by_owners = any(case.identities.label(act.account) in owners for act in app.given)
        givers = listed(sorted({act.account or "nobody named" for act in app.given}))
        method = (
            f"consent to the application {app.name} (T1528)"
            if by_owners
            else f"rights given to the application {app.name} by {givers} (T1098.003)"
        )
        out.append(ladder.finding(TENANT, None, method, held.id))
    return out


def _sprayed(case: Investigation, held: Held) -> list[EntryFinding]:
    """Give the sprays by which an intrusion got passwords, per server that let it in."""
    ladders: dict[str, _Ladder] = {}
    for spray in spray_of(held, case.sprays):
        for host in spray.hosts:
            times = [utc_from_us(one) for one in (spray.first_us, spray.last_us)]
            ladders.setdefault(host, _Ladder()).take(Outcome.SUCCESS, times, spray.grounds)
    return [ladder.finding(host, None, SPRAY, held.id) for host, ladder in sorted(ladders.items())]


def _remote(held: Held) -> list[EntryFinding]:
    """Give the use of an administrator's account in remote PowerShell from outside, per server."""
    ladders: dict[str, _Ladder] = {}
    for one in held.traces:
        if one.rule_id == REMOTE_SHELL:
            ladders.setdefault(one.host, _Ladder()).take(one.outcome, [one.first_utc, one.last_utc], one.grounds)
    return [ladder.finding(host, None, ADMINISTRATOR, held.id) for host, ladder in sorted(ladders.items())]


def _how_come_by(case: Investigation, held: Held) -> tuple[str, tuple[RecordRef, ...]]:
    """Say how an intrusion came by the passwords, as far as the records go, and which they are."""
    found = spray_of(held, case.sprays)
    if not found:
        return "how it came by the passwords no record held can show", ()
    had = {one for spray in found for one in spray.let_in} & set(held.accounts)
    told = "; ".join(_told(one) for one in found)
    rest = len(held.accounts) - len(had)
    more = f"; how it came by the other {count(rest, 'password')} no record held can show" if rest else ""
    return (
        f"it got {count(len(had), 'password')} by trying one against many names: {told}{more}",
        tuple(ref for one in found for ref in one.grounds),
    )


def _untied_sprays(case: Investigation, book: Book) -> None:
    """Tell the sprays that let somebody in and are laid to no intrusion."""
    tied = {one for held in case.held for one in spray_of(held, case.sprays)}
    hosts = case.ledger.mail_hosts()
    for one in case.sprays:
        if one not in tied:
            coverage = case.ledger.coverage(hosts, MAIL_SOURCES, *whole_span(case), "a sign-in to mail", act=ENTRY)
            book.recorded(
                f"One client tried passwords against many names: {_told(one)} ({listed(one.let_in)}); laid to no known "
                "intrusion.",
                one.grounds,
                coverage,
                ["a gateway behind which many mistype looks alike, where few of them sign in"],
            )


def _told(one: Spray) -> str:
    when = span(utc_from_us(one.first_us), utc_from_us(one.last_us))
    return f"{count(one.tried, 'account')} tried from {one.network} with {one.agent} {when}, {len(one.let_in)} let in"


def _open_windows(case: Investigation, book: Book) -> None:
    """Say from when to when a server was seen open to what."""
    able = {"httpproxy", "ews"}
    by_host: dict[str, list[Exposure]] = {}
    for one in exposures(case.builds):
        by_host.setdefault(one.host, []).append(one)
    for host, found in sorted(by_host.items()):
        _unknown_builds(book, host, [one for one in found if not is_known(one.build)])
        coverage = case.ledger.coverage([host], able, *whole_span(case), "the server's build")
        for family in families():
            mine = [one for one in found if one.family is family]
            exposed = [one for one in mine if one.fixed is Fixed.NO]
            _unclear(book, host, [one for one in mine if is_contradicted(one.build, family)])
            if not exposed:
                continue
            fixed = min((one.first_utc for one in mine if one.fixed is Fixed.YES), default=None)
            first, last = exposed[0], max(exposed, key=lambda one: one.last_utc)
            until = (
                f"rows carry a build with the fix from {instant(fixed)}" if fixed else "no row has a build with the fix"
            )
            if fixed is not None:
                until += _open_again([one for one in exposed if one.last_utc > fixed + RESTART])
            book.recorded(
                f"{host} was open to {family.name} ({', '.join(family.cves)}; fixed by the update of {family.update}): "
                f"build {first.build} is in its rows {span(first.first_utc, last.last_utc)}; {until}.",
                [one.ground for one in mine],
                coverage,
                ["the build before the first row and between rows is not recorded"],
            )


def _open_again(found: Sequence[Exposure]) -> str:
    """Say of builds without a fix that rows carry after one with it; "" for none."""
    if not found:
        return ""
    last = instant(max(one.last_utc for one in found))
    builds = listed(sorted({one.build for one in found}))
    return f", and rows after that carry one without it again, {builds} until {last}: it was open again"


def _unclear(book: Book, host: str, found: Sequence[Exposure]) -> None:
    """Say where it is not known whether a build holds a fix, because what is published contradicts itself."""
    if not found:
        return
    family, last = found[0].family, max(one.last_utc for one in found)
    book.unknown(
        f"Whether {host} was open to {family.name} ({', '.join(family.cves)}) cannot be said of the build "
        f"{listed([one.build for one in found])} in its rows {span(found[0].first_utc, last)}: what is published of the "
        f"builds fixed by the update of {family.update} contradicts itself.",
        [one.ground for one in found],
    )


def _unknown_builds(book: Book, host: str, found: Sequence[Exposure]) -> None:
    """Say which builds no table of fixes speaks of."""
    builds = {one.build: one for one in reversed(found)}
    if builds:
        shown = listed(sorted(builds))
        book.unknown(
            f"What {host} was open to cannot be said of the build {shown} in its rows: no table of fixes speaks of it.",
            [one.ground for _, one in sorted(builds.items())],
        )


def _forged_claims(case: Investigation, book: Book, acts: Sequence[Act]) -> None:
    """Say what came of forged requests on each server; where there are none, with what coverage."""
    for host in case.ledger.servers():
        coverage = case.ledger.coverage(
            [host], {"httpproxy"}, *whole_span(case), "a forged request (HttpProxy)", act=FORGED
        )
        mine = [one for one in case.forged if one.host == host]
        if not mine:
            book.no_sign(
                f"No sign of {CVE} (ProxyLogon) on {host}: HttpProxy covers {percent(coverage)}.",
                coverage,
                f"{CVE} (ProxyLogon) on {host} is not testable: no HttpProxy log of it that could show one is held.",
                on="no-sign-rules",
            )
            continue
        by_step: dict[Outcome, list[Forged]] = {}
        for one in mine:
            by_step.setdefault(one.outcome, []).append(one)
        told = ", ".join(f"{len(by_step[step])} {step.value}" for step in Outcome if step in by_step)
        clients = sorted({one.client for one in mine if one.client})
        best = max(by_step, key=lambda one: one.rank)
        titles = next((one.titles for one in acts if one.host == host and one.forged), ())
        met = f"; the same records met {_rules(titles)}" if titles else ""
        book.recorded(
            f"{host} was sent {count(len(mine), 'forged request')} ({CVE}) from {listed(clients)} "
            f"{span(mine[0].at_utc, mine[-1].at_utc)}: {told}{met}.",
            [one.ground for one in (*by_step[best], *mine)],
            coverage,
            _ours(case, mine),
        )


def _rules(titles: Sequence[str]) -> str:
    return f"the {'rule' if len(titles) == 1 else 'rules'} {listed(titles, len(titles))}"


def _rule_claims(case: Investigation, book: Book, acts: Sequence[Act]) -> None:
    """Say what our rules met, one claim per act and host, whatever number of rules met it."""
    for act in acts:
        if act.forged:
            continue
        best = max(act.traces, key=lambda one: one.outcome.rank)
        instants = [at for one in act.traces for at in (one.first_utc, one.last_utc) if at is not None]
        clients = sorted({one.client for one in act.traces if one.client})
        origin = f" from {listed(clients)}" if clients else ""
        tables = {one.table for one in act.traces}
        coverage = case.ledger.coverage([act.host], tables, *whole_span(case), f"what '{best.title}' looks for")
        others = [one for one in act.titles if one != best.title]
        also = f" The same records met {_rules(others)}." if others else ""
        book.recorded(
            f"{best.title}: {count(act.records, 'record')} on {act.host}{origin} "
            f"{span(min(instants, default=None), max(instants, default=None))}; furthest step: {best.outcome.value}.{also}",
            [ref for one in act.traces for ref in one.grounds],
            coverage,
            ["a rule meets a shape of text; what it means is for the reader to judge", *_ours(case, act.traces)],
        )


def _ours(case: Investigation, acts: Sequence[Forged | Trace]) -> list[str]:
    """Say how many of the acts a person calls ours."""
    named = [names for one in acts if (names := case.marked.named(one))]
    ids = sorted({name for names in named for name in names})
    return [f"{len(named):,} of {len(acts):,} are called ours by {listed(ids)}"] if named else []


def answer(case: Investigation, found: tuple[EntryFinding, ...]) -> tuple[Answer, Book]:
    """Answer the question."""
    book = Book(Question.ENTRY)
    for held in case.held:
        if held.entered:
            _by_application(case, book, held)
        if set(held.rows) - (held.through if held.entered else frozenset()):
            accounts = count(len(held.accounts), "account")
            how, shown = _how_come_by(case, held)
            refs = tuple(dict.fromkeys((*shown, *grounds_of(case, held))))
            hosts = case.ledger.mail_hosts()
            coverage = case.ledger.coverage(hosts, MAIL_SOURCES, *whole_span(case), "a sign-in to mail", act=ENTRY)
            tell = book.assumed if held.marking else book.inferred
            tell(
                f"{held.id} signed in with {accounts} of others, first at {instant(held.first_utc)}; {how}.",
                refs,
                coverage=coverage,
                against=held.against or ("owners behind the same address as the intruder would look the same",),
                marked=marked_intrusion(case, held) if held.marking else (),
                on="entry-password",
            )
    _untied_sprays(case, book)
    chains(case, book)
    acts = acts_of(case)
    _forged_claims(case, book, acts)
    _rule_claims(case, book, acts)
    _open_windows(case, book)
    got_in = [one for one in found if one.outcome.rank >= Outcome.SUCCESS.rank and one.intrusion is not None]
    ways = sorted({(one.intrusion or "", one.cve or one.method or "") for one in got_in})
    if ways:
        made = {held.id for held in case.held if held.marking}
        told = "; ".join(
            f"{name} by {way}{' (an intruder by marking alone)' if name in made else ''}" for name, way in ways
        )
        return book.answer(f"They got in: {told}."), book
    hosts = case.ledger.mail_hosts()
    coverage = case.ledger.coverage(hosts, MAIL_SOURCES, *whole_span(case), "an entry", act=ENTRY)
    if not coverage.hours_able:
        return book.answer("How they got in cannot be said: no log able to show an entry is held."), book
    hours = hours_of(coverage.hours_asked, *whole_span(case))
    verdict = f"No entry is seen in what is held; the mail logs cover {percent(coverage)} of {hours}."
    return book.answer(verdict), book
