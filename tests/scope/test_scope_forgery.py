"""The ladder of forged requests (R3), step by step, and attempts to look like less than one is."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from dwell.model.claims import Outcome
from dwell.scope.forgery import forged_requests, outcome_of
from dwell.scope.rollup.shapes import PROXY

TO = "ServerInfo~a]@EX01.gov.example:444/"
RESET = "ecp/DDI/DDIService.svc/SetObject?schema=ResetOABVirtualDirectory#&a=~1942062522"


@pytest.mark.parametrize(
    ("tail", "status", "expected"),
    [
        ("autodiscover/autodiscover.xml?a=~1942062522", 200, Outcome.ATTEMPT),
        ("autodiscover/autodiscover.xml?a=~1942062522", 500, Outcome.ATTEMPT),
        ("mapi/emsmdb?MailboxId=x@y&a=~1", 200, Outcome.PARTIAL),
        ("mapi/emsmdb?MailboxId=x@y&a=~1", 401, Outcome.ATTEMPT),
        ("ecp/proxyLogon.ecp?a=~1", 241, Outcome.PARTIAL),
        ("ecp/proxyLogon.ecp?a=~1", 500, Outcome.ATTEMPT),
        ("ecp/DDI/DDIService.svc/GetObject?schema=OABVirtualDirectory&a=~1", 200, Outcome.PARTIAL),
        (RESET, 200, Outcome.SUCCESS),
        (RESET.replace("OAB", "Ecp"), 200, Outcome.SUCCESS),
        (RESET, 241, Outcome.PARTIAL),
        (RESET, 500, Outcome.ATTEMPT),
        (RESET, None, Outcome.ATTEMPT),
        ("EWS/Exchange.asmx?a=~1942062522", 200, Outcome.SUCCESS),
        ("EWS/Exchange.asmx?a=~1942062522", 401, Outcome.ATTEMPT),
        ("EWS/Exchange.asmx?a=~1942062522", 302, Outcome.ATTEMPT),
        ("owa/service.svc?action=GetItem", 200, Outcome.PARTIAL),
        ("/EWS/Exchange.asmx", 200, Outcome.SUCCESS),
        ("autodiscover/x/../../EWS/Exchange.asmx", 200, Outcome.SUCCESS),
        ("%65ws/exchange.asmx", 200, Outcome.SUCCESS),
        ("autodiscover/autodiscover.xml?x=/ews/exchange.asmx", 200, Outcome.ATTEMPT),
        ("autodiscover/?schema=ResetOABVirtualDirectory", 200, Outcome.ATTEMPT),
    ],
)
def test_the_step_that_a_forged_request_reached(tail: str, status: int | None, expected: Outcome) -> None:
    assert outcome_of(TO + tail, status) is expected


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("ServerInfo~localhost/ecp/default.flt?", Outcome.SCAN),
        ("ServerInfo~localhost:444/ews/exchange.asmx", Outcome.SCAN),
        ("Server~localhost/owa/auth/logon.aspx", Outcome.SCAN),
        ("ServerInfo~localhost", Outcome.SCAN),
        ("ServerInfo~127.0.0.1:444/ecp/default.flt", Outcome.SCAN),
        ("ServerInfo~[::1]:444/ecp/default.flt", Outcome.SCAN),
        ("ServerInfo~127.0.0.1]@EX01:444/EWS/Exchange.asmx", Outcome.SUCCESS),
        ("ServerInfo~localhost]@EX01.gov.example:444/EWS/Exchange.asmx", Outcome.SUCCESS),
        ("ServerInfo~localhost.gov.example:444/EWS/Exchange.asmx", Outcome.SUCCESS),
        ("ServerInfo~localhost-1:444/EWS/Exchange.asmx", Outcome.SUCCESS),
        ("Server~a]@EX01:444/EWS/Exchange.asmx", Outcome.SUCCESS),
    ],
)
def test_a_probe_of_the_server_itself_is_a_scan_and_nothing_else_is(target: str, expected: Outcome) -> None:
    assert outcome_of(target, 200) is expected


def test_an_ews_call_that_was_answered_read_mail_and_a_refused_one_did_not() -> None:
    rows = [
        ("EWS/Exchange.asmx", 200, datetime(2021, 3, 3, 2, 0, tzinfo=UTC), "B-2"),
        ("EWS/Exchange.asmx", 401, datetime(2021, 3, 3, 1, 0, tzinfo=UTC), "B-1"),
        (RESET, 200, datetime(2021, 3, 3, 3, 0, tzinfo=UTC), "B-3"),
        ("EWS/Exchange.asmx", 200, None, "B-4"),
    ]
    table = pa.Table.from_pylist(
        [
            {
                "host": None,
                "time_utc": at,
                "anchor": TO + tail,
                "status": status,
                "request_id": key,
                "bytes": None,
                "evidence_id": "e" * 64,
                "record_no": place,
            }
            for place, (tail, status, at, key) in enumerate(rows, 1)
        ],
        schema=PROXY,
    )
    found = forged_requests(table)
    assert [one.request_id for one in found] == ["b-1", "b-2", "b-3"]
    assert [one.ews for one in found] == [False, True, False]
    assert [one.sent for one in found] == [None, None, None]
    assert found[0].host == "(unknown host)"
