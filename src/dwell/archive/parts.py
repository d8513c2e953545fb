"""Parts of a file, each with its own SHA-256: what is read is verified, and what is not read costs nothing."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dwell.archive.reading import gone, not_as_written

__all__ = ["MAGIC", "Parts", "PartsReader", "chunk_starts", "cut"]

MAGIC = b"PAR1"
"""What a Parquet file begins and ends with."""


class Parts(msgspec.Struct, frozen=True, array_like=True):
    """The parts of a Parquet file: its column chunks, and its footer as the last.

    Attributes:
        size_bytes: of the file.
        starts: where each part begins, ascending; it ends where the next one begins.
        sums: their SHA-256, 32 bytes each, one after another.
    """

    size_bytes: int
    starts: tuple[int, ...]
    sums: bytes

    def bounds(self, part: int) -> tuple[int, int]:
        """Give where a part begins and ends."""
        following = part + 1
        return self.starts[part], self.starts[following] if following < len(self.starts) else self.size_bytes

    def holding(self, offset: int) -> int:
        """Give the part that holds a byte."""
        return bisect_right(self.starts, offset) - 1


def chunk_starts(about: pq.FileMetaData, group: int, columns: Iterable[int]) -> list[int]:
    """Give where the chunks of some columns of a row group begin."""
    held = about.row_group(group)
    chunks = [held.column(place) for place in columns]
    return [
        one.data_page_offset
        if one.dictionary_page_offset is None
        else min(one.dictionary_page_offset, one.data_page_offset)
        for one in chunks
    ]


def cut(data: pa.Buffer) -> Parts:
    """Give the parts of a Parquet file that is held in memory."""
    about = pq.read_metadata(pa.BufferReader(data))
    every = range(about.num_columns)
    starts = {one for group in range(about.num_row_groups) for one in chunk_starts(about, group, every)}
    footer = data.size - about.serialized_size - len(MAGIC) - 4
    ordered = (*sorted(starts), footer)
    ends = (*ordered[1:], data.size)
    whole = memoryview(data)
    sums = b"".join(hashlib.sha256(whole[start:end]).digest() for start, end in zip(ordered, ends, strict=True))
    return Parts(data.size, ordered, sums)


class PartsReader:
    """A Parquet file of which only the footer, and what was asked for, is read and verified.

    Attributes:
        about: its footer.
    """

    def __init__(self, path: Path, parts: Parts) -> None:
        """Read the footer.

        Raises:
            CustodyError: the file is gone, or its footer is not what was written.
        """
        self._path = path
        self._parts = parts
        # nothing is set aside for what is never filled in
        self._bytes = np.empty(parts.size_bytes, np.uint8)
        self._held: set[int] = set()
        self._fill([len(parts.starts) - 1])
        self.about: pq.FileMetaData = pq.read_metadata(self._reader())
        self._paths = [self.about.schema.column(place).path for place in range(self.about.num_columns)]

    def holding(self, columns: Sequence[str], groups: Sequence[int] | None = None) -> pa.BufferReader:
        """Read the chunks of some columns; nothing that was never asked for may be looked at in what is given.

        Args:
            columns: names of columns, nested ones by their first name.
            groups: row groups; all of them where not given.

        Raises:
            CustodyError: the file is gone, or one of the chunks is not what was written.
        """
        named = frozenset(columns)
        nested = tuple(f"{one}." for one in columns)  # the names of some columns hold a dot themselves
        places = [at for at, path in enumerate(self._paths) if path in named or path.startswith(nested)]
        wanted = range(self.about.num_row_groups) if groups is None else groups
        self._fill(self._parts.holding(one) for group in wanted for one in chunk_starts(self.about, group, places))
        return self._reader()

    def _fill(self, wanted: Iterable[int]) -> None:
        new = sorted(set(wanted) - self._held)
        view = self._bytes.data
        try:
            with self._path.open("rb", buffering=0) as handle:
                if handle.seek(0, 2) != self._parts.size_bytes:
                    raise not_as_written(self._path)
                handle.seek(0)
                if handle.read(len(MAGIC)) != MAGIC:
                    raise not_as_written(self._path)
                for part in new:
                    start, end = self._parts.bounds(part)
                    handle.seek(start)
                    while start < end:
                        got = handle.readinto(view[start:end])
                        if not got:
                            raise not_as_written(self._path)
                        start += got
        except OSError as fault:
            raise gone(self._path, fault) from fault
        for part in new:
            start, end = self._parts.bounds(part)
            if hashlib.sha256(view[start:end]).digest() != self._parts.sums[32 * part : 32 * part + 32]:
                raise not_as_written(self._path)
        self._held |= set(new)

    def _reader(self) -> pa.BufferReader:
        return pa.BufferReader(pa.py_buffer(self._bytes))
