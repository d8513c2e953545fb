"""Text lines as arrays: cutting a byte stream at line ends without a Python loop per line.

Every text source starts here. A `Block` is a stretch of whole lines with their start and end offsets as numpy arrays,
so that a source can test all lines at once (how many spaces, which first byte) and hand runs of good lines to a
vectorised parser, while only the odd ones are looked at one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from dwell.model.provenance import KEPT_BYTES_MAX, Anomaly, AnomalyKind
from dwell.sources.source import BLOCK_BYTES
from dwell.sources.utf8_stream import Utf8

__all__ = ["LINE_BYTES_MAX", "Block", "after", "blocks", "by_file", "decode_line", "from_line", "line_anomaly"]

LINE_BYTES_MAX = 4 * 1024 * 1024
"""A line longer than this is an anomaly: no format we read writes one."""

_SKIP_BYTES = 1 << 20
_IntArray = npt.NDArray[np.int64]


_RETURN = 13
_LINE_ENDS = (10, _RETURN)


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of whole lines.

    Attributes:
        data: the bytes, from `offset` on; lines end in LF or CR LF, the last one perhaps in nothing;
            LF stands for CR where that alone ends lines.
        offset: byte offset of `data[0]` in the evidence.
        first_line: 1-based number of the first line.
        starts: offset in `data` of each line.
        ends: offset in `data` just past each line's text, its line end left out.
        too_long: the anomaly, where this block stands for one over-long line.
        cut: whether the last line of the stream has no line end.
        size_bytes: what it takes in the evidence.
        text: the stream it comes from; knows how it stands in the evidence.
        places: where each line starts in the evidence, from `offset` on; None where the evidence is UTF-8.
    """

    data: bytes
    offset: int
    first_line: int
    starts: _IntArray
    ends: _IntArray
    too_long: Anomaly | None = None
    cut: bool = False
    size_bytes: int = 0
    text: Utf8 | None = None
    places: _IntArray | None = None

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
        """Give one line's byte offset in the evidence."""
        return self.offset + int((self.starts if self.places is None else self.places)[index])

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
        if byte in _LINE_ENDS:
            found: _IntArray = np.searchsorted(places, self.ends) - np.searchsorted(places, self.starts)
            return found
        return self.counted(places)

    def counted(self, places: _IntArray) -> _IntArray:
        """Count places in each line, none of which is a line's end: nothing else stands between two lines."""
        before = np.searchsorted(places, self.ends)
        return np.diff(before, prepend=np.searchsorted(places, self.starts[0]))

    def broken(self) -> npt.NDArray[np.bool_]:
        """Say which lines hold a CR that does not end them."""
        returns = 0
        if b"\r" in self.data:
            gaps = np.append(self.starts[1:], len(self.data)) - self.ends
            # twice as quick as counting in the bytes themselves, where every line ends in one
            returns = int(np.count_nonzero(self.array() == _RETURN) - np.count_nonzero(gaps == len(b"\r\n")))
        return self.count(_RETURN) > 0 if returns else np.zeros(len(self), dtype=np.bool_)

    def holds(self, byte: int) -> npt.NDArray[np.bool_]:
        """Say which lines hold a byte."""
        if bytes([byte]) not in self.data:
            return np.zeros(len(self), dtype=np.bool_)
        return self.count(byte) > 0

    def high(self) -> npt.NDArray[np.bool_]:
        """Say which lines hold a byte of 0x80 or above."""
        if self.data.isascii():
            return np.zeros(len(self), dtype=np.bool_)
        found: npt.NDArray[np.bool_] = self.counted(np.flatnonzero(self.array() >= 0x80)) > 0
        return found


def blocks(stream: BinaryIO, block_bytes: int | None = None) -> Iterator[Block]:
    """Yield the stream as blocks of whole lines, in order, whatever its encoding (`utf8_stream`).

    A line over `LINE_BYTES_MAX` comes as a block of its own with `too_long` set and no lines; its bytes are not held.
    """
    text = Utf8(stream, lines=True)
    offset, line_no = text.mark_bytes, 1
    rest, over = b"", False
    while not over:
        raw = text.read(block_bytes or BLOCK_BYTES)
        over = not raw
        data = rest + raw
        end = data.rfind(b"\n") + 1
        rest = data[end:]
        for block in _cut(data[:end], (offset, line_no), text) if end else ():
            yield block
            line_no += len(block) or 1
            offset += block.size_bytes
        if len(rest) > LINE_BYTES_MAX:
            long, rest = _skip_line(rest, (offset, line_no), text)
            yield long
            line_no += 1
            offset += long.size_bytes
            over = False
    if rest:
        yield _block(rest, (offset, line_no), text, cut=True)


def _block(data: bytes, place: tuple[int, int], text: Utf8, *, cut: bool) -> Block:
    view = np.frombuffer(data, dtype=np.uint8)
    feeds = np.flatnonzero(view == 10)
    ends = feeds if not cut else np.append(feeds, len(data))
    starts = np.empty(len(ends), dtype=np.int64)
    if len(ends):
        starts[0] = 0
        starts[1:] = feeds[: len(ends) - 1] + 1
        has_cr = (ends > starts) & (view[np.maximum(ends - 1, 0)] == 13)
        ends = ends - has_cr
    return _placed(data, place, (starts, ends.astype(np.int64)), text, cut=cut)


def _placed(
    data: bytes, place: tuple[int, int], lines: tuple[_IntArray, _IntArray], text: Utf8 | None, *, cut: bool
) -> Block:
    """Make a block that knows where its lines lie in the evidence."""
    if text is None or not text.encoding:
        return Block(data, *place, *lines, cut=cut, size_bytes=len(data), text=text)
    view = np.frombuffer(data, dtype=np.uint8)
    # UTF-16 takes two bytes a character, four for those that UTF-8 writes in four
    wide = np.concatenate(([0], np.cumsum(2 * ((view & 0xC0) != 0x80).astype(np.int64) + 2 * (view >= 0xF0))))
    return Block(data, *place, *lines, cut=cut, size_bytes=int(wide[-1]), text=text, places=wide[lines[0]])


def from_line(block: Block, at: int) -> Block:
    """Give the lines of a block from `at` on as a block of their own."""
    start = int(block.starts[at])
    lines = (block.starts[at:] - start, block.ends[at:] - start)
    return _placed(block.data[start:], (block.at(at), block.number(at)), lines, block.text, cut=block.cut)


def after(tail: Block, block: Block) -> Block:
    """Put the lines left over from one block before the next one."""
    shift = len(tail.data)
    lines = (np.concatenate((tail.starts, block.starts + shift)), np.concatenate((tail.ends, block.ends + shift)))
    return _placed(tail.data + block.data, (tail.offset, tail.first_line), lines, tail.text, cut=block.cut)


def _cut(data: bytes, place: tuple[int, int], text: Utf8) -> Iterator[Block]:
    """Yield whole lines as blocks, an over-long one as a block of its own."""
    whole = _block(data, place, text, cut=False)
    feeds = np.append(whole.starts[1:] - 1, len(data) - 1)
    long = np.flatnonzero(feeds - whole.starts > LINE_BYTES_MAX) if len(data) > LINE_BYTES_MAX else feeds[:0]
    if not len(long):
        yield whole
        return
    offset, line_no = place
    start = 0
    for index in long.tolist():
        first = int(feeds[index - 1]) + 1 if index else 0
        last = int(feeds[index]) + 1
        if first > start:
            block = _block(data[start:first], (offset, line_no), text, cut=False)
            yield block
            offset, line_no = offset + block.size_bytes, line_no + len(block)
        size = text.span(data[first:last])
        yield _long_line((offset, line_no), text, data[first:last], size, text.span(b"\n"))
        offset, line_no = offset + size, line_no + 1
        start = last
    if start < len(data):
        yield _block(data[start:], (offset, line_no), text, cut=False)


def _long_line(place: tuple[int, int], text: Utf8, first: bytes, size: int, line_end: int) -> Block:
    empty = np.empty(0, dtype=np.int64)
    kept = text.original(first[: 4 * KEPT_BYTES_MAX])[: min(KEPT_BYTES_MAX, size - line_end)]
    detail = f"a line of over {LINE_BYTES_MAX} bytes"
    anomaly = Anomaly(AnomalyKind.TOO_LONG, place[1], place[0], size - line_end, kept, detail)
    return Block(b"", *place, empty, empty, anomaly, size_bytes=size)


def _skip_line(first: bytes, place: tuple[int, int], text: Utf8) -> tuple[Block, bytes]:
    """Read to the end of an over-long line; give it as a block, and what was read past it."""
    size = text.span(first)
    while raw := text.read(_SKIP_BYTES):
        end = raw.find(b"\n")
        if end >= 0:
            size += text.span(raw[: end + 1])
            return _long_line(place, text, first, size, text.span(b"\n")), raw[end + 1 :]
        size += text.span(raw)
    return _long_line(place, text, first, size, 0), b""


def by_file(numbers: Sequence[int], seams: _IntArray) -> list[list[int]]:
    """Part the numbers of lines, in order, by the file that each is of (`Hint.seams`)."""
    if not len(seams):
        return [list(numbers)] if numbers else []
    ordered = np.sort(np.array(numbers, dtype=np.int64))
    parts = np.split(ordered, np.flatnonzero(np.diff(np.searchsorted(seams, ordered, side="right"))) + 1)
    return [one.tolist() for one in parts if len(one)]


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
    if block.text is not None:
        raw = block.text.original(raw)
    return Anomaly(kind, block.number(index), block.at(index), len(raw), raw[:KEPT_BYTES_MAX], detail)
