"""Message tracking: the layouts of all versions, the maps, and records that run into one another."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzz.contract import check

from dwell.sources.message_tracking import MessageTracking
from dwell.sources.registry import identify
from dwell.sources.source import Sniff

SOURCE = MessageTracking()


def record(columns: tuple[str, ...], second: int = 1, **cells: str) -> str:
    """Write one record."""
    values = {
        "date-time": f"2021-01-04T08:00:{second:02}.000Z",
        "client-ip": "192.0.2.7",
        "server-hostname": "EX01",
        "source": "SMTP",
        "event-id": "RECEIVE",
        "total-bytes": "5120",
        "message-subject": f"s{second}",
    } | {name.replace("_", "-"): text for name, text in cells.items()}
    return ",".join(values.get(name, "") for name in columns)


@pytest.mark.parametrize("count", sorted(SOURCE.layouts))
def test_each_layout_is_known_without_its_header(count: int) -> None:
    columns = tuple(SOURCE.layouts[count])
    data = "\n".join(record(columns, second) for second in (1, 2)).encode()
    best = identify(Sniff(data, "x.log", complete=True))[0]
    assert best.source == "message_tracking"
    rows = check(SOURCE, data).rows
    assert [(row["event-id"], row["message-subject"], row["total-bytes"]) for row in rows] == [
        ("RECEIVE", "s1", 5120),
        ("RECEIVE", "s2", 5120),
    ]


def test_mixed_layouts_without_header_go_by_their_own_number_of_cells() -> None:
    data = "\n".join(record(tuple(SOURCE.layouts[count]), 1) for count in (30, 26, 27, 21)).encode()
    reading = check(SOURCE, data)
    assert [row["message-subject"] for row in reading.rows] == ["s1"] * 4
    assert not reading.anomalies


def test_a_record_cut_before_another_is_not_read_as_one_with_commas() -> None:
    columns = tuple(SOURCE.layouts[30])
    header = "#Fields: " + ",".join(columns)
    for cut in range(len("2021-01-04T08:00:01.000Z,"), 60):
        data = f"{header}\n{record(columns, 1)[:cut]}{record(columns, 2)}\n".encode()
        row = check(SOURCE, data).rows[0]
        assert row["message-subject"] == "s2"
        assert row["host"] == "EX01"
        assert dict(row["extra"])["(unfinished record before)"] == record(columns, 1)[:cut]


def test_a_column_called_as_one_of_ours_stays_with_its_own_words() -> None:
    data = (
        b"#Fields: date-time,source,event-id,custom-data,custom-data-map\n2021-01-04T08:00:00.000Z,SMTP,SEND,S:A=1,x\n"
    )
    row = check(SOURCE, data).rows[0]
    assert row["custom-data-map"] == [("A", "1")]
    assert row["extra"] == [("custom-data-map (logged)", "x")]


def test_real_files(shared_data: Path) -> None:
    files = {"artefacts-help/MSGTRKMS2022091915-1.LOG": 2, "kinesis/sample0.log": 2, "velociraptor/exchange.log": 2}
    for name, count in files.items():
        reading = check(SOURCE, (shared_data / "exchange" / name).read_bytes())
        assert (len(reading.rows), reading.anomalies) == (count, []), name
        assert all(row["time_utc"] is not None and not row["extra"] for row in reading.rows), name
