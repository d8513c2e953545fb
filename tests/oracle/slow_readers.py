"""Second readers of the same formats: slow, plain Python, written from the formats' descriptions and not from the sources.

They read whole files, one record after the other, and know nothing of damage beyond skipping what they cannot take. Where
they and a source disagree on sound evidence, one of the two is wrong.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import evtx

__all__ = ["audit_records", "csv_rows", "evtx_events", "exchange_rows", "iis_rows", "json_objects"]

csv.field_size_limit(1 << 30)


def iis_rows(data: bytes) -> Iterator[dict[str, str]]:
    """Yield each line of an IIS log under the names of the `#Fields` line before it; `at` is its instant."""
    names: list[str] = []
    day, last = "", ""
    for line in data.decode("utf-8", errors="replace").splitlines():
        if line.startswith("#Fields:"):
            names = line.split()[1:]
        elif line.startswith("#Date:"):
            day, last = line.split()[1], ""
        elif line and not line.startswith("#"):
            cells = line.split(" ")
            if len(cells) != len(names):
                # Exchange writes two spaces before the user
                cells = line.split()
            if len(cells) != len(names):
                continue
            row = dict(zip(names, cells, strict=True))
            if "date" not in row and row["time"] < last:
                day = (datetime.fromisoformat(day) + timedelta(days=1)).date().isoformat()
            last = row["time"]
            yield {**row, "at": f"{row.get('date', day)}T{row['time']}"}


def exchange_rows(data: bytes) -> Iterator[dict[str, str]]:
    """Yield each record of an Exchange text log under the names of its header."""
    text = data.decode("utf-8-sig", errors="replace")
    names: list[str] = []
    for cells in csv.reader(io.StringIO(text, newline="")):
        if cells and cells[0].startswith("#Fields:"):
            names = [cells[0][8:].strip(), *cells[1:]]
        elif re.match(r"\d{4}-\d\d-\d\dT", cells[0] if cells else "") and len(cells) == len(names):
            yield dict(zip(names, cells, strict=True))


def csv_rows(data: bytes) -> Iterator[dict[str, str]]:
    """Yield each row of a CSV export."""
    yield from csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))


def json_objects(data: bytes) -> Iterator[dict[str, Any]]:
    """Yield each object of a file of JSON lines, or of one array."""
    text = data.decode("utf-8-sig")
    if text.lstrip().startswith("["):
        yield from json.loads(text)
        return
    for line in text.splitlines():
        if line.strip():
            yield json.loads(line)


def evtx_events(data: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield record number and event of each record that the decoder takes, one by one."""
    records = evtx.PyEvtxParser(io.BytesIO(data), number_of_threads=1).records_json()
    while True:
        try:
            record = next(records)
        except StopIteration:
            return
        except RuntimeError:
            continue
        if record is not None:
            yield record["event_record_id"], json.loads(record["data"])["Event"]


def audit_records(rows: Iterator[dict[str, str]]) -> Iterator[dict[str, Any]]:
    """Yield the audit record in each row of an export; an empty one where there is none."""
    for row in rows:
        yield json.loads(row["AuditData"]) if row.get("AuditData") else {}


def instant(text: str) -> datetime:
    """Read an instant, UTC where it names no zone, to the microsecond."""
    cut = re.sub(r"(\.\d{6})\d+", r"\1", text)
    at = datetime.fromisoformat(cut)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
