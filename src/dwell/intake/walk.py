"""Walking over evidence: folders, files, and what lies in containers, each stream hashed once.

Originals are opened for reading only. What cannot be looked at becomes a `Fault` with its place, and the walk goes on.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from dwell.casebook.evidence import CONTAINER_MARK
from dwell.intake.containers import (
    DEPTH_MAX,
    MEMBERS_MAX,
    ContainerError,
    Locator,
    allowance,
    container_kind,
    open_locator,
)
from dwell.intake.unpack import members
from dwell.model.instants import utc_text
from dwell.model.provenance import EvidenceId
from dwell.sources.source import HEAD_BYTES

__all__ = ["Fault", "Stream", "Walk", "files_below", "shown_name"]


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """A place that could not be looked at."""

    path: str
    why: str


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream of bytes that was found and hashed.

    Attributes:
        evidence_id: its SHA-256.
        size_bytes: its length.
        locator: how to open it again; what is spooled stays for as long as the walk's taker wants it.
        shown: its path below the root, containers marked.
        root: the folder or file that was given.
        head: its first `HEAD_BYTES`.
        packed: whether it is a container that was not opened.
        written_utc: when the file was last written, by its folder's stamp, ISO 8601; "" in a container.
    """

    evidence_id: EvidenceId
    size_bytes: int
    locator: Locator
    shown: str
    root: str
    head: bytes
    packed: bool
    written_utc: str = ""


class Taker(Protocol):
    """What is done with what a walk finds."""

    def stream(self, found: Stream) -> None:
        """Take a stream."""

    def container(self, path: str, root: str, sha256: str, size_bytes: int) -> None:
        """Take a container as it lies on disk, before it is opened."""

    def fault(self, path: str, root: str, why: str) -> None:
        """Take a place that could not be looked at."""


def shown_name(name: str) -> str:
    """Give a file's name as text: bytes that are no UTF-8 are written out."""
    try:
        return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        return name.encode("utf-8", "backslashreplace").decode("utf-8")


class Walk:
    """One walk over evidence.

    Attributes:
        spool: where members of solid containers are unpacked.
        keep: whether what is spooled stays when its container has been walked.
        containers: containers opened so far.
    """

    def __init__(self, spool: Path, taker: Taker, *, keep: bool) -> None:
        self.spool = spool
        self.keep = keep
        self.containers = 0
        self._taker = taker
        self._allowed = 0
        self._members = 0

    def file(self, path: Path, shown: str, root: str) -> None:
        """Look at one file on disk."""
        try:
            about = path.stat()
        except OSError as fault:
            self._taker.fault(shown, root, fault.strerror or type(fault).__name__)
            return
        self._allowed, self._members = allowance(about.st_size), MEMBERS_MAX
        self._look(Locator(str(path)), shown, root, 0, _stamp(about.st_mtime_ns))

    def _look(self, locator: Locator, shown: str, root: str, depth: int, written: str = "") -> None:
        """Look at one stream: hash it, or go into it."""
        try:
            with open_locator(locator) as stream:
                head = _read_head(stream)
                kind = container_kind(head)
                opened = kind is not None and depth < DEPTH_MAX
                # a container inside another is covered by the hash of the one that lies on disk
                digest, size = ("", 0) if opened and depth else _hash(stream, head)
        except OSError as fault:
            self._taker.fault(shown, root, fault.strerror or str(fault) or type(fault).__name__)
            return
        if kind is not None and opened:
            if not depth:
                self._taker.container(shown, root, digest, size)
            self._enter(locator, kind, shown, root, depth)
            return
        if kind is not None:
            self._taker.fault(shown, root, f"containers nested over {DEPTH_MAX} deep are not opened")
        if depth:
            self._allowed -= size
        found = Stream(EvidenceId(digest), size, locator, shown, root, head, kind is not None, written)
        self._taker.stream(found)

    def _enter(self, locator: Locator, kind: str, shown: str, root: str, depth: int) -> None:
        self.containers += 1
        spool = self.spool / f"{self.containers:06}"
        try:
            for member in members(locator, kind, spool, shown):
                inside = f"{shown}{CONTAINER_MARK}{shown_name(member.name)}"
                self._members -= 1
                self._within_limits()
                if member.locator is None:
                    self._taker.fault(inside, root, member.why_not)
                else:
                    self._look(member.locator, inside, root, depth + 1)
        except ContainerError as fault:
            self._taker.fault(shown, root, str(fault))
        if not self.keep:
            shutil.rmtree(spool, ignore_errors=True)

    def _within_limits(self) -> None:
        if self._members < 0:
            raise ContainerError(f"holds over {MEMBERS_MAX} files: taken for a bomb")
        if self._allowed < 0:
            raise ContainerError("unpacks beyond the limit: taken for a bomb")


def _stamp(at_ns: int) -> str:
    """Give a file system's stamp to the second; "" where it is none that a calendar has."""
    try:
        return utc_text(datetime.fromtimestamp(at_ns // 1_000_000_000, UTC)) or ""
    except (OverflowError, ValueError, OSError):
        return ""


def _read_head(stream: BinaryIO) -> bytes:
    head = b""
    while len(head) < HEAD_BYTES and (data := stream.read(HEAD_BYTES - len(head))):
        head += data
    return head


def _hash(stream: BinaryIO, head: bytes) -> tuple[str, int]:
    digest = hashlib.sha256(head)
    size = len(head)
    while data := stream.read(1 << 20):
        digest.update(data)
        size += len(data)
    return digest.hexdigest(), size


def files_below(root: Path, faults: list[Fault]) -> Iterator[tuple[Path, str]]:
    """Yield every regular file under a folder with its shown path, in order of name; links are not followed.

    Args:
        root: a folder, or a file, which is then yielded itself.
        faults: what is no regular file, or cannot be listed, is put here.
    """
    if not root.is_dir():
        why = _why_not(root)
        if why:
            faults.append(Fault(shown_name(root.name), why))
        else:
            yield root, shown_name(root.name)
        return

    def failed(fault: OSError) -> None:
        shown = shown_name(os.path.relpath(fault.filename, root).replace(os.sep, "/"))
        faults.append(Fault(shown, fault.strerror or "cannot be listed"))

    for folder, folders, names in os.walk(root, onerror=failed, followlinks=False):
        folders.sort()
        here = Path(folder)
        above = "" if here == root else f"{here.relative_to(root).as_posix()}/"
        links = [name for name in folders if (here / name).is_symlink()]
        for name in sorted([*names, *links]):
            path, shown = here / name, shown_name(above + name)
            why = _why_not(path)
            if why:
                faults.append(Fault(shown, why))
            else:
                yield path, shown


def _why_not(path: Path) -> str:
    try:
        mode = path.lstat().st_mode
    except OSError as fault:
        return fault.strerror or "cannot be looked at"
    if stat.S_ISLNK(mode):
        return "a link; links are not followed"
    return "" if stat.S_ISREG(mode) else "no regular file"
