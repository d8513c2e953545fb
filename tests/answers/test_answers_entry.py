"""One act is told once, whatever number of rules met it, and every step of an exploit stands under the exploit."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.scope.staged import iis_log, iis_place, proxy_log, security_log, stage

from dwell import api
from dwell.model.claims import Claim, Outcome, Question, Summary

SHELL = "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\FrontEnd\\HttpProxy\\owa\\auth\\x1.aspx"


def _summary(root: Path, files: dict[str, str]) -> Summary:
    staged = stage(root, files)
    api.hunt(staged.case.root, workers=1)
    return api.answers(staged.case.root, workers=1).summary


def _claims(found: Summary, word: str) -> list[Claim]:
    return [one for one in found.claims if one.question is Question.ENTRY and word in one.text]


def _sysmon(number: int, event: int, at: str, **data: object) -> dict[str, object]:
    return {"number": number, "event": event, "at": at, "provider": "Microsoft-Windows-Sysmon", **data}


def _exploited() -> dict[str, str]:
    """Give a server whose virtual directory got a script, to which a page was written, which started a shell."""
    cmdlet = {"number": 1, "event": 1, "at": "2021-03-03 02:00:00", "provider": "MSExchange CmdletLogs"}
    text = "-ExternalUrl &quot;http://f/&lt;script&gt;eval(request)&lt;/script&gt;&quot; -Identity &quot;OAB&quot;"
    body = f"<EventData><Data>Set-OabVirtualDirectory</Data><Data>{text}</Data><Data>gov/admin</Data></EventData>"
    shell = {"ParentImage": "C:\\Windows\\System32\\inetsrv\\w3wp.exe", "Image": "C:\\Windows\\System32\\cmd.exe"}
    events = [
        _sysmon(1, 11, "2021-03-03 02:00:01", Image="System", TargetFilename=SHELL),
        _sysmon(2, 1, "2021-03-03 02:00:05", **shell),
    ]
    return {
        "EX01/management.xml": security_log([cmdlet | {"user_data": body}], channel="MSExchange Management"),
        "EX01/sysmon.xml": security_log(events, channel="Microsoft-Windows-Sysmon/Operational"),
    }


def test_rules_that_met_the_same_records_make_one_claim(tmp_path: Path) -> None:
    row = {"at": "2021-03-03 02:00:00", "stem": "/aspnet_client/supp0rt.aspx", "agent": "antSword/v2.1"}
    found = _summary(tmp_path, {iis_place("EX01", "210303"): iis_log([row])})
    (told,) = _claims(found, "furthest step")
    assert "The same records met the rule" in told.text
    assert [ref.record_no for ref in told.grounds] == [4]
    assert "1 record on EX01" in told.text


def test_rules_that_met_different_records_make_claims_of_their_own(tmp_path: Path) -> None:
    rows = [
        {"at": "2021-03-03 02:00:00", "stem": "/aspnet_client/a.aspx", "agent": "Chrome/73"},
        {"at": "2021-03-03 02:10:00", "stem": "/owa/", "agent": "antSword/v2.1"},
    ]
    found = _summary(tmp_path, {iis_place("EX01", "210303"): iis_log(rows)})
    assert len(_claims(found, "furthest step")) == 2


def test_steps_of_an_exploit_are_one_entry_and_come_in_the_order_of_time(tmp_path: Path) -> None:
    found = _summary(tmp_path, _exploited())
    (entry,) = found.entry
    assert (entry.cve, entry.method, entry.outcome) == ("CVE-2021-27065", None, Outcome.POST_EXPLOITATION)
    told = [one.text.partition(":")[0] for one in _claims(found, "furthest step")]
    assert told == [
        "Virtual directory URL that holds a script",
        "Script written into a web folder of Exchange",
        "Shell started by a web server process of Exchange",
    ]


def test_a_page_that_was_written_is_told_as_left_behind(tmp_path: Path) -> None:
    found = _summary(tmp_path, _exploited())
    (shell,) = [one for one in found.foothold if one.kind == "web shell"]
    assert (shell.what, shell.host, shell.intrusion) == (SHELL, "EX01", "I1")


def test_a_page_that_was_written_over_a_share_and_used_is_one_thing(tmp_path: Path) -> None:
    share = {
        "number": 1, "event": 5145, "at": "2021-03-03 02:00:01", "SubjectUserName": "EX01$", "IpAddress": "127.0.0.1",
        "RelativeTargetName": SHELL[3:], "AccessList": "%%4417",
    }  # fmt: skip
    row = {"at": "2021-03-03 03:00:00", "stem": "/owa/auth/x1.aspx", "agent": "antSword/v2.1"}
    files = _exploited() | {"EX01/security.xml": security_log([share]), iis_place("EX01", "210303"): iis_log([row])}
    (shell,) = [one for one in _summary(tmp_path, files).foothold if one.kind == "web shell"]
    assert shell.what == "/owa/auth/x1.aspx"
    assert {ref.table for ref in shell.grounds} == {"evtx", "iis"}
    assert len(shell.grounds) >= 3


def test_a_page_that_the_audit_of_files_saw_written_is_left_behind(tmp_path: Path) -> None:
    audited = {
        "number": 1, "event": 4663, "at": "2021-03-03 02:00:01", "SubjectUserName": "EX01$", "ObjectType": "File",
        "ObjectName": SHELL, "AccessList": "%%4417", "ProcessName": "C:\\Windows\\System32\\inetsrv\\w3wp.exe",
    }  # fmt: skip
    (shell,) = [
        one
        for one in _summary(tmp_path, {"EX01/security.xml": security_log([audited])}).foothold
        if one.kind == "web shell"
    ]
    assert (shell.what, shell.host) == (SHELL, "EX01")


@pytest.mark.parametrize(
    ("builds", "again"),
    [
        ({10: 2176, 11: 2242, 15: 2176, 19: 2176}, True),
        ({10: 2176, 11: 2242, 15: 2242, 19: 2242}, False),
        ({10: 2176, 11: 2242, 15: 2176, 19: 2242}, True),
    ],
    ids=["taken back", "kept", "taken back and mended"],
)
def test_a_build_that_was_taken_back_opens_the_server_again(
    tmp_path: Path, builds: dict[int, int], again: bool
) -> None:
    rows = [
        {"Protocol": "Owa", "UrlStem": "/owa/", "ClientIpAddress": "198.19.0.7", "AuthenticatedUser": "anna@gov.example",
         "HttpStatus": 200, "DateTime": f"2021-01-{day}T02:00:00.000Z", "RequestId": f"r{day}", "BuildVersion": build,
         "RevisionVersion": 4 if build == 2242 else 2}
        for day, build in builds.items()
    ]  # fmt: skip
    found = _summary(tmp_path, {"EX01/Logging/HttpProxy/Owa/HttpProxy_2021011002-1.LOG": proxy_log(rows)})
    (claim,) = _claims(found, "EX01 was open to ProxyLogon")
    assert "rows carry a build with the fix from 2021-01-11" in claim.text
    assert ("it was open again" in claim.text) is again
