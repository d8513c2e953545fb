"""The skeleton of a binary event log: where chunks and records are, by their headers alone.

Nothing here decodes an event. The scan gives every record its place, size and number without the decoder, so that what
the decoder cannot read is known by offset and counted.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, overload

import numpy as np
import numpy.typing as npt

from dwell.model.provenance import AnomalyKind

__all__ = [
    "CHUNK_BYTES",
    "CHUNK_MAGIC",
    "COVER_ID",
    "FILE_MAGIC",
    "HEADER_BYTES",
    "Chunk",
    "FileHeader",
    "Sound",
    "Unit",
    "decodable",
    "scan",
    "scan_all",
]

FILE_MAGIC = b"ElfFile\0"
CHUNK_MAGIC = b"ElfChnk\0"
HEADER_BYTES = 4096
CHUNK_BYTES = 65_536
RECORDS_START = 512
RECORD_BYTES_MIN = 28
COVER_ID = 0xFFFF_FFFF_FFFF_FFF0
"""Record number of the stand-in that bridges a damaged stretch for the decoder."""

_RECORD_MAGIC = b"\x2a\x2a\x00\x00"
_MAGIC_WORD = int.from_bytes(_RECORD_MAGIC, "little")
_RECORD = struct.Struct("<4sIQQ")
_ZEROS = bytes(CHUNK_BYTES)
_CHUNK_WORDS = CHUNK_BYTES // 4
_CHUNK_WORD = np.frombuffer(CHUNK_MAGIC, "<u4")
_FREE_WORD = 12
"""Where a chunk says how much of it is used, in words."""
_SIZE = struct.Struct("<I")
_CHUNK = struct.Struct("<8sQQQQIIII")
_FILE = struct.Struct("<8sQQQIHHHH")


class Unit(NamedTuple):
    """A record, or a stretch where records should be and none can be made out.

    Attributes:
        offset: where it starts in its chunk.
        size: how long it is.
        record_id: the number in its header; -1 for a damaged stretch.
        damage: what is wrong with it, "" for a record.
    """

    offset: int
    size: int
    record_id: int
    damage: str = ""


class Sound(Sequence[Unit]):
    """Records of which none is damaged.

    Attributes:
        offsets: where they start in their chunk.
        sizes: how long they are.
        record_ids: the numbers in their headers.
    """

    __slots__ = ("offsets", "record_ids", "sizes")

    def __init__(
        self, offsets: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64], record_ids: npt.NDArray[np.uint64]
    ) -> None:
        self.offsets, self.sizes, self.record_ids = offsets, sizes, record_ids

    def __len__(self) -> int:
        """Give the number of records."""
        return len(self.offsets)

    @overload
    def __getitem__(self, at: int) -> Unit: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Unit]: ...
    def __getitem__(self, at: int | slice) -> Unit | Sequence[Unit]:
        """Give a record."""
        if isinstance(at, slice):
            return list(self)[at]
        return Unit(int(self.offsets[at]), int(self.sizes[at]), int(self.record_ids[at]))

    def __iter__(self) -> Iterator[Unit]:
        """Yield the records."""
        return map(Unit, self.offsets.tolist(), self.sizes.tolist(), self.record_ids.tolist())

    def __eq__(self, other: object) -> bool:
        """Say whether the records are the same."""
        return isinstance(other, Sequence) and list(self) == list(other)

    def __hash__(self) -> int:
        """Give a number that equal records share."""
        return hash((len(self), self.offsets.tobytes()))


@dataclass(frozen=True, slots=True)
class FileHeader:
    """The file header.

    Attributes:
        good: whether the magic number is there.
        next_record_id: the number the next record would get.
        chunk_count: chunks in use when the header was last written.
        flags: bit 0 dirty, bit 1 full, bit 2 no checksums.
    """

    good: bool
    next_record_id: int
    chunk_count: int
    flags: int

    @classmethod
    def parse(cls, head: bytes) -> FileHeader:
        """Read the first 128 bytes."""
        padded = head[:128].ljust(128, b"\0")
        magic, _, _, next_record_id, _, _, _, _, chunk_count = _FILE.unpack_from(padded)
        (flags,) = _SIZE.unpack_from(padded, 120)
        return cls(magic == FILE_MAGIC, next_record_id, chunk_count, flags)

    @property
    def words(self) -> str:
        """Name the flags."""
        names = [name for bit, name in ((1, "dirty"), (2, "full"), (4, "without checksums")) if self.flags & bit]
        return ", ".join(names) or "clean"


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk as its headers show it.

    Attributes:
        units: records and damaged stretches in order; nothing of the chunk's used part lies outside them.
        good: whether the chunk's magic number is there.
        empty: whether it is all zero: room the log has not used yet.
        live_end: where the used part ends, as the chunk header says; the end of the last unit where it says nothing.
        checksum_fits: False where the checksum over the records does not fit.
        slack: record headers after the used part: left over from an earlier use of the chunk, not read.
        last_record_id: the chunk header's number of its last record.
    """

    units: Sequence[Unit]
    good: bool
    empty: bool
    live_end: int
    checksum_fits: bool
    slack: int
    last_record_id: int

    @property
    def damaged(self) -> bool:
        """Say whether any stretch of it is."""
        return not isinstance(self.units, Sound) and any(one.damage for one in self.units)

    @property
    def kind(self) -> AnomalyKind:
        """Give the sort of anomaly a damaged stretch of this chunk is."""
        return AnomalyKind.BAD_RECORD if self.good else AnomalyKind.BAD_CHUNK


def scan(data: bytes) -> Chunk:
    """Find the records of one chunk (`CHUNK_BYTES` long or less, where the file was cut)."""
    size = len(data)
    good = data.startswith(CHUNK_MAGIC) and size > RECORDS_START
    if not good and data == _ZEROS[:size]:
        return Chunk([], good=False, empty=True, live_end=0, checksum_fits=True, slack=0, last_record_id=-1)
    if not good:
        pieces = _bad_chunk(data)
        end = pieces[-1].offset + pieces[-1].size
        return Chunk(pieces, good=False, empty=False, live_end=end, checksum_fits=True, slack=0, last_record_id=-1)
    _, _, _, _, last_id, _, _, free, checksum = _CHUNK.unpack_from(data)
    known = RECORDS_START <= free <= size
    units = _walk(data, RECORDS_START, free if known else size, stop_at_zeros=not known)
    end = units[-1].offset + units[-1].size if units else RECORDS_START
    if units and not units[-1].damage:
        units, end = _walk_on(data, units, end)
    fits = not known or zlib.crc32(memoryview(data)[RECORDS_START:free]) == checksum
    slack = _count_records(data, end, size)
    return Chunk(units, True, False, max(end, free if known else 0), fits, slack, last_id)  # noqa: FBT003


def scan_all(data: bytes) -> list[Chunk]:
    """Find the records of chunks that stand one after the other; the last one may be cut."""
    held = _chains(data)
    out: list[Chunk] = []
    for number in range(-(-len(data) // CHUNK_BYTES)):
        start = number * CHUNK_BYTES
        out.append(held.get(number) or scan(data[start : start + CHUNK_BYTES]))
    return out


def _chains(data: bytes) -> dict[int, Chunk]:
    """Give the chunks whose records, by head and end, fill the used part, by number.

    So it is with nearly every chunk, and then no record is looked at by itself.
    """
    count = len(data) // CHUNK_BYTES
    words = np.frombuffer(data, "<u4", count * _CHUNK_WORDS)
    heads_of = words.reshape(count, _CHUNK_WORDS)
    frees = heads_of[:, _FREE_WORD].astype(np.int64)
    good = (heads_of[:, :2] == _CHUNK_WORD).all(axis=1)
    good &= (frees > RECORDS_START) & (frees <= CHUNK_BYTES) & (frees % 4 == 0)
    frees[~good] = CHUNK_BYTES
    limits = np.arange(count) * _CHUNK_WORDS + frees // 4
    heads = np.flatnonzero(words == _MAGIC_WORD)
    chunk_of = heads // _CHUNK_WORDS
    inside = good[chunk_of] & (heads % _CHUNK_WORDS >= RECORDS_START // 4) & (heads < limits[chunk_of])
    heads, sizes, chunk_of = _closed(words, heads[inside], chunk_of[inside], limits)
    counts = np.bincount(chunk_of, minlength=count)
    lasts = np.cumsum(counts)
    firsts = lasts - counts
    good &= counts > 0
    at = np.flatnonzero(good)
    good[at] &= heads[firsts[at]] * 4 == at * CHUNK_BYTES + RECORDS_START
    good[at] &= heads[lasts[at] - 1] * 4 + sizes[lasts[at] - 1] == at * CHUNK_BYTES + frees[at]
    broken = ((heads[1:] - heads[:-1]) * 4 != sizes[:-1]) & (chunk_of[1:] == chunk_of[:-1])
    good[chunk_of[1:][broken]] = False
    numbers = words[heads + 2].astype(np.uint64) | words[heads + 3].astype(np.uint64) << np.uint64(32)
    # a record right behind the used part belongs to it if it numbers on
    behind = np.flatnonzero(good & (frees <= CHUNK_BYTES - RECORD_BYTES_MIN))
    behind = behind[words[limits[behind]] == _MAGIC_WORD]
    following = (numbers[lasts[behind] - 1] + np.uint64(1)).astype(np.uint32)
    good[behind[words[limits[behind] + 2] == following]] = False
    offsets = heads * 4 - chunk_of * CHUNK_BYTES
    whole = memoryview(data)
    out: dict[int, Chunk] = {}
    for number in np.flatnonzero(good).tolist():
        run = slice(firsts[number], lasts[number])
        start, end = number * CHUNK_BYTES, int(frees[number])
        _, _, _, _, last_id, _, _, _, checksum = _CHUNK.unpack_from(data, start)
        fits = zlib.crc32(whole[start + RECORDS_START : start + end]) == checksum
        slack = _count_records(data, start + end, start + CHUNK_BYTES)
        units = Sound(offsets[run], sizes[run], numbers[run])
        out[number] = Chunk(units, True, False, end, fits, slack, last_id)  # noqa: FBT003
    return out


def _closed(
    words: npt.NDArray[np.uint32], heads: npt.NDArray[np.int64], chunk_of: npt.NDArray[np.int64],
    limits: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:  # fmt: skip
    """Keep the records whose size stands at their end as well.

    Args:
        words: the chunks in words of four bytes.
        heads: the words that records may start at.
        chunk_of: the chunk of each.
        limits: for each chunk, the word that ends its used part.

    Returns:
        Of those kept: where they start, how long they are in bytes, and their chunk.
    """
    limit = limits[chunk_of]
    sizes = words[np.minimum(heads + 1, limit - 1)].astype(np.int64)
    closed = (sizes >= RECORD_BYTES_MIN) & (words[np.minimum(heads + sizes // 4, limit) - 1] == sizes)
    return heads[closed], sizes[closed], chunk_of[closed]


def _is_record(data: bytes, offset: int, end: int) -> int:
    """Give the size of the record at an offset, 0 where there is none."""
    if offset + RECORD_BYTES_MIN > end or data[offset : offset + 4] != _RECORD_MAGIC:
        return 0
    (size,) = _SIZE.unpack_from(data, offset + 4)
    if size < RECORD_BYTES_MIN or offset + size > end:
        return 0
    if _SIZE.unpack_from(data, offset + size - 4)[0] == size:
        return int(size)
    # the closing copy of the size is damaged: still a record where the next one starts in the right place
    follows = offset + size == end or data[offset + size : offset + size + 4] == _RECORD_MAGIC
    return int(size) if follows else 0


def _walk(data: bytes, start: int, end: int, *, stop_at_zeros: bool) -> list[Unit]:
    """Follow the chain of records; where it breaks, look for the next record and keep the stretch between."""
    units, offset = _sound(data, start, end)
    while offset < end:
        size = _is_record(data, offset, end)
        if size:
            units.append(Unit(offset, size, _RECORD.unpack_from(data, offset)[2]))
            offset += size
            continue
        if stop_at_zeros and not data[offset:end].strip(b"\0"):
            break
        following = _next_record(data, offset + 1, end)
        torn = _torn(data, offset, following)
        if torn:
            number = _RECORD.unpack_from(data, offset)[2]
            units.append(Unit(offset, torn, -1, f"record {number} has lost its end"))
            offset += torn
        if following > offset:
            units.append(Unit(offset, following - offset, -1, _damage(data, offset, following)))
        offset = following
    return units


def _sound(data: bytes, start: int, end: int) -> tuple[list[Unit], int]:
    """Follow the chain for as long as nothing is wrong with it; give the records and where it stops."""
    units: list[Unit] = []
    offset, head, tail = start, _RECORD.unpack_from, _SIZE.unpack_from
    last = end - RECORD_BYTES_MIN
    while offset <= last:
        magic, size, record_id, _ = head(data, offset)
        following = offset + size
        if magic != _RECORD_MAGIC or size < RECORD_BYTES_MIN or following > end or tail(data, following - 4)[0] != size:
            break
        units.append(Unit(offset, size, record_id))
        offset = following
    return units, offset


def _torn(data: bytes, offset: int, following: int) -> int:
    """Give the size of a record whose header is in order and whose end is not; 0 where there is none."""
    if following - offset < RECORD_BYTES_MIN or data[offset : offset + 4] != _RECORD_MAGIC:
        return 0
    (size,) = _SIZE.unpack_from(data, offset + 4)
    return int(size) if RECORD_BYTES_MIN <= size <= following - offset else 0


def _walk_on(data: bytes, units: list[Unit], end: int) -> tuple[list[Unit], int]:
    """Take records past the end that the chunk header states, while they number on: a header not yet flushed."""
    more: list[Unit] = []
    last = units[-1].record_id
    while size := _is_record(data, end, len(data)):
        record_id = _RECORD.unpack_from(data, end)[2]
        if record_id != last + 1:
            break
        more.append(Unit(end, size, record_id))
        last = record_id
        end += size
    return ([*units, *more] if more else units), end


def _next_record(data: bytes, start: int, end: int) -> int:
    """Find the next record with both copies of its size; the end where there is none."""
    offset = data.find(_RECORD_MAGIC, start, end)
    while offset >= 0:
        if offset + RECORD_BYTES_MIN <= end:
            (size,) = _SIZE.unpack_from(data, offset + 4)
            if RECORD_BYTES_MIN <= size <= end - offset and _SIZE.unpack_from(data, offset + size - 4)[0] == size:
                return offset
        offset = data.find(_RECORD_MAGIC, offset + 1, end)
    return end


def _damage(data: bytes, offset: int, following: int) -> str:
    length = following - offset
    if not data[offset:following].strip(b"\0"):
        return f"{length} zero bytes where records should be"
    if data[offset : offset + 4] == _RECORD_MAGIC and data[offset + 4 : offset + 8] == b"\0\0\0\0":
        return f"record of length zero; the next record is {length} bytes on"
    if length >= RECORD_BYTES_MIN and data[offset : offset + 4] == _RECORD_MAGIC:
        _, size, number, _ = _RECORD.unpack_from(data, offset)
        return f"record {number} should be {size} bytes long, there are {length} to the next one or the end"
    return f"no record header for {length} bytes"


def _bad_chunk(data: bytes) -> list[Unit]:
    """Look for records in a chunk without its magic number."""
    units = _walk(data, RECORDS_START, len(data), stop_at_zeros=True) if len(data) > RECORDS_START else []
    if any(not one.damage for one in units):
        return [Unit(0, RECORDS_START, -1, "chunk header without its magic number"), *units]
    return [Unit(0, len(data), -1, "no chunk header and no record in it")]


def _count_records(data: bytes, start: int, end: int) -> int:
    count = 0
    offset = data.find(_RECORD_MAGIC, start, end)
    while offset >= 0:
        count += 1
        offset = data.find(_RECORD_MAGIC, offset + 4, end)
    return count


def decodable(data: bytes, chunk: Chunk, *, tables: bool = True) -> bytes:
    """Give the chunk in a shape the decoder can walk from end to end.

    An undamaged chunk comes back as it is. Else the header is completed and every damaged stretch is put under the
    header of a stand-in record (`COVER_ID`), so that one bad record does not end the chunk.

    Args:
        data: the chunk's bytes.
        chunk: what `scan` found.
        tables: whether to keep the chunk's tables of names and templates; they are only a shortcut.
    """
    units = chunk.units
    whole = chunk.good and len(data) == CHUNK_BYTES and tables
    if whole and not any(one.damage for one in units) and units[-1].record_id == chunk.last_record_id:
        end = units[-1].offset + units[-1].size
        if end == chunk.live_end:
            return data
    out = bytearray(data.ljust(CHUNK_BYTES, b"\0"))
    end = units[-1].offset + units[-1].size
    first = next((one.record_id for one in units if not one.damage), 0)
    if not chunk.good or not tables:
        out[128:RECORDS_START] = bytes(RECORDS_START - 128)
    _CHUNK.pack_into(out, 0, CHUNK_MAGIC, 1, len(units), first, 2**64 - 1, 128, 0, end, 0)
    for position, unit in enumerate(units):
        if not unit.damage or not unit.offset:
            continue
        if unit.size >= RECORD_BYTES_MIN:
            _RECORD.pack_into(out, unit.offset, _RECORD_MAGIC, unit.size, COVER_ID, 0)
        elif position:
            before = units[position - 1]
            _SIZE.pack_into(out, before.offset + 4, before.size + unit.size)
    return bytes(out)
