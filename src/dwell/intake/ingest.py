"""Ingest: register, plan, read, commit. Resumable: what is committed is never read again, what is not is read anew."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dwell.archive.store import Archive
from dwell.casebook.case import Case
from dwell.casebook.evidence import Evidence, Unit
from dwell.engine.pool import default_workers, run
from dwell.errors import NoEvidenceError
from dwell.intake.commits import commit_unit, heal
from dwell.intake.containers import close_zips
from dwell.intake.plan import Fault, Plan, PlannedFile, make_plan
from dwell.intake.reading import Job, JobFile, JobResult, all_failed, read_unit, survives
from dwell.intake.tables import specs
from dwell.intake.units import pending
from dwell.intake.zones import Zone, settle_zones
from dwell.model.provenance import EvidenceId

__all__ = ["IngestResult", "Progress", "ingest", "open_archive", "plan"]

REGISTER_BATCH = 2_000
_KILLED = "its reader died on it, again and again: lack of memory, or a file made to do that"

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
        zones: how many records in local time were read in which zone; None stands for those read as UTC.
    """

    files_new: int
    files_known: int
    records: int
    anomalies: int
    unrecognised: tuple[PlannedFile, ...]
    faults: tuple[Fault, ...]
    zones: Counter[Zone | None]


def open_archive(case: Case) -> Archive:
    """Give a case's archive."""
    return Archive(case.archive_root, specs())


def _register(case: Case, plan: Plan) -> None:
    """Write down what is new: evidence never seen, or seen in a new place."""
    known = case.register()
    _record_faults(case, plan)
    new: list[dict[str, object]] = []
    for file in plan.files:
        first = known.get(file.evidence_id)
        if first is not None and set(file.places) <= set(first.places) and first.source == file.source:
            continue
        item = Evidence(
            file.evidence_id, file.size_bytes, file.places, file.source, file.host, file.host_why, file.guesses, "",
            file.written_utc,
        )  # fmt: skip
        new.append(item.as_dict())
    packed = sorted(set(plan.packed) - case.containers())
    if packed:
        listed = [[one.place.path, one.place.root, one.sha256, one.size_bytes] for one in packed]
        case.record("register", {"evidence": [], "containers": listed})
    for start in range(0, len(new), REGISTER_BATCH):
        case.record("register", {"evidence": new[start : start + REGISTER_BATCH]})


def _record_faults(case: Case, plan: Plan) -> None:
    """Write down what could not be looked at, unless it was the last time already."""
    faults = [[one.path, one.why] for one in plan.faults]
    last = next((act.details["faults"] for act in reversed(case.acts()) if act.act == "not-looked-at"), [])
    if faults != last:
        case.record("not-looked-at", {"faults": faults})


def _job(unit: Unit, files: dict[EvidenceId, PlannedFile], archive: Archive, zones: Sequence[Zone]) -> Job:
    listed = tuple(
        JobFile(one, files[one].locator, files[one].places[0].path, files[one].host, files[one].size_bytes)
        for one in unit.evidence
    )
    return Job(unit.transaction, unit.source, archive.root.resolve(), listed, tuple(zones))


def _without_killers(job: Job) -> JobResult:
    """Read a job on which workers died: find the files that kill their reader, and read it without them."""
    single = [replace(job, files=(file,)) for file in job.files]
    lived = list(run(survives, single, workers=1, isolated=True, lost=lambda _: False))
    killers = tuple(file for file, alive in zip(job.files, lived, strict=True) if not alive)
    rest = tuple(file for file in job.files if file not in killers)
    failed = all_failed(replace(job, files=killers), _KILLED)
    if not rest:
        return failed
    again = replace(job, files=rest)
    (result,) = run(read_unit, [again], workers=1, isolated=True, lost=lambda one: all_failed(one, _KILLED))
    return replace(result, job=job, failed=(*result.failed, *failed.failed))


def plan(case: Case | None, paths: Sequence[Path], progress: Progress | None = None) -> Plan:
    """Say what an ingest would find and read; nothing is written to any case.

    Args:
        case: the case that would take it, whose folder is not walked into; None where there is none yet.
        paths: folders and files.
        progress: told how far it is.
    """
    tell = progress or (lambda *_: None)
    with tempfile.TemporaryDirectory(prefix="dwell-") as spool:
        return make_plan(
            paths, Path(spool), lambda shown, size: tell("hashing", shown, size, 0), [case.root] if case else []
        )


def ingest(
    case: Case,
    paths: Sequence[Path],
    *,
    zones: Sequence[Zone] = (),
    workers: int | None = None,
    progress: Progress | None = None,
) -> IngestResult:
    """Bring evidence into a case. The caller holds the case's lock.

    Args:
        case: the case.
        paths: folders and files.
        zones: zones of hosts whose logs are in local time; those of the case's last ingest where none are given.
        workers: processes; 1 reads in this process, where a file made to kill its reader would end the run.
        progress: told how far it is.

    Raises:
        NoEvidenceError: nothing was recognised as evidence.
        UsageError: records were read in another zone already.
        DiskFullError: no room left; run again to go on.
    """
    tell = progress or (lambda *_: None)
    archive = open_archive(case)
    shutil.rmtree(case.spool_root, ignore_errors=True)
    case.spool_root.mkdir()
    try:
        heal(case, archive)
        found = make_plan(paths, case.spool_root, lambda shown, size: tell("hashing", shown, size, 0), [case.root])
        if not found.readable:
            raise _no_evidence(found)
        settled = settle_zones(case, zones)
        _register(case, found)
        units, known = pending(case, found)
        return _read_all(case, archive, found, units, known, settled, workers, tell)
    finally:
        close_zips()
        shutil.rmtree(case.spool_root, ignore_errors=True)


def _no_evidence(plan: Plan) -> NoEvidenceError:
    guesses = "; ".join(f"{file.places[0].path}: {', '.join(file.guesses) or 'no guess'}" for file in plan.files[:5])
    what = f"nothing recognised as evidence among {len(plan.files)} files" if plan.files else "no files found"
    if plan.faults:
        what += f" ({len(plan.faults)} could not be looked at: {plan.faults[0].path}: {plan.faults[0].why})"
    remedy = f"Best guesses: {guesses}" if guesses else "Give a folder that holds logs or exports"
    return NoEvidenceError(what, remedy=remedy)


def _read_all(
    case: Case,
    archive: Archive,
    plan: Plan,
    units: list[Unit],
    known: int,
    zones: Sequence[Zone],
    workers: int | None,
    tell: Progress,
) -> IngestResult:
    files = {file.evidence_id: file for file in plan.files}
    total = sum(files[one].size_bytes for unit in units for one in unit.evidence)
    done = records = anomalies = read = 0
    faults = list(plan.faults)
    read_in: Counter[Zone | None] = Counter()
    tell("reading", "", 0, total)
    jobs = (_job(unit, files, archive, zones) for unit in units)
    count = min(workers or default_workers(), max(1, len(units)))
    for result in run(read_unit, jobs, workers=count, isolated=workers != 1, lost=_without_killers):
        commit_unit(case, archive, result)
        records += result.records
        anomalies += result.anomalies
        read_in += result.zones
        read += len(result.job.files) - len(result.failed)
        faults += [Fault(shown, why) for _, shown, why in result.failed]
        done += sum(file.size_bytes for file in result.job.files)
        tell("reading", result.job.files[-1].shown, done, total)
    unrecognised = tuple(file for file in plan.files if file.source is None)
    return IngestResult(read, known, records, anomalies, unrecognised, tuple(sorted(faults)), read_in)
