"""A removal is joined to what it removes only where both name the same thing: a wrong one would be wrong good news."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.scope.staged import security_log, stage, ual_json

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


def test_every_remover_takes_away_what_another_name_makes() -> None:
    made = {one for setters in REMOVERS.values() for one in setters}
    assert not made & set(REMOVERS)
