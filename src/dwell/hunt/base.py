"""The rows that were read of a data file, before they are told apart by kind of record; maps are taken apart once."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.hunt.patterns import Indices

__all__ = ["Base", "Entries"]

_REPEATED = re.compile(r"#\d+\Z")


class Entries:
    """The entries of a map or a list, those without a text left out.

    Attributes:
        rows: row of each entry, ascending.
        keys: its key; "" in a list.
        values: its text.
    """

    def __init__(self, column: pa.Array) -> None:
        """Take a column apart."""
        listed = pa.types.is_list(column.type)
        plain = column if listed else column.cast(pa.list_(column.type.field(0).type))
        counts = pc.list_value_length(plain).fill_null(0).to_numpy(zero_copy_only=False)
        rows = np.repeat(np.arange(len(column)), counts)
        flat = plain.flatten()
        keys = pa.nulls(len(flat), pa.string()) if listed else flat.field(0)
        values = flat if listed else flat.field(1)
        if values.null_count:
            valid = pa.array(np.flatnonzero(values.is_valid().to_numpy(zero_copy_only=False)))
            rows, keys, values = rows[valid.to_numpy()], keys.take(valid), values.take(valid)
        self.rows: Indices = rows
        self.keys: pa.DictionaryArray = keys.fill_null("").dictionary_encode()
        self.values: pa.Array = values
        self._places: dict[str, Indices] = {}

    def named(self, key: str) -> npt.NDArray[np.bool_]:
        """Say which of the distinct keys a key means."""
        wanted = _key_test(key)
        return np.array([wanted(str(one)) for one in self.keys.dictionary.to_pylist()], np.bool_)

    def places(self, key: str) -> Indices:
        """Give the entries under a key."""
        if key not in self._places:
            right = self.named(key)
            codes = self.keys.indices.to_numpy(zero_copy_only=False)
            self._places[key] = np.flatnonzero(right[codes]) if right.any() else np.zeros(0, np.int64)
        return self._places[key]


class Base:
    """Some rows of a data file.

    Attributes:
        table: the rows.
        bare: columns without any value.
    """

    def __init__(self, table: pa.Table) -> None:
        """Take rows."""
        self.table = table
        self.bare = frozenset(one for one in table.column_names if table[one].null_count == table.num_rows)
        self._entries: dict[str, Entries] = {}

    def is_map(self, name: str) -> bool:
        """Say whether a column is one of maps or of lists."""
        kind = self.table.schema.field(name).type
        return not (pa.types.is_string(kind) or pa.types.is_dictionary(kind))

    def entries(self, name: str) -> Entries:
        """Give the entries of a map or a list."""
        if name not in self._entries:
            column = self.table[name].combine_chunks()
            if isinstance(column, pa.ChunkedArray):
                column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
            self._entries[name] = Entries(column)
        return self._entries[name]


def _key_test(key: str) -> Callable[[str], bool]:
    """Give the test of a map's key: the name itself, the last part of a dotted one, or a repeated one."""
    if key.endswith("#"):
        numbered = re.compile(re.escape(key[:-1]) + r"\d*(?:#\d+)?\Z", re.IGNORECASE)
        return lambda one: numbered.match(one) is not None
    lower = key.lower()

    def test(one: str) -> bool:
        bare = _REPEATED.sub("", one).lower()
        return bare == lower or bare.endswith("." + lower)

    return test
