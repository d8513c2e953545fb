"""The order of grades and steps, and the share of a coverage."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell.model.claims import EXPOSED, JUDGED, QUESTIONS, Answer, Claim, ClaimGrade, Grade, Outcome, Question
from dwell.model.coverage import Coverage


def test_grades_are_in_the_order_of_their_strength() -> None:
    words = ["named", "downloaded", "read", "listed", "opened", "attempted", "undeterminable", "no-sign"]
    assert [one.value for one in Grade] == words
    assert [one.rank for one in Grade] == list(range(8))
    assert [one.value for one in Grade if one in EXPOSED] == words[:5]


def test_steps_are_in_the_order_of_how_far_they_got() -> None:
    words = ["scan", "attempt", "partial", "success", "post-exploitation"]
    assert [one.value for one in sorted(Outcome, key=lambda one: one.rank)] == words


def test_there_are_seven_questions() -> None:
    assert [one.value for one in Question] == [
        "entry",
        "foothold",
        "mailboxes",
        "reach",
        "intrusions",
        "eviction",
        "blindspots",
    ]
    assert set(QUESTIONS) == set(Question)


def test_a_claim_cannot_be_made_without_saying_what_was_looked_at() -> None:
    with pytest.raises(TypeError):
        Claim("entry-1", Question.ENTRY, "x", ClaimGrade.NO_SIGN, ())  # type: ignore[call-arg]


@pytest.mark.parametrize("grade", sorted(JUDGED))
@pytest.mark.parametrize(("assumes", "changes"), [((), ("more logs",)), (("logs are whole",), ()), ((), ())])
def test_a_judgement_cannot_be_made_without_what_it_rests_on_and_what_would_change_it(
    grade: ClaimGrade, assumes: tuple[str, ...], changes: tuple[str, ...]
) -> None:
    held = Coverage(1, 1, ("iis",), "")
    with pytest.raises(ValueError, match="assumptions and what would change it"):
        Claim("entry-1", Question.ENTRY, "x", grade, (), held, assumptions=assumes, would_change=changes)
    Claim("entry-1", Question.ENTRY, "x", grade, (), held, assumptions=("logs are whole",), would_change=("more logs",))


def test_a_negative_needs_its_coverage_whatever_else_it_says() -> None:
    with pytest.raises(ValueError, match="coverage"):
        Claim("entry-1", Question.ENTRY, "x", ClaimGrade.NO_SIGN, (), None, assumptions=("a",), would_change=("b",))


def test_claims_are_frozen() -> None:
    claim = Claim("entry-1", Question.ENTRY, "x", ClaimGrade.RECORDED, (), None)
    with pytest.raises(dataclasses.FrozenInstanceError):
        claim.text = "y"  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        Answer(Question.ENTRY, "x", ()).verdict = "y"  # type: ignore[misc]


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_a_share_is_never_better_than_the_hours(able: int, asked: int) -> None:
    share = Coverage(able, asked, (), "").share
    if asked == 0:
        assert share is None
        return
    assert share is not None
    assert 0 <= share <= 1
    assert (share == 1) <= (able >= asked)
    assert abs(share - min(1.0, able / asked)) <= 1e-4
