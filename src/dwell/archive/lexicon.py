"""The lexicon: the distinct values of a data file's text columns, with count, first and last instant.

Rules are matched against the lexicon first, so that a data file is opened only where a rule can still be true. A column
with too many distinct values stays out (`Lexicon.complete` does not name it) and has to be scanned.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.spec import JoinedText, TableSpec

__all__ = ["LEXICON_SCHEMA", "Lexicon", "build", "coded", "distinct_limit", "joined_codes", "ranked"]

DISTINCT_ALWAYS = 4_096
DISTINCT_MAX = 524_288
DISTINCT_SHARE = 2
"""A column is left out when it has over `DISTINCT_ALWAYS` values and over one value for every two rows."""

LEXICON_SCHEMA = pa.schema(
    [
        pa.field("column", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("value", pa.string()),
        pa.field("count", pa.int64(), nullable=False),
        pa.field("first_utc", pa.timestamp("us", tz="UTC")),
        pa.field("last_utc", pa.timestamp("us", tz="UTC")),
    ]
)
_META = b"dwell.lexicon"
GROUP_ROWS = 4_096
"""Columns of the lexicon with fewer values are stored together; a larger one can be read alone."""
_Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The lexicon of one data file.

    Attributes:
        table: rows in `LEXICON_SCHEMA`, by column, then value; a null value stands for rows without one.
        complete: columns held in full; absent ones have to be scanned.
        rows: rows of the data file.
    """

    table: pa.Table
    complete: frozenset[str]
    rows: int

    def column(self, name: str) -> pa.Table:
        """Give the values of one column."""
        return self.table.filter(pc.equal(self.table["column"].cast(pa.string()), name))

    def as_stored(self) -> pa.Table:
        """Give the table with its metadata, ready to be written."""
        meta = json.dumps({"complete": sorted(self.complete), "rows": self.rows}).encode()
        return self.table.replace_schema_metadata({_META: meta})

    def spans(self) -> list[tuple[str, int]]:
        """Give the columns in the order of the table, each with its number of rows."""
        column = coded(self.table["column"])
        codes = column.indices.to_numpy(zero_copy_only=False)
        ends = np.append(np.flatnonzero(np.diff(codes)) + 1, len(codes)) if len(codes) else np.zeros(0, np.int64)
        names = column.dictionary.to_pylist()
        lengths = np.diff(ends, prepend=0)
        return [(names[codes[end - 1]], length) for end, length in zip(ends.tolist(), lengths.tolist(), strict=True)]

    def groups(self) -> list[int]:
        """Give the rows of the row groups in which it is stored: small columns together, a large one alone."""
        out: list[int] = []
        small = False
        for _, rows in self.spans():
            fits = small and rows < GROUP_ROWS and out[-1] + rows <= GROUP_ROWS
            if fits:
                out[-1] += rows
            else:
                out.append(rows)
            small = rows < GROUP_ROWS
        return out

    @classmethod
    def from_stored(cls, table: pa.Table) -> Lexicon:
        """Read what `as_stored` gave."""
        meta = json.loads(table.schema.metadata[_META])
        return cls(table.replace_schema_metadata(None), frozenset(meta["complete"]), int(meta["rows"]))


def coded(column: pa.Array | pa.ChunkedArray) -> pa.DictionaryArray:
    """Give a text column as one dictionary array with distinct dictionary values."""
    if isinstance(column, pa.ChunkedArray):
        if pa.types.is_dictionary(column.type):
            column = column.unify_dictionaries()
        column = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
        if isinstance(column, pa.ChunkedArray):  # combine_chunks keeps several chunks past the 32-bit offset limit
            column = pa.concat_arrays([chunk.cast(pa.large_string()) for chunk in column.chunks])
    if not pa.types.is_dictionary(column.type):
        return column.dictionary_encode()
    return column


def distinct_limit(rows: int) -> int:
    """Give how many distinct values a column of so many rows may have to be in the lexicon."""
    return min(DISTINCT_MAX, max(DISTINCT_ALWAYS, rows // DISTINCT_SHARE))


def ranked(column: pa.Array | pa.ChunkedArray, codes_used: pa.Array | None = None) -> pa.DictionaryArray:
    """Give a text column as coded by rank: the dictionary holds the values that are used, in ascending order.

    Args:
        column: the texts, coded or not.
        codes_used: of a coded column each code that occurs, null among them, where that is known.
    """
    whole = coded(column)
    used = (pc.unique(whole.indices) if codes_used is None else codes_used).drop_null()
    values = whole.dictionary.take(used)
    order = pc.sort_indices(values)
    to = np.zeros(len(whole.dictionary) + 1, np.int32)
    to[used.take(order).to_numpy()] = np.arange(len(used), dtype=np.int32)
    codes = to[whole.indices.fill_null(-1).to_numpy(zero_copy_only=False)]
    mask = whole.indices.is_null().to_numpy(zero_copy_only=False) if whole.indices.null_count else None
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=mask), values.take(order))


def joined_codes(first: pa.DictionaryArray, second: pa.DictionaryArray, join: JoinedText) -> tuple[_Codes, pa.Array]:
    """Give per row the code of its joined text, and the distinct joined texts.

    Returns:
        Codes (rows,) into the texts, -1 where the first part is null; the texts, in order of first appearance.
    """
    a = first.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    b = second.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    width = len(second.dictionary) + 1
    pairs = pa.array(np.where(a < 0, -1, a * width + b + 1)).dictionary_encode()
    distinct = pairs.dictionary.to_numpy()
    heads = first.dictionary.take(pa.array(distinct // width, mask=distinct < 0)).cast(pa.string())
    tail_codes = distinct % width - 1
    tails = second.dictionary.take(pa.array(tail_codes, mask=tail_codes < 0))
    tails = pc.if_else(pc.equal(tails, join.empty), pa.scalar(None, pa.string()), tails.cast(pa.string()))
    texts = pc.if_else(
        pc.is_valid(tails),
        pc.binary_join_element_wise(heads, tails, join.separator),
        heads,
    ).dictionary_encode()
    # two pairs may give one text: an absent second part and an empty one, or a separator inside a part
    whole = texts.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    codes: _Codes = np.append(whole, -1)[pairs.indices.to_numpy(zero_copy_only=False)]
    return codes, texts.dictionary


class _Counts(NamedTuple):
    """What one column holds: its distinct values, null among them, with count, first and last instant."""

    name: str
    values: pa.Array
    counts: _Codes
    first: _Codes
    last: _Codes
    has_time: npt.NDArray[np.bool_]


def _all_null(name: str, rows: int, times: _Codes) -> _Counts:
    """Count a column without any value; `times` are the known instants of all rows."""
    some = min(rows, 1)
    span = np.array([times[0], times[-1]] if len(times) else [0, 0], dtype=np.int64)
    has_time = np.full(some, len(times) > 0, dtype=np.bool_)
    return _Counts(name, pa.nulls(some, pa.string()), np.full(some, rows), span[:some], span[1 : 1 + some], has_time)


def _counted(name: str, codes: _Codes, values: pa.Array, times: _Codes, *, is_ranked: bool = False) -> _Counts:
    """Count codes and find the first and last instant of each, by value, null last.

    Args:
        name: the column.
        codes: code of each row, -1 for null; rows are in order of time, unknown instants last.
        values: the texts.
        times: the instants that are known, those of the first rows.
        is_ranked: whether the texts are in order.
    """
    size = len(values) + 1
    shifted = codes + 1
    counts = np.bincount(shifted, minlength=size)
    first = np.full(size, np.iinfo(np.int64).min, dtype=np.int64)
    last = first.copy()
    known = shifted[: len(times)]
    first[known[::-1]] = times[::-1]
    last[known] = times
    has_time = (counts if len(times) == len(codes) else np.bincount(known, minlength=size)) > 0
    some = np.flatnonzero(counts[1:])
    texts = values.take(pa.array(some)).cast(pa.string())
    if not is_ranked:
        order = pc.sort_indices(texts)
        some, texts = some[order.to_numpy()], texts.take(order)
    used = some + 1
    if counts[0]:
        used = np.append(used, 0)
        texts = pa.concat_arrays([texts, pa.nulls(1, pa.string())])
    return _Counts(name, texts, counts[used], first[used], last[used], has_time[used])


def _listed(parts: Sequence[_Counts]) -> pa.Table:
    """Put the columns below each other."""
    if not parts:
        return LEXICON_SCHEMA.empty_table()
    kind = pa.timestamp("us", tz="UTC")
    places = np.repeat(np.arange(len(parts), dtype=np.int32), [len(one.counts) for one in parts])
    untimed = ~np.concatenate([one.has_time for one in parts])
    values = pa.chunked_array([one.values for one in parts], pa.string()).combine_chunks()
    return pa.table(
        [
            pa.DictionaryArray.from_arrays(pa.array(places), pa.array([one.name for one in parts], pa.string())),
            values,
            pa.array(np.concatenate([one.counts for one in parts]), pa.int64()),
            pa.array(np.concatenate([one.first for one in parts]), mask=untimed).cast(kind),
            pa.array(np.concatenate([one.last for one in parts]), mask=untimed).cast(kind),
        ],
        schema=LEXICON_SCHEMA,
    )


def build(table: pa.Table, spec: TableSpec, *, is_ranked: bool = False) -> Lexicon:
    """Build the lexicon of rows that are sorted by `time_utc`, unknown instants last.

    Args:
        table: the rows.
        spec: their table.
        is_ranked: whether every column that the lexicon can hold in full is coded by rank.
    """
    rows = table.num_rows
    limit = distinct_limit(rows)
    instants = table["time_utc"]
    known = instants.cast(pa.int64()).slice(0, rows - instants.null_count).to_numpy()
    parts: list[_Counts] = []
    complete: set[str] = set()
    arrays: dict[str, pa.DictionaryArray] = {}
    joined = {name for join in spec.joined.values() for name in (join.first, join.second)}
    for name in spec.lexicon:
        if table[name].null_count == rows and name not in joined:
            parts.append(_all_null(name, rows, known))
            complete.add(name)
            continue
        arrays[name] = coded(table[name])
        if len(arrays[name].dictionary) <= limit:
            codes = arrays[name].indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
            parts.append(_counted(name, codes, arrays[name].dictionary, known, is_ranked=is_ranked))
            complete.add(name)
    for name, join in spec.joined.items():
        if {join.first, join.second} <= complete:
            codes, texts = joined_codes(arrays[join.first], arrays[join.second], join)
            if len(texts) <= limit:
                parts.append(_counted(name, codes, texts, known))
                complete.add(name)
    return Lexicon(_listed(parts).combine_chunks(), frozenset(complete), rows)
