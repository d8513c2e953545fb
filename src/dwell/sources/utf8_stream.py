"""A stream of text as UTF-8 bytes, whatever it is written in, with every place still known in the bytes of the evidence.

UTF-16 is told by its byte-order mark, or, without one, by the zeros beside the first two letters. Of a text of lines a
carriage return alone ends a line where its first `HEAD_BYTES` have no line feed: so old programs on Macs save tables.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import BinaryIO

from dwell.model.provenance import KEPT_BYTES_MAX, Anomaly, AnomalyKind

__all__ = ["READ_BYTES", "Piece", "Utf8", "Window", "encoding_of", "read_fully"]

READ_BYTES = 4 * 1024 * 1024
HEAD_BYTES = 65_536
_PRINTABLE = range(0x20, 0x7F)


def read_fully(stream: BinaryIO, size: int) -> bytes:
    """Read so many bytes, fewer only at the end, however little the stream gives at a time."""
    data = stream.read(size)
    if len(data) == size or not data:
        return data
    parts = [data]
    missing = size - len(data)
    while missing and (more := stream.read(missing)):
        parts.append(more)
        missing -= len(more)
    return b"".join(parts)


def encoding_of(head: bytes) -> tuple[str, int]:
    """Tell a text's encoding by its first bytes: the codec, "" for UTF-8, and the length of its byte-order mark."""
    if head.startswith(codecs.BOM_UTF8):
        return "", 3
    if head.startswith(codecs.BOM_UTF16_LE):
        return "utf-16-le", 2
    if head.startswith(codecs.BOM_UTF16_BE):
        return "utf-16-be", 2
    if len(head) >= 4 and head[1] == head[3] == 0 and head[0] in _PRINTABLE and head[2] in _PRINTABLE:
        return "utf-16-le", 0
    if len(head) >= 4 and head[0] == head[2] == 0 and head[1] in _PRINTABLE and head[3] in _PRINTABLE:
        return "utf-16-be", 0
    return "", 0


class Utf8:
    """A stream read as UTF-8 without its byte-order mark.

    Attributes:
        encoding: what it is written in, "" for UTF-8.
        mark_bytes: length of its byte-order mark.
        returns: whether carriage returns end its lines; line feeds are given for them.
    """

    def __init__(self, stream: BinaryIO, *, lines: bool = False) -> None:
        self._stream = stream
        head = read_fully(stream, HEAD_BYTES if lines else 4)
        self.encoding, self.mark_bytes = encoding_of(head)
        self._head = head[self.mark_bytes :]
        seen = self._head.decode(self.encoding, errors="replace").encode() if self.encoding else self._head
        self.returns = lines and b"\r" in seen and b"\n" not in seen
        self._decoder = codecs.getincrementaldecoder(self.encoding or "utf-8")(errors="replace")

    def read(self, size: int) -> bytes:
        """Give text that fills about so many bytes of the stream; nothing at its end, only whole characters of UTF-16."""
        while True:
            raw = self._head + read_fully(self._stream, max(1, size - len(self._head)))
            self._head = b""
            if not self.encoding:
                return raw.replace(b"\r", b"\n") if self.returns else raw
            text = self._decoder.decode(raw, final=not raw).encode("utf-8", errors="replace")
            if text or not raw:
                return text.replace(b"\r", b"\n") if self.returns else text

    def original(self, text: bytes) -> bytes:
        """Give a stretch of what was read as it stands in the evidence."""
        if self.returns:
            text = text.replace(b"\n", b"\r")
        if not self.encoding:
            return text
        return text.decode("utf-8", errors="replace").encode(self.encoding)

    def span(self, text: bytes | memoryview) -> int:
        """Give the bytes that a stretch of what was read takes in the evidence."""
        return len(text) if not self.encoding else len(self.original(bytes(text)))


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a text: something to be read, or something that cannot be.

    Attributes:
        raw: its bytes, as UTF-8; of a fault only the first ones.
        offset: where it starts in the evidence.
        length: how many bytes it takes there.
        encoding: what the evidence is written in, "" for UTF-8.
        kind: what sort of fault it is.
        fault: why it cannot be read; "" where it may be.
    """

    raw: bytes
    offset: int
    length: int
    encoding: str
    kind: AnomalyKind
    fault: str = ""

    def anomaly(self, ordinal: int, detail: str) -> Anomaly:
        """Give it as an anomaly; `detail` says why where nothing was wrong with it at first sight."""
        kept = self.raw[: 4 * KEPT_BYTES_MAX]
        if self.encoding:
            kept = kept.decode("utf-8", errors="replace").encode(self.encoding)
        return Anomaly(self.kind, ordinal, self.offset, self.length, kept[:KEPT_BYTES_MAX], self.fault or detail)


class Window:
    """The part of a text that is looked at: grows at its end, is cut off at its start, knows where it lies.

    Attributes:
        data: the text at hand.
        taken: bytes of the evidence read so far.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.text = Utf8(stream)
        self.data = b""
        self.taken = self.text.mark_bytes
        self._known = 0
        self._offset = self.text.mark_bytes

    def grow(self) -> bool:
        """Read on; False at the end."""
        more = self.text.read(READ_BYTES)
        self.data += more
        self.taken += self.text.span(more)
        return bool(more)

    def where(self, at: int) -> int:
        """Give the offset in the evidence of a place in `data`; places are asked for in ascending order."""
        self._offset += self.text.span(memoryview(self.data)[self._known : at])
        self._known = at
        return self._offset

    def piece(self, start: int, end: int, kind: AnomalyKind, fault: str = "") -> Piece:
        """Give a stretch of `data`; stretches are asked for in order."""
        raw = self.data[start : min(end, start + 4 * KEPT_BYTES_MAX) if fault else end]
        offset = self.where(start)
        return Piece(raw, offset, self.where(end) - offset, self.text.encoding, kind, fault)

    def drop(self, count: int) -> None:
        """Let go of the first bytes."""
        if count:
            self.where(max(count, self._known))
            self.data = self.data[count:]
            self._known -= count
