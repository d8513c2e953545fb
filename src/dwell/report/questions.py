"""The seven questions with their verdicts and claims, in the order every renderer prints them."""

from __future__ import annotations

from dataclasses import dataclass

from dwell.model.claims import QUESTIONS, Claim, Question, Summary

__all__ = ["Part", "parts"]


@dataclass(frozen=True, slots=True)
class Part:
    """One question.

    Attributes:
        number: 1 to 7.
        key: its key in the summary.
        question: its text.
        verdict: the answer in one sentence; None where it was not worked out.
        claims: what the answer is made of, in order.
    """

    number: int
    key: str
    question: str
    verdict: str | None
    claims: tuple[Claim, ...]


def parts(summary: Summary) -> list[Part]:
    """Give the seven; a claim that no answer names stands under its own question, so that none is lost."""
    by_id = {one.id: one for one in summary.claims}
    answers = {one.question: one for one in summary.answers}
    named = {name for one in answers.values() for name in one.claims}
    out = []
    for number, question in enumerate(Question, start=1):
        answer = answers.get(question)
        claims = [by_id[name] for name in answer.claims if name in by_id] if answer else []
        claims += [one for one in summary.claims if one.question is question and one.id not in named]
        verdict = (answer.verdict or None) if answer else None
        out.append(Part(number, question.value, QUESTIONS[question], verdict, tuple(claims)))
    return out
