"""Acts that switch recording off: what they stop being recorded, from when, until which act switches it on again.

Unified auditing of a tenant, auditing of an organisation, of a mailbox or of what an account does, the licence without
which Microsoft 365 does not record what is opened, the log of Exchange's cmdlets, the logs of IIS, and Windows Defender.
Each changes the cells of the ledger by itself (`silence`): the hours from the act on are not recorded, even where records
of them are held, as nothing says that these are all. An act that failed, or only asked what it would do, switches nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import DataFile, read_lexicon, read_rows
from dwell.archive.store import Archive
from dwell.model.instants import utc_from_us, utc_us
from dwell.model.provenance import EvidenceId, RecordRef
from dwell.scope.cells import ALTERED, EMPTY, HELD, HOUR_US, MISSING, OFF, Line, named_hours
from dwell.scope.cmdlets import Cmdlet, Label, person, read_cmdlets
from dwell.scope.ledger import NO_HOST, Ledger
from dwell.scope.licences import AUDITING, CHANGED, auditing_taken
from dwell.scope.namesakes import bare
from dwell.scope.removals import TABLES
from dwell.scope.rollup.ual import TENANT
from dwell.scope.traces import Trace

__all__ = [
    "ACTING",
    "APART_MAX",
    "DELETED",
    "LICENCE",
    "Silence",
    "Silences",
    "deleted_logs",
    "own_line",
    "own_lines",
    "silence",
    "silences_of",
]

ACTING = "by "
"""Part of a line of what one account does, wherever: `ual/by anna@gov.example`."""
LICENCE = "licence"
APART_MAX = 500
"""Of more mailboxes and accounts than this no line is kept for each: the whole log is lowered."""
IIS_CHANNEL = "Microsoft-IIS-Configuration/Operational"
DEFENDER = "Microsoft-Windows-Windows Defender/Operational"
DELETED = "AF-04"
"""The catalogue's entry of logs that were deleted."""
REDIRECTED = "directory"
_YES = frozenset({"true", "$true", "1", "yes"})
_SETS = ("AuditOwner", "AuditDelegate", "AuditAdmin")
_OPENS = ("mailitemsaccessed", "folderbind")
"""What records of a mailbox's auditing tell of opening: in the tenant, on premises."""
_ANY = (HELD, EMPTY, MISSING)


@dataclass(frozen=True, slots=True)
class Silence:
    """A time in which something was not recorded.

    Attributes:
        host: of which host's logs; "" for those of every server.
        source: which log, by its name in the ledger.
        whose: the mailbox or account, by its label; "" where it is about all of them.
        acting: whether it is about what the account does, and not about what is done to its mailbox.
        switch: what was switched: a parameter, an attribute, `licence`.
        from_us: the act that switched it off, microseconds since 1970.
        to_us: the act that switched it on again; None where none is held.
        what: in words.
        ground: the record of the act.
        by: who did it; None where the record does not say.
    """

    host: str
    source: str
    whose: str
    acting: bool
    switch: str
    from_us: int
    to_us: int | None
    what: str
    ground: RecordRef
    by: str | None = None

    @property
    def part(self) -> str:
        """Give the line that it lowers, by its name in the ledger."""
        return f"{self.source}/{ACTING if self.acting else ''}{self.whose}" if self.whose else self.source

    @property
    def why(self) -> str:
        """Give the reason for its cells."""
        by = f" by {self.by}" if self.by else ""
        return f"{self.what}{by} at {utc_from_us(self.from_us):%Y-%m-%d %H:%M:%S} UTC"


@dataclass(frozen=True, slots=True)
class Silences:
    """What was switched off.

    Attributes:
        known: by the time of their acts.
        unclear: changes of licences of which no record says what was changed.
    """

    known: tuple[Silence, ...] = ()
    unclear: tuple[RecordRef, ...] = ()

    def of_mailbox(self, label: str) -> tuple[Silence, ...]:
        """Give those that hide what was done to one mailbox in the tenant, and to no other."""
        return tuple(one for one in self.known if one.whose == label and one.host == TENANT)


_Key = tuple[str, str, str, bool, str]


@dataclass(frozen=True, slots=True)
class _Switch:
    """One act: what it switched (host, source, whose, acting, switch), when, which way."""

    key: _Key
    at_us: int
    off: bool
    what: str
    ground: RecordRef
    by: str | None

    def until(self, to_us: int | None) -> Silence:
        """Give what was not recorded from this act to another; None for one that no record tells of."""
        host, source, whose, acting, switch = self.key
        return Silence(host, source, whose, acting, switch, self.at_us, to_us, self.what, self.ground, self.by)


def silences_of(archive: Archive, label: Label) -> Silences:
    """Read the acts that switched recording off or on.

    Args:
        archive: the case's archive.
        label: gives the name that a user goes by.

    Raises:
        CustodyError: a data file is not what was written.
    """
    acts: list[_Switch] = []
    for table in TABLES:
        for file in archive.files(table):
            for cmdlet in read_cmdlets(file, named=lambda name: name.strip().lower() in _READERS):
                if not cmdlet.failed and cmdlet.at_utc is not None:
                    acts += _READERS[cmdlet.name.strip().lower()](cmdlet, label)
    unclear: list[RecordRef] = []
    for file in archive.files("ual"):
        acts += _licences(file, ("Operation", "ObjectId", "UserId", "AuditData"), label, unclear)
    for file in archive.files("entra_audit"):
        columns = ("activityDisplayName", "identity", "initiatedBy.user.userPrincipalName", "targetResources")
        acts += _licences(file, columns, label, unclear)
    for file in archive.files("evtx"):
        acts += _events(file)
    return Silences(_closed(acts), tuple(sorted(set(unclear))))


def _closed(acts: Iterable[_Switch]) -> tuple[Silence, ...]:
    """Put each act that switched something off together with the next that switched it on."""
    out: list[Silence] = []
    ordered = sorted(set(acts), key=lambda one: (one.key, one.at_us, one.off, one.ground, one.what, one.by or ""))
    for _, mine in groupby(ordered, key=lambda one: one.key):
        off: _Switch | None = None
        for one in mine:
            if off is not None and not one.off:
                out.append(off.until(one.at_us))
                off = None
            elif off is None and one.off:
                off = one
        if off is not None:
            out.append(off.until(None))
    return tuple(sorted(out, key=lambda one: (one.from_us, one.part, one.host, one.switch)))


def _said(one: Cmdlet) -> dict[str, str]:
    return {name.lower(): value.strip() for name, value in one.parameters}


def _is(told: Mapping[str, str], name: str) -> bool | None:
    """Give what a switch was set to; None where it was not set. One without a value is on."""
    value = told.get(name.lower())
    return None if value is None else value.lower() in _YES or value == ""


def _act(one: Cmdlet, key: _Key, what: str, *, off: bool) -> _Switch:
    assert one.at_utc is not None  # noqa: S101 - acts without an instant are passed over
    return _Switch(key, utc_us(one.at_utc), off, what, one.ground, one.caller)


def _admin_log(one: Cmdlet, label: Label) -> Iterator[_Switch]:
    del label
    told = _said(one)
    unified = _is(told, "UnifiedAuditLogIngestionEnabled")
    if unified is not None:
        key = (TENANT, "ual", "", False, "UnifiedAuditLogIngestionEnabled")
        yield _act(one, key, "unified audit logging was switched off", off=not unified)
    if one.online:
        return
    kept = _is(told, "AdminAuditLogEnabled")
    if kept is not None:
        key = ("", "admin_audit", "", False, "AdminAuditLogEnabled")
        yield _act(one, key, "the audit log of administrators was switched off", off=not kept)
    if "adminauditlogagelimit" in told:
        key = ("", "admin_audit", "", False, "AdminAuditLogAgeLimit")
        yield _act(one, key, "the audit log of administrators was set to keep nothing", off=_nothing(told, "admin"))


def _nothing(told: Mapping[str, str], which: str) -> bool:
    """Say whether an age limit keeps nothing: `0`, `00:00:00`, `0.00:00:00`."""
    return not re.search(r"[1-9]", told.get("adminauditlogagelimit" if which == "admin" else "auditlogagelimit", "1"))


def _place(one: Cmdlet) -> tuple[str, str]:
    """Give the log that tells what is done to mailboxes."""
    return (TENANT, "ual") if one.online else ("", "mailbox_audit")


def _mailbox(one: Cmdlet, label: Label) -> Iterator[_Switch]:
    told = _said(one)
    whose = _whom(one, label)
    if not whose:
        return
    place = _place(one)
    on = _is(told, "AuditEnabled")
    if on is not None:
        yield _act(one, (*place, whose, False, "AuditEnabled"), f"auditing of {whose} was switched off", off=not on)
    if "auditlogagelimit" in told and not one.online:
        key = (*place, whose, False, "AuditLogAgeLimit")
        yield _act(one, key, f"the audit log of {whose} was set to keep nothing", off=_nothing(told, "mailbox"))
    for name in _SETS:
        key = (*place, whose, False, name)
        if name.lower() in told:
            what = f"what opens {whose} was taken out of the audited acts ({name})"
            yield _act(one, key, what, off=_leaves_out(told[name.lower()]))
        elif "defaultauditset" in told:
            yield _act(one, key, "", off=False)


def _leaves_out(value: str) -> bool:
    """Say whether a set of audited acts is without those that open: they are taken out, or are not in the list."""
    low = value.lower()
    if "remove" in low and "add" not in low:
        return any(one in low for one in _OPENS)
    return not any(one in low for one in _OPENS) and "add" not in low


def _whom(one: Cmdlet, label: Label) -> str:
    """Give whom a cmdlet is about: as it was asked for, else as the record names what was changed."""
    asked, changed = dict(one.parameters).get("Identity", ""), one.target
    named = next((person(text, label) for text in (asked, changed) if text and label(text) is not None), "")
    return named or person(asked or changed, label)


def _bypass(one: Cmdlet, label: Label) -> Iterator[_Switch]:
    on, whose = _is(_said(one), "AuditBypassEnabled"), _whom(one, label)
    if on is not None and whose:
        key = (*_place(one), whose, True, "AuditBypassEnabled")
        yield _act(one, key, f"what {whose} does was taken out of auditing", off=on)


def _organisation(one: Cmdlet, label: Label) -> Iterator[_Switch]:
    del label
    disabled = _is(_said(one), "AuditDisabled")
    if disabled is not None:
        key = (*_place(one), "", False, "AuditDisabled")
        yield _act(one, key, "auditing of all mailboxes was switched off", off=disabled)


_READERS = {
    "set-adminauditlogconfig": _admin_log,
    "set-mailbox": _mailbox,
    "set-mailboxauditbypassassociation": _bypass,
    "set-organizationconfig": _organisation,
}
"""By the cmdlet, in lower case."""


def _licences(
    file: DataFile, columns: tuple[str, str, str, str], label: Label, unclear: list[RecordRef]
) -> Iterator[_Switch]:
    """Read changes of licences. The columns: the act, whom it is about, who did it, what it holds."""
    act, about, caller, inside = columns
    lexicon = read_lexicon(file)
    if act in lexicon.complete and not set(CHANGED) & set(lexicon.column(act)["value"].to_pylist()):
        return
    rows = read_rows(file, ("evidence_id", "record_no", "time_utc", act, about, caller))
    taken = pc.and_(pc.is_in(rows[act].cast(pa.string()), value_set=pa.array(CHANGED)), pc.is_valid(rows["time_utc"]))
    picked = np.flatnonzero(taken.to_numpy())
    if not len(picked):
        return
    texts = read_rows(file, (inside,))[inside].take(pa.array(picked)).to_pylist()
    near = rows.take(pa.array(picked))
    times = near["time_utc"].cast(pa.int64()).to_pylist()
    for row, at, text in zip(near.drop(["time_utc"]).to_pylist(), times, texts, strict=True):
        ground = RecordRef(file.table, EvidenceId(row["evidence_id"]), row["record_no"])
        told = text or ""
        told_of = "AssignedLicense" in told or "AssignedPlan" in told
        off = auditing_taken(told) if told_of else None
        if off is None:
            if not told_of and row[act].startswith("Change"):
                unclear.append(ground)
            continue
        whose = person(_named(told) or row[about] or "", label)
        if whose:
            what = f"the licence that records what is opened in {whose} ({AUDITING}) was taken away"
            yield _Switch((TENANT, "ual", whose, False, LICENCE), at, off, what, ground, row[caller])


_TARGET = re.compile(r'"userPrincipalName":\s*"(?P<name>[^"]+)"', re.IGNORECASE)


def _named(text: str) -> str:
    """Give the user that an audit record of the directory names as its target; "" where it names none."""
    found = _TARGET.search(text)
    return "" if found is None else found["name"]


def _events(file: DataFile) -> Iterator[_Switch]:
    """Read what event logs tell of the logs of IIS and of Windows Defender."""
    lexicon = read_lexicon(file)
    channels = {IIS_CHANNEL, DEFENDER}
    if "Channel" in lexicon.complete and not channels & set(lexicon.column("Channel")["value"].to_pylist()):
        return
    rows = read_rows(
        file, ("evidence_id", "record_no", "time_utc", "host", "Channel", "EventID", "UserID", "EventData")
    )
    wanted = pc.and_(
        pc.is_in(rows["Channel"].cast(pa.string()), value_set=pa.array(sorted(channels))),
        pc.is_in(rows["EventID"], value_set=pa.array([29, 50, 5000, 5001], pa.int32())),
    )
    near = rows.filter(pc.and_(wanted, pc.is_valid(rows["time_utc"])))
    times = near["time_utc"].cast(pa.int64()).to_pylist()
    for row, at in zip(near.drop(["time_utc"]).to_pylist(), times, strict=True):
        ground = RecordRef(file.table, EvidenceId(row["evidence_id"]), row["record_no"])
        host = row["host"] or NO_HOST
        if row["Channel"] == DEFENDER:
            what = "Windows Defender's protection was switched off"
            key = (host, f"evtx/{DEFENDER}", "", False, "real-time protection")
            yield _Switch(key, at, row["EventID"] == 5001, what, ground, row["UserID"])
        else:
            told = {str(name).lower(): str(value or "") for name, value in row["EventData"] or ()}
            yield from (_Switch((host, "iis", "", False, one), at, off, what, ground, row["UserID"])
                        for one, off, what in _iis(told))  # fmt: skip


def _iis(told: Mapping[str, str]) -> Iterator[tuple[str, bool, str]]:
    """Read a change of IIS' configuration: which switch, whether it stops the log, in words."""
    place, value = told.get("configuration", ""), told.get("newvalue", "").strip().strip("'\"").lower()
    low = place.lower()
    if "httplogging" in low and low.endswith("@dontlog"):
        yield f"dontLog at {place}", value in _YES, "logging of requests was switched off (dontLog)"
    elif "logfile" in low and low.endswith("@enabled"):
        yield f"enabled at {place}", value not in _YES, "the log of a site was stopped"
    elif "logfile" in low and low.endswith("@logtargetw3c"):
        words = set(re.split(r"[,;\s|]+", value))
        file = bool(words & {"file", "1", "3"})
        yield f"logTargetW3C at {place}", not file, "the log of a site was no longer written to a file (logTargetW3C)"
    elif "logfile" in low and low.endswith("@directory"):
        what = f"the log of a site was redirected to {told.get('newvalue', '')}; look there"
        yield f"{REDIRECTED} at {place}", value != told.get("oldvalue", "").strip().strip("'\"").lower(), what


def silence(ledger: Ledger, found: Sequence[Silence], label: Label) -> None:
    """Lower the cells of a ledger that were not recorded.

    Args:
        ledger: the ledger, changed.
        found: what was switched off.
        label: gives the name that a user goes by.
    """
    apart = {(one.host, one.part) for one in found if one.whose}
    for one in sorted(found, key=lambda one: bool(one.whose)):
        for host, source in sorted(ledger.lines):
            # an act in a log that names its host by a name of several may be any of theirs
            whole = source == one.source and (not one.host or one.host in {host, bare(host)})
            if one.whose and whole and len(apart) <= APART_MAX:
                _mark(ledger.lines[host, own_line(ledger, host, one.source, one.whose, label, acting=one.acting)], one)
            elif whole or (not one.whose and source.startswith(f"{one.source}/") and one.host in {"", host}):
                _mark(ledger.lines[host, source], one)


def _mark(line: Line, one: Silence) -> None:
    # what was written elsewhere is held where somebody copied it as well
    over = (EMPTY, MISSING) if one.switch.startswith(f"{REDIRECTED} ") else _ANY
    end = line.start + len(line.states) if one.to_us is None else -(-one.to_us // HOUR_US)
    line.mark(one.from_us // HOUR_US, max(end, one.from_us // HOUR_US + 1), OFF, over, one.why)


def own_line(ledger: Ledger, host: str, source: str, whose: str, label: Label, *, acting: bool = False) -> str:
    """Give the line of a mailbox or account, made from that of all where it has none.

    Args:
        ledger: the ledger, changed where the line is made.
        host: whose log.
        source: which log, by its name in the ledger.
        whose: the mailbox or account, by its label.
        label: gives the name that a user goes by.
        acting: whether it is about what the account does, and not about what is done to its mailbox.
    """
    for known, line in ledger.lines:
        head, _, tail = line.partition("/")
        named = tail.removeprefix(ACTING)
        alike = known == host and head == source and tail and tail.startswith(ACTING) is acting
        if alike and (label(named) or named) == whose:
            return line
    part = f"{source}/{ACTING if acting else ''}{whose}"
    ledger.lines[host, part] = ledger.lines[host, source].as_whole()
    return part


def own_lines(ledger: Ledger, host: str, whose: str, label: Label) -> frozenset[str]:
    """Give the lines of one mailbox or account on a host: those about what is done to it, and about what it does.

    Args:
        ledger: the ledger.
        host: whose logs.
        whose: the mailbox or account, by its label.
        label: gives the name that a user goes by.
    """
    out = set()
    for known, line in ledger.lines:
        named = line.partition("/")[2].removeprefix(ACTING)
        if known == host and named and (label(named) or named) == whose:
            out.add(line)
    return frozenset(out)


def deleted_logs(ledger: Ledger, traces: Iterable[Trace]) -> None:
    """Lower the hours of logs that events say were deleted, unless records of them are held.

    Args:
        ledger: the ledger, changed.
        traces: hits of our rules.
    """
    for one in traces:
        path = next((text for text in (one.value("TargetFilename"), one.value("ObjectName")) if text), "")
        window = named_hours(path) if one.catalogue == DELETED else None
        if window is None:
            continue
        for (host, source), line in ledger.lines.items():
            if host == one.host and source == _table(path):
                line.mark(*window, ALTERED, (EMPTY, MISSING), f"the file of these hours was deleted: {path}")


def _table(path: str) -> str:
    low = path.lower()
    if re.search(r"[\\/]u_ex[^\\/]*$", low):
        return "iis"
    return "httpproxy" if "httpproxy" in low else "ews" if re.search(r"[\\/]ews[\\/]", low) else ""
