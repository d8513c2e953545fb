"""What chance would give is worked out whole: it is what dealing the terms anew gives on average."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from dwell.scope.chance import by_chance

Bits = npt.NDArray[np.float64]
_TERM = st.lists(st.integers(0, 1_600), min_size=3, max_size=3)


def _bits(values: list[int]) -> Bits:
    return np.array(values, np.float64) / 100


@given(st.lists(_TERM, min_size=1, max_size=3), st.integers(0, 5_000))
def test_it_is_the_mean_over_all_ways_of_dealing(terms: list[list[int]], asked: int) -> None:
    """With three ties every way can be counted: each tie meets each value of each term as often."""
    sums = np.zeros(1, np.int64)
    for one in terms:
        sums = (sums[:, None] + np.array(one, np.int64)[None, :]).ravel()
    share = float((sums >= asked).mean())
    (found,) = by_chance([_bits(one) for one in terms], _bits([asked]))
    assert abs(found - 3 * share) < 0.01


def test_dealing_many_ties_anew_comes_to_the_same() -> None:
    rng = np.random.default_rng(7)
    terms = [np.round(rng.exponential(scale, 4_000), 2).clip(0, 16) for scale in (0.4, 1.2, 0.2, 0.8)]
    asked = np.array([2.0, 5.0, 8.0, 11.0])
    dealt = np.zeros(len(asked))
    for _ in range(60):
        total = np.sum([rng.permutation(one) for one in terms], axis=0)
        dealt += [(np.round(total, 2) >= one).sum() for one in asked]
    assert np.allclose(by_chance(terms, asked), dealt / 60, rtol=0.15, atol=0.5)


def test_strange_things_that_meet_on_one_tie_are_more_than_chance() -> None:
    """One tie in a thousand has everything at once: chance makes hardly any like it."""
    terms = [np.where(np.arange(1_000) == 3, 9.0, 0.5) for _ in range(4)]
    (found,) = by_chance(terms, np.array([36.0]))
    assert found == 0.0
    (each,) = by_chance(terms, np.array([2.0]))
    assert each == 1_000


def test_where_there_is_no_tie_chance_makes_none() -> None:
    assert by_chance([], np.array([1.0])).tolist() == [0.0]
    assert by_chance([np.zeros(0)], np.array([1.0])).tolist() == [0.0]
