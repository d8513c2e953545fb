"""The archive's tables: one per source, and those that intake keeps about the reading itself."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import pyarrow as pa

from dwell.archive.spec import EVIDENCE_ID, JoinedText, TableSpec
from dwell.intake.query_columns import MADE_OF_QUERY
from dwell.sources.registry import SOURCES
from dwell.sources.registry import source as source_of
from dwell.sources.source import HOST, RECORD_NO, TIME_UTC

__all__ = ["ANOMALIES", "COPIES", "EVENTS", "FACTS", "FILES", "HOUSE_TABLES", "log_tables", "specs", "table_of"]

_TIME = pa.timestamp("us", tz="UTC")
ANOMALIES = "anomalies"
FACTS = "facts"
COPIES = "copies"
FILES = "files"
HOUSE_TABLES = (ANOMALIES, FACTS, COPIES, FILES)
"""Tables about the reading, in the order in which they are committed after the records; `files` closes a unit."""
EVENTS = "evtx"
"""Windows events, whatever form they were exported in."""

_PATH_AND_QUERY = {"cs-uri": JoinedText("cs-uri-stem", "?", "cs-uri-query")}
_IDS: Mapping[str, frozenset[str]] = {"iis": frozenset({"cafeReqId"})}
"""Columns whose texts the reader cuts out by their shape; see `dwell.sources.iis_request_id`."""
_JOINED = {
    "iis": _PATH_AND_QUERY,
    "ncsa": _PATH_AND_QUERY,
    "haproxy": _PATH_AND_QUERY,
    "httpproxy": {"cs-uri": JoinedText("UrlStem", "?", "UrlQuery")},
    "zeek": {"http_url": JoinedText("http_host", "", "uri")},
}
_MADE = {"iis": MADE_OF_QUERY}
_SOURCE = pa.field("source", pa.string())

_HOUSE = (
    TableSpec(
        ANOMALIES,
        pa.schema(
            [
                EVIDENCE_ID,
                RECORD_NO,
                TIME_UTC,
                HOST,
                _SOURCE,
                pa.field("kind", pa.string()),
                pa.field("offset_bytes", pa.int64()),
                pa.field("length_bytes", pa.int64()),
                pa.field("kept", pa.binary()),
                pa.field("detail", pa.string()),
            ]
        ),
    ),
    TableSpec(
        FACTS,
        pa.schema(
            [
                EVIDENCE_ID,
                RECORD_NO,
                TIME_UTC,
                HOST,
                _SOURCE,
                pa.field("kind", pa.string()),
                pa.field("to_utc", _TIME),
                pa.field("count", pa.int64()),
                pa.field("detail", pa.string()),
            ]
        ),
    ),
    TableSpec(
        COPIES,
        pa.schema(
            [
                EVIDENCE_ID,
                RECORD_NO,
                TIME_UTC,
                HOST,
                _SOURCE,
                pa.field("part", pa.string()),
                pa.field("of_evidence_id", pa.string(), nullable=False),
                pa.field("of_record_no", pa.int64(), nullable=False),
            ]
        ),
    ),
    TableSpec(
        FILES,
        pa.schema(
            [
                EVIDENCE_ID,
                RECORD_NO,
                TIME_UTC,
                HOST,
                _SOURCE,
                pa.field("last_utc", _TIME),
                pa.field("records", pa.int64()),
                pa.field("anomalies", pa.int64()),
                pa.field("structural", pa.int64()),
                pa.field("size_bytes", pa.int64()),
            ]
        ),
    ),
)


@cache
def table_of(source: str) -> str:
    """Give the table that a source's records go to."""
    return source_of(source).table


@cache
def log_tables() -> frozenset[str]:
    """Give the tables whose rows are events in time, so that hours without rows mean something."""
    return frozenset(one.table for one in SOURCES if one.is_log)


@cache
def specs() -> dict[str, TableSpec]:
    """Give every table that may be written, by name."""
    out: dict[str, TableSpec] = {}
    for one in SOURCES:
        if one.table not in out:
            schema = pa.schema([EVIDENCE_ID, *one.schema])
            out[one.table] = TableSpec(
                one.table,
                schema,
                tuple(one.lexicon),
                _JOINED.get(one.table, {}),
                _MADE.get(one.table),
                _IDS.get(one.table, frozenset()),
            )
    return out | {one.name: one for one in _HOUSE}
