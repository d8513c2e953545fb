"""What the two text forms of Windows events share: gathering rows, batches, and a clock that runs in another zone.

Exporters have written local time with a `Z`. Sysmon puts the instant into its data a second time (`UtcTime`); where the
two differ by a steady offset over the file, the offset is a fact, `time_utc` is corrected, and the instant as written
stays in the `EventData` map as `TimeCreated`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.provenance import Anomaly, Fact, FactKind
from dwell.sources.event_rows import Rows
from dwell.sources.evtx_facts import Numbering, cleared
from dwell.sources.script_blocks import put_together
from dwell.sources.source import Batch
from dwell.sources.windows_event import System, instants

__all__ = ["Gathering", "mended_facts"]

ROWS = 16_384
OFFSET_MIN_S = 120
SAMPLE_MIN = 3
STEADY_SHARE = 0.9
STEP_S = 900
"""Zones lie a quarter of an hour apart."""
OFFSET_MAX_S = 26 * 3600
"""No two zones lie further apart than this."""
HELD_MAX = 8
AS_WRITTEN = "TimeCreated"
"""Where the map keeps an instant as written."""


def mended_facts(mendings: Mapping[str, list[int]]) -> list[Fact]:
    """Give a fact for each way in which records were mended."""
    return [
        Fact(FactKind.MENDED, min(numbers), None, None, len(numbers), how) for how, numbers in sorted(mendings.items())
    ]


class Gathering:
    """Rows and anomalies on their way into batches.

    Batches are held back until enough of Sysmon's events have settled the offset of the file's clock, `HELD_MAX` of them
    at most; what a later batch tells holds from there on.
    """

    def __init__(self) -> None:
        self.rows = Rows()
        self.anomalies: list[Anomaly] = []
        self.numbering = Numbering()
        self.told = 0
        self._mendings: dict[str, list[int]] = {}
        self._held: list[Batch] = []
        self._offset: timedelta | None = None
        self._given = False

    def add(self, number: int, system: System, data: Mapping[str, Any]) -> None:
        """Take one event."""
        self.rows.add(number, system, data)

    def mended(self, number: int, how: str) -> None:
        """Note how an event was mended; "" where it was whole."""
        if how:
            self._mendings.setdefault(how, []).append(number)

    @property
    def full(self) -> bool:
        """Say whether it is time for a batch: not in the midst of a script block, unless it has no end."""
        held = len(self.rows) + len(self.anomalies)
        return held >= ROWS and (held >= 2 * ROWS or not self.rows.in_parts)

    def batches(self, taken: int) -> Iterator[Batch]:
        """Yield what was gathered, once the clock is settled; `taken` is the number of bytes read so far."""
        out = Batch(anomalies=self.anomalies, facts=mended_facts(self._mendings), bytes_read=taken - self.told)
        if len(self.rows):
            out.records, told = put_together(self.rows.batch())
            out.facts += told
        self.rows, self.anomalies, self.told, self._mendings = Rows(), [], taken, {}
        self._held.append(out)
        if self._offset is None:
            self._settle()
        if self._offset is not None or len(self._held) >= HELD_MAX:
            yield from self._release()

    def finish(self, taken: int) -> Iterator[Batch]:
        """Yield the last batches, with what the record numbers tell."""
        yield from self.batches(taken)
        yield from self._release()
        yield Batch(facts=list(self.numbering.facts()))

    def _settle(self) -> None:
        """Look for the offset in what is held back."""
        names = ["record_no", "time_utc", "UtcTime"]
        told = [one.records.select(names) for one in self._held if one.records is not None]
        self._offset = _offset(pa.Table.from_batches(told)) if told else None
        if self._offset is None or not self._offset:
            return
        seconds = int(self._offset.total_seconds())
        detail = f"the clock as written is {-seconds} s from the UtcTime of Sysmon's own events; corrected"
        first = int(told[0]["record_no"][0].as_py())
        if self._given:
            detail += f" from record {first} on, the records before it are as written"
        self._held[0].facts.append(Fact(FactKind.CLOCK_OFFSET, first, None, None, 1, detail))

    def _release(self) -> Iterator[Batch]:
        for one in self._held:
            if one.records is not None:
                if self._offset:
                    one.records = _corrected(one.records, self._offset)
                self.numbering.take(one.records)
                one.facts += cleared(one.records)
            yield one
            self._given = True
        self._held = []


def _corrected(records: pa.RecordBatch, offset: timedelta) -> pa.RecordBatch:
    """Move the instants; keep them as written in the map."""
    shifted = pc.add(records["time_utc"], pa.scalar(offset, pa.duration("us")))
    place = records.schema.get_field_index("EventData")
    written = pc.strftime(records["time_utc"], format="%Y-%m-%dT%H:%M:%SZ").to_pylist()
    maps = [
        [*(pairs or []), (f"{AS_WRITTEN}#2" if any(one == AS_WRITTEN for one, _ in pairs or []) else AS_WRITTEN, text)]
        for pairs, text in zip(records["EventData"].to_pylist(), written, strict=True)
    ]
    columns = list(records.columns)
    columns[place] = pa.array(maps, records.schema.field(place).type)
    columns[records.schema.get_field_index("time_utc")] = shifted
    return pa.RecordBatch.from_arrays(columns, schema=records.schema)


def _offset(records: pa.Table) -> timedelta | None:
    """Give what has to be added to the instants as written, zero where they agree; None where too little tells."""
    records = records.filter(pc.and_(records["UtcTime"].is_valid(), records["time_utc"].is_valid()))
    if records.num_rows < SAMPLE_MIN:
        return None
    inner = instants(records["UtcTime"].to_pylist()).cast(pa.int64())
    outer = records["time_utc"].combine_chunks().cast(pa.int64())
    known = inner.is_valid()
    gaps = (inner.filter(known).to_numpy() - outer.filter(known).to_numpy()) / 1e6
    if len(gaps) < SAMPLE_MIN:
        return None
    step = float(np.round(np.median(gaps) / STEP_S) * STEP_S)
    steady = float(np.mean(np.abs(gaps - step) < OFFSET_MIN_S)) >= STEADY_SHARE
    return timedelta(seconds=step) if steady and OFFSET_MIN_S < abs(step) <= OFFSET_MAX_S else timedelta(0)
