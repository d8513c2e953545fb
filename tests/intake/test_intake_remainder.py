"""A log that is read on from where a shorter copy of it ended: nothing lost, nothing twice without saying so."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from dwell.intake.remainder import WINDOW, Before, Remainder
from dwell.intake.rows import digest_of
from dwell.model.provenance import EvidenceId, FactKind
from dwell.sources.registry import SOURCES
from dwell.sources.registry import source as source_of
from dwell.sources.source import Batch, Hint
from dwell.sources.utf8_stream import encoding_of

GOLDEN = Path(__file__).parent.parent / "golden" / "sources"
GROWING = [one.key for one in SOURCES if one.grows and one.is_log]
CUTS = 16
"""Lengths tried of each file, spread over it, and both sides of every line end near its last record."""


_Rows = dict[int, dict[str, object]]


def _all(key: str, data: bytes, rest: Remainder | None = None) -> tuple[_Rows, set[int], list[Batch]]:
    """Read bytes; give the records by number, the numbers of what could not be read, and the batches."""
    records: _Rows = {}
    anomalies: set[int] = set()
    batches = []
    for whole in source_of(key).read(io.BytesIO(data), Hint("log", "", len(data))):
        batch = whole if rest is None else rest.take(whole, len(data))
        batches.append(batch)
        anomalies |= {one.record_no for one in batch.anomalies}
        if batch.records is not None:
            for row in pa.Table.from_batches([batch.records]).to_pylist():
                assert row["record_no"] not in records
                records[row["record_no"]] = row
    return records, anomalies, batches


def _before(key: str, data: bytes, cut: int) -> tuple[Before, _Rows, set[int]]:
    """Say what was read of the first bytes, as intake does."""
    part = data[:cut]
    records, anomalies, _ = _all(key, part)
    lines = part.count(b"\n") + (not part.endswith(b"\n"))
    last = lines if source_of(key).unit == "line" else max([0, *records, *anomalies])
    before = Before(
        EvidenceId("0" * 64), "a/log", cut, last,
        {number: digest_of(row) for number, row in records.items() if number > last - WINDOW},
        frozenset(one for one in anomalies if one > last - WINDOW), source_of(key).unit, apart=True,
    )  # fmt: skip
    return before, records, anomalies


def _cuts(data: bytes) -> list[int]:
    spread = {len(data) * step // CUTS for step in range(1, CUTS)}
    ends = [place + 1 for place in range(len(data)) if data[place] == 10][-3:]
    return sorted(
        one for one in spread | {place + by for place in ends for by in (-2, -1, 0, 1)} if 0 < one < len(data)
    )


@pytest.mark.parametrize("key", GROWING)
def test_a_golden_log_cut_anywhere_and_read_on_gives_every_record_of_the_whole(key: str) -> None:
    tried = 0
    for path in sorted((GOLDEN / key).glob("*.in")):
        data = path.read_bytes()
        # with carriage returns alone a file was saved once by a program of old: no log grows so
        if encoding_of(data)[0] or b"\n" not in data:
            continue
        whole, unread, _ = _all(key, data)
        for cut in _cuts(data):
            before, held, _ = _before(key, data, cut)
            rest = Remainder(before)
            added, left, batches = _all(key, data, rest)
            tried += 1
            what = f"{path.name} cut at byte {cut}"
            assert whole.keys() <= held.keys() | added.keys(), what
            told = {one.record_no: one.detail for one in rest.facts()}
            for number in held.keys() & added.keys():
                assert "counts twice" in told[number], what
                assert held[number] != whole[number], what
            for number, row in (held | added).items():
                if number in whole:
                    assert row == whole[number], what
            assert unread <= before.anomalies | left, what
            if before.unit == "line":
                new = [one for one in {*added, *left} if one > before.last]
                own = data.count(b"\n") + (not data.endswith(b"\n")) - before.last
                assert rest.structural() == own - len(new), what
            assert all(batch.structural == 0 for batch in batches)
    assert tried > CUTS


def test_only_what_the_rest_tells_is_told_again() -> None:
    header = (
        "#Software: x\r\n#Version: 1.0\r\n#Date: 2021-03-01 00:00:00\r\n#Fields: date time cs-method cs-uri-stem\r\n"
    )
    first = (header + "2021-03-01 00:00:01 GET /a\r\n").encode()
    data = first + header.replace("00:00:00", "12:00:00").encode() + b"2021-03-01 12:00:01 GET /b\r\n"
    before, _, _ = _before("iis", data, len(first))
    rest = Remainder(before)
    added, _, batches = _all("iis", data, rest)
    assert list(added) == [10]
    told = {one.kind: one for batch in batches for one in batch.facts}
    assert {kind: one.record_no for kind, one in told.items()} == {FactKind.HEADER: 8, FactKind.NOT_RECORDED: None}
    assert told[FactKind.NOT_RECORDED].to_utc == datetime(2021, 3, 1, 12, 0, 1, tzinfo=UTC)
    (fact,) = rest.facts()
    assert (fact.record_no, fact.count) == (5, 5)
    assert "only what comes after line 5 was read from this file" in fact.detail


def test_a_format_that_cannot_be_read_on_is_read_whole_and_said_to_count_twice() -> None:
    before = Before(EvidenceId("0" * 64), "a/log", 10, 0, {}, frozenset(), "line", apart=False)
    rest = Remainder(before)
    batch = Batch(structural=4)
    assert rest.take(batch, 10) is batch
    assert rest.structural() == 0
    assert "counts twice" in rest.facts()[0].detail
