"""Backup lists: which restore points there are.

Source:
    A list as the operator writes it from the backup catalogue: `host,kind,restore_point_utc,path`, others kept.
Time:
    `restore_point_utc` is UTC, ISO 8601, the moment whose state would be restored; it becomes `time_utc`.
Units:
    One row is one restore point.

Raises:
    Nothing. A line that cannot be read is an anomaly.
Trust:
    The list is what its writer says; nothing here shows that a restore point can be read, or what is in it.
Silence:
    A restore point that is absent may have been deleted, by rotation or by an intruder, or not been listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pyarrow as pa

from dwell.model.instants import TimeBasis
from dwell.sources.csv_export import CsvExport
from dwell.sources.source import Stamp

__all__ = ["Backups"]

_COLUMNS: dict[str, pa.DataType] = {
    "kind": pa.string(),
    "restore_point_utc": pa.timestamp("us", tz="UTC"),
    "path": pa.string(),
}


class Backups(CsvExport):
    """Backup list."""

    key = "backups"
    stamp = Stamp("restore_point_utc", TimeBasis.UTC)
    title = "Backup list (CSV)"
    is_log = False
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    marks = (frozenset({"restore_point_utc"}), frozenset({"host"}))
    schema = CsvExport.table_schema(_COLUMNS)
    time_name = "restore_point_utc"
    host_name = "host"
