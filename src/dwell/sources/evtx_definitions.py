"""The template definitions of a binary event log, told apart by their bytes.

A record refers to a definition that lies in its chunk. The same definition is not the same bytes in every chunk: a name
stands in it the first time it is used in a chunk, and is referred to by its place afterwards. A *layout* is a definition
with all that may differ from chunk to chunk set aside: where the names lie. Two definitions have one layout only if every
other byte agrees, and if every name that is referred to is the same name.

Source:
    libevtx "Windows XML Event Log (EVTX)", binary XML; [MS-EVEN6] 2.2.12.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dwell.sources.evtx_chunks import CHUNK_BYTES

__all__ = ["DEFINITION_HEAD", "Bytes", "Layouts"]

DEFINITION_HEAD = 24
"""A definition starts with the place of another one, its GUID and the length of what follows."""
_NAME_HEAD = 8
"""A name starts with the place of another one, its hash and its length in characters."""
_VARIANTS_MAX = 64
"""So many layouts of one GUID and length are told apart; a record with another is left to the decoder."""
_LAYOUTS_MAX = 50_000
_TOKENS_MAX = 20_000
UNKNOWN = -1

_UInt16 = struct.Struct("<H").unpack_from
_UInt32 = struct.Struct("<I").unpack_from
_FRAGMENT = b"\x0f\x01\x01\x00"
_END, _ELEMENT, _TEXT, _ATTRIBUTE = 0x00, 0x01, 0x05, 0x06
_PLAIN = {0x02: 0, 0x03: -1, 0x04: -1}
"""Tokens that are one byte: the end of a start tag, the ends of elements; and what they do to the depth."""
_SUBSTITUTIONS = (0x0D, 0x0E)
_ELEMENT_HEAD = 6
_MORE = 0x40

_Places = npt.NDArray[np.int64]
_Flags = npt.NDArray[np.bool_]


class Bytes:
    """Bytes that can be read as integers of several widths at any place, many places at once.

    Attributes:
        data: the bytes, followed by zeros so that a read at any of them stays inside.
        one: the bytes as integers.
        two: the little-endian 16-bit integer at each byte.
        four: the 32-bit one.
        eight: the 64-bit one.
    """

    def __init__(self, data: bytes) -> None:
        self.length = len(data)
        self.data = data + bytes(16)
        count = self.length + 8
        self.one = np.frombuffer(self.data, np.uint8)
        self.two = np.ndarray((count,), "<u2", self.data, strides=(1,))
        self.four = np.ndarray((count,), "<u4", self.data, strides=(1,))
        self.eight = np.ndarray((count,), "<u8", self.data, strides=(1,))


@dataclass(frozen=True, slots=True)
class _Layout:
    """What has to agree for a definition to be of this layout; places count from its start.

    Attributes:
        fixed: places of the bytes that have to be equal.
        wanted: what they are.
        inline: places of the references to names that stand right behind them.
        referring: places of the references to names elsewhere in the chunk.
        name_places: for each byte of those names, one after the other, its place in its name, from the hash on.
        name_lengths: their lengths in bytes, from the hash on.
        name_bytes: the bytes.
    """

    number: int
    fixed: _Places
    wanted: npt.NDArray[np.uint8]
    inline: _Places
    referring: _Places
    name_places: _Places
    name_lengths: _Places
    name_bytes: npt.NDArray[np.uint8]

    def fits(self, held: Bytes, places: _Places, bases: _Places) -> _Flags:
        """Say which definitions are of this layout."""
        ok: _Flags = (held.one[places[:, None] + self.fixed] == self.wanted).all(axis=1)
        if len(self.inline):
            stated = held.four[places[:, None] + self.inline].astype(np.int64)
            ok &= (stated == (places - bases)[:, None] + self.inline + 4).all(axis=1)
        if len(self.referring):
            names = held.four[places[:, None] + self.referring].astype(np.int64)
            inside = (names + 4 + self.name_lengths <= CHUNK_BYTES).all(axis=1)
            ok &= inside
            starts = np.where(inside[:, None], names + 4 + bases[:, None], 0)
            found = held.one[np.repeat(starts, self.name_lengths, axis=1) + self.name_places]
            ok &= (found == self.name_bytes).all(axis=1)
        return ok


class Layouts:
    """The layouts met so far; they have numbers."""

    def __init__(self) -> None:
        self._known: dict[bytes, list[_Layout]] = {}
        self._count = 0

    @property
    def full(self) -> bool:
        """Say whether so many are held that it is time to begin anew."""
        return self._count >= _LAYOUTS_MAX

    def numbers(self, held: Bytes, places: _Places, bases: _Places) -> npt.NDArray[np.int32]:
        """Give the layout of each definition; `UNKNOWN` where it is none that can be told.

        Args:
            held: the chunks.
            places: where the definitions start.
            bases: where their chunks start.
        """
        out = np.full(len(places), UNKNOWN, np.int32)
        sizes = held.four[places + 20].astype(np.int64)
        inside = places - bases + DEFINITION_HEAD + sizes <= CHUNK_BYTES
        heads = held.one[places[:, None] + np.arange(4, DEFINITION_HEAD)]
        keys, which = np.unique(heads.view("V20").ravel(), return_inverse=True)
        for position, key in enumerate(keys):
            at = np.flatnonzero((which.ravel() == position) & inside)
            if len(at):
                out[at] = self._of_one_head(held, key.tobytes(), places[at], bases[at])
        return out

    def _of_one_head(self, held: Bytes, key: bytes, places: _Places, bases: _Places) -> npt.NDArray[np.int32]:
        out = np.full(len(places), UNKNOWN, np.int32)
        known = self._known.setdefault(key, [])
        left = np.arange(len(places))
        for layout in known:
            fits = layout.fits(held, places[left], bases[left])
            out[left[fits]] = layout.number
            left = left[~fits]
            if not len(left):
                return out
        while len(left) and len(known) < _VARIANTS_MAX:
            first, left = int(left[0]), left[1:]
            found = _learn(held.data, int(places[first]), int(bases[first]), self._count)
            if found is None:
                continue
            self._count += 1
            known.append(found)
            out[first] = found.number
            fits = found.fits(held, places[left], bases[left])
            out[left[fits]] = found.number
            left = left[~fits]
        return out


def _learn(data: bytes, place: int, base: int, number: int) -> _Layout | None:
    """Read a definition token by token for where its names lie; None where it has a token that is not known here."""
    size = _UInt32(data, place + 20)[0]
    end = place + DEFINITION_HEAD + size
    found = _names(data, place + DEFINITION_HEAD, end, base)
    if found is None:
        return None
    inline, referring = found
    free = np.zeros(DEFINITION_HEAD + size, bool)
    free[:4] = True
    for at in (*inline, *referring):
        free[at - place : at - place + 4] = True
    for at in inline:  # and the place of another name, at the start of the name
        free[at - place + 4 : at - place + 8] = True
    fixed = np.flatnonzero(~free)
    pieces = [_name_bytes(data, base + _UInt32(data, at)[0]) for at in referring]
    lengths = np.array([len(one) for one in pieces], np.int64)
    return _Layout(
        number,
        fixed,
        np.frombuffer(data, np.uint8, DEFINITION_HEAD + size, place)[fixed],
        np.array(inline, np.int64) - place,
        np.array(referring, np.int64) - place,
        np.concatenate([np.arange(one) for one in lengths.tolist()]) if pieces else np.zeros(0, np.int64),
        lengths,
        np.frombuffer(b"".join(pieces), np.uint8),
    )


def _name_bytes(data: bytes, place: int) -> bytes:
    """Give a name from its hash on."""
    return data[place + 4 : place + _NAME_HEAD + 2 * _UInt16(data, place + 6)[0]]


def _names(data: bytes, start: int, end: int, base: int) -> tuple[list[int], list[int]] | None:
    """Give the places of references to names that stand behind them, and of those to names elsewhere."""
    inline: list[int] = []
    referring: list[int] = []
    if data[start : start + 4] != _FRAGMENT:
        return None
    at, depth = start + 4, 0
    for _ in range(_TOKENS_MAX):
        if at >= end:
            return None
        token, more = data[at] & ~_MORE, bool(data[at] & _MORE)
        at += 1
        if token == _END:
            return (inline, referring) if depth == 0 and at == end else None
        if token in _PLAIN:
            depth += _PLAIN[token]
        elif token in (_ELEMENT, _ATTRIBUTE):
            at += _ELEMENT_HEAD if token == _ELEMENT else 0
            name = base + _UInt32(data, at)[0]
            if name + _NAME_HEAD > base + CHUNK_BYTES:
                return None
            (inline if name == at + 4 else referring).append(at)
            at += 4 + (_NAME_HEAD + 2 * _UInt16(data, name + 6)[0] + 2 if name == at + 4 else 0)
            at += 4 if token == _ELEMENT and more else 0
            depth += token == _ELEMENT
        elif token == _TEXT and data[at] == 0x01:
            at += 3 + 2 * _UInt16(data, at + 1)[0]
        elif token in _SUBSTITUTIONS:
            at += 3
        else:
            return None
    return None
