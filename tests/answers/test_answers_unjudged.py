"""What is not judged bears no negative; and what is called a service has to be one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from tests.scope.office import (
    BROWSERS,
    FOREIGN,
    NETWORK,
    PEOPLE,
    START,
    attended,
    facts,
    log_of,
    no_hunt,
    reasoned,
    visits,
)
from tests.scope.staged import bind, consent, ews_log, iis_place, stage, ual_json

from dwell.answers.assemble import assemble
from dwell.model.claims import EXPOSED, Grade, Question, Summary
from dwell.model.markings import Marking, MarkingKind, MarkingVerdict
from dwell.model.settings import Setting, SettingKind
from dwell.scope.investigation import investigate

OUTSIDE = f"{NETWORK}.14"
APP, PRINCIPAL = "aaaaaaaa-0000-4000-8000-000000000000", "bbbbbbbb-0000-4000-8000-000000000000"
PHONE, ADMIN = "cccccccc-0000-4000-8000-000000000000", "adm@gov.example"
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
    evidence: dict[str, str | bytes] = {
        iis_place("EX01", "210104"): log_of(attended() + rows),
        "directory.csv": DIRECTORY,
    }
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


@pytest.mark.parametrize(("people", "grade"), [(3, Grade.UNDETERMINABLE), (2, Grade.NO_SIGN)])
def test_an_agent_of_nobodys_with_which_several_are_where_they_never_were_leaves_them_open(
    tmp_path: Path, people: int, grade: Grade
) -> None:
    """At their own hours, behind the gateway of a third of the house."""
    gateway = [
        one
        for place, person in enumerate(PEOPLE[:12])
        for one in visits(person, f"198.20.1.{place + 1}", BROWSERS[place % 3], range(0, 60, 2), hour=7 + place % 4)
    ]
    tool = [
        one
        for person in PEOPLE[20 : 20 + people]
        for one in visits(person, "198.20.1.98", FOREIGN, range(0, 60, 7), hour=8)
    ]
    found = told(tmp_path, [*gateway, *tool])
    assert not found.intrusions
    assert [grades(found)[PEOPLE[one]] for one in (0, 20)] == [Grade.NO_SIGN, grade]


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


def rights(who: str, day: int = 1) -> dict[str, object]:
    """Give the record by which somebody lets the application Helper read mail: his own, or everybody's."""
    return consent(f"{START + timedelta(days=day, hours=9):%Y-%m-%d %H:%M:%S}", who, APP, PRINCIPAL, f"rights {who}")


def opened(person: str, client: str, day: int, hour: int, agent: str, **more: object) -> dict[str, object]:
    """Give the record of a message that somebody, or something for him, opened in his mailbox."""
    at = f"{START + timedelta(days=day, hours=hour, minutes=PEOPLE.index(person)):%Y-%m-%d %H:%M:%S}"
    return bind(at, person, person, client, agent, messages=[f"<{at}{person}@x>"]) | more


def by_app(people: Sequence[str], client: str, days: Iterable[int], hour: int = 10) -> list[dict[str, object]]:
    return [opened(one, client, day, hour, "Client=REST;;", ClientAppId=APP) for day in days for one in people]


def in_tenant(
    folder: Path, rows: list[dict[str, object]], *settings: Setting, markings: Sequence[Marking] = ()
) -> Summary:
    own = [
        opened(one, f"198.19.{place}.7", day, 7 + more, agent, ClientAppId=PHONE)
        for day in range(60)
        for place, one in enumerate(PEOPLE)
        for more, agent in enumerate(("Client=OWA;Mozilla/5.0 Firefox/84.0;", "Client=REST;;"))
    ]
    staged = stage(folder, {"m365/a.jsonl": ual_json([*own, *rows]), "directory.csv": DIRECTORY})
    case = investigate(staged.archive, no_hunt(), staged.paths, settings=settings, markings=markings, workers=1)
    return assemble(case, facts(staged))


def test_what_an_application_read_to_which_owners_consented_is_open_until_somebody_says_that_it_is_wanted(
    tmp_path: Path,
) -> None:
    theirs = PEOPLE[:5]
    rows = [*(rights(one) for one in theirs[:4]), *by_app(theirs, "203.0.113.9", range(5, 60, 9))]
    found = in_tenant(tmp_path / "before", rows)
    assert {name for name, grade in grades(found).items() if grade is Grade.UNDETERMINABLE} == set(theirs)
    assert {grades(found)[one] for one in PEOPLE[5:]} == {Grade.NO_SIGN}
    (why,) = {one.assumptions for one in found.mailboxes if one.grade is Grade.UNDETERMINABLE}
    assert any("Helper" in one and "4 owners" in one and f"set service {APP}" in one for one in why)
    for place, at in enumerate(("", "203.0.113.0/24")):
        known = Setting("S1", SettingKind.SERVICE, APP, "the travel office's", "me", at=at)
        after = in_tenant(tmp_path / f"after {place}", rows, known)
        assert set(grades(after).values()) == {Grade.NO_SIGN}
        assert [one.sessions for one in after.case_settings] == [len(rows) - 4]
    unknown = [{**one, "ClientIPAddress": ""} if one.get("ClientAppId") == APP else one for one in rows]
    known = Setting("S1", SettingKind.SERVICE, APP, "the travel office's", "me")
    assert grades(in_tenant(tmp_path / "no address", unknown))[theirs[0]] is Grade.UNDETERMINABLE
    assert grades(in_tenant(tmp_path / "no address, set", unknown, known))[theirs[0]] is Grade.NO_SIGN
    elsewhere = Setting("S1", SettingKind.SERVICE, APP, "the travel office's", "me", at="192.0.2.7")
    assert grades(in_tenant(tmp_path / "elsewhere", rows, elsewhere))[theirs[0]] is Grade.UNDETERMINABLE


def test_an_archive_that_an_administrator_let_in_leaves_nothing_open_but_what_is_read_beside_its_rounds(
    tmp_path: Path,
) -> None:
    rows = [rights(ADMIN), *by_app(PEOPLE, "203.0.113.9", range(3, 60, 4), hour=2)]
    assert set(grades(in_tenant(tmp_path / "archive", rows)).values()) == {Grade.NO_SIGN}
    beside = by_app(PEOPLE[:2], "192.0.2.7", range(30, 60, 6))
    found = grades(in_tenant(tmp_path / "beside", [*rows, *beside]))
    assert {name for name, grade in found.items() if grade is Grade.UNDETERMINABLE} == set(PEOPLE[:2])


def test_the_consent_of_one_owner_opens_no_other_mailbox_that_an_archive_reads(tmp_path: Path) -> None:
    rows = [rights(PEOPLE[3]), *by_app(PEOPLE, "203.0.113.9", range(3, 60, 4), hour=2)]
    found = grades(in_tenant(tmp_path, rows))
    assert {name for name, grade in found.items() if grade is Grade.UNDETERMINABLE} == {PEOPLE[3]}


@pytest.mark.parametrize(
    ("named", "grade"),
    [
        ("Client=REST;;", Grade.NO_SIGN),
        (f"application {APP} Client=REST;;", Grade.NO_SIGN),
        (f"application {PHONE} Client=REST;;", Grade.UNDETERMINABLE),
    ],
)
def test_a_marking_of_what_applications_call_themselves_speaks_of_each_of_them(
    tmp_path: Path, named: str, grade: Grade
) -> None:
    rows = [*(rights(one) for one in PEOPLE[:4]), *by_app(PEOPLE[:4], "203.0.113.9", range(5, 60, 9))]
    said = Marking(
        "M1", MarkingKind.CLIENT, "203.0.113.9", MarkingVerdict.OURS, "the travel office's", "me", agent=named
    )
    assert grades(in_tenant(tmp_path, rows, markings=[said]))[PEOPLE[0]] is grade


def test_a_program_of_a_few_that_polls_for_some_days_is_no_negative_either(tmp_path: Path) -> None:
    eas = "/Microsoft-Server-ActiveSync/default.eas"
    rows = [
        one
        for person in PEOPLE[:6]
        for hour in range(0, 24, 3)
        for one in visits(person, OUTSIDE, "App/1", range(51, 60), hour=hour, stem=eas)
    ]
    found = told(tmp_path, rows)
    assert not found.intrusions
    assert {grades(found)[one] for one in PEOPLE[:6]} == {Grade.UNDETERMINABLE}
