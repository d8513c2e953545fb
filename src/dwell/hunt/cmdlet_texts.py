"""The parameters of a cmdlet as one text, where a log holds names and values: `-Identity "anna" -AuditEnabled "False"`.

Exchange's event log and its log of remote PowerShell write parameters so. Its admin audit log and Microsoft 365 hold names
and values; a rule about a cmdlet is written once and put to all four.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.hunt.base import Base
from dwell.hunt.made import Found, Made

__all__ = ["PLACES"]

_REPEATED = r"#\d+$"
"""What the reader puts behind a name that a record holds twice."""
_NOTHING = r"(?i)^\s*(?:\$null|@?\(\s*\)|@?\{\s*\}|\"\"|'')\s*$"
"""Values that set nothing; Exchange writes them without quotes."""


def _parameters(base: Base) -> Found:
    column = base.table["Parameters"].combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    counts = pc.list_value_length(column.cast(pa.list_(column.type.field(0).type))).fill_null(0)
    sizes = counts.to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(sizes)
    flat = column.cast(pa.list_(column.type.field(0).type)).flatten()
    names = pc.replace_substring_regex(flat.field(0).cast(pa.string()), pattern=_REPEATED, replacement="")
    values = flat.field(1).cast(pa.string())
    bare = pc.match_substring_regex(values, _NOTHING)
    quote = pc.if_else(bare, "", '"')
    set_to = pc.binary_join_element_wise(pa.scalar(" "), quote, values, quote, "")
    given = pc.binary_join_element_wise(pa.scalar("-"), names, set_to.fill_null(""), "")
    ends = np.concatenate(([0], np.cumsum(sizes[rows]))).astype(np.int32)
    told = pc.binary_join(pa.ListArray.from_arrays(pa.array(ends), given), " ").dictionary_encode()
    return rows, told.indices.to_numpy(zero_copy_only=False), told.dictionary


PLACES: Mapping[str, Made] = {"CmdletText:Parameters": Made(("Parameters",), _parameters)}
"""What is put together here, and how."""
