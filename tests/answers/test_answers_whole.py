"""Whole exercises: scored against their truth, the same whatever the order and the workers, honest with less evidence."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.answers.test_answers_honest import _honest
from tests.scope.office import facts
from tests.scope.staged import Staged, stage_folder

from dwell.answers.assemble import assemble
from dwell.casebook.case import Case
from dwell.drill import DrillPlan, score, write_drill
from dwell.drill.scenario import Scenario
from dwell.hunt.hunting import Hunted, hunt
from dwell.intake.ingest import ingest, open_archive
from dwell.model.claims import Grade, Summary
from dwell.report.summary_json import summary_dict, summary_text
from dwell.scope.investigation import investigate

FROM, TO = datetime(2020, 12, 1, tzinfo=UTC), datetime(2021, 4, 1, tzinfo=UTC)


@dataclass(frozen=True)
class _World:
    """An exercise, staged, hunted and answered."""

    folder: Path
    truth: dict[str, Any]
    staged: Staged
    hunted: Hunted
    summary: Summary


def _plan(seed: int, first: datetime = FROM) -> DrillPlan:
    return DrillPlan(seed=seed, mailboxes=60, from_utc=first, to_utc=TO)


def _answered(staged: Staged, hunted: Hunted, *, workers: int = 1, cache: Path | None = None) -> Summary:
    case = investigate(staged.archive, hunted, staged.paths, workers=workers, cache=cache)
    return assemble(case, facts(staged))


def _world(root: Path, seed: int) -> _World:
    evidence = root / "evidence"
    truth = write_drill(evidence, root / "truth.json", _plan(seed))
    staged = stage_folder(root, evidence)
    hunted = hunt(staged.archive, workers=1)
    return _World(evidence, truth, staged, hunted, _answered(staged, hunted))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> _World:
    """Give the first exercise."""
    return _world(tmp_path_factory.mktemp("world"), 1)


def _passes(one: _World) -> None:
    found = score(summary_dict(one.summary), one.truth)
    assert found.passed, found
    assert all(days is not None and abs(days) < 1 for _, days in found.first_error_days)
    _honest(one.summary)


def test_the_first_exercise_is_passed(world: _World) -> None:
    _passes(world)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
def test_other_exercises_are_passed(tmp_path: Path, seed: int) -> None:
    _passes(_world(tmp_path, seed))


def test_a_second_run_more_workers_and_a_cache_give_the_same_bytes(world: _World, tmp_path: Path) -> None:
    text = summary_text(world.summary)
    for workers, cache in ((1, None), (2, tmp_path), (1, tmp_path)):
        assert summary_text(_answered(world.staged, world.hunted, workers=workers, cache=cache)) == text


def _small(root: Path) -> Path:
    """Write an exercise of eleven days."""
    evidence = root / "evidence"
    days = (datetime(2021, 3, 1, tzinfo=UTC), datetime(2021, 3, 12, tzinfo=UTC))
    write_drill(evidence, root / "truth.json", DrillPlan(4, 20, *days))
    return evidence


def _brought_in(root: Path, paths: Sequence[Path]) -> Staged:
    case = Case.create(root / "case")
    with case.writing():
        result = ingest(case, paths, workers=1)
    held = {key: tuple(place.path for place in one.places) for key, one in case.register().items()}
    return Staged(case, open_archive(case), held, result.records, result.anomalies)


def test_the_order_in_which_evidence_comes_in_changes_nothing(tmp_path: Path) -> None:
    """The same folders in another order; and in two runs, where only the work done by the rules may differ."""
    folders = sorted(one for one in _small(tmp_path).iterdir())
    texts = []
    for name, order in (("a", folders), ("b", folders[::-1])):
        staged = _brought_in(tmp_path / name, order)
        texts.append(_answered(staged, hunt(staged.archive, workers=1)))
    assert summary_text(texts[0]) == summary_text(texts[1])
    first = _brought_in(tmp_path / "c", folders[-1:])
    second = _brought_in(tmp_path / "c", folders)
    whole = replace(second, records=first.records + second.records, anomalies=first.anomalies + second.anomalies)
    twice = _answered(whole, hunt(whole.archive, workers=1))
    assert summary_text(replace(twice, rules=())) == summary_text(replace(texts[0], rules=()))


def _grades(evidence: Path, root: Path) -> dict[str, Grade]:
    staged = stage_folder(root, evidence)
    found = _answered(staged, hunt(staged.archive, workers=1))
    _honest(found)
    return {one.mailbox: one.grade for one in found.mailboxes}


@pytest.mark.slow
def test_less_evidence_never_turns_doubt_into_no_sign(tmp_path: Path) -> None:
    """With the EWS log gone every mailbox is in doubt; taking any kind of file away as well takes no doubt away."""
    evidence = _small(tmp_path)
    for place in evidence.rglob("Ews"):
        shutil.rmtree(place)
    before = _grades(evidence, tmp_path / "whole")
    unsure = {name for name, grade in before.items() if grade is Grade.UNDETERMINABLE}
    assert len(unsure) > 10
    files = sorted(one for one in evidence.rglob("*") if one.is_file())
    kinds: dict[tuple[str, ...], Path] = {}
    for one in files:
        kinds.setdefault((*one.relative_to(evidence).parts[1:-1], one.suffix), one)
    for number, one in enumerate(list(kinds.values())[:5]):
        kept = one.read_bytes()
        one.unlink()
        after = _grades(evidence, tmp_path / f"less{number}")
        one.write_bytes(kept)
        shutil.rmtree(tmp_path / f"less{number}")
        assert not [name for name in unsure if after.get(name) is Grade.NO_SIGN], one


@pytest.mark.slow
@pytest.mark.parametrize("seed", [11, 12, 13])
def test_an_office_alone_has_no_intruder(tmp_path: Path, seed: int) -> None:
    """Only the office's own life: delegates, travellers, conferences, the backup, and probes that came to nothing."""
    nobody = Scenario(name="nobody", about="nobody is there", quiet=False, loud=False)
    plan = DrillPlan(seed, 32, datetime(2021, 2, 8, tzinfo=UTC), datetime(2021, 3, 20, tzinfo=UTC), nobody)
    write_drill(tmp_path / "evidence", tmp_path / "truth.json", plan)
    staged = stage_folder(tmp_path, tmp_path / "evidence")
    found = _answered(staged, hunt(staged.archive, workers=1))
    _honest(found)
    assert found.intrusions == ()
    assert {one.grade for one in found.mailboxes} == {Grade.NO_SIGN}
    # every lead of such a world is false, and that is about what is said
    assert found.leads_expected_false is not None
    assert len(found.leads) / 2 <= found.leads_expected_false <= len(found.leads)
    assert {one.outcome.value for one in found.entry} <= {"scan", "attempt"}
