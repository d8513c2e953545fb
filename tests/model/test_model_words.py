"""The words of the case: their order, their spelling (a published contract), and coverage that never rounds up."""

from __future__ import annotations

import dataclasses
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell import errors
from dwell.errors import DiskFullError, DwellError, NoEvidenceError, Place
from dwell.model import claims, coverage, provenance
from dwell.model.claims import EXPOSED, QUESTIONS, Grade, Outcome, Question
from dwell.model.coverage import CellState, Coverage, CoverageDay
from dwell.model.provenance import EvidenceId, RecordRef


@given(asked=st.integers(1, 10**9), missing=st.integers(0, 10**9))
def test_full_coverage_is_said_only_where_no_hour_is_missing(asked: int, missing: int) -> None:
    able = max(0, asked - missing)
    share = Coverage(able, asked, ("iis",), "").share
    assert share is not None
    assert (share == 1) == (able == asked)
    assert 0 <= able / asked - share < 0.0001 + 1e-12


def test_coverage_of_nothing_is_unknown_and_never_over_one() -> None:
    assert Coverage(0, 0, (), "").share is None
    assert Coverage(9, 3, (), "").share == 1


def test_grades_are_in_the_order_of_their_strength() -> None:
    assert [one.value for one in sorted(Grade, key=lambda grade: grade.rank)] == [
        "named", "downloaded", "read", "listed", "opened", "attempted", "undeterminable", "no-sign",
    ]  # fmt: skip
    assert {one.rank for one in EXPOSED} == {0, 1, 2, 3, 4}


def test_outcomes_are_in_the_order_of_the_ladder() -> None:
    assert [one.value for one in sorted(Outcome, key=lambda outcome: outcome.rank)] == [
        "scan", "attempt", "partial", "success", "post-exploitation",
    ]  # fmt: skip


def test_every_question_is_asked_once_and_in_order() -> None:
    assert list(QUESTIONS) == list(Question)
    assert [one.value for one in Question] == [
        "entry", "foothold", "mailboxes", "reach", "intrusions", "eviction", "blindspots",
    ]  # fmt: skip


def test_a_day_of_coverage_has_a_number_for_every_state() -> None:
    field = next(one for one in dataclasses.fields(CoverageDay) if one.name == "hours")
    assert str(field.type).count("int") == len(CellState)


def test_records_are_in_order_of_table_evidence_and_number() -> None:
    refs = [RecordRef(table, EvidenceId(one), number) for table in "ba" for one in "yx" for number in (10, 9)]
    assert [(one.table, one.evidence_id, one.record_no) for one in sorted(refs)] == sorted(
        (one.table, one.evidence_id, one.record_no) for one in refs
    )


@pytest.mark.parametrize("module", [claims, coverage, provenance, errors], ids=lambda module: module.__name__)
def test_what_crosses_a_layer_is_frozen_and_slotted(module: object) -> None:
    found = [getattr(module, name) for name in module.__all__]  # type: ignore[attr-defined]
    shapes = [one for one in found if dataclasses.is_dataclass(one)]
    assert shapes
    for one in shapes:
        assert one.__dataclass_params__.frozen, one  # type: ignore[union-attr]
        assert "__slots__" in vars(one), one


def test_a_fault_says_what_where_and_what_to_do() -> None:
    fault = NoEvidenceError("nothing recognised", place=Place("logs"), remedy="Give another folder")
    assert str(fault) == "nothing recognised (logs). Give another folder"
    assert str(DwellError("it broke")) == "it broke"
    assert str(Place("a", line=3)) == "a:3"
    assert str(Place("a", offset_bytes=7)) == "a@7"


def test_the_tree_of_faults_is_the_one_that_is_drawn() -> None:
    drawn = dict(re.findall(r"(\w+Error) +(\d+)", errors.__doc__ or ""))
    kinds = {name: one for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, DwellError)}
    assert {name: one.exit_code for name, one in kinds.items()} == {name: int(code) for name, code in drawn.items()}
    assert issubclass(DiskFullError, errors.ArchiveError)
    codes = [one.code for one in kinds.values()]
    assert len(codes) == len(set(codes))
