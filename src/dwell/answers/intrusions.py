"""Since when, and is there an older or a second intruder?"""

from __future__ import annotations

from datetime import UTC, datetime

from dwell.answers.book import Book
from dwell.answers.judgements import kind_of
from dwell.answers.lacking import TECHNIQUE, took_lines
from dwell.answers.marked import contradictions, marked_intrusion, tell_contradictions
from dwell.answers.phrases import count, day, instant, listed, percent, whole_span
from dwell.answers.systems import common_systems, systems_of_clients, tell_systems
from dwell.model.claims import EXPOSED, Answer, EntryFinding, Foothold, Intrusion, Question
from dwell.model.provenance import RecordRef
from dwell.scope.intrusions import Held
from dwell.scope.investigation import Investigation
from dwell.scope.ledger import MAIL_SOURCES

__all__ = ["answer", "findings", "grounds_of"]

CLIENTS_MAX = 50
GROUNDS_MAX = 20
FIRST_ROWS = 5


def _start(case: Investigation) -> datetime:
    return datetime.fromtimestamp(case.ledger.first_hour * 3600, UTC)


def _earlier(case: Investigation, held: Held) -> str:
    """Say what could lie before the first act seen."""
    start = _start(case)
    first = int(held.first_utc.timestamp()) // 3600
    hosts = case.ledger.hosts(MAIL_SOURCES)
    coverage = case.ledger.coverage(hosts, MAIL_SOURCES, case.ledger.first_hour, first, "an earlier act")
    if first <= case.ledger.first_hour:
        return f"the first act lies in the first hour that any log holds ({instant(start)}): it may have begun before"
    return (
        f"first seen {instant(held.first_utc)}; no log is held before {instant(start)}, and from then to the first act "
        f"mail logs cover {percent(coverage)} of the server-hours"
    )


def grounds_of(case: Investigation, held: Held) -> tuple[RecordRef, ...]:
    """Give the records that an intrusion rests on: its first sessions, forged requests, hits, then each mailbox's."""
    refs = case.accesses.refs(held.rows[:FIRST_ROWS])
    refs += [one.ground for one in held.forged] + [ref for one in held.traces for ref in one.grounds]
    refs += [ref for one in case.exposed if one.intrusion == held.id for ref in one.references()]
    return tuple(dict.fromkeys(refs))


def findings(case: Investigation, entries: tuple[EntryFinding, ...]) -> tuple[Intrusion, ...]:
    """Give all intrusions, the first seen first."""
    out = []
    for held in case.held:
        exposed = [one for one in case.exposed if one.intrusion == held.id]
        ways = sorted({one.cve or one.method or "" for one in entries if one.intrusion == held.id})
        out.append(
            Intrusion(
                id=held.id,
                first_utc=held.first_utc,
                last_utc=held.last_utc,
                entry=tuple(ways),
                clients=held.clients[:CLIENTS_MAX],
                accounts=held.accounts,
                mailboxes=tuple(sorted({one.mailbox for one in exposed if one.grade in EXPOSED})),
                techniques=tuple(sorted({*held.techniques, *((TECHNIQUE,) if took_lines(case, held) else ())})),
                links=held.links,
                against=held.against,
                earlier_possible=_earlier(case, held),
                grounds=grounds_of(case, held)[:GROUNDS_MAX],
                marking=held.marking,
                marked=marked_intrusion(case, held),
                systems=systems_of_clients(case, held.clients),
            )
        )
    return tuple(out)


def _but_ours(case: Investigation, first: datetime | None) -> str:
    """Name what is found before an instant and taken for ours: that nothing was found would be untrue."""
    taken = contradictions(case)
    older = [
        one.id
        for one in (case.unmarked.held if case.unmarked is not None else ())
        if one.id in taken and (first is None or one.first_utc < first)
    ]
    return f" but {listed(older)}, which a person calls ours" if older else ""


def _apart(case: Investigation, book: Book) -> None:
    """Say why intrusions are kept apart."""
    for place, one in enumerate(case.held):
        for other in case.held[place + 1 :]:
            shared = sorted(set(one.accounts) & set(other.accounts))
            clients = sorted(set(one.clients) & set(other.clients))
            against = []
            if shared:
                against.append(f"accounts in common: {listed(shared)}")
            if clients:
                against.append(f"clients in common: {listed(clients)}")
            systems = common_systems(case, one.clients, other.clients)
            if systems and case.systems is not None:
                against.append(
                    f"clients of both lie in {listed(systems)} (by the table {case.systems.table.told}): a weak tie, "
                    "which joins nobody"
                )
            book.inferred(
                f"{one.id} and {other.id} are held apart: no strong link between them is recorded "
                f"({one.id} {day(one.first_utc)} to {day(one.last_utc)}, {other.id} {day(other.first_utc)} to "
                f"{day(other.last_utc)}).",
                (),
                None,
                against or ["that two actors shared nothing that is logged does not prove that they are two"],
                on="held-apart",
            )


def answer(
    case: Investigation,
    found: tuple[Intrusion, ...],
    footholds: tuple[Foothold, ...],
    before: tuple[Intrusion, ...] = (),
) -> tuple[Answer, Book]:
    """Answer the question.

    Args:
        case: what the records allow to be said.
        found: the intrusions.
        footholds: what was left behind.
        before: the intrusions that are found without markings; empty where nothing is marked.
    """
    book = Book(Question.INTRUSIONS)
    hosts = case.ledger.hosts(MAIL_SOURCES)
    for one, held in zip(found, case.held, strict=True):
        coverage = case.ledger.coverage(hosts, MAIL_SOURCES, *whole_span(case), f"acts of {one.id}")
        tell = book.assumed if one.marking else book.inferred
        made = f" (made by marking {one.marking} alone)" if one.marking else ""
        tell(
            f"{one.id}{made}: {day(one.first_utc)} to {day(one.last_utc)}, {count(len(one.accounts), 'account')}, "
            f"{count(len(one.mailboxes), 'mailbox', 'mailboxes')}, {count(len(one.clients), 'client')}; "
            f"{one.earlier_possible}.",
            grounds_of(case, held),
            coverage=coverage,
            against=one.against or ("no counter-ground is known",),
            marked=one.marked,
            on=kind_of(held),
        )
    tell_contradictions(case, book, before, found)
    loose = [one for one in footholds if one.intrusion is None and not one.markings]
    if loose:
        book.recorded(
            f"{count(len(loose), 'thing')} told under the second question belong to no intrusion: nobody known left them.",
            [ref for one in loose for ref in one.grounds],
        )
    _apart(case, book)
    tell_systems(case, book)
    first = min((one.first_utc for one in found if one.first_utc is not None), default=None)
    end = case.ledger.last_hour if first is None else int(first.timestamp()) // 3600
    ahead = case.ledger.coverage(hosts, MAIL_SOURCES, case.ledger.first_hour, end, "an act before the first known one")
    what = "the first known act" if found else "the end of the logs"
    if ahead.hours_asked:
        book.no_sign(
            f"The same methods, run over everything from {instant(_start(case))} to {what}, found nothing older"
            f"{_but_ours(case, first)}; mail logs cover {percent(ahead)} of those server-hours.",
            ahead,
            f"Whether there was anything older cannot be said: no mail log is held before {what}.",
            ["an intruder with the owner's own network and agent, or with one account only, would not be told apart"],
            on="no-older",
        )
    taken = sum(one.intrusion is None for one in case.ranked.leads)
    book.recorded(
        f"{count(case.ranked.ties, 'tie')} of account, outside network and agent were judged; {taken} of the "
        f"{len(case.ranked.leads)} most surprising belong to no intrusion and are leads; by chance alone the case would "
        f"have about {case.ranked.expected_false:,.1f} that are as surprising.",
        (),
    )
    if not found:
        if not ahead.hours_able:
            return book.answer("Whether there was an intrusion cannot be said: no mail log is held."), book
        verdict = f"No intrusion is held together by what is held; mail logs cover {percent(ahead)} of the server-hours"
        left = f"; {count(len(loose), 'thing')} left behind by nobody known need an explanation" if loose else ""
        return book.answer(f"{verdict}{left}."), book
    second = "; no second one is seen" if len(found) == 1 else f"; {len(found)} are held apart"
    marked = [one.marking for one in found if one.marking]
    if marked:
        second += f"; {len(marked)} of them made by markings alone ({listed(marked)})"
    verdict = f"{count(len(found), 'intrusion')}, the first act at {instant(first)}{second}."
    return book.answer(verdict), book
