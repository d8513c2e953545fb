"""Writing claims down: each gets its number, its grounds are capped, and a negative cannot leave out its coverage."""

from __future__ import annotations

from collections.abc import Iterable

from dwell.answers.judgements import PERSON, judgement
from dwell.model.claims import Answer, Claim, ClaimGrade, Question
from dwell.model.coverage import Coverage
from dwell.model.estimates import Judgement
from dwell.model.provenance import RecordRef

__all__ = ["GROUNDS_MAX", "Book"]

GROUNDS_MAX = 20


class Book:
    """The claims on one question.

    Attributes:
        question: which of the seven.
        claims: the claims so far.
    """

    def __init__(self, question: Question) -> None:
        self.question = question
        self.claims: list[Claim] = []

    def _add(
        self,
        text: str,
        grade: ClaimGrade,
        grounds: Iterable[RecordRef],
        coverage: Coverage | None,
        against: Iterable[str],
        marked: Iterable[str] = (),
        rests: Judgement | None = None,
    ) -> None:
        refs = tuple(dict.fromkeys(grounds))
        name = f"{self.question.value}-{len(self.claims) + 1}"
        limits, said = tuple(against), tuple(marked)
        assumptions, change = (rests.assumptions, rests.would_change) if rests is not None else ((), ())
        word = rests.estimate if rests is not None else None
        self.claims.append(
            Claim(
                name, self.question, text, grade, refs[:GROUNDS_MAX], coverage, limits, len(refs), said, assumptions,
                change, word,
            )
        )  # fmt: skip

    def recorded(
        self,
        text: str,
        grounds: Iterable[RecordRef],
        coverage: Coverage | None = None,
        against: Iterable[str] = (),
    ) -> None:
        """Write down what records say in so many words."""
        self._add(text, ClaimGrade.RECORDED, grounds, coverage, against)

    def inferred(
        self,
        text: str,
        grounds: Iterable[RecordRef],
        coverage: Coverage | None,
        against: Iterable[str],
        marked: Iterable[str] = (),
        *,
        on: str,
        assuming: Iterable[str] = (),
    ) -> None:
        """Write down what follows from records by a stated method; what speaks against it is obligatory.

        Args:
            text: the statement.
            grounds: records.
            coverage: what was looked at.
            against: what speaks against it.
            marked: what a person's markings say of it.
            on: the kind of judgement it is (`judgements.toml`): what it takes for so, and what would change it.
            assuming: what it takes for so besides.
        """
        self._add(text, ClaimGrade.INFERRED, grounds, coverage, against, marked, judgement(on, assuming))

    def assumed(
        self,
        text: str,
        grounds: Iterable[RecordRef],
        against: Iterable[str],
        marked: Iterable[str],
        coverage: Coverage | None = None,
        *,
        on: str = PERSON,
        assuming: Iterable[str] = (),
    ) -> None:
        """Write down what holds only if what a person says is so; who says what is obligatory."""
        rests = judgement(on, assuming, by_person=True)
        self._add(text, ClaimGrade.ASSUMED, grounds, coverage, against, marked, rests)

    def no_sign(self, text: str, coverage: Coverage, blind: str, against: Iterable[str] = (), *, on: str) -> None:
        """Write down a negative.

        Args:
            text: the negative, with its coverage.
            coverage: what was looked at.
            blind: what is said instead where nothing able to show it was held: that it was not tested.
            against: what limits it.
            on: the kind of judgement it is (`judgements.toml`).
        """
        if coverage.hours_able:
            self._add(text, ClaimGrade.NO_SIGN, (), coverage, against, rests=judgement(on))
        else:
            self._add(blind, ClaimGrade.UNKNOWN, (), coverage, against)

    def unknown(self, text: str, grounds: Iterable[RecordRef] = (), against: Iterable[str] = ()) -> None:
        """Write down what nothing held can tell."""
        self._add(text, ClaimGrade.UNKNOWN, grounds, None, against)

    def answer(self, verdict: str) -> Answer:
        """Close the book with a verdict in one sentence."""
        return Answer(self.question, verdict, tuple(one.id for one in self.claims))
