"""Clocks that disagree are found by the requests that two logs tell of, and what does not show it is left alone."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from dwell.scope.clocks import IDS_MIN, clock_pairs
from dwell.scope.rollup.requests import SAMPLE, sampled
from dwell.scope.rollup.shapes import REQUESTS

START = datetime(2021, 3, 1, 8, tzinfo=UTC)
_SCHEMA = pa.schema([*REQUESTS, pa.field("table", pa.string())])


def identity(number: int) -> str:
    """Give a request id."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, str(number)))


def log(
    host: str | None,
    table: str,
    numbers: Iterable[int],
    *,
    ahead_s: float = 0,
    step_s: int = 600,
    start: datetime = START,
) -> pa.Table:
    """Give the requests of a log; request n came n steps after the start."""
    rows = [
        {"request_id": identity(one), "host": host, "time_utc": start + timedelta(seconds=one * step_s + ahead_s),
         "evidence_id": f"{host}-{table}", "record_no": one + 1, "table": table}
        for one in numbers
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=_SCHEMA)


def test_a_steady_offset_of_a_host_is_told_once_whatever_logs_show_it() -> None:
    front = [log("EX01", "httpproxy", range(40)), log("EX01", "iis", range(40), ahead_s=0.4)]
    (pair,) = [
        one
        for one in clock_pairs(pa.concat_tables([*front, log("EX02", "ews", range(40), ahead_s=3600.2)]))
        if one.ahead_s
    ]
    assert (pair.hosts, pair.tables) == (("EX01", "EX02"), (("httpproxy", "iis"), ("ews",)))
    assert (pair.ahead_s, pair.ids) == (3600, 40)
    assert pair.spread_s <= 1
    assert (pair.from_utc, pair.to_utc) == (START, START + timedelta(seconds=39 * 600 + 0.4)), (
        "by the first host's clock"
    )
    assert {(one.table, one.evidence_id, one.record_no) for one in pair.grounds} == {
        ("httpproxy", "EX01-httpproxy", 1),
        ("ews", "EX02-ews", 1),
    }


@pytest.mark.parametrize("ahead_s", [-7200, -300, -30, 0, 30, 5400])
def test_small_differences_are_agreement(ahead_s: int) -> None:
    (pair,) = clock_pairs(pa.concat_tables([log("A", "iis", range(30)), log("B", "iis", range(30), ahead_s=ahead_s)]))
    assert pair.ahead_s == (ahead_s if abs(ahead_s) >= 120 else 0)


def test_few_or_unsteady_differences_say_nothing() -> None:
    few = range(IDS_MIN - 1)
    assert clock_pairs(pa.concat_tables([log("A", "iis", few), log("B", "ews", few, ahead_s=3600)])) == ()
    wild = [log("B", "ews", [one], ahead_s=one * 400) for one in range(40)]
    assert clock_pairs(pa.concat_tables([log("A", "iis", range(40)), *wild])) == ()
    assert clock_pairs(_SCHEMA.empty_table()) == ()


def test_a_clock_that_was_off_for_some_days_is_told_for_those() -> None:
    day = 144  # steps of ten minutes
    off = [log("B", "ews", range(day * one, day * one + 90), ahead_s=3600 * (one == 2)) for one in range(5)]
    pairs = clock_pairs(pa.concat_tables([log("A", "httpproxy", range(day * 5)), *off]))
    assert sorted((one.ahead_s, one.ids) for one in pairs) == [(0, 360), (3600, 90)]
    (wrong,) = [one for one in pairs if one.ahead_s]
    assert wrong.from_utc == START + timedelta(days=2)


def test_ids_that_name_no_single_request_are_left_out() -> None:
    same = pa.concat_tables([log("A", "iis", [1] * 9 + [2])] * 1)
    spread = [log("B", "ews", [1], ahead_s=3600)] * 12
    assert clock_pairs(pa.concat_tables([same, *spread])) == ()


def test_the_sample_of_a_large_log_holds_what_the_sample_of_another_shares_with_it() -> None:
    def file(numbers: Iterable[int]) -> pa.Table:
        rows = log("A", "iis", numbers, step_s=1)
        return rows.append_column("id", rows["request_id"]).drop_columns(["table"])

    large, small = sampled(file(range(50_000)), "id"), sampled(file(range(0, 50_000, 4)), "id")
    assert SAMPLE * 0.99 <= large.num_rows <= SAMPLE
    limit = min(max(one["request_id"].to_pylist()) for one in (large, small))
    shared = [{one for one in each["request_id"].to_pylist() if one <= limit} for each in (large, small)]
    assert shared[1] <= shared[0]
    assert len(shared[1]) > 200
    odd = pa.Table.from_pylist(
        [
            {"id": one, "host": None, "time_utc": START, "evidence_id": "e", "record_no": 1}
            for one in (None, "", "0", "é" * 36, identity(5).upper(), "00000000-0000-0000-0000-0000000000zz")
        ],
        schema=pa.schema([pa.field("id", pa.string()), *(REQUESTS.field(one) for one in REQUESTS.names[1:])]),
    )
    assert sampled(odd, "id")["request_id"].to_pylist() == [identity(5)]
