"""Microsoft 365 audit records (Unified Audit Log), as tools export them: CSV with an `AuditData` column, or JSON.

Source:
    Microsoft Learn, "Office 365 Management Activity API schema" and "Search-UnifiedAuditLog". The record is the JSON in
    `AuditData`, kept whole in that column; what the export's other columns say goes to `extra`.
Time:
    `CreationTime` is UTC without a zone mark, whole seconds; it becomes `time_utc`. `CreationDate` of the export is in the
    words of a culture and is never read.
Units:
    A row is a row of the export (CSV: `record_no` is its line) or one object (JSON: its ordinal). Exports repeat records:
    nothing is left out here, `Id` tells copies apart. `SizeInBytes` is the sum of the sizes that the record names, bytes.

Raises:
    Nothing. A row without readable `AuditData` keeps what else it has; an object that is no JSON is an anomaly.
Trust:
    The service writes the record; an outsider writes `ClientInfoString`, `UserAgent`, subjects and rule names.
    `ClientIPAddress` of REST calls is often the service's own.
Silence:
    `MailItemsAccessed` exists only where licence and rollout gave it, is dropped for an hour when it repeats, and for a
    day after 1,000 binds (`IsThrottled`). Exports stop at 5,000 or 50,000 rows, and a cell saved by a spreadsheet at
    32,767 characters.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO, ClassVar

import pyarrow as pa

from dwell.model.instants import TimeBasis
from dwell.model.provenance import Fact, FactKind
from dwell.sources.csv_export import CsvExport
from dwell.sources.json_objects import objects
from dwell.sources.resaved import CELL_MAX
from dwell.sources.source import Batch, Guess, Hint, Sniff, Source, Stamp
from dwell.sources.ual_reading import ENVELOPES, Gathered, Watch, from_envelope, read_record
from dwell.sources.ual_record import SCHEMA, Rows

__all__ = ["UalCsv", "UalJson"]

LEXICON = (
    "RecordType", "Operation", "OrganizationId", "UserType", "UserId", "Workload", "ResultStatus", "ClientIP",
    "ClientIPAddress", "ClientInfoString", "ClientAppId", "AppId", "LogonType", "MailboxGuid", "MailboxOwnerUPN",
    "MailAccessType", "IsThrottled", "ActorIpAddress", "UserAgent", "ObjectId",
)  # fmt: skip
_ENVELOPE: dict[str, pa.DataType] = {"AuditData": pa.string()}
_ALONE = re.compile(r'\ufeff?\s*("?)AuditData\1\s*$', re.IGNORECASE)


class _Envelope(CsvExport):
    """The export's own columns, before the record is taken out of them."""

    key = "ual-envelope"
    title = ""
    columns: ClassVar[Mapping[str, pa.DataType]] = _ENVELOPE
    marks = (frozenset({"auditdata"}),)
    schema = CsvExport.table_schema(_ENVELOPE)

    def _is_ours(self, line: str) -> bool:
        """Take a header with the column, which may be the only one (`Select-Object AuditData`)."""
        return super()._is_ours(line) or _ALONE.match(line) is not None

    is_log = False


class UalCsv(Source):
    """Microsoft 365 audit export, CSV."""

    key = "ual"
    stamp = Stamp("CreationTime", TimeBasis.UTC, "second")
    title = "Microsoft 365 audit log (CSV)"
    schema = SCHEMA
    lexicon = LEXICON

    def __init__(self) -> None:
        self._envelope = _Envelope()

    def identify(self, sniff: Sniff) -> Guess | None:
        """Take a CSV header that holds `AuditData`."""
        found = self._envelope.identify(sniff)
        return None if found is None else Guess(95, self.key, "a CSV header with an AuditData column")

    def read(self, stream: BinaryIO, hint: Hint) -> Iterator[Batch]:
        """Yield the export's rows."""
        watch = Watch()
        for batch in self._envelope.read(stream, hint):
            if batch.records is not None:
                rows = Rows()
                found = zip(
                    batch.records["record_no"].to_pylist(),
                    batch.records["AuditData"].to_pylist(),
                    batch.records["extra"].to_pylist(),
                    strict=True,
                )
                for number, text, extra in found:
                    record, how = read_record(text) if text else (None, "")
                    watch.mended(number, how)
                    if record is None:
                        record = from_envelope(dict(extra or []))
                        if text:
                            batch.facts.append(_unreadable(number, text))
                    rows.add(number, text, record, extra)
                batch.records = rows.batch()
                batch.facts += watch.take(batch.records, rows.short)
            yield batch
        if facts := watch.capped():
            yield Batch(facts=facts)


def _unreadable(number: int, text: str) -> Fact:
    cut = ", cut off at the cell limit of a spreadsheet" if len(text) >= CELL_MAX - 1 else ""
    return Fact(FactKind.TRUNCATED, number, None, None, 1, f"AuditData is no readable JSON{cut}; kept as it is")


class UalJson(Source):
    """Microsoft 365 audit export, JSON."""

    key = "ual_json"
    stamp = Stamp("CreationTime", TimeBasis.UTC, "second")
    title = "Microsoft 365 audit log (JSON)"
    schema = SCHEMA
    lexicon = LEXICON
    unit = "record"

    @property
    def table(self) -> str:
        """Give the table that both transports share."""
        return "ual"

    def identify(self, sniff: Sniff) -> Guess | None:
        """Take JSON whose objects hold `CreationTime`, `Workload`, `RecordType`, or an `AuditData`."""
        if not sniff.text.lstrip().startswith(("{", "[")):
            return None
        first = next((one for one, _ in objects(io.BytesIO(sniff.head)) if not one.fault), None)
        record = read_record(first.raw)[0] if first is not None else None
        names = set(record or {})
        # hunting tables of other things have the column as well, and nothing in it
        if record is not None and any(record.get(one) for one in ENVELOPES):
            return Guess(90, self.key, "JSON objects with AuditData")
        if {"CreationTime", "Workload", "RecordType"} <= names:
            return Guess(90, self.key, "JSON objects with CreationTime, Workload and RecordType")
        if {"OfficeWorkload", "TimeGenerated"} <= names:
            return Guess(80, self.key, "JSON objects of Sentinel's OfficeActivity")
        return None

    def read(self, stream: BinaryIO, hint: Hint) -> Iterator[Batch]:
        """Yield the objects, some thousands to a batch."""
        del hint
        held = Gathered()
        taken = 0
        for ordinal, (found, taken) in enumerate(objects(stream), 1):
            if found.fault or not held.add_plain(ordinal, found.raw):
                record, how = (None, "") if found.fault else read_record(found.raw)
                if record is None:
                    held.anomalies.append(found.anomaly(ordinal, "no readable JSON"))
                else:
                    held.add(ordinal, found.raw, record)
                    held.watch.mended(ordinal, how)
            if held.full:
                yield held.batch(taken)
        last = held.batch(taken)
        last.facts += held.watch.capped()
        yield last
