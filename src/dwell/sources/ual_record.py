"""One audit record of Microsoft 365: the fields that rules and reasoning use, out of its JSON."""

from __future__ import annotations

from typing import Any

import msgspec
import pyarrow as pa

from dwell.sources.source import prefix_fields
from dwell.sources.windows_event import instants

__all__ = ["SCHEMA", "TEXTS", "Rows"]

TEXTS = (
    "CreationTime", "Id", "RecordType", "Operation", "OrganizationId", "OrganizationName", "UserType", "UserKey",
    "UserId", "Workload", "ResultStatus", "ObjectId", "ClientIP", "ClientIPAddress", "ClientInfoString",
    "ClientProcessName", "ClientVersion", "ClientAppId", "AppId", "SessionId", "DeviceId", "LogonType",
    "InternalLogonType", "ExternalAccess", "LogonUserSid", "LogonUserDisplayName", "MailboxGuid", "MailboxOwnerUPN",
    "MailboxOwnerSid", "OriginatingServer", "ActorIpAddress", "UserAgent", "ApplicationId",
)  # fmt: skip
"""Fields of the record that are columns as they stand, numbers and booleans as text."""

_LIST = pa.list_(pa.string())
_MAP = pa.map_(pa.string(), pa.string())
SCHEMA = pa.schema(
    [
        *prefix_fields(),
        *(pa.field(name, pa.string()) for name in TEXTS),
        pa.field("MailAccessType", pa.string()),
        pa.field("IsThrottled", pa.string()),
        pa.field("OperationCount", pa.int64()),
        pa.field("InternetMessageIds", _LIST),
        pa.field("FolderPaths", _LIST),
        pa.field("SizeInBytes", pa.int64()),
        pa.field("Parameters", _MAP),
        pa.field("AuditData", pa.string()),
        pa.field("extra", _MAP),
    ]
)


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value)
    return msgspec.json.encode(value).decode()


def _listed(value: object) -> list[dict[str, Any]]:
    """Give a list of objects, also where it is written as a JSON text."""
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.MsgspecError, RecursionError):
            return []
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _pairs(value: object) -> dict[str, str | None]:
    """Give `[{Name, Value}]` as a mapping; a name without a value is kept with none."""
    return {str(one["Name"]): _text(one.get("Value")) for one in _listed(value) if "Name" in one}


def _whole(value: object) -> int | None:
    try:
        found = int(float(value))  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return found if -(2**63) <= found < 2**63 else None


def _items(record: dict[str, Any]) -> tuple[list[str], list[str], int | None]:
    """Give message ids, folders and the sum of sizes that a record names."""
    messages: list[str] = []
    folders: list[str] = []
    sizes: list[int] = []
    held = [(one, one.get("FolderItems") or one.get("MessageItems")) for one in _listed(record.get("Folders"))]
    held += [(one, one.get("MessageItems")) for one in _listed(record.get("Messages"))]
    for folder, items in held:
        folders.append(str(folder.get("Path") or folder.get("Name") or folder.get("Id") or ""))
        for item in _listed(items):
            if isinstance(item.get("InternetMessageId"), str):
                messages.append(item["InternetMessageId"].strip())
            if (size := _whole(item.get("SizeInBytes"))) is not None:
                sizes.append(size)
    single = record.get("Item")
    if isinstance(single, dict):
        parent = single.get("ParentFolder")
        if isinstance(parent, dict):
            named = [parent.get("Path"), parent.get("Name"), parent.get("Id")]
            folders.append(next((str(one) for one in named if one and one != "Not Available"), ""))
        if isinstance(single.get("InternetMessageId"), str):
            messages.append(single["InternetMessageId"].strip())
    unique = list(dict.fromkeys(one for one in messages if one))
    return unique, sorted({one for one in folders if one}), sum(sizes) if sizes else None


class Rows:
    """Records gathered for one batch."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.raw: list[str | None] = []
        self.records: list[dict[str, Any]] = []
        self.extra: list[list[tuple[str, str]] | None] = []

    def __len__(self) -> int:
        """Give the number of records."""
        return len(self.numbers)

    def add(self, number: int, raw: str | None, record: dict[str, Any], extra: list[tuple[str, str]] | None) -> None:
        """Take one record: its text, its fields, and what its envelope held besides."""
        self.numbers.append(number)
        self.raw.append(raw)
        self.records.append(record)
        self.extra.append(extra)

    def batch(self) -> pa.RecordBatch:
        """Give the rows."""
        records = self.records
        columns: dict[str, pa.Array] = {
            "record_no": pa.array(self.numbers, pa.int64()),
            "host": pa.nulls(len(records), pa.string()),
            "AuditData": _strings(self.raw),
            "extra": _maps(self.extra),
        }
        for name in TEXTS:
            columns[name] = _strings([_text(one.get(name)) for one in records])
        columns["time_utc"] = _instants(columns["CreationTime"])
        properties = [_pairs(one.get("OperationProperties")) for one in records]
        columns["MailAccessType"] = _strings([held.get("MailAccessType") for held in properties])
        columns["IsThrottled"] = _strings([held.get("IsThrottled") for held in properties])
        columns["OperationCount"] = pa.array([_whole(one.get("OperationCount")) for one in records], pa.int64())
        items = [_items(one) for one in records]
        columns["InternetMessageIds"] = pa.array([[_fit(text) for text in one[0]] or None for one in items], _LIST)
        columns["FolderPaths"] = pa.array([[_fit(text) for text in one[1]] or None for one in items], _LIST)
        columns["SizeInBytes"] = pa.array([one[2] for one in items], pa.int64())
        columns["Parameters"] = _maps(
            [[(key, value or "") for key, value in _pairs(one.get("Parameters")).items()] or None for one in records]
        )
        return pa.RecordBatch.from_arrays([columns[name] for name in SCHEMA.names], schema=SCHEMA)


def _fit(text: str) -> str:
    return text.encode(errors="replace").decode()


def _strings(values: list[str | None]) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:
        return pa.array([one and _fit(one) for one in values], pa.string())


def _maps(values: list[list[tuple[str, str]] | None]) -> pa.Array:
    try:
        return pa.array(values, _MAP)
    except UnicodeEncodeError:
        return pa.array([one and [(_fit(key), _fit(text)) for key, text in one] for one in values], _MAP)


def _instants(texts: pa.Array) -> pa.Array:
    return instants([one if one is None or len(one) < 40 else None for one in texts.to_pylist()])
