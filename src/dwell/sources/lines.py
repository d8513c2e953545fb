"""Text lines as arrays: cutting a byte stream at line ends without a Python loop per line.

Every text source starts here. A `Block` is a stretch of whole lines with their start and end offsets as numpy arrays,
so that a source can test all lines at once (how many spaces, which first byte) and hand runs of good lines to a
vectorised parser, while only the odd ones are looked at one by one.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from dwell.model.provenance import KEPT_BYTES_MAX, Anomaly, AnomalyKind
from dwell.sources.source import BLOCK_BYTES

__all__ = ["LINE_BYTES_MAX", "Block", "blocks", "decode_line", "line_anomaly"]

LINE_BYTES_MAX = 4 * 1024 * 1024
"""A line longer than this is an anomaly: no format we read writes one."""

_IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of whole lines.

    Attributes:
        data: the bytes, from `offset` on; lines end in LF or CR LF, the last one perhaps in nothing.
        offset: byte offset of `data[0]` in the stream (of the UTF-8 text where the stream was UTF-16).
        first_line: 1-based number of the first line.
        starts: offset in `data` of each line.
        ends: offset in `data` just past each line's text, its line end left out.
        too_long: (line number, offset, length, first bytes) where this block stands for one over-long line.
        cut: whether the last line of the stream has no line end.
    """

    data: bytes
    offset: int
    first_line: int
    starts: _IntArray
    ends: _IntArray
    too_long: tuple[int, int, int, bytes] | None = None
    cut: bool = False

    def __len__(self) -> int:
        """Give the number of lines."""
        return len(self.starts)

    def line(self, index: int) -> bytes:
        """Give one line's bytes without its line end."""
        return self.data[self.starts[index] : self.ends[index]]

    def number(self, index: int) -> int:
        """Give one line's 1-based number in the stream."""
        return self.first_line + index

    def at(self, index: int) -> int:
        """Give one line's byte offset in the stream."""
        return self.offset + int(self.starts[index])

    def array(self) -> npt.NDArray[np.uint8]:
        """Give the bytes as an array, without copying."""
        return np.frombuffer(self.data, dtype=np.uint8)

    def first_bytes(self) -> npt.NDArray[np.uint8]:
        """Give the first byte of each line; LF for an empty one."""
        view = self.array()
        if not len(self):
            return np.empty(0, dtype=np.uint8)
        out = view[np.minimum(self.starts, len(view) - 1)].copy()
        out[self.ends <= self.starts] = 10
        return out

    def count(self, byte: int) -> _IntArray:
        """Count a byte in each line."""
        if not len(self):
            return np.empty(0, dtype=np.int64)
        places = np.flatnonzero(self.array() == byte)
        found: _IntArray = np.searchsorted(places, self.ends) - np.searchsorted(places, self.starts)
        return found

    def holds(self, byte: int) -> npt.NDArray[np.bool_]:
        """Say which lines hold a byte."""
        if bytes([byte]) not in self.data:
            return np.zeros(len(self), dtype=np.bool_)
        return self.count(byte) > 0

    def high(self) -> npt.NDArray[np.bool_]:
        """Say which lines hold a byte of 0x80 or above."""
        if self.data.isascii():
            return np.zeros(len(self), dtype=np.bool_)
        places = np.flatnonzero(self.array() >= 0x80)
        found: npt.NDArray[np.bool_] = (np.searchsorted(places, self.ends) - np.searchsorted(places, self.starts)) > 0
        return found


def _block(data: bytes, offset: int, first_line: int, *, cut: bool) -> Block:
    view = np.frombuffer(data, dtype=np.uint8)
    feeds = np.flatnonzero(view == 10)
    ends = feeds if not cut else np.append(feeds, len(data))
    starts = np.empty(len(ends), dtype=np.int64)
    if len(ends):
        starts[0] = 0
        starts[1:] = feeds[: len(ends) - 1] + 1
        has_cr = (ends > starts) & (view[np.maximum(ends - 1, 0)] == 13)
        ends = ends - has_cr
    return Block(data, offset, first_line, starts, ends.astype(np.int64), cut=cut)


class _Utf8(io.RawIOBase):
    """A UTF-16 stream read as UTF-8, so that every text source sees one encoding."""

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        self._rest = b""
        self._over = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        target = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        while not self._rest and not self._over:
            raw = self._stream.read(1 << 20)
            self._over = not raw
            self._rest = self._decoder.decode(raw, final=self._over).encode("utf-8", errors="replace")
        count = min(len(target), len(self._rest))
        target[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _opened(stream: BinaryIO) -> tuple[BinaryIO, bytes, int]:
    """Take off a byte-order mark; give the stream, the first bytes read from it, and their offset."""
    head = stream.read(4)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16-le" if head.startswith(codecs.BOM_UTF16_LE) else "utf-16-be"
        rest = io.BufferedReader(_Joined(head[2:], stream), buffer_size=1 << 20)
        return io.BufferedReader(_Utf8(rest, encoding), buffer_size=1 << 20), b"", 0
    if head.startswith(codecs.BOM_UTF8):
        return stream, head[3:], 3
    return stream, head, 0


class _Joined(io.RawIOBase):
    """A few bytes put back before a stream."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self._head = head
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        target = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        data = self._head[: len(target)] or self._stream.read(len(target))
        self._head = self._head[len(target) :]
        target[: len(data)] = data
        return len(data)


def blocks(stream: BinaryIO, block_bytes: int = BLOCK_BYTES) -> Iterator[Block]:
    """Yield the stream as blocks of whole lines, in order. UTF-16 (by its mark) is read as UTF-8.

    A line over `LINE_BYTES_MAX` comes as a block of its own with `too_long` set and no lines; its bytes are not held.
    """
    source, rest, offset = _opened(stream)
    line_no = 1
    while True:
        raw = source.read(block_bytes)
        data = rest + raw
        if not raw:
            if data:
                yield _block(data, offset, line_no, cut=True)
            return
        end = data.rfind(b"\n") + 1
        if end:
            block = _block(data[:end], offset, line_no, cut=False)
            yield block
            line_no += len(block)
            offset += end
            rest = data[end:]
        else:
            rest = data
        if len(rest) > LINE_BYTES_MAX:
            length, tail = _skip_line(source, len(rest))
            empty = np.empty(0, dtype=np.int64)
            yield Block(b"", offset, line_no, empty, empty, (line_no, offset, length, rest[:KEPT_BYTES_MAX]))
            line_no += 1
            offset += length
            rest = tail


def _skip_line(source: BinaryIO, length: int) -> tuple[int, bytes]:
    """Read to the end of an over-long line; give its length, line end counted, and what was read past it."""
    while raw := source.read(1 << 20):
        end = raw.find(b"\n")
        if end >= 0:
            return length + end + 1, raw[end + 1 :]
        length += len(raw)
    return length, b""


def decode_line(raw: bytes) -> tuple[str, bool]:
    """Decode one line: UTF-8, else Windows-1252 (Latin-1 for its five holes). True where it was no UTF-8."""
    try:
        return raw.decode("utf-8"), False
    except UnicodeDecodeError:
        try:
            return raw.decode("cp1252"), True
        except UnicodeDecodeError:
            return raw.decode("latin-1"), True


def line_anomaly(block: Block, index: int, kind: AnomalyKind, detail: str) -> Anomaly:
    """Make the anomaly for one line of a block."""
    raw = block.line(index)
    return Anomaly(kind, block.number(index), block.at(index), len(raw), raw[:KEPT_BYTES_MAX], detail)
