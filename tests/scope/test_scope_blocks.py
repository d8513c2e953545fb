"""Blocks: what an intruder's clients have in common is none of chance's doing, and chance's own overlaps are no block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from tests.scope.sessions import Visit, accesses_of

from dwell.scope.access import Accesses
from dwell.scope.actors import actors_of
from dwell.scope.blocks import BLOCK, dealt_anew, with_blocks
from dwell.scope.clients import Clients, clients_of
from dwell.scope.habits import ties
from dwell.scope.intrusions import intrusions_of
from dwell.scope.kin import kin_of
from dwell.scope.leads import leads_of

PEOPLE, DAYS, FIRST = 60, 90, 800


def _office() -> list[Visit]:
    """Give people at home, each of whom was once in a few hotels with a browser that is used nowhere else."""
    home = [Visit(f"p{place}@x", place, "Browser/1", day) for place in range(PEOPLE) for day in range(0, DAYS, 3)]
    hotels = [
        Visit(f"p{place}@x", 100 + (place * 7 + 13 * number) % 90, f"Kiosk/{number % 3}", place % 80 + number, 20)
        for place in range(PEOPLE)
        for number in range(4)
    ]
    return [*home, *hotels]


def _thief(victims: Sequence[int], lans: int = 3, *, apart: bool = True, hour: int = 3) -> list[Visit]:
    """Give one who reads the same mailboxes from several networks, one after the other or all the time."""
    return [
        Visit(f"p{place}@x", FIRST + lan, f"Tool/{lan}", (lan * 25 if apart else 0) + step * 7, hour)
        for lan in range(lans)
        for place in victims
        for step in range(3)
    ]


def _judged(visits: Sequence[Visit], units: Mapping[str, Sequence[str]] | None = None) -> tuple[Accesses, Clients]:
    accesses = accesses_of(visits)
    clients = clients_of(accesses, ties(accesses, np.zeros(len(accesses), np.bool_)))
    return accesses, with_blocks(clients, accesses, kin_of(accesses, units))


def _his(accesses: Accesses, clients: Clients) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    tools = [accesses.agents[one].startswith("Tool") for one in clients.column("agent").tolist()]
    return np.array(tools)


@pytest.mark.parametrize("seed", range(5))
def test_dealing_anew_keeps_how_many_everybody_has_and_gives_nothing_twice(seed: int) -> None:
    rng = np.random.default_rng(seed)
    client, owner = np.unique(np.stack([rng.integers(0, 40, 300), rng.integers(0, 50, 300)]), axis=1)
    dealt = owner
    for _ in range(30):
        dealt = dealt_anew(client, dealt, rng)
        assert np.array_equal(np.bincount(dealt, minlength=50), np.bincount(owner, minlength=50))
        assert len(np.unique(np.stack([client, dealt]), axis=1).T) == len(client)
    before, after = (set(zip(client.tolist(), one.tolist(), strict=True)) for one in (owner, dealt))
    assert len(before & after) < len(before) / 2


def test_clients_that_take_over_from_one_another_are_a_block_and_nobody_else_is() -> None:
    accesses, clients = _judged([*_office(), *_thief(range(5))])
    (block,) = clients.blocks
    assert {accesses.agents[tool] for _, tool in block.clients} == {"Tool/0", "Tool/1", "Tool/2"}
    assert {accesses.names[one] for one in block.accounts} == {f"p{one}@x" for one in range(5)}
    assert block.succession
    assert "one after the other" in block.told
    his, bits = _his(accesses, clients), clients.further[BLOCK]
    assert bits[his].min() > 6
    assert bits[~his].max() < 3
    lead = next(one for one in leads_of(accesses, clients, (), 13.0).leads if "Tool/1" in one.client)
    assert block.told in lead.observed


def test_clients_that_come_at_the_same_time_are_a_block_and_no_succession() -> None:
    _, clients = _judged([*_office(), *_thief(range(5), apart=False)])
    (block,) = clients.blocks
    assert not block.succession


def test_chance_makes_no_block() -> None:
    _, clients = _judged(_office())
    assert clients.blocks == ()
    assert clients.further[BLOCK].max() < 4
    rng = np.random.default_rng(3)
    alike = [
        Visit(f"p{place}@x", FIRST + lan, f"Tool/{lan}", lan * 25 + int(step), 3)
        for lan in range(3)
        for place in rng.choice(PEOPLE, 5, replace=False).tolist()
        for step in range(2)
    ]
    assert _judged([*_office(), *alike])[1].blocks == ()


def test_people_who_belong_together_are_one_and_one_network_is_no_block() -> None:
    team = {"Department: a": [f"p{one}@x" for one in range(5)]}
    assert _judged([*_office(), *_thief(range(5))], team)[1].blocks == ()
    home = [replace(one, network=FIRST) for one in _thief(range(5))]
    assert _judged([*_office(), *home])[1].blocks == ()


def test_what_holds_an_intrusion_together_tells_of_the_block() -> None:
    accesses, clients = _judged([*_office(), *_thief(range(9))])
    (one,) = intrusions_of(actors_of(clients), (), accesses, clients)
    assert any(clients.blocks[0].told in link for link in one.links)


def test_the_same_sessions_give_the_same_blocks() -> None:
    visits = [*_office(), *_thief(range(5))]
    first, second = (_judged(visits)[1] for _ in range(2))
    assert first.blocks == second.blocks
    assert np.array_equal(first.further[BLOCK], second.further[BLOCK])
    assert with_blocks(_judged([])[1], accesses_of([]), kin_of(accesses_of([]))).blocks == ()
