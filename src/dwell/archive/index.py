"""The index of a data file: what its lexicon holds and where, and the hash of every part of both files.

It is small, hashed itself, and named by the commit. With it a reader verifies only what it reads.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate

import msgspec

from dwell.archive.parts import Parts

__all__ = ["Index", "decoded", "encoded"]


class Index(msgspec.Struct, frozen=True):
    """What is known of a data file without opening it.

    Attributes:
        rows: rows of the data file.
        complete: columns that the lexicon holds in full, sorted.
        ranked: columns whose codes in the data file are places in the lexicon, sorted: code 0 is the first text there.
        columns: columns of the lexicon in its order, each with its number of rows there.
        nulls: rows of the data file without a text, by column of the lexicon that is one of the data file.
        grams: which runs of three bytes its texts hold, by the same; see `dwell.archive.grams`.
        groups: rows of each row group of the lexicon; no column lies in two.
        data: parts of the data file.
        lexicon: parts of the lexicon.
        empty: columns of the data file that hold nothing, sorted; none are named in what was written before there were any.
    """

    rows: int
    complete: tuple[str, ...]
    ranked: tuple[str, ...]
    columns: tuple[tuple[str, int], ...]
    nulls: dict[str, int]
    grams: dict[str, bytes]
    groups: tuple[int, ...]
    data: Parts
    lexicon: Parts
    empty: tuple[str, ...] = ()

    def place(self, name: str) -> tuple[int, int, int] | None:
        """Give row group, first row in it and number of rows of a column of the lexicon; None where it has none."""
        first = 0
        for column, rows in self.columns:
            if column == name:
                ends = tuple(accumulate(self.groups))
                group = bisect_right(ends, first)
                return group, first - (ends[group] - self.groups[group]), rows
            first += rows
        return None


def encoded(index: Index) -> bytes:
    """Give an index as it is kept."""
    return msgspec.msgpack.encode(index)


def decoded(data: bytes) -> Index:
    """Read an index.

    Raises:
        msgspec.MsgspecError: it is none.
    """
    return msgspec.msgpack.decode(data, type=Index)
