"""Provenance: how a record is named, and how a stretch of unreadable evidence is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

__all__ = [
    "EXTRACT",
    "KEPT_BYTES_MAX",
    "NO_FIELD",
    "WHOLE_FILE",
    "Anomaly",
    "AnomalyKind",
    "EvidenceId",
    "Fact",
    "FactKind",
    "RecordRef",
]

EvidenceId = NewType("EvidenceId", str)
"""Lower-case hex SHA-256 of the evidence file's bytes."""

KEPT_BYTES_MAX = 4096
"""An anomaly keeps at most this many of its bytes; the rest is found by offset in the evidence."""

WHOLE_FILE = "file"
"""Stands for the table where a file was looked at as a whole; its records are offsets in bytes, from 0."""


@dataclass(frozen=True, slots=True, order=True)
class RecordRef:
    """One record of one table.

    Attributes:
        table: the archive table.
        evidence_id: the evidence file.
        record_no: 1-based line number in text formats, 1-based ordinal elsewhere (the source's page says which).
    """

    table: str
    evidence_id: EvidenceId
    record_no: int


class AnomalyKind(StrEnum):
    """Why a stretch of evidence could not be read."""

    COLUMN_COUNT = "column-count"
    BAD_TIME = "bad-time"
    NUL_RUN = "nul-run"
    TOO_LONG = "too-long"
    NO_HEADER = "no-header"
    BAD_QUOTE = "bad-quote"
    BAD_JSON = "bad-json"
    BAD_XML = "bad-xml"
    BAD_RECORD = "bad-record"
    BAD_CHUNK = "bad-chunk"
    TRUNCATED = "truncated"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A stretch of evidence that could not be read as a record. Counted, kept, shown.

    Attributes:
        kind: why.
        record_no: the number the record would have had.
        offset_bytes: where it starts in the evidence, after decompression; None where it cannot be known.
        length_bytes: how long it is.
        kept: its first bytes, at most `KEPT_BYTES_MAX`.
        detail: what the reader saw, in our words; never holds evidence text.
    """

    kind: AnomalyKind
    record_no: int
    offset_bytes: int | None
    length_bytes: int
    kept: bytes
    detail: str


EXTRACT = "an extract of the log: what whoever made it left out is not known"
"""How a fact of the kind `NOT_RECORDED` reads that is about a whole file made by a query."""
NO_FIELD = "the log was written without the fields "
"""How a fact of the kind `NOT_RECORDED` begins that is about fields; behind it stand their names, parted by commas."""


class FactKind(StrEnum):
    """What a reader learned about a file beyond its records."""

    HEADER = "header"
    """A header block: the writer started or restarted here."""
    BUILD = "build"
    """The writer's build, as the header states it."""
    MENDED = "mended"
    """Records that were read after a repair (how many, and which)."""
    REENCODED = "re-encoded"
    """Records whose bytes were no UTF-8 and were read as Windows-1252."""
    RECORD_GAP = "record-gap"
    """Record numbers missing between two records."""
    TIME_REVERSAL = "time-reversal"
    """Time went back between two neighbouring records, beyond what the format does by itself."""
    NOT_RECORDED = "not-recorded"
    """Recording was switched off, throttled or capped."""
    TRUNCATED = "truncated"
    """The file ends in mid-record."""
    CLEARED = "cleared"
    """The log says that it was cleared."""
    CLOCK_OFFSET = "clock-offset"
    """The clock as written is off by a steady amount; the instants were corrected."""
    ZONE = "zone"
    """The file is in local time without a zone: which zone it was read in."""
    ZONE_DOUBT = "zone-doubt"
    """Local times that the clock showed twice, or never."""
    GROWN = "grown"
    """The file begins as another that was read before: from where it was read on, and what is doubtful there."""
    COPIED = "copied"
    """Events that another file holds as well: how many, and which file. They count once, unless it says otherwise."""
    DISAGREES = "disagrees"
    """Events with the record numbers of others that are held, and another time or content. Both stay."""
    DATE_DOUBT = "date-doubt"
    """Records that a `#Date` line above them does not allow: older than it, or the first of them much younger."""
    TIME = "time"
    """How so many records of the file came by their instants: basis, zone, field, precision."""
    ANOTHER_FORMAT = "another-format"
    """From this line on the file is in another format, which one is told; its lines are kept as anomalies."""
    RESAVED = "resaved"
    """Records that a spreadsheet changed when it saved the file: cells cut at its limit, instants in its own words."""
    UNDECODED = "undecoded"
    """Records in which a value is written in a code and cannot be read: how many; it is kept as it stands."""
    REPEATED = "repeated"
    """Records in which a name stands several times with a value each: how many, and which of them is in the column."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something a reader learned about a file beyond its records.

    Attributes:
        kind: what sort of thing.
        record_no: the record it was seen at, where there is one.
        from_utc: when, or the start of the stretch it speaks of.
        to_utc: the end of that stretch.
        count: how many records it speaks of.
        detail: in our words, with values that the format defines; may hold evidence text.
    """

    kind: FactKind
    record_no: int | None = None
    from_utc: datetime | None = None
    to_utc: datetime | None = None
    count: int = 1
    detail: str = ""
