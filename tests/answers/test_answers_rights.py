"""What an intruder may have set with stolen accounts: covered by logs of cmdlets or of the doors to them, or open."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from benchmarks.removals import Told, answered, draw, firmer, without
from tests.answers.rights_worlds import DOOR_DAY, INTRUDER, SPIED, WORLDS, at_door, files_of, quiet, ran_at
from tests.scope.office import Row, visits
from tests.scope.staged import written

from dwell.answers.rights import RIGHTS
from dwell.model.claims import Grade

SEED = 6


@dataclass(frozen=True)
class _World:
    evidence: Path
    told: Told

    def grades(self) -> set[Grade]:
        """Give the grades of those whose passwords the intruder has not."""
        return {one.grade for one in self.told.summary.mailboxes if one.mailbox not in SPIED}

    def why(self) -> str:
        return " ".join(
            text for one in self.told.summary.mailboxes if one.mailbox not in SPIED for text in one.assumptions
        )

    def coverage(self) -> set[str]:
        found = [one.coverage for one in self.told.summary.mailboxes if one.coverage is not None]
        return {one.why.partition(f"{RIGHTS} ")[2].partition(" %")[0] for one in found}


def _put(root: Path, files: Mapping[str, str]) -> _World:
    evidence = written(root / "evidence", files)
    return _World(evidence, answered(evidence, root / "whole"))


@pytest.mark.parametrize("name", sorted(WORLDS))
def test_whatever_is_taken_away_nobody_comes_to_be_without_a_sign(name: str, tmp_path: Path) -> None:
    """A few at random, and each file that is alone of its kind; `benchmarks/removals.py` tries many, on exercises."""
    world = _put(tmp_path, WORLDS[name]())
    assert world.grades() == {Grade.UNDETERMINABLE}
    day = ran_at(DOOR_DAY, 0)[2:10].replace("-", "")
    telling = {f"u_ex{day}.log", "u_ex210124.log", "management-1.xml", "directory.csv", "UAL-00.json", "UAL-05.json"}
    alone = [(one,) for one in sorted(world.evidence.rglob("*")) if one.name in telling]
    assert alone
    for gone in dict.fromkeys([*alone, *draw(world.evidence, 2, SEED, pairs=0.0)]):
        less = answered(without(world.evidence, gone, tmp_path / "less"), tmp_path / "case")
        assert firmer(world.told, less) == [], [one.name for one in gone]
        shutil.rmtree(tmp_path / "less")
        shutil.rmtree(tmp_path / "case")


def test_without_the_log_of_cmdlets_who_came_to_no_door_has_set_nothing(tmp_path: Path) -> None:
    """The web log is whole and shows remote PowerShell: the administrator's and the server's own, and nobody else's."""
    world = _put(tmp_path, files_of(quiet(), cmdlets=False))
    assert world.grades() == {Grade.NO_SIGN}
    assert world.coverage() == {"100"}


def _visit(kind: str) -> list[Row]:
    if kind == "another account from his address":
        return at_door("p20@gov.example", INTRUDER, [DOOR_DAY])
    if kind == "his account from elsewhere outside":
        return at_door(SPIED[0], "192.0.2.50", [DOOR_DAY])
    return at_door(SPIED[0], "10.1.1.9", [DOOR_DAY])


@pytest.mark.parametrize(
    ("kind", "grade"),
    [
        ("another account from his address", Grade.UNDETERMINABLE),
        ("his account from elsewhere outside", Grade.UNDETERMINABLE),
        ("his account from the office", Grade.NO_SIGN),
    ],
)
def test_a_visit_at_a_door_that_may_be_his_and_of_which_no_cmdlet_is_held(
    kind: str, grade: Grade, tmp_path: Path
) -> None:
    world = _put(tmp_path, files_of([*quiet(), *_visit(kind)], cmdlets=False))
    assert world.grades() == {grade}
    assert ("was at remote PowerShell or the control panel of EX01" in world.why()) is (grade is Grade.UNDETERMINABLE)


def test_the_log_of_cmdlets_settles_what_was_done_behind_a_door(tmp_path: Path) -> None:
    world = _put(tmp_path, files_of([*quiet(), *at_door(SPIED[0], INTRUDER, [DOOR_DAY])]))
    assert world.grades() == {Grade.NO_SIGN}


def test_what_was_refused_at_a_door_opens_none(tmp_path: Path) -> None:
    rows = visits(SPIED[0], INTRUDER, "x", [DOOR_DAY], hour=3, stem="/powershell", status=401)
    assert _put(tmp_path, files_of([*quiet(), *rows], cmdlets=False)).grades() == {Grade.NO_SIGN}


def test_a_web_log_without_any_request_to_a_door_shows_none(tmp_path: Path) -> None:
    files = files_of(quiet(), cmdlets=False)
    cut = {
        name: "".join(line for line in text.splitlines(keepends=True) if "/powershell" not in line)
        for name, text in files.items()
    }
    world = _put(tmp_path, cut)
    assert world.grades() == {Grade.UNDETERMINABLE}
    assert world.coverage() == {"0"}
