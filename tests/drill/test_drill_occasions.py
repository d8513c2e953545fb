"""Occasions that make innocents look like intruders: each does what its name says, and only where it is asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from dwell.drill import DrillPlan, Scenario, scenario, write_drill
from dwell.drill.occasions import TESTERS, move, occasions_on, renumber
from dwell.drill.office import day_of_work
from dwell.drill.people import World, make_world
from dwell.drill.requests import Request

FIRST, LAST = datetime(2021, 1, 1, tzinfo=UTC), datetime(2021, 4, 1, tzinfo=UTC)


def _world(*kinds: str, mailboxes: int = 60) -> World:
    scene = Scenario(quiet=False, loud=False, occasions=kinds)
    world = make_world(DrillPlan(2, mailboxes, FIRST, LAST, scene))
    renumber(world)
    return world


def _days() -> Iterator[date]:
    return (FIRST.date() + timedelta(days=one) for one in range((LAST - FIRST).days))


def _done(world: World) -> list[tuple[date, Request]]:
    return [(day, one) for day in _days() for one in occasions_on(world, day)]


def test_without_an_occasion_nothing_happens() -> None:
    assert _done(_world()) == []
    with pytest.raises(ValueError, match="occasions cannot be eclipse"):
        Scenario(occasions=("eclipse",))


def test_a_shared_mailbox_is_opened_by_many_of_one_office() -> None:
    found = _done(_world("shared-mailbox"))
    assert len({one.mailbox for _, one in found}) == 1
    assert len({one.user for _, one in found}) == 9
    assert not any(one.user.lower().endswith(one.mailbox.partition("@")[0]) for _, one in found)


def test_an_assistant_abroad_reads_her_superiors_mail_at_night_and_is_at_no_desk() -> None:
    world = _world("assistant-abroad")
    found = _done(world)
    assert len({one.user for _, one in found}) == 1
    assert len({one.mailbox for _, one in found}) == 2
    assert len({one.client for _, one in found}) == 2
    assert max(one.second for _, one in found) < 8 * 3_600
    away = {day for day, _ in found}
    assert len(away) == 21
    user = found[0][1].user
    for day in away:
        assert not [one for one in day_of_work(world, day) if one.user == user and one.client.startswith("10.")]


def test_mailboxes_move_over_some_weeks_and_stay() -> None:
    world = _world("mailbox-moves")
    shares = []
    for day in _days():
        requests = [Request(60, one.host, "GET", "/owa/", "-", one.login, "c", "a", 200, "Owa", one.smtp, "", 9)
                    for one in world.people]  # fmt: skip
        move(world, day, requests)
        shares.append(Counter(one.host for one in requests)["EX01"])
    assert shares == sorted(shares, reverse=True)
    assert (shares[0], shares[-1]) == (30, 0)
    assert len(set(shares)) == 5


def test_a_penetration_test_tries_everybody_and_reads_a_few_for_some_days() -> None:
    found = _done(_world("penetration-test"))
    assert {one.client.rpartition(".")[0] for _, one in found} == {TESTERS}
    refused = {one.user for _, one in found if one.status == 401}
    read = {one.mailbox for _, one in found if one.protocol == "Owa"}
    assert (len(refused), len(read)) == (48, 12)
    assert len({day for day, _ in found}) == 12


def test_a_provider_renumbers_on_one_day_and_another_has_many_behind_one_range() -> None:
    middle = _days()
    before, after = next(middle), LAST.date() - timedelta(days=1)
    world = _world("renumbering")
    there = [one for one in world.people if one.home(before) != one.home(after)]
    ranges = {one.home(before).rpartition(".")[0] for one in world.people[::3]}
    assert set(map(id, world.people[::3])) <= set(map(id, there))
    assert len(ranges) == 20
    changed = {one.homes[0].until for one in world.people[::3]}
    assert len(changed) == 1
    behind = _world("shared-range", mailboxes=150)
    shared = Counter(one.home(after).rpartition(".")[0] for one in behind.people)
    assert max(shared.values()) == 40


def test_the_truth_says_what_is_the_houses_own(tmp_path: Path) -> None:
    plan = DrillPlan(2, 12, datetime(2021, 3, 1, tzinfo=UTC), LAST, scenario("penetration-test"))
    truth = write_drill(tmp_path / "evidence", tmp_path / "truth.json", plan)
    assert truth["innocent"]["ours"] == [f"{TESTERS}.0/24"]
    assert truth["innocent"]["occasions"] == ["penetration-test"]
