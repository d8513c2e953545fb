"""The custody log: every act on a case, one JSON object a line, each holding the hash of the one before it.

Append-only and hash-chained: a changed, removed or inserted line breaks the chain. The head (number of lines and last
hash) is kept beside the log as well, so that lines cut off the end are noticed too.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dwell.errors import CustodyError, Place
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


def _digest(body: Mapping[str, object]) -> str:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


class CustodyLog:
    """The custody log of one case."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.head_path = path.with_suffix(".head")
        self._last: tuple[int, str] | None = None

    def acts(self) -> Iterator[Act]:
        """Yield the acts, oldest first, checking the chain.

        Raises:
            CustodyError: the chain is broken.
        """
        previous, number = _FIRST, 0
        if not self.path.exists():
            return
        data = self.path.read_bytes()
        complete, _, torn = data.rpartition(b"\n")
        if torn:
            self._broken(number=data.count(b"\n") + 1, why="its last line has no end")
        for raw in complete.split(b"\n") if complete else []:
            number += 1
            try:
                line = json.loads(raw)
                found = line.pop("hash")
                ok = line["n"] == number and line["prev"] == previous and _digest(line) == found
            except (ValueError, KeyError, TypeError, AttributeError):
                ok, line, found = False, {}, ""
            if not ok:
                self._broken(number=number, why="the line was changed, removed or put in")
            yield Act(number, line["at"], line["act"], line["details"], found)
            previous = found
        head = self._head()
        # a crash between the line and the head leaves the head one line behind; it can never be ahead
        if head is not None and (head[0] > number or (head[0] == number and head[1] != previous)):
            self._broken(number=number, why=f"{head[0]} lines were written and {number} are here")
        self._last = (number, previous)

    def _broken(self, number: int, why: str) -> None:
        raise CustodyError(
            f"the custody log does not hold together: {why}",
            place=Place(self.path, line=number),
            remedy="Compare it with a copy of the case folder; what follows this line cannot be relied on",
        )

    def _head(self) -> tuple[int, str] | None:
        try:
            count, digest = self.head_path.read_text("ascii").split()
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
        """Add an act; it is on the disk when this returns."""
        if self._last is None:
            for _ in self.acts():
                pass
            self._last = self._last or (0, _FIRST)
        number, previous = self._last[0] + 1, self._last[1]
        at = utc_text(datetime.now(UTC)) or ""
        body: dict[str, object] = {"n": number, "at": at, "act": act, "details": details, "prev": previous}
        digest = _digest(body)
        line = json.dumps({**body, "hash": digest}, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        with self.path.open("ab") as handle:
            handle.write(line.encode("ascii") + b"\n")
            handle.flush()
            os.fsync(handle.fileno())
        unfinished = self.head_path.with_suffix(".head.part")
        unfinished.write_text(f"{number} {digest}\n", "ascii")
        unfinished.replace(self.head_path)
        self._last = (number, digest)
        return Act(number, at, act, dict(details), digest)
