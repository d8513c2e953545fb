"""Windows events as XML: `wevtutil qe /f:xml`, Event Viewer's "save as XML", `Get-WinEvent` with `ToXml()`.

Source:
    The `Event` element of namespace `http://schemas.microsoft.com/win/2004/08/events/event`, with or without a root
    around the events, with or without `RenderingInfo` (its `Message` is kept).
Time:
    `TimeCreated/@SystemTime` is UTC, kept to the microsecond.
Units:
    One `Event` element is one event; `record_no` is its ordinal in the file. Data without text are an empty text. An
    attribute of an element of data is kept as `element@attribute`, as it is of the binary log.

Raises:
    Nothing. An element that is no well-formed event is an anomaly; entities and document types are refused, never expanded.
Trust:
    As for the binary log. XML is text: whoever held the file could write an event into it.
Silence:
    As for the binary log; the export holds only what its query asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO
from xml.etree.ElementTree import Element

import msgspec

from dwell.model.instants import TimeBasis
from dwell.sources import windows_event
from dwell.sources.evtx_text import Gathering
from dwell.sources.source import Batch, Guess, Hint, Sniff, Source, Stamp
from dwell.sources.windows_event import (
    Correlation,
    Execution,
    Provider,
    Security,
    System,
    TimeCreated,
    named,
)
from dwell.sources.xml_elements import event_elements, local_name, parsed

__all__ = ["EvtxXml"]

_DEPTH_MAX = 64


class EvtxXml(Source):
    """Windows event log, XML."""

    key = "evtx_xml"
    stamp = Stamp("TimeCreated/@SystemTime", TimeBasis.UTC, "microsecond")
    title = "Windows event log (XML)"
    schema = windows_event.SCHEMA
    lexicon = windows_event.LEXICON
    unit = "record"

    @property
    def table(self) -> str:
        """Give the table that all forms of event logs share."""
        return "evtx"

    def identify(self, sniff: Sniff) -> Guess | None:
        """Take XML with `Event` elements that have a `System` block."""
        text = sniff.text.lstrip()
        if not re.search(r"<(?:\w+:)?Event[\s>]", text):
            return None
        ours = "schemas.microsoft.com/win/2004/08/events/event" in text
        if not text.startswith("<"):
            why = "Event elements of the Windows event namespace, after other text"
            return Guess(60, self.key, why) if ours and "<System>" in text else None
        if ours:
            return Guess(95, self.key, "Event elements of the Windows event namespace")
        return Guess(70, self.key, "Event elements with a System block") if "<System>" in text else None

    def read(self, stream: BinaryIO, hint: Hint) -> Iterator[Batch]:
        """Yield the events, some thousands to a batch."""
        del hint
        gathering = Gathering()
        taken = 0
        for ordinal, (piece, taken) in enumerate(event_elements(stream), 1):
            root, how = (None, "") if piece.fault else parsed(piece.raw)
            event = None if root is None else _read(root)
            if event is None:
                gathering.anomalies.append(piece.anomaly(ordinal, "no well-formed event"))
            else:
                gathering.add(ordinal, *event)
                gathering.mended(ordinal, how)
            if gathering.full:
                yield from gathering.batches(taken)
        yield from gathering.finish(taken)


def _read(root: Element) -> tuple[System, dict[str, Any]] | None:
    parts = {local_name(one): one for one in root}
    block = parts.get("System")
    if block is None:
        return None
    system = _system({local_name(one): one for one in block})
    pairs: list[tuple[str, Any]] = []
    for name, part in parts.items():
        if name == "EventData":
            pairs += _attributes("", part)
            pairs += (pair for one in part for pair in _data(one))
        elif name == "UserData":
            pairs += _attributes("", part)
            for one in part:
                pairs += _leaves(local_name(one), one, 0)
        elif name == "RenderingInfo":
            pairs += [("Message", one.text) for one in part if local_name(one) == "Message"]
        elif name != "System":
            pairs += _leaves(name, part, 0)
    return system, named(pairs, system.Channel)


def _data(element: Element) -> Iterator[tuple[str, Any]]:
    """Give what an element of `EventData` holds: its text, its attributes but the name, what lies below it."""
    name = element.get("Name") or ("" if local_name(element) == "Data" else local_name(element))
    if len(element):
        yield from ((key, text) for key, text in _leaves(name, element, 0) if key != f"{name}@Name")
        return
    # an element without text is an empty text, as it is in the binary log and in JSON
    yield name, element.text or ""
    if element.attrib.keys() - {"Name"}:
        yield from ((key, text) for key, text in _attributes(name, element) if key != f"{name}@Name")


def _attributes(path: str, element: Element) -> Iterator[tuple[str, str]]:
    return ((f"{path}@{key.rpartition('}')[2]}", text) for key, text in element.attrib.items())


def _leaves(path: str, element: Element, depth: int) -> Iterator[tuple[str, Any]]:
    """Yield the texts and attributes of an element and of those below it, by their dotted paths."""
    yield from _attributes(path, element)
    if not len(element):
        # what has attributes alone has no text, as in the binary log
        if element.text or not element.attrib:
            yield path, element.text or ""
        return
    if depth > _DEPTH_MAX:
        yield path, "".join(element.itertext())
        for one in element.iter():
            yield from () if one is element else _attributes(path, one)
        return
    between = "".join(filter(None, (element.text, *(one.tail for one in element))))
    if between.strip():
        yield path, between
    for one in element:
        yield from _leaves(f"{path}.{local_name(one)}" if path else local_name(one), one, depth + 1)


def _system(parts: dict[str, Element]) -> System:
    def text(name: str) -> str | None:
        return parts[name].text if name in parts else None

    def attributes(name: str) -> dict[str, str]:
        return dict(parts[name].attrib) if name in parts else {}

    provider, execution = attributes("Provider"), attributes("Execution")
    return System(
        Channel=text("Channel"),
        Computer=text("Computer"),
        Keywords=text("Keywords"),
        EventID=_int(text("EventID"), 31),
        Qualifiers=_int(attributes("EventID").get("Qualifiers"), 31),
        EventRecordID=_int(text("EventRecordID"), 63),
        Level=_int(text("Level"), 31),
        Task=_int(text("Task"), 31),
        Opcode=_int(text("Opcode"), 31),
        Version=_int(text("Version"), 31),
        provider=Provider(provider.get("Name"), provider.get("Guid"), provider.get("EventSourceName")),
        execution=Execution(_int(execution.get("ProcessID"), 63), _int(execution.get("ThreadID"), 63)),
        time=TimeCreated(attributes("TimeCreated").get("SystemTime")),
        correlation=msgspec.convert(
            {key: value for key, value in attributes("Correlation").items() if key in Correlation.__struct_fields__},
            Correlation,
        ),
        security=Security(attributes("Security").get("UserID")),
    )


def _int(value: str | None, bits: int) -> int | None:
    try:
        found = int(value.strip(), 0) if value else None
    except ValueError:
        return None
    return found if found is not None and -(2**bits) <= found < 2**bits else None
