"""The records of one chunk of a binary event log as JSON, through the `evtx` library."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence

import evtx

from dwell.sources.evtx_chunks import FILE_MAGIC, HEADER_BYTES, Chunk, Unit, decodable
from dwell.sources.evtx_nuls import Covered

__all__ = ["decode"]


def _file_header() -> bytes:
    """Make the file header of a log of one chunk, for the decoder."""
    head = struct.pack("<8sQQQIHHHH", FILE_MAGIC, 0, 0, 1, 128, 1, 3, HEADER_BYTES, 1).ljust(120, b"\0")
    return (head + struct.pack("<II", 0, zlib.crc32(head))).ljust(HEADER_BYTES, b"\0")


_HEADER = _file_header()


def decode(data: bytes, chunk: Chunk, wanted: Sequence[int] | None = None) -> list[str | None]:
    """Give each wanted unit's event as JSON, None where there is none.

    Args:
        data: the chunk's bytes.
        chunk: what `evtx_chunks.scan` found in it.
        wanted: the positions of the units that are wanted; all where it is None.
    """
    texts: list[str | None] = [None] * len(chunk.units)
    wanted = range(len(texts)) if wanted is None else wanted
    if all(one.damage for one in chunk.units):
        return [None for _ in wanted]
    _fill_whole(texts, data, chunk)
    covered = Covered(data, chunk, wanted)
    if covered.positions:
        again: list[str | None] = [None] * len(chunk.units)
        _fill_whole(again, covered.data, chunk)
        for one in covered.positions:
            texts[one] = covered.whole(texts[one], again[one])
    return [texts[one] for one in wanted]


def _fill_whole(texts: list[str | None], data: bytes, chunk: Chunk) -> None:
    """Decode a chunk into the places of its units, without its tables of names where nothing comes of it with them."""
    if not _fill(texts, chunk.units, decodable(data, chunk)):
        _fill(texts, chunk.units, decodable(data, chunk, tables=False))


def _place_of(record_id: int, units: Sequence[Unit], start: int) -> int:
    """Give the place of a record; -1 where there is none from `start` on."""
    return next((at for at in range(start, len(units)) if units[at].record_id == record_id), -1)


def _fill(texts: list[str | None], units: Sequence[Unit], data: bytes) -> bool:
    """Decode a chunk into the places of its units; False where nothing came of it."""
    records = evtx.PyEvtxParser(io.BytesIO(_HEADER + data), number_of_threads=1).records_json()
    place = 0
    faults = 0
    while faults <= len(units):
        try:
            for record in records:
                if record is None:
                    continue
                number = record["event_record_id"]
                if place < len(units) and units[place].record_id == number:
                    texts[place] = record["data"]
                    place += 1
                    continue
                # the stand-in for a damaged stretch may be decoded as well
                found = _place_of(number, units, place)
                if found >= 0:
                    texts[found] = record["data"]
                    place = found + 1
            break
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException:  # noqa: BLE001 - a panic of the decoder is no Exception
            faults += 1
    return place > 0
