"""Crowds: many accounts in one place at hours that are not their own; and what looks like one and is none."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pytest

from dwell.scope.access import DAY_US
from dwell.scope.crowds import ACCOUNTS_MIN, ANY_AGENT, Crowd, crowds_of, is_gathering
from dwell.scope.habits import TIES

HALL, OFFICE = 7, 1


def tie(
    account: int,
    *,
    network: int = HALL,
    agent: int = 0,
    days: int = 10,
    first: int = 0,
    span: int = 150,
    hour: float = 2.8,
    share: float = 0.1,
) -> dict[str, object]:
    """Make a tie: so many days of a span in days, hours so surprising, and the share of the account's days spent there."""
    return {
        "account": account, "network": network, "agent": agent, "visits": days, "days": days,
        "first": first * DAY_US, "last": (first + span) * DAY_US, "elsewhere": 200, "agent_bits": 0.5,
        "hour_bits": 0.0, "network_bits": float(-np.log2(share)), "protocol_bits": 1.0, "away_bits": hour,
        "meanwhile": 20.0, "usually": 20.0, "phone": 0.0,
    }  # fmt: skip


def crowds(rows: Iterable[dict[str, object]]) -> tuple[Crowd, ...]:
    ties = pa.Table.from_pylist(list(rows), schema=TIES)
    return crowds_of(ties, np.ones(ties.num_rows, np.bool_))


def test_visitors_at_strange_hours_are_a_crowd_whatever_their_agents() -> None:
    rows = [tie(one, agent=one % 3) for one in range(12)] + [tie(one, network=OFFICE, share=0.9) for one in range(40)]
    (found,) = crowds(rows)
    assert (found.network, found.agent) == (HALL, ANY_AGENT)
    assert found.accounts == tuple(range(12))
    assert found.ties == tuple(range(12))
    assert found.hour_bits == pytest.approx(2.8)


def test_one_agent_among_people_who_belong_there_is_a_crowd_of_its_own() -> None:
    office = [tie(one, days=120, span=150, hour=0.1, share=0.8) for one in range(60)]
    strangers = [tie(one, agent=9) for one in range(20)]
    (found,) = crowds([*office, *strangers])
    assert (found.network, found.agent) == (HALL, 9)
    assert found.ties == tuple(range(60, 80))


@pytest.mark.parametrize(
    "changed",
    [
        {"hour": 1.2},
        {"days": 2},
        {"days": 120},
        {"share": 0.6},
        {"span": 20, "days": 5},
        {"span": 60},
    ],
    ids=["their own hours", "too few visits", "there every day", "at home there", "a stay of some days", "a season"],
)
def test_what_people_do_is_no_crowd(changed: dict[str, float]) -> None:
    assert crowds([tie(one, **changed) for one in range(30)]) == ()  # type: ignore[arg-type]


def test_a_few_accounts_are_no_crowd() -> None:
    assert crowds([tie(one) for one in range(ACCOUNTS_MIN - 1)]) == ()
    assert len(crowds([tie(one) for one in range(ACCOUNTS_MIN)])) == 1


def test_a_few_night_owls_do_not_make_one_of_the_others() -> None:
    owls = [tie(one, hour=6.0) for one in range(5)]
    assert crowds([*owls, *(tie(one, hour=0.2) for one in range(5, 12))]) == ()


def test_a_place_where_most_come_for_their_own_reasons_is_none() -> None:
    regulars = [tie(one, days=60, hour=0.2) for one in range(20, 60)]
    assert crowds([*(tie(one) for one in range(12)), *regulars]) == ()


def test_what_somebody_says_is_ours_is_not_looked_at() -> None:
    ties = pa.Table.from_pylist([tie(one) for one in range(12)], schema=TIES)
    assert crowds_of(ties, np.zeros(12, np.bool_)) == ()
    assert crowds_of(TIES.empty_table(), np.zeros(0, np.bool_)) == ()


@pytest.mark.parametrize(
    ("visits", "asked"),
    [
        ([(one, 40 * night) for one in range(10) for night in range(8)], True),
        ([(night // 3 % 12, night) for night in range(200)], True),
        ([(one, 40 * one + night) for one in range(10) for night in (0, 1, 2)], True),
        ([(one, 7 * one + 31 * time) for one in range(30) for time in range(9)], False),
        ([((day * 7 + step * 11) % 32, day) for day in range(0, 300, 2) for step in range(3)], False),
    ],
    ids=["night sessions", "a roster", "one stay each", "now and then", "three a day of many"],
)
def test_who_is_asked_to_be_there_comes_together_or_stays(visits: list[tuple[int, int]], *, asked: bool) -> None:
    account, day = (np.array([one[place] for one in visits], np.int64) for place in (0, 1))
    assert is_gathering(account, day) is asked
