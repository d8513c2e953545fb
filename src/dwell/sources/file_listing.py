"""File inventories whose columns have other names: Velociraptor, `Get-FileHash`, CompareExchangeHashes, forensic suites.

Source:
    Velociraptor artifacts `Windows.NTFS.MFT`, `Generic.Forensic.LocalHashes` and file finders, as CSV or JSON lines;
    Microsoft CSS-Exchange `CompareExchangeHashes.ps1` (what it found stays in `extra` as `Error`); PowerShell
    `Get-FileHash` and `Get-ChildItem`; lists with `path,size,mtime,sha256`. Names are matched without regard to case.
Time:
    As for the inventory: the file system's own stamps. Those named `…Utc`, `Mtime`, `Btime` or `…0x10` are taken as
    UTC; a column that does not say so (`LastWriteTime`) stays as text in `extra`, and so does a date in the words of a
    culture.
Units:
    One row is one file; `Size` bytes.

Raises:
    Nothing. A line that cannot be read is an anomaly.
Trust:
    The stamps are whatever was last set (timestomping); the hash is as true as the tool that made it. Names are free
    text.
Silence:
    A path that is absent was not there, was not readable, or lies outside the folders that were listed.
    CompareExchangeHashes lists only what differs from its baseline.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.instants import TimeBasis
from dwell.sources.aliased_csv import AliasedCsv
from dwell.sources.inventory import Inventory
from dwell.sources.json_records import JsonRecords
from dwell.sources.source import EXTRA, Stamp

__all__ = ["FileListing", "FileListingJson"]

_PATHS = ("fullname", "ospath", "filepath", "fullpath", "file path", "full path", "full_path", "file_path")
_HASHES = ("filehash", "hash", "hash.sha256", "hash_sha256", "sha-256", "sha256hash", "hashes.sha256", "sha256_hash")
_SIZES = ("length", "filesize", "file_size", "size_bytes", "sizebytes", "file size", "logicalsize")
_WRITTEN = ("lastmodified0x10", "mtime", "modified", "modified_utc", "mtime_utc", "lastwritetime_utc", "modifiedutc")
_CREATED = ("created0x10", "btime", "created", "created_utc", "btime_utc", "creationtime_utc", "createdutc", "crtime")
_ALIASES: Mapping[str, str] = {
    **dict.fromkeys(_PATHS, "Path"),
    **dict.fromkeys(_HASHES, "SHA256"),
    **dict.fromkeys(_SIZES, "Size"),
    **dict.fromkeys(_WRITTEN, "LastWriteTimeUtc"),
    **dict.fromkeys(_CREATED, "CreationTimeUtc"),
}
_TIMES = frozenset({"lastwritetimeutc", "creationtimeutc", "lastwritetime", "creationtime", *_WRITTEN, *_CREATED})
_SUMS = frozenset({"sha256", "md5", "sha1", "hash.md5", "algorithm", *_HASHES})
_MARKS = (
    frozenset({"path", *_PATHS}),
    frozenset({"size", *_SIZES}) | _SUMS,
    _TIMES | _SUMS,
)
_SHA256 = r"^[0-9A-Fa-f]{64}$"


def _checked(records: pa.RecordBatch) -> pa.RecordBatch:
    """Move what is no SHA-256 from that column to `extra`: a column called `Hash` may hold any."""
    hashes = records["SHA256"].cast(pa.string())
    odd = pc.fill_null(pc.invert(pc.match_substring_regex(hashes, _SHA256)), fill_value=False)
    if not pc.any(odd).as_py():
        return records
    held: list[list[tuple[str, str]] | None] = records[EXTRA.name].to_pylist()
    for at in pc.indices_nonzero(odd).to_pylist():
        held[at] = [*(held[at] or []), ("Hash", hashes[at].as_py())]
    columns = dict(zip(records.schema.names, records.columns, strict=True))
    columns["SHA256"] = pc.if_else(odd, pa.scalar(None, pa.string()), hashes)
    columns[EXTRA.name] = pa.array(held, EXTRA.type)
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


class FileListing(AliasedCsv):
    """File inventory under other names, CSV."""

    key = "file_listing"
    stamp = Stamp("LastWriteTimeUtc, Mtime or LastModified0x10", TimeBasis.UTC)
    title = "File listing of a tool (CSV)"
    is_log = False
    columns: ClassVar[Mapping[str, pa.DataType]] = Inventory.columns
    aliases: ClassVar[Mapping[str, str]] = _ALIASES
    time_names: ClassVar[tuple[str, ...]] = ("LastWriteTimeUtc",)
    marks = _MARKS
    score = 80
    schema = Inventory.schema
    lexicon = Inventory.lexicon

    @property
    def table(self) -> str:
        """Give the table of inventories."""
        return "inventory"

    def _completed(self, records: pa.RecordBatch) -> pa.RecordBatch:
        return _checked(records)


class FileListingJson(JsonRecords):
    """File inventory under other names, JSON."""

    key = "file_listing_json"
    stamp = Stamp("LastWriteTimeUtc, Mtime or LastModified0x10", TimeBasis.UTC)
    title = "File listing of a tool (JSON)"
    is_log = False
    columns: ClassVar[Mapping[str, pa.DataType]] = Inventory.columns
    aliases: ClassVar[Mapping[str, str]] = _ALIASES
    time_names: ClassVar[tuple[str, ...]] = ("LastWriteTimeUtc",)
    marks: ClassVar[tuple[frozenset[str], ...]] = _MARKS
    score = 75
    schema = Inventory.schema
    lexicon = Inventory.lexicon

    @property
    def table(self) -> str:
        """Give the table of inventories."""
        return "inventory"

    def _shaped(self, record: dict[str, Any]) -> dict[str, Any]:
        return record

    def _completed(self, records: pa.RecordBatch) -> pa.RecordBatch:
        return _checked(records)
