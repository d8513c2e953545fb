"""What readers learned about files that lowers coverage, from the archive's table of facts and its list of files."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import read_rows
from dwell.archive.store import Archive
from dwell.intake.tables import log_tables, table_of
from dwell.model.provenance import AnomalyKind, FactKind
from dwell.scope.lowering import HEADER_ONLY, Shortfall

__all__ = ["shortfalls_of"]

_FACTS = (
    FactKind.TRUNCATED,
    FactKind.CLEARED,
    FactKind.RECORD_GAP,
    FactKind.NOT_RECORDED,
    FactKind.TIME_REVERSAL,
    FactKind.DATE_DOUBT,
)
EVTX = "evtx"
"""An event log that holds no record does not say which channel it is of."""
_ONE_RECORD = "AuditData"
"""How a truncation is told that is of one record, not of its file."""


def _us(column: pa.ChunkedArray) -> list[int | None]:
    found: list[int | None] = column.cast(pa.int64()).to_pylist()
    return found


def shortfalls_of(archive: Archive) -> tuple[Shortfall, ...]:
    """Read the facts that lower coverage, the anomalies that say that a file was cut, the files that hold no record.

    Raises:
        CustodyError: a data file is not what was written.
    """
    out: list[Shortfall] = []
    kinds = pa.array([one.value for one in _FACTS])
    for file in archive.files("facts"):
        rows = read_rows(file, ("evidence_id", "host", "kind", "time_utc", "to_utc", "detail"))
        rows = rows.filter(pc.is_in(rows["kind"].cast(pa.string()), value_set=kinds))
        columns = [rows[one].to_pylist() for one in ("evidence_id", "host", "kind", "detail")]
        times = (_us(rows["time_utc"]), _us(rows["to_utc"]))
        out += [
            Shortfall(evidence, host or "", kind, first, last, detail or "")
            for evidence, host, kind, detail, first, last in zip(*columns, *times, strict=True)
            if not (kind == FactKind.TRUNCATED.value and (detail or "").startswith(_ONE_RECORD))
        ]
    for file in archive.files("anomalies"):
        rows = read_rows(file, ("evidence_id", "host", "kind", "detail"))
        rows = rows.filter(pc.equal(rows["kind"].cast(pa.string()), AnomalyKind.TRUNCATED.value))
        out += [
            Shortfall(row["evidence_id"], row["host"] or "", FactKind.TRUNCATED.value, None, None, row["detail"] or "")
            for row in rows.to_pylist()
        ]
    out += _header_only(archive)
    return tuple(sorted(set(out), key=lambda one: (one.evidence_id, one.kind, one.from_us or -1, one.detail)))


def _header_only(archive: Archive) -> list[Shortfall]:
    """Give the log files that hold a header, nothing that could not be read, and no record."""
    out: list[Shortfall] = []
    for file in archive.files("files"):
        rows = read_rows(file, ("evidence_id", "host", "source", "records", "anomalies", "structural"))
        bare = pc.and_(pc.equal(rows["records"], 0), pc.equal(rows["anomalies"], 0))
        for row in rows.filter(pc.and_(bare, pc.greater(rows["structural"], 0))).to_pylist():
            table = table_of(row["source"])
            if table in log_tables() and table != EVTX:
                out.append(Shortfall(row["evidence_id"], row["host"] or "", HEADER_ONLY, None, None, table))
    return out
