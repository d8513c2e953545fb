"""Which exports from after the last act are looked at: the latest in each place, and none hides another elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.answers.checks.exported import AFTER, BEFORE, STAFF, case_of, check_of, table

from dwell.answers.checks.scene import series
from dwell.model.claims import CheckStatus

PASS, FAIL, UNKNOWN = CheckStatus.PASS, CheckStatus.FAIL, CheckStatus.UNKNOWN
LATER = "2021-04-03"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("exports/2021-04-02/rules.csv", "exports/2021-04-03/rules.csv", True),
        ("exports/rules_20210402.csv", "exports/rules_20210403T1015.csv", True),
        ("Exports\\2021-04-02\\Rules.csv", "exports/2021-04-03/rules.csv", True),
        ("exports/2021-04-02/a/rules.csv", "exports/2021-04-02/b/rules.csv", False),
        ("exports/roles-1.csv", "exports/roles-2.csv", False),
    ],
)
def test_exports_are_of_one_thing_where_only_the_date_in_their_path_differs(
    one: str, other: str, *, same: bool
) -> None:
    assert (series(one) == series(other)) is same


OUT = "x@elsewhere.example"
TRANSPORT = "Name,State,Priority,BlindCopyTo,WhenChangedUTC"
ROLES = "Name,Role,RoleAssignee,RoleAssigneeType,WhenCreatedUTC"
CONSENTS = "ClientId,ConsentType,PrincipalId,Scope"
RULES = "Mailbox,Name,Enabled,RuleIdentity,ForwardTo,DeleteMessage"
RIGHTS = "Mailbox,User,AccessRights,Deny,IsInherited"
_STOCK = [
    (f"{one}-Delegating", one, "Organization Management", "RoleGroup", "2012-01-01T00:00:00Z")
    for one in ("ApplicationImpersonation", "Mailbox Import Export", "Mailbox Search")
]
_JUNK = [(one, "Junk E-mail Rule", "True", "1", "", "False") for one in STAFF]
_SELF = [(one, "NT AUTHORITY\\SELF", "FullAccess", "False", "False") for one in STAFF]
_SEND_AS = table(
    "Mailbox,Trustee,AccessRights,AccessControlType", [(one, "NT AUTHORITY\\SELF", "SendAs", "Allow") for one in STAFF]
)
Rows = Sequence[tuple[str, ...]]
KINDS: dict[str, tuple[str, Rows, Rows, dict[str, str]]] = {
    "transport-rules": (
        TRANSPORT,
        [("ok", "Enabled", "0", "", "2019-01-07T00:00:00Z")],
        [("r", "Enabled", "0", OUT, "2021-01-07T00:00:00Z")],
        {},
    ),
    "role-assignments": (ROLES, _STOCK, [("x", "ApplicationImpersonation", "evil", "User", "2021-01-10T00:00:00Z")], {}),
    "applications": (
        CONSENTS,
        [("a", "Principal", "u", "User.Read"), ("b", "Application", "", "Reports.Read.All")],
        [("c", "Principal", "u", "Mail.Read")],
        {
            f"exports/{AFTER}/apps.csv": table("AppId,DisplayName,PasswordCredentials", [("a", "x", "")]),
            f"exports/{BEFORE}/consents.csv": table(CONSENTS, [("a", "Principal", "u", "User.Read")]),
        },
    ),
    "inbox-rules": (RULES, _JUNK, [(STAFF[0], ".", "True", "2", f'"x" [SMTP:{OUT}]', "False")], {}),
    "mailbox-permissions": (
        RIGHTS, _SELF, [(STAFF[0], "Everyone", "FullAccess", "False", "False")], {f"exports/{AFTER}/send.csv": _SEND_AS}
    ),
}  # fmt: skip
"""By check: the columns, rows of nothing remarkable, rows of an intruder, and what else the check needs."""


@pytest.mark.parametrize("key", sorted(KINDS))
@pytest.mark.parametrize(
    ("hostile_in", "clean_in", "expected"),
    [
        (None, f"exports/{LATER}/x.csv", PASS),
        (f"exports/{LATER}/x.csv", None, FAIL),
        (f"exports/{AFTER}/x.csv", f"exports/{LATER}/x.csv", PASS),
        (f"exports/{AFTER}/premises/x.csv", f"exports/{LATER}/tenant/x.csv", UNKNOWN),
        (f"exports/{AFTER}/a/x.csv", f"exports/{AFTER}/b/x.csv", FAIL),
    ],
)
def test_an_export_stands_for_an_earlier_one_only_in_the_same_place(
    tmp_path: Path, key: str, hostile_in: str | None, clean_in: str | None, expected: CheckStatus
) -> None:
    columns, plain, hostile, others = KINDS[key]
    files = dict(others)
    if hostile_in is not None:
        files[hostile_in] = table(columns, [*plain, *hostile])
    if clean_in is not None:
        files[clean_in] = table(columns, plain)
    found = check_of(case_of(tmp_path, files), key)
    assert found.status is expected, found.why


def test_what_only_an_earlier_export_elsewhere_shows_is_told_with_the_later_one(tmp_path: Path) -> None:
    columns, plain, hostile, _ = KINDS["transport-rules"]
    files = {
        f"exports/{AFTER}/premises/x.csv": table(columns, hostile),
        f"exports/{LATER}/tenant/x.csv": table(columns, plain),
    }
    found = check_of(case_of(tmp_path, files), "transport-rules")
    assert f"r to {OUT} (not in the later exports/{LATER}/tenant/x.csv" in found.why
    assert len(found.looked) == 2
