"""One audit record of Microsoft 365: the fields that rules and reasoning use, out of its JSON."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from dwell.sources.columns import is_utf8
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

_NESTED = (
    "OperationProperties", "OperationCount", "Parameters", "Folders", "Messages", "Item", "ExtendedProperties",
)  # fmt: skip
_FIELDS = (*TEXTS, *_NESTED)
_WRAPPERS = ("AuditData", "auditData", "RawEventData", "TimeGenerated")
"""Names that say that the record is inside another, or has other names."""
_Whole = msgspec.defstruct("_Whole", [(name, Any, None) for name in (*_FIELDS, *_WRAPPERS)], gc=False)
_WIDTH = len(_FIELDS)
_DECODER = msgspec.json.Decoder(_Whole)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
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
    if value is None:
        return {}
    return {str(one["Name"]): _text(one.get("Value")) for one in _listed(value) if "Name" in one}


def _agent(value: object) -> str | None:
    """Give the agent that a sign-in names among its further properties."""
    return None if value is None else _pairs(value).get("UserAgent") or None


def _whole(value: object) -> int | None:
    if value is None or (type(value) is int and -(2**53) < value < 2**53):
        return value
    try:
        found = int(float(value))  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return found if -(2**63) <= found < 2**63 else None


_Items = tuple[list[str], list[str], int | None, int | None]


def _items(held_folders: object, held_messages: object, single: object) -> _Items:
    """Give message ids, folders, the sum of sizes, and how many items a record lists; most records name none."""
    if held_folders is None and held_messages is None and single is None:
        return [], [], None, None
    listed = 0
    messages: list[str] = []
    folders: list[str] = []
    sizes: list[int] = []
    held = [(one, one.get("FolderItems") or one.get("MessageItems")) for one in _listed(held_folders)]
    if held_messages is not None:
        held += [(one, one.get("MessageItems")) for one in _listed(held_messages)]
    for folder, items in held:
        folders.append(str(folder.get("Path") or folder.get("Name") or folder.get("Id") or ""))
        for item in items if type(items) is list else _listed(items):
            if type(item) is not dict:
                continue
            listed += 1
            if type(message := item.get("InternetMessageId")) is str:
                messages.append(message.strip())
            if (size := _whole(item.get("SizeInBytes"))) is not None:
                sizes.append(size)
    if isinstance(single, dict):
        parent = single.get("ParentFolder")
        if isinstance(parent, dict):
            named = [parent.get("Path"), parent.get("Name"), parent.get("Id")]
            folders.append(next((str(one) for one in named if one and one != "Not Available"), ""))
        if isinstance(single.get("InternetMessageId"), str):
            messages.append(single["InternetMessageId"].strip())
    unique = list(dict.fromkeys(one for one in messages if one))
    several = held_folders is not None or held_messages is not None
    total = sum(sizes) if sizes else None
    return unique, sorted({one for one in folders if one}), total, listed if several else None


class Rows:
    """Records gathered for one batch.

    Attributes:
        short: once there is a batch, the numbers of records that count more items (`OperationCount`) than they list.
    """

    def __init__(self) -> None:
        self.short: list[int] = []
        self.numbers: list[int] = []
        self.raw: list[str | bytes | None] = []
        self.records: list[tuple[Any, ...]] = []
        self.extra: list[list[tuple[str, str]] | None] = []

    def __len__(self) -> int:
        """Give the number of records."""
        return len(self.numbers)

    def add(
        self, number: int, raw: str | bytes | None, record: dict[str, Any], extra: list[tuple[str, str]] | None
    ) -> None:
        """Take one record: its text, its fields, and what its envelope held besides."""
        self.numbers.append(number)
        self.raw.append(raw)
        self.records.append(tuple(map(record.get, _FIELDS)))
        self.extra.append(extra)

    def add_plain(self, number: int, raw: bytes) -> bool:
        """Take a record that lies in no envelope and is sound; say whether it was one.

        Only the fields that are wanted are made; so what has to be mended elsewhere in the record is looked for first.
        """
        if (not raw.isascii() and not is_utf8(raw)) or (b"\\u" in raw and _SURROGATE.search(raw)):
            return False
        try:
            fields = msgspec.structs.astuple(_DECODER.decode(raw))
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return False
        if any(fields[_WIDTH:]):
            return False
        self.numbers.append(number)
        self.raw.append(raw)
        self.records.append(fields[:_WIDTH])
        self.extra.append(None)
        return True

    def batch(self) -> pa.RecordBatch:
        """Give the rows."""
        records = self.records
        fields = dict(zip(_FIELDS, zip(*records, strict=True), strict=True)) if records else dict.fromkeys(_FIELDS, ())
        columns: dict[str, pa.Array] = {
            "record_no": pa.array(self.numbers, pa.int64()),
            "host": pa.nulls(len(records), pa.string()),
            "AuditData": _strings(self.raw),
            "extra": _maps(self.extra),
        }
        for name in TEXTS:
            columns[name] = _as_text(fields[name])
        if any(one is not None for one in fields["ExtendedProperties"]):
            columns["UserAgent"] = pc.coalesce(
                columns["UserAgent"], _strings(list(map(_agent, fields["ExtendedProperties"])))
            )
        columns["time_utc"] = _instants(columns["CreationTime"])
        properties = [_pairs(one) for one in fields["OperationProperties"]]
        columns["MailAccessType"] = _strings([held.get("MailAccessType") for held in properties])
        columns["IsThrottled"] = _strings([held.get("IsThrottled") for held in properties])
        columns["OperationCount"] = pa.array([_whole(one) for one in fields["OperationCount"]], pa.int64())
        items = list(map(_items, fields["Folders"], fields["Messages"], fields["Item"]))
        told = zip(self.numbers, columns["OperationCount"].to_pylist(), items, strict=True)
        self.short = [
            number for number, count, one in told if count is not None and one[3] is not None and count > one[3]
        ]
        columns["InternetMessageIds"] = _lists([one[0] or None for one in items])
        columns["FolderPaths"] = _lists([one[1] or None for one in items])
        columns["SizeInBytes"] = pa.array([one[2] for one in items], pa.int64())
        columns["Parameters"] = _maps(
            [[(key, value or "") for key, value in _pairs(one).items()] or None for one in fields["Parameters"]]
        )
        return pa.RecordBatch.from_arrays([columns[name] for name in SCHEMA.names], schema=SCHEMA)


def _fit(text: str) -> str:
    return text.encode(errors="replace").decode()


def _as_text(values: Sequence[object]) -> pa.Array:
    """Give values as text; those of most fields are text already."""
    try:
        return pa.array(values, pa.string())
    except (UnicodeEncodeError, pa.ArrowInvalid, pa.ArrowTypeError, TypeError):
        return _strings([_text(one) for one in values])


def _strings(values: Sequence[str | bytes | None]) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except (UnicodeEncodeError, pa.ArrowInvalid):
        whole = [one.decode(errors="replace") if isinstance(one, bytes) else one for one in values]
        return pa.array([one and _fit(one) for one in whole], pa.string())


def _lists(values: list[list[str] | None]) -> pa.Array:
    try:
        return pa.array(values, _LIST)
    except UnicodeEncodeError:
        return pa.array([one and [_fit(text) for text in one] for one in values], _LIST)


def _maps(values: list[list[tuple[str, str]] | None]) -> pa.Array:
    try:
        return pa.array(values, _MAP)
    except UnicodeEncodeError:
        return pa.array([one and [(_fit(key), _fit(text)) for key, text in one] for one in values], _MAP)


def _instants(texts: pa.Array) -> pa.Array:
    return instants([one if one is None or len(one) < 40 else None for one in texts.to_pylist()])
