"""What collectors' own lists decide, and what they leave open."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.answers.checks.exported import AFTER, BEFORE, case_of, check_of, table

from dwell.model.claims import CheckStatus

GRANTS = "ClientId,ConsentType,PrincipalId,Scope"
PERMISSIONS = "PermissionType,ClientObjectId,ClientDisplayName,ResourceObjectId,Permission,ConsentType"


def _permissions(*scopes: str) -> str:
    return table(PERMISSIONS, [("Delegated", "c1", "Post Helper", "r", one, "Principal") for one in scopes])


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
