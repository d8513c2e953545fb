"""Whose an export is, and of which mailboxes: another organisation's passes for nobody, nor a part for the whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.answers.checks.exported import AFTER, STAFF, case_of, check_of, table
from tests.scope.office import log_of, work
from tests.scope.staged import iis_place

from dwell.model.claims import CheckStatus

PASS, UNKNOWN = CheckStatus.PASS, CheckStatus.UNKNOWN
ROLES = ("ApplicationImpersonation", "Mailbox Import Export", "Mailbox Search")


def _roles(domain: str) -> str:
    rows = [
        (f"{one}-x", one, f"{domain}/Groups/OM", "Organization Management", "True", "2015-01-01T00:00:00Z")
        for one in ROLES
    ]
    return table("Name,Role,RoleAssignee,RoleAssigneeName,Enabled,WhenCreatedUTC", rows)


RULES = table(
    "Name,State,Priority,BlindCopyTo,WhenChangedUTC", [("banner", "Enabled", "0", "", "2019-01-07T00:00:00Z")]
)
NAMED = {"directory/ad.csv": table("SamAccountName,DistinguishedName", [("p00", "CN=p00,OU=Staff,DC=corp,DC=local")])}


@pytest.mark.parametrize(
    ("domain", "more", "expected"),
    [
        ("gov.example", {}, PASS),
        ("corp.gov.example", {}, PASS),
        ("corp.local", NAMED, PASS),
        ("gov.onmicrosoft.com", {}, PASS),
        ("corp.local", {}, UNKNOWN),
        ("other.example", {}, UNKNOWN),
        ("notgov.example", {}, UNKNOWN),
    ],
)
def test_an_export_of_another_organisation_passes_for_nobody(
    tmp_path: Path, domain: str, more: dict[str, str], expected: CheckStatus
) -> None:
    files = {f"other/{AFTER}/roles.csv": _roles(domain), f"other/{AFTER}/transport.csv": RULES, **more}
    case = case_of(tmp_path, files)
    for key in ("role-assignments", "transport-rules"):
        found = check_of(case, key)
        assert found.status is expected, (key, found.why)
        assert expected is PASS or f"names {domain}" in found.why


def test_the_export_of_this_house_decides_beside_another(tmp_path: Path) -> None:
    files = {
        f"other/{AFTER}/roles.csv": _roles("other.example"),
        f"other/{AFTER}/transport.csv": RULES,
        f"ours/{AFTER}/roles.csv": _roles("gov.example"),
        f"ours/{AFTER}/transport.csv": RULES.replace("banner", "our banner"),
    }
    case = case_of(tmp_path, files)
    assert [check_of(case, key).status for key in ("role-assignments", "transport-rules")] == [PASS, PASS]


def _rules(names: tuple[str, ...]) -> str:
    rows = [(one, "Junk E-mail Rule", "True", "1", "", "False") for one in names]
    return table("Mailbox,Name,Enabled,RuleIdentity,ForwardTo,DeleteMessage", rows)


@pytest.mark.parametrize("form", ["{}@min.example", "MIN\\{}"])
def test_mailboxes_in_use_that_no_directory_export_has_are_asked_for(tmp_path: Path, form: str) -> None:
    more = tuple(form.format(f"m{one}") for one in range(5))
    logs = {iis_place("EX01", "210104"): log_of(work((*STAFF, *more), days=80))}
    found = check_of(case_of(tmp_path / "a", {**logs, f"exports/{AFTER}/rules.csv": _rules(STAFF)}), "inbox-rules")
    assert found.status is UNKNOWN
    assert "3 of 8 mailboxes" in found.why
    whole = {**logs, f"exports/{AFTER}/rules.csv": _rules((*STAFF, *more))}
    assert check_of(case_of(tmp_path / "b", whole), "inbox-rules").status is PASS


def test_what_leads_to_a_mailbox_that_no_directory_export_has_is_not_inside(tmp_path: Path) -> None:
    logs = {iis_place("EX01", "210104"): log_of(work((*STAFF, "m0@min.example"), days=80))}
    rules = _rules((*STAFF, "m0@min.example")).replace('"","False"', '"m0@min.example","False"', 1)
    found = check_of(case_of(tmp_path, {**logs, f"exports/{AFTER}/rules.csv": rules}), "inbox-rules")
    assert found.status is not PASS
    assert "to m0@min.example" in found.why
