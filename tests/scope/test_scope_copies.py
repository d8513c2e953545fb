"""Copies of a log that grew are one log for coverage, and what counts twice all the same is said."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from tests.intake.evidence import taken_in, write
from tests.scope.staged import iis_log, iis_place, security_log

from dwell.casebook.case import Case
from dwell.intake.ingest import open_archive
from dwell.intake.units import outgrown
from dwell.model.coverage import CellState
from dwell.scope.copies import as_one, disagreements, doubled, events_left_out, with_events_left_out
from dwell.scope.ledger import Ledger, build
from dwell.scope.rollup.run import roll_up
from dwell.scope.shortfalls import shortfalls_of

PLACE = iis_place("EX01", "210303")
WHOLE = iis_log({"at": f"2021-03-03 {hour:02}:10:00", "user": "alice"} for hour in (1, 2, 3, 9, 10)).encode()
_ENDS = [place + 1 for place, byte in enumerate(WHOLE) if byte == 10]


def ledger(case: Case) -> Ledger:
    """Build the ledger of a case as the answers do."""
    archive = open_archive(case)
    paths = {key: [one.path for one in item.places] for key, item in case.register().items()}
    hours = with_events_left_out(archive, roll_up(archive, workers=1).hours)
    logs = as_one(hours, paths, shortfalls_of(archive), outgrown(case))
    return build(logs.hours, logs.paths, logs.shortfalls)


@pytest.mark.parametrize("cut", [_ENDS[-3], _ENDS[-3] - 20, _ENDS[-2] - 20, _ENDS[-4] + 30])
def test_coverage_is_that_of_the_longest_copy_however_the_copies_came(tmp_path: Path, cut: int) -> None:
    monday, friday = write(tmp_path / "1", {PLACE: WHOLE[:cut]}), write(tmp_path / "2", {PLACE: WHOLE})
    alone, _ = taken_in(tmp_path / "alone", friday)
    wanted = ledger(alone).cells().to_pylist()
    assert {row["state"] for row in wanted} == {CellState.HELD.value, CellState.HELD_EMPTY.value}
    early, _ = taken_in(tmp_path / "case", monday)
    states = {row["state"] for row in ledger(early).cells().to_pylist()}
    assert (CellState.TRUNCATED.value in states) == (cut not in _ENDS), "the shorter copy by itself"
    later, _ = taken_in(tmp_path / "case", friday)
    assert ledger(later).cells().to_pylist() == wanted
    together, _ = taken_in(tmp_path / "together", monday, friday)
    assert ledger(together).cells().to_pylist() == wanted
    assert doubled(open_archive(later)) == ()


def test_what_counts_twice_is_told_of_its_log(tmp_path: Path) -> None:
    rows = [{"at": f"2021-03-03 0{hour}:10:00", "forwarded": "198.51.100.123"} for hour in (1, 2)]
    long = iis_log(rows).encode()
    # what is left of the last address is an address too
    short = long[: -len("3\r\n")]
    case, _ = taken_in(tmp_path / "case", write(tmp_path / "1", {PLACE: short}))
    case, _ = taken_in(tmp_path / "case", write(tmp_path / "2", {PLACE: long}))
    (told,) = doubled(open_archive(case))
    assert (told.host, told.source) == ("EX01", "iis")
    assert "it counts twice" in told.detail


def _events(numbers: Iterable[int], mark: str) -> bytes:
    """Give logons numbered so, three hours apart, as XML with a beginning of its own."""
    events = [
        {
            "number": one,
            "event": 4624,
            "at": f"2021-03-0{3 + one // 8} {one % 8 * 3:02}:00:07",
            "TargetUserName": "alice",
        }
        for one in numbers
    ]
    return f"<Events><!-- {mark} -->{security_log(events)}</Events>".encode()


def test_a_copy_of_an_event_log_covers_the_hours_of_all_its_events(tmp_path: Path) -> None:
    early, late = _events(range(1, 8), "early"), _events(range(3, 20), "late")
    whole, _ = taken_in(tmp_path / "whole", write(tmp_path / "1", {"a.xml": _events(range(1, 20), "whole")}))
    wanted = ledger(whole).cells().to_pylist()
    assert {row["state"] for row in wanted} == {CellState.HELD.value, CellState.HELD_EMPTY.value}
    case, _ = taken_in(tmp_path / "case", write(tmp_path / "2", {"a.xml": early}))
    case, done = taken_in(tmp_path / "case", write(tmp_path / "3", {"b.xml": late}))
    assert done.copies == 5
    assert ledger(case).cells().to_pylist() == wanted
    assert events_left_out(open_archive(case)) == (5, 1)


def test_copies_that_disagree_are_told_with_their_place(tmp_path: Path) -> None:
    changed = _events(range(1, 8), "changed").replace(b"alice", b"mallory", 1)
    case, _ = taken_in(tmp_path / "case", write(tmp_path / "1", {"a.xml": _events(range(1, 8), "first")}))
    case, _ = taken_in(tmp_path / "case", write(tmp_path / "2", {"b.xml": changed}))
    paths = {key: [one.path for one in item.places] for key, item in case.register().items()}
    (told,) = disagreements(open_archive(case), paths)
    assert (told.host, told.path, told.count, told.ground and told.ground.record_no) == ("EX01", "b.xml", 1, 1)
    assert told.detail.startswith(
        "events of Security on EX01.gov.example with record number, event id and time of events in"
    )
