"""Many hits or records held in a quarter of the room: a text that rows share is held once, and a number in each of them.

Most columns of hits say the same in every row, or nearly so: rule, table, host, evidence. What is packed is only ever held
in memory; it is written down, and told, with its texts in full.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["PACKED_ROWS", "is_packed", "packed", "plain_schema", "unpacked", "unpacked_batches"]

PACKED_ROWS = 1 << 16
"""Fewer rows are not packed; so many are packed and unpacked at once."""


def packed(table: pa.Table) -> pa.Table:
    """Give rows with each text column coded, and the texts in lists of pairs as well."""
    columns = [
        one.dictionary_encode()
        if pa.types.is_string(one.type)
        else pa.chunked_array([_pairs(each) for each in one.chunks])
        if _is_of_pairs(one.type) and one.num_chunks
        else one
        for one in table.columns
    ]
    fields = [field.with_type(one.type) for field, one in zip(table.schema, columns, strict=True)]
    return pa.table(columns, schema=pa.schema(fields))


def is_packed(table: pa.Table) -> bool:
    """Say whether rows are packed."""
    return any(pa.types.is_dictionary(one) for one in table.schema.types)


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """Give the schema of rows that are not packed, or not packed any more."""
    return pa.schema([one.with_type(_plain(one.type)) for one in schema])


def unpacked(table: pa.Table) -> pa.Table:
    """Give rows with their texts in full; those that are not packed as they are."""
    return pa.Table.from_batches(unpacked_batches(table), plain_schema(table.schema)) if is_packed(table) else table


def unpacked_batches(table: pa.Table) -> Iterator[pa.RecordBatch]:
    """Yield packed rows with their texts in full, some after the other."""
    schema = plain_schema(table.schema)
    for start in range(0, table.num_rows, PACKED_ROWS):
        yield from table.slice(start, PACKED_ROWS).cast(schema).combine_chunks().to_batches()


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return kind.value_type
    if _is_of_pairs(kind):
        return pa.list_(pa.struct([one.with_type(_plain(one.type)) for one in kind.value_type]))
    return kind


def _is_of_pairs(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) and pa.types.is_struct(kind.value_type))


def _pairs(lists: pa.ListArray) -> pa.ListArray:
    flat = lists.flatten()
    fields = [one.dictionary_encode() if pa.types.is_string(one.type) else one for one in flat.flatten()]
    names = [one.name for one in flat.type]
    counts = lists.value_lengths().fill_null(0)
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(counts)])
    held = pa.StructArray.from_arrays(fields, names=names)
    return pa.ListArray.from_arrays(offsets, held, mask=lists.is_null())
