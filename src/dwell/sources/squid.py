"""Squid and compatible web proxies: what people and servers inside asked for outside.

Source:
    Squid documentation, "Squid LogFormat": the native format (`squid`), also as Cisco's web appliance writes it
    (`Info:` before, its verdict behind), and the variant of the common format with a plain date.
Time:
    Native: seconds since 1970 with milliseconds, UTC, when the answer was sent. Variant: local time, no zone, read in
    the zone that is given for the host, else as UTC.
Units:
    `bytes` bytes to the client, headers included; `elapsed` milliseconds.

Raises:
    Nothing. A line of another shape is an anomaly.
Trust:
    Whoever sits behind the proxy writes the URL and, of a refused attempt, the user. Of `CONNECT` only the host is
    known.
Silence:
    What does not go through the proxy is not here: a server may be allowed past it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.instants import TimeBasis
from dwell.sources.columns import instants
from dwell.sources.matched import Matched, State, schema_of
from dwell.sources.source import Stamp
from dwell.sources.time_words import by_value, epochs

__all__ = ["Squid"]

_COLUMNS: dict[str, pa.DataType] = {
    "client": pa.string(),
    "code": pa.string(),
    "status_code": pa.int32(),
    "bytes": pa.int64(),
    "elapsed": pa.int64(),
    "method": pa.string(),
    "url": pa.string(),
    "username": pa.string(),
    "hierarchy": pa.string(),
    "peer": pa.string(),
    "mime_type": pa.string(),
    "category": pa.string(),
}
_NATIVE = (
    r"^(?:.*?Info: )?(?P<time>\d{9,10}\.\d{1,6}) +(?P<elapsed>-?\d+) (?P<client>\S+) (?P<code>[A-Z_]{3,})/"
    r"(?P<status_code>\d{3}) (?P<bytes>-?\d+) (?P<method>[A-Z_:-]+) (?P<url>.*?) "
    r"(?P<username>\S+|\"[^\"]*\") (?P<hierarchy>[A-Z_]+)/(?P<peer>\S+) (?P<mime_type>\S+)(?: (?P<rest>.*))?$"
)
_VARIANT = (
    r"^(?P<client>\S+) \S+ (?P<username>\S+) \[(?P<time>\d\d/\d\d/\d{4} \d\d:\d\d:\d\d)\] "
    r'"(?P<method>[A-Z_-]+) (?P<url>.*?)(?: (?P<version>HTTP/\d\.\d))?" (?P<status_code>\d{3}) (?P<bytes>\d+|-) '
    r"(?P<code>\S+) (?P<elapsed>\d+)(?: (?P<category>.*))?$"
)


class Squid(Matched):
    """Squid access log."""

    key = "squid"
    stamp = Stamp("the start of the line", TimeBasis.UTC)
    title = "Web proxy log (Squid)"
    local_lines = True
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    schema = schema_of(_COLUMNS)
    lexicon = ("client", "code", "method", "url", "username", "peer", "mime_type", "category")
    shapes = (_NATIVE, _VARIANT)
    score = 90
    told = "lines of Squid: time, elapsed, client, code and status, bytes, method, URL"

    def _times(self, table: pa.Table, state: State) -> pa.Array:
        del state
        return by_value(table["time"], _instants)


def _instants(texts: pa.Array) -> pa.Array:
    plain = pc.replace_substring_regex(texts, r"^(\d\d)/(\d\d)/(\d{4}) (.*)$", r"\3-\2-\1T\4")
    return pc.coalesce(epochs(texts), instants(plain))
