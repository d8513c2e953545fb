"""What is kept of many data files under one name, in few files: a hunt reads a handful, however many data files there are.

A *bundle* is a folder of *segments*. A worker writes a segment of its own for what it has just done, whole or not at all,
so that a run that is killed loses nothing that was done. At its end a run puts small segments together; one that is put
aside goes only after that which holds all of it is there. A run that is killed in between leaves entries twice, and both
are the same.

A segment begins with the SHA-256 of all that follows. One that is not what was written is passed over, and what it held is
made again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO

import msgspec
import numpy as np
import pyarrow as pa

from dwell.casebook.whole_files import written_whole
from dwell.hunt.mapped import Mapped
from dwell.hunt.packing import is_packed, plain_schema, unpacked, unpacked_batches
from dwell.hunt.words import Truth

__all__ = ["HELD_BYTES", "Bundle", "Entry", "Written", "write_segment"]

_SUM_BYTES, _SIZE_BYTES = 32, 8
_SUFFIX = ".segment"
_ALIGN = 64
"""Arrow reads numbers where they lie: tables begin at multiples of it."""
HELD_BYTES = 1 << 25
"""Of a bundle so much is held in memory; the rest stays on the disk and is read from there as it is needed."""
_ROWS_AT_ONCE = 1 << 16
"""Of what stays on the disk so many rows are given at once."""

_BAD = (OSError, ValueError, IndexError, pa.ArrowException, msgspec.MsgspecError)
"""What a segment that is not whole, or not there any more, ends in."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is kept of one data file.

    Attributes:
        said: whatever is said beside the tables, encoded.
        tables: rows, as many tables as every entry of the bundle has, each in a schema of its own.
    """

    said: bytes
    tables: tuple[pa.Table, ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """A segment that was just written.

    Attributes:
        path: where; None where nothing is kept.
        entries: what it holds, by name; none where it is so much that it is only read from there.
    """

    path: Path | None
    entries: Mapping[str, Entry]


class _Head(msgspec.Struct, frozen=True, array_like=True):
    """What a segment says of itself.

    Attributes:
        names: of its entries, in the order in which their rows lie.
        said: what each says.
        rows: for each table the rows of each entry.
        sizes: bytes of each table; behind each is room up to where the next may begin.
    """

    names: list[str]
    said: list[bytes]
    rows: list[list[int]]
    sizes: list[int]


def _padding(size: int) -> int:
    """Give how many bytes are missing to where the next table may begin."""
    return -size % _ALIGN


def _together(tables: Sequence[pa.Table], schema: pa.Schema) -> pa.Table:
    """Put rows below each other, in one piece where they are few; packed ones stay so where there are no others."""
    some = [one for one in tables if one.num_rows]
    if any(is_packed(one) for one in some) and not all(is_packed(one) for one in some):
        some = [unpacked(one) for one in some]
    whole = pa.concat_tables(some or [schema.empty_table()])
    if is_packed(whole):
        return whole
    return whole.combine_chunks() if whole.nbytes <= HELD_BYTES else whole


class _Summed:
    """A file that may forget what is written to it, and knows its size and its SHA-256."""

    def __init__(self, handle: BinaryIO | None) -> None:
        self._handle = handle
        self.digest = hashlib.sha256()
        self.size = 0
        self.closed = False

    def write(self, data: bytes) -> int:
        """Take bytes."""
        self.digest.update(data)
        self.size += len(data)
        if self._handle is not None:
            self._handle.write(data)
        return len(data)

    def tell(self) -> int:
        """Say how much was written."""
        return self.size

    def flush(self) -> None:
        """Do nothing."""

    def table(self, table: pa.Table, schema: pa.Schema) -> int:
        """Take a table, its texts in full, up to where the next may begin, and give the bytes that it takes itself."""
        before = self.size
        sink = pa.PythonFile(self, mode="w")
        with pa.ipc.new_file(sink, schema) as writer:
            for one in unpacked_batches(table) if is_packed(table) else table.to_batches():
                writer.write_batch(one)
        sink.flush()
        size = self.size - before
        self.write(bytes(_padding(size)))
        return size


def write_segment(folder: Path, entries: Mapping[str, Entry]) -> Path:
    """Write a segment; a reader sees all of it or none. The tables are not put together in memory first.

    Args:
        folder: the bundle.
        entries: by name, each with as many tables, packed or not; they are written with their texts in full.

    Returns:
        The segment; the same entries in the same order are the same file.
    """
    held = list(entries.values())
    many = len(held[0].tables)
    schemas = [plain_schema(held[0].tables[at].schema) for at in range(many)]
    tables = [_together([one.tables[at] for one in held], schema) for at, schema in enumerate(schemas)]
    measured = [_Summed(None).table(one, schema) for one, schema in zip(tables, schemas, strict=True)]
    rows = [[one.tables[at].num_rows for one in held] for at in range(many)]
    head = msgspec.msgpack.encode(_Head(list(entries), [one.said for one in held], rows, measured))
    about = len(head).to_bytes(_SIZE_BYTES, "little") + head
    about += bytes(_padding(_SUM_BYTES + len(about)))

    def put(handle: BinaryIO | None) -> bytes:
        out = _Summed(handle)
        out.write(about)
        for one, schema in zip(tables, schemas, strict=True):
            out.table(one, schema)
        return out.digest.digest()

    digest = put(None)
    path = folder / f"{digest.hex()[:32]}{_SUFFIX}"
    with written_whole(path) as unfinished, unfinished.open("wb") as handle:
        handle.write(digest)
        put(handle)
    return path


def _is_whole(path: Path) -> bool:
    """Say whether a segment is what was written, without holding it in memory."""
    with path.open("rb") as handle:
        told = handle.read(_SUM_BYTES)
        return hashlib.file_digest(handle, "sha256").digest() == told


class _Segment:
    """A segment that was read and is what was written.

    Attributes:
        path: where it lies.
        names: of its entries.
        said: what each says.
        tables: the rows of all entries, one entry after the other.
        is_mapped: whether it stays on the disk and is read from there as it is needed.
    """

    def __init__(self, path: Path, *, mapped: bool) -> None:
        """Read a segment.

        Args:
            path: the segment.
            mapped: whether it stays on the disk.

        Raises:
            OSError: it cannot be read.
            ValueError: it is not what was written.
        """
        self.is_mapped = mapped
        if mapped and not _is_whole(path):
            raise ValueError(path)
        self._mapped = Mapped(path) if mapped else None
        if self._mapped is not None:
            whole = self._mapped.buffer
        else:
            with pa.OSFile(str(path), "rb") as handle:
                whole = handle.read_buffer()
        body = whole.slice(_SUM_BYTES)
        if not mapped and hashlib.sha256(memoryview(body)).digest() != whole.slice(0, _SUM_BYTES).to_pybytes():
            raise ValueError(path)
        start = _SIZE_BYTES + int.from_bytes(body.slice(0, _SIZE_BYTES).to_pybytes(), "little")
        head = msgspec.msgpack.decode(memoryview(body)[_SIZE_BYTES:start], type=_Head)
        start += _padding(_SUM_BYTES + start)
        bounds = [start, *(start + one for one in accumulate(one + _padding(one) for one in head.sizes))]
        self.path = path
        self.names, self.said = head.names, head.said
        self.tables = [
            pa.ipc.open_file(body.slice(at, size)).read_all() for at, size in zip(bounds, head.sizes, strict=False)
        ]
        self._ends = [np.cumsum(one) for one in head.rows]

    def entry(self, at: int) -> Entry:
        """Give an entry by its place."""
        bounds = [(int(ends[at - 1]) if at else 0, int(ends[at])) for ends in self._ends]
        cut = (table.slice(first, last - first) for table, (first, last) in zip(self.tables, bounds, strict=True))
        return Entry(self.said[at], tuple(cut))

    def rows(self, table: int, places: Sequence[int]) -> Iterator[pa.Table]:
        """Yield the rows that some entries, named in ascending order, have in one of the tables."""
        whole = self.tables[table]
        chosen = None
        if len(places) < len(self.names):
            told = np.zeros(len(self.names), np.bool_)
            told[list(places)] = True
            chosen = pa.array(np.repeat(told, np.diff(self._ends[table], prepend=0)))
        if not self.is_mapped:
            yield whole if chosen is None else whole.filter(chosen)
            return
        for start in range(0, whole.num_rows, _ROWS_AT_ONCE):
            part = whole.slice(start, _ROWS_AT_ONCE)
            yield part if chosen is None else part.filter(chosen.slice(start, _ROWS_AT_ONCE))
            self.forget()

    def forget(self) -> None:
        """Give back the memory of what was read from the disk."""
        if self._mapped is not None:
            self._mapped.forget()

    def holding(self, table: int, met: Callable[[pa.Table], Truth]) -> list[str]:
        """Give the names of the entries that have a row in one of the tables that is met."""
        rows = np.flatnonzero(met(self.tables[table]))
        return [self.names[at] for at in np.unique(np.searchsorted(self._ends[table], rows, side="right")).tolist()]


class Bundle:
    """The segments of a folder, read and checked."""

    def __init__(self, folder: Path | None, aside: Path | None = None) -> None:
        """Read what lies in a folder; nothing where there is none, or nothing is kept.

        Args:
            folder: where it is kept.
            aside: a folder of this run alone, for what is kept nowhere and is too much for memory.
        """
        self._folder = folder
        self._aside = aside
        self._held = 0
        self._segments: list[_Segment] = []
        self._damaged: list[Path] = []
        self._places: dict[str, tuple[int, int]] = {}
        self._new: dict[str, Entry] = {}
        self._paths: list[Path] = []
        size = 0
        for path in sorted(folder.glob(f"*{_SUFFIX}")) if folder is not None and folder.is_dir() else []:
            try:
                size += path.stat().st_size
                self._add(_Segment(path, mapped=size > HELD_BYTES))
            except _BAD:
                self._damaged.append(path)

    def __contains__(self, name: str) -> bool:
        """Say whether something is kept under a name."""
        return name in self._places or name in self._new

    def get(self, name: str) -> Entry | None:
        """Give what is kept under a name; None where that is nothing."""
        if name in self._places:
            number, at = self._places[name]
            return self._segments[number].entry(at)
        return self._new.get(name)

    def said(self, name: str) -> bytes:
        """Give what is said under a name.

        Raises:
            KeyError: nothing is kept under it.
        """
        if name in self._places:
            number, at = self._places[name]
            return self._segments[number].said[at]
        return self._new[name].said

    def rows(self, table: int, names: Iterable[str]) -> Iterator[pa.Table]:
        """Yield the rows that some entries have in one of the tables, in no order of theirs; each entry is there."""
        chosen: dict[int, list[int]] = {}
        for name in names:
            if name in self._places:
                number, at = self._places[name]
                chosen.setdefault(number, []).append(at)
            else:
                yield self._new[name].tables[table]
        for number, places in chosen.items():
            yield from self._segments[number].rows(table, sorted(places))

    def holding(self, table: int, met: Callable[[pa.Table], Truth]) -> set[str]:
        """Give the names of the entries that have a row in one of the tables that is met.

        Args:
            table: which table.
            met: says of each row of such a table whether it is.
        """
        out = {name for name, one in self._new.items() if met(one.tables[table]).any()}
        for segment in self._segments:
            out.update(segment.holding(table, met))
        return out

    def take(self, written: Written) -> None:
        """Take what was just written by this run; when it gets much, it is put where it need not be held in memory.

        Raises:
            OSError: what was written is not there any more.
            ValueError: it is not what was written.
        """
        if written.path is not None and not written.entries:
            self._add(_Segment(written.path, mapped=True))
            return
        self._new |= written.entries
        self._paths += [written.path] if written.path is not None else []
        self._held += sum(table.nbytes for one in written.entries.values() for table in one.tables)
        folder = self._folder if self._folder is not None else self._aside
        if self._held > HELD_BYTES and folder is not None:
            path = write_segment(folder, self._new)
            if self._open(path):
                for one in self._paths:
                    if one != path:
                        one.unlink(missing_ok=True)
                self._new, self._paths, self._held = {}, [], 0

    def forget(self) -> None:
        """Give back the memory of what was read from the disk."""
        for one in self._segments:
            one.forget()

    def _open(self, path: Path) -> bool:
        """Read a segment of this run; say whether it is still there, and not put together with others by another run."""
        try:
            self._add(_Segment(path, mapped=True))
        except _BAD:
            return False
        return True

    def _add(self, segment: _Segment) -> None:
        self._segments.append(segment)
        number = len(self._segments) - 1
        self._places |= {name: (number, at) for at, name in enumerate(segment.names)}

    def settle(self) -> None:
        """Put what was just written together, with segments that hold little beside it: few remain, each written seldom."""
        if self._folder is None or not self._paths:
            return
        some = {name: self._new[name] for name in sorted(self._new)}
        gone = [*self._paths, *self._damaged]
        for segment in sorted(self._segments, key=lambda one: (len(one.names), one.path.name)):
            if len(segment.names) > 2 * len(some):
                break
            if segment.is_mapped:
                continue
            some |= {name: segment.entry(at) for at, name in enumerate(segment.names) if name not in some}
            gone.append(segment.path)
        whole = write_segment(self._folder, some) if len(gone) > 1 else gone[0]
        for path in gone:
            if path != whole:
                path.unlink(missing_ok=True)
