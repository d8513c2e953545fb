"""What a longer copy of a log holds beyond a shorter one that is in the archive: the rest of it, and nothing twice.

The longer file is read from its first byte, because its columns are named there and its lines are numbered from there;
what the shorter copy told already is left out. So numbers and byte positions are those of the whole file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import read_rows
from dwell.archive.store import Archive
from dwell.casebook.case import Case
from dwell.casebook.evidence import Growth
from dwell.intake.rows import Numbered, digest_of, numbered
from dwell.intake.tables import ANOMALIES, EVENTS
from dwell.model.provenance import Anomaly, EvidenceId, Fact, FactKind
from dwell.sources.registry import source as source_of
from dwell.sources.source import RECORD_NO, Batch

__all__ = ["WINDOW", "Before", "Remainder", "befores_of"]

WINDOW = 64
"""A record spans no more lines than this; so far back from its end a copy that was cut may have been read wrongly."""


@dataclass(frozen=True, slots=True)
class Before:
    """What was read before of a file's beginning.

    Attributes:
        evidence_id: the shorter copy.
        shown: where it lay.
        size_bytes: its size.
        last: number of its last line or record.
        records: what its last records say, hashed (`digest_of`), by number; at least the last `WINDOW`.
        anomalies: numbers of what could not be read, of as many.
        unit: what is numbered, `line` or `record`.
        apart: whether the rest can be told from what was read before; if not, all is read again.
        by_event: whether what stands in both is told event by event afterwards (`event_copies`).
    """

    evidence_id: EvidenceId
    shown: str
    size_bytes: int
    last: int
    records: Mapping[int, str]
    anomalies: frozenset[int]
    unit: str
    apart: bool
    by_event: bool = False


def befores_of(case: Case, archive: Archive, after: Mapping[EvidenceId, Growth]) -> dict[EvidenceId, Before]:
    """Say what is held of the beginnings of files, each data file looked at once.

    Args:
        case: the case.
        archive: its tables.
        after: the copies that were read before, by the longer one; what those were read on from is held as well.

    Raises:
        CustodyError: a data file is not what was written.
    """
    register, known = case.register(), case.growths()
    chains = {whole: _chain(growth, known) for whole, growth in after.items()}
    parts = {one for chain in chains.values() for one in chain}
    unread = list(numbered(case, archive, ANOMALIES, parts))
    tables = sorted({source_of(register[growth.part].source or "").table for growth in after.values()})
    held = [rows for table in tables for rows in numbered(case, archive, table, parts)]
    ends: dict[EvidenceId, int] = dict.fromkeys(parts, 0)
    for rows in (*unread, *held):
        ends[rows.evidence_id] = max(ends[rows.evidence_id], int(rows.numbers.max()))
    out: dict[EvidenceId, Before] = {}
    for whole, growth in after.items():
        item = register[growth.part]
        source = source_of(item.source or "")
        last = growth.lines if source.unit == "line" else max(ends[one] for one in chains[whole])
        apart = source.grows and growth.lines > 0
        out[whole] = Before(
            growth.part, item.path, item.size_bytes, last, {}, frozenset(), source.unit, apart, source.table == EVENTS
        )
    near: dict[EvidenceId, int] = {}
    for whole, chain in chains.items():
        beyond = out[whole].last - WINDOW
        near |= {part: min(near.get(part, beyond), beyond) for part in chain}
    said = _said(archive, held, near)
    failed: dict[EvidenceId, set[int]] = {one: set() for one in parts}
    for rows in unread:
        failed[rows.evidence_id] |= set(rows.numbers[rows.numbers > near[rows.evidence_id]].tolist())
    for whole, chain in chains.items():
        records = {number: digest for part in reversed(chain) for number, digest in said.get(part, {}).items()}
        anomalies = frozenset[int]().union(*(failed[part] for part in chain))
        out[whole] = replace(out[whole], records=records, anomalies=anomalies)
    return out


def _chain(growth: Growth, known: Mapping[EvidenceId, Growth]) -> list[EvidenceId]:
    """Give a shorter copy and those that are shorter still, the longest first."""
    out = [growth.part]
    while out[-1] in known:
        out.append(known[out[-1]].part)
    return out


def _said(
    archive: Archive, held: Sequence[Numbered], near: Mapping[EvidenceId, int]
) -> dict[EvidenceId, dict[int, str]]:
    """Give what the last records of evidence say, hashed, by evidence and number.

    Args:
        archive: the tables.
        held: where the records are.
        near: the number beyond which they are wanted.
    """
    out: dict[EvidenceId, dict[int, str]] = {}
    for _, of_file in groupby(held, lambda one: one.file.path):
        wanted = [(one, one.places[one.numbers > near[one.evidence_id]]) for one in of_file]
        places = np.concatenate([some for _, some in wanted])
        if not len(places):
            continue
        file = wanted[0][0].file
        whole: pa.Table = read_rows(file, archive.specs[file.table].schema.names)
        for row in whole.take(pa.array(places)).to_pylist():
            out.setdefault(row["evidence_id"], {})[row["record_no"]] = digest_of(row)
    return out


class Remainder:
    """One file's rows beyond those of the copy that was read before."""

    def __init__(self, before: Before) -> None:
        self.before = before
        self._lines = 0
        self._seen = 0
        self._again: set[int] = set()

    def take(self, batch: Batch, bytes_read: int) -> Batch:
        """Give a batch without what was read before.

        Args:
            batch: as the source gives it.
            bytes_read: how much of the file the source has taken in so far.
        """
        if not self.before.apart:
            return batch
        self._lines += batch.structural
        return replace(
            batch,
            records=None if batch.records is None else self._records(batch.records),
            anomalies=[one for one in batch.anomalies if self._is_new(one)],
            facts=[one for one in batch.facts if self._tells(one, straddles=bytes_read > self.before.size_bytes)],
            structural=0,
        )

    def structural(self) -> int:
        """Give how many lines of the rest are neither record nor anomaly."""
        return max(0, self._lines - max(0, self.before.last - self._seen)) if self.before.apart else 0

    def facts(self) -> list[Fact]:
        """Say where the file was read on, and what is doubtful there."""
        before = self.before
        begun = f"its first {before.size_bytes:,} bytes are evidence {before.evidence_id[:12]} ({before.shown})"
        if not before.apart and before.by_event:
            return [
                Fact(FactKind.GROWN, None, detail=f"{begun}, read before; what stands in both is told event by event")
            ]
        if not before.apart:
            detail = f"{begun}, read before; a file of this format cannot be read on: what stands in both counts twice"
            return [Fact(FactKind.GROWN, None, detail=detail)]
        detail = f"{begun}, read before: only what comes after {before.unit} {before.last} was read from this file"
        out = [Fact(FactKind.GROWN, before.last, count=before.last, detail=detail)]
        for number in sorted(self._again):
            told = "was cut off" if number == before.last else "could not be read to its end"
            detail = f"{before.unit} {number} {told} in {before.shown}, here it is whole"
            detail += "; what was left of it was taken for a record there, so it counts twice" * (
                number in before.records
            )
            out.append(Fact(FactKind.GROWN, number, detail=detail))
        return out

    def _records(self, records: pa.RecordBatch) -> pa.RecordBatch:
        before = self.before
        numbers = records[RECORD_NO.name].to_numpy(zero_copy_only=False)
        new = numbers > before.last
        self._seen += int((~new).sum())
        # how a copy ends decides how its last lines are read: they are compared, not believed
        for place in np.flatnonzero(~new & (numbers > before.last - WINDOW)).tolist():
            number = int(numbers[place])
            if before.records.get(number) != digest_of(records.slice(place, 1).to_pylist()[0]):
                new[place] = True
                self._again.add(number)
        return records if new.all() else pc.filter(records, pa.array(new))

    def _is_new(self, one: Anomaly) -> bool:
        before, number = self.before, one.record_no
        if number > before.last:
            return True
        self._seen += 1
        return number > before.last - WINDOW and number not in before.anomalies

    def _tells(self, fact: Fact, *, straddles: bool) -> bool:
        """Say whether a fact speaks of the rest; one about many records, counted across the border, does."""
        if fact.record_no is not None and fact.record_no > self.before.last:
            return True
        return straddles and (fact.record_no is None or fact.count > 1)
