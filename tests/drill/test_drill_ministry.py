"""The exercise: the same seed gives the same bytes, the files are what they claim, and the truth is in them."""

from __future__ import annotations

import csv
import hashlib
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dwell.drill import DrillPlan, scenario, write_drill

PLAN = DrillPlan(7, 24, datetime(2021, 1, 1, tzinfo=UTC), datetime(2021, 4, 1, tzinfo=UTC))


def fingerprints(folder: Path) -> dict[str, str]:
    """Hash every file of a folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Write a small exercise."""
    folder = tmp_path_factory.mktemp("drill")
    return folder, write_drill(folder / "evidence", folder / "truth.json", PLAN)


def test_same_seed_gives_the_same_bytes_and_another_seed_does_not(made: tuple[Path, Any], tmp_path: Path) -> None:
    folder, truth = made
    again = write_drill(tmp_path / "evidence", tmp_path / "truth.json", PLAN)
    assert again == truth
    assert fingerprints(tmp_path / "evidence") == fingerprints(folder / "evidence")
    other = DrillPlan(8, PLAN.mailboxes, PLAN.from_utc, PLAN.to_utc)
    assert write_drill(tmp_path / "other", tmp_path / "other.json", other) != truth


def test_every_iis_line_has_the_columns_its_header_names(made: tuple[Path, dict[str, Any]]) -> None:
    folder, truth = made
    cut = next(one["path"] for one in truth["gaps"] if one["kind"] == "truncated")
    odd = []
    widths = set()
    for path in sorted((folder / "evidence").rglob("u_ex*.log")):
        lines = path.read_bytes().split(b"\r\n")
        names = next(line for line in lines if line.startswith(b"#Fields: ")).split(b" ")[1:]
        widths.add(len(names))
        bad = [line for line in lines if line and not line.startswith(b"#") and line.count(b" ") != len(names) - 1]
        odd += [(path.relative_to(folder / "evidence").as_posix(), len(line), b"\0" in line) for line in bad]
    assert widths == {15, 16}
    assert len(odd) == 2
    assert {path for path, _, is_nul in odd if not is_nul} == {cut}
    assert sum(is_nul for _, _, is_nul in odd) == 1


@pytest.mark.parametrize(("kind", "width"), [("HttpProxy", 74), ("Ews", 92)])
def test_every_exchange_row_has_the_columns_its_header_names(
    made: tuple[Path, dict[str, Any]], kind: str, width: int
) -> None:
    files = sorted((made[0] / "evidence").rglob(f"Logging/{kind}/**/*.LOG"))
    assert files
    for path in files:
        rows = list(csv.reader(path.read_text("utf-8-sig").splitlines()))
        header = next(row for row in rows if row[0].startswith("#Fields: "))
        assert len(header) == width
        assert {len(row) for row in rows if not row[0].startswith("#")} == {width}


def test_truth_is_in_the_files(made: tuple[Path, dict[str, Any]]) -> None:
    folder, truth = made
    text = b"".join(path.read_bytes() for path in sorted((folder / "evidence").rglob("u_ex*.log")))
    for actor in truth["intruders"]:
        for client in actor["clients"]:
            assert f" {client}".encode() in text
    quiet, loud = truth["intruders"]
    assert set(quiet["clients"]).isdisjoint(loud["clients"])
    names = {one.partition("@")[0][:20] for one in quiet["mailboxes"]}
    agent = quiet["agents"][0].replace(" ", "+").encode()
    users = {line.split(b" ")[7].decode().partition("\\")[2] for line in text.split(b"\r\n") if agent in line}
    assert users == names
    assert json.loads((folder / "truth.json").read_text("utf-8")) == truth


def test_missing_week_is_missing(made: tuple[Path, dict[str, Any]]) -> None:
    folder, truth = made
    gap = next(one for one in truth["gaps"] if one["kind"] == "missing")
    first = datetime.fromisoformat(gap["from_utc"])
    assert not (folder / "evidence" / f"EX02/inetpub/logs/LogFiles/W3SVC1/u_ex{first:%y%m%d}.log").exists()
    assert (folder / "evidence" / f"EX01/inetpub/logs/LogFiles/W3SVC1/u_ex{first:%y%m%d}.log").exists()


def test_it_knows_nothing_of_the_program() -> None:
    code = "import sys, dwell.drill; print(sorted(m for m in sys.modules if m.startswith('dwell.')))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    loaded = eval(shown)  # noqa: S307 - a list of names that our own code printed
    assert [one for one in loaded if not one.startswith(("dwell.drill", "dwell.model"))] == []


def test_the_truth_holds_the_grade_of_every_mailbox_and_the_hours_of_every_log(
    made: tuple[Path, dict[str, Any]],
) -> None:
    truth = made[1]
    for actor in truth["intruders"]:
        assert list(actor["grades"]) == actor["mailboxes"]
    quiet, loud = truth["intruders"]
    assert set(loud["grades"].values()) == {"read"}
    assert set(quiet["grades"].values()) <= {"named", "read", "listed"}
    assert sum(grade == "named" for grade in quiet["grades"].values()) == 1, "one of his mailboxes is in the cloud too"
    assert truth["held_hours"]["EX02"]["iis"] == 90 * 24 - 168


def test_an_audit_export_names_what_was_read(tmp_path: Path) -> None:
    first, last = datetime(2021, 2, 1, tzinfo=UTC), datetime(2021, 4, 1, tzinfo=UTC)
    plan = DrillPlan(3, 12, first, last, scenario("cloud-only"))
    truth = write_drill(tmp_path / "evidence", tmp_path / "truth.json", plan)
    (quiet,) = truth["intruders"]
    rows = [
        json.loads(row["AuditData"])
        for path in sorted((tmp_path / "evidence" / "m365").glob("*.csv"))
        for row in csv.DictReader(path.read_text("utf-8-sig").splitlines()[1:])
    ]
    named = {
        one["MailboxOwnerUPN"]
        for one in rows
        if one["Operation"] == "MailItemsAccessed" and one["ClientIPAddress"] in quiet["clients"] and "Folders" in one
    }
    assert named, "he reads"
    assert {name for name, grade in quiet["grades"].items() if grade == "named"} == named
    assert set(quiet["grades"]) - named == {name for name, grade in quiet["grades"].items() if grade == "no-record"}
