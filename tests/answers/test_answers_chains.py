"""From a stolen signing key to mail that an application read: tied by what is recorded, and by nothing less."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.scope.staged import bind, security_log, stage, ual_json

from dwell import api
from dwell.model.claims import FootholdState, Grade, Question, ReachVerdict, Summary
from dwell.model.hypotheses import HypothesisVerdict

APP, OBJECT, PRINCIPAL = (f"{digit * 8}-0000-4000-8000-000000000000" for digit in "abc")
SECRET = "Update application – Certificates and secrets management "
PHOTO = "%%7684 {8d3bca50-1d7e-11d0-a081-00aa006c33ed}"
STS = "10.0.0.5"

Record = dict[str, object]


def _directory(at: str, operation: str, who: str, name: str, ids: tuple[str, ...], kind: str, **changed: str) -> Record:
    target = [{"ID": name, "Type": 1}, {"ID": kind, "Type": 2}, *({"ID": one, "Type": 2} for one in ids)]
    return {
        "CreationTime": at.replace(" ", "T"), "Id": f"{at}{operation}", "RecordType": 8, "Operation": operation,
        "Workload": "AzureActiveDirectory", "UserId": who, "ObjectId": ids[0], "Target": target,
        "ActorIpAddress": "203.0.113.9",
        "ModifiedProperties": [{"Name": key, "NewValue": value, "OldValue": ""} for key, value in changed.items()],
    }  # fmt: skip


def _tenant(giver: str = "eva@gov.example", *, removed: bool = False) -> list[Record]:
    """Give a tenant in which one account gives an application a secret and rights, and it reads Otto's mail."""
    given = {"ConsentAction.Permissions": "[] => [[Scope: openid Mail.Read]]; "}
    named = _directory("2021-08-02 12:00:00", "Add application.", giver, "Helper", (OBJECT,), "Application", AppId=APP)
    secret = _directory("2021-08-02 13:20:00", SECRET, giver, "Helper", (OBJECT,), "Application", KeyDescription="k")
    consent = _directory(
        "2021-08-02 13:25:00", "Consent to application.", giver, "Helper", (PRINCIPAL, APP), "ServicePrincipal"
    )
    consent["ModifiedProperties"] = [{"Name": key, "NewValue": value} for key, value in given.items()]
    early = bind(
        "2021-08-02 13:00:00",
        "otto@gov.example",
        "otto@gov.example",
        "203.0.113.9",
        "Client=REST;;",
        messages=["<0@x>"],
    )
    read = bind(
        "2021-08-02 13:30:00",
        "otto@gov.example",
        "otto@gov.example",
        "203.0.113.9",
        "Client=REST;;",
        messages=["<1@x>", "<2@x>"],
    )
    own = bind(
        "2021-08-02 13:31:00", "anna@gov.example", "anna@gov.example", "203.0.113.7", "Client=OWA", messages=["<3@x>"]
    )
    out = [named, secret, consent, early | {"ClientAppId": APP}, read | {"ClientAppId": APP.upper()}, own]
    gone = _directory(
        "2021-08-03 08:00:00",
        "Remove service principal.",
        "adm@gov.example",
        "Helper",
        (PRINCIPAL,),
        "ServicePrincipal",
    )
    return [*out, gone] if removed else out


def _logon(number: int, at: str, account: str, client: str = STS) -> Record:
    return {"number": number, "event": 4624, "at": at, "TargetUserName": account, "LogonType": "3", "IpAddress": client}


def _dc(*more: Record, giver: str = "eva", client: str = STS) -> str:
    read = {
        "number": 0, "event": 4662, "at": "2021-08-02 13:11:00", "SubjectUserName": "spy", "Properties": PHOTO,
        "ObjectType": "%{5cb41ed0-0e4c-11d0-a286-00aa003049e2}",
    }  # fmt: skip
    rows = [_logon(0, "2021-08-02 13:10:59", "spy"), read, _logon(0, "2021-08-02 13:12:00", giver, client), *more]
    rows.sort(key=lambda one: str(one["at"]))
    return security_log([{**one, "number": number} for number, one in enumerate(rows, 1)], host="DC1")


def _sts() -> str:
    pipe = {
        "number": 1, "event": 18, "at": "2021-08-02 13:05:00", "provider": "Microsoft-Windows-Sysmon",
        "Image": "C:\\Windows\\System32\\cmd.exe", "PipeName": "\\MICROSOFT##WID\\tsql\\query",
    }  # fmt: skip
    return security_log([pipe], host="STS1", channel="Microsoft-Windows-Sysmon/Operational")


def _summary(root: Path, tenant: list[Record], *, dc: str | None = None, sts: bool = True) -> Summary:
    files = {"m365/audit.jsonl": ual_json(tenant)}
    files |= {"STS1/sysmon.xml": _sts()} if sts else {}
    files |= {"DC1/security.xml": dc} if dc else {}
    staged = stage(root, files)
    api.hunt(staged.case.root, workers=1)
    return api.answers(staged.case.root, workers=1).summary


def _grades(found: Summary) -> dict[str, Grade]:
    return {one.mailbox: one.grade for one in found.mailboxes}


def test_the_whole_chain_is_told_with_its_grounds(tmp_path: Path) -> None:
    found = _summary(tmp_path, _tenant(), dc=_dc())
    (intrusion,) = found.intrusions
    assert intrusion.mailboxes == ("otto@gov.example",)
    assert {"T1606.002", "T1528", "T1114.002"} <= set(intrusion.techniques)
    otto = next(one for one in found.mailboxes if one.mailbox == "otto@gov.example")
    assert (otto.grade, otto.messages, otto.intrusions) == (Grade.NAMED, 2, ("I1",))
    assert set(otto.message_ids) == {"<1@x>", "<2@x>"}
    assert _grades(found)["anna@gov.example"] is Grade.NO_SIGN
    chain = next(one for one in found.claims if one.question is Question.ENTRY and "signing key" in one.text)
    assert chain.text.startswith("I1 took the signing key of AD FS")
    assert "given Mail.Read by eva@gov.example" in chain.text
    assert {ref.table for ref in chain.grounds} == {"evtx", "ual"}
    assert any("2 accounts logged on from there" in one for one in chain.against)
    verdicts = {one.system: (one.system_class, one.verdict) for one in found.reach}
    assert verdicts["DC1"] == ("directory", ReachVerdict.REACHED)
    assert verdicts["STS1"][1] is ReachVerdict.REACHED
    way = next(one for one in found.hypotheses if one.id == "H-tenant-app")
    assert way.verdict is HypothesisVerdict.SEEN


@pytest.mark.parametrize(
    ("dc", "sts"),
    [
        # nobody who gave rights was seen where the key was read from
        (_dc(giver="otto"), True),
        (_dc(client="10.0.0.99"), True),
        # an address that everybody logs on from
        (_dc(*(_logon(0, f"2021-08-02 13:12:{place:02}", f"user{place}") for place in range(10))), True),
        # no key was stolen at all
        (_dc(), False),
    ],
)  # fmt: skip
def test_without_a_recorded_tie_an_application_is_laid_to_nobody(tmp_path: Path, dc: str, sts: bool) -> None:
    found = _summary(tmp_path, _tenant(), dc=dc, sts=sts)
    assert _grades(found)["otto@gov.example"] is Grade.UNDETERMINABLE
    told = next(one for one in found.claims if one.question is Question.MAILBOXES and "application Helper" in one.text)
    assert "laid to no known intrusion" in told.text
    assert "3 messages named" in told.text
    unsure = next(one for one in found.claims if "cannot be determined" in one.text)
    assert any("Helper" in one for one in unsure.against)
    assert [one.intrusion for one in found.foothold] == [None]


def test_an_application_is_told_once_with_what_it_was_given_and_who_took_it_away(tmp_path: Path) -> None:
    (told,) = _summary(tmp_path, [*_tenant(removed=True), *_tenant()], sts=False).foothold
    assert told.kind == "application"
    assert told.what.count("a secret added by eva@gov.example") == 1
    assert told.state is FootholdState.REMOVED
    assert told.state_why == "taken away at 2021-08-03 08:00:00 UTC by adm@gov.example"


def test_half_a_key_is_not_told_as_a_key(tmp_path: Path) -> None:
    found = _summary(tmp_path, _tenant())
    chain = next(one for one in found.claims if one.question is Question.ENTRY and "signing key" in one.text)
    assert chain.text.startswith("I1 opened where AD FS keeps its signing key")
    assert "no application of the tenant is tied to it" in chain.text


def test_entras_own_log_tells_the_same(tmp_path: Path) -> None:
    """A name joins a secret to what Defender calls the reader; another application of that name makes it nobody's."""
    properties = [{"displayName": "KeyDescription", "oldValue": "[]", "newValue": "x"}]
    target = {"id": OBJECT, "displayName": "Helper", "type": "Application", "modifiedProperties": properties}
    user = {"user": {"userPrincipalName": "eva@gov.example"}}
    record = {
        "activityDateTime": "2021-08-02T13:20:00Z", "id": "d1", "activityDisplayName": SECRET, "initiatedBy": user,
        "targetResources": [target], "category": "ApplicationManagement",
    }  # fmt: skip
    raw = json.dumps({"Operation": "MailItemsAccessed", "ClientAppId": APP})
    defender = {
        "Timestamp": "2021-08-02T13:30:00Z", "ActionType": "MailItemsAccessed", "ReportId": "1", "RawEventData": raw,
        "AccountDisplayName": "Helper", "AccountObjectId": APP, "DeviceId": "", "AccountUpn": "",
    }  # fmt: skip
    other = {**defender, "RawEventData": None, "ReportId": "0"}
    read = bind(
        "2021-08-02 13:30:00",
        "otto@gov.example",
        "otto@gov.example",
        "203.0.113.9",
        "Client=REST;;",
        messages=["<1@x>"],
    )
    files = {
        "DC1/security.xml": _dc(), "STS1/sysmon.xml": _sts(), "entra/audit.json": json.dumps([record]),
        "m365/audit.jsonl": ual_json([read | {"ClientAppId": APP}]),
        "defender/rows.json": f"{json.dumps(other)}\n{json.dumps(defender)}\n",
    }  # fmt: skip
    staged = stage(tmp_path, files)
    api.hunt(staged.case.root, workers=1)
    found = api.answers(staged.case.root, workers=1).summary
    otto = next(one for one in found.mailboxes if one.mailbox == "otto@gov.example")
    assert otto.grade is Grade.NAMED
    assert any("joined by its name" in one for one in otto.assumptions)


@pytest.mark.parametrize(("at", "told"), [("2021-08-02 14:00:00", 1), ("2021-08-02 12:00:00", 0)])
def test_the_first_logon_of_an_intrusions_account_is_told_and_laid_to_nobody(
    tmp_path: Path, at: str, told: int
) -> None:
    quiet = [{**_logon(number, f"2021-08-02 1{number}:30:00", "anna", "10.0.0.9")} for number in range(1, 5)]
    rows = sorted([*quiet, _logon(0, at, "spy", "10.0.0.8")], key=lambda one: str(one["at"]))
    log = security_log([{**one, "number": number} for number, one in enumerate(rows, 1)], host="FS09")
    files = {"STS1/sysmon.xml": _sts(), "DC1/security.xml": _dc(), "FS09/security.xml": log}
    staged = stage(tmp_path, files)
    api.hunt(staged.case.root, workers=1)
    found = api.answers(staged.case.root, workers=1).summary
    claims = [one for one in found.claims if "spy, an account of I1, is first seen on FS09" in one.text]
    assert len(claims) == told
    assert next(one.verdict for one in found.reach if one.system == "FS09") is ReachVerdict.NO_SIGN
    assert all(any("its owner may have logged on himself" in why for why in one.against) for one in claims)
