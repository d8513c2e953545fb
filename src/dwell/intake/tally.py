"""What is counted of one file while it is read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.intake.zones import Zone
from dwell.model.instants import Dated, TimeBasis, utc_from_us
from dwell.model.provenance import Fact, FactKind
from dwell.sources.source import TIME_UTC, Batch, Stamp

__all__ = ["Tally", "spans_of"]

_LATEST = 2**63 - 1
UNITS = (("second", 1_000_000), ("millisecond", 1_000), ("microsecond", 1))
"""Units of instants, and how many microseconds each has."""


@dataclass(slots=True)
class Tally:
    """What was read of one file.

    Attributes:
        records: records.
        structural: lines that are neither record nor anomaly.
        anomalies: stretches that could not be read.
        first: the first instant.
        last: the last one.
        zones: how many records in local time were read in which zone; None stands for those read as UTC.
        undated: records without an instant.
        finest: the unit that instants were met in, as place in `UNITS`.
    """

    records: int = 0
    structural: int = 0
    anomalies: int = 0
    first: datetime | None = None
    last: datetime | None = None
    zones: Counter[Zone | None] = field(default_factory=Counter)
    undated: int = 0
    finest: int = 0

    def take(self, batch: Batch) -> None:
        """Count what a batch holds."""
        self.anomalies += len(batch.anomalies)
        self.structural += batch.structural
        if batch.records is not None and batch.records.num_rows:
            [span] = spans_of(batch.records, np.zeros(1, np.int64))
            self.add(batch.records.num_rows, span)
            self.date(batch.records[TIME_UTC.name])

    def date(self, times: pa.Array) -> None:
        """Count the records that have no instant, and learn how finely the others are told."""
        self.undated += times.null_count
        if self.finest + 1 < len(UNITS):
            us = times.cast(pa.int64()).drop_null().to_numpy()
            self.finest = max(self.finest, next(at for at, (_, unit) in enumerate(UNITS) if not (us % unit).any()))

    def dated(self, stamp: Stamp) -> list[Fact]:
        """Say how the file's records came by their instants; nothing where the format has none."""
        if not stamp.field or not self.records:
            return []
        precision = stamp.precision or UNITS[self.finest][0]
        told = {
            Dated(
                TimeBasis.LOCAL_ASSUMED if zone is None else TimeBasis.ZONE_KNOWN,
                "" if zone is None else zone.name,
                stamp.field,
                precision,
            ): count
            for zone, count in self.zones.items()
        }
        unknown = Dated(TimeBasis.UNKNOWN, "", stamp.field, "")
        told[unknown] = self.undated
        plain = Dated(stamp.basis, "", stamp.field, precision)
        told[plain] = told.get(plain, 0) + self.records - sum(told.values())
        return [Fact(FactKind.TIME, count=count, detail=one.words) for one, count in sorted(told.items()) if count > 0]

    def add(self, rows: int, span: tuple[int, int] | None) -> None:
        """Count records, with the first and last of their instants."""
        self.records += rows
        if span is not None:
            low, high = utc_from_us(span[0]), utc_from_us(span[1])
            self.first = low if self.first is None else min(self.first, low)
            self.last = high if self.last is None else max(self.last, high)


def spans_of(records: pa.RecordBatch, starts: npt.NDArray[np.int64]) -> list[tuple[int, int] | None]:
    """Give the first and last instants, in microseconds, of runs of records; None for a run that has none.

    Args:
        records: the records.
        starts: where each run starts; all hold a record at least.
    """
    column = records.column(TIME_UTC.name)
    times = column.cast(pa.int64())
    low, high = (
        one.reduceat(times.fill_null(instead).to_numpy(zero_copy_only=False), starts).tolist()
        for one, instead in ((np.minimum, _LATEST), (np.maximum, -_LATEST))
    )
    return [(first, last) if first <= last else None for first, last in zip(low, high, strict=True)]
