"""`#Date` lines that the records below them do not bear out are told, with their line; those that agree are not."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from tests.intake.evidence import taken_in, write
from tests.scope.staged import iis_place

from dwell.casebook.case import Case
from dwell.intake.header_dates import EARLY, FACTS_MAX, LATE, HeaderDates
from dwell.intake.ingest import open_archive
from dwell.intake.stock import whole_table
from dwell.model.provenance import Fact, FactKind

CPU_SECONDS_MAX = 5.0
FIELDS = "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip sc-status time-taken"


def part(mark: str, *times: str) -> list[str]:
    """Give the lines of a log from one start to the next."""
    rows = [f"{at} 10.0.0.1 GET /owa/ - 443 - 192.0.2.7 200 15" for at in times]
    return ["#Software: Microsoft Internet Information Services 10.0", "#Version: 1.0", f"#Date: {mark}", FIELDS, *rows]


def log(*parts: list[str]) -> bytes:
    """Give a whole log."""
    return "".join(f"{line}\r\n" for lines in parts for line in lines).encode()


def doubts(case: Case) -> list[tuple[int, int, str]]:
    """Give record number, count and words of every doubt."""
    found = whole_table(open_archive(case), "facts", ("record_no", "kind", "count", "detail")).to_pylist()
    return sorted((row["record_no"], row["count"], row["detail"]) for row in found if row["kind"] == "date-doubt")


def told(tmp_path: Path, *logs: bytes) -> list[tuple[int, int, str]]:
    """Take logs in and give their doubts."""
    files = {iis_place("EX01", f"21030{at + 1}"): one for at, one in enumerate(logs)}
    case, _ = taken_in(tmp_path / "case", write(tmp_path / "evidence", files))
    return doubts(case)


FINE = log(
    part("2021-03-03 00:00:01", "2021-03-03 00:00:01", "2021-03-03 23:59:58"),
    part("2021-03-04 07:00:00", "2021-03-04 06:58:00", "2021-03-30 07:00:00"),
)
OLDER = log(part("2021-03-03 00:00:01", "2021-03-03 00:00:01", "2021-03-02 10:00:00", "2021-03-01 09:00:00"))
YOUNGER = log(part("2021-03-03 00:00:01", "2021-03-05 00:00:01", "2021-03-05 00:00:09"))


def test_what_agrees_is_not_told(tmp_path: Path) -> None:
    assert told(tmp_path, FINE) == []


@pytest.mark.parametrize("many", [1, 3], ids=["alone", "several in one parse"])
def test_records_older_than_the_line_above_them_are_told(tmp_path: Path, many: int) -> None:
    found = told(tmp_path, OLDER, *[FINE, YOUNGER][: many - 1])
    assert found[0 if many == 1 else -1] == (
        6,
        2,
        f"{EARLY}: line 3 says 2021-03-03T00:00:01Z; 2 from 2021-03-01T09:00:00Z to 2021-03-02T10:00:00Z",
    )
    assert len(found) == (1 if many == 1 else 2)


def test_a_first_record_long_after_the_line_is_told(tmp_path: Path) -> None:
    assert told(tmp_path, YOUNGER) == [
        (
            5,
            1,
            f"{LATE}: line 3 says 2021-03-03T00:00:01Z, line 5 2021-03-05T00:00:01Z",
        )
    ]


def test_each_record_is_held_against_the_last_line_above_it(tmp_path: Path) -> None:
    """A block of lines is longer than this file, one line of its middle is wrong, and records go on past the block."""
    days = [part(f"2021-03-{day:02} 00:00:00", *[f"2021-03-{day:02} 10:{at // 60:02}:{at % 60:02}" for at in range(3_000)])
            for day in range(1, 29)]  # fmt: skip
    days[13][-5] = days[13][-5].replace("2021-03-14", "2021-03-12")
    data = log(*days)
    assert len(data) > 4 << 20
    number = 14 * 3_004 - 4
    ((at, count, detail),) = told(tmp_path, data)
    assert (at, count) == (number, 1)
    assert f"line {13 * 3_004 + 3} says 2021-03-14T00:00:00Z" in detail


def test_many_doubts_are_counted_and_bounded(tmp_path: Path) -> None:
    found = told(tmp_path, log(*[part("2021-03-09 00:00:00", "2021-03-01 00:00:00") for _ in range(FACTS_MAX + 9)]))
    assert len(found) == FACTS_MAX + 1
    assert (0, 9, "9 more #Date lines do not agree with the records below them") in found


def test_exchange_logs_are_held_against_their_lines_too(tmp_path: Path, shared_data: Path) -> None:
    name = "RpcHttp__HttpProxy_2023010708-1.LOG"
    data = (shared_data / "exchange" / "artefacts-help" / name).read_bytes()
    case, _ = taken_in(tmp_path / "case", write(tmp_path / "e", {name: data}))
    ((_, count, detail),) = doubts(case)
    assert count == 1
    assert detail.startswith("records below the #Date line are of before it: line 4 says 2023-01-")


def test_the_rest_of_a_log_that_grew_is_held_against_the_lines_before_it(tmp_path: Path) -> None:
    whole = log(part("2021-03-03 00:00:01", *[f"2021-03-03 0{at}:00:00" for at in range(1, 9)], "2021-03-01 00:00:00"))
    short = whole[: whole.index(b"2021-03-03 06")]
    place = iis_place("EX01", "210303")
    taken_in(tmp_path / "case", write(tmp_path / "1", {place: short}))
    case, done = taken_in(tmp_path / "case", write(tmp_path / "2", {place: whole}))
    assert done.grown == 1
    assert [(number, count) for number, count, _ in doubts(case)] == [(13, 1)]


def test_as_many_lines_as_records_take_no_longer_than_both() -> None:
    """Somebody can write a file of `#Date` lines alone, each with a record of before it."""
    many = 40_000
    start = datetime(2021, 3, 3, tzinfo=UTC)
    dates = HeaderDates()
    dates.learn([Fact(FactKind.HEADER, 2 * at + 1, start, None, 1, "#Date line") for at in range(many)])
    old = pa.repeat(pa.scalar(start - timedelta(days=1), pa.timestamp("us", tz="UTC")), many)
    numbers = pa.array(range(2, 2 * many + 1, 2), pa.int64())
    began = time.process_time()
    dates.take(pa.RecordBatch.from_arrays([numbers, old], ["record_no", "time_utc"]), complete=True)
    found = dates.facts()
    assert time.process_time() - began < CPU_SECONDS_MAX
    assert [one.record_no for one in found[:2]] == [2, 4]
    assert found[-1].count == many - FACTS_MAX
