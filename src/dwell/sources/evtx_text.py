"""What the two text forms of Windows events share: gathering rows, batches, and a clock that runs in another zone.

Exporters have written local time with a `Z`. Sysmon puts the instant into its data a second time (`UtcTime`); where the
two differ by a steady offset over the file, the offset is a fact, `time_utc` is corrected, and the instant as written
stays in the `EventData` map as `TimeCreated`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.provenance import Anomaly, Fact, FactKind
from dwell.sources.evtx_facts import Numbering, cleared
from dwell.sources.source import Batch
from dwell.sources.windows_event import Rows, System, instants

__all__ = ["Gathering"]

ROWS = 16_384
OFFSET_MIN_S = 120
SAMPLE_MIN = 3
STEADY_SHARE = 0.9
STEP_S = 900
"""Zones lie a quarter of an hour apart."""


class Gathering:
    """Rows and anomalies on their way into batches; the first batch settles the offset of the file's clock."""

    def __init__(self) -> None:
        self.rows = Rows()
        self.anomalies: list[Anomaly] = []
        self.numbering = Numbering()
        self.offset: timedelta | None = None
        self.told = 0

    def add(self, number: int, system: System, data: Mapping[str, Any]) -> None:
        """Take one event."""
        self.rows.add(number, system, data)

    @property
    def full(self) -> bool:
        """Say whether it is time for a batch."""
        return len(self.rows) + len(self.anomalies) >= ROWS

    def batch(self, taken: int) -> Batch:
        """Give what was gathered; `taken` is the number of bytes read so far."""
        out = Batch(anomalies=self.anomalies, bytes_read=taken - self.told)
        if len(self.rows):
            records = self.rows.batch()
            records = self._corrected(records, out)
            self.numbering.take(records)
            out.facts += cleared(records)
            out.records = records
        self.rows, self.anomalies, self.told = Rows(), [], taken
        return out

    def finish(self, taken: int) -> Batch:
        """Give the last batch, with what the record numbers tell."""
        out = self.batch(taken)
        out.facts += self.numbering.facts()
        return out

    def _corrected(self, records: pa.RecordBatch, out: Batch) -> pa.RecordBatch:
        if self.offset is None:
            self.offset = _offset(records)
            if self.offset is not None:
                seconds = int(self.offset.total_seconds())
                detail = f"the clock as written is {-seconds} s from the UtcTime of Sysmon's own events; corrected"
                out.facts.append(Fact(FactKind.CLOCK_OFFSET, None, None, None, 1, detail))
        if self.offset is None:
            return records
        shifted = pc.add(records["time_utc"], pa.scalar(self.offset, pa.duration("us")))
        place = records.schema.get_field_index("EventData")
        written = pc.strftime(records["time_utc"], format="%Y-%m-%dT%H:%M:%SZ").to_pylist()
        maps = [
            [*(pairs or []), ("TimeCreated", text)]
            for pairs, text in zip(records["EventData"].to_pylist(), written, strict=True)
        ]
        columns = list(records.columns)
        columns[place] = pa.array(maps, records.schema.field(place).type)
        columns[records.schema.get_field_index("time_utc")] = shifted
        return pa.RecordBatch.from_arrays(columns, schema=records.schema)


def _offset(records: pa.RecordBatch) -> timedelta | None:
    """Give what has to be added to the instants as written; None where they agree or nothing tells."""
    held = pc.and_(records["UtcTime"].is_valid(), records["time_utc"].is_valid())
    if not pc.any(held).as_py():
        return None
    inner = instants(records["UtcTime"].filter(held).to_pylist()).cast(pa.int64())
    outer = records["time_utc"].filter(held).cast(pa.int64())
    known = inner.is_valid()
    gaps = (inner.filter(known).to_numpy() - outer.filter(known).to_numpy()) / 1e6
    if len(gaps) < SAMPLE_MIN:
        return None
    step = float(np.round(np.median(gaps) / STEP_S) * STEP_S)
    steady = float(np.mean(np.abs(gaps - step) < OFFSET_MIN_S))
    return timedelta(seconds=step) if abs(step) > OFFSET_MIN_S and steady >= STEADY_SHARE else None
