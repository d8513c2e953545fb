"""Windows event logs in the binary format (`.evtx`), record by record, damaged ones included.

Source:
    libevtx "Windows XML Event Log (EVTX)" (header layout); Microsoft Learn "Windows Event Log". The decoder is `evtx`;
    where every record lies is found without it, from the headers alone (`evtx_chunks`).
Time:
    `TimeCreated/@SystemTime` is UTC, kept to the microsecond (written in steps of 100 ns). It is when the event was
    raised, by the host's clock; the record may have been written later.
Units:
    One record is one event. `record_no` counts records and damaged stretches together, in file order; the log's own
    number is `EventRecordID`.

Raises:
    Nothing. A record that cannot be decoded, a chunk without its magic number and a stretch without records are anomalies.
Trust:
    Names, paths and command lines are what the caller of the moment chose; the account, address and workstation of a
    failed logon are the client's own words (`WorkstationName` always is). An administrator can write any event.
Silence:
    No record means that nothing happened, that auditing of it was off, or that the log was cleared or has wrapped round:
    look at the gaps in `EventRecordID`, at events 1102 and 104, and at the oldest record held.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

import evtx
import pyarrow as pa

from dwell.model.provenance import KEPT_BYTES_MAX, Anomaly, AnomalyKind, Fact, FactKind
from dwell.sources import evtx_chunks, windows_event
from dwell.sources.event_rows import Rows
from dwell.sources.evtx_chunks import CHUNK_BYTES, FILE_MAGIC, HEADER_BYTES, Chunk, FileHeader, Unit
from dwell.sources.evtx_facts import Numbering, cleared
from dwell.sources.evtx_json_shape import read_events
from dwell.sources.script_blocks import put_together
from dwell.sources.source import Batch, Guess, Hint, Sniff, Source
from dwell.sources.utf8_stream import read_fully

__all__ = ["Evtx"]

ROWS = 16_384
"""Events gathered before a batch is given; their texts are held as Python objects until then."""


def _file_header() -> bytes:
    """Make the file header of a log of one chunk, for the decoder."""
    head = struct.pack("<8sQQQIHHHH", FILE_MAGIC, 0, 0, 1, 128, 1, 3, HEADER_BYTES, 1).ljust(120, b"\0")
    return (head + struct.pack("<II", 0, zlib.crc32(head))).ljust(HEADER_BYTES, b"\0")


_HEADER = _file_header()


class Evtx(Source):
    """Windows event log, binary."""

    key = "evtx"
    title = "Windows event log (EVTX)"
    schema = windows_event.SCHEMA
    lexicon = windows_event.LEXICON
    unit = "record"

    def identify(self, sniff: Sniff) -> Guess | None:
        """Take files that start with the magic number, and those whose first chunk has its own."""
        if sniff.head.startswith(FILE_MAGIC):
            return Guess(100, self.key, "magic number ElfFile")
        if sniff.head[HEADER_BYTES : HEADER_BYTES + 8] == evtx_chunks.CHUNK_MAGIC:
            return Guess(90, self.key, "magic number ElfChnk at 4096, the file header is damaged")
        return None

    def read(self, stream: BinaryIO, hint: Hint) -> Iterator[Batch]:
        """Yield the records chunk by chunk, some thousands to a batch."""
        del hint
        reading = _Reading()
        yield from reading.header(stream)
        while data := read_fully(stream, CHUNK_BYTES):
            reading.take(data)
            if reading.full:
                yield reading.batch()
        yield reading.finish()


class _Reading:
    """One pass over a file."""

    def __init__(self) -> None:
        self.rows = Rows()
        self.anomalies: list[Anomaly] = []
        self.facts: list[Fact] = []
        self.numbering = Numbering()
        self.head = FileHeader.parse(b"")
        self.ordinal = 0
        self.offset = 0
        self.bytes_read = 0
        self.chunks = self.empty = self.unfit = self.slack = 0

    @property
    def full(self) -> bool:
        """Say whether it is time for a batch: not in the midst of a script block, unless it has no end."""
        held = max(len(self.rows), len(self.anomalies))
        return held >= ROWS and (held >= 2 * ROWS or not self.rows.in_parts)

    def header(self, stream: BinaryIO) -> Iterator[Batch]:
        """Read the file header."""
        head = read_fully(stream, HEADER_BYTES)
        self.head = FileHeader.parse(head)
        self.offset = self.bytes_read = len(head)
        if head and not self.head.good:
            self._anomaly(AnomalyKind.UNREADABLE, 0, len(head), head, "no file header: its magic number is missing")
        elif head and len(head) < HEADER_BYTES:
            self._anomaly(AnomalyKind.TRUNCATED, 0, len(head), head, "the file ends in its header")
        if self.anomalies:
            yield self.batch()

    def take(self, data: bytes) -> None:
        """Read one chunk."""
        chunk = evtx_chunks.scan(data)
        texts = _decode(data, chunk)
        self.chunks += not chunk.empty
        self.empty += chunk.empty
        self.unfit += not chunk.checksum_fits
        self.slack += chunk.slack
        cut = len(data) < CHUNK_BYTES
        events = iter(read_events([text for text in texts if text is not None]))
        for unit, text in zip(chunk.units, texts, strict=True):
            event = None if text is None else next(events)
            if event is not None:
                self.ordinal += 1
                self.rows.add(self.ordinal, *event)
                continue
            kind = AnomalyKind.BAD_RECORD if chunk.good else AnomalyKind.BAD_CHUNK
            if cut and unit.offset + unit.size == len(data):
                kind = AnomalyKind.TRUNCATED
            detail = unit.damage or f"record {unit.record_id} cannot be decoded"
            piece = data[unit.offset : unit.offset + min(unit.size, KEPT_BYTES_MAX)]
            self._anomaly(kind, self.offset + unit.offset, unit.size, piece, detail)
        if cut and not chunk.empty:
            self.facts.append(Fact(FactKind.TRUNCATED, None, detail="the file ends in mid-chunk"))
        self.offset += len(data)
        self.bytes_read += len(data)

    def _anomaly(self, kind: AnomalyKind, offset: int, length: int, piece: bytes, detail: str) -> None:
        self.ordinal += 1
        self.anomalies.append(Anomaly(kind, self.ordinal, offset, length, piece[:KEPT_BYTES_MAX], detail))

    def finish(self) -> Batch:
        """Give the last batch, with what is known only at the end."""
        last = self.batch()
        last.facts.extend(self.numbering.facts(self.head.next_record_id))
        if self.offset:
            detail = (
                f"EVTX file header: {self.head.words}; {self.head.chunk_count} chunks stated, {self.chunks} in use, "
                f"{self.empty} empty, {self.unfit} with a checksum that does not fit; "
                f"{self.slack} record headers in the slack after the used parts, not read"
            )
            last.facts.append(Fact(FactKind.HEADER, None, count=self.chunks, detail=detail))
        return last

    def batch(self) -> Batch:
        """Give what was gathered."""
        records: pa.RecordBatch | None = None
        if len(self.rows):
            records, told = put_together(self.rows.batch())
            self.facts.extend(told)
            self.rows = Rows()
            self.numbering.take(records)
            self.facts.extend(cleared(records))
        out = Batch(records, self.anomalies, self.facts, 0, self.bytes_read)
        self.anomalies, self.facts, self.bytes_read = [], [], 0
        return out


def _decode(data: bytes, chunk: Chunk) -> list[str | None]:
    """Give each unit's event as JSON, None where there is none."""
    texts: list[str | None] = [None] * len(chunk.units)
    if all(one.damage for one in chunk.units):
        return texts
    if not _fill(texts, chunk.units, evtx_chunks.decodable(data, chunk)):
        _fill(texts, chunk.units, evtx_chunks.decodable(data, chunk, tables=False))
    return texts


def _place_of(record_id: int, units: list[Unit], start: int) -> int:
    """Give the place of a record; -1 where there is none from `start` on."""
    return next((at for at in range(start, len(units)) if units[at].record_id == record_id), -1)


def _fill(texts: list[str | None], units: list[Unit], data: bytes) -> bool:
    """Decode a chunk into the places of its units; False where nothing came of it."""
    records = evtx.PyEvtxParser(io.BytesIO(_HEADER + data), number_of_threads=1).records_json()
    place = 0
    faults = 0
    while faults <= len(units):
        try:
            for record in records:
                if record is None:
                    continue
                number = record["event_record_id"]
                if place < len(units) and units[place].record_id == number:
                    texts[place] = record["data"]
                    place += 1
                    continue
                # the stand-in for a damaged stretch may be decoded as well
                found = _place_of(number, units, place)
                if found >= 0:
                    texts[found] = record["data"]
                    place = found + 1
            break
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException:  # noqa: BLE001 - a panic of the decoder is no Exception
            faults += 1
    return place > 0
