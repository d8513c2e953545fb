"""Who is at home elsewhere, and how many use a network, against the same told pair by pair."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.scope.office import PEOPLE, facts, log_of, reasoned, visits, work
from tests.scope.staged import iis_place, stage

from dwell.answers.assemble import assemble
from dwell.scope import homes
from dwell.scope.access import DAY_US
from dwell.scope.homes import WEEK_US, among_residents, at_home_elsewhere
from dwell.scope.rollup.fold import users_of

_TIE = st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 60), st.integers(0, 20), st.booleans())


@given(st.lists(_TIE, max_size=25), st.sampled_from((1, 5, homes.TIES_AT_ONCE)))
def test_at_home_elsewhere_is_what_comparing_every_two_ties_gives_however_many_at_once(
    drawn: list[tuple[int, int, int, int, bool]], at_once: int
) -> None:
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
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(homes, "TIES_AT_ONCE", at_once)
        assert at_home_elsewhere(ties, outside).tolist() == expected


_COLUMNS = ("account", "network", "first", "last")


def _meet(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    return one[2] <= other[3] + WEEK_US and one[3] >= other[2] - WEEK_US


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9))))
def test_an_account_counts_once_on_each_network(pairs: list[tuple[int, int]]) -> None:
    network, account = (np.array([one[place] for one in pairs], np.int64) for place in (0, 1))
    expected = [len({user for lan, user in pairs if lan == wanted}) for wanted in range(5)]
    assert users_of(network, account, 5).tolist() == expected


def _neighbours(count: int, elsewhere: int, having: int) -> pa.Table:
    """Give four accounts with agent 1 on network 0, neighbours with agent 2, and people elsewhere, some with agent 1."""
    size = 4 + count + elsewhere
    return pa.table(
        {
            "account": range(size),
            "network": [0] * (4 + count) + list(range(1, elsewhere + 1)),
            "agent": [1] * 4 + [2] * count + [1] * having + [2] * (elsewhere - having),
            "first": [0] * size,
            "last": [9] * size,
            "agent_bits": [4.0] * size,
            "days": [20] * size,
        }
    )


@pytest.mark.parametrize(
    ("neighbours", "elsewhere", "having", "bits"),
    [
        # nobody else lives there: the sum
        (0, 10, 0, 16.0),
        # 4 of 8 where one in 16 is usual: 8 (1/2 log2 8 + 1/2 log2 8/15)
        (4, 31, 0, 8.37),
        # where a quarter has it elsewhere: 8 (1/2 log2 2 + 1/2 log2 2/3)
        (4, 37, 9, 1.66),
        # their share
        (12, 37, 9, 0.0),
        # 4 of 40 where one in 16 is usual: 40 (1/10 log2 8/5 + 9/10 log2 24/25)
        (36, 31, 0, 0.59),
    ],
)
def test_neighbours_with_rare_browsers_are_worth_what_their_share_is(
    neighbours: int, elsewhere: int, having: int, bits: float
) -> None:
    ties = _neighbours(neighbours, elsewhere, having)
    living = np.ones(ties.num_rows, np.bool_)
    assert round(among_residents(ties, np.arange(4), living), 2) == bits


def test_who_is_at_home_elsewhere_or_came_at_another_time_is_no_neighbour() -> None:
    ties = _neighbours(4, 31, 0)
    living = np.ones(ties.num_rows, np.bool_)
    living[4:8] = False
    assert among_residents(ties, np.arange(4), living) == 16.0
    first = ties["first"].to_numpy().copy()
    first[4:8] = 10
    later = ties.set_column(3, "first", pa.array(first))
    assert among_residents(later, np.arange(4), np.ones(ties.num_rows, np.bool_)) == 16.0


@pytest.mark.parametrize(("days", "bits"), [(1, 16.0), (9, 16.0), (19, 16.0), (20, 8.37)])
def test_who_is_there_on_fewer_days_than_people_are_at_home_is_no_neighbour(days: int, bits: float) -> None:
    ties = _neighbours(4, 31, 0)
    told = np.array([20] * 4 + [days] * 4 + [40] * 31)
    ties = ties.set_column(ties.schema.get_field_index("days"), "days", pa.array(told))
    assert round(among_residents(ties, np.arange(4), np.ones(ties.num_rows, np.bool_)), 2) == bits


@pytest.mark.parametrize(
    ("home", "exposed"), [("198.19.0.7", 0), ("203.0.113.7", 4)], ids=["at home", "from elsewhere"]
)
def test_an_assistants_new_computer_at_home_is_no_intruder(tmp_path: Path, home: str, exposed: int) -> None:
    """From the day she has it she opens the mailboxes of four others, from the network on which she always was."""
    new = [
        {**one, "stem": f"/owa/{other}/"}
        for other in PEOPLE[1:5]
        for one in visits(PEOPLE[0], home, "Mozilla/5.0+Chrome/90.0", range(40, 60, 2), hour=19)
    ]
    staged = stage(tmp_path, {iis_place("EX01", "210104"): log_of([*work(), *new])})
    case = reasoned(staged)
    assert len(case.exposed) == exposed
    told = [one for one in assemble(case, facts(staged)).claims if "new computer" in one.text]
    assert bool(told) is not bool(exposed)
