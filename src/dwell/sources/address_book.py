r"""Address book logs: look-ups in the directory by Outlook (NSPI, referrals), over RPC and over MAPI over HTTP.

Source:
    No public specification. Fifteen columns and both values of `#Log-type` (`AddressBook Protocol Logs`, `MAPI
    AddressBook Protocol Logs`) as known from published code of 15.00.1497. Unverified: built from a description, no
    sample seen; a real file would verify it.
Time:
    `date-time` is UTC to the millisecond; it becomes `time_utc` and is not stored twice.
Units:
    `seq-number` counts the lines of a session; `processing-time` and `delay` in the server's own words.

Raises:
    Nothing. A line that cannot be read is an anomaly.
Trust:
    `client-ip` may be the front end's. `client-name` is who logged on.
Silence:
    Kept for 30 days or 1 GB unless copied. A directory taken as an offline address book file is not here but in the
    front end's OAB log.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

import pyarrow as pa

from dwell.model.instants import TimeBasis
from dwell.sources.exchange_log import ExchangeLog
from dwell.sources.source import Stamp

__all__ = ["AddressBook"]

_NAMES = (
    "date-time", "session-id", "seq-number", "client-name", "organization-info", "client-ip", "server-ip", "protocol",
    "operation", "rpc-status", "processing-time", "operation-specific", "failures", "authentication", "delay",
)  # fmt: skip
_COLUMNS: dict[str, pa.DataType] = dict.fromkeys(_NAMES, pa.string()) | {"seq-number": pa.int64()}


class AddressBook(ExchangeLog):
    """Exchange address book log."""

    key = "address_book"
    stamp = Stamp("date-time", TimeBasis.UTC, "millisecond")
    title = "Exchange address book log"
    log_type = "addressbook protocol logs"
    aliases = frozenset(["mapi addressbook protocol logs"])
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    layouts: ClassVar[Mapping[int, Sequence[str]]] = {15: _NAMES}
    marks = frozenset(["authentication", "delay"])
    surplus = ("operation-specific", "failures", "client-name")
    shapes: ClassVar[Mapping[str, re.Pattern[str]]] = {
        "protocol": re.compile(r"(?:ncacn_[a-z_]{2,20}|(?i:MapiHttp|RpcHttp|HTTP)(?:[/:][A-Za-z0-9_.-]{1,40})?)?"),
        "operation": re.compile(r"[A-Za-z]{0,60}"),
        "client-ip": re.compile(r"[0-9A-Fa-f:.%\[\]]*"),
    }
    host_name = ""
    schema = ExchangeLog.log_schema(_COLUMNS)
    lexicon = (
        "client-name", "organization-info", "client-ip", "server-ip", "protocol", "operation", "rpc-status",
        "operation-specific", "failures", "authentication",
    )  # fmt: skip

    def _certain(self, layout: Sequence[str], cells: Sequence[str]) -> bool:
        """Ask for a session and an operation as well."""
        return all(cells[layout.index(name)] for name in ("session-id", "operation")) and super()._certain(
            layout, cells
        )
