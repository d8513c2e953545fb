"""Wilson's interval, against values worked out by hand and its own bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell.model.power import wilson


@pytest.mark.parametrize(
    ("found", "tried", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634), (1, 1, 0.2065, 1.0), (81, 263, 0.2553, 0.3662)],
)  # fmt: skip
def test_interval_is_that_of_the_textbook(found: int, tried: int, low: float, high: float) -> None:
    """The last row is Newcombe's (1998) example: 81 of 263 gives 0.2553 to 0.3662."""
    assert wilson(found, tried) == pytest.approx((low, high), abs=1e-4)


def test_nothing_tried_says_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


@given(st.integers(1, 500).flatmap(lambda tried: st.tuples(st.integers(0, tried), st.just(tried))))
def test_interval_holds_the_share_and_stays_within_bounds(drawn: tuple[int, int]) -> None:
    found, tried = drawn
    low, high = wilson(found, tried)
    assert 0 <= low <= found / tried + 1e-4
    assert found / tried - 1e-4 <= high <= 1
