"""Who is at home elsewhere, and how many use a network, against the same told pair by pair."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from dwell.scope.access import DAY_US
from dwell.scope.clients import WEEK_US, _at_home_elsewhere, users_of

_TIE = st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 60), st.integers(0, 20), st.booleans())


@given(st.lists(_TIE, max_size=25))
def test_at_home_elsewhere_is_what_comparing_every_two_ties_gives(drawn: list[tuple[int, int, int, int, bool]]) -> None:
    rows = [(account, lan, day * DAY_US, (day + length) * DAY_US) for account, lan, day, length, _ in drawn]
    ties = pa.table(
        {name: pa.array([one[place] for one in rows], pa.int64()) for place, name in enumerate(_COLUMNS)},
    )
    outside = np.array([one[-1] for one in drawn], np.bool_)
    expected = [
        judged
        and any(
            counts and other[0] == one[0] and other[1] != one[1] and _meet(one, other)
            for other, counts in zip(rows, outside, strict=True)
        )
        for one, judged in zip(rows, outside, strict=True)
    ]
    assert _at_home_elsewhere(ties, outside).tolist() == expected


_COLUMNS = ("account", "network", "first", "last")


def _meet(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    return one[2] <= other[3] + WEEK_US and one[3] >= other[2] - WEEK_US


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9))))
def test_an_account_counts_once_on_each_network(pairs: list[tuple[int, int]]) -> None:
    network, account = (np.array([one[place] for one in pairs], np.int64) for place in (0, 1))
    expected = [len({user for lan, user in pairs if lan == wanted}) for wanted in range(5)]
    assert users_of(network, account, 5).tolist() == expected
