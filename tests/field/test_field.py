"""The check on real evidence says what differs, and does not fail where there is none."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest

from dwell.sources.registry import SOURCES
from field import run

EXPECT = """
[[read]]
what = "a web server"
path = "logs/**.log"
source = "iis"
files = 2
records = {records}
anomalies = 0

[[query]]
what = "  mapi"
path = "logs/**.log"
sql = "select count(*) from {{file}} where \\"cs-uri-stem\\" like '/mapi/%'"
table = "iis"
expected = 1

[[indicator]]
what = "a page"
written = "hxxp://nowhere.example/ # never"
id = "indicator:url:nowhere.example/"
path = "logs/**.log"
records = 0

[[indicator]]
what = "everyone"
written = "{written}"
id = "indicator:address:{written}"
path = "logs/**.log"
records = {met}

[[indicator]]
what = "all"
written = "0.0.0.0/0"
refused = "{refused}"

[[unread]]
what = "notes"
path = ["**.txt"]
why = "no evidence"
"""


@pytest.fixture
def folder(tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder of evidence from the golden samples, and expectations of it."""
    place = tmp_path / "evidence"
    (place / "logs" / "deep").mkdir(parents=True)
    golden = project / "tests" / "golden" / "sources" / "iis"
    shutil.copy(golden / "plain.in", place / "logs" / "one.log")
    shutil.copy(golden / "bytes_host_and_unknown_columns.in", place / "logs" / "deep" / "two.log")
    (place / "notes.txt").write_text("nothing to read here\n", encoding="utf-8")
    monkeypatch.setattr(run, "EXPECT", tmp_path / "expect.toml")
    monkeypatch.setattr("sys.argv", ["run.py", str(place)])
    return place


REFUSED = "a network of /0 is too wide to mean anything"


def expect(folder: Path, records: int, *, met: int = 3, refused: str = REFUSED) -> None:
    text = EXPECT.format(records=records, written="198.51.100.7", met=met, refused=refused)
    (folder.parent / "expect.toml").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(("met", "refused", "measure"), [(4, REFUSED, "records met"), (3, "nothing", "refused")])
def test_an_indicator_that_meets_other_records_is_marked(
    folder: Path, capsys: pytest.CaptureFixture[str], met: int, refused: str, measure: str
) -> None:
    expect(folder, 6, met=met, refused=refused)
    assert run.main() == 1
    (line,) = [one for one in capsys.readouterr().out.splitlines() if one.startswith("DIFFERS")]
    assert measure in line


def test_what_is_as_expected_passes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expect(folder, 6)
    assert run.main() == 0
    assert "DIFFERS" not in capsys.readouterr().out


def test_a_difference_is_marked_and_fails(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expect(folder, 7)
    assert run.main() == 1
    (line,) = [one for one in capsys.readouterr().out.splitlines() if one.startswith("DIFFERS")]
    assert line.split()[-3:] == ["records", "7", "6"]


def test_a_file_nobody_spoke_of_fails(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expect(folder, 6)
    (folder / "new.csv").write_text("host,restore_point_utc\nEX01,2021-02-28T22:00:00Z\n", encoding="utf-8")
    assert run.main() == 1
    assert "new.csv" in capsys.readouterr().out


def test_an_absent_folder_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["run.py", str(tmp_path / "nowhere")])
    assert run.main() == 0
    assert "is not on this machine" in capsys.readouterr().out


def test_every_expectation_can_be_met() -> None:
    expected = tomllib.loads(run.EXPECT.read_text(encoding="utf-8"))
    assert {one["source"] for one in expected["read"]} <= {one.key for one in SOURCES}
    assert {one["path"] for one in expected["query"]} <= {one["path"] for one in expected["read"]}
