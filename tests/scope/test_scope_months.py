"""Counts around a month: all rows are taken once, with everything near them, in as many goes as it takes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell.scope import months

MONTHS = st.lists(st.integers(0, 12), max_size=40)


@pytest.mark.parametrize("at_once", [1, 5, months.ROWS_AT_ONCE])
@given(drawn=MONTHS)
def test_stretches_take_every_row_once_with_all_that_is_beside_it(at_once: int, drawn: list[int]) -> None:
    month, taken = np.array(drawn, np.int32), []
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(months, "ROWS_AT_ONCE", at_once)
        for near, own in months.stretches(month):
            here = set(month[near[own]].tolist())
            beside = {one + step for one in here for step in (-1, 0, 1)}
            assert set(near.tolist()) >= {row for row, one in enumerate(drawn) if one in beside}
            assert len(own) <= at_once or len(here) == 1, "a month is parted by nothing, and nothing else is too long"
            taken += near[own].tolist()
    assert sorted(taken) == list(range(len(drawn)))


@given(drawn=MONTHS, at_once=st.integers(1, 10))
def test_counts_are_the_same_in_stretches(drawn: list[int], at_once: int) -> None:
    month = np.array(drawn, np.int32)
    key = np.arange(len(drawn)) % 3
    counted = months.Counted({"key": key}, month, np.arange(1.0, len(drawn) + 1))
    whole, parted = counted.around("key"), np.zeros(len(drawn))
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(months, "ROWS_AT_ONCE", at_once)
        for near, own in months.stretches(month):
            parted[near[own]] = counted.taken(near).around("key")[own]
    assert whole.tolist() == parted.tolist()
