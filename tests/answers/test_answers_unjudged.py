"""What is not judged bears no negative; and what is called a service has to be one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from tests.scope.office import BROWSERS, FOREIGN, NETWORK, PEOPLE, START, facts, log_of, no_hunt, reasoned, visits, work
from tests.scope.staged import ews_log, iis_place, stage

from dwell.answers.assemble import assemble
from dwell.model.claims import EXPOSED, Grade, Question, Summary
from dwell.model.settings import Setting, SettingKind
from dwell.scope.investigation import investigate

OUTSIDE = f"{NETWORK}.14"
DIRECTORY = "PrimarySmtpAddress,SamAccountName,RecipientTypeDetails\r\n" + "".join(
    f"{one},{one.partition('@')[0]},UserMailbox\r\n" for one in PEOPLE
)


def calls(account: str, client: str, agent: str, days: Iterable[int], boxes: Sequence[str]) -> str:
    """Give the EWS log of one account that opens mailboxes of others at night, each once a night."""
    rows: list[dict[str, object]] = []
    for day in days:
        for place, box in enumerate(boxes):
            at = START + timedelta(days=day, hours=3, minutes=place)
            rows.append(
                {
                    "DateTime": f"{at:%Y-%m-%dT%H:%M:%S}.000Z",
                    "RequestId": f"{day}-{place}",
                    "AuthenticatedUser": account,
                    "UserAgent": agent,
                    "ClientIpAddress": client,
                    "ServerHostName": "EX01",
                    "SoapAction": "GetItem",
                    "HttpStatus": 200,
                    "ResponseSize": 5_000,
                    "ImpersonatedUser": box,
                }
            )
    return ews_log(rows)


def told(folder: Path, rows: list[dict[str, object]], ews: str = "", *settings: Setting) -> Summary:
    evidence: dict[str, str | bytes] = {iis_place("EX01", "210104"): log_of(work() + rows), "directory.csv": DIRECTORY}
    if ews:
        evidence["EX01/Logging/Ews/Ews_2021010400-1.LOG"] = ews
    staged = stage(folder, evidence)
    case = (
        investigate(staged.archive, no_hunt(), staged.paths, settings=settings, workers=1)
        if settings
        else reasoned(staged)
    )
    return assemble(case, facts(staged))


def grades(summary: Summary) -> dict[str, Grade]:
    return {one.mailbox: one.grade for one in summary.mailboxes}


@pytest.mark.parametrize("size", [11, 14, 23])
@pytest.mark.parametrize("days", [(10,), range(10, 40, 5)], ids=["one night", "six nights"])
def test_a_person_who_takes_half_of_the_house_is_no_service(tmp_path: Path, size: int, days: Iterable[int]) -> None:
    boxes = [one for one in PEOPLE if one != PEOPLE[5]][-size:]
    found = told(tmp_path, [], calls(PEOPLE[5], OUTSIDE, "Tool/1.0", days, [*boxes, PEOPLE[5]]))
    assert {name for name, grade in grades(found).items() if grade in EXPOSED} >= set(boxes)
    assert set(grades(found)) == set(PEOPLE)


def test_what_a_service_opens_from_outside_is_open_until_somebody_says_that_it_is_one(tmp_path: Path) -> None:
    ews = calls("svc-app@gov.example", OUTSIDE, "Tool/1.0", range(10, 40, 5), PEOPLE)
    before = grades(told(tmp_path / "before", [], ews))
    assert set(before.values()) == {Grade.UNDETERMINABLE}
    service = Setting("S1", SettingKind.SERVICE, "svc-app@gov.example", "the archive", "me", at=f"{NETWORK}.0/24")
    after = grades(told(tmp_path / "after", [], ews, service))
    assert set(after.values()) == {Grade.NO_SIGN}


def test_a_service_inside_is_the_houses_work(tmp_path: Path) -> None:
    found = told(tmp_path, [], calls("svc-app@gov.example", "10.1.2.3", "Tool/1.0", range(10, 40, 5), PEOPLE))
    assert set(grades(found).values()) == {Grade.NO_SIGN}


@pytest.mark.parametrize("name", ["GOV\\EVIL$", "HealthMailbox1234567890abcdef@gov.example"])
def test_a_mailbox_that_a_name_of_the_systems_kind_opens_from_outside_has_no_negative(
    tmp_path: Path, name: str
) -> None:
    rows = visits(name, OUTSIDE, FOREIGN, range(0, 50, 2), hour=3, stem=f"/owa/{PEOPLE[3]}/")
    found = told(tmp_path, rows)
    assert grades(found)[PEOPLE[3]] is Grade.UNDETERMINABLE
    assert grades(found)[PEOPLE[4]] is Grade.NO_SIGN
    (one,) = [one for one in found.mailboxes if one.mailbox == PEOPLE[3]]
    assert any(f"{NETWORK}.0/24" in text for text in one.assumptions)


@pytest.mark.parametrize(("people", "grade"), [(PEOPLE[:8], Grade.UNDETERMINABLE), (PEOPLE[:2], Grade.NO_SIGN)])
def test_one_device_of_many_mailboxes_leaves_them_open_whatever_it_calls_itself(
    tmp_path: Path, people: Sequence[str], grade: Grade
) -> None:
    rows = []
    for person in people:
        query = f"Cmd=Sync&User={person}&DeviceId=EVILDEV&DeviceType=Phone"
        eas = "/Microsoft-Server-ActiveSync/default.eas"
        rows += visits(person, OUTSIDE, "Phone/12.1", range(0, 50, 5), hour=3, stem=eas, query=query)
    found = grades(told(tmp_path, rows))
    assert {found[one] for one in people} == {grade}
    assert found[PEOPLE[20]] is Grade.NO_SIGN


def test_a_device_that_was_only_inside_is_an_administrators_test(tmp_path: Path) -> None:
    rows = [
        one
        for person in PEOPLE[:5]
        for one in visits(
            person,
            "10.1.1.9",
            "Test/1",
            [20],
            stem="/Microsoft-Server-ActiveSync/default.eas",
            query=f"Cmd=Sync&User={person}&DeviceId=TEST1&DeviceType=Probe",
        )
    ]
    assert set(grades(told(tmp_path, rows)).values()) == {Grade.NO_SIGN}


def test_a_foreign_agent_at_night_where_many_of_the_house_are_leaves_the_mailbox_open(tmp_path: Path) -> None:
    """Behind the carrier of a third of the house nobody is judged by his agent."""
    carried = [
        one
        for place, person in enumerate(PEOPLE[:12])
        for one in visits(person, f"198.20.1.{place + 1}", BROWSERS[place % 3], range(0, 60, 2), hour=7 + place % 4)
    ]
    night = visits(PEOPLE[20], "198.20.1.99", FOREIGN, range(0, 60, 6), hour=3)
    day = visits(PEOPLE[21], "198.20.1.98", FOREIGN, range(0, 60, 7), hour=8)
    found = told(tmp_path, [*carried, *night, *day])
    assert [grades(found)[PEOPLE[one]] for one in (0, 20, 21)] == [Grade.NO_SIGN, Grade.UNDETERMINABLE, Grade.NO_SIGN]
    (box,) = [one for one in found.mailboxes if one.mailbox == PEOPLE[20]]
    assert any("198.20.1.0/24" in text and "Konqueror" in text for text in box.assumptions)


def test_who_stays_is_named_where_intrusions_are_told_and_where_limits_are(tmp_path: Path) -> None:
    branch = [f"b{place}@gov.example" for place in range(5)]
    rows = [
        one
        for person in branch
        for one in visits(person, "203.0.113.9", "Mozilla/5.0+Firefox/52.0", [day for day in range(60) if day % 7 < 5])
    ]
    found = told(tmp_path, rows)
    verdicts = {one.question: one.verdict for one in found.answers}
    assert "whether 203.0.113.0/24 Mozilla/5 Firefox/52, foreign to several accounts" in verdicts[Question.INTRUSIONS]
    assert any(
        "5 accounts come day after day" in one.text for one in found.claims if one.question is Question.BLINDSPOTS
    )


def test_a_few_behind_one_client_for_some_nights_are_no_intrusion_and_no_negative(tmp_path: Path) -> None:
    rows = [one for person in PEOPLE[:7] for one in visits(person, OUTSIDE, FOREIGN, range(52, 60), hour=3)]
    found = told(tmp_path, rows)
    assert not found.intrusions
    assert {grades(found)[one] for one in PEOPLE[:7]} == {Grade.UNDETERMINABLE}
    assert grades(found)[PEOPLE[20]] is Grade.NO_SIGN
