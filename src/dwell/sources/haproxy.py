"""HAProxy logs: requests and connections that a balancer passed on, with the client's own address and the bytes sent to it.

Source:
    HAProxy configuration manual, "Log formats", HTTP and TCP format, with a syslog head or without. Columns are named
    as in the manual; the request is taken apart into the columns of W3C logs, which is what web rules look for.
Time:
    `accept_date` is the balancer's local time, milliseconds. Where no offset stands behind it, it is read in the zone
    that is given for the host, else as UTC.
Units:
    `bytes_read` bytes to the client, headers included. Timers in milliseconds, -1 where the request ended before; `+`
    before a number means that the log was written before the end.

Raises:
    Nothing. A line of another shape is an anomaly.
Trust:
    `client_ip` is the peer of the connection: the real one where no other proxy stands before. An outsider writes the
    request and what is captured of headers and cookies.
Silence:
    No line means that nothing was passed on here, or that syslog lost it: syslog over UDP does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.instants import TimeBasis
from dwell.sources.matched import Matched, State, schema_of, split
from dwell.sources.source import Stamp
from dwell.sources.time_words import SYSLOG_TIME, by_value, named_months

__all__ = ["HaProxy"]

_TEXTS = (
    "client_ip", "frontend_name", "backend_name", "server_name", "termination_state", "captured_request_cookie",
    "captured_response_cookie", "captured_request_headers", "captured_response_headers", "cs-method", "cs-uri-stem",
    "cs-uri-query", "cs-version",
)  # fmt: skip
_COLUMNS: dict[str, pa.DataType] = dict.fromkeys(_TEXTS, pa.string()) | {
    "client_port": pa.int32(),
    "status_code": pa.int32(),
    "bytes_read": pa.int64(),
    "Tq": pa.int64(),
    "Tw": pa.int64(),
    "Tc": pa.int64(),
    "Tr": pa.int64(),
    "Tt": pa.int64(),
}
_HEAD = (
    rf"^ ?(?:(?:<\d{{1,3}}>)?(?:1 )?(?P<syslog_time>{SYSLOG_TIME}) (?P<syslog_host>\S+) )?"
    r"(?:(?P<program>[\w.-]+)\[\d+\]:? )?"
    r"(?P<client_ip>\S+):(?P<client_port>\d{1,5}) "
    r"\[(?P<time>\d{2}/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d(?:\.\d+)?(?: [+-]\d{4})?)\] "
    r"(?P<frontend_name>\S+) (?P<backend_name>[^ /]+)/(?P<server_name>\S+) "
)
_HTTP = (
    r"(?P<Tq>-?\d+)/(?P<Tw>-?\d+)/(?P<Tc>-?\d+)/(?P<Tr>-?\d+)/\+?(?P<Tt>-?\d+) (?P<status_code>\d{3}|-1) "
    r"\+?(?P<bytes_read>\d+) (?P<captured_request_cookie>\S+) (?P<captured_response_cookie>\S+) "
    r"(?P<termination_state>\S{4}) (?P<counters>[\d/+]+) (?P<queues>[\d/]+) (?:\{(?P<captured_request_headers>[^}]*)\} )?"
    r'(?:\{(?P<captured_response_headers>[^}]*)\} )?"(?:(?P<request>.*)"(?: (?P<rest>[^"]*))?|(?P<open>[^"]*))$'
)
_TCP = (
    r"(?P<Tw>-?\d+)/(?P<Tc>-?\d+)/\+?(?P<Tt>-?\d+) \+?(?P<bytes_read>\d+) (?P<termination_state>\S{2}) "
    r"(?P<counters>[\d/+]+) (?P<queues>[\d/]+)(?: (?P<rest>.*))?$"
)
_REQUEST = r"^(?P<method>[!-~]{1,32}) (?P<stem>[^?]*?)(?:\?(?P<query>.*?))?(?: (?P<version>HTTP/\d(?:\.\d)?))?$"


class HaProxy(Matched):
    """HAProxy log."""

    key = "haproxy"
    stamp = Stamp("accept_date", TimeBasis.OFFSET, "millisecond")
    title = "HAProxy log (HTTP and TCP)"
    local_lines = True
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    schema = schema_of(_COLUMNS)
    lexicon = (
        "client_ip", "frontend_name", "backend_name", "server_name", "cs-method", "cs-uri-stem", "cs-uri-query",
        "captured_request_headers",
    )  # fmt: skip
    shapes = (_HEAD + _HTTP, _HEAD + _TCP)
    score = 90
    told = "lines of HAProxy: address and port, a date in brackets, frontend, backend and server, timers"

    def _widen(self, table: pa.Table, shape: int, state: State) -> pa.Table:
        del shape, state
        if "request" not in table.column_names:
            return table
        # a line cut in the request has no quote at its end
        requests = pc.coalesce(table["request"], table["open"])
        parts = split(requests, _REQUEST)
        for group, name in (
            ("method", "cs-method"), ("stem", "cs-uri-stem"), ("query", "cs-uri-query"), ("version", "cs-version"),
        ):  # fmt: skip
            table = table.append_column(name, parts[group])
        odd = pc.if_else(parts["method"].is_null(), requests, pa.scalar(None, pa.string()))
        return table.set_column(table.column_names.index("request"), "request", odd).drop_columns(["open"])

    def _times(self, table: pa.Table, state: State) -> pa.Array:
        del state
        return by_value(table["time"], named_months)
