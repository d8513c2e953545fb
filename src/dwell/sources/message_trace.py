"""Message traces of Exchange Online: who sent what to whom, one row a message and recipient.

Source:
    Microsoft Learn, `Get-MessageTrace`, `Get-MessageTraceV2`, `Start-HistoricalSearch` and the reporting web service,
    as CSV or JSON. The columns are those of the command; the names of historical searches (`origin_timestamp_utc`) are
    matched.
Time:
    `Received` is UTC, when the service took the message in; written in ISO 8601 or as `/Date(ms)/`. A date in the words
    of a culture stays text, and `time_utc` is null.
Units:
    `Size` bytes of the message, attachments included. In historical searches one row may hold several recipients
    (`address##status;…` in `RecipientStatus`).

Raises:
    Nothing. A line or object that cannot be read is an anomaly.
Trust:
    An outsider writes `SenderAddress`, `Subject`, `MessageId` and more; `FromIP` is the host that handed the message
    over.
Silence:
    Traces go back 10 days by command and 90 by historical search. A message that was read, moved or deleted leaves
    nothing here; only sending and delivery do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.instants import TimeBasis
from dwell.sources.aliased_csv import AzureCsv
from dwell.sources.columns import instants
from dwell.sources.json_records import JsonRecords
from dwell.sources.matched import schema_of
from dwell.sources.source import Stamp
from dwell.sources.time_words import epochs

__all__ = ["MessageTrace", "MessageTraceCsv"]

_NAMES = (
    "Received", "MessageTraceId", "MessageId", "SenderAddress", "RecipientAddress", "RecipientStatus", "Subject",
    "Status", "FromIP", "ToIP", "Organization", "StartDate", "EndDate", "Index", "NetworkMessageId", "Directionality",
    "ConnectorId",
)  # fmt: skip
_COLUMNS: dict[str, pa.DataType] = dict.fromkeys(_NAMES, pa.string()) | {"Size": pa.int64()}
_ALIASES: Mapping[str, str] = {
    "origin_timestamp_utc": "Received",
    "origintimestamp_utc": "Received",
    "receivedtime": "Received",
    "sender_address": "SenderAddress",
    "recipient_status": "RecipientStatus",
    "recipient_address": "RecipientAddress",
    "message_subject": "Subject",
    "total_bytes": "Size",
    "totalbytes": "Size",
    "message_id": "MessageId",
    "network_message_id": "NetworkMessageId",
    "original_client_ip": "FromIP",
    "originalclientip": "FromIP",
    "directionality": "Directionality",
    "connector_id": "ConnectorId",
}
_MARKS = (
    frozenset({"received", "origin_timestamp_utc", "origintimestamp_utc", "receivedtime"}),
    frozenset({"senderaddress", "sender_address"}),
    frozenset({"recipientaddress", "recipientstatus", "recipient_status", "recipient_address"}),
)
_LEXICON = ("SenderAddress", "RecipientAddress", "Status", "FromIP", "ToIP", "Subject", "Directionality")


class MessageTrace(JsonRecords):
    """Message trace of Exchange Online, JSON."""

    key = "message_trace"
    stamp = Stamp("Received", TimeBasis.UTC)
    title = "Exchange Online message trace (JSON)"
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    aliases: ClassVar[Mapping[str, str]] = _ALIASES
    time_names: ClassVar[tuple[str, ...]] = ("Received",)
    marks: ClassVar[tuple[frozenset[str], ...]] = _MARKS
    score = 90
    schema = schema_of(_COLUMNS)
    lexicon = _LEXICON

    def _instants(self, texts: pa.Array) -> pa.Array:
        millis = pc.replace_substring_regex(texts, r"^/Date\((\d{12,14})(?:[+-]\d{4})?\)/$", r"\1")
        return pc.coalesce(instants(texts), epochs(millis))


class MessageTraceCsv(AzureCsv):
    """Message trace of Exchange Online, CSV."""

    key = "message_trace_csv"
    stamp = Stamp("Received", TimeBasis.UTC)
    title = "Exchange Online message trace (CSV)"
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    aliases: ClassVar[Mapping[str, str]] = _ALIASES
    time_names: ClassVar[tuple[str, ...]] = ("Received",)
    marks = _MARKS
    score = 90
    schema = MessageTrace.schema
    lexicon = _LEXICON

    @property
    def table(self) -> str:
        """Give the table of message traces."""
        return "message_trace"
