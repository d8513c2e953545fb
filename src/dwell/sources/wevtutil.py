"""Windows events as text, as `wevtutil qe … /f:text` writes them.

Source:
    Microsoft Learn, "wevtutil": blocks that begin with `Event[n]`, then `Name: value` lines, then the rendered
    description, which is kept whole as `Message`. Only the names that wevtutil writes in English are known; others are
    event data. Unverified: built from a description, no sample seen; a real file would verify it.
Time:
    `Date` is UTC where it ends in `Z` (Windows 10 and later), else the local time of the machine that wrote the text,
    read in the zone that is given for the record's host, else as UTC.
Units:
    One block is one event; `record_no` is its first line, the lines that continue it are structural.

Raises:
    Nothing. A line outside of any event, and a block that names neither event nor log, is an anomaly.
Trust:
    As for the binary log; and a description can hold lines that look like the start of another event.
Silence:
    As for the binary log; the query may have left events out. Event data have no names here, so rules on fields see
    none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from dwell.model.instants import TimeBasis
from dwell.model.provenance import Anomaly, AnomalyKind, Fact, FactKind
from dwell.sources import windows_event
from dwell.sources.event_rows import Rows
from dwell.sources.evtx_facts import cleared
from dwell.sources.lines import Block, blocks, decode_line, line_anomaly
from dwell.sources.source import Batch, Guess, Hint, Sniff, Source, Stamp
from dwell.sources.windows_event import Provider, Security, System, TimeCreated, named

__all__ = ["EVENT_BYTES_MAX", "Wevtutil"]

EVENT_BYTES_MAX = 1 << 20
"""An event's text beyond this is no part of it."""
_ROWS = 8_192
_UNZONED = re.compile(r"\d:\d\d(?:\.\d+)?$")
"""How an instant ends that names no zone."""
_START = re.compile(r"\s*Event\s*\[\d+\]:?\s*$")
_PAIR = re.compile(r"\s{1,4}([A-Z][A-Za-z ]{1,24}):(?: (.*))?$")
_LEVELS = {"Critical": 1, "Error": 2, "Warning": 3, "Information": 4, "Verbose": 5}
_DESCRIPTION = "Description"


class _Event:
    """An event whose lines are being gathered."""

    def __init__(self, first: Anomaly) -> None:
        self.first = first
        self.pairs: dict[str, str] = {}
        self.text: list[str] = []
        self.size = 0
        self.describing = False

    def take(self, text: str) -> bool:
        """Take a line; False where the event is too long for it."""
        self.size += len(text) + 1
        if self.size > EVENT_BYTES_MAX:
            return False
        found = None if self.describing else _PAIR.match(text)
        if found is None:
            self.describing = True
            self.text.append(text)
        elif found[1] == _DESCRIPTION:
            self.describing = True
            self.text.append(found[2] or "")
        else:
            self.pairs[found[1]] = (found[2] or "").strip()
        return True

    def row(self) -> tuple[System, dict[str, Any]] | None:
        """Give the event; None where it names neither itself nor its log."""
        held = dict(self.pairs)
        number = held.pop("Event ID", "")
        channel = held.pop("Log Name", None)
        if not number.isdecimal() or len(number) > 9:
            if channel is None:
                return None
            held["EventID"] = number
        level = held.pop("Level", "")
        data: list[tuple[str, Any]] = [(name, value) for name, value in held.items() if name not in _TAKEN and value]
        if level and level not in _LEVELS:
            data.append(("Level", level))
        if message := "\n".join(self.text).strip():
            data.append(("Message", message))
        user = held.get("User", "")
        system = System(
            Channel=channel,
            Computer=held.get("Computer") or None,
            EventID=int(number) if number.isdecimal() and len(number) <= 9 else None,
            Level=_LEVELS.get(level),
            Keywords=held.get("Keyword") or None,
            provider=Provider(held.get("Source") or None),
            time=TimeCreated(held.get("Date") or None),
            security=Security(user if user not in ("", "N/A") else None),
        )
        return system, named(data, channel)


_TAKEN = frozenset({"Source", "Date", "Computer", "User", "Keyword"})


class Wevtutil(Source):
    """Windows event log, text."""

    key = "evtx_text"
    stamp = Stamp("Date", TimeBasis.UTC)
    title = "Windows event log (text of wevtutil)"
    local_lines = True
    schema = windows_event.SCHEMA
    lexicon = windows_event.LEXICON

    @property
    def table(self) -> str:
        """Give the table that all forms of event logs share."""
        return "evtx"

    def identify(self, sniff: Sniff) -> Guess | None:
        """Take text whose first line starts an event and that names logs."""
        lines = [line for line in sniff.text.splitlines()[:40] if line.strip()]
        if (
            lines
            and _START.match(lines[0])
            and any(line.strip().startswith(("Log Name:", "Event ID:")) for line in lines)
        ):
            return Guess(90, self.key, "blocks of wevtutil: Event[n], Log Name, Event ID")
        return None

    def read(self, stream: BinaryIO, hint: Hint) -> Iterator[Batch]:
        """Yield the events, some thousands to a batch."""
        del hint
        reader = _Reader()
        for block in blocks(stream):
            if block.too_long is not None:
                reader.close()
                reader.batch.anomalies.append(block.too_long)
            else:
                reader.block(block)
            reader.batch.bytes_read += block.size_bytes
            if len(reader.rows) + len(reader.batch.anomalies) >= _ROWS:
                yield reader.take()
        reader.close()
        yield reader.take()


class _Reader:
    """Lines on their way into events, events on their way into batches."""

    def __init__(self) -> None:
        self.rows = Rows()
        self.batch = Batch()
        self.event: _Event | None = None
        self.reencoded: list[int] = []
        self.local: list[int] = []

    def block(self, block: Block) -> None:
        """Take the lines of a block."""
        for at in range(len(block)):
            text, odd = decode_line(block.line(at))
            if not text:
                self.batch.structural += 1
                if self.event is not None:
                    self.event.take(text)
                continue
            if not text.strip("\0 \t"):
                kind = AnomalyKind.NUL_RUN if "\0" in text else AnomalyKind.BAD_RECORD
                self.batch.anomalies.append(line_anomaly(block, at, kind, "a run of NUL bytes or blanks"))
            elif _START.match(text):
                self.close()
                fault = "a block that names neither an event nor a log"
                self.event = _Event(line_anomaly(block, at, AnomalyKind.BAD_RECORD, fault))
            elif self.event is None:
                fault = "a line outside of any event"
                self.batch.anomalies.append(line_anomaly(block, at, AnomalyKind.NO_HEADER, fault))
            elif self.event.take(text):
                self.batch.structural += 1
                if odd:
                    self.reencoded.append(block.number(at))
            else:
                fault = f"a line beyond the first {EVENT_BYTES_MAX} bytes of an event"
                self.batch.anomalies.append(line_anomaly(block, at, AnomalyKind.BAD_RECORD, fault))

    def close(self) -> None:
        """Put the event at hand into a row."""
        if self.event is None:
            return
        found = self.event.row()
        if found is None:
            self.batch.anomalies.append(self.event.first)
        else:
            self.rows.add(self.event.first.record_no, *found)
            if _UNZONED.search(found[0].time.SystemTime or ""):
                self.local.append(self.event.first.record_no)
        self.event = None

    def take(self) -> Batch:
        """Give what was gathered."""
        out = self.batch
        out.anomalies.sort(key=lambda one: one.record_no)
        if len(self.rows):
            out.records = self.rows.batch()
            out.facts += cleared(out.records)
            out.local = np.array(self.local, np.int64)
        if self.reencoded:
            what = "no UTF-8, read as Windows-1252"
            out.facts.append(Fact(FactKind.REENCODED, self.reencoded[0], None, None, len(self.reencoded), what))
        self.rows, self.batch, self.reencoded, self.local = Rows(), Batch(), [], []
        return out
