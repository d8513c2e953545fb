"""Makes a full event log, in order of time, out of a small one: for measuring.

The chunks of the small log follow one another again and again. Each record gets an instant of its own, two seconds after
the one before, wherever its old one stood. What has to be read is as real as the small log is.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

from dwell.sources.evtx_chunks import CHUNK_BYTES, HEADER_BYTES, Unit, scan

__all__ = ["write_event_log"]

_START = 132_600_000_000_000_000
"""2021-03-12, in steps of 100 ns since 1601."""
_STEP = 20_000_000
_WRITTEN = slice(16, 24)
"""Where a record says when it was written."""


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
    """Give a chunk whose records have the instants that come after `written` others."""
    out = bytearray(piece)
    for number, unit in enumerate(units, written):
        record = bytes(out[unit.offset : unit.offset + unit.size])
        out[unit.offset : unit.offset + unit.size] = record.replace(
            record[_WRITTEN], struct.pack("<Q", _START + number * _STEP)
        )
    return bytes(out)
