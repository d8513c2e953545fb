"""Hits put together in an order that leaves no tie, in pieces where they are many."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.hunt.hits import NO_HITS, REF_BYTES, ROW_BYTES
from dwell.hunt.patterns import Indices
from dwell.hunt.pieces import taken

__all__ = ["concat", "rank", "text_bytes", "weights"]

_KEYS = (
    "first_utc",
    "rule_id",
    "kind",
    "window",
    "table",
    "evidence_id",
    "record_no",
    "host",
    "client",
    "account",
    "status",
)
_TIED_ROWS = 8_192
"""Rows that only their texts tell apart and that are ordered at once."""
_TEXTS_COMPARED = 8


def text_bytes(hits: pa.Table) -> Indices:
    """Give the bytes that the matched texts of each row of hits take."""
    out = [np.zeros(0, np.int64)]
    for one in hits["matched"].chunks:
        lengths = pc.binary_length(one.flatten()).fill_null(0).to_numpy(zero_copy_only=False)
        ends = np.cumsum(pc.list_value_length(one).fill_null(0).to_numpy(zero_copy_only=False))
        sums = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))[np.concatenate(([0], ends)).astype(np.int64)]
        out.append(np.diff(sums))
    return np.concatenate(out)


def weights(hits: pa.Table) -> Indices:
    """Give the bytes that each row of hits takes, or a little more."""
    refs = pc.list_value_length(hits["refs"]).fill_null(0).to_numpy()
    titles = np.concatenate([np.zeros(0, np.int64), *map(_lengths, hits["title"].chunks)])
    found: Indices = text_bytes(hits) + titles + REF_BYTES * refs.astype(np.int64) + ROW_BYTES
    return found


def _lengths(texts: pa.Array) -> Indices:
    """Give the bytes of each text."""
    if pa.types.is_dictionary(texts.type):
        found: Indices = _lengths(texts.dictionary)[texts.indices.to_numpy(zero_copy_only=False)]
        return found
    return np.asarray(pc.binary_length(texts).to_numpy(zero_copy_only=False), np.int64)


def rank(column: pa.ChunkedArray) -> pa.Array:
    """Give numbers in the order of a column; null where it holds nothing."""
    if not pa.types.is_string(column.type) and not pa.types.is_dictionary(column.type):
        return column.combine_chunks()
    coded = (column.dictionary_encode() if pa.types.is_string(column.type) else column).unify_dictionaries()
    if not coded.num_chunks or not len(coded.chunk(0).dictionary):
        return pa.nulls(len(column), pa.int32())
    places = np.empty(len(coded.chunk(0).dictionary), np.int32)
    places[pc.sort_indices(coded.chunk(0).dictionary).to_numpy()] = np.arange(len(places), dtype=np.int32)
    ranks = pa.array(places)
    return pa.concat_arrays([ranks.take(one.indices) for one in coded.chunks])


def _order(whole: pa.Table, weight: Indices) -> Indices:
    ranks = pa.table([rank(whole[one]) for one in _KEYS], names=list(_KEYS))
    order: Indices = pc.sort_indices(ranks, sort_keys=[(one, "ascending") for one in _KEYS]).to_numpy().astype(np.int64)
    apart = np.zeros(max(len(order) - 1, 0), np.bool_)
    for one in ranks.take(pa.array(order)).columns:
        before, after = one.combine_chunks().slice(0, len(order) - 1), one.combine_chunks().slice(1)
        same = pc.or_kleene(pc.equal(before, after), pc.and_(pc.is_null(before), pc.is_null(after)))
        apart |= ~same.fill_null(False).to_numpy(zero_copy_only=False)  # noqa: FBT003 - Arrow's own name has no keyword
    return order if apart.all() else _untied(whole, weight, order, np.concatenate(([0], np.cumsum(apart))))


def _untied(whole: pa.Table, weight: Indices, order: Indices, teams: Indices) -> Indices:
    """Order rows that have all else in common by what matched, their ends and their number.

    Args:
        whole: the hits.
        weight: bytes of each.
        order: their rows, such rows beside each other.
        teams: of each place in that order the number of its equal rows, ascending.
    """
    tied = np.flatnonzero(np.bincount(teams)[teams] > 1)
    out = order.copy()
    start = 0
    while start < len(tied):
        # equal rows stay together
        end = int(np.searchsorted(teams[tied], teams[tied[min(start + _TIED_ROWS, len(tied)) - 1]], side="right"))
        mine = tied[start:end]
        part = taken(whole.select(["matched", "last_utc", "count"]), order[mine], weight).combine_chunks()
        texts = pc.binary_join(pc.list_slice(part["matched"].combine_chunks(), 0, _TEXTS_COMPARED), "\0")
        names = ("team", "matched", "last_utc", "count")
        sortable = pa.table([pa.array(teams[mine]), texts, part["last_utc"], part["count"]], names=list(names))
        chosen = pc.sort_indices(sortable, sort_keys=[(one, "ascending") for one in names]).to_numpy()
        out[mine] = order[mine][chosen]
        start = end
    return out


def concat(parts: Sequence[pa.Table]) -> pa.Table:
    """Put hits together, in an order that leaves no tie.

    Args:
        parts: rows in `dwell.hunt.hits.HITS`, all of them packed or none.

    Returns:
        The same rows, packed where they were; in several chunks where one could not hold them.
    """
    whole = pa.concat_tables([one for one in parts if one.num_rows] or [NO_HITS])
    if whole.num_rows < 2:
        return whole.combine_chunks()
    weight = weights(whole)
    return taken(whole, _order(whole, weight), weight)
