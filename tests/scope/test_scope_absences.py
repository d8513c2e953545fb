"""Presence: whom a place takes away from where he usually is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.scope.sessions import Visit, accesses_of

from dwell.scope.absences import are_there_themselves, carried, lived_elsewhere
from dwell.scope.months import MONTH_DAYS

_VISITS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 130), st.booleans()), min_size=1, max_size=30
)


def told(rows: Sequence[tuple[int, int, int, bool]]) -> tuple[list[float], list[float]]:
    account, network, day = (np.array([one[place] for one in rows], np.int64) for place in range(3))
    seen, usual = lived_elsewhere(account, network, day, np.array([one[3] for one in rows], np.bool_))
    return seen.tolist(), usual.tolist()


@given(_VISITS)
def test_it_is_what_counting_visit_by_visit_gives(rows: list[tuple[int, int, int, bool]]) -> None:
    expected_seen, expected_usual = [], []
    for account, network, day, _ in rows:
        own = [one for one in rows if one[0] == account]
        other = [one for one in own if one[1] != network and not one[3]]
        expected_seen.append(float(sum(one[2] == day for one in other)))
        month = day // MONTH_DAYS
        near = [one for one in other if abs(one[2] // MONTH_DAYS - month) <= 1 and one[2] % 7 == day % 7]
        days = [
            one
            for one in range(min(each[2] for each in own), max(each[2] for each in own) + 1)
            if one % 7 == day % 7 and abs(one // MONTH_DAYS - month) <= 1
        ]
        expected_usual.append(len(near) / len(days))
    seen, usual = told(rows)
    assert seen == expected_seen
    assert usual == pytest.approx(expected_usual)


def test_who_is_away_leaves_a_hole_and_whose_mail_is_read_leaves_none() -> None:
    office = [(one, 1, day, False) for one in range(3) for day in range(90) if day % 7 < 5]
    stay = [(one, 2, day, False) for one in range(3) for day in range(28, 42) if day % 7 < 5]
    at_home = [one for one in office if not 28 <= one[2] < 42]
    for days, away in ((at_home, True), (office, False)):
        seen, usual = (sum(one[-len(stay) :]) for one in told([*days, *stay]))
        assert are_there_themselves(seen, usual) is away


def test_a_phone_is_carried_along() -> None:
    rows = [(0, 1, day, True) for day in range(60)] + [(0, 2, day, False) for day in range(20, 30)]
    seen, usual = told(rows)
    assert sum(seen[-10:]) == sum(usual[-10:]) == 0.0
    visits = [
        Visit("a", 1, "Phone/1", 1, protocol="eas"), Visit("a", 1, "Outlook-iOS/2.0", 1), Visit("a", 1, "Chrome/73", 1),
    ]  # fmt: skip
    accesses = accesses_of(visits)
    assert sorted(carried(accesses, accesses.protocol, accesses.agent).tolist()) == [False, True, True]


@pytest.mark.parametrize(
    ("seen", "usual", "away"),
    [
        (0.0, 13.8, False),
        (0.0, 13.9, True),
        (6.0, 13.9, False),
        (40.0, 100.0, True),
        (60.0, 100.0, False),
        (0.0, 0.0, False),
    ],
)
def test_a_hole_must_be_large_and_unlikely_by_chance(seen: float, usual: float, *, away: bool) -> None:
    """Of 13.9 expected none come once in a million times: -13.9 / ln 2 is -20 bits."""
    assert are_there_themselves(seen, usual) is away
