"""Windows events as rows: the one table that binary event logs, their XML and their JSON all feed.

A reader hands each event over as a `System` block and a run of named texts. Names that rules and reasoning use become
columns; every other name stays in the map `EventData`. Nothing is dropped.

* Unnamed data are called `Data0`, `Data1`, …; on the channel `MSExchange Management` their known positions have names
  (`CMDLET_POSITIONS`), because that log has no names of its own.
* `UserData` keeps its element names with dots (`LogFileCleared.Channel`); where the last name is a column it fills that
  column as well.
* A name that comes twice in one event is numbered (`Name#2`).
* A script block of PowerShell that was logged in parts stands whole in the first part's `ScriptBlockText`; the parts as
  written are in the map (`script_blocks`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import msgspec
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
    "Security",
    "System",
    "TimeCreated",
    "data_name",
    "instants",
    "named",
    "texts",
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


_COLUMNS = frozenset(DATA_COLUMNS)


def texts(values: Sequence[str | None]) -> pa.Array:
    """Give texts as a column; what cannot be written as UTF-8 becomes a question mark.

    Raises:
        TypeError: a value is neither text nor None.
    """
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:
        return pa.array([one and one.encode(errors="replace").decode() for one in values], pa.string())


def instants(written: Sequence[str | None]) -> pa.Array:
    """Read ISO 8601 texts in UTC to microseconds; null where a text is none.

    Digits beyond the microsecond are cut off, as the 100 ns of a Windows time have no place in the archive.
    """
    kind = pa.timestamp("us", tz="UTC")
    cut = [one if one is None or len(one) <= 27 else _FRACTION.sub(r"\1", one) for one in written]
    try:
        return pa.array(cut, pa.string()).cast(kind)
    except (pa.ArrowInvalid, UnicodeEncodeError):
        return columns.instants(texts([one and one.strip() for one in cut]))


def named(pairs: Iterable[tuple[str, Any]], channel: str | None) -> dict[str, Any]:
    """Make names differ, name the unnamed, fill columns from dotted names and from a message that holds a cmdlet.

    An empty name stands for unnamed data.
    """
    found: dict[str, Any] = {}
    again: dict[str, int] = {}
    position = 0
    for given, value in pairs:
        name = given
        if not name:
            name = data_name(position, channel)
            position += 1
        if name in found:
            # where the last one of the name got to: an event made of thousands of one name is not counted through each time
            count = again.get(name, 2)
            while f"{name}#{count}" in found:
                count += 1
            again[name] = count + 1
            name = f"{name}#{count}"
        found[name] = value
        leaf = name.rpartition(".")[2]
        if leaf in _COLUMNS:
            found.setdefault(leaf, value)
    message = found.get("Message")
    if "Cmdlet" not in found and isinstance(message, str) and (match := _ACTIVITY.match(message)):
        # the last full stop is the sentence's, not the parameters'
        found["Cmdlet"], found["CmdletParameters"] = match["name"], match["parameters"].removesuffix(".")
    return found
