"""Hours whose records a `#Date` line does not allow are not covered: the log is not as it was written."""

from __future__ import annotations

from pathlib import Path

from tests.intake.evidence import taken_in, write
from tests.scope.staged import iis_log, iis_place

from dwell.intake.header_dates import EARLY, LATE
from dwell.intake.ingest import open_archive
from dwell.model.coverage import CellState
from dwell.scope.copies import disagreements
from dwell.scope.ledger import build
from dwell.scope.rollup.run import roll_up
from dwell.scope.shortfalls import shortfalls_of


def states(root: Path, name: str, data: bytes) -> dict[str, tuple[str, str]]:
    """Take a log in and give the state and reason of each of its hours."""
    case, _ = taken_in(root / "case", write(root / "evidence", {name: data}))
    archive = open_archive(case)
    paths = {str(key): [one.path for one in item.places] for key, item in case.register().items()}
    ledger = build(roll_up(archive, workers=1).hours, paths, shortfalls_of(archive))
    return {f"{row['hour_utc']:%d %H}": (row["state"], row["reason"]) for row in ledger.cells().to_pylist()}


def test_hours_of_records_older_than_their_line_are_altered(tmp_path: Path) -> None:
    rows = [{"at": at, "user": "alice"} for at in ("2021-03-02 05:10:00", "2021-03-03 00:10:00", "2021-03-03 01:10:00")]
    data = iis_log(rows).encode()
    data = data.replace(b"#Fields", b"#Date: 2021-03-03 00:00:00\r\n#Fields", 1)
    found = states(tmp_path, iis_place("EX01", "210303"), data)
    assert found["03 00"][0] == found["03 01"][0] == CellState.HELD.value
    state, why = found["02 05"]
    assert state == CellState.ALTERED.value
    assert "records below the #Date line are of before it" in why
    assert "u_ex210303.log" in why


def test_what_a_line_does_not_allow_is_told_with_its_place(tmp_path: Path) -> None:
    rows = [{"at": at, "user": "alice"} for at in ("2021-03-05 00:10:00", "2021-03-01 05:10:00")]
    data = iis_log(rows).encode().replace(b"#Fields", b"#Date: 2021-03-03 00:00:00\r\n#Fields", 1)
    case, _ = taken_in(tmp_path / "case", write(tmp_path / "evidence", {iis_place("EX01", "210303"): data}))
    paths = {key: [one.path for one in item.places] for key, item in case.register().items()}
    found = disagreements(open_archive(case), paths)
    assert [one.detail.partition(":")[0] for one in found] == [EARLY, LATE]
    assert {(one.host, one.path) for one in found} == {("EX01", iis_place("EX01", "210303"))}
    assert [one.ground.table for one in found if one.ground is not None] == ["iis", "iis"]
