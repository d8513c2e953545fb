"""A removal is joined to what it removes only where both name the same thing: a wrong one would be wrong good news."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.scope.staged import security_log, stage, text_log, ual_json

from dwell.model.provenance import EvidenceId, RecordRef
from dwell.scope.cmdlets import Cmdlet
from dwell.scope.removals import REMOVERS, Removals, removals_of

Told = dict[str, str]


def _act(name: str, day: int, told: Told, target: str = "", caller: str = "adm", host: str | None = None) -> Cmdlet:
    ref = RecordRef("ual", EvidenceId("0" * 64), day)
    return Cmdlet(name, target, caller, tuple(told.items()), datetime(2021, 3, day, tzinfo=UTC), ref, host)


def _same(text: str) -> str | None:
    return text or None


RULE = {"Name": "Hide", "ForwardTo": "x@evil.example"}
FULL = {"User": "spy", "AccessRights": "FullAccess"}
ROLE = {"Role": "ApplicationImpersonation", "User": "spy"}


@pytest.mark.parametrize(
    ("made", "gone"),
    [
        (_act("New-InboxRule", 1, RULE, "T/x/anna\\Hide"), _act("Remove-InboxRule", 2, {"Identity": "T/x/anna\\Hide"})),
        (_act("New-InboxRule", 1, RULE | {"Mailbox": "anna"}), _act("Disable-InboxRule", 2, {}, "anna\\hide")),
        (_act("New-InboxRule", 1, RULE, caller="d/anna"), _act("Remove-InboxRule", 2, {"Identity": "anna\\Hide"})),
        (_act("New-TransportRule", 1, {"Name": "."}), _act("Remove-TransportRule", 2, {"Identity": "."})),
        (
            _act("Add-MailboxPermission", 1, {"Identity": "d/anna", **FULL}),
            _act("Remove-MailboxPermission", 2, {"Identity": "anna", **FULL}),
        ),
        (
            _act("Add-MailboxPermission", 1, {"Identity": "anna", **FULL, "Deny": "True"}),
            _act("Remove-MailboxPermission", 2, {"Identity": "anna", **FULL, "Deny": ""}),
        ),
        (
            _act("Add-MailboxPermission", 1, {"Identity": "anna", **FULL}),
            _act("Remove-MailboxPermission", 2, {"Identity": "anna", **FULL, "Deny": "$false"}),
        ),
        (
            _act("Add-RecipientPermission", 1, {"Trustee": "spy", "AccessRights": "SendAs"}, "anna"),
            _act("Remove-RecipientPermission", 2, {"Trustee": "spy", "AccessRights": "SendAs"}, "anna"),
        ),
        (
            _act("Add-MailboxFolderPermission", 1, {"Identity": "anna:\\Inbox", "User": "Default"}),
            _act("Remove-MailboxFolderPermission", 2, {"Identity": "anna:\\Inbox", "User": "Default"}),
        ),
        (
            _act("New-ManagementRoleAssignment", 1, ROLE),
            _act("Remove-ManagementRoleAssignment", 2, {"Identity": "ApplicationImpersonation-spy"}),
        ),
        (
            _act("Add-RoleGroupMember", 1, {"Identity": "Organization Management", "Member": "spy"}),
            _act("Remove-RoleGroupMember", 2, {"Identity": "d/Groups/Organization Management", "Member": "spy"}),
        ),
        (_act("New-RoleGroup", 1, {"Name": "HD", "Members": "spy"}), _act("Remove-RoleGroup", 2, {"Identity": "HD"})),
        (
            _act("Install-TransportAgent", 1, {"Name": "Helper"}, host="EX01"),
            _act("Uninstall-TransportAgent", 2, {"Identity": "Helper"}, host="EX01"),
        ),
        (
            _act("Set-OabVirtualDirectory", 1, {"Identity": "OAB (Default Web Site)"}, host="EX01"),
            _act("Remove-OabVirtualDirectory", 2, {"Identity": "EX01\\OAB (Default Web Site)"}, host="EX02"),
        ),
        (
            _act("Add member to role.", 1, {"Role": "Global Administrator"}, "spy"),
            _act("Remove member from role.", 2, {"Role": "Global Administrator"}, "spy"),
        ),
    ],
)  # fmt: skip
def test_what_takes_a_thing_away_is_found(made: Cmdlet, gone: Cmdlet) -> None:
    assert Removals([gone], _same).of(made) is gone


@pytest.mark.parametrize(
    ("made", "gone"),
    [
        # somebody else's rule of the same name
        (_act("New-InboxRule", 1, RULE, "anna\\Hide"), _act("Remove-InboxRule", 2, {"Identity": "otto\\Hide"})),
        # a rule by its number: which one it is no record says
        (_act("New-InboxRule", 1, RULE, "anna\\Hide"), _act("Remove-InboxRule", 2, {"Identity": "anna\\1234567890"})),
        # before it was made
        (_act("New-InboxRule", 5, RULE, "anna\\Hide"), _act("Remove-InboxRule", 2, {"Identity": "anna\\Hide"})),
        # fewer rights than were given
        (
            _act("Add-MailboxPermission", 1, {"Identity": "anna", "User": "spy", "AccessRights": "FullAccess, SendAs"}),
            _act("Remove-MailboxPermission", 2, {"Identity": "anna", "User": "spy", "AccessRights": "SendAs"}),
        ),
        # the entry that denies a right, and not that which gives it
        (
            _act("Add-MailboxPermission", 1, {"Identity": "anna", **FULL}),
            _act("Remove-MailboxPermission", 2, {"Identity": "anna", **FULL, "Deny": ""}),
        ),
        # somebody else's rights
        (
            _act("Add-MailboxPermission", 1, {"Identity": "anna", **FULL}),
            _act("Remove-MailboxPermission", 2, {"Identity": "anna", **FULL, "User": "otto"}),
        ),
        # another folder
        (
            _act("Add-MailboxFolderPermission", 1, {"Identity": "anna:\\Inbox", "User": "Default"}),
            _act("Remove-MailboxFolderPermission", 2, {"Identity": "anna:\\Calendar", "User": "Default"}),
        ),
        # the agent of another server
        (
            _act("Install-TransportAgent", 1, {"Name": "Helper"}, host="EX01"),
            _act("Uninstall-TransportAgent", 2, {"Identity": "Helper"}, host="EX02"),
        ),
        # another kind of thing
        (_act("New-TransportRule", 1, {"Name": "x"}), _act("Remove-JournalRule", 2, {"Identity": "x"})),
    ],
)  # fmt: skip
def test_what_takes_another_thing_away_is_not(made: Cmdlet, gone: Cmdlet) -> None:
    assert Removals([gone], _same).of(made) is None


ON, OFF = {"Identity": "anna\\Hide"}, {"Identity": "anna\\Hide"}


@pytest.mark.parametrize(
    ("again", "gone"),
    [
        ([], True),
        ([_act("Enable-InboxRule", 3, ON)], False),
        ([_act("Enable-InboxRule", 3, {"Identity": "anna\\1234567890"})], False),
        ([_act("Enable-InboxRule", 3, ON), _act("Remove-InboxRule", 4, OFF)], True),
        ([_act("Enable-InboxRule", 1, ON)], True),
        ([_act("Enable-InboxRule", 3, {"Identity": "otto\\Hide"})], True),
    ],
    ids=["off", "off and on", "on by its number", "off, on and gone", "on before", "somebody else's"],
)
def test_what_was_switched_on_again_is_not_gone(again: list[Cmdlet], gone: bool) -> None:
    made = _act("New-InboxRule", 1, RULE, "anna\\Hide")
    found = Removals([_act("Disable-InboxRule", 2, OFF), *again], _same).of(made)
    assert (found is not None) is gone


def test_two_people_of_one_name_in_two_folders_of_the_directory_are_two() -> None:
    """Both come down to `anna smith` where no directory is held: what is taken from one was not given to the other."""
    made = _act("Add-MailboxPermission", 1, {"Identity": "gov.example/HQ/Anna Smith", **FULL})
    for place, found in (("HQ", True), ("Branch", False)):
        gone = _act("Remove-MailboxPermission", 2, {"Identity": f"gov.example/{place}/Anna Smith", **FULL})
        assert (Removals([gone], _same).of(made) is not None) is found
    set_, clear = ({"ForwardingSmtpAddress": value} for value in ("smtp:x@evil.example", ""))
    one, other = (f"gov.example/{place}/Anna Smith" for place in ("HQ", "Branch"))
    assert _act("Set-Mailbox", 2, clear, one).undoes(_act("Set-Mailbox", 1, set_, one), "MB-07", _same)
    assert not _act("Set-Mailbox", 2, clear, other).undoes(_act("Set-Mailbox", 1, set_, one), "MB-07", _same)


def test_two_names_of_one_person_are_one() -> None:
    made = _act("Add-MailboxPermission", 1, {"Identity": "anna", **FULL})
    gone = _act("Remove-MailboxPermission", 2, {"Identity": "anna@gov.example", **FULL})
    assert Removals([gone], _same).of(made) is None
    assert Removals([gone], lambda text: text.partition("@")[0]).of(made) is gone


def test_removals_are_read_from_both_logs_and_failed_ones_are_none(tmp_path: Path) -> None:
    record = {"RecordType": 1, "Workload": "Exchange", "UserId": "adm@gov.example", "ObjectId": "anna\\Hide"}
    records = [
        record
        | {"CreationTime": "2021-03-02T08:00:00", "Id": "1", "Operation": "Remove-InboxRule", "ResultStatus": "True"},
        record
        | {"CreationTime": "2021-03-03T08:00:00", "Id": "2", "Operation": "Remove-InboxRule", "ResultStatus": "False"},
        record
        | {"CreationTime": "2021-03-04T08:00:00", "Id": "3", "Operation": "Set-InboxRule", "ResultStatus": "True"},
    ]
    plain = {"provider": "MSExchange CmdletLogs", "at": "2021-03-05 02:00:00"}
    body = (
        "<EventData><Data>Remove-TransportRule</Data><Data>-Identity &quot;x&quot;</Data><Data>adm</Data></EventData>"
    )
    events = [plain | {"number": number, "event": event, "user_data": body} for number, event in ((1, 1), (2, 6))]
    log = security_log(events, channel="MSExchange Management")
    staged = stage(tmp_path, {"m365/audit.jsonl": ual_json(records), "EX01/management.xml": log})
    found = removals_of(staged.archive)
    assert [(one.name, one.ground.record_no) for one in found] == [("Remove-InboxRule", 1), ("Remove-TransportRule", 1)]


def test_what_sets_to_nothing_what_it_set_itself_is_read_as_a_removal(tmp_path: Path) -> None:
    ran = (
        ("Set-Mailbox", "-Identity &quot;anna&quot; -ForwardingSmtpAddress $null"),
        ("Set-OrganizationConfig", "-AuditDisabled &quot;False&quot;"),
        ("Set-OrganizationConfig", "-AuditDisabled &quot;True&quot;"),
        ("Set-Mailbox", "-Identity &quot;anna&quot; -Alias &quot;a&quot;"),
    )
    events = [
        {
            "provider": "MSExchange CmdletLogs",
            "at": f"2021-03-05 02:0{number}:00",
            "number": number,
            "event": 1,
            "user_data": f"<EventData><Data>{name}</Data><Data>{told}</Data><Data>adm</Data></EventData>",
        }
        for number, (name, told) in enumerate(ran, 1)
    ]
    found = _removed(tmp_path, {"EX01/management.xml": security_log(events, channel="MSExchange Management")})
    assert [(one.name, one.ground.record_no) for one in found] == [("Set-Mailbox", 1), ("Set-OrganizationConfig", 2)]


PARAMETERS = '-Identity "anna" -User "spy" -AccessRights "FullAccess"'


def _admin_audit(cmdlet: str, *, succeeded: str = "true", server: str = "EX01 (15.01.2176.002)", **told: str) -> str:
    held = "".join(f'<Parameter Name="{name}" Value="{value}" />' for name, value in told.items())
    return (
        f'<Event Caller="gov.example/Users/adm" Cmdlet="{cmdlet}" ObjectModified="gov.example/Users/anna" '
        f'RunDate="2021-03-06T09:00:00+01:00" Succeeded="{succeeded}" Error="None" OriginatingServer="{server}">'
        f"<CmdletParameters>{held}</CmdletParameters></Event>"
    )


def _removed(root: Path, files: dict[str, str | bytes]) -> list[Cmdlet]:
    return list(removals_of(stage(root, files).archive))


def test_the_admin_audit_log_tells_what_was_taken_away(tmp_path: Path) -> None:
    right = {"Identity": "anna", "User": "spy", "AccessRights": "FullAccess"}
    events = [
        _admin_audit("Remove-MailboxPermission", **right),
        _admin_audit("Remove-MailboxPermission", **right, WhatIf="True"),
        _admin_audit("Remove-MailboxPermission", **right, succeeded="false"),
        _admin_audit("Set-Mailbox", Identity="anna", ForwardingSmtpAddress=""),
        _admin_audit("Set-Mailbox", Identity="anna", ForwardingSmtpAddress="smtp:x@evil.example"),
        _admin_audit("Remove-MailboxPermission", **right, server="AM0PR01MB0001 (15.20.3890.023)"),
    ]
    text = f"<?xml version='1.0' encoding='utf-8'?>\r\n<SearchResults>{''.join(events)}</SearchResults>"
    found = _removed(tmp_path, {"SearchResult.xml": text})
    assert [(one.name, one.ground.record_no, one.online) for one in found] == [
        ("Remove-MailboxPermission", 1, False),
        ("Set-Mailbox", 4, False),
        ("Remove-MailboxPermission", 6, True),
    ]
    assert found[0].at_utc == datetime(2021, 3, 6, 8, tzinfo=UTC)
    assert (found[0].caller, found[0].host) == ("gov.example/Users/adm", "EX01")
    made = _act("Add-MailboxPermission", 1, {"Identity": "anna", **FULL})
    assert Removals(found, _same).of(made) is found[0]
    # what was taken away in the tenant took nothing from the server on premises
    assert Removals(found[2:], _same).of(made) is None


def test_the_log_of_remote_powershell_tells_what_was_taken_away(tmp_path: Path) -> None:
    fields = "DateTime,RequestId,MajorVersion,ServerHostName,AuthenticatedUser,ExecutingUserSid,Cmdlet,Parameters,"
    fields += "CmdletUniqueId,CmdletProxyStage,BizLogic,ErrorType,ExecutionResult"
    row = {"ServerHostName": "EX01", "AuthenticatedUser": "GOV\\adm", "Cmdlet": "Remove-MailboxPermission"}
    rows = [
        row
        | {
            "DateTime": f"2021-03-0{number}T08:00:00.000Z",
            "RequestId": f"0000000{number}-1111-4222-8333-000000000001",
            "Parameters": PARAMETERS + (" -WhatIf" if number == 2 else ""),
            "ExecutionResult": "Error" if number == 3 else "Success",
        }
        for number in range(1, 5)
    ]
    log = text_log("Rps Cmdlet Logs", fields, rows)
    found = _removed(tmp_path, {"EX01/Logging/CmdletInfra/Powershell-Proxy/Cmdlet/Rps_Cmdlet_2021030108-1.LOG": log})
    assert [one.at_utc.day for one in found if one.at_utc is not None] == [1, 4]
    assert (found[0].caller, found[0].host, found[0].ground.table) == ("GOV\\adm", "EX01", "rps_cmdlet")
    made = _act("Add-MailboxPermission", 1, {"Identity": "anna", **FULL})
    assert Removals(found, _same).of(made) is found[0]


def test_every_remover_takes_away_what_another_name_makes() -> None:
    made = {one for setters in REMOVERS.values() for one in setters}
    assert not made & set(REMOVERS)


_NAMED = _act("New-TransportRule", 1, {"Name": "x"})
_MINE = _act("New-InboxRule", 1, RULE | {"Mailbox": "anna"})


def _rename(day: int, told: Told, target: str = "", name: str = "Set-TransportRule") -> Cmdlet:
    return _act(name, day, told, target)


@pytest.mark.parametrize(
    ("made", "then", "gone"),
    [
        # it lives on as y, and another x was removed
        (_NAMED, [_rename(2, {"Identity": "x", "Name": "y"}), _act("Remove-TransportRule", 4, {"Identity": "x"})], None),
        (
            _MINE,
            [
                _rename(2, {"Identity": "anna\\Hide", "Name": "y"}, name="Set-InboxRule"),
                _act("Remove-InboxRule", 4, {"Identity": "anna\\Hide"}),
            ],
            None,
        ),
        # a log that writes the name of before in one place, and that of after in the other
        (
            _NAMED,
            [_rename(2, {"Identity": "x", "Name": "y"}, "y"), _act("Remove-TransportRule", 4, {"Identity": "x"})],
            None,
        ),
        # by an identifier: it can be this one
        (
            _NAMED,
            [
                _rename(2, {"Identity": "0f0f0f0f-1111-2222-3333-444444444444", "Name": "y"}),
                _act("Remove-TransportRule", 4, {"Identity": "x"}),
            ],
            None,
        ),
        # what is removed by the name that it has, over two names
        (_NAMED, [_rename(2, {"Identity": "x", "Name": "y"}), _act("Remove-TransportRule", 4, {"Identity": "y"})], 4),
        (
            _NAMED,
            [
                _rename(2, {"Identity": "x", "Name": "y"}),
                _rename(3, {"Identity": "y", "Name": "z"}),
                _act("Remove-TransportRule", 4, {"Identity": "z"}),
            ],
            4,
        ),
        # a rename before it was made, after it went, of another, to the same name, in another mailbox
        (
            _act("New-TransportRule", 3, {"Name": "x"}),
            [_rename(2, {"Identity": "x", "Name": "y"}), _act("Remove-TransportRule", 4, {"Identity": "x"})],
            4,
        ),
        (_NAMED, [_act("Remove-TransportRule", 2, {"Identity": "x"}), _rename(4, {"Identity": "x", "Name": "y"})], 2),
        (_NAMED, [_rename(2, {"Identity": "w", "Name": "y"}), _act("Remove-TransportRule", 4, {"Identity": "x"})], 4),
        (_NAMED, [_rename(2, {"Identity": "x", "Name": "X"}), _act("Remove-TransportRule", 4, {"Identity": "x"})], 4),
        (
            _MINE,
            [
                _rename(2, {"Identity": "otto\\Hide", "Name": "y"}, name="Set-InboxRule"),
                _act("Remove-InboxRule", 4, {"Identity": "anna\\Hide"}),
            ],
            4,
        ),
    ],
)  # fmt: skip
def test_what_was_given_another_name_is_taken_away_by_that_one(
    made: Cmdlet, then: list[Cmdlet], gone: int | None
) -> None:
    found = Removals(then, _same).of(made)
    assert (found.at_utc.day if found is not None and found.at_utc is not None else None) == gone


def test_what_empties_a_rule_of_an_old_name_empties_another_rule() -> None:
    made = _act("Set-TransportRule", 1, {"Identity": "x", "BlindCopyTo": "x@evil.example"}, "x")
    named = _rename(2, {"Identity": "x", "Name": "y"}, "x")
    emptied = _act("Set-TransportRule", 4, {"Identity": "x", "BlindCopyTo": "$null"}, "x")
    assert emptied.undoes(made, "MB-07", _same)
    assert not Removals([named], _same).keeps_name(made, emptied)
    assert Removals([], _same).keeps_name(made, emptied)
