"""Operator faults: what the person at the keyboard can do something about.

Evidence faults are never raised; they are `dwell.model.provenance.Anomaly` records.

::

    DwellError                     1   an internal fault, unless a subclass says otherwise
    ├── UsageError                 2   the command line or a setting is wrong
    ├── NoEvidenceError           10   nothing recognised as evidence
    ├── CustodyError              12   evidence or tables are not what was registered
    ├── RuleFileError             13   a rule or indicator file is bad
    ├── CaseError                 14   the case is locked, of another version, or not a case
    ├── OutputExistsError         15   refusing to overwrite
    ├── ArchiveError               1   the archive cannot be read or written
    │   └── DiskFullError          1   no room left; resumable
    └── WorkerError                1   a worker process died again and again on the same item
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "EXIT_FINDINGS",
    "EXIT_INTERRUPTED",
    "EXIT_SOME_UNREADABLE",
    "ArchiveError",
    "CaseError",
    "CustodyError",
    "DiskFullError",
    "DwellError",
    "NoEvidenceError",
    "OutputExistsError",
    "Place",
    "RuleFileError",
    "UsageError",
    "WorkerError",
    "is_disk_full",
    "room_for",
]

EXIT_SOME_UNREADABLE = 11
EXIT_FINDINGS = 20
EXIT_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Place:
    """Where a fault lies.

    Attributes:
        path: the file.
        line: 1-based line, where known.
        offset_bytes: byte offset from the start of the file, where known.
    """

    path: Path | str
    line: int | None = None
    offset_bytes: int | None = None

    def __str__(self) -> str:
        """Give `path:line` or `path@offset`."""
        if self.line is not None:
            return f"{self.path}:{self.line}"
        if self.offset_bytes is not None:
            return f"{self.path}@{self.offset_bytes}"
        return str(self.path)


class DwellError(Exception):
    """Base of all operator faults.

    Attributes:
        what: what went wrong.
        place: where.
        remedy: what to do about it.
    """

    exit_code = 1
    code = "internal"

    def __init__(self, what: str, *, place: Place | None = None, remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.place = place
        self.remedy = remedy

    def __str__(self) -> str:
        """Give what, where and what to do, in one line."""
        where = f" ({self.place})" if self.place is not None else ""
        todo = f". {self.remedy}" if self.remedy else ""
        return f"{self.what}{where}{todo}"


class UsageError(DwellError):
    """The command line or a setting is wrong."""

    exit_code = 2
    code = "usage"


class NoEvidenceError(DwellError):
    """Nothing that was given is recognised as evidence."""

    exit_code = 10
    code = "no-evidence"


class CustodyError(DwellError):
    """Evidence, tables or the custody log are not what was registered."""

    exit_code = 12
    code = "custody"


class RuleFileError(DwellError):
    """A rule or indicator file cannot be used."""

    exit_code = 13
    code = "rule-file"


class CaseError(DwellError):
    """The case folder is locked, of another version, or no case."""

    exit_code = 14
    code = "case"


class OutputExistsError(DwellError):
    """The output is there already and `--force` was not given."""

    exit_code = 15
    code = "output-exists"


class ArchiveError(DwellError):
    """A table of the archive cannot be read or written."""

    code = "archive"


class DiskFullError(ArchiveError):
    """No room left on the disk; what was committed is safe and the run can be resumed."""

    code = "disk-full"


class WorkerError(DwellError):
    """A worker process died again and again on the same item."""

    code = "worker"


def is_disk_full(fault: BaseException) -> bool:
    """Say whether an exception of the system, of Arrow or of DuckDB means that no room is left on a disk."""
    if isinstance(fault, OSError) and fault.errno in {errno.ENOSPC, errno.EDQUOT}:
        return True
    # DuckDB's own exceptions are no OSError, and carry the system's words
    return not isinstance(fault, DwellError) and os.strerror(errno.ENOSPC) in str(fault)


@contextmanager
def room_for(doing: str, *folders: Path) -> Iterator[None]:
    """Say plainly that no room is left, and where, if that ends what is done within.

    Args:
        doing: what is done, as it is told: `hunting`.
        folders: the folders that are written to beside the machine's folder for temporary files.

    Raises:
        DiskFullError: no room left.
    """
    try:
        yield
    except Exception as fault:
        if not is_disk_full(fault):
            raise
        raise DiskFullError(
            f"no room left on the disk while {doing}",
            place=Place(fullest(*folders)),
            remedy="Free some space there, or set TMPDIR to a folder elsewhere if it is the one for temporary files, "
            "and run the same command again: it goes on where it stopped",
        ) from fault


def fullest(*folders: Path) -> Path:
    """Give that of some folders, and of the machine's for temporary files, whose disk has the least room."""
    found = [(shutil.disk_usage(one).free, one) for one in (*folders, Path(tempfile.gettempdir())) if one.exists()]
    return min(found)[1]
