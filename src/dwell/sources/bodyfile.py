"""Body files: path, owner, size and four times of every file, as `fls -m`, `mactime` and collectors write them.

Source:
    The Sleuth Kit, "Body file", version 3: `MD5|name|inode|mode|UID|GID|size|atime|mtime|ctime|crtime`. `name` becomes
    `Path`, a note that the file is deleted and the target of a link go to `extra`, as does all that has no column.
Time:
    Seconds since 1970, UTC, by the file system's own stamps, which programs can set at will; 0 is none. `mtime` becomes
    `LastWriteTimeUtc` and `time_utc`, `crtime` becomes `CreationTimeUtc`; `atime` and `ctime` stay seconds in `extra`.
Units:
    One row is one name of one file; `Size` bytes.

Raises:
    Nothing. A line that has not eleven values is an anomaly.
Trust:
    The stamps are whatever was last set; names are free text, and a name may hold the separator.
Silence:
    A path that is absent was not there, lies outside what was listed, or its entry was used again.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.instants import TimeBasis
from dwell.sources.inventory import Inventory
from dwell.sources.matched import Matched, State, split
from dwell.sources.source import Stamp
from dwell.sources.time_words import by_value, epochs

__all__ = ["Bodyfile"]

_SECONDS = r"-?\d{1,12}(?:\.\d{1,9})?"
_SHAPE = (
    r"^(?P<MD5>[0-9A-Fa-f]{32}|0?)\|(?P<name>.*)\|(?P<inode>[0-9-]*)\|(?P<mode>[^|]*)\|(?P<UID>-?\d*)\|(?P<GID>-?\d*)"
    rf"\|(?P<Size>\d{{1,18}})\|(?P<atime>{_SECONDS})\|(?P<mtime>{_SECONDS})\|(?P<ctime>{_SECONDS})\|(?P<crtime>{_SECONDS})$"
)
_NAME = r"^(?P<path>.*?)(?: -> (?P<target>.*?))?(?P<deleted> \(deleted(?:-realloc)?\))?$"


class Bodyfile(Matched):
    """Body file."""

    key = "bodyfile"
    stamp = Stamp("mtime", TimeBasis.UTC, "second")
    title = "Body file (mactime)"
    is_log = False
    schema = Inventory.schema
    lexicon = Inventory.lexicon
    columns = Inventory.columns
    shapes = (_SHAPE,)
    blanks = ("",)
    comment = "#"
    score = 92
    told = "eleven values parted by upright strokes"
    fault = "no eleven values parted by upright strokes"

    @property
    def table(self) -> str:
        """Give the table of inventories."""
        return "inventory"

    def _widen(self, table: pa.Table, shape: int, state: State) -> pa.Table:
        del shape, state
        parts = split(table["name"], _NAME)
        deleted = pc.if_else(parts["deleted"].is_valid(), pa.scalar("true"), pa.scalar(None, pa.string()))
        added = {
            "Path": parts["path"],
            "target": parts["target"],
            "deleted": deleted,
            "LastWriteTimeUtc": by_value(table["mtime"], epochs),
            "CreationTimeUtc": by_value(table["crtime"], epochs),
        }
        for name, column in added.items():
            table = table.append_column(name, column)
        return table.drop_columns(["name", "mtime", "crtime"])

    def _times(self, table: pa.Table, state: State) -> pa.Array:
        del state
        return table["LastWriteTimeUtc"].combine_chunks()
