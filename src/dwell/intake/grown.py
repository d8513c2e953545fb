"""Logs that grew: one file is the beginning of another, byte for byte, and what stands in both is counted once.

Two copies of a log are told by their bytes alone, never by their names. Of each file short hashes are kept of its first
64, 256, 1,024, … 65,536 bytes. A file whose last such hash another, longer file has as well may be its beginning; whether
it is, the SHA-256 of as many bytes of the longer file as the shorter one has decides. What is known to be of two hosts is
never taken for one log.

Of copies that come together the longest is read. Of one that comes when a shorter one is in the archive already, what
lies behind the shorter one is kept (`remainder`). Only logs are looked at: a list that grew is a later state, not more
of the same.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from bisect import bisect_left
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from dwell.casebook.evidence import Evidence, EvidencePlace, Growth
from dwell.intake.containers import Locator, close_zips, open_locator
from dwell.intake.places import find
from dwell.intake.plan import PlannedFile
from dwell.model.provenance import EvidenceId
from dwell.sources.registry import source as source_of
from dwell.sources.utf8_stream import encoding_of

__all__ = ["Division", "divide", "find_growths"]

CHECKS_MAX = 64
"""So many files are tried as the beginning of one, the longest first."""
_CHUNK_BYTES = 1 << 20
_RECORD_FIRST = frozenset(b"0123456789{<")
"""How a record may begin, and a header does not."""


@dataclass(frozen=True, slots=True)
class _Copy:
    """A file that may be the beginning of another, or have grown out of one."""

    evidence_id: EvidenceId
    size_bytes: int
    heads: tuple[str, ...]
    source: str | None
    held: bool
    host: str
    places: tuple[EvidencePlace, ...]
    locator: Locator | None

    @property
    def names(self) -> frozenset[str]:
        """Give its file names, without folders and containers."""
        return frozenset(re.split(r"[/!]", one.path)[-1].lower() for one in self.places)

    def named_like(self, other: _Copy) -> bool:
        """Say whether it goes by the name of another of the same host: then no record is needed to know it for a copy."""
        return self.host == other.host and not self.names.isdisjoint(other.names)

    def may_be_of_one_host(self, other: _Copy) -> bool:
        """Say whether nothing shows that it is of another host: two servers' first lines can be the same."""
        return not self.host or not other.host or self.host == other.host

    @property
    def is_log(self) -> bool:
        """Say whether it is a log, or too short to tell."""
        return self.source is None or source_of(self.source).is_log


def _copies(
    files: Sequence[PlannedFile], register: Mapping[EvidenceId, Evidence], held: Collection[EvidenceId]
) -> list[_Copy]:
    out: dict[EvidenceId, _Copy] = {}
    for one in files:
        is_held = one.evidence_id in held
        out[one.evidence_id] = _Copy(
            one.evidence_id, one.size_bytes, one.heads, one.source, is_held, one.host, one.places, one.locator
        )
    for key, item in register.items():
        if key not in out:
            out[key] = _Copy(key, item.size_bytes, item.heads, item.source, key in held, item.host, item.places, None)
    return [one for one in out.values() if one.heads and one.is_log]


def find_growths(
    files: Sequence[PlannedFile],
    register: Mapping[EvidenceId, Evidence],
    held: Collection[EvidenceId],
    known: Mapping[EvidenceId, Growth],
    progress: Callable[[str, int], None],
) -> list[Growth]:
    """Find which files are the beginning of others, among those found and those registered before.

    Args:
        files: what was found.
        register: what was registered before.
        held: what was read before.
        known: what is known already, by the longer copy; it is not looked at again.
        progress: told how many bytes were read for this.

    Returns:
        What is new, by the longer copy's id.
    """
    copies = _copies(files, register, held)
    by_head: dict[tuple[int, str], list[_Copy]] = {}
    for one in sorted(copies, key=lambda one: (one.size_bytes, one.evidence_id)):
        by_head.setdefault((len(one.heads), one.heads[-1]), []).append(one)
    out: list[Growth] = []
    for whole in sorted(copies, key=lambda one: one.evidence_id):
        if whole.source is None:
            continue
        alike = [by_head.get((place, head), []) for place, head in enumerate(whole.heads, 1)]
        parts = [part for some in alike for part in _shorter(some, whole, known.get(whole.evidence_id))]
        parts.sort(key=lambda one: (-one.size_bytes, one.evidence_id))
        found = _longest(whole, parts[:CHECKS_MAX], progress)
        if found is not None:
            out.append(found)
    close_zips()
    return out


def _shorter(alike: Sequence[_Copy], whole: _Copy, before: Growth | None) -> list[_Copy]:
    """Give files that may be the beginning of one: the longest `CHECKS_MAX` of those that are shorter.

    Args:
        alike: files that begin alike, by size.
        whole: the one.
        before: what is known to be its beginning.
    """
    end = bisect_left(alike, whole.size_bytes, key=lambda one: one.size_bytes)
    return [
        part
        for part in alike[max(0, end - CHECKS_MAX) : end]
        if part.source in {None, whole.source}
        and not (part.held and whole.held)
        and part.may_be_of_one_host(whole)
        and (before is None or part.size_bytes > before.size_bytes)
    ]


def _longest(whole: _Copy, parts: Sequence[_Copy], progress: Callable[[str, int], None]) -> Growth | None:
    """Give the longest part that the file begins with."""
    if not parts:
        return None
    wanted = {one.size_bytes: one for one in reversed(parts)}
    if whole.locator is not None:
        progress("", max(wanted))
        return _checked(whole.locator, whole, wanted, whole_too=False)
    for place in whole.places:
        with tempfile.TemporaryDirectory(prefix="dwell-") as spool:
            for locator in find(place, Path(spool)):
                progress("", whole.size_bytes)
                # it was hashed in another run: what lies there now may be something else
                found = _checked(locator, whole, wanted, whole_too=True)
                if found is not None:
                    return found
    return None


def _checked(locator: Locator, whole: _Copy, wanted: Mapping[int, _Copy], *, whole_too: bool) -> Growth | None:
    try:
        with open_locator(locator) as stream:
            seen = _Beginnings(whole, wanted)
            seen.read(stream)
            if seen.found is not None and whole_too:
                seen.drain(stream)
    except OSError:
        return None
    return None if whole_too and seen.digest.hexdigest() != whole.evidence_id else seen.found


class _Beginnings:
    """Hashes a stream, and looks at its hash wherever a shorter file ends."""

    def __init__(self, whole: _Copy, wanted: Mapping[int, _Copy]) -> None:
        self.digest = hashlib.sha256()
        self.found: Growth | None = None
        self._whole = whole
        self._wanted = wanted
        self._feeds = 0
        self._head = b""
        self._records = False
        self._last = b""
        self._encoding: str | None = None
        self._ahead = b""

    def read(self, stream: BinaryIO) -> None:
        """Read up to the end of the longest of the shorter files."""
        done = 0
        for size, part in sorted(self._wanted.items()):
            while done < size:
                data = self._next(stream, size - done)
                if not data:
                    return
                self._take(data)
                done += len(data)
            like = self._records or part.named_like(self._whole)
            if like and self.digest.hexdigest() == part.evidence_id:
                self._ahead += stream.read(2 - len(self._ahead))
                self.found = self._growth(size, self._ahead)

    def _next(self, stream: BinaryIO, size: int) -> bytes:
        """Read on, beginning with what was looked at ahead."""
        data = self._ahead[:size] or stream.read(min(_CHUNK_BYTES, size))
        self._ahead = self._ahead[size:]
        return data

    def _take(self, data: bytes) -> None:
        self.digest.update(data)
        self._feeds += data.count(b"\n")
        self._last = data[-1:] or self._last
        if self._encoding is None:
            self._encoding = encoding_of(data)[0]
        if not self._records:
            self._head += data
            self._records = _holds_record(self._head)
            self._head = b"" if self._records else self._head[:_CHUNK_BYTES]

    def _growth(self, size: int, rest: bytes) -> Growth:
        ended = self._last == b"\n"
        goes_on = not ended and rest[:1] != b"\n" and rest not in {b"\r", b"\r\n"}
        # the line feeds of UTF-16 are no bytes
        lines = 0 if self._encoding else self._feeds + (not ended)
        return Growth(self._wanted[size].evidence_id, self._whole.evidence_id, size, lines, goes_on)

    def drain(self, stream: BinaryIO) -> None:
        """Read the rest."""
        while data := self._next(stream, _CHUNK_BYTES):
            self.digest.update(data)


def _holds_record(text: bytes) -> bool:
    """Say whether a file holds more than its header, which other logs may begin with as well."""
    encoding, mark_bytes = encoding_of(text)
    if encoding:
        return len(text) > _CHUNK_BYTES // 16 or text.count(b"\n") > 1
    lines = [one for one in text[mark_bytes:].split(b"\n", 64) if one.strip() and not one.startswith(b"#")]
    return len(lines) > 1 or any(one[0] in _RECORD_FIRST for one in lines)


@dataclass(frozen=True, slots=True)
class Division:
    """What is to be read of what was found.

    Attributes:
        files: what is read.
        after: of these, what begins with something that is held, by evidence id.
        parts: what is not read because it is the beginning of something that is, or was.
    """

    files: tuple[PlannedFile, ...]
    after: Mapping[EvidenceId, Growth]
    parts: tuple[PlannedFile, ...]


def divide(
    files: Sequence[PlannedFile],
    held: Collection[EvidenceId],
    known: Mapping[EvidenceId, Growth],
    without: Collection[EvidenceId] = (),
) -> Division:
    """Say what has to be read.

    Args:
        files: what a source would read, and what is too short to be recognised.
        held: what was read before.
        known: what has grown, by the longer copy.
        without: what cannot be read; nothing can be left out for its sake.
    """
    here = {one.evidence_id for one in files if one.source is not None} - set(without)
    contained: set[EvidenceId] = set()
    looked_at = [one for one in known if one in held or one in here]
    while looked_at:
        growth = known.get(looked_at.pop())
        if growth is not None and growth.part not in contained:
            contained.add(growth.part)
            looked_at.append(growth.part)
    parts = {one.evidence_id for one in files if one.evidence_id in contained and one.evidence_id not in held}
    fresh = here - parts - set(held)
    left = [one for one in files if one.source is not None and one.evidence_id in fresh]
    after: dict[EvidenceId, Growth] = {}
    for one in left:
        found = known.get(one.evidence_id)
        while found is not None and found.part not in held:
            found = known.get(found.part)
        if found is not None:
            after[one.evidence_id] = found
    return Division(tuple(left), after, tuple(one for one in files if one.evidence_id in parts))
