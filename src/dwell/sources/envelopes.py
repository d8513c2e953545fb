"""Records out of what a log collector puts around them: Splunk's results, Elastic's hits, what beats ship.

Each has the line as it stood in the log (`_raw`, `event.original`, `message`), where there is one, or is itself the
record (`_source` of an event that winlogbeat took apart). One envelope is opened, and what lies in it is not opened again.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, BinaryIO

import msgspec

from dwell.model.provenance import KEPT_BYTES_MAX, Anomaly, AnomalyKind
from dwell.sources.exchange_csv import delimiter_of
from dwell.sources.json_objects import lenient, objects
from dwell.sources.lines import blocks, decode_line
from dwell.sources.quoted import split_cells
from dwell.sources.source import Sniff

__all__ = ["RAW_BYTES_MAX", "Enveloped", "Opened", "enveloped", "is_table", "opened"]

RAW_BYTES_MAX = 1 << 20
"""A longer record in an envelope is an anomaly."""
CELL_LINES_MAX = 2_000
"""A row of CSV over more lines has a quote that was never closed."""
_RAW = ("_raw", "event.original", "message")
_HOSTS = ("host.name", "host.hostname", "host", "Host", "agent.hostname", "beat.hostname", "agent.name", "ComputerName")
_NAMES = ("log.file.path", "source", "Source")
_HITS = ("hits", "results", "records", "value", "rows")
_WRAPPERS = ("_source", "result")
_MARKS = ('_raw"', '_source"', 'message"', 'original"', "_raw", "message")
_OPENING = re.compile(r'\s*\{[^\[\]]*"(?:hits|results|records|value|rows)"\s*:\s*\[')
_LOOKED_AT = 200
_HEAD_CHARACTERS = 200_000
_DEPTH = 3


@dataclass(frozen=True, slots=True)
class Enveloped:
    """One record of an envelope.

    Attributes:
        raw: the line as it stood in the log; "" where the envelope holds none.
        whole: the record itself as JSON; "" where nothing wraps it.
        host: whose log it is, as the envelope says; "" where it does not.
        name: path of the log it comes from, as the envelope says; "" where it does not.
        offset: where it starts in the evidence.
        length: bytes it takes there; of several records in one object, those of the object.
        kept: its first bytes.
        fault: why it cannot be opened; "" where it can.
        kind: what sort of fault that is.
    """

    raw: str
    whole: str
    host: str
    name: str
    offset: int
    length: int
    kept: bytes
    fault: str = ""
    kind: AnomalyKind = AnomalyKind.BAD_RECORD

    def anomaly(self, number: int, kind: AnomalyKind | None = None, detail: str = "") -> Anomaly:
        """Give it as something that could not be read."""
        return Anomaly(kind or self.kind, number, self.offset, self.length, self.kept, detail or self.fault)


@dataclass(frozen=True, slots=True)
class Opened:
    """What the first records of a file hold, once its envelope is opened.

    Attributes:
        raw: lines as they stood in the log.
        whole: records that are wrapped, as JSON.
        name: path of the log, as the first envelope says.
    """

    raw: str
    whole: str
    name: str


def _text(value: object) -> str:
    """Give a value as text: of a list the only one, of a structure nothing."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if isinstance(value, str) else ""


def _at(record: Mapping[str, Any], path: str) -> str:
    """Give the text at a path, whose names may stand as one key (`host.name`) or one in the other."""
    if found := _text(record.get(path)):
        return found
    here: object = record
    for part in path.split("."):
        here = here.get(part) if isinstance(here, dict) else None
    return _text(here)


def _first(record: Mapping[str, Any], paths: Sequence[str]) -> str:
    return next((found for path in paths if (found := _at(record, path))), "")


def _records(value: dict[str, Any], depth: int = 0) -> Iterator[tuple[dict[str, Any], bool]]:
    """Yield the records that an object holds, and whether each was wrapped; the object itself where it holds none."""
    for name in _WRAPPERS:
        inner = value.get(name)
        if isinstance(inner, dict):
            yield inner, True
            return
    for name in _HITS if depth < _DEPTH else ():
        held = value.get(name)
        if isinstance(held, dict) and name == "hits":
            yield from _records(held, depth + 1)
            return
        if isinstance(held, list) and held and all(isinstance(one, dict) for one in held):
            for one in held:
                yield from _records(one, depth + 1)
            return
    yield value, depth > 0


def _json(stream: BinaryIO) -> Iterator[tuple[Enveloped, int]]:
    for piece, taken in objects(stream):
        value = None if piece.fault else _decoded(piece.raw)
        told = piece.anomaly(0, "no readable JSON")
        place = (told.offset_bytes or 0, told.length_bytes, told.kept)
        if value is None:
            yield Enveloped("", "", "", "", *place, told.detail, told.kind), taken
            continue
        for record, wrapped in _records(value):
            raw = _first(record, _RAW)
            whole = _encoded(record) if wrapped or not raw else ""
            yield Enveloped(raw, whole, _first(record, _HOSTS), _first(record, _NAMES), *place), taken


def _decoded(raw: bytes) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        found = lenient(raw)[0]
    return found if isinstance(found, dict) else None


def _encoded(record: dict[str, Any]) -> str:
    try:
        return msgspec.json.encode(record).decode()
    except (msgspec.MsgspecError, RecursionError, UnicodeEncodeError, TypeError, OverflowError):
        return ""


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a CSV file and where it lies."""

    text: str
    offset: int
    length: int
    kept: bytes


class _Rows:
    """Rows of CSV out of lines as they come; a cell may go over several."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.header = ""
        self.delimiter = ","
        self.held: list[_Line] = []
        self.open = False
        self.size = 0

    def take(self, line: _Line) -> Iterator[Enveloped]:
        """Take a line."""
        if not self.held and not line.text.strip("\ufeff \t\0"):
            if "\0" in line.text:
                yield _fault(line, AnomalyKind.NUL_RUN, "a run of NUL bytes")
            return
        self.held.append(line)
        self.size += line.length
        self.open ^= line.text.count('"') % 2 == 1
        if not self.open:
            yield from self._close()
        elif len(self.held) >= CELL_LINES_MAX or self.size >= RAW_BYTES_MAX:
            yield from self._resume()

    def _resume(self) -> Iterator[Enveloped]:
        """Give up the first line, whose quote is never closed, and take the others again."""
        first, *others = self.held
        self.held, self.open, self.size = [], False, 0
        yield _fault(first, AnomalyKind.BAD_QUOTE, "a quote that is never closed")
        for one in others:
            # a line that leaves a quote open stands alone here, or all would be taken again and again
            if one.text.count('"') % 2:
                yield _fault(one, AnomalyKind.BAD_QUOTE, "a quote that is never closed")
            else:
                yield from self.take(one)

    def _close(self) -> Iterator[Enveloped]:
        first = self.held[0]
        whole = "\n".join(one.text for one in self.held).removeprefix("\ufeff")
        self.held, self.size = [], 0
        if not self.names:
            self.delimiter, self.header = delimiter_of(whole), whole
        cells = split_cells(whole, self.delimiter)
        if cells is None:
            yield _fault(first, AnomalyKind.BAD_QUOTE, "a quote that is opened or closed in the wrong place")
        elif not self.names:
            self.names = cells
        elif whole != self.header:
            yield self._record(first, cells)

    def _record(self, first: _Line, cells: list[str]) -> Enveloped:
        if len(cells) != len(self.names):
            detail = f"{len(cells)} columns where the header names {len(self.names)}"
            return _fault(first, AnomalyKind.COLUMN_COUNT, detail)
        record = dict(zip(self.names, cells, strict=True))
        place = (first.offset, first.length, first.kept)
        return Enveloped(_first(record, _RAW), "", _first(record, _HOSTS), _first(record, _NAMES), *place)

    def end(self) -> Iterator[Enveloped]:
        """Give what is left open at the end of the file."""
        if self.held:
            yield from self._resume()


def _fault(line: _Line, kind: AnomalyKind, detail: str) -> Enveloped:
    return Enveloped("", "", "", "", line.offset, line.length, line.kept, detail, kind)


def _csv(stream: BinaryIO) -> Iterator[tuple[Enveloped, int]]:
    rows, taken = _Rows(), 0
    for block in blocks(stream):
        if block.too_long is not None:
            one = block.too_long
            taken += block.size_bytes
            yield (
                Enveloped("", "", "", "", one.offset_bytes or 0, one.length_bytes, one.kept, one.detail, one.kind),
                taken,
            )
            continue
        for at in range(len(block)):
            line = block.line(at)
            raw = line if block.text is None else block.text.original(line)
            for found in rows.take(_Line(decode_line(line)[0], block.at(at), len(raw), raw[:KEPT_BYTES_MAX])):
                yield found, taken
        taken += block.size_bytes
    for found in rows.end():
        yield found, taken


def enveloped(stream: BinaryIO, *, table: bool) -> Iterator[tuple[Enveloped, int]]:
    """Yield every record of an envelope, and how many bytes were taken in so far.

    Args:
        stream: the file.
        table: whether it is CSV; JSON else.
    """
    return _csv(stream) if table else _json(stream)


def is_table(sniff: Sniff) -> bool:
    """Say whether a file is no JSON, as far as its first character says."""
    return not sniff.text.lstrip("\ufeff\r\n\t \0").startswith(("{", "["))


@lru_cache(maxsize=4)
def opened(sniff: Sniff) -> Opened | None:
    """Open the first records of what may be an envelope; None where nothing speaks for one."""
    if not any(one in sniff.text[:_HEAD_CHARACTERS] for one in _MARKS):
        return None
    text = sniff.text if sniff.complete or not is_table(sniff) else sniff.text.rpartition("\n")[0]
    raws: list[str] = []
    wholes: list[str] = []
    name = ""
    for one, _ in enveloped(io.BytesIO(_closed(text, sniff).encode(errors="replace")), table=is_table(sniff)):
        raws += [one.raw] if one.raw else []
        wholes += [one.whole] if one.whole else []
        name = name or one.name
        if len(raws) + len(wholes) >= 2 * _LOOKED_AT:
            break
    return Opened("\n".join(raws), "\n".join(wholes), name) if raws or wholes else None


def _closed(text: str, sniff: Sniff) -> str:
    """Give the head of one long object without what stands around its records, so that they can be read one by one."""
    if sniff.complete or is_table(sniff):
        return text
    start = _OPENING.match(text)
    return text[start.end() :] if start is not None else text
