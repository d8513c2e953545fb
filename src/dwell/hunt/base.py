"""The rows of a data file, before they are told apart by kind of record: columns read once, maps taken apart once."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.hunt.patterns import Indices

__all__ = ["Base", "Entries", "Rows"]

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


class Rows:
    """The rows of a data file whose columns are read when they are first looked at.

    Attributes:
        num_rows: how many.
        column_names: the columns that may be looked at.
    """

    def __init__(self, names: Sequence[str], rows: int, read: Callable[[Sequence[str]], pa.Table]) -> None:
        """Take what can be read.

        Args:
            names: the columns.
            rows: how many rows there are.
            read: reads some of the columns.
        """
        self.num_rows = rows
        self.column_names = list(names)
        self._read = read
        self._held: dict[str, pa.ChunkedArray] = {}

    @classmethod
    def of(cls, table: pa.Table) -> Rows:
        """Give rows that were read already."""
        return cls(table.column_names, table.num_rows, table.select)

    def only(self, names: Collection[str]) -> Rows:
        """Give the same rows with some of their columns; what is read of them is read for both."""
        return Rows([one for one in self.column_names if one in names], self.num_rows, self._given)

    def _given(self, names: Sequence[str]) -> pa.Table:
        self.want(names)
        return pa.table([self._held[one] for one in names], names=list(names))

    def __getitem__(self, name: str) -> pa.ChunkedArray:
        """Give a column."""
        self.want((name,))
        return self._held[name]

    def want(self, names: Sequence[str]) -> None:
        """Read columns that will all be looked at, those that were not yet in one go."""
        new = [one for one in names if one not in self._held]
        if new:
            table = self._read(new)
            self._held.update((one, table[one]) for one in new)


class Base:
    """Some rows of a data file.

    Attributes:
        table: the rows.
    """

    def __init__(self, table: Rows) -> None:
        """Take rows."""
        self.table = table
        self._entries: dict[str, Entries] = {}

    def is_bare(self, name: str) -> bool:
        """Say whether a column holds no value at all."""
        return name in self.table.column_names and self.table[name].null_count == self.table.num_rows

    def is_map(self, name: str) -> bool:
        """Say whether a column is one of maps or of lists."""
        kind = self.table[name].type
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
