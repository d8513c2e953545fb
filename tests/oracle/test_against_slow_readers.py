"""The sources and the slow readers give the same rows on evidence that was not made for this project."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import py7zr
import pytest
from fuzz.contract import Reading, read_all
from tests.oracle.slow_readers import (
    audit_records,
    csv_rows,
    evtx_events,
    exchange_rows,
    iis_rows,
    instant,
    json_objects,
)

from dwell.model.provenance import FactKind
from dwell.sources.iis_request_id import raw_query
from dwell.sources.registry import source

IIS = (
    "iis/plaso_iis6.log",
    "iis/plaso_iis7_owa.log",
    "iis/plaso_iis7_sqli.log",
    "iis/plaso_iis10.log",
    "iis/plaso_iis10_cookies.log",
    "iis/plaso_iis10_edge_cases.log",
    "iis/plaso_iis_without_date.log",
    "iis/theodorejb_u_ex230505.log",
    "iis/Tunna_rdp_tunnel_IIS.log",
    "exchange/velociraptor/iis.log",
)
EWS = ("exchange/artefacts-help/Ews_2023010616-1.LOG", "exchange/kinesis/sample1.log")
NAMES = {"cs(User-Agent)": "cs-user-agent", "cs(Cookie)": "cs-cookie", "cs(Referer)": "cs-referer"}
READ_TWICE = {"date", "time", "at"}


def reading(key: str, data: bytes) -> Reading:
    return read_all(source(key), io.BytesIO(data))


def member(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        (name,) = archive.namelist()
        return archive.read(name)


@pytest.mark.parametrize("path", IIS)
def test_iis(shared_data: Path, path: str) -> None:
    data = (shared_data / path).read_bytes()
    ours, theirs = reading("iis", data).rows, list(iis_rows(data))
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine["time_utc"] == instant(other["at"])
        extra = dict(mine["extra"] or [])
        for name, text in other.items():
            if name in READ_TWICE:
                continue
            column = NAMES.get(name, name)
            value = extra.get(name) if name in extra else mine[column]
            if column == "cs-uri-query":
                value = raw_query(value, mine["cafeReqId"])
            assert str(value) == text or (value is None and text == "-"), name


@pytest.mark.parametrize("key", ["httpproxy", "ews"])
def test_exchange(shared_data: Path, key: str) -> None:
    folder = shared_data / "exchange" / "artefacts-help"
    paths = sorted(folder.glob("*__HttpProxy_*.LOG")) if key == "httpproxy" else [shared_data / one for one in EWS]
    assert paths
    for path in paths:
        data = path.read_bytes()
        found = reading(key, data)
        theirs = list(exchange_rows(data))
        assert not found.anomalies
        assert len(found.rows) == len(theirs)
        for mine, other in zip(found.rows, theirs, strict=True):
            assert mine["time_utc"] == instant(other["DateTime"])
            extra = dict(mine["extra"] or [])
            for name, text in other.items():
                if name == "DateTime":
                    continue
                value = extra.get(name, mine.get(name))
                assert _same(value, text), f"{path.name}: {name}"


def _same(value: object, text: str) -> bool:
    if value is None:
        return not text
    if isinstance(value, int | float):
        return float(text) == value
    return str(value) == text or (not isinstance(value, str) and instant(text) == value)


def _set_of(rows: list[dict[str, Any]], *names: str) -> Counter[tuple[str, ...]]:
    return Counter(tuple(str(row.get(name)) for name in names) for row in rows)


def test_audit_log_of_a_tenant(shared_data: Path, tmp_path: Path) -> None:
    with py7zr.SevenZipFile(shared_data / "m365" / "auditrecords.7z") as archive:
        archive.extractall(tmp_path)
    (path,) = tmp_path.rglob("*.csv")
    data = path.read_bytes()
    found, theirs = reading("ual", data), list(audit_records(csv_rows(data)))
    assert not found.anomalies
    assert len(found.rows) == len(theirs)
    for mine, other in zip(found.rows, theirs, strict=True):
        if not other:
            continue
        assert mine["Id"] == other["Id"]
        assert mine["time_utc"] == instant(other["CreationTime"])
        assert (mine["Operation"], mine["UserId"]) == (other["Operation"], other["UserId"])
        assert mine["RecordType"] == str(int(other["RecordType"]))
        named = [
            item.get("InternetMessageId")
            for folder in other.get("Folders") or []
            for item in folder.get("FolderItems") or []
        ]
        if other["Operation"] == "MailItemsAccessed":
            assert set(mine["InternetMessageIds"] or []) == {one.strip() for one in named if one}
            kinds = {one["Name"]: one.get("Value") for one in other["OperationProperties"]}
            assert mine["MailAccessType"] == kinds["MailAccessType"]


def test_audit_logs_of_single_attacks(shared_data: Path) -> None:
    paths = sorted((shared_data / "m365" / "det-eng").glob("*.csv"))
    assert paths
    for path in paths:
        data = path.read_bytes()
        ours, theirs = reading("ual", data).rows, list(audit_records(csv_rows(data)))
        assert _set_of(ours, "Id", "Operation", "UserId") == _set_of(theirs, "Id", "Operation", "UserId")


@pytest.mark.parametrize("name", ["OfficeActivityEvents.Zip", "Microsoft365DefenderEvents.Zip"])
def test_audit_events_as_json(shared_data: Path, name: str) -> None:
    data = member(shared_data / "otrf" / name)
    found, theirs = reading("ual_json", data), list(json_objects(data))
    assert not found.anomalies
    assert len(found.rows) == len(theirs)


@pytest.mark.parametrize("name", ["WindowsEvents.Zip", "proxylogon_ssrf_rce_poc.zip"])
def test_windows_events_as_json(shared_data: Path, name: str) -> None:
    data = member(shared_data / "otrf" / name)
    found, theirs = reading("evtx_json", data), list(json_objects(data))
    assert not found.anomalies
    ours = [(str(one["EventID"]), one["Channel"], one["Computer"]) for one in found.rows]
    # Log Analytics calls the channel `EventLog`
    channels = [one.get("Channel") or one.get("EventLog") for one in theirs]
    assert Counter(ours) == Counter(
        (str(one["EventID"]), channel, _host(one)) for one, channel in zip(theirs, channels, strict=True)
    )
    if name.startswith("proxylogon"):
        offsets = [
            (instant(one["UtcTime"]) - instant(one["TimeCreated"])).total_seconds()
            for one in theirs
            if "UtcTime" in one
        ]
        assert {round(one / 3600) for one in offsets} == {5}
        assert [one.kind for one in found.facts if one.kind is FactKind.CLOCK_OFFSET] == [FactKind.CLOCK_OFFSET]
        shifted = Counter(one["time_utc"].timestamp() - 5 * 3600 for one in found.rows)
        assert shifted == Counter(instant(one["TimeCreated"]).timestamp() for one in theirs)


def _host(one: dict[str, Any]) -> str | None:
    return one.get("Hostname") or one.get("Computer")


def test_binary_event_logs(shared_data: Path) -> None:
    paths = sorted((shared_data / "evtx").rglob("*.evtx"))
    assert paths
    for path in paths:
        data = path.read_bytes()
        found = reading("evtx", data)
        theirs = list(evtx_events(data))
        told = " ".join(one.detail for one in found.anomalies)
        ours = Counter((one["EventRecordID"], one["EventID"], one["Channel"]) for one in found.rows)
        missing = Counter(_told(event) for _, event in theirs) - ours
        # the decoder takes records whose end is gone, and fills in what it does not find; here they are told as damaged
        assert sum(missing.values()) <= told.count("has lost its end"), path.name


def _told(event: dict[str, Any]) -> tuple[int | None, int | None, str | None]:
    system = event["System"]
    event_id = system.get("EventID")
    if isinstance(event_id, dict):
        event_id = event_id.get("#text")
    record_id = system.get("EventRecordID")
    return record_id and int(record_id), event_id and int(event_id), system.get("Channel")
