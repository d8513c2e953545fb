"""Requests to the control panel (ECP): IIS, HttpProxy and the panel's own two logs tell of one access."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.scope.staged import iis_log, iis_place, stage, text_log
from tests.scope.test_scope_joins import CHIEF, CLIENT, ID, OTHER_ID, OWA_FIELDS, PROXY_FIELDS, PROXY_PLACE

from dwell.scope.access import Accesses
from dwell.scope.identities import Identities
from dwell.scope.rollup.run import Rolled, roll_up

PANEL = "/ecp/DDI/DDIService.svc/SetObject"
RAN = "S:TIME=13;S:CMD={cmd};S:REQID=;S:URL=/ecp/DDI/DDIService.svc/SetObject;S:EX=;S:ACTID={id};S:RS=0"
ASKED = "S:PSA=<PII>{who}</PII>;S:URL=https://localhost:444{path};S:Bld=15.1.2375.7;S:ActID={id};Dbl:WLM.TS=16"


def sessions_in(rolled: Rolled) -> list[dict[str, Any]]:
    return sorted(rolled.tables["sessions"].to_pylist(), key=lambda one: (one["table"], one["layer"]))


def accesses_of(rolled: Rolled) -> Accesses:
    return Accesses(rolled.tables["sessions"], Identities(), rolled.tables["grounds"])


def front_line(stem: str) -> dict[str, object]:
    return {"at": "2021-03-03 10:00:00", "stem": stem, "query": f"&cafeReqId={ID};", "client": "10.0.0.5",
            "forwarded": CLIENT, "user": "GOV\\anna", "agent": "Chrome/73"}  # fmt: skip


def proxied_line(stem: str) -> dict[str, object]:
    return {"DateTime": "2021-03-03T10:00:00.150Z", "RequestId": ID, "Protocol": "Ecp", "UrlStem": stem,
            "AuthenticatedUser": "GOV\\anna", "AnchorMailbox": "anna@gov.example", "UserAgent": "Chrome/73",
            "ClientIpAddress": "10.0.0.5", "HttpStatus": 200}  # fmt: skip


def _panel(root: Path, ran: Mapping[str, str] | None, *asked: Mapping[str, str], stem: str = PANEL) -> Rolled:
    def rows(event: str, lines: list[str]) -> list[dict[str, object]]:
        return [
            {"TimeStamp": "2021-03-03T10:00:01.000Z", "ServerName": "EX02", "EventId": event, "EventData": one}
            for one in lines
        ]

    files: dict[str, str | bytes] = {
        iis_place("EX01", "210303"): iis_log([front_line(stem)]),
        PROXY_PLACE.replace("Ews", "Ecp"): text_log("HttpProxy Logs", PROXY_FIELDS, [proxied_line(stem)]),
    }
    if ran is not None:
        place = "EX02/Logging/ECP/Server/ECPServer20210303-1.LOG"
        files[place] = text_log("ECP Server Log", OWA_FIELDS, rows("ECP.Request", [RAN.format(**{"id": ID, **ran})]))
    if asked:
        told = [ASKED.format(**{"id": ID, "who": "anna@gov.example", "path": stem, **one}) for one in asked]
        place = "EX02/Logging/ECP/Activity/ECPActivity_1_20210303-1.LOG"
        files[place] = text_log("ECP Activity Context Log", OWA_FIELDS, rows("Request", told))
    return roll_up(stage(root, files).archive, workers=1)


def test_a_request_to_the_control_panel_has_the_grounds_of_all_four_logs(tmp_path: Path) -> None:
    rolled = _panel(tmp_path, {"cmd": "New-InboxRule.Name='x'.ForwardTo='a@b'"}, {})
    (one,) = sessions_in(rolled)
    assert (one["table"], one["layer"], one["protocol"], one["requests"]) == ("httpproxy", "joined", "ecp", 1)
    assert (one["client"], one["mailbox"], one["wrote"]) == (CLIENT, "anna@gov.example", 1)
    told = accesses_of(rolled).layers_of([0])[0]
    assert [one.layer for one in told] == ["ecp_activity", "ecp_server", "httpproxy", "front"]
    assert {one.ref.table for one in told} == {"httpproxy", "iis", "ecp_server", "ecp_activity"}


@pytest.mark.parametrize(
    ("cmd", "wrote"),
    [
        ("Get-InboxRule", 0),
        ("Get-Mailbox;Set-Mailbox.ForwardingSmtpAddress='x'", 1),
        ("Test-Something.A=1;Search-Mailbox.Identity='x'", 0),
        ("", None),
        ("Invoke-Something.A=1;Get-Mailbox", None),
    ],
)
def test_the_control_panel_changed_something_where_a_cmdlet_does(tmp_path: Path, cmd: str, wrote: int | None) -> None:
    (one,) = sessions_in(_panel(tmp_path, {"cmd": cmd}))
    assert (one["layer"], one["wrote"]) == ("joined", wrote)


@pytest.mark.parametrize(
    ("asked", "stem", "layers_told"),
    [
        pytest.param([{"who": "jan@gov.example"}], PANEL, [], id="another's"),
        pytest.param([{"id": OTHER_ID}], PANEL, ["httpproxy", "front"], id="another request"),
        pytest.param([{}, {"path": "/ecp/x.svc/Y"}], PANEL, ["httpproxy", "front"], id="two rows"),
        pytest.param(
            [{"who": CHIEF}], f"/ecp/{CHIEF}/x.svc/Y", ["ecp_activity", "httpproxy", "front"], id="the mailbox's name"
        ),
    ],
)
def test_rows_of_the_control_panel_that_may_be_of_another_request_are_not_joined(
    tmp_path: Path, asked: list[dict[str, str]], stem: str, layers_told: list[str]
) -> None:
    rolled = _panel(tmp_path, None, *asked, stem=stem)
    assert {one["mailbox"] for one in sessions_in(rolled)} <= {"anna@gov.example", CHIEF, None}
    told = accesses_of(rolled).layers_of(range(rolled.tables["sessions"].num_rows))
    assert [one.layer for each in told.values() for one in each] == layers_told


def test_rows_of_the_control_panel_alone_are_no_access(tmp_path: Path) -> None:
    rolled = _panel(tmp_path, {"cmd": "Get-Mailbox", "id": OTHER_ID}, {"id": OTHER_ID, "who": "jan@gov.example"})
    assert {one["actor"] for one in sessions_in(rolled)} == {"GOV\\anna"}
