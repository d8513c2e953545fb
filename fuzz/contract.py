"""The contract of every source (`dwell.sources.source`), held against one stream of bytes."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import pyarrow as pa

from dwell.model.provenance import KEPT_BYTES_MAX, Anomaly, Fact
from dwell.sources.source import Batch, Hint, Source
from dwell.sources.utf8_stream import encoding_of

__all__ = ["Dribble", "Reading", "check", "line_count", "read_all"]


@dataclass(slots=True)
class Reading:
    """What became of one stream.

    Attributes:
        rows: the records in order of number, texts plain.
        anomalies: stretches that could not be read.
        facts: what else was learned.
        structural: lines that are neither.
        bytes_read: as the batches say.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    anomalies: list[Anomaly] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    structural: int = 0
    bytes_read: int = 0

    @property
    def total(self) -> int:
        """Give records, anomalies and structural lines together."""
        return len(self.rows) + len(self.anomalies) + self.structural

    def facts_told(self) -> dict[tuple[str, str], int]:
        """Give how many records each sort of fact speaks of: the same however the stream was cut into blocks."""
        told: Counter[tuple[str, str]] = Counter()
        for fact in self.facts:
            told[fact.kind.value, fact.detail] += fact.count
        return dict(told)


class Dribble(io.RawIOBase):
    """A stream that gives a few bytes at a time, as a pipe or a decompressor may."""

    def __init__(self, data: bytes, most: int) -> None:
        self._data = data
        self._most = most
        self._at = 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """Give at most `most` bytes."""
        wanted = self._most if size is None or size < 0 else min(size, self._most)
        piece = self._data[self._at : self._at + wanted]
        self._at += len(piece)
        return piece


def line_count(data: bytes) -> int:
    """Count the lines of a text by its line feeds alone, or by its carriage returns where it begins without any."""
    encoding, mark = encoding_of(data)
    text = data[mark:].decode(encoding, errors="replace").encode() if encoding else data[mark:]
    head = data[mark:65_536]
    begins = head.decode(encoding, errors="replace").encode() if encoding else head
    if b"\n" not in begins and b"\r" in begins:
        text = text.replace(b"\r", b"\n")
    return text.count(b"\n") + (not text.endswith(b"\n") and text != b"")


def _take(reading: Reading, batch: Batch, source: Source) -> None:
    reading.anomalies += batch.anomalies
    reading.facts += batch.facts
    reading.structural += batch.structural
    reading.bytes_read += batch.bytes_read
    if batch.records is None:
        return
    batch.records.validate(full=True)
    names = batch.records.schema.names
    assert names == source.schema.names, f"columns {names}"
    for one, wanted in zip(batch.records.schema, source.schema, strict=True):
        kind = one.type.value_type if pa.types.is_dictionary(one.type) else one.type
        assert kind == wanted.type, f"{one.name} is {one.type}, the schema says {wanted.type}"
    assert not batch.records["record_no"].null_count
    reading.rows += batch.records.to_pylist(maps_as_pydicts=None)


def read_all(source: Source, stream: BinaryIO | io.RawIOBase, name: str = "") -> Reading:
    """Read a stream to its end and check each batch against the schema."""
    reading = Reading()
    for batch in source.read(stream, Hint(name)):  # type: ignore[arg-type]
        _take(reading, batch, source)
    reading.rows.sort(key=lambda row: int(row["record_no"]))
    return reading


def check(source: Source, data: bytes, most: int | None = None) -> Reading:
    """Read bytes and assert the contract.

    Args:
        source: the source.
        data: the stream's bytes.
        most: how many bytes the stream gives at a time.
    """
    reading = read_all(source, io.BytesIO(data) if most is None else Dribble(data, most))
    numbers = [int(row["record_no"]) for row in reading.rows] + [one.record_no for one in reading.anomalies]
    assert len(set(numbers)) == len(numbers), "two of one number"
    if source.unit == "line":
        lines = line_count(data)
        assert reading.total == lines, f"{reading.total} accounted for of {lines} lines"
        assert all(1 <= one <= lines for one in numbers)
    else:
        assert not reading.structural
        assert sorted(numbers) == list(range(1, len(numbers) + 1)), "numbers with holes"
    assert reading.bytes_read <= len(data) + 1, f"{reading.bytes_read} bytes read of {len(data)}"
    for one in reading.anomalies:
        _check_anomaly(one, data)
    return reading


def _check_anomaly(one: Anomaly, data: bytes) -> None:
    assert one.offset_bytes is not None
    assert len(one.kept) <= KEPT_BYTES_MAX
    there = data[one.offset_bytes : one.offset_bytes + len(one.kept)]
    encoding, _ = encoding_of(data)
    if not encoding:
        assert one.kept == there, f"record {one.record_no}: what was kept is not what lies at its offset"
        assert len(one.kept) == min(one.length_bytes, KEPT_BYTES_MAX)
        assert one.offset_bytes + one.length_bytes <= len(data)
    elif len(there) % 2 == 0:
        # a lone surrogate has no place in UTF-8 and comes back as U+FFFD
        same = there.decode(encoding, errors="replace")
        assert one.kept.decode(encoding, errors="replace")[:-1] == same[: len(one.kept) // 2][:-1] or not same
