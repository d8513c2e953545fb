"""Folding of each log into sessions, from rows small enough to be added up by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.scope.staged import bind, ews_log, iis_log, iis_place, proxy_log, security_log, stage, ual_json, utc

from dwell.scope.rollup import fold, run
from dwell.scope.rollup.run import roll_up

JAN, CHROME = "GOV\\jan", "Chrome/73"
BALANCER = "10.0.0.5"
ACTS = ("opened", "listed", "read", "synced", "named")


def _sessions(root: Path, files: dict[str, str | bytes]) -> list[dict[str, Any]]:
    """Give the sessions in order of time."""
    rows = stage(root, files).rolled().tables["sessions"].to_pylist()
    return sorted(rows, key=lambda one: (one["first_utc"], one["outcome"], str(one["mailbox"]), one["table"]))


def _iis(root: Path, *rows: Mapping[str, object]) -> list[dict[str, Any]]:
    return _sessions(root, {iis_place("EX01", "210303"): iis_log([{"user": JAN, **row} for row in rows])})


def _at(clock: str) -> str:
    return f"2021-03-03 {clock}"


def _acts(row: dict[str, Any]) -> dict[str, int]:
    return {one: row[one] for one in ACTS if row[one]}


def test_thirty_minutes_are_one_session_and_a_second_more_are_two(tmp_path: Path) -> None:
    found = _iis(tmp_path, *({"at": _at(one)} for one in ("10:00:00", "10:30:00", "11:00:01", "11:00:02")))
    assert [(one["first_utc"], one["last_utc"], one["requests"]) for one in found] == [
        (utc(_at("10:00:00")), utc(_at("10:30:00")), 2),
        (utc(_at("11:00:01")), utc(_at("11:00:02")), 2),
    ]
    assert [one["record_no"] for one in found] == [4, 6]
    assert {one["table"] for one in found} == {"iis"}


def test_rows_out_of_order_are_put_in_order(tmp_path: Path) -> None:
    found = _iis(tmp_path, *({"at": _at(one)} for one in ("10:20:00", "10:00:00", "10:40:00")))
    assert [(one["first_utc"], one["last_utc"], one["requests"]) for one in found] == [
        (utc(_at("10:00:00")), utc(_at("10:40:00")), 3)
    ]


def test_yes_no_and_neither_are_told_apart_and_only_a_yes_counts_acts(tmp_path: Path) -> None:
    stem, read = "/owa/service.svc", "action=GetItem"
    statuses = [(200, 0), (304, 0), (206, 0), (401, 1), (403, 1), (440, 1), (302, 2), (404, 2), (500, 2)]
    rows: list[dict[str, object]] = [
        {"at": _at(f"10:00:{place:02}"), "stem": stem, "query": read, "status": one}
        for place, (one, _) in enumerate(statuses)
    ]
    found = {one["outcome"]: one for one in _iis(tmp_path, *rows)}
    assert {key: one["requests"] for key, one in found.items()} == {0: 3, 1: 3, 2: 3}
    assert {key: one["read"] for key, one in found.items()} == {0: 3, 1: 0, 2: 0}


@pytest.mark.parametrize(
    ("stem", "query", "expected"),
    [
        ("/owa/", "-", {"opened": 1}),
        ("/owa/service.svc", "action=FindItem&n=1", {"listed": 1}),
        ("/owa/service.svc", "action=FindConversation", {"listed": 1}),
        ("/owa/service.svc", "action=GetItem", {"read": 1}),
        ("/owa/service.svc", "ACTION=GETITEM", {"read": 1}),
        ("/owa/service.svc", "action=GetConversationItems", {"read": 1}),
        ("/owa/service.svc", "action=SomethingNew", {"opened": 1}),
        ("/Microsoft-Server-ActiveSync/default.eas", "Cmd=ItemOperations&User=vera", {"read": 1}),
        ("/ews/exchange.asmx", "-", {"opened": 1}),
        ("/EWS/Exchange.asmx", "SoapAction=GetItem;MailboxRPCRequests=3", {"read": 1}),
        ("/mapi/emsmdb/", "MailboxId=0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0@gov.example", {"opened": 1}),
    ],
)
def test_what_a_request_did(tmp_path: Path, stem: str, query: str, expected: dict[str, int]) -> None:
    (found,) = _iis(tmp_path, {"at": _at("10:00:00"), "stem": stem, "query": query})
    assert _acts(found) == expected


@pytest.mark.parametrize(
    ("stem", "user"),
    [
        ("/owa/", "-"),
        ("/owa/auth.owa", JAN),
        ("/owa/auth/logon.aspx", JAN),
        ("/owa/15.1.2176/scripts/boot.js", JAN),
        ("/ews/healthcheck.htm", JAN),
        ("/autodiscover/autodiscover.xml", JAN),
        ("/oab/x.lzx", JAN),
        ("/powershell", JAN),
        ("/aspnet_client/supp0rt.aspx", JAN),
        ("/owanother/", JAN),
    ],
)
def test_what_is_no_access_to_a_mailbox(tmp_path: Path, stem: str, user: str) -> None:
    assert _iis(tmp_path, {"at": _at("10:00:00"), "stem": stem, "user": user}) == []


@pytest.mark.parametrize(
    ("stem", "query", "mailbox", "basis"),
    [
        ("/owa/vera@gov.example/", "-", "vera@gov.example", "explicit"),
        ("/owa/vera%40gov.example/service.svc", "action=GetItem", "vera%40gov.example", "explicit"),
        ("/ecp/vera@gov.example/", "-", "vera@gov.example", "explicit"),
        ("/mapi/emsmdb/", "MailboxId=abc@gov.example&x=1", "abc@gov.example", "explicit"),
        ("/owa/", "-", None, "assumed"),
        ("/Microsoft-Server-ActiveSync/default.eas", "User=vera&Cmd=Sync", None, "assumed"),
    ],
)
def test_whose_mailbox_iis_names(tmp_path: Path, stem: str, query: str, mailbox: str | None, basis: str) -> None:
    (found,) = _iis(tmp_path, {"at": _at("10:00:00"), "stem": stem, "query": query})
    assert (found["mailbox"], found["basis"], found["actor"]) == (mailbox, basis, JAN)


@pytest.mark.parametrize(
    ("client", "forwarded", "expected"),
    [
        ("203.0.113.9", "-", "203.0.113.9"),
        (BALANCER, "203.0.113.9", "203.0.113.9"),
        (BALANCER, "203.0.113.9:50112", "203.0.113.9"),
        (BALANCER, "203.0.113.9,+10.0.0.6", "203.0.113.9"),
        (BALANCER, "198.51.100.1,+203.0.113.9", "203.0.113.9"),
        (BALANCER, "10.1.2.3,+203.0.113.9", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("203.0.113.9", "10.1.2.3", "203.0.113.9"),
        (BALANCER, "198.51.100.1,+rubbish", BALANCER),
        (BALANCER, "-", BALANCER),
        (BALANCER, "10.7.7.7", "10.7.7.7"),
        ("::1", "2001:db8::9", "2001:db8::9"),
    ],
)
def test_the_client_behind_a_balancer_and_who_would_like_to_be_one(
    tmp_path: Path, client: str, forwarded: str, expected: str
) -> None:
    (found,) = _iis(tmp_path, {"at": _at("10:00:00"), "client": client, "forwarded": forwarded})
    assert found["client"] == expected


def test_bytes_that_nobody_wrote_down_are_unknown_and_never_nought(tmp_path: Path) -> None:
    found = _iis(
        tmp_path,
        {"at": _at("10:00:00"), "sent": "-"},
        {"at": _at("12:00:00"), "sent": 0},
        {"at": _at("14:00:00"), "sent": 700},
        {"at": _at("14:01:00"), "sent": "-"},
    )
    assert [one["bytes"] for one in found] == [None, 0, 700]


def test_the_same_request_on_the_back_end_is_told_apart(tmp_path: Path) -> None:
    front = {"at": _at("10:00:00"), "stem": "/owa/service.svc", "query": "action=GetItem"}
    back = {**front, "port": 444, "client": BALANCER, "forwarded": "203.0.113.9"}
    found = _iis(tmp_path, front, back)
    assert sorted((one["layer"], one["client"], one["read"]) for one in found) == [
        ("back", "203.0.113.9", 1),
        ("front", "203.0.113.9", 1),
    ]


def _proxy(root: Path, *rows: Mapping[str, object]) -> dict[str, list[dict[str, Any]]]:
    base = {
        "Protocol": "Owa",
        "UrlStem": "/owa/",
        "AuthenticatedUser": JAN,
        "UserAgent": CHROME,
        "ClientIpAddress": "203.0.113.9",
        "HttpStatus": 200,
    }
    text = proxy_log(
        {"DateTime": "2021-03-03T10:00:00.000Z", "RequestId": str(place), **base, **row}
        for place, row in enumerate(rows)
    )
    rolled = stage(root, {"EX01/Logging/HttpProxy/Owa/HttpProxy_2021030310-1.LOG": text}).rolled()
    return {kind: table.to_pylist() for kind, table in rolled.tables.items()}


def test_how_an_account_signed_in_and_whether_it_changed_anything(tmp_path: Path) -> None:
    rows = (
        {"AuthenticationType": "Basic", "ProtocolAction": "GetItem"},
        {"AuthenticationType": "", "UrlQuery": "?action=SendItem", "UserAgent": "x"},
        {"ProtocolAction": "Subscribe", "UserAgent": "y"},
    )
    found = {one["agent"]: (one["auth"], one["wrote"]) for one in _proxy(tmp_path, *rows)["sessions"]}
    assert found == {CHROME: ("Basic", 0), "x": (None, 1), "y": (None, None)}


@pytest.mark.parametrize(
    ("stem", "query", "anchor", "mailbox", "basis"),
    [
        ("/owa/vera@gov.example/", "", "Smtp~piet@gov.example", "vera@gov.example", "explicit"),
        ("/mapi/emsmdb", "?MailboxId=abc@gov.example", "Sid~S-1-5-21-1", "abc@gov.example", "explicit"),
        ("/ews/exchange.asmx", "", "Smtp~piet@gov.example", "Smtp~piet@gov.example", "routed"),
        ("/ews/exchange.asmx", "", "Sid~S-1-5-21-1", "Sid~S-1-5-21-1", "routed"),
        ("/ews/exchange.asmx", "", "ServerVersion~Version 15.1", None, "assumed"),
        ("/ews/exchange.asmx", "", "", None, "assumed"),
    ],
)
def test_whose_mailbox_the_front_end_names(
    tmp_path: Path, stem: str, query: str, anchor: str, mailbox: str | None, basis: str
) -> None:
    (found,) = _proxy(tmp_path, {"UrlStem": stem, "UrlQuery": query, "AnchorMailbox": anchor})["sessions"]
    assert (found["mailbox"], found["basis"]) == (mailbox, basis)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("203.0.113.9  10.0.0.5", "203.0.113.9"),
        ("198.51.100.1  203.0.113.9  10.0.0.5", "203.0.113.9"),
        ("198.51.100.1  203.0.113.9", "203.0.113.9"),
        ("10.0.0.5", "10.0.0.5"),
        ("", None),
    ],
)
def test_the_client_as_the_front_end_writes_it(tmp_path: Path, written: str, expected: str | None) -> None:
    (found,) = _proxy(tmp_path, {"ClientIpAddress": written})["sessions"]
    assert found["client"] == expected


def test_forged_rows_are_no_accesses_and_are_kept_one_by_one(tmp_path: Path) -> None:
    forged = "ServerInfo~a]@EX01.gov.example:444/EWS/Exchange.asmx"
    cookie = "Server~a]@EX01.gov.example:444/EWS/Exchange.asmx~1942062522"
    found = _proxy(
        tmp_path,
        {"UrlStem": "/ecp/y.js", "AnchorMailbox": forged},
        {"UrlStem": "/ecp/y.js", "AnchorMailbox": forged.upper()},
        {"UrlStem": "/ecp/y.js", "AnchorMailbox": "Smtp~x@y", "BackEndCookie": cookie},
        {"UrlStem": "/owa/", "BackEndCookie": "Server~EX01.gov.example~1942062522~2021-03-03T11:00:00"},
    )
    assert [one["anchor"] for one in found["proxy"]] == [forged, forged.upper(), cookie]
    assert len(found["sessions"]) == 1
    assert found["sessions"][0]["requests"] == 1


def test_builds_are_told_with_their_first_and_last_row(tmp_path: Path) -> None:
    found = _proxy(
        tmp_path,
        *(
            {"DateTime": f"2021-03-0{day}T10:00:00.000Z", "RevisionVersion": 9 if day > 3 else 2}
            for day in (3, 1, 5, 4)
        ),
    )
    told = sorted((one["build"], one["first_utc"].day, one["last_utc"].day) for one in found["builds"])
    assert told == [("15.1.2176.2", 1, 3), ("15.1.2176.9", 4, 5)]


def test_the_ews_log_names_the_mailbox_that_was_acted_on(tmp_path: Path) -> None:
    base: dict[str, object] = {
        "AuthenticatedUser": "svc@gov.example",
        "UserAgent": "x",
        "ClientIpAddress": "203.0.113.9",
        "HttpStatus": 200,
    }
    rows: list[dict[str, object]] = [
        {"SoapAction": "GetItem", "ActAsUser": "vera@gov.example", "ResponseSize": 500},
        {"SoapAction": "FindItem", "ImpersonatedUser": "piet@gov.example", "ActAsUser": "vera@gov.example"},
        {"SoapAction": "GetFolder"},
        {"SoapAction": ""},
        {"SoapAction": "ExportItems", "ActAsUser": "vera@gov.example", "HttpStatus": 401},
    ]
    text = ews_log(
        {"DateTime": f"2021-03-03T10:00:0{place}.000Z", "RequestId": str(place), **base, **row}
        for place, row in enumerate(rows)
    )
    found = _sessions(tmp_path, {"EX01/Logging/Ews/Ews_2021030310-1.LOG": text})
    assert [(one["mailbox"], one["basis"], one["outcome"], _acts(one), one["bytes"]) for one in found] == [
        ("vera@gov.example", "explicit", 0, {"read": 1}, 500),
        ("piet@gov.example", "explicit", 0, {"listed": 1}, None),
        (None, "assumed", 0, {"listed": 1}, None),
        ("vera@gov.example", "explicit", 1, {}, None),
    ]


def test_audit_records_name_messages_and_folders_and_copies_count_once(tmp_path: Path) -> None:
    owner, agent, client = "vera@gov.example", "Client=OWA;Mozilla/5.0;", "[2001:db8::7]:443"
    records = [
        bind(_at("10:00:00"), owner, owner, client, agent, messages=["<a@x>", "<b@x>"], size=100, id="1"),
        bind(_at("10:00:00"), owner, owner, client, agent, messages=["<a@x>", "<b@x>"], size=100, id="1"),
        bind(_at("10:01:00"), owner, owner, client, agent, kind="Sync", folder="\\Postvak IN", id="2"),
        {**bind(_at("10:02:00"), owner, owner, client, agent, id="3"), "Operation": "FolderBind"},
        {**bind(_at("10:03:00"), owner, owner, client, agent, id="4"), "Operation": "Send"},
        {**bind(_at("10:04:00"), owner, owner, client, agent, id="5"), "ResultStatus": "Failed"},
        {"CreationTime": "2021-03-03T10:05:00", "Id": "6", "RecordType": 15, "Operation": "UserLoginFailed",
            "Workload": "AzureActiveDirectory", "UserId": owner, "ClientIP": "203.0.113.9"},
    ]  # fmt: skip
    rolled = stage(tmp_path, {"UAL.json": ual_json(records)}).rolled()
    found = {(one["protocol"], one["outcome"]): one for one in rolled.tables["sessions"].to_pylist()}
    assert _acts(found["m365-owa", 0]) == {"opened": 1, "listed": 1, "synced": 1, "named": 1}
    assert found["m365-owa", 0]["bytes"] == 200
    assert found["m365-owa", 0]["client"] == "2001:db8::7"
    assert found["m365-owa", 0]["host"] == "M365"
    assert found["m365-owa", 1]["requests"] == 1
    assert found["m365-sign-in", 1]["requests"] == 1
    messages = [(one["message_id"], one["folder"]) for one in rolled.tables["messages"].to_pylist()]
    assert sorted(messages, key=str) == [("<a@x>", None), ("<b@x>", None), (None, "\\Postvak IN")]


def test_what_a_record_counts_and_does_not_name_stands_with_its_first_message(tmp_path: Path) -> None:
    owner, agent, client = "vera@gov.example", "Client=OWA;Mozilla/5.0;", "203.0.113.9"
    two = ["<a@x>", "<b@x>"]
    records = [
        bind(_at("10:00:00"), owner, owner, client, agent, messages=two, id="1") | {"OperationCount": 7},
        bind(_at("10:01:00"), owner, owner, client, agent, messages=["<c@x>", "<d@x>"], id="2") | {"OperationCount": 2},
        bind(_at("10:02:00"), owner, owner, client, agent, messages=["<e@x>"], id="3"),
        bind(_at("10:03:00"), owner, owner, client, agent, kind="Sync", id="4") | {"OperationCount": 9},
    ]
    rolled = stage(tmp_path, {"UAL.json": ual_json(records)}).rolled()
    told = {one["message_id"]: one["unnamed"] for one in rolled.tables["messages"].to_pylist()}
    assert told == {"<a@x>": 5, "<b@x>": None, "<c@x>": None, "<d@x>": None, "<e@x>": None, None: None}


def test_two_applications_that_read_by_rest_are_two_clients(tmp_path: Path) -> None:
    owner, first, second = "vera@gov.example", f"{'a' * 8}-0000-4000-8000-000000000000", "b" * 9
    records = [
        bind(_at("10:00:00"), owner, owner, "203.0.113.9", "Client=REST;;", messages=["<a@x>"], id="1"),
        bind(_at("10:01:00"), owner, owner, "203.0.113.9", "Client=REST;;", messages=["<b@x>"], id="2")
        | {"ClientAppId": first.upper(), "AppId": "00000003-0000-0000-c000-000000000000"},
        bind(_at("10:02:00"), owner, owner, "203.0.113.9", "Client=REST;;", messages=["<c@x>"], id="3")
        | {"ClientAppId": second},
    ]
    rolled = stage(tmp_path, {"UAL.json": ual_json(records)}).rolled()
    sessions = {one["agent"]: one["requests"] for one in rolled.tables["sessions"].to_pylist()}
    assert sessions == {"Client=REST;;": 2, f"application {first} Client=REST;;": 1}
    messages = {one["message_id"]: one["agent"] for one in rolled.tables["messages"].to_pylist()}
    assert messages["<b@x>"] == f"application {first} Client=REST;;"


def test_logons_are_of_the_security_log_only(tmp_path: Path) -> None:
    events = [
        {
            "number": 1,
            "event": 4624,
            "at": _at("10:00:00"),
            "TargetUserName": "jan",
            "LogonType": "10",
            "IpAddress": "::ffff:10.0.0.11",
        },
        {
            "number": 2,
            "event": 4624,
            "at": _at("10:09:00"),
            "TargetUserName": "jan",
            "LogonType": "10",
            "IpAddress": "::ffff:10.0.0.11",
        },
        {
            "number": 3,
            "event": 4625,
            "at": _at("10:01:00"),
            "TargetUserName": "jan",
            "LogonType": "3",
            "IpAddress": "-",
        },
        {"number": 4, "event": 4688, "at": _at("10:01:00"), "TargetUserName": "jan"},
    ]
    files: dict[str, str | bytes] = {
        "FS01/winevt/Security.xml": security_log(events, host="FS01"),
        "FS01/winevt/Other.xml": security_log(events[:1], host="FS01", channel="Application"),
    }
    rows = stage(tmp_path, files).rolled().tables["logons"].to_pylist()
    told = [
        (one["host"], one["event_id"], one["client"], one["count"])
        for one in sorted(rows, key=lambda one: one["event_id"])
    ]
    assert told == [("FS01", 4624, "10.0.0.11", 2), ("FS01", 4625, None, 1)]


def test_the_fold_is_the_same_from_its_cache_and_by_more_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files: dict[str, str | bytes] = {
        iis_place("EX01", f"21030{day}"): iis_log(
            {"at": f"2021-03-0{day} 10:00:0{one}", "user": JAN} for one in range(9)
        )
        for day in (1, 2, 3)
    }
    archive = stage(tmp_path, files).archive
    first = roll_up(archive, workers=1, cache=tmp_path / "cache")
    second = roll_up(archive, workers=1, cache=tmp_path / "cache")
    monkeypatch.setattr(run, "ROWS_ALONE", 0)
    third = roll_up(archive, workers=2)
    for kind, table in first.tables.items():
        assert table.equals(second.tables[kind])
        assert table.equals(third.tables[kind])
    second.let_go()
    assert second.maps
    assert all(table.equals(second.tables[kind]) for kind, table in first.tables.items())


def test_a_kept_fold_that_is_not_whole_is_made_anew(tmp_path: Path) -> None:
    archive = stage(
        tmp_path, {iis_place("EX01", "210301"): iis_log([{"at": "2021-03-01 10:00:00", "user": JAN}])}
    ).archive
    first = roll_up(archive, workers=1, cache=tmp_path / "cache")
    for place, path in enumerate(sorted((tmp_path / "cache").iterdir())):
        data = path.read_bytes()
        path.unlink()  # it is mapped
        path.write_bytes(b"" if place % 2 else data[: len(data) // 2])
    second = roll_up(archive, workers=1, cache=tmp_path / "cache")
    assert all(table.equals(second.tables[kind]) for kind, table in first.tables.items())


def test_a_session_names_the_record_that_bears_out_its_strongest_act() -> None:
    act = np.array([1, 2, 3, 3, 1, 1, 5, 0], np.int64)
    starts = np.array([0, 4, 6, 7], np.int64)
    assert fold._strongest(act, starts).tolist() == [2, 4, 6, 7]
