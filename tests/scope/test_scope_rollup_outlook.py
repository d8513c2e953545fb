"""Folding of what Outlook leaves: MAPI over HTTP and RPC client access logs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.scope.staged import stage, text_log, utc

ACTS = ("opened", "listed", "read", "synced", "named")
JAN, MINISTER = "jan@gov.example", "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0@gov.example"
MAPI_FIELDS = (
    "DateTime,RequestId,MapiRequestId,ClientRequestId,RequestType,HttpStatusCode,ResponseCode,StatusCode,ReturnCode,"
    "MajorVersion,MinorVersion,BuildVersion,RevisionVersion,AuthenticatedUserEmail,UPN,MailboxId,ActAsUserEmail,ClientIP,"
    "SourceCafeServer,SequenceCookie,MapiClientInfo,ClientSoftware,ClientSoftwareVersion,ClientMode,AuthenticatedUser,RopIds"
)


def _sessions(root: Path, place: str, text: str) -> list[dict[str, Any]]:
    """Give the sessions in the order of their first records."""
    rows = stage(root, {place: text}).rolled().tables["sessions"].to_pylist()
    return sorted(rows, key=lambda one: int(one["record_no"]))


def _mapi(root: Path, *rows: Mapping[str, object]) -> list[dict[str, Any]]:
    usual = {
        "RequestType": "Execute",
        "HttpStatusCode": 200,
        "ResponseCode": 0,
        "StatusCode": 0,
        "ReturnCode": 0,
        "AuthenticatedUserEmail": JAN,
        "AuthenticatedUser": "Anonymous",
        "MailboxId": MINISTER,
        "ActAsUserEmail": JAN,
        "ClientIP": "203.0.113.9",
        "ClientSoftware": "OUTLOOK.EXE",
        "ClientSoftwareVersion": "16.0.4266.1001",
    }
    told = [
        {**usual, "DateTime": f"2021-03-03T10:00:{place:02}.000Z", "RequestId": f"r{place}", **row}
        for place, row in enumerate(rows)
    ]
    return _sessions(
        root, "EX01/Logging/MapiHttp/Mailbox/MapiHttp_2021030310-1.LOG", text_log("MapiHttp Logs", MAPI_FIELDS, told)
    )


def _acts(row: dict[str, Any]) -> dict[str, int]:
    return {one: row[one] for one in ACTS if row[one]}


def test_outlook_opens_the_mailbox_that_the_request_was_sent_to(tmp_path: Path) -> None:
    (one,) = _mapi(tmp_path, {"RequestType": "Connect"}, {"RopIds": "254"}, {"RequestType": "Disconnect"})
    assert (one["table"], one["host"], one["protocol"], one["layer"]) == ("mapihttp", "EX01", "mapi", "back")
    assert (one["actor"], one["mailbox"], one["basis"], one["client"]) == (JAN, MINISTER, "explicit", "203.0.113.9")
    assert (one["agent"], one["requests"], one["bytes"]) == ("OUTLOOK.EXE/16.0.4266.1001", 3, None)
    assert (one["first_utc"], one["last_utc"]) == (utc("2021-03-03 10:00:00"), utc("2021-03-03 10:00:02"))
    assert _acts(one) == {"opened": 3}


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ("", {"opened": 1}),
        ("254|2", {"opened": 1}),
        ("2|5|18|21", {"listed": 1}),
        ("48", {"listed": 1}),
        ("7|8", {"opened": 1}),
        ("5|3|7|43", {"read": 1}),
        ("3|3|34", {"read": 1}),
        ("3|75|78", {"synced": 1}),
        ("112|78", {"synced": 1}),
    ],
)
def test_operations_say_what_was_done(tmp_path: Path, operations: str, expected: dict[str, int]) -> None:
    (one,) = _mapi(tmp_path, {"RopIds": operations})
    assert _acts(one) == expected


@pytest.mark.parametrize(
    ("told", "outcome"),
    [
        ({}, 0),
        ({"ResponseCode": "", "StatusCode": "", "ReturnCode": ""}, 0),
        ({"ReturnCode": "0x0"}, 0),
        ({"ReturnCode": 1010}, 1),
        ({"ReturnCode": -2147024891}, 1),
        ({"ReturnCode": "0x80040111"}, 1),
        ({"StatusCode": 4}, 2),
        ({"ResponseCode": "odd"}, 2),
        ({"ReturnCode": "9" * 40}, 2),
        ({"ReturnCode": "9" * 5000}, 2),
        ({"HttpStatusCode": 401}, 1),
        ({"HttpStatusCode": 500}, 2),
    ],
)
def test_a_yes_is_one_only_where_every_code_says_so(tmp_path: Path, told: dict[str, object], outcome: int) -> None:
    (one,) = _mapi(tmp_path, {"RopIds": "3", **told})
    assert (one["outcome"], one["read"]) == (outcome, int(outcome == 0))


def test_the_address_book_is_no_mailbox_and_nobody_opens_none(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"RequestType": one} for one in ("Bind", "QueryRows", "GetMatches", "")]
    rows.append({"AuthenticatedUserEmail": "", "AuthenticatedUser": "Anonymous"})
    rows.append({"AuthenticatedUserEmail": "", "AuthenticatedUser": "GOV\\jan", "MailboxId": "", "ActAsUserEmail": ""})
    found = _mapi(tmp_path, *rows)
    assert [(one["actor"], one["mailbox"], one["basis"]) for one in found] == [("GOV\\jan", None, "assumed")]


def test_whom_the_server_acted_as_stands_in_for_the_mailbox(tmp_path: Path) -> None:
    (one,) = _mapi(tmp_path, {"MailboxId": "", "ActAsUserEmail": "vera@gov.example"})
    assert (one["actor"], one["mailbox"], one["basis"]) == (JAN, "vera@gov.example", "explicit")


def test_rows_carry_the_build(tmp_path: Path) -> None:
    text = text_log("MapiHttp Logs", MAPI_FIELDS, [{"DateTime": "2021-03-03T10:00:00.000Z", "RequestType": "Connect"}])
    found = stage(tmp_path, {"EX01/Logging/MapiHttp/Mailbox/MapiHttp_2021030310-1.LOG": text}).rolled().tables["builds"]
    assert [(one["host"], one["build"]) for one in found.to_pylist()] == [("EX01", "15.1.2176.2")]


DN = "/o=Gov/ou=Exchange Administrative Group/cn=Recipients/cn="
RCA_FIELDS = (
    "date-time,session-id,seq-number,client-name,organization-info,client-software,client-software-version,client-mode,"
    "client-ip,client-connection-info,server-ip,protocol,application-id,request-ids,session-cookie,operation,rpc-status,"
    "processing-time,operation-specific,failures,performance-data,activity-context-data,user-email,passport-unique-id"
)


def _rca(root: Path, *rows: Mapping[str, object]) -> list[dict[str, Any]]:
    usual = {
        "session-id": 12,
        "client-name": f"{DN}jan",
        "client-software": "OUTLOOK.EXE",
        "client-software-version": "15.0.4420.1017",
        "client-ip": "203.0.113.9",
        "protocol": "ncacn_http",
        "operation": "OwnerLogon",
        "rpc-status": 0,
        "user-email": JAN,
    }
    told = [
        {**usual, "date-time": f"2021-03-03T10:00:{place:02}.000Z", "seq-number": place, **row}
        for place, row in enumerate(rows)
    ]
    text = text_log("RCA Protocol Logs", RCA_FIELDS, told)
    return _sessions(root, "EX01/Logging/RPC Client Access/RCA_20210303-1.LOG", text)


def test_a_logon_names_the_mailbox_and_a_connection_opens_none(tmp_path: Path) -> None:
    found = _rca(
        tmp_path,
        {"operation": "Connect", "operation-specific": "SID=S-1-5-21-1-2-3-4, Flags=None"},
        {"operation-specific": f"Logon: Owner, {DN}jan in database DB01"},
        {"operation": "DelegateLogon", "operation-specific": f"Logon: Delegate, {DN}minister in database DB01"},
        {"operation": "PublicLogon", "operation-specific": f"Logon: Public, {DN}pf in database DB01"},
        {"operation": "Disconnect"},
    )
    assert [(one["mailbox"], one["basis"], _acts(one)) for one in found] == [
        (None, "assumed", {}),
        (f"{DN}jan", "explicit (owner)", {"opened": 1}),
        (f"{DN}minister", "explicit (delegate)", {"opened": 1}),
    ]
    assert {(one["table"], one["host"], one["protocol"], one["layer"]) for one in found} == {
        ("rpc_client_access", "EX01", "rpc", "back")
    }
    assert {(one["actor"], one["client"], one["agent"]) for one in found} == {
        (JAN, "203.0.113.9", "OUTLOOK.EXE/15.0.4420.1017")
    }


def test_without_an_address_the_directory_name_is_the_actor_and_mapi_is_called_so(tmp_path: Path) -> None:
    (one,) = _rca(tmp_path, {"user-email": "", "protocol": "MapiHttp", "operation": "OpenMessage"})
    assert (one["actor"], one["protocol"], one["mailbox"], _acts(one)) == (f"{DN}jan", "mapi", None, {"read": 1})


@pytest.mark.parametrize(
    ("status", "failures", "outcome"),
    [
        ("0", "", 0),
        ("", "", 0),
        ("0x0", "", 0),
        ("0 (rpc::None)", "", 0),
        ("0", "1010 (rpc::LoginPerm)", 1),
        ("1010 (rpc::LoginPerm)", "", 1),
        ("1722", "", 2),
        ("0", "MapiExceptionNetworkError", 2),
    ],
)
def test_a_failure_in_words_or_numbers_is_no_yes(tmp_path: Path, status: str, failures: str, outcome: int) -> None:
    (one,) = _rca(tmp_path, {"rpc-status": status, "failures": failures})
    assert (one["outcome"], one["opened"]) == (outcome, int(outcome == 0))
