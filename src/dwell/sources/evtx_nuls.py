"""Texts of binary event records that have a NUL within: the decoder ends them there, what stands behind it is kept here.

A chunk with such texts is decoded a second time, each NUL covered by a character that occurs nowhere in the chunk; then the
character becomes the NUL again, written as JSON does. What comes of it is taken only where it is, but for what stands
behind the NULs, what the decoder made of the record as it is: covering a damaged record can make another one of it.
Only a record's own values are looked at, and texts in records without a template; a NUL in a definition that many
records share stays where it is. NULs at the end of a text only end it.

Source:
    libevtx "Windows XML Event Log (EVTX)", template instances and their values; [MS-EVEN6] 2.2.12.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Collection, Generator, Iterator

import numpy as np

from dwell.sources.evtx_chunks import CHUNK_BYTES, Chunk

__all__ = ["Covered"]

_RECORD_HEAD = 24
_DEPTH_MAX = 4
_FRAGMENT, _INSTANCE, _ELEMENT, _TEXT, _ATTRIBUTE = 0x0F, 0x0C, 0x01, 0x05, 0x06
_MORE = 0x40
_PLAIN = frozenset({0x02, 0x03, 0x04})
_DEFINITION_HEAD = 24
_NAME_HEAD = 8
_KIND_TEXT, _KIND_XML = 0x01, 0x21
_UInt16 = struct.Struct("<H").unpack_from
_UInt32 = struct.Struct("<I").unpack_from
_DESCRIPTOR = struct.Struct("<HBx")
_STAND_INS = (*range(0xE000, 0xF900), *range(0xA000, 0xD800))
"""Characters of private use first."""


class Covered:
    """A chunk whose NULs within texts are covered.

    Attributes:
        data: the chunk's bytes.
        positions: the records that have such texts; none where every character occurs in the chunk.
    """

    def __init__(self, data: bytes, chunk: Chunk, wanted: Collection[int]) -> None:
        """Look at some records of a chunk, by their position in it."""
        self.data = data
        self.positions: tuple[int, ...] = ()
        self._mark = ""
        units = {position: chunk.units[position] for position in wanted}
        found = {
            position: places
            for position, unit in units.items()
            if not unit.damage and (places := list(_nuls(data, unit.offset, unit.size)))
        }
        code = next((one for one in _STAND_INS if one.to_bytes(2, "little") not in data), 0) if found else 0
        if not code:
            return
        out = bytearray(data)
        for place in (one for places in found.values() for one in places):
            out[place : place + 2] = code.to_bytes(2, "little")
        self.data, self.positions, self._mark = bytes(out), tuple(found), chr(code)

    def whole(self, plain: str | None, covered: str | None) -> str | None:
        """Give the JSON of an event with its NULs and what stands behind them.

        Args:
            plain: as the decoder makes it of the record as it is.
            covered: as it makes it of the record with its NULs covered.
        """
        if plain is None or covered is None or _ended(covered, self._mark) != plain:
            return plain
        return covered.replace(self._mark, "\\u0000")


def _ended(text: str, mark: str) -> str:
    """Give JSON with every text ended at its first mark."""
    return re.sub(re.escape(mark) + r'(?:[^"\\]|\\.)*', "", text)


def _nuls(data: bytes, offset: int, size: int) -> Iterator[int]:
    """Yield the places of NULs within the texts of a record."""
    try:
        for place, length in _texts(data, offset + _RECORD_HEAD, offset + size - 4, 0):
            raw = data[place : place + length]
            # most texts have no NUL but at their end, which is seen without looking at each character
            if length % 2 or b"\0\0" not in raw.rstrip(b"\0"):
                continue
            units = np.frombuffer(raw, "<u2")
            last = int(np.flatnonzero(units)[-1])
            yield from (place + 2 * np.flatnonzero(units[:last] == 0)).tolist()
    except (IndexError, struct.error):  # a record that is not what it should be is the decoder's to judge
        return


def _texts(data: bytes, at: int, end: int, depth: int) -> Iterator[tuple[int, int]]:
    """Yield place and length of each text value in a stretch of binary XML."""
    while at < end and depth <= _DEPTH_MAX:
        token, more = data[at] & ~_MORE, bool(data[at] & _MORE)
        if token == _FRAGMENT:
            at += 4
        elif token == _INSTANCE:
            at = yield from _values(data, at, end, depth)
        elif token in _PLAIN:
            at += 1
        elif token in (_ELEMENT, _ATTRIBUTE):
            at = _behind_name(data, at + (5 if token == _ELEMENT else 1))
            at += 4 if token == _ELEMENT and more else 0
        elif token == _TEXT and data[at + 1] == _KIND_TEXT:
            length = 2 * _UInt16(data, at + 2)[0]
            yield at + 4, min(length, end - at - 4)
            at += 4 + length
        else:
            return


def _behind_name(data: bytes, at: int) -> int:
    """Give where it goes on behind a reference to a name, and behind the name where it stands there."""
    name, behind = int(_UInt32(data, at)[0]), at + 4
    if name != behind:
        return behind
    return behind + _NAME_HEAD + 2 * int(_UInt16(data, behind + _NAME_HEAD - 2)[0]) + 2


def _values(data: bytes, at: int, end: int, depth: int) -> Generator[tuple[int, int], None, int]:
    """Yield the text values of a template instance, those of XML among them; return where it goes on."""
    definition = _UInt32(data, at + 6)[0]
    at += 10
    if definition == at:
        at += _DEFINITION_HEAD + int(_UInt32(data, at + _DEFINITION_HEAD - 4)[0])
    count = int(_UInt32(data, at)[0])
    at += 4
    value = at + 4 * count
    if value > min(end, CHUNK_BYTES):
        return end
    for size, kind in _DESCRIPTOR.iter_unpack(data[at:value]):
        if value + size > end:
            return end
        if kind == _KIND_TEXT and size > 2:
            yield value, size
        elif kind == _KIND_XML:
            yield from _texts(data, value, value + size, depth + 1)
        value += size
    return value
