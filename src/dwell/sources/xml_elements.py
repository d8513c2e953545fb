"""`Event` elements out of a stream of XML, one at a time, whatever stands around them and whether or not the rest is whole.

Elements are found by their tags, so that neither a file of gigabytes nor a broken element in its middle keeps the others
from being read. Whatever lies between elements and is no mark-up is a stretch of its own; nothing is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO
from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from dwell.model.provenance import AnomalyKind
from dwell.sources.json_objects import STRETCH_BYTES_MAX
from dwell.sources.lines import decode_line
from dwell.sources.utf8_stream import Piece, Window

__all__ = ["EVENT_BYTES_MAX", "event_elements", "local_name", "parsed"]

EVENT_BYTES_MAX = 32 * 1024 * 1024
_OPENS = re.compile(rb"<(?:\w+:)?Event[\s>]")
_WHOLE_TAG = re.compile(rb"<(?:\w+:)?Event((?:[^<>\"']++|\"[^\"<]*+\"|'[^'<]*+')*+)>")
_MARKS = re.compile(rb"<(?:\w+:)?Event[\s>]|</(?:\w+:)?Event\s*>")
_MARGIN = 64
"""Bytes at the end of what has been read in which an element may be about to open."""
_AROUND = re.compile(rb"\xef\xbb\xbf|<\?[^<>]*>|<!--[^<>]*-->|<(?!/(?:\w+:)?Event\s*>)/?\w[\w:.-]*(?:\s[^<>]*)?>")
"""What may stand around events: declaration, comments, the tags of a root."""
_NO_CHARACTER = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|&#(?:x0*(?:[0-8bceBCE]|1[0-9a-fA-F])|0*(?:[0-8]|1[124-9]|2\d|3[01]));"
)
"""Characters, plain or by number, that XML 1.0 does not allow."""


def event_elements(stream: BinaryIO) -> Iterator[tuple[Piece, int]]:
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
            tag = _WHOLE_TAG.match(data, self.start)
            if tag is not None and tag[1].endswith(b"/") and len(tag[0]) <= EVENT_BYTES_MAX:
                yield self.window.piece(self.start, tag.end(), AnomalyKind.BAD_XML)
                self.start = tag.end()
                continue
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


def local_name(element: Element) -> str:
    """Give an element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def parsed(raw: bytes) -> tuple[Element | None, str]:
    """Read an element, None where it is not well formed; say how it was mended, "" where it was whole."""
    # a prefix that a cut-off root declared is not needed to know the elements
    text = re.sub(rb"(</?)\w+:", rb"\1", raw) if re.match(rb"<\w+:", raw) else raw
    root = _root(text)
    if root is not None:
        return root, ""
    decoded, reencoded = decode_line(text)
    root = _root(_NO_CHARACTER.sub("\ufffd", decoded).encode())
    return root, "no UTF-8, read as Windows-1252" if reencoded else "characters that XML does not allow replaced"


def _root(text: bytes) -> Element | None:
    try:
        return ElementTree.fromstring(text, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, RecursionError):
        return None
