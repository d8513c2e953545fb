"""Rights to open mailboxes of others, as cmdlets give them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.scope.staged import stage
from tests.scope.test_scope_takings import at, managed

from dwell.scope.grants import ANYBODY, Grant, grants_of
from dwell.scope.takings import ANY_MAILBOX


def _given(root: Path, cmdlet: str, told: str, **more: int) -> tuple[Grant, ...]:
    files: dict[str, str | bytes] = {
        "EX01/management.xml": managed([(at(1, 9), cmdlet, told, "gov/Admins/adm")], **more)
    }
    return grants_of(stage(root, files).archive, lambda text: text or None)


@pytest.mark.parametrize(
    ("cmdlet", "told", "mailbox", "to", "whole"),
    [
        ("Add-MailboxPermission", '-Identity "anna" -User "otto" -AccessRights FullAccess', "anna", "otto", True),
        ("Add-ADPermission", '-Identity "DB1" -User "otto" -ExtendedRights Receive-As', ANY_MAILBOX, "otto", True),
        ("Add-ADPermission", '-Identity "DB1" -User "otto" -AccessRights ExtendedRight', ANY_MAILBOX, "otto", True),
        (
            "Add-MailboxFolderPermission",
            '-Identity "anna:\\Inbox" -User "otto" -AccessRights Reviewer',
            "anna",
            "otto",
            False,
        ),
        (
            "Set-MailboxFolderPermission",
            '-Identity "anna:\\Inbox" -User Default -AccessRights Owner',
            "anna",
            ANYBODY,
            False,
        ),
        (
            "New-ManagementRoleAssignment",
            '-Role "ApplicationImpersonation" -User "otto"',
            ANY_MAILBOX,
            "otto",
            True,
        ),
        # members of a group are not in the record
        (
            "New-ManagementRoleAssignment",
            '-Role "ApplicationImpersonation" -SecurityGroup "g"',
            ANY_MAILBOX,
            ANYBODY,
            True,
        ),
        ("New-RoleGroup", '-Name "HD" -Roles "ApplicationImpersonation" -Members "otto"', ANY_MAILBOX, "otto", True),
        ("Add-RoleGroupMember", '-Identity "Organization Management" -Member "otto"', ANY_MAILBOX, "otto", False),
    ],
)
def test_rights_are_read_with_on_what_and_to_whom(
    cmdlet: str, told: str, mailbox: str, to: str, whole: bool, tmp_path: Path
) -> None:
    (one,) = _given(tmp_path, cmdlet, told)
    assert (one.mailbox, one.to, one.whole, one.account) == (mailbox, to, whole, "adm")


def test_every_member_of_a_group_is_given_the_right(tmp_path: Path) -> None:
    found = _given(tmp_path, "New-RoleGroup", '-Roles "ApplicationImpersonation" -Members "otto","anna"')
    assert [one.to for one in found] == ["anna", "otto"]


@pytest.mark.parametrize(
    ("cmdlet", "told"),
    [
        ("Add-MailboxPermission", '-Identity "anna" -User "otto" -AccessRights FullAccess -Deny'),
        ("Add-MailboxPermission", '-Identity "anna" -User "otto" -AccessRights ReadPermission'),
        ("Add-MailboxPermission", '-Identity "anna" -User "otto" -AccessRights FullAccess -WhatIf'),
        ("Add-ADPermission", '-Identity "anna" -User "otto" -ExtendedRights Send-As'),
        ("Set-MailboxFolderPermission", '-Identity "anna:\\Calendar" -User Default -AccessRights AvailabilityOnly'),
        ("New-ManagementRoleAssignment", '-Role "Mail Recipients" -User "otto"'),
        ("Add-RoleGroupMember", '-Identity "Help Desk" -Member "otto"'),
        ("Remove-MailboxPermission", '-Identity "anna" -User "otto" -AccessRights FullAccess'),
    ],
)
def test_what_opens_no_mailbox_of_others_is_no_right(cmdlet: str, told: str, tmp_path: Path) -> None:
    assert _given(tmp_path, cmdlet, told) == ()


def test_a_right_that_could_not_be_given_is_none(tmp_path: Path) -> None:
    told = '-Identity "anna" -User "otto" -AccessRights FullAccess'
    assert _given(tmp_path, "Add-MailboxPermission", told, event=6) == ()
