"""Microsoft 365 audit records inside other wrappers: hunting tables, Graph answers, Sentinel's table as CSV.

Source:
    `CloudAppEvents` of advanced hunting (`{time, category, properties: {RawEventData}}`), answers of Graph's
    `auditLog/queries` (`{value: [{auditData}]}`), and `OfficeActivity` exported as CSV. The record itself, and the
    table, are those of the audit log (`ual`); what the wrapper says besides goes to `extra`.
Time:
    As for the audit log: `CreationTime` of the record, UTC.
Units:
    As for the audit log. Exports repeat records: nothing is left out, `Id` tells copies apart.

Raises:
    Nothing. A line or object that cannot be read is an anomaly.
Trust:
    As for the audit log; the hunting table loosens types, and Sentinel renames fields.
Silence:
    As for the audit log; hunting tables hold 30 days, and only what connectors were switched on for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, ClassVar

import msgspec
import pyarrow as pa

from dwell.model.instants import TimeBasis
from dwell.sources.csv_export import CsvExport
from dwell.sources.json_objects import objects
from dwell.sources.json_records import look, members, merged
from dwell.sources.source import EXTRA, Batch, Guess, Hint, Sniff, Source, Stamp
from dwell.sources.ual import LEXICON
from dwell.sources.ual_reading import ENVELOPES, Gathered, Watch, read_record, renamed
from dwell.sources.ual_record import SCHEMA, TEXTS, Rows

__all__ = ["UalHunting", "UalSentinelCsv"]


class UalHunting(Source):
    """Microsoft 365 audit records inside hunting tables and Graph answers."""

    key = "ual_hunting"
    stamp = Stamp("CreationTime", TimeBasis.UTC, "second")
    title = "Microsoft 365 audit records in hunting tables and Graph answers (JSON)"
    schema = SCHEMA
    lexicon = LEXICON
    unit = "record"

    @property
    def table(self) -> str:
        """Give the table of audit records."""
        return "ual"

    def identify(self, sniff: Sniff) -> Guess | None:
        """Take JSON whose wrapped records all hold an audit record."""
        seen = look(sniff)
        if seen.records and all(any(one.get(name) for name in ENVELOPES) for one in seen.records):
            return Guess(88, self.key, "wrapped JSON records that hold audit records")
        return None

    def read(self, stream: BinaryIO, hint: Hint) -> Iterator[Batch]:
        """Yield the records, some thousands to a batch."""
        del hint
        held = Gathered()
        number = taken = 0
        for piece, taken in objects(stream):
            record, how = (None, "") if piece.fault else read_record(piece.raw)
            if record is None:
                number += 1
                held.anomalies.append(piece.anomaly(number, "no readable JSON"))
            for one in members(record) if record is not None else ():
                number += 1
                inner = merged(one)
                wrapped = any(inner.get(name) for name in ENVELOPES)
                held.add(number, b"" if wrapped else msgspec.json.encode(inner), inner)
                held.watch.mended(number, how)
            if held.full:
                yield held.batch(taken)
        yield held.batch(taken)


_OFFICE: dict[str, pa.DataType] = dict.fromkeys(
    (*TEXTS, "TimeGenerated", "OfficeWorkload", "Logon_Type", "OfficeId", "Client_IPAddress", "UserId_",
     "OfficeObjectId", "Folders", "Item", "Parameters", "OperationProperties", "OperationCount"),
    pa.string(),
)  # fmt: skip


class _Office(CsvExport):
    """The table's own columns, before they are put into those of the audit log."""

    key = "ual-office"
    title = ""
    is_log = False
    columns: ClassVar[Mapping[str, pa.DataType]] = _OFFICE
    marks = (frozenset({"officeworkload"}), frozenset({"operation"}))
    schema = CsvExport.table_schema(_OFFICE)


class UalSentinelCsv(Source):
    """Sentinel's `OfficeActivity`, CSV."""

    key = "ual_sentinel_csv"
    stamp = Stamp("CreationTime", TimeBasis.UTC, "second")
    title = "Microsoft 365 audit log in Sentinel's table OfficeActivity (CSV)"
    schema = SCHEMA
    lexicon = LEXICON

    def __init__(self) -> None:
        self._inner = _Office()

    @property
    def table(self) -> str:
        """Give the table of audit records."""
        return "ual"

    def identify(self, sniff: Sniff) -> Guess | None:
        """Go by the names in the header."""
        found = self._inner.identify(sniff)
        return None if found is None else Guess(85, self.key, "the header names OfficeActivity's columns")

    def read(self, stream: BinaryIO, hint: Hint) -> Iterator[Batch]:
        """Yield the rows."""
        watch = Watch()
        for batch in self._inner.read(stream, hint):
            if batch.records is not None:
                rows = Rows()
                for row in batch.records.to_pylist():
                    number, more = int(row["record_no"]), row[EXTRA.name]
                    record: dict[str, Any] = {name: row[name] for name in _OFFICE if row[name] is not None}
                    text = msgspec.json.encode(record).decode()
                    rows.add(number, text, renamed(_utc_names(record, more)), more)
                batch.records = rows.batch()
                batch.facts += watch.take(batch.records, rows.short)
            yield batch


def _utc_names(record: dict[str, Any], more: list[tuple[str, str]] | None) -> dict[str, Any]:
    """Give a record the instant that the portal's export calls `TimeGenerated [UTC]`."""
    for name, value in more or ():
        if name.lower() == "timegenerated [utc]":
            return {"TimeGenerated": value} | record
    return record
