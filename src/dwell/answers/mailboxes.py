"""Whose mail did they read: which messages, folders, bytes, from when to when?"""

from __future__ import annotations

from collections import Counter

from dwell.answers.book import Book
from dwell.answers.phrases import count, listed, percent, span, whole_span
from dwell.model.claims import EXPOSED, Answer, Grade, MailboxExposure, Question
from dwell.model.coverage import Coverage
from dwell.scope.exposure import Exposed, bytes_words
from dwell.scope.investigation import Investigation
from dwell.scope.ledger import MAIL_SOURCES, SERVER_SOURCES
from dwell.scope.rollup.shapes import Act
from dwell.scope.rollup.ual import TENANT

__all__ = ["answer", "findings", "unresolved"]

CLIENTS_MAX = 20
GROUNDS_MAX = 20
COPIES = "a copy of a mailbox database made on the server itself leaves no trace in the sources held"


def unresolved(case: Investigation) -> tuple[str, ...]:
    """Give the servers on which forged calls to EWS were answered and no record says whose mailbox they opened."""
    hosts = set()
    for held in case.held:
        for request in held.forged:
            call = case.calls.get(request.request_id) if request.ews else None
            if request.ews and (call is None or case.identities.label(call.mailbox) is None):
                hosts.add(request.host)
    return tuple(sorted(hosts))


def _names(case: Investigation) -> list[str]:
    """Give every mailbox: those of the directory, and those that were opened; without an export, those that were used."""
    names = set(case.identities.mailboxes()) | {one.mailbox for one in case.exposed}
    if not case.identities.exported:
        accesses = case.accesses
        used = set(accesses.mailbox[accesses.ok & ~accesses.system & (accesses.mailbox >= 0)].tolist())
        names |= {accesses.names[one] for one in used}
    return sorted(names - set(case.services) - {"", "-"})


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
    told = len(messages) if best.grade is Grade.NAMED else reads if best.grade is Grade.READ else None
    return MailboxExposure(
        mailbox=name,
        grade=best.grade,
        intrusions=tuple(sorted({one.intrusion for one in found})),
        first_utc=min(instants, default=None),
        last_utc=max(instants, default=None),
        sessions=sum(one.sessions for one in found),
        messages=told,
        folders=tuple(sorted({text for one in found for text in one.folders})),
        bytes=sum(sent.values()) if sent else None,
        clients=tuple(sorted({text for one in found for text in one.clients}))[:CLIENTS_MAX],
        coverage=coverage,
        bytes_source=bytes_words(sent),
        assumptions=tuple(sorted({text for one in found for text in one.assumptions})),
        grounds=grounds[:GROUNDS_MAX],
        message_ids=tuple(sorted(messages)),
    )


def findings(case: Investigation) -> tuple[MailboxExposure, ...]:
    """Give every mailbox with its grade, the most exposed first."""
    by_name: dict[str, list[Exposed]] = {}
    for one in case.exposed:
        by_name.setdefault(one.mailbox, []).append(one)
    hosts = case.ledger.hosts(SERVER_SOURCES) or case.ledger.hosts(MAIL_SOURCES)
    there = case.ledger.coverage(hosts, MAIL_SOURCES, *whole_span(case), "the opening of a mailbox")
    cloud = _in_cloud(case)
    both = case.ledger.coverage(
        sorted({*hosts, TENANT}), MAIL_SOURCES, *whole_span(case), "the opening of a mailbox, there and in the tenant"
    )
    blind, copied = unresolved(case), _code_ran(case)
    out = []
    for name in _names(case):
        coverage = both if name in cloud else there
        if name in by_name:
            out.append(_merged(name, by_name[name], coverage))
            continue
        held = coverage.hours_able > 0
        grade = Grade.UNDETERMINABLE if blind or not held else Grade.NO_SIGN
        assumptions = []
        if blind:
            assumptions.append(
                f"forged calls to EWS on {listed(blind)} were answered; no record says for whose mailbox"
            )
        if copied:
            assumptions.append(COPIES)
        if not held:
            assumptions.append("no log that could show the opening of a mailbox is held")
        out.append(
            MailboxExposure(
                name, grade, (), None, None, 0, None, (), None, (), coverage, assumptions=tuple(assumptions)
            )
        )
    return tuple(sorted(out, key=lambda one: (one.grade.rank, one.mailbox)))


def _in_cloud(case: Investigation) -> set[str]:
    """Give the mailboxes that audit records speak of."""
    accesses = case.accesses
    if "ual" not in case.tables:
        return set()
    names = accesses.table["table"].to_numpy(zero_copy_only=False) == "ual"
    return {accesses.names[one] for one in set(accesses.mailbox[names].tolist()) if one >= 0}


def _code_ran(case: Investigation) -> bool:
    return any(one.outcome.value == "post-exploitation" for held in case.held for one in held.traces)


def answer(case: Investigation, found: tuple[MailboxExposure, ...]) -> tuple[Answer, Book]:
    """Answer the question."""
    book = Book(Question.MAILBOXES)
    exposed = [one for one in found if one.grade in EXPOSED]
    for one in exposed:
        parts = [
            f"{one.mailbox} was {_WORDS[one.grade]} by {listed(one.intrusions)} {span(one.first_utc, one.last_utc)}"
        ]
        parts.append(count(one.sessions, "session"))
        if one.grade is Grade.NAMED:
            parts.append(f"{count(one.messages or 0, 'message')} named")
        elif one.messages is not None:
            parts.append(f"{count(one.messages, 'request')} that fetched messages")
        if one.bytes is not None:
            parts.append(f"{one.bytes:,} bytes sent ({one.bytes_source})")
        book.inferred(
            ", ".join(parts) + ".", one.grounds, one.coverage, one.assumptions or ("no counter-ground is known",)
        )
    for one in found:
        if one.grade is Grade.ATTEMPTED:
            book.recorded(
                f"{one.mailbox}: every request by {listed(one.intrusions)} was refused.", one.grounds, one.coverage
            )
    rest = [one for one in found if one.grade is Grade.NO_SIGN]
    if rest and rest[0].coverage is not None:
        against = dict.fromkeys(text for one in rest for text in one.assumptions)
        book.no_sign(
            f"No sign that any of the other {count(len(rest), 'mailbox', 'mailboxes')} was opened by an intruder; the "
            f"logs able to show it cover {percent(rest[0].coverage)} of the server-hours.",
            rest[0].coverage,
            [*against, "use that looks like the owner's own, from the owner's own networks, is not told apart"],
        )
    unsure = [one for one in found if one.grade is Grade.UNDETERMINABLE]
    if unsure:
        book.unknown(
            f"{count(len(unsure), 'mailbox', 'mailboxes')}: whether it was opened cannot be determined.",
            against=list(dict.fromkeys(text for one in unsure for text in one.assumptions)),
        )
    if not exposed:
        verdict = "No mailbox is seen to have been opened by an intruder"
    else:
        grades = Counter(one.grade for one in exposed)
        told = ", ".join(f"{grades[grade]} {grade.value}" for grade in Grade if grades[grade])
        verdict = f"{count(len(exposed), 'mailbox', 'mailboxes')} opened by an intruder: {told}"
    if unsure:
        verdict += f"; {len(unsure)} undeterminable"
    if rest and rest[0].coverage is not None:
        verdict += f"; no sign for the other {len(rest)}, with a coverage of {percent(rest[0].coverage)}"
    return book.answer(verdict + "."), book


_WORDS = {
    Grade.NAMED: "read, message by message,",
    Grade.DOWNLOADED: "downloaded",
    Grade.READ: "read",
    Grade.LISTED: "looked through",
    Grade.OPENED: "opened",
}
