"""Windows events as rows: the one table that binary event logs, their XML and their JSON all feed.

A reader hands each event over as a `System` block and a run of named texts. Names that rules and reasoning use become
columns; every other name stays in the map `EventData`. Nothing is dropped.

* Unnamed data are called `Data0`, `Data1`, …; on the channel `MSExchange Management` their known positions have names
  (`CMDLET_POSITIONS`), because that log has no names of its own.
* `UserData` keeps its element names with dots (`LogFileCleared.Channel`); where the last name is a column it fills that
  column as well.
* A name that comes twice in one event is numbered (`Name#2`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.sources import columns
from dwell.sources.source import prefix_fields

__all__ = [
    "CMDLET_CHANNEL",
    "CMDLET_POSITIONS",
    "DATA_COLUMNS",
    "LEXICON",
    "SCHEMA",
    "Correlation",
    "Execution",
    "Provider",
    "Rows",
    "Security",
    "System",
    "TimeCreated",
    "data_name",
    "instants",
    "named",
]

DEPTH_MAX = 32
"""Deeper structures than this are kept as one JSON text."""

_Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
_Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class Provider(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Who wrote the event."""

    Name: str | None = None
    Guid: str | None = None
    EventSourceName: str | None = None


class Execution(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Process and thread that wrote the event."""

    ProcessID: _Int64 | None = None
    ThreadID: _Int64 | None = None


class TimeCreated(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """When the event was raised, as written."""

    SystemTime: str | None = None


class Correlation(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Activity ids."""

    ActivityID: str | None = None
    RelatedActivityID: str | None = None


class Security(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """The account the writer ran as."""

    UserID: str | None = None


class System(msgspec.Struct, gc=False):
    """An event's `System` block, flat but for its attribute holders."""

    Channel: str | None = None
    Computer: str | None = None
    Keywords: str | None = None
    EventID: _Int32 | None = None
    Qualifiers: _Int32 | None = None
    EventRecordID: _Int64 | None = None
    Level: _Int32 | None = None
    Task: _Int32 | None = None
    Opcode: _Int32 | None = None
    Version: _Int32 | None = None
    provider: Provider = Provider()
    execution: Execution = Execution()
    time: TimeCreated = TimeCreated()
    correlation: Correlation = Correlation()
    security: Security = Security()


CMDLET_CHANNEL = "MSExchange Management"
CMDLET_POSITIONS: Mapping[int, str] = {
    0: "Cmdlet",
    1: "CmdletParameters",
    2: "CmdletCaller",
    3: "CmdletCallerSid",
    5: "CmdletHostApplication",
    6: "CmdletProcess",
    9: "CmdletDuration",
    10: "CmdletScope",
    11: "CmdletError",
    14: "CmdletErrorKind",
    23: "CmdletActivityId",
    24: "CmdletSession",
}
"""What the unnamed data of `MSExchange Management` are; the other positions stay `DataN`."""

DATA_COLUMNS: tuple[str, ...] = (
    "TargetUserName", "TargetDomainName", "TargetUserSid", "SubjectUserName", "SubjectDomainName", "SubjectUserSid",
    "SubjectLogonId", "TargetLogonId", "LogonType", "IpAddress", "IpPort", "WorkstationName",
    "AuthenticationPackageName", "LogonProcessName", "ProcessName", "Status", "SubStatus", "FailureReason",
    "TargetServerName", "ServiceName", "ImagePath", "Image", "CommandLine", "ParentImage", "ParentCommandLine",
    "NewProcessName", "ParentProcessName", "TargetFilename", "Hashes", "User", "OriginalFileName", "ScriptBlockText",
    "ObjectName", "ShareName", "RelativeTargetName", "TargetObject", "Details", "QueryName", "DestinationIp",
    "DestinationHostname", "DestinationPort", "SourceIp", "UtcTime", "TaskName", "TaskContent",
    "AttributeLDAPDisplayName", "ObjectDN", "Message", *CMDLET_POSITIONS.values(),
)  # fmt: skip
"""Names of event data that are columns of their own."""

_TEXTS = ("Channel", "Provider", "ProviderGuid", "EventSourceName", "Computer", "UserID", "Keywords", "ActivityID",
          "RelatedActivityID")  # fmt: skip
_INTEGERS = {
    "EventID": pa.int32(),
    "Qualifiers": pa.int32(),
    "EventRecordID": pa.int64(),
    "Level": pa.int32(),
    "ProcessID": pa.int64(),
    "ThreadID": pa.int64(),
    "Task": pa.int32(),
    "Opcode": pa.int32(),
    "Version": pa.int32(),
}
_MAP = pa.map_(pa.string(), pa.string())

SCHEMA = pa.schema(
    [
        *prefix_fields(),
        *(pa.field(name, pa.string()) for name in _TEXTS),
        *(pa.field(name, kind) for name, kind in _INTEGERS.items()),
        *(pa.field(name, pa.string()) for name in DATA_COLUMNS),
        pa.field("EventData", _MAP),
    ]
)
_UNIQUE = {
    "UtcTime", "ScriptBlockText", "TaskContent", "Message", "SubjectLogonId", "TargetLogonId", "IpPort",
    "CmdletDuration", "CmdletActivityId", "CmdletScope",
}  # fmt: skip
LEXICON: tuple[str, ...] = (
    "Channel", "Provider", "Computer", "UserID", *(name for name in DATA_COLUMNS if name not in _UNIQUE)
)  # fmt: skip

_DATA_NAMES = [f"Data{position}" for position in range(64)]
_CMDLET_NAMES = [CMDLET_POSITIONS.get(position, name) for position, name in enumerate(_DATA_NAMES)]
_FRACTION = re.compile(r"(\.\d{6})\d+")
_ACTIVITY = re.compile(
    r"Cmdlet (?:suc+e+d+ed|failed)\. Cmdlet (?P<name>[\w-]+), parameters (?P<parameters>.*)", re.DOTALL
)


def data_name(position: int, channel: str | None) -> str:
    """Name the unnamed data at a position."""
    if position < len(_DATA_NAMES):
        return (_CMDLET_NAMES if channel == CMDLET_CHANNEL else _DATA_NAMES)[position]
    return f"Data{position}"


class _Codes(dict[str, int]):
    """Numbers for names: columns first, in their order, then whatever else turns up."""

    def __missing__(self, name: str) -> int:
        self[name] = code = len(self)
        return code


_COLUMN_CODES = {name: code for code, name in enumerate(DATA_COLUMNS)}


class Rows:
    """Events gathered for one batch.

    Attributes:
        numbers: `record_no` of each.
        systems: `System` block of each.
        names: names of the event data, event after event.
        values: their values, side by side with `names`.
        counts: how many names each event has.
    """

    __slots__ = ("counts", "names", "numbers", "systems", "values")

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.systems: list[System] = []
        self.names: list[str] = []
        self.values: list[Any] = []
        self.counts: list[int] = []

    def __len__(self) -> int:
        """Give the number of events."""
        return len(self.numbers)

    def add(self, number: int, system: System, data: Mapping[str, Any]) -> None:
        """Take one event whose data have names that differ."""
        self.numbers.append(number)
        self.systems.append(system)
        self.names.extend(data)
        self.values.extend(data.values())
        self.counts.append(len(data))

    def batch(self, times: pa.Array | None = None) -> pa.RecordBatch:
        """Give the rows; `times` stands in for the instants of the `System` blocks."""
        systems = self.systems
        host = _texts([one.Computer for one in systems])
        columns: dict[str, pa.Array] = {
            "record_no": pa.array(self.numbers, pa.int64()),
            "time_utc": instants([one.time.SystemTime for one in systems]) if times is None else times,
            "host": host,
            "Computer": host,
            "Channel": _texts([one.Channel for one in systems]),
            "Provider": _texts([one.provider.Name for one in systems]),
            "ProviderGuid": _texts([one.provider.Guid for one in systems]),
            "EventSourceName": _texts([one.provider.EventSourceName for one in systems]),
            "UserID": _texts([one.security.UserID for one in systems]),
            "Keywords": _texts([one.Keywords for one in systems]),
            "ActivityID": _texts([one.correlation.ActivityID for one in systems]),
            "RelatedActivityID": _texts([one.correlation.RelatedActivityID for one in systems]),
            "EventID": pa.array([one.EventID for one in systems], pa.int32()),
            "Qualifiers": pa.array([one.Qualifiers for one in systems], pa.int32()),
            "EventRecordID": pa.array([one.EventRecordID for one in systems], pa.int64()),
            "Level": pa.array([one.Level for one in systems], pa.int32()),
            "ProcessID": pa.array([one.execution.ProcessID for one in systems], pa.int64()),
            "ThreadID": pa.array([one.execution.ThreadID for one in systems], pa.int64()),
            "Task": pa.array([one.Task for one in systems], pa.int32()),
            "Opcode": pa.array([one.Opcode for one in systems], pa.int32()),
            "Version": pa.array([one.Version for one in systems], pa.int32()),
        }
        columns |= self._data()
        return pa.RecordBatch.from_arrays([columns[name] for name in SCHEMA.names], schema=SCHEMA)

    def _data(self) -> dict[str, pa.Array]:
        """Spread the named texts over their columns and the map, all events at once."""
        count = len(self.numbers)
        coded = _Codes(_COLUMN_CODES)
        codes = np.fromiter(map(coded.__getitem__, self.names), np.int32, len(self.names))
        values = _texts([one if type(one) is str else _text(one) for one in self.values])
        owners = np.repeat(np.arange(count), self.counts)
        order = np.argsort(codes, kind="stable")
        edges = np.searchsorted(codes[order], np.arange(len(DATA_COLUMNS) + 1))
        columns: dict[str, pa.Array] = {}
        for code, name in enumerate(DATA_COLUMNS):
            places = order[edges[code] : edges[code + 1]]
            columns[name] = _scatter(values, places, owners[places], count)
        rest = np.flatnonzero(codes >= len(DATA_COLUMNS))
        offsets = np.zeros(count + 1, np.int32)
        np.cumsum(np.bincount(owners[rest], minlength=count), out=offsets[1:])
        keys = _texts(list(coded)).take(pa.array(codes[rest]))
        columns["EventData"] = pa.MapArray.from_arrays(pa.array(offsets), keys, values.take(pa.array(rest)))
        return columns


def _scatter(values: pa.Array, places: npt.NDArray[np.int64], owners: npt.NDArray[np.int64], count: int) -> pa.Array:
    """Put some of the values into the rows that own them; the other rows are null."""
    if not len(places):
        return pa.nulls(count, pa.string())
    where = np.full(count, -1, np.int64)
    where[owners] = places
    return values.take(pa.array(where, mask=where < 0))


def _text(value: Any) -> str | None:  # noqa: ANN401 - whatever JSON holds
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return msgspec.json.encode(value).decode()


def _texts(values: list[str | None]) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:
        return pa.array([one and one.encode(errors="replace").decode() for one in values], pa.string())


def instants(texts: list[str | None]) -> pa.Array:
    """Read ISO 8601 texts in UTC to microseconds; null where a text is none.

    Digits beyond the microsecond are cut off, as the 100 ns of a Windows time have no place in the archive.
    """
    kind = pa.timestamp("us", tz="UTC")
    cut = [one if one is None or len(one) <= 27 else _FRACTION.sub(r"\1", one) for one in texts]
    try:
        return pa.array(cut, pa.string()).cast(kind)
    except (pa.ArrowInvalid, UnicodeEncodeError):
        return columns.instants(_texts([one and one.strip() for one in cut]))


def named(pairs: Iterable[tuple[str, Any]], channel: str | None) -> dict[str, Any]:
    """Make names differ, name the unnamed, fill columns from dotted names and from a message that holds a cmdlet.

    An empty name stands for unnamed data.
    """
    found: dict[str, Any] = {}
    position = 0
    for given, value in pairs:
        name = given
        if not name:
            name = data_name(position, channel)
            position += 1
        if name in found:
            count = 2
            while f"{name}#{count}" in found:
                count += 1
            name = f"{name}#{count}"
        found[name] = value
        leaf = name.rpartition(".")[2]
        if leaf in _COLUMN_CODES:
            found.setdefault(leaf, value)
    message = found.get("Message")
    if "Cmdlet" not in found and isinstance(message, str) and (match := _ACTIVITY.match(message)):
        found["Cmdlet"], found["CmdletParameters"] = match["name"], match["parameters"]
    return found
