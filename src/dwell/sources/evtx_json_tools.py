"""Windows events as Velociraptor and PowerShell write them into JSON, put into the shape that `evtx` writes.

Velociraptor's `parse_evtx` has the `System` block at the top, with an event id in an object and the instant as seconds
since 1970. `Get-WinEvent | ConvertTo-Json` has the parts of the block by names of its own, an instant that PowerShell 5
writes as `/Date(…)/`, and event data without names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

__all__ = ["as_event"]

_ATTRIBUTES, _TEXT = "#attributes", "#text"
_IN_ATTRIBUTES = ("Provider", "TimeCreated", "Execution", "Correlation", "Security")
_START = datetime(1970, 1, 1, tzinfo=UTC)
_DOTNET = re.compile(r"/Date\((-?\d{1,15})(?:[+-]\d{4})?\)/")
_WIN_EVENT = frozenset({"Id", "LogName", "ProviderName", "TimeCreated"})
_PARTS: Mapping[str, str] = {
    "Id": "EventID", "LogName": "Channel", "MachineName": "Computer", "RecordId": "EventRecordID", "Level": "Level",
    "Task": "Task", "Opcode": "Opcode", "Version": "Version",
}  # fmt: skip
_ATTRIBUTE_OF: Mapping[str, tuple[str, str]] = {
    "ProviderName": ("Provider", "Name"), "ProviderId": ("Provider", "Guid"), "TimeCreated": ("TimeCreated", "SystemTime"),
    "ProcessId": ("Execution", "ProcessID"), "ThreadId": ("Execution", "ThreadID"),
}  # fmt: skip
_SPOKEN = frozenset(
    {"Qualifiers", "Keywords", "UserId", "ActivityId", "RelatedActivityId", "ContainerLog", "MatchedQueryIds", "Bookmark",
     "LevelDisplayName", "OpcodeDisplayName", "TaskDisplayName", "KeywordsDisplayNames", "Properties", "Message"}
)  # fmt: skip


def as_event(record: dict[str, Any]) -> dict[str, Any] | None:
    """Give an object as an event of the shape that `evtx` writes; None where it is of neither tool.

    Args:
        record: the object.
    """
    if isinstance(record.get("System"), dict) and "Event" not in record:
        held = {name: value for name, value in record.items() if value is not None}
        return {name: _system(value) if name == "System" else value for name, value in held.items()}
    return _win_event(record) if record.keys() >= _WIN_EVENT else None


def _system(raw: dict[str, Any]) -> dict[str, Any]:
    """Give Velociraptor's `System` block."""
    out = dict(raw)
    for name in _IN_ATTRIBUTES:
        held = raw.get(name)
        if isinstance(held, dict) and _ATTRIBUTES not in held:
            out[name] = {
                _ATTRIBUTES: {key: _instant(value) if key == "SystemTime" else value for key, value in held.items()}
            }
    given = raw.get("EventID")
    if isinstance(given, dict) and "Value" in given:
        rest = {key: value for key, value in given.items() if key != "Value"}
        out["EventID"] = {_TEXT: given["Value"], **({_ATTRIBUTES: rest} if rest else {})}
    return out


def _win_event(record: dict[str, Any]) -> dict[str, Any]:
    """Give an event of `Get-WinEvent`."""
    system: dict[str, Any] = {}
    for name, value in record.items():
        if name in _PARTS and value is not None:
            system[_PARTS[name]] = value
        elif name in _ATTRIBUTE_OF and value is not None:
            block, attribute = _ATTRIBUTE_OF[name]
            system.setdefault(block, {_ATTRIBUTES: {}})[_ATTRIBUTES][attribute] = _instant(value)
    user = record.get("UserId")
    user = user.get("Value") if isinstance(user, dict) else user
    if isinstance(user, str):
        system["Security"] = {_ATTRIBUTES: {"UserID": user}}
    held = record.get("Properties")
    properties = [one.get("Value") if isinstance(one, dict) else one for one in held] if isinstance(held, list) else []
    texts = [None if one is None else one if isinstance(one, str) else str(one) for one in properties]
    known = {*_PARTS, *_ATTRIBUTE_OF, *_SPOKEN} - (
        {"Properties"} if held is not None and not isinstance(held, list) else set()
    )
    return {
        "System": system,
        "EventData": {"Data": {_TEXT: texts}} if texts else {},
        **{
            name: value
            for name, value in record.items()
            if name == "Message" or (name not in known and value is not None)
        },
    }


def _instant(value: object) -> object:
    """Give seconds since 1970, or milliseconds as `/Date(…)/`, as ISO 8601 in UTC; anything else as it is."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            return f"{(_START + timedelta(microseconds=round(value * 1_000_000))).replace(tzinfo=None).isoformat()}Z"
        found = _DOTNET.fullmatch(value) if isinstance(value, str) else None
        if found is not None:
            return f"{(_START + timedelta(milliseconds=int(found[1]))).replace(tzinfo=None).isoformat()}Z"
    except (OverflowError, ValueError):
        pass
    return value
