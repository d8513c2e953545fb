"""The cmdlets behind traces: what was set to what, on what, by whom.

Exchange on premises writes a cmdlet's parameters as one text, Microsoft 365 as names and values; the operation that
Microsoft 365 records is the cmdlet's name. Only records that a rule of ours met are looked up: there are few.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import DataFile, read_lexicon, read_rows
from dwell.archive.store import Archive
from dwell.model.instants import utc_from_us
from dwell.model.provenance import EvidenceId, RecordRef
from dwell.scope.audit_details import TOLD_INSIDE, details
from dwell.scope.traces import Trace

__all__ = ["Cmdlet", "cmdlets_of", "parameters_of", "read_cmdlets"]

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "evtx": ("Cmdlet", "CmdletParameters", "CmdletCaller", "CmdletError", "EventID"),
    "ual": ("Operation", "ObjectId", "UserId", "Parameters", "ResultStatus"),
}
_BY_CMDLET = ("EX-04", "EX-06", "MB-", "OS-01", "TA-", "IM-", "AF-05")
"""Catalogues whose rules look at cmdlets."""
_FAILED_EVENT = 6
_FAILED = frozenset({"false", "failed", "failure"})
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
        failed: whether the record says that it did not work.
    """

    name: str
    target: str
    caller: str | None
    parameters: tuple[tuple[str, str], ...]
    at_utc: datetime | None
    ground: RecordRef
    host: str | None = None
    failed: bool = False

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

    def undoes(self, other: Cmdlet, catalogue: str) -> bool:
        """Say whether this takes away what an earlier one set: the same thing on the same target."""
        if self.at_utc is None or other.at_utc is None or self.at_utc < other.at_utc:
            return False
        harmless = _HARMLESS.get(catalogue, {})
        mine = {name for name, _ in self.parameters if name in harmless}
        others = {name for name, _ in other.parameters if name in harmless}
        same = (self.name.lower(), self.target.lower()) == (other.name.lower(), other.target.lower())
        return same and self.takes_away(catalogue) and others <= mine


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
        if one.table in _COLUMNS and one.catalogue.startswith(_BY_CMDLET):
            by_table.setdefault(one.table, []).append(one)
    for table, mine in sorted(by_table.items()):
        for file in archive.files(table):
            near = [one for one in mine if _may_hold(file, one)]
            if near:
                out |= {one.ground: one for one in _read(file, {ref for one in near for ref in one.grounds})}
    return out


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
            yield Cmdlet(name, target, caller, parameters, when, ref, row["host"], _has_failed(row))


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


def _has_failed(row: Mapping[str, object]) -> bool:
    status = str(row.get("ResultStatus") or "").lower()
    return bool(row.get("CmdletError")) or row.get("EventID") == _FAILED_EVENT or status in _FAILED


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
        parameters = parameters_of(str(row.get("CmdletParameters") or ""))
    caller = row.get("CmdletCaller") or row.get("UserId")
    identity = next((value for key, value in parameters if key == "Identity"), "")
    target = str(row.get("ObjectId") or "") or identity
    told = details(name, whole)
    if told is not None:
        target, parameters = told[0] or target, (*parameters, *told[1])
    return name, target, None if caller is None else str(caller), tuple(parameters)
