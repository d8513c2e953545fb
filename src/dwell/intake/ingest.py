"""Ingest: register, plan, read, commit. Resumable: what is committed is never read again, what is not is read anew."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dwell.archive.store import Archive
from dwell.casebook.case import Case
from dwell.casebook.evidence import Evidence, Unit
from dwell.engine.pool import default_workers, run
from dwell.errors import NoEvidenceError
from dwell.intake.plan import Fault, Plan, PlannedFile, make_plan
from dwell.intake.reading import Job, JobFile, JobResult, read_unit
from dwell.intake.tables import FILES, HOUSE_TABLES, specs
from dwell.model.provenance import EvidenceId
from dwell.sources.registry import source as source_of

__all__ = ["UNIT_BYTES", "IngestResult", "Progress", "ingest", "open_archive"]

UNIT_BYTES = 96 * 1024 * 1024
"""Small files of one source are read together up to this size, so that many files become few."""
UNIT_FILES = 4_096
REGISTER_BATCH = 2_000
_UNIT_VERSION = "1"

Progress = Callable[[str, str, int, int], None]
"""Told (phase, what, done, total); bytes in `hashing` and `reading`, total 0 where unknown."""


@dataclass(frozen=True, slots=True)
class IngestResult:
    """What an ingest did.

    Attributes:
        files_new: evidence read in this run.
        files_known: evidence that was in the archive already.
        records: records added.
        anomalies: stretches that could not be read.
        unrecognised: files that no source was sure of.
        faults: places that could not be looked at or read.
    """

    files_new: int
    files_known: int
    records: int
    anomalies: int
    unrecognised: tuple[PlannedFile, ...]
    faults: tuple[Fault, ...]


def open_archive(case: Case) -> Archive:
    """Give a case's archive."""
    return Archive(case.archive_root, specs())


def _transaction(source: str, evidence: Sequence[EvidenceId]) -> str:
    return hashlib.sha256("\n".join([_UNIT_VERSION, source, *evidence]).encode()).hexdigest()


def _grouped(files: Sequence[PlannedFile]) -> Iterator[Unit]:
    """Group files of one source, neighbours by host and path, into units of about `UNIT_BYTES`."""
    ordered = sorted(files, key=lambda file: (file.source or "", file.host, file.places, file.evidence_id))
    waiting: list[PlannedFile] = []
    size = 0
    for file in ordered:
        full = size + file.size_bytes > UNIT_BYTES or len(waiting) >= UNIT_FILES
        if waiting and (full or waiting[0].source != file.source):
            yield _unit(waiting)
            waiting, size = [], 0
        waiting.append(file)
        size += file.size_bytes
    if waiting:
        yield _unit(waiting)


def _unit(files: Sequence[PlannedFile]) -> Unit:
    source = files[0].source or ""
    evidence = tuple(file.evidence_id for file in files)
    return Unit(_transaction(source, evidence), source, evidence)


def _register(case: Case, plan: Plan) -> None:
    """Write down what is new: evidence never seen, or seen in a new place."""
    known = case.register()
    new: list[dict[str, object]] = []
    for file in plan.files:
        first = known.get(file.evidence_id)
        if first is not None and set(file.places) <= set(first.places) and first.source == file.source:
            continue
        item = Evidence(
            file.evidence_id, file.size_bytes, file.places, file.source, file.host, file.host_why, file.guesses, ""
        )
        new.append(item.as_dict())
    for start in range(0, len(new), REGISTER_BATCH):
        case.record("register", {"evidence": new[start : start + REGISTER_BATCH]})


def _pending(case: Case, archive: Archive, plan: Plan) -> tuple[list[Unit], int]:
    """Give the units still to be read, planning those that no earlier run planned."""
    committed = {commit.transaction for commit in archive.log(FILES).commits()}
    here = {file.evidence_id: file for file in plan.readable}
    planned = case.units()
    done = {one for unit in planned if unit.transaction in committed for one in unit.evidence}
    failed = {str(one) for act in case.acts() if act.act == "failed" for one in act.details["evidence"]}  # type: ignore[attr-defined]
    done -= {one for one in done if one in failed}
    waiting: list[Unit] = []
    taken: set[EvidenceId] = set()
    for unit in planned:
        fresh = unit.transaction not in committed and not (set(unit.evidence) & (done | taken))
        if fresh and set(unit.evidence) <= set(here) and all(here[one].source == unit.source for one in unit.evidence):
            waiting.append(unit)
            taken |= set(unit.evidence)
    new = list(_grouped([file for key, file in here.items() if key not in done and key not in taken]))
    new = [unit for unit in new if unit.transaction not in committed]
    if new:
        rows = [{"transaction": one.transaction, "source": one.source, "evidence": list(one.evidence)} for one in new]
        case.record("plan", {"units": rows})
    return [*waiting, *new], len(done & set(here))


def _job(unit: Unit, files: dict[EvidenceId, PlannedFile], archive: Archive) -> Job:
    table = source_of(unit.source).table
    done = frozenset(name for name in (table, *HOUSE_TABLES) if archive.has(name, unit.transaction))
    listed = tuple(
        JobFile(one, files[one].locator, files[one].places[0].path, files[one].host, files[one].size_bytes)
        for one in unit.evidence
    )
    return Job(unit.transaction, unit.source, archive.root.resolve(), listed, done)


def _commit(case: Case, archive: Archive, result: JobResult) -> None:
    """Make a unit part of the archive: records first, the tallies last, so that a unit without them is read anew."""
    job = result.job
    order = [source_of(job.source).table, *HOUSE_TABLES]
    versions: dict[str, list[object]] = {}
    for name in order:
        files = result.staged.get(name, [])
        if files and name not in job.done:
            commit = archive.commit(name, files, job.transaction)
            digest = hashlib.sha256(commit.log_path.read_bytes()).hexdigest()
            versions[name] = [commit.version, digest]
    if result.failed:
        case.record(
            "failed", {"evidence": [one for one, _, _ in result.failed], "why": [why for _, _, why in result.failed]}
        )
    case.record(
        "commit",
        {"transaction": job.transaction, "tables": versions, "records": result.records, "anomalies": result.anomalies},
    )


def _heal(case: Case, archive: Archive) -> None:
    """After a crash: clear away files no commit names, and write down commits that custody does not know."""
    known: dict[str, set[int]] = {}
    for act in case.acts():
        if act.act == "commit":
            for table, (version, _) in act.details["tables"].items():  # type: ignore[attr-defined]
                known.setdefault(table, set()).add(int(version))
    found: dict[str, list[list[object]]] = {}
    for table in archive.tables():
        for commit in archive.log(table).commits():
            if commit.version not in known.get(table, set()):
                digest = hashlib.sha256(commit.log_path.read_bytes()).hexdigest()
                found.setdefault(table, []).append([commit.version, digest])
    for table, commits in sorted(found.items()):
        for one in commits:
            case.record("commit", {"transaction": "", "tables": {table: one}, "recovered": True})
    for path in archive.unregistered():
        path.unlink(missing_ok=True)


def ingest(
    case: Case, paths: Sequence[Path], *, workers: int | None = None, progress: Progress | None = None
) -> IngestResult:
    """Bring evidence into a case. The caller holds the case's lock.

    Args:
        case: the case.
        paths: folders and files.
        workers: processes.
        progress: told how far it is.

    Raises:
        NoEvidenceError: nothing was recognised as evidence.
        DiskFullError: no room left; run again to go on.
    """
    tell = progress or (lambda *_: None)
    archive = open_archive(case)
    case.spool_root.mkdir(exist_ok=True)
    try:
        _heal(case, archive)
        plan = make_plan(paths, case.spool_root, lambda shown, size: tell("hashing", shown, size, 0), [case.root])
        if not plan.readable:
            guesses = "; ".join(
                f"{file.places[0].path}: {', '.join(file.guesses) or 'no guess'}" for file in plan.files[:5]
            )
            what = f"nothing recognised as evidence among {len(plan.files)} files" if plan.files else "no files found"
            if plan.faults:
                what += f" ({len(plan.faults)} could not be looked at: {plan.faults[0].path}: {plan.faults[0].why})"
            remedy = f"Best guesses: {guesses}" if guesses else "Give a folder that holds logs or exports"
            raise NoEvidenceError(what, remedy=remedy)
        _register(case, plan)
        units, known = _pending(case, archive, plan)
        return _read_all(case, archive, plan, units, known, workers, tell)
    finally:
        shutil.rmtree(case.spool_root, ignore_errors=True)


def _read_all(
    case: Case, archive: Archive, plan: Plan, units: list[Unit], known: int, workers: int | None, tell: Progress
) -> IngestResult:
    files = {file.evidence_id: file for file in plan.files}
    total = sum(files[one].size_bytes for unit in units for one in unit.evidence)
    done = records = anomalies = read = 0
    faults = list(plan.faults)
    tell("reading", "", 0, total)
    jobs = (_job(unit, files, archive) for unit in units)
    for result in run(read_unit, jobs, workers=min(workers or default_workers(), max(1, len(units)))):
        _commit(case, archive, result)
        records += result.records
        anomalies += result.anomalies
        read += len(result.job.files) - len(result.failed)
        faults += [Fault(shown, why) for _, shown, why in result.failed]
        done += sum(file.size_bytes for file in result.job.files)
        tell("reading", result.job.files[-1].shown, done, total)
    unrecognised = tuple(file for file in plan.files if file.source is None)
    return IngestResult(read, known, records, anomalies, unrecognised, tuple(sorted(faults)))
