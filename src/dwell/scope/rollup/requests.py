"""Request ids and the instants they were logged at: what shows whether two logs were written by clocks that agree.

Of each data file the lowest `SAMPLE` ids are taken. Ids are random, so what two logs share is shared by their samples
too, and no more than that has to be held.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.scope.rollup.shapes import REQUESTS

__all__ = ["SAMPLE", "sampled"]

SAMPLE = 4_096
_GUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"


def sampled(table: pa.Table, column: str) -> pa.Table:
    """Give the rows of a data file with the lowest request ids.

    Args:
        table: the file, with `host`, `time_utc`, `evidence_id`, `record_no`.
        column: the column of the request id.
    """
    ids = pc.utf8_lower(table[column].cast(pa.string())).combine_chunks()
    shaped = pc.match_substring_regex(ids, _GUID).fill_null(fill_value=False)
    rows = np.flatnonzero(pc.and_(shaped, table["time_utc"].is_valid()).to_numpy(zero_copy_only=False))
    picked = ids.take(pa.array(rows))
    if len(rows) > SAMPLE:
        heads = pc.utf8_slice_codeunits(picked, 0, 8).cast(pa.binary()).cast(pa.binary(8))
        order = np.frombuffer(heads.buffers()[1], ">u8", len(heads), heads.offset * 8)
        low = order < np.partition(order, SAMPLE)[SAMPLE]
        rows, picked = rows[low], picked.filter(pa.array(low))
    taken = table.select(["host", "time_utc", "evidence_id", "record_no"]).take(pa.array(rows))
    columns = [picked, *(taken[name].cast(REQUESTS.field(name).type) for name in taken.column_names)]
    return pa.table(columns, schema=REQUESTS)
