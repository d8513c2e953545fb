"""JSON objects out of a stream, one at a time: a line each, inside an array, or several arrays one after the other.

Objects are found by their braces, so that neither an array of gigabytes nor a broken object in its middle keeps the
others from being read. A newline inside a string is no JSON: an object with one is given up there, and reading goes on
at the next line that opens an object.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from dwell.sources.utf8_stream import utf8

__all__ = ["OBJECT_BYTES_MAX", "Found", "objects"]

OBJECT_BYTES_MAX = 64 * 1024 * 1024
"""A longer object is an anomaly."""
_TOKEN = re.compile(rb'"(?:[^"\\\n]++|\\.)*+"|"(?:[^"\\\n]++|\\.)*+|[{}\n]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Found:
    """One object, or a stretch that is none.

    Attributes:
        raw: its bytes; for a fault at most the first 4096.
        offset: where it starts in the stream, after decoding to UTF-8.
        length: how many bytes it has.
        fault: why it is no object; "" where it is one.
    """

    raw: bytes
    offset: int
    length: int
    fault: str = ""


class _Cutter:
    """Finds objects in bytes as they come."""

    def __init__(self) -> None:
        self.data = b""
        self.offset = 0
        self.at = 0
        self.start = 0
        self.depth = 0

    def feed(self, data: bytes, *, final: bool) -> Iterator[Found]:
        """Take more bytes and yield the objects that are whole."""
        self.data += data
        for match in _TOKEN.finditer(self.data, self.at):
            token = match[0]
            if token[:1] == b'"' and (len(token) == 1 or not _closed(token)):
                if match.end() == len(self.data) and not final:
                    break
                yield from self._give_up(match.end())
                continue
            self.at = match.end()
            if token == b"{":
                if self.depth == 0:
                    self.start = match.start()
                self.depth += 1
            elif token == b"}" and self.depth:
                self.depth -= 1
                if self.depth == 0:
                    raw = self.data[self.start : self.at]
                    yield Found(raw, self.offset + self.start, len(raw))
                    self.start = self.at
            if self.depth and self.at - self.start > OBJECT_BYTES_MAX:
                yield from self._give_up(self.at)
        self._drop()
        if self.depth and len(self.data) > OBJECT_BYTES_MAX:
            yield from self._give_up(len(self.data))
            self._drop()
        if final and self.depth:
            rest = self.data[self.start :]
            yield Found(rest[:4096], self.offset + self.start, len(rest), "the file ends in the middle of an object")

    def _give_up(self, to: int) -> Iterator[Found]:
        if self.depth:
            raw = self.data[self.start : to]
            yield Found(raw[:4096], self.offset + self.start, len(raw), "a string that is never closed")
        self.at, self.start, self.depth = to, to, 0

    def _drop(self) -> None:
        keep = self.start if self.depth else self.at
        if keep:
            self.offset += keep
            self.data = self.data[keep:]
            self.at -= keep
            self.start = max(0, self.start - keep)


def _closed(token: bytes) -> bool:
    if not token.endswith(b'"'):
        return False
    body = token[:-1]
    return (len(body) - len(body.rstrip(b"\\"))) % 2 == 0


def objects(stream: BinaryIO) -> Iterator[tuple[Found, int]]:
    """Yield every object of the stream and how many bytes were taken in so far."""
    cutter = _Cutter()
    taken = 0
    for data in utf8(stream):
        taken += len(data)
        for found in cutter.feed(data, final=False):
            yield found, taken
    for found in cutter.feed(b"", final=True):
        yield found, taken
