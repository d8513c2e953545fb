"""Files written whole or not at all, of which a reader sees all or nothing, whoever else writes the same one meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["written_whole"]


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield the place of an unfinished file, which takes the place of `path` where nothing went wrong until the end.

    Two processes that write the same file at once do not meet, and nothing unfinished stays behind a fault. The file is not
    synced to the disk: this is for what can be made again.

    Args:
        path: the file; its folder is made.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
