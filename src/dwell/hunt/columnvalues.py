"""The lexicon of a data file, column by column: only the columns that are asked for are read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from dwell.archive.datafile import DataFile, WordsReader, read_index, read_lexicon
from dwell.archive.index import Index
from dwell.archive.lexicon import LEXICON_SCHEMA, Lexicon, coded
from dwell.archive.spec import JoinedText
from dwell.hunt.patterns import Indices

__all__ = ["ColumnValues", "LazyValues", "values_of"]


class ColumnValues:
    """The lexicon of a data file, column by column.

    Attributes:
        complete: columns held in full.
        ranked: columns whose codes in the data file are the places of their texts here.
        rows: rows of the data file.
    """

    def __init__(self, lexicon: Lexicon) -> None:
        self.rows = lexicon.rows
        self.complete = lexicon.complete
        self.ranked: frozenset[str] = frozenset()
        table = lexicon.table.combine_chunks()
        column = coded(table["column"])
        codes = column.indices.to_numpy(zero_copy_only=False)
        self._rows = {
            name: np.flatnonzero(codes == code)
            for code, name in enumerate(column.dictionary.to_pylist())
            if name is not None
        }
        self._values = table["value"]
        self._counts = table["count"].to_numpy().astype(np.int64)

    def of(self, name: str) -> tuple[pa.StringArray, Indices, int]:
        """Give a column's distinct texts, how many rows each has, and rows without one."""
        rows = self.rows_of(name)
        return _apart(self.values_of(rows), self.counts_of(rows))

    def size(self, name: str) -> int:
        """Give how many distinct texts a column has, no text counted as one."""
        return len(self.rows_of(name))

    def bitmaps(self, columns: Sequence[str]) -> list[bytes] | None:
        """Give the bitmaps of the runs that the texts of some columns hold; None where one has none."""
        del columns
        return None

    def nulls(self, name: str) -> int | None:
        """Give rows without a text in a column of the lexicon; None where that is not known without reading it."""
        del name
        return None

    def is_bare(self, name: str) -> bool:
        """Say whether a column is known to hold nothing."""
        del name
        return False

    def rows_with(self, place: str, join: JoinedText | None) -> tuple[int, int]:
        """Give rows with and without a text in a place whose columns have bitmaps."""
        nulls = self.nulls(place if join is None else join.first) or 0
        return self.rows - nulls, nulls

    def rows_of(self, name: str) -> Indices:
        """Give the rows of the lexicon that are about a column."""
        return self._rows.get(name, np.zeros(0, np.int64))

    def values_of(self, rows: Indices) -> pa.Array:
        """Give the texts of some rows of the lexicon, null for none."""
        if len(rows) and rows[-1] - rows[0] == len(rows) - 1:
            values = self._values.slice(rows[0], len(rows))
        else:
            values = self._values.take(pa.array(rows))
        return pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], pa.string())

    def counts_of(self, rows: Indices) -> Indices:
        """Give how many records have the texts of some rows of the lexicon."""
        counts: Indices = self._counts[rows]
        return counts


class LazyValues(ColumnValues):
    """The lexicon of a data file that has an index: a column is read when it is asked for."""

    def __init__(self, file: DataFile, index: Index) -> None:
        self._words = WordsReader(file, index)
        self._index = index
        self.rows = index.rows
        self.complete = frozenset(index.complete)
        self.ranked = frozenset(index.ranked)
        self._sizes = dict(index.columns)

    def size(self, name: str) -> int:
        """Give how many distinct texts a column has, no text counted as one."""
        return self._sizes.get(name, 0)

    def of(self, name: str) -> tuple[pa.StringArray, Indices, int]:
        """Give a column's distinct texts, how many rows each has, and rows without one.

        Raises:
            CustodyError: the lexicon is not what was written.
        """
        if self._index.nulls.get(name) == self._index.rows:
            return pa.array([], pa.string()), np.zeros(0, np.int64), self._index.rows
        return _apart(*self._words.read(name))

    def bitmaps(self, columns: Sequence[str]) -> list[bytes] | None:
        """Give the bitmaps of the runs that the texts of some columns hold; None where one has none."""
        held = self._index.grams
        return [held[one] for one in columns] if columns and held.keys() >= set(columns) else None

    def nulls(self, name: str) -> int | None:
        """Give rows without a text in a column; None where that is not known without reading it."""
        return self._index.nulls.get(name)

    def is_bare(self, name: str) -> bool:
        """Say whether a column is known to hold nothing."""
        return name in self._index.empty


def _apart(whole: pa.Array, counts: Indices) -> tuple[pa.StringArray, Indices, int]:
    valid = np.asarray(whole.is_valid().to_numpy(zero_copy_only=False), np.bool_)
    return whole.drop_null().cast(pa.string()), counts[valid], int(counts[~valid].sum())


def values_of(file: DataFile) -> ColumnValues:
    """Give the lexicon of a data file, an empty one where it has none.

    Raises:
        CustodyError: the index or the lexicon is not what was written.
    """
    if not file.staged.lexicon_sha256:
        return ColumnValues(Lexicon(LEXICON_SCHEMA.empty_table(), frozenset(), file.staged.rows))
    index = read_index(file)
    return ColumnValues(read_lexicon(file)) if index is None else LazyValues(file, index)
