"""Mailboxes that are not recorded though nothing says why: told where silence is no coincidence; and not otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest
from tests.scope.office import reasoned
from tests.scope.staged import bind, stage, ual_json, utc

from dwell.answers.mailboxes import findings
from dwell.model.claims import Grade
from dwell.model.coverage import CellState
from dwell.scope.investigation import Investigation
from dwell.scope.unrecorded import Unrecorded

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


def _told(found: Iterable[Unrecorded]) -> list[tuple[str, int]]:
    day = 86_400_000_000
    first = int(START.timestamp()) * 1_000_000 // day
    return [(one.mailbox, one.from_us // day - first) for one in found]


def test_nothing_is_told_where_records_go_on(tmp_path: Path) -> None:
    assert _case(tmp_path, _everybody()).unrecorded == ()


def test_silence_is_told_where_it_is_no_coincidence(tmp_path: Path) -> None:
    stops = _days(ANNA, range(60), opened=range(30))
    case = _case(tmp_path, [*_everybody(ANNA), *stops])
    assert _told(case.unrecorded) == [(ANNA, 30)]
    assert "30 days" in case.unrecorded[0].why
    (stretch,) = case.ledger.stretches({CellState.NOT_RECORDED})
    assert stretch[1] == f"ual/{ANNA}"
    mine = next(one for one in findings(case) if one.mailbox == ANNA)
    assert mine.coverage is not None
    assert mine.coverage.share == pytest.approx(0.5, abs=0.02)
    assert any("records of it stop" in one for one in mine.assumptions)
    assert mine.grade is Grade.NO_SIGN


def test_what_an_act_that_is_held_explains_is_told_once(tmp_path: Path) -> None:
    off = _ran(30, "Set-Mailbox", Identity=ANNA, AuditEnabled="False")
    case = _case(tmp_path, [*_everybody(ANNA), *_days(ANNA, range(60), opened=range(30)), off])
    assert case.unrecorded == ()
    assert [one.whose for one in case.silences.known] == [ANNA]


def test_who_stays_away_or_seldom_reads_is_not_silenced(tmp_path: Path) -> None:
    gone = _days(ANNA, range(30), opened=range(30))
    seldom = _days(OTTO, range(60), opened=range(0, 50, 12))
    others = [row for who in ("a@x.example", "b@x.example", EVA) for row in _days(who, range(60), opened=range(60))]
    assert _case(tmp_path, [*gone, *seldom, *others]).unrecorded == ()


def test_a_mailbox_that_was_never_recorded_is_told_unless_it_may_lie_elsewhere(tmp_path: Path) -> None:
    records = [*_everybody(ANNA), *_days(ANNA, range(60))]
    case = _case(tmp_path / "cloud", records)
    assert _told(case.unrecorded) == [(ANNA, 0)]
    log = (
        "#Software: Microsoft Internet Information Services 10.0\r\n#Fields: date time s-ip cs-method cs-uri-stem "
        "cs-username c-ip sc-status\r\n2021-01-01 08:00:00 10.0.0.1 GET /owa/ GOV\\anna 198.51.100.7 200\r\n"
    )
    place = "EX01/inetpub/logs/LogFiles/W3SVC1/u_ex210101.log"
    assert _case(tmp_path / "hybrid", records, **{place: log}).unrecorded == ()
