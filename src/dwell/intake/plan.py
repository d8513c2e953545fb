"""The plan: what lies in the folders that were given, what each file is, and what will be read.

Every file is hashed and recognised by its content before anything is read. Originals are opened for reading only.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from dwell.casebook.evidence import CONTAINER_MARK, Container, EvidencePlace
from dwell.intake.containers import Locator, close_zips
from dwell.intake.hosts import CLIENT_INFO, host_from_client_info, host_from_markers, host_from_names
from dwell.intake.walk import Fault, Stream, Walk, files_below, shown_name
from dwell.model.provenance import EvidenceId
from dwell.sources.registry import ACCEPT_SCORE, identify
from dwell.sources.registry import source as source_of
from dwell.sources.source import HEAD_BYTES, Guess, Hint, Sniff

__all__ = ["Fault", "Plan", "PlannedFile", "heads_of", "make_plan"]

FIRST_BYTES = 2_048
HEADER_BYTES = 16_384
_DATED = re.compile(rb"^(#Date:)[^\n]*", re.MULTILINE)
"""What differs from hour to hour; no format is told by it."""
_HEADER = re.compile(rb"(?:[^#\n][^\n]*\n)?(?:#[^\n]*\n)+")
"""The comments that a log opens with; Exchange's have the names of the columns in a line before them."""
_HEAD_SIZES = (64, 256, 1_024, 4_096, 16_384, HEAD_BYTES)
SURE_SCORE = 90
"""A guess this sure rests on a magic number or on a whole header."""


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
        written_utc: when it was last written, the earliest of its places; "" where unknown.
        heads: short hashes of its first bytes (`heads_of`).
        local_time: whether its instants, or some of its first ones, are local time without a zone.
    """

    evidence_id: EvidenceId
    size_bytes: int
    places: tuple[EvidencePlace, ...]
    locator: Locator
    source: str | None
    guesses: tuple[str, ...]
    host: str
    host_why: str
    written_utc: str = ""
    heads: tuple[str, ...] = ()
    local_time: bool = False

    @property
    def is_log(self) -> bool:
        """Say whether it is a log, and so is of some host or service."""
        return self.source is not None and source_of(self.source).is_log


@dataclass(frozen=True, slots=True)
class Plan:
    """What was found.

    Attributes:
        files: every piece of evidence, once each, sorted by path.
        faults: places that could not be looked at.
        containers: containers opened, those inside others counted.
        packed: the containers that lie on disk, with their hashes, sorted.
    """

    files: tuple[PlannedFile, ...]
    faults: tuple[Fault, ...]
    containers: int
    packed: tuple[Container, ...] = ()

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
    heads: tuple[str, ...]
    local_time: bool
    places: set[EvidencePlace] = field(default_factory=set)
    written: set[str] = field(default_factory=set)


def heads_of(head: bytes) -> tuple[str, ...]:
    """Give short hashes of a file's first 64, 256, … 65,536 bytes, as many as it has: those of a longer copy begin so."""
    digest = hashlib.sha256()
    out = []
    for start, end in pairwise((0, *(size for size in _HEAD_SIZES if size <= len(head)))):
        digest.update(head[start:end])
        out.append(digest.hexdigest()[:8])
    return tuple(out)


class _Recogniser:
    """Takes what a walk finds, once for the same bytes, and says what it is.

    Attributes:
        machines: hosts by the folder or container that a collector says is theirs, its path ending in its mark.
    """

    def __init__(self, progress: Callable[[str, int], None]) -> None:
        self.progress = progress
        self.found: dict[EvidenceId, _Found] = {}
        self.faults: list[Fault] = []
        self.packed: set[Container] = set()
        self.machines: dict[EvidencePlace, str] = {}

    def container(self, path: str, root: str, sha256: str, size_bytes: int) -> None:
        self.packed.add(Container(EvidencePlace(path, root), sha256, size_bytes))

    def fault(self, path: str, root: str, why: str) -> None:
        del root
        self.faults.append(Fault(path, why))

    def stream(self, found: Stream) -> None:
        self.progress(found.shown, found.size_bytes)
        if found.evidence_id not in self.found:
            guesses = _guesses(found) if found.size_bytes and not found.packed else ()
            best = guesses[0] if guesses and guesses[0].score >= ACCEPT_SCORE else None
            told = tuple(f"{one.source} ({one.score} %): {one.why}" for one in guesses[:2])
            local = best is not None and _in_local_time(best.source, found)
            self.found[found.evidence_id] = _Found(
                found.size_bytes, found.locator, best.source if best else None, told, heads_of(found.head), local
            )
        if found.shown.endswith(CLIENT_INFO) and (machine := host_from_client_info(found.head)):
            self.machines[EvidencePlace(found.shown.removesuffix(CLIENT_INFO), found.root)] = machine
        held = self.found[found.evidence_id]
        held.places.add(EvidencePlace(found.shown, found.root))
        if found.written_utc:
            held.written.add(found.written_utc)


def _guesses(found: Stream) -> tuple[Guess, ...]:
    """Ask the sources, by the first lines alone where those are unmistakable: every source looks at all it is given."""
    header = _HEADER.match(found.head, 0, HEADER_BYTES)
    ends = [header.end() if header else 0, found.head.rfind(b"\n", 0, FIRST_BYTES) + 1]
    for end in ends:
        if 0 < end < len(found.head):
            first = _by_first_lines(_DATED.sub(rb"\1", found.head[:end]))
            if first and first[0].score >= SURE_SCORE:
                return first
    return identify(Sniff(found.head, found.shown, complete=found.size_bytes <= HEAD_BYTES))


@lru_cache(maxsize=64)
def _by_first_lines(head: bytes) -> tuple[Guess, ...]:
    """Ask the sources once for all files that begin alike: the header is the same in every hour's log, records are not."""
    return identify(Sniff(head, "", complete=False))


def _in_local_time(key: str, found: Stream) -> bool:
    """Say whether a file is in local time without a zone; where its lines may or may not be, by those of its head."""
    source = source_of(key)
    if not source.local_lines:
        return source.local_time
    steps = source.read(io.BytesIO(found.head), Hint(found.shown, "", len(found.head)))
    return any(one.local is not None and len(one.local) > 0 for one in steps)


def make_plan(
    paths: Sequence[Path], spool: Path, progress: Callable[[str, int], None], excluded: Iterable[Path] = ()
) -> Plan:
    """Walk over the paths, hash and recognise everything.

    Args:
        paths: folders and files.
        spool: where members of solid containers are unpacked; they stay there, to be read.
        progress: told each file's shown path and its size in bytes.
        excluded: folders not to walk into (the case itself).

    Raises:
        DiskFullError: no room left in the spool.
    """
    taker = _Recogniser(progress)
    walk = Walk(spool, taker, keep=True)
    barred = [str(path.resolve()) for path in excluded]
    for path in sorted(set(paths)):
        if not path.exists():
            taker.faults.append(Fault(shown_name(str(path)), "does not exist"))
            continue
        root = path.resolve()
        for file, shown in files_below(root, taker.faults):
            if not any(str(file) == bar or str(file).startswith(bar + os.sep) for bar in barred):
                walk.file(file, shown, shown_name(str(root)))
    close_zips()
    return Plan(
        tuple(_with_hosts(taker.found, taker.machines)),
        tuple(sorted(taker.faults)),
        walk.containers,
        tuple(sorted(taker.packed)),
    )


def _machine_of(place: EvidencePlace, machines: Mapping[EvidencePlace, str]) -> tuple[str, str]:
    """Take the host that a collection says it is of, for what the collector took or made there."""
    marks = [0, *(at + 1 for at, char in enumerate(place.path) if char in ("/", CONTAINER_MARK))]
    for mark in reversed(marks):
        host = machines.get(EvidencePlace(place.path[:mark], place.root))
        if host is not None and place.path[mark:].startswith(("uploads/", "results/")):
            return host, f"{CLIENT_INFO} of the collection"
    return "", ""


def _with_hosts(found: dict[EvidenceId, _Found], machines: Mapping[EvidencePlace, str]) -> list[PlannedFile]:
    """Give the files their hosts: by a collection's own word, by folders every server has, by names learned that way."""
    marked: dict[EvidenceId, tuple[str, str]] = {}
    known: set[str] = set()
    for evidence_id, one in found.items():
        place = min(one.places)
        told = _machine_of(place, machines) if machines else ("", "")
        marked[evidence_id] = told if told[0] else host_from_markers(place.path)
        if marked[evidence_id][0]:
            known.add(marked[evidence_id][0])
    out = []
    for evidence_id, one in found.items():
        places = tuple(sorted(one.places))
        host, why = marked[evidence_id]
        if not host:
            host, why = host_from_names(places[0].path, known)
        written = min(one.written, default="")
        about = (one.source, one.guesses, host, why, written, one.heads, one.local_time)
        out.append(PlannedFile(evidence_id, one.size_bytes, places, one.locator, *about))
    return sorted(out, key=lambda file: (file.places, file.evidence_id))
