"""Entries of the master file table of NTFS, as MFTECmd lists them: every name of every file, deleted ones as well.

Source:
    Eric Zimmerman, MFTECmd, `--csv`. `ParentPath` and `FileName` make `Path`; all other columns go to `extra`.
    Unverified: built from a description, no sample seen; a real file would verify it.
Time:
    UTC, from 100 ns cut to the microsecond. `LastModified0x10` becomes `LastWriteTimeUtc` and `time_utc`, `Created0x10`
    becomes `CreationTimeUtc`; the `0x30` stamps, which programs cannot set so easily, stay in `extra`, where they are
    only written if they differ.
Units:
    One row is one name of one entry; `Size` bytes.

Raises:
    Nothing. A line that cannot be read is an anomaly.
Trust:
    `0x10` stamps are whatever was last set: `SI<FN` and `uSecZeros` tell of it. Names are free text.
Silence:
    A path that is absent was never there or its entry was used again; `InUse` says which entries are deleted files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import BinaryIO, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.instants import TimeBasis
from dwell.sources.columns import extra_map
from dwell.sources.csv_export import CsvExport
from dwell.sources.inventory import Inventory
from dwell.sources.source import EXTRA, Batch, Guess, Hint, Sniff, Source, Stamp

__all__ = ["Mftecmd"]

_TEXT = pa.string()
_TIME = pa.timestamp("us", tz="UTC")
_KEPT = (
    "EntryNumber", "SequenceNumber", "InUse", "ParentEntryNumber", "ParentSequenceNumber", "Extension",
    "ReferenceCount", "ReparseTarget", "IsDirectory", "HasAds", "IsAds", "SI<FN", "uSecZeros", "Copied", "SiFlags",
    "NameType", "Created0x30", "LastModified0x30", "LastRecordChange0x10", "LastRecordChange0x30", "LastAccess0x10",
    "LastAccess0x30", "UpdateSequenceNumber", "LogfileSequenceNumber", "SecurityId", "ObjectIdFileDroid",
    "LoggedUtilStream", "ZoneIdContents", "SourceFile",
)  # fmt: skip
_COLUMNS: dict[str, pa.DataType] = {
    "ParentPath": _TEXT,
    "FileName": _TEXT,
    "FileSize": pa.int64(),
    "Created0x10": _TIME,
    "LastModified0x10": _TIME,
    **dict.fromkeys(_KEPT, _TEXT),
}


class _Table(CsvExport):
    """The tool's own columns, before they are put into those of the inventory."""

    key = "mftecmd-table"
    title = ""
    is_log = False
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    marks = (frozenset({"entrynumber"}), frozenset({"parentpath"}), frozenset({"created0x10"}))
    schema = CsvExport.table_schema(_COLUMNS)
    time_name = "LastModified0x10"


class Mftecmd(Source):
    """Master file table, MFTECmd."""

    key = "mftecmd"
    stamp = Stamp("LastModified0x10", TimeBasis.UTC, "microsecond")
    title = "Master file table (MFTECmd, CSV)"
    is_log = False
    schema = Inventory.schema
    lexicon = Inventory.lexicon

    def __init__(self) -> None:
        self._inner = _Table()

    @property
    def table(self) -> str:
        """Give the table of inventories."""
        return "inventory"

    def identify(self, sniff: Sniff) -> Guess | None:
        """Go by the names in the header."""
        found = self._inner.identify(sniff)
        return None if found is None else Guess(95, self.key, "the header names MFTECmd's columns")

    def read(self, stream: BinaryIO, hint: Hint) -> Iterator[Batch]:
        """Yield the entries."""
        for batch in self._inner.read(stream, hint):
            if batch.records is not None:
                batch.records = _as_inventory(batch.records)
            yield batch


def _as_inventory(records: pa.RecordBatch) -> pa.RecordBatch:
    count = records.num_rows
    parent, name = (pc.fill_null(records[one].cast(_TEXT), "") for one in ("ParentPath", "FileName"))
    joined = pc.binary_join_element_wise(parent, name, "\\")
    columns = {
        "record_no": records["record_no"],
        "time_utc": records["time_utc"],
        "host": records["host"],
        "Path": pc.if_else(pc.equal(parent, ""), name, joined),
        "SHA256": pa.nulls(count, _TEXT),
        "Size": records["FileSize"],
        "CreationTimeUtc": records["Created0x10"],
        "LastWriteTimeUtc": records["LastModified0x10"],
        EXTRA.name: _extra(records),
    }
    return pa.RecordBatch.from_arrays([columns[one] for one in Inventory.schema.names], schema=Inventory.schema)


def _extra(records: pa.RecordBatch) -> pa.Array:
    """Gather the columns that an inventory has not, and what the tool wrote besides."""
    held = extra_map({name: records[name].cast(_TEXT) for name in _KEPT}, records.num_rows)
    more = records[EXTRA.name]
    if more.null_count == len(more):
        return held
    pairs = zip(held.to_pylist(), more.to_pylist(), strict=True)
    return pa.array([[*(one or []), *(two or [])] or None for one, two in pairs], EXTRA.type)
