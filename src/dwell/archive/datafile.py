"""Writing and reading one data file: Parquet of our own making, synced, hashed, and hashed again before it is read."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dwell.archive import encodings as how
from dwell.archive import index as idx
from dwell.archive import lexicon as lex
from dwell.archive.encodings import columns_in, leaves, without_dictionary
from dwell.archive.grams import grams
from dwell.archive.index import Index
from dwell.archive.lexicon import Lexicon
from dwell.archive.parts import PartsReader, cut
from dwell.archive.reading import not_as_written, open_verified
from dwell.archive.shifts import ClockShift, needed, shifted
from dwell.archive.spec import EVIDENCE_ID, ROW_GROUP_ROWS, Made, TableSpec
from dwell.errors import DiskFullError, Place
from dwell.model.instants import AS_WRITTEN, utc_from_us

__all__ = [
    "LEXICON_FOLDER",
    "ColumnReader",
    "DataFile",
    "RowGroups",
    "StagedFile",
    "WordsReader",
    "conform",
    "discard",
    "distinct_texts",
    "open_verified",
    "read_index",
    "read_lexicon",
    "read_rows",
    "stage",
    "sync_folder",
]

LEXICON_FOLDER = "_lexicon"
"""Lexicons lie in a folder of their own whose name other readers of the table pass over."""
INDEX_SUFFIX = ".index"
_DICTIONARY_BYTES = 256 * 1024 * 1024
"""More than a column of a data file can hold: its values are written once, and a code for each row."""
_LEXICON_ENCODINGS = {
    "value": "DELTA_BYTE_ARRAY",
    "first_utc": "BYTE_STREAM_SPLIT",
    "last_utc": "BYTE_STREAM_SPLIT",
}
"""Every value is there once, and they are in order: many begin as the one before."""


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A data file that is written and synced, but not yet part of its table.

    Attributes:
        path: relative to the table's folder, `month=2019-04/<name>.parquet`.
        month: the partition, `yyyy-mm`; None where the rows have no instant.
        rows: how many.
        size_bytes: of the data file.
        sha256: of the data file.
        lexicon_sha256: of its lexicon; "" where the table has none.
        first_us: earliest `time_utc`, microseconds since 1970; None where unknown.
        last_us: latest.
        index_sha256: of its index; "" where it has none, as in archives written before there were any.
    """

    path: str
    month: str | None
    rows: int
    size_bytes: int
    sha256: str
    lexicon_sha256: str
    first_us: int | None
    last_us: int | None
    index_sha256: str = ""

    def as_dict(self) -> dict[str, object]:
        """Give the fields by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class DataFile:
    """A data file that is part of its table.

    Attributes:
        table: the table.
        folder: the table's folder.
        staged: what was written; its span covers the corrected instants too.
        shifts: corrections of clocks that may bear on its rows: `read_rows` gives them corrected, the file stays as it is.
        made: columns of its table that `read_rows` makes of another one where the file, written before there were any, has
            none.
    """

    table: str
    folder: Path
    staged: StagedFile
    shifts: tuple[ClockShift, ...] = ()
    made: Made | None = None

    @property
    def key(self) -> str:
        """Give a text that is another one whenever `read_rows` gives other rows: what is made of them is kept under it."""
        if not self.shifts:
            return self.staged.sha256
        return hashlib.sha256(f"{self.staged.sha256}:{self.shifts!r}".encode()).hexdigest()

    @property
    def path(self) -> Path:
        """Give the file's place on disk."""
        return self.folder / self.staged.path

    @property
    def lexicon_path(self) -> Path:
        """Give the place of its lexicon."""
        return self.folder / LEXICON_FOLDER / self.staged.path

    @property
    def index_path(self) -> Path:
        """Give the place of its index."""
        return self.folder / LEXICON_FOLDER / (self.staged.path + INDEX_SUFFIX)

    def written(self) -> list[tuple[Path, str]]:
        """Give the files that were written for it, each with its SHA-256."""
        places = (self.path, self.lexicon_path, self.index_path)
        sums = (self.staged.sha256, self.staged.lexicon_sha256, self.staged.index_sha256)
        return [(place, digest) for place, digest in zip(places, sums, strict=True) if digest]

    @property
    def first_utc(self) -> datetime | None:
        """Give the earliest instant in it."""
        return None if self.staged.first_us is None else utc_from_us(self.staged.first_us)

    @property
    def last_utc(self) -> datetime | None:
        """Give the latest instant in it."""
        return None if self.staged.last_us is None else utc_from_us(self.staged.last_us)


def sync_folder(path: Path) -> None:
    """Make a folder's entries durable, where the platform can."""
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _written(
    table: pa.Table, *, row_groups: Sequence[int], encodings: Mapping[str, str], store_schema: bool = False
) -> pa.Buffer:
    """Give a table as Parquet, in row groups of so many rows.

    Coded columns are written with the dictionary they have, in every row group: their codes come back as they are.

    Args:
        table: the rows.
        row_groups: rows of each row group.
        encodings: of the columns for which a dictionary of values only costs.
        store_schema: whether the Arrow schema is written too, metadata included.
    """
    paths = [path for one in table.schema for path in leaves(one.name, one.type)]
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink,
        table.schema,
        use_dictionary=[one for one in paths if one not in encodings] if encodings else True,
        column_encoding=dict(encodings) or None,
        compression="zstd",
        compression_level=3,
        dictionary_pagesize_limit=_DICTIONARY_BYTES,
        write_page_checksum=True,
        store_schema=store_schema,
        write_statistics=False,
    ) as writer:
        start = 0
        for rows in row_groups:
            writer.write_table(table.slice(start, rows), row_group_size=rows)
            start += rows
    return sink.getvalue()


def _groups(rows: int) -> list[int]:
    """Give the rows of the row groups of a data file."""
    return [min(ROW_GROUP_ROWS, rows - start) for start in range(0, rows, ROW_GROUP_ROWS)]


def _put(data: pa.Buffer | bytes, path: Path) -> str:
    """Write a file under a temporary name, sync, and rename; give its SHA-256.

    Raises:
        DiskFullError: no room left.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    try:
        with unfinished.open("wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        unfinished.replace(path)
        sync_folder(path.parent)
    except OSError as fault:
        if fault.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise DiskFullError(
                "no room left on the disk while writing the archive",
                place=Place(path),
                remedy="Free some space and run the same command again: it goes on where it stopped",
            ) from fault
        raise
    return hashlib.sha256(data).hexdigest()


def _sorted(table: pa.Table) -> pa.Table:
    """Sort by instant (unknown last), evidence, record number; leave alone what is sorted already."""
    times = table["time_utc"].cast(pa.int64()).fill_null(2**63 - 1).to_numpy()
    if len(times) < 2 or bool((times[1:] > times[:-1]).all()):
        return table
    evidence = lex.coded(table["evidence_id"])
    ranks = np.argsort(np.argsort(np.array(evidence.dictionary.to_pylist())))[evidence.indices.to_numpy()]
    order = np.lexsort((table["record_no"].to_numpy(), ranks, times))
    if bool((np.diff(order) == 1).all()):
        return table
    return _taken(table, pa.array(order))


def _taken(table: pa.Table, order: pa.Array) -> pa.Table:
    """Give rows in another order; a column without any value is in every order already."""
    held = [one.null_count < table.num_rows for one in table.columns]
    moved = iter(table.select([place for place, some in enumerate(held) if some]).take(order).columns)
    columns = [next(moved) if some else one for one, some in zip(table.columns, held, strict=True)]
    return pa.table(columns, schema=table.schema)


def _months(table: pa.Table) -> Iterator[tuple[str | None, pa.Table]]:
    """Cut a sorted table at the months."""
    if not table.num_rows:
        return
    times = table["time_utc"].combine_chunks()
    ends_of = pc.strftime(times.take(pa.array([0, len(times) - 1])), format="%Y-%m").to_pylist()
    if ends_of[0] == ends_of[1]:
        yield ends_of[0], table
        return
    ends = pc.run_end_encode(pc.add(pc.multiply(pc.year(times), 12), pc.month(times))).run_ends
    months = pc.strftime(times.take(pc.subtract(ends, 1)), format="%Y-%m")
    start = 0
    for end, month in zip(ends.to_pylist(), months.to_pylist(), strict=True):
        yield month, table.slice(start, end - start)
        start = end


def conform(rows: pa.RecordBatch | pa.Table, spec: TableSpec) -> pa.Table:
    """Give rows the column order and types that `stage` takes: lexicon columns dictionary-coded, the others plain."""
    columns = []
    for one in spec.schema:
        column = rows.column(one.name)
        if one.name in spec.lexicon or one.name == EVIDENCE_ID.name:
            columns.append(lex.coded(column))
        else:
            columns.append(column if column.type == one.type else column.cast(one.type))
    return pa.table(columns, names=spec.schema.names)


def discard(folder: Path, files: Iterable[StagedFile]) -> None:
    """Remove staged files and their lexicons; they must not be part of the table."""
    for one in files:
        (folder / one.path).unlink(missing_ok=True)
        (folder / LEXICON_FOLDER / one.path).unlink(missing_ok=True)
        (folder / LEXICON_FOLDER / (one.path + INDEX_SUFFIX)).unlink(missing_ok=True)


def stage(folder: Path, spec: TableSpec, table: pa.Table, name: str) -> list[StagedFile]:
    """Write rows as data files, one a month, each with its lexicon; nothing is part of the table yet.

    Args:
        folder: the table's folder.
        spec: the table.
        table: rows in the table's schema; text columns may be dictionary-coded.
        name: stem of the file names; the same rows under the same name give the same bytes.

    Raises:
        DiskFullError: no room left.
    """
    rows = _sorted(conform(table, spec))
    del table  # the largest thing in memory, and its columns are in `rows` now
    out: list[StagedFile] = []
    for month, part in _months(rows):
        relative = f"month={month or 'unknown'}/{name}.parquet"
        span = pc.min_max(part["time_utc"].cast(pa.int64()))
        first, last = span["min"].as_py(), span["max"].as_py()
        ranked, names = _ranked(part, spec)
        data = _written(ranked, row_groups=_groups(part.num_rows), encodings=how.encodings(ranked))
        digest = _put(data, folder / relative)
        digests = (
            _put_lexicon(folder / LEXICON_FOLDER / relative, spec, ranked, names, data) if spec.lexicon else ("", "")
        )
        out.append(StagedFile(relative, month, part.num_rows, data.size, digest, digests[0], first, last, digests[1]))
    return out


def _put_lexicon(
    place: Path, spec: TableSpec, rows: pa.Table, ranked: Sequence[str], data: pa.Buffer
) -> tuple[str, str]:
    """Write the lexicon and the index of a data file; give their hashes."""
    words = lex.build(rows, spec, is_ranked=True)
    groups = words.groups()
    # the Arrow schema is stored too: its metadata says which columns are complete
    stored = _written(words.as_stored(), row_groups=groups, encodings=_LEXICON_ENCODINGS, store_schema=True)
    known = sorted(words.complete & set(ranked))
    index = Index(
        rows=rows.num_rows,
        complete=tuple(sorted(words.complete)),
        ranked=tuple(known),
        columns=tuple(words.spans()),
        nulls={name: rows[name].null_count for name in known},
        grams={name: grams(_dictionary(rows[name])) for name in known},
        groups=tuple(groups),
        data=cut(data),
        lexicon=cut(stored),
        empty=tuple(sorted(name for name in rows.column_names if rows[name].null_count == rows.num_rows)),
    )
    return _put(stored, place), _put(idx.encoded(index), place.with_name(place.name + INDEX_SUFFIX))


def _dictionary(column: pa.ChunkedArray) -> pa.StringArray:
    """Give the distinct texts of a column that is coded by rank."""
    return column.chunk(0).dictionary if column.num_chunks else pa.array([], pa.string())


def _ranked(part: pa.Table, spec: TableSpec) -> tuple[pa.Table, list[str]]:
    """Code columns by rank, with a dictionary of what they hold; those with too many values become plain again.

    Returns:
        The rows, and the columns coded by rank.
    """
    limit = lex.distinct_limit(part.num_rows)
    columns = []
    names = []
    for one in spec.schema:
        column = part[one.name]
        if pa.types.is_dictionary(column.type):
            if column.null_count == len(column):
                column = pa.DictionaryArray.from_arrays(pa.nulls(len(column), pa.int32()), pa.array([], pa.string()))
                names.append(one.name)
            elif len(used := pc.unique((whole := lex.coded(column)).indices)) <= limit:
                column = lex.ranked(whole, used)
                names.append(one.name)
            else:
                column = whole.cast(pa.string())
        columns.append(column)
    return pa.table(columns, names=part.column_names), names


def read_index(file: DataFile) -> Index | None:
    """Read the index of a data file; None where it has none.

    Raises:
        CustodyError: the index is not what was written.
    """
    if not file.staged.index_sha256:
        return None
    data = open_verified(file.index_path, file.staged.index_sha256).read()
    try:
        return idx.decoded(data)
    except msgspec.MsgspecError as fault:
        raise not_as_written(file.index_path) from fault


def read_rows(file: DataFile, columns: Sequence[str], *, dictionary: Sequence[str] = ()) -> pa.Table:
    """Read columns of a data file, text columns named in `dictionary` as dictionary-coded.

    Instants are corrected where the file's `shifts` say so, and rows are in the order of the corrected ones. The column
    `AS_WRITTEN` may be asked for then: the instant as written of rows whose instant was corrected.

    Raises:
        CustodyError: the file is not what was written.
    """
    return ColumnReader(file, dictionary).read(columns)


class ColumnReader:
    """The columns of a data file, each read and verified when it is asked for; index and footer are read once."""

    def __init__(self, file: DataFile, dictionary: Sequence[str] = (), *, also: Sequence[str] = ()) -> None:
        """Open a data file.

        Args:
            file: the data file.
            dictionary: text columns to be given as dictionary-coded; of maps and lists what they hold is.
            also: text columns to be given so only if they were written so, as most are that repeat their values.

        Raises:
            CustodyError: the index, the footer or, where there is no index, the file is not what was written.
        """
        self._file = file
        index = read_index(file)
        self._parts = PartsReader(file.path, index.data) if index is not None else None
        self._empty = frozenset(() if index is None else index.empty)
        source = open_verified(file.path, file.staged.sha256) if self._parts is None else self._parts.holding(())
        about = pq.read_metadata(source) if self._parts is None else self._parts.about
        unique = without_dictionary(about)
        self._held = frozenset(about.schema.to_arrow_schema().names)
        self._dictionary = frozenset(dictionary)
        self._unique = unique.intersection(dictionary)
        self._reader = pq.ParquetFile(
            source,
            metadata=about,
            read_dictionary=sorted(columns_in(about, [*dictionary, *also]) - unique),
            page_checksum_verification=True,
        )

    def read(self, columns: Sequence[str]) -> pa.Table:
        """Read columns, as `read_rows` does.

        Raises:
            CustodyError: one of them is not what was written.
        """
        if not self._file.shifts:
            return self._read(columns)
        wanted = [one for one in columns if one != AS_WRITTEN]
        whole = self._read([*wanted, *needed(wanted, self._reader.schema_arrow.names)])
        return shifted(whole, self._file.table, self._file.shifts).select(list(columns))

    def _read(self, columns: Sequence[str]) -> pa.Table:
        made = self._file.made
        lacking = [] if made is None else [one for one in made.names.intersection(columns) if one not in self._held]
        if made is None or not lacking:
            return self._stored(columns)
        whole = self._stored(dict.fromkeys([*(one for one in columns if one not in lacking), made.of]))
        found = made.make(whole[made.of])
        for name in lacking:
            column = found[name]
            plain = pa.types.is_dictionary(column.type) and name not in self._dictionary
            whole = whole.append_column(name, column.cast(pa.string()) if plain else column)
        return whole.select(list(columns))

    def _stored(self, columns: Iterable[str]) -> pa.Table:
        names = list(columns)
        # by the index, which was verified: there is nothing to read
        empty = self._empty.intersection(names)
        wanted = [one for one in names if one not in empty]
        if self._parts is not None:
            self._parts.holding(wanted)  # the reader looks into the same memory
        rows = self._reader.read(columns=wanted, use_threads=False)
        for name in sorted(self._unique.intersection(rows.column_names)):
            rows = rows.set_column(rows.schema.get_field_index(name), name, rows[name].dictionary_encode())
        if not empty:
            return rows
        kinds = {one: self._reader.schema_arrow.field(one).type for one in empty}
        nothing = {one: pa.nulls(self._file.staged.rows, kind) for one, kind in kinds.items()}
        return pa.table([nothing[one] if one in empty else rows[one] for one in names], names=names)


class RowGroups:
    """A data file whose rows are read as written, a row group at a time; what is written now is one row group."""

    def __init__(self, file: DataFile, columns: Sequence[str]) -> None:
        """Open a data file.

        Raises:
            CustodyError: the file is not what was written.
        """
        source = open_verified(file.path, file.staged.sha256)
        self._reader = pq.ParquetFile(source, page_checksum_verification=True)
        self._columns = list(columns)
        about = self._reader.metadata
        sizes = [about.row_group(one).num_rows for one in range(about.num_row_groups)]
        self._starts = np.concatenate(([0], np.cumsum(sizes)))
        self._held: tuple[int, pa.Table] = (-1, pa.table({}))

    def __iter__(self) -> Iterator[tuple[int, pa.Table]]:
        """Yield the place of each stretch's first row, and the stretch."""
        for group in range(len(self._starts) - 1):
            yield int(self._starts[group]), self._group(group)

    def take(self, places: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pa.Table:
        """Give rows by their place in the file, in that order."""
        groups = np.searchsorted(self._starts, places, "right") - 1
        parts, order = [], []
        for group in np.unique(groups).tolist():
            mine = np.flatnonzero(groups == group)
            parts.append(self._group(group).take(pa.array(places[mine] - self._starts[group])))
            order.append(mine)
        if len(parts) == 1:
            return parts[0]
        back = np.empty(len(places), np.int64)
        if parts:
            back[np.concatenate(order)] = np.arange(len(places))
        found = parts or [self._reader.schema_arrow.empty_table().select(self._columns)]
        return pa.concat_tables(found).take(pa.array(back))

    def _group(self, group: int) -> pa.Table:
        if self._held[0] != group:
            self._held = (-1, pa.table({}))
            # column by column: a column without any value takes no room
            columns = [self._column(group, name) for name in self._columns]
            self._held = (group, pa.table(columns, names=self._columns))
        return self._held[1]

    def _column(self, group: int, name: str) -> pa.ChunkedArray | pa.Array:
        column = self._reader.read_row_group(group, columns=[name], use_threads=False)[name]
        return pa.nulls(len(column)) if column.null_count == len(column) else column


def read_lexicon(file: DataFile) -> Lexicon:
    """Read the lexicon of a data file.

    Raises:
        CustodyError: the lexicon is not what was written.
    """
    source = open_verified(file.lexicon_path, file.staged.lexicon_sha256)
    table = pq.read_table(source, page_checksum_verification=True, read_dictionary=["column"])
    return Lexicon.from_stored(table)


def distinct_texts(file: DataFile, column: str) -> list[str | None]:
    """Give each text of a column once, from the lexicon where that holds the column in full; None for rows without one.

    Raises:
        CustodyError: the file is not what was written.
    """
    index = read_index(file)
    if index is not None and column in index.complete:
        # nothing else of the lexicon is read: there are many columns, and data files by the hundred
        known: list[str | None] = WordsReader(file, index).read(column)[0].to_pylist()
        return known
    lexicon = read_lexicon(file) if index is None else None
    whole = lexicon is not None and column in lexicon.complete
    found: list[str | None] = (
        lexicon.column(column)["value"]
        if lexicon is not None and whole
        else pc.unique(read_rows(file, (column,))[column])
    ).to_pylist()
    return found


class WordsReader:
    """The columns of a lexicon, each read and verified when it is asked for; the footer is read once."""

    def __init__(self, file: DataFile, index: Index) -> None:
        """Take a data file with its index; nothing is read yet."""
        self._path = file.lexicon_path
        self._index = index
        self._opened: tuple[PartsReader, pq.ParquetFile] | None = None

    def read(self, name: str) -> tuple[pa.StringArray, npt.NDArray[np.int64]]:
        """Read the texts of one column with their counts, and nothing else.

        Returns:
            The texts in order, null for none at the end; rows of the data file that hold each.

        Raises:
            CustodyError: what is read is not what was written.
        """
        place = self._index.place(name)
        if place is None:
            return pa.array([], pa.string()), np.zeros(0, np.int64)
        group, first, rows = place
        names = ["value", "count"]
        if self._opened is None:
            parts = PartsReader(self._path, self._index.lexicon)
            source = parts.holding(())
            self._opened = parts, pq.ParquetFile(source, metadata=parts.about, page_checksum_verification=True)
        parts, reader = self._opened
        parts.holding(names, [group])  # the reader looks into the same memory
        table = reader.read_row_group(group, columns=names, use_threads=False).slice(first, rows).combine_chunks()
        return pa.concat_arrays(table["value"].chunks), table["count"].to_numpy().astype(np.int64)
