"""Windows event logs in the binary format (`.evtx`), record by record, damaged ones included.

Source:
    libevtx "Windows XML Event Log (EVTX)" (header layout); Microsoft Learn "Windows Event Log". The decoder is `evtx`;
    where every record lies is found without it, from the headers alone (`evtx_chunks`), and records that are alike are
    read many at once as it reads one of them (`evtx_columns`).
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

from collections.abc import Iterator, Sequence
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from dwell.model.instants import TimeBasis
from dwell.model.provenance import KEPT_BYTES_MAX, Anomaly, AnomalyKind, Fact, FactKind
from dwell.sources import evtx_chunks, windows_event
from dwell.sources.event_rows import Rows
from dwell.sources.evtx_chunks import CHUNK_BYTES, FILE_MAGIC, HEADER_BYTES, FileHeader
from dwell.sources.evtx_columns import Columns, Taken
from dwell.sources.evtx_decoder import decode
from dwell.sources.evtx_facts import Numbering, cleared
from dwell.sources.evtx_json_shape import read_events
from dwell.sources.script_blocks import ends_in_parts, put_together
from dwell.sources.source import Batch, Guess, Hint, Sniff, Source, Stamp
from dwell.sources.utf8_stream import read_fully

__all__ = ["Evtx"]

ROWS = 8_192
"""Events gathered before a batch is given."""
BLOCK_CHUNKS = 256
"""So many chunks are read at once."""
HELD_BYTES = 2 * BLOCK_CHUNKS * CHUNK_BYTES
"""So many bytes of chunks are gathered at most, however few events they hold."""
COLUMNS_MIN = 512
"""So many events are worth reading as columns; fewer are decoded one by one."""
_COLUMNS = Columns()


class Evtx(Source):
    """Windows event log, binary."""

    key = "evtx"
    stamp = Stamp("TimeCreated/@SystemTime", TimeBasis.UTC, "microsecond")
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
        while data := read_fully(stream, BLOCK_CHUNKS * CHUNK_BYTES):
            reading.take(data)
            if reading.is_full():
                yield reading.batch()
        yield reading.finish()


class _Reading:
    """One pass over a file."""

    def __init__(self) -> None:
        self.gathered = self.rows_gathered = 0
        self.rows = Rows()
        self.batches: list[pa.RecordBatch] = []
        self.anomalies: list[Anomaly] = []
        self.facts: list[Fact] = []
        self.numbering = Numbering()
        self.head = FileHeader.parse(b"")
        self.ordinal = 0
        self.offset = 0
        self.bytes_read = 0
        self.chunks = self.empty = self.unfit = self.slack = 0

    def is_full(self) -> bool:
        """Say whether it is time for a batch: not in the midst of a script block, unless it has no end."""
        held = max(self.rows_gathered, len(self.anomalies))
        if held < ROWS and self.gathered < HELD_BYTES:
            return False
        if held >= 2 * ROWS or self.gathered >= 2 * HELD_BYTES:
            return True
        return not (self.batches and ends_in_parts(self.batches[-1]))

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
        """Take some chunks, one after the other; the last one may be cut."""
        sound: list[Taken] = []
        start = 0
        for chunk in evtx_chunks.scan_all(data):
            size = min(CHUNK_BYTES, len(data) - start)
            self.chunks += not chunk.empty
            self.empty += chunk.empty
            self.unfit += not chunk.checksum_fits
            self.slack += chunk.slack
            held = Taken(start, chunk, self.ordinal + 1, self.offset + start)
            count = len(chunk.units)
            self.ordinal += count
            if chunk.good and size == CHUNK_BYTES and count and not chunk.damaged:
                sound.append(held)
            else:
                self._decode(data, held, range(count))
            if size < CHUNK_BYTES and not chunk.empty:
                self.facts.append(Fact(FactKind.TRUNCATED, None, detail="the file ends in mid-chunk"))
            start += size
        self._read(data, sound)
        self.offset += len(data)
        self.bytes_read += len(data)
        self.gathered += len(data)

    def _read(self, data: bytes, sound: Sequence[Taken]) -> None:
        """Read chunks without damage, as columns where that is worth it and can be done."""
        pieces: list[pa.RecordBatch] = []
        read = np.zeros(sum(len(one.chunk.units) for one in sound), bool)
        if len(read) >= COLUMNS_MIN:
            columns, read = _COLUMNS.read(data, sound)
            pieces.append(columns)
        left = np.flatnonzero(~read)
        ends = np.cumsum([len(one.chunk.units) for one in sound])
        chunk_of = np.searchsorted(ends, left, "right")
        for number in np.unique(chunk_of).tolist():
            first = int(ends[number]) - len(sound[number].chunk.units)
            self._decode(data, sound[number], (left[chunk_of == number] - first).tolist())
        if len(self.rows):
            pieces.append(self.rows.batch())
            self.rows = Rows()
        if pieces:
            whole = pieces[0] if len(pieces) == 1 else pa.concat_batches(pieces)
            numbers = whole["record_no"].to_numpy()
            in_order = bool((numbers[1:] >= numbers[:-1]).all())
            self.batches.append(whole if in_order else whole.take(pa.array(np.argsort(numbers, kind="stable"))))
            self.rows_gathered += len(whole)

    def _decode(self, block: bytes, held: Taken, positions: Sequence[int]) -> None:
        """Decode some records of a chunk one by one; what cannot be decoded is an anomaly."""
        chunk, data = held.chunk, block[held.start : held.start + CHUNK_BYTES]
        texts = decode(data, chunk, positions)
        events = iter(read_events([text for text in texts if text is not None]))
        cut = len(data) < CHUNK_BYTES
        for position, text in zip(positions, texts, strict=True):
            unit, number = chunk.units[position], held.first_no + position
            event = None if text is None else next(events)
            if event is not None:
                self.rows.add(number, *event)
                continue
            kind = AnomalyKind.BAD_RECORD if chunk.good else AnomalyKind.BAD_CHUNK
            if cut and unit.offset + unit.size == len(data):
                kind = AnomalyKind.TRUNCATED
            detail = unit.damage or f"record {unit.record_id} cannot be decoded"
            piece = data[unit.offset : unit.offset + min(unit.size, KEPT_BYTES_MAX)]
            self.anomalies.append(Anomaly(kind, number, held.offset + unit.offset, unit.size, piece, detail))

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
        if self.batches:
            records = self.batches[0] if len(self.batches) == 1 else pa.concat_batches(self.batches)
            records, told = put_together(records)
            self.facts.extend(told)
            self.batches = []
            self.numbering.take(records)
            self.facts.extend(cleared(records))
        self.anomalies.sort(key=lambda one: one.record_no)
        out = Batch(records, self.anomalies, self.facts, 0, self.bytes_read)
        self.anomalies, self.facts, self.bytes_read = [], [], 0
        self.gathered = self.rows_gathered = 0
        return out
