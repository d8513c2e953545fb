"""A look into files without a case: the first rows as they would be stored, and what could not be read among them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from dwell.intake.containers import close_zips, open_locator
from dwell.intake.plan import PlannedFile, make_plan
from dwell.intake.rows import as_values
from dwell.intake.tally import Tally
from dwell.model.provenance import Anomaly
from dwell.sources.registry import source as source_of
from dwell.sources.source import RECORD_NO, TIME_UTC, Batch, Hint, Source

__all__ = ["Peek", "peek"]


@dataclass(frozen=True, slots=True)
class Peek:
    """What the beginning of a file holds.

    Attributes:
        file: what it is and why.
        rows: the first rows as they would be stored, columns without a value left out.
        anomalies: what could not be read up to the last of them.
        fault: why the file could not be read at all; "" where it could.
        dated: how these rows come by their instants, in words, and how many each way; no zone is given here.
    """

    file: PlannedFile
    rows: tuple[Mapping[str, object], ...]
    anomalies: tuple[Anomaly, ...]
    fault: str = ""
    dated: tuple[tuple[str, int], ...] = ()


def _begun(file: PlannedFile, count: int) -> Peek:
    rows: list[dict[str, object]] = []
    anomalies: list[Anomaly] = []
    tally = Tally()
    source = source_of(file.source or "")
    try:
        with open_locator(file.locator) as raw:
            for batch in source.read(raw, Hint(file.places[0].path, file.host, file.size_bytes)):
                anomalies += batch.anomalies
                if batch.records is not None:
                    first = pa.Table.from_batches([batch.records]).slice(0, count - len(rows))
                    rows += [as_values(one) for one in first.to_pylist()]
                    _date(tally, source, batch, first.combine_chunks())
                if len(rows) >= count:
                    break
    except OSError as fault:
        return Peek(file, tuple(rows), tuple(anomalies), fault.strerror or str(fault))
    dated = tuple((one.detail, one.count) for one in tally.dated(source.stamp))
    return Peek(file, tuple(rows), tuple(anomalies), dated=dated)


def _date(tally: Tally, source: Source, batch: Batch, rows: pa.Table) -> None:
    """Count rows by how they come by their instants."""
    if not rows.num_rows:
        return
    times = rows[TIME_UTC.name].chunk(0)
    tally.add(rows.num_rows, None)
    tally.date(times)
    local = times.is_valid().to_numpy(zero_copy_only=False) & source.local_time
    if batch.local is not None:
        local = times.is_valid().to_numpy(zero_copy_only=False) & np.isin(rows[RECORD_NO.name].to_numpy(), batch.local)
    tally.zones[None] += int(local.sum())


def peek(paths: tuple[Path, ...], count: int) -> Iterator[Peek]:
    """Look into files, and into the members of containers; those that no source is sure of come without rows.

    What cannot be looked at is told by `plan`.

    Args:
        paths: files and folders.
        count: rows to give of each file.
    """
    with tempfile.TemporaryDirectory(prefix="dwell-") as spool:
        try:
            plan = make_plan(paths, Path(spool), lambda _shown, _size: None)
            for file in plan.files:
                yield _begun(file, count) if file.source is not None else Peek(file, (), ())
        finally:
            close_zips()
