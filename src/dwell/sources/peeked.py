"""Looking at the start of a stream before it is read, however little it gives at a time."""

from __future__ import annotations

import io
from typing import BinaryIO, cast

from dwell.sources.source import HEAD_BYTES, Sniff
from dwell.sources.utf8_stream import read_fully

__all__ = ["peeked"]


class _Rejoined(io.RawIOBase):
    """A stream of which the first bytes have been read already."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head = head
        self._rest = rest

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        if self._head:
            wanted = len(self._head) if size is None or size < 0 else size
            out, self._head = self._head[:wanted], self._head[wanted:]
            return out
        return self._rest.read(-1 if size is None else size)


def peeked(stream: BinaryIO, name: str = "") -> tuple[Sniff, BinaryIO]:
    """Give what `identify` would see, and the whole stream to be read."""
    head = read_fully(stream, HEAD_BYTES)
    return Sniff(head, name, complete=len(head) < HEAD_BYTES), cast("BinaryIO", _Rejoined(head, stream))
