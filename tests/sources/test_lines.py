"""What is asked of all lines of a block at once is what each line would say by itself."""

from __future__ import annotations

import io

import numpy as np
from fuzz.contract import check
from hypothesis import given
from hypothesis import strategies as st

from dwell.model.provenance import AnomalyKind
from dwell.sources.iis import IisW3c
from dwell.sources.iis_lines import holds_hexadecimal
from dwell.sources.lines import after, blocks, from_line, line_anomaly

TEXT = st.lists(st.sampled_from([b"a", b" ", b"  ", b"\t", b"\r", b"\n", b"\r\n", b'"', b"\0", b"\xe9"]), max_size=40)


@given(TEXT.map(b"".join), st.integers(1, 9), st.integers(0, 5))
def test_bytes_are_counted_line_by_line(data: bytes, block_bytes: int, at: int) -> None:
    for block in blocks(io.BytesIO(data), block_bytes):
        parts = [block, *([from_line(block, at)] if at < len(block) else [])]
        for one in [*parts, *([after(parts[-1], block)] if len(parts) > 1 else [])]:
            lines = [one.line(place) for place in range(len(one))]
            for byte in b' \t\r\n"\0a':
                assert one.count(byte).tolist() == [line.count(byte) for line in lines]
                assert one.holds(byte).tolist() == [byte in line for line in lines]
            assert one.high().tolist() == [not line.isascii() for line in lines]
            assert one.broken().tolist() == [b"\r" in line for line in lines]


@given(st.text(" 0xXa\n", max_size=20).map(str.encode))
def test_numbers_in_hexadecimal_are_seen_wherever_they_stand(data: bytes) -> None:
    view = np.frombuffer(data, np.uint8)
    assert holds_hexadecimal(view, np.flatnonzero(view == 32)) is (b" 0x" in data or b" 0X" in data)


def test_a_number_in_hexadecimal_is_no_integer_of_the_log() -> None:
    """The parser would take it for one; the line is put right or kept as an anomaly, and its neighbours are read."""
    lines = ["#Fields: date time cs-uri-stem sc-status time-taken"]
    lines += [f"2021-03-03 10:00:0{place} /a 200 {taken}" for place, taken in enumerate(["1", "0x1F", "3"])]
    reading = check(IisW3c(), "\r\n".join([*lines, ""]).encode())
    assert [row["time-taken"] for row in reading.rows if row["time-taken"] is not None] == [1, 3]
    assert len(reading.rows) + len(reading.anomalies) == 3


@given(
    lines=st.lists(st.text(st.sampled_from('ab"č€'), max_size=6), min_size=2, max_size=8),
    block_bytes=st.integers(1, 40),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_returns_alone_end_lines_where_no_feed_does(lines: list[str], block_bytes: int, encoding: str) -> None:
    data = "\r".join(lines).encode(encoding)
    held = list(blocks(io.BytesIO(data), block_bytes))
    found = [block.line(at).decode() for block in held for at in range(len(block))]
    assert found == (lines if lines[-1] else lines[:-1])
    # every line lies where its own bytes are, and its anomaly keeps them
    codec = "utf-16-le" if encoding == "utf-16" else "utf-8"
    for block in held:
        for at in range(len(block)):
            kept = line_anomaly(block, at, AnomalyKind.BAD_RECORD, "").kept
            assert data[block.at(at) : block.at(at) + len(kept)] == kept == block.line(at).decode().encode(codec)


def test_a_return_within_a_line_ends_none_where_feeds_do() -> None:
    data = b"a\rb\nc\n"
    (block,) = blocks(io.BytesIO(data))
    assert [block.line(at) for at in range(len(block))] == [b"a\rb", b"c"]
