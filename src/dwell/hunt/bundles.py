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

import msgspec
import numpy as np
import pyarrow as pa

from dwell.casebook.whole_files import written_whole
from dwell.hunt.words import Truth

__all__ = ["Bundle", "Entry", "Written", "write_segment"]

_SUM_BYTES, _SIZE_BYTES = 32, 8
_SUFFIX = ".segment"
_ALIGN = 64
"""Arrow reads numbers where they lie: tables begin at multiples of it."""


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
        entries: what it holds, by name.
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


def _stored(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _padding(size: int) -> int:
    """Give how many bytes are missing to where the next table may begin."""
    return -size % _ALIGN


def write_segment(folder: Path, entries: Mapping[str, Entry]) -> Path:
    """Write a segment; a reader sees all of it or none.

    Args:
        folder: the bundle.
        entries: by name, each with as many tables.

    Returns:
        The segment; the same entries in the same order are the same file.
    """
    held = list(entries.values())
    many = len(held[0].tables)
    tables = [pa.concat_tables([one.tables[at] for one in held]).combine_chunks() for at in range(many)]
    stored = [_stored(one) for one in tables]
    rows = [[one.tables[at].num_rows for one in held] for at in range(many)]
    head = msgspec.msgpack.encode(_Head(list(entries), [one.said for one in held], rows, list(map(len, stored))))
    about = len(head).to_bytes(_SIZE_BYTES, "little") + head
    about += bytes(_padding(_SUM_BYTES + len(about)))
    body = b"".join([about, *(one + bytes(_padding(len(one))) for one in stored)])
    digest = hashlib.sha256(body)
    path = folder / f"{digest.hexdigest()[:32]}{_SUFFIX}"
    with written_whole(path) as unfinished, unfinished.open("wb") as handle:
        handle.write(digest.digest())
        handle.write(body)
    return path


class _Segment:
    """A segment that was read and is what was written.

    Attributes:
        path: where it lies.
        names: of its entries.
        said: what each says.
        tables: the rows of all entries, one entry after the other.
    """

    def __init__(self, path: Path) -> None:
        """Read a segment.

        Raises:
            OSError: it cannot be read.
            ValueError: it is not what was written.
        """
        with pa.OSFile(str(path), "rb") as handle:
            whole = handle.read_buffer()
        body = whole.slice(_SUM_BYTES)
        if hashlib.sha256(memoryview(body)).digest() != whole.slice(0, _SUM_BYTES).to_pybytes():
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

    def rows(self, table: int, places: Sequence[int]) -> pa.Table:
        """Give the rows that some entries, named in ascending order, have in one of the tables."""
        if len(places) == len(self.names):
            return self.tables[table]
        chosen = np.zeros(len(self.names), np.bool_)
        chosen[list(places)] = True
        return self.tables[table].filter(pa.array(np.repeat(chosen, np.diff(self._ends[table], prepend=0))))

    def holding(self, table: int, met: Callable[[pa.Table], Truth]) -> list[str]:
        """Give the names of the entries that have a row in one of the tables that is met."""
        rows = np.flatnonzero(met(self.tables[table]))
        return [self.names[at] for at in np.unique(np.searchsorted(self._ends[table], rows, side="right")).tolist()]


class Bundle:
    """The segments of a folder, read and checked."""

    def __init__(self, folder: Path | None) -> None:
        """Read what lies in a folder; nothing where there is none, or nothing is kept."""
        self._folder = folder
        self._segments: list[_Segment] = []
        self._damaged: list[Path] = []
        self._places: dict[str, tuple[int, int]] = {}
        self._new: dict[str, Entry] = {}
        self._paths: list[Path] = []
        for path in sorted(folder.glob(f"*{_SUFFIX}")) if folder is not None and folder.is_dir() else []:
            try:
                self._segments.append(_Segment(path))
            except (OSError, ValueError, IndexError, pa.ArrowException, msgspec.MsgspecError):
                self._damaged.append(path)
                continue
            number = len(self._segments) - 1
            self._places |= {name: (number, at) for at, name in enumerate(self._segments[-1].names)}

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
            yield self._segments[number].rows(table, sorted(places))

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
        """Take what was just written by this run."""
        self._new |= written.entries
        self._paths += [written.path] if written.path is not None else []

    def settle(self) -> None:
        """Put what was just written together, with segments that hold little beside it: few remain, each written seldom."""
        if self._folder is None or not self._paths:
            return
        some = {name: self._new[name] for name in sorted(self._new)}
        gone = [*self._paths, *self._damaged]
        for segment in sorted(self._segments, key=lambda one: (len(one.names), one.path.name)):
            if len(segment.names) > 2 * len(some):
                break
            some |= {name: segment.entry(at) for at, name in enumerate(segment.names) if name not in some}
            gone.append(segment.path)
        whole = write_segment(self._folder, some) if len(gone) > 1 else gone[0]
        for path in gone:
            if path != whole:
                path.unlink(missing_ok=True)
