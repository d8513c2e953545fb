"""What settings say of logs: which were switched off, how long they are kept, and what a full log does. Each has a date.

Read from configurations of IIS (`scope.iis_logging`) and from exports of `Get-TransportService`, `Get-MailboxServer`,
`Get-ImapSettings`, `Get-PopSettings`, `Get-AdminAuditLogConfig`, `Get-OrganizationConfig` and `Get-WinEvent -ListLog`, from
what `wevtutil gl` writes of channels and from exports of the registry (`scope.channel_modes`).

A setting holds for the time that its file proves and for no other. An export was true when it was made. A configuration
was true from its last write until it was copied, if the copy is dated by its path; one from IIS's own history, or from a
backup, was true when it was written. What nothing dates is told, and counts for no hour. Nothing here makes an hour count
as covered.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import read_rows
from dwell.archive.store import Archive
from dwell.intake.hosts import short_host
from dwell.model.instants import utc_us
from dwell.model.provenance import EvidenceId, RecordRef
from dwell.scope import iis_logging
from dwell.scope.channel_modes import ChannelMode, channel_of
from dwell.scope.rollup.ual import TENANT
from dwell.scope.snapshots import Snapshot, Snapshots

__all__ = ["KINDS", "LogSetting", "LogSettings", "SettingKind", "Within", "in_force", "log_settings"]

KINDS = ("transport-service", "protocol-settings", "audit-config", "organization-config", "event-log")
"""Kinds of exports that say something of logs."""
_A_DAY = timedelta(days=1, microseconds=-1)
_TRANSPORT: Mapping[str, tuple[str, str]] = {
    "messagetrackinglog": ("message_tracking", "message tracking"),
    "receiveprotocollog": ("smtp_receive", "SMTP, received"),
    "sendprotocollog": ("smtp_send", "SMTP, sent"),
    "connectivitylog": ("connectivity", "connectivity"),
    "agentlog": ("transport_agent", "transport agents"),
}
"""How names of settings of the transport service begin: which log they are of, and in words."""
_YES, _NO = frozenset({"true", "$true", "1", "yes"}), frozenset({"false", "$false", "0", "no"})
_SPAN = re.compile(r"(?:(?P<days>\d{1,6})\.)?(?P<hours>\d{1,2}):(?P<minutes>\d\d):(?P<seconds>\d\d)(?:\.\d+)?")
_HISTORY = re.compile(
    r"[/\\!](?:cfghistory_\d+|inetsrv[/\\!]backup|windows\.old|temp[/\\!]apppools)[/\\!]", re.IGNORECASE
)
"""Folders of earlier states of a configuration (IIS's history, `appcmd add backup`, the Windows before), or of parts of it
for one pool: the day of the copy says nothing of when they held."""
_NEVER = re.compile(r"[/\\!]winsxs[/\\!]", re.IGNORECASE)
"""Windows keeps what it came with there: no state of this machine's."""
_HOST_CONFIG = re.compile(r"applicationhost[^/\\!]*\.config$", re.IGNORECASE)


class SettingKind(StrEnum):
    """What a setting does to a log."""

    OFF = "off"
    """Nothing is written."""
    KEPT = "kept"
    """What is older than an age is deleted."""
    RING = "ring"
    """When it is full, the oldest is overwritten."""
    FULL = "full"
    """It is full, and writes nothing more."""
    LOCAL_NAMES = "local-names"
    """Files are named by local time."""
    SIZE_NAMES = "size-names"
    """Files begin anew at a size, and no name holds a day."""
    STOPS = "stops"
    """When it is full, it writes nothing more; whether it was is not told."""
    ARCHIVED = "archived"
    """When it is full, it is put aside under another name, and a new one begun."""


@dataclass(frozen=True, slots=True)
class Within:
    """The time in which a setting is known to have held.

    Attributes:
        from_utc: its start.
        to_utc: its end.
        exact: False where it held at some time within, which may be any.
        how: what dates it, in words.
    """

    from_utc: datetime
    to_utc: datetime
    exact: bool
    how: str


@dataclass(frozen=True, slots=True)
class LogSetting:
    """What one record says of one log.

    Attributes:
        host: whose log; "" for that of every server.
        source: which, by its name in the ledger.
        kind: what it does.
        what: in words.
        within: when it is known to have held; None where nothing dates it.
        ground: the record.
        path: where the file lay.
        site: for IIS: "" for all sites, else `front` or `other`.
        folder: for IIS: the folder of the site, as written; "" for all of it.
        kept_h: how long records are kept, hours.
    """

    host: str
    source: str
    kind: SettingKind
    what: str
    within: Within | None
    ground: RecordRef
    path: str
    site: str = ""
    folder: str = ""
    kept_h: int = 0

    @property
    def why(self) -> str:
        """Give the reason for its cells."""
        return f"{self.what}, by a setting as of {self.when}"

    @property
    def when(self) -> str:
        """Give when it is known to have held, in words."""
        if self.within is None:
            return "a time that nothing tells"
        first, last = self.within.from_utc, self.within.to_utc
        if not self.within.exact:
            return f"some time on {first:%Y-%m-%d} ({self.within.how})"
        until = "" if first == last else f" to {last:%Y-%m-%d %H:%M} UTC"
        return f"{first:%Y-%m-%d %H:%M} UTC{until} ({self.within.how})"


LogSettings = tuple[LogSetting, ...]


def in_force(path: str) -> bool:
    """Say whether a configuration lay where the one in force does: it is no earlier state, and not of Windows' store."""
    return not _HISTORY.search(path) and not _NEVER.search(path)


def log_settings(archive: Archive, states: Snapshots) -> LogSettings:
    """Read what settings say of logs.

    Args:
        archive: the case's archive.
        states: all files that tell a state, with what dates each.

    Raises:
        CustodyError: a data file is not what was written.
    """
    found = [*_of_configurations(archive, states), *_of_exports(archive, states)]
    return tuple(sorted(set(found), key=lambda one: (one.host, one.source, one.kind, one.path, one.ground, one.what)))


def _of_configurations(archive: Archive, states: Snapshots) -> Iterator[LogSetting]:
    rows = [row for file in archive.files("configuration") for row in _elements(read_rows(file, _CONFIG).to_pylist())]
    by_file: dict[str, list[iis_logging.Told]] = {}
    for row in rows:
        ground = RecordRef("configuration", EvidenceId(row["evidence_id"]), row["record_no"])
        by_file.setdefault(row["evidence_id"], []).append((iis_logging.attributes(row), ground))
    for evidence, told in sorted(by_file.items()):
        told.sort(key=lambda one: one[1])
        for place in states.files.get(evidence, ()):
            if not _HOST_CONFIG.search(place.path) or _NEVER.search(place.path):
                continue
            held = _held_within(place)
            for one in iis_logging.unlogged(told):
                site = "" if not one.site else "front" if one.front else "other"
                yield LogSetting(
                    place.host, "iis", SettingKind.OFF, one.words, held, one.ground, place.path, site, one.folder
                )
            local = iis_logging.local_rollover(told)
            if local is not None:
                what = "its files are named by local time (logFile/@localTimeRollover)"
                yield LogSetting(place.host, "iis", SettingKind.LOCAL_NAMES, what, held, local, place.path)
            sized = iis_logging.by_size(told)
            if sized is not None:
                yield LogSetting(place.host, "iis", SettingKind.SIZE_NAMES, sized[0], held, sized[1], place.path)


_CONFIG = (*iis_logging.COLUMNS, "evidence_id", "record_no", "extra")


def _elements(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    return (one for one in rows if one["element"] in iis_logging.ELEMENTS)


def _held_within(one: Snapshot) -> Within | None:
    """Give when a configuration is known to have held: from its last write to the day of the copy, where both are known."""
    written = one.written_utc
    stamp = "the last-write time of its file, which a copy can change"
    if _HISTORY.search(one.path):
        return None if written is None else Within(written, written, exact=True, how=stamp)
    if one.day_utc is None:
        return None if written is None else Within(written, written, exact=True, how=stamp)
    over = one.day_utc + _A_DAY
    if written is None or written > over:
        return Within(one.day_utc, over, exact=False, how="the day in its path")
    if written >= one.day_utc:
        return Within(written, written, exact=True, how=stamp)
    return Within(written, one.day_utc, exact=True, how="the last write of its file and the day in its path")


def _made_within(one: Snapshot) -> Within | None:
    """Give when an export was made."""
    if one.exported_utc is not None:
        return Within(one.exported_utc, one.exported_utc, exact=True, how="the export's own time")
    if one.day_utc is not None:
        return Within(one.day_utc, one.day_utc + _A_DAY, exact=False, how="the day in its path")
    if one.written_utc is not None:
        stamp = "the last-write time of its file, which a copy can change"
        return Within(one.written_utc, one.written_utc, exact=True, how=stamp)
    return None


def _of_exports(archive: Archive, states: Snapshots) -> Iterator[LogSetting]:
    columns = ("kind", "Identity", "Name", "extra", "evidence_id", "record_no")
    for file in archive.files("exports"):
        table = read_rows(file, columns)
        for row in table.filter(pc.is_in(table["kind"].cast(pa.string()), value_set=pa.array(KINDS))).to_pylist():
            ground = RecordRef("exports", EvidenceId(row["evidence_id"]), row["record_no"])
            told = {str(name).lower(): str(value or "").strip() for name, value in row["extra"] or ()}
            named = row["Name"] or row["Identity"] or ""
            told["identity"] = row["Identity"] or ""
            for place in states.files.get(row["evidence_id"], ()):
                yield from _READERS[row["kind"]](told, named, place, ground)


def _limits(size: str) -> bool:
    """Say whether a size is a limit, as PowerShell writes one: `250 MB (262,144,000 bytes)`, `unlimited`."""
    return bool(re.search(r"[1-9]", size)) and "unlimited" not in size.lower()


def _said(told: Mapping[str, str], name: str) -> bool | None:
    """Give what a switch was set to; None where the export does not say, or not in words that are known."""
    word = told.get(name, "").lower()
    return True if word in _YES else False if word in _NO else None


def _hours(told: Mapping[str, str], name: str) -> int | None:
    """Give a span of time in hours, as PowerShell writes it; None where it is none, 0 where nothing is kept."""
    if (met := _SPAN.fullmatch(told.get(name, ""))) is not None:
        return int(met["days"] or 0) * 24 + int(met["hours"])
    whole = told.get(f"{name}.totalhours") or ""
    return int(float(whole)) if re.fullmatch(r"\d{1,9}(?:\.\d+)?", whole) else None


def _kept(hours: int) -> str:
    days, rest = divmod(hours, 24)
    return f"{hours:,} hours" if rest or not days else f"{days:,} days"


def _transport(told: Mapping[str, str], named: str, place: Snapshot, ground: RecordRef) -> Iterator[LogSetting]:
    host, held = short_host(named) if named else place.host, _made_within(place)
    for head, (source, words) in _TRANSPORT.items():
        if _said(told, f"{head}enabled") is False:
            what = f"the log of {words} was switched off"
            yield LogSetting(host, source, SettingKind.OFF, what, held, ground, place.path)
        age, size = _hours(told, f"{head}maxage"), told.get(f"{head}maxdirectorysize", "")
        if not age and _limits(size):
            what = f"files of {words} are deleted, the oldest first, where they take more than {size}"
            yield LogSetting(host, source, SettingKind.RING, what, held, ground, place.path)
        if age:  # 0 stands for no limit
            limit = f", or less where they take more than {size}" if size else ""
            what = f"files of {words} are kept for {_kept(age)}{limit}"
            yield LogSetting(host, source, SettingKind.KEPT, what, held, ground, place.path, kept_h=age)


def _protocol(told: Mapping[str, str], named: str, place: Snapshot, ground: RecordRef) -> Iterator[LogSetting]:
    name = (told.get("protocolname") or named).lower()
    source = "imap4" if "imap" in name else "pop3" if "pop" in name else ""
    if source and _said(told, "protocollogenabled") is False:
        server = told.get("server", "") or told.get("server.name", "")
        host = short_host(server) if server else place.host
        what = f"the log of {source.rstrip('34').upper()} was switched off"
        yield LogSetting(host, source, SettingKind.OFF, what, _made_within(place), ground, place.path)


def _audit(told: Mapping[str, str], named: str, place: Snapshot, ground: RecordRef) -> Iterator[LogSetting]:
    del named
    held = _made_within(place)
    if _said(told, "adminauditlogenabled") is False:
        what = "the audit log of administrators was switched off"
        yield LogSetting("", "admin_audit", SettingKind.OFF, what, held, ground, place.path)
    age = _hours(told, "adminauditlogagelimit")
    if age is not None:
        kind, words = (SettingKind.KEPT, f"is kept for {_kept(age)}") if age else (SettingKind.OFF, "keeps nothing")
        what = f"the audit log of administrators {words}"
        yield LogSetting("", "admin_audit", kind, what, held, ground, place.path, kept_h=age)
    if _said(told, "unifiedauditlogingestionenabled") is False:
        what = "unified audit logging was off"
        yield LogSetting(TENANT, "ual", SettingKind.OFF, what, held, ground, place.path)


def _organisation(told: Mapping[str, str], named: str, place: Snapshot, ground: RecordRef) -> Iterator[LogSetting]:
    del named
    if _said(told, "auditdisabled") is True:
        what = "auditing of all mailboxes was off"
        yield LogSetting(TENANT, "ual", SettingKind.OFF, what, _made_within(place), ground, place.path)


def _event_log(told: Mapping[str, str], named: str, place: Snapshot, ground: RecordRef) -> Iterator[LogSetting]:
    channel = told.get("logname") or named
    server = told.get("pscomputername") or told.get("machinename") or ""
    host, held = short_host(server) if server else place.host, _made_within(place)
    if not channel or not host:
        return
    source, one = f"evtx/{channel}", channel_of(told)
    if one.enabled is False:
        yield LogSetting(host, source, SettingKind.OFF, f"{channel} was switched off", held, ground, place.path)
        return
    size = "" if one.size_bytes is None else f"{one.size_bytes:,} bytes"
    if one.mode is ChannelMode.RING and size:
        kind, what = SettingKind.RING, f"{channel} holds {size}, and what is older is overwritten"
    elif one.mode is ChannelMode.RETAIN and one.full:
        kind, what = SettingKind.FULL, f"{channel} was full, and wrote nothing more"
    elif one.mode is ChannelMode.RETAIN and one.full is None:
        kind, what = (
            SettingKind.STOPS,
            f"{channel} holds {size or 'so many bytes'}, and writes nothing more when it is full",
        )
    elif one.mode is ChannelMode.ARCHIVE:
        kind, what = SettingKind.ARCHIVED, f"{channel} is put aside when it has {size or 'its size'}, and begun anew"
    else:
        return
    policy = ", by policy" if one.policy else ""
    yield LogSetting(host, source, kind, f"{what}{policy}", held, ground, place.path)


_READERS = {
    "transport-service": _transport,
    "protocol-settings": _protocol,
    "audit-config": _audit,
    "organization-config": _organisation,
    "event-log": _event_log,
}


def instants_us(one: Within) -> tuple[int, int]:
    """Give the time in which a setting is known to have held, microseconds since 1970."""
    return utc_us(one.from_utc), utc_us(one.to_utc)
