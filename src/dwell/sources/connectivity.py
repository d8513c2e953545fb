"""Connectivity logs: every outgoing connection of the transport services, opened, used and closed.

Source:
    Microsoft Learn, "Connectivity logging" (Exchange Server): the six fields and the value of `#Log-type`. Unverified:
    built from a description, no sample seen; a real file would verify it.
Time:
    `date-time` is UTC to the millisecond; it becomes `time_utc` and is not stored twice.
Units:
    `direction`: `+` connect, `-` disconnect, `>` something sent. Numbers of messages and bytes are words in
    `description`.

Raises:
    Nothing. A line that cannot be read is an anomaly.
Trust:
    `description` holds what name servers and other mail servers answered; the other columns are the server's own.
Silence:
    On by default, kept for 30 days or 1 GB. It speaks of transport only: mail fetched by clients is not here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

import pyarrow as pa

from dwell.model.instants import TimeBasis
from dwell.sources.exchange_log import ExchangeLog
from dwell.sources.source import Stamp

__all__ = ["Connectivity"]

_COLUMNS: dict[str, pa.DataType] = dict.fromkeys(
    ("date-time", "session", "source", "destination", "direction", "description"), pa.string()
)


class Connectivity(ExchangeLog):
    """Exchange connectivity log."""

    key = "connectivity"
    stamp = Stamp("date-time", TimeBasis.UTC, "millisecond")
    title = "Exchange connectivity log"
    log_type = "transport connectivity log"
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    layouts: ClassVar[Mapping[int, Sequence[str]]] = {6: tuple(_COLUMNS)}
    marks = frozenset(["session", "destination", "direction", "description"])
    surplus = ("description",)
    shapes: ClassVar[Mapping[str, re.Pattern[str]]] = {
        "session": re.compile(r"[0-9A-Fa-f-]{8,36}"),
        "source": re.compile(r"[A-Za-z]{2,40}"),
        "direction": re.compile(r"[-+<>*]"),
    }
    host_name = ""
    schema = ExchangeLog.log_schema(_COLUMNS)
    lexicon = ("source", "destination", "direction", "description")
