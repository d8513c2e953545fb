"""The Delta log of one table: one add-action commit per batch of data files, looked up before it is written.

The Delta Lake library writes the commit; we sync it, because the library does not, and refuse an empty commit file,
because a reader would take it for an empty table without a word.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, Schema, Transaction
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, create_table_with_add_actions

from dwell.archive.datafile import DataFile, StagedFile, sync_folder
from dwell.archive.spec import TableSpec
from dwell.errors import ArchiveError, CustodyError, DiskFullError, Place

__all__ = ["Commit", "TableLog"]

_PARTITION = "month"
_HOOKS = {"create_checkpoint": False, "cleanup_expired_logs": False}


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit of a table.

    Attributes:
        version: the table's version after it.
        transaction: the application transaction id, made from the evidence's hashes.
        files: the data files it added.
        log_path: the commit file.
    """

    version: int
    transaction: str
    files: tuple[StagedFile, ...]
    log_path: Path


class TableLog:
    """The commits of one table, read from its folder."""

    def __init__(self, folder: Path, table: str) -> None:
        self.folder = folder
        self.table = table
        self._commits: list[Commit] | None = None

    @property
    def log_folder(self) -> Path:
        """Give the folder of the commit files."""
        return self.folder / "_delta_log"

    def exists(self) -> bool:
        """Say whether the table has any commit."""
        return self.log_folder.is_dir() and any(self.log_folder.glob("*.json"))

    def commits(self) -> list[Commit]:
        """Give all commits, oldest first.

        Raises:
            CustodyError: a commit file is empty, unreadable, or missing from the row.
        """
        if self._commits is None:
            self._commits = self._read() if self.exists() else []
        return self._commits

    def _read(self) -> list[Commit]:
        paths = sorted(self.log_folder.glob("*.json"))
        out: list[Commit] = []
        for version, path in enumerate(paths):
            if path.name != f"{version:020}.json":
                raise CustodyError(
                    f"commit {version} of table {self.table} is missing from its log", place=Place(path),
                    remedy="Restore the case folder from its copy, or ingest the evidence anew",
                )  # fmt: skip
            try:
                actions = [json.loads(line) for line in path.read_bytes().splitlines() if line.strip()]
                note = next(action["commitInfo"] for action in actions if "commitInfo" in action)
                kept = json.loads(note["dwell"])
                files = tuple(StagedFile(**one) for one in kept["files"])
            except (ValueError, KeyError, TypeError, StopIteration) as fault:
                raise CustodyError(
                    f"a commit of table {self.table} cannot be read: it is empty or was changed", place=Place(path),
                    remedy="Restore the case folder from its copy, or ingest the evidence anew",
                ) from fault  # fmt: skip
            out.append(Commit(version, str(kept["transaction"]), files, path))
        return out

    def has(self, transaction: str) -> bool:
        """Say whether a transaction is committed already."""
        return any(commit.transaction == transaction for commit in self.commits())

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
        for done in self.commits():
            if done.transaction == transaction:
                return done
        actions = [_add(one) for one in files]
        note = json.dumps({"transaction": transaction, "files": [one.as_dict() for one in files]}, sort_keys=True)
        properties = CommitProperties(
            custom_metadata={"dwell": note}, app_transactions=[Transaction(app_id=transaction, version=1)]
        )
        schema = Schema.from_arrow(spec.schema.append(pa.field(_PARTITION, pa.string())))
        try:
            self._write(schema, actions, properties)
        except (DeltaError, OSError) as fault:
            if _is_disk_full(fault):
                raise DiskFullError(
                    "no room left on the disk while committing to the archive", place=Place(self.log_folder),
                    remedy="Free some space and run the same command again: it goes on where it stopped",
                ) from fault  # fmt: skip
            raise ArchiveError(
                f"table {self.table} could not be committed: {fault}", place=Place(self.folder)
            ) from fault
        path = self.log_folder / f"{len(self.commits()):020}.json"
        self._sync(path)
        self._commits = None
        return self.commits()[-1]

    def _write(self, schema: Schema, actions: list[Any], properties: CommitProperties) -> None:

        hooks = PostCommitHookProperties(**_HOOKS)
        if not self.exists():
            create_table_with_add_actions(
                str(self.folder), schema, actions, mode="error", partition_by=[_PARTITION], name=self.table,
                commit_properties=properties, post_commithook_properties=hooks,
            )  # fmt: skip
            return
        DeltaTable(str(self.folder)).create_write_transaction(
            actions, mode="append", schema=schema, partition_by=[_PARTITION],
            commit_properties=properties, post_commithook_properties=hooks,
        )  # fmt: skip

    def _sync(self, path: Path) -> None:
        try:
            handle = os.open(path, os.O_RDONLY)
        except OSError as fault:
            raise ArchiveError("a commit was written but cannot be found", place=Place(path)) from fault
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        sync_folder(self.log_folder)
        sync_folder(self.folder)
        if path.stat().st_size == 0:
            raise ArchiveError("a commit file is empty after it was written", place=Place(path))


def _is_disk_full(fault: BaseException) -> bool:
    if isinstance(fault, OSError) and fault.errno in {errno.ENOSPC, errno.EDQUOT}:
        return True
    text = str(fault)
    return "os error 28" in text or "No space left" in text or "os error 122" in text


def _add(file: StagedFile) -> AddAction:
    stats: dict[str, object] = {"numRecords": file.rows}
    return AddAction(
        path=file.path,
        size=file.size_bytes,
        partition_values={_PARTITION: file.month},
        modification_time=0,
        data_change=True,
        stats=json.dumps(stats),
    )
