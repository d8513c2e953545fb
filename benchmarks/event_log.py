"""Makes a full event log, in order of time, out of a small one: for measuring.

The chunks of the small log follow one another again and again. Each record gets an instant of its own, two seconds after
the one before, wherever its old one stood, and the number after the one before. What has to be read is as real as the
small log is.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from dwell.sources.evtx_chunks import CHUNK_BYTES, HEADER_BYTES, Unit, scan

__all__ = ["write_event_log"]

_START = 132_600_000_000_000_000
"""2021-03-12, in steps of 100 ns since 1601."""
_STEP = 20_000_000
_WRITTEN = slice(16, 24)
"""Where a record says when it was written."""
_RECORDS, _USED = 512, 48
"""Where a chunk's records start, and where its head says how much of it they take; the checksum over them is behind."""
_NUMBER = struct.Struct("<Q")
_NUMBER_TYPE = 0x0A
_INSTANCE, _INSTANCE_BYTES, _DEFINITION_BYTES = 28, 10, 24
"""A record's template instance, its head, and that of a definition that stands within it."""


def write_event_log(small: Path, place: Path, size_bytes: int) -> None:
    """Write a log of about `size_bytes` from the sound chunks of a small one.

    Raises:
        ValueError: the small log has no sound chunk.
    """
    data = small.read_bytes()
    chunks = [
        (piece, scanned.units)
        for piece in (data[at : at + CHUNK_BYTES] for at in range(HEADER_BYTES, len(data), CHUNK_BYTES))
        if len(piece) == CHUNK_BYTES and (scanned := scan(piece)).units and not any(one.damage for one in scanned.units)
    ]
    if not chunks:
        raise ValueError(f"no sound chunk in {small}")
    place.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with place.open("wb") as out:
        out.write(data[:HEADER_BYTES])
        while out.tell() < size_bytes:
            for piece, units in chunks:
                out.write(_timed(piece, units, written))
                written += len(units)


def _timed(piece: bytes, units: Sequence[Unit], written: int) -> bytes:
    """Give a chunk whose records have the instants and the numbers that come after `written` others."""
    out = bytearray(piece)
    for number, unit in enumerate(units, written):
        record = bytes(out[unit.offset : unit.offset + unit.size])
        out[unit.offset : unit.offset + unit.size] = record.replace(
            record[_WRITTEN], _NUMBER.pack(_START + number * _STEP)
        )
        for place in _numbers(record, unit.offset):
            _NUMBER.pack_into(out, unit.offset + place, number + 1)
    first, last = written + 1, written + len(units)
    struct.pack_into("<QQQQ", out, 8, first, last, first, last)
    (used,) = struct.unpack_from("<I", out, _USED)
    struct.pack_into("<I", out, _USED + 4, zlib.crc32(out[_RECORDS:used]))
    return bytes(out)


def _numbers(record: bytes, offset: int) -> Iterator[int]:
    """Yield the places of a record's number: in its head, and among the values of its outer template."""
    yield 8
    (number,) = _NUMBER.unpack_from(record, 8)
    (definition,) = struct.unpack_from("<I", record, _INSTANCE + 6)
    place = _INSTANCE + _INSTANCE_BYTES
    if definition == offset + place:
        place += _DEFINITION_BYTES + struct.unpack_from("<I", record, place + 20)[0]
    (count,) = struct.unpack_from("<I", record, place)
    value = place + 4 + 4 * count
    for at in range(place + 4, place + 4 + 4 * count, 4):
        size, kind = struct.unpack_from("<HB", record, at)
        if kind == _NUMBER_TYPE and size == 8 and _NUMBER.unpack_from(record, value)[0] == number:
            yield value
        value += size
