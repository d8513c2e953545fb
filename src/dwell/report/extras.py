"""What a report shows beside the summary: the evidence as registered, custody, settings, and where grounds lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from dwell.model.provenance import RecordRef

__all__ = ["EvidenceFile", "RecordPlace", "ReportExtras"]


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """One evidence file as registered and read.

    Attributes:
        path: where it was found; containers marked with `!`.
        sha256: of its bytes, unpacked; lower-case hex.
        size_bytes: unpacked.
        source: the source that read it; None where none recognised it.
        records: records read; None where it was not read.
        anomalies: stretches that could not be read; None where it was not read.
        first_utc: instant of the first record.
        last_utc: instant of the last record.
        within: the path of a longer copy of the same log, which it is the beginning of; "" where none is known.
        copies: events that stand in another file as well and count there.
    """

    path: str
    sha256: str
    size_bytes: int
    source: str | None
    records: int | None
    anomalies: int | None
    first_utc: datetime | None
    last_utc: datetime | None
    within: str = ""
    copies: int = 0


@dataclass(frozen=True, slots=True)
class RecordPlace:
    """Where a record lies, for a reader who opens the file.

    Attributes:
        path: the evidence file's path.
        record_no: the number within the file.
        unit: what the number counts: `line` or `record`.
    """

    path: str
    record_no: int
    unit: str


@dataclass(frozen=True, slots=True)
class ReportExtras:
    """What a report shows beside the summary; every part may be empty.

    Attributes:
        evidence: one row per evidence file, in the order to print.
        custody: name and value of each fact about the chain of custody. A value that differs between two runs over the
            same evidence, such as the time of the run, makes the reports differ.
        settings: name and effective value of settings that the summary does not carry itself.
        places: where each record lies that a claim or a finding rests on; a record without one is named by its table.
    """

    evidence: tuple[EvidenceFile, ...] = ()
    custody: tuple[tuple[str, str], ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    places: Mapping[RecordRef, RecordPlace] = field(default_factory=dict)
