"""The figures of looking again can be made: every part of the script runs, on very little."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.hunt_again import STEPS, main
from tests.hunt.archives import archive_of


def test_every_part_runs_on_stored_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"cs-uri-stem": "/owa/", "cs-uri-query": "-", "cs-user-agent": "sqlmap/1.5", "c-ip": "10.20.0.7"}]
    archive = archive_of(tmp_path / "archive", {"iis": rows})
    before = {one: one.read_bytes() for one in archive.root.rglob("*") if one.is_file()}
    assert main(["--archive", str(archive.root), "--steps", *STEPS[:-1]]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "1 lines in 1 files"
    assert next(one for one in said if one.startswith("one rule, an agent of a scanner")).endswith("1 rows of hits")
    assert next(one for one in said if one.startswith("an address that lines have")).endswith("1 rows of hits")
    assert {one: one.read_bytes() for one in archive.root.rglob("*") if one.is_file()} == before


def test_a_file_and_a_rule_more_are_looked_at_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--steps", "more", "--files", "2", "--rows", "5"]) == 0
    assert "2 files of 5 lines" in capsys.readouterr().out
