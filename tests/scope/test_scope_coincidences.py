"""In a large house some clients are foreign to three accounts by chance: how many is read off those of one and two."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from dwell.scope.coincidences import expected


def _case(*, one: int, two: int, several: tuple[int, ...]) -> npt.NDArray[np.float64]:
    count = np.array([1] * one + [2] * two + list(several), np.int64)
    return expected(count, (count * 8.0).astype(np.float64), 6.7)[one + two :]


def test_what_is_expected_falls_by_the_share_of_two_to_one() -> None:
    # 40,000 of one, 1,200 of two: one in 33 gets one more
    assert _case(one=40_000, two=1_200, several=(3, 4, 6)) == pytest.approx([35.99, 1.0795, 0.000971], rel=1e-3)


def test_a_small_house_without_any_of_two_expects_next_to_none_of_three() -> None:
    assert _case(one=300, two=0, several=(3,)) == pytest.approx([0.5 * 0.5 / 310])


def test_only_what_is_as_strange_counts() -> None:
    count = np.array([1] * 100 + [2] * 50 + [3], np.int64)
    bits = np.where(count == 2, 4.0, count * 8.0).astype(np.float64)
    assert expected(count, bits, 6.7)[-1] == pytest.approx(0.5 * 0.5 / 110)


def test_where_more_have_two_than_one_nothing_is_rare() -> None:
    assert _case(one=2, two=15, several=(3, 30)) == pytest.approx([15.0, 15.0])


def test_a_client_of_one_mailbox_never_stands_out() -> None:
    assert np.isinf(expected(np.array([0, 1]), np.array([0.0, 9.0]), 6.7)).all()


def test_where_nothing_is_known_of_chance_three_are_rare_and_two_are_not() -> None:
    assert _case(one=0, two=0, several=(3, 5)) == pytest.approx([0.025, 0.0000625])
