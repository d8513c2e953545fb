"""When an export was made: what it says of a state counts only after, or before, an intruder's acts.

Most exports do not hold the moment at which they were made. What dates one, the strongest first: a column of its own
(`ExportedUtc`), a day in its name or in the folder at it (`exports/2021-04-02/…`), the newest instant inside it, which it
cannot be older than, and the last-write time of its file as the custody log has it. The first two decide alone, but that
what holds an instant from after an act is not from before it. The last is changed by a copy that does not keep it, and is
always named where it is used. The moment of intake dates nothing: every export was made before it, whatever it shows. Nor
does the day of a handover, which is what the outermost folder and a container are named for.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import read_rows
from dwell.archive.store import Archive
from dwell.intake.hosts import host_from_names
from dwell.model.instants import parse_utc, utc_from_us
from dwell.model.provenance import EvidenceId, RecordRef
from dwell.scope.states import instant

__all__ = ["Row", "Snapshot", "Snapshots", "snapshots"]

EXPORTED = ("ExportedUtc", "CollectedUtc")
"""Columns by which an export says when it was made; the commands that the checks name write the first."""
NEWEST: Mapping[str, tuple[str, ...]] = {
    "directory": ("PasswordLastSet", "WhenChangedUTC", "LastLogonDate"),
    "exports": ("WhenChangedUTC", "LastSyncAttemptTime", "LastSuccessSync"),
}
"""Columns whose instants the server sets, not whoever is described. A file's times can be set at will: an inventory is not
dated by them."""
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "exports": (
        "kind", "Identity", "Name", "DisplayName", "Mailbox", "MailboxOwnerId", "User", "Trustee", "FolderName",
        "AccessRights", "ExtendedRights", "Deny", "IsInherited", "Enabled", "State", "ForwardTo", "ForwardAsAttachmentTo",
        "RedirectTo", "BlindCopyTo", "RedirectMessageTo", "CopyTo", "DeleteMessage", "ForwardingAddress",
        "ForwardingSmtpAddress", "DeliverToMailboxAndForward", "Role", "RoleAssignee", "RoleAssigneeName",
        "RoleAssigneeType", "DeviceId", "DeviceType", "DeviceModel", "DeviceUserAgent", "UserDisplayName",
        "FirstSyncTime", "LastSyncAttemptTime", "LastSuccessSync", "ClientId", "ConsentType", "Scope", "AppId",
        "AppDisplayName", "KeyCredentials", "PasswordCredentials", "TransportAgentFactory", "AssemblyPath",
        "AuditBypassEnabled", "CreatedDateTime", "WhenCreatedUTC", "WhenChangedUTC", "MoveToFolder", "PrincipalId",
    ),
    "directory": (
        "Name", "Alias", "DisplayName", "SamAccountName", "UserPrincipalName", "PrimarySmtpAddress", "DistinguishedName",
        "RecipientTypeDetails", "PasswordLastSet", "LastLogonDate", "WhenChangedUTC", "ForwardingAddress",
        "ForwardingSmtpAddress", "DeliverToMailboxAndForward", "AuditEnabled",
    ),
    "configuration": (
        "section", "within", "location", "element", "name", "type", "path", "image", "physicalPath", "value", "enabled",
        "assemblyPath", "classFactory",
    ),
    "inventory": ("Path", "SHA256", "CreationTimeUtc"),
    "backups": ("restore_point_utc",),
}  # fmt: skip
MORE: Mapping[str, tuple[str, ...]] = {
    "configuration": ("validationKey", "decryptionKey"),
    "exports": (
        "AddToRecipients", "RouteMessageOutboundConnector", "GenerateIncidentReport", "ModerateMessageByUser",
        "PermissionType", "AppRoleId",
    ),
}  # fmt: skip
"""What an export names that has no column; of a key its SHA-256 is held."""
_CLOCKS = timedelta(days=1)
_DAY = re.compile(r"(?<!\d)(20\d\d)-(\d\d)-(\d\d)(?!\d)")
Row = Mapping[str, Any]
"""A row of an export by its columns: text or None; `CreationTimeUtc` is an instant, `attributes` a list of pairs."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One file that tells a state.

    Attributes:
        evidence_id: the file.
        table: its table.
        host: the server it is of; "" where it names none.
        path: where it lay.
        exported_utc: its own word for when it was made; of rows that were put into one file at several times, the newest.
        day_utc: the day in its path, midnight UTC.
        newest_utc: the newest instant in it that a server set.
        written_utc: the last-write time of its file.
        since_utc: the oldest of its own words.
        partly: whether some of its rows hold no word of their own, and others do.
    """

    evidence_id: EvidenceId
    table: str
    host: str
    path: str
    exported_utc: datetime | None = None
    day_utc: datetime | None = None
    newest_utc: datetime | None = None
    written_utc: datetime | None = None
    since_utc: datetime | None = None
    partly: bool = False

    @property
    def at_utc(self) -> datetime | None:
        """Give the best word for when it was made; None where nothing dates it."""
        own = self.exported_utc or self.day_utc
        return own or max((one for one in (self.newest_utc, self.written_utc) if one is not None), default=None)

    def after(self, act: datetime) -> str:
        """Say what shows that it was made after an act; "" where nothing does."""
        if self.exported_utc is not None:
            # what was put into one file bit by bit is only from after an act as a whole
            own = not self.partly and (self.since_utc or self.exported_utc) > act
            return "the export's own time" if own else ""
        if self.day_utc is not None:
            return "the day in its path" if self.day_utc > act else ""
        if self.newest_utc is not None and self.newest_utc > act:
            return "the newest instant in it"
        if self.written_utc is not None and self.written_utc > act:
            return "the last-write time of its file, which a copy can change"
        return ""

    def before(self, act: datetime) -> bool:
        """Say whether it was made before an act; where only a file's stamp and its content date it, both have to say so.

        What holds an instant from after the act was made after it, whatever it says of itself.
        """
        if self.newest_utc is not None and self.newest_utc >= act:
            return False
        if self.exported_utc is not None:
            return self.exported_utc < act
        if self.day_utc is not None:
            return self.day_utc + timedelta(days=1) <= act
        dates = [one for one in (self.newest_utc, self.written_utc) if one is not None]
        return self.written_utc is not None and all(one < act for one in dates)


@dataclass(frozen=True, slots=True)
class Snapshots:
    """All files that tell a state, and their rows.

    Attributes:
        files: by evidence id; the same bytes in two places are two of them, as of two servers or two days.
        rows: per table, in order of evidence and record.
    """

    files: Mapping[str, tuple[Snapshot, ...]] = field(default_factory=dict)
    rows: Mapping[str, pa.Table] = field(default_factory=dict)

    def made(self) -> Mapping[str, datetime | None]:
        """Give by evidence id when each file was made, the last time where it lay in several places; None where unknown."""
        return {
            evidence: max((one.at_utc for one in places if one.at_utc is not None), default=None)
            for evidence, places in self.files.items()
        }

    def no_later(self) -> Mapping[str, datetime | None]:
        """Give by evidence id until when what a file tells can have happened; None where only its content dates it.

        A day is left for clocks, and after the day in a path the hours by which local time is behind.
        """
        out: dict[str, datetime | None] = {}
        for evidence, places in self.files.items():
            dates = [
                one.exported_utc or (one.day_utc + timedelta(days=1) if one.day_utc else one.written_utc)
                for one in places
            ]
            whole = [one for one in dates if one is not None]
            out[evidence] = max(whole) + _CLOCKS if whole and len(whole) == len(dates) else None
        return out

    def days(self, table: str) -> Mapping[str, tuple[datetime, ...]]:
        """Give by evidence id when each file of a table was made that is dated more than once: equal on several days."""
        out = {}
        for evidence, places in self.files.items():
            dates = sorted({one.at_utc for one in places if one.at_utc is not None and one.table == table})
            if len(dates) > 1:
                out[evidence] = tuple(dates)
        return out

    def of(self, table: str, kind: str = "") -> list[Snapshot]:
        """Give the files of a table that hold rows of a kind, in order of date, the undated first."""
        whole = self.rows.get(table)
        if whole is None:
            return []
        if kind:
            whole = whole.filter(pc.equal(whole["kind"], kind))
        found = [place for one in pc.unique(whole["evidence_id"]).to_pylist() for place in self.files[one]]
        return sorted(found, key=lambda one: (str(one.at_utc or ""), one.path, one.evidence_id))

    def read(self, one: Snapshot, columns: Sequence[str], kind: str = "") -> list[tuple[Row, RecordRef]]:
        """Give columns of the rows of a file, of one kind where one is named, with the record of each."""
        whole = self.rows[one.table]
        mine = whole.filter(pc.equal(whole["evidence_id"], one.evidence_id))
        if kind:
            mine = mine.filter(pc.equal(mine["kind"], kind))
        numbers = mine["record_no"].to_pylist()
        rows = mine.select(list(columns)).to_pylist()
        return [(row, RecordRef(one.table, one.evidence_id, number)) for row, number in zip(rows, numbers, strict=True)]


def _opened(rows: pa.Table, more: Sequence[str]) -> pa.Table:
    """Give columns of their own to each row's word for when its export was made, and to what has none."""
    extra = rows["extra"].combine_chunks()
    found = {name: pc.map_lookup(extra, pa.scalar(name), "first") for name in (*EXPORTED, *more)}
    rows = rows.drop(["extra"]).append_column("exported", pc.coalesce(*(found[name] for name in EXPORTED)))
    for name in more:
        rows = rows.append_column(name, found[name])
    return rows


def _whole(archive: Archive, table: str, columns: Sequence[str]) -> pa.Table | None:
    """Read a table of states."""
    parts = [
        _opened(
            read_rows(file, (*columns, "evidence_id", "record_no", "time_utc", "host", "extra")), MORE.get(table, ())
        )
        for file in archive.files(table)
    ]
    if not parts:
        return None
    order: list[tuple[str, str]] = [("evidence_id", "ascending"), ("record_no", "ascending")]
    return pa.concat_tables([one.cast(parts[0].schema) for one in parts]).sort_by(order)


def _instants(texts: pa.ChunkedArray) -> list[datetime]:
    """Give the instants among texts."""
    return [at for one in pc.unique(texts).to_pylist() if (at := instant(one)) is not None]


def _latest(texts: pa.ChunkedArray) -> datetime | None:
    """Give the newest instant among texts."""
    return max(_instants(texts), default=None)


def _day(path: str) -> datetime | None:
    """Give the day that a path has for a file: in its name, in the folder at it, or as a folder that is named a day alone.

    The outermost folder and the name of a container are those of a handover: they say when evidence was collected. So a
    folder there counts only where it is named a day alone and lies at the file.
    """
    *outer, inner = path.split("!")
    *folders, name = inner.split("/")
    inside = [one for one in folders[1:-1] if _DAY.fullmatch(one)]
    around = [one for each in outer for one in each.split("/")[1:-1] if _DAY.fullmatch(one)]
    nearest = [one for one in folders[-1:] if len(folders) > 1 or _DAY.fullmatch(one)]
    for texts in ([name], nearest, inside, around):
        met = [found for text in texts for found in _DAY.findall(text)]
        if met:
            return _midnight(*(int(one) for one in met[-1]))
    return None


def _midnight(year: int, month: int, day: int) -> datetime | None:
    try:
        return datetime(year, month, day, tzinfo=UTC)
    except ValueError:
        return None


def _dated(
    rows: pa.Table, table: str, evidence: EvidenceId, paths: Sequence[str], written: str, known: Collection[str]
) -> tuple[Snapshot, ...]:
    """Date a file, once for each place in which it lay."""
    newest = [_latest(rows[name]) for name in NEWEST.get(table, ())]
    if table in NEWEST and (most := pc.max(rows["time_utc"]).cast(pa.int64()).as_py()) is not None:
        newest.append(utc_from_us(most))
    hosts = sorted(one for one in pc.unique(rows["host"]).to_pylist() if one)
    host = hosts[0] if len(hosts) == 1 else ""
    words = _instants(rows["exported"])
    exported = max(words, default=None)
    last = max((one for one in newest if one is not None), default=None)
    return tuple(
        Snapshot(
            evidence,
            table,
            host_from_names(path, known)[0] or host,
            path,
            exported,
            _day(path),
            last,
            parse_utc(written) if written else None,
            min(words, default=None),
            exported is not None and len(words) < len(pc.unique(rows["exported"])),
        )
        for path in sorted(paths) or [""]
    )


def snapshots(
    archive: Archive,
    paths: Mapping[EvidenceId, Sequence[str]],
    written: Mapping[EvidenceId, str],
    hosts: Collection[str],
) -> Snapshots:
    """Read every table of states and date its files.

    Args:
        archive: the case's archive.
        paths: where each piece of evidence lay.
        written: last-write time of each, ISO 8601, "" where unknown.
        hosts: servers known from elsewhere, by which a path is told to be one's.

    Raises:
        CustodyError: a data file is not what was written.
    """
    files: dict[str, tuple[Snapshot, ...]] = {}
    rows: dict[str, pa.Table] = {}
    for table, columns in COLUMNS.items():
        whole = _whole(archive, table, columns)
        if whole is None:
            continue
        for evidence in pc.unique(whole["evidence_id"]).to_pylist():
            mine = whole.filter(pc.equal(whole["evidence_id"], evidence))
            key = EvidenceId(evidence)
            files[evidence] = _dated(mine, table, key, paths.get(key, ()), written.get(key, ""), hosts)
        rows[table] = whole.drop(["exported"])
    return Snapshots(files, rows)
