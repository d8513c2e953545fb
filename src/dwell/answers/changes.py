"""What would be answered otherwise: two summaries of the same case, question by question."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from dwell.hunt.changes import RuleChanges
from dwell.model.claims import Question, Summary

__all__ = ["AnswerChange", "SinceRules", "answer_changes"]


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
