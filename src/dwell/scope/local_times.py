"""Logs in local time: which were read in a zone that a person gave, which as UTC, and which instants are in doubt."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import read_rows
from dwell.archive.store import Archive
from dwell.model.provenance import FactKind

__all__ = ["LocalTime", "local_times"]


@dataclass(frozen=True, slots=True, order=True)
class LocalTime:
    """What became of local times of one host and source.

    Attributes:
        host: "" where neither path nor records name one.
        source: the source's key.
        kind: `zone` or `zone-doubt`.
        detail: how they were read.
        records: how many.
    """

    host: str
    source: str
    kind: str
    detail: str
    records: int


def local_times(archive: Archive) -> tuple[LocalTime, ...]:
    """Read what the readers of local times noted, by host and source.

    Raises:
        CustodyError: a data file is not what was written.
    """
    kinds = pa.array([FactKind.ZONE.value, FactKind.ZONE_DOUBT.value])
    found: Counter[tuple[str, str, str, str]] = Counter()
    for file in archive.files("facts"):
        rows = read_rows(file, ("host", "source", "kind", "detail", "count"))
        for row in rows.filter(pc.is_in(rows["kind"].cast(pa.string()), value_set=kinds)).to_pylist():
            found[row["host"] or "", row["source"], row["kind"], row["detail"] or ""] += row["count"]
    return tuple(sorted(LocalTime(*key, records) for key, records in found.items()))
