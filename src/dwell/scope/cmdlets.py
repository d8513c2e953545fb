"""Cmdlets as the logs tell them: what was set to what, on what, by whom.

Exchange's event log and its log of remote PowerShell write a cmdlet's parameters as one text, its admin audit log and
Microsoft 365 as names and values; the operation that Microsoft 365 records is the cmdlet's name. Records that a rule of
ours met are looked up, and those that take something away: there are few of either.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import DataFile, read_lexicon, read_rows
from dwell.archive.store import Archive
from dwell.model.addresses import address
from dwell.model.instants import utc_from_us
from dwell.model.provenance import EvidenceId, RecordRef
from dwell.scope.audit_details import TOLD_INSIDE, details
from dwell.scope.traces import Trace

__all__ = [
    "SAME",
    "TABLES",
    "Cmdlet",
    "Label",
    "apart",
    "cmdlets_of",
    "parameters_of",
    "person",
    "read_cmdlets",
    "retold",
    "short",
]

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "evtx": ("Cmdlet", "CmdletParameters", "CmdletCaller", "CmdletError", "EventID"),
    "ual": ("Operation", "ObjectId", "UserId", "Parameters", "ResultStatus", "ClientIP", "ClientIPAddress"),
    "admin_audit": ("Cmdlet", "ObjectModified", "Caller", "Parameters", "Succeeded", "OriginatingServer"),
    "rps_cmdlet": ("Cmdlet", "Parameters", "AuthenticatedUser", "ExecutionResult"),
}
"""Per log: the column of the cmdlet's name, and what else is read of it; the log that tells most first. An admin audit log
that was exported as CSV is none of them: its times are in the words of whoever exported it, and what has no instant takes
nothing away."""
TABLES = tuple(_COLUMNS)
"""Logs that tell of cmdlets."""
SAME = timedelta(minutes=1)
"""One act stands in several logs: at its begin in one, at its end in the other."""
_BY_CMDLET = ("EX-04", "EX-06", "MB-", "OS-01", "TA-", "IM-", "AF-05")
"""Catalogues whose rules look at cmdlets."""
_CALLERS = ("CmdletCaller", "UserId", "Caller", "AuthenticatedUser")
_FAILED_EVENT = 6
_FAILED = frozenset({"false", "failed", "failure"})
_DONE: Mapping[str, tuple[str, str]] = {
    "admin_audit": ("Succeeded", "true"),
    "rps_cmdlet": ("ExecutionResult", "success"),
}
"""Logs that say of every cmdlet whether it worked: what they do not call done is taken for failed."""
_ONLINE = re.compile(r"\(15\.[2-9]\d\.")
"""The build of a server of Exchange Online, as an admin audit log writes it behind the server's name."""
_WHOLE = frozenset({"set-adminauditlogconfig", "set-organizationconfig"})
"""Cmdlets on what an organisation has one of: the logs name it in different words, or not at all."""
_HOSTED = re.compile(r"^[^/]+/Microsoft Exchange Hosted Organizations/[^/]+/(?P<name>.+)$")
"""How Exchange Online writes whom it means: its own forest, the tenant, and only then the name."""
_NAME = re.compile(r"(?<!\S)-(?P<name>[A-Za-z]\w*)(?=[\s:]|$)")
_QUOTES = ('"', "'")
_NOTHING = frozenset({"", "$null", "null", "{}", "()", "@()"})
_HARMLESS: Mapping[str, Mapping[str, frozenset[str]]] = {
    "MB-07": dict.fromkeys(
        ("ForwardingSmtpAddress", "ForwardingAddress", "ForwardTo", "RedirectTo", "ForwardAsAttachmentTo", "BlindCopyTo",
         "RedirectMessageTo", "CopyTo", "JournalEmailAddress"),
        _NOTHING,
    ),
    "AF-05": {
        "AuditBypassEnabled": frozenset({"false", "$false"}),
        "AdminAuditLogEnabled": frozenset({"true", "$true"}),
        "UnifiedAuditLogIngestionEnabled": frozenset({"true", "$true"}),
        "AuditEnabled": frozenset({"true", "$true"}),
        "AuditDisabled": frozenset({"false", "$false"}),
    },
}  # fmt: skip
"""Per catalogue: the parameters that a rule looks for, and the values, in lower case, by which the thing is taken away."""

Label = Callable[[str], str | None]
"""Gives the name that a user goes by; None where the text names nobody."""


@dataclass(frozen=True, slots=True)
class Cmdlet:
    """One cmdlet that was run.

    Attributes:
        name: `Set-Mailbox`.
        target: what it was run on, "" where the record has none.
        caller: who ran it, None where the record has none.
        parameters: names and values, in their order.
        at_utc: when; None where the record has no instant.
        ground: the record.
        host: whose log tells of it; None where the log names none.
        failed: whether the record says that it did not work, or only tried what it would do (`-WhatIf`).
        online: whether it was run in the tenant, and so on nothing on premises.
        client: the address that it was run from; None where the record has none.
    """

    name: str
    target: str
    caller: str | None
    parameters: tuple[tuple[str, str], ...]
    at_utc: datetime | None
    ground: RecordRef
    host: str | None = None
    failed: bool = False
    online: bool = False
    client: str | None = None

    @property
    def words(self) -> str:
        """Tell the cmdlet: what it set to what, on what, by whom."""
        target = _plain(self.target)
        shown = [(name, _plain(value)) for name, value in self.parameters]
        told = "; ".join(
            f"{name} = {value or '(nothing)'}" for name, value in shown if (name, value) != ("Identity", target)
        )
        on = f" on {target}" if target else ""
        by = f" by {self.caller}" if self.caller else ""
        return f"{self.name}{on}{by}: {told}" if told else f"{self.name}{on}{by}"

    def takes_away(self, catalogue: str) -> bool:
        """Say whether all that the catalogue's rules look for is set to what undoes it."""
        harmless = _HARMLESS.get(catalogue, {})
        told = [(harmless[name], value) for name, value in self.parameters if name in harmless]
        return bool(told) and all(value.lower() in values for values, value in told)

    @property
    def undoing(self) -> bool:
        """Say whether it sets what one of the catalogues looks for to what undoes it."""
        return any(self.takes_away(one) for one in _HARMLESS)

    def undoes(self, other: Cmdlet, catalogue: str, label: Label) -> bool:
        """Say whether this takes away what an earlier one set: the same thing on the same target.

        Args:
            other: what was set.
            catalogue: the entry of the catalogue that it was met by.
            label: gives the name that a user goes by; logs write one mailbox in different words.
        """
        if self.failed or self.at_utc is None or other.at_utc is None or self.at_utc < other.at_utc:
            return False
        harmless = _HARMLESS.get(catalogue, {})
        mine = {name for name, _ in self.parameters if name in harmless}
        others = {name for name, _ in other.parameters if name in harmless}
        name = self.name.lower()
        alike = (name, self.online) == (other.name.lower(), other.online)
        same = alike and (name in _WHOLE or _subject(self, label) == _subject(other, label))
        same = same and not apart(self.target, other.target)
        return same and self.takes_away(catalogue) and others <= mine


def _subject(one: Cmdlet, label: Label) -> tuple[str, str]:
    """Give what a cmdlet was run on: a rule's holder and its name, or whom the target names."""
    if "rule" not in one.name.lower():
        return person(one.target, label), ""
    holder, _, name = short(one.target).rpartition("\\")
    return (person(holder, label) if holder else ""), name


def short(text: str) -> str:
    """Give the last part of a path of the directory, in lower case."""
    return text.strip().strip('"').rpartition("/")[2].strip().lower()


def apart(one: str, other: str) -> bool:
    """Say whether two texts are paths of the directory that differ: two people of one name lie in two of its folders."""
    paths = [_plain(text.strip().strip('"')).lower() for text in (one, other)]
    return all("/" in path for path in paths) and paths[0] != paths[1]


def person(text: str, label: Label) -> str:
    """Give who a text names, or the text's last part where it names nobody known."""
    return label(short(text)) or short(text)


def _plain(text: str) -> str:
    """Give a name of Exchange Online without the forest and the tenant before it."""
    found = _HOSTED.match(text)
    return text if found is None else found["name"]


def parameters_of(text: str) -> tuple[tuple[str, str], ...]:
    """Read `-Identity "Anna" -ForwardingSmtpAddress 'smtp:x@y' -Force` into names and values; a switch has none.

    Exchange does not double quotes inside a quoted value: the value ends where a quote stands before the next name or at
    the end of the text.
    """
    out: list[tuple[str, str]] = []
    name, start = "", 0
    for found in _NAME.finditer(text):
        if _ends(text, start, found.start()):
            out += [(name, _unquoted(text[start : found.start()]))] if name else []
            name, start = found["name"], found.end()
    return (*out, (name, _unquoted(text[start:]))) if name else ()


def _ends(text: str, start: int, stop: int) -> bool:
    """Say whether a value may end where a name starts: it is not quoted, or its closing quote stands before."""
    first, last = start, stop - 1
    while first < stop and (text[first].isspace() or text[first] == ":"):
        first += 1
    while last > first and text[last].isspace():
        last -= 1
    return first >= stop or text[first] not in _QUOTES or (last > first and text[last] == text[first])


def _unquoted(text: str) -> str:
    value = text.lstrip(":").strip()
    if len(value) > 1 and value[0] in _QUOTES and value[-1] == value[0]:
        return value[1:-1].replace(value[0] * 2, value[0])
    return value


def cmdlets_of(archive: Archive, traces: Iterable[Trace]) -> Mapping[RecordRef, Cmdlet]:
    """Look up the cmdlets that traces rest on.

    Raises:
        CustodyError: a data file is not what was written.
    """
    out: dict[RecordRef, Cmdlet] = {}
    by_table: dict[str, list[Trace]] = {}
    for one in traces:
        if one.table in TABLES and one.catalogue.startswith(_BY_CMDLET):
            by_table.setdefault(one.table, []).append(one)
    for table, mine in sorted(by_table.items()):
        for file in archive.files(table):
            near = [one for one in mine if _may_hold(file, one)]
            if near:
                out |= {one.ground: one for one in _read(file, {ref for one in near for ref in one.grounds})}
    return out


def retold(acts: Iterable[Cmdlet]) -> frozenset[RecordRef]:
    """Give the records that only tell once more, in another log, of an act that one of the acts tells already.

    One act has the same name and parameters in all logs. Two equal ones in one log are two.
    """
    known: dict[tuple[str, tuple[tuple[str, str], ...]], dict[str, list[datetime]]] = {}
    out: set[RecordRef] = set()
    for one in sorted(acts, key=lambda each: (TABLES.index(each.ground.table), str(each.at_utc or ""), each.ground)):
        if one.at_utc is None:
            continue
        given = tuple(sorted((name.lower(), value.lower()) for name, value in one.parameters))
        told = known.setdefault((one.name.lower(), given), {})
        before = (times for table, times in told.items() if table != one.ground.table)
        if any(_near(times, one.at_utc) for times in before):
            out.add(one.ground)
        else:
            told.setdefault(one.ground.table, []).append(one.at_utc)
    return frozenset(out)


def _near(times: Sequence[datetime], when: datetime) -> bool:
    """Say whether one of some instants, ascending, lies near another."""
    place = bisect_left(times, when - SAME)
    return place < len(times) and times[place] <= when + SAME


def _may_hold(file: DataFile, trace: Trace) -> bool:
    """Say whether records of a trace can lie in a file, going by instants."""
    if file.first_utc is None or file.last_utc is None or trace.first_utc is None or trace.last_utc is None:
        return file.first_utc is None and trace.first_utc is None
    return file.first_utc <= trace.last_utc and trace.first_utc <= file.last_utc


def _read(file: DataFile, wanted: set[RecordRef]) -> Iterator[Cmdlet]:
    numbers = pa.array(sorted({one.record_no for one in wanted}), pa.int64())
    return (one for one in read_cmdlets(file, numbers=numbers) if one.ground in wanted)


def read_cmdlets(
    file: DataFile, *, numbers: pa.Array | None = None, named: Callable[[str], bool] | None = None
) -> Iterator[Cmdlet]:
    """Yield the cmdlets of a data file, those of some record numbers or of some names.

    Raises:
        CustodyError: the file is not what was written.
    """
    column = _COLUMNS[file.table][0]
    if named is not None:
        lexicon = read_lexicon(file)
        # most files hold none of the names, and are not opened
        if column in lexicon.complete and not any(
            named(one or "") for one in lexicon.column(column)["value"].to_pylist()
        ):
            return
    columns = ("evidence_id", "record_no", "time_utc", "host", *_COLUMNS[file.table])
    rows = read_rows(file, columns, dictionary=("evidence_id", "host", column))
    taken = rows[column].is_valid()
    if numbers is not None:
        taken = pc.and_(taken, pc.is_in(rows["record_no"], value_set=numbers))
    if named is not None:
        names = pa.array(
            [one for one in pc.unique(rows[column].cast(pa.string())).to_pylist() if one and named(one)], pa.string()
        )
        taken = pc.and_(taken, pc.is_in(rows[column].cast(pa.string()), value_set=names))
    picked = np.flatnonzero(taken.to_numpy(zero_copy_only=False) if isinstance(taken, pa.Array) else taken.to_numpy())
    near = rows.take(pa.array(picked))
    times = near["time_utc"].cast(pa.int64()).to_pylist()
    inside = _inside(file, near, picked)
    for place, (row, at) in enumerate(zip(near.drop(["time_utc"]).to_pylist(), times, strict=True)):
        ref = RecordRef(file.table, EvidenceId(row["evidence_id"]), row["record_no"])
        found = _cmdlet(row, inside.get(place))
        if found is not None:
            name, target, caller, parameters = found
            when = None if at is None else utc_from_us(at)
            online = file.table == "ual" or bool(_ONLINE.search(str(row.get("OriginatingServer") or "")))
            failed = _has_failed(file.table, row) or _only_tried(parameters)
            client = address(row.get("ClientIP") or row.get("ClientIPAddress"))
            yield Cmdlet(name, target, caller, parameters, when, ref, row["host"], failed, online, client)


def _inside(file: DataFile, near: pa.Table, picked: npt.NDArray[np.int64]) -> Mapping[int, str]:
    """Give the whole records of those rows whose kind of act tells what it did deeper inside."""
    if file.table != "ual":
        return {}
    names = near["Operation"].to_pylist()
    places = [place for place, one in enumerate(names) if (one or "").strip().rstrip(".").lower() in TOLD_INSIDE]
    if not places:
        return {}
    texts = read_rows(file, ("AuditData",))["AuditData"].take(pa.array(picked[places])).to_pylist()
    return {place: text for place, text in zip(places, texts, strict=True) if text}


def _has_failed(table: str, row: Mapping[str, object]) -> bool:
    if table in _DONE:
        column, done = _DONE[table]
        return str(row[column] or "").lower() != done
    status = str(row.get("ResultStatus") or "").lower()
    return bool(row.get("CmdletError")) or row.get("EventID") == _FAILED_EVENT or status in _FAILED


def _only_tried(parameters: Sequence[tuple[str, str]]) -> bool:
    """Say whether a cmdlet was asked what it would do, and so did nothing."""
    return any(name.lower() == "whatif" and value.lower() not in {"false", "$false"} for name, value in parameters)


def _cmdlet(
    row: Mapping[str, object], whole: str | None
) -> tuple[str, str, str | None, tuple[tuple[str, str], ...]] | None:
    """Read a record's row; None where it is no cmdlet."""
    name = row.get("Cmdlet") or row.get("Operation")
    if not isinstance(name, str):
        return None
    held = row.get("Parameters")
    if isinstance(held, list):
        parameters: Sequence[tuple[str, str]] = [(str(key), str(value or "")) for key, value in held]
    else:
        parameters = parameters_of(str(row.get("CmdletParameters") or held or ""))
    caller = next((row[one] for one in _CALLERS if row.get(one)), None)
    identity = next((value for key, value in parameters if key == "Identity"), "")
    target = str(row.get("ObjectId") or row.get("ObjectModified") or "") or identity
    told = details(name, whole)
    if told is not None:
        target, parameters = told[0] or target, (*parameters, *told[1])
    return name, target, None if caller is None else str(caller), tuple(parameters)
