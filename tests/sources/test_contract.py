"""What `dwell.sources.source` promises, held against every source in the registry."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from fuzz.contract import Reading, check, line_count, read_all
from fuzz.mutate import mutated
from fuzz.run import fuzz, samples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dwell.model.provenance import AnomalyKind
from dwell.sources import evtx_text, json_objects, lines, utf8_stream
from dwell.sources.registry import SOURCES, source
from dwell.sources.source import Source, prefix_fields

PROJECT = Path(__file__).resolve().parents[2]
GOLDEN = PROJECT / "tests" / "golden" / "sources"
ALL = pytest.mark.parametrize("one", SOURCES, ids=lambda one: one.key)
TEXT = [one for one in SOURCES if one.key != "evtx"]
LINES = [one for one in SOURCES if one.unit == "line"]
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
FUZZ_SECONDS = 0.4
LONG_LINE_MB = 100
MEMORY_MB = 420
"""What a reader may take above an idle process that has loaded Arrow, with an object of 64 MB in hand."""


def golden(key: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted((GOLDEN / key).glob("*.in"))]


def outcome(reading: Reading) -> tuple[object, ...]:
    """Give what must not depend on how the stream was cut."""
    return reading.rows, reading.anomalies, reading.structural, reading.facts_told()


@ALL
def test_schema_starts_with_what_every_table_has(one: Source) -> None:
    assert list(one.schema)[:3] == prefix_fields()
    assert set(one.lexicon) <= set(one.schema.names)


@ALL
@given(data=st.binary(max_size=3000))
@QUICK
def test_any_bytes_are_accounted_for(one: Source, data: bytes) -> None:
    check(one, data)


@ALL
@given(seed=st.integers(0, 10**9))
@QUICK
def test_damaged_samples_are_accounted_for(one: Source, seed: int) -> None:
    check(one, mutated(samples(one.key), str(seed)))


@ALL
@given(
    data=st.lists(
        st.sampled_from(
            [b"#Fields: date time c-ip\n", b"#Fields: DateTime,RequestId,UrlStem\n", b"AuditData,x\n", b'"{}",', b"{"]
        )
        | st.sampled_from(
            [b"\n", b"\r\n", b"\r", b'"', b",", b" ", b"\0", b"\xe9", b"}", b"[", b"<Event>", b"</Event>", b"\\"]
        )
        | st.sampled_from(
            [
                b"2021-01-04 08:00:00 ",
                b"2021-01-04T08:00:00Z,",
                b"SamAccountName,Alias,SID\n",
                b"host,restore_point_utc\n",
            ]
        )
        | st.sampled_from(
            [b"\xef\xbb\xbf", b"Path,SHA256,Size,LastWriteTimeUtc\n", b'{"a":1}', b"#Date: 2021-01-04 08:00:00\n", b"x"]
        ),
        max_size=40,
    ).map(b"".join)
)
@QUICK
def test_shreds_of_every_format_are_accounted_for(one: Source, data: bytes) -> None:
    check(one, data)


@ALL
def test_samples_cut_at_any_place_are_accounted_for(one: Source) -> None:
    for data in golden(one.key)[:4]:
        for end in range(0, min(len(data), 6000), 211):
            check(one, data[:end])


@ALL
def test_stream_may_give_a_few_bytes_at_a_time(one: Source) -> None:
    for data in golden(one.key):
        whole = outcome(check(one, data))
        for most in (1, 3, 1021) if len(data) < 20_000 else (1021,):
            assert outcome(check(one, data, most)) == whole


@pytest.mark.parametrize("one", TEXT, ids=lambda one: one.key)
@pytest.mark.parametrize("size", [1, 64, 900])
def test_where_blocks_are_cut_does_not_matter(one: Source, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [outcome(check(one, data)) for data in golden(one.key)]
    monkeypatch.setattr(lines, "BLOCK_BYTES", size)
    monkeypatch.setattr(utf8_stream, "READ_BYTES", size)
    for data, wanted in zip(golden(one.key), whole, strict=True):
        if len(data) > 20_000 and size < 64:
            continue
        assert outcome(check(one, data)) == wanted


@pytest.mark.parametrize("key", ["evtx_json", "evtx_xml", "ual_json"])
def test_how_many_rows_make_a_batch_does_not_matter(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [outcome(check(source(key), data)) for data in golden(key)]
    monkeypatch.setattr(evtx_text, "ROWS", 2)
    monkeypatch.setattr("dwell.sources.ual_reading.ROWS", 2)
    assert [outcome(check(source(key), data)) for data in golden(key)] == whole


@pytest.mark.parametrize("one", LINES, ids=lambda one: one.key)
@pytest.mark.parametrize("block_bytes", [50, 5000, 1 << 20])
def test_a_line_is_too_long_wherever_blocks_are_cut(
    one: Source, block_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "LINE_BYTES_MAX", 5000)
    monkeypatch.setattr(lines, "_SKIP_BYTES", 300)
    monkeypatch.setattr(lines, "BLOCK_BYTES", block_bytes)
    data = b"short\r\n" + b"x" * 5000 + b"\n" + b"y" * 5001 + b"\n" + b"z" * 9000 + b"\r\n\nend\n" + b"w" * 7500
    reading = check(one, data)
    told = [(each.record_no, each.length_bytes) for each in reading.anomalies if each.kind is AnomalyKind.TOO_LONG]
    assert told == [(3, 5001), (4, 9001), (7, 7500)]


@pytest.mark.parametrize("key", ["evtx_json", "ual_json"])
def test_an_object_is_too_long_wherever_blocks_are_cut(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_objects, "OBJECT_BYTES_MAX", 300)
    monkeypatch.setattr(json_objects, "STRETCH_BYTES_MAX", 100)
    data = b'{"a":"' + b"x" * 500 + b'"}\n{"EventID":1,"CreationTime":"x"}\n' + b"junk" * 100 + b'\n{"b":' + b"[" * 400
    whole = outcome(check(source(key), data))
    for size in (1, 30, 301, 5000):
        monkeypatch.setattr(utf8_stream, "READ_BYTES", size)
        assert outcome(check(source(key), data)) == whole


@ALL
def test_empty_and_near_empty_streams(one: Source) -> None:
    for data in (b"", b"\n", b"\r\n", b"\0", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\n\0", b"\n" * 1000):
        reading = check(one, data)
        assert not reading.rows
        if one.unit == "line":
            assert reading.total == line_count(data)


@ALL
def test_runs_of_nul_are_told_and_not_taken_for_records(one: Source) -> None:
    reading = check(one, b"\0" * 100_000)
    assert not reading.rows
    assert one.key == "evtx" or [each.kind for each in reading.anomalies] == [AnomalyKind.NUL_RUN] or reading.anomalies


@ALL
def test_utf_16_reads_as_utf_8_does(one: Source) -> None:
    if one.key == "evtx":
        assert not check(one, golden("iis")[0]).rows
        return
    for data in golden(one.key):
        if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data[:4] or not _is_utf8(data):
            continue
        text = data.decode("utf-8-sig")
        plain = check(one, text.encode())
        for encoded in (text.encode("utf-16"), b"\xfe\xff" + text.encode("utf-16-be")):
            wide = check(one, encoded)
            assert wide.rows == plain.rows
            assert [each.kind for each in wide.anomalies] == [each.kind for each in plain.anomalies]


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


@ALL
def test_reading_twice_gives_the_same(one: Source) -> None:
    for data in golden(one.key):
        first, second = (read_all(one, io.BytesIO(data)) for _ in range(2))
        assert (first.rows, first.anomalies, first.facts) == (second.rows, second.anomalies, second.facts)


@ALL
def test_fuzzing_for_a_moment_finds_nothing(one: Source) -> None:
    run = fuzz(one, FUZZ_SECONDS, seed=2021)
    assert not run.why, f"seed {run.seed}: {run.why}"
    assert run.inputs > 0


MEASURE = """
import io, resource, sys
import pyarrow.csv, pyarrow.compute, numpy
from dwell.sources.registry import source
from dwell.sources.source import Hint

class Long(io.RawIOBase):
    def __init__(self, head, fill, mb):
        self.parts = iter([head, *[fill * ((1 << 20) // len(fill))] * mb, b"\\n" + head])
        self.rest = b""
    def readable(self):
        return True
    def read(self, size=-1):
        if not self.rest:
            self.rest = next(self.parts, b"")
        piece, self.rest = self.rest[:size], self.rest[size:]
        return piece

one = source(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
stream = Long(sys.argv[2].encode(), sys.argv[3].encode(), int(sys.argv[4]))
anomalies = sum(len(batch.anomalies) for batch in one.read(stream, Hint()))
print(anomalies, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize(
    ("key", "head", "fill"),
    [
        ("iis", "#Fields: date time c-ip\n2021-01-01 00:00:00 ", "a b "),
        ("httpproxy", "DateTime,UrlStem,AnchorMailbox\n2021-01-01T00:00:00Z,", '"x,'),
        ("ual", "AuditData,x\n", '""{'),
        ("ual_json", '{"a":"', 'x\\"y'),
        ("evtx_json", "not json ", "[ ] "),
        ("evtx_xml", "<Event ><System><X>", "text"),
        ("evtx", "ElfFile", "**\x01\x02"),
    ],
)
@pytest.mark.slow
def test_one_line_of_a_hundred_megabytes_takes_bounded_memory(key: str, head: str, fill: str) -> None:
    command = [sys.executable, "-c", MEASURE, key, head, fill, str(LONG_LINE_MB)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    anomalies, grown_mb = map(int, done.stdout.split())
    assert anomalies
    assert grown_mb < MEMORY_MB
