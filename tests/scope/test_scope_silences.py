"""What the tenant did not record: told by what switched it off, or by silence that is no coincidence; and not otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from tests.scope.office import reasoned
from tests.scope.staged import bind, stage, ual_json, utc

from dwell.answers.mailboxes import findings
from dwell.model.coverage import CellState
from dwell.scope.investigation import Investigation
from dwell.scope.silences import Silence

Record = dict[str, object]
ANNA, OTTO, EVA = "anna@gov.example", "otto@gov.example", "eva@gov.example"
ADMIN = "admin@gov.example"
START = utc("2021-01-01 08:00:00")


def _at(day: int, minute: int = 0) -> str:
    return f"{START + timedelta(days=day, minutes=minute):%Y-%m-%d %H:%M:%S}"


def _sign_in(day: int, who: str) -> Record:
    return {
        "CreationTime": _at(day).replace(" ", "T"), "Id": f"sign-in {who} {day}", "RecordType": 15,
        "Operation": "UserLoggedIn", "Workload": "AzureActiveDirectory", "UserId": who, "ClientIP": "198.51.100.7",
    }  # fmt: skip


def _opened(day: int, who: str) -> Record:
    return bind(
        _at(day, 5), who, who, "198.51.100.7", "Client=OWA;Mozilla/5.0 Chrome/88.0;", messages=[f"<{who}{day}>"]
    )


def _ran(day: int, name: str, worked: str = "True", **values: str) -> Record:
    return {
        "CreationTime": _at(day, 30).replace(" ", "T"), "Id": f"{name} {day} {values}", "RecordType": 1, "Operation": name,
        "Workload": "Exchange", "UserId": ADMIN, "ObjectId": values.get("Identity", "x"), "ResultStatus": worked,
        "Parameters": [{"Name": key, "Value": value} for key, value in values.items()],
    }  # fmt: skip


def _days(who: str, days: Iterable[int], *, opened: Iterable[int] = ()) -> list[Record]:
    return [*(_sign_in(one, who) for one in days), *(_opened(one, who) for one in opened)]


def _case(root: Path, records: Iterable[Record], **more: str) -> Investigation:
    return reasoned(stage(root, {"m365/a.jsonl": ual_json(records), **more}))


def _everybody(*but: str) -> list[Record]:
    return [row for who in {ANNA, OTTO, EVA} - set(but) for row in _days(who, range(60), opened=range(60))]


def _told(found: Iterable[Silence]) -> list[tuple[str, str, int, int]]:
    day = 86_400_000_000
    first = int(START.timestamp()) * 1_000_000 // day
    return [(one.mailbox, one.account, one.from_us // day - first, one.to_us // day - first) for one in found]


def test_nothing_is_told_where_records_go_on(tmp_path: Path) -> None:
    assert _case(tmp_path, _everybody()).silences == ()


def test_a_mailbox_is_dark_from_the_cmdlet_to_the_next(tmp_path: Path) -> None:
    acts = [
        _ran(10, "Set-Mailbox", Identity=ANNA, AuditEnabled="False"),
        _ran(30, "Set-Mailbox", Identity=ANNA, AuditEnabled="True"),
        _ran(12, "Set-Mailbox", worked="False", Identity=OTTO, AuditEnabled="False"),
        _ran(14, "Set-Mailbox", Identity=EVA, AuditEnabled="True"),
    ]
    case = _case(tmp_path, [*_everybody(), *acts])
    assert _told(case.silences) == [(ANNA, "", 10, 30)]
    assert ADMIN in case.silences[0].why
    (stretch,) = case.ledger.stretches({CellState.NOT_RECORDED})
    assert stretch[1] == f"ual/{ANNA}"
    assert (stretch[4] - stretch[3]) == timedelta(days=20, hours=1)


def test_an_account_that_is_bypassed_is_told_and_its_mailbox_is_dark(tmp_path: Path) -> None:
    act = _ran(10, "Set-MailboxAuditBypassAssociation", Identity=ANNA, AuditBypassEnabled="True")
    case = _case(tmp_path, [*_everybody(), act])
    assert [one[:3] for one in _told(case.silences)] == [("", ANNA, 10), (ANNA, ANNA, 10)]
    assert [one[1] for one in case.ledger.stretches({CellState.NOT_RECORDED})] == [f"ual/{ANNA}"]


def test_a_mailbox_on_which_a_bypassed_account_has_rights_is_dark(tmp_path: Path) -> None:
    acts = [
        _ran(8, "Add-MailboxPermission", Identity=OTTO, User=ANNA, AccessRights="FullAccess"),
        _ran(10, "Set-MailboxAuditBypassAssociation", Identity=ANNA, AuditBypassEnabled="True"),
        _ran(12, "Add-MailboxPermission", Identity=ANNA, User=EVA, AccessRights="FullAccess"),
    ]
    case = _case(tmp_path, [*_everybody(), *acts])
    assert {one[:3] for one in _told(case.silences)} == {("", ANNA, 10), (ANNA, ANNA, 10), (OTTO, ANNA, 10)}
    grades = {one.mailbox: one.grade.value for one in findings(case)}
    assert grades == {ANNA: "undeterminable", EVA: "no-sign", OTTO: "undeterminable"}


def test_the_tenant_is_dark_only_where_it_holds_no_record(tmp_path: Path) -> None:
    rows = [row for who in (ANNA, OTTO, EVA) for row in _days(who, (*range(10), *range(40, 60)), opened=range(10))]
    acts = [
        _ran(9, "Set-AdminAuditLogConfig", UnifiedAuditLogIngestionEnabled="False"),
        _ran(40, "Set-AdminAuditLogConfig", UnifiedAuditLogIngestionEnabled="True"),
    ]
    case = _case(tmp_path, [*rows, *acts])
    assert ("", "", 9, 40) in _told(case.silences)
    (stretch,) = [one for one in case.ledger.stretches({CellState.NOT_RECORDED}) if one[1] == "ual"]
    assert (stretch[4] - stretch[3]).days == 30


def test_a_plan_that_is_taken_away_darkens_the_mailbox(tmp_path: Path) -> None:
    def changed(day: int, who: str, old: str, new: str) -> Record:
        value = "[SkuName=E5, DisabledPlans=[{}]]"
        return {
            "CreationTime": _at(day, 40).replace(" ", "T"), "Id": f"plan {who} {day}", "RecordType": 8, "UserId": ADMIN,
            "Operation": "Update user.", "ObjectId": who, "Workload": "AzureActiveDirectory", "ModifiedProperties": [
                {"Name": "AssignedLicense", "OldValue": value.format(old), "NewValue": value.format(new)},
            ],
        }  # fmt: skip

    plan = "M365_ADVANCED_AUDITING"
    acts = [changed(20, ANNA, "", plan), changed(21, OTTO, plan, plan), changed(22, EVA, plan, "")]
    case = _case(tmp_path, [*_everybody(), *acts])
    assert [one[:3] for one in _told(case.silences)] == [(ANNA, "", 20)]


def test_silence_is_told_where_it_is_no_coincidence(tmp_path: Path) -> None:
    stops = _days(ANNA, range(60), opened=range(30))
    case = _case(tmp_path, [*_everybody(ANNA), *stops])
    assert [one[:3] for one in _told(case.silences)] == [(ANNA, "", 30)]
    assert "30 days" in case.silences[0].why


def test_who_stays_away_or_seldom_reads_is_not_silenced(tmp_path: Path) -> None:
    gone = _days(ANNA, range(30), opened=range(30))
    seldom = _days(OTTO, range(60), opened=range(0, 50, 12))
    others = [row for who in ("a@x.example", "b@x.example", EVA) for row in _days(who, range(60), opened=range(60))]
    assert _case(tmp_path, [*gone, *seldom, *others]).silences == ()


def test_a_mailbox_that_was_never_recorded_is_told_unless_it_may_lie_elsewhere(tmp_path: Path) -> None:
    records = [*_everybody(ANNA), *_days(ANNA, range(60))]
    case = _case(tmp_path / "cloud", records)
    assert [one[:3] for one in _told(case.silences)] == [(ANNA, "", 0)]
    log = (
        "#Software: Microsoft Internet Information Services 10.0\r\n#Fields: date time s-ip cs-method cs-uri-stem "
        "cs-username c-ip sc-status\r\n2021-01-01 08:00:00 10.0.0.1 GET /owa/ GOV\\anna 198.51.100.7 200\r\n"
    )
    place = "EX01/inetpub/logs/LogFiles/W3SVC1/u_ex210101.log"
    assert _case(tmp_path / "hybrid", records, **{place: log}).silences == ()
