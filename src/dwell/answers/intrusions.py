"""Since when, and is there an older or a second intruder?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from dwell.answers.book import Book
from dwell.answers.judgements import kind_of
from dwell.answers.lacking import TECHNIQUE, took_lines
from dwell.answers.marked import contradictions, marked_intrusion, tell_contradictions
from dwell.answers.phrases import count, day, hours_of, instant, listed, percent, span, whole_span
from dwell.answers.systems import common_systems, systems_of_clients, tell_systems
from dwell.model.claims import EXPOSED, Answer, EntryFinding, Foothold, Intrusion, Lead, Question
from dwell.model.coverage import Coverage
from dwell.model.provenance import RecordRef
from dwell.scope.intrusions import Held
from dwell.scope.investigation import Investigation
from dwell.scope.ledger import MAIL_SOURCES
from dwell.scope.prehistory import Older, PreHistory
from dwell.scope.unable import OPENING

__all__ = ["answer", "findings", "grounds_of"]

CLIENTS_MAX = 50
GROUNDS_MAX = 20
FIRST_ROWS = 5
OLDER_TOLD = 8


def _start(case: Investigation) -> datetime:
    return datetime.fromtimestamp(case.ledger.first_hour * 3600, UTC)


def _earlier(case: Investigation, held: Held) -> str:
    """Say what could lie before the first act seen."""
    start = _start(case)
    first = int(held.first_utc.timestamp()) // 3600
    hosts = case.ledger.mail_hosts()
    coverage = case.ledger.coverage(hosts, MAIL_SOURCES, case.ledger.first_hour, first, "an earlier act", act=OPENING)
    if first <= case.ledger.first_hour:
        return f"the first act lies in the first hour that any log holds ({instant(start)}): it may have begun before"
    return (
        f"first seen {instant(held.first_utc)}; no log is held before {instant(start)}, and from then to the first act "
        f"mail logs cover {percent(coverage)} of the server-hours"
    )


def _no_second(case: Investigation, hosts: Sequence[str]) -> str:
    """Say that no second intrusion is seen, and for how much of the time one could have been."""
    whole = case.ledger.coverage(hosts, MAIL_SOURCES, *whole_span(case), "a second intrusion", act=OPENING)
    if not whole.hours_able:
        return "; whether there was a second one cannot be said: no mail log is held that could have shown it"
    hours = hours_of(whole.hours_asked, *whole_span(case))
    return f"; no second one is seen, where mail logs cover {percent(whole)} of {hours}"


def grounds_of(case: Investigation, held: Held) -> tuple[RecordRef, ...]:
    """Give the records that an intrusion rests on: its first sessions, forged requests, hits, then each mailbox's."""
    refs = case.accesses.refs_in_layers(held.rows[:FIRST_ROWS])
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


def _before(case: Investigation, book: Book, ahead: Coverage, first: datetime | None) -> None:
    """Say what the search over the stretch before the first known act found, and with what coverage."""
    what = "the first known act" if case.held else "the end of the logs"
    past = case.before
    older = () if past is None else past.older
    for name in sorted({one.intrusion for one in older}):
        mine = [one for one in older if one.intrusion == name]
        told = "; ".join(_older(one) for one in mine[:OLDER_TOLD])
        more = f"; and {len(mine) - OLDER_TOLD} more" if len(mine) > OLDER_TOLD else ""
        since = min(one.first_utc for one in mine)
        book.inferred(
            f"Before the first act of {name} there is what bears its traits, from {instant(since)} on: {told}{more}. "
            "It may have begun then.",
            [ref for one in mine for ref in one.grounds],
            ahead,
            ["networks and agents have had other users, and owners use new ones: each is a place to look, no finding"],
            on="earlier-traits",
        )
    leads = () if past is None else past.leads
    if past is not None and (leads or past.pairs):
        _places_to_look(case, book, past, ahead)
    text = f"The same methods, run over everything from {instant(_start(case))} to {what}, found "
    against = ["an intruder with the owner's own network and agent, or with one account only, would not be told apart"]
    if older or leads:
        text += f"no older intrusion{_but_ours(case, first)}; what lies there and belongs to none is told beside it"
    else:
        text += f"nothing older{_but_ours(case, first)}"
    loose = _loose_hits(case, first)
    if loose:
        against.append(f"rules met what belongs to no intrusion there: {listed(loose, OLDER_TOLD)}")
    if ahead.hours_asked:
        book.no_sign(
            f"{text}; mail logs cover {percent(ahead)} of those server-hours.",
            ahead,
            f"Whether there was anything older cannot be said: no mail log is held before {what}.",
            against,
            on="no-older",
        )


def _places_to_look(case: Investigation, book: Book, past: PreHistory, ahead: Coverage) -> None:
    """Name the leads that are older than the first known act, and the clients that fall short of an intrusion."""
    ranks = [
        f"lead-{one.rank}"
        for one in case.ranked.leads
        if one.intrusion is None and one.first_utc is not None and one.first_utc < past.end_utc
    ]
    text = (
        f"Older than the first known act are {count(len(ranks), 'lead')} that belong to no intrusion"
        f"{f' ({listed(ranks, OLDER_TOLD)})' if ranks else ''}. A search of its own over the time before it, by what was "
        f"ordinary then, judged {count(past.ties, 'tie')}"
    )
    if past.leads:
        text += (
            f"; the {len(past.leads)} most surprising, of which chance alone would give about "
            f"{past.expected_false:,.1f}, begin with {'; '.join(_lead(one) for one in past.leads[:OLDER_TOLD])}"
        )
    if past.pairs:
        pairs = "; ".join(f"{client} ({listed(names, 3)})" for client, names in past.pairs[:OLDER_TOLD])
        text += f"; {count(len(past.pairs), 'client')} foreign to two accounts or more: {pairs}"
    book.inferred(
        f"{text}.",
        [ref for one in past.leads for ref in one.grounds],
        ahead,
        ["each is a place to look: most are new computers, hotels and homes"],
        on="places-to-look",
    )


def _older(one: Older) -> str:
    how = f"{one.bits:g} bits" if one.bits else "refused"
    return (
        f"{one.account} by {one.client} ({listed(one.traits)}), {count(one.visits, 'visit')} "
        f"{span(one.first_utc, one.last_utc)}, {how}"
    )


def _lead(one: Lead) -> str:
    return f"{one.mailbox} by {one.client} {span(one.first_utc, one.last_utc)}, {one.bits:g} bits"


def _loose_hits(case: Investigation, first: datetime | None) -> list[str]:
    """Name the rules that met something before the first act which belongs to no intrusion."""
    taken = {trace for held in case.held for trace in held.traces}
    titles = {
        one.title
        for one in case.traces
        if first is not None and one.first_utc is not None and one.first_utc < first and one not in taken
    }
    return sorted(titles)


def _open(case: Investigation) -> str:
    """Name the clients of several accounts of which it is open whether they are an intruder's; "" for none."""
    found = [f"{case.accesses.networks[one.network]} {case.accesses.agents[one.agent]}" for one in case.clients.staying]
    if not found:
        return ""
    return (
        f"; whether {listed(found)}, foreign to several accounts and there day after day, is an intruder's is not known"
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
    hosts = case.ledger.mail_hosts()
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
    ahead = case.ledger.coverage(
        hosts, MAIL_SOURCES, case.ledger.first_hour, end, "an act before the first known one", act=OPENING
    )
    _before(case, book, ahead, first)
    taken = sum(one.intrusion is None for one in case.ranked.leads)
    book.recorded(
        f"{count(case.ranked.ties, 'tie')} of account, outside network and agent were judged; {taken} of the "
        f"{len(case.ranked.leads)} most surprising belong to no intrusion and are leads; by chance alone the case would "
        f"have about {case.ranked.expected_false:,.1f} that are as surprising.",
        (),
    )
    if not found:
        if not ahead.hours_able:
            unsaid = "Whether there was an intrusion cannot be said: no mail log is held that could have shown one."
            return book.answer(unsaid), book
        hours = hours_of(ahead.hours_asked, *whole_span(case))
        verdict = f"No intrusion is held together by what is held; mail logs cover {percent(ahead)} of {hours}"
        left = f"; {count(len(loose), 'thing')} left behind by nobody known need an explanation" if loose else ""
        return book.answer(f"{verdict}{left}{_open(case)}."), book
    second = _no_second(case, hosts) if len(found) == 1 else f"; {len(found)} are held apart"
    second += _open(case)
    marked = [one.marking for one in found if one.marking]
    if marked:
        second += f"; {len(marked)} of them made by markings alone ({listed(marked)})"
    verdict = f"{count(len(found), 'intrusion')}, the first act at {instant(first)}{second}."
    return book.answer(verdict), book
