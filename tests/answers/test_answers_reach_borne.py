"""What reach is borne by: logs of the time asked of, logons told of otherwise, mail servers, code that ran."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.answers.test_answers_reach import (
    LOUD,
    PLACE,
    READ,
    SERVER,
    SPIES,
    _events,
    _logon,
    _of_files,
    _summary,
    _system,
)
from tests.scope.office import NETWORK, PEOPLE, attended, log_of
from tests.scope.staged import iis_place, proxy_log, security_log, ual_json

from dwell.model.claims import Question, ReachVerdict, Summary


def test_a_log_that_ends_before_the_first_act_bears_no_negative(tmp_path: Path) -> None:
    rows = [_logon(day, f"2021-01-{day:02} 12:00:00", "10.0.0.77") for day in range(4, 10)]
    found = _of_files(tmp_path, {**PLACE, "FS01/winevt/Security.xml": security_log(rows, host="FS01")})
    one = _system(found, "FS01")
    assert one.verdict is ReachVerdict.NOT_COVERED
    assert "none of it since the first act" in one.why


def _elsewhere(host: str, event: int, **told: object) -> tuple[dict[str, object], ...]:
    return ({"number": 0, "event": event, "at": "2021-01-11 03:05:00", **told},)


BY_NAME = {"TargetUserName": "adm", "LogonType": "3", "WorkstationName": "EX01"}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (_elsewhere("FS01", 4624, IpAddress="-", **BY_NAME), ReachVerdict.ATTEMPTED),
        (_elsewhere("FS01", 4624, IpAddress="::1", **BY_NAME), ReachVerdict.ATTEMPTED),
        (_elsewhere("FS01", 4776, TargetUserName="adm", Workstation="\\\\EX01", Status="0x0"), ReachVerdict.ATTEMPTED),
        (_elsewhere("FS01", 4776, TargetUserName="adm", Workstation="PC9", Status="0x0"), ReachVerdict.NO_SIGN),
        (
            (
                *_elsewhere("FS01", 4776, TargetUserName="adm", Workstation="EX01"),
                {
                    "number": 0,
                    "event": 4776,
                    "at": "2021-01-08 03:05:00",
                    "TargetUserName": "adm",
                    "Workstation": "ex01",
                },
            ),
            ReachVerdict.NO_SIGN,
        ),
        (_elsewhere("FS01", 4771, TargetUserName="adm", IpAddress=f"::ffff:{SERVER}"), ReachVerdict.ATTEMPTED),
        (_elsewhere("FS01", 4778, AccountName="adm", ClientAddress=SERVER), ReachVerdict.REACHED),
    ],
)
def test_logons_are_found_where_windows_tells_of_them_otherwise(
    tmp_path: Path, rows: tuple[dict[str, object], ...], expected: ReachVerdict
) -> None:
    """By the machine's name, by nobody's, as it was before too, refused by Kerberos, and a session taken up again."""
    one = _system(_summary(tmp_path, rows), "FS01")
    assert one.verdict is expected, one.why
    assert ("a name can be made up" in one.why) == (expected is ReachVerdict.ATTEMPTED and "4771" not in str(rows))


def test_a_session_of_remote_desktop_is_found_in_its_own_log(tmp_path: Path) -> None:
    data = (
        f"<UserData><EventXML xmlns='Event_NS'><User>GOV\\adm</User><Address>{SERVER}</Address></EventXML></UserData>"
    )
    row = {"number": 1, "event": 21, "at": "2021-01-11 03:05:00", "user_data": data}
    channel = "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational"
    more = {"FS01/winevt/sessions.xml": security_log([row], host="FS01", channel=channel)}
    one = _system(_summary(tmp_path, (), more=more), "FS01")
    assert one.verdict is ReachVerdict.REACHED
    assert SERVER in one.why


def test_an_address_that_only_the_servers_own_account_shows_is_the_servers(tmp_path: Path) -> None:
    own = _logon(0, "2021-01-05 03:00:00", "10.0.0.99", TargetUserName="EX01$", LogonType="3")
    rows = (own, _logon(0, "2021-01-11 03:00:00", "10.0.0.99"))
    assert _system(_summary(tmp_path, rows), "FS01").verdict is ReachVerdict.REACHED


def test_the_kinds_of_acts_on_a_mail_server_do_not_stand_in_for_each_other(tmp_path: Path) -> None:
    """IIS shows no logon and no cmdlet: with it alone a server is not covered, and each kind is told."""
    bare = _system(_of_files(tmp_path / "a", READ), "EX01")
    assert bare.verdict is ReachVerdict.NOT_COVERED
    assert "requests 100 %, logons 0 %, cmdlets 0 %" in bare.why
    days = [f"2021-{month:02}-{day:02} 12:00:00" for month in (1, 2, 3) for day in range(1, 29)]
    logons = security_log([_logon(number, at, "10.0.0.77", LogonType="2") for number, at in enumerate(days, 1)])
    ran = [{"number": number, "event": 1, "at": at, "provider": "MSExchange CmdletLogs",
            "user_data": "<EventData><Data>Get-Mailbox</Data><Data/><Data>adm</Data></EventData>"}
           for number, at in enumerate(days, 1)]  # fmt: skip
    more = {"EX01/Security.xml": logons, "EX01/mgmt.xml": security_log(ran, channel="MSExchange Management")}
    whole = _system(_of_files(tmp_path / "b", {**READ, **more}), "EX01")
    assert whole.verdict is ReachVerdict.NO_SIGN
    assert whole.coverage is not None
    assert 0 < (whole.coverage.share or 0) < 1


SERVICE = security_log(
    [{"number": 1, "event": 7045, "at": "2021-01-05 03:06:00", "provider": "Service Control Manager",
      "ServiceName": "PSEXESVC", "ImagePath": "%SystemRoot%\\PSEXESVC.exe"}],
    channel="System",
)  # fmt: skip


@pytest.mark.parametrize(
    ("logon", "service", "expected"),
    [
        ({"LogonType": "10"}, False, ReachVerdict.REACHED),
        ({"LogonType": "3"}, True, ReachVerdict.REACHED),
        ({"LogonType": "3"}, False, ReachVerdict.NOT_COVERED),
        ({"LogonType": "10", "event": 4625}, False, ReachVerdict.ATTEMPTED),
        ({"LogonType": "10", "IpAddress": "10.0.0.77"}, True, ReachVerdict.NOT_COVERED),
        ({"LogonType": "3", "TargetUserName": "EX01$"}, True, ReachVerdict.NOT_COVERED),
    ],
)
def test_an_intruder_who_logs_on_to_a_mail_server_itself(
    tmp_path: Path, logon: dict[str, object], service: bool, expected: ReachVerdict
) -> None:
    """At its desktop; over the network with a service made next, and without: who reads mail does that too; and others."""
    row = {**_logon(0, "2021-01-05 03:05:00", f"{NETWORK}.14", TargetUserName="p00"), **logon}
    files = {**READ, "EX01/winevt/Security.xml": security_log(_events(row))}
    if service:
        files["EX01/winevt/System.xml"] = SERVICE
    found = _of_files(tmp_path, files)
    one = _system(found, "EX01")
    assert one.verdict is expected, one.why
    grades = {each.grade.value for each in found.mailboxes if each.mailbox not in SPIES}
    assert grades == {"undeterminable" if expected is ReachVerdict.REACHED else "no-sign"}
    network = logon == {"LogonType": "3"} and expected is ReachVerdict.NOT_COVERED
    assert ("whoever reads mail does so too" in one.why) == network


@pytest.mark.parametrize(
    ("kind", "client", "before", "expected"),
    [
        ("10", SERVER, False, ReachVerdict.REACHED),
        ("3", SERVER, False, ReachVerdict.ATTEMPTED),
        ("3", SERVER, True, ReachVerdict.NOT_COVERED),
        ("10", "10.0.0.12", False, ReachVerdict.NOT_COVERED),
    ],
)
def test_from_an_exploited_mail_server_to_another(
    tmp_path: Path, kind: str, client: str, before: bool, expected: ReachVerdict
) -> None:
    """At its desktop, over the network, as it came before the exploit too, and from the second server itself."""
    rows = [_logon(0, "2021-01-11 03:05:00", client, LogonType=kind)]
    rows += [_logon(0, "2021-01-06 03:05:00", client, LogonType=kind)] if before else []
    files = {
        **PLACE,
        iis_place("EX02", "210104"): log_of([dict(one, server="10.0.0.12") for one in attended()]),
        "EX02/winevt/Security.xml": security_log(_events(*rows), host="EX02"),
    }
    one = _system(_of_files(tmp_path, files), "EX02")
    assert one.verdict is expected, one.why


def test_a_sign_in_that_the_tenant_refused_is_an_attempt(tmp_path: Path) -> None:
    def signed(client: str) -> Summary:
        row = {"CreationTime": "2021-01-14T03:00:00", "Id": "s", "RecordType": 15, "Operation": "UserLoginFailed",
               "Workload": "AzureActiveDirectory", "UserId": SPIES[0], "ClientIP": client,
               "ResultStatus": "Failed"}  # fmt: skip
        plain = ual_json([dict(row, Id="o", Operation="UserLoggedIn", UserId=PEOPLE[9], ClientIP="198.19.9.7",
                               ResultStatus="Success", CreationTime="2021-01-13T09:00:00")])  # fmt: skip
        return _of_files(tmp_path / client, {**READ, "UAL.json": ual_json([row]), "UAL2.json": plain})

    assert _system(signed(f"{NETWORK}.14"), "M365").verdict is ReachVerdict.ATTEMPTED
    assert _system(signed("198.19.0.7"), "M365").verdict is ReachVerdict.NO_SIGN


def test_a_page_that_a_forged_call_wrote_is_left_behind_and_runs_code(tmp_path: Path) -> None:
    """A virtual directory that was reset by a forged call is a file in a web folder: what it did then need meet no rule."""
    head = "ServerInfo~a]@EX01.gov.example:444/ecp/DDI/DDIService.svc/"

    def found(name: str, call: str) -> Summary:
        row = {"Protocol": "Ecp", "UrlStem": "/ecp/y.js", "ClientIpAddress": LOUD, "AnchorMailbox": head + call,
               "HttpStatus": 200, "DateTime": "2021-01-10T02:00:25.000Z", "RequestId": "r1"}  # fmt: skip
        log = {"EX01/Logging/HttpProxy/Ecp/HttpProxy_2021011002-1.LOG": proxy_log([row])}
        return _of_files(tmp_path / name, {iis_place("EX01", "210104"): log_of(attended()), **log})

    wrote = found("wrote", "SetObject?schema=ResetOABVirtualDirectory&a=~1")
    (page,) = [one for one in wrote.foothold if one.kind == "page written by a forged call"]
    assert (page.host, page.state.value, page.intrusion) == ("EX01", "unknown", "I1")
    assert {one.grade.value for one in wrote.mailboxes} == {"undeterminable"}
    read = found("read", "GetObject?schema=OABVirtualDirectory&a=~1")
    assert not read.foothold
    assert {one.grade.value for one in read.mailboxes} == {"no-sign"}


def test_that_no_second_intrusion_is_seen_is_said_with_its_share(tmp_path: Path) -> None:
    found = _of_files(tmp_path, READ)
    verdict = next(one.verdict for one in found.answers if one.question is Question.INTRUSIONS)
    assert "no second one is seen, where mail logs cover 100 % of" in verdict
