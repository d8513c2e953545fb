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
