"""Windows events that are held already: of copies and exports of one event log every event counts once.

A binary event log is rewritten as it grows, and an export has other bytes than its log, so copies are told event by
event: channel, computer, `EventRecordID`, `EventID`, the time, and what the event says have to agree. What was
committed first is kept; in one run binary logs come first. Of every event that is left out the table `copies` keeps where
it stands, and beside which record. Events that agree in number only are both kept, and a fact says so: a log was cleared
and its numbers began again, or somebody changed one of the two.

Whatever is compared is two data files: their numbers first, and rows only where numbers, events and times met. So memory
does not grow with the case. A data file is looked at only where its logs and its numbers overlap with the new ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import DataFile, RowGroups, StagedFile, discard, read_rows, stage
from dwell.archive.spec import TableSpec
from dwell.archive.store import Archive
from dwell.casebook.evidence import Evidence
from dwell.engine.pool import run
from dwell.intake.event_match import Match
from dwell.intake.event_numbers import Extents, extents_of, numbers_of
from dwell.intake.event_told import Told, Why, facts_of, told_of
from dwell.intake.reading import JobResult
from dwell.intake.tables import COPIES, EVENTS, FACTS, FILES, table_of
from dwell.model.provenance import EvidenceId

__all__ = ["EventCopies"]

Mask = npt.NDArray[np.bool_]


class _Reaches:
    """How far the numbers of each data file reach, of all of them side by side."""

    def __init__(self) -> None:
        self._files: list[DataFile] = []
        self._all = Extents(np.zeros(0, np.uint64), np.zeros(0, np.int64), np.zeros(0, np.int64))
        self._owner = np.zeros(0, np.int64)

    def add(self, file: DataFile, reach: Extents) -> None:
        """Take a data file."""
        whole = zip((self._all.logs, self._all.low, self._all.high), (reach.logs, reach.low, reach.high), strict=True)
        self._all = Extents(*(np.concatenate(pair) for pair in whole))
        self._owner = np.append(self._owner, np.full(len(reach.logs), len(self._files)))
        self._files.append(file)

    def met(self, reach: Extents) -> Iterator[tuple[DataFile, Extents]]:
        """Yield the files that hold any of the same numbers of the same logs, each with those numbers' extents."""
        for owner in np.unique(self._owner[np.isin(self._all.logs, reach.logs)]).tolist():
            mine = self._owner == owner
            shared = reach.shared(Extents(self._all.logs[mine], self._all.low[mine], self._all.high[mine]))
            if len(shared.logs):
                yield self._files[owner], shared


def _reach(file: DataFile) -> Extents:
    """Give how far the numbers of a data file reach."""
    return extents_of(numbers_of(file))


def _left(file: DataFile, spec: TableSpec, wanted: Mask) -> pa.Table:
    """Read some rows of a data file, a stretch at a time."""
    parts = [spec.schema.empty_table()]
    if wanted.any():
        for start, rows in RowGroups(file, spec.schema.names):
            mine = wanted[start : start + rows.num_rows]
            parts += [rows.filter(pa.array(mine)).cast(spec.schema)] if mine.any() else []
    return pa.concat_tables(parts)


class EventCopies:
    """Takes what workers staged, unit by unit, and leaves out the events that are held already."""

    def __init__(self, archive: Archive, register: Mapping[EvidenceId, Evidence], workers: int) -> None:
        """Look at an archive when the first events come.

        Args:
            archive: the tables; what is staged later is taken for part of them as soon as it is looked at.
            register: all evidence, for the form and the place of a piece of it.
            workers: processes for a first look at what is held.
        """
        self._archive = archive
        self._register = register
        self._workers = workers
        self._reaches: _Reaches | None = None

    def left_out(self, result: JobResult) -> JobResult:
        """Give what was staged without the events that are held already.

        Raises:
            CustodyError: a data file is not what was written.
            DiskFullError: no room left.
        """
        staged = result.staged.get(EVENTS, [])
        if table_of(result.job.source) != EVENTS or not staged:
            return result
        told: list[Told] = []
        kept: list[StagedFile] = []
        for one in staged:
            found, left = self._file(DataFile(EVENTS, self._archive.folder(EVENTS), one))
            told += found
            kept += left
        return self._with(result, kept, told) if told else result

    def _known(self) -> _Reaches:
        if self._reaches is None:
            self._reaches = _Reaches()
            held = self._archive.files(EVENTS)
            for file, reach in zip(held, run(_reach, held, workers=self._workers if len(held) > 1 else 1), strict=True):
                self._reaches.add(file, reach)
        return self._reaches

    def _file(self, file: DataFile) -> tuple[list[Told], list[StagedFile]]:
        """Look at one data file; give what is to be told of it, and what is left of it."""
        reaches = self._known()
        found = Match.of(file, self._register)
        reach = extents_of(found.numbers)
        for before, shared in reaches.met(reach):
            found.against(before, shared)
        found.settle()
        copies = found.copy.place >= 0
        left = [file]
        told = told_of(found)
        if copies.any():
            spec = self._archive.specs[EVENTS]
            rows = _left(file, spec, ~copies)
            discard(file.folder, [file.staged])
            again = stage(file.folder, spec, rows, file.path.stem) if rows.num_rows else []
            left = [DataFile(EVENTS, file.folder, one) for one in again]
        for one in left:
            reaches.add(one, reach)
        return told, [one.staged for one in left]

    def _with(self, result: JobResult, kept: Sequence[StagedFile], told: Sequence[Told]) -> JobResult:
        """Give a result with its events, its tallies, and what is told of copies."""
        staged = {**result.staged, EVENTS: list(kept)}
        stem = f"{result.job.transaction[:24]}-copies"
        copies = [one for one in told if one.why is Why.COPY]
        if copies:
            spec = self._archive.specs[COPIES]
            table = pa.concat_tables([one.as_copies(spec.schema, result.job.source) for one in copies])
            staged[COPIES] = stage(self._archive.folder(COPIES), spec, table, stem)
            staged[FILES] = list(self._tallies(result.staged[FILES], copies))
        spec = self._archive.specs[FACTS]
        facts = facts_of(told, spec.schema, result.job.source, self._register)
        staged[FACTS] = [
            *result.staged.get(FACTS, []),
            *stage(self._archive.folder(FACTS), spec, facts, stem),
        ]
        counts = {why: sum(len(one) for one in told if one.why is why) for why in Why}
        return replace(
            result,
            staged=staged,
            records=result.records - counts[Why.COPY],
            copies=counts[Why.COPY],
            unlike=counts[Why.TIME] + counts[Why.CONTENT],
            twice=counts[Why.MORE],
        )

    def _tallies(self, files: Sequence[StagedFile], copies: Sequence[Told]) -> Iterator[StagedFile]:
        """Write the tallies of files anew, with the records that are left of each."""
        gone: dict[str, int] = {}
        for one in copies:
            for evidence, count in one.by_evidence().items():
                gone[evidence] = gone.get(evidence, 0) + count
        spec, folder = self._archive.specs[FILES], self._archive.folder(FILES)
        for staged in files:
            rows = read_rows(DataFile(FILES, folder, staged), spec.schema.names)
            fewer = pa.array([gone.get(key, 0) for key in rows["evidence_id"].to_pylist()], pa.int64())
            at = rows.schema.get_field_index("records")
            rows = rows.set_column(at, "records", pc.subtract(rows["records"], fewer))
            yield from stage(folder, spec, rows, Path(staged.path).stem)
