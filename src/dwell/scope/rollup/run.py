"""Running the wide pass: every data file once, its folded tables kept beside the case for as long as they hold."""

from __future__ import annotations

import hashlib
import mmap
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType

import pyarrow as pa

from dwell.archive.datafile import DataFile, read_rows
from dwell.archive.store import Archive
from dwell.casebook.whole_files import written_whole
from dwell.engine.pool import run
from dwell.intake.tables import log_tables
from dwell.model.addresses import trusted_hops, trusting
from dwell.scope.names import DIRECTORY, exported
from dwell.scope.rollup import (
    evtx,
    ews,
    fold,
    httpproxy,
    iis,
    imap4,
    mailbox_audit,
    mapihttp,
    ncsa,
    owa,
    pop3,
    rpc_client_access,
    signins,
    ual,
)
from dwell.scope.rollup.agreement import aliases_of
from dwell.scope.rollup.joins import JOINING, Slice, Stretch, both_ends, join, joined_in, slices_of, stretches_of
from dwell.scope.rollup.shapes import SCHEMAS
from dwell.scope.rollup.told import Joined

__all__ = ["Rolled", "roll_up"]

VERSION = 32
"""Raised whenever a fold comes out differently."""
ROWS_ALONE = 1_500_000
"""Fewer rows are folded sooner than other processes are started: each has to load the program first."""
_JOIN_KINDS = ("bearers", "others")

FOLDS: Mapping[str, ModuleType] = {
    "iis": iis,
    "httpproxy": httpproxy,
    "ews": ews,
    "mapihttp": mapihttp,
    "rpc_client_access": rpc_client_access,
    "imap4": imap4,
    "pop3": pop3,
    "owa": owa,
    "ncsa": ncsa,
    "mailbox_audit": mailbox_audit,
    "ual": ual,
    "signins": signins,
    "evtx": evtx,
}
"""The tables that have a fold; every other log table has its hours counted. An export of a search's results has none to
count: what it does not hold was perhaps not asked for."""

Progress = Callable[[int, int, str], None]
"""Told (files done, files in all, table)."""


@dataclass(frozen=True, slots=True)
class Rolled:
    """What the wide pass yields for the whole archive.

    Attributes:
        tables: one table of each of `SCHEMAS`, over all data files, in the files' order, with the archive table as `table`.
        hours: hours per log table.
        maps: files that the tables were left in on the disk.
    """

    tables: Mapping[str, pa.Table]
    hours: Mapping[str, pa.Table]
    maps: Sequence[mmap.mmap] = field(default=(), repr=False)

    def let_go(self) -> None:
        """Give back the memory of tables that lie on the disk; what is looked at again is read from there again."""
        if sys.platform == "linux":
            for one in self.maps:
                one.madvise(mmap.MADV_DONTNEED)


@dataclass(frozen=True, slots=True)
class _Join:
    """A slice of time in which requests are joined, and where that is kept; the tables are held where it cannot be."""

    slice: Slice
    key: str
    cache: Path | None
    held: tuple[pa.Table, pa.Table] | None = None

    def place(self, kind: str) -> Path | None:
        return None if self.cache is None else self.cache / f"{self.key}-{kind}.arrow"

    def tables(self, maps: list[mmap.mmap]) -> tuple[pa.Table, pa.Table] | None:
        """Give what joining told; None where it is not there."""
        if self.held is not None or self.cache is None:
            return self.held
        bearers, others = (_kept(self.cache / f"{self.key}-{kind}.arrow", maps) for kind in _JOIN_KINDS)
        return None if bearers is None or others is None else (bearers, others)


@dataclass(frozen=True, slots=True)
class _JoinJob:
    stretch: Stretch
    joins: tuple[_Join, ...]
    trusted: tuple[str, ...]
    aliases: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Job:
    file: DataFile
    cache: Path | None
    trusted: tuple[str, ...] = ()
    joins: tuple[_Join, ...] = ()

    def place(self, kind: str) -> Path | None:
        if self.cache is None:
            return None
        told = f"{VERSION}:{self.file.table}:{self.file.key}:{','.join(self.trusted)}"
        told = ":".join([told, *(one.key for one in self.joins)])
        key = hashlib.sha256(told.encode()).hexdigest()
        return self.cache / f"{key[:32]}-{kind}.arrow"


def _needs(table: str) -> Sequence[str]:
    module = FOLDS.get(table)
    return module.NEEDS if module is not None else ("hours",)


def _kept(path: Path, maps: list[mmap.mmap]) -> pa.Table | None:
    """Give a folded table that an earlier run kept, left on the disk until it is looked at; None where it is not whole."""
    try:
        with path.open("rb") as handle:
            held = mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)
        found = pa.ipc.open_file(pa.BufferReader(pa.py_buffer(held))).read_all()
    except (OSError, ValueError):  # an empty file cannot be mapped; Arrow's own faults are of these kinds
        return None
    maps.append(held)
    return found


def _join(job: _JoinJob) -> list[tuple[pa.Table, pa.Table] | None]:
    """Join the requests of a stretch; what could be kept is not given."""
    with trusting(job.trusted):
        told = join(job.stretch, job.aliases)
    return [None if _all_put(one, tables) else tables for one, tables in zip(job.joins, told, strict=True)]


def _all_put(one: _Join, tables: tuple[pa.Table, pa.Table]) -> bool:
    """Keep what joining told of a slice, if that can be."""
    try:
        for kind, table in zip(_JOIN_KINDS, tables, strict=True):
            place = one.place(kind)
            if place is None:
                return False
            _keep(table, place)
    except OSError:  # as with folds
        return False
    return True


def _joins(archive: Archive, cache: Path | None, hops: tuple[str, ...], workers: int | None) -> list[_Join]:
    """Join the requests of all times in which two layers are held, as far as that is not kept from an earlier run."""
    files = [file for table in sorted(JOINING) for file in archive.files(table)]
    # whoever an export names may join what nothing did before
    told = f"{VERSION}:{','.join(hops)}:{','.join(sorted(one.key for one in archive.files(DIRECTORY)))}"
    joins = [_Join(one, one.key(told), cache) for one in slices_of(files, _Ends(cache).of)]
    waiting = [one for one in joins if one.tables([]) is None]
    by_slice = {one.slice: one for one in waiting}
    aliases = aliases_of(exported(archive).settled()) if waiting else {}
    jobs = [
        _JoinJob(one, tuple(by_slice[each] for each in one.slices), hops, aliases)
        for one in stretches_of([each.slice for each in waiting])
    ]
    held: dict[str, tuple[pa.Table, pa.Table]] = {}
    for job, found in zip(jobs, run(_join, jobs, workers=1 if len(jobs) < 2 else workers), strict=True):
        held |= {one.key: tables for one, tables in zip(job.joins, found, strict=True) if tables is not None}
    return [replace(one, held=held.get(one.key)) for one in joins]


@dataclass(frozen=True, slots=True)
class _Ends:
    """Which ends of a server IIS data files are of, kept for as long as they hold."""

    cache: Path | None

    def of(self, file: DataFile) -> frozenset[str]:
        """Give the ends that a file is of."""
        place = (
            None if self.cache is None else self.cache / f"{hashlib.sha256(file.key.encode()).hexdigest()[:32]}-ends"
        )
        try:
            if place is not None:
                return frozenset(place.read_text(encoding="ascii").split())
        except (OSError, UnicodeDecodeError):
            pass
        found = both_ends(file)
        try:
            if place is not None:
                with written_whole(place) as unfinished:
                    unfinished.write_text(" ".join(sorted(found)), encoding="ascii")
        except OSError:  # as with folds
            pass
        return found


def _keep(table: pa.Table, path: Path) -> None:
    with (
        written_whole(path) as unfinished,
        pa.OSFile(str(unfinished), "wb") as handle,
        pa.ipc.new_file(handle, table.schema) as writer,
    ):
        writer.write_table(table)


def _all_kept(job: _Job, maps: list[mmap.mmap]) -> dict[str, pa.Table] | None:
    """Give what was kept of a data file; None where any of it is not there."""
    kept: dict[str, pa.Table] = {}
    for kind in _needs(job.file.table):
        place = job.place(kind)
        found = _kept(place, maps) if place is not None else None
        if found is None:
            return None
        kept[kind] = found
    return kept


def _fold(job: _Job) -> dict[str, pa.Table]:
    """Fold one data file; nothing is given where it is kept instead, so that no table goes from one process to another."""
    table = job.file.table
    module = FOLDS.get(table)
    if module is None:
        rows = read_rows(job.file, ("evidence_id", "time_utc", "host"), dictionary=("evidence_id", "host"))
        made = {"hours": fold.hours(rows)}
    else:
        rows = read_rows(job.file, module.COLUMNS, dictionary=module.DICTIONARY)
        with trusting(job.trusted):
            made = module.fold_file(rows, _joined(job)) if job.joins else module.fold_file(rows)
    try:
        for kind, found in made.items():
            place = job.place(kind)
            if place is None:
                return made
            _keep(found, place)
    except OSError:  # a full or a read-only disk: it is worked out anew the next time
        return made
    return {}


def _joined(job: _Job) -> Joined | None:
    """Give what joining makes of the rows of a job's file; a slice whose kept tables are damaged joins nothing."""
    told = [(one.slice, *tables) for one in job.joins if (tables := one.tables([])) is not None]
    return joined_in(job.file, told)


def _of_table(rows: pa.Table, table: str) -> pa.Table:
    """Put the archive table's name to each row, so that its record can be named."""
    if "table" in rows.column_names:
        return rows
    return rows.append_column("table", pa.repeat(table, rows.num_rows))


def roll_up(
    archive: Archive, *, workers: int | None = None, cache: Path | None = None, progress: Progress | None = None
) -> Rolled:
    """Fold every data file of the log tables, and of the exports that have a fold.

    Args:
        archive: the case's archive.
        workers: processes.
        cache: folder where folded tables are kept between runs.
        progress: told how far it is.

    Raises:
        CustodyError: a data file is not what was written.
    """
    wanted = log_tables() | FOLDS.keys()
    hops = trusted_hops()
    joins: dict[tuple[str, str], list[_Join]] = {}
    for one in _joins(archive, cache, hops, workers):
        for file in one.slice.files:
            joins.setdefault((file.table, file.key), []).append(one)
    jobs = [
        _Job(file, cache, hops, tuple(joins.get((table, file.key), ())))
        for table in archive.tables()
        if table in wanted
        for file in archive.files(table)
    ]
    maps: list[mmap.mmap] = []
    kept = [_all_kept(job, maps) for job in jobs]
    waiting = [job for job, held in zip(jobs, kept, strict=True) if held is None]
    few = len(waiting) < 2 or sum(one.file.staged.rows for one in waiting) < ROWS_ALONE
    made = run(_fold, waiting, workers=1 if few else workers)
    gathered: dict[str, list[pa.Table]] = {kind: [] for kind in SCHEMAS}
    hours: dict[str, list[pa.Table]] = {}
    for done, (job, held) in enumerate(zip(jobs, kept, strict=True), 1):
        found = held if held is not None else next(made) or _all_kept(job, maps) or _fold(replace(job, cache=None))
        for kind, table in found.items():
            gathered[kind].append(_of_table(table, job.file.table))
        if "hours" in found:
            hours.setdefault(job.file.table, []).append(found["hours"])
        if progress is not None:
            progress(done, len(jobs), job.file.table)
    tables = {
        kind: pa.concat_tables([_of_table(SCHEMAS[kind].empty_table(), ""), *parts]) for kind, parts in gathered.items()
    }
    return Rolled(tables, {name: pa.concat_tables(parts) for name, parts in sorted(hours.items())}, maps)
