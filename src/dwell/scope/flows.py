"""Connections that began with an intrusion: from exploited mail servers and reached hosts to other inside machines.

Firewalls, flow records and Zeek tell who spoke to whom, and not what was done. A server speaks to many machines all day;
so only those are told that it had not spoken to on that port before the intrusion's first act, as far as is held.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import DataFile, read_lexicon, read_rows
from dwell.archive.store import Archive
from dwell.model.addresses import is_internal
from dwell.model.instants import utc_from_us
from dwell.model.provenance import EvidenceId, RecordRef

__all__ = ["FLOW_TABLES", "PORTS", "Flow", "new_flows"]


@dataclass(frozen=True, slots=True)
class _Columns:
    """Names of a table's columns; `ended` tells how a connection ended."""

    source: str
    target: str
    port: str
    ended: str = ""


FLOW_TABLES: Mapping[str, _Columns] = {
    "zeek": _Columns("id.orig_h", "id.resp_h", "id.resp_p", "conn_state"),
    "netflow": _Columns("sourceIPv4Address", "destinationIPv4Address", "destinationTransportPort"),
    "fortinet": _Columns("srcip", "dstip", "dstport", "action"),
    "paloalto": _Columns("src", "dst", "dport", "action"),
    "cisco": _Columns("src_ip", "dst_ip", "dst_port"),
}
PORTS: Mapping[int, str] = {
    **dict.fromkeys((88, 389, 464, 636, 3268, 3269), "directory"),
    **dict.fromkeys((139, 445, 2049), "file"),
    **dict.fromkeys((1433, 1434, 1521, 3306, 5432, 27017), "database"),
    **dict.fromkeys((22, 902, 3389, 5900, 5985, 5986), "management"),
    **dict.fromkeys((6106, 9392, 10006, 13724), "backup"),
}
"""The class of system that mostly answers on a port."""
_NOT_MADE = frozenset(
    {"s0", "rej", "sh", "shr", "rstos0", "rstrh", "deny", "denied", "drop", "block", "blocked", "reset-both",
     "reset-client", "reset-server", "ip-conn"}
)  # fmt: skip
"""Ends of connections that were refused or never answered, in lower case."""


@dataclass(frozen=True, slots=True)
class Flow:
    """Connections from one address to a port of another.

    Attributes:
        source: from where.
        target: to where.
        port: the port there; None where the log has none.
        refused: whether every one was refused or not answered.
        first_utc: the first.
        last_utc: the last.
        count: how many records.
        ground: the first record.
    """

    source: str
    target: str
    port: int | None
    refused: bool
    first_utc: datetime
    last_utc: datetime
    count: int
    ground: RecordRef


def _rows(file: DataFile, columns: _Columns, wanted: pa.Array) -> list[Flow]:
    """Fold what a data file holds of some sources: one row for each target, port and end."""
    lexicon = read_lexicon(file)
    if columns.source in lexicon.complete:
        values = lexicon.column(columns.source)["value"].cast(pa.string())
        if not pc.any(pc.is_in(values, value_set=wanted)).as_py():
            return []
    names = [one for one in (columns.source, columns.target, columns.port, columns.ended) if one]
    rows = read_rows(file, ("evidence_id", "record_no", "time_utc", *names))
    known = pc.and_(rows["time_utc"].is_valid(), rows[columns.target].is_valid())
    near = rows.filter(pc.and_(known, pc.is_in(rows[columns.source].cast(pa.string()), value_set=wanted)))
    if not near.num_rows:
        return []
    near = near.sort_by([("time_utc", "ascending"), ("evidence_id", "ascending"), ("record_no", "ascending")])
    told = near.group_by(names, use_threads=False).aggregate(
        [
            ("time_utc", "min"),
            ("time_utc", "max"),
            ("time_utc", "count"),
            ("evidence_id", "first"),
            ("record_no", "first"),
        ]
    )
    times = [told[f"time_utc_{one}"].cast(pa.int64()).to_pylist() for one in ("min", "max")]
    return [
        Flow(
            str(row[columns.source]),
            str(row[columns.target]),
            row[columns.port],
            str(row.get(columns.ended) or "").lower() in _NOT_MADE,
            utc_from_us(first),
            utc_from_us(last),
            row["time_utc_count"],
            RecordRef(file.table, EvidenceId(row["evidence_id_first"]), row["record_no_first"]),
        )
        for row, first, last in zip(told.drop(["time_utc_min", "time_utc_max"]).to_pylist(), *times, strict=True)
    ]


def new_flows(archive: Archive, since: Mapping[str, datetime]) -> tuple[Flow, ...]:
    """Give the connections to inside machines that began with an intrusion, by target, port and source.

    Args:
        archive: the case's archive.
        since: from when on an address is an intruder's to use; what it spoke to before is its everyday.

    Raises:
        CustodyError: a data file is not what was written.
    """
    wanted = pa.array(sorted(since), pa.string())
    found: dict[tuple[str, str, int | None], Flow] = {}
    for table, columns in FLOW_TABLES.items() if since else ():
        for file in archive.files(table):
            for one in _rows(file, columns, wanted):
                key = (one.source, one.target, one.port)
                found[key] = _joined(found[key], one) if key in found else one
    fresh = [
        one
        for one in found.values()
        if is_internal(one.target) and one.target not in since and one.first_utc >= since[one.source]
    ]
    return tuple(sorted(fresh, key=lambda one: (one.target, one.port is None, one.port or 0, one.source)))


def _joined(one: Flow, other: Flow) -> Flow:
    first = min(one, other, key=lambda each: (each.first_utc, each.ground))
    return replace(
        first,
        refused=one.refused and other.refused,
        last_utc=max(one.last_utc, other.last_utc),
        count=one.count + other.count,
    )
