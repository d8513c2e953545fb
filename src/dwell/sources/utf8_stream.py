"""A stream of text as UTF-8 bytes, whatever its byte-order mark says it is written in."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import BinaryIO

__all__ = ["READ_BYTES", "utf8"]

READ_BYTES = 4 * 1024 * 1024


def utf8(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the stream as UTF-8 without a byte-order mark; UTF-16 is told by its mark."""
    head = stream.read(READ_BYTES)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        decoder = codecs.getincrementaldecoder("utf-16")(errors="replace")
        while head:
            yield decoder.decode(head).encode(errors="replace")
            head = stream.read(READ_BYTES)
        yield decoder.decode(b"", final=True).encode(errors="replace")
        return
    head = head.removeprefix(b"\xef\xbb\xbf")
    while head:
        yield head
        head = stream.read(READ_BYTES)
