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
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO, ClassVar

import msgspec
import pyarrow as pa

from dwell.model.provenance import Anomaly, Fact, FactKind
from dwell.sources.csv_export import CsvExport
from dwell.sources.evtx_text import mended_facts
from dwell.sources.json_objects import lenient, objects
from dwell.sources.source import Batch, Guess, Hint, Sniff, Source
from dwell.sources.ual_record import SCHEMA, TEXTS, Rows

__all__ = ["UalCsv", "UalJson"]

CAPS = (5_000, 50_000)
CELL_MAX = 32_767
ROWS = 16_384
LEXICON = (
    "RecordType", "Operation", "OrganizationId", "UserType", "UserId", "Workload", "ResultStatus", "ClientIP",
    "ClientIPAddress", "ClientInfoString", "ClientAppId", "AppId", "LogonType", "MailboxGuid", "MailboxOwnerUPN",
    "MailAccessType", "IsThrottled", "ActorIpAddress", "UserAgent", "ObjectId",
)  # fmt: skip
_ENVELOPES = ("AuditData", "auditData", "RawEventData")
"""Names under which exports hold the record itself."""
_ENVELOPE: dict[str, pa.DataType] = {"AuditData": pa.string()}
_FALLBACK = {"Operation": ("Operations", "operation"), "UserId": ("UserIds", "userId"), "RecordType": ("RecordType",)}


def _decode(text: str | bytes | None) -> dict[str, Any] | None:
    if not text:
        return None
    try:
        found = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    return found if isinstance(found, dict) else None


def _read(text: str | bytes) -> tuple[dict[str, Any] | None, str]:
    """Read a record; say how it was mended, "" where it was whole."""
    if (found := _decode(text)) is not None:
        return found, ""
    found, how = lenient(text.encode(errors="replace") if isinstance(text, str) else text)
    return (found, how) if isinstance(found, dict) else (None, "")


class _Watch:
    """Counts what an export says about its own holes."""

    def __init__(self) -> None:
        self.rows = 0
        self.mendings: dict[str, list[int]] = {}

    def mended(self, number: int, how: str) -> None:
        """Note a record that was mended."""
        if how:
            self.mendings.setdefault(how, []).append(number)

    def take(self, batch: pa.RecordBatch) -> list[Fact]:
        """Note throttled records."""
        self.rows += batch.num_rows
        out = mended_facts(self.mendings)
        self.mendings = {}
        flags = batch["IsThrottled"].to_pylist()
        for place, flag in enumerate(flags):
            if flag is not None and flag.lower() == "true":
                at = batch["time_utc"][place].cast(pa.int64()).as_py()
                owner = batch["MailboxOwnerUPN"][place].as_py() or batch["MailboxGuid"][place].as_py() or "?"
                out.append(_throttled(int(batch["record_no"][place].as_py()), at, owner))
        return out

    def capped(self) -> list[Fact]:
        """Note an export that ends at a known cap."""
        if self.rows in CAPS:
            detail = f"exactly {self.rows} rows: the export was cut at its cap, records after that are not here"
            return [Fact(FactKind.NOT_RECORDED, None, None, None, 1, detail)]
        return []


def _throttled(number: int, at_us: int | None, owner: str) -> Fact:
    start = None if at_us is None else datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)
    end = None if start is None else start + timedelta(hours=24)
    return Fact(FactKind.NOT_RECORDED, number, start, end, 1, f"MailItemsAccessed throttled for 24 h: {owner}")


class _Envelope(CsvExport):
    """The export's own columns, before the record is taken out of them."""

    key = "ual-envelope"
    title = ""
    columns: ClassVar[Mapping[str, pa.DataType]] = _ENVELOPE
    marks = (frozenset({"auditdata"}),)
    schema = CsvExport.table_schema(_ENVELOPE)
    is_log = False

    def identify(self, sniff: Sniff) -> Guess | None:
        """Take a header with an `AuditData` column."""
        return super().identify(sniff)


class UalCsv(Source):
    """Microsoft 365 audit export, CSV."""

    key = "ual"
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
        watch = _Watch()
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
                    record, how = _read(text) if text else (None, "")
                    watch.mended(number, how)
                    if record is None:
                        record = _from_envelope(dict(extra or []))
                        if text:
                            batch.facts.append(_unreadable(number, text))
                    rows.add(number, text, record, extra)
                batch.records = rows.batch()
                batch.facts += watch.take(batch.records)
            yield batch
        if facts := watch.capped():
            yield Batch(facts=facts)


def _unreadable(number: int, text: str) -> Fact:
    cut = ", cut off at the cell limit of a spreadsheet" if len(text) >= CELL_MAX - 1 else ""
    return Fact(FactKind.TRUNCATED, number, None, None, 1, f"AuditData is no readable JSON{cut}; kept as it is")


def _from_envelope(extra: dict[str, str]) -> dict[str, Any]:
    """Give what the export's own columns say where the record cannot be read."""
    out: dict[str, Any] = {}
    for name, others in _FALLBACK.items():
        value = next((extra[one] for one in others if extra.get(one)), None)
        if value is not None:
            out[name] = value
    return out


class UalJson(Source):
    """Microsoft 365 audit export, JSON."""

    key = "ual_json"
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
        names = set(_decode(first.raw) or {}) if first is not None else set()
        if names & set(_ENVELOPES):
            return Guess(90, self.key, "JSON objects with AuditData")
        if {"CreationTime", "Workload", "RecordType"} <= names:
            return Guess(90, self.key, "JSON objects with CreationTime, Workload and RecordType")
        if {"OfficeWorkload", "TimeGenerated"} <= names:
            return Guess(80, self.key, "JSON objects of Sentinel's OfficeActivity")
        return None

    def read(self, stream: BinaryIO, hint: Hint) -> Iterator[Batch]:
        """Yield the objects, some thousands to a batch."""
        del hint
        watch = _Watch()
        rows = Rows()
        anomalies: list[Anomaly] = []
        told = taken = 0
        for ordinal, (found, taken) in enumerate(objects(stream), 1):
            if found.fault or not rows.add_plain(ordinal, found.raw):
                record, how = (None, "") if found.fault else _read(found.raw)
                if record is None:
                    anomalies.append(found.anomaly(ordinal, "no readable JSON"))
                else:
                    _add(rows, ordinal, found.raw, record)
                    watch.mended(ordinal, how)
            if len(rows) + len(anomalies) >= ROWS:
                yield _batch(rows, anomalies, watch, taken - told)
                rows, anomalies, told = Rows(), [], taken
        last = _batch(rows, anomalies, watch, taken - told)
        last.facts += watch.capped()
        yield last


def _batch(rows: Rows, anomalies: list[Anomaly], watch: _Watch, taken: int) -> Batch:
    batch = Batch(anomalies=anomalies, bytes_read=taken)
    if len(rows):
        batch.records = rows.batch()
        batch.facts += watch.take(batch.records)
    return batch


def _add(rows: Rows, ordinal: int, raw: bytes, record: dict[str, Any]) -> None:
    text: str | bytes
    held = record.get("AuditData") or record.get("auditData") or record.get("RawEventData") or None
    if isinstance(held, str):
        inner, text = _decode(held), held
    elif isinstance(held, dict):
        inner, text = held, msgspec.json.encode(held).decode()
    else:
        inner, text = None, raw
    if held is None:
        rows.add(ordinal, text, _renamed(record), None)
        return
    envelope = [
        (key, value if isinstance(value, str) else msgspec.json.encode(value).decode())
        for key, value in record.items()
        if key not in _ENVELOPES
    ]
    rows.add(ordinal, text, inner if inner is not None else _from_envelope(dict(envelope)), envelope)


_SENTINEL = {
    "TimeGenerated": "CreationTime", "OfficeWorkload": "Workload", "Logon_Type": "LogonType", "OfficeId": "Id",
    "Client_IPAddress": "ClientIPAddress", "UserId_": "UserId", "OfficeObjectId": "ObjectId",
}  # fmt: skip
"""Names of Sentinel's OfficeActivity and the record's own."""


def _renamed(record: dict[str, Any]) -> dict[str, Any]:
    if "TimeGenerated" not in record:
        return record
    known = {name for name in TEXTS if name in record}
    return record | {ours: record[name] for name, ours in _SENTINEL.items() if name in record and ours not in known}
