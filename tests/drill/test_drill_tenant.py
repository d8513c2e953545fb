"""The tenant of an exercise: what is written of consents, rights, guessing and forwarding, and what never is."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dwell.drill import DrillPlan, Scenario, scenario, write_drill

FIRST, LAST = datetime(2021, 1, 1, tzinfo=UTC), datetime(2021, 4, 1, tzinfo=UTC)
COLLECTOR = "collector@mail-box.example"


class Written:
    """A small exercise as it was written."""

    def __init__(self, name: str, folder: Path) -> None:
        self.truth = write_drill(
            folder / "evidence", folder / "truth.json", DrillPlan(5, 24, FIRST, LAST, scenario(name))
        )
        self.folder = folder / "evidence" / "m365"
        self.records = [one for path in sorted(self.folder.glob("AuditLog-*.csv")) for one in _records(path)]
        self.quiet = next((one for one in self.truth["intruders"] if one["id"] == "quiet"), None)

    def of(self, *operations: str) -> list[dict[str, Any]]:
        return [one for one in self.records if one["Operation"].rstrip(".") in operations]

    def reads(self, app: str) -> list[dict[str, Any]]:
        ids = {_id(one) for one in self.of("Consent to application") if _name(one) == app}
        return [one for one in self.of("MailItemsAccessed") if one.get("ClientAppId") in ids]

    def json(self, name: str) -> list[dict[str, Any]]:
        found = json.loads((self.folder / name).read_text("utf-8"))["value"]
        assert isinstance(found, list)
        return found


def _records(path: Path) -> Iterator[dict[str, Any]]:
    lines = path.read_text("utf-8-sig").splitlines()
    for row in csv.DictReader(lines[1:]):
        yield json.loads(row["AuditData"])


def _name(record: dict[str, Any]) -> str:
    return next(str(one["ID"]) for one in record["Target"] if one["Type"] == 1)


def _id(record: dict[str, Any]) -> str:
    return str(record["ObjectId"])


def _values(record: dict[str, Any]) -> dict[str, str]:
    return {one["Name"]: one["Value"] for one in record["Parameters"]}


@pytest.mark.parametrize(
    "traits",
    [{"mode": "app"}, {"mode": "forward"}, {"sprayed": True}, {"audit": "bypass"}, {"tenant": ("travel-app",)}],
)
def test_what_is_done_in_the_tenant_needs_a_tenant(traits: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="cloud"):
        Scenario(**traits)
    assert Scenario(**traits, cloud=True).cloud


def test_applications_read_only_whom_they_were_let_in_by(tmp_path: Path) -> None:
    found = Written("cloud-apps", tmp_path)
    assert found.truth["intruders"] == []
    for app in ("Relation Desk", "Shared Planner", "Trip Papers"):
        since = {one["UserId"]: one["CreationTime"] for one in found.of("Consent to application") if _name(one) == app}
        reads = found.reads(app)
        assert reads
        assert all(since[one["MailboxOwnerUPN"]] <= one["CreationTime"] for one in reads)
    backup = [one for one in found.of("MailItemsAccessed") if one["UserType"] == 5]
    assert {one["MailboxOwnerUPN"] for one in backup} == set(found.truth["mailboxes"])
    assert {_values(one)["ForwardTo"].partition("@")[2] for one in found.of("New-InboxRule")} == {"ministry.example"}


def test_owners_consent_before_an_application_reads(tmp_path: Path) -> None:
    found = Written("cloud-consent", tmp_path)
    assert found.quiet is not None
    consents = {one["UserId"]: one for one in found.of("Consent to application") if _name(one) == "Mail Insights"}
    assert set(consents) == set(found.quiet["mailboxes"])
    assert all("Mail.Read" in str(one["ModifiedProperties"]) for one in consents.values())
    assert not any("ClientIP" in one or "ActorIpAddress" in one for one in consents.values())
    reads = found.reads("Mail Insights")
    assert {one["MailboxOwnerUPN"] for one in reads} == set(found.quiet["mailboxes"])
    assert {one["ClientIPAddress"] for one in reads} == set(found.quiet["clients"])
    assert all(one["CreationTime"] > consents[one["UserId"]]["CreationTime"] for one in reads)
    assert min(one["CreationTime"] for one in consents.values()) == found.quiet["first_utc"].rstrip("Z")
    told = [one for one in found.json("EntraAudit.json") if one["targetResources"][0]["displayName"] == "Mail Insights"]
    assert {one["initiatedBy"]["user"]["ipAddress"] for one in told} == {"100.70.0.5"}


def test_a_stolen_administrator_lets_an_application_in_from_its_network(tmp_path: Path) -> None:
    found = Written("cloud-app-only", tmp_path)
    assert found.quiet is not None
    (grant,) = [
        one for one in found.of("Add app role assignment to service principal") if "Directory Health" in str(one)
    ]
    before = [one for one in found.of("UserLoggedIn") if one["UserId"] == grant["UserId"]]
    last = max(
        (one for one in before if one["CreationTime"] <= grant["CreationTime"]), key=lambda one: one["CreationTime"]
    )
    assert last["ClientIP"] in found.quiet["clients"]


def test_guessing_lets_in_those_who_are_read_and_nobody_else(tmp_path: Path) -> None:
    found = Written("cloud-spray", tmp_path)
    assert found.quiet is not None
    owa = {one["ClientIPAddress"] for one in found.of("MailItemsAccessed")}
    sprayed = [one for one in found.json("SignIns.json") if one["ipAddress"] in set(found.quiet["clients"]) - owa]
    refused = {one["userPrincipalName"] for one in sprayed if one["status"]["errorCode"] == 50126}
    let_in = {one["userPrincipalName"] for one in sprayed if one["status"]["errorCode"] == 0}
    assert let_in == set(found.quiet["mailboxes"])
    assert refused | let_in == set(found.truth["mailboxes"])
    assert min(one["createdDateTime"] for one in sprayed) == found.quiet["first_utc"]


def test_mail_is_sent_on_only_after_a_rule_or_a_setting(tmp_path: Path) -> None:
    found = Written("cloud-forwarding", tmp_path)
    assert found.quiet is not None
    made: dict[str, str] = {}
    for one in found.of("New-InboxRule", "Set-Mailbox"):
        told = _values(one)
        if COLLECTOR in (told.get("ForwardTo"), told.get("ForwardingSmtpAddress", "").removeprefix("smtp:")):
            made[one["UserId"]] = one["CreationTime"]
    assert set(made) == set(found.quiet["mailboxes"])
    assert {one["Operation"] for one in found.of("New-InboxRule", "Set-Mailbox")} == {"New-InboxRule", "Set-Mailbox"}
    rows = list(csv.DictReader((found.folder / "MessageTrace.csv").read_text("utf-8").splitlines()))
    sent = [one for one in rows if one["RecipientAddress"] == COLLECTOR]
    assert {one["SenderAddress"] for one in sent} == set(made)
    assert all(one["Received"] > made[one["SenderAddress"]] for one in sent)
    theirs = set(found.quiet["clients"])
    assert not [one for one in found.of("MailItemsAccessed") if one["ClientIPAddress"] in theirs]


def test_rights_are_given_before_they_are_used(tmp_path: Path) -> None:
    found = Written("cloud-rights", tmp_path)
    assert found.quiet is not None
    theirs = set(found.quiet["clients"])
    given = {
        _values(one)["Identity"]: one["CreationTime"]
        for one in found.of("Add-MailboxPermission")
        if one["ClientIP"].partition(":")[0] in theirs
    }
    reads = [
        one for one in found.of("MailItemsAccessed") if one["ClientIPAddress"] in theirs and one["LogonType"] == 2
    ]  # fmt: skip
    assert len({one["UserId"] for one in reads}) == 1
    assert all(given[one["MailboxOwnerUPN"]] < one["CreationTime"] for one in reads)


@pytest.mark.parametrize(
    ("name", "operation"),
    [
        ("cloud-mailboxes-unaudited", "Set-Mailbox"),
        ("cloud-audit-bypassed", "Set-MailboxAuditBypassAssociation"),
        ("cloud-audit-off", "Set-AdminAuditLogConfig"),
        ("cloud-licence-dropped", "Update user"),
        ("cloud-unlicensed", ""),
        ("cloud-throttled", ""),
    ],
)
def test_what_is_not_audited_is_not_written(name: str, operation: str, tmp_path: Path) -> None:
    found = Written(name, tmp_path)
    assert found.quiet is not None
    silent = {one: tuple(when) for one, when in found.truth["unrecorded"].items()}
    acts = found.of(operation)
    assert bool(acts) is bool(operation)
    reads = found.of("MailItemsAccessed")
    if name == "cloud-audit-off":
        (off, on) = (one["CreationTime"] for one in acts)
        assert on > off
        assert not [one for one in found.records if off < one["CreationTime"] < on]
    elif name == "cloud-audit-bypassed":
        (who,) = (_values(one)["Identity"] for one in acts)
        assert not [one for one in reads if one["UserId"] == who and one["CreationTime"] > acts[0]["CreationTime"]]
    else:
        assert silent
        hidden = [
            one
            for one in reads
            if silent.get(one["MailboxOwnerUPN"], ("9", ""))[0]
            < f"{one['CreationTime']}Z"
            < silent[one["MailboxOwnerUPN"]][1]
        ]
        assert hidden == []
        assert {one["MailboxOwnerUPN"] for one in reads} - set(silent)
    throttled = [one for one in reads if {"Name": "IsThrottled", "Value": "True"} in one["OperationProperties"]]
    assert bool(throttled) is (name == "cloud-throttled")


def test_equal_plans_give_equal_bytes(tmp_path: Path) -> None:
    first, second = (Written("cloud-consent", tmp_path / one) for one in ("a", "b"))
    assert first.records == second.records
    assert first.truth == second.truth
    assert first.json("EntraAudit.json") == second.json("EntraAudit.json")


def test_ends_of_silences_lie_in_the_time_of_the_exercise(tmp_path: Path) -> None:
    found = Written("cloud-mailboxes-unaudited", tmp_path)
    spans = [tuple(map(datetime.fromisoformat, one)) for one in found.truth["unrecorded"].values()]
    assert all(FIRST <= start < end <= LAST + timedelta(days=1) for start, end in spans)
