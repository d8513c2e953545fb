"""What the ECP and OWA server logs have in common: four columns, the last of them a blob of `key=value;`.

Without a `#Log-type` line the logs of this family look alike by their header; then their records tell them apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

import pyarrow as pa

from dwell.sources.delimited import STARTS_TIMED
from dwell.sources.exchange_log import Blob, ExchangeLog
from dwell.sources.source import Guess, Sniff

__all__ = ["EventDataLog"]

_COLUMNS: dict[str, pa.DataType] = dict.fromkeys(("TimeStamp", "ServerName", "EventId", "EventData"), pa.string())
_BLOBS = (Blob("EventData", "EventDataMap"),)
_LINES = 50
_BY_TYPE = 98


class EventDataLog(ExchangeLog):
    """A log of `TimeStamp,ServerName,EventId,EventData`.

    Attributes:
        own: what a record of this log holds and those of its relatives do not; None where nothing is known to tell.
    """

    own: ClassVar[re.Pattern[str] | None] = None
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    layouts: ClassVar[Mapping[int, Sequence[str]]] = {4: tuple(_COLUMNS)}
    marks = frozenset(["servername", "eventid", "eventdata"])
    surplus = ("EventData",)
    shapes: ClassVar[Mapping[str, re.Pattern[str]]] = {
        "ServerName": re.compile(r"[A-Za-z0-9._-]{1,255}"),
        "EventId": re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,127}"),
        "EventData": re.compile(r"(?:'?(?:[A-Z][A-Za-z0-9]{0,3}:)?[^=;]{1,300}=.*)?", re.DOTALL),
    }
    blobs = _BLOBS
    host_name = "ServerName"
    schema = ExchangeLog.log_schema(_COLUMNS, _BLOBS)
    lexicon = ("ServerName", "EventId")

    def identify(self, sniff: Sniff) -> Guess | None:
        """Go by `#Log-type`; without it, by what the records hold."""
        guess = super().identify(sniff)
        if guess is None or guess.score == _BY_TYPE:
            return guess
        records = [line for line in sniff.text.splitlines()[:_LINES] if STARTS_TIMED.match(line)]
        found = sum(self.own is not None and self.own.search(line) is not None for line in records)
        return guess if found * 2 > len(records) else None
