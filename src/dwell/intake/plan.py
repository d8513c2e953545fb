"""The plan: what lies in the folders that were given, what each file is, and what will be read.

Every file is hashed and recognised by its content before anything is read. Originals are opened for reading only.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from dwell.casebook.evidence import CONTAINER_MARK, EvidencePlace
from dwell.intake.containers import DEPTH_MAX, ContainerError, Locator, container_kind, members, open_locator
from dwell.intake.hosts import host_from_markers, host_from_names
from dwell.model.provenance import EvidenceId
from dwell.sources.registry import ACCEPT_SCORE, identify
from dwell.sources.source import HEAD_BYTES, Sniff

__all__ = ["Fault", "Plan", "PlannedFile", "make_plan"]


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """A place that could not be looked at."""

    path: str
    why: str


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """One piece of evidence that was found.

    Attributes:
        evidence_id: SHA-256 of its unpacked bytes.
        size_bytes: unpacked.
        places: where it lies, sorted; several where the same bytes were found more than once.
        locator: how to open it.
        source: the source that will read it; None where none is sure enough.
        guesses: up to two guesses, with score and reason.
        host: from its path; "" where unknown.
        host_why: what that rests on.
    """

    evidence_id: EvidenceId
    size_bytes: int
    places: tuple[EvidencePlace, ...]
    locator: Locator
    source: str | None
    guesses: tuple[str, ...]
    host: str
    host_why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What was found.

    Attributes:
        files: every piece of evidence, once each, sorted by path.
        faults: places that could not be looked at.
        containers: containers opened.
    """

    files: tuple[PlannedFile, ...]
    faults: tuple[Fault, ...]
    containers: int

    @property
    def readable(self) -> tuple[PlannedFile, ...]:
        """Give the files that a source will read."""
        return tuple(one for one in self.files if one.source is not None)


@dataclass(slots=True)
class _Found:
    size_bytes: int
    locator: Locator
    source: str | None
    guesses: tuple[str, ...]
    places: set[EvidencePlace] = field(default_factory=set)


class _Walk:
    """One walk over the folders given."""

    def __init__(self, spool: Path, progress: Callable[[str, int], None]) -> None:
        self.spool = spool
        self.progress = progress
        self.found: dict[EvidenceId, _Found] = {}
        self.faults: list[Fault] = []
        self.containers = 0

    def take(self, locator: Locator, shown: str, root: str, depth: int) -> None:
        """Look at one stream: hash it, recognise it, or go into it."""
        try:
            with open_locator(locator) as stream:
                head = _read_head(stream)
                kind = container_kind(head)
                if kind is not None and depth < DEPTH_MAX:
                    self._enter(locator, kind, shown, root, depth)
                    return
                digest, size = _hash(stream, head)
        except OSError as fault:
            self.faults.append(Fault(shown, fault.strerror or str(fault) or type(fault).__name__))
            return
        if kind is not None:
            self.faults.append(Fault(shown, f"containers nested over {DEPTH_MAX} deep are not opened"))
        self.progress(shown, size)
        evidence_id = EvidenceId(digest)
        if evidence_id not in self.found:
            guesses = identify(Sniff(head, shown, complete=size <= HEAD_BYTES)) if kind is None and size else ()
            best = guesses[0] if guesses and guesses[0].score >= ACCEPT_SCORE else None
            told = tuple(f"{one.source} ({one.score} %): {one.why}" for one in guesses[:2])
            self.found[evidence_id] = _Found(size, locator, best.source if best else None, told)
        self.found[evidence_id].places.add(EvidencePlace(shown, root))

    def _enter(self, locator: Locator, kind: str, shown: str, root: str, depth: int) -> None:
        self.containers += 1
        spool = self.spool / f"{self.containers:06}"
        try:
            for member in members(locator, kind, spool, shown):
                self.take(member.locator, f"{shown}{CONTAINER_MARK}{_shown(member.name)}", root, depth + 1)
        except ContainerError as fault:
            self.faults.append(Fault(shown, str(fault)))


def _shown(name: str) -> str:
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


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


def _files(root: Path, faults: list[Fault]) -> Iterator[tuple[Path, str]]:
    """Yield every regular file under a folder with its shown path, in order of name; links are not followed."""
    if not root.is_dir():
        yield root, _shown(root.name)
        return

    def failed(fault: OSError) -> None:
        faults.append(Fault(_shown(str(fault.filename)), fault.strerror or "cannot be listed"))

    for folder, folders, names in os.walk(root, onerror=failed, followlinks=False):
        folders.sort()
        for name in sorted(names):
            path = Path(folder) / name
            shown = _shown(path.relative_to(root).as_posix())
            if path.is_symlink():
                faults.append(Fault(shown, "a link; links are not followed"))
            elif not path.is_file():
                faults.append(Fault(shown, "no regular file"))
            else:
                yield path, shown


def make_plan(
    paths: Sequence[Path], spool: Path, progress: Callable[[str, int], None], excluded: Iterable[Path] = ()
) -> Plan:
    """Walk over the paths, hash and recognise everything.

    Args:
        paths: folders and files.
        spool: where members of solid containers are unpacked.
        progress: told each file's shown path and its size in bytes.
        excluded: folders not to walk into (the case itself).
    """
    walk = _Walk(spool, progress)
    barred = [path.resolve() for path in excluded]
    for path in sorted(paths):
        if not path.exists():
            walk.faults.append(Fault(_shown(str(path)), "does not exist"))
            continue
        root = path.resolve()
        for file, shown in _files(root, walk.faults):
            if not any(bar == file or bar in file.parents for bar in barred):
                walk.take(Locator(str(file)), shown, _shown(str(root)), 0)
    return Plan(tuple(_with_hosts(walk.found)), tuple(sorted(walk.faults)), walk.containers)


def _with_hosts(found: dict[EvidenceId, _Found]) -> list[PlannedFile]:
    """Give the files their hosts: first by folders every server has, then by names learned that way."""
    marked: dict[EvidenceId, tuple[str, str]] = {}
    known: set[str] = set()
    for evidence_id, one in found.items():
        marked[evidence_id] = host_from_markers(min(one.places).path)
        if marked[evidence_id][0]:
            known.add(marked[evidence_id][0])
    out = []
    for evidence_id, one in found.items():
        places = tuple(sorted(one.places))
        host, why = marked[evidence_id]
        if not host:
            host, why = host_from_names(places[0].path, known)
        out.append(PlannedFile(evidence_id, one.size_bytes, places, one.locator, one.source, one.guesses, host, why))
    return sorted(out, key=lambda file: (file.places, file.evidence_id))
