"""Events as the JSON that `evtx` writes (`{"Event": {"System": …, "EventData": …}}`), into a `System` block and names.

Most events fit one typed shape and are read in one step; the others are walked, and whatever has no column goes to the
names by its path.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import msgspec

from dwell.sources.windows_event import (
    DEPTH_MAX,
    Correlation,
    Execution,
    Provider,
    Security,
    System,
    TimeCreated,
    data_name,
    named,
)

__all__ = ["read_event", "read_events", "walk_event"]

_Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
_Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_ATTRIBUTES = "#attributes"
_TEXT = "#text"


class _Provider(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    held: Provider = msgspec.field(name=_ATTRIBUTES)


class _Execution(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    held: Execution = msgspec.field(name=_ATTRIBUTES)


class _Time(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    held: TimeCreated = msgspec.field(name=_ATTRIBUTES)


class _Correlation(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    held: Correlation = msgspec.field(name=_ATTRIBUTES)


class _Security(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    held: Security = msgspec.field(name=_ATTRIBUTES)


class _Qualifiers(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    Qualifiers: _Int32 | None = None


class _EventId(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    text: _Int32 | None = msgspec.field(default=None, name=_TEXT)
    held: _Qualifiers = msgspec.field(default=_Qualifiers(), name=_ATTRIBUTES)


class _System(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    EventID: _Int32 | _EventId | None = None
    Channel: str | None = None
    Computer: str | None = None
    Keywords: str | None = None
    EventRecordID: _Int64 | None = None
    Level: _Int32 | None = None
    Task: _Int32 | None = None
    Opcode: _Int32 | None = None
    Version: _Int32 | None = None
    Provider: _Provider | None = None
    Execution: _Execution | None = None
    TimeCreated: _Time | None = None
    Correlation: _Correlation | None = None
    Security: _Security | None = None


class _Unnamed(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    text: list[str | None] | str | None = msgspec.field(default=None, name=_TEXT)


class _Namespace(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    xmlns: str | None = None


class _Event(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    System: _System
    EventData: dict[str, str | bool | int | float | _Unnamed | None] | msgspec.UnsetType | None = msgspec.UNSET
    UserData: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    namespace: _Namespace | None = msgspec.field(default=None, name=_ATTRIBUTES)


class _Document(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    Event: _Event


_DECODER = msgspec.json.Decoder(_Document, strict=False)
_LIST_DECODER = msgspec.json.Decoder(list[_Document], strict=False)
_NO_PROVIDER, _NO_EXECUTION, _NO_TIME = Provider(), Execution(), TimeCreated()
_NO_CORRELATION, _NO_SECURITY = Correlation(), Security()


def read_events(texts: Sequence[str]) -> list[tuple[System, dict[str, Any]] | None]:
    """Read events as `read_event` does, in one step where all of them fit the typed shape."""
    try:
        documents = _LIST_DECODER.decode(f"[{','.join(texts)}]")
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        documents = []
    if len(documents) != len(texts):
        return [read_event(text) for text in texts]
    return [_taken(one.Event, text) for one, text in zip(documents, texts, strict=True)]


def read_event(text: str | bytes) -> tuple[System, dict[str, Any]] | None:
    """Give an event's `System` block and named data; None where the text is no such event."""
    try:
        event = _DECODER.decode(text).Event
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return _read_odd(text)
    return _taken(event, text)


def _taken(event: _Event, text: str | bytes) -> tuple[System, dict[str, Any]] | None:
    """Give what an event of the typed shape holds; `text` is read again where it holds both kinds of data."""
    system = _flat(event.System)
    if event.UserData is not msgspec.UNSET:
        # both kinds of data in one event are taken in the order in which they stand
        return (system, _named_leaves(event.UserData, system)) if event.EventData is msgspec.UNSET else _read_odd(text)
    data: dict[str, Any] = event.EventData or {}
    if "Data" in data:
        data = _spread(data, system.Channel)
    return system, data


def _flat(raw: _System) -> System:
    given = raw.EventID
    event_id, qualifiers = (given.text, given.held.Qualifiers) if isinstance(given, _EventId) else (given, None)
    provider, execution, time = raw.Provider, raw.Execution, raw.TimeCreated
    correlation, security = raw.Correlation, raw.Security
    return System(
        raw.Channel, raw.Computer, raw.Keywords, event_id, qualifiers,
        raw.EventRecordID, raw.Level, raw.Task, raw.Opcode, raw.Version,
        _NO_PROVIDER if provider is None else provider.held,
        _NO_EXECUTION if execution is None else execution.held,
        _NO_TIME if time is None else time.held,
        _NO_CORRELATION if correlation is None else correlation.held,
        _NO_SECURITY if security is None else security.held,
    )  # fmt: skip


def _spread(data: dict[str, Any], channel: str | None) -> dict[str, Any]:
    """Name the unnamed data by their positions."""
    out: dict[str, Any] = {}
    for name, value in data.items():
        if isinstance(value, _Unnamed) and name == "Data":
            texts = value.text if isinstance(value.text, list) else [value.text]
            out |= {data_name(position, channel): text for position, text in enumerate(texts)}
        elif isinstance(value, _Unnamed):
            out[name] = value.text
        elif name == "Data":
            out[data_name(0, channel)] = value
        else:
            out[name] = value
    return out


def _named_leaves(held: dict[str, Any], system: System) -> dict[str, Any]:
    """Give the texts below `UserData` by their paths."""
    return named(_leaves("", held, 0), system.Channel)


def _read_odd(text: str | bytes) -> tuple[System, dict[str, Any]] | None:
    try:
        document = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    event = document.get("Event") if isinstance(document, dict) else None
    return walk_event(event) if isinstance(event, dict) else None


def walk_event(event: dict[str, Any]) -> tuple[System, dict[str, Any]] | None:
    """Read an event that does not fit the typed shape; None where it has no `System` block."""
    raw = event.get("System")
    if not isinstance(raw, dict):
        return None
    system, left = _walk_system(raw)
    pairs = list(left)
    for name, value in event.items():
        if name in ("System", _ATTRIBUTES):
            continue
        if (name == "EventData" and isinstance(value, dict)) or (name == "UserData" and isinstance(value, dict)):
            pairs.extend(_leaves("", value, 0))
        else:
            pairs.extend(_leaves(name, value, 0))
    return system, named(pairs, system.Channel)


def _leaves(path: str, value: Any, depth: int) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - whatever JSON holds
    """Yield the texts of a structure by their dotted paths; "" for unnamed data."""
    if depth > DEPTH_MAX:
        yield path, msgspec.json.encode(value).decode()
    elif isinstance(value, dict):
        for name, one in value.items():
            if name == _ATTRIBUTES and isinstance(one, dict):
                yield from ((f"{path}@{key}", text) for key, text in one.items() if key != "xmlns")
            elif name == _TEXT or (name == "Data" and not path):
                yield from _leaves(path, one, depth + 1)
            else:
                yield from _leaves(f"{path}.{name}" if path else name, one, depth + 1)
    elif isinstance(value, list):
        for position, one in enumerate(value):
            yield from _leaves(f"{path}{position}" if path else "", one, depth + 1)
    else:
        yield path, value


def _walk_system(raw: dict[str, Any]) -> tuple[System, Iterator[tuple[str, Any]]]:
    """Convert each part of a `System` block that fits; give what does not by its path."""
    fitting: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name, value in raw.items():
        try:
            msgspec.convert({name: value}, _System, strict=False)
        except (msgspec.ValidationError, RecursionError):
            rest[f"System.{name}"] = value
        else:
            fitting[name] = value
    found = (pair for name, value in rest.items() for pair in _leaves(name, value, 0))
    return _flat(msgspec.convert(fitting, _System, strict=False)), found
