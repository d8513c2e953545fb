"""Verifying: one changed byte anywhere is found and its file named; what is missing is missing, not fine."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import pytest
from benchmarks.flips import flip_and_read, make_case
from tests.intake.evidence import hashes, log, taken_in, tarred, write, zipped

from dwell.casebook.case import Case
from dwell.errors import CaseError
from dwell.intake.verifying import Checked, Finding, State, verify


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """Make a case of loose, packed and nested evidence, some of it twice."""
    folder = write(
        tmp_path / "evidence",
        {
            "a.log": log(1),
            "twice.log": log(1),
            "b.zip": zipped({"EX01/b.log": log(2), "in.zip": zipped({"c.log": log(3)})}),
            "d.log.gz": gzip.compress(log(4)),
            "e.tgz": tarred({"e.log": log(5)}, "w:gz"),
            "odd!name.log": log(6),
            "readme.txt": b"nothing that is recognised",
        },
    )
    made, _ = taken_in(tmp_path / "case", folder)
    return made


def bad(case: Case) -> list[Finding]:
    return [one for one in verify(case) if not one.good]


def test_a_whole_case_passes_and_every_thing_is_named_once(case: Case) -> None:
    before = hashes(case.root)
    found = list(verify(case))
    assert all(one.good for one in found)
    assert len({(one.what, one.path) for one in found}) == len(found)
    evidence = {one.path for one in found if one.what is Checked.EVIDENCE}
    assert evidence == {
        "a.log", "twice.log", "b.zip!EX01/b.log", "b.zip!in.zip!c.log", "d.log.gz!d.log", "e.tgz!e.tar!e.log",
        "odd!name.log", "readme.txt", "b.zip", "d.log.gz", "e.tgz",
    }  # fmt: skip
    tables = {one.path for one in found if one.what is Checked.TABLE}
    files = {
        f"archive/{path.relative_to(case.archive_root).as_posix()}"
        for kind in ("*.parquet", "*.index")
        for path in case.archive_root.rglob(kind)
    }
    assert tables | {one.path for one in found if one.what is Checked.LEXICON} == files
    assert sum(one.what is Checked.COMMIT for one in found) == len(list(case.archive_root.rglob("*.json")))
    assert found[0].what is Checked.CUSTODY
    assert hashes(case.root) == before


@pytest.mark.parametrize("name", ["a.log", "odd!name.log", "readme.txt"])
def test_one_changed_byte_of_the_evidence_names_the_file(case: Case, tmp_path: Path, name: str) -> None:
    path = tmp_path / "evidence" / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    (one,) = bad(case)
    assert (one.what, one.path, one.state) == (Checked.EVIDENCE, name, State.CHANGED)
    assert str(tmp_path / "evidence") in one.detail


def test_one_removed_byte_of_the_evidence_names_the_file(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "evidence" / "twice.log"
    path.write_bytes(path.read_bytes()[:-1])
    (one,) = bad(case)
    assert (one.path, one.state) == ("twice.log", State.CHANGED)


def test_a_changed_member_names_the_member_and_a_harmed_container_all_of_its_own(case: Case, tmp_path: Path) -> None:
    folder = tmp_path / "evidence"
    (folder / "b.zip").write_bytes(zipped({"EX01/b.log": log(2), "in.zip": zipped({"c.log": log(33)})}))
    (folder / "e.tgz").write_bytes((folder / "e.tgz").read_bytes()[:-30])
    found = {one.path: one for one in bad(case)}
    assert found["b.zip!in.zip!c.log"].state is State.CHANGED
    assert found["e.tgz!e.tar!e.log"].state is State.MISSING
    assert "damaged" in found["e.tgz!e.tar!e.log"].detail
    assert (found["b.zip"].state, found["e.tgz"].state) == (State.CHANGED, State.CHANGED)
    assert len(found) == 4


def test_a_byte_of_a_container_that_no_member_holds_is_noticed(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "evidence" / "b.zip"
    data = bytearray(path.read_bytes())
    data[10] ^= 1  # the first member's time of day
    path.write_bytes(data)
    (one,) = bad(case)
    assert (one.path, one.state) == ("b.zip", State.CHANGED)


def test_missing_evidence_is_named_in_every_place(case: Case, tmp_path: Path) -> None:
    (tmp_path / "evidence" / "twice.log").unlink()
    (one,) = bad(case)
    assert (one.path, one.state) == ("twice.log", State.MISSING)
    shutil.rmtree(tmp_path / "evidence")
    assert {one.state for one in bad(case)} == {State.MISSING}
    assert len(bad(case)) == 11


def test_tables_lexicons_and_commits_are_held_against_custody(case: Case) -> None:
    table = next((case.archive_root / "iis").glob("month=*/*.parquet"))
    lexicon = next((case.archive_root / "iis" / "_lexicon").rglob("*.parquet"))
    commit = case.archive_root / "files" / "_delta_log" / f"{0:020}.json"
    table.unlink()
    lexicon.write_bytes(lexicon.read_bytes() + b"\0")
    commit.write_bytes(commit.read_bytes() + b"\n")
    commit.with_name(f"{1:020}.json").write_bytes(b"{}")
    assert {(one.what, Path(one.path).name, one.state) for one in bad(case)} == {
        (Checked.TABLE, table.name, State.MISSING),
        (Checked.LEXICON, lexicon.name, State.CHANGED),
        (Checked.COMMIT, commit.name, State.CHANGED),
        (Checked.COMMIT, f"{1:020}.json", State.UNKNOWN),
    }
    shutil.rmtree(case.archive_root)
    assert {one.what for one in bad(case)} == {Checked.TABLE, Checked.LEXICON, Checked.COMMIT}


def test_a_broken_chain_is_named_with_its_line(case: Case) -> None:
    data = case.custody.path.read_bytes()
    case.custody.path.write_bytes(data.replace(b'"records":', b'"recordz":', 1))
    (one,) = bad(case)
    assert (one.what, one.state) == (Checked.CUSTODY, State.CHANGED)
    assert "custody.jsonl:" in one.detail


def test_a_case_that_was_moved_still_passes(case: Case, tmp_path: Path) -> None:
    shutil.move(case.root, tmp_path / "moved")
    moved = Case.open(tmp_path / "moved")
    assert bad(moved) == []
    _, done = taken_in(moved.root, tmp_path / "evidence")
    assert (done.files_new, done.records) == (0, 0)


def test_a_folder_that_is_no_case_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CaseError):
        list(verify(Case(tmp_path)))


def test_no_flipped_bit_goes_unnoticed(tmp_path: Path) -> None:
    made = make_case(tmp_path / "case", tmp_path / "evidence")
    report = flip_and_read(made.root, 60, seed=7)
    assert report.faults == ()
    assert sum(report.flips.values()) == 60
    assert set(report.flips) == {"data", "lexicon", "commit", "custody", "head"}
