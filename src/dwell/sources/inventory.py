"""File inventories: path, hash, size and times of every file, as a responder's script or tool lists them.

Source:
    `Get-ChildItem | Select-Object` with `Get-FileHash`, and tools that write the same columns:
    `Path,SHA256,Size,CreationTimeUtc,LastWriteTimeUtc`, in any order, others kept.
Time:
    `CreationTimeUtc` and `LastWriteTimeUtc` are UTC by the file system's own stamps, which programs can set at will;
    `LastWriteTimeUtc` becomes `time_utc`. When the inventory was made is not in it.
Units:
    One row is one file; `Size` bytes.

Raises:
    Nothing. A line that cannot be read is an anomaly.
Trust:
    The stamps are whatever was last set (timestomping); the hash is as true as the tool that made it. Names are free text.
Silence:
    A path that is absent was not there, was not readable, or lies outside the folders that were listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pyarrow as pa

from dwell.model.instants import TimeBasis
from dwell.sources.csv_export import CsvExport
from dwell.sources.source import Stamp

__all__ = ["Inventory"]

_COLUMNS: dict[str, pa.DataType] = {
    "Path": pa.string(),
    "SHA256": pa.string(),
    "Size": pa.int64(),
    "CreationTimeUtc": pa.timestamp("us", tz="UTC"),
    "LastWriteTimeUtc": pa.timestamp("us", tz="UTC"),
}


class Inventory(CsvExport):
    """File inventory."""

    key = "inventory"
    stamp = Stamp("LastWriteTimeUtc", TimeBasis.UTC)
    title = "File inventory (CSV)"
    is_log = False
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    marks = (
        frozenset({"path"}),
        frozenset({"sha256", "size", "creationtimeutc"}),
        frozenset({"lastwritetimeutc", "creationtimeutc", "sha256"}),
    )
    schema = CsvExport.table_schema(_COLUMNS)
    time_name = "LastWriteTimeUtc"
    lexicon = ("Path", "SHA256")
