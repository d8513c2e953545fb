"""A hunt with YARA rules: over the files that are held, over the records of all tables, and what became of every rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pyarrow as pa

from dwell.archive.store import Archive
from dwell.casebook.evidence import Evidence
from dwell.casebook.whole_files import written_whole
from dwell.engine.pool import default_workers, run
from dwell.hunt.ordering import concat
from dwell.hunt.ruleset import RuleInfo
from dwell.hunt.sigma.loaded import outcome_of
from dwell.hunt.yara.load import YaraRule, YaraRules, load_yara
from dwell.hunt.yara.onfiles import (
    FileFound,
    FileJob,
    FilesDone,
    Unscanned,
    alone,
    as_hits,
    file_jobs,
    files_of_interest,
    lost_files,
    put_to_files,
)
from dwell.hunt.yara.onrecords import RecordJob, RecordsDone, put_to_records
from dwell.hunt.yara.scanner import RULE_SECONDS
from dwell.intake.tables import HOUSE_TABLES
from dwell.model.claims import RuleOutcome, RuleStatus

__all__ = ["Looked", "YaraHunted", "YaraWanted", "hunt_yara"]

Progress = Callable[[int, int, str], None]
"""Told (stretches of work done, in all, what)."""


@dataclass(frozen=True, slots=True)
class YaraWanted:
    """What a hunt with YARA rules needs.

    Attributes:
        paths: files and folders of rules.
        accepted: names of licences that the user accepts.
        evidence: everything that is registered; the files that are no logs are put to the rules.
        loaded: rules that are loaded already; no path is read then.
    """

    paths: tuple[Path, ...] = ()
    accepted: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    loaded: YaraRules | None = None


@dataclass(frozen=True, slots=True)
class Looked:
    """What YARA rules were put to.

    Attributes:
        files: files that were put to the rules.
        size_bytes: their bytes.
        records: records that were.
        unscanned: files that were not, with the reason.
    """

    files: int
    size_bytes: int
    records: int
    unscanned: tuple[Unscanned, ...]


@dataclass(frozen=True, slots=True)
class YaraHunted:
    """What a hunt with YARA rules yields.

    Attributes:
        outcomes: what became of every rule; as many as there are.
        hits: rows in `dwell.hunt.hits.HITS`.
        infos: what is said about each rule, by id.
        faults: files, and rules in them, that cannot be used; printable.
        digest: changes whenever the rules do.
        looked: what they were put to.
        rules: the rules themselves.
    """

    outcomes: tuple[RuleOutcome, ...]
    hits: pa.Table
    infos: Mapping[str, RuleInfo]
    faults: tuple[str, ...]
    digest: str
    looked: Looked
    rules: YaraRules


class _Kept:
    """What the rules met in files, kept by the file's hash: it stands when the evidence is elsewhere later."""

    def __init__(self, folder: Path | None, key: str) -> None:
        self._path = folder / f"{key[:32]}-yara-files.json" if folder is not None else None
        self.held: dict[str, FileFound] = {}
        try:
            if self._path is not None:
                listed = msgspec.json.decode(self._path.read_bytes(), type=list[FileFound])
                self.held = {f"{one.evidence_id}:{one.path}": one for one in listed}
        except (OSError, msgspec.MsgspecError):
            self.held = {}

    def of(self, one: Evidence) -> FileFound | None:
        """Give what is known of a file."""
        return self.held.get(f"{one.evidence_id}:{one.path}")

    def keep(self, found: Iterable[FileFound]) -> None:
        """Keep what came to its end."""
        if self._path is None:
            return
        self.held |= {f"{one.evidence_id}:{one.path}": one for one in found if one.whole}
        with written_whole(self._path) as unfinished:
            unfinished.write_bytes(msgspec.json.encode([self.held[name] for name in sorted(self.held)]))


def _lost(job: FileJob) -> FilesDone:
    """Find the file on which a worker died, and do the others."""
    if len(job.files) == 1:
        return lost_files(job)
    parts = list(run(put_to_files, alone(job), workers=1, isolated=True, lost=lost_files))
    return FilesDone([one for part in parts for one in part.found], [one for part in parts for one in part.unscanned])


def hunt_yara(
    archive: Archive,
    wanted: YaraWanted,
    *,
    workers: int | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> YaraHunted:
    """Put YARA rules to everything that is held.

    Args:
        archive: the case's archive.
        wanted: the rules, and the evidence.
        workers: processes.
        cache: folder where hits are kept between runs.
        progress: told how far it is.

    Raises:
        UsageError: the YARA library is not installed.
        CustodyError: a data file is not what was written.
    """
    rules = wanted.loaded or load_yara(wanted.paths, wanted.accepted)
    key = rules.digest()
    with TemporaryDirectory(prefix="dwell-yara-") as scratch:
        written = Path(scratch) / "yara.json"
        written.write_bytes(msgspec.json.encode(rules))
        files, unscanned = _files(wanted.evidence, rules, written, key, cache, workers, progress)
        records = _records(archive, rules, written, key, cache, workers, progress)
    hits = concat([as_hits([hit for one in files for hit in one.hits]), *(one.hits for one in records)])
    looked = Looked(
        len(files),
        sum(one.size_bytes for one in files),
        sum(one.records for one in records),
        tuple(sorted(unscanned)),
    )
    outcomes = [*rules.ended, *_Outcomes(rules, files, records, looked).told(hits)]
    told = tuple(sorted(outcomes, key=lambda one: (one.rule_id, one.path)))
    return YaraHunted(told, hits, rules.infos, rules.faults, key, looked, rules)


def _files(
    evidence: Sequence[Evidence],
    rules: YaraRules,
    written: Path,
    key: str,
    cache: Path | None,
    workers: int | None,
    progress: Progress | None,
) -> tuple[list[FileFound], list[Unscanned]]:
    """Put the rules to the files, those apart of which it is known what they hold."""
    if not rules.units:
        return [], []
    kept = _Kept(cache, key)
    listed = files_of_interest(evidence)
    known = [held for one in listed if (held := kept.of(one)) is not None]
    jobs, unscanned = file_jobs([one for one in listed if kept.of(one) is None], written, key)
    found: list[FileFound] = []
    # the library takes programs apart: what it dies on must not take this process with it
    count = min(workers or default_workers(), max(1, len(jobs)))
    results = run(put_to_files, jobs, workers=count, isolated=workers != 1, lost=_lost)
    for done, one in enumerate(results, 1):
        found += one.found
        unscanned += one.unscanned
        if progress is not None:
            progress(done, len(jobs), "files")
    if found:
        kept.keep(found)
    return sorted([*known, *found], key=lambda one: (one.path, one.evidence_id)), unscanned


def _records(
    archive: Archive,
    rules: YaraRules,
    written: Path,
    key: str,
    cache: Path | None,
    workers: int | None,
    progress: Progress | None,
) -> list[RecordsDone]:
    """Put the rules to the records."""
    if not rules.records:
        return []
    tables = [one for one in archive.tables() if one not in HOUSE_TABLES]
    jobs = [RecordJob(written, key, file, cache) for table in tables for file in archive.files(table)]
    waiting = sum(one.place is None or not one.place.is_file() for one in jobs)
    out: list[RecordsDone] = []
    for job, one in zip(jobs, run(put_to_records, jobs, workers=1 if waiting < 2 else workers), strict=True):
        out.append(one)
        if progress is not None:
            progress(len(out), len(jobs), job.file.table)
    return out


@dataclass(frozen=True, slots=True)
class _Outcomes:
    """What became of the rules that were put to something."""

    rules: YaraRules
    files: Sequence[FileFound]
    records: Sequence[RecordsDone]
    looked: Looked
    slow: dict[int, list[int]] = field(default_factory=dict)
    failed: dict[int, list[int]] = field(default_factory=dict)

    def told(self, hits: pa.Table) -> list[RuleOutcome]:
        """Give an outcome for each."""
        for one in self.files:
            for held, names in ((self.slow, one.slow), (self.failed, one.failed)):
                for index in names:
                    held.setdefault(index, [0, 0])[0] += 1
        for part in self.records:
            for held, counts in ((self.slow, part.slow), (self.failed, part.failed)):
                for index, number in counts.items():
                    held.setdefault(index, [0, 0])[1] += number
        summed = hits.group_by("rule_id").aggregate([("count", "sum")])
        met = dict(zip(summed["rule_id"].to_pylist(), summed["count_sum"].to_pylist(), strict=True))
        return [self._one(at, rule, met.get(rule.info.id, 0)) for at, rule in enumerate(self.rules.rules)]

    def _one(self, at: int, rule: YaraRule, met: int) -> RuleOutcome:
        if rule.private:
            return outcome_of(rule.info, RuleStatus.RAN, "it serves the other rules of its file")
        records = 0 if rule.not_on_records else self.looked.records
        short = []
        for held, what in (
            (self.slow, f"broken off after {RULE_SECONDS} s or put no more"),
            (self.failed, "the YARA library failed"),
        ):
            on_files, on_records = held.get(at, (0, 0))
            if on_files:
                short.append(f"{what} on {on_files:,} of {self.looked.files:,} files")
            if on_records:
                short.append(f"{what} on {on_records:,} stretches of records")
        unscanned = len(self.looked.unscanned)
        if unscanned:
            short.append(f"{unscanned:,} of {self.looked.files + unscanned:,} files could not be looked at")
        put = f"put to {self.looked.files:,} files"
        put += (
            f"; not applicable to records: {rule.not_on_records}"
            if rule.not_on_records
            else f" and {records:,} records"
        )
        if not self.looked.files and not records:
            status, why = RuleStatus.BLIND, [*short, "no file is held that is not a log", put.partition("; ")[2]]
        else:
            status, why = (RuleStatus.PARTLY_BLIND if short else RuleStatus.RAN), [*short, put]
        data_files = 0 if rule.not_on_records else len(self.records)
        return replace(
            outcome_of(rule.info, status, "; ".join(filter(None, why))),
            files_opened=self.looked.files + data_files,
            files_pruned=0,
            rows_compared=records,
            hits=met,
        )
