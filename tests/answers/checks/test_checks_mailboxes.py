"""Checks of rules, forwarding, rights, devices and auditing: what decides them, and what leaves them unknown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.answers.checks.exported import AFTER, BEFORE, STAFF, case_of, check_of, table
from tests.scope.office import log_of, work
from tests.scope.staged import iis_place

from dwell.model.claims import CheckStatus
from dwell.model.provenance import EvidenceId, RecordRef
from dwell.scope.silences import Silence, Silences

PASS, FAIL, UNKNOWN = CheckStatus.PASS, CheckStatus.FAIL, CheckStatus.UNKNOWN
RULES = "Mailbox,Name,Enabled,RuleIdentity,ForwardTo,DeleteMessage"
RIGHTS = "Mailbox,User,AccessRights,Deny,IsInherited"
SEND_AS = "Mailbox,Trustee,AccessRights,AccessControlType"
FOLDERS = "Mailbox,FolderName,User,AccessRights"
DEVICES = "Mailbox,DeviceId,DeviceType,FirstSyncTime"
ROLES = "Name,Role,RoleAssignee,RoleAssigneeType,WhenCreatedUTC"
STOCK = [
    (f"{one}-Delegating", one, "Organization Management", "RoleGroup", "2012-01-01T00:00:00Z")
    for one in ("ApplicationImpersonation", "Mailbox Import Export", "Mailbox Search")
]
Rows = list[tuple[str, ...]]


def _junk(people: tuple[str, ...] = STAFF) -> Rows:
    return [(one, "Junk E-mail Rule", "True", "1", "", "False") for one in people]


def _sends(owner: str, to: str) -> tuple[str, ...]:
    return (owner, ".", "True", "2", f'"x" [SMTP:{to}]', "False")


def _rules(rows: Rows, day: str = AFTER) -> dict[str, str]:
    return {f"exports/{day}/rules.csv": table(RULES, rows)}


OUT = "x@elsewhere.example"


@pytest.mark.parametrize(
    ("files", "expected", "told"),
    [
        (_rules(_junk()), PASS, "looked at 3 of 3 mailboxes"),
        (_rules([*_junk(), _sends(STAFF[0], OUT)]), FAIL, f"{STAFF[0]} to {OUT}"),
        (_rules([*_junk(), _sends(STAFF[1], OUT)]), UNKNOWN, f"{STAFF[1]} to {OUT}"),
        (_rules([*_junk(), _sends(STAFF[0], STAFF[1])]), PASS, "no new rule"),
        (_rules([*_junk(), _sends(STAFF[0], OUT)]) | _rules([_sends(STAFF[0], OUT)], BEFORE), PASS, "no new rule"),
        (_rules([*_junk(), (STAFF[0], "y", "True", "3", "", "True")]), UNKNOWN, "rule y deletes"),
        (_rules(_junk(STAFF[:2])), UNKNOWN, "looked at 2 of 3 mailboxes (66.7 %), of the others nothing is known"),
        (_rules([(one, "", "", "", "", "") for one in STAFF]), UNKNOWN, "holds no hidden rule"),
        (_rules(_junk(), "2021-01-20"), UNKNOWN, "none shown to date from after the last act"),
        (_rules([*_junk(), ("stranger", "Junk E-mail Rule", "True", "1", "", "False")]), UNKNOWN, "does not know"),
        ({}, UNKNOWN, "no such export is held"),
    ],
)
def test_inbox_rules(tmp_path: Path, files: dict[str, str], expected: CheckStatus, told: str) -> None:
    found = check_of(case_of(tmp_path, files), "inbox-rules")
    assert (found.status, told in found.why) == (expected, True), found.why
    assert "Get-InboxRule" in found.export
    assert found.decides


def test_the_latest_export_counts(tmp_path: Path) -> None:
    """A rule that an earlier export shows, and a later one does not, is gone."""
    files = _rules([*_junk(), _sends(STAFF[0], OUT)], "2021-02-02") | _rules(_junk())
    assert check_of(case_of(tmp_path, files), "inbox-rules").status is PASS


def test_without_a_directory_nobody_knows_how_many_mailboxes_there_are(tmp_path: Path) -> None:
    found = check_of(case_of(tmp_path, _rules(_junk()), directory=False), "inbox-rules")
    assert found.status is UNKNOWN
    assert "of an unknown number of mailboxes" in found.why


@pytest.mark.parametrize(("days", "expected"), [(80, UNKNOWN), (20, PASS)])
def test_a_directory_of_a_part_of_the_house_bounds_no_check(tmp_path: Path, days: int, expected: CheckStatus) -> None:
    """Who opened his mailbox to the end of the logs has one; who did so two months before may have left."""
    log = sorted([*work(STAFF[:2], days=80), *work(STAFF[2:], days=days)], key=lambda one: str(one["at"]))
    files = _rules(_junk(STAFF[:2])) | {iis_place("EX01", "210104"): log_of(log)}
    files["directory/users.csv"] = table(
        "PrimarySmtpAddress,Alias", [(one, one.partition("@")[0]) for one in STAFF[:2]]
    )
    found = check_of(case_of(tmp_path, files, directory=False), "inbox-rules")
    assert found.status is expected, found.why
    assert f"looked at 2 of {3 if expected is UNKNOWN else 2} mailboxes" in found.why


@pytest.mark.parametrize(
    ("forwards", "expected"),
    [({}, PASS), ({0: OUT}, FAIL), ({1: OUT}, UNKNOWN), ({0: STAFF[2]}, PASS)],
)
def test_forwarding(tmp_path: Path, forwards: dict[int, str], expected: CheckStatus) -> None:
    columns = "PrimarySmtpAddress,Alias,ForwardingSmtpAddress,DeliverToMailboxAndForward"
    rows = [
        (one, one[:3], f"smtp:{forwards[place]}" if place in forwards else "", "False")
        for place, one in enumerate(STAFF)
    ]
    found = check_of(case_of(tmp_path, {f"directory/{AFTER}/m.csv": table(columns, rows)}), "forwarding")
    assert found.status is expected


def test_an_export_without_the_columns_of_forwarding_says_nothing_of_it(tmp_path: Path) -> None:
    rows = [(one, "2021-03-30T00:00:00Z") for one in STAFF]
    files = {f"directory/{AFTER}/m.csv": table("PrimarySmtpAddress,PasswordLastSet", rows)}
    assert check_of(case_of(tmp_path, files), "forwarding").status is UNKNOWN


@pytest.mark.parametrize(
    ("changed", "to", "expected"),
    [
        ("2021-01-07T00:00:00Z", OUT, FAIL),
        ("2019-01-07T00:00:00Z", OUT, PASS),
        ("", OUT, UNKNOWN),
        ("2021-01-07T00:00:00Z", STAFF[0], PASS),
        ("", "", PASS),
    ],
)
def test_transport_rules(tmp_path: Path, changed: str, to: str, expected: CheckStatus) -> None:
    rows = [("r", "Enabled", "0", to, changed)]
    files = {f"exports/{AFTER}/t.csv": table("Name,State,Priority,BlindCopyTo,WhenChangedUTC", rows)}
    assert check_of(case_of(tmp_path, files), "transport-rules").status is expected


def _rights(extra: Rows, day: str = AFTER) -> dict[str, str]:
    own: Rows = [(one, "NT AUTHORITY\\SELF", "FullAccess", "False", "False") for one in STAFF]
    sends: Rows = [(one, "NT AUTHORITY\\SELF", "SendAs", "Allow") for one in STAFF]
    return {f"exports/{day}/p.csv": table(RIGHTS, [*own, *extra]), f"exports/{day}/s.csv": table(SEND_AS, sends)}


GIVEN = (STAFF[0], "svc@gov.example", "FullAccess", "False", "False")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (_rights([]), PASS),
        (_rights([GIVEN]), UNKNOWN),
        (_rights([GIVEN]) | _rights([], BEFORE), FAIL),
        (_rights([GIVEN]) | _rights([GIVEN], BEFORE), PASS),
        (_rights([(STAFF[1], *GIVEN[1:])]) | _rights([], BEFORE), UNKNOWN),
        (_rights([(*GIVEN[:3], "True", "False")]), PASS),
        (_rights([(*GIVEN[:3], "False", "True")]), UNKNOWN),
        (_rights([(*GIVEN[:3], "False", "True")]) | _rights([], BEFORE), UNKNOWN),
        (_rights([(*GIVEN[:3], "False", "True")]) | _rights([(*GIVEN[:3], "False", "True")], BEFORE), PASS),
        (_rights([(STAFF[0], "GOV\\Exchange Servers", "FullAccess", "False", "True")]), PASS),
        (
            _rights([])
            | {f"exports/{AFTER}/s.csv": table(SEND_AS, [(STAFF[0], "NT AUTHORITY\\SELF", "SendAs", "Allow")])},
            UNKNOWN,
        ),
        (_rights([(STAFF[0], STAFF[0], "FullAccess", "False", "False")]), PASS),
        (_rights([(STAFF[2], "Everyone", "FullAccess", "False", "False")]), FAIL),
        (_rights([(STAFF[2], "BUILTIN\\Users", "FullAccess", "False", "False")]), FAIL),
        (_rights([(STAFF[2], "NT AUTHORITY\\INTERACTIVE", "FullAccess", "False", "False")]), FAIL),
        (_rights([(STAFF[2], "NT AUTHORITY\\NETWORK", "FullAccess", "False", "False")]), FAIL),
        (_rights([(STAFF[2], "S-1-5-32-545", "FullAccess", "False", "False")]), FAIL),
        (_rights([(STAFF[0], "NT AUTHORITY\\SYSTEM", "FullAccess", "False", "True")]), PASS),
        (_rights([(STAFF[0], "NT AUTHORITY\\NETWORK SERVICE", "ReadPermission", "False", "True")]), PASS),
        (_rights([(STAFF[0], "NT AUTHORITY\\NETWORK SERVICE", "FullAccess", "False", "False")]), UNKNOWN),
        (_rights([(STAFF[0], "BUILTIN\\Administrators", "FullAccess", "False", "False")]), UNKNOWN),
        (_rights([(STAFF[0], "GOV\\EVIL$", "FullAccess", "False", "False")]), UNKNOWN),
        (_rights([(STAFF[0], "HealthMailbox1234567@gov.example", "FullAccess", "False", "False")]), UNKNOWN),
        (_rights([(STAFF[0], "SM_0123456789abcdef", "FullAccess", "False", "False")]), UNKNOWN),
        (_rights([(STAFF[0], "GOV\\evil", "ReadPermission, ChangePermission", "False", "False")]), UNKNOWN),
        (_rights([(STAFF[0], "GOV\\evil", "ChangeOwner", "False", "False")]) | _rights([], BEFORE), FAIL),
        (_rights([(STAFF[0], "GOV\\evil", "ReadPermission", "False", "False")]), PASS),
        ({f"exports/{AFTER}/p.csv": _rights([])[f"exports/{AFTER}/p.csv"]}, UNKNOWN),
    ],
)
def test_rights_to_mailboxes(tmp_path: Path, files: dict[str, str], expected: CheckStatus) -> None:
    found = check_of(case_of(tmp_path, files), "mailbox-permissions")
    assert found.status is expected, found.why


DIRECTORY = "Identity,User,AccessRights,ExtendedRights,Deny,IsInherited"


def test_rights_in_the_directory_alone_say_nothing_of_rights_to_mailboxes(tmp_path: Path) -> None:
    rows = [
        (one, "NT AUTHORITY\\SELF", rights, extended, "False", "False")
        for one in STAFF
        for rights, extended in (("ExtendedRight", "Send-As"), ("GenericRead", ""))
    ]
    found = check_of(case_of(tmp_path, {f"exports/{AFTER}/ad.csv": table(DIRECTORY, rows)}), "mailbox-permissions")
    assert found.status is UNKNOWN
    assert "looked at 0 of 3 mailboxes" in found.why


@pytest.mark.parametrize(
    ("who", "rights", "extended", "expected"),
    [
        ("NT AUTHORITY\\SELF", "ExtendedRight", "Send-As", PASS),
        ("GOV\\evil", "ExtendedRight", "Send-As", UNKNOWN),
        ("GOV\\evil", "ExtendedRight", "Receive-As", UNKNOWN),
        ("GOV\\evil", "GenericAll", "", UNKNOWN),
        ("GOV\\evil", "WriteDacl", "", UNKNOWN),
        ("GOV\\evil", "ReadProperty", "Personal-Information", PASS),
        ("BUILTIN\\Account Operators", "GenericAll", "", PASS),
    ],
)
def test_rights_in_the_directory(tmp_path: Path, who: str, rights: str, extended: str, expected: CheckStatus) -> None:
    """One column says that a right is an extended one, another which."""
    own = [(one, "NT AUTHORITY\\SELF", "ExtendedRight", "Send-As", "False", "False") for one in STAFF]
    files = _rights([]) | {
        f"exports/{AFTER}/ad.csv": table(DIRECTORY, [*own, (STAFF[0], who, rights, extended, "False", "False")])
    }
    found = check_of(case_of(tmp_path, files), "mailbox-permissions")
    assert found.status is expected, found.why


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (None, PASS),
        ((STAFF[2], "Inbox", "Default", "Reviewer"), FAIL),
        ((STAFF[2], "Calendar", "Default", "Reviewer"), PASS),
        ((STAFF[2], "Inbox", "Anonymous", "None"), PASS),
        ((STAFF[0], "Inbox", "p02", "Editor"), UNKNOWN),
        ((STAFF[2], "Calendar mail copy", "Default", "Owner"), FAIL),
        ((STAFF[2], "\\Contacts\\Private", "Default", "Reviewer"), PASS),
        ((STAFF[2], "\\Inbox\\Calendar", "Default", "Reviewer"), FAIL),
        ((STAFF[2], "Inbox", "Anonymous", "FolderOwner"), FAIL),
    ],
)
def test_rights_to_folders(tmp_path: Path, row: tuple[str, ...] | None, expected: CheckStatus) -> None:
    rows = [(one, "Inbox", "Default", "None") for one in STAFF]
    files = {f"exports/{AFTER}/f.csv": table(FOLDERS, [*rows, *([row] if row else [])])}
    found = check_of(case_of(tmp_path, files), "folder-permissions")
    assert found.status is expected, found.why


def test_of_a_mailbox_whose_calendar_alone_was_asked_for_no_folder_of_mail_was_looked_at(tmp_path: Path) -> None:
    rows = [(one, "Inbox" if place else "Calendar", "Default", "None") for place, one in enumerate(STAFF)]
    found = check_of(case_of(tmp_path, {f"exports/{AFTER}/f.csv": table(FOLDERS, rows)}), "folder-permissions")
    assert found.status is UNKNOWN
    assert "looked at 2 of 3 mailboxes" in found.why
    assert "on 2 folders of mail" in found.why


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (STOCK, PASS),
        (STOCK[:1], UNKNOWN),
        ([*STOCK, ("x", "ApplicationImpersonation", "svc", "User", "2021-01-10T00:00:00Z")], FAIL),
        ([*STOCK, ("x", "ApplicationImpersonation", "svc", "User", "2015-01-10T00:00:00Z")], UNKNOWN),
        ([*STOCK, ("x", "ApplicationImpersonation", "svc", "User", "")], UNKNOWN),
        ([*STOCK, ("x", "View-Only Recipients", "svc", "User", "2021-01-10T00:00:00Z")], PASS),
        ([*STOCK, ("x", "Mailbox Search", "svc", "User", "2021-01-10T00:00:00Z")], FAIL),
        ([*STOCK, ("x", "ApplicationImpersonation-2", "svc", "User", "2021-01-10T00:00:00Z")], FAIL),
        ([*STOCK, ("x", "Own Role", "svc", "User", "2021-01-10T00:00:00Z")], UNKNOWN),
        ([*STOCK, ("x", "Own Role", "svc", "User", "2015-01-10T00:00:00Z")], PASS),
        (STOCK[:2], UNKNOWN),
    ],
)
def test_role_assignments(tmp_path: Path, rows: Rows, expected: CheckStatus) -> None:
    found = check_of(case_of(tmp_path, {f"exports/{AFTER}/r.csv": table(ROLES, rows)}), "role-assignments")
    assert found.status is expected, found.why


@pytest.mark.parametrize(
    ("owner", "began", "expected"),
    [
        (STAFF[0], "2021-01-10T00:00:00Z", UNKNOWN),
        (STAFF[0], "2018-01-10T00:00:00Z", PASS),
        (STAFF[1], "2021-01-10T00:00:00Z", PASS),
    ],
)
def test_devices(tmp_path: Path, owner: str, began: str, expected: CheckStatus) -> None:
    rows = [(one, "", "", "") for one in STAFF]
    files = {f"exports/{AFTER}/d.csv": table(DEVICES, [*rows, (owner, "ABC", "iPhone", began)])}
    found = check_of(case_of(tmp_path, files), "devices")
    assert found.status is expected, found.why


@pytest.mark.parametrize(("before", "expected"), [("", UNKNOWN), ("ABC", PASS)])
def test_a_device_that_came_between_two_exports_is_new_whatever_its_age(
    tmp_path: Path, before: str, expected: CheckStatus
) -> None:
    others = [(one, "", "", "") for one in STAFF[1:]]
    files = {
        f"exports/{AFTER}/d.csv": table(DEVICES, [(STAFF[0], "ABC", "iPhone", "2018-01-10T00:00:00Z"), *others]),
        f"exports/{BEFORE}/d.csv": table(DEVICES, [(STAFF[0], before, "iPhone", "2018-01-10T00:00:00Z"), *others]),
    }
    assert check_of(case_of(tmp_path, files), "devices").status is expected


@pytest.mark.parametrize(("said", "expected"), [("True", PASS), ("False", FAIL), ("", UNKNOWN)])
def test_auditing(tmp_path: Path, said: str, expected: CheckStatus) -> None:
    rows = [(one, one[:3], said if place == 1 else "True") for place, one in enumerate(STAFF)]
    files = {f"directory/{AFTER}/a.csv": table("PrimarySmtpAddress,Alias,AuditEnabled", rows)}
    assert check_of(case_of(tmp_path, files), "auditing").status is expected


@pytest.mark.parametrize(("said", "expected"), [("False", PASS), ("True", FAIL)])
def test_audit_bypass(tmp_path: Path, said: str, expected: CheckStatus) -> None:
    rows = [(one, said if place == 1 else "False") for place, one in enumerate(STAFF)]
    files = {f"exports/{AFTER}/a.csv": table("Identity,AuditBypassEnabled", rows)}
    assert check_of(case_of(tmp_path, files), "audit-bypass").status is expected


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (("svc-x", "True"), FAIL),
        (("svc-x", "False"), PASS),
        # a cell that says nothing was not looked at
        ((STAFF[2], ""), UNKNOWN),
    ],
)
def test_an_account_that_no_directory_export_has_can_be_passed_over(
    tmp_path: Path, more: tuple[str, str], expected: CheckStatus
) -> None:
    rows = [*((one, "False") for one in STAFF if one != more[0]), more]
    found = check_of(
        case_of(tmp_path, {f"exports/{AFTER}/a.csv": table("Identity,AuditBypassEnabled", rows)}), "audit-bypass"
    )
    assert found.status is expected, found.why
    assert expected is not FAIL or more[0] in found.why


@pytest.mark.parametrize(("back", "expected"), [(False, UNKNOWN), (True, PASS)])
def test_auditing_of_which_an_act_took_what_opens_is_not_shown_to_be_whole(
    tmp_path: Path, *, back: bool, expected: CheckStatus
) -> None:
    rows = [(one, one.partition("@")[0], "UserMailbox", "True") for one in STAFF]
    export = table("PrimarySmtpAddress,Alias,RecipientTypeDetails,AuditEnabled", rows)
    case = case_of(tmp_path, {f"directory/{AFTER}/m.csv": export})
    ref = RecordRef("ual", EvidenceId("0" * 64), 1)
    took = Silence("", "mailbox_audit", STAFF[0], False, "AuditDelegate", 0, 1 if back else None, "taken out", ref)
    found = check_of(replace(case, silences=Silences((took,))), "auditing")
    assert found.status is expected, found.why


_DATABASE = "Identity,User,AccessRights,ExtendedRights,Deny,IsInherited"


@pytest.mark.parametrize(
    ("row", "before", "expected"),
    [
        (("DB1", "GOV\\evil", "ExtendedRight", "Receive-As", "False", "False"), False, UNKNOWN),
        (("DB1", "GOV\\evil", "ExtendedRight", "Receive-As", "False", "False"), True, FAIL),
        (("DB1", "GOV\\evil", "GenericAll", "", "False", "False"), True, FAIL),
        (("DB1", "GOV\\evil", "ExtendedRight", "", "False", "False"), True, FAIL),
        (("DB1", "Everyone", "ExtendedRight", "Receive-As", "False", "False"), False, FAIL),
        (("DB1", "GOV\\Exchange Servers", "ExtendedRight", "Receive-As", "False", "False"), True, UNKNOWN),
        (("DB1", "GOV\\evil", "ExtendedRight", "Receive-As", "True", "False"), True, UNKNOWN),
        (("DB1", "GOV\\evil", "ReadProperty", "", "False", "False"), True, UNKNOWN),
    ],
)
def test_a_right_to_a_database_opens_every_mailbox_in_it(
    tmp_path: Path, row: tuple[str, ...], before: bool, expected: CheckStatus
) -> None:
    stock = ("DB1", "GOV\\helper", "ExtendedRight", "Receive-As", "False", "False")
    files = _rights([]) | {f"exports/{AFTER}/db.csv": table(_DATABASE, [stock, row] if before else [row])}
    if before:
        files[f"exports/{BEFORE}/db.csv"] = table(_DATABASE, [stock])
    found = check_of(case_of(tmp_path, files), "mailbox-permissions")
    assert found.status is expected, found.why
    told = row[1].lower() in found.why
    assert told is (expected is FAIL or not before), found.why
    assert "helper" not in found.why
