"""The request id that Exchange appends to the query of an IIS line, split off into a column of its own.

An id is nearly unique and would keep the query out of every list of distinct values. Where a query holds more than one,
the last is taken: Exchange appends, so that what stands before it is the client's own. All bytes are looked at at once.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numpy.lib.stride_tricks import sliding_window_view

__all__ = ["SPLIT_MARK", "raw_query", "split_request_id"]

SPLIT_MARK = "{cafeReqId}"
_MARK = np.frombuffer(SPLIT_MARK.encode(), dtype=np.uint8)
_KEYS = (b"cafeReqId", b"reqId", b"request_id", b"RequestId")
_ID_BYTES = 36
_DASHES = (8, 13, 18, 23)
_KEY_BYTES = 4
"""No key is shorter."""
_TAILS = sorted({int.from_bytes(key[-_KEY_BYTES:], "little") for key in _KEYS})
_SHAPES = np.zeros(256, dtype=np.uint8)
_SHAPES[np.frombuffer(b"0123456789abcdefABCDEF", dtype=np.uint8)] = 1
_SHAPES[ord("-")] = 2
_SHAPE = np.where(np.isin(np.arange(_ID_BYTES), _DASHES), 2, 1).astype(np.uint8).view(np.uint32)
"""What an id looks like: digits and dashes, four places at a time."""
_NO_WORDS = np.zeros(0, np.uint32)


def raw_query(query: str | None, request_id: str | None) -> str | None:
    """Put the query together as the log had it."""
    if query is None or request_id is None:
        return query
    before, _, behind = query.rpartition(SPLIT_MARK)
    return before + request_id + behind


def split_request_id(values: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Split the id off each query; give the queries with a mark in its place, and the ids, null where there is none."""
    count = len(values)
    none = pa.nulls(count, pa.string())
    if not count or values.buffers()[2] is None:
        return values, none
    offsets = np.frombuffer(values.buffers()[1], dtype=np.int32)[values.offset : values.offset + count + 1]
    view = np.frombuffer(values.buffers()[2], dtype=np.uint8)[: offsets[-1]]
    places, rows = _last_ids(view, offsets)
    if not len(rows):
        return values, none
    ids = sliding_window_view(view, _ID_BYTES)[places]
    held = np.zeros(count, dtype=np.bool_)
    held[rows] = True
    id_ends = np.concatenate(([0], np.cumsum(held * _ID_BYTES))).astype(np.int32)
    mask = pa.array(held).buffers()[1]
    id_column = pa.StringArray.from_buffers(count, pa.py_buffer(id_ends), pa.py_buffer(ids.tobytes()), mask)
    copy, keep = view.copy(), np.ones(len(view), dtype=np.bool_)
    sliding_window_view(copy, len(_MARK), writeable=True)[places] = _MARK
    sliding_window_view(keep, _ID_BYTES - len(_MARK), writeable=True)[places + len(_MARK)] = False
    keep[: offsets[0]] = False
    shrunk = np.concatenate(([0], np.cumsum(held * (_ID_BYTES - len(_MARK)))))
    ends = (offsets - offsets[0] - shrunk).astype(np.int32)
    valid = pa.array(values.is_valid().to_numpy(zero_copy_only=False)).buffers()[1] if values.null_count else None
    queries = pa.StringArray.from_buffers(count, pa.py_buffer(ends), pa.py_buffer(copy[keep].tobytes()), valid)
    return queries, id_column


def _last_ids(
    view: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Find the last id of each query: where it starts, and which query that is."""
    starts = np.flatnonzero(view == ord("=")) + 1
    starts = starts[(starts > _KEY_BYTES) & (starts + _ID_BYTES <= len(view))]
    # what stands before the sign says most: the rest is looked at of few
    words = np.ndarray((len(view) - _KEY_BYTES + 1,), "<u4", view, strides=(1,)) if len(starts) else _NO_WORDS
    tails = words[starts - 1 - _KEY_BYTES]
    starts = starts[np.logical_or.reduce([tails == tail for tail in _TAILS])]
    if len(starts):
        shapes = _SHAPES[sliding_window_view(view, _ID_BYTES)[starts]].view(np.uint32)
        starts = starts[(shapes == _SHAPE).all(axis=1)]
    rows = np.searchsorted(offsets, starts, side="right") - 1
    whole = (rows >= 0) & (starts + _ID_BYTES <= offsets[np.minimum(rows + 1, len(offsets) - 1)])
    named = np.zeros(len(starts), dtype=np.bool_)
    left = np.flatnonzero(whole)
    for key in _KEYS if len(left) else ():
        at = starts[left] - 1 - len(key)
        met = at >= offsets[rows[left]]
        for part in {*range(0, len(key) - _KEY_BYTES, _KEY_BYTES), len(key) - _KEY_BYTES}:
            word = int.from_bytes(key[part : part + _KEY_BYTES], "little")
            met &= words[np.maximum(at + part, 0)] == word
        named[left[met]] = True
        left = left[~met]
    starts, rows = starts[named], rows[named]
    last = np.append(rows[1:] != rows[:-1], True)[: len(rows)]
    starts, rows = starts[last], rows[last]
    return _unambiguous(view, offsets, starts, rows)


def _unambiguous(
    view: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int32],
    starts: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Leave out queries in which the mark itself stands behind the id: they could not be put together again."""
    opens = np.flatnonzero(view == _MARK[0])
    opens = opens[opens + len(_MARK) <= len(view)]
    opens = opens[(view[opens[:, None] + np.arange(len(_MARK))] == _MARK).all(axis=1)] if len(opens) else opens
    if not len(opens):
        return starts, rows
    later = np.searchsorted(opens, offsets[rows + 1]) > np.searchsorted(opens, starts)
    return starts[~later], rows[~later]
