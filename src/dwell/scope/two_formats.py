"""Files that hold two formats: what stands behind the first is kept as anomalies, and nothing rests on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow.compute as pc

from dwell.archive.datafile import read_rows
from dwell.archive.store import Archive
from dwell.model.provenance import EvidenceId, FactKind

__all__ = ["TwoFormats", "two_formats"]


@dataclass(frozen=True, slots=True, order=True)
class TwoFormats:
    """A file in which another format begins.

    Attributes:
        path: where it lay.
        source: the key of the source that read it.
        detail: where the first of the others begins, and which one it is likely to be.
        count: how many times another format begins.
    """

    path: str
    source: str
    detail: str
    count: int


def two_formats(archive: Archive, paths: Mapping[EvidenceId, Sequence[str]]) -> tuple[TwoFormats, ...]:
    """Read which files hold more than one format.

    Raises:
        CustodyError: a data file is not what was written.
    """
    found: dict[tuple[EvidenceId, str], list[tuple[int, str]]] = {}
    for file in archive.files("facts"):
        rows = read_rows(file, ("evidence_id", "record_no", "source", "kind", "detail"))
        for row in rows.filter(pc.equal(rows["kind"], FactKind.ANOTHER_FORMAT.value)).to_pylist():
            key = EvidenceId(row["evidence_id"]), row["source"]
            number = row["record_no"] or 0
            told = (row["detail"] or "").replace(" begins here", f" begins at line {number:,}", 1)
            found.setdefault(key, []).append((number, told))
    return tuple(
        sorted(
            TwoFormats(next(iter(paths.get(evidence, ())), evidence[:12]), source, min(told)[1], len(told))
            for (evidence, source), told in found.items()
        )
    )
