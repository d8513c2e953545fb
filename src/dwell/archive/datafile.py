"""Writing and reading one data file: Parquet of our own making, synced, hashed, and hashed again before it is read."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dwell.archive import lexicon as lex
from dwell.archive.lexicon import Lexicon
from dwell.archive.shifts import AS_WRITTEN, ClockShift, needed, shifted
from dwell.archive.spec import EVIDENCE_ID, ROW_GROUP_ROWS, TableSpec
from dwell.errors import CustodyError, DiskFullError, Place
from dwell.model.instants import utc_from_us

__all__ = [
    "LEXICON_FOLDER",
    "DataFile",
    "StagedFile",
    "conform",
    "discard",
    "open_verified",
    "read_lexicon",
    "read_rows",
    "stage",
    "sync_folder",
]

RECORD_NO, TIME_UTC = "record_no", "time_utc"
_SAMPLE_ROWS = 4_096
LEXICON_FOLDER = "_lexicon"
"""Lexicons lie in a folder of their own whose name other readers of the table pass over."""
_DICTIONARY_BYTES = 4 * 1024 * 1024
"""A row group's dictionary of a column; beyond it values are written out, and have to be coded again when read."""


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
    """

    path: str
    month: str | None
    rows: int
    size_bytes: int
    sha256: str
    lexicon_sha256: str
    first_us: int | None
    last_us: int | None

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
    """

    table: str
    folder: Path
    staged: StagedFile
    shifts: tuple[ClockShift, ...] = ()

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


def _encodings(table: pa.Table) -> dict[str, str]:
    """Choose encodings where a dictionary of values only costs: numbers that rise, and texts that are nearly unique."""
    rising = [one for one in (RECORD_NO, TIME_UTC) if one in table.column_names]
    found = dict.fromkeys(rising, "DELTA_BINARY_PACKED")
    sample = table.slice(0, _SAMPLE_ROWS)
    texts = [one.name for one in table.schema if pa.types.is_string(one.type)]
    for name in texts if table.num_rows >= _SAMPLE_ROWS else []:
        if pc.count_distinct(sample[name]).as_py() > _SAMPLE_ROWS // 2:
            found[name] = "DELTA_LENGTH_BYTE_ARRAY"
    return found


def _plain(table: pa.Table) -> pa.Table:
    """Give dictionary-coded columns as plain ones, so that a row group gets a dictionary of its own values only.

    A coded column would be written with its whole dictionary in every row group.
    """
    columns = [one.cast(one.type.value_type) if pa.types.is_dictionary(one.type) else one for one in table.columns]
    return pa.table(columns, names=table.column_names)


def _write(table: pa.Table, path: Path, *, row_group_rows: int, store_schema: bool = False) -> tuple[int, str]:
    """Write Parquet under a temporary name, sync, and rename; give size and SHA-256.

    Raises:
        DiskFullError: no room left.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    sink = pa.BufferOutputStream()
    encodings = _encodings(table)
    with pq.ParquetWriter(
        sink,
        table.schema if store_schema else _plain(table.slice(0, 0)).schema,
        use_dictionary=[one for one in table.column_names if one not in encodings] if encodings else True,
        column_encoding=encodings or None,
        compression="zstd",
        compression_level=3,
        dictionary_pagesize_limit=_DICTIONARY_BYTES,
        write_page_checksum=True,
        store_schema=store_schema,
        write_statistics=False,
    ) as writer:
        for start in range(0, table.num_rows, row_group_rows):
            part = table.slice(start, row_group_rows)
            writer.write_table(part if store_schema else _plain(part), row_group_size=row_group_rows)
    data = sink.getvalue()
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
    return data.size, hashlib.sha256(data).hexdigest()


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
        trimmed = _trimmed(part, spec) if part.num_rows < rows.num_rows else part
        size, digest = _write(trimmed, folder / relative, row_group_rows=ROW_GROUP_ROWS)
        lexicon_digest = ""
        if spec.lexicon:
            place = folder / LEXICON_FOLDER / relative
            # the Arrow schema is stored too: its metadata says which columns are complete
            words = lex.build(trimmed, spec).as_stored()
            _, lexicon_digest = _write(words, place, row_group_rows=lex.DISTINCT_MAX, store_schema=True)
        span = pc.min_max(part["time_utc"].cast(pa.int64()))
        out.append(
            StagedFile(
                relative, month, part.num_rows, size, digest, lexicon_digest, span["min"].as_py(), span["max"].as_py()
            )
        )
    return out


def _trimmed(part: pa.Table, spec: TableSpec) -> pa.Table:
    """Drop dictionary values that a slice does not use, so that the lexicon holds only what the file holds."""
    columns = []
    for one in spec.schema:
        column = part[one.name]
        if pa.types.is_dictionary(column.type) and column.null_count == len(column):
            column = pa.DictionaryArray.from_arrays(pa.nulls(len(column), pa.int32()), pa.array([], pa.string()))
        elif pa.types.is_dictionary(column.type):
            whole = lex.coded(column)
            used = whole.indices.dictionary_encode()
            column = pa.DictionaryArray.from_arrays(used.indices, whole.dictionary.take(used.dictionary))
        columns.append(column)
    return pa.table(columns, names=part.column_names)


def open_verified(path: Path, sha256: str) -> pa.BufferReader:
    """Read a file whole and compare its hash before any byte of it is believed.

    Raises:
        CustodyError: the file is gone or not what was written.
    """
    try:
        data = path.read_bytes()
    except OSError as fault:
        raise CustodyError(
            f"a file of the archive cannot be read: {fault.strerror}",
            place=Place(path),
            remedy="Restore the case folder from its copy, or ingest the evidence anew",
        ) from fault
    if hashlib.sha256(data).hexdigest() != sha256:
        raise CustodyError(
            "a file of the archive is not what was written (its SHA-256 differs)",
            place=Place(path),
            remedy="Restore the case folder from its copy, or ingest the evidence anew",
        )
    return pa.BufferReader(data)


def read_rows(file: DataFile, columns: Sequence[str], *, dictionary: Sequence[str] = ()) -> pa.Table:
    """Read columns of a data file, text columns named in `dictionary` as dictionary-coded.

    Instants are corrected where the file's `shifts` say so, and rows are in the order of the corrected ones. The column
    `shifts.AS_WRITTEN` may be asked for then: the instant as written of rows whose instant was corrected.

    Raises:
        CustodyError: the file is not what was written.
    """
    if not file.shifts:
        return _read(file, columns, dictionary)
    wanted = [one for one in columns if one != AS_WRITTEN]
    return shifted(_read(file, wanted, dictionary, correcting=True), file.table, file.shifts).select(list(columns))


def _read(file: DataFile, columns: Sequence[str], dictionary: Sequence[str], *, correcting: bool = False) -> pa.Table:
    """Read columns as written, with those that correcting needs where that is meant."""
    source = open_verified(file.path, file.staged.sha256)
    about = pq.read_metadata(source)
    unique = _without_dictionary(about) & set(dictionary)
    reader = pq.ParquetFile(
        source,
        metadata=about,
        read_dictionary=[one for one in dictionary if one not in unique],
        page_checksum_verification=True,
    )
    more = needed(columns, reader.schema_arrow.names) if correcting else []
    rows = reader.read(columns=[*columns, *more], use_threads=False)
    for name in sorted(unique & set(rows.column_names)):
        rows = rows.set_column(rows.schema.get_field_index(name), name, rows[name].dictionary_encode())
    return rows


def _without_dictionary(about: pq.FileMetaData) -> set[str]:
    """Give the columns that the library cannot read as dictionary-coded, because they were not written so."""
    out: set[str] = set()
    for group in range(about.num_row_groups):
        columns = (about.row_group(group).column(place) for place in range(about.num_columns))
        out |= {one.path_in_schema for one in columns if "DELTA_LENGTH_BYTE_ARRAY" in one.encodings}
    return out


def read_lexicon(file: DataFile) -> Lexicon:
    """Read the lexicon of a data file.

    Raises:
        CustodyError: the lexicon is not what was written.
    """
    source = open_verified(file.lexicon_path, file.staged.lexicon_sha256)
    table = pq.read_table(source, page_checksum_verification=True, read_dictionary=["column"])
    return Lexicon.from_stored(table)
