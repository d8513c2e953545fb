"""Logs that were copied more than once while they grew: several files, one log.

Of such a log each line is in the archive once, under whichever copy it was read from. For coverage the copies are one
file: that a shorter one ends in mid-line, or early, says nothing where a longer one goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import read_rows
from dwell.archive.store import Archive
from dwell.model.provenance import EvidenceId, FactKind
from dwell.scope.lowering import Shortfall

__all__ = ["Doubled", "Logs", "as_one", "doubled"]

TWICE = "counts twice"
"""How `intake.remainder` says it."""


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
    return Logs({table: _renamed(rows, names) for table, rows in hours.items()}, joined, tuple(in_order))


def _renamed(rows: pa.Table, names: Mapping[str, str]) -> pa.Table:
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
    for file in archive.files("facts"):
        rows = read_rows(file, ("record_no", "host", "source", "kind", "detail"))
        rows = rows.filter(pc.equal(rows["kind"].cast(pa.string()), FactKind.GROWN.value))
        for row in rows.to_pylist():
            detail, key = row["detail"] or "", (row["host"] or "", row["source"])
            if TWICE in detail and row["record_no"]:
                lines.setdefault(key, []).append(detail)
            elif TWICE in detail:
                found.add(Doubled(*key, detail))
    for key, details in lines.items():
        many = f"{len(details)} records were read of a copy that was cut off in them and of a whole one as well"
        found.add(Doubled(*key, f"{many}; the first: {min(details)}"))
    return tuple(sorted(found))
