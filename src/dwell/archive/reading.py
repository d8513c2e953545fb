"""Reading a file of the archive: nothing is believed whose hash is not the one that was written down."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa

from dwell.errors import CustodyError, Place

__all__ = ["gone", "not_as_written", "open_verified"]

_REMEDY = "Restore the case folder from its copy, or ingest the evidence anew"


def gone(path: Path, fault: OSError) -> CustodyError:
    """Give the error for a file that cannot be read."""
    return CustodyError(f"a file of the archive cannot be read: {fault.strerror}", place=Place(path), remedy=_REMEDY)


def not_as_written(path: Path) -> CustodyError:
    """Give the error for a file that is there and is another one."""
    return CustodyError(
        "a file of the archive is not what was written (its SHA-256 differs)", place=Place(path), remedy=_REMEDY
    )


def open_verified(path: Path, sha256: str) -> pa.BufferReader:
    """Read a file whole and compare its hash before any byte of it is believed.

    Raises:
        CustodyError: the file is gone or not what was written.
    """
    try:
        data = path.read_bytes()
    except OSError as fault:
        raise gone(path, fault) from fault
    if hashlib.sha256(data).hexdigest() != sha256:
        raise not_as_written(path)
    return pa.BufferReader(data)
