"""MISP events: their attributes and those of their objects, as far as they are marked fit for detection.

Source:
    MISP, "MISP core format" (draft-dulaunoy-misp-core-format), sections 2.4 (attributes) and 2.6 (objects). Attributes
    without `to_ids` are context, deleted ones are gone: both are counted and not taken. Both parts of a composite type
    (`filename|md5`, `domain|ip`) stand for themselves; a port beside an address is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from dwell.hunt.indicators.gathering import About, Gathering, marking
from dwell.hunt.indicators.indicator import NotApplicableError, kind_of
from dwell.hunt.indicators.list_header import parts

__all__ = ["Event", "read_events"]


class _Tag(msgspec.Struct):
    name: str | None = ""


_Tags = list[_Tag] | None
_Raws = list[msgspec.Raw] | None
_Flag = bool | int | str | None


class Attribute(msgspec.Struct):
    """What is looked at of an attribute."""

    type: str = ""
    value: str | int | float = ""
    uuid: str | None = ""
    to_ids: _Flag = False
    deleted: _Flag = False
    comment: str | None = ""
    first_seen: str | None = ""
    last_seen: str | None = ""
    tags: _Tags = msgspec.field(name="Tag", default=None)
    proposals: _Raws = msgspec.field(name="ShadowAttribute", default=None)


class _Object(msgspec.Struct):
    name: str | None = ""
    deleted: _Flag = False
    first_seen: str | None = ""
    last_seen: str | None = ""
    attributes: _Raws = msgspec.field(name="Attribute", default=None)


class Event(msgspec.Struct):
    """What is looked at of an event."""

    uuid: str | None = ""
    info: str | None = ""
    tags: _Tags = msgspec.field(name="Tag", default=None)
    attributes: _Raws = msgspec.field(name="Attribute", default=None)
    objects: _Raws = msgspec.field(name="Object", default=None)
    proposals: _Raws = msgspec.field(name="ShadowAttribute", default=None)
    reports: _Raws = msgspec.field(name="EventReport", default=None)


_EVENT = msgspec.json.Decoder(Event)
_ATTRIBUTE = msgspec.json.Decoder(Attribute)
_OBJECT = msgspec.json.Decoder(_Object)
_PROPOSED = "proposed by others, and not taken into the event (ShadowAttribute)"
_WORDS = {"malware-sample": "filename|md5", "uri": "path"}


_TYPE = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9 _-]{0,60}")


def _is_unknown(word: str) -> bool:
    """Say whether a type is none of those that are known: MISP has some two hundred, and more come."""
    try:
        return not kind_of(word)
    except NotApplicableError:
        return False


def _true(value: _Flag) -> bool:
    return str(value).lower() in {"1", "true"}


def _tlp(*tags: _Tags) -> str:
    """Give the marking of the nearest tags that hold one."""
    return next((found for held in tags for one in held or () if (found := marking(one.name or ""))), "")


def _held(event: Event, out: Gathering) -> Iterator[tuple[Attribute, _Object | None]]:
    """Yield the attributes, each with the object that holds it."""
    groups: list[tuple[Sequence[msgspec.Raw], _Object | None]] = [(event.attributes or (), None)]
    for raw in event.objects or ():
        try:
            found = _OBJECT.decode(raw)
        except (msgspec.MsgspecError, RecursionError) as fault:
            out.fault(f"not a MISP object: {fault}", event.uuid or "")
            continue
        if _true(found.deleted):
            out.count("deleted by its author")
        else:
            groups.append((found.attributes or (), found))
    for raws, held in groups:
        for raw in raws:
            try:
                yield _ATTRIBUTE.decode(raw), held
            except (msgspec.MsgspecError, RecursionError) as fault:
                out.fault(f"not a MISP attribute: {fault}", event.uuid or "")


def read_events(raws: Sequence[msgspec.Raw], out: Gathering) -> None:
    """Read events.

    Args:
        raws: each as JSON.
        out: takes what they say.
    """
    for at, raw in enumerate(raws, 1):
        try:
            event = _EVENT.decode(raw)
        except (msgspec.MsgspecError, RecursionError) as fault:
            out.fault(f"not a MISP event: {fault}", f"event {at}")
            continue
        out.count(_PROPOSED, len(event.proposals or ()))
        out.count("the text of a report, not an attribute", len(event.reports or ()))
        for one, held in _held(event, out):
            _attribute(one, held, event, out)


def _attribute(one: Attribute, held: _Object | None, event: Event, out: Gathering) -> None:
    out.count(_PROPOSED, len(one.proposals or ()))
    if _true(one.deleted):
        out.count("deleted by its author")
        return
    if not _true(one.to_ids):
        out.count("for context only: not marked as fit for detection (to_ids)")
        return
    about = About(
        one.first_seen or (held.first_seen if held else "") or "",
        one.last_seen or (held.last_seen if held else "") or "",
        one.comment or event.info or "",
        f"MISP event {event.uuid}" if event.uuid else "",
        _tlp(one.tags, event.tags),
    )
    for word, value in parts(_WORDS.get(one.type, one.type), str(one.value)):
        if _TYPE.fullmatch(word) and _is_unknown(word):
            out.count(f"not looked for: MISP's type '{word}' is not compared")
            continue
        out.take(word, value, one.uuid or "attribute without an id", about)
