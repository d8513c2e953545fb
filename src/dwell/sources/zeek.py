r"""Zeek logs: connections and what was seen in them, as tab-separated text or JSON lines.

Source:
    Zeek documentation, "Zeek Log Formats and Inspection" and the log references (conn, http, ssl, smtp, rdp, ntlm,
    kerberos, smb_files, files and the others): the columns are whatever `#fields` says. All logs are one table, `_path`
    says which one a row is of. Shippers write `id_orig_h` for `id.orig_h`. The HTTP log's `host` is stored as
    `http_host`, since `host` names the machine that evidence is from.
Time:
    `ts` is UTC, seconds since 1970 with six decimals, or ISO 8601: the start of the connection, request or message, by
    the sensor's clock.
Units:
    `orig_bytes` and `resp_bytes` bytes of payload, TLS included; guesses from sequence numbers where `missed_bytes` is
    not 0. `duration` seconds. What is not set (`-`) or empty (`(empty)`) is null.

Raises:
    Nothing. A line or object that cannot be read is an anomaly.
Trust:
    The sensor saw it on the wire; an outsider writes whatever is in a request. Non-printing bytes stay escaped
    (`\x09`).
Silence:
    No row means that the sensor saw nothing: it may have been elsewhere, or lost packets (`capture_loss`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.instants import TimeBasis
from dwell.sources.columns import instants
from dwell.sources.delimited import unique_names
from dwell.sources.headed import Headed, HeadedState
from dwell.sources.json_records import JsonRecords, Look
from dwell.sources.matched import State, schema_of, sniffed_lines
from dwell.sources.source import Guess, Sniff, Stamp
from dwell.sources.time_words import by_value, epochs

__all__ = ["ZeekJson", "ZeekTsv"]

_NAMES = (
    "_path", "uid", "fuid", "id.orig_h", "id.resp_h", "proto", "service", "conn_state", "history", "tunnel_parents",
    "method", "http_host", "uri", "referrer", "version", "user_agent", "origin", "status_msg", "username", "proxied",
    "resp_mime_types", "cipher", "server_name", "established", "ja3", "ja3s", "subject", "issuer", "validation_status",
    "helo", "mailfrom", "rcptto", "from", "to", "msg_id", "x_originating_ip", "path", "tls", "cookie", "result",
    "security_protocol", "client_name", "client_build", "hostname", "domainname", "server_nb_computer_name",
    "server_dns_computer_name", "success", "request_type", "client", "error_msg", "action", "name", "source",
    "filename", "mime_type", "md5", "sha1", "sha256", "named_pipe", "endpoint", "operation", "query", "qtype_name",
    "rcode_name", "answers", "note", "msg", "sub",
)  # fmt: skip
_COLUMNS: dict[str, pa.DataType] = dict.fromkeys(_NAMES, pa.string()) | {
    "id.orig_p": pa.int32(),
    "id.resp_p": pa.int32(),
    "duration": pa.float64(),
    "orig_bytes": pa.int64(),
    "resp_bytes": pa.int64(),
    "missed_bytes": pa.int64(),
    "orig_pkts": pa.int64(),
    "resp_pkts": pa.int64(),
    "request_body_len": pa.int64(),
    "response_body_len": pa.int64(),
    "status_code": pa.int32(),
    "size": pa.int64(),
    "seen_bytes": pa.int64(),
}
_LEXICON = (
    "_path", "id.orig_h", "id.resp_h", "service", "conn_state", "method", "http_host", "uri", "referrer", "user_agent",
    "username", "server_name", "ja3", "ja3s", "subject", "issuer", "mailfrom", "rcptto", "cookie", "client_name",
    "hostname", "domainname", "client", "name", "filename", "mime_type", "md5", "sha1", "sha256", "named_pipe",
    "endpoint", "operation", "query", "answers", "note", "path",
)  # fmt: skip
_SEPARATOR = re.compile(r"#separator\s+(?:\\x([0-9A-Fa-f]{2})|(.))")
_HEAD = re.compile(r"#[a-z_]+")
_ALIASES: Mapping[str, str] = {
    "id_orig_h": "id.orig_h",
    "id_orig_p": "id.orig_p",
    "id_resp_h": "id.resp_h",
    "id_resp_p": "id.resp_p",
    "@stream": "_path",
    "@path": "_path",
}


def _instants(texts: pa.Array) -> pa.Array:
    return pc.coalesce(epochs(texts), instants(texts))


def _separator(text: str, state: HeadedState) -> str:
    found = _SEPARATOR.match(text)
    if found is None:
        return state.delimiter
    return chr(int(found[1], 16)) if found[1] else found[2]


def _path(text: str, state: HeadedState) -> str:
    return text[5:].strip(f" \t{state.delimiter}")


def _fields(text: str, state: HeadedState) -> list[str]:
    names = text.split(state.delimiter)[1:] if state.delimiter in text else text.split()[1:]
    renamed = ["http_host" if one == "host" and state.about.get("path") == "http" else one for one in names]
    return unique_names([one or f"column {place}" for place, one in enumerate(renamed, 1)])


class ZeekTsv(Headed):
    """Zeek log, tab-separated."""

    key = "zeek"
    stamp = Stamp("ts", TimeBasis.UTC, "microsecond")
    title = "Zeek log (TSV)"
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    schema = schema_of(_COLUMNS)
    lexicon = _LEXICON
    grows = True
    delimiter = "\t"
    blanks = ("", "-", "(empty)")
    as_written = "ts"

    def identify(self, sniff: Sniff) -> Guess | None:
        """Take files that start with Zeek's own comments."""
        lines = sniffed_lines(sniff)
        heads = {found[0] for line in lines if (found := _HEAD.match(line)) is not None}
        if "#separator" in heads and "#fields" in heads:
            return Guess(97, self.key, "#separator and #fields of Zeek")
        if {"#fields", "#types", "#path"} <= heads:
            return Guess(90, self.key, "#fields, #types and #path of Zeek")
        return None

    def _alters(self, text: str, state: HeadedState) -> bool:
        if text.startswith("#fields"):
            return _fields(text, state) != state.names
        if text.startswith("#path"):
            return _path(text, state) != state.about.get("path")
        return text.startswith("#separator") and _separator(text, state) != state.delimiter

    def _take_comment(self, text: str, state: HeadedState) -> None:
        if text.startswith("#fields"):
            state.names = _fields(text, state)
        elif text.startswith("#path"):
            state.about["path"] = _path(text, state)
        else:
            state.delimiter = _separator(text, state)

    def _widen(self, table: pa.Table, shape: int, state: State) -> pa.Table:
        del shape
        path = state.about.get("path") if isinstance(state, HeadedState) else None
        if "_path" in table.column_names or not path:
            return table
        return table.append_column("_path", pa.array([path] * table.num_rows, pa.string()))

    def _times(self, table: pa.Table, state: State) -> pa.Array | None:
        del state
        return by_value(table["ts"], _instants) if "ts" in table.column_names else None


class ZeekJson(JsonRecords):
    """Zeek log, JSON."""

    key = "zeek_json"
    stamp = Stamp("ts", TimeBasis.UTC, "microsecond")
    title = "Zeek log (JSON)"
    columns: ClassVar[Mapping[str, pa.DataType]] = {"ts": pa.string()} | _COLUMNS
    aliases: ClassVar[Mapping[str, str]] = _ALIASES
    time_names: ClassVar[tuple[str, ...]] = ("ts",)
    marks: ClassVar[tuple[frozenset[str], ...]] = (
        frozenset({"ts"}),
        frozenset({"uid", "fuid", "_path", "@stream", "tx_hosts"}),
        frozenset({"id.orig_h", "id_orig_h", "id", "_path", "@stream", "fuid", "proto"}),
    )
    score = 92
    schema = ZeekTsv.schema
    lexicon = _LEXICON

    @property
    def table(self) -> str:
        """Give the table of Zeek logs."""
        return "zeek"

    def _is_ours(self, seen: Look) -> bool:
        return super()._is_ours(seen) or {"@stream", "@system", "@proc"} <= seen.names

    def _shaped(self, record: dict[str, Any]) -> dict[str, Any]:
        """Give the HTTP log's `host` a name of its own."""
        if "host" in record and ("method" in record or "uri" in record or record.get("_path") == "http"):
            record = dict(record)
            record["http_host"] = record.pop("host")
        return record

    def _instants(self, texts: pa.Array) -> pa.Array:
        return _instants(texts)
