"""Words of estimation: one range each, as the directive has them, and no gap between them."""

from __future__ import annotations

import pytest

from dwell.model.estimates import Estimate, Judgement, estimate_of


def test_the_ranges_are_those_of_the_directive_and_meet() -> None:
    assert [(one.value, one.range) for one in Estimate] == [
        ("almost no chance", (1, 5)),
        ("very unlikely", (5, 20)),
        ("unlikely", (20, 45)),
        ("roughly even chance", (45, 55)),
        ("likely", (55, 80)),
        ("very likely", (80, 95)),
        ("almost certain", (95, 99)),
    ]
    assert Estimate.LIKELY.told == "likely (55 to 80 %)"


@pytest.mark.parametrize(
    ("share", "word"),
    [
        (0, "almost no chance"), (0.03, "almost no chance"), (0.05, "very unlikely"), (0.3, "unlikely"),
        (0.5, "roughly even chance"), (0.55, "roughly even chance"), (0.56, "likely"), (0.8, "likely"),
        (0.9, "very likely"), (0.95, "very likely"), (0.97, "almost certain"), (1, "almost certain"),
    ],
)  # fmt: skip
def test_a_probability_has_its_word_and_between_two_the_one_nearer_to_even(share: float, word: str) -> None:
    assert estimate_of(share).value == word


@pytest.mark.parametrize("share", [-0.01, 1.01])
def test_what_is_no_probability_has_no_word(share: float) -> None:
    with pytest.raises(ValueError, match="no probability"):
        estimate_of(share)


@pytest.mark.parametrize(("assumes", "changes"), [((), ("x",)), (("x",), ()), (("",), ("x",))])
def test_a_judgement_that_rests_on_nothing_is_refused(assumes: tuple[str, ...], changes: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="assumptions"):
        Judgement(assumes, changes)
