"""Reading one unit of evidence into staged data files. Runs in a worker process; touches no log and no custody."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import StagedFile, conform, discard, stage
from dwell.archive.spec import FLUSH_ROWS, TableSpec
from dwell.errors import DwellError
from dwell.intake.containers import Locator, open_locator
from dwell.intake.hosts import short_host
from dwell.intake.tables import ANOMALIES, FACTS, FILES, specs
from dwell.model.instants import utc_from_us
from dwell.model.provenance import Anomaly, EvidenceId, Fact
from dwell.sources.registry import source as source_of
from dwell.sources.source import Batch, Hint

__all__ = ["Job", "JobFile", "JobResult", "all_failed", "read_unit", "survives"]

_CHANGED = "its bytes changed since it was registered"


@dataclass(frozen=True, slots=True)
class JobFile:
    """One file of a job."""

    evidence_id: EvidenceId
    locator: Locator
    shown: str
    host: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Job:
    """A unit as a worker gets it.

    Attributes:
        transaction: the unit's id; also the stem of its files' names.
        source: the source that reads it.
        archive_root: where the tables are.
        files: what to read, in order.
    """

    transaction: str
    source: str
    archive_root: Path
    files: tuple[JobFile, ...]


@dataclass(frozen=True, slots=True)
class JobResult:
    """What a worker staged.

    Attributes:
        job: the job.
        staged: data files by table.
        records: records read.
        anomalies: stretches that could not be read.
        failed: (evidence id, shown path, why) of files that could not be read as registered; nothing of them is staged.
    """

    job: Job
    staged: dict[str, list[StagedFile]]
    records: int
    anomalies: int
    failed: tuple[tuple[EvidenceId, str, str], ...]


class _Hashing(io.RawIOBase):
    """A stream that hashes what is read from it, to be held against the register."""

    def __init__(self, inner: BinaryIO) -> None:
        self._inner = inner
        self.digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        target = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        data = self._inner.read(len(target))
        self.digest.update(data)
        target[: len(data)] = data
        return len(data)

    def drain(self) -> None:
        """Read what the source left unread."""
        while data := self._inner.read(1 << 20):
            self.digest.update(data)


@dataclass(slots=True)
class _Tally:
    records: int = 0
    structural: int = 0
    anomalies: int = 0
    first: datetime | None = None
    last: datetime | None = None

    def take(self, batch: Batch) -> None:
        self.anomalies += len(batch.anomalies)
        self.structural += batch.structural
        if batch.records is not None:
            self.records += batch.records.num_rows
            span = pc.min_max(batch.records.column("time_utc").cast(pa.int64()))
            if span["min"].is_valid:
                low, high = utc_from_us(span["min"].as_py()), utc_from_us(span["max"].as_py())
                self.first = low if self.first is None else min(self.first, low)
                self.last = high if self.last is None else max(self.last, high)


class _Stager:
    """Gathers rows of one table and writes them out whenever there are enough."""

    def __init__(self, job: Job, spec: TableSpec, flush_rows: int = FLUSH_ROWS) -> None:
        self.spec = spec
        self.flush_rows = flush_rows
        self.folder = job.archive_root / spec.name
        self.stem = job.transaction[:24]
        self.waiting: list[pa.Table] = []
        self.rows = 0
        self.staged: list[StagedFile] = []
        self.sequence = 0

    def take(self, tables: Iterable[pa.Table]) -> None:
        for table in tables:
            self.waiting.append(table)
            self.rows += table.num_rows
            if self.rows >= self.flush_rows:
                self.flush()

    def flush(self) -> None:
        if self.waiting:
            whole = pa.concat_tables(self.waiting)
            self.waiting, self.rows = [], 0
            self.staged += stage(self.folder, self.spec, whole, f"{self.stem}-{self.sequence:04}")
            self.sequence += 1

    def drop(self) -> None:
        discard(self.folder, self.staged)
        self.staged, self.waiting, self.rows = [], [], 0


def _rows(batch: pa.RecordBatch, file: JobFile, spec: TableSpec) -> pa.Table:
    """Put evidence id and host to a batch."""
    count = batch.num_rows
    table = pa.Table.from_batches([batch])
    evidence = pa.DictionaryArray.from_arrays(pa.nulls(count, pa.int32()).fill_null(0), pa.array([file.evidence_id]))
    named = table["host"].combine_chunks().cast(pa.string()).dictionary_encode()
    short = [one and short_host(one) for one in named.dictionary.to_pylist()]
    host = pa.array(short, pa.string()).take(named.indices)
    if file.host:
        host = pc.fill_null(host, file.host)
    table = table.set_column(table.schema.get_field_index("host"), "host", host)
    return conform(table.append_column("evidence_id", evidence), spec)


class _Stagers:
    """The stagers of one unit: records, anomalies, facts."""

    def __init__(self, job: Job) -> None:
        source = source_of(job.source)
        table_specs = specs()
        self.records = _Stager(job, table_specs[source.table])
        # anomalies keep bytes: fewer of them are held at once
        self.anomalies = _Stager(job, table_specs[ANOMALIES], FLUSH_ROWS // 16)
        self.facts = _Stager(job, table_specs[FACTS])

    def all(self) -> tuple[_Stager, ...]:
        return self.records, self.anomalies, self.facts


def _read_file(job: Job, file: JobFile, stagers: _Stagers) -> _Tally:
    """Read one file; its rows are taken only when its bytes proved to be those that were registered.

    Raises:
        OSError: it cannot be read, or changed since it was registered.
    """
    tally = _Tally()
    # a unit of several files is small: a file's rows wait until its hash is known; a file alone is dropped as a whole
    alone = len(job.files) == 1
    held: list[list[pa.Table]] = [[], [], []]
    with open_locator(file.locator) as raw:
        hashing = _Hashing(raw)
        stream = io.BufferedReader(hashing, buffer_size=1 << 20)
        for batch in source_of(job.source).read(stream, Hint(file.shown, file.host, file.size_bytes)):
            tally.take(batch)
            for stager, waiting, rows in zip(stagers.all(), held, _tables(batch, job, file, stagers), strict=True):
                if rows is not None and alone:
                    stager.take([rows])
                elif rows is not None:
                    waiting.append(rows)
        hashing.drain()
    if hashing.digest.hexdigest() != file.evidence_id:
        raise OSError(_CHANGED)
    for stager, waiting in zip(stagers.all(), held, strict=True):
        stager.take(waiting)
    return tally


def survives(job: Job) -> bool:
    """Read a job's files and keep nothing: does the reader live through them?"""
    stagers = _Stagers(job)
    for file in job.files:
        try:
            with open_locator(file.locator) as raw:
                for batch in source_of(job.source).read(raw, Hint(file.shown, file.host, file.size_bytes)):
                    _tables(batch, job, file, stagers)
        except Exception:  # noqa: BLE001, S112 - a fault that can be caught is no death
            continue
    return True


def all_failed(job: Job, why: str) -> JobResult:
    """Give the result of a job of which no file could be read."""
    return JobResult(job, {}, 0, 0, tuple((file.evidence_id, file.shown, why) for file in job.files))


def _tables(batch: Batch, job: Job, file: JobFile, stagers: _Stagers) -> tuple[pa.Table | None, ...]:
    """Give a batch's records, anomalies and facts as tables; None where there are none."""
    records = batch.records
    return (
        _rows(records, file, stagers.records.spec) if records is not None and records.num_rows else None,
        _listed([_anomaly_row(one) for one in batch.anomalies], job, file, stagers.anomalies.spec),
        _listed([_fact_row(one) for one in batch.facts], job, file, stagers.facts.spec),
    )


def read_unit(job: Job) -> JobResult:
    """Read a unit and stage its rows, anomalies, facts and tallies."""
    stagers = _Stagers(job)
    files: list[pa.Table] = []
    failed: list[tuple[EvidenceId, str, str]] = []
    records = anomalies = 0
    spec = specs()[FILES]
    for file in job.files:
        try:
            tally = _read_file(job, file, stagers)
        except (DwellError, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as fault:  # noqa: BLE001 - a reader's panic on one file must not stop the others
            failed.append((file.evidence_id, file.shown, _why(fault)))
            if len(job.files) == 1:
                for stager in stagers.all():
                    stager.drop()
            continue
        records += tally.records
        anomalies += tally.anomalies
        row = _listed([_file_row(file, tally)], job, file, spec)
        if row is not None:
            files.append(row)
    staged: dict[str, list[StagedFile]] = {}
    for stager in stagers.all():
        stager.flush()
        staged[stager.spec.name] = stager.staged
    closing = _Stager(job, spec)
    closing.take(files)
    closing.flush()
    staged[FILES] = closing.staged
    return JobResult(job, staged, records, anomalies, tuple(failed))


def _why(fault: BaseException) -> str:
    if isinstance(fault, OSError):
        return fault.strerror or str(fault)
    return f"the reader failed: {type(fault).__name__}"


def _listed(rows: list[dict[str, object]], job: Job, file: JobFile, spec: TableSpec) -> pa.Table | None:
    if not rows:
        return None
    common = {"evidence_id": file.evidence_id, "host": file.host, "source": job.source}
    return conform(pa.Table.from_pylist([common | row for row in rows], schema=spec.schema), spec)


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


def _file_row(file: JobFile, tally: _Tally) -> dict[str, object]:
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
