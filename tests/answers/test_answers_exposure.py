"""Exposure (R8): one case, made by hand, in which six ways of reading mail give six grades."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.scope.office import FOREIGN, NETWORK, PEOPLE, attended, facts, log_of, reasoned, visits
from tests.scope.staged import bind, ews_log, iis_place, proxy_log, stage, ual_json

from dwell.answers.assemble import assemble
from dwell.model.claims import EXPOSED, Grade, MailboxExposure, Summary
from dwell.model.markings import Marking, MarkingKind, MarkingVerdict
from dwell.scope.investigation import Investigation

BOUND, SYNCED, HELD_BACK, IMPERSONATED, FORGED, OWNER, REFUSED, SERVICE = PEOPLE[:8]
CLIENT = f"{NETWORK}.14"
AUDIT_AGENT = f"Client=OWA;{FOREIGN.replace('+', ' ')};"
LOUD = "100.71.9.44"
TO_EWS = "ServerInfo~a]@EX01.gov.example:444/EWS/Exchange.asmx?a=~1"


def _iis() -> str:
    rows = attended()
    rows += visits(OWNER, CLIENT, FOREIGN, range(20, 44, 3), hour=3)
    for filler in PEOPLE[10:13]:
        rows += visits(filler, CLIENT, FOREIGN, range(20, 44, 4), hour=3)
    rows += visits(REFUSED, CLIENT, FOREIGN, range(22, 30), hour=4, status=401)
    return log_of(rows)


def _audit() -> str:
    records = []
    for place, person in enumerate(PEOPLE):
        # the export reaches from the first day of the servers' logs to the last
        for date in ("01-04", "01-05", "01-12", "01-19", "01-26", "03-04"):
            at = f"2021-{date} 09:{place:02}:00"
            own = "Client=OWA;Mozilla/5.0 Chrome/73.0;"
            records.append(bind(at, person, person, f"198.19.{place}.7", own, messages=[f"<own-{place}-{date}@x>"]))
    for day in (25, 28):
        at = f"2021-01-{day} 03:20:00"
        records.append(bind(at, BOUND, BOUND, CLIENT, AUDIT_AGENT, messages=["<m1@x>", "<m2@x>"], size=900))
        records.append(bind(at, SYNCED, SYNCED, CLIENT, AUDIT_AGENT, kind="Sync", folder="\\Postvak IN"))
    records.append(
        bind(
            "2021-01-26 10:30:00",
            HELD_BACK,
            HELD_BACK,
            "198.19.2.7",
            "Client=OWA;Mozilla/5.0 Chrome/73.0;",
            throttled=True,
        )
    )
    return ual_json(sorted(records, key=lambda one: str(one["CreationTime"])))


def _ews() -> str:
    rows: list[dict[str, object]] = [
        {
            "DateTime": f"2021-02-{day:02}T03:30:0{place}.000Z",
            "RequestId": f"i-{day}-{place}",
            "AuthenticatedUser": SERVICE,
            "UserAgent": FOREIGN.replace("+", " "),
            "ClientIpAddress": CLIENT,
            "SoapAction": "GetItem",
            "HttpStatus": 200,
            "ImpersonatedUser": IMPERSONATED,
            "ActAsUser": IMPERSONATED,
            "ResponseSize": 1_000,
        }
        for day in (1, 4)
        for place in range(3)
    ]
    rows.append(
        {
            "DateTime": "2021-02-20T02:00:01.000Z",
            "RequestId": "F-1",
            "AuthenticatedUser": "GOV\\EX01$",
            "SoapAction": "FindItem",
            "HttpStatus": 200,
            "ActAsUser": FORGED,
        }
    )
    for place, person in enumerate(PEOPLE):
        rows += [
            {
                "DateTime": f"2021-02-{day:02}T10:{place:02}:00.000Z",
                "RequestId": f"o-{place}-{day}",
                "AuthenticatedUser": person,
                "UserAgent": "Outlook/16.0",
                "ClientIpAddress": f"198.19.{place}.7",
                "SoapAction": "GetFolder",
                "HttpStatus": 200,
                "ActAsUser": person,
            }
            for day in (2, 3)
        ]
    return ews_log(sorted(rows, key=lambda one: str(one["DateTime"])))


def _proxy() -> str:
    base = {"Protocol": "Ecp", "UrlStem": "/ecp/y.js", "UserAgent": "python-requests/2.25.1", "ClientIpAddress": LOUD}
    forged = {
        "DateTime": "2021-02-20T02:00:02.000Z",
        "RequestId": "f-1",
        **base,
        "HttpStatus": 200,
        "AnchorMailbox": TO_EWS,
        "ResponseBytes": 4_321,
    }
    same = [
        {
            "DateTime": f"2021-02-{day:02}T03:30:0{place}.500Z",
            "RequestId": f"i-{day}-{place}",
            "Protocol": "Ews",
            "UrlStem": "/ews/exchange.asmx",
            "AuthenticatedUser": SERVICE,
            "AnchorMailbox": f"Smtp~{IMPERSONATED}",
            "UserAgent": FOREIGN.replace("+", " "),
            "ClientIpAddress": CLIENT,
            "HttpStatus": 200,
            "ResponseBytes": 1_200,
        }
        for day in (1, 4)
        for place in range(3)
    ]
    return proxy_log([*same, forged])


@dataclass(frozen=True)
class _Told:
    case: Investigation
    summary: Summary

    def mailbox(self, name: str) -> MailboxExposure:
        return next(one for one in self.summary.mailboxes if one.mailbox == name)


def evidence() -> dict[str, str | bytes]:
    """Give the files of the case."""
    directory = "PrimarySmtpAddress,SamAccountName,RecipientTypeDetails\r\n" + "".join(
        f"{one},{one.partition('@')[0]},UserMailbox\r\n" for one in PEOPLE
    )
    return {
        iis_place("EX01", "210104"): _iis(),
        "EX01/Logging/Ews/Ews_2021020103-1.LOG": _ews(),
        "EX01/Logging/HttpProxy/Ews/HttpProxy_2021020103-1.LOG": _proxy(),
        "cloud/UAL.json": _audit(),
        "cloud/copy/UAL.json": "[" + ",".join(_audit().splitlines()) + "]",
        "directory.csv": directory,
    }


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> _Told:
    """Give the case's answers."""
    staged = stage(tmp_path_factory.mktemp("exposure"), evidence())
    assert staged.anomalies == 0
    case = reasoned(staged)
    return _Told(case, assemble(case, facts(staged)))


@pytest.mark.parametrize(
    ("name", "grade"),
    [
        (BOUND, Grade.NAMED),
        (SYNCED, Grade.DOWNLOADED),
        (IMPERSONATED, Grade.READ),
        (FORGED, Grade.LISTED),
        (OWNER, Grade.OPENED),
        (REFUSED, Grade.ATTEMPTED),
        (HELD_BACK, Grade.UNDETERMINABLE),
        (PEOPLE[20], Grade.NO_SIGN),
    ],
)
def test_each_way_of_reading_has_its_grade(told: _Told, name: str, grade: Grade) -> None:
    assert told.mailbox(name).grade is grade


def test_six_ways_of_reading_give_six_grades(told: _Told) -> None:
    six = (BOUND, SYNCED, HELD_BACK, IMPERSONATED, FORGED, OWNER)
    assert len({told.mailbox(one).grade for one in six}) == 6


def test_messages_are_counted_once_however_often_they_are_told(told: _Told) -> None:
    found = told.mailbox(BOUND)
    assert (found.messages, found.message_ids) == (2, ("<m1@x>", "<m2@x>"))
    # two records of 1,800 bytes; the second export tells the same two
    assert (found.bytes, found.bytes_source) == (3_600, "SizeInBytes of the audit records")
    assert found.sessions == 2


def test_a_synchronised_folder_is_named(told: _Told) -> None:
    found = told.mailbox(SYNCED)
    assert found.folders == ("\\Postvak IN",)
    assert found.messages is None


def test_a_request_in_two_logs_is_one_request(told: _Told) -> None:
    """The front end and the EWS log hold the same six calls: six messages, and the front end's bytes."""
    found = told.mailbox(IMPERSONATED)
    assert found.messages == 6
    assert (found.bytes, found.bytes_source) == (7_200, "HttpProxy ResponseBytes")
    assert found.sessions == 2
    assert "one message for each request that fetched any" in found.assumptions
    assert "mailbox = authenticated user" not in found.assumptions


def test_a_forged_call_is_joined_to_its_mailbox_by_the_request_id(told: _Told) -> None:
    found = told.mailbox(FORGED)
    assert found.bytes == 4_321
    assert {one.table for one in found.grounds} == {"httpproxy", "ews"}
    assert found.clients == (f"{LOUD} python-requests/2.25.1",)


def test_what_iis_alone_tells_is_told_with_its_assumptions(told: _Told) -> None:
    found = told.mailbox(OWNER)
    assert found.assumptions == ("mailbox = authenticated user", "no log held has bytes for these requests")
    assert (found.bytes, found.messages, found.sessions) == (None, None, 8)


def test_refusals_alone_are_an_attempt_and_its_records_are_named(told: _Told) -> None:
    found = told.mailbox(REFUSED)
    assert found.sessions == 0
    assert found.intrusions == told.mailbox(OWNER).intrusions
    assert {one.table for one in found.grounds} == {"iis"}
    assert all(REFUSED not in one.mailboxes for one in told.summary.intrusions)
    assert any("refused" in one.text and REFUSED in one.text for one in told.summary.claims)


def test_a_throttled_day_is_told_and_never_taken_for_no_sign(told: _Told) -> None:
    found = told.mailbox(HELD_BACK)
    assert found.intrusions == ()
    assert any("throttled" in one for one in found.assumptions)
    plain = told.mailbox(PEOPLE[20]).coverage
    assert found.coverage is not None
    assert plain is not None
    assert found.coverage.hours_able < plain.hours_able


def test_an_exposed_mailbox_always_has_an_intrusion_and_grounds(told: _Told) -> None:
    known = {one.id for one in told.summary.intrusions}
    for one in told.summary.mailboxes:
        assert bool(one.intrusions) == (one.grade in EXPOSED | {Grade.ATTEMPTED})
        assert set(one.intrusions) <= known
        assert bool(one.grounds) == bool(one.intrusions)
        assert one.coverage is not None
        if one.grade in EXPOSED:
            assert one.first_utc is not None
            assert one.sessions > 0


def test_the_two_intruders_are_apart_and_the_mailboxes_are_theirs(told: _Told) -> None:
    first, second = told.summary.intrusions
    assert set(first.mailboxes) == {BOUND, SYNCED, IMPERSONATED, OWNER, *PEOPLE[10:13]}
    assert second.mailboxes == (FORGED,)
    assert first.entry == ("valid accounts (T1078)",)
    assert second.entry == ("CVE-2021-26855",)


def test_the_same_office_without_the_intruders_shows_none(tmp_path: Path) -> None:
    staged = stage(tmp_path, {iis_place("EX01", "210104"): log_of(attended())})
    found = assemble(reasoned(staged), facts(staged))
    assert found.intrusions == ()
    assert {one.grade for one in found.mailboxes} == {Grade.NO_SIGN}
    assert len(found.mailboxes) == len(PEOPLE)


def _counted(count: int, tmp_path: Path) -> MailboxExposure:
    """Give a mailbox of which two exports tell one record that names one message and counts so many."""
    record = bind("2021-01-25 03:20:00", BOUND, BOUND, CLIENT, AUDIT_AGENT, messages=["<m1@x>"], size=900)
    audited = ual_json([record | {"OperationCount": count}])
    files = evidence() | {"M365/one.json": audited, "M365/two.json": audited + "\n"}
    staged = stage(tmp_path, {name: text for name, text in files.items() if "UAL" not in name.upper()})
    found = assemble(reasoned(staged), facts(staged))
    (bound,) = [one for one in found.mailboxes if one.mailbox == BOUND]
    return bound


@pytest.mark.parametrize(("count", "told"), [(6, True), (1, False)])
def test_messages_that_a_record_counts_and_does_not_name_are_told_with_the_list(
    tmp_path: Path, count: int, told: bool
) -> None:
    bound = _counted(count, tmp_path)
    assert (bound.grade, bound.message_ids) == (Grade.NAMED, ("<m1@x>",))
    said = "1 audit record counts 5 more accessed (OperationCount) than named: the list of messages is not whole"
    assert (said in bound.assumptions) is told
    assert any("OperationCount" in one for one in bound.assumptions) is told


def test_messages_that_were_opened_from_inside_are_named_too(tmp_path: Path) -> None:
    inside = "10.9.9.14"
    rows = attended() + visits(BOUND, inside, FOREIGN, range(20, 44, 3), hour=3)
    audited = [bind("2021-01-25 03:20:00", BOUND, BOUND, inside, AUDIT_AGENT, messages=["<m1@x>"], size=900)]
    staged = stage(tmp_path, {iis_place("EX01", "210104"): log_of(rows), "cloud/UAL.json": ual_json(audited)})
    theirs = Marking("M1", MarkingKind.NETWORK, "10.9.9.0/24", MarkingVerdict("theirs"), "seized there", "me")
    found = assemble(reasoned(staged, markings=[theirs]), facts(staged))
    (bound,) = [one for one in found.mailboxes if one.mailbox == BOUND]
    assert (bound.grade, bound.message_ids) == (Grade.NAMED, ("<m1@x>",))
