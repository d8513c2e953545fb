"""Values of binary event records as texts, many at once.

Each value is a stretch of bytes and a type. Those of one type are written together, the way the `evtx` library writes
them: integers in decimal, sizes and hexadecimal integers as `0x…`, GUIDs in capitals, security identifiers as `S-1-…`,
instants to the microsecond, bytes as hexadecimal digits, texts without the NUL that ends them.

Source:
    libevtx "Windows XML Event Log (EVTX)", value types; [MS-EVEN6] 2.2.13.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.sources.evtx_definitions import Bytes

__all__ = [
    "ANSI_TEXT",
    "BINARY",
    "BINARY_XML",
    "FILETIME",
    "FITTING",
    "INTEGERS",
    "NULL",
    "TEXT",
    "TEXTS",
    "filetimes",
    "fitting",
    "integers",
    "spread",
    "without_end",
    "written",
]

NULL: Final = 0x00
TEXT: Final = 0x01
ANSI_TEXT: Final = 0x02
BINARY: Final = 0x0E
FILETIME: Final = 0x11
BINARY_XML: Final = 0x21
TEXTS: Final = 0x81
"""Texts one after the other, each ended by a NUL."""

_GUID: Final = 0x0F
_SYSTEMTIME: Final = 0x12
_SID: Final = 0x13
INTEGERS: Final[dict[int, np.dtype[np.integer]]] = {
    0x03: np.dtype("<i1"), 0x04: np.dtype("<u1"), 0x05: np.dtype("<i2"), 0x06: np.dtype("<u2"),
    0x07: np.dtype("<i4"), 0x08: np.dtype("<u4"), 0x09: np.dtype("<i8"), 0x0A: np.dtype("<u8"),
}  # fmt: skip
"""The types that are written in decimal."""
_WIDTHS = {kind: held.itemsize for kind, held in INTEGERS.items()} | {
    0x0D: 4, _GUID: 16, FILETIME: 8, _SYSTEMTIME: 16, 0x14: 4, 0x15: 8,
}  # fmt: skip
FITTING: Final = frozenset({NULL, TEXT, ANSI_TEXT, BINARY, BINARY_XML, TEXTS, _SID, 0x10, *_WIDTHS})
"""The types that are read here; a record with another one is left to the decoder."""
_SID_HEAD = 8
_SID_PARTS_MAX = 15
_FILETIME_EPOCH = datetime(1601, 1, 1)  # noqa: DTZ001 - its zone is written by hand
_FILETIME_UNIX_US = 11_644_473_600_000_000
_FILETIME_MAX = 2_650_467_743_999_999_999
"""The end of the year 9999."""

_Places = npt.NDArray[np.int64]
_Flags = npt.NDArray[np.bool_]


def spread(starts: _Places, counts: _Places, step: int = 1) -> _Places:
    """Give the members of runs, one run after the other.

    Args:
        starts: where each run starts.
        counts: how many members it has.
        step: how far they are apart.
    """
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    out = np.arange(0, total * step, step, dtype=np.int64)
    out += np.repeat(starts - (ends - counts) * step, counts)
    return out


def _stretches(held: Bytes, places: _Places, sizes: _Places) -> pa.BinaryArray:
    """Give many stretches of bytes.

    Arrow copies them by *views*, 16 bytes each: the length, and up to twelve bytes themselves, or four and where they are.
    """
    views = np.empty((len(places), 2), np.uint64)
    head = held.four[places].astype(np.uint64)
    short = np.flatnonzero(sizes <= _VIEWED)
    head[short] &= _FIRST_BYTES[np.minimum(sizes[short], 4)]
    views[:, 0] = sizes.view(np.uint64) | head << np.uint64(32)
    views[:, 1] = places.view(np.uint64) << np.uint64(32)
    views[short, 1] = held.eight[places[short] + 4] & _FIRST_BYTES[np.maximum(sizes[short] - 4, 0)]
    buffers = [None, pa.py_buffer(views), pa.py_buffer(held.data)]
    return pa.Array.from_buffers(pa.binary_view(), len(places), buffers).cast(pa.binary())


_VIEWED = 12
_FIRST_BYTES = np.array([(1 << 8 * count) - 1 for count in range(9)], np.uint64)
"""Masks that keep the first bytes of an integer."""


def fitting(held: Bytes, kinds: npt.NDArray[np.uint8], places: _Places, sizes: _Places) -> _Flags:
    """Say which values have a type that is read here, and a length that it can have."""
    widths = np.full(256, -2, np.int64)
    for kind in FITTING:
        widths[kind] = _WIDTHS.get(kind, -1)
    wanted = widths[kinds]
    ok: _Flags = (wanted == -1) | (wanted == sizes)
    ok &= ((kinds != TEXT) & (kinds != TEXTS)) | (sizes % 2 == 0)
    ok &= (kinds != 0x10) | (sizes == 4) | (sizes == 8)
    at = np.flatnonzero(kinds == _SID)
    parts = held.one[places[at] + 1]
    ok[at] &= (sizes[at] == _SID_HEAD + 4 * parts.astype(np.int64)) & (parts <= _SID_PARTS_MAX)
    at = np.flatnonzero((kinds == _SYSTEMTIME) & ok)
    for value in at.tolist():
        ok[value] = _is_time(held.data[places[value] : places[value] + 16])
    at = np.flatnonzero((kinds == ANSI_TEXT) & ok)
    for value in at.tolist():
        raw = held.data[places[value] : places[value] + sizes[value]].rstrip(b"\0")
        ok[value] = raw.isascii() and b"\0" not in raw
    at = np.flatnonzero((kinds == FILETIME) & ok)
    ok[at] &= held.eight[places[at]] <= _FILETIME_MAX
    return ok


def integers(held: Bytes, kinds: npt.NDArray[np.uint8], places: _Places) -> tuple[_Places, _Flags]:
    """Read integers of whatever width; say which are none or do not fit 64 bits with a sign."""
    out = np.zeros(len(kinds), np.int64)
    bad = np.ones(len(kinds), bool)
    for kind in np.unique(kinds).tolist():
        if kind in INTEGERS:
            at = np.flatnonzero(kinds == kind)
            out[at] = _read(held, kind, places[at]).astype(np.int64)
            bad[at] = out[at] < 0 if kind == 0x0A else False
    return out, bad


def _read(held: Bytes, kind: int, places: _Places) -> npt.NDArray[np.integer]:
    dtype = INTEGERS[kind]
    view = {1: held.one, 2: held.two, 4: held.four, 8: held.eight}[dtype.itemsize]
    return np.ascontiguousarray(view[places]).view(dtype)


def filetimes(held: Bytes, places: _Places) -> _Places:
    """Read instants as microseconds since 1970, UTC; what is finer is cut off."""
    return (held.eight[places] // np.uint64(10)).astype(np.int64) - _FILETIME_UNIX_US


def without_end(held: Bytes, places: _Places, sizes: _Places) -> _Places:
    """Give the lengths of texts, in characters of 16 bits, without the NUL that ends most of them."""
    counts = sizes // 2
    filled = np.flatnonzero(counts)
    ends = np.zeros(len(counts), np.int64)
    ends[filled] = held.two[places[filled] + 2 * counts[filled] - 2] == 0
    return counts - ends


def written(held: Bytes, kinds: npt.NDArray[np.uint8], places: _Places, sizes: _Places) -> tuple[pa.Array, _Places]:
    """Write values as texts.

    Args:
        held: the bytes.
        kinds: the type of each value; `fitting` has found it in order.
        places: where it starts.
        sizes: its length in bytes.

    Returns:
        The texts, null for nothing, and the positions of those that cannot be written here, in no order.
    """
    pieces: list[pa.Array] = []
    order: list[_Places] = []
    bad = np.zeros(0, np.int64)
    for kind in np.unique(kinds).tolist():
        at = np.flatnonzero(kinds == kind)
        if kind == TEXT:
            found, faults = _texts(held, places[at], sizes[at])
            bad = at[faults]
        else:
            found = _of_kind(held, kind, places[at], sizes[at])
        pieces.append(found)
        order.append(at)
    if len(pieces) == 1:
        return pieces[0], bad
    if not pieces:
        return pa.array([], pa.string()), bad
    back = np.empty(len(kinds), np.int64)
    back[np.concatenate(order)] = np.arange(len(kinds))
    return pa.concat_arrays(pieces).take(pa.array(back)), bad


def _of_kind(held: Bytes, kind: int, places: _Places, sizes: _Places) -> pa.Array:
    if kind in (NULL, BINARY_XML):
        return pa.nulls(len(places), pa.string())
    if kind in INTEGERS:
        return pa.array(_read(held, kind, places)).cast(pa.string())
    if kind == _GUID:
        return _guids(held, places)
    return _by_value(held, places, sizes, _WRITERS[kind])


def _texts(held: Bytes, places: _Places, sizes: _Places) -> tuple[pa.Array, _Places]:
    """Turn UTF-16 into UTF-8; give the positions of those with half a character, or with a NUL before their end."""
    counts = without_end(held, places, sizes)
    copied = _stretches(held, places, 2 * counts).buffers()[2]
    units = np.frombuffer(copied or b"", np.uint16, int(counts.sum()))
    zeros = np.flatnonzero(units == 0)
    torn = np.searchsorted(np.cumsum(counts), zeros, "right")
    if len(zeros):
        counts -= np.bincount(torn, minlength=len(counts))
        units = units[units != 0]
    offsets = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    if not len(units) or int(units.max()) < 0x80:
        return _strings(offsets, units.astype(np.uint8)), np.unique(torn)
    texts, lone = _wide_texts(offsets, units)
    return texts, np.union1d(torn, lone)


def _wide_texts(offsets: _Places, units: npt.NDArray[np.uint16]) -> tuple[pa.Array, _Places]:
    high = (units & 0xFC00) == 0xD800
    low = (units & 0xFC00) == 0xDC00
    paired = np.zeros(len(units), bool)
    paired[:-1] = high[:-1] & low[1:]
    starts = offsets[1:-1]
    paired[starts[(starts > 0) & (starts < len(units))] - 1] = False
    second = np.zeros(len(units), bool)
    second[1:] = paired[:-1]
    lone = (high & ~paired) | (low & ~second)
    faults = np.zeros(0, np.int64)
    if lone.any():
        faults = np.unique(np.searchsorted(offsets[1:], np.flatnonzero(lone), "right"))
        units = np.where(lone, np.uint16(0xFFFD), units)
    lengths = 1 + (units >= 0x80).astype(np.int64) + (units >= 0x800)
    lengths[paired] = 4
    lengths[second] = 0
    ends = np.zeros(len(units) + 1, np.int64)
    np.cumsum(lengths, out=ends[1:])
    text = units.astype("<u2").tobytes().decode("utf-16-le").encode()
    return _strings(ends[offsets], np.frombuffer(text, np.uint8)), faults


def _strings(offsets: _Places, text: npt.NDArray[np.uint8]) -> pa.Array:
    buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(text)]
    return pa.Array.from_buffers(pa.string(), len(offsets) - 1, buffers)


_HEX = np.frombuffer(b"".join(b"%02X" % value for value in range(256)), "<u2")
_GUID_ORDER = np.array([3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15])
_GUID_FORM = np.frombuffer(b"00000000-0000-0000-0000-000000000000", np.uint8)
_GUID_DIGITS = np.flatnonzero(np.isin(_GUID_FORM, ord("0")))


def _guids(held: Bytes, places: _Places) -> pa.Array:
    raw = np.stack((held.eight[places], held.eight[places + 8]), axis=1).view(np.uint8)
    digits = _HEX[raw.take(_GUID_ORDER, axis=1)].view(np.uint8)
    out = np.repeat(_GUID_FORM[None, :], len(places), axis=0)
    out[:, _GUID_DIGITS] = digits
    return _strings(np.arange(0, 36 * (len(places) + 1), 36), out.ravel())


def _by_value(held: Bytes, places: _Places, sizes: _Places, writer: Callable[[bytes], str]) -> pa.Array:
    """Write each value that occurs once."""
    coded = _stretches(held, places, sizes).dictionary_encode()
    texts = pa.array([writer(one) for one in coded.dictionary.to_pylist()], pa.string())
    return texts.take(coded.indices)


def _hexadecimal(raw: bytes) -> str:
    return hex(int.from_bytes(raw, "little"))


def _boolean(raw: bytes) -> str:
    value = int.from_bytes(raw, "little", signed=True)
    return {0: "false", 1: "true"}.get(value, str(value))


def _sid(raw: bytes) -> str:
    parts = struct.unpack(f"<{raw[1]}I", raw[_SID_HEAD:])
    return "-".join(["S", str(raw[0]), str(int.from_bytes(raw[2:_SID_HEAD], "big")), *map(str, parts)])


def _instant(raw: bytes) -> str:
    at = _FILETIME_EPOCH + timedelta(microseconds=int.from_bytes(raw, "little") // 10)
    return f"{at:%Y-%m-%dT%H:%M:%S.%f}Z"


def _system_time(raw: bytes) -> str:
    year, month, _, day, hour, minute, second, thousandth = struct.unpack("<8H", raw)
    return f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}.{thousandth * 1000:06d}Z"


def _is_time(raw: bytes) -> bool:
    year, month, _, day, hour, minute, second, thousandth = struct.unpack("<8H", raw)
    try:
        datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - only whether there is such a time
    except ValueError:
        return False
    return bool(thousandth < 1000)


def _ansi(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode("ascii")


def _digits(raw: bytes) -> str:
    return raw.hex().upper()


_WRITERS: dict[int, Callable[[bytes], str]] = {
    ANSI_TEXT: _ansi, 0x0D: _boolean, BINARY: _digits, 0x10: _hexadecimal, FILETIME: _instant,
    _SYSTEMTIME: _system_time, _SID: _sid, 0x14: _hexadecimal, 0x15: _hexadecimal,
}  # fmt: skip
