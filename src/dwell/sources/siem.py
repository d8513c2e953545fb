"""Logs as a SIEM gives them back: lines of a log that we read, each in an envelope of Splunk, Elastic or a beat.

Source:
    Splunk, "Export search results" (JSON lines with `result` and `_raw`, CSV with `_raw`); Elastic and OpenSearch, the
    search interface (`hits`, `_source`), Filebeat and the Elastic Common Schema (`message`, `event.original`,
    `log.file.path`, `host.name`); as JSON lines, one array, one answer, or CSV. The line as it stood in the log is taken
    out and read as that log; of what was indexed without its line (`_source` of winlogbeat) the record itself. What lies
    in the envelope is told by the first records, and is one format a file. Unverified: built from descriptions, no sample
    of a whole export seen; an export of one day of each would verify it.
Time:
    As for the log inside. The SIEM's own instant (`_time`, `@timestamp`) is that of its receipt where it could not read
    the line's, and is not taken.
Units:
    As for the log inside. `record_no` counts the records of the envelope, those left out that are a comment of the log
    (`#Fields`) or nothing. `host` is the record's own, else the envelope's. Of a record of several lines each is one where
    each begins like one; else they are put together with blanks.

Raises:
    Nothing. A record without a line, one that cannot be opened, and one whose line cannot be read are anomalies.
Trust:
    As for the log inside; and whoever may write to the SIEM, or to its open port, can have written any of it.
Silence:
    An export holds what the query asked for and the SIEM had kept: no hour counts as covered by it alone.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import BinaryIO, cast
from xml.parsers import expat

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.provenance import EXTRACT, Anomaly, AnomalyKind, Fact, FactKind
from dwell.sources.envelopes import RAW_BYTES_MAX, Enveloped, enveloped, is_table, opened
from dwell.sources.evtx_json import EvtxJson
from dwell.sources.evtx_xml import EvtxXml
from dwell.sources.ews import Ews
from dwell.sources.httpproxy import HttpProxy
from dwell.sources.iis import IisW3c
from dwell.sources.iis_headerless import IisHeaderless
from dwell.sources.imap4 import Imap4
from dwell.sources.mapihttp import MapiHttp
from dwell.sources.message_tracking import MessageTracking
from dwell.sources.peeked import peeked
from dwell.sources.pop3 import Pop3
from dwell.sources.source import HOST, RECORD_NO, Batch, Guess, Hint, Sniff, Source
from dwell.sources.ual import UalJson

__all__ = ["SIEM", "Siem"]

_SCORE = 93
_INNER_SCORE = 50
"""A log inside that is less sure than this is none."""
_FED_BYTES = 1 << 20
_WAIT_BYTES = 64 << 20
"""A line of which nothing has been heard when so many more bytes have been read was taken in by another."""
_LOST_BYTES = 16 << 20
"""So much is kept of what cannot be opened before it is handed over."""
_OVERHEAD_BYTES = 256
_FILL = b"#" + b"-" * 32_766 + b"\n"
_BEGINS = re.compile(r"\d{4}-\d\d-\d\d[T ]")
_EVENT = re.compile(r"<(?:\w+:)?Event[\s>]")
_LISTS = ("value", "records", "results", "items", "Results")
_JOINED = "several lines in one record of the envelope, put together with blanks"
_SWALLOWED = "a line that the one before it took in"
_NO_LINE = "the envelope holds no line of the log"


@dataclass(slots=True)
class _Waiting:
    """A line that was handed on and of which nothing has been heard yet."""

    number: int
    fed_bytes: int
    piece: Enveloped


def _one_event(text: str) -> bool:
    """Say whether a text is one event in XML, whole, without entities of its own."""
    if len(_EVENT.findall(text)) != 1 or "<!" in text:
        return False
    parser = expat.ParserCreate()
    try:
        parser.Parse(text.encode(errors="replace"), True)  # noqa: FBT003 - expat has no names for it
    except expat.ExpatError:
        return False
    return True


class _Feed(io.RawIOBase):
    """The log inside as a stream; what was handed on is remembered until it is heard of.

    Attributes:
        waiting: lines, or records where the log inside counts these, by their number in the stream.
        lost: what could not be handed on, since the last batch.
        taken: bytes of the evidence taken in.
        joined: numbers of records whose lines were put together.
    """

    def __init__(self, pieces: Iterator[tuple[Enveloped, int]], inner: Source, *, whole: bool) -> None:
        self.pieces = pieces
        self.unit, self.json, self.whole = inner.unit, inner.key.endswith("_json"), whole
        self.waiting: dict[int, _Waiting] = {}
        self.lost: list[Anomaly] = []
        self.joined: list[int] = []
        self.taken = self.number = self.fed_bytes = self.lost_bytes = 0
        # a blank line first: no text of the evidence can make the stream look like UTF-16
        self.buffer = bytearray(b"\n")
        self.at = 1 if inner.unit == "line" else 0
        self.done = False

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """Give at most so many bytes, fewer where fewer are at hand."""
        wanted = _FED_BYTES if size is None or size < 0 else min(size, _FED_BYTES)
        while len(self.buffer) < wanted and not self.done and self.lost_bytes < _LOST_BYTES:
            found = next(self.pieces, None)
            if found is None:
                self.done = True
            else:
                self.taken = found[1]
                self._feed(found[0])
        if not self.buffer and not self.done:
            # nothing but faults for long: comments fill the reader's block, so that they can be handed over
            lines = -(-wanted // len(_FILL))
            self.at += lines if self.unit == "line" else 0
            self.buffer += (_FILL if self.unit == "line" else b" " * len(_FILL)) * lines
        out = bytes(self.buffer[:wanted])
        del self.buffer[:wanted]
        return out

    def _feed(self, piece: Enveloped) -> None:
        text = (piece.whole if self.whole else piece.raw).strip("\r\n\ufeff")
        if piece.fault:
            self._lose(piece)
        elif not text.strip():
            self._lose(piece, _NO_LINE)
        elif len(text) > RAW_BYTES_MAX:
            self._lose(piece, f"a record of over {RAW_BYTES_MAX} characters", AnomalyKind.TOO_LONG)
        elif self.unit == "line":
            self._feed_lines(piece, text)
        else:
            self._feed_record(piece, text)

    def _lose(self, piece: Enveloped, detail: str = "", kind: AnomalyKind | None = None) -> None:
        self.number += 1
        self.lost.append(piece.anomaly(self.number, kind, detail))
        self.lost_bytes += len(piece.kept) + _OVERHEAD_BYTES

    def _feed_lines(self, piece: Enveloped, text: str) -> None:
        lines = [one for one in text.replace("\r\n", "\n").split("\n") if one.strip()]
        if len(lines) > 1 and not all(one.startswith("#") or _BEGINS.match(one) for one in lines):
            lines = [" ".join(lines)]
            self.joined.append(self.number + 1)
        for one in lines:
            if not one.startswith("#"):
                self._wait(piece)
            else:
                self.at += 1
            self._put(one)

    def _feed_record(self, piece: Enveloped, text: str) -> None:
        if self.json:
            try:
                value = msgspec.json.decode(text)
                sound = isinstance(value, dict) and not any(isinstance(value.get(one), list) for one in _LISTS)
                text = msgspec.json.encode(value).decode() if sound else ""
            except (msgspec.MsgspecError, RecursionError, UnicodeError):
                text = ""
            if not text:
                self._lose(piece, "no JSON object of one record in the envelope", AnomalyKind.BAD_JSON)
                return
        elif not _one_event(text):
            self._lose(piece, "no event in XML in the envelope", AnomalyKind.BAD_XML)
            return
        self._wait(piece)
        self._put(text)

    def _wait(self, piece: Enveloped) -> None:
        self.number += 1
        self.at += 1
        self.waiting[self.at] = _Waiting(self.number, self.fed_bytes, replace(piece, raw="", whole=""))

    def _put(self, text: str) -> None:
        data = text.encode(errors="replace") + b"\n"
        self.buffer += data
        self.fed_bytes += len(data)

    def overdue(self, *, final: bool) -> Iterator[Anomaly]:
        """Yield the lines that were taken in by another."""
        for at in list(self.waiting):
            held = self.waiting[at]
            if not final and held.fed_bytes > self.fed_bytes - _WAIT_BYTES:
                return
            del self.waiting[at]
            yield held.piece.anomaly(held.number, AnomalyKind.BAD_RECORD, _SWALLOWED)


class Siem(Source):
    """A log in envelopes.

    Attributes:
        inners: readers of the log inside, all of one table and one list of columns.
    """

    unit = "record"

    def __init__(self, *inners: Source) -> None:
        first = inners[0]
        self.inners = inners
        self.key = f"{first.key}_siem"
        self.title = f"{first.title}, in envelopes of a SIEM"
        self.stamp, self.schema, self.lexicon = first.stamp, first.schema, first.lexicon
        self.is_log, self.local_lines = first.is_log, first.local_lines

    @property
    def table(self) -> str:
        """Give the table of the log inside."""
        return self.inners[0].table

    def identify(self, sniff: Sniff) -> Guess | None:
        """Open the first envelopes and ask what lies in them."""
        found = _inside(sniff)
        if found is None or found[0].key not in {one.key for one in self.inners}:
            return None
        return Guess(_SCORE, self.key, f"records of a SIEM that hold lines of another format: {found[0].title}")

    def read(self, stream: BinaryIO, hint: Hint) -> Iterator[Batch]:
        """Yield what the reader of the log inside makes of its lines, under the numbers of the envelope."""
        sniff, whole_stream = peeked(stream, hint.name)
        inner, whole = _inside(sniff, self.inners) or (self.inners[0], False)
        feed = _Feed(enveloped(whole_stream, table=is_table(sniff)), inner, whole=whole)
        told = 0
        for batch in inner.read(cast("BinaryIO", feed), Hint(hint.name, hint.host)):
            out = _renumbered(batch, feed)
            out.anomalies += feed.overdue(final=False)
            out.bytes_read, told = feed.taken - told, feed.taken
            yield out
        yield Batch(
            anomalies=[*_taken(feed), *feed.overdue(final=True)], facts=_closing(feed), bytes_read=feed.taken - told
        )


def _closing(feed: _Feed) -> list[Fact]:
    joined = feed.joined
    mended = [Fact(FactKind.MENDED, joined[0], None, None, len(joined), _JOINED)] if joined else []
    return [*mended, Fact(FactKind.NOT_RECORDED, None, None, None, 1, EXTRACT)]


def _taken(feed: _Feed) -> list[Anomaly]:
    out, feed.lost, feed.lost_bytes = feed.lost, [], 0
    return out


def _renumbered(batch: Batch, feed: _Feed) -> Batch:
    """Put what was read under the numbers of the envelope, with the envelope's host where the record has none."""
    waiting = feed.waiting
    facts = [
        replace(one, record_no=waiting[one.record_no].number if one.record_no in waiting else None)
        for one in batch.facts
    ]
    anomalies = [
        held.piece.anomaly(held.number, one.kind, one.detail)
        for one in batch.anomalies
        if (held := waiting.pop(one.record_no, None)) is not None
    ]
    out = Batch(anomalies=[*anomalies, *_taken(feed)], facts=facts)
    if batch.records is None:
        return out
    found = [waiting.pop(one, None) for one in batch.records[RECORD_NO.name].to_pylist()]
    known = [one for one in found if one is not None]
    records = (
        batch.records if len(known) == len(found) else batch.records.filter(pa.array([bool(one) for one in found]))
    )
    numbers = pa.array([one.number for one in known], pa.int64())
    hosts = pa.array([one.piece.host or None for one in known], pa.string())
    own = records[HOST.name].cast(pa.string())
    records = records.set_column(records.schema.get_field_index(RECORD_NO.name), RECORD_NO, numbers)
    out.records = records.set_column(records.schema.get_field_index(HOST.name), HOST, pc.coalesce(own, hosts))
    if batch.local is not None:
        places = {
            one: held.number for one, held in zip(batch.records[RECORD_NO.name].to_pylist(), found, strict=True) if held
        }
        out.local = np.array([places[one] for one in batch.local.tolist() if one in places], np.int64)
    return out


SIEM: tuple[Siem, ...] = (
    Siem(IisW3c(), IisHeaderless()),
    Siem(HttpProxy()),
    Siem(Ews()),
    Siem(MapiHttp()),
    Siem(Imap4()),
    Siem(Pop3()),
    Siem(MessageTracking()),
    Siem(EvtxXml()),
    Siem(EvtxJson()),
    Siem(UalJson()),
)
"""The logs that are read in envelopes."""
_EVERY = tuple(inner for one in SIEM for inner in one.inners)


@lru_cache(maxsize=4)
def _guessed(sniff: Sniff) -> tuple[tuple[int, int, bool], ...]:
    """Say which logs the first envelopes may hold: how sure, which of all readers, and whether as whole records."""
    held = opened(sniff)
    if held is None:
        return ()
    out: list[tuple[int, int, bool]] = []
    for text, whole in ((held.raw, False), (held.whole, True)):
        inside = Sniff(text.encode(errors="replace"), held.name, complete=True)
        for place, one in enumerate(_EVERY if text else ()):
            guess = one.identify(inside) if one.unit != "line" or not whole else None
            if guess is not None and guess.score >= _INNER_SCORE:
                out.append((guess.score, -place, whole))
    return tuple(sorted(out, key=lambda one: (not one[2], one), reverse=True))


def _inside(sniff: Sniff, wanted: Sequence[Source] = _EVERY) -> tuple[Source, bool] | None:
    """Say which log the first envelopes hold, and whether as whole records; None where none of those wanted is met."""
    keys = {one.key for one in wanted}
    for _, place, whole in _guessed(sniff):
        if _EVERY[-place].key in keys:
            return _EVERY[-place], whole
    return None
