"""Logs that were copied more than once while they grew, or exported twice: several files, one log.

Of such a log each line or event is in the archive once, under whichever copy it was read from. For coverage copies of a
log that grew are one file: that a shorter one ends in mid-line, or early, says nothing where a longer one goes on. An
event log's copies stay files of their own, and each covers the hours of all events that stand in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import DataFile, read_rows
from dwell.archive.store import Archive
from dwell.intake.tables import COPIES, EVENTS, table_of
from dwell.model.provenance import EvidenceId, FactKind, RecordRef
from dwell.scope.cells import HOUR_US
from dwell.scope.lowering import Shortfall
from dwell.scope.rollup.shapes import HOURS

__all__ = [
    "Disagreement",
    "Doubled",
    "Logs",
    "as_one",
    "disagreements",
    "doubled",
    "events_left_out",
    "renamed",
    "with_events_left_out",
]

_CONTRADICTED = pa.array([FactKind.DISAGREES.value, FactKind.DATE_DOUBT.value])
TWICE = "counts twice"
"""How `intake.remainder` and `intake.event_told` say it."""


@dataclass(frozen=True, slots=True, order=True)
class Doubled:
    """Something of a log that is in the archive twice.

    Attributes:
        host: "" where neither path nor records name one.
        source: the source's key.
        detail: what, in words.
    """

    host: str
    source: str
    detail: str


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Events that have the record numbers of others and say something else; records that a `#Date` line does not allow.

    Attributes:
        host: whose log it is; "" where none is named.
        path: the file; of two the one that came later.
        detail: how many, of which log or line, and which other file.
        count: how many.
        ground: the first of them; None where several lines are told of at once.
    """

    host: str
    path: str
    detail: str
    count: int
    ground: RecordRef | None


@dataclass(frozen=True, slots=True)
class Logs:
    """What the ledger is built from, each log under one name however many files it was copied in.

    Attributes:
        hours: records per hour of each log table.
        paths: where each log lay.
        shortfalls: what readers learned that lowers coverage.
    """

    hours: Mapping[str, pa.Table]
    paths: Mapping[str, Sequence[str]]
    shortfalls: tuple[Shortfall, ...]


def as_one(
    hours: Mapping[str, pa.Table],
    paths: Mapping[EvidenceId, Sequence[str]],
    shortfalls: Sequence[Shortfall],
    outgrown: Mapping[EvidenceId, EvidenceId],
) -> Logs:
    """Put shorter copies under the name of the longest.

    Args:
        hours: records per hour of each log table (`rollup.shapes.HOURS`).
        paths: where each file lay.
        shortfalls: what readers learned of each file.
        outgrown: the longest copy that was read, by each shorter one.
    """
    names = {str(part): str(whole) for part, whole in outgrown.items()}
    joined: dict[str, list[str]] = {}
    for key, where in paths.items():
        joined.setdefault(names.get(key, key), []).extend(where)
    told = {
        replace(one, evidence_id=names.get(one.evidence_id, one.evidence_id))
        for one in shortfalls
        if not (one.evidence_id in names and one.kind == FactKind.TRUNCATED.value)
    }
    in_order = sorted(told, key=lambda one: (one.evidence_id, one.kind, one.from_us or -1, one.detail))
    return Logs({table: renamed(rows, names) for table, rows in hours.items()}, joined, tuple(in_order))


def with_events_left_out(archive: Archive, hours: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """Give the hours of files with those of events that are counted in another file, as hours of no record more.

    Args:
        archive: the case's archive.
        hours: records per hour of each log table (`rollup.shapes.HOURS`).

    Raises:
        CustodyError: a data file is not what was written.
    """
    parts = [_hours(file) for file in archive.files(COPIES)]
    if not parts:
        return dict(hours)
    whole = pa.concat_tables(parts).group_by(HOURS.names[:-1]).aggregate([])
    whole = whole.append_column(HOURS.field("records"), pa.array([0] * len(whole), pa.int64())).select(HOURS.names)
    found = hours.get(EVENTS, HOURS.empty_table())
    return {**hours, EVENTS: pa.concat_tables([found.cast(HOURS), whole.cast(HOURS)])}


def _hours(file: DataFile) -> pa.Table:
    """Give the files, hosts, channels and hours of events that were left out."""
    rows = read_rows(file, ("evidence_id", "host", "part", "time_utc"))
    rows = rows.filter(rows["time_utc"].is_valid())
    hour = pc.floor(pc.divide(rows["time_utc"].cast(pa.int64()).cast(pa.float64()), HOUR_US)).cast(pa.int64())
    rows = rows.set_column(3, "hour", hour)
    return rows.group_by(["evidence_id", "host", "part", "hour"]).aggregate([])


def events_left_out(archive: Archive) -> tuple[int, int]:
    """Give how many events were left out because another file holds them, and of how many files.

    Raises:
        CustodyError: a data file is not what was written.
    """
    files: set[str] = set()
    for file in archive.files(COPIES):
        files |= set(pc.unique(read_rows(file, ("evidence_id",))["evidence_id"]).to_pylist())
    return sum(file.staged.rows for file in archive.files(COPIES)), len(files)


def disagreements(archive: Archive, paths: Mapping[EvidenceId, Sequence[str]]) -> tuple[Disagreement, ...]:
    """Read which records contradict others, or the `#Date` line above them, those of most records first.

    Args:
        archive: the case's archive.
        paths: where each file lay.

    Raises:
        CustodyError: a data file is not what was written.
    """
    found: set[Disagreement] = set()
    for file in archive.files("facts"):
        rows = read_rows(file, ("evidence_id", "record_no", "host", "source", "kind", "count", "detail"))
        rows = rows.filter(pc.is_in(rows["kind"].cast(pa.string()), value_set=_CONTRADICTED))
        for row in rows.to_pylist():
            evidence = EvidenceId(row["evidence_id"])
            path = next(iter(paths.get(evidence, ())), evidence[:12])
            ground = RecordRef(table_of(row["source"]), evidence, row["record_no"]) if row["record_no"] else None
            found.add(Disagreement(row["host"] or "", path, row["detail"], row["count"], ground))
    return tuple(sorted(found, key=lambda one: (-one.count, one.path, one.detail, one.host)))


def renamed(rows: pa.Table, names: Mapping[str, str]) -> pa.Table:
    """Put the longest copy's name to rows of shorter copies of a log.

    Args:
        rows: with `evidence_id`.
        names: the longest copy by each shorter one.
    """
    column = rows.schema.get_field_index("evidence_id")
    if not names or column < 0 or not rows.num_rows:
        return rows
    held = rows["evidence_id"].cast(pa.string()).combine_chunks().dictionary_encode()
    longest = pa.array([names.get(one, one) for one in held.dictionary.to_pylist()], pa.string())
    return rows.set_column(column, "evidence_id", longest.take(held.indices).cast(rows.schema.field(column).type))


def doubled(archive: Archive) -> tuple[Doubled, ...]:
    """Read what is in the archive twice because a copy could not be read on from where a shorter one ended.

    Raises:
        CustodyError: a data file is not what was written.
    """
    found: set[Doubled] = set()
    lines: dict[tuple[str, str], list[str]] = {}
    kinds = pa.array([FactKind.GROWN.value, FactKind.COPIED.value])
    for file in archive.files("facts"):
        rows = read_rows(file, ("record_no", "host", "source", "kind", "detail"))
        rows = rows.filter(pc.is_in(rows["kind"].cast(pa.string()), value_set=kinds))
        for row in rows.to_pylist():
            detail, key = row["detail"] or "", (row["host"] or "", row["source"])
            if TWICE in detail and row["record_no"] and row["kind"] == FactKind.GROWN.value:
                lines.setdefault(key, []).append(detail)
            elif TWICE in detail:
                found.add(Doubled(*key, detail))
    for key, details in lines.items():
        many = f"{len(details)} records were read of a copy that was cut off in them and of a whole one as well"
        found.add(Doubled(*key, f"{many}; the first: {min(details)}"))
    return tuple(sorted(found))
