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
_GUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"

Codes = npt.NDArray[np.int64]


def sampled(table: pa.Table, column: str) -> pa.Table:
    """Give the rows of a data file with the lowest request ids.

    Args:
        table: the file, with `host`, `time_utc`, `evidence_id`, `record_no`.
        column: the column of the request id.
    """
    ids = table[column].cast(pa.string()).combine_chunks()
    long = pc.and_(pc.equal(pc.binary_length(ids), _LENGTH), table["time_utc"].is_valid()).fill_null(fill_value=False)
    rows = np.flatnonzero(long.to_numpy())
    rows, picked = _lowest(ids, rows)
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


def _heads(ids: pa.StringArray, rows: Codes) -> npt.NDArray[np.uint64]:
    """Give the first 8 bytes of texts that have so many, as numbers, letters in lower case."""
    if not len(rows):
        return np.zeros(0, np.uint64)
    starts = np.frombuffer(ids.buffers()[1], np.int32)[ids.offset : ids.offset + len(ids)][rows]
    data = np.frombuffer(ids.buffers()[2], np.uint8)
    text = np.lib.stride_tricks.sliding_window_view(data, 8)[starts] | 0x20
    return np.ascontiguousarray(text).view(">u8").ravel().astype(np.uint64)
