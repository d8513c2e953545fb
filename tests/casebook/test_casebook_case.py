"""The case folder: of this version or refused, one writer at a time, other folders left alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dwell.casebook.case import CASE_FORMAT, Case
from dwell.casebook.custody import Act
from dwell.casebook.evidence import Evidence, EvidencePlace, register_of, units_of
from dwell.errors import CaseError
from dwell.model.provenance import EvidenceId


def test_a_case_is_made_once_and_opened_after(tmp_path: Path) -> None:
    made = Case.create(tmp_path / "case", "ministry")
    assert made.name == "ministry"
    assert Case.create(tmp_path / "case", "other").name == "ministry"
    assert Case.open(tmp_path / "case").root == tmp_path / "case"


def test_a_half_made_case_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "case").mkdir()
    (tmp_path / "case" / "case.json.part").write_text('{"for')
    assert Case.create(tmp_path / "case").name == "case"


@pytest.mark.parametrize("marker", ["", "[]", "not json", "\xff"])
def test_a_folder_that_is_no_case_is_refused(tmp_path: Path, marker: str) -> None:
    with pytest.raises(CaseError, match="no case"):
        Case.open(tmp_path)
    (tmp_path / "case.json").write_bytes(marker.encode("latin-1"))
    with pytest.raises(CaseError, match="no case") as fault:
        Case.open(tmp_path)
    assert fault.value.exit_code == 14


def test_a_folder_with_other_things_is_not_made_a_case(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(CaseError, match="is no case"):
        Case.create(tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["holiday.jpg"]
    with pytest.raises(CaseError):
        Case.create(tmp_path / "holiday.jpg")


def test_a_case_of_another_version_is_refused(tmp_path: Path) -> None:
    Case.create(tmp_path / "case")
    marker = tmp_path / "case" / "case.json"
    marker.write_text(json.dumps({"format": CASE_FORMAT + 1, "name": "later"}))
    for way in (Case.open, Case.create):
        with pytest.raises(CaseError, match=f"format {CASE_FORMAT + 1}") as fault:
            way(tmp_path / "case")
        assert fault.value.exit_code == 14


_HOLD = """
import sys
from pathlib import Path
from dwell.casebook.case import Case

with Case(Path(sys.argv[1])).writing():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_two_writers_are_kept_apart_and_a_dead_one_holds_nothing(tmp_path: Path) -> None:
    case = Case.create(tmp_path / "case")
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(case.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(CaseError, match="another dwell is writing") as fault, case.writing():
            pass
        assert fault.value.exit_code == 14
        other.kill()
    with case.writing() as held:
        held.record("note", {})
    assert [act.act for act in case.acts()] == ["note"]


def test_an_unfinished_line_is_cut_off_and_told(tmp_path: Path) -> None:
    case = Case.create(tmp_path / "case")
    case.record("note", {})
    with case.custody.path.open("ab") as handle:
        handle.write(b'{"act"')
    with Case.open(case.root).writing() as again:
        assert [act.act for act in again.acts()] == ["note", "recovered"]


def test_acts_hold_the_program_and_the_command(tmp_path: Path) -> None:
    case = Case.create(tmp_path / "case")
    assert case.acts() == []
    case.record_command({"workers": 2})
    (act,) = case.acts()
    assert act.act == "command"
    assert act.details["settings"] == {"workers": 2}
    assert act.details["dwell"]


def _registered(name: str, root: str, source: str | None) -> dict[str, object]:
    place = (EvidencePlace(name, root),)
    return Evidence(EvidenceId("ab"), 3, place, source, "EX01", "folder", ("iis",), "").as_dict()


def test_the_register_keeps_every_place_and_the_first_instant() -> None:
    acts = [
        Act(1, "2021-01-01T00:00:00Z", "register", {"evidence": [_registered("b.log", "/x", None)]}, ""),
        Act(2, "2021-01-02T00:00:00Z", "note", {}, ""),
        Act(3, "2021-01-03T00:00:00Z", "register", {"evidence": [_registered("a.log", "/y", "iis")]}, ""),
        Act(4, "", "plan", {"units": [{"transaction": "t", "source": "iis", "evidence": ["ab"]}]}, ""),
    ]
    (found,) = register_of(acts).values()
    assert [place.path for place in found.places] == ["a.log", "b.log"]
    assert (found.source, found.acquired_utc, found.path) == ("iis", "2021-01-01T00:00:00Z", "a.log")
    (unit,) = units_of(acts)
    assert (unit.transaction, unit.source, unit.evidence) == ("t", "iis", (EvidenceId("ab"),))
