"""Same input, same bytes: another folder, zone, locale, hash seed, number of workers or order of files changes nothing."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

CODE = "import sys; from dwell.cli.main import main; sys.exit(main())"


def investigate(evidence: Path, case: Path, settings: Mapping[str, str], workers: int) -> dict[str, str]:
    """Run an investigation in a process of its own; give the hash of each output."""
    words = ["investigate", str(evidence), "-c", str(case), "-q", "--workers", str(workers), "-t", "json"]
    run = subprocess.run(
        [sys.executable, "-c", CODE, *words], capture_output=True, check=False, env={**os.environ, **settings}
    )
    assert run.returncode == 11, run.stderr.decode()
    files = {one: (case / "report" / one).read_bytes() for one in ("report.html", "summary.json")}
    assert files["summary.json"] == run.stdout
    return {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}


@pytest.mark.slow
def test_nothing_but_the_evidence_changes_the_output(exercise: Path, investigated: Path, tmp_path: Path) -> None:
    first = {
        name: hashlib.sha256((investigated / "report" / name).read_bytes()).hexdigest()
        for name in ("report.html", "summary.json")
    }
    elsewhere = tmp_path / "another place" / "with spaces"
    files = sorted(one for one in (exercise / "evidence").rglob("*") if one.is_file())
    # the same files written in another order, so that the folder lists them in another one
    for path in reversed(files):
        place = elsewhere / path.relative_to(exercise / "evidence")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, place)  # with its last-write time, which can date an export
    settings = {"TZ": "America/Los_Angeles", "LC_ALL": "C", "PYTHONHASHSEED": "17", "LANG": "tr_TR.UTF-8"}
    assert investigate(elsewhere, tmp_path / "case 2", settings, 2) == first


def test_second_run_adds_nothing_and_changes_nothing(exercise: Path, case: Path) -> None:
    archive = {one: one.read_bytes() for one in sorted((case / "archive").rglob("*")) if one.is_file()}
    report = (case / "report" / "report.html").read_bytes()
    investigate(exercise / "evidence", case, {}, 1)
    assert {one: one.read_bytes() for one in sorted((case / "archive").rglob("*")) if one.is_file()} == archive
    assert (case / "report" / "report.html").read_bytes() == report


def test_case_can_be_moved(investigated: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved" / "here"
    shutil.copytree(investigated, moved)
    shutil.rmtree(moved / "derived")
    run = subprocess.run(
        [sys.executable, "-c", CODE, "answers", "-c", str(moved), "-t", "json", "-q"], capture_output=True, check=True
    )
    assert run.stdout == (investigated / "report" / "summary.json").read_bytes()
