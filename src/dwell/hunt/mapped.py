"""A file that is read where it lies on the disk, and whose pages can be given back while it stays open."""

from __future__ import annotations

import mmap
from pathlib import Path

import pyarrow as pa

__all__ = ["Mapped"]


class Mapped:
    """A whole file in the address space of this process.

    The system counts every page that was ever looked at as memory of this process until it runs short. A pass over all
    hits of a large hunt would come to hold as much as these hits take.

    Attributes:
        buffer: what the file holds.
    """

    def __init__(self, path: Path) -> None:
        """Map a file.

        Raises:
            OSError: it cannot be read.
            ValueError: it is empty.
        """
        with path.open("rb") as handle:
            self._map = mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)
        self.buffer = pa.py_buffer(self._map)

    def forget(self) -> None:
        """Give its pages back; what is looked at afterwards is read from the disk again, or from the system's memory."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)
