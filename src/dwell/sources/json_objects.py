"""JSON objects out of a stream, one at a time: a line each, inside an array, or several arrays one after the other.

Objects are found by their braces, so that neither an array of gigabytes nor a broken object in its middle keeps the
others from being read. A newline inside a string is no JSON, nor is a brace that opens where no value can stand: an object
with one is given up there, and reading goes on behind it. Whatever lies between objects and is no bracket, comma or
blank is a stretch of its own; nothing is passed over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec

from dwell.model.provenance import AnomalyKind
from dwell.sources.lines import decode_line
from dwell.sources.utf8_stream import Piece, Window

__all__ = ["OBJECT_BYTES_MAX", "STRETCH_BYTES_MAX", "TWICE", "lenient", "objects", "with_repeats"]

OBJECT_BYTES_MAX = 64 * 1024 * 1024
"""A longer object is an anomaly."""
STRETCH_BYTES_MAX = 4 * 1024 * 1024
"""A stretch between objects is cut into pieces of this length."""
_REST = rb'(?:[^"\\\n]++|\\[^\n])*+(?:(")|\\?\n|(\\?)\Z)'
_TOKEN = re.compile(rb'"' + _REST + rb"|[{}]")
_IN_STRING = re.compile(_REST)
_DEPTH = 6
_STRING = rb'"(?:[^"\\\n]++|\\[^\n])*+"'


def _nested(depth: int) -> bytes:
    """Give a pattern for an object with objects in it so many levels deep; it never goes back over what it has taken."""
    inner = b"|" + _nested(depth - 1) if depth else b""
    return rb'\{(?:[^{}"]++|' + _STRING + inner + rb")*+\}"


_NESTED = re.compile(_nested(_DEPTH))
_BLANK = b" \t\r\n,[]"
_BOM = b"\xef\xbb\xbf"
_BEFORE_VALUE = b":,["
TWICE = "a key stands several times in one object: the last value is in its column, the others are beside it, numbered"


class _Cutter:
    """Finds objects in bytes as they come."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.at = 0
        self.start = 0
        self.depth = 0
        self.quoted = False

    def step(self, *, final: bool) -> Iterator[Piece]:
        """Yield the objects that are whole in what has been read."""
        while True:
            if not self.depth:
                opened = self.window.data.find(b"{", self.at)
                if opened < 0:
                    break
                yield from self._between(opened)
                whole = self._whole_line(final=final) or self._whole_object()
                if whole is not None:
                    yield whole
                    continue
                self.depth, self.at = 1, self.start + 1
            yield from self._inside()
            if self.depth:
                break
        if not self.depth:
            end = len(self.window.data)
            yield from self._between(end if final else end - (end - self.start) % STRETCH_BYTES_MAX)
            self.at = end
        elif final:
            yield self._fault(len(self.window.data), "the file ends in the middle of an object", AnomalyKind.TRUNCATED)
        self.window.drop(self.start)
        self.at -= self.start
        self.start = 0

    def _whole_line(self, *, final: bool) -> Piece | None:
        """Give the object where it takes the rest of its line; most do."""
        data = self.window.data
        end = data.find(b"\n", self.start)
        if end < 0:
            if not final:
                return None
            end = len(data)
        line = data[self.start : end].rstrip(b" \t\r,")
        return self._object(self.start + len(line)) if line.endswith(b"}") and _is_json(line) else None

    def _whole_object(self) -> Piece | None:
        """Give the object where it is sound and not deep, as most in an array are."""
        match = _NESTED.match(self.window.data, self.start)
        return self._object(match.end()) if match is not None and _is_json(match[0]) else None

    def _object(self, end: int) -> Piece:
        found = self.window.piece(self.start, end, AnomalyKind.BAD_JSON)
        self.start = self.at = end
        return found

    def _fault(self, end: int, fault: str, kind: AnomalyKind = AnomalyKind.BAD_JSON) -> Piece:
        found = self.window.piece(self.start, end, kind, fault)
        self.start = self.at = end
        self.depth, self.quoted = 0, False
        return found

    def _between(self, end: int) -> Iterator[Piece]:
        """Yield what lies before a place and belongs to no object."""
        while self.start < end:
            stop = min(end, self.start + STRETCH_BYTES_MAX)
            left = self.window.data[self.start : stop].lstrip(_BLANK)
            first, left = stop - len(left), left.rstrip(_BLANK)
            if left.replace(_BOM, b"").strip(_BLANK):
                nul = not left.strip(_BLANK + b"\0")
                kind = AnomalyKind.NUL_RUN if nul else AnomalyKind.BAD_JSON
                self.start = first
                yield self._fault(
                    first + len(left), "a run of NUL bytes" if nul else "text outside of any object", kind
                )
            self.start = self.at = stop

    def _inside(self) -> Iterator[Piece]:
        """Go on in an object, to its end or to the end of what has been read."""
        data = self.window.data
        limit = self.start + OBJECT_BYTES_MAX
        while match := (_IN_STRING.match if self.quoted else _TOKEN.search)(data, self.at):
            end = match.end()
            if end > limit:
                break
            byte = _QUOTE if self.quoted else data[match.start()]
            if byte == _QUOTE and match[1] is None:
                if data[end - 1 : end] == b"\n":
                    yield self._fault(end, "a string that is never closed")
                else:
                    self.quoted, self.at = True, end - len(match[2])
                break
            self.quoted = False
            if byte == _OPEN:
                if data[_before(data, match.start())] not in _BEFORE_VALUE:
                    yield self._fault(match.start(), "an object that is never closed")
                    return
                self.depth += 1
            elif byte == _CLOSE:
                self.depth -= 1
                if not self.depth:
                    yield self._object(end)
                    return
            self.at = end
        if self.depth and len(data) > limit:
            yield self._fault(limit, f"an object of over {OBJECT_BYTES_MAX} bytes")


_QUOTE, _OPEN, _CLOSE = b'"{}'


def _is_json(text: bytes) -> bool:
    if len(text) > OBJECT_BYTES_MAX:
        return False
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.MsgspecError, RecursionError):
        return False
    return True


def _before(data: bytes, at: int) -> int:
    """Give the place of the last byte before a place that is no blank."""
    at -= 1
    while at > 0 and data[at] in b" \t\r\n":
        at -= 1
    return at


def objects(stream: BinaryIO) -> Iterator[tuple[Piece, int]]:
    """Yield every object of the stream and how many bytes were taken in so far."""
    window = Window(stream)
    cutter = _Cutter(window)
    more = True
    while more:
        more = window.grow()
        for found in cutter.step(final=not more):
            yield found, window.taken


def lenient(raw: bytes) -> tuple[Any, str]:
    """Read an object that strict JSON refuses: raw control characters in strings, `NaN`, Windows-1252.

    Returns:
        What it holds, None where it cannot be read; and how it was mended.
    """
    text, reencoded = decode_line(raw)
    try:
        found = json.loads(text, strict=False)
        if "\\u" in text:
            # half a surrogate pair has no place in UTF-8
            found = json.loads(json.dumps(found, ensure_ascii=False).encode(errors="replace"))
    except (ValueError, RecursionError):
        return None, ""
    return found, "no UTF-8, read as Windows-1252" if reencoded else "no strict JSON, read leniently"


def with_repeats(raw: bytes, found: dict[str, Any]) -> dict[str, Any]:
    """Give an object with every value of a key that stands in it several times; the object itself where none does.

    Readers take the last value, nearly all of them, and so it stays; the others are `name#1`, `name#2` in their order. That
    there may be one is told by the number of keys as written and as read.

    Args:
        raw: the object as written.
        found: what was read of it.
    """
    written = raw.count(_KEY_END) - raw.count(_IN_TEXT)
    plain = msgspec.json.encode(found)
    if written == plain.count(_KEY_END) - plain.count(_IN_TEXT):
        return found
    met: list[str] = []

    def paired(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        out = dict(pairs)
        if len(out) == len(pairs):
            return out
        turns: dict[str, int] = {}
        earlier: dict[str, Any] = {}
        for name, value in pairs:
            turns[name] = turns.get(name, 0) + 1
            earlier[f"{name}#{turns[name]}"] = value
        repeated = {name for name, turn in turns.items() if turn > 1}
        last = {f"{name}#{turn}" for name, turn in turns.items()}
        met.extend(repeated)
        kept = {name: value for name, value in earlier.items() if name not in last}
        return {**kept, **out}

    try:
        whole = json.loads(decode_line(raw)[0], strict=False, object_pairs_hook=paired)
    except (ValueError, RecursionError):
        return found
    return whole if met and isinstance(whole, dict) else found


_KEY_END, _IN_TEXT = b'":', b'\\":'
"""What stands behind a key, and the same within a text."""
