"""Surprise in bits: the queries against a slow walk over every visit, on small worlds of chance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.scope.sessions import Visit, accesses_of

from dwell.scope import months
from dwell.scope.access import Accesses
from dwell.scope.habits import BACKOFF, BITS_MAX, HOUR_BACKOFF, PROTOCOL_TRUST, TIES, ties

VISITS = st.lists(
    st.builds(
        Visit,
        account=st.sampled_from(["a", "b", "c", "d"]),
        network=st.integers(0, 3),
        agent=st.sampled_from(["x", "y", "z"]),
        day=st.integers(0, 100),
        hour=st.integers(0, 23),
        protocol=st.sampled_from(["owa", "eas"]),
    ),
    min_size=1,
    max_size=40,
)


def _distinct(visits: Sequence[Visit]) -> list[Visit]:
    """Give one visit per account, network, protocol, agent and day: the first of that day."""
    found: dict[tuple[str, int, str, str, int], Visit] = {}
    for one in sorted(visits, key=lambda one: (one.day, one.hour)):
        found.setdefault((one.account, one.network, one.protocol, one.agent, _day(one)), one)
    return list(found.values())


def _day(one: Visit) -> int:
    """Give the day since 1970: months are counted from there."""
    return 18_267 + one.day


def _near(one: Visit, other: Visit) -> float:
    """Say how often `other` counts for `one`: its month is the same or a neighbour's."""
    return float(abs(_day(one) // 30 - _day(other) // 30) <= 1)


def _count(visits: Sequence[Visit], one: Visit, wanted: Callable[[Visit], bool]) -> float:
    return sum(_near(one, other) for other in visits if wanted(other))


def _agent_bits(visits: Sequence[Visit], one: Visit) -> float:
    own = [other for other in visits if other.account == one.account and other.network != one.network]
    others = [other for other in visits if other.account != one.account and other.network != one.network]
    same = _count(own, one, lambda other: (other.protocol, other.agent) == (one.protocol, one.agent))
    every = _count(own, one, lambda other: other.protocol == one.protocol)
    theirs = _count(others, one, lambda other: (other.protocol, other.agent) == (one.protocol, one.agent))
    all_theirs = _count(others, one, lambda other: other.protocol == one.protocol)
    anyhow = _count(others, one, lambda other: other.agent == one.agent)
    by_agent = (anyhow + 0.5) / (_count(others, one, lambda _: True) + 1)
    trust = all_theirs / (all_theirs + PROTOCOL_TRUST)
    share = trust * (theirs + 0.5) / (all_theirs + 1) + (1 - trust) * by_agent
    return -log2((same + BACKOFF * share) / (every + BACKOFF))


def _protocol_bits(visits: Sequence[Visit], one: Visit) -> float:
    own = [other for other in visits if other.account == one.account and other.network != one.network]
    others = [other for other in visits if other.account != one.account]
    same = _count(own, one, lambda other: other.protocol == one.protocol)
    theirs = _count(others, one, lambda other: other.protocol == one.protocol)
    share = (theirs + 0.5) / (_count(others, one, lambda _: True) + 1)
    return -log2((same + BACKOFF * share) / (_count(own, one, lambda _: True) + BACKOFF))


def _slot(one: Visit) -> int:
    return one.hour + (24 if (_day(one) + 3) % 7 >= 5 else 0)


def _hour_bits(visits: Sequence[Visit], one: Visit) -> float:
    own = [other for other in visits if other.account == one.account]
    slot = _slot(one)
    house = sum(_slot(other) == slot for other in visits) / len(visits)
    mine = sum(_slot(other) == slot for other in own)
    likely = (mine - 1 + HOUR_BACKOFF * house) / (len(own) - 1 + HOUR_BACKOFF)
    return min(6.0, max(0.0, -log2(168 / (5 if slot < 24 else 2) * likely)))


def _network_bits(visits: Sequence[Visit], one: Visit) -> float:
    own = [other for other in visits if other.account == one.account]
    there = {other.day for other in own if other.network == one.network}
    return -log2((len(there) + 1) / (len({other.day for other in own}) + 2))


def _mean(values: Sequence[float]) -> float:
    return min(BITS_MAX, max(0.0, sum(values) / len(values)))


@pytest.mark.parametrize("at_once", [1, 7, months.ROWS_AT_ONCE])
@settings(max_examples=25)
@given(visits=VISITS)
def test_every_term_is_what_a_slow_walk_gives_however_much_is_judged_in_one_go(
    at_once: int, visits: list[Visit]
) -> None:
    accesses = accesses_of(visits)
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(months, "ROWS_AT_ONCE", at_once)
        found = ties(accesses, np.zeros(len(accesses), np.bool_))
    assert found.schema == TIES
    kept = _distinct(visits)
    groups: dict[tuple[str, int, str], list[Visit]] = {}
    for one in kept:
        groups.setdefault((one.account, one.network, one.agent), []).append(one)
    assert found.num_rows == len(groups)
    for row in found.to_pylist():
        lan = int(accesses.networks[row["network"]].split(".")[2])
        mine = groups[accesses.names[row["account"]], lan, accesses.agents[row["agent"]]]
        assert row["visits"] == len(mine)
        assert row["days"] == len({one.day for one in mine})
        assert row["agent_bits"] == pytest.approx(_mean([_agent_bits(kept, one) for one in mine]), abs=0.011)
        assert row["protocol_bits"] == pytest.approx(_mean([_protocol_bits(kept, one) for one in mine]), abs=0.011)
        assert row["hour_bits"] == pytest.approx(_mean([_hour_bits(kept, one) for one in mine]), abs=0.011)
        assert row["network_bits"] == pytest.approx(_mean([_network_bits(kept, one) for one in mine]), abs=0.011)


@settings(max_examples=10)
@given(VISITS)
def test_the_order_of_sessions_changes_nothing(visits: list[Visit]) -> None:
    first, second = accesses_of(visits), accesses_of(visits[::-1])

    def told(accesses: Accesses) -> list[tuple[object, ...]]:
        rows = ties(accesses, np.zeros(len(accesses), np.bool_)).to_pylist()
        return sorted(
            (
                accesses.names[row["account"]],
                accesses.networks[row["network"]],
                accesses.agents[row["agent"]],
                row["agent_bits"],
            )
            for row in rows
        )

    assert told(first) == told(second)


def test_a_known_browser_in_a_strange_hotel_is_no_surprise_and_a_strange_one_is() -> None:
    visits = [
        Visit(account, place, agent, day)
        for place, (account, agent) in enumerate([("a", "x"), ("b", "x"), ("c", "y")] * 5)
        for day in range(0, 60, 2)
    ]
    visits += [Visit("a", 90, "x", 30), Visit("b", 91, "z", 30)]
    accesses = accesses_of(visits)
    rows = {
        (accesses.networks[row["network"]], accesses.agents[row["agent"]]): row["agent_bits"]
        for row in ties(accesses, np.zeros(len(accesses), np.bool_)).to_pylist()
    }
    assert rows["198.18.90.0/24", "x"] < 0.5
    assert rows["198.18.91.0/24", "z"] > 5


def test_what_is_left_out_is_left_out_of_both_sides() -> None:
    visits = [Visit("a", 1, "x", day) for day in range(9)] + [Visit("b", 2, "y", day) for day in range(9)]
    accesses = accesses_of(visits)
    skip = np.isin(accesses.account, [accesses.names.index("b")])
    alone = accesses_of(visits[:9])
    assert (
        ties(accesses, skip)["agent_bits"].to_pylist() == ties(alone, np.zeros(9, np.bool_))["agent_bits"].to_pylist()
    )


def test_refused_sessions_and_the_systems_own_have_no_ties() -> None:
    visits = [Visit("a", 1, "x", 1, outcome=1), Visit("EX01$", 1, "x", 1), Visit("NT AUTHORITY\\SYSTEM", 1, "x", 1)]
    accesses = accesses_of(visits)
    assert ties(accesses, np.zeros(3, np.bool_)).num_rows == 0
