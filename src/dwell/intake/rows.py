"""Rows of the archive by name: where a record's row lies, and the row as plain values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import DataFile, read_rows
from dwell.archive.store import Archive
from dwell.casebook.case import Case
from dwell.intake.tables import COPIES, EVENTS, FACTS
from dwell.model.instants import AS_WRITTEN, Dated, utc_text
from dwell.model.provenance import EvidenceId, FactKind, RecordRef

__all__ = ["Numbered", "as_values", "dated_as", "digest_of", "files_of", "numbered", "row_of", "rows_at", "same_event"]


def as_values(row: dict[str, object]) -> dict[str, object]:
    """Give a row as values that JSON knows; columns without a value are left out."""
    out: dict[str, object] = {}
    for name, value in row.items():
        if isinstance(value, datetime):
            out[name] = utc_text(value)
        elif isinstance(value, bytes):
            out[name] = value.hex()
        elif isinstance(value, list):
            pairs = all(isinstance(one, tuple) for one in value)
            if value:
                out[name] = {str(key): held for key, held in value} if pairs else value
        elif value is not None:
            out[name] = value
    return out


def files_of(case: Case, archive: Archive, table: str, evidence_id: EvidenceId) -> list[DataFile]:
    """Give the data files of a table that may hold rows of a piece of evidence."""
    stems = {unit.transaction[:24] for unit in case.units() if evidence_id in unit.evidence}
    return [file for file in archive.files(table) if file.path.name[:24] in stems]


def dated_as(case: Case, archive: Archive, evidence_id: EvidenceId) -> tuple[tuple[Dated, int], ...]:
    """Give how the records of a piece of evidence came by their instants, and how many each way.

    Raises:
        CustodyError: a data file is not what was written.
    """
    out: list[tuple[Dated, int]] = []
    for file in files_of(case, archive, FACTS, evidence_id):
        rows = read_rows(file, ("evidence_id", "kind", "count", "detail"))
        met = pc.and_(
            pc.equal(rows["evidence_id"].cast(pa.string()), evidence_id),
            pc.equal(rows["kind"].cast(pa.string()), FactKind.TIME.value),
        )
        out += [(Dated.read(one["detail"]), one["count"]) for one in rows.filter(met).to_pylist()]
    return tuple(sorted(out))


class Numbered(NamedTuple):
    """Rows that a data file holds of one piece of evidence.

    Attributes:
        evidence_id: which.
        file: the data file.
        places: where in it they are.
        numbers: their record numbers, in the same order.
    """

    evidence_id: EvidenceId
    file: DataFile
    places: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.int64]


def numbered(case: Case, archive: Archive, table: str, wanted: Collection[EvidenceId]) -> Iterator[Numbered]:
    """Yield the rows that a table holds of pieces of evidence, each data file looked at once.

    Raises:
        CustodyError: a data file is not what was written.
    """
    stems = {unit.transaction[:24] for unit in case.units() if not set(wanted).isdisjoint(unit.evidence)}
    for file in archive.files(table):
        if file.path.name[:24] not in stems:
            continue
        names = read_rows(file, ("evidence_id", "record_no"), dictionary=("evidence_id",))
        evidence = names["evidence_id"].combine_chunks()
        codes = evidence.indices.to_numpy()
        numbers = names["record_no"].to_numpy()
        for code, one in enumerate(evidence.dictionary.to_pylist()):
            places = np.flatnonzero(codes == code)
            if one in wanted and len(places):
                yield Numbered(EvidenceId(one), file, places, numbers[places])


def digest_of(row: dict[str, object]) -> str:
    """Give a hash of what a row says, whichever file and host it was read of."""
    told = {name: value for name, value in as_values(row).items() if name not in {"evidence_id", "host"}}
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()


def row_of(case: Case, archive: Archive, ref: RecordRef) -> dict[str, object] | None:
    """Give a record's row; None where the archive holds none.

    Raises:
        CustodyError: a data file is not what was written.
    """
    for file in files_of(case, archive, ref.table, ref.evidence_id):
        names = read_rows(file, ("evidence_id", "record_no"), dictionary=("evidence_id",))
        mine = pc.and_(pc.equal(names["record_no"], ref.record_no), pc.equal(names["evidence_id"], ref.evidence_id))
        places = np.flatnonzero(mine.to_numpy())
        if len(places):
            return rows_at(file, archive, places[:1].tolist())[0]
    return None


def same_event(
    case: Case, archive: Archive, ref: RecordRef, *, held: bool
) -> tuple[RecordRef | None, tuple[RecordRef, ...]]:
    """Give the names of one event in all copies and exports of its log: the one that counts, and the others.

    Args:
        case: the case.
        archive: its tables.
        ref: one of the names.
        held: whether the archive holds a row of it; then it is the one that counts.

    Raises:
        CustodyError: a data file is not what was written.
    """
    if ref.table != EVENTS:
        return None, ()
    counted: RecordRef | None = ref
    if not held:
        found = [
            RecordRef(EVENTS, EvidenceId(row["of_evidence_id"]), row["of_record_no"])
            for file in files_of(case, archive, COPIES, ref.evidence_id)
            for row in _copies(file, "", ref)
        ]
        counted = min(found, default=None)
    if counted is None:
        return None, ()
    others = [
        RecordRef(EVENTS, EvidenceId(row["evidence_id"]), row["record_no"])
        for file in archive.files(COPIES)
        for row in _copies(file, "of_", counted)
    ]
    return counted, tuple(sorted(others))


def _copies(file: DataFile, side: str, ref: RecordRef) -> list[dict[str, Any]]:
    """Give the rows of a table of copies whose one side is a record."""
    evidence, number = f"{side}evidence_id", f"{side}record_no"
    rows = read_rows(file, ("evidence_id", "record_no", "of_evidence_id", "of_record_no"))
    rows = rows.filter(pc.equal(rows[number], ref.record_no))
    found: list[dict[str, Any]] = rows.filter(pc.equal(rows[evidence], ref.evidence_id)).to_pylist()
    return found


def rows_at(file: DataFile, archive: Archive, places: Sequence[int]) -> list[dict[str, object]]:
    """Give rows of a data file by their place in it, as plain values; a corrected instant also as it was written."""
    columns = [*archive.specs[file.table].schema.names, *([AS_WRITTEN] if file.shifts else [])]
    whole: pa.Table = read_rows(file, columns)
    return [as_values(row) for row in whole.take(pa.array(places)).to_pylist()]
