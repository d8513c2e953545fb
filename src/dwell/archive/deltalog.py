"""The Delta log of one table: one add-action commit per unit of evidence, looked up before it is written.

The commit files are written here, after the Delta transaction protocol (reader 1, writer 2; github.com/delta-io/delta,
PROTOCOL.md, sections "Delta Log Entries" and "Actions"). Through the Delta Lake library a commit was not synced to disk,
an interrupted one left an empty file that a reader takes for an empty table, the absolute path and the clock went into
the log, and its cost grew with every commit (measured: 320 ms at the 1,500th, against 2 ms here).
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pyarrow as pa
from deltalake import Schema
from msgspec import structs

from dwell.archive.datafile import DataFile, StagedFile, sync_folder
from dwell.archive.spec import TableSpec
from dwell.errors import ArchiveError, CustodyError, DiskFullError, Place

__all__ = ["Commit", "TableLog"]

_PARTITION = "month"
_NAMESPACE = uuid.UUID("5d0c1b0e-6f0a-5d7e-9d5a-3c1e6a0f7b21")
"""Table ids are made from it and the table's name, so that the same evidence gives the same log."""


class _Staged(msgspec.Struct, forbid_unknown_fields=True):
    """The fields of `StagedFile` as a commit writes them; one that it does not know is one that it cannot judge."""

    path: str
    month: str | None
    rows: int
    size_bytes: int
    sha256: str
    lexicon_sha256: str
    first_us: int | None
    last_us: int | None
    index_sha256: str = ""


class _Note(msgspec.Struct):
    """What we note in a commit."""

    transaction: str
    files: tuple[_Staged, ...]


class _Told(msgspec.Struct):
    """Our note as it is written, with its SHA-256."""

    note: str = msgspec.field(name="dwell")
    sha256: str = msgspec.field(name="dwellSha256")


class _Meta(msgspec.Struct):
    """What a commit says of the table, as Delta has it."""

    schema: str = msgspec.field(name="schemaString")


class _Action(msgspec.Struct):
    """A line of a commit, of which only our note and the columns are looked at."""

    told: _Told | None = msgspec.field(name="commitInfo", default=None)
    meta: _Meta | None = msgspec.field(name="metaData", default=None)


_ACTIONS = msgspec.json.Decoder(_Action)
_NOTES = msgspec.json.Decoder(_Note)


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit of a table.

    Attributes:
        version: the table's version after it.
        transaction: the application transaction id, made from the evidence's hashes.
        files: the data files it added.
        log_path: the commit file.
        sha256: of the commit file.
    """

    version: int
    transaction: str
    files: tuple[StagedFile, ...]
    log_path: Path
    sha256: str


class TableLog:
    """The commits of one table, read from its folder."""

    def __init__(self, folder: Path, table: str) -> None:
        self.folder = folder
        self.table = table
        self._commits: list[Commit] | None = None
        self._known: dict[str, Commit] = {}
        self._schema = ""

    @property
    def log_folder(self) -> Path:
        """Give the folder of the commit files."""
        return self.folder / "_delta_log"

    def exists(self) -> bool:
        """Say whether the table has any commit."""
        return bool(self._names())

    def _names(self) -> list[str]:
        """Give the names of the commit files, oldest first; none where there is no log."""
        try:
            with os.scandir(self.log_folder) as found:
                return sorted(one.name for one in found if one.name.endswith(".json"))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def commits(self) -> list[Commit]:
        """Give all commits, oldest first.

        Raises:
            CustodyError: a commit file is empty, unreadable, or missing from the row.
        """
        if self._commits is None:
            self._commits = self._read()
            self._known = {commit.transaction: commit for commit in self._commits}
        return self._commits

    def _read(self) -> list[Commit]:
        out: list[Commit] = []
        folder = self.log_folder
        for version, name in enumerate(self._names()):
            path = folder / name
            if name != f"{version:020}.json":
                raise CustodyError(
                    f"commit {version} of table {self.table} is missing from its log", place=Place(path),
                    remedy="Restore the case folder from its copy, or ingest the evidence anew",
                )  # fmt: skip
            out.append(self._parsed(version, path))
        return out

    def _parsed(self, version: int, path: Path) -> Commit:
        try:
            data = path.read_bytes()
            actions = [_ACTIONS.decode(line) for line in data.splitlines() if line.strip()]
            told = next(action.told for action in actions if action.told is not None)
            if hashlib.sha256(told.note.encode()).hexdigest() != told.sha256:
                raise ValueError  # noqa: TRY301 - the note is what pruning and reading rest on
            note = _NOTES.decode(told.note)
            files = tuple(StagedFile(*structs.astuple(one)) for one in note.files)
            schemas = [action.meta.schema for action in actions if action.meta is not None]
        except (OSError, ValueError, StopIteration) as fault:
            raise CustodyError(
                f"a commit of table {self.table} cannot be read: it is empty or was changed", place=Place(path),
                remedy="Restore the case folder from its copy, or ingest the evidence anew",
            ) from fault  # fmt: skip
        self._schema = schemas[-1] if schemas else self._schema
        return Commit(version, note.transaction, files, path, hashlib.sha256(data).hexdigest())

    def drop_unfinished(self, acknowledged: int) -> Path | None:
        """Remove a last commit file that a power cut left empty, and what was not renamed yet.

        Args:
            acknowledged: how many commits the custody log knows; none of those is touched.

        Returns:
            The commit file that was removed, if any.
        """
        if not self.log_folder.is_dir():
            return None
        for left in self.log_folder.glob("*.part"):
            left.unlink(missing_ok=True)
        paths = sorted(self.log_folder.glob("*.json"))
        if len(paths) <= acknowledged or paths[-1].stat().st_size:
            return None
        paths[-1].unlink()
        self._commits = None
        return paths[-1]

    def has(self, transaction: str) -> bool:
        """Say whether a transaction is committed already."""
        return self.found(transaction) is not None

    def found(self, transaction: str) -> Commit | None:
        """Give the commit of a transaction; None where it is not committed."""
        self.commits()
        return self._known.get(transaction)

    def files(self) -> list[DataFile]:
        """Give the table's data files, by path."""
        found = [DataFile(self.table, self.folder, one) for commit in self.commits() for one in commit.files]
        return sorted(found, key=lambda file: file.staged.path)

    def commit(self, spec: TableSpec, files: Sequence[StagedFile], transaction: str) -> Commit:
        """Make staged files part of the table, once: a transaction that is there already is left as it is.

        Raises:
            DiskFullError: no room left; nothing was committed.
            ArchiveError: the commit could not be written.
        """
        done = self.found(transaction)
        if done is not None:
            return done
        version = len(self.commits())
        path = self.log_folder / f"{version:020}.json"
        about = _about(spec)
        actions: list[dict[str, object]] = [_info(files, transaction)]
        actions += [{"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}] if version == 0 else []
        # columns that came since are told to other readers, to whom files without them hold nothing there
        actions += [{"metaData": about}] if about["schemaString"] != self._schema else []
        actions += [{"txn": {"appId": transaction, "version": 1}}, *(_add(one) for one in files)]
        lines = [json.dumps(one, sort_keys=True, separators=(",", ":")) + "\n" for one in actions]
        try:
            self._put("".join(lines).encode(), path)
        except OSError as fault:
            if fault.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise DiskFullError(
                    "no room left on the disk while committing to the archive", place=Place(path),
                    remedy="Free some space and run the same command again: it goes on where it stopped",
                ) from fault  # fmt: skip
            raise ArchiveError(
                f"table {self.table} could not be committed: {fault.strerror or fault}", place=Place(path)
            ) from fault
        commit = self._parsed(version, path)
        self.commits().append(commit)
        self._known[transaction] = commit
        return commit

    def _put(self, data: bytes, path: Path) -> None:
        """Write a commit file that is there whole or not at all, and never over another one."""
        self.log_folder.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        with unfinished.open("wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        try:
            os.link(unfinished, path)
        except FileExistsError:
            raise
        except OSError as fault:
            if fault.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise
            # a file system without hard links: the case's lock keeps other writers away
            unfinished.rename(path)
        unfinished.unlink(missing_ok=True)
        sync_folder(self.log_folder)
        sync_folder(self.folder)


def _info(files: Sequence[StagedFile], transaction: str) -> dict[str, object]:
    note = json.dumps({"transaction": transaction, "files": [one.as_dict() for one in files]}, sort_keys=True)
    how = {"mode": "Append", "partitionBy": json.dumps([_PARTITION])}
    told = {"dwell": note, "dwellSha256": hashlib.sha256(note.encode()).hexdigest()}
    return {"commitInfo": {"timestamp": 0, "operation": "WRITE", "operationParameters": how, **told}}


def _about(spec: TableSpec) -> dict[str, object]:
    """Give what the log says of the table."""
    schema = Schema.from_arrow(spec.schema.append(pa.field(_PARTITION, pa.string())))
    return {
        "id": str(uuid.uuid5(_NAMESPACE, spec.name)),
        "name": spec.name,
        "format": {"provider": "parquet", "options": {}},
        "schemaString": schema.to_json(),
        "partitionColumns": [_PARTITION],
        "createdTime": 0,
        "configuration": {},
    }


def _add(file: StagedFile) -> dict[str, object]:
    return {
        "add": {
            "path": file.path,
            "size": file.size_bytes,
            "partitionValues": {_PARTITION: file.month},
            "modificationTime": 0,
            "dataChange": True,
            "stats": json.dumps({"numRecords": file.rows}),
        }
    }
