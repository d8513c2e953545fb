"""Markings live in the custody log: made and taken back, never changed, their names never used again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.scope.staged import utc

from dwell.casebook.case import Case
from dwell.casebook.markings import in_force, markings, next_id, record_marking, record_undo
from dwell.errors import CustodyError, UsageError
from dwell.model.markings import Marking, MarkingKind, MarkingVerdict

MARKING = Marking(
    "M1", MarkingKind.CLIENT, "203.0.113.0/24", MarkingVerdict.OURS, "the VPN\x1b[31m pool", "a. uthor",
    agent="Chrome/88", from_utc=utc("2021-03-01 00:00:00"), to_utc=utc("2021-03-05 12:30:00"),
)  # fmt: skip


def test_a_marking_comes_back_as_it_was_made(tmp_path: Path) -> None:
    case = Case.create(tmp_path / "case")
    with case.writing():
        record_marking(case, MARKING)
    (found,) = in_force(Case.open(tmp_path / "case"))
    assert found.at_utc is not None
    assert replace(found, at_utc=None) == MARKING


def test_one_that_is_taken_back_stays_in_the_list_and_keeps_its_name(tmp_path: Path) -> None:
    case = Case.create(tmp_path / "case")
    with case.writing():
        assert next_id(case) == "M1"
        record_marking(case, MARKING)
        record_undo(case, "M1", "b. editor", "it was sold")
        assert next_id(case) == "M2"
        with pytest.raises(UsageError, match="M1"):
            record_undo(case, "M1", "b. editor", "again")
        with pytest.raises(UsageError, match="M9"):
            record_undo(case, "M9", "b. editor", "never made")
    assert in_force(case) == ()
    (kept,) = markings(tmp_path / "case")
    assert kept.marking.id == "M1"
    assert (kept.undone_by, kept.undone_reason) == ("b. editor", "it was sold")


@pytest.mark.parametrize("details", [{}, {"id": "M1"}, {"id": "M1", "kind": "planet"}, {"id": "M1", "from": "soon"}])
def test_an_act_of_another_form_is_refused_and_not_passed_over(tmp_path: Path, details: dict[str, object]) -> None:
    case = Case.create(tmp_path / "case")
    with case.writing():
        case.record("mark", details)
    with pytest.raises(CustodyError, match="no marking"):
        in_force(case)


def test_taking_back_what_was_never_made_is_refused_on_reading(tmp_path: Path) -> None:
    case = Case.create(tmp_path / "case")
    with case.writing():
        case.record("unmark", {"id": "M4", "by": "x", "reason": "y"})
    with pytest.raises(CustodyError, match="no marking"):
        in_force(case)
