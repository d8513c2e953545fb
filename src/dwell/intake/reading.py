"""Reading one unit of evidence into staged data files. Runs in a worker process; touches no log and no custody."""

from __future__ import annotations

import gc
import hashlib
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import StagedFile, conform, discard, stage
from dwell.archive.spec import FLUSH_BYTES, FLUSH_ROWS, TableSpec
from dwell.errors import DwellError
from dwell.intake.containers import Locator, open_locator
from dwell.intake.header_dates import HeaderDates
from dwell.intake.hosts import short_host
from dwell.intake.joined import FILE_BYTES_MAX, JOINED_BYTES, joined, mates
from dwell.intake.remainder import Before, Remainder
from dwell.intake.tables import ANOMALIES, FACTS, FILES, specs
from dwell.intake.tally import Tally, spans_of
from dwell.intake.zones import Localised, Zone
from dwell.model.provenance import Anomaly, EvidenceId, Fact
from dwell.sources.registry import source as source_of
from dwell.sources.source import BATCH_ROWS, TIME_UTC, Batch, Hint
from dwell.sources.utf8_stream import read_fully

__all__ = ["Job", "JobFile", "JobResult", "all_failed", "read_unit", "survives"]

_OBJECTS = 500_000
_CHANGED = "its bytes changed since it was registered"


@dataclass(frozen=True, slots=True)
class JobFile:
    """One file of a job."""

    evidence_id: EvidenceId
    locator: Locator
    shown: str
    host: str
    size_bytes: int
    before: Before | None = None
    """What was read before of its beginning, as another piece of evidence."""


@dataclass(frozen=True, slots=True)
class Job:
    """A unit as a worker gets it.

    Attributes:
        transaction: the unit's id; also the stem of its files' names.
        source: the source that reads it.
        archive_root: where the tables are.
        files: what to read, in order.
        zones: zones of hosts whose logs are in local time.
    """

    transaction: str
    source: str
    archive_root: Path
    files: tuple[JobFile, ...]
    zones: tuple[Zone, ...] = ()


@dataclass(frozen=True, slots=True)
class JobResult:
    """What a worker staged.

    Attributes:
        job: the job.
        staged: data files by table.
        records: records read.
        anomalies: stretches that could not be read.
        failed: (evidence id, shown path, why) of files that could not be read as registered; nothing of them is staged.
        zones: how many records in local time were read in which zone; None stands for those read as UTC.
        copies: events that were left out, because the archive holds them (`event_copies`).
        unlike: events that have the number of another that is held, and say something else.
        twice: events that are held and say more here, so that both are kept.
    """

    job: Job
    staged: dict[str, list[StagedFile]]
    records: int
    anomalies: int
    failed: tuple[tuple[EvidenceId, str, str], ...]
    zones: Counter[Zone | None] = field(default_factory=Counter)
    copies: int = 0
    unlike: int = 0
    twice: int = 0


class _Hashing(io.RawIOBase):
    """A stream that hashes what is read from it, to be held against the register."""

    def __init__(self, inner: BinaryIO) -> None:
        self._inner = inner
        self.digest = hashlib.sha256()
        self.taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        target = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        data = self._inner.read(len(target))
        self.digest.update(data)
        self.taken += len(data)
        target[: len(data)] = data
        return len(data)

    def drain(self) -> None:
        """Read what the source left unread."""
        while data := self._inner.read(1 << 20):
            self.digest.update(data)


class _Stager:
    """Gathers rows of one table and writes them out whenever there are enough."""

    def __init__(self, job: Job, spec: TableSpec, flush_rows: int | None = None) -> None:
        self.spec = spec
        self.flush_rows = FLUSH_ROWS if flush_rows is None else flush_rows
        self.folder = job.archive_root / spec.name
        self.stem = job.transaction[:24]
        self.waiting: list[pa.Table] = []
        self.rows = self.bytes = 0
        self.staged: list[StagedFile] = []
        self.sequence = 0

    def take(self, tables: Iterable[pa.Table]) -> None:
        for table in tables:
            self.waiting.append(table)
            self.rows += table.num_rows
            self.bytes += table.nbytes
            if self.rows >= self.flush_rows or self.bytes >= FLUSH_BYTES:
                self.flush()

    def flush(self) -> None:
        if self.waiting:
            self.staged += stage(self.folder, self.spec, self._gathered(), f"{self.stem}-{self.sequence:04}")
            self.sequence += 1

    def _gathered(self) -> pa.Table:
        """Hand over what waits, and keep no hold on it: writing needs the room."""
        whole = pa.concat_tables(self.waiting)
        self.waiting, self.rows, self.bytes = [], 0, 0
        return whole

    def drop(self) -> None:
        discard(self.folder, self.staged)
        self.staged, self.waiting, self.rows, self.bytes = [], [], 0, 0


@dataclass(frozen=True, slots=True)
class _Piece:
    """A batch of records and the files it comes from, all of one host, each with the number of its records."""

    batch: pa.RecordBatch
    spans: tuple[tuple[JobFile, int], ...]

    @property
    def host(self) -> str:
        """Give the files' host."""
        return self.spans[0][0].host


class _RecordStager(_Stager):
    """A stager of records: batches wait, of whatever file, until there are enough to be worth the table's form."""

    def __init__(self, job: Job, spec: TableSpec) -> None:
        super().__init__(job, spec)
        self.pieces: list[_Piece] = []
        self.piece_rows = self.piece_bytes = 0

    def take_pieces(self, pieces: Iterable[_Piece]) -> None:
        for piece in pieces:
            self.pieces.append(piece)
            self.piece_rows += piece.batch.num_rows
            self.piece_bytes += piece.batch.nbytes
            if self.piece_rows >= BATCH_ROWS or self.piece_bytes >= FLUSH_BYTES // 4:
                self._fold()

    def _fold(self) -> None:
        pieces, self.pieces, self.piece_rows, self.piece_bytes = self.pieces, [], 0, 0
        for _, alike in groupby(pieces, lambda one: (one.batch.schema, one.host)):
            self.take([_rows(list(alike), self.spec)])

    def flush(self) -> None:
        self._fold()
        super().flush()

    def drop(self) -> None:
        super().drop()
        self.pieces, self.piece_rows, self.piece_bytes = [], 0, 0


def _rows(pieces: Sequence[_Piece], spec: TableSpec) -> pa.Table:
    """Put evidence ids and hosts to batches of one schema, from files of one host."""
    table = pa.Table.from_batches([one.batch for one in pieces])
    codes: dict[EvidenceId, int] = {}
    spans = [span for one in pieces for span in one.spans]
    owners = [codes.setdefault(file.evidence_id, len(codes)) for file, _ in spans]
    indices = np.repeat(np.array(owners, np.int32), [rows for _, rows in spans])
    evidence = pa.DictionaryArray.from_arrays(pa.array(indices), pa.array(list(codes), pa.string()))
    named = table["host"].cast(pa.string()).combine_chunks().dictionary_encode()
    short = [one and short_host(one) for one in named.dictionary.to_pylist()]
    host = pa.array(short, pa.string()).take(named.indices)
    if pieces[0].host:
        host = pc.fill_null(host, pieces[0].host)
    table = table.set_column(table.schema.get_field_index("host"), "host", host)
    return conform(table.append_column("evidence_id", evidence), spec)


@lru_cache(maxsize=64)
def _fits(schema: pa.Schema, wanted: pa.Schema) -> bool:
    """Say whether columns are of the table's types, dictionary-coded or not, so that nothing can go wrong later."""
    return all(
        one.type == wanted.field(one.name).type
        or (pa.types.is_dictionary(one.type) and one.type.value_type == wanted.field(one.name).type)
        for one in schema
        if one.name in wanted.names
    )


def _piece(batch: Batch, file: JobFile, spec: TableSpec) -> _Piece | None:
    """Give a batch's records; None where it has none."""
    records = batch.records
    if records is None or not records.num_rows:
        return None
    return _Piece(_fitted(records, spec), ((file, records.num_rows),))


def _fitted(records: pa.RecordBatch, spec: TableSpec) -> pa.RecordBatch:
    """Put records into the table's types where they are not yet, while their file can be blamed."""
    if _fits(records.schema, spec.schema):
        return records
    fields = [one for one in spec.schema if one.name in records.schema.names]
    columns = [records.column(one.name).cast(one.type) for one in fields]
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))


class _Stagers:
    """The stagers of one unit: records, anomalies, facts."""

    def __init__(self, job: Job) -> None:
        source = source_of(job.source)
        table_specs = specs()
        self.records = _RecordStager(job, table_specs[source.table])
        # anomalies keep bytes: fewer of them are held at once
        self.anomalies = _Stager(job, table_specs[ANOMALIES], FLUSH_ROWS // 16)
        self.facts = _Stager(job, table_specs[FACTS])

    def all(self) -> tuple[_Stager, ...]:
        return self.records, self.anomalies, self.facts

    def take(self, pieces: Iterable[_Piece], told: Iterable[tuple[pa.Table | None, pa.Table | None]]) -> None:
        self.records.take_pieces(pieces)
        for anomalies, facts in told:
            self.anomalies.take([] if anomalies is None else [anomalies])
            self.facts.take([] if facts is None else [facts])


def _read_file(job: Job, file: JobFile, stagers: _Stagers) -> Tally:
    """Read one file; its rows are taken only when its bytes proved to be those that were registered.

    Raises:
        OSError: it cannot be read, or changed since it was registered.
    """
    tally = Tally()
    # a unit of several files is small: a file's rows wait until its hash is known; a file alone is dropped as a whole
    alone = len(job.files) == 1
    pieces: list[_Piece] = []
    told: list[tuple[pa.Table | None, pa.Table | None]] = []
    source = source_of(job.source)
    local = Localised(job.zones, file.host) if source.local_time or source.local_lines else None
    rest = Remainder(file.before) if file.before is not None else None
    dates = HeaderDates()
    with open_locator(file.locator) as raw:
        hashing = _Hashing(raw)
        stream = io.BufferedReader(hashing, buffer_size=1 << 20)
        for whole in source.read(stream, Hint(file.shown, file.host, file.size_bytes)):
            batch = whole if rest is None else rest.take(whole, hashing.taken)
            dates.learn(whole.facts)
            dates.take(batch.records, complete=whole.bytes_read > 0)
            if local is not None and (source.local_time or batch.local is not None):
                batch.records = None if batch.records is None else local.take(batch.records, batch.local)
                batch.facts = local.moved(batch.facts)
            tally.take(batch)
            piece = _piece(batch, file, stagers.records.spec)
            pieces += [] if piece is None else [piece]
            told.append(_told(batch, job, file, stagers))
            if alone:
                stagers.take(pieces, told)
                pieces, told = [], []
        hashing.drain()
    if hashing.digest.hexdigest() != file.evidence_id:
        raise OSError(_CHANGED)
    if local is not None:
        told.append(_told(Batch(facts=local.facts()), job, file, stagers))
        tally.zones = local.counts
    told.append(_told(Batch(facts=[*dates.facts(), *tally.dated(source.stamp)]), job, file, stagers))
    if rest is not None:
        told.append(_told(Batch(facts=rest.facts()), job, file, stagers))
        tally.structural += rest.structural()
    stagers.take(pieces, told)
    return tally


def _parted(job: Job) -> Iterator[list[JobFile]]:
    """Part a job's files: small neighbours of one host together where their source can join them, others alone."""
    joins = source_of(job.source).joins
    waiting: list[JobFile] = []
    size = 0
    for file in job.files:
        small = joins and file.size_bytes <= FILE_BYTES_MAX and size + file.size_bytes <= JOINED_BYTES
        # what is read on from somewhere is read by itself
        apart = file.before is not None or (waiting and waiting[-1].before is not None)
        if waiting and (apart or not (small and file.host == waiting[0].host)):
            yield waiting
            waiting, size = [], 0
        waiting.append(file)
        size += file.size_bytes
    if waiting:
        yield waiting


class _Together(NamedTuple):
    """What several files held that were read at once; nothing of it is taken yet."""

    tallies: list[Tally]
    pieces: list[_Piece]
    told: list[tuple[pa.Table | None, pa.Table | None]]


def _apart(
    job: Job, files: Sequence[JobFile], stagers: _Stagers
) -> Iterator[tuple[Sequence[JobFile], _Together | None]]:
    """Yield files in order, with what was read at once; None where they have to be read one by one."""
    contents = [_content(file) if len(files) > 1 else None for file in files]
    for places in mates(source_of(job.source), contents):
        several = files[places.start : places.stop]
        yield from _halved(job, several, [contents[place] or b"" for place in places], stagers)


def _content(file: JobFile) -> bytes | None:
    """Give a file's bytes; None where they are not those that were registered, which is told when it is read by itself."""
    try:
        with open_locator(file.locator) as raw:
            content = read_fully(raw, file.size_bytes + 1)
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest() == file.evidence_id else None


def _halved(
    job: Job, files: Sequence[JobFile], contents: Sequence[bytes], stagers: _Stagers
) -> Iterator[tuple[Sequence[JobFile], _Together | None]]:
    """Read files at once, or, where that cannot be, either half of them."""
    together = None
    if len(files) > 1:
        try:
            together = _read_joined(job, files, contents, stagers)
        except (DwellError, KeyboardInterrupt, SystemExit):
            raise
        except BaseException:  # noqa: BLE001 - it is met again, and told of its file, when they are read one by one
            together = None
    if together is not None or len(files) < 2:
        yield files, together
        return
    middle = len(files) // 2
    yield from _halved(job, files[:middle], contents[:middle], stagers)
    yield from _halved(job, files[middle:], contents[middle:], stagers)


def _read_joined(job: Job, files: Sequence[JobFile], contents: Sequence[bytes], stagers: _Stagers) -> _Together | None:
    """Read files at once; None where they have to be parted."""
    found = joined(source_of(job.source), contents)
    if found is None:
        return None
    tallies = [
        Tally(structural=lines - len(anomalies), anomalies=len(anomalies))
        for lines, anomalies in zip(found.lines, found.anomalies, strict=True)
    ]
    dates = [HeaderDates() for _ in files]
    for one, facts in zip(dates, found.facts, strict=True):
        one.learn(facts)
    pieces: list[_Piece] = []
    doubtful: set[int] = set()
    for records, runs in zip(found.batches, found.spans, strict=True):
        starts = np.cumsum([0, *(rows for _, rows in runs)])[:-1]
        times = records[TIME_UTC.name]
        for (place, rows), start, span in zip(runs, starts.tolist(), spans_of(records, starts), strict=True):
            tallies[place].add(rows, span)
            tallies[place].structural -= rows
            tallies[place].undated += times.slice(start, rows).null_count if times.null_count else 0
            if not dates[place].agree(span):
                doubtful.add(place)
        pieces.append(_Piece(_fitted(records, stagers.records.spec), tuple((files[at], rows) for at, rows in runs)))
    for records, runs in zip(found.batches, found.spans, strict=True) if doubtful else ():
        start = 0
        for place, rows in runs:
            if place in doubtful:
                dates[place].take(records.slice(start, rows), complete=False)
            start += rows
    stamp = source_of(job.source).stamp
    facts_too = [
        [*facts, *one.facts(), *tally.dated(stamp)]
        for facts, one, tally in zip(found.facts, dates, tallies, strict=True)
    ]
    return _Together(tallies, pieces, [_told_of(job, zip(files, found.anomalies, facts_too, strict=True), stagers)])


def survives(job: Job) -> bool:
    """Read a job's files and keep nothing: does the reader live through them?"""
    stagers = _Stagers(job)
    for file in job.files:
        try:
            with open_locator(file.locator) as raw:
                for batch in source_of(job.source).read(raw, Hint(file.shown, file.host, file.size_bytes)):
                    piece = _piece(batch, file, stagers.records.spec)
                    if piece is not None:
                        _rows([piece], stagers.records.spec)
                    _told(batch, job, file, stagers)
        except Exception:  # noqa: BLE001, S112 - a fault that can be caught is no death
            continue
    return True


def all_failed(job: Job, why: str) -> JobResult:
    """Give the result of a job of which no file could be read."""
    return JobResult(job, {}, 0, 0, tuple((file.evidence_id, file.shown, why) for file in job.files))


def _told(batch: Batch, job: Job, file: JobFile, stagers: _Stagers) -> tuple[pa.Table | None, pa.Table | None]:
    """Give a batch's anomalies and facts as tables; None where there are none."""
    return _told_of(job, [(file, batch.anomalies, batch.facts)], stagers)


def _told_of(
    job: Job, told: Iterable[tuple[JobFile, Sequence[Anomaly], Sequence[Fact]]], stagers: _Stagers
) -> tuple[pa.Table | None, pa.Table | None]:
    """Give the anomalies and facts of files as tables; None where there are none."""
    anomalies: list[dict[str, object]] = []
    facts: list[dict[str, object]] = []
    for file, unreadable, learned in told:
        common = _common(job, file)
        anomalies += [common | _anomaly_row(one) for one in unreadable]
        facts += [common | _fact_row(one) for one in learned]
    return _listed(anomalies, stagers.anomalies.spec), _listed(facts, stagers.facts.spec)


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Look for cyclic garbage seldom: a batch is thousands of objects that live on, and cycles are rare among them."""
    before = gc.get_threshold()
    gc.set_threshold(_OBJECTS, 10, 10)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def read_unit(job: Job) -> JobResult:
    """Read a unit and stage its rows, anomalies, facts and tallies."""
    with _seldom_collected():
        return _read_unit(job)


def _tallied(job: Job, stagers: _Stagers, failed: list[tuple[EvidenceId, str, str]]) -> Iterator[tuple[JobFile, Tally]]:
    """Read a job's files, and yield each with its tally; those that cannot be read go to `failed`."""
    for files in _parted(job):
        for several, together in _apart(job, files, stagers):
            if together is None:
                yield from _tallied_alone(job, several, stagers, failed)
                continue
            stagers.take(together.pieces, together.told)
            yield from zip(several, together.tallies, strict=True)


def _tallied_alone(
    job: Job, files: Sequence[JobFile], stagers: _Stagers, failed: list[tuple[EvidenceId, str, str]]
) -> Iterator[tuple[JobFile, Tally]]:
    for file in files:
        try:
            tally = _read_file(job, file, stagers)
        except (DwellError, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as fault:  # noqa: BLE001 - a reader's panic on one file must not stop the others
            failed.append((file.evidence_id, file.shown, _why(fault)))
            if len(job.files) == 1:
                for stager in stagers.all():
                    stager.drop()
        else:
            yield file, tally


def _read_unit(job: Job) -> JobResult:
    stagers = _Stagers(job)
    files: list[dict[str, object]] = []
    failed: list[tuple[EvidenceId, str, str]] = []
    records = anomalies = 0
    zones: Counter[Zone | None] = Counter()
    spec = specs()[FILES]
    for file, tally in _tallied(job, stagers, failed):
        records += tally.records
        anomalies += tally.anomalies
        zones += tally.zones
        files.append(_common(job, file) | _file_row(file, tally))
    staged: dict[str, list[StagedFile]] = {}
    for stager in stagers.all():
        stager.flush()
        staged[stager.spec.name] = stager.staged
    closing = _Stager(job, spec)
    closing.take([pa.Table.from_pylist(files, schema=spec.schema)] if files else [])
    closing.flush()
    staged[FILES] = closing.staged
    return JobResult(job, staged, records, anomalies, tuple(failed), zones)


def _why(fault: BaseException) -> str:
    if isinstance(fault, OSError):
        return fault.strerror or str(fault)
    return f"the reader failed: {type(fault).__name__}"


def _listed(rows: list[dict[str, object]], spec: TableSpec) -> pa.Table | None:
    return pa.Table.from_pylist(rows, schema=spec.schema) if rows else None


def _common(job: Job, file: JobFile) -> dict[str, object]:
    return {"evidence_id": file.evidence_id, "host": file.host, "source": job.source}


def _anomaly_row(one: Anomaly) -> dict[str, object]:
    return {
        "record_no": one.record_no,
        "time_utc": None,
        "kind": one.kind.value,
        "offset_bytes": one.offset_bytes,
        "length_bytes": one.length_bytes,
        "kept": one.kept,
        "detail": one.detail,
    }


def _fact_row(fact: Fact) -> dict[str, object]:
    return {
        "record_no": fact.record_no or 0,
        "time_utc": _clean(fact.from_utc),
        "kind": fact.kind.value,
        "to_utc": _clean(fact.to_utc),
        "count": fact.count,
        "detail": fact.detail,
    }


def _file_row(file: JobFile, tally: Tally) -> dict[str, object]:
    return {
        "record_no": 0,
        "time_utc": tally.first,
        "last_utc": tally.last,
        "records": tally.records,
        "anomalies": tally.anomalies,
        "structural": tally.structural,
        "size_bytes": file.size_bytes,
    }


def _clean(instant: datetime | None) -> datetime | None:
    return None if instant is None else instant.astimezone(UTC)
