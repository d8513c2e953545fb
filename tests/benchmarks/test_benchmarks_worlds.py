"""The table of worlds: the worst value over the seeds, what misses its aim, and a run that goes on where it was."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from benchmarks.worlds_page import World, missed, page

from benchmarks import worlds
from dwell.drill import scenario

FOUND: dict[str, Any] = {
    "quiet_found": 32, "quiet_planted": 32, "loud_found": 6, "loud_planted": 6, "innocent_exposed": [], "intrusions": 2,
    "intruders": 2, "apart": True, "gaps_found": 3, "gaps_planted": 3, "first_error_days": {"quiet": 0.0, "loud": 0.0},
    "grades_right": 38, "grades_known": 38, "quiet_borne": 32, "hours": 900, "hours_over": 0, "hours_under": 7,
    "exposed": 38, "leads": 500, "leads_budget": 500, "leads_needed": 60, "seconds": 20.0, "passed": True,
}  # fmt: skip
NOBODY = FOUND | {
    "quiet_found": 0, "quiet_planted": 0, "loud_found": 0, "loud_planted": 0, "intrusions": 0, "intruders": 0,
    "first_error_days": {}, "grades_right": 0, "grades_known": 0, "quiet_borne": None, "exposed": 0, "leads": 40,
    "leads_needed": None,
}  # fmt: skip


def _world(seed: int = 1, name: str = "default", *, older: bool = False, **other: object) -> World:
    return World(name, "what it is", seed, FOUND | other, older)


def _row(found: list[World], name: str) -> list[str]:
    """Give the cells of a scenario's row."""
    text = page(found, [1, 2, 3], 160, 12, "x")
    line = next(one for one in text.splitlines() if one.startswith(f"| `{name}` |"))
    return [one.strip() for one in line.strip("|").split("|")][2:]


def test_a_row_holds_the_worst_value_of_each_column() -> None:
    found = [
        _world(1, innocent_exposed=["a", "b"], leads_needed=80),
        _world(2, quiet_found=29, quiet_borne=31, first_error_days={"quiet": -2.5, "loud": 0.0}, intrusions=1),
        _world(3, grades_right=19, hours_over=4, hours_under=1, apart=False, first_error_days={"quiet": 1.0}),
    ]
    assert _row(found, "default") == [
        "1 2 3", "29/32 (31)", "6/6", "2", "1/2", "NO", "50%", "-2.5", "4; 1 of 900", "80",
    ]  # fmt: skip


def test_what_is_not_found_or_not_known_is_told_as_such() -> None:
    lost = _world(1, quiet_found=0, loud_found=0, first_error_days={"quiet": None, "loud": None}, grades_known=0)
    no_grades = _world(2, grades_known=0, grades_right=0, hours=0, leads_needed=None)
    assert _row([lost, no_grades], "default")[6:] == [
        "not known", "0, not found at 1 of 2", "0; 7 of 900", "-",
    ]  # fmt: skip
    assert _row([lost], "default")[6] == "-", "nobody is found whose grade could be right"


def test_worlds_with_nobody_have_a_table_of_leads_and_exposures() -> None:
    found = [
        World("nobody", "nobody", 1, NOBODY, older=False),
        World("nobody", "nobody", 2, NOBODY | {"leads": 41, "exposed": 1, "innocent_exposed": ["a"]}, older=True),
    ]
    assert _row(found, "nobody") == ["1 2*", "1", "0", "41 of 500", "0; 7 of 900"]
    assert "1 of the worlds, marked *" in page(found, [1, 2], 160, 12, "x")
    unknown = NOBODY | {"leads": None, "leads_budget": None, "seconds": None, "hours": 0}
    older = World("nobody", "nobody", 3, unknown, older=True)
    assert _row([older], "nobody")[3:] == ["not known", "not known"]
    assert missed(older) == []
    assert _row([*found, older], "nobody")[3] == "41 of 500"


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({}, []),
        ({"quiet_found": 30}, []),
        ({"quiet_found": 29}, ["quiet 29 of 32"]),
        ({"loud_found": 5}, ["loud 5 of 6"]),
        ({"innocent_exposed": ["a"]}, ["innocent exposed: 1"]),
        ({"apart": False, "intrusions": 1}, ["intruders not kept apart", "intrusions 1 of 2"]),
        ({"first_error_days": {"quiet": 1.0}}, []),
        ({"first_error_days": {"quiet": -1.01}}, ["first act -1.01 days off"]),
        ({"grades_right": 37}, ["grades 37 of 38"]),
        ({"hours_over": 1_200, "hours_under": 9}, ["1,200 hours told as covered that are not"]),
        ({"leads": 501}, []),
    ],
)
def test_what_misses_its_aim(other: dict[str, object], told: list[str]) -> None:
    assert missed(World("default", "", 1, FOUND | other, older=False)) == told


def test_null_worlds_miss_with_more_leads_than_the_budget() -> None:
    assert missed(World("nobody", "", 1, NOBODY | {"leads": 501}, older=False)) == ["leads 501 of 500"]


def _arguments(*, keep: bool = False) -> argparse.Namespace:
    return argparse.Namespace(names=["nobody", "default"], seeds=[1, 2], mailboxes=160, months=12, keep=keep)


def test_only_what_changed_is_made_again() -> None:
    tree = "a" * 64
    everything = [("nobody", 1), ("default", 1), ("nobody", 2), ("default", 2)]
    assert worlds.due({}, _arguments(), tree) == everything, "first seeds first"
    kept: worlds.Kept = {
        worlds.place(name, seed, 160, 12): {"rests_on": worlds.rests_on(scenario(name), tree), "found": FOUND}
        for name, seed in everything[:3]
    }
    assert worlds.due(kept, _arguments(), tree) == everything[3:]
    changed = "b" * 64
    assert worlds.due(kept, _arguments(), changed) == everything
    assert worlds.due(kept, _arguments(keep=True), changed) == everything[3:]
    assert [one.older for one in worlds.worlds(kept, _arguments(), changed)] == [True, True, True]
    assert not any(one.older for one in worlds.worlds(kept, _arguments(), tree))
    other_size = argparse.Namespace(**vars(_arguments()) | {"mailboxes": 40})
    assert worlds.due(kept, other_size, tree) == everything


def test_a_result_rests_on_the_scenario_and_the_program_but_not_on_what_prints_it(tmp_path: Path) -> None:
    one = scenario("default")
    assert worlds.rests_on(one, "t") != worlds.rests_on(replace(one, visits=17), "t")
    for name in ("src/dwell/scope/leads.py", "src/dwell/cli/power.py", "src/dwell/report/summary_json.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("a", "utf-8")
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "run.txt").write_text("x==1", "utf-8")
    before = worlds.tree_hash(tmp_path)
    (tmp_path / "src/dwell/cli/power.py").write_text("b", "utf-8")
    assert worlds.tree_hash(tmp_path) == before
    seen = {before}
    for name in ("src/dwell/scope/leads.py", "src/dwell/report/summary_json.py", "requirements/run.txt"):
        (tmp_path / name).write_text("b", "utf-8")
        seen.add(worlds.tree_hash(tmp_path))
    assert len(seen) == 4


def test_results_are_kept_whole(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    assert worlds.load(path) == {}
    worlds.keep({"b": {"found": FOUND}, "a": {"found": {}}}, path)
    assert worlds.load(path) == {"a": {"found": {}}, "b": {"found": FOUND}}
    assert [one.name for one in tmp_path.iterdir()] == ["kept.json"]


def test_a_world_is_made_and_measured() -> None:
    found = worlds.investigate("cloud-month", 1, 12, worlds.LAST.replace(day=1, month=3))
    assert (found["quiet_planted"], found["quiet_borne"]) == (3, 1)
    assert found["innocent_exposed"] == ()
    assert found["hours"] == 31 * 24
    assert found["seconds"] > 0


def test_leads_needed_is_the_rank_of_the_last_mailbox_to_come_up() -> None:
    truth = {"intruders": [{"id": "quiet", "mailboxes": ["a", "b"], "clients": ["100.80.1.14"]}]}
    leads = [
        {"mailbox": "a", "client": "100.80.1.0/24 b", "rank": 1},
        {"mailbox": "b", "client": "10.1.1.0/24 b", "rank": 2},
        {"mailbox": "b", "client": "100.80.1.0/24 c", "rank": 7},
        {"mailbox": "a", "client": "100.80.1.0/24 c", "rank": 9},
    ]
    assert worlds.needed({"leads": leads}, truth) == 7
    assert worlds.needed({"leads": leads[:2]}, truth) is None
    assert worlds.needed({"leads": leads}, {"intruders": []}) is None
