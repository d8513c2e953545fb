"""Windows events as XML: `wevtutil qe /f:xml`, Event Viewer's "save as XML", `Get-WinEvent` with `ToXml()`.

Source:
    The `Event` element of namespace `http://schemas.microsoft.com/win/2004/08/events/event`, with or without a root
    around the events, with or without `RenderingInfo` (its `Message` is kept).
Time:
    `TimeCreated/@SystemTime` is UTC, kept to the microsecond.
Units:
    One `Event` element is one event; `record_no` is its ordinal in the file.

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
from xml.etree.ElementTree import Element, ParseError

import msgspec
from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from dwell.model.provenance import AnomalyKind
from dwell.sources import windows_event
from dwell.sources.evtx_text import Gathering
from dwell.sources.json_objects import STRETCH_BYTES_MAX
from dwell.sources.lines import decode_line
from dwell.sources.source import Batch, Guess, Hint, Sniff, Source
from dwell.sources.utf8_stream import Piece, Window
from dwell.sources.windows_event import (
    Correlation,
    Execution,
    Provider,
    Security,
    System,
    TimeCreated,
    named,
)

__all__ = ["EVENT_BYTES_MAX", "EvtxXml"]

EVENT_BYTES_MAX = 32 * 1024 * 1024
_OPENS = re.compile(rb"<(?:\w+:)?Event[\s>]")
_MARKS = re.compile(rb"<(?:\w+:)?Event[\s>]|</(?:\w+:)?Event\s*>")
_DEPTH_MAX = 64
_MARGIN = 64
"""Bytes at the end of what has been read in which an element may be about to open."""
_AROUND = re.compile(rb"\xef\xbb\xbf|<\?[^<>]*>|<!--[^<>]*-->|<(?!/(?:\w+:)?Event\s*>)/?\w[\w:.-]*(?:\s[^<>]*)?>")
"""What may stand around events: declaration, comments, the tags of a root."""
_NO_CHARACTER = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|&#(?:x0*(?:[0-8bceBCE]|1[0-9a-fA-F])|0*(?:[0-8]|1[124-9]|2\d|3[01]));"
)
"""Characters, plain or by number, that XML 1.0 does not allow."""


class EvtxXml(Source):
    """Windows event log, XML."""

    key = "evtx_xml"
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
        for ordinal, (piece, taken) in enumerate(_pieces(stream), 1):
            event, how = (None, "") if piece.fault else _event(piece.raw)
            if event is None:
                gathering.anomalies.append(piece.anomaly(ordinal, "no well-formed event"))
            else:
                gathering.add(ordinal, *event)
                gathering.mended(ordinal, how)
            if gathering.full:
                yield from gathering.batches(taken)
        yield from gathering.finish(taken)


def _pieces(stream: BinaryIO) -> Iterator[tuple[Piece, int]]:
    """Yield each `Event` element and each stretch between that is no mark-up, and the bytes taken in so far."""
    cutter = _Cutter(Window(stream))
    more = True
    while more:
        more = cutter.window.grow()
        for piece in cutter.step(final=not more):
            yield piece, cutter.window.taken


class _Cutter:
    """Finds `Event` elements in bytes as they come."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.start = 0

    def step(self, *, final: bool) -> Iterator[Piece]:
        """Yield the elements that are whole in what has been read."""
        data = self.window.data
        while opened := _OPENS.search(data, self.start):
            yield from self._between(opened.start())
            self.start = opened.start()
            limit = self.start + EVENT_BYTES_MAX
            mark = _MARKS.search(data, opened.end())
            again = mark is not None and not mark[0].startswith(b"</")
            end = len(data) if mark is None else mark.start() if again else mark.end()
            if end > limit:
                yield self._fault(limit, f"an event of over {EVENT_BYTES_MAX} bytes")
            elif again:
                yield self._fault(end, "an event that is never closed")
            elif mark is not None:
                yield self.window.piece(self.start, end, AnomalyKind.BAD_XML)
                self.start = end
            else:
                break
        if opened is None:
            end = len(data) if final else max(self.start, len(data) - _MARGIN)
            yield from self._between(end if final else end - (end - self.start) % STRETCH_BYTES_MAX)
        elif final:
            yield self._fault(len(data), "the file ends in the middle of an event", AnomalyKind.TRUNCATED)
        self.window.drop(self.start)
        self.start = 0

    def _between(self, end: int) -> Iterator[Piece]:
        """Yield what lies before a place and is no mark-up around the events."""
        while self.start < end:
            stop = min(end, self.start + STRETCH_BYTES_MAX)
            left = _AROUND.sub(b"", self.window.data[self.start : stop])
            if left.strip():
                nul = not left.strip(b" \t\r\n\0")
                kind = AnomalyKind.NUL_RUN if nul else AnomalyKind.BAD_XML
                yield self._fault(stop, "a run of NUL bytes" if nul else "text outside of any event", kind)
            self.start = stop

    def _fault(self, end: int, fault: str, kind: AnomalyKind = AnomalyKind.BAD_XML) -> Piece:
        found = self.window.piece(self.start, end, kind, fault)
        self.start = end
        return found


def _local(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _event(raw: bytes) -> tuple[tuple[System, dict[str, Any]] | None, str]:
    """Read an event; say how it was mended, "" where it was whole."""
    # a prefix that a cut-off root declared is not needed to know the elements
    text = re.sub(rb"(</?)\w+:", rb"\1", raw) if re.match(rb"<\w+:", raw) else raw
    root, how = _parsed(text), ""
    if root is None:
        decoded, reencoded = decode_line(text)
        root = _parsed(_NO_CHARACTER.sub("\ufffd", decoded).encode())
        how = "no UTF-8, read as Windows-1252" if reencoded else "characters that XML does not allow replaced"
    return (None, "") if root is None else (_read(root), how)


def _parsed(text: bytes) -> Element | None:
    try:
        return ElementTree.fromstring(text, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, RecursionError):
        return None


def _read(root: Element) -> tuple[System, dict[str, Any]] | None:
    parts = {_local(one): one for one in root}
    block = parts.get("System")
    if block is None:
        return None
    system = _system({_local(one): one for one in block})
    pairs: list[tuple[str, Any]] = []
    for name, part in parts.items():
        if name == "EventData":
            pairs += [_datum(one) for one in part]
        elif name == "UserData":
            for one in part:
                pairs += _leaves(_local(one), one, 0)
        elif name == "RenderingInfo":
            pairs += [("Message", one.text) for one in part if _local(one) == "Message"]
        elif name != "System":
            pairs += _leaves(name, part, 0)
    return system, named(pairs, system.Channel)


def _datum(element: Element) -> tuple[str, Any]:
    name = element.get("Name") or ("" if _local(element) == "Data" else _local(element))
    return name, element.text if not len(element) else "".join(element.itertext())


def _leaves(path: str, element: Element, depth: int) -> Iterator[tuple[str, Any]]:
    if not len(element) or depth > _DEPTH_MAX:
        yield path, "".join(element.itertext())
        return
    for one in element:
        yield from _leaves(f"{path}.{_local(one)}", one, depth + 1)


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
