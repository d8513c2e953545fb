r"""Access logs of Apache, nginx, Tomcat, IIS and others in NCSA common or combined format: one line a request.

Source:
    Apache HTTP Server documentation, "Log Files", common and combined log format; IIS writes the common one as
    `u_nc*.log`. The format names no columns: they are called as in W3C logs, which is what web rules look for. A
    virtual host before the line goes to `vhost`; what custom formats append goes to `extra` as `rest`, and a head of
    syslog before it (nginx's `access_log syslog:`) as `syslog_time`, `syslog_host` and `program`.
Time:
    The server's local time with its offset, whole seconds, when the request came in (Apache) or was answered (nginx);
    read into UTC.
Units:
    `sc-bytes` bytes of the body, without headers (Apache `%b`, nginx `body_bytes_sent`); `-` is null, never 0.

Raises:
    Nothing. A line of another shape is an anomaly.
Trust:
    An outsider writes the request, `cs-referer`, `cs-user-agent` and, of a failed logon, `cs-username`. `c-ip` is the
    last hop. Apache and nginx write `"` and control characters as `\"` and `\xhh`; these stay as they are written.
Silence:
    No line means that no request ended here; nginx writes none where `access_log off` stands, and rotation deletes.
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

__all__ = ["Ncsa"]

_COLUMNS: dict[str, pa.DataType] = {
    "vhost": pa.string(),
    "c-ip": pa.string(),
    "logname": pa.string(),
    "cs-username": pa.string(),
    "cs-method": pa.string(),
    "cs-uri-stem": pa.string(),
    "cs-uri-query": pa.string(),
    "cs-version": pa.string(),
    "sc-status": pa.int32(),
    "sc-bytes": pa.int64(),
    "cs-referer": pa.string(),
    "cs-user-agent": pa.string(),
}
_TIME = r"\[(?P<time>\d{2}/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\]"
_QUOTED = r'(?:[^"\\]|\\.)*'
_TAIL = (
    rf' {_TIME} "(?P<request>{_QUOTED})" (?P<status>\d{{3}}|-) (?P<bytes>\d+|-)'
    rf'(?: "(?P<referer>{_QUOTED})" "(?P<agent>{_QUOTED})")?(?: (?P<rest>.*))?$'
)
_LOOSE_TAIL = (
    rf' {_TIME} "(?P<request>.*?)" (?P<status>\d{{3}}|-) (?P<bytes>\d+|-)'
    r'(?: "(?P<referer>.*?)" "(?P<agent>.*)")?(?: (?P<rest>[^"]*))?$'
)
_SYSLOG = (
    rf"^(?:<\d{{1,3}}>)?(?:1 )?(?P<syslog_time>{SYSLOG_TIME}) (?P<syslog_host>\S+) (?P<program>[^\s:\[]+)(?:\[\d+\])?: "
)
_REQUEST = r"^(?P<method>[!-~]{1,32}) (?P<stem>[^?]*?)(?:\?(?P<query>.*?))?(?: (?P<version>HTTP/\d(?:\.\d)?))?$"


class Ncsa(Matched):
    """Access log, NCSA common or combined."""

    key = "ncsa"
    stamp = Stamp("the time in brackets", TimeBasis.OFFSET, "second")
    title = "Access log, NCSA common or combined (Apache, nginx, Tomcat, IIS)"
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    schema = schema_of(_COLUMNS)
    lexicon = tuple(name for name, kind in _COLUMNS.items() if pa.types.is_string(kind))
    grows = True
    shapes = (
        rf"^(?P<ip>\S+) (?P<logname>\S+) (?P<user>\S+){_TAIL}",
        rf"^(?P<vhost>\S+) (?P<ip>\S+) (?P<logname>\S+) (?P<user>\S+){_TAIL}",
        rf"{_SYSLOG}(?P<ip>\S+) (?P<logname>\S+) (?P<user>\S+){_TAIL}",
        # names with spaces, quotes that the server did not escape
        rf"^(?P<ip>\S+) (?P<logname>\S+) (?P<user>\S[^\[]*?){_LOOSE_TAIL}",
    )
    renamed: ClassVar[Mapping[str, str]] = {
        "ip": "c-ip",
        "user": "cs-username",
        "status": "sc-status",
        "bytes": "sc-bytes",
        "referer": "cs-referer",
        "agent": "cs-user-agent",
    }
    told = "lines of NCSA's shape: host, names, a date in brackets, a quoted request"

    def _widen(self, table: pa.Table, shape: int, state: State) -> pa.Table:
        del shape, state
        parts = split(table["request"], _REQUEST)
        named = {"method": "cs-method", "stem": "cs-uri-stem", "query": "cs-uri-query", "version": "cs-version"}
        for group, name in named.items():
            table = table.append_column(name, parts[group])
        # kept only where it could not be taken apart: a TLS hello, an empty line, a scanner's noise
        odd = pc.if_else(parts["method"].is_null(), table["request"], pa.scalar(None, pa.string()))
        return table.set_column(table.column_names.index("request"), "request", odd)

    def _times(self, table: pa.Table, state: State) -> pa.Array:
        del state
        return by_value(table["time"], named_months)
