"""Columns as Parquet has them: what they are called there, how they are best written, and which can be read as codes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

__all__ = ["columns_in", "encodings", "leaves", "without_dictionary"]

_RISING = ("record_no", "time_utc")
_SAMPLE_ROWS = 4_096


def leaves(name: str, kind: pa.DataType) -> Iterator[str]:
    """Yield the columns as which a column is written in Parquet: of a map its keys and its values."""
    if pa.types.is_map(kind):
        yield from leaves(f"{name}.key_value.key", kind.key_type)
        yield from leaves(f"{name}.key_value.value", kind.item_type)
    elif pa.types.is_list(kind):
        yield from leaves(f"{name}.list.element", kind.value_type)
    elif pa.types.is_struct(kind):
        for one in kind:
            yield from leaves(f"{name}.{one.name}", one.type)
    else:
        yield name


def encodings(table: pa.Table) -> dict[str, str]:
    """Choose encodings where a dictionary of values only costs: numbers that rise, and texts that are nearly unique."""
    rising = [one for one in _RISING if one in table.column_names]
    found = dict.fromkeys(rising, "DELTA_BINARY_PACKED")
    sample = table.slice(0, _SAMPLE_ROWS)
    texts = [one.name for one in table.schema if pa.types.is_string(one.type)]
    for name in texts if table.num_rows >= _SAMPLE_ROWS else []:
        if pc.count_distinct(sample[name]).as_py() > _SAMPLE_ROWS // 2:
            found[name] = "DELTA_LENGTH_BYTE_ARRAY"
    for one in table.schema if table.num_rows >= _SAMPLE_ROWS else ():
        if pa.types.is_map(one.type):
            entries = pc.list_flatten(sample[one.name].cast(pa.list_(one.type.field(0).type)))
            values = pc.struct_field(entries, 1)
            if len(values) >= _SAMPLE_ROWS and pc.count_distinct(values).as_py() > len(values) // 2:
                found[f"{one.name}.key_value.value"] = "PLAIN"
    return found


def columns_in(about: pq.FileMetaData, columns: Sequence[str]) -> set[str]:
    """Give the columns of the file in which some columns of the table lie: of a map its keys and its values."""
    whole, nested = frozenset(columns), tuple(f"{one}." for one in columns)
    held = [about.schema.column(place) for place in range(about.num_columns)]
    # the names of some columns that are no maps hold a dot themselves
    return {one.path for one in held if one.path in whole or (one.max_repetition_level and one.path.startswith(nested))}


def without_dictionary(about: pq.FileMetaData) -> set[str]:
    """Give the columns that the library cannot read as dictionary-coded, because they were not written so."""
    out: set[str] = set()
    for group in range(about.num_row_groups):
        columns = (about.row_group(group).column(place) for place in range(about.num_columns))
        out |= {one.path_in_schema for one in columns if "DELTA_LENGTH_BYTE_ARRAY" in one.encodings}
    return out
