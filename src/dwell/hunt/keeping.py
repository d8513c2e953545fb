"""Arrow tables kept beside the case: written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from dwell.casebook.whole_files import written_whole

__all__ = ["read_kept", "write_kept"]


def read_kept(path: Path) -> pa.Table:
    """Read a kept table.

    Raises:
        OSError, pa.ArrowInvalid: it is not there, or not whole.
    """
    with pa.OSFile(str(path), "rb") as handle:
        return pa.ipc.open_file(handle).read_all()


def write_kept(path: Path, table: pa.Table) -> None:
    """Keep a table; a reader sees all of it or none."""
    with (
        written_whole(path) as unfinished,
        pa.OSFile(str(unfinished), "wb") as handle,
        pa.ipc.new_file(handle, table.schema) as writer,
    ):
        writer.write_table(table)
