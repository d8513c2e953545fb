r"""SMTP protocol logs: the conversation of the transport service with other servers and clients, line by line.

Source:
    Microsoft Learn, "Protocol logging" (Exchange Server): the nine fields and both values of `#Log-type`. Receive logs
    as seen in those of 15.01.2375; send logs have the same fields.
Time:
    `date-time` is UTC to the millisecond; it becomes `time_utc` and is not stored twice. The first lines of a file may
    be older than its `#Date`. `220` banners in `data` show the server's local time and zone.
Units:
    `sequence-number` counts the lines of a session from 0. `event`: `+` connect, `-` disconnect, `>` said by this
    server, `<` said by the other side, `*` information.

Raises:
    Nothing. A line that cannot be read is an anomaly.
Trust:
    In a receive log everything after `<` is the client's own words: `EHLO` names, addresses, `XPROXY` parameters.
    Passwords are left out by the writer, names sent by `AUTH LOGIN` are base64. `remote-endpoint` is the TCP peer.
Silence:
    On by default only for the default front-end receive connector and the front end's own send connector. Kept for 30
    days or 250 MB. A connector with logging switched off leaves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.instants import TimeBasis
from dwell.sources.columns import flat
from dwell.sources.delimited import STARTS_TIMED, State
from dwell.sources.exchange_log import ExchangeLog
from dwell.sources.source import HOST, Guess, Sniff, Stamp

__all__ = ["SmtpReceive", "SmtpSend"]

_T = pa.string()
_COLUMNS: dict[str, pa.DataType] = {
    "date-time": _T,
    "connector-id": _T,
    "session-id": _T,
    "sequence-number": pa.int64(),
    "local-endpoint": _T,
    "remote-endpoint": _T,
    "event": _T,
    "data": _T,
    "context": _T,
}
_SAID = re.compile(r",([<>]),\"?(220[ -]|(?i:EHLO|HELO|MAIL FROM|RCPT TO|XPROXY|STARTTLS|X-ANONYMOUSTLS|BDAT|QUIT)\b)")
_OTHER = {"<": ">", ">": "<"}
_UNTOLD = 90
"""A better score than this is given for a `#Log-type` line only."""
_VOTERS = 50


class _Smtp(ExchangeLog):
    """What both directions have in common."""

    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    layouts: ClassVar[Mapping[int, Sequence[str]]] = {9: tuple(_COLUMNS)}
    marks = frozenset(["local-endpoint", "remote-endpoint", "sequence-number", "connector-id"])
    surplus = ("data", "context")
    shapes: ClassVar[Mapping[str, re.Pattern[str]]] = {
        "event": re.compile(r"[-+<>*]"),
        "local-endpoint": re.compile(r"[0-9A-Fa-f.:%\[\]]*"),
        "remote-endpoint": re.compile(r"[0-9A-Fa-f.:%\[\]]*"),
    }
    host_name = ""
    schema = ExchangeLog.log_schema(_COLUMNS)
    lexicon = ("connector-id", "local-endpoint", "remote-endpoint", "event", "data", "context")
    greets: ClassVar[str]
    """Who says the banner: the server that wrote the log (`>`), or the other side (`<`)."""

    def identify(self, sniff: Sniff) -> Guess | None:
        """Go by `#Log-type`; without it, by who speaks as a server does."""
        guess = super().identify(sniff)
        if guess is None or guess.score > _UNTOLD or self._votes(sniff.text.splitlines()) > 0:
            return guess
        return None

    def _votes(self, lines: Sequence[str]) -> int:
        """Count the lines that speak for this direction, less those that speak against it."""
        votes = 0
        for line in lines[:_VOTERS]:
            said = _SAID.search(line)
            if said is not None:
                speaker = said[1] if said[2].startswith("220") else _OTHER[said[1]]
                votes += 1 if speaker == self.greets else -1
            elif STARTS_TIMED.match(line):
                # only receive connectors are named after their server
                votes += 1 if ("\\" in line.split(",", 2)[1]) == (self.greets == ">") else -1
        return votes

    def _derive(self, table: pa.Table, state: State) -> pa.Table:
        r"""Take the host from `SERVER\connector`."""
        del state
        named = pc.extract_regex(flat(table["connector-id"]), r"^(?P<host>[A-Za-z0-9][A-Za-z0-9.-]{0,254})\\")
        return table.set_column(table.schema.get_field_index(HOST.name), HOST.name, pc.struct_field(named, "host"))


class SmtpReceive(_Smtp):
    """Exchange SMTP receive protocol log."""

    key = "smtp_receive"
    stamp = Stamp("date-time", TimeBasis.UTC, "millisecond")
    title = "Exchange SMTP receive protocol log"
    log_type = "smtp receive protocol log"
    greets = ">"


class SmtpSend(_Smtp):
    """Exchange SMTP send protocol log."""

    key = "smtp_send"
    stamp = Stamp("date-time", TimeBasis.UTC, "millisecond")
    title = "Exchange SMTP send protocol log"
    log_type = "smtp send protocol log"
    greets = "<"
