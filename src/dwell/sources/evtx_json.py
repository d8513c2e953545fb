"""Windows events as JSON: `evtx_dump`, winlogbeat, NXLog and other shippers, one object an event.

Source:
    The shapes of `evtx_dump -o json`, Elastic winlogbeat (`winlog.event_data`), NXLog `im_msvistalog`, Velociraptor's
    `parse_evtx`, `Get-WinEvent | ConvertTo-Json` (of which no file has been seen: unverified), and Log Analytics
    exports of `SecurityEvent` and `Event`, whose channel is `EventLog` and whose provider is `Source`. A name that is
    neither in the `System` block nor an envelope's own is event data.
Time:
    `TimeCreated`, `@timestamp`, `EventTime` or `TimeGenerated`, UTC where they name no zone. A clock that was written in
    another zone is told by Sysmon's `UtcTime`, corrected, and noted (see the facts).
Units:
    One object is one event; `record_no` is its ordinal in the file.

Raises:
    Nothing. An object that is no JSON is an anomaly.
Trust:
    As for the binary log, and the shipper may have left out or renamed fields.
Silence:
    As for the binary log; a shipper sends only the channels and events it was told to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec

from dwell.model.instants import TimeBasis
from dwell.sources import windows_event
from dwell.sources.evtx_json_shape import read_event, walk_event
from dwell.sources.evtx_json_tools import as_event
from dwell.sources.evtx_text import Gathering
from dwell.sources.json_objects import lenient, objects
from dwell.sources.source import Batch, Guess, Hint, Sniff, Source, Stamp
from dwell.sources.windows_event import Execution, Provider, Security, System, TimeCreated, named

__all__ = ["EvtxJson"]

_NUMBERED = re.compile(r"Record \d+\s*")
"""What `evtx_dump` writes before each event where it is not asked for lines."""
_HEADING = re.compile(rb"\s*Record \d{1,19}\s*")
_SYSTEM = {
    "channel": "Channel", "hostname": "Computer", "computer": "Computer", "computer_name": "Computer",
    "sourcename": "Provider", "provider_name": "Provider", "providername": "Provider", "provider": "Provider",
    "eventsourcename": "Provider", "providerguid": "ProviderGuid", "provider_guid": "ProviderGuid",
    "eventid": "EventID", "event_id": "EventID", "recordnumber": "EventRecordID", "record_id": "EventRecordID",
    "eventrecordid": "EventRecordID", "recordid": "EventRecordID", "timecreated": "TimeCreated",
    "eventtime": "TimeCreated", "timegenerated": "TimeCreated", "@timestamp": "TimeCreated",
    "executionprocessid": "PID", "process_id": "PID", "threadid": "TID", "executionthreadid": "TID", "task": "Task",
    "level": "Level", "opcode": "Opcode", "keywords": "Keywords", "version": "Version", "usersid": "UserID",
}  # fmt: skip
"""Names that shippers give to parts of the `System` block, in lower case; the first one found counts."""
_OPENED = ("EventData", "UserData")
"""Structures that tools leave beside the parts of the `System` block; what lies in them is event data."""
_EVENT_TABLE = {"EventLog": "Channel", "Source": "EventSourceName"}
"""Names of Log Analytics' table `Event` that mean something else elsewhere."""


class EvtxJson(Source):
    """Windows event log, JSON."""

    key = "evtx_json"
    stamp = Stamp("TimeCreated, @timestamp, EventTime or TimeGenerated", TimeBasis.UTC)
    title = "Windows event log (JSON)"
    schema = windows_event.SCHEMA
    lexicon = windows_event.LEXICON
    unit = "record"

    @property
    def table(self) -> str:
        """Give the table that all forms of event logs share."""
        return "evtx"

    def identify(self, sniff: Sniff) -> Guess | None:
        """Take JSON objects that hold an event id and a channel."""
        text = _NUMBERED.sub("", sniff.text.lstrip(), count=1)
        if not text.startswith(("{", "[")):
            return None
        if '"Event"' in text and '"System"' in text and '"EventID"' in text:
            return Guess(90, self.key, "JSON objects with Event, System and EventID")
        if '"System"' in text and '"EventID"' in text and '"Channel"' in text and "SystemTime" in text:
            return Guess(88, self.key, "JSON objects of Velociraptor with System and EventID")
        if all(f'"{name}"' in text for name in ("Id", "LogName", "ProviderName", "MachineName", "RecordId")):
            return Guess(86, self.key, "JSON objects of Get-WinEvent")
        if '"winlog"' in text and '"event_id"' in text:
            return Guess(90, self.key, "JSON objects of winlogbeat")
        if '"EventID"' in text and ('"Channel"' in text or '"SourceName"' in text):
            return Guess(85, self.key, "JSON objects with EventID and Channel")
        return None

    def read(self, stream: BinaryIO, hint: Hint) -> Iterator[Batch]:
        """Yield the events, some thousands to a batch."""
        del hint
        gathering = Gathering()
        ordinal = taken = 0
        for found, taken in objects(stream):
            if found.fault and _HEADING.fullmatch(found.raw):
                continue
            ordinal += 1
            event, how = (None, "") if found.fault else _event(found.raw)
            if event is None:
                gathering.anomalies.append(found.anomaly(ordinal, "no readable event"))
            else:
                gathering.add(ordinal, *event)
                gathering.mended(ordinal, how)
            if gathering.full:
                yield from gathering.batches(taken)
        yield from gathering.finish(taken)


def _event(raw: bytes) -> tuple[tuple[System, dict[str, Any]] | None, str]:
    """Read an event; say how it was mended, "" where it was whole."""
    how = ""
    if b'"System"' in raw and (event := read_event(raw)) is not None:
        return event, how
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        found, how = lenient(raw)
    if not isinstance(found, dict) or not found:
        return None, ""
    inner = found.get("Event")
    if not isinstance(inner, dict):
        inner = as_event(found)
    event = walk_event(inner) if inner is not None else None
    return event or _flat(found), how


def _flat(record: dict[str, Any]) -> tuple[System, dict[str, Any]]:
    """Read an object whose event data lie beside the parts of the `System` block."""
    beats = record.get("winlog")
    parts: dict[str, Any] = {}
    data: list[tuple[str, Any]] = []
    if isinstance(beats, dict):
        inner = beats.get("event_data")
        data += list(inner.items()) if isinstance(inner, dict) else []
        record = {key: value for key, value in beats.items() if key != "event_data"} | {
            key.capitalize() if key == "message" else key: value for key, value in record.items() if key != "winlog"
        }
    if "EventLog" in record and not record.get("Channel"):
        record = {_EVENT_TABLE.get(name, name): value for name, value in record.items()}
    for name, value in record.items():
        part = _SYSTEM.get(name.lower())
        if name in _OPENED and isinstance(value, dict):
            data += value.items()
        elif part is None or isinstance(value, dict | list):
            data.append((name, value))
        elif part not in parts and value not in (None, ""):
            parts[part] = value
        elif value not in (None, "", parts.get(part)):
            data.append((name, value))
    channel = _str(parts.get("Channel"))
    system = System(
        Channel=channel,
        Computer=_str(parts.get("Computer")),
        Keywords=_str(parts.get("Keywords")),
        EventID=_int(parts.get("EventID"), 31),
        EventRecordID=_int(parts.get("EventRecordID"), 63),
        Level=_int(parts.get("Level"), 31),
        Task=_int(parts.get("Task"), 31),
        Opcode=_int(parts.get("Opcode"), 31),
        Version=_int(parts.get("Version"), 31),
        provider=Provider(_str(parts.get("Provider")), _str(parts.get("ProviderGuid"))),
        execution=Execution(_int(parts.get("PID"), 63), _int(parts.get("TID"), 63)),
        time=TimeCreated(_str(parts.get("TimeCreated"))),
        security=Security(_str(parts.get("UserID"))),
    )
    return system, named(data, channel)


def _str(value: object) -> str | None:
    return None if value is None else str(value)


def _int(value: object, bits: int) -> int | None:
    try:
        found = int(str(value), 0)
    except ValueError:
        return None
    return found if -(2**bits) <= found < 2**bits else None
