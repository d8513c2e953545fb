"""States that exports tell: the directory, the files on the servers, the backups. Small tables, read whole."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dwell.archive.datafile import read_rows
from dwell.archive.store import Archive
from dwell.model.instants import parse_utc, utc_from_us, utc_us
from dwell.model.provenance import EvidenceId, RecordRef

__all__ = ["ZONES", "Backup", "FileState", "PasswordSet", "backups", "file_states", "instant", "passwords", "zoned"]

_PASSWORD = ("UserPrincipalName", "SamAccountName", "PasswordLastSet", "DistinguishedName", "SID", "ObjectSid")
ZONES = (timedelta(hours=-12), timedelta(hours=14))
"""The offsets of local time, least and most: a local time that names none is that much later than UTC."""
_DOMAIN_SID = re.compile(r"(S-1-5-21-\d{1,10}-\d{1,10}-\d{1,10})-\d{1,10}", re.IGNORECASE)
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
        domain: its domain, in lower case; "" where nothing names it.
        zoned: whether a zone is written; else it is local time of nobody knows where, read as if it were UTC.
        placed: whether the domain is that of its place in the directory or of its SID; a sign-in name can be of any.
    """

    account: str
    set_utc: datetime | None
    written: str
    ground: RecordRef
    domain: str = ""
    zoned: bool = True
    placed: bool = False

    @property
    def earliest_utc(self) -> datetime | None:
        """Give the earliest that it can have been."""
        return self.set_utc if self.set_utc is None or self.zoned else _moved(self.set_utc, -ZONES[1])

    @property
    def latest_utc(self) -> datetime | None:
        """Give the latest that it can have been."""
        return self.set_utc if self.set_utc is None or self.zoned else _moved(self.set_utc, -ZONES[0])


@dataclass(frozen=True, slots=True)
class FileState:
    """One file of an inventory.

    Attributes:
        host: the server; "" where unknown.
        path: as written.
        sha256: of its bytes, lower case; "" where the inventory has none.
        created_utc: creation time; None where unknown.
        ground: the record.
        size_bytes: None where the inventory has none.
    """

    host: str
    path: str
    sha256: str
    created_utc: datetime | None
    ground: RecordRef
    size_bytes: int | None = None


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


def zoned(text: str | None) -> bool:
    """Say whether what `instant` reads names its zone."""
    if text is None or _NET.search(text):
        return text is not None
    try:
        return datetime.fromisoformat(text.strip().replace(" ", "T")).tzinfo is not None
    except ValueError:
        return False


def _moved(at: datetime, by: timedelta) -> datetime:
    """Move an instant; the first and the last that there are stay where they are."""
    try:
        return at + by
    except OverflowError:
        return at


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
    rows = list(_rows(archive, "directory", _PASSWORD))
    domains = _domains([row for row, _ in rows])
    out = []
    for row, ground in rows:
        name = row["UserPrincipalName"] or row["SamAccountName"]
        if name and row["PasswordLastSet"]:
            written = row["PasswordLastSet"]
            domain = domains.get(_of_domain(row)[0], "") if _of_domain(row) else ""
            placed = bool(_DC.search(row["DistinguishedName"] or "") or _domain_sid(row))
            out.append(PasswordSet(name, instant(written), written, ground, domain, zoned(written), placed))
    return tuple(out)


def _domain_sid(row: dict[str, Any]) -> re.Match[str] | None:
    return _DOMAIN_SID.fullmatch((row["SID"] or row["ObjectSid"] or "").strip())


def _of_domain(row: dict[str, Any]) -> list[str]:
    """Give the names of an account's domain: by its place in the directory, by its SID; by its sign-in where neither is."""
    parts = _DC.findall(row["DistinguishedName"] or "")
    met = _domain_sid(row)
    names = [".".join(parts).lower()] if parts else []
    names += [met[1].lower()] if met else []
    suffix = (row["UserPrincipalName"] or "").rpartition("@")[2].lower()
    return names or ([suffix] if suffix else [])


def _domains(rows: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Give what each name of a domain is called; two that one record has are of one domain, and it goes by its DNS name."""
    above: dict[str, str] = {}

    def root(name: str) -> str:
        while (up := above.setdefault(name, name)) != name:
            above[name] = name = above[up]
        return name

    for row in rows:
        names = _of_domain(row)
        for one in names:
            # the DNS name stays above the SID
            first, other = root(names[0]), root(one)
            if first != other:
                above[other] = first
    return {name: root(name) for name in list(above)}


def file_states(archive: Archive) -> tuple[FileState, ...]:
    """Give the files of all inventories.

    Raises:
        CustodyError: a data file is not what was written.
    """
    out = []
    for row, ground in _rows(archive, "inventory", ("host", "Path", "SHA256", "CreationTimeUtc", "Size")):
        made = row["CreationTimeUtc"]
        created = None if made is None else utc_from_us(utc_us(made))
        name, digest = row["Path"] or "", (row["SHA256"] or "").lower()
        out.append(FileState(row["host"] or "", name, digest, created, ground, row["Size"]))
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
