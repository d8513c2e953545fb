"""The case folder: what it holds, who may write to it, and of which version it is."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from dwell import __version__
from dwell.casebook.custody import Act, CustodyLog
from dwell.casebook.evidence import (
    Container,
    Evidence,
    Growth,
    Unit,
    containers_of,
    growths_of,
    register_of,
    units_of,
)
from dwell.errors import CaseError, Place
from dwell.model.provenance import EvidenceId

__all__ = ["CASE_FORMAT", "Case"]

CASE_FORMAT = 1
"""Raised whenever an older program could misread a case."""
_MARKER = "case.json"


class Case:
    """A case folder.

    Attributes:
        root: the folder.
        custody: its custody log.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.custody = CustodyLog(root / "custody.jsonl")
        self._acts: list[Act] | None = None

    @property
    def archive_root(self) -> Path:
        """Give the folder of the tables."""
        return self.root / "archive"

    @property
    def derived_root(self) -> Path:
        """Give the folder of what is computed from the tables."""
        return self.root / "derived"

    def cache(self, name: str) -> Path | None:
        """Give the folder where derived tables are kept; None where the case cannot be written to."""
        folder = self.derived_root / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            return folder if folder.is_dir() else None
        return folder

    @property
    def spool_root(self) -> Path:
        """Give the folder where containers are unpacked while they are read; emptied afterwards."""
        return self.root / "spool"

    @property
    def name(self) -> str:
        """Give the case's name."""
        return str(self._marker().get("name", "case"))

    def _marker(self) -> dict[str, object]:
        path = self.root / _MARKER
        try:
            found = json.loads(path.read_text("utf-8"))
            return {str(key): value for key, value in found.items()}
        except (OSError, ValueError, AttributeError) as fault:
            raise CaseError(
                "this folder is no case", place=Place(path), remedy="Give the folder of a case with -c, or ingest first"
            ) from fault

    @classmethod
    def open(cls, root: Path) -> Case:
        """Open a case for reading.

        Raises:
            CaseError: the folder is no case, or of another version.
        """
        case = cls(root)
        found = case._marker().get("format")
        if found != CASE_FORMAT:
            raise CaseError(
                f"the case is of format {found}, this program reads format {CASE_FORMAT}",
                place=Place(root / _MARKER),
                remedy="Use the version of dwell that made it",
            )
        return case

    @classmethod
    def create(cls, root: Path, name: str = "case") -> Case:
        """Open a case, making it where there is none.

        Raises:
            CaseError: the folder holds something else, or a case of another version.
        """
        if (root / _MARKER).exists():
            return cls.open(root)
        unfinished = root / f"{_MARKER}.part"
        if root.exists() and (not root.is_dir() or any(one != unfinished for one in root.iterdir())):
            raise CaseError(
                "the case folder exists and is no case",
                place=Place(root),
                remedy="Name a new or an empty folder with -c",
            )
        root.mkdir(parents=True, exist_ok=True)
        marker = json.dumps({"format": CASE_FORMAT, "name": name, "made_by": f"dwell {__version__}"}, indent=1)
        with unfinished.open("w", encoding="utf-8") as handle:
            handle.write(marker + "\n")
            handle.flush()
            os.fsync(handle.fileno())
        unfinished.replace(root / _MARKER)
        return cls(root)

    @contextmanager
    def writing(self) -> Iterator[Case]:
        """Hold the case's lock.

        Raises:
            CaseError: another process is writing.
        """
        lock = FileLock(self.root / "lock", timeout=0)
        try:
            lock.acquire()
        except Timeout as fault:
            raise CaseError(
                "another dwell is writing to this case",
                place=Place(self.root / "lock"),
                remedy="Wait for it to end, or stop it; a lock left by a dead process frees itself",
            ) from fault
        try:
            self._acts = None
            if self.custody.repair_tail():
                self.record("recovered", {"what": "an unfinished last line of the custody log was cut off"})
            yield self
        finally:
            lock.release()

    def record(self, act: str, details: Mapping[str, object]) -> None:
        """Put an act into the custody log, with the program's version."""
        done = self.custody.append(act, {"dwell": __version__, **details})
        if self._acts is not None:
            self._acts.append(done)

    def record_command(self, settings: Mapping[str, object]) -> None:
        """Put the command that is being carried out into the custody log, with its effective settings."""
        self.record("command", {"argv": sys.argv[1:], "settings": dict(settings)})

    def acts(self) -> list[Act]:
        """Give all acts, oldest first, the chain checked."""
        if self._acts is None:
            self._acts = list(self.custody.acts())
        return self._acts

    def register(self) -> dict[EvidenceId, Evidence]:
        """Give the evidence register."""
        return register_of(self.acts())

    def containers(self) -> set[Container]:
        """Give the containers that evidence was taken from, as they lay on disk."""
        return containers_of(self.acts())

    def growths(self) -> dict[EvidenceId, Growth]:
        """Give what is known to be a longer copy of a log that is held, by the longer copy."""
        return growths_of(self.acts())

    def units(self) -> list[Unit]:
        """Give the units planned so far."""
        return units_of(self.acts())
