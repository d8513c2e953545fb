"""Request ids and the instants they were logged at: what shows whether two logs were written by clocks that agree.

Of each data file the lowest `SAMPLE` ids are taken. Ids are random, so what two logs share is shared by their samples
too, and no more than that has to be held.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.scope.rollup.shapes import REQUESTS

__all__ = ["SAMPLE", "sampled"]

SAMPLE = 4_096
_LENGTH = 36
_BLANKS = 0x2020_2020_2020_2020
"""The bit that tells a small letter from a capital one, in each of eight bytes."""
_GUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"

Codes = npt.NDArray[np.int64]


def sampled(table: pa.Table, column: str) -> pa.Table:
    """Give the rows of a data file with the lowest request ids.

    Args:
        table: the file, with `host`, `time_utc`, `evidence_id`, `record_no`.
        column: the column of the request id.
    """
    ids = _whole(table[column])
    if ids.null_count == len(ids):
        return REQUESTS.empty_table()
    long = np.diff(_offsets(ids)) == _LENGTH
    for one in (ids, table["time_utc"]):
        if one.null_count:
            long &= one.is_valid().to_numpy(zero_copy_only=False)
    rows, picked = _lowest(ids, np.flatnonzero(long))
    taken = table.select(["host", "time_utc", "evidence_id", "record_no"]).take(pa.array(rows))
    columns = [picked, *(taken[name].cast(REQUESTS.field(name).type) for name in taken.column_names)]
    return pa.table(columns, schema=REQUESTS)


def _lowest(ids: pa.StringArray, rows: Codes) -> tuple[Codes, pa.StringArray]:
    """Give the rows with the lowest ids, and these; only those that may be among them are looked at as texts."""
    heads = _heads(ids, rows)
    wanted = SAMPLE
    while True:
        near = rows if len(rows) <= wanted else rows[heads <= np.partition(heads, wanted)[wanted]]
        picked = pc.utf8_lower(ids.take(pa.array(near)))
        shaped = pc.match_substring_regex(picked, _GUID).to_numpy(zero_copy_only=False)
        if len(near) == len(rows) or int(shaped.sum()) > SAMPLE:
            break
        wanted *= 4
    rows, picked = near[shaped], picked.filter(pa.array(shaped))
    if len(rows) > SAMPLE:
        order = _heads(picked, np.arange(len(picked)))
        low = order < np.partition(order, SAMPLE)[SAMPLE]
        rows, picked = rows[low], picked.filter(pa.array(low))
    return rows, picked


def _whole(column: pa.ChunkedArray) -> pa.StringArray:
    plain = column.cast(pa.string())
    return plain.chunk(0) if plain.num_chunks == 1 else plain.combine_chunks()


def _offsets(ids: pa.StringArray) -> npt.NDArray[np.int32]:
    return np.frombuffer(ids.buffers()[1], np.int32)[ids.offset : ids.offset + len(ids) + 1]


def _heads(ids: pa.StringArray, rows: Codes) -> npt.NDArray[np.uint64]:
    """Give the first 8 bytes of texts that have so many, as numbers, letters in lower case."""
    if not len(rows):
        return np.zeros(0, np.uint64)
    data = ids.buffers()[2]
    # a number begins at every byte: those at which a text begins are taken
    anywhere: npt.NDArray[np.uint64] = np.ndarray((data.size - 7,), ">u8", data, strides=(1,))
    return anywhere[_offsets(ids)[:-1][rows]].astype(np.uint64) | np.uint64(_BLANKS)
