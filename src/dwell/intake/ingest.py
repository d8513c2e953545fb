"""Ingest: register, plan, read, commit. Resumable: what is committed is never read again, what is not is read anew."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dwell.archive.store import Archive
from dwell.casebook.case import Case
from dwell.casebook.evidence import Evidence, Growth, Unit
from dwell.engine.pool import default_workers, run
from dwell.errors import NoEvidenceError
from dwell.intake.clocks import as_written, corrected, corrections, measure_clocks
from dwell.intake.commits import commit_unit, heal
from dwell.intake.containers import close_zips
from dwell.intake.event_copies import EventCopies
from dwell.intake.foreseen import Foreseen, foresee
from dwell.intake.grown import find_growths
from dwell.intake.plan import Fault, Plan, PlannedFile, make_plan
from dwell.intake.reading import Job, JobFile, JobResult, all_failed, read_unit, survives
from dwell.intake.remainder import Before, befores_of
from dwell.intake.units import Pending, held, pending
from dwell.intake.zones import Zone, settle_zones
from dwell.model.clocks import ClockCorrection
from dwell.model.provenance import EvidenceId
from dwell.model.settings import Setting

__all__ = ["IngestResult", "Progress", "dry_run", "ingest", "open_archive", "plan"]

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
        parts: files that were not read because another one that is held begins with the same bytes.
        grown: files of which only the rest was read, because a shorter copy of them is held.
        copies: events that stand in several files, copies or exports of one event log, and count once.
        unlike: events that have the record number of another and say something else; both stay.
        twice: events that are held and say more in this run's file, so that both are kept.
        clocks: what is corrected in the case, of clocks that are off for certain.
    """

    files_new: int
    files_known: int
    records: int
    anomalies: int
    unrecognised: tuple[PlannedFile, ...]
    faults: tuple[Fault, ...]
    zones: Counter[Zone | None]
    parts: tuple[PlannedFile, ...] = ()
    grown: int = 0
    copies: int = 0
    unlike: int = 0
    twice: int = 0
    clocks: tuple[ClockCorrection, ...] = ()


def open_archive(case: Case, settings: Sequence[Setting] | None = None) -> Archive:
    """Give a case's archive, clocks corrected that are off for certain; by the settings in force where none are given."""
    return corrected(case, settings)


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
            file.written_utc, file.heads,
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


@dataclass(frozen=True, slots=True)
class _Run:
    """What an ingest works on."""

    case: Case
    archive: Archive
    plan: Plan
    zones: Sequence[Zone]
    register: Mapping[EvidenceId, Evidence]
    growths: Mapping[EvidenceId, Growth]

    def _host(self, file: PlannedFile, read_before: Growth | None) -> str:
        """Give a file's host: a log that grew is still of the host that its shorter copy was read for."""
        if read_before is not None and self.register[read_before.part].host:
            return self.register[read_before.part].host
        host, growth = file.host, self.growths.get(file.evidence_id)
        while not host and growth is not None:
            host, growth = self.register[growth.part].host, self.growths.get(growth.part)
        return host

    def jobs(self, left: Pending) -> Iterator[Job]:
        """Make what is left to be read into what workers get."""
        files = {file.evidence_id: file for file in self.plan.files}
        before = befores_of(self.case, self.archive, left.after) if left.after else {}
        for unit in left.units:
            yield self._job(unit, files, left.after, before)

    def _job(
        self,
        unit: Unit,
        files: Mapping[EvidenceId, PlannedFile],
        after: Mapping[EvidenceId, Growth],
        before: Mapping[EvidenceId, Before],
    ) -> Job:
        """Make a unit into what a worker gets."""
        listed = []
        for one in unit.evidence:
            file, host = files[one], self._host(files[one], after.get(one))
            listed.append(JobFile(one, file.locator, file.places[0].path, host, file.size_bytes, before.get(one)))
        return Job(unit.transaction, unit.source, self.archive.root.resolve(), tuple(listed), tuple(self.zones))


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
    """Say what lies in folders and what each file is; nothing is written to any case.

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


def dry_run(case: Case | None, paths: Sequence[Path], progress: Progress | None = None) -> tuple[Plan, Foreseen]:
    """Say what an ingest would find, what it would read and what it would leave out; nothing is written to any case.

    Args:
        case: the case that would take it, whose folder is not walked into; None where there is none yet.
        paths: folders and files.
        progress: told how far it is.
    """
    tell = progress or (lambda *_: None)
    with tempfile.TemporaryDirectory(prefix="dwell-") as spool:
        try:
            found = make_plan(
                paths, Path(spool), lambda shown, size: tell("hashing", shown, size, 0), [case.root] if case else []
            )
            return found, foresee(case, found, lambda shown, size: tell("hashing", shown, size, 0))
        finally:
            close_zips()


def ingest(
    case: Case,
    paths: Sequence[Path],
    *,
    zones: Sequence[Zone] = (),
    workers: int | None = None,
    unread: bool = False,
    progress: Progress | None = None,
) -> IngestResult:
    """Bring evidence into a case. The caller holds the case's lock.

    Args:
        case: the case.
        paths: folders and files.
        zones: zones of hosts whose logs are in local time; those of the case's last ingest where none are given.
        workers: processes; 1 reads in this process, where a file made to kill its reader would end the run.
        unread: take files among which no source reads any: rules for whole files look at them all the same.
        progress: told how far it is.

    Raises:
        NoEvidenceError: nothing was recognised as evidence.
        UsageError: records were read in another zone already.
        DiskFullError: no room left; run again to go on.
    """
    tell = progress or (lambda *_: None)
    archive = as_written(case)
    shutil.rmtree(case.spool_root, ignore_errors=True)
    case.spool_root.mkdir()
    try:
        heal(case, archive)
        found = make_plan(paths, case.spool_root, lambda shown, size: tell("hashing", shown, size, 0), [case.root])
        if not found.readable and not (unread and found.files):
            raise _no_evidence(found)
        settled = settle_zones(case, zones)
        _register(case, found)
        _record_growths(case, found, tell)
        here = _Run(case, archive, found, settled, case.register(), case.growths())
        done = _read_all(here, workers, tell)
        measure_clocks(case, workers)
        return replace(done, clocks=corrections(case))
    finally:
        close_zips()
        shutil.rmtree(case.spool_root, ignore_errors=True)


def _record_growths(case: Case, plan: Plan, tell: Progress) -> None:
    """Write down which files turned out to be the beginning of others."""
    new = find_growths(
        plan.files, case.register(), held(case), case.growths(), lambda shown, size: tell("hashing", shown, size, 0)
    )
    if new:
        rows = [[one.part, one.whole, one.size_bytes, one.lines, one.cut] for one in new]
        case.record("grown", {"logs": rows})


def _no_evidence(plan: Plan) -> NoEvidenceError:
    guesses = "; ".join(
        f"{file.places[0].path}: {', '.join(file.guesses) or ('no guess' if file.size_bytes else 'it is empty')}"
        for file in plan.files[:5]
    )
    what = f"nothing recognised as evidence among {len(plan.files)} files" if plan.files else "no files found"
    if plan.faults:
        what += f" ({len(plan.faults)} could not be looked at: {plan.faults[0].path}: {plan.faults[0].why})"
    remedy = f"Best guesses: {guesses}" if guesses else "Give a folder that holds logs or exports"
    return NoEvidenceError(what, remedy=remedy)


def _read_all(here: _Run, workers: int | None, tell: Progress) -> IngestResult:
    case, plan = here.case, here.plan
    files = {file.evidence_id: file for file in plan.files}
    left = pending(case, plan)
    known = left.known
    total = sum(files[one].size_bytes for unit in left.units for one in unit.evidence)
    done = records = anomalies = read = grown = 0
    same: Counter[str] = Counter()
    count = workers or default_workers()
    events = EventCopies(here.archive, here.register, count)
    faults = list(plan.faults)
    lost: set[EvidenceId] = set()
    read_in: Counter[Zone | None] = Counter()
    tell("reading", "", 0, total)
    while left.units:
        jobs = here.jobs(left)
        busy = min(count, max(1, len(left.units)))
        for staged in run(read_unit, jobs, workers=busy, isolated=workers != 1, lost=_without_killers):
            result = events.left_out(staged)
            commit_unit(case, here.archive, result)
            same += Counter(copies=result.copies, unlike=result.unlike, twice=result.twice)
            failed = {one for one, _, _ in result.failed}
            records += result.records
            anomalies += result.anomalies
            read_in += result.zones
            read += len(result.job.files) - len(result.failed)
            grown += sum(one.before is not None and one.evidence_id not in failed for one in result.job.files)
            faults += [Fault(shown, why) for _, shown, why in result.failed]
            lost |= failed
            done += sum(file.size_bytes for file in result.job.files)
            tell("reading", result.job.files[-1].shown, done, total)
        # what was left out for the sake of a file that then could not be read is read after all
        left = pending(case, plan, lost)
    unrecognised = tuple(file for file in plan.files if file.source is None and file not in left.parts)
    return IngestResult(
        read, known, records, anomalies, unrecognised, tuple(sorted(faults)), read_in, left.parts, grown,
        same["copies"], same["unlike"], same["twice"],
    )  # fmt: skip
