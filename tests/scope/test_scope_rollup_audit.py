"""Folding of records about access: mailbox audit, Entra sign-ins, and access logs of other web servers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.scope.staged import iis_log, iis_place, proxy_log, stage, text_log, utc
from tests.scope.test_scope_rollup_outlook import MAPI_FIELDS

from dwell.model.claims import Grade
from dwell.scope.access import Accesses
from dwell.scope.exposure import exposures_of
from dwell.scope.identities import Identities
from dwell.scope.intrusions import Held
from dwell.scope.rollup.run import Rolled
from dwell.scope.rollup.shapes import MESSAGES, Act

ACTS = ("opened", "listed", "read", "synced", "named")
SID, GUID = "S-1-5-21-1-2-3-1149", "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
OWA = "Client=OWA;Mozilla/5.0"


def _acts(row: dict[str, Any]) -> dict[str, int]:
    return {one: row[one] for one in ACTS if row[one]}


def _event(inner: str = "", **more: str) -> str:
    told = {
        "MailboxGuid": GUID,
        "LastAccessed": "2019-04-14T09:01:01+02:00",
        "Operation": "FolderBind",
        "OperationResult": "Succeeded",
        "LogonType": "Delegate",
        "FolderPathName": "\\Inbox",
        "ClientInfoString": OWA,
        "ClientIPAddress": "203.0.113.9",
        "MailboxOwnerUPN": "minister@gov.example",
        "LogonUserSid": SID,
        "OriginatingServer": "EX01 (15.01.1713.001)",
        **more,
    }
    attributes = " ".join(f'{name}="{text}"' for name, text in told.items() if text)
    return f"<Event {attributes}>{inner}</Event>"


def _audit(root: Path, *events: str) -> Rolled:
    return stage(root, {"SearchResult.xml": f"<SearchResults>{''.join(events)}</SearchResults>"}).rolled()


def _rows(rolled: Rolled, kind: str = "sessions") -> list[dict[str, Any]]:
    return sorted(rolled.tables[kind].to_pylist(), key=lambda one: int(one["record_no"]))


def test_a_delegate_saw_a_list_in_a_mailbox_that_the_record_names(tmp_path: Path) -> None:
    rolled = _audit(tmp_path, _event())
    (one,) = _rows(rolled)
    assert (one["table"], one["host"], one["protocol"], one["layer"]) == ("mailbox_audit", "EX01", "owa", "back")
    assert (one["actor"], one["mailbox"], one["basis"]) == (SID, "minister@gov.example", "explicit (delegate)")
    assert (one["client"], one["agent"], one["first_utc"]) == ("203.0.113.9", OWA, utc("2019-04-14 07:01:01"))
    assert (_acts(one), one["outcome"], one["bytes"]) == ({"listed": 1}, 0, None)
    assert _rows(rolled, "messages") == []
    assert rolled.hours == {}


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("Copy", {"read": 1}),
        ("MailboxLogin", {"opened": 1}),
        ("SendAs", {"opened": 1}),
        ("HardDelete", {"opened": 1}),
        ("UpdateInboxRules", None),
    ],
)
def test_operations_say_what_was_done(tmp_path: Path, operation: str, expected: dict[str, int] | None) -> None:
    assert [_acts(one) for one in _rows(_audit(tmp_path, _event(Operation=operation)))] == (
        [] if expected is None else [expected]
    )


def test_an_administrator_who_opened_a_message_is_named_with_it(tmp_path: Path) -> None:
    items = '<SourceItems><ItemId Id="RgAAAB2" Subject="Secret"/></SourceItems>'
    rolled = _audit(
        tmp_path,
        _event(Operation="MessageBind", LogonType="Admin", ItemId="RgAAAB1"),
        _event(items, Operation="MessageBind", LogonType="Admin"),
        _event(Operation="MessageBind", LogonType="Admin"),
        _event(Operation="MessageBind", LogonType="Admin", ItemId="RgAAAB3", OperationResult="Failed"),
    )
    assert [(one["basis"], one["outcome"], _acts(one)) for one in _rows(rolled)] == [
        ("explicit (admin)", 0, {"named": 2, "read": 1}),
        ("explicit (admin)", 1, {}),
    ]
    told = [(one["message_id"], one["folder"], one["table"]) for one in _rows(rolled, "messages")]
    assert told == [("RgAAAB1", "\\Inbox", "mailbox_audit"), ("RgAAAB2", "\\Inbox", "mailbox_audit")]


@pytest.mark.parametrize(
    ("client", "protocol"),
    [
        ("Client=WebServices;ExchangeServicesClient/15.0", "ews"),
        ("Client=MSExchangeRPC", "mapi"),
        ("Client=ActiveSync;UserAgent=Apple-iPhone", "eas"),
        ("Client=POP3/IMAP4;Protocol=POP3", "pop"),
        ("Client=POP3/IMAP4;Protocol=IMAP4", "imap"),
        ("Client=Management;Action=x", "audit"),
        ("", "audit"),
    ],
)
def test_the_client_says_the_protocol(tmp_path: Path, client: str, protocol: str) -> None:
    (one,) = _rows(_audit(tmp_path, _event(ClientInfoString=client)))
    assert one["protocol"] == protocol


def test_an_owner_without_an_identifier_is_the_owner_and_a_stranger_is_nobody(tmp_path: Path) -> None:
    found = _rows(
        _audit(
            tmp_path,
            _event(Operation="MailboxLogin", LogonType="Owner", LogonUserSid=""),
            _event(LogonUserSid=""),
            _event(LastAccessed="2019-04-14T09:01:02"),
        )
    )
    assert [(one["actor"], one["basis"]) for one in found] == [("minister@gov.example", "explicit (owner)")]


def _signin(at: str, name: str, *, code: object = 0, number: str = "s-1", **more: object) -> dict[str, object]:
    return {
        "id": number,
        "createdDateTime": at,
        "userPrincipalName": name,
        "appDisplayName": "Exchange Online",
        "resourceDisplayName": "Exchange Online",
        "clientAppUsed": "Browser",
        "ipAddress": "203.0.113.9",
        "userAgent": "Chrome/73",
        "status": {"errorCode": code},
        **more,
    }


def _signins(root: Path, *records: Mapping[str, object]) -> Rolled:
    return stage(root, {"signins.json": "".join(msgspec.json.encode(one).decode() + "\n" for one in records)}).rolled()


def test_a_sign_in_opens_nothing_and_a_copy_is_no_second_one(tmp_path: Path) -> None:
    again = _signin("2021-03-03T10:00:00Z", "vera@gov.example")
    rolled = _signins(tmp_path, again, again, _signin("2021-03-03T10:10:00Z", "vera@gov.example", number="s-2"))
    (one,) = _rows(rolled)
    assert (one["table"], one["host"], one["protocol"]) == ("signins", "M365", "m365-sign-in")
    assert (one["actor"], one["mailbox"], one["basis"]) == ("vera@gov.example", None, "assumed")
    assert (one["client"], one["agent"], one["requests"], _acts(one)) == ("203.0.113.9", "Chrome/73", 2, {})
    assert (one["first_utc"], one["last_utc"]) == (utc("2021-03-03 10:00:00"), utc("2021-03-03 10:10:00"))


@pytest.mark.parametrize(
    ("code", "outcome"),
    [(0, 0), ("0", 0), (50126, 1), (50053, 1), (50140, 2), (50074, 2), (None, 2), ("9" * 5000, 2), ("٣", 2)],
)
def test_a_wrong_password_is_a_no_and_an_interrupt_is_neither(tmp_path: Path, code: object, outcome: int) -> None:
    (one,) = _rows(_signins(tmp_path, _signin("2021-03-03T10:00:00Z", "vera@gov.example", code=code)))
    assert one["outcome"] == outcome


def test_access_logs_of_other_servers_are_read_as_iis_is(tmp_path: Path) -> None:
    stamp, asked = "[03/Mar/2021:11:00:00 +0100]", "/owa/minister@gov.example/service.svc?action=GetItem"
    lines = [
        f'203.0.113.9 - GOV\\jan {stamp} "POST {asked} HTTP/1.1" 200 512 "-" "Chrome/73"',
        f'203.0.113.9 - jan {stamp} "GET /index.html HTTP/1.1" 200 9 "-" "Chrome/73"',
        f'203.0.113.9 - - {stamp} "GET {asked} HTTP/1.1" 200 9 "-" "Chrome/73"',
    ]
    (one,) = _rows(stage(tmp_path, {"PROXY01/access.log": "\n".join(lines) + "\n"}).rolled())
    assert (one["table"], one["protocol"], one["layer"], one["bytes"]) == ("ncsa", "owa", "front", 512)
    assert (one["mailbox"], one["basis"], one["first_utc"]) == (
        "minister@gov.example", "explicit", utc("2021-03-03 10:00:00"),
    )  # fmt: skip
    assert _acts(one) == {"read": 1}


def _held(accesses: Accesses) -> Held:
    pairs = frozenset(zip(accesses.network.tolist(), accesses.agent.tolist(), strict=True))
    at = utc("2021-03-03 10:00:00")
    accounts = tuple(sorted({accesses.names[one] for one in accesses.account.tolist()}))
    rows = tuple(range(len(accesses)))
    return Held("A", at, at, rows, (), pairs, (), accounts, (), (), (), (), (), ())


def test_a_request_that_stands_in_five_logs_counts_once(tmp_path: Path) -> None:
    where, at, stem = f"MailboxId={GUID}@gov.example", "2021-03-03 10:00:", "/mapi/emsmdb/"
    owner = f"{GUID}@gov.example"
    seconds = ("00", "01", "02")
    front = [
        {"at": f"{at}{one}", "stem": stem, "query": where, "user": "jan@gov.example", "sent": 100} for one in seconds
    ]
    back = [{**one, "port": 444, "client": "10.0.0.11"} for one in front]
    proxied = [
        {
            "DateTime": f"2021-03-03T10:00:{one}.000Z", "RequestId": one, "Protocol": "Mapi", "UrlStem": stem,
            "UrlQuery": f"?{where}", "AuthenticatedUser": "jan@gov.example", "ClientIpAddress": "203.0.113.9",
            "HttpStatus": 200, "ResponseBytes": 120, "UserAgent": "Chrome/73",
        }
        for one in seconds
    ]  # fmt: skip
    mapi = [
        {
            "DateTime": f"2021-03-03T10:00:{one}.000Z", "RequestType": "Execute", "HttpStatusCode": 200,
            "AuthenticatedUserEmail": "jan@gov.example", "MailboxId": owner, "ClientIP": "203.0.113.9", "RopIds": rops,
        }
        for one, rops in zip(seconds, ("254", "5|21", "3"), strict=True)
    ]  # fmt: skip
    audited = _event(
        LastAccessed="2021-03-03T11:00:01+01:00", ClientInfoString="Client=MSExchangeRPC", MailboxOwnerUPN="",
    )  # fmt: skip
    rolled = stage(
        tmp_path,
        {
            iis_place("EX01", "210303"): iis_log([*front, *back]),
            "EX01/Logging/HttpProxy/Mapi/HttpProxy_2021030310-1.LOG": proxy_log(proxied),
            "EX01/Logging/MapiHttp/Mailbox/MapiHttp_2021030310-1.LOG": text_log("MapiHttp Logs", MAPI_FIELDS, mapi),
            "SearchResult.xml": f"<SearchResults>{audited}</SearchResults>",
        },
    ).rolled()
    accesses = Accesses(rolled.tables["sessions"], Identities())
    assert sorted(accesses.rolled["table"].to_pylist()) == ["httpproxy", "iis", "iis", "mailbox_audit", "mapihttp"]
    assert accesses.protocols == ["mapi"]
    (one,) = exposures_of([_held(accesses)], accesses, rolled.tables["messages"], {}, Identities())
    assert {act: count for act, count in one.acts.items() if count} == {Act.OPENED: 3, Act.LISTED: 1, Act.READ: 1}
    assert (one.sessions, one.grade, one.sent) == (1, Grade.READ, {"httpproxy": 360})


def test_a_named_message_leads_back_to_the_record_that_names_it(tmp_path: Path) -> None:
    rolled = _audit(tmp_path, _event(Operation="MessageBind", LogonType="Admin", ItemId="RgAAAB1"))
    accesses = Accesses(rolled.tables["sessions"], Identities())
    (one,) = exposures_of([_held(accesses)], accesses, rolled.tables["messages"], {}, Identities())
    assert (one.grade, one.messages, one.folders) == (Grade.NAMED, {"RgAAAB1"}, {"\\Inbox"})
    assert {ref.table for ref in one.references()} == {"mailbox_audit"}
    assert set(MESSAGES.names) < set(rolled.tables["messages"].column_names)
