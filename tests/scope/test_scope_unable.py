"""A log that is held and could not have shown an act bears no negative about it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.scope.office import PEOPLE, facts, reasoned, work
from tests.scope.staged import bind, iis_log, iis_place, proxy_log, stage, ual_json

from dwell.answers.assemble import assemble
from dwell.answers.ways import ways_of
from dwell.model.claims import ClaimGrade, Grade, Summary
from dwell.scope.investigation import Investigation
from dwell.scope.rollup.ual import TENANT
from dwell.scope.unable import FORGED, OPENING, WEEK

DIRECTORY = "PrimarySmtpAddress,SamAccountName,RecipientTypeDetails\r\n" + "".join(
    f"{one},{one.partition('@')[0]},UserMailbox\r\n" for one in PEOPLE
)
OWA = {"Protocol": "Owa", "UrlStem": "/owa/"}
EAS = {"Protocol": "Eas", "UrlStem": "/Microsoft-Server-ActiveSync/default.eas"}


def _told(root: Path, files: dict[str, str]) -> tuple[Investigation, Summary]:
    staged = stage(root, files)
    case = reasoned(staged)
    return case, assemble(case, facts(staged))


def _sign_in(at: str, person: str) -> dict[str, object]:
    return {
        "CreationTime": at, "Id": f"{at}/{person}", "RecordType": 15, "Operation": "UserLoggedIn", "UserId": person,
        "Workload": "AzureActiveDirectory", "ClientIP": f"198.19.{PEOPLE.index(person)}.7", "ResultStatus": "Success",
    }  # fmt: skip


def _opened(day: int, person: str) -> dict[str, object]:
    at = f"2021-01-{day:02} 09:10:00"
    return bind(at, person, person, "198.19.0.7", "Client=OWA;Mozilla/5.0;", messages=[f"<{day}@x>"])


SIGN_INS = [_sign_in(f"2021-01-{day:02}T09:00:00", one) for day in range(4, 30) for one in PEOPLE[:6]]


def test_sign_ins_alone_say_of_no_mailbox_that_it_was_not_opened(tmp_path: Path) -> None:
    """Reading leaves a record only where MailItemsAccessed is recorded and exported; a sign-in ends where mail begins."""
    case, summary = _told(tmp_path, {"UAL.json": ual_json(SIGN_INS), "directory.csv": DIRECTORY})
    assert {one.grade for one in summary.mailboxes} == {Grade.UNDETERMINABLE}
    assert {one.coverage.hours_able for one in summary.mailboxes if one.coverage} == {0}
    assert (
        case.ledger.coverage([TENANT], {"ual"}, case.ledger.first_hour, case.ledger.last_hour, "a consent").share == 1
    )
    assert any("MailItemsAccessed" in one.text for one in summary.claims if one.question.value == "blindspots")


def test_an_export_of_some_mailboxes_says_nothing_of_the_others(tmp_path: Path) -> None:
    """Who asked for one user's records has one user's records; those of others may have been asked for or not."""
    records = [_opened(day, PEOPLE[0]) for day in range(4, 30)]
    _, summary = _told(tmp_path, {"UAL.json": ual_json([*SIGN_INS, *records]), "directory.csv": DIRECTORY})
    grades = {one.mailbox: one.grade for one in summary.mailboxes}
    assert grades.pop(PEOPLE[0]) is Grade.NO_SIGN
    assert set(grades.values()) == {Grade.UNDETERMINABLE}
    negatives = [one for one in summary.claims if one.grade is ClaimGrade.NO_SIGN and "mailbox" in one.text]
    assert [("1 mailbox" in one.text) for one in negatives] == [True]


def test_hours_further_than_a_week_from_any_opening_are_not_covered(tmp_path: Path) -> None:
    """Sign-ins from 4 to 29 January, openings on the 4th alone: by hand, from 09:00 on the 4th one week and an hour."""
    case, summary = _told(tmp_path, {"UAL.json": ual_json([*SIGN_INS, _opened(4, PEOPLE[7])])})
    told = {one.mailbox: one.coverage for one in summary.mailboxes}[PEOPLE[7]]
    assert told is not None
    assert (told.hours_able, told.hours_asked) == (WEEK + 1, 25 * 24 + 1)
    assert set(case.ledger.unable) == {
        (TENANT, "ual", act) for act in (OPENING, "tenant-password", "tenant-other", "tenant-app")
    }


def test_people_of_a_server_who_sign_in_to_the_tenant_are_asked_for_on_the_server(tmp_path: Path) -> None:
    """A sign-in may be to anything; whose mailbox is used on the server to the end has it there, a moved one has not."""
    files = {
        iis_place("EX01", "210104"): iis_log(
            sorted((one for one in work() if one["user"] != PEOPLE[1]), key=lambda one: str(one["at"]))
        ),
        "UAL.json": ual_json(SIGN_INS),
    }
    _, summary = _told(tmp_path, files)
    grades = {one.mailbox: one.grade for one in summary.mailboxes}
    assert grades[PEOPLE[0]] is Grade.NO_SIGN
    assert grades[PEOPLE[1]] is Grade.UNDETERMINABLE


def _proxy(kind: dict[str, str], days: range) -> str:
    return proxy_log(
        {
            **kind, "DateTime": f"2021-01-{day:02}T{hour:02}:00:00.000Z", "RequestId": f"{day}-{hour}", "HttpStatus": 200,
            "AuthenticatedUser": PEOPLE[0], "UserAgent": "Chrome/73", "ClientIpAddress": "198.19.0.7",
            "ServerHostName": "EX01",
        }
        for day in days
        for hour in range(24)
    )  # fmt: skip


@pytest.mark.parametrize(("kind", "able"), [(EAS, 0), (OWA, 72)])
def test_the_proxy_log_of_one_protocol_shows_no_forged_request_to_another(
    tmp_path: Path, kind: dict[str, str], able: int
) -> None:
    place = f"EX01/Logging/HttpProxy/{kind['Protocol']}/HttpProxy_2021010400-1.LOG"
    case, summary = _told(tmp_path, {place: _proxy(kind, range(4, 7))})
    first, last = case.ledger.first_hour, case.ledger.last_hour
    assert case.ledger.coverage(["EX01"], {"httpproxy"}, first, last, "a forged request", act=FORGED).hours_able == able
    negatives = [one for one in summary.claims if one.grade is ClaimGrade.NO_SIGN and "ProxyLogon" in one.text]
    assert bool(negatives) is bool(able)


def test_a_way_is_covered_by_the_proxy_only_near_requests_of_that_way(tmp_path: Path) -> None:
    """IIS shows that the web is offered; HttpProxy of the month holds phones alone, and so covers phones alone."""
    files = {
        iis_place("EX01", "210104"): iis_log(
            {"at": f"2021-01-04 {hour:02}:00:00", "user": PEOPLE[0]} for hour in range(24)
        ),
        "EX01/Logging/HttpProxy/Eas/HttpProxy_2021010400-1.LOG": _proxy(EAS, range(4, 24)),
    }
    case, _ = _told(tmp_path, files)
    told = {way: (one.hours_able, one.hours_asked) for way, one in ways_of(case).there}
    assert told == {"web": (24, 480), "ActiveSync": (480, 480)}


def _written_without(log: str, name: str) -> str:
    """Give an IIS log as it is where one field is not switched on."""
    place = -1
    out = []
    for line in log.split("\r\n"):
        cells = line.split(" ")
        if line.startswith("#Fields:"):
            place = cells.index(name)
        if line.startswith("#Fields:") or (line and not line.startswith("#")):
            cells.pop(place - (not line.startswith("#")))
        out.append(" ".join(cells))
    return "\r\n".join(out)


@pytest.mark.parametrize(
    ("name", "opened", "shell"),
    [
        ("cs-username", 12, 36), ("c-ip", 12, 36), ("cs(User-Agent)", 12, 36), ("cs-uri-stem", 12, 12),
        ("sc-status", 12, 12), ("sc-bytes", 36, 36),
    ],
)  # fmt: skip
def test_an_iis_log_without_the_fields_that_tell_who_asked_shows_no_opening(
    tmp_path: Path, name: str, opened: int, shell: int
) -> None:
    """A log of a whole day, written without one field, and one of the half day after it, with all."""
    first, second = (
        iis_log({"at": f"2021-01-{day:02} {hour:02}:10:00", "user": PEOPLE[0]} for hour in hours)
        for day, hours in ((4, range(24)), (5, range(12)))
    )
    files = {iis_place("EX01", "210104"): _written_without(first, name), iis_place("EX01", "210105"): second}
    case, _ = _told(tmp_path, files)
    hours = case.ledger.first_hour, case.ledger.first_hour + 36
    assert case.ledger.coverage(["EX01"], {"iis"}, *hours, "an opening", act=OPENING).hours_able == opened
    assert case.ledger.coverage(["EX01"], {"iis"}, *hours, "a web shell").hours_able == shell


def test_a_second_log_of_the_same_hours_that_has_the_fields_shows_them(tmp_path: Path) -> None:
    log = iis_log({"at": f"2021-01-04 {hour:02}:10:00", "user": PEOPLE[0]} for hour in range(24))
    files = {
        "EX01/inetpub/logs/LogFiles/W3SVC1/u_ex210104.log": _written_without(log, "cs-username"),
        "EX01/inetpub/logs/LogFiles/W3SVC2/u_ex210104.log": log,
    }
    case, _ = _told(tmp_path, files)
    hours = case.ledger.first_hour, case.ledger.last_hour
    assert case.ledger.coverage(["EX01"], {"iis"}, *hours, "an opening", act=OPENING).share == 1
