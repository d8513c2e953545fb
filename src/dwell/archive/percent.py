"""Percent-encoding undone, for a whole column of texts at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["decoded", "is_utf8"]

_Numbers = npt.NDArray[np.int64]
_HEX = np.full(256, 255, np.uint8)
_HEX[np.frombuffer(b"0123456789", np.uint8)] = np.arange(10)
_HEX[np.frombuffer(b"abcdef", np.uint8)] = np.arange(10, 16)
_HEX[np.frombuffer(b"ABCDEF", np.uint8)] = np.arange(10, 16)


def decoded(texts: pa.StringArray) -> pa.StringArray:
    """Undo percent-encoding once; `%00` stays as it is written, bytes that are no UTF-8 become U+FFFD."""
    whole = pa.ListArray.from_arrays(pa.array([0, len(texts)], pa.int32()), texts)
    data = np.frombuffer(pc.binary_join(whole, "\n")[0].as_buffer(), np.uint8)
    data = np.concatenate([data, np.zeros(2, np.uint8)])
    lengths = pc.binary_length(texts).to_numpy(zero_copy_only=False).astype(np.int64)
    at = np.flatnonzero(data[:-2] == ord("%"))
    high, low = _HEX[data[at + 1]], _HEX[data[at + 2]]
    right = (high < 16) & (low < 16) & ((high | low) > 0)
    at = at[right]
    out = data[:-2].copy()
    out[at] = high[right] * 16 + low[right]
    keep = np.ones(len(out), np.bool_)
    keep[at + 1] = False
    keep[at + 2] = False
    starts = np.concatenate(([0], np.cumsum(lengths + 1)))
    bounds = starts - 2 * np.searchsorted(at, starts)
    packed = out[keep].tobytes()
    # a decoded line feed is text like any other: texts are cut by their lengths, not at the separator
    firsts, lasts = bounds[:-1], bounds[1:] - 1
    lasts[-1] = len(packed)
    if is_utf8(packed):
        return _cut(packed, firsts, lasts)
    return pa.array([packed[a:b].decode(errors="replace") for a, b in zip(firsts, lasts, strict=True)], pa.string())


def is_utf8(data: bytes) -> bool:
    """Say whether bytes are UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _cut(packed: bytes, firsts: _Numbers, lasts: _Numbers) -> pa.StringArray:
    """Cut texts out of one buffer, each followed by a byte that belongs to none."""
    offsets = np.append(firsts, lasts[-1] + 1).astype(np.int32)
    with_separator = pa.StringArray.from_buffers(
        len(firsts), pa.py_buffer(offsets.tobytes()), pa.py_buffer(packed + b"\n")
    )
    return pc.binary_slice(with_separator.cast(pa.binary()), 0, -1).cast(pa.string())
