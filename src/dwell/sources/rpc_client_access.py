r"""RPC client access logs: sessions of Outlook before MAPI over HTTP, and on 2013 those of MAPI over HTTP as well.

Source:
    No public specification. 17 columns (2010, early 2013) and 24 columns (later 2013) as published scripts read them;
    both values of `#Log-type` (`RCA Protocol Logs`, `MAPI Mailbox Protocol Logs`) are known from published code.
    Unverified: built from a description, no sample seen; a real file would verify it.
Time:
    `date-time` is UTC to the millisecond; it becomes `time_utc` and is not stored twice.
Units:
    `seq-number` counts the lines of a session. `processing-time` is in the server's own words (`00:00:00.0150000`).
    `activity-context-data-map` holds `activity-context-data` by key.

Raises:
    Nothing. A line that cannot be read is an anomaly.
Trust:
    Outlook writes `client-software`, `client-software-version`, `client-mode` and its own idea of `client-ip`.
    `client-name` is the directory name (`/o=…/cn=…`) of whoever logged on. `DelegateLogon` names another's mailbox in
    `operation-specific`.
Silence:
    Kept for 30 days or 1 GB unless copied. Reads are seen only where the writer was told to log each operation. A
    client in cached mode reads its own copy.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

import pyarrow as pa

from dwell.model.instants import TimeBasis
from dwell.sources.exchange_log import Blob, ExchangeLog
from dwell.sources.source import Stamp

__all__ = ["RpcClientAccess"]

_NEWEST = (
    "date-time", "session-id", "seq-number", "client-name", "organization-info", "client-software",
    "client-software-version", "client-mode", "client-ip", "client-connection-info", "server-ip", "protocol",
    "application-id", "request-ids", "session-cookie", "operation", "rpc-status", "processing-time",
    "operation-specific", "failures", "performance-data", "activity-context-data", "user-email", "passport-unique-id",
)  # fmt: skip
_NOT_IN_2010 = frozenset({"client-connection-info", "request-ids", "session-cookie"})
_OF_2010 = tuple(name for name in _NEWEST[: _NEWEST.index("failures") + 1] if name not in _NOT_IN_2010)
_COLUMNS: dict[str, pa.DataType] = dict.fromkeys(_NEWEST, pa.string()) | {"seq-number": pa.int64()}
_BLOBS = (Blob("activity-context-data", "activity-context-data-map"),)


class RpcClientAccess(ExchangeLog):
    """Exchange RPC client access log."""

    key = "rpc_client_access"
    stamp = Stamp("date-time", TimeBasis.UTC, "millisecond")
    title = "Exchange RPC client access log"
    log_type = "rca protocol logs"
    aliases = frozenset(["mapi mailbox protocol logs"])
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    layouts: ClassVar[Mapping[int, Sequence[str]]] = {24: _NEWEST, 17: _OF_2010}
    marks = frozenset(["client-software", "client-mode", "client-software-version", "application-id"])
    surplus = ("operation-specific", "failures", "client-software", "client-name", "activity-context-data")
    shapes: ClassVar[Mapping[str, re.Pattern[str]]] = {
        "protocol": re.compile(r"(?:ncacn_[a-z_]{2,20}|(?i:MapiHttp|RpcHttp|xrop|HTTP)(?:[/:][A-Za-z0-9_.-]{1,40})?)?"),
        "operation": re.compile(r"[A-Za-z]{0,60}"),
        "client-ip": re.compile(r"[0-9A-Fa-f:.%\[\]]*"),
        "client-mode": re.compile(r"[A-Za-z]{0,40}"),
    }
    blobs = _BLOBS
    host_name = ""
    schema = ExchangeLog.log_schema(_COLUMNS, _BLOBS)
    lexicon = (
        "client-name", "organization-info", "client-software", "client-software-version", "client-mode", "client-ip",
        "client-connection-info", "server-ip", "protocol", "application-id", "operation", "rpc-status",
        "operation-specific", "failures", "user-email",
    )  # fmt: skip

    def _certain(self, layout: Sequence[str], cells: Sequence[str]) -> bool:
        """Ask for a session and an operation as well."""
        return all(cells[layout.index(name)] for name in ("session-id", "operation")) and super()._certain(
            layout, cells
        )
