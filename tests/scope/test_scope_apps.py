"""Applications are put together by their ids, by name only where that can mean one, and no record breaks the reading."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.scope.staged import bind, stage, ual_json

from dwell.scope.app_acts import Deed, app_acts, done, mail_rights
from dwell.scope.apps import App, apps_of
from dwell.scope.names import learn
from dwell.scope.revocations import revocations

SECRET = "Update application – Certificates and secrets management "
APP, OTHER, OBJECT, SECOND, PRINCIPAL = (f"{digit * 8}-0000-4000-8000-000000000000" for digit in "abcde")

Record = dict[str, object]


def _record(operation: str, name: str, ids: tuple[str, ...], kind: str, day: int = 1, **changed: str) -> Record:
    target = [{"ID": name, "Type": 1}, {"ID": kind, "Type": 2}, *({"ID": one, "Type": 2} for one in ids)]
    return {
        "CreationTime": f"2021-03-{day:02}T08:00:00", "Id": f"{operation}{ids}{day}", "RecordType": 8,
        "Workload": "AzureActiveDirectory", "Operation": operation, "UserId": "eva@gov.example", "ObjectId": ids[0],
        "Target": target,
        "ModifiedProperties": [{"Name": key, "NewValue": value, "OldValue": ""} for key, value in changed.items()],
    }  # fmt: skip


def _consent(name: str, app: str, principal: str, day: int = 2, scope: str = "openid Mail.Read") -> Record:
    record = _record("Consent to application.", name, (principal, app), "ServicePrincipal", day)
    value = f"[] => [[Scope: {scope}]]; "
    return record | {"ModifiedProperties": [{"Name": "ConsentAction.Permissions", "NewValue": value, "OldValue": ""}]}


def _read(app: str, day: int = 3) -> Record:
    at, otto = f"2021-03-{day:02} 08:00:00", "otto@gov.example"
    return bind(at, otto, otto, "203.0.113.9", "REST", messages=[f"<{day}@x>"]) | {"ClientAppId": app}


@pytest.mark.parametrize(
    ("text", "rights"),
    [
        ("openid User.Read Mail.Read Mail.ReadWrite.Shared", {"Mail.Read", "Mail.ReadWrite.Shared"}),
        ("EAS.AccessAsUser.All Exchange.ManageAsApp", {"EAS.AccessAsUser.All", "Exchange.ManageAsApp"}),
        ("RoleManagement.ReadWrite.Directory openid", {"RoleManagement.ReadWrite.Directory"}),
        ("full_access_as_app EWS.AccessAsUser.All", {"full_access_as_app", "EWS.AccessAsUser.All"}),
        ("Files.Read.All Gmail.Reader Directory.Read.All", set()),
    ],
)
def test_rights_on_mail_are_told_from_others(text: str, rights: set[str]) -> None:
    assert mail_rights(text) == rights


def test_an_object_and_a_principal_of_one_name_are_one_and_it_is_said(tmp_path: Path) -> None:
    secret = _record(SECRET, "Helper", (OBJECT,), "Application")
    staged = stage(tmp_path, {"m365/a.jsonl": ual_json([secret, _consent("Helper", APP, PRINCIPAL), _read(APP)])})
    (app,) = apps_of(staged.archive, learn(staged.archive))
    assert (app.name, app.by_name, len(app.given), len(app.reads)) == ("Helper", True, 2, 1)


def test_two_principals_of_one_name_are_joined_to_nothing(tmp_path: Path) -> None:
    secret = _record(SECRET, "Helper", (OBJECT,), "Application")
    records = [secret, _consent("Helper", APP, PRINCIPAL), _consent("Helper", OTHER, SECOND), _read(APP)]
    staged = stage(tmp_path, {"m365/a.jsonl": ual_json(records)})
    found = apps_of(staged.archive, learn(staged.archive))
    assert [(one.name, one.by_name, len(one.reads)) for one in found] == [
        ("Helper", False, 0), ("Helper", False, 1), ("Helper", False, 0),
    ]  # fmt: skip


def test_an_id_joins_whatever_the_name(tmp_path: Path) -> None:
    made = _record("Add application.", "Helper", (OBJECT,), "Application", AppId=APP)
    secret = _record(SECRET, "Renamed", (OBJECT,), "Application", 2)
    staged = stage(tmp_path, {"m365/a.jsonl": ual_json([made, secret, _read(APP)])})
    (app,) = apps_of(staged.archive, learn(staged.archive))
    assert (app.by_name, len(app.reads)) == (False, 1)


def test_only_rights_that_are_new_are_given(tmp_path: Path) -> None:
    again = _consent("Helper", APP, PRINCIPAL)
    value = "[[Scope: Mail.Read]] => [[Scope: Mail.Read offline_access]]; "
    again |= {"ModifiedProperties": [{"Name": "ConsentAction.Permissions", "NewValue": value, "OldValue": ""}]}
    staged = stage(tmp_path, {"m365/a.jsonl": ual_json([again])})
    assert [one.deed for one in app_acts(staged.archive)] == [Deed.NAMED]
    assert apps_of(staged.archive, learn(staged.archive)) == ()


def _removed(day: int = 5, operation: str = "Remove service principal.", **more: object) -> Record:
    return _record(operation, "Helper", (PRINCIPAL, APP), "ServicePrincipal", day) | more


def _one_app(root: Path, *records: Record) -> App:
    staged = stage(root, {"m365/a.jsonl": ual_json(records)})
    (app,) = apps_of(staged.archive, learn(staged.archive))
    return app


@pytest.mark.parametrize(
    ("records", "gone"),
    [
        ([_removed()], True),
        ([_removed(ResultStatus="Success")], True),
        ([_removed(ResultStatus="Failure")], False),
        ([_removed(1)], False),
        ([_removed(), _removed(6, "Restore service principal.")], False),
        ([_removed(), _removed(6, "Restore service principal.", ResultStatus="Failure")], True),
        ([_removed(), _removed(6, "Restore service principal."), _removed(7)], True),
        ([_record("Delete application.", "Helper", (OBJECT,), "Application", 5, AppId=APP)], False),
    ],
    ids=["removed", "and it says so", "failed", "before", "restored", "not restored", "gone again", "its object only"],
)
def test_an_application_is_gone_where_its_service_principal_went_for_good(
    tmp_path: Path, records: list[Record], gone: bool
) -> None:
    app = _one_app(tmp_path, _consent("Helper", APP, PRINCIPAL), *records)
    assert (app.removed is not None) is gone


def test_a_secret_of_the_applications_object_goes_with_the_object(tmp_path: Path) -> None:
    secret = _record(SECRET, "Helper", (OBJECT,), "Application")
    deleted = _record("Delete application.", "Helper", (OBJECT,), "Application", 5)
    assert _one_app(tmp_path, secret, deleted).removed is not None


@pytest.mark.parametrize(("day", "late"), [(5, False), (6, False), (7, True)])
def test_what_reads_on_when_no_token_is_good_any_more_is_not_gone(tmp_path: Path, day: int, late: bool) -> None:
    app = _one_app(tmp_path, _consent("Helper", APP, PRINCIPAL), _removed(), _read(APP, day))
    assert app.removed is not None
    assert (app.outlived is not None) is late


def test_a_consent_that_failed_gave_nothing(tmp_path: Path) -> None:
    failed = _consent("Helper", APP, PRINCIPAL) | {"ResultStatus": "Failure"}
    assert [one.deed for one in app_acts(stage(tmp_path, {"m365/a.jsonl": ual_json([failed])}).archive)] == [Deed.NAMED]


@pytest.mark.parametrize(
    ("result", "accounts"), [("Success", ["anna@gov.example"]), ("Failure", []), (None, ["anna@gov.example"])]
)
def test_a_revocation_that_failed_is_none(tmp_path: Path, result: str | None, accounts: list[str]) -> None:
    record = _record("Update StsRefreshTokenValidFrom Timestamp.", "anna", ("anna@gov.example",), "User")
    record |= {"ObjectId": "anna@gov.example"} | ({} if result is None else {"ResultStatus": result})
    staged = stage(tmp_path, {"m365/a.jsonl": ual_json([record])})
    assert [one[0] for one in revocations(staged.archive, learn(staged.archive))] == accounts


@pytest.mark.parametrize("odd", [5, "text", {"ID": "x"}, [5, "x", None], None, [[]]])
def test_no_record_breaks_the_reading(tmp_path: Path, odd: object) -> None:
    plain = _record(SECRET, "Helper", (OBJECT,), "Application")
    broken = [plain | {"Target": odd}, plain | {"ModifiedProperties": odd}]
    entra = {
        "activityDateTime": "2021-03-01T08:00:00Z", "id": "1", "activityDisplayName": SECRET, "targetResources": odd,
        "initiatedBy": {"user": {"userPrincipalName": "eva@gov.example"}}, "category": "x",
    }  # fmt: skip
    whole = dict(entra, id="2", targetResources=[{"id": OBJECT, "displayName": "Helper", "type": "Application"}])
    files = {"m365/a.jsonl": ual_json(broken), "entra/a.json": json.dumps([whole, entra])}
    staged = stage(tmp_path, files)
    assert len(apps_of(staged.archive, learn(staged.archive))) == 1


@pytest.mark.parametrize("word", ["success", "Erfolg", "Réussite", "Geslaagd", None])
def test_a_portal_in_another_language_says_success_in_its_own_words(word: str | None) -> None:
    assert done(word)
    assert not done("Fehler")
