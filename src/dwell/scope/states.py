"""States that exports tell: the directory, the files on the servers, the backups. Small tables, read whole."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dwell.archive.datafile import read_rows
from dwell.archive.store import Archive
from dwell.model.instants import parse_utc, utc_from_us, utc_us
from dwell.model.provenance import EvidenceId, RecordRef

__all__ = ["Backup", "FileState", "PasswordSet", "backups", "file_states", "instant", "passwords"]

_PASSWORD = ("UserPrincipalName", "SamAccountName", "PasswordLastSet", "DistinguishedName")
_DC = re.compile(r"(?:^|,)\s*DC=([^,]+)", re.IGNORECASE)
_NET = re.compile(r"/Date\((-?\d{1,15})\)/")


@dataclass(frozen=True, slots=True)
class PasswordSet:
    """When a password was last set, as a directory export says.

    Attributes:
        account: the account's name as the export gives it.
        set_utc: when; None where the export has nothing we can read as an instant.
        written: as written.
        ground: the record.
        domain: its domain as the record names it, in lower case; "" where it names none.
    """

    account: str
    set_utc: datetime | None
    written: str
    ground: RecordRef
    domain: str = ""


@dataclass(frozen=True, slots=True)
class FileState:
    """One file of an inventory.

    Attributes:
        host: the server; "" where unknown.
        path: as written.
        sha256: of its bytes, lower case; "" where the inventory has none.
        created_utc: creation time; None where unknown.
        ground: the record.
    """

    host: str
    path: str
    sha256: str
    created_utc: datetime | None
    ground: RecordRef


@dataclass(frozen=True, slots=True)
class Backup:
    """One restore point.

    Attributes:
        host: what it restores.
        kind: as written.
        point_utc: the state it restores to; None where it cannot be read.
        path: where it lies.
        ground: the record.
    """

    host: str
    kind: str
    point_utc: datetime | None
    path: str
    ground: RecordRef


def instant(text: str | None) -> datetime | None:
    """Read an instant of an export: ISO 8601, .NET's `/Date(…)/`; None for what depends on a culture."""
    if text is None or not text.strip():
        return None
    if met := _NET.search(text):
        try:
            return utc_from_us(int(met[1]) * 1000)
        except OverflowError:
            return None
    try:
        return parse_utc(text)
    except ValueError:
        return None


def _rows(archive: Archive, table: str, columns: Sequence[str]) -> Iterator[tuple[dict[str, Any], RecordRef]]:
    found = [
        (row, RecordRef(table, EvidenceId(row["evidence_id"]), row["record_no"]))
        for file in archive.files(table)
        for row in read_rows(file, (*columns, "evidence_id", "record_no")).to_pylist()
    ]
    yield from sorted(found, key=lambda one: one[1])


def passwords(archive: Archive) -> tuple[PasswordSet, ...]:
    """Give when passwords were set; rows of an export without that column say nothing.

    Raises:
        CustodyError: a data file is not what was written.
    """
    out = []
    for row, ground in _rows(archive, "directory", _PASSWORD):
        name = row["UserPrincipalName"] or row["SamAccountName"]
        if name and row["PasswordLastSet"]:
            written = row["PasswordLastSet"]
            out.append(PasswordSet(name, instant(written), written, ground, _domain(row)))
    return tuple(out)


def _domain(row: dict[str, Any]) -> str:
    """Give the domain of an account, by its place in the directory before the name it signs in with."""
    parts = _DC.findall(row["DistinguishedName"] or "")
    return (".".join(parts) or (row["UserPrincipalName"] or "").rpartition("@")[2]).lower()


def file_states(archive: Archive) -> tuple[FileState, ...]:
    """Give the files of all inventories.

    Raises:
        CustodyError: a data file is not what was written.
    """
    out = []
    for row, ground in _rows(archive, "inventory", ("host", "Path", "SHA256", "CreationTimeUtc")):
        made = row["CreationTimeUtc"]
        created = None if made is None else utc_from_us(utc_us(made))
        out.append(FileState(row["host"] or "", row["Path"] or "", (row["SHA256"] or "").lower(), created, ground))
    return tuple(out)


def backups(archive: Archive) -> tuple[Backup, ...]:
    """Give the restore points of all lists.

    Raises:
        CustodyError: a data file is not what was written.
    """
    out = []
    for row, ground in _rows(archive, "backups", ("host", "kind", "restore_point_utc", "path")):
        point = row["restore_point_utc"]
        when = None if point is None else utc_from_us(utc_us(point))
        out.append(Backup(row["host"] or "", row["kind"] or "", when, row["path"] or "", ground))
    return tuple(out)
