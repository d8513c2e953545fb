"""Requests that a log lacks, as the logs have them that do not: whose they were, when, and how many."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import DataFile, read_rows
from dwell.archive.store import Archive
from dwell.model.addresses import address
from dwell.model.instants import utc_from_us
from dwell.model.provenance import EvidenceId, RecordRef
from dwell.scope.lacking import Lacking, LackingClient, Way
from dwell.scope.rollup import fold
from dwell.scope.rollup.httpproxy import client_of
from dwell.scope.rollup.iis import through_balancers
from dwell.scope.rollup.layers import BACK, EWS, FRONT, PROXY, TABLE_OF

__all__ = ["CLIENTS_MAX", "UNMET", "WORDS", "lacking_of", "told_of"]

UNMET = pa.schema(
    [
        pa.field("number", pa.uint64(), nullable=False),
        pa.field("at", pa.int64(), nullable=False),
        pa.field("hour", pa.int64(), nullable=False),
        pa.field("host", pa.string(), nullable=False),
        pa.field("folder", pa.int64(), nullable=False),
        pa.field("ok", pa.bool_(), nullable=False),
        pa.field("witness", pa.string(), nullable=False),
        pa.field("of", pa.string(), nullable=False),
        pa.field("client", pa.string()),
        pa.field("agent", pa.string()),
        pa.field("account", pa.string()),
        pa.field("evidence_id", pa.string(), nullable=False),
        pa.field("record_no", pa.int64(), nullable=False),
    ]
)
"""A request that a log lacks: `at` by the clock of the log that has it (table `witness` of host `of`), microseconds since
1970, `hour` by that of the one that lacks it, which is `host`'s."""
WORDS = {FRONT: "front end", BACK: "back end", PROXY: "front end", EWS: "service"}
CLIENTS_MAX = 50
"""So many clients are told one by one, those with most lines first."""
GROUNDS = 20
_RANK = ("httpproxy", "ews", "mapihttp", "iis")
"""Of two logs that have a request the one that knows more of it is asked."""
_TOLD: Mapping[str, tuple[str, str, str]] = {
    "httpproxy": ("ClientIpAddress", "UserAgent", "AuthenticatedUser"),
    "ews": ("ClientIpAddress", "UserAgent", "AuthenticatedUser"),
    "mapihttp": ("ClientIP", "ClientSoftware", "AuthenticatedUserEmail"),
    "iis": ("c-ip", "cs-user-agent", "cs-username"),
}
_CHAIN = "X-Forwarded-For"


def told_of(file: DataFile, places: npt.NDArray[np.int64]) -> pa.Table:
    """Give whose some rows of a data file are: the last columns of `UNMET`."""
    names = _TOLD[file.table]
    more = (_CHAIN,) if file.table == "iis" else ()
    wanted = (*names, *more, "evidence_id", "record_no")
    rows = read_rows(file, ("time_utc", *wanted), dictionary=(*names, *more, "evidence_id")).take(pa.array(places))
    columns = [fold.texts(rows, one, dash=True) for one in names]
    if file.table == "iis":
        columns[0] = through_balancers(columns[0], fold.texts(rows, _CHAIN, dash=True))
    elif file.table == "ews":
        columns[0] = fold.mapped(columns[0], [address(one) for one in columns[0].values])
    else:
        columns[0] = client_of(columns[0])
    every = np.arange(rows.num_rows)
    evidence = rows["evidence_id"].cast(pa.string()).combine_chunks()
    parts = [*(one.text(every) for one in columns), evidence, rows["record_no"].combine_chunks()]
    return pa.table(parts, schema=pa.schema([UNMET.field(one) for one in UNMET.names[-len(parts) :]]))


def lacking_of(archive: Archive, host: str, layer: str, rows: pa.Table, compared: int) -> Lacking:
    """Give what a log lacks.

    Args:
        archive: the case's archive.
        host: whose log it is.
        layer: the layer of it.
        rows: what it lacks, in `UNMET`; a request may stand there by several logs.
        compared: how many requests were looked for.
    """
    rows = _once(rows)
    witnesses: dict[str, set[str]] = {}
    for table, of in zip(rows["witness"].to_pylist(), rows["of"].to_pylist(), strict=True):
        witnesses.setdefault(table, set()).add(of)
    hours, counts = np.unique(rows["hour"].to_numpy(), return_counts=True)
    at = rows["at"].to_numpy()
    source = TABLE_OF[layer]
    return Lacking(
        host,
        source,
        WORDS[layer],
        tuple((table, tuple(sorted(witnesses[table]))) for table in _RANK if table in witnesses),
        rows.num_rows,
        compared,
        Way.ID,
        tuple(zip(hours.tolist(), counts.tolist(), strict=True)),
        utc_from_us(int(at.min())),
        utc_from_us(int(at.max())),
        _clients(rows),
        _unread(archive, source, host, int(hours[0]), int(hours[-1])),
        _refs(rows),
    )


def _once(rows: pa.Table) -> pa.Table:
    """Give each request once, by the log that knows most of it, in order of time."""
    rank = np.array([_RANK.index(one) for one in rows["witness"].to_pylist()], np.int64)
    number, at = rows["number"].to_numpy(), rows["at"].to_numpy()
    order = np.lexsort((rows["record_no"].to_numpy(), at, rank, number))
    first = order[np.concatenate(([True], np.diff(number[order]) != 0))]
    return rows.take(pa.array(first)).sort_by(
        [("at", "ascending"), ("evidence_id", "ascending"), ("record_no", "ascending")]
    )


def _refs(rows: pa.Table) -> tuple[RecordRef, ...]:
    first = rows.slice(0, GROUNDS)
    columns = (first[one].to_pylist() for one in ("witness", "evidence_id", "record_no"))
    return tuple(RecordRef(table, EvidenceId(key), number) for table, key, number in zip(*columns, strict=True))


def _clients(rows: pa.Table) -> tuple[LackingClient, ...]:
    """Give whose requests they are, those with most first."""
    keyed = pa.table({"client": rows["client"].fill_null(""), "agent": rows["agent"].fill_null("")})
    found = keyed.append_column("rows", pa.array(np.arange(rows.num_rows)))
    groups = found.group_by(["client", "agent"]).aggregate([("rows", "list")]).to_pylist()
    groups.sort(key=lambda one: (-len(one["rows_list"]), one["client"], one["agent"]))
    out = []
    for one in groups[:CLIENTS_MAX]:
        mine = rows.take(pa.array(one["rows_list"]))
        span = pc.min_max(mine["at"]).as_py()
        accounts = sorted({name for name in mine["account"].to_pylist() if name})
        out.append(
            LackingClient(
                one["client"],
                one["agent"],
                tuple(accounts),
                mine.num_rows,
                utc_from_us(span["min"]),
                utc_from_us(span["max"]),
                _refs(mine),
            )
        )
    return tuple(out)


def _unread(archive: Archive, source: str, host: str, first: int, last: int) -> int:
    """Give how many stretches could not be read of the files of a log that have rows in some hours."""
    files: set[str] = set()
    for file in archive.files(source):
        low, high = file.staged.first_us, file.staged.last_us
        if low is not None and high is not None and low // fold.HOUR_US <= last and high // fold.HOUR_US >= first:
            rows = read_rows(file, ("evidence_id", "host"), dictionary=("evidence_id", "host"))
            files |= set(
                pc.unique(rows.filter(pc.equal(rows["host"].cast(pa.string()), host))["evidence_id"]).to_pylist()
            )
    found = 0
    for file in archive.files("anomalies"):
        rows = read_rows(file, ("evidence_id",))
        found += int(
            pc.sum(
                pc.is_in(rows["evidence_id"].cast(pa.string()), value_set=pa.array(sorted(files), pa.string()))
            ).as_py()
            or 0
        )
    return found
