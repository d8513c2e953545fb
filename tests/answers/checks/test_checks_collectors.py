"""What collectors' own lists decide, and what they leave open."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.answers.checks.exported import AFTER, BEFORE, case_of, check_of, table

from dwell.model.claims import CheckStatus

GRANTS = "ClientId,ConsentType,PrincipalId,Scope"
PERMISSIONS = "PermissionType,ClientObjectId,ClientDisplayName,ResourceObjectId,Permission,ConsentType"


def _permissions(*scopes: str) -> str:
    rows = [("Delegated", "c1", "Post Helper", "r", one, "Principal") for one in scopes]
    return table(PERMISSIONS, [*rows, ("Application", "c2", "Monitor", "r", "Reports.Read.All", "")])


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [
        (("User.Read", "Mail.Read"), CheckStatus.PASS),
        (("Mail.Read",), CheckStatus.PASS),
        (("Mail.Read", "Mail.Send"), CheckStatus.FAIL),
    ],
)
def test_a_consent_is_the_same_in_one_row_and_in_a_row_for_each_scope(
    tmp_path: Path, scopes: tuple[str, ...], expected: CheckStatus
) -> None:
    applications = table("AppId,DisplayName,PasswordCredentials", [("a", "x", "")])
    files = {
        f"exports/{BEFORE}/consents.csv": table(GRANTS, [("c1", "Principal", "p", "User.Read Mail.Read")]),
        f"exports/{AFTER}/OAuthPermissions.csv": _permissions(*scopes),
        f"exports/{AFTER}/applications.csv": applications,
    }
    assert check_of(case_of(tmp_path, files), "applications").status is expected


APPS = "AppId,DisplayName,PasswordCredentials,KeyCredentials"
OWN = ("monitor", "Application", "", "Reports.Read.All")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([OWN], [OWN], CheckStatus.PASS),
        ([OWN], [OWN, ("c", "Principal", "u", "EAS.AccessAsUser.All offline_access")], CheckStatus.FAIL),
        ([OWN], [OWN, ("c", "AllPrincipals", "", "Exchange.ManageAsApp")], CheckStatus.FAIL),
        ([OWN], [OWN, ("c", "AllPrincipals", "", "MailboxSettings.ReadWrite")], CheckStatus.FAIL),
        ([OWN], [OWN, ("c", "Principal", "u", "https://outlook.example/EWS.AccessAsUser.All")], CheckStatus.FAIL),
        ([OWN], [OWN, ("c", "Principal", "u", "MailboxSettings.Read")], CheckStatus.PASS),
        ([("c", "Principal", "u", "Mail.Read")], [OWN, ("c", "Principal", "u", "Mail.Read")], CheckStatus.PASS),
        ([("c", "Principal", "u", "Mail.Read")], [OWN, ("c", "AllPrincipals", "", "Mail.Read")], CheckStatus.FAIL),
        ([("c", "Principal", "u", "Mail.Read")], [OWN, ("c", "Principal", "v", "Mail.Read")], CheckStatus.FAIL),
        ([("c", "AllPrincipals", "", "Mail.Read")], [OWN, ("c", "Principal", "v", "Mail.Read")], CheckStatus.PASS),
        ([("c", "AllPrincipals", "", "Mail.Read")], [OWN, ("c", "Application", "", "Mail.Read")], CheckStatus.FAIL),
        ([OWN], [("c", "Principal", "u", "User.Read")], CheckStatus.UNKNOWN),
    ],
)
def test_consents_are_held_against_whom_they_were_for(
    tmp_path: Path, before: list[tuple[str, ...]], after: list[tuple[str, ...]], expected: CheckStatus
) -> None:
    """Permissions of applications themselves open every mailbox; where none is in the export they were not asked for."""
    people = [("plain", "Principal", "u", "User.Read")]
    files = {
        f"exports/{BEFORE}/c.csv": table(GRANTS, [*people, *before]),
        f"exports/{AFTER}/c.csv": table(GRANTS, [*people, *after]),
        f"exports/{AFTER}/a.csv": table(APPS, [("a", "x", "", "")]),
    }
    found = check_of(case_of(tmp_path, files), "applications")
    assert found.status is expected, found.why


@pytest.mark.parametrize(
    ("secret", "expected"),
    [
        ("key-1", CheckStatus.PASS),
        ("Microsoft.Graph.PowerShell.Models.MicrosoftGraphPasswordCredential[]", CheckStatus.UNKNOWN),
    ],
)
def test_secrets_that_an_export_does_not_write_out_are_known_from_no_other(
    tmp_path: Path, secret: str, expected: CheckStatus
) -> None:
    consents = table(GRANTS, [("plain", "Principal", "u", "User.Read"), OWN])
    files = {f"exports/{day}/a.csv": table(APPS, [("a", "x", secret, "")]) for day in (BEFORE, AFTER)}
    files[f"exports/{AFTER}/c.csv"] = consents
    assert check_of(case_of(tmp_path, files), "applications").status is expected


def test_transport_rules_without_the_columns_that_say_where_copies_go_decide_nothing(tmp_path: Path) -> None:
    columns = "Name,Description,CreatedBy,WhenChanged,State,Priority,Mode"
    rows = [("copy", "Bcc the message to 'x@other.example'", "admin", "3/2/2021 9:14:00 AM", "Enabled", "0", "Enforce")]
    files = {f"exports/{AFTER}/TransportRules.csv": table(columns, rows)}
    assert check_of(case_of(tmp_path, files), "transport-rules").status is CheckStatus.UNKNOWN


def test_forwarding_of_selected_columns_is_weighed_by_the_accounts_name(tmp_path: Path) -> None:
    columns = "UserPrincipalName,ForwardingAddress,ForwardingSmtpAddress,DeliverToMailboxAndForward"
    rows = [("p00@gov.example", "", "smtp:x@other.example", "True")]
    files = {f"exports/{AFTER}/forwarding.csv": table(columns, rows)}
    assert check_of(case_of(tmp_path, files), "forwarding").status is CheckStatus.FAIL


def _consents(root: Path, before: str | None, after: str) -> CheckStatus:
    """Judge consents of before and after, each a CSV, beside the other kinds of export."""
    files = {
        f"exports/{AFTER}/a.csv": table(APPS, [("plain", "x", "", "")]),
        f"exports/{AFTER}/own.csv": table(GRANTS, [OWN]),
    }
    files[f"exports/{AFTER}/c.csv"] = after
    if before is not None:
        files[f"exports/{BEFORE}/c.csv"] = before
    return check_of(case_of(root, files), "applications").status


@pytest.mark.parametrize(
    "scope",
    [
        "810c84a8-4a9e-49e6-bf7d-7d183f40d01b", "", "https://graph.microsoft.com/.default", "System.String[]",
        "{User.Read, openid...}",
        "Directory.AccessAsUser.All", "DelegatedPermissionGrant.ReadWrite.All", "full_access_as_user",
        "eDiscovery.Read.All", "UserAuthenticationMethod.ReadWrite.All", "User.Read,Mail.Read",
    ],
)  # fmt: skip
def test_a_permission_that_is_no_name_may_be_one_of_mail(tmp_path: Path, scope: str) -> None:
    """Numbers of permissions, as the directory gives them, were looked at and held nothing."""
    columns = "ClientId,ConsentType,PrincipalId,PermissionType,Scope,AppRoleId"
    after = table(
        columns, [("c", "Principal", "u", "Delegated", "User.Read", ""), ("e", "Application", "", "", scope or " ", "")]
    )
    assert _consents(tmp_path, None, after) is CheckStatus.UNKNOWN


@pytest.mark.parametrize("column", ["Scope", "AppRoleId"])
def test_the_number_of_a_permission_is_known_again(tmp_path: Path, column: str) -> None:
    one, other = "810c84a8-4a9e-49e6-bf7d-7d183f40d01b", "e383f46e-2787-4529-855e-0e479a3ffac0"
    exports = [
        table(
            "ClientId,ConsentType,PrincipalId,Scope,AppRoleId",
            [("c", "Principal", "u", "User.Read", "")]
            + [("e", "Application", "", *((n, "") if column == "Scope" else (" ", n))) for n in numbers],
        )
        for numbers in ((one,), (one,), (one, other))
    ]  # fmt: skip
    assert _consents(tmp_path / "same", exports[0], exports[1]) is CheckStatus.PASS
    assert _consents(tmp_path / "more", exports[0], exports[2]) is CheckStatus.UNKNOWN


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (["u1"], ["u1"], CheckStatus.PASS),
        (["u1"], ["u1", "u2"], CheckStatus.FAIL),
        ([""], ["u1", "u2"], CheckStatus.UNKNOWN),
        ([""], ["u1"], CheckStatus.UNKNOWN),
        (["u1"], [""], CheckStatus.PASS),
        (["u1"], ["", ""], CheckStatus.UNKNOWN),
    ],
)
def test_an_export_that_does_not_name_people_knows_none_of_them(
    tmp_path: Path, before: list[str], after: list[str], expected: CheckStatus
) -> None:
    """Consents of an export that names nobody were those of everybody whom a later one names."""
    given = [table(GRANTS, [("c", "Principal", one, "Mail.Read") for one in people]) for people in (before, after)]
    assert _consents(tmp_path, given[0], given[1]) is expected


@pytest.mark.parametrize(("number", "expected"), [("1", CheckStatus.UNKNOWN), ("0", CheckStatus.PASS)])
def test_the_number_of_secrets_does_not_tell_them_apart(tmp_path: Path, number: str, expected: CheckStatus) -> None:
    consents = table(GRANTS, [("plain", "Principal", "u", "User.Read"), OWN])
    files = {f"exports/{day}/a.csv": table(APPS, [("a", "x", number, "0")]) for day in (BEFORE, AFTER)}
    files[f"exports/{AFTER}/c.csv"] = consents
    assert check_of(case_of(tmp_path, files), "applications").status is expected
