"""What is read, what a file is, and how it would be stored, without a case."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path

import pytest
from tests.cli.conftest import Dwell

from dwell.sources.registry import SOURCES

LOG = "#Fields: date time cs-method cs-uri-stem c-ip sc-status\r\n2021-03-01 08:00:00 GET /owa/ 198.51.100.7 200\r\n"


def test_every_source_is_listed_once_in_every_form(dwell: Dwell) -> None:
    keys = [one.key for one in SOURCES]
    assert [line.split()[0] for line in dwell("sources").out.splitlines()] == keys
    assert [one["key"] for one in json.loads(dwell("sources", "-t", "json").out)] == keys
    table = list(csv.reader(io.StringIO(dwell("sources", "-t", "csv").out)))
    assert [row[0] for row in table[1:]] == keys


@pytest.mark.parametrize("key", [one.key for one in SOURCES])
def test_source_tells_trust_and_silence(key: str, dwell: Dwell) -> None:
    told = dwell("sources", key).out
    assert "Trust: " in told
    assert "Silence: " in told
    (row,) = json.loads(dwell("sources", key, "-t", "json").out)
    assert row["trust"]
    assert row["fields"][0] == "record_no"


def test_unknown_source_ends_with_2(dwell: Dwell) -> None:
    assert dwell("sources", "telepathy").code == 2


def test_identify_says_why_and_goes_into_containers(dwell: Dwell, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "handover.zip", "w") as archive:
        archive.writestr("EX01/inetpub/logs/whatever.txt", LOG)
        archive.writestr("letter.txt", "Dear sir\n")
    ran = dwell("identify", tmp_path / "handover.zip", "-t", "json")
    found = {one["path"].rpartition("!")[2]: one for one in json.loads(ran.out)}
    assert ran.code == 0
    assert found["EX01/inetpub/logs/whatever.txt"]["source"] == "iis"
    assert found["EX01/inetpub/logs/whatever.txt"]["host"] == "EX01"
    assert found["letter.txt"]["source"] is None
    assert "letter.txt: not recognised" in dwell("identify", tmp_path / "handover.zip").out


def test_nothing_recognised_ends_with_10(dwell: Dwell, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear sir\n", encoding="utf-8")
    assert dwell("identify", tmp_path / "letter.txt").code == 10
    assert dwell("peek", tmp_path / "letter.txt").code == 10


def test_peek_shows_rows_as_stored_and_what_could_not_be_read(dwell: Dwell, tmp_path: Path) -> None:
    log = tmp_path / "u_ex210301.log"
    log.write_bytes(
        LOG.encode() + b"2021-03-01 08:00:01 GET\r\n" + b"2021-03-01 08:00:02 GET /ecp/ 198.51.100.7 404\r\n" * 9
    )
    (found,) = json.loads(dwell("peek", log, "--rows", "3", "-t", "json").out)
    assert [row["record_no"] for row in found["rows"]] == [2, 4, 5]
    assert found["rows"][0]["time_utc"] == "2021-03-01T08:00:00Z"
    assert [one["record_no"] for one in found["anomalies"]] == [3]
    text = dwell("peek", log, "--rows", "1").out
    assert "cs-uri-stem=/owa/" in text
    assert "unreadable, number 3" in text
    assert sorted(tmp_path.iterdir()) == [log]
