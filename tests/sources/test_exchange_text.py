"""The other text logs of Exchange: directions, operations, audit records, and that no file is taken for another's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fuzz.contract import check

from dwell.sources.cosmos_audit import CosmosAudit
from dwell.sources.mapihttp import ROP_CLASSES, MapiHttp
from dwell.sources.registry import ACCEPT_SCORE, identify, source
from dwell.sources.smtp_protocol import SmtpReceive
from dwell.sources.source import HEAD_BYTES, Sniff

REAL = {
    "artefacts-help/*__HttpProxy_*.LOG": "httpproxy",
    "artefacts-help/Ews_2*.LOG": "ews",
    "artefacts-help/MSGTRK*.LOG": "message_tracking",
    "artefacts-help/ECPServer*.LOG": "ecp_server",
    "artefacts-help/ECPActivity*.LOG": "ecp_activity",
    "artefacts-help/AgentLog*.LOG": "transport_agent",
    "artefacts-help/RECV*.LOG": "smtp_receive",
    "artefacts-help/Rps_Cmdlet*.LOG": "rps_cmdlet",
    "artefacts-help/audit*.LOG": "cosmos_audit",
    "kinesis/sample0.log": "message_tracking",
    "kinesis/sample1.log": "ews",
    "kinesis/sample2.log": "ecp_activity",
    "velociraptor/exchange.log": "message_tracking",
    "velociraptor/iis.log": "iis",
}


def best(data: bytes, name: str = "") -> str | None:
    """Give the source that would read the bytes."""
    guesses = identify(Sniff(data[:HEAD_BYTES], name, complete=len(data) <= HEAD_BYTES))
    return guesses[0].source if guesses and guesses[0].score >= ACCEPT_SCORE else None


def stripped(data: bytes) -> bytes:
    """Take the comments off, as an agent that ships lines does."""
    return b"\n".join(line for line in data.splitlines() if not line.lstrip(b"\xef\xbb\xbf").startswith(b"#")) + b"\n"


def test_every_real_file_goes_to_its_source_by_content_alone(shared_data: Path) -> None:
    for pattern, key in REAL.items():
        files = list((shared_data / "exchange").glob(pattern))
        assert files, pattern
        for path in files:
            data = path.read_bytes()
            assert best(data) == key, path.name
            reading = check(source(key), data)
            assert reading.rows, path.name
            assert not reading.anomalies, path.name


def test_without_its_comments_a_real_file_still_goes_to_its_source(shared_data: Path) -> None:
    for pattern, key in REAL.items():
        for path in (shared_data / "exchange").glob(pattern):
            wanted = "iis_headerless" if key == "iis" else key
            assert best(stripped(path.read_bytes())) == wanted, path.name


@pytest.mark.parametrize(
    ("event", "data", "connector", "wanted"),
    [
        (">", '"220 ex01 ready, Mon"', "EX01\\Default EX01", "smtp_receive"),
        ("<", "EHLO there", "EX01\\Default EX01", "smtp_receive"),
        ("<", "220 mx ready", "Outbound", "smtp_send"),
        (">", "EHLO ex01", "Outbound", "smtp_send"),
        ("+", "", "EX01\\Default EX01", "smtp_receive"),
        ("+", "", "Outbound", "smtp_send"),
    ],
)
def test_who_greets_tells_the_direction(event: str, data: str, connector: str, wanted: str) -> None:
    line = f"2021-01-04T08:00:00.000Z,{connector},08D8,0,192.0.2.1:25,198.51.100.7:5000,{event},{data},\n"
    assert best(line.encode()) == wanted
    header = "date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context\n"
    assert best((header + line).encode()) == wanted


def test_a_receive_connector_names_the_host() -> None:
    line = "2021-01-04T08:00:00.000Z,ex01.ad.example\\Client Proxy,08D8,0,192.0.2.1:25,198.51.100.7:5000,+,,\n"
    rows = check(SmtpReceive(), (line + line.replace("ex01.ad.example\\", "")).encode()).rows
    assert [row["host"] for row in rows] == ["ex01.ad.example", None]


def test_operation_numbers_have_one_class_each() -> None:
    numbers = [number for one in ROP_CLASSES.values() for number in one]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize(
    ("rops", "classes", "reads"),
    [
        ("254|2|4", ["logon", "folder", "list"], 0),
        ("3|3|7|34|70", ["read", "attachment"], 4),
        ("76|78|112", ["copy", "sync"], 0),
        ("65|145|50|x||9999", ["send", "purge", "rules"], 0),
        ("", None, None),
    ],
)
def test_operations_are_put_into_classes(rops: str, classes: list[str] | None, reads: int | None) -> None:
    data = f"#Log-type: MapiHttp Logs\n#Fields: DateTime,RequestType,RopIds\n2021-01-04T08:00:00.000Z,Execute,{rops}\n"
    row = check(MapiHttp(), data.encode()).rows[0]
    assert (row["RopClasses"], row["RopReads"]) == (classes, reads)


def audit(data: str) -> bytes:
    """Write a log with one record."""
    return f'#Log-type: audit\n#Fields: Timestamp,Server,Data\n2021-01-04T08:00:00.000Z,EX01,"{data}"\n'.encode()


def test_parameters_of_an_audit_record_are_a_map() -> None:
    record = {"Operation": "Set-Mailbox", "RecordType": 1, "Parameters": [{"Name": "Identity", "Value": "minister"}]}
    row = check(CosmosAudit(), audit(json.dumps(record).replace('"', '""'))).rows[0]
    assert row["Parameters"] == [("Identity", "minister")]
    assert row["DataMap"] == [("Operation", "Set-Mailbox"), ("RecordType", "1")]


@pytest.mark.parametrize("text", ["[1]", '{""a""', "[" * 5000, '{""Parameters"":' + "[" * 5000, "null", "x"])
def test_data_that_is_no_record_is_kept_and_told(text: str) -> None:
    reading = check(CosmosAudit(), audit(text))
    assert reading.rows[0]["Data"] == text.replace('""', '"')
    assert reading.rows[0]["DataMap"] is None
    assert [fact.detail for fact in reading.facts if fact.record_no == 3] == ["Data is no readable JSON; kept as it is"]


def test_a_kind_that_is_not_known_is_read_by_its_header() -> None:
    data = b"#Software: Microsoft Exchange Server\n#Log-type: Fresh Log\n"
    data += b"#Fields: date-time,a,b\n2021-01-04T08:00:00.000Z,1,2\n"
    assert best(data) == "exchange_other"
    row = check(source("exchange_other"), data).rows[0]
    assert (row["LogType"], row["extra"]) == ("Fresh Log", [("a", "1"), ("b", "2")])


@pytest.mark.parametrize(
    "data",
    [
        b"#Fields: date time c-ip\n2021-01-04 08:00:00 192.0.2.1\n",
        b"#Log-type: x\n",
        b"#Software: Microsoft Exchange Server\n#Fields: one\n",
        b"#Fields: date-time,a,b\n2021-01-04T08:00:00.000Z,1,2\n",
        b"date-time,a,b\n2021-01-04T08:00:00.000Z,1,2\n",
    ],
)
def test_what_is_no_exchange_log_is_not_taken_for_another_kind(data: bytes) -> None:
    assert best(data) != "exchange_other"
