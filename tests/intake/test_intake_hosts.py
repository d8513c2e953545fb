"""Hosts out of the names that collectors give, and out of what a collection says of itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.intake.evidence import log, write, zipped

from dwell.intake.hosts import folder_for_host, host_from_client_info, host_from_markers
from dwell.intake.ingest import plan

VELOCIRAPTOR = "Collection-EX02_corp_example-2021-03-05T10_00_00Z.zip"
TAKEN = "uploads/auto/C%3A/inetpub/logs/LogFiles/W3SVC1/u_ex1.log"


def hosts(*paths: Path) -> dict[str, str]:
    """Give the host of every file, by its path."""
    return {file.places[0].path: file.host for file in plan(None, paths).files}


@pytest.mark.parametrize(
    ("path", "host"),
    [
        (f"{VELOCIRAPTOR}!{TAKEN}", "EX02"),
        (f"{VELOCIRAPTOR}!results/Windows.NTFS.MFT.json", "EX02"),
        ("EX99/Collection-EX02-2021-03-05T10_00_00Z/uploads/auto/C%3A/inetpub/x.log", "EX02"),
        ("Collection-2021-03-05T10_00_00Z.zip!uploads/auto/C%3A/inetpub/x.log", ""),
        ("2021-03-05T100000_EX03/C/inetpub/logs/LogFiles/W3SVC1/u_ex210305.log", "EX03"),
        ("20210305T100000_EX-03.ad.example/C/Windows/System32/winevt/Logs/Security.evtx", "EX-03"),
        ("EX03_2021-03-05/C/inetpub/x.log", "EX03"),
        ("2021-03-05T100000_EX03.zip!C/inetpub/x.log", "EX03"),
        ("2021-03-05/inetpub/x.log", ""),
        ("EX01/2021-03-05T100000/C/inetpub/x.log", "EX01"),
        ("ExchangeLogCollector.zip!EX01/IIS_FE_Logs/u_ex1.log", "EX01"),
        ("MS_Logs_Collection/EX01/EWS_BE_Logs.zip!Ews_1.LOG", "EX01"),
        ("MS_Logs_Collection/EX01-35.zip!IIS_W3SVC1_Logs.zip!u_ex1.log", "EX01"),
        ("EX01-1231-1.zip!HTTPERR_Logs/httperr1.log", "EX01"),
        ("EX-2016.zip!IIS_W3SVC1_Logs/u_ex1.log", "EX-2016"),
        ("EX-12/IIS_W3SVC1_Logs/u_ex1.log", "EX-12"),
        ("MS_Logs_Collection/IIS_W3SVC1_Logs/u_ex1.log", ""),
        ("IIS_W3SVC1_Logs/u_ex1.log", ""),
        ("Case 12/Mail_Logs/x.log", ""),
    ],
)
def test_a_host_is_what_stands_in_a_collectors_name(path: str, host: str) -> None:
    assert host_from_markers(path)[0] == host


@pytest.mark.parametrize(
    ("content", "host"),
    [
        (b'{"Hostname": "ex02", "Fqdn": "EX09.corp.example"}', "EX02"),
        (b'{"client_id": "C.1", "os_info": {"hostname": "", "fqdn": "EX02.corp.example"}}', "EX02"),
        (b'{"Hostname": "EX_02"}', "EX_02"),
        (b'{"Hostname": "..\\u001b[31m/etc"}', ""),
        (b'{"Hostname": ["EX02"]}', ""),
        (b"[" * 100_000, ""),
        (b"\xff\xfe{", ""),
        (b'["EX02"]', ""),
    ],
)
def test_a_collection_says_of_which_machine_it_is(content: bytes, host: str) -> None:
    assert host_from_client_info(content) == host


def test_what_a_collection_says_of_itself_goes_before_its_name_and_for_what_it_took_only(tmp_path: Path) -> None:
    info = json.dumps({"Hostname": "EX07", "Fqdn": "EX07.corp.example"}).encode()
    folder = write(
        tmp_path / "evidence",
        {
            VELOCIRAPTOR: zipped({TAKEN: log(1), "client_info.json": info}),
            f"unpacked/{TAKEN}": log(2),
            "unpacked/client_info.json": info + b"\n",
            "unpacked/notes/inetpub/u_ex1.log": log(3),
            f"EX08/{TAKEN}": log(4),
        },
    )
    found = hosts(folder)
    assert found[f"{VELOCIRAPTOR}!{TAKEN}"] == "EX07"
    assert found[f"unpacked/{TAKEN}"] == "EX07"
    assert found["unpacked/notes/inetpub/u_ex1.log"] != "EX07"
    assert found[f"EX08/{TAKEN}"] == "EX08"
    told = {file.places[0].path: file.host_why for file in plan(None, [folder]).files}
    assert told[f"{VELOCIRAPTOR}!{TAKEN}"] == "client_info.json of the collection"


def test_logs_of_two_servers_that_were_collected_alike_are_of_two_hosts(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "evidence",
        {f"EX0{one}-35.zip": zipped({"IIS_W3SVC1_Logs.zip": zipped({"u_ex1.log": log(one)})}) for one in (1, 2)},
    )
    assert sorted(hosts(folder).values()) == ["EX01", "EX02"]


def test_the_folder_of_a_collector_stands_for_no_server() -> None:
    assert folder_for_host("IIS_W3SVC1_Logs/u_ex1.log", "/cases/EX01") == "EX01"
    assert folder_for_host("uploads/auto/C%3A/u_ex1.log", "/cases/EX01") == "EX01"
