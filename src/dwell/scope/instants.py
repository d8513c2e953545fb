"""How records came by their instants, by host and table: what the readers noted of each file, added up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import read_rows
from dwell.archive.store import Archive
from dwell.intake.tables import FACTS, table_of
from dwell.model.coverage import CoverageRow
from dwell.model.provenance import FactKind
from dwell.scope.ledger import NO_HOST

__all__ = ["instants_of", "with_instants"]

Told = Mapping[tuple[str, str], tuple[tuple[str, int], ...]]
"""Ways in words, with how many records each, by host and table."""


def instants_of(archive: Archive, hours: Mapping[str, pa.Table]) -> Told:
    """Add up how records came by their instants.

    A file of several hosts counts for each of them with all its records: which of them are whose is not noted.

    Args:
        archive: the case's archive.
        hours: rows in `rollup.shapes.HOURS`, by table: whose records each file holds.

    Raises:
        CustodyError: a data file is not what was written.
    """
    hosts: dict[tuple[str, str], set[str]] = {}
    for table, held in hours.items():
        for one in held.group_by(["evidence_id", "host"], use_threads=False).aggregate([]).to_pylist():
            hosts.setdefault((table, one["evidence_id"]), set()).add(one["host"] or NO_HOST)
    found: dict[tuple[str, str], Counter[str]] = {}
    for file in archive.files(FACTS):
        rows = read_rows(file, ("evidence_id", "source", "kind", "detail", "count"))
        for one in rows.filter(pc.equal(rows["kind"].cast(pa.string()), FactKind.TIME.value)).to_pylist():
            table = table_of(one["source"])
            for host in hosts.get((table, one["evidence_id"]), ()):
                found.setdefault((host, table), Counter())[one["detail"]] += one["count"]
    return {key: tuple(sorted(counts.items())) for key, counts in found.items()}


def with_instants(rows: Sequence[CoverageRow], told: Told) -> tuple[CoverageRow, ...]:
    """Put to each row of coverage how the records of its host and table came by their instants."""
    return tuple(replace(one, instants=told.get((one.host, one.source.partition("/")[0]), ())) for one in rows)
