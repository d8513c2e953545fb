r"""Access logs of nginx as JSON, one object a request: `log_format … escape=json` with nginx's own names, or near them.

Source:
    nginx documentation, "ngx_http_log_module" and "Alphabetical index of variables". A format of this kind is whatever a
    site writes into its configuration: names are known as nginx has its variables (`remote_addr`, `request`,
    `http_user_agent`), and some in common use beside them. Columns are those of other access logs, so that the same
    rules look at them; every other name is in `extra`.
    Unverified: one sample of a vendor's documentation seen; a real file of a site would verify it.
Time:
    `time_iso8601` or `time_local` with its offset, or `msec`, seconds since 1970 with milliseconds: when the request was
    answered. Without an offset the instant is unknown and the text is kept.
Units:
    `sc-bytes` is `body_bytes_sent`, bytes of the body, without headers. `request_time` is seconds.

Raises:
    Nothing. An object that cannot be read is an anomaly: nginx without `escape=json` writes `\x22` for a quote, which is no
    JSON.
Trust:
    An outsider writes the request, `cs-referer`, `cs-user-agent`, `http_x_forwarded_for` and, of a failed logon,
    `cs-username`. `c-ip` is the last hop, or what `real_ip_header` makes of it.
Silence:
    nginx writes no line where `access_log off` stands or its `if=` says no; rotation deletes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.instants import TimeBasis
from dwell.sources.columns import instants
from dwell.sources.json_records import JsonRecords
from dwell.sources.ncsa import Ncsa
from dwell.sources.source import Stamp
from dwell.sources.time_words import epochs, named_months

__all__ = ["NcsaJson"]

_TIMES = ("msec", "time_iso8601", "time_local", "@timestamp", "timestamp", "time")
"""The most exact first."""
_REQUEST = re.compile(r"(?P<method>[!-~]{1,32}) (?P<uri>.*?)(?: (?P<version>HTTP/\d(?:\.\d)?))?", re.DOTALL)
_ADDRESSES = ("remote_addr", "client_ip", "clientip", "remote_ip", "client")
_AGENTS = ("http_user_agent", "user_agent", "useragent", "agent")
_ALIASES: Mapping[str, str] = {
    **dict.fromkeys(_ADDRESSES, "c-ip"),
    **dict.fromkeys(_AGENTS, "cs-user-agent"),
    **dict.fromkeys(("remote_user", "user"), "cs-username"),
    **dict.fromkeys(("request_method", "method", "verb"), "cs-method"),
    **dict.fromkeys(("http_referer", "http_referrer", "referer", "referrer"), "cs-referer"),
    **dict.fromkeys(("body_bytes_sent", "bytes_sent", "bytes"), "sc-bytes"),
    **dict.fromkeys(("status", "status_code", "response"), "sc-status"),
    **dict.fromkeys(("http_host", "vhost", "server_name", "host"), "vhost"),
    **dict.fromkeys(("args", "query_string"), "cs-uri-query"),
    "server_protocol": "cs-version",
}  # fmt: skip
_URIS = ("request_uri", "uri", "url", "path")
_ZONED = r"(?:Z|[+-]\d\d:?\d\d)$"


class NcsaJson(JsonRecords):
    """Access log of nginx, JSON."""

    key = "ncsa_json"
    stamp = Stamp("time_iso8601, time_local or msec", TimeBasis.OFFSET)
    title = "Access log, JSON (nginx)"
    columns: ClassVar[Mapping[str, pa.DataType]] = {**Ncsa.columns, "time": pa.string()}
    aliases: ClassVar[Mapping[str, str]] = _ALIASES
    time_names: ClassVar[tuple[str, ...]] = ("time",)
    marks: ClassVar[tuple[frozenset[str], ...]] = (
        frozenset(_TIMES),
        frozenset(_ADDRESSES),
        frozenset({"request", "request_method", "method", "verb"}),
        frozenset({"status", "status_code", "response"}),
        frozenset(
            {"body_bytes_sent", "bytes_sent", "request_time", "http_user_agent", "http_referer", "http_referrer"}
        ),
    )
    score = 80
    schema = Ncsa.schema
    lexicon = Ncsa.lexicon

    @property
    def table(self) -> str:
        """Give the table of access logs."""
        return "ncsa"

    def _shaped(self, record: dict[str, Any]) -> dict[str, Any]:
        """Take the request apart; of several names for one thing the first that holds something is the column."""
        out: dict[str, Any] = {}
        lowered = {name.lower(): name for name in reversed(record)}
        request = record.get(lowered.get("request", ""))
        met = _REQUEST.fullmatch(request) if isinstance(request, str) else None
        uri = next((one for name in _URIS if isinstance(one := record.get(lowered.get(name, "")), str)), None)
        if met is not None:
            out |= {"cs-method": met["method"], "cs-version": met["version"]}
            uri = met["uri"]
        if uri is not None:
            stem, _, query = uri.partition("?")
            out |= {"cs-uri-stem": stem, "cs-uri-query": query}
        timed = next((name for one in _TIMES if (name := lowered.get(one)) is not None and record[name]), "")
        told = {column: value for column, value in out.items() if value} | ({"time": record[timed]} if timed else {})
        for name, value in record.items():
            if name == timed or (value == "-" and name.lower() in _ALIASES):
                continue
            # what the request said already need not be said again
            again = name.lower() in _URIS and value == uri
            if not again and not (met is not None and name.lower() == "request"):
                column = _ALIASES.get(name.lower(), name)
                told[name if column in told and told[column] != value else column] = value
        return told

    def _instants(self, texts: pa.Array) -> pa.Array:
        """Read instants with their offset, or seconds since 1970; a local time without one is none."""
        zoned = pc.if_else(pc.match_substring_regex(texts, _ZONED), texts, pa.scalar(None, pa.string()))
        return pc.coalesce(instants(zoned), named_months(zoned), epochs(texts))
