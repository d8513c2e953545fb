"""Rows in pieces that are small enough: Arrow counts the bytes of a text column in 32 bits, and memory is not endless."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from dwell.hunt.patterns import Indices

__all__ = ["PIECE_BYTES", "pieces", "taken"]

PIECE_BYTES = 1 << 25
"""No piece takes more, unless a single row does."""


def pieces(weights: Indices) -> Iterator[slice]:
    """Yield the rows of each piece, one piece after the other; none where there are no rows.

    Args:
        weights: bytes of each row.
    """
    ends = np.cumsum(weights)
    start = 0
    while start < len(weights):
        before = int(ends[start - 1]) if start else 0
        end = max(start + 1, int(np.searchsorted(ends, before + PIECE_BYTES, side="right")))
        yield slice(start, end)
        start = end


def taken(table: pa.Table, order: Indices, weights: Indices) -> pa.Table:
    """Give rows of a table in another order, in chunks of which each is a piece.

    Args:
        table: the table, its parts of any size.
        order: which rows, in the order that is wanted.
        weights: bytes of each row of the table.
    """
    if int(weights.sum()) <= PIECE_BYTES:
        return table.combine_chunks().take(pa.array(order))
    batches = table.to_batches()
    bounds = np.concatenate(([0], np.cumsum([one.num_rows for one in batches]))).astype(np.int64)
    parts = []
    for some in pieces(weights[order]):
        rows = order[some]
        sources = np.searchsorted(bounds, rows, side="right") - 1
        by_source = np.argsort(sources, kind="stable")
        used, starts = np.unique(sources[by_source], return_index=True)
        ends = np.append(starts[1:], len(rows))
        found = [
            batches[source].take(pa.array(rows[by_source[first:last]] - bounds[source]))
            for source, first, last in zip(used.tolist(), starts.tolist(), ends.tolist(), strict=True)
        ]
        back = np.empty(len(rows), np.int64)
        back[by_source] = np.arange(len(rows))
        parts.append(pa.Table.from_batches(found).combine_chunks().take(pa.array(back)))
    return pa.concat_tables(parts) if parts else table.slice(0, 0)
