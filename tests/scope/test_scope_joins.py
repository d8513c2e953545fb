"""A request that several layers wrote down is one access: what is taken from which log, and what is never joined."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.scope.staged import Staged, iis_log, iis_place, stage, text_log

from dwell.model.addresses import trusting
from dwell.scope.access import Accesses, Layered
from dwell.scope.identities import Identities
from dwell.scope.rollup import joins, layers, run
from dwell.scope.rollup.run import Rolled, roll_up
from dwell.scope.rollup.shapes import SESSIONS
from dwell.scope.rollup.strongest import strengths
from dwell.scope.rollup.told import TAKEN

ID = "0a1b2c3d-0001-4000-8000-00000000000a"
OTHER_ID = "0a1b2c3d-0002-4000-8000-00000000000b"
CLIENT, BALANCER, FRONT_END = "203.0.113.9", "10.0.0.5", "10.0.0.11"
CALLER, CHIEF = "GOV\\svc", "chief@gov.example"
PROXY_PLACE = "EX01/Logging/HttpProxy/Ews/HttpProxy_2021030310-1.LOG"
EWS_PLACE = "EX02/Logging/Ews/Ews_2021030310-1.LOG"
PROXY_FIELDS = (
    "DateTime,RequestId,MajorVersion,MinorVersion,BuildVersion,RevisionVersion,Protocol,UrlStem,ProtocolAction,"
    "AuthenticatedUser,AnchorMailbox,UserAgent,ClientIpAddress,ServerHostName,HttpStatus,BackEndCookie,ResponseBytes,UrlQuery,"
    "AuthenticationType"
)
EWS_FIELDS = (
    "DateTime,RequestId,MajorVersion,MinorVersion,BuildVersion,RevisionVersion,AuthenticatedUser,UserAgent,"
    "ClientIpAddress,FrontEndServer,ServerHostName,SoapAction,HttpStatus,ResponseSize,ErrorCode,ImpersonatedUser,ActAsUser,"
    "AuthenticationType"
)


def _front(**more: object) -> dict[str, object]:
    return {
        "at": "2021-03-03 10:00:00", "stem": "/EWS/Exchange.asmx", "query": f"&cafeReqId={ID};", "client": BALANCER,
        "forwarded": CLIENT, "agent": "ExchangeServicesClient/15.0", "sent": 500, **more,
    }  # fmt: skip


def _back(**more: object) -> dict[str, object]:
    told = {"port": 444, "client": FRONT_END, "forwarded": "-", "user": "GOV\\EX01$", "agent": "-", "sent": 410}
    return _front(**{**told, **more})


def _proxy(**more: object) -> dict[str, object]:
    return {
        "DateTime": "2021-03-03T10:00:00.150Z", "RequestId": ID, "Protocol": "Ews", "UrlStem": "/EWS/Exchange.asmx",
        "AuthenticatedUser": CALLER, "AnchorMailbox": "svc@gov.example", "UserAgent": "ExchangeServicesClient/15.0",
        "ClientIpAddress": BALANCER, "HttpStatus": 200, "ResponseBytes": 520, **more,
    }  # fmt: skip


def _owa(**more: object) -> dict[str, object]:
    return _proxy(**{"Protocol": "Owa", "UrlStem": "/owa/", **more})


def _call(**more: object) -> dict[str, object]:
    return {
        "DateTime": "2021-03-03T10:00:00.120Z", "RequestId": ID, "AuthenticatedUser": CALLER, "UserAgent": "other words",
        "ClientIpAddress": FRONT_END, "FrontEndServer": "EX01", "SoapAction": "GetItem", "HttpStatus": 200,
        "ResponseSize": 400, "ActAsUser": CHIEF, **more,
    }  # fmt: skip


Rows = list[dict[str, object]]


def _rolled(root: Path, front: Rows, proxied: Rows, calls: Rows, back: Rows, cache: Path | None = None) -> Rolled:
    files: dict[str, str | bytes] = {}
    if front:
        files[iis_place("EX01", "210303")] = iis_log(front)
    if proxied:
        files[PROXY_PLACE] = text_log("HttpProxy Logs", PROXY_FIELDS, proxied)
    if calls:
        files[EWS_PLACE] = text_log("EWS Logs", EWS_FIELDS, calls)
    if back:
        files[iis_place("EX02", "210303")] = iis_log(back)
    staged = stage(root, files)
    return roll_up(staged.archive, workers=1, cache=cache)


def _sessions(rolled: Rolled) -> list[dict[str, Any]]:
    return sorted(
        rolled.tables["sessions"].to_pylist(), key=lambda one: (one["table"], one["layer"], str(one["client"]))
    )


def _accesses(rolled: Rolled) -> Accesses:
    return Accesses(rolled.tables["sessions"], Identities(), rolled.tables["grounds"])


def test_four_layers_are_one_access_with_four_grounds_and_the_best_of_each_column(tmp_path: Path) -> None:
    rolled = _rolled(tmp_path, [_front()], [_proxy()], [_call()], [_back()])
    (one,) = _sessions(rolled)
    assert (one["table"], one["layer"], one["host"], one["requests"], one["read"]) == ("ews", "joined", "EX02", 1, 1)
    assert (one["actor"], one["mailbox"], one["basis"]) == (CALLER, CHIEF, "explicit")
    # HttpProxy saw the balancer, IIS its chain, the service the front end
    assert (one["client"], one["agent"], one["bytes"]) == (CLIENT, "ExchangeServicesClient/15.0", 520)
    accesses = _accesses(rolled)
    told = accesses.layers_of([0])[0]
    assert [(one.layer, one.requests, one.sent) for one in told] == [
        ("ews", 1, 400), ("httpproxy", 1, 520), ("back", 1, 410), ("front", 1, 500),
    ]  # fmt: skip
    assert [one.ref.table for one in told] == ["ews", "httpproxy", "iis", "iis"]
    assert len({one.ref for one in told}) == 4
    assert [accesses.of_records({one.ref}) for one in told] == [[0]] * 4


def test_the_sign_in_is_the_front_ends_and_what_any_layer_says_was_changed_was(tmp_path: Path) -> None:
    front, back = _front(), _back()
    proxied = _proxy(AuthenticationType="Negotiate", ProtocolAction="GetItem")
    (one,) = _sessions(_rolled(tmp_path / "read", [front], [proxied], [_call(AuthenticationType="Kerberos")], [back]))
    assert (one["auth"], one["wrote"], one["device"]) == ("Negotiate", 0, None)
    (one,) = _sessions(_rolled(tmp_path / "sent", [front], [proxied], [_call(SoapAction="SendItem")], [back]))
    assert (one["auth"], one["wrote"]) == ("Negotiate", 1)


def test_the_same_comes_of_tables_that_were_kept(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    first = _rolled(tmp_path / "case", [_front()], [_proxy()], [_call()], [_back()], cache)
    plain = _rolled(tmp_path / "plain", [_front()], [_proxy()], [_call()], [_back()])
    for kind in ("sessions", "grounds"):
        assert first.tables[kind].to_pylist() == plain.tables[kind].to_pylist()
    assert list(cache.glob("*-bearers.arrow"))


def test_what_only_one_layer_knows_is_put_in(tmp_path: Path) -> None:
    """IIS wrote no account, and only the call names a mailbox: HttpProxy was routed by the caller's own, or by that."""
    rolled = _rolled(tmp_path / "own", [_front()], [_proxy(AnchorMailbox="smtp:svc@gov.example")], [_call()], [])
    (one,) = _sessions(rolled)
    assert (one["table"], one["actor"], one["mailbox"], one["basis"]) == ("ews", CALLER, CHIEF, "explicit")
    for place, anchor in enumerate((f"Smtp~{CHIEF}", f"UserSmtp~{CHIEF}", CHIEF.replace("@", "%40"))):
        rolled = _rolled(tmp_path / f"named{place}", [_front()], [_proxy(AnchorMailbox=anchor)], [_call()], [])
        (one,) = _sessions(rolled)
        assert (one["table"], one["actor"], one["mailbox"], one["basis"]) == ("ews", CALLER, CHIEF, "explicit")


OWA = {"stem": "/owa/mole@gov.example/", "query": f"&cafeReqId={ID};", "user": "GOV\\mole"}
MOLE = {"stem": "/EWS/Exchange.asmx", "user": "GOV\\mole"}


@pytest.mark.parametrize(
    ("front", "proxied", "calls", "back"),
    [
        # a header names another mailbox than the service opened, which was the caller's own
        ([_front()], [_proxy(AnchorMailbox="dummy@gov.example")], [_call(ActAsUser="")], []),
        # the same where no service's log is held
        ([_front(stem="/owa/", user=CALLER)], [_owa(AnchorMailbox="dummy@gov.example")], [], []),
        # an anchor in a form that cannot be compared
        ([_front()], [_proxy(AnchorMailbox="Sid~S-1-5-21-1-2-3-1104")], [_call(ActAsUser="")], []),
        # two mailboxes are named, one in the path
        ([_front(stem="/owa/dummy@gov.example/", user=CALLER)], [_owa(UrlStem="/owa/chief@gov.example/")], [], []),
        # two callers
        ([_front(user="GOV\\evil")], [_proxy()], [_call()], []),
        # two protocols: the back end writes what the client asked
        ([_front(**MOLE)], [], [], [_back(**{**OWA, "stem": "/owa/chief@gov.example/", "forwarded": CLIENT})]),
        # two addresses from outside: one of them is written by the client
        ([_front(client="198.51.100.66", forwarded="8.8.8.8")], [_proxy(ClientIpAddress="8.8.8.8")], [_call()], []),
        # no record of the front end
        ([], [], [_call()], [_back(forwarded=CLIENT)]),
    ],
    ids=["anchor", "anchor alone", "anchor by SID", "paths", "callers", "protocols", "clients", "no front end"],
)  # fmt: skip
def test_records_that_contradict_each_other_are_not_joined_and_nothing_is_lost(
    front: Rows, proxied: Rows, calls: Rows, back: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = _sessions(_rolled(tmp_path / "joined", front, proxied, calls, back))
    monkeypatch.setattr(run, "slices_of", lambda *_: [])
    alone = _sessions(_rolled(tmp_path / "alone", front, proxied, calls, back))
    assert len(alone) > 1
    names = [one for one in SESSIONS.names if one != "evidence_id"]
    assert [[one[name] for name in names] for one in found] == [[one[name] for name in names] for one in alone]


SID, OTHER_SID = "S-1-5-21-1-2-3-1104", "S-1-5-21-1-2-3-1105"
GUID, DN = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", "/o=Gov/ou=Mail/cn=Recipients/cn=svc1"
DIRECTORY_HEAD = "PrimarySmtpAddress,SamAccountName,SID,ExchangeGuid,LegacyExchangeDN,RecipientTypeDetails"
SERVICE = f"robot@gov.example,svc,{SID},{GUID},{DN},UserMailbox"


def _named(root: Path, front: Rows, proxied: Rows, calls: Rows, exports: Mapping[str, tuple[str, ...]]) -> Staged:
    files: dict[str, str | bytes] = {
        iis_place("EX01", "210303"): iis_log(front),
        PROXY_PLACE: text_log("HttpProxy Logs", PROXY_FIELDS, proxied),
    }
    if calls:
        files[EWS_PLACE] = text_log("EWS Logs", EWS_FIELDS, calls)
    files |= {name: "\r\n".join((DIRECTORY_HEAD, *rows, "")) for name, rows in exports.items()}
    return stage(root, files)


@pytest.mark.parametrize(
    "anchor",
    [f"Sid~{SID}", f"MailboxGuid~{GUID}@gov.example", GUID.replace("-", ""), DN, "Smtp~robot@gov.example"],
)
def test_names_of_one_account_in_any_form_are_one_where_an_export_has_them(tmp_path: Path, anchor: str) -> None:
    rows = [_front()], [_proxy(AnchorMailbox=anchor)], [_call(ActAsUser="")]
    alone = _sessions(_named(tmp_path / "alone", *rows, {}).rolled())
    assert {one["layer"] for one in alone} == {"front", "back"}
    (one,) = _sessions(_named(tmp_path / "named", *rows, {"directory.csv": (SERVICE,)}).rolled())
    assert (one["table"], one["layer"], one["actor"], one["client"]) == ("ews", "joined", CALLER, CLIENT)
    assert (one["mailbox"], one["basis"]) == (anchor, "routed")


@pytest.mark.parametrize(
    ("anchor", "exports"),
    [
        # another's
        (f"Sid~{OTHER_SID}", {"directory.csv": (SERVICE, f"chief@gov.example,chief,{OTHER_SID},,,UserMailbox")}),
        # nobody's who is known
        (f"Sid~{OTHER_SID}", {"directory.csv": (SERVICE,)}),
        # alike, and another's
        ("svc@gov.example", {"directory.csv": (SERVICE, f"svc@gov.example,other,{OTHER_SID},,,UserMailbox")}),
        # two addresses that are alike but for their domains
        (
            f"Sid~{OTHER_SID}",
            {
                "directory.csv": (
                    f"info@gov.example,svc,{SID},,,UserMailbox",
                    f"info@law.example,info2,{OTHER_SID},,,UserMailbox",
                )
            },
        ),
        # the name has passed from one account to another: whose it was is not asked here
        (
            f"Sid~{SID}",
            {
                "directory.csv": (f"svc@gov.example,svc,{SID},,,UserMailbox",),
                "later.csv": (f"later@gov.example,svc,{OTHER_SID},,,UserMailbox",),
            },
        ),
        # a row gives one account names of two
        (
            f"Sid~{SID}",
            {
                "directory.csv": (
                    f"svc@gov.example,svc,{SID},,,UserMailbox",
                    f"chief@gov.example,chief,{OTHER_SID},,,UserMailbox",
                    f"svc@gov.example,,,,{DN},UserMailbox",
                    f"chief@gov.example,,,,{DN},UserMailbox",
                ),
            },
        ),
    ],
    ids=["another's", "unknown", "alike", "domains", "passed on", "contradiction"],
)
def test_names_that_may_be_anothers_join_nothing(
    tmp_path: Path, anchor: str, exports: Mapping[str, tuple[str, ...]]
) -> None:
    rows = [_front()], [_proxy(AnchorMailbox=anchor)], [_call(ActAsUser="")]
    found = _sessions(_named(tmp_path / "case", *rows, exports).rolled())
    assert {one["layer"] for one in found} == {"front", "back"}


def test_an_export_that_comes_later_joins_what_was_kept_apart(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    rows = [_front()], [_proxy(AnchorMailbox=f"Sid~{SID}")], [_call(ActAsUser="")]
    before = roll_up(_named(tmp_path / "before", *rows, {}).archive, workers=1, cache=cache)
    after = roll_up(_named(tmp_path / "after", *rows, {"d.csv": (SERVICE,)}).archive, workers=1, cache=cache)
    assert [len(_sessions(one)) for one in (before, after)] == [2, 1]


def test_an_address_from_outside_is_taken_before_one_from_inside_whoever_has_it(tmp_path: Path) -> None:
    """The balancer's chain is in no log of the front end: only the service was told the client."""
    told = [_call(ClientIpAddress="203.0.113.77")]
    (one,) = _sessions(_rolled(tmp_path / "none", [_front(forwarded="-")], [], told, []))
    assert (one["layer"], one["client"]) == ("joined", "203.0.113.77")
    (one,) = _sessions(_rolled(tmp_path / "proxy", [_front(forwarded="-")], [_proxy()], told, []))
    assert (one["layer"], one["client"]) == ("joined", "203.0.113.77")


def test_a_trusted_hop_is_no_client(tmp_path: Path) -> None:
    with trusting(("198.51.100.7",)):
        front, proxied = _front(client="198.51.100.7"), _proxy(ClientIpAddress="198.51.100.7")
        (one,) = _sessions(_rolled(tmp_path, [front], [proxied], [], []))
    assert (one["layer"], one["client"]) == ("joined", CLIENT)


def test_a_refusal_of_the_back_end_takes_nothing_from_a_yes_of_the_front_end(tmp_path: Path) -> None:
    """The handshake's first line is held, and the line of the answer is not."""
    (one,) = _sessions(_rolled(tmp_path, [_front(user=CALLER)], [_proxy()], [], [_back(user="-", status=401)]))
    assert (one["layer"], one["outcome"], one["actor"]) == ("joined", 0, CALLER)


def test_an_id_that_comes_again_later_joins_each_time_whatever_is_kept(tmp_path: Path) -> None:
    later = {"at": "2021-03-09 10:00:00"}, {"DateTime": "2021-03-09T10:00:00.150Z"}
    rows = [_front(user=CALLER), _front(user=CALLER, **later[0])], [_proxy(), _proxy(**later[1])]
    cache = tmp_path / "cache"
    cache.mkdir()
    _rolled(tmp_path / "first", [rows[0][0]], [rows[1][0]], [], [], cache)
    kept = _sessions(_rolled(tmp_path / "kept", *rows, [], [], cache))
    fresh = _sessions(_rolled(tmp_path / "fresh", *rows, [], []))
    assert [one["layer"] for one in fresh] == ["joined", "joined"]
    assert [(one["layer"], one["first_utc"]) for one in kept] == [(one["layer"], one["first_utc"]) for one in fresh]


def test_what_was_kept_and_is_broken_is_joined_anew(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    first = _sessions(_rolled(tmp_path / "case", [_front()], [_proxy()], [_call()], [], cache))
    for one in cache.iterdir():
        if one.name.endswith("-bearers.arrow"):
            one.write_bytes(one.read_bytes()[:40])
        elif "sessions" in one.name:
            one.unlink()
    assert _sessions(_rolled(tmp_path / "again", [_front()], [_proxy()], [_call()], [], cache)) == first


def test_no_id_at_all_joins_nothing(tmp_path: Path) -> None:
    nil = "00000000-0000-0000-0000-000000000000"
    assert (
        len(
            _sessions(
                _rolled(tmp_path, [_front(query=f"&cafeReqId={nil};", user=CALLER)], [_proxy(RequestId=nil)], [], [])
            )
        )
        == 2
    )


def test_a_record_that_is_no_access_by_itself_is_a_ground_and_no_session(tmp_path: Path) -> None:
    rolled = _rolled(tmp_path, [_front(user="-")], [_proxy()], [], [])
    (one,) = _sessions(rolled)
    assert (one["table"], one["layer"], one["client"]) == ("httpproxy", "joined", CLIENT)
    assert {one.layer for one in _accesses(rolled).layers_of([0])[0]} == {"front", "httpproxy"}


def test_the_service_says_how_it_ended(tmp_path: Path) -> None:
    (one,) = _sessions(_rolled(tmp_path, [_front()], [_proxy()], [_call(HttpStatus=403)], []))
    assert (one["outcome"], one["read"]) == (1, 0)


def test_a_service_without_a_status_leaves_it_to_the_front_end(tmp_path: Path) -> None:
    (one,) = _sessions(_rolled(tmp_path, [_front()], [_proxy()], [_call(HttpStatus="")], []))
    assert (one["outcome"], one["read"]) == (0, 1)


def test_a_chain_is_read_at_the_hop_that_is_trusted(tmp_path: Path) -> None:
    edge = "198.51.100.7"
    staged = stage(
        tmp_path,
        {
            iis_place("EX01", "210303"): iis_log([_front(client=edge, forwarded=CLIENT)]),
            PROXY_PLACE: text_log(
                "HttpProxy Logs", PROXY_FIELDS, [_proxy(ClientIpAddress=f"192.0.2.66 {CLIENT} {edge}")]
            ),
        },
    )
    assert [(one["client"], one["via"]) for one in _sessions(staged.rolled())] == [(edge, None)]
    with trusting(["198.51.100.0/24"]):
        assert [(one["client"], one["via"]) for one in _sessions(staged.rolled())] == [(CLIENT, "198.51.100.0/24")]


def test_what_one_log_has_twice_is_not_joined_and_nothing_is_lost(tmp_path: Path) -> None:
    twice = [_proxy(), _proxy(DateTime="2021-03-03T10:00:09.000Z")]
    found = _sessions(_rolled(tmp_path, [_front(user=CALLER)], twice, [], []))
    assert [(one["table"], one["layer"], one["requests"]) for one in found] == [
        ("httpproxy", "front", 2), ("iis", "front", 1),
    ]  # fmt: skip


def test_a_copy_of_the_same_line_is_counted_once(tmp_path: Path) -> None:
    found = _sessions(_rolled(tmp_path, [_front(user=CALLER)], [_proxy(), _proxy()], [], []))
    assert [(one["table"], one["layer"], one["requests"]) for one in found] == [("httpproxy", "joined", 1)]


def test_records_that_lie_far_apart_are_not_joined(tmp_path: Path) -> None:
    near = _rolled(tmp_path / "near", [_front(user=CALLER, at="2021-03-03 10:01:00")], [_proxy()], [], [])
    far = _rolled(tmp_path / "far", [_front(user=CALLER, at="2021-03-03 10:01:01")], [_proxy()], [], [])
    assert [one["layer"] for one in _sessions(near)] == ["joined"]
    assert [one["layer"] for one in _sessions(far)] == ["front", "front"]


def test_a_request_made_to_go_elsewhere_is_not_joined(tmp_path: Path) -> None:
    forged = _proxy(AnchorMailbox="ServerInfo~EX01/EWS/Exchange.asmx?a=~1")
    rolled = _rolled(tmp_path, [_front(user=CALLER)], [forged], [_call()], [])
    assert {(one["table"], one["layer"]) for one in _sessions(rolled)} == {("ews", "back"), ("iis", "front")}
    assert rolled.tables["proxy"].num_rows == 1


def test_another_id_is_another_request(tmp_path: Path) -> None:
    found = _sessions(_rolled(tmp_path, [_front(user=CALLER)], [_proxy(RequestId=OTHER_ID)], [], []))
    assert [one["layer"] for one in found] == ["front", "front"]


def test_a_request_over_midnight_is_one(tmp_path: Path) -> None:
    late = _front(user=CALLER, at="2021-03-03 23:59:59")
    found = _sessions(_rolled(tmp_path, [late], [_proxy(DateTime="2021-03-04T00:00:00.100Z")], [], []))
    assert [(one["table"], one["layer"], one["requests"]) for one in found] == [("httpproxy", "joined", 1)]


def test_the_first_and_the_last_hour_of_a_busy_day_are_joined_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut into hours, with each its own stretch, the same requests come out."""

    def ids(place: int) -> str:
        return f"0a1b2c3d-{place:04x}-4000-8000-{place:012x}"

    spread = range(0, 24 * 60, 7)
    front = [
        _front(user=CALLER, at=f"2021-03-03 {one // 60:02}:{one % 60:02}:59", query=f"&cafeReqId={ids(one)};")
        for one in spread
    ]
    proxied = [
        _proxy(RequestId=ids(one), DateTime=f"2021-03-03T{one // 60:02}:{one % 60:02}:59.900Z") for one in spread
    ]
    whole = _rolled(tmp_path / "whole", front, proxied, [], [])
    monkeypatch.setattr(joins, "ROWS_MAX", 20)
    parts = _rolled(tmp_path / "parts", front, proxied, [], [])
    for kind in ("sessions", "grounds"):
        assert whole.tables[kind].to_pylist() == parts.tables[kind].to_pylist()
    assert sum(one["requests"] for one in _sessions(parts)) == len(spread)


def test_sessions_sum_what_each_log_holds_of_them(tmp_path: Path) -> None:
    """Two requests of one visit, of which the back end's log lost one."""
    second = {"query": f"&cafeReqId={OTHER_ID};", "at": "2021-03-03 10:05:00", "sent": 70}
    proxied = [_proxy(), _proxy(RequestId=OTHER_ID, DateTime="2021-03-03T10:05:00.000Z", ResponseBytes=80)]
    rolled = _rolled(tmp_path, [_front(), _front(**second)], proxied, [], [_back()])
    (one,) = _sessions(rolled)
    assert (one["requests"], one["bytes"]) == (2, 600)
    told = {one.layer: (one.requests, one.sent) for one in _accesses(rolled).layers_of([0])[0]}
    assert told == {"httpproxy": (2, 600), "front": (2, 570), "back": (1, 410)}


MAPI_FIELDS = (
    "DateTime,RequestId,AuthenticatedUserEmail,UPN,AuthenticatedUser,MailboxId,ActAsUserEmail,ClientIP,ClientSoftware,"
    "RequestType,SourceCafeServer,HttpStatusCode,ResponseCode,StatusCode,ReturnCode,RopIds"
)
OWA_FIELDS = "TimeStamp,ServerName,EventId,EventData"
OWA_DATA = "S:PSA=<PII>anna@gov.example</PII>;S:ClientId=AB12CD34EF56;S:ActID={id};S:Err=Success"


def _outlook(root: Path, kind: str, *more: Mapping[str, object], stem: str = "/mapi/nspi/", **said: object) -> Rolled:
    row = {
        "DateTime": "2021-03-03T10:00:00.200Z", "RequestId": ID, "AuthenticatedUserEmail": "anna@gov.example",
        "RequestType": kind, "SourceCafeServer": "EX01", "HttpStatusCode": 200, **said,
    }  # fmt: skip
    proxied = _proxy(Protocol="Mapi", UrlStem=stem, AuthenticatedUser="GOV\\anna", AnchorMailbox="anna@gov.example")
    files = {
        iis_place("EX01", "210303"): iis_log([_front(stem=stem, user="GOV\\anna")]),
        PROXY_PLACE.replace("Ews", "Mapi"): text_log("HttpProxy Logs", PROXY_FIELDS, [proxied]),
        "EX02/Logging/MapiHttp/Mailbox/MapiHttp_2021030310-1.LOG": text_log("MapiHttp Logs", MAPI_FIELDS, [row, *more]),
    }
    return roll_up(stage(root, files).archive, workers=1)


@pytest.mark.parametrize("kind", ["Bind", "QueryRows", "DNToMId", "GetMailboxUrl"])
def test_a_request_to_the_address_book_opened_no_mailbox_in_any_log(tmp_path: Path, kind: str) -> None:
    assert _sessions(_outlook(tmp_path, kind)) == []


@pytest.mark.parametrize(
    ("told", "sessions"),
    [
        pytest.param({"kind": "Execute", "stem": "/mapi/emsmdb/"}, 1, id="a mailbox"),
        pytest.param({"kind": "Bind", "stem": "/mapi/emsmdb/"}, 2, id="the path says that it was one"),
        pytest.param({"kind": ""}, 1, id="no type at all"),
        pytest.param({"kind": "Bind", "RequestId": OTHER_ID}, 1, id="another id"),
        pytest.param({"kind": "Bind", "AuthenticatedUserEmail": "jan@gov.example"}, 2, id="another's"),
        pytest.param({"kind": "Bind", "DateTime": "2021-03-03T10:05:00.000Z"}, 1, id="later"),
    ],
)
def test_what_contradicts_the_address_book_or_is_another_request_still_counts(
    tmp_path: Path, told: dict[str, Any], sessions: int
) -> None:
    assert len(_sessions(_outlook(tmp_path, **told))) == sessions


def test_an_id_used_for_the_address_book_as_well_hides_no_mailbox(tmp_path: Path) -> None:
    """Whoever can choose the id sends a look-up beside the request that opens: the lines contradict each other."""
    opening = {
        "DateTime": "2021-03-03T10:00:00.200Z", "RequestId": ID, "AuthenticatedUserEmail": "anna@gov.example",
        "RequestType": "Execute", "SourceCafeServer": "EX01", "HttpStatusCode": 200,
    }  # fmt: skip
    tables = [one["table"] for one in _sessions(_outlook(tmp_path, "Bind", opening))]
    assert sorted(tables) == ["httpproxy", "iis", "mapihttp"]


def _browsing(root: Path, *rows: tuple[str, str], front: Rows | None = None) -> Rolled:
    told = [
        {"TimeStamp": f"2021-03-03T10:00:{place:02}.000Z", "ServerName": "EX02", "EventId": event, "EventData": data}
        for place, (event, data) in enumerate(rows)
    ]
    first = [_front(stem="/owa/service.svc", user="GOV\\anna", agent="Chrome/73")]
    files = {
        iis_place("EX01", "210303"): iis_log(first if front is None else front),
        "EX02/Logging/OWA/Server/OWAServer20210303-1.LOG": text_log("OWA Server Log", OWA_FIELDS, told),
    }
    return roll_up(stage(root, files).archive, workers=1)


def test_what_owas_log_did_has_the_front_ends_client(tmp_path: Path) -> None:
    rolled = _browsing(tmp_path, ("GetItem", OWA_DATA.format(id=ID)))
    (one,) = _sessions(rolled)
    assert (one["table"], one["layer"], one["client"], one["agent"]) == ("owa", "joined", CLIENT, "Chrome/73")
    assert (one["mailbox"], one["basis"], one["read"], one["requests"]) == ("anna@gov.example", "explicit", 1, 1)
    assert {each.layer for each in _accesses(rolled).layers_of([0])[0]} == {"front", "owa"}


def test_a_mailbox_of_another_that_owas_log_names_is_taken(tmp_path: Path) -> None:
    data = OWA_DATA.format(id=ID).replace("anna", "chief") + ";S:user=<PII>anna@gov.example</PII>"
    (one,) = _sessions(_browsing(tmp_path, ("GetItem", data)))
    assert (one["layer"], one["actor"], one["mailbox"]) == ("joined", "anna@gov.example", CHIEF)


@pytest.mark.parametrize(
    ("rows", "owa", "others"),
    [
        pytest.param([("GetItem", OWA_DATA.format(id=OTHER_ID))], 1, 1, id="another request"),
        pytest.param([("GetItem", OWA_DATA.format(id=ID).replace("anna", "jan"))], 1, 1, id="another's"),
        pytest.param([("GetItem", OWA_DATA.format(id=ID)), ("FindItem", OWA_DATA.format(id=ID))], 1, 1, id="two rows"),
        pytest.param([("GlobalActivity", OWA_DATA.format(id=ID))], 0, 1, id="the server's own"),
        pytest.param(
            [("GetItem", OWA_DATA.format(id=ID)), ("LogDatapoint", OWA_DATA.format(id=ID))], 1, 0, id="one act"
        ),
    ],
)
def test_rows_of_owas_log_that_may_be_of_another_request_are_not_joined_and_not_lost(
    tmp_path: Path, rows: list[tuple[str, str]], owa: int, others: int
) -> None:
    found = [one["table"] for one in _sessions(_browsing(tmp_path, *rows))]
    assert (found.count("owa"), len(found) - found.count("owa")) == (owa, others)


def test_rows_of_owas_log_that_cannot_be_told_apart_part_no_others(tmp_path: Path) -> None:
    """IIS and HttpProxy join as they do without it."""
    rows = [("GetItem", OWA_DATA.format(id=ID)), ("FindItem", OWA_DATA.format(id=ID))]
    told = [{"TimeStamp": "2021-03-03T10:00:00.000Z", "ServerName": "EX02", "EventId": one, "EventData": data}
            for one, data in rows]  # fmt: skip
    proxied = _owa(AuthenticatedUser="GOV\\anna", AnchorMailbox="anna@gov.example")
    files = {
        iis_place("EX01", "210303"): iis_log([_front(stem="/owa/", user="GOV\\anna")]),
        PROXY_PLACE.replace("Ews", "Owa"): text_log("HttpProxy Logs", PROXY_FIELDS, [proxied]),
        "EX02/Logging/OWA/Server/OWAServer20210303-1.LOG": text_log("OWA Server Log", OWA_FIELDS, told),
    }
    found = _sessions(roll_up(stage(tmp_path, files).archive, workers=1))
    assert sorted((one["table"], one["layer"]) for one in found) == [("httpproxy", "joined"), ("owa", "back")]


def test_every_column_that_can_be_taken_has_its_strength_with_a_reason() -> None:
    found = strengths()
    assert set(TAKEN) - {"basis", "via"} | {"bearer", "outcome", "sent"} == set(found)
    for column, one in found.items():
        named = [layer for tier in one.tiers for layer in tier]
        assert len(named) == len(set(named)), column
        assert set(named) <= set(layers.TABLE_OF), column
        assert len(one.why) > 20, column


def test_accesses_without_grounds_know_of_no_layers() -> None:
    none: Mapping[int, list[Layered]] = Accesses(SESSIONS.empty_table(), Identities()).layers_of(np.zeros(0, np.int64))
    assert none == {}
    assert pa.types.is_dictionary(SESSIONS.field("layer").type)
