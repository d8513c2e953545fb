"""Which runs of three bytes the texts of a column hold, as a small bitmap: what it lacks is told without reading a text.

Texts count in lower case, a plus as a space, and with percent-encoding undone as well as they are written. A run that is
not marked is in none of them; one that is marked may be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.percent import decoded

__all__ = ["Runs", "grams", "may_hold", "runs_of"]

_BITS = 16
_LEAST_BITS = 64
_SPARE = 8
"""So many bits for each run that is there, up to 65,536 in all."""
_STRETCH_BYTES = 4 * 1024 * 1024
_FACTOR = np.uint32(2_654_435_761)

_Bytes = npt.NDArray[np.uint8]


def _hashes(data: _Bytes) -> npt.NDArray[np.uint16]:
    """Give a number of 16 bits for every run of three bytes."""
    whole = np.where(data == ord("+"), np.uint8(ord(" ")), data).astype(np.uint32)
    runs = whole[:-2] | (whole[1:-1] << np.uint32(8)) | (whole[2:] << np.uint32(16))
    numbers: npt.NDArray[np.uint16] = ((runs * _FACTOR) >> np.uint32(32 - _BITS)).astype(np.uint16)
    return numbers


def _mark(held: npt.NDArray[np.bool_], texts: pa.StringArray) -> None:
    """Mark the runs of some texts, and those over the border of two, which does no harm."""
    lower = pc.utf8_lower(texts)
    offsets, data = lower.buffers()[1:]
    if data is None or not len(lower):
        return
    bounds = np.frombuffer(offsets, np.int32)[lower.offset : lower.offset + len(lower) + 1]
    whole = np.frombuffer(data, np.uint8)[bounds[0] : bounds[-1]]
    for start in range(0, max(len(whole) - 2, 0), _STRETCH_BYTES):
        held[_hashes(whole[start : start + _STRETCH_BYTES + 2])] = True


def grams(values: pa.StringArray) -> bytes:
    """Give the bitmap of some texts; nothing where they hold no run of three bytes."""
    texts = values.drop_null()
    if not len(texts):
        return b""
    held = np.zeros(1 << _BITS, np.bool_)
    _mark(held, texts)
    encoded = texts.filter(pc.match_substring(texts, "%"))
    if len(encoded):
        _mark(held, decoded(encoded))
    marked = np.flatnonzero(held)
    if not len(marked):
        return b""
    size = _LEAST_BITS
    while size < min(len(marked) * _SPARE, 1 << _BITS):
        size *= 2
    folded = np.zeros(size, np.bool_)
    folded[marked & (size - 1)] = True
    return np.packbits(folded, bitorder="little").tobytes()


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of three bytes of some texts, to be looked for in many bitmaps.

    Attributes:
        numbers: the runs of all texts, one text after another.
        texts: of each run its text.
        size: number of texts.
    """

    numbers: npt.NDArray[np.uint16]
    texts: npt.NDArray[np.int64]
    size: int

    def held(self, bitmap: bytes) -> npt.NDArray[np.bool_]:
        """Say for each text whether one of a bitmap's texts may hold it; one without a run may be in any."""
        out = np.ones(self.size, np.bool_)
        if not bitmap:
            out[self.texts] = False
            return out
        marks = np.unpackbits(np.frombuffer(bitmap, np.uint8), bitorder="little")
        lacking = marks[self.numbers & np.uint16(len(marks) - 1)] == 0
        out[self.texts[lacking]] = False
        return out


def runs_of(texts: Sequence[str]) -> Runs:
    """Give the runs of texts that are looked for, whatever the case of their letters."""
    lower = pc.utf8_lower(pa.array(texts, pa.string()))
    lengths = pc.binary_length(lower).to_numpy(zero_copy_only=False).astype(np.int64)
    data = np.frombuffer(b"".join(lower.cast(pa.binary()).to_pylist()), np.uint8)
    if len(data) < 3:
        return Runs(np.zeros(0, np.uint16), np.zeros(0, np.int64), len(texts))
    whose = np.repeat(np.arange(len(texts)), lengths)
    inside = whose[:-2] == whose[2:]
    return Runs(_hashes(data)[inside], whose[:-2][inside], len(texts))


def may_hold(bitmap: bytes, text: str) -> bool:
    """Say whether one of the texts may hold another in it, whatever the case of its letters."""
    return bool(runs_of([text]).held(bitmap)[0])
