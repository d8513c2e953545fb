"""Whose mail did they read: which messages, folders, bytes, from when to when?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from dwell.answers import affected, apps, departures, takings
from dwell.answers.book import Book
from dwell.answers.marked import a_persons, done, exposed_by_marking, rested_on
from dwell.answers.phrases import count, hours_of, listed, percent, span, whole_span
from dwell.answers.rights import exploits_unseen
from dwell.answers.silences import leaving_open, lines_against, of_all, of_own, words
from dwell.answers.unjudged import computers_elsewhere, networks_not_judged, opened_unjudged
from dwell.answers.ways import (
    NEVER,
    by_way,
    code_ran_on,
    not_known,
    served_by,
    servers_of,
    told_by_way,
    ways_of,
)
from dwell.model.claims import EXPOSED, Answer, Grade, MailboxExposure, Question
from dwell.model.coverage import CellState, Coverage
from dwell.model.instants import utc_from_us, utc_us
from dwell.model.markings import Marking
from dwell.model.settings import Setting
from dwell.scope.address_ties import NEAR_DAYS
from dwell.scope.cells import HOUR_US
from dwell.scope.confused_paths import nameless_by_path
from dwell.scope.exposure import Exposed, bytes_words
from dwell.scope.forgery import Forged, mapi_calls
from dwell.scope.investigation import Investigation
from dwell.scope.ledger import SERVER_SOURCES
from dwell.scope.lowering import THROTTLED
from dwell.scope.rollup.shapes import Act
from dwell.scope.rollup.ual import SIGN_IN, TENANT
from dwell.scope.services import people
from dwell.scope.silences import ACTING
from dwell.scope.traces import Trace
from dwell.scope.unable import FORGED, WEEK, recorded_of
from dwell.scope.words import without_domain

__all__ = [
    "UNTOLD", "answer", "bodiless", "called", "confused", "findings", "nameless", "requests_confused", "requests_untold",
    "unresolved", "untold",
]  # fmt: skip

CLIENTS_MAX = 20
GROUNDS_MAX = 20
HELD_BACK = "its audit records were throttled, and no record says what was opened,"
FORGED_ONLY = "a forged call to EWS shows in HttpProxy only, which covers"
UNTOLD = (
    "were answered; no HttpProxy log held tells where they were sent, so whose mailbox they opened, if any, is unknown"
)
LONE_CALL = "a forged call to MAPI was answered, one of its kind: to open a mailbox so takes two at least"
BROKEN_HOURS = 24
BROKEN = (
    "the tenant's audit records begin after an intrusion did, break off, or end a day or more before other mail logs do: "
    "what was opened then, or held back, is in no record held"
)
COPIES = "a copy of a mailbox database made on the server itself leaves no trace in the sources held"


@dataclass(frozen=True, slots=True)
class _Dark:
    """A mailbox whose audit records were held back, or were not made, for a time.

    Attributes:
        sources: its lines of the ledger.
        texts: in words.
    """

    sources: frozenset[str]
    texts: tuple[str, ...]


def unresolved(case: Investigation) -> tuple[str, ...]:
    """Give the servers on which forged calls were answered and no record says whose mailbox they opened."""
    return tuple(sorted({request.host for request in nameless(case)}))


def nameless(case: Investigation) -> tuple[Forged, ...]:
    """Give the forged calls to EWS or MAPI that were answered, of which no record says whose mailbox they opened."""
    out = [one for one in mapi_calls(case.forged) if one not in case.marked.our_acts]
    for request in case.forged:
        if request in case.marked.our_acts:
            continue
        call = case.calls.get(request.request_id) if request.ews else None
        if request.ews and (call is None or case.identities.label(call.mailbox) is None):
            out.append(request)
    return tuple(out)


def called(found: Sequence[Forged]) -> str:
    """Name what forged calls went to."""
    return listed(
        [name for name, is_ews in (("EWS", True), ("MAPI", False)) if any(one.ews is is_ews for one in found)]
    )


def confused(case: Investigation) -> tuple[tuple[str, Trace], ...]:
    """Give the calls past the login by way of `autodiscover.json` of which no record says whose mailbox they opened."""
    ours = case.marked.our_acts
    return nameless_by_path([one for one in case.traces if one not in ours], case.ledger)


def requests_confused(found: Sequence[tuple[str, Trace]]) -> str:
    """Say of such calls, in words, what they were, where and with what end."""
    cves = listed(sorted({cve for _, one in found for cve in one.cves}))
    to, hosts = (listed(sorted(names)) for names in ({name for name, _ in found}, {one.host for _, one in found}))
    return f"calls past the login ({cves}) to {to} on {hosts} were answered; no record says for whose mailbox"


def untold(case: Investigation) -> tuple[Trace, ...]:
    """Give the requests in web logs that may be forged calls and of which no log tells where they were sent."""
    return tuple(one for one in case.untold if one not in case.marked.our_acts)


def requests_untold(found: Sequence[Trace]) -> str:
    """Count such requests, in words."""
    return f"{count(sum(one.count for one in found), 'request')} shaped like forged calls"


def bodiless(case: Investigation) -> tuple[str, ...]:
    """Give accounts without a mailbox with which an intrusion opened mailboxes that no record names."""
    accesses = case.accesses
    found = {int(accesses.account[row]) for held in case.held for row in held.rows if accesses.mailbox[row] < 0}
    return tuple(sorted(accesses.names[one] for one in found if one >= 0))


def _held_back(case: Investigation, off: Collection[str]) -> dict[str, _Dark]:
    """Give the mailboxes of which recording was held back or switched off for a time, by the name they go by.

    Args:
        case: the case.
        off: mailboxes that are told also where they have no line of their own.
    """
    out: dict[str, _Dark] = {}
    for host, source, _, first, last, reason in case.ledger.stretches({CellState.NOT_RECORDED}):
        owner = source.removeprefix("ual/")
        if host != TENANT or owner == source or owner.startswith(ACTING):
            continue
        label = case.identities.label(owner) or owner
        if THROTTLED in reason:
            before = out.get(label, _Dark(frozenset(), ()))
            out[label] = _Dark(before.sources | {source}, (*before.texts, f"{HELD_BACK} {span(first, last)}"))
    lines = {case.identities.label(source[4:]) or source[4:]: source for host, source in case.ledger.lines
             if host == TENANT and source.startswith("ual/") and not source[4:].startswith(ACTING)}  # fmt: skip
    for one in case.silences.known:
        if one.host == TENANT and one.whose and (one.whose in lines or one.acting or one.whose in off):
            before = out.get(one.whose, _Dark(frozenset(), ()))
            mine = frozenset({lines[one.whose]} if one.whose in lines else ())
            out[one.whose] = _Dark(before.sources | mine, (*before.texts, words(one)))
    for missed in case.unrecorded:
        before = out.get(missed.mailbox, _Dark(frozenset(), ()))
        when = span(utc_from_us(missed.from_us), utc_from_us(missed.to_us))
        mine = frozenset({lines[missed.mailbox]} if missed.mailbox in lines else ())
        out[missed.mailbox] = _Dark(before.sources | mine, (*before.texts, f"{missed.why}, {when}"))
    return out


def _names(case: Investigation) -> list[str]:
    """Give every mailbox: those of the directory, and those that anybody used: people leave, exports forget them."""
    names = set(case.identities.mailboxes()) | {one.mailbox for one in case.exposed}
    accesses = case.accesses
    used = np.bincount(accesses.mailbox[accesses.ok & ~accesses.system & (accesses.mailbox >= 0)])
    names |= {accesses.names[one] for one in np.flatnonzero(used).tolist()}
    at_work = set(case.services) - set(case.identities.mailboxes())
    codes = [place for place, one in enumerate(accesses.names) if one in at_work]
    own = people(accesses, np.array(codes, np.int64))
    at_work -= {accesses.names[one] for one in np.flatnonzero(own).tolist()}
    return sorted(one for one in names - at_work - {"", "-"} if not case.identities.is_system(one))


def _merged(name: str, found: list[Exposed], coverage: Coverage) -> MailboxExposure:
    """Put what several intrusions did to one mailbox into one."""
    best = min(found, key=lambda one: (one.grade.rank, one.intrusion))
    instants = [at for one in found for at in one.instants]
    messages = {text for one in found for text in one.messages}
    reads = sum(one.acts.get(Act.READ, 0) + one.acts.get(Act.NAMED, 0) for one in found)
    sent: dict[str, int] = {}
    for one in found:
        for source, total in one.sent.items():
            sent[source] = sent.get(source, 0) + total
    grounds = tuple(dict.fromkeys(ref for one in (best, *found) for ref in one.references()))
    assumptions = {text for one in found for text in one.assumptions}
    further = sum(one.acts.get(Act.READ, 0) for one in found)
    if further and best.grade in {Grade.NAMED, Grade.DOWNLOADED}:
        assumptions.add(f"{count(further, 'further request')} fetched messages that no record names")
    unnamed: dict[tuple[int, str], int] = {}
    for one in found:
        unnamed |= one.unnamed
    if unnamed:
        assumptions.add(
            f"{count(len(unnamed), 'audit record')} {'counts' if len(unnamed) == 1 else 'count'} {sum(unnamed.values())} "
            "more accessed (OperationCount) than named: the list of messages is not whole"
        )
    told = len(messages) if best.grade is Grade.NAMED else reads if best.grade is Grade.READ else None
    return MailboxExposure(
        mailbox=name,
        grade=best.grade,
        intrusions=tuple(sorted({one.intrusion for one in found if one.grade.rank <= Grade.ATTEMPTED.rank})),
        first_utc=min(instants, default=None),
        last_utc=max(instants, default=None),
        sessions=sum(one.sessions for one in found),
        messages=told,
        folders=tuple(sorted({text for one in found for text in one.folders})),
        bytes=sum(sent.values()) if sent else None,
        clients=tuple(sorted({text for one in found for text in one.clients}))[:CLIENTS_MAX],
        coverage=coverage,
        bytes_source=bytes_words(sent),
        assumptions=tuple(sorted(assumptions)),
        grounds=grounds[:GROUNDS_MAX],
        message_ids=tuple(sorted(messages)),
    )


def findings(case: Investigation) -> tuple[MailboxExposure, ...]:
    """Give every mailbox with its grade, the most exposed first."""
    by_name: dict[str, list[Exposed]] = {}
    for one in case.exposed:
        by_name.setdefault(one.mailbox, []).append(one)
    everybody = of_all(case)
    dimmed, hidden = tuple(words(one) for one in everybody), leaving_open(case, everybody)
    cloud, ways, servers = _in_cloud(case), ways_of(case), servers_of(case)
    less, off = lines_against(case), of_own(case)
    tenant = "ual" in case.tables
    recorded = recorded_of(case.accesses) if tenant else frozenset()
    nobodys, copied, dark = _of_nobody(case), bool(code_ran_on(case)), _held_back(case, off)
    alike, listed_ones = _opened_by_bare_name(by_name), frozenset(case.identities.mailboxes())
    behind = ways.rights.open if ways.rights is not None else ()
    beside, unjudged = _from_an_attackers_address(case), opened_unjudged(case)
    out = []
    for name in _names(case):
        gone = dark.get(name)
        there_too = tenant and (name in cloud or gone is not None or not ways.there)
        coverage = by_way(
            case,
            ways,
            less | (gone.sources if gone is not None else frozenset()) if there_too else None,
            recorded=name in recorded,
            server=servers.get(name),
        )
        if name in by_name:
            merged = _merged(name, by_name[name], coverage)
            texts = gone.texts if gone is not None else ()
            out.append(replace(merged, assumptions=tuple(sorted({*merged.assumptions, *texts}))))
            continue
        held = coverage.hours_able > 0
        # an intrusion lasted at least from its first act held to its last: it may have been there then as well
        broken = there_too and bool(case.held) and _breaks_off(case, frozenset() if gone is None else gone.sources)
        unseen = (gone is not None and bool(case.held)) or name in off or broken
        other = alike.get(without_domain(name), "") if name not in listed_ones else ""
        doubted = (*beside.get(name, ()), *unjudged.get(name, ()), *case.doubts.of(name))
        open_question = nobodys or unseen or other or doubted or behind or not held or (there_too and hidden)
        grade = Grade.UNDETERMINABLE if open_question else Grade.NO_SIGN
        assumptions = list(gone.texts) if gone is not None else []
        if there_too:
            assumptions += [text for text in dimmed if text not in assumptions]
        if broken and gone is None:
            assumptions.append(BROKEN)
        assumptions += nobodys
        assumptions += (*doubted, *behind)
        if other:
            assumptions.append(
                f"{other} was opened, and may be the same mailbox: no directory export ties these two names, or parts them"
            )
        if copied:
            assumptions.append(COPIES)
        if not held:
            assumptions.append(
                NEVER
                if there_too and name not in recorded
                else "no log that could show the opening of a mailbox is held"
            )
        out.append(
            MailboxExposure(
                name, grade, (), None, None, 0, None, (), None, (), coverage, assumptions=tuple(assumptions)
            )
        )
    return tuple(sorted(out, key=lambda one: (one.grade.rank, one.mailbox)))


def _of_nobody(case: Investigation) -> list[str]:
    """Say what an intruder was answered, or did, that may have opened any mailbox: no record says whose."""
    blind, past, served = unresolved(case), confused(case), bodiless(case)
    shaped = sorted({one.host for one in untold(case)})
    out = []
    if blind:
        to = called(nameless(case))
        out.append(f"forged calls to {to} on {listed(blind)} were answered; no record says for whose mailbox")
    if past:
        out.append(requests_confused(past))
    if shaped:
        out.append(f"requests shaped like forged calls to {listed(shaped)} {UNTOLD}")
    if served:
        out.append(f"{listed(served)} opened mailboxes for an intruder; no record says whose")
    return [*out, *exploits_unseen(case)]


def _from_an_attackers_address(case: Investigation) -> dict[str, tuple[str, ...]]:
    """Say of the mailboxes to which sessions came from an intrusion's addresses why these may be their owners'."""
    out: dict[str, dict[str, None]] = {}
    for held in case.held:
        rows = [row for row in held.doubtful if case.accesses.ok[row] and case.accesses.mailbox[row] >= 0]
        clients = case.accesses.rows(rows, ("client",))["client"].to_pylist()
        for row, client in zip(rows, clients, strict=True):
            text = (
                f"a session came from {client}, from which {held.id} came too; by its agent alone it may be its owner's"
            )
            out.setdefault(case.accesses.names[int(case.accesses.mailbox[row])], {})[text] = None
    return {name: tuple(texts) for name, texts in out.items()}


def _opened_by_bare_name(by_name: Mapping[str, Sequence[Exposed]]) -> dict[str, str]:
    """Give the mailboxes that were opened by their names without a domain; of several the first by name."""
    opened = (name for name, found in by_name.items() if any(one.grade in EXPOSED for one in found))
    return {without_domain(one): one for one in sorted(opened, reverse=True)}


def _breaks_off(case: Investigation, less: Collection[str]) -> bool:
    """Say whether the tenant's records are dark for a day on end in the time of an intrusion, or at any time later.

    What the part that is missing says of a mailbox, that it was throttled for instance, is unknown: an export that breaks
    off, ends before other mail logs do, or begins after the intrusion did.
    """
    first, last = whole_span(case)
    held, _ = case.ledger.seen(TENANT, {"ual"}, first, last, less)
    known = np.flatnonzero(held)
    if not len(known):
        return False
    began = min(utc_us(one.first_utc - timedelta(days=NEAR_DAYS)) // HOUR_US for one in case.held) - first
    known = known[known > began]
    return int(np.diff(np.concatenate([[max(began, 0) - 1], known, [len(held)]])).max()) > BROKEN_HOURS


def _in_cloud(case: Investigation) -> set[str]:
    """Give the mailboxes that audit records speak of.

    A sign-in is to the tenant and not to a mailbox: whoever opens his on a server, up to a week before his last sign-in,
    has it there.
    """
    accesses = case.accesses
    if "ual" not in case.tables:
        return set()
    cloud = accesses.having("table", "ual") & (accesses.mailbox >= 0)
    signed = np.array([one == SIGN_IN for one in accesses.protocols] or [False])[accesses.protocol]
    there = (
        np.any([accesses.having("table", one) for one in SERVER_SOURCES], axis=0)
        & accesses.ok
        & (accesses.mailbox >= 0)
    )
    last = np.full((2, len(accesses.names)), -WEEK * HOUR_US)
    for place, rows in enumerate((there, cloud & signed)):
        np.maximum.at(last[place], accesses.mailbox[rows], accesses.last[rows])
    moved = last[0] + WEEK * HOUR_US < last[1]
    found = np.unique(accesses.mailbox[cloud & (~signed | moved[accesses.mailbox])])
    return {accesses.names[one] for one in found.tolist()}


def answer(case: Investigation, found: tuple[MailboxExposure, ...]) -> tuple[Answer, Book]:
    """Answer the question."""
    book = Book(Question.MAILBOXES)
    exposed = [one for one in found if one.grade in EXPOSED]
    for one in exposed:
        parts = [
            f"{_named(one)} was {_WORDS[one.grade]} by {listed(one.intrusions)} {span(one.first_utc, one.last_utc)}"
        ]
        parts.append(count(one.sessions, "session"))
        if one.grade is Grade.NAMED:
            parts.append(f"{count(one.messages or 0, 'message')} named")
        elif one.messages is not None:
            parts.append(f"{count(one.messages, 'request')} that fetched messages")
        if one.bytes is not None:
            parts.append(f"{one.bytes:,} bytes sent ({one.bytes_source})")
        against = one.assumptions or ("no counter-ground is known",)
        tell = book.assumed if _by_marking(one) else book.inferred
        tell(
            ", ".join(parts) + ".", one.grounds, coverage=one.coverage, against=against, marked=one.marked, on="exposure",
            assuming=one.assumptions,
        )  # fmt: skip
    for one in found:
        if one.grade is Grade.ATTEMPTED:
            book.recorded(
                f"{_named(one)}: every request by {listed(one.intrusions)} was refused.", one.grounds, one.coverage
            )
    affected.tell(case, book)
    departures.tell_used(case, book)
    apps.untied(case, book)
    takings.untied(case, book)
    hidden, rests = exposed_by_marking(found), rested_on(case)
    whose = a_persons(rests)
    for one in hidden:
        text = f"{one.mailbox} is told as {one.grade.value} only because of {whose}"
        book.assumed(
            f"{text}: what dwell finds makes it {one.unmarked}.", (), one.assumptions, one.marked, one.coverage
        )
    rest = [one for one in found if one.grade is Grade.NO_SIGN and one not in hidden]
    covered: dict[Coverage, list[MailboxExposure]] = {}
    for one in rest:
        if one.coverage is not None:
            covered.setdefault(one.coverage, []).append(one)
    for coverage, alike in sorted(covered.items(), key=lambda one: (-len(one[1]), one[1][0].mailbox)):
        _no_sign(case, book, alike, coverage, other="other " if len(alike) < len(found) else "")
    unsure = [one for one in found if one.grade is Grade.UNDETERMINABLE]
    if unsure:
        book.unknown(
            f"{count(len(unsure), 'mailbox', 'mailboxes')}: whether it was opened cannot be determined.",
            against=list(dict.fromkeys(text for one in unsure for text in one.assumptions)),
        )
    beside = (departures.verdict(case), apps.verdict(case), takings.verdict(case))
    return book.answer(_verdict(found, list(covered), len(hidden), rests, beside, _hours(case, covered))), book


def _hours(case: Investigation, covered: Collection[Coverage]) -> str:
    """Say of how many server-hours the shares of mailboxes are: one server can serve some of them alone."""
    asked = {one.hours_asked for one in covered}
    return f"{'up to ' if len(asked) > 1 else ''}{hours_of(max(asked, default=0), *whole_span(case))}"


def _no_sign(
    case: Investigation, book: Book, rest: Sequence[MailboxExposure], coverage: Coverage, *, other: str
) -> None:
    """Say of how many mailboxes of one coverage there is no sign."""
    against = list(dict.fromkeys(text for one in rest for text in one.assumptions))
    hosts = case.ledger.servers()
    forged = case.ledger.coverage(hosts, {"httpproxy"}, *whole_span(case), "a forged call (HttpProxy)", act=FORGED)
    if hosts and forged.share != 1:
        against.append(f"{FORGED_ONLY} {percent(forged)}")
    against += not_known(ways_of(case))
    lone = LONE_CALL if any(one not in case.marked.our_acts for one in mapi_calls(case.forged, lone=True)) else ""
    against += [one for one in (networks_not_judged(case), computers_elsewhere(case), lone) if one]
    names = {one.mailbox for one in rest}
    opened = sorted({app.name for app in case.apps for read in app.reads if read.mailbox in names})
    if opened:
        against.append(
            f"applications that were given rights or secrets opened some, and are laid to no intrusion: {listed(opened)}"
        )
    many = count(len(rest), "mailbox", "mailboxes")
    each = told_by_way(coverage)
    server = served_by(coverage)
    hours = f"hours of {server}, which alone is seen to serve them" if server else "server-hours"
    book.no_sign(
        f"No sign that any of the {other}{many} was opened by an intruder; the logs able to show it cover "
        f"{percent(coverage)} of the {hours}{f' (by way of access: {each})' if each else ''}.",
        coverage,
        f"{many}: whether it was opened is not testable with what is held.",
        [*against, "use that looks like the owner's own, from the owner's own networks, is not told apart"],
        on="no-sign-mailboxes",
    )


def _named(one: MailboxExposure) -> str:
    return f"{one.mailbox} (VIP)" if one.vip else one.mailbox


def _by_marking(one: MailboxExposure) -> bool:
    """Say whether a mailbox is told as opened by an intruder only because a person calls somebody one."""
    return one.grade in EXPOSED and one.unmarked is not None and one.unmarked not in EXPOSED


def _verdict(
    found: Sequence[MailboxExposure],
    covered: Sequence[Coverage],
    hidden: int,
    rests: Sequence[Marking | Setting],
    beside: Sequence[str],
    hours: str,
) -> str:
    """Put it into one sentence; a negative never stands without its coverage, and that not without what it is of."""
    grades = Counter(one.grade for one in found)
    exposed = sum(grades[grade] for grade in EXPOSED)
    parts: list[str] = []
    if exposed:
        told = ", ".join(f"{grades[grade]} {grade.value}" for grade in Grade if grade in EXPOSED and grades[grade])
        marked = sum(_by_marking(one) for one in found)
        alone = f" ({marked} of them by what is {done(rests)} alone)" if marked else ""
        first = sum(one.vip for one in found if one.grade in EXPOSED)
        vips = f", {count(first, 'VIP')} among them" if first else ""
        parts.append(f"{count(exposed, 'mailbox', 'mailboxes')} opened by an intruder{alone}: {told}{vips}")
    if grades[Grade.ATTEMPTED]:
        parts.append(f"{grades[Grade.ATTEMPTED]} tried and refused")
    if grades[Grade.UNDETERMINABLE]:
        parts.append(f"{grades[Grade.UNDETERMINABLE]} undeterminable")
    if hidden:
        parts.append(f"{count(hidden, 'mailbox', 'mailboxes')} not told as opened only because of {a_persons(rests)}")
    if covered:
        more = "the other " if parts else ""
        unseen = sum(one.grade is Grade.NO_SIGN and one.unmarked not in EXPOSED for one in found)
        many = count(unseen, "mailbox", "mailboxes")
        shares = sorted(covered, key=lambda one: one.share or 0)
        worst, best = percent(shares[0]), percent(shares[-1])
        share = worst if worst == best else f"{worst} to {best}"
        parts.append(f"no sign for {more}{many}, with a coverage of {share} of {hours}")
    parts += [one for one in beside if one]
    if not parts:
        return "Whose mail was read cannot be said: nothing held names a mailbox."
    text = "; ".join(parts) + "."
    return text[0].upper() + text[1:]


_WORDS = {
    Grade.NAMED: "read, message by message,",
    Grade.DOWNLOADED: "downloaded",
    Grade.READ: "read",
    Grade.LISTED: "looked through",
    Grade.OPENED: "opened",
}
