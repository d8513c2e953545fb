"""What the transports of Microsoft 365 audit records have in common: taking the record out of whatever holds it.

A record may be the object itself, lie as JSON in a cell or a member of another object, or have Sentinel's names.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pyarrow as pa

from dwell.model.provenance import Anomaly, Fact, FactKind
from dwell.sources.evtx_text import mended_facts
from dwell.sources.json_objects import lenient
from dwell.sources.source import Batch
from dwell.sources.ual_record import TEXTS, Rows

__all__ = ["ENVELOPES", "Gathered", "Watch", "decode", "from_envelope", "read_record", "renamed"]

_SHORT = "AuditData counts more items (OperationCount) than it lists: some of what was accessed is not named"
CAPS = (5_000, 50_000)
"""Rows at which exports are cut."""
ROWS = 4_096
"""Records gathered before a batch is given: each is a hundred Python objects until then."""
ENVELOPES = ("AuditData", "auditData", "RawEventData")
"""Names under which exports hold the record itself."""
_FALLBACK = {"Operation": ("Operations", "operation"), "UserId": ("UserIds", "userId"), "RecordType": ("RecordType",)}
_SENTINEL = {
    "TimeGenerated": "CreationTime", "OfficeWorkload": "Workload", "Logon_Type": "LogonType", "OfficeId": "Id",
    "Client_IPAddress": "ClientIPAddress", "UserId_": "UserId", "OfficeObjectId": "ObjectId",
}  # fmt: skip
"""Names of Sentinel's OfficeActivity and the record's own."""


def decode(text: str | bytes | None) -> dict[str, Any] | None:
    """Read a record; None where it is no JSON object."""
    if not text:
        return None
    try:
        found = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    return found if isinstance(found, dict) else None


def read_record(text: str | bytes) -> tuple[dict[str, Any] | None, str]:
    """Read a record; say how it was mended, "" where it was whole."""
    if (found := decode(text)) is not None:
        return found, ""
    found, how = lenient(text.encode(errors="replace") if isinstance(text, str) else text)
    return (found, how) if isinstance(found, dict) else (None, "")


class Watch:
    """Counts what an export says about its own holes."""

    def __init__(self) -> None:
        self.rows = 0
        self.mendings: dict[str, list[int]] = {}

    def mended(self, number: int, how: str) -> None:
        """Note a record that was mended."""
        if how:
            self.mendings.setdefault(how, []).append(number)

    def take(self, batch: pa.RecordBatch, short: list[int]) -> list[Fact]:
        """Note throttled records, and those that list fewer items than they count."""
        self.rows += batch.num_rows
        out = mended_facts(self.mendings)
        if short:
            out.append(Fact(FactKind.TRUNCATED, short[0], None, None, len(short), _SHORT))
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


class Gathered:
    """Records gathered for one batch after another.

    Attributes:
        anomalies: what could not be read.
        watch: what the export says about its own holes.
    """

    def __init__(self) -> None:
        self.anomalies: list[Anomaly] = []
        self.watch = Watch()
        self._rows = Rows()
        self._told = 0

    @property
    def full(self) -> bool:
        """Say whether it is time for a batch."""
        return len(self._rows) + len(self.anomalies) >= ROWS

    def add_plain(self, number: int, raw: bytes) -> bool:
        """Take a record that lies in no envelope and is sound; say whether it was one."""
        return self._rows.add_plain(number, raw)

    def add(self, number: int, raw: bytes, record: dict[str, Any]) -> None:
        """Take an object: a record, or what holds one."""
        text: str | bytes
        held = next((record[name] for name in ENVELOPES if record.get(name)), None)
        if isinstance(held, str):
            (inner, how), text = read_record(held), held
            self.watch.mended(number, how)
        elif isinstance(held, dict):
            inner, text = held, msgspec.json.encode(held).decode()
        else:
            inner, text = None, raw
        if held is None:
            self._rows.add(number, text, renamed(record), None)
            return
        envelope = [
            (key, value if isinstance(value, str) else msgspec.json.encode(value).decode())
            for key, value in record.items()
            if key not in ENVELOPES
        ]
        self._rows.add(number, text, inner if inner is not None else from_envelope(dict(envelope)), envelope)

    def batch(self, taken: int) -> Batch:
        """Give what was gathered; `taken` is the number of bytes read so far."""
        out = Batch(anomalies=self.anomalies, bytes_read=taken - self._told)
        if len(self._rows):
            out.records = self._rows.batch()
            out.facts += self.watch.take(out.records, self._rows.short)
        self._rows, self.anomalies, self._told = Rows(), [], taken
        return out


def from_envelope(extra: dict[str, str]) -> dict[str, Any]:
    """Give what the export's own columns say where the record cannot be read."""
    out: dict[str, Any] = {}
    for name, others in _FALLBACK.items():
        value = next((extra[one] for one in others if extra.get(one)), None)
        if value is not None:
            out[name] = value
    return out


def renamed(record: dict[str, Any]) -> dict[str, Any]:
    """Give a record of Sentinel's OfficeActivity the record's own names."""
    if "TimeGenerated" not in record:
        return record
    known = {name for name in TEXTS if name in record}
    return record | {ours: record[name] for name, ours in _SENTINEL.items() if name in record and ours not in known}
