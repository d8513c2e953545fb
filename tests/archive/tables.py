"""A small table to write and read: two lexicon columns and their join, one nearly unique column, one number."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from dwell.archive.datafile import stage
from dwell.archive.deltalog import Commit
from dwell.archive.spec import EVIDENCE_ID, JoinedText, TableSpec
from dwell.archive.store import Archive

SPEC = TableSpec(
    "web",
    pa.schema(
        [
            EVIDENCE_ID,
            pa.field("record_no", pa.int64(), nullable=False),
            pa.field("time_utc", pa.timestamp("us", tz="UTC")),
            pa.field("host", pa.string()),
            pa.field("stem", pa.string()),
            pa.field("query", pa.string()),
            pa.field("id", pa.string()),
            pa.field("status", pa.int32()),
        ]
    ),
    ("stem", "query"),
    {"uri": JoinedText("stem", "?", "query")},
)
START = datetime(2021, 1, 31, 23, 0, tzinfo=UTC)
START_US = int(START.timestamp()) * 1_000_000


def rows(count: int, *, evidence: str = "aa", step_s: int = 60, first: int = 1) -> pa.Table:
    """Make rows a minute apart that run over a month's end; every tenth has no instant, every seventh no query."""
    numbers = range(first, first + count)
    return pa.table(
        {
            "evidence_id": pa.array([evidence] * count),
            "record_no": pa.array(numbers, pa.int64()),
            "time_utc": pa.array(
                [None if one % 10 == 0 else START_US + one * step_s * 1_000_000 for one in numbers], pa.int64()
            ).cast(pa.timestamp("us", tz="UTC")),
            "host": pa.array(["EX01"] * count),
            "stem": pa.array([f"/owa/{one % 5}" for one in numbers]),
            "query": pa.array(["-" if one % 7 == 0 else f"a={one % 3}" for one in numbers]),
            "id": pa.array([f"id{one:08}" for one in numbers]),
            "status": pa.array([200 + one % 4 for one in numbers], pa.int32()),
        },
        schema=SPEC.schema,
    )


def filled(root: Path, units: int = 3, count: int = 200) -> Archive:
    """Make an archive with a few commits."""
    archive = Archive(root, {SPEC.name: SPEC})
    for unit in range(units):
        put(archive, rows(count, evidence=f"e{unit}"), f"unit{unit}")
    return archive


def put(archive: Archive, table: pa.Table, transaction: str) -> Commit:
    """Stage and commit rows."""
    files = stage(archive.folder(SPEC.name), SPEC, table, transaction)
    return archive.commit(SPEC.name, files, transaction)
