"""The reader beneath logs that are free text: a line each, most of them with an instant at their start.

A line without an instant goes on with what the last line with one said; it is a record of its own that takes its time
from that line and names it in `ContinuesRecordNo`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import BinaryIO, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.provenance import AnomalyKind, Fact, FactKind
from dwell.sources.lines import Block, blocks, decode_line, line_anomaly
from dwell.sources.source import HOST, Batch, Hint, Source, prefix_fields

__all__ = ["CONTINUES", "MESSAGE", "STAMP", "TextLines"]

STAMP = pa.field("Stamp", pa.string())
"""The instant as it is written."""
MESSAGE = pa.field("Message", pa.string())
CONTINUES = pa.field("ContinuesRecordNo", pa.int64())


class TextLines(Source):
    """A log of free text.

    Attributes:
        line: the pattern of a line with an instant; its groups are columns, `Stamp` and `Message` among them.
        columns: what the pattern's other groups hold.
    """

    line: ClassVar[str]
    columns: ClassVar[tuple[pa.Field, ...]] = ()

    @classmethod
    def lines_schema(cls, columns: tuple[pa.Field, ...] = ()) -> pa.Schema:
        """Make the schema."""
        return pa.schema([*prefix_fields(), STAMP, *columns, MESSAGE, CONTINUES])

    @abstractmethod
    def _instants(self, stamps: pa.Array) -> pa.Array:
        """Read instants; null for what is none."""

    def _learn(self, records: pa.RecordBatch) -> list[Fact]:
        """Give what the lines tell of the file."""
        del records
        return []

    def read(self, stream: BinaryIO, hint: Hint) -> Iterator[Batch]:
        """Yield a batch per block of lines."""
        del hint
        last: tuple[int, int | None] | None = None
        for block in blocks(stream):
            if block.too_long is not None:
                yield Batch(anomalies=[block.too_long], bytes_read=block.size_bytes)
                continue
            batch = Batch(bytes_read=block.size_bytes)
            texts, numbers = self._sorted_out(block, batch)
            if len(numbers):
                batch.records, last = self._rows(texts, pa.array(numbers, pa.int64()), last)
                batch.facts += self._learn(batch.records)
            yield batch

    def _sorted_out(self, block: Block, batch: Batch) -> tuple[pa.Array, list[int]]:
        """Give the lines that are records; put the others where they belong."""
        try:
            texts = [one.removesuffix("\r") for one in block.data.decode().split("\n")][: len(block)]
        except UnicodeDecodeError:
            decoded = [decode_line(block.line(at)) for at in range(len(block))]
            texts = [text for text, _ in decoded]
            others = [block.number(at) for at, (_, reencoded) in enumerate(decoded) if reencoded]
            detail = "no UTF-8, read as Windows-1252"
            batch.facts.append(Fact(FactKind.REENCODED, min(others), None, None, len(others), detail))
        held = np.array([bool(text.strip("\0 \t\r")) for text in texts], dtype=np.bool_)
        for at in np.flatnonzero(~held).tolist():
            if "\0" in texts[at]:
                batch.anomalies.append(line_anomaly(block, at, AnomalyKind.NUL_RUN, "a run of NUL bytes"))
            else:
                batch.structural += 1
        places = np.flatnonzero(held)
        kept = pa.array([texts[at] for at in places.tolist()], pa.string())
        if b"\0" in block.data:
            bare = pc.utf8_trim(kept, "\0")
            cut = pc.indices_nonzero(pc.not_equal(bare, kept)).to_pylist()
            if cut:
                first = block.number(int(places[cut[0]]))
                batch.facts.append(Fact(FactKind.MENDED, first, None, None, len(cut), "NUL bytes taken off"))
            kept = bare
        return kept, (block.first_line + places).tolist()

    def _rows(
        self, texts: pa.Array, numbers: pa.Array, last: tuple[int, int | None] | None
    ) -> tuple[pa.RecordBatch, tuple[int, int | None] | None]:
        """Make rows; give the number and the instant of the last line with one."""
        count = len(texts)
        found = pc.extract_regex(texts, self.line)
        parts = {field.name: pc.struct_field(found, field.name) for field in (STAMP, *self.columns, MESSAGE)}
        times = self._instants(parts[STAMP.name])
        timed = found.is_valid().to_numpy(zero_copy_only=False)
        places = np.maximum.accumulate(np.where(timed, np.arange(count), -1))
        source = pa.array(np.maximum(places, 0), mask=places < 0)
        own_time, own_number = times.take(source), numbers.take(source)
        if last is not None:
            early = pa.array(places < 0)
            own_time = pc.if_else(early, pa.scalar(last[1], pa.int64()).cast(times.type), own_time)
            own_number = pc.if_else(early, pa.scalar(last[0], pa.int64()), own_number)
        columns: dict[str, pa.Array] = {
            "record_no": numbers,
            "time_utc": own_time,
            HOST.name: pa.nulls(count, HOST.type),
            CONTINUES.name: pc.if_else(pa.array(timed), pa.scalar(None, pa.int64()), own_number),
        }
        columns[MESSAGE.name] = pc.coalesce(parts.pop(MESSAGE.name), texts)
        for field in (STAMP, *self.columns):
            columns[field.name] = parts[field.name].cast(field.type)
        records = pa.RecordBatch.from_arrays([columns[one.name] for one in self.schema], schema=self.schema)
        if timed.any():
            at = int(np.flatnonzero(timed)[-1])
            last = int(numbers[at].as_py()), times[at].cast(pa.int64()).as_py()
        return records, last
