"""Acts by cmdlet get the records of the web request that ran them, and its outside address, unless that is contradicted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.scope.office import NETWORK, PEOPLE, START, log_of, reasoned, visits, work
from tests.scope.staged import Staged, iis_log, iis_place, stage, text_log
from tests.scope.test_scope_joins import OWA_FIELDS, PROXY_FIELDS
from tests.scope.test_scope_takings import managed, readers

from dwell.model.claims import Grade
from dwell.scope.cmdlet_requests import with_requests
from dwell.scope.takings import Taking, takings_of

ID, OTHER_ID = "0a1b2c3d-0001-4000-8000-00000000000a", "0a1b2c3d-0002-4000-8000-00000000000b"
CLIENT, BALANCER = "203.0.113.9", "10.0.0.5"
RPS_FIELDS = "DateTime,StartTime,RequestId,AuthenticatedUser,Cmdlet,Parameters,ExecutionResult"
HTTP_FIELDS = "DateTime,RequestId,UrlStem,AuthenticatedUser,ClientIpAddress,HttpStatus,CommandName,ShellId,ClientInfo"
WHEN = "2021-03-03T10:00:0{}.000Z"


def _label(text: str) -> str | None:
    return text or None


def _front(**more: object) -> dict[str, object]:
    return {"at": "2021-03-03 10:00:05", "stem": "/powershell", "query": f"&cafeReqId={ID};", "client": BALANCER,
            "forwarded": CLIENT, "user": "GOV\\adm", **more}  # fmt: skip


def _proxied(**more: object) -> dict[str, object]:
    return {"DateTime": WHEN.format(5), "RequestId": ID, "Protocol": "PowerShell", "UrlStem": "/powershell",
            "AuthenticatedUser": "GOV\\adm", "ClientIpAddress": BALANCER, "HttpStatus": 200, **more}  # fmt: skip


def _shell(**more: object) -> dict[str, object]:
    return {"DateTime": WHEN.format(4), "RequestId": ID.replace("-", ""), "UrlStem": "/powershell", "HttpStatus": 200,
            "AuthenticatedUser": "adm@gov.example", "ClientIpAddress": f"{CLIENT} {BALANCER}", **more}  # fmt: skip


def _staged(root: Path, logs: Mapping[str, Any]) -> Staged:
    told = '-Mailbox ""anna"" -FilePath ""\\\\x\\c$\\a.pst""'
    ran = {"DateTime": WHEN.format(3), "RequestId": ID, "AuthenticatedUser": "adm", "Cmdlet": "New-MailboxExportRequest",
           "Parameters": f'"{told}"', "ExecutionResult": "Success"}  # fmt: skip
    given: Mapping[str, Any] = {"iis": [_front()], "proxy": [_proxied()], "http": [_shell()], **logs}
    files: dict[str, str | bytes] = {
        "EX02/Logging/CmdletInfra/Powershell-Proxy/Cmdlet/Rps_Cmdlet_2021030310-1.LOG": text_log(
            "Rps Cmdlet Logs", RPS_FIELDS, [{**ran, **given.get("ran", {})}]
        )
    }
    if given["iis"]:
        files[iis_place("EX01", "210303")] = iis_log(given["iis"])
    if given["proxy"]:
        files["EX01/Logging/HttpProxy/PowerShell/HttpProxy_2021030310-1.LOG"] = text_log(
            "HttpProxy Logs", PROXY_FIELDS, given["proxy"]
        )
    if given["http"]:
        files["EX02/Logging/CmdletInfra/Powershell-Proxy/Http/Rps_Http_2021030310-1.LOG"] = text_log(
            "Rps Http Logs", HTTP_FIELDS, given["http"]
        )
    return stage(root, {**files, **given.get("more", {})})


def _taken(staged: Staged) -> Taking:
    (one,) = with_requests(staged.archive, takings_of(staged.archive, _label), _label)
    return one


def test_an_export_has_the_grounds_of_four_logs_and_the_address_of_its_request(tmp_path: Path) -> None:
    one = _taken(_staged(tmp_path, {}))
    assert [ref.table for ref in one.grounds] == ["rps_cmdlet", "httpproxy", "iis", "rps_http"]
    assert (one.client, one.caller, one.mailbox) == (CLIENT, "adm", "anna")


@pytest.mark.parametrize("only", ["iis", "http"])
def test_each_log_alone_says_from_where(tmp_path: Path, only: str) -> None:
    logs: dict[str, Any] = {"iis": [], "proxy": [], "http": []}
    del logs[only]
    assert _taken(_staged(tmp_path, logs)).client == CLIENT


@pytest.mark.parametrize(
    "logs",
    [
        pytest.param({"http": [_shell(ClientIpAddress="198.51.100.7")]}, id="two addresses outside"),
        pytest.param({"proxy": [_proxied(AuthenticatedUser="GOV\\jan")]}, id="two people"),
        pytest.param({"ran": {"AuthenticatedUser": "jan"}}, id="another ran it"),
        pytest.param({"ran": {"RequestId": OTHER_ID}}, id="another request"),
        pytest.param({"ran": {"RequestId": "00000000-0000-0000-0000-000000000000"}}, id="no id"),
        pytest.param({"ran": {"DateTime": "2021-03-03T10:30:00.000Z"}}, id="another time"),
    ],
)
def test_what_contradicts_the_act_says_nothing_of_it(tmp_path: Path, logs: Mapping[str, Any]) -> None:
    one = _taken(_staged(tmp_path, logs))
    assert ([ref.table for ref in one.grounds], one.client) == (["rps_cmdlet"], None)


def test_an_address_from_inside_is_a_ground_and_no_address_of_the_act(tmp_path: Path) -> None:
    one = _taken(_staged(tmp_path, {"iis": [_front(forwarded="-")], "http": [_shell(ClientIpAddress=BALANCER)]}))
    assert (one.client, len(one.grounds)) == (None, 4)


def test_the_back_ends_line_is_a_ground_and_the_front_end_no_caller(tmp_path: Path) -> None:
    back = _front(port=444, query=f"&RequestId={ID}", client="198.51.100.99", forwarded="-", user="GOV\\EX01$")
    one = _taken(_staged(tmp_path, {"iis": [_front(), back]}))
    assert (one.client, len(one.grounds)) == (CLIENT, 5)


def test_what_the_control_panel_ran_has_the_panels_records_by_the_activity_of_the_event(tmp_path: Path) -> None:
    ran = (
        "2021-03-03 10:00:03",
        "Set-Mailbox",
        '-Identity "anna" -ForwardingSmtpAddress "x@evil.example"',
        "gov/Users/adm",
    )
    event = managed([ran])
    # the activity is the 24th of the data: the ones before it are empty
    filled = event.replace("</EventData>", "<Data></Data>" * 20 + f"<Data>ActivityId: {ID}</Data></EventData>")
    told = f"S:PSA=<PII>adm@gov.example</PII>;S:URL=https://localhost:444/ecp/x.svc/Y;S:ActID={ID}"
    row = {"TimeStamp": WHEN.format(4), "ServerName": "EX02", "EventId": "Request", "EventData": told}
    staged = stage(
        tmp_path,
        {
            "EX02/management.xml": filled,
            "EX02/Logging/ECP/Activity/ECPActivity_1_20210303-1.LOG": text_log(
                "ECP Activity Context Log", OWA_FIELDS, [row]
            ),
            iis_place("EX01", "210303"): iis_log([_front(stem="/ecp/x.svc/Y")]),
        },
    )
    one = _taken(staged)
    assert ([ref.table for ref in one.grounds], one.client) == (["evtx", "ecp_activity", "iis"], CLIENT)


@pytest.mark.parametrize(("named", "exposed"), [(True, True), (False, False)])
def test_an_export_by_another_account_is_an_intruders_where_its_request_came_from_his_address(
    tmp_path: Path, named: bool, exposed: bool
) -> None:
    """Whose account it was, the intruder never opened: only the id of the request leads to his address."""
    when = f"{START + timedelta(days=26, hours=3):%Y-%m-%d %H:%M:%S}"
    victim, query = PEOPLE[9], f"&cafeReqId={ID};" if named else "-"
    asked = visits("GOV\\adm", f"{NETWORK}.14", "WinRM", [26], hour=3, stem="/powershell", query=query)
    ran = {"DateTime": when.replace(" ", "T") + ".500Z", "RequestId": ID, "AuthenticatedUser": "adm",
           "Cmdlet": "New-MailboxExportRequest", "ExecutionResult": "Success",
           "Parameters": f'"-Mailbox ""{victim}"" -FilePath ""\\\\x\\c$\\a.pst"""'}  # fmt: skip
    files = {
        iis_place("EX01", "210104"): log_of(work() + readers(range(20, 44, 3)) + asked),
        "EX01/Logging/CmdletInfra/Powershell-Proxy/Cmdlet/Rps_Cmdlet_2021013003-1.LOG": text_log(
            "Rps Cmdlet Logs", RPS_FIELDS, [ran]
        ),
    }
    case = reasoned(stage(tmp_path, files))
    (held,) = case.held
    assert (victim in {one.mailbox for one in case.exposed if one.grade is Grade.DOWNLOADED}) is exposed
    assert bool(held.takings) is exposed
