"""The archive of a case: a folder of tables. It knows nothing of evidence formats."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dwell.archive.datafile import LEXICON_FOLDER, DataFile, StagedFile
from dwell.archive.deltalog import Commit, TableLog
from dwell.archive.shifts import ClockShift
from dwell.archive.spec import TableSpec
from dwell.errors import CustodyError

__all__ = ["Archive", "Fault"]


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """A file of the archive that is not what was written."""

    path: str
    what: str


class Archive:
    """Tables under one folder.

    Attributes:
        root: the folder.
        specs: the tables that may be written, by name.
        shifts: corrections of clocks, made while rows are read; the tables stay as they were written.
    """

    def __init__(self, root: Path, specs: Mapping[str, TableSpec], shifts: Sequence[ClockShift] = ()) -> None:
        self.root = root
        self.specs = dict(specs)
        self.shifts = tuple(shifts)
        self._logs: dict[str, TableLog] = {}

    def folder(self, table: str) -> Path:
        """Give a table's folder."""
        return self.root / table

    def log(self, table: str) -> TableLog:
        """Give a table's log."""
        if table not in self._logs:
            self._logs[table] = TableLog(self.folder(table), table)
        return self._logs[table]

    def tables(self) -> list[str]:
        """Give the names of the tables that hold something."""
        if not self.root.is_dir():
            return []
        return sorted(one.name for one in self.root.iterdir() if one.is_dir() and self.log(one.name).exists())

    def has(self, table: str, transaction: str) -> bool:
        """Say whether a transaction is committed."""
        return self.log(table).has(transaction)

    def commit(self, table: str, files: Sequence[StagedFile], transaction: str) -> Commit:
        """Make staged files part of a table, exactly once."""
        return self.log(table).commit(self.specs[table], files, transaction)

    def files(self, table: str) -> list[DataFile]:
        """Give a table's data files, by path; none where the table holds nothing."""
        return [self._corrected(one) for one in self.log(table).files()]

    def _corrected(self, file: DataFile) -> DataFile:
        """Give a data file with the columns to be made and the clocks to be corrected, and a span that covers these."""
        spec = self.specs.get(file.table)
        if spec is not None and spec.made is not None:
            file = replace(file, made=spec.made)
        first, last = file.staged.first_us, file.staged.last_us
        mine = tuple(one for one in self.shifts if one.bears_on(file.table, first, last))
        if not mine:
            return file
        moved = [0, *(one.add_us for one in mine)]
        first, last = first and first + min(moved), last and last + max(moved)
        return replace(file, staged=replace(file.staged, first_us=first, last_us=last), shifts=mine)

    def version(self) -> str:
        """Give a short text that changes whenever any table, or a correction of clocks, does."""
        state = ";".join(
            f"{table}={commit.version}:{commit.transaction}"
            for table in self.tables()
            for commit in self.log(table).commits()
        )
        told = f"{state};{self.shifts!r}" if self.shifts else state
        return hashlib.sha256(told.encode()).hexdigest()

    def unregistered(self) -> list[Path]:
        """Give data files and lexicons that no commit names: left by an interrupted run."""
        out: list[Path] = []
        for folder in sorted(self.root.iterdir()) if self.root.is_dir() else []:
            if not folder.is_dir():
                continue
            known: set[Path] = set()
            for file in self.files(folder.name):
                known |= {file.path, file.lexicon_path, file.index_path}
            found = [*folder.glob("month=*/*.parquet*"), *(folder / LEXICON_FOLDER).glob("month=*/*.parquet*")]
            out += sorted(one for one in found if one not in known)
        return out

    def intact(self, table: str, files: Sequence[StagedFile]) -> bool:
        """Say whether staged files are on disk as they were written, with their lexicons."""
        for one in files:
            file = DataFile(table, self.folder(table), one)
            if any(isinstance(self._checked(path, sha256), Fault) for path, sha256 in file.written()):
                return False
        return True

    def verify(self) -> Iterator[Fault | Path]:
        """Hash every file of every table; yield a `Fault` for each that differs, else the file's path."""
        if not self.root.is_dir():
            return
        for folder in sorted(one for one in self.root.iterdir() if one.is_dir()):
            log = TableLog(folder, folder.name)
            try:
                commits = log.commits()
            except CustodyError as fault:
                yield Fault(self._relative(fault.place.path if fault.place else folder), fault.what)
                continue
            for commit in commits:
                yield commit.log_path
            for file in log.files():
                for path, sha256 in file.written():
                    yield self._checked(path, sha256)

    def _checked(self, path: Path, sha256: str) -> Fault | Path:
        try:
            with path.open("rb") as handle:
                found = hashlib.file_digest(handle, "sha256").hexdigest()
        except OSError as fault:
            return Fault(self._relative(path), f"cannot be read: {fault.strerror}")
        return path if found == sha256 else Fault(self._relative(path), "its SHA-256 differs from what was written")

    def _relative(self, path: Path | str) -> str:
        try:
            return Path(path).relative_to(self.root.parent).as_posix()
        except ValueError:
            return str(path)
