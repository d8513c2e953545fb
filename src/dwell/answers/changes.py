"""What would be answered otherwise: two summaries of the same case, question by question, mailbox by mailbox."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from dwell.hunt.changes import RuleChanges
from dwell.model.claims import Grade, Intrusion, Question, Summary

__all__ = [
    "AnswerChange",
    "Changed",
    "IntrusionChange",
    "MailboxChange",
    "SinceRules",
    "answer_changes",
    "changed",
]


@dataclass(frozen=True, slots=True)
class AnswerChange:
    """A question that would be answered otherwise.

    Attributes:
        question: the question.
        before: the verdict as it was.
        after: the verdict as it would be.
        gone: statements that would not be made any more.
        new: statements that would be made.
    """

    question: Question
    before: str
    after: str
    gone: tuple[str, ...]
    new: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SinceRules:
    """What other rules change.

    Attributes:
        hunted: in rules and hits.
        answers: the questions that would be answered otherwise.
        faults: rule files that could not be used.
    """

    hunted: RuleChanges
    answers: tuple[AnswerChange, ...]
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MailboxChange:
    """A mailbox that would be graded otherwise, or laid to other intrusions; a grade is None where it is not listed."""

    mailbox: str
    before: Grade | None
    after: Grade | None
    intrusions_before: tuple[str, ...]
    intrusions_after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IntrusionChange:
    """An intrusion that would not be told any more, would be new, or would be told otherwise; None where it is not."""

    id: str
    before: Intrusion | None
    after: Intrusion | None


@dataclass(frozen=True, slots=True)
class Changed:
    """What differs between two summaries of the same case.

    Attributes:
        mailboxes: those that change, those that lose most first.
        intrusions: those that change, by name.
        answers: questions that would be answered otherwise.
        leads_before: leads that are told.
        leads_after: leads that would be told.
        leads_gone: of those, leads that would not be told any more: of other accounts or clients.
        leads_new: leads that would come in their place.
        leads_moved: leads that would have another rank.
    """

    mailboxes: tuple[MailboxChange, ...]
    intrusions: tuple[IntrusionChange, ...]
    answers: tuple[AnswerChange, ...]
    leads_before: int
    leads_after: int
    leads_gone: int
    leads_new: int
    leads_moved: int


def _said(summary: Summary, question: Question) -> tuple[str, Counter[str]]:
    claims = {one.id: f"{one.grade.value}: {one.text}" for one in summary.claims}
    for one in summary.answers:
        if one.question is question:
            return one.verdict, Counter(claims[name] for name in one.claims if name in claims)
    return "", Counter()


def answer_changes(old: Summary, new: Summary) -> tuple[AnswerChange, ...]:
    """Give the questions that are answered otherwise, in their order."""
    out = []
    for question in Question:
        before, said = _said(old, question)
        after, says = _said(new, question)
        if before != after or said != says:
            gone, come = (tuple(sorted(one.elements())) for one in (said - says, says - said))
            out.append(AnswerChange(question, before, after, gone, come))
    return tuple(out)


def changed(now: Summary, then: Summary) -> Changed:
    """Say what differs between the answers as they are and as they would be."""
    old, new = (
        {(one.mailbox, one.client): one.rank for one in each.leads if not one.intrusion} for each in (now, then)
    )
    return Changed(
        _mailboxes(now, then),
        _intrusions(now, then),
        answer_changes(now, then),
        len(old),
        len(new),
        len(old.keys() - new.keys()),
        len(new.keys() - old.keys()),
        sum(old[key] != new[key] for key in old.keys() & new.keys()),
    )


def _mailboxes(now: Summary, then: Summary) -> tuple[MailboxChange, ...]:
    before, after = ({one.mailbox: one for one in summary.mailboxes} for summary in (now, then))
    out = []
    for name in sorted(set(before) | set(after)):
        old, new = before.get(name), after.get(name)
        grades = old.grade if old is not None else None, new.grade if new is not None else None
        who = old.intrusions if old is not None else (), new.intrusions if new is not None else ()
        if grades[0] is not grades[1] or who[0] != who[1]:
            out.append(MailboxChange(name, *grades, *who))
    lowest = len(Grade)

    def moved(one: MailboxChange) -> tuple[int, str]:
        ranks = [lowest if grade is None else grade.rank for grade in (one.before, one.after)]
        return -abs(ranks[1] - ranks[0]), one.mailbox

    return tuple(sorted(out, key=moved))


def _intrusions(now: Summary, then: Summary) -> tuple[IntrusionChange, ...]:
    before, after = ({one.id: one for one in summary.intrusions} for summary in (now, then))
    changed = [name for name in set(before) | set(after) if _shape(before.get(name)) != _shape(after.get(name))]
    return tuple(IntrusionChange(name, before.get(name), after.get(name)) for name in sorted(changed, key=_order))


def _shape(one: Intrusion | None) -> Sequence[object] | None:
    """Give what makes an intrusion another one for a reader; what only speaks of markings is left out."""
    return None if one is None else (one.first_utc, one.last_utc, one.clients, one.accounts, one.mailboxes, one.entry)


def _order(name: str) -> tuple[int, int]:
    digits = name.lstrip("IM-")
    return int(name.startswith("I-")), int(digits) if digits.isdecimal() else 0
