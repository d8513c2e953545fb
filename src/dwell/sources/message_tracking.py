r"""Message tracking logs: one line per thing that happened to a message in transport, many lines per message.

Source:
    Microsoft Learn, "Message tracking" (Exchange Server), for the fields; column lists as seen in the logs of
    15.00.1104 (27 columns) and 15.01.2375 (30 columns), and as published for 2010: 26 columns (no
    `network-message-id`), and 21 before that (ends at `message-info`). A header with two names run together is read by
    the number of cells.
Time:
    `date-time` is UTC to the millisecond, when the event happened; it becomes `time_utc` and is not stored twice. Rows
    are not in order of time. `CreationTime` in `source-context` is when the item was made in the mailbox.
Units:
    `total-bytes` is the size of the message with its attachments; `recipient-count` counts recipients of this event.
    `recipient-address` is a list with semicolons, `recipient-status` in the same order. `custom-data-map` is
    `custom-data` cut into keys and values; `source-context-map` the same where the store driver wrote it (`MDB:…,
    Mailbox:…`).

Raises:
    Nothing. A line that cannot be read is an anomaly.
Trust:
    Outside mail writes `message-subject`, `message-id`, `sender-address`, `return-path` and, by its headers, parts of
    `custom-data`. `client-ip` is the last hop; `original-client-ip` is what that hop said of the first. `Mailbox`,
    `MDB` and `ClientType` of the store driver are the server's own.
Silence:
    Kept for 30 days or 1 GB unless copied. A message that was read, exported or copied leaves no line: only what moves
    is tracked. A rule that forwards is seen by `REDIRECT`, not by its making.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

import pyarrow as pa

from dwell.model.instants import TimeBasis
from dwell.sources.blobs import ORIGIN
from dwell.sources.exchange_log import Blob, ExchangeLog
from dwell.sources.source import Stamp

__all__ = ["MessageTracking"]

_T, _L = pa.string(), pa.int64()

_COLUMNS: dict[str, pa.DataType] = {
    "date-time": _T,
    "client-ip": _T,
    "client-hostname": _T,
    "server-ip": _T,
    "server-hostname": _T,
    "source-context": _T,
    "connector-id": _T,
    "source": _T,
    "event-id": _T,
    "internal-message-id": _L,
    "message-id": _T,
    "network-message-id": _T,
    "recipient-address": _T,
    "recipient-status": _T,
    "total-bytes": _L,
    "recipient-count": _L,
    "related-recipient-address": _T,
    "reference": _T,
    "message-subject": _T,
    "sender-address": _T,
    "return-path": _T,
    "message-info": _T,
    "directionality": _T,
    "tenant-id": _T,
    "original-client-ip": _T,
    "original-server-ip": _T,
    "custom-data": _T,
    "transport-traffic-type": _T,
    "log-id": _T,
    "schema-version": _T,
}
_NEWEST = tuple(_COLUMNS)
_OF_2010 = tuple(name for name in _NEWEST[:27] if name != "network-message-id")
_ADDRESS = re.compile(r"[0-9A-Fa-f:.%\[\]]{0,64}")
_BLOBS = (
    Blob("custom-data", "custom-data-map"),
    Blob("source-context", "source-context-map", ORIGIN, only=r"^(?i:MDB):"),
)


class MessageTracking(ExchangeLog):
    """Exchange message tracking log."""

    key = "message_tracking"
    stamp = Stamp("date-time", TimeBasis.UTC, "millisecond")
    title = "Exchange message tracking log"
    log_type = "message tracking log"
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    layouts: ClassVar[Mapping[int, Sequence[str]]] = {
        30: _NEWEST,
        27: _NEWEST[:27],
        26: _OF_2010,
        21: _OF_2010[:21],
    }
    marks = frozenset(
        ["internal-message-id", "recipient-address", "recipient-status", "related-recipient-address", "return-path"]
    )
    surplus = ("message-subject", "source-context", "recipient-status", "custom-data", "reference", "message-id")
    shapes: ClassVar[Mapping[str, re.Pattern[str]]] = {
        "client-ip": _ADDRESS,
        "server-ip": _ADDRESS,
        "source": re.compile(r"[A-Z]{2,32}"),
        "event-id": re.compile(r"[A-Z]{2,40}"),
    }
    blobs = _BLOBS
    host_name = "server-hostname"
    schema = ExchangeLog.log_schema(_COLUMNS, _BLOBS)
    lexicon = (
        "client-ip", "client-hostname", "server-ip", "server-hostname", "connector-id", "source", "event-id",
        "recipient-address", "recipient-status", "related-recipient-address", "sender-address", "return-path",
        "directionality", "tenant-id", "original-client-ip", "original-server-ip", "transport-traffic-type",
        "schema-version",
    )  # fmt: skip
