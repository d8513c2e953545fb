"""From a record's name back to its bytes: the original is opened again, hashed, and the record cut out of it."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

import numpy as np

from dwell.casebook.case import Case
from dwell.casebook.evidence import CONTAINER_MARK, Evidence, EvidencePlace
from dwell.errors import UsageError
from dwell.intake.containers import Locator, close_zips, open_locator
from dwell.intake.ingest import open_archive
from dwell.intake.places import find
from dwell.intake.rows import dated_as, row_of, same_event
from dwell.model.instants import Dated, TimeBasis
from dwell.model.provenance import WHOLE_FILE, EvidenceId, RecordRef
from dwell.sources.lines import LINE_BYTES_MAX
from dwell.sources.registry import source as source_of
from dwell.sources.source import TIME_UTC

__all__ = ["FoundRecord", "FoundState", "OtherRecord", "record_bytes", "record_named"]

_CHUNK_BYTES = 1 << 20
PIECE_BYTES = 512
"""Bytes shown of a file that was looked at as a whole."""
_LINES_MAX = 64
"""Lines that an open quote may join; past that the record is shown as its first line."""
_UNQUOTED = frozenset({"iis"})
"""Formats of lines in which a quote is a character like any other; in the others an open one takes in more lines."""


class FoundState(StrEnum):
    """What became of the file a record was read from."""

    AS_REGISTERED = "as registered"
    CHANGED = "changed"
    NOT_FOUND = "not found"


@dataclass(frozen=True, slots=True)
class OtherRecord:
    """The same event under another name: where it stands in another copy or export of its log.

    Attributes:
        ref: its name there.
        place: a place of that file.
        counts: whether it is the one that is in the archive.
    """

    ref: RecordRef
    place: EvidencePlace
    counts: bool


@dataclass(frozen=True, slots=True)
class FoundRecord:
    """A record, found again in the original evidence.

    Attributes:
        ref: the record's name.
        path: the file's path as registered, containers marked.
        root: the folder or file that was given to ingest.
        container: the path of the container around it; "" where there is none.
        unit: what `ref.record_no` counts, `line`, `record`, or `byte` in a file that was looked at as a whole.
        offset_bytes: where the line starts in the unpacked file; None for records and for lines that are not there.
        raw: the line's bytes without their end, at most `LINE_BYTES_MAX`; None for records.
        row: the row that the archive holds, columns without a value left out; None where it holds none. Of an event that is
            counted in another file it is the row there.
        sha256: of the file as registered.
        state: whether the file still is that; with CHANGED the bytes are those that stand there now.
        also: the other places where the same record lies: further copies of the file, shorter and longer ones.
        others: the same event in other copies and exports of its log, by place.
        dated: how the file's records came by their instants, in words; several where its records differ.
    """

    ref: RecordRef
    path: str
    root: str
    container: str
    unit: str
    offset_bytes: int | None
    raw: bytes | None
    row: Mapping[str, object] | None
    sha256: str
    state: FoundState
    also: tuple[EvidencePlace, ...] = ()
    others: tuple[OtherRecord, ...] = ()
    dated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Cut:
    sha256: str
    offset_bytes: int | None
    raw: bytes | None


class _Cutter:
    """Cuts one line, or the lines that an open quote joins, out of a stream that passes by."""

    def __init__(self, number: int, head: bytes, *, quoted: bool) -> None:
        self.quoted = quoted
        self.kind: np.dtype[np.generic] = np.dtype("u1")
        if head.startswith(b"\xff\xfe"):
            self.kind = np.dtype("<u2")
        elif head.startswith(b"\xfe\xff"):
            self.kind = np.dtype(">u2")
        self.skip = number - 1
        self.offset = 0 if self.skip == 0 else None
        self.position = 0
        self.raw = bytearray()
        self.first_end: int | None = None
        self.lines = 0
        self.done = False

    def take(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        start, self.position = self.position, self.position + len(data)
        if self.done:
            return
        width = self.kind.itemsize
        whole = data if len(data) % width == 0 else data + b"\0"
        feeds = (np.flatnonzero(np.frombuffer(whole, self.kind) == 10) * width).tolist()
        if self.skip > len(feeds):
            self.skip -= len(feeds)
            return
        at = 0
        if self.skip:
            at = feeds[self.skip - 1] + width
            feeds = feeds[self.skip :]
            self.offset, self.skip = start + at, 0
        for feed in feeds:
            self._add(data[at : feed + width])
            at = feed + width
            if self._ended():
                return
        self._add(data[at:])

    def _add(self, piece: bytes) -> None:
        self.raw += piece[: max(0, LINE_BYTES_MAX - len(self.raw))]

    def _ended(self) -> bool:
        self.lines += 1
        if self.first_end is None:
            self.first_end = len(self.raw)
        if not self.quoted or self.raw.count(b'"') % 2 == 0:
            self.done = True
        elif self.lines >= _LINES_MAX or len(self.raw) >= LINE_BYTES_MAX:
            del self.raw[self.first_end :]
            self.done = True
        return self.done

    def bytes_cut(self) -> bytes | None:
        """Give the line without its end; None where the stream had fewer lines."""
        if self.offset is None or (not self.raw and not self.done):
            return None
        raw = bytes(self.raw)
        for end in ("\r\n", "\n"):
            coded = end.encode({1: "ascii"}.get(self.kind.itemsize, "utf-16-be" if self.kind == ">u2" else "utf-16-le"))
            if raw.endswith(coded):
                return raw[: -len(coded)]
        return raw


def _cut(stream: BinaryIO, number: int | None, *, quoted: bool) -> _Cut:
    """Hash a stream, and cut a line out of it on the way."""
    digest = hashlib.sha256()
    cutter: _Cutter | None = None
    while data := stream.read(_CHUNK_BYTES):
        digest.update(data)
        if number is not None:
            cutter = cutter or _Cutter(number, data, quoted=quoted)
            cutter.take(data)
    raw = cutter.bytes_cut() if cutter is not None else None
    return _Cut(digest.hexdigest(), cutter.offset if cutter is not None and raw is not None else None, raw)


class _Piece:
    """Cuts some bytes out of a stream that passes by."""

    def __init__(self, start: int) -> None:
        self._left = start
        self.raw = bytearray()

    def take(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        at = min(self._left, len(data))
        self._left -= at
        self.raw += data[at : at + PIECE_BYTES - len(self.raw)]


def _bytes_at(item: Evidence, ref: RecordRef) -> FoundRecord:
    """Find some bytes of a file again, by their offset."""
    found: tuple[EvidencePlace, FoundState, bytes | None] | None = None
    for place in item.places:
        with tempfile.TemporaryDirectory(prefix="dwell-") as spool:
            for locator in find(place, Path(spool)):
                cut = _piece(locator, ref.record_no)
                if cut is not None and (found is None or cut[0] == item.evidence_id):
                    right = cut[0] == item.evidence_id
                    found = place, FoundState.AS_REGISTERED if right else FoundState.CHANGED, cut[1]
                    if right:
                        break
        close_zips()
        if found is not None and found[1] is FoundState.AS_REGISTERED:
            break
    place, state, raw = found or (item.places[0], FoundState.NOT_FOUND, None)
    container, mark, _ = place.path.rpartition(CONTAINER_MARK)
    return FoundRecord(
        ref=ref,
        path=place.path,
        root=place.root,
        container=container if mark else "",
        unit="byte",
        offset_bytes=None,
        raw=raw,
        row=None,
        sha256=item.evidence_id,
        state=state,
        also=tuple(one for one in item.places if one != place),
    )


def _piece(locator: Locator, start: int) -> tuple[str, bytes | None] | None:
    """Hash a stream, and cut bytes out of it on the way."""
    digest, piece = hashlib.sha256(), _Piece(start)
    try:
        with open_locator(locator) as stream:
            while data := stream.read(_CHUNK_BYTES):
                digest.update(data)
                piece.take(data)
    except OSError:
        return None
    return digest.hexdigest(), bytes(piece.raw) or None


def _read(locator: Locator, number: int | None, *, quoted: bool) -> _Cut | None:
    try:
        with open_locator(locator) as stream:
            return _cut(stream, number, quoted=quoted)
    except OSError:
        return None


def _best(item: Evidence, number: int | None, *, quoted: bool) -> tuple[EvidencePlace, _Cut | None]:
    """Look in every place; the first whose bytes are as registered, else the first that is there at all."""
    changed: tuple[EvidencePlace, _Cut] | None = None
    for place in item.places:
        with tempfile.TemporaryDirectory(prefix="dwell-") as spool:
            for locator in find(place, Path(spool)):
                cut = _read(locator, number, quoted=quoted)
                if cut is not None and cut.sha256 == item.evidence_id:
                    return place, cut
                if cut is not None and changed is None:
                    changed = (place, cut)
    return changed or (item.places[0], None)


def record_named(case: Case, wanted: str) -> RecordRef:
    """Give the record that goes by a name: `iis/<first digits of the evidence's SHA-256>/120`.

    Raises:
        UsageError: no record goes by that name.
    """
    table, evidence, number = wanted.split("/")
    found = sorted(one for one in case.register() if one.startswith(evidence.lower()) and evidence)
    if len(found) != 1 or not number.isdecimal():
        raise UsageError(
            f"{wanted!r} names no record of the case",
            remedy="Write table/evidence/number, with enough digits of the evidence's SHA-256 to name one file",
        )
    return RecordRef(table, EvidenceId(found[0]), int(number))


def record_bytes(case: Case, ref: RecordRef) -> FoundRecord:
    """Find a record again in the original evidence, and its row in the archive.

    Raises:
        UsageError: the case knows no such evidence.
        CustodyError: the archive's own file is not what was written.
    """
    item = case.register().get(ref.evidence_id)
    if item is not None and ref.table == WHOLE_FILE:
        return _bytes_at(item, ref)
    if item is None or item.source is None:
        raise UsageError(f"the case holds no evidence with the id {ref.evidence_id}")
    source = source_of(item.source)
    number = ref.record_no if source.unit == "line" and ref.record_no > 0 else None
    try:
        place, cut = _best(item, number, quoted=source.key not in _UNQUOTED)
    finally:
        close_zips()
    state = FoundState.NOT_FOUND
    if cut is not None:
        state = FoundState.AS_REGISTERED if cut.sha256 == item.evidence_id else FoundState.CHANGED
    container, mark, _ = place.path.rpartition(CONTAINER_MARK)
    archive = open_archive(case)
    row = row_of(case, archive, ref)
    counted, copies = same_event(case, archive, ref, held=row is not None)
    if row is None and counted is not None:
        row = row_of(case, archive, counted)
    return FoundRecord(
        ref=ref,
        path=place.path,
        root=place.root,
        container=container if mark else "",
        unit=source.unit,
        offset_bytes=cut.offset_bytes if cut is not None else None,
        raw=cut.raw if cut is not None else None,
        row=row,
        sha256=item.evidence_id,
        state=state,
        also=tuple(one for one in _copies(case, item, number) if one != place),
        others=_others(case, ref, counted, copies),
        dated=tuple(one.words for one, _ in dated_as(case, archive, ref.evidence_id) if _may_be(one, row)),
    )


def _may_be(dated: Dated, row: Mapping[str, object] | None) -> bool:
    """Say whether a row may have come by its instant in a way: what has none came by it in no other."""
    return row is None or (dated.basis is TimeBasis.UNKNOWN) == (row.get(TIME_UTC.name) is None)


def _others(
    case: Case, ref: RecordRef, counted: RecordRef | None, copies: Sequence[RecordRef]
) -> tuple[OtherRecord, ...]:
    """Give the other names of an event, each with every place of its file."""
    register = case.register()
    named = dict.fromkeys([*copies, *([counted] if counted is not None else [])])
    found = [
        OtherRecord(one, place, one == counted)
        for one in named
        if one != ref and one.evidence_id in register
        for place in register[one.evidence_id].places
    ]
    return tuple(sorted(found, key=lambda one: (one.place, one.ref)))


def _copies(case: Case, item: Evidence, number: int | None) -> list[EvidencePlace]:
    """Give every place where a record lies, by what is known of files that are the beginning of others.

    Args:
        case: the case.
        item: the file that the record was read from.
        number: the record's line; None where lines are not counted.
    """
    register, grown = case.register(), case.growths()
    wholes: dict[EvidenceId, list[EvidenceId]] = {}
    for one in grown.values():
        wholes.setdefault(one.part, []).append(one.whole)
    found = [item.evidence_id]
    for part in found:
        found += [one for one in sorted(wholes.get(part, [])) if one not in found]
    shorter = grown.get(item.evidence_id)
    while shorter is not None and number is not None and number <= shorter.lines - shorter.cut:
        found.append(shorter.part)
        shorter = grown.get(shorter.part)
    return sorted(place for one in found if one in register for place in register[one].places)
