"""How far (R13): one planted hop is found, and what no log held could show is said to be not covered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.scope.office import FOREIGN, NETWORK, PEOPLE, attended, facts, log_of, reasoned, visits, work
from tests.scope.staged import iis_place, proxy_log, security_log, stage, ual_json

from dwell.answers.assemble import assemble
from dwell.model.claims import CheckStatus, Question, ReachFinding, ReachVerdict, Summary
from dwell.scope.reach import CLASSES

TO_EWS = "ServerInfo~a]@EX01.gov.example:444/EWS/Exchange.asmx?a=~1"
SERVER = "10.0.0.11"
LOUD = "203.0.113.9"


def _proxy(status: int = 200) -> str:
    row = {
        "Protocol": "Ecp",
        "UrlStem": "/ecp/y.js",
        "ClientIpAddress": LOUD,
        "AnchorMailbox": TO_EWS,
        "HttpStatus": status,
    }
    return proxy_log([{"DateTime": "2021-01-10T02:00:00.000Z", "RequestId": "r1", **row}])


def _logon(number: int, at: str, client: str, event: int = 4624, **more: object) -> dict[str, object]:
    return {
        "number": number,
        "event": event,
        "at": at,
        "TargetUserName": "adm",
        "LogonType": "10",
        "IpAddress": client,
        **more,
    }


def _events(*extra: dict[str, object]) -> list[dict[str, object]]:
    """Give a server's ordinary logons, one a day, and others, in order and with numbers that run on."""
    plain = [_logon(0, f"2021-01-{day:02} 12:00:00", "10.0.0.77") for day in range(4, 30)]
    rows = sorted([*plain, *extra], key=lambda one: str(one["at"]))
    return [{**one, "number": number} for number, one in enumerate(rows, 1)]


def _summary(
    root: Path,
    extra: tuple[dict[str, object], ...],
    *,
    host: str = "FS01",
    status: int = 200,
    more: Mapping[str, str] | None = None,
) -> Summary:
    files: dict[str, str | bytes] = {
        iis_place("EX01", "210104"): log_of(work()),
        "EX01/Logging/HttpProxy/Ecp/HttpProxy_2021011002-1.LOG": _proxy(status),
        f"{host}/winevt/Security.xml": security_log(_events(*extra), host=host),
        **(more or {}),
    }
    staged = stage(root, files)
    return assemble(reasoned(staged), facts(staged))


def _system(found: Summary, name: str) -> ReachFinding:
    return next(one for one in found.reach if one.system == name)


def test_one_hop_from_the_exploited_server_is_found(tmp_path: Path) -> None:
    found = _summary(tmp_path, (_logon(0, "2021-01-11 03:00:00", SERVER),))
    hop = _system(found, "FS01")
    assert hop.verdict is ReachVerdict.REACHED
    assert SERVER in hop.why
    assert len(hop.grounds) == 1
    assert hop.coverage is not None
    assert hop.coverage.hours_able > 0
    verdict = next(one.verdict for one in found.answers if one.question is Question.REACH)
    assert "FS01" in verdict


def _tasks_of_mail_server() -> dict[str, str]:
    """Give a log of tasks of the mail server, whole and shown to tell of them."""
    days = [f"2021-{month:02}-{day:02}" for month in (1, 2, 3) for day in range(1, 29)]
    rows = [{"event": 201, "at": f"{day} {hour:02}:00:00"} for day in days for hour in range(0, 24, 4)]
    rows[0] = {"event": 106, "at": "2021-01-01 00:00:00", "TaskName": "\\Old"}
    numbered = [{**one, "number": number} for number, one in enumerate(rows, 1)]
    channel = "Microsoft-Windows-TaskScheduler/Operational"
    return {"EX01/winevt/Tasks.xml": security_log(numbered, channel=channel)}


@pytest.mark.parametrize(
    ("events", "status", "told"),
    [
        ((), CheckStatus.PASS, "none seen"),
        ((_logon(0, "2021-01-11 03:00:00", SERVER),), CheckStatus.UNKNOWN, "not enough of FS01"),
        (
            (
                _logon(0, "2021-01-11 03:00:00", SERVER),
                {"event": 4698, "at": "2021-01-12 03:00:00", "TaskName": "\\Upd", "SubjectUserName": "x"},
            ),
            CheckStatus.UNKNOWN,
            "1 made and not seen to go, to be confirmed by whoever knows them: \\Upd on FS01",
        ),
    ],
    ids=["not reached", "reached, and no log of its tasks", "reached, and a task made there"],
)
def test_a_host_that_was_reached_is_asked_for_tasks_as_well(
    tmp_path: Path, events: tuple[dict[str, object], ...], status: CheckStatus, told: str
) -> None:
    found = _summary(tmp_path, events, more=_tasks_of_mail_server())
    (check,) = [one for one in found.eviction if one.key == "scheduled-tasks"]
    assert check.status is status, check.why
    assert told in check.why


@pytest.mark.parametrize(
    ("logon", "expected"),
    [
        (_logon(0, "2021-01-09 03:00:00", SERVER), ReachVerdict.NO_SIGN),
        (_logon(0, "2021-01-11 03:00:00", "10.0.0.99"), ReachVerdict.NO_SIGN),
        (_logon(0, "2021-01-11 03:00:00", SERVER, 4625), ReachVerdict.ATTEMPTED),
        (_logon(0, "2021-01-11 03:00:00", LOUD), ReachVerdict.REACHED),
    ],
)
def test_who_logged_on_from_where_and_when(tmp_path: Path, logon: dict[str, object], expected: ReachVerdict) -> None:
    """Before the first act, from elsewhere, refused, and from the intruder's own address."""
    assert _system(_summary(tmp_path, (logon,)), "FS01").verdict is expected


def test_without_the_exploited_servers_address_no_host_is_without_a_sign(tmp_path: Path) -> None:
    """Only IIS writes the server's own addresses: without its log a logon from the server looks like any other."""
    logon = _logon(0, "2021-01-11 02:00:00", SERVER)
    files = {
        "EX01/Logging/HttpProxy/Ecp/HttpProxy_2021011002-1.LOG": _proxy(),
        "FS01/winevt/Security.xml": security_log(_events(logon), host="FS01"),
    }
    staged = stage(tmp_path, files)
    found = _system(assemble(reasoned(staged), facts(staged)), "FS01")
    assert found.verdict is ReachVerdict.NOT_COVERED
    assert "EX01" in found.why


def test_a_server_that_was_not_exploited_reaches_nobody(tmp_path: Path) -> None:
    found = _summary(tmp_path, (_logon(0, "2021-01-11 03:00:00", SERVER),), status=401)
    assert found.intrusions == ()
    assert _system(found, "FS01").verdict is ReachVerdict.NO_SIGN


def test_the_class_of_a_host_is_read_off_its_events(tmp_path: Path) -> None:
    kerberos = {
        "number": 0,
        "event": 4768,
        "at": "2021-01-05 08:00:00",
        "TargetUserName": "jan",
        "IpAddress": "10.0.0.77",
    }
    found = _summary(tmp_path, (kerberos,), host="SRV9")
    assert _system(found, "SRV9").system_class == "directory"
    assert "directory" not in {one.system for one in found.reach}


def test_classes_without_a_log_are_not_covered_and_say_what_is_needed(tmp_path: Path) -> None:
    found = _summary(tmp_path, ())
    dark = {one.system: one for one in found.reach if one.verdict is ReachVerdict.NOT_COVERED}
    assert set(dark) == set(CLASSES)
    for name, needed in CLASSES.items():
        assert dark[name].why == f"needed: {needed}"
    verdict = next(one.verdict for one in found.answers if one.question is Question.REACH)
    assert all(name in verdict for name in CLASSES)


def _hops(root: Path, *extra: dict[str, object], second: tuple[dict[str, object], ...] = ()) -> Summary:
    """Give a case with two file servers: what FS01 did itself its own account shows on a domain controller."""
    files: dict[str, str | bytes] = {
        iis_place("EX01", "210104"): log_of(work()),
        "EX01/Logging/HttpProxy/Ecp/HttpProxy_2021011002-1.LOG": _proxy(),
        "FS01/winevt/Security.xml": security_log(_events(*extra), host="FS01"),
        "FS02/winevt/Security.xml": security_log(_events(*second), host="FS02"),
        "DC01/winevt/Security.xml": security_log(
            _events(_logon(0, "2021-01-05 01:00:00", FS01, TargetUserName="FS01$")), host="DC01"
        ),
    }
    staged = stage(root, files)
    return assemble(reasoned(staged), facts(staged))


FS01 = "10.0.0.21"
ENTERED = _logon(0, "2021-01-11 03:00:00", SERVER)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (ENTERED, (_logon(0, "2021-01-11 04:00:00", FS01),), ReachVerdict.REACHED),
        (ENTERED, (_logon(0, "2021-01-11 02:00:00", FS01),), ReachVerdict.NO_SIGN),
        (ENTERED, (_logon(0, "2021-01-11 04:00:00", FS01, 4625),), ReachVerdict.ATTEMPTED),
        (ENTERED, (_logon(0, "2021-01-11 04:00:00", FS01, TargetUserName="FS01$"),), ReachVerdict.NO_SIGN),
        (
            ENTERED,
            (_logon(0, "2021-01-09 04:00:00", FS01), _logon(0, "2021-01-11 04:00:00", FS01)),
            ReachVerdict.NO_SIGN,
        ),
        (
            _logon(0, "2021-01-11 03:00:00", SERVER, 4625),
            (_logon(0, "2021-01-11 04:00:00", FS01),),
            ReachVerdict.NO_SIGN,
        ),
    ],
)
def test_a_second_hop(
    tmp_path: Path, first: dict[str, object], second: tuple[dict[str, object], ...], expected: ReachVerdict
) -> None:
    """After the first hop, before it, refused, by the host itself, as it was done before too, and after a refused first."""
    found = _system(_hops(tmp_path, first, second=second), "FS02")
    assert found.verdict is expected, found.why
    assert ("by way of FS01" in found.why) == (expected is ReachVerdict.REACHED)


def test_a_host_is_classed_by_the_directory_where_its_logs_do_not(tmp_path: Path) -> None:
    head = "SamAccountName,UserPrincipalName,DistinguishedName,servicePrincipalName\r\n"
    rows = 'DB07$,,"CN=DB07,DC=gov",MSSQLSvc/DB07:1433\r\nBK01$,,"CN=BK01,OU=Backup,DC=gov",HOST/BK01\r\n'
    files: dict[str, str | bytes] = {
        iis_place("EX01", "210104"): log_of(work()),
        "EX01/Logging/HttpProxy/Ecp/HttpProxy_2021011002-1.LOG": _proxy(),
        "DB07/winevt/Security.xml": security_log(_events(_logon(0, "2021-01-10 03:00:00", SERVER)), host="DB07"),
        "directory/computers.csv": head + rows,
    }
    staged = stage(tmp_path, files)
    found = assemble(reasoned(staged), facts(staged))
    one = _system(found, "DB07")
    assert (one.system_class, one.verdict) == ("database", ReachVerdict.REACHED)
    assert one.why.endswith("the directory makes it one of class database: its service principal MSSQLSvc/DB07:1433")
    assert {ref.table for ref in one.grounds} == {"evtx", "directory"}
    assert "database" not in {each.system for each in found.reach}
    backup = _system(found, "backup")
    assert backup.verdict is ReachVerdict.NOT_COVERED
    assert backup.why.startswith("the directory names bk01; needed: ")
    assert [(ref.table, ref.record_no) for ref in backup.grounds] == [("directory", 3)]


PLACE = {
    iis_place("EX01", "210104"): log_of(work()),
    "EX01/Logging/HttpProxy/Ecp/HttpProxy_2021011002-1.LOG": _proxy(),
}
"""A mail server that was exploited on the tenth of January."""


def _of_files(root: Path, files: Mapping[str, str | bytes]) -> Summary:
    staged = stage(root, files)
    return assemble(reasoned(staged), facts(staged))


def _every_six_hours(*events: int, **more: object) -> list[dict[str, object]]:
    """Give a Security log of 24 days with an event every six hours, of some kinds in turn."""
    return [
        {"number": one + 1, "event": events[one % len(events)], "at": f"2021-01-{4 + one // 4:02} {6 * (one % 4):02}:00:00",
         "TargetUserName": "adm", "LogonType": "3", "IpAddress": "10.0.0.77", **more}
        for one in range(96)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("events", "expected"), [((4688,), ReachVerdict.NOT_COVERED), ((4688, 4624), ReachVerdict.NO_SIGN)]
)
def test_a_security_log_without_any_logon_bears_no_negative(
    tmp_path: Path, events: tuple[int, ...], expected: ReachVerdict
) -> None:
    """Where logons are not audited, or were filtered away, an intruder's would not be there either."""
    log = security_log(_every_six_hours(*events), host="FS01")
    found = _of_files(tmp_path, {**PLACE, "FS01/winevt/Security.xml": log})
    one = _system(found, "FS01")
    assert one.verdict is expected
    assert ("no logon of anybody" in one.why) == (expected is ReachVerdict.NOT_COVERED)
    assert ("FS01" in _verdict(found)) == (expected is ReachVerdict.NOT_COVERED)


def test_a_log_counts_near_its_logons_only(tmp_path: Path) -> None:
    """Logons of the first day say nothing of the days after the week that follows."""
    rows = [{**one, "event": 4624 if number < 4 else 4688} for number, one in enumerate(_every_six_hours(4624))]
    files = {**PLACE, "FS01/winevt/Security.xml": security_log(rows, host="FS01")}
    whole = {**PLACE, "FS01/winevt/Security.xml": security_log(_every_six_hours(4624), host="FS01")}
    short, long = (
        _system(_of_files(tmp_path / name, one), "FS01").coverage for name, one in (("a", files), ("b", whole))
    )
    assert short is not None
    assert long is not None
    assert short.hours_asked == long.hours_asked
    assert short.hours_able == 18 + 168 + 1 - 146, "what is held before the first act shows nothing of it"
    assert long.hours_able > 2 * short.hours_able


def test_the_other_controllers_and_servers_of_a_class_are_not_covered_by_name(tmp_path: Path) -> None:
    head = "SamAccountName,DistinguishedName,primaryGroupID,servicePrincipalName\r\n"
    rows = "".join(f'DC0{one}$,"CN=DC0{one},OU=Domain Controllers,DC=gov",516,GC/DC0{one}\r\n' for one in (1, 2, 3))
    rows += 'SQL01$,"CN=SQL01,DC=gov",515,MSSQLSvc/SQL01\r\n'
    log = security_log(_every_six_hours(4768), host="DC01")
    found = _of_files(tmp_path, {**PLACE, "DC01/winevt/Security.xml": log, "computers.csv": head + rows})
    assert _system(found, "DC01").verdict is ReachVerdict.NO_SIGN
    for name in ("DC02", "DC03"):
        one = _system(found, name)
        assert (one.verdict, one.system_class) == (ReachVerdict.NOT_COVERED, "directory")
        assert len(one.grounds) == 1
        assert name in _verdict(found)
    assert "sql01" in _system(found, "database").why
    assert "SQL01" not in {one.system for one in found.reach}


def test_many_hosts_of_a_class_are_told_in_one_line(tmp_path: Path) -> None:
    head = "SamAccountName,DistinguishedName,primaryGroupID,servicePrincipalName\r\n"
    rows = "".join(f'DC{one:02}$,"CN=DC{one:02},DC=gov",516,GC/DC{one:02}\r\n' for one in range(1, 31))
    log = security_log(_every_six_hours(4768), host="DC01")
    found = _of_files(tmp_path, {**PLACE, "DC01/winevt/Security.xml": log, "computers.csv": head + rows})
    dark = [one for one in found.reach if one.system_class == "directory" and one.verdict is ReachVerdict.NOT_COVERED]
    assert [one.system for one in dark] == ["29 others of class directory"]
    assert "DC02" in dark[0].why


def test_an_answer_to_ntlm_makes_no_domain_controller(tmp_path: Path) -> None:
    """Any machine answers for its own local accounts: without a controller's log the directory is not covered."""
    log = security_log(_every_six_hours(4624, 4776), host="FS01")
    found = _of_files(tmp_path, {**PLACE, "FS01/winevt/Security.xml": log})
    assert _system(found, "FS01").system_class == "server"
    assert _system(found, "directory").verdict is ReachVerdict.NOT_COVERED


def _with_password(at: str, target: str, **more: object) -> dict[str, object]:
    row = {"TargetUserName": "sqladmin", "TargetServerName": target, "IpAddress": "-", "LogonType": None, **more}
    return {**_logon(0, at, "-", 4648), **row}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ((_with_password("2021-01-14 03:00:00", "SQL01.gov.example"),), ReachVerdict.ATTEMPTED),
        ((_with_password("2021-01-09 03:00:00", "SQL01.gov.example"),), None),
        (
            (
                _with_password("2021-01-09 03:00:00", "SQL01.gov.example"),
                _with_password("2021-01-14 03:00:00", "sql01"),
            ),
            None,
        ),
        ((_with_password("2021-01-14 03:00:00", "localhost"),), None),
        ((_with_password("2021-01-14 03:00:00", "EX01"),), None),
    ],
)
def test_a_password_used_on_an_exploited_server_points_to_where_it_was_used(
    tmp_path: Path, rows: tuple[dict[str, object], ...], expected: ReachVerdict | None
) -> None:
    """After the exploit; before it; as it was done before it too; at the server itself, under either name."""
    computers = 'SamAccountName,DistinguishedName,servicePrincipalName\r\nSQL01$,"CN=SQL01,DC=gov",MSSQLSvc/SQL01\r\n'
    log = security_log(_events(*rows), host="EX01")
    found = _of_files(tmp_path, {**PLACE, "EX01/winevt/Security.xml": log, "computers.csv": computers})
    told = {one.system: one for one in found.reach}
    if expected is None:
        assert not {"SQL01", "LOCALHOST"} & set(told)
        return
    assert (told["SQL01"].verdict, told["SQL01"].system_class) == (expected, "database")
    assert "sqladmin" in told["SQL01"].why
    assert len(told["SQL01"].grounds) == 2
    assert told["database"].verdict is ReachVerdict.NOT_COVERED


def test_a_host_that_is_silent_itself_is_attempted_where_another_tells_of_it(tmp_path: Path) -> None:
    log = security_log(_events(_with_password("2021-01-14 03:00:00", "FS01.gov.example")), host="EX01")
    own = security_log(_events(), host="FS01")
    found = _of_files(tmp_path, {**PLACE, "EX01/winevt/Security.xml": log, "FS01/winevt/Security.xml": own})
    assert _system(found, "FS01").verdict is ReachVerdict.ATTEMPTED


SPIES = PEOPLE[:8]
READ = {
    iis_place("EX01", "210104"): log_of(
        [*attended(), *(one for who in SPIES for one in visits(who, f"{NETWORK}.14", FOREIGN, range(0, 50, 5), hour=3))]
    )
}
"""Eight mailboxes read at night from one address."""


def _file(who: str, client: str, agent: str = "OneDrive/1.0", *, operation: str = "FileDownloaded") -> str:
    return ual_json(
        {"CreationTime": f"2021-01-{day:02}T03:10:00", "Id": f"{who}{day}", "RecordType": 6, "Operation": operation,
         "Workload": "SharePoint", "UserId": who, "ClientIP": client, "ObjectId": "https://gov/secret", "UserAgent": agent}
        for day in range(5, 29)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("who", "client", "agent", "expected"),
    [
        (SPIES[0], f"{NETWORK}.14", "OneDrive/1.0", ReachVerdict.REACHED),
        (SPIES[0], f"{NETWORK}.99", FOREIGN.replace("+", " "), ReachVerdict.REACHED),
        (SPIES[0], f"{NETWORK}.99", "OneDrive/1.0", ReachVerdict.NOT_COVERED),
        (PEOPLE[9], f"{NETWORK}.14", "OneDrive/1.0", ReachVerdict.NOT_COVERED),
        (PEOPLE[9], f"{NETWORK}.99", "OneDrive/1.0", ReachVerdict.NO_SIGN),
        (SPIES[0], "198.19.9.7", "OneDrive/1.0", ReachVerdict.NO_SIGN),
    ],
)
def test_files_of_the_tenant_from_an_intruders_address(
    tmp_path: Path, who: str, client: str, agent: str, expected: ReachVerdict
) -> None:
    """His account and address, his network and agent; his network alone and his address alone decide nothing."""
    found = _of_files(tmp_path, {**READ, "UAL.json": _file(who, client, agent)})
    one = _system(found, "M365")
    assert one.verdict is expected, one.why
    assert ("FileDownloaded" in one.why) == (expected is not ReachVerdict.NO_SIGN)
    assert bool(one.grounds) == (expected is not ReachVerdict.NO_SIGN)


def test_who_is_known_by_sign_ins_alone_has_reached_the_tenant(tmp_path: Path) -> None:
    def signed(who: str, client: str, agent: str, at: str) -> dict[str, object]:
        return {"id": f"{who}{at}", "createdDateTime": at, "userPrincipalName": who, "ipAddress": client,
                "appDisplayName": "Office 365 Exchange Online", "clientAppUsed": "Browser", "userAgent": agent,
                "status": {"errorCode": 0}, "isInteractive": True}  # fmt: skip

    rows = [
        signed(who, f"198.19.{place}.7", "Mozilla/5.0 Chrome/73.0", f"2021-01-{day:02}T09:{place:02}:00Z")
        for place, who in enumerate(PEOPLE)
        for day in range(4, 30)
    ]
    own = sorted(rows, key=lambda one: str(one["createdDateTime"]))
    bad = [
        signed(who, f"{NETWORK}.14", "Mozilla/5.0 Konqueror/3.5", f"2021-01-{day:02}T03:{place:02}:00Z")
        for place, who in enumerate(SPIES)
        for day in range(5, 29, 4)
    ]
    both = sorted([*own, *bad], key=lambda one: str(one["createdDateTime"]))
    one = _system(_of_files(tmp_path / "bad", {"SignIns.json": json.dumps(both)}), "M365")
    assert one.verdict is ReachVerdict.REACHED
    assert one.grounds
    one = _system(_of_files(tmp_path / "own", {"SignIns.json": json.dumps(own)}), "M365")
    assert one.verdict is ReachVerdict.NOT_COVERED
    assert "only sign-ins" in one.why


def _verdict(found: Summary) -> str:
    return next(one.verdict for one in found.answers if one.question is Question.REACH)
