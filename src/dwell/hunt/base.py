"""The rows of a data file, before they are told apart by kind of record: columns read once, maps taken apart once."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.lexicon import coded
from dwell.hunt.patterns import Indices

__all__ = ["Base", "Codes", "Entries", "Rows"]

Codes = npt.NDArray[np.int32]

_REPEATED = re.compile(r"#\d+\Z")


class Entries:
    """The entries of a map or a list, those without a text left out.

    Attributes:
        rows: row of each entry, ascending.
        keys: the distinct keys; "" in a list.
        key_codes: of each entry its key.
        values: the distinct texts, and perhaps some that no entry has.
        codes: of each entry its text.
    """

    def __init__(self, column: pa.Array) -> None:
        """Take a column apart."""
        listed = pa.types.is_list(column.type)
        plain = column if listed else column.cast(pa.list_(column.type.field(0).type))
        counts = pc.list_value_length(plain).fill_null(0).to_numpy(zero_copy_only=False)
        rows = np.repeat(np.arange(len(column)), counts)
        flat = plain.flatten()
        values = coded(flat if listed else flat.field(1))
        codes = _filled(values.indices)
        keys = None if listed else coded(flat.field(0))
        key_codes = np.zeros(len(flat), np.int32) if keys is None else _filled(keys.indices)
        if values.null_count:
            valid = np.flatnonzero(codes >= 0)
            rows, codes, key_codes = rows[valid], codes[valid], key_codes[valid]
        self.rows: Indices = rows
        self.keys: list[str] = [""] if keys is None else keys.dictionary.to_pylist()
        self.key_codes: Codes = key_codes
        self.values: pa.StringArray = values.dictionary.cast(pa.string())
        self.codes: Codes = codes

    def named(self, key: str) -> Indices:
        """Give which of the distinct keys a key means, whatever its case.

        It is the name itself, or that without its blanks, the last part of a dotted one, an attribute (as it is called, or
        after its element and `_`), a repeated one.
        """
        if key.endswith("#"):
            numbered = re.compile(re.escape(key[:-1]) + r"\d*(?:#\d+)?\Z", re.IGNORECASE)
            return np.array([at for at, one in enumerate(self.keys) if numbered.match(one)], np.int64)
        return np.array(self._names.get(key.lower(), ()), np.int64)

    def names(self) -> dict[str, list[int]]:
        """Give every name by which some keys are asked for, in lower case, and which of the distinct keys it means."""
        return self._names

    @cached_property
    def _names(self) -> dict[str, list[int]]:
        """Give the keys that each name means."""
        out: dict[str, list[int]] = {}
        for at, one in enumerate(self.keys):
            for name in _called(_REPEATED.sub("", one).lower()):
                out.setdefault(name, []).append(at)
        return out

    @cached_property
    def _by_key(self) -> tuple[Indices, Indices]:
        """Give the entries key by key, and where each key's begin."""
        size = len(self.keys)
        narrow = self.key_codes.astype(np.uint16) if size < 1 << 16 else self.key_codes
        starts = np.concatenate(([0], np.cumsum(np.bincount(self.key_codes, minlength=size))))
        return np.argsort(narrow, kind="stable"), starts

    def places(self, key: str) -> Indices:
        """Give the entries under a key, ascending."""
        order, starts = self._by_key
        parts = [order[starts[one] : starts[one + 1]] for one in self.named(key).tolist()]
        return parts[0] if len(parts) == 1 else np.sort(np.concatenate([np.zeros(0, np.int64), *parts]))


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
    """The rows of a data file, columns and maps taken apart once.

    Attributes:
        table: the rows.
    """

    def __init__(self, table: Rows) -> None:
        """Take rows."""
        self.table = table
        self._entries: dict[str, Entries] = {}
        self._codes: dict[str, tuple[Codes, pa.StringArray]] = {}

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

    def codes(self, name: str) -> tuple[Codes, pa.StringArray]:
        """Give a column as codes (-1 for null) and distinct texts; those of a column that is coded keep their places."""
        if name not in self._codes:
            array = coded(self.table[name])
            values = array.dictionary
            self._codes[name] = (
                _filled(array.indices),
                values if values.type == pa.string() else values.cast(pa.string()),
            )
        return self._codes[name]


def _called(bare: str) -> set[str]:
    """Give the names that a key answers to."""
    starts = (0, *(end + 1 for end, mark in enumerate(bare) if mark in ".@"))
    names = {bare[start:] for start in starts}
    if "@" in bare:
        names |= {one.replace("@", "_") for one in names}
    if " " in bare:
        names |= {one.replace(" ", "") for one in names}
    return names


def _filled(indices: pa.Array) -> Codes:
    """Give codes, -1 for null, without a copy where there is none."""
    codes: Codes = (indices.fill_null(-1) if indices.null_count else indices).to_numpy(zero_copy_only=False)
    return codes
