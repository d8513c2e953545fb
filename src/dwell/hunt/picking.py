"""Picking some rows out of a table whose coded columns have a dictionary for every part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from dwell.hunt.base import Rows
from dwell.hunt.patterns import Indices

__all__ = ["picked"]


def picked(table: pa.Table | Rows, names: Sequence[str], rows: Indices) -> pa.Table:
    """Give some columns of some rows; coded columns stay so, with the texts that these rows have, in order of appearance.

    Arrow's own way would unite the dictionaries of all parts first, however few rows are wanted.

    Args:
        table: the table, or rows that are yet to be read.
        names: the columns.
        rows: which rows, ascending.
    """
    if isinstance(table, Rows):
        table.want(names)
    columns = []
    for name in names:
        column = table[name]
        if not pa.types.is_dictionary(column.type):
            columns.append(column.take(pa.array(rows)))
            continue
        bounds = np.concatenate(([0], np.cumsum([len(one) for one in column.chunks]))).astype(np.int64)
        cuts = np.searchsorted(rows, bounds)
        parts = [
            _compact(one.take(pa.array(rows[first:last] - start)))
            for one, first, last, start in zip(column.chunks, cuts[:-1], cuts[1:], bounds[:-1], strict=True)
            if last > first
        ]
        columns.append(pa.chunked_array(parts, column.type))
    return pa.table(columns, names=list(names))


def _compact(part: pa.DictionaryArray) -> pa.DictionaryArray:
    """Leave only those texts that occur."""
    used = part.indices.dictionary_encode()
    return pa.DictionaryArray.from_arrays(used.indices, part.dictionary.take(used.dictionary))
