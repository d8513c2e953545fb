"""The custody log: every act on a case, one JSON object a line, each holding the hash of the one before it.

Append-only and hash-chained: a changed, removed or inserted line breaks the chain. The head (number of lines and last
hash) is kept beside the log as well, so that lines cut off the end are noticed too.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dwell.errors import CustodyError, DiskFullError, Place
from dwell.model.instants import utc_text

__all__ = ["Act", "CustodyLog"]

_FIRST = "0" * 64


@dataclass(frozen=True, slots=True)
class Act:
    """One act.

    Attributes:
        number: 1-based.
        at_utc: when, ISO 8601, by the machine's clock.
        act: what was done, one word.
        details: with what.
        hash: SHA-256 over the line's other fields and the hash before it.
    """

    number: int
    at_utc: str
    act: str
    details: Mapping[str, object]
    hash: str


def _written(body: Mapping[str, object]) -> bytes:
    """Give the one way in which an act is written."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def _digest(body: Mapping[str, object]) -> str:
    return hashlib.sha256(_written(body)).hexdigest()


class CustodyLog:
    """The custody log of one case."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.head_path = path.with_suffix(".head")
        self._last: tuple[int, str] | None = None

    def acts(self) -> Iterator[Act]:
        """Yield the acts, oldest first, checking the chain. A last line without an end was never acted upon: left out.

        Raises:
            CustodyError: the chain is broken.
        """
        previous, number = _FIRST, 0
        head = self._head()
        if not self.path.exists():
            if head is not None:
                self._broken(number=1, why=f"{self.head_path.name} says {head[0]} lines, and the log is gone")
            return
        data = self.path.read_bytes()
        complete, _, _ = data.rpartition(b"\n")
        for raw in complete.split(b"\n") if complete else []:
            number += 1
            try:
                line = json.loads(raw)
                as_written = _written(line) == raw
                found = line.pop("hash")
                ok = as_written and line["n"] == number and line["prev"] == previous and _digest(line) == found
            except (ValueError, KeyError, TypeError, AttributeError):
                ok, line, found = False, {}, ""
            if not ok:
                self._broken(number=number, why="the line was changed, removed or put in")
            if head is not None and head[0] == number and head[1] != found:
                self._broken(number=number, why=f"it is not the line that {self.head_path.name} names")
            yield Act(number, line["at"], line["act"], line["details"], found)
            previous = found
        # a crash between the line and the head leaves the head one line behind; it can never be ahead
        if head is not None and head[0] > number:
            self._broken(number=number, why=f"{self.head_path.name} says {head[0]} lines, {number} are here")
        if head is None and number > 1:
            self._broken(number=number, why=f"{self.head_path.name}, which says how many lines were written, is gone")
        self._last = (number, previous)

    def _broken(self, number: int, why: str) -> None:
        raise CustodyError(
            f"the custody log does not hold together: {why}",
            place=Place(self.path, line=number),
            remedy="Compare it with a copy of the case folder; what follows this line cannot be relied on",
        )

    def _head(self) -> tuple[int, str] | None:
        try:
            text = self.head_path.read_text("ascii")
            count, digest = text.split()
            if text != f"{int(count)} {digest}\n":
                raise ValueError  # noqa: TRY301 - any other spelling was not written here
            return int(count), digest
        except FileNotFoundError:
            return None
        except (ValueError, OSError) as fault:
            raise CustodyError("the custody log's head cannot be read", place=Place(self.head_path)) from fault

    def repair_tail(self) -> bool:
        """Cut off a last line that a crash left unfinished; True where there was one. The line was never acted upon."""
        if not self.path.exists():
            return False
        data = self.path.read_bytes()
        complete, feed, torn = data.rpartition(b"\n")
        if not torn:
            return False
        with self.path.open("r+b") as handle:
            handle.truncate(len(complete) + len(feed))
            os.fsync(handle.fileno())
        return True

    def append(self, act: str, details: Mapping[str, object]) -> Act:
        """Add an act; it is on the disk when this returns.

        Raises:
            CustodyError: the chain is broken.
            DiskFullError: no room left; the log is as it was.
        """
        if self._last is None:
            self.repair_tail()
            for _ in self.acts():
                pass
            self._last = self._last or (0, _FIRST)
        number, previous = self._last[0] + 1, self._last[1]
        at = utc_text(datetime.now(UTC)) or ""
        body: dict[str, object] = {"n": number, "at": at, "act": act, "details": details, "prev": previous}
        digest = _digest(body)
        line = _written({**body, "hash": digest}) + b"\n"
        try:
            self._write_line(line)
            self._last = (number, digest)
            self._write_head(f"{number} {digest}\n")
        except OSError as fault:
            if fault.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise DiskFullError(
                    "no room left on the disk while writing the custody log",
                    place=Place(self.path),
                    remedy="Free some space and run the same command again: it goes on where it stopped",
                ) from fault
            raise
        return Act(number, at, act, dict(details), digest)

    def _write_line(self, line: bytes) -> None:
        """Write a line and sync it; where that fails, nothing of it stays."""
        with self.path.open("ab", buffering=0) as handle:
            before = handle.seek(0, os.SEEK_END)
            try:
                written = 0
                while written < len(line):
                    written += handle.write(line[written:])
                os.fsync(handle.fileno())
            except OSError:
                handle.truncate(before)
                raise

    def _write_head(self, text: str) -> None:
        unfinished = self.head_path.with_suffix(".head.part")
        with unfinished.open("wb") as handle:
            handle.write(text.encode("ascii"))
            handle.flush()
            os.fsync(handle.fileno())
        unfinished.replace(self.head_path)
