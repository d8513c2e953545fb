"""Qualified negatives (R2) and poor evidence: what cannot be said is said to be unknown, with its coverage."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.scope.office import FOREIGN, PEOPLE, attended, facts, log_of, reasoned, visits, work
from tests.scope.staged import Staged, bind, ews_log, iis_log, iis_place, proxy_log, security_log, stage, ual_json, utc

from dwell.answers.assemble import assemble
from dwell.answers.book import Book
from dwell.model.claims import ClaimGrade, Grade, Question, ReachVerdict, Summary
from dwell.model.coverage import Coverage
from dwell.report.summary_json import summary_text
from dwell.scope.investigation import Investigation

SOOTHING = re.compile(
    r"\b(?:clean\w*|safe\w*|secure[dr]?|nothing suspicious|not compromised|no compromise|all clear)\b", re.IGNORECASE
)
QUOTED = re.compile(r"“[^”]*”")
NEGATIVE = re.compile(r"\bno (?:further )?sign\b|\bis seen\b|\bnothing older\b|\bno older intrusion\b", re.IGNORECASE)
DIRECTORY = "PrimarySmtpAddress,SamAccountName,RecipientTypeDetails\r\n" + "".join(
    f"{one},{one.partition('@')[0]},UserMailbox\r\n" for one in PEOPLE
)
BROWSER = "Client=OWA;Mozilla/5.0 Chrome/73.0;"
TO_EWS = "ServerInfo~a]@EX01.gov.example:444/EWS/Exchange.asmx?a=~1"


def _answered(staged: Staged) -> tuple[Investigation, Summary]:
    case = reasoned(staged)
    return case, assemble(case, facts(staged))


def _texts(summary: Summary) -> Iterator[str]:
    for claim in summary.claims:
        yield claim.text
        yield from claim.against
        if claim.coverage is not None:
            yield claim.coverage.why
    yield from (one.verdict for one in summary.answers)
    for mailbox in summary.mailboxes:
        yield from mailbox.assumptions
    for intrusion in summary.intrusions:
        yield from (*intrusion.links, *intrusion.against, intrusion.earlier_possible)
    yield from (f"{one.check} {one.why}" for one in summary.eviction)
    yield from (one.why for one in summary.reach)
    yield from (one.state_why for one in summary.foothold)


def _honest(summary: Summary) -> None:
    """Check what must hold of any answers at all."""
    for text in _texts(summary):
        assert not SOOTHING.search(text), text
    known = {claim.id: claim for claim in summary.claims}
    assert len(known) == len(summary.claims)
    for answer in summary.answers:
        assert set(answer.claims) <= set(known)
        assert answer.verdict.endswith(".")
    for claim in summary.claims:
        if claim.grade is ClaimGrade.NO_SIGN:
            assert claim.coverage is not None, claim.text
            assert claim.coverage.hours_able > 0, claim.text
            assert re.search(r"\d+(?:\.\d+)? %", claim.text), claim.text
        # what would be said without a marking is quoted, whole, its coverage with it
        if NEGATIVE.search(QUOTED.sub("", claim.text)) and not claim.text.startswith("Unknown:"):
            assert claim.grade is ClaimGrade.NO_SIGN, claim.text
        if claim.grade is ClaimGrade.INFERRED:
            assert claim.against, claim.text
    for one in summary.mailboxes:
        assert one.coverage is not None
        assert one.grade is not Grade.NO_SIGN or one.coverage.hours_able > 0
    for found in summary.reach:
        if found.verdict is ReachVerdict.NO_SIGN:
            assert found.coverage is not None
            assert found.coverage.hours_able > 0
    assert summary_text(summary)


def _verdict(summary: Summary, question: Question) -> str:
    return next(one.verdict for one in summary.answers if one.question is question)


def test_with_a_directory_export_only_nothing_can_be_said(tmp_path: Path) -> None:
    _, found = _answered(stage(tmp_path, {"directory.csv": DIRECTORY}))
    _honest(found)
    assert {one.grade for one in found.mailboxes} == {Grade.UNDETERMINABLE}
    assert len(found.mailboxes) == len(PEOPLE)
    unknown = (Question.ENTRY, Question.FOOTHOLD, Question.INTRUSIONS, Question.EVICTION, Question.BLINDSPOTS)
    for one in unknown:
        assert re.search(r"cannot be (?:said|known)", _verdict(found, one), re.IGNORECASE)
    assert "24 undeterminable" in _verdict(found, Question.MAILBOXES)
    assert not any(claim.grade is ClaimGrade.NO_SIGN for claim in found.claims)
    assert {one.verdict for one in found.reach} == {ReachVerdict.NOT_COVERED}
    assert {one.status.value for one in found.eviction} == {"unknown"}


def test_an_old_server_without_httpproxy_is_not_testable_for_proxylogon(tmp_path: Path) -> None:
    """Exchange 2010 writes the SOAP action into IIS and has no front-end log of its own."""
    rows = attended() + visits(
        PEOPLE[0], "198.19.0.7", "Outlook/14", range(9), stem="/EWS/Exchange.asmx", query="SoapAction=GetItem;Time=1"
    )
    _, found = _answered(stage(tmp_path, {iis_place("EX01", "210104"): log_of(rows)}))
    _honest(found)
    (claim,) = [one for one in found.claims if "CVE-2021-26855" in one.text and one.question is Question.ENTRY]
    assert claim.grade is ClaimGrade.UNKNOWN
    assert "not testable" in claim.text
    assert claim.coverage is not None
    assert claim.coverage.hours_able == 0
    (rest,) = [one for one in found.claims if one.question is Question.MAILBOXES]
    assert any("HttpProxy only, which covers 0 %" in one for one in rest.against)
    assert any("no httpproxy log of EX01 is held at all" in one.text for one in found.claims)


def test_audit_exports_alone(tmp_path: Path) -> None:
    records = [
        bind(f"2021-01-{day:02} 09:{place:02}:00", one, one, f"198.19.{place}.7", BROWSER, messages=[f"<{place}-{day}@x>"])
        for day in range(4, 30)
        for place, one in enumerate(PEOPLE)
    ]  # fmt: skip
    _, found = _answered(stage(tmp_path, {"UAL.json": ual_json(records)}))
    _honest(found)
    assert {one.grade for one in found.mailboxes} == {Grade.NO_SIGN}
    assert found.intrusions == ()
    assert any("what was opened" in one.text or "No directory export" in one.text for one in found.claims)


def test_one_day_of_logs(tmp_path: Path) -> None:
    _, found = _answered(stage(tmp_path, {iis_place("EX01", "210104"): log_of(attended(days=1))}))
    _honest(found)
    assert found.intrusions == ()


def test_everything_from_one_proxy_address(tmp_path: Path) -> None:
    """A balancer that forwards no address: clients cannot be told apart, and the reader is told so."""
    rows = [{**one, "client": "10.0.0.5"} for one in attended()]
    rows += [{**one, "client": "10.0.0.5"} for one in visits(PEOPLE[3], "x", FOREIGN, range(0, 40, 2), hour=3)]
    _, found = _answered(stage(tmp_path, {iis_place("EX01", "210104"): log_of(rows)}))
    _honest(found)
    assert found.intrusions == ()
    assert any("10.0.0.0/24" in one.text and "not judged" in one.text for one in found.claims)


def _forged_log(client: str, host: str = "EX01") -> str:
    base = {
        "Protocol": "Ecp",
        "UrlStem": "/ecp/y.js",
        "UserAgent": "x",
        "ClientIpAddress": client,
        "AnchorMailbox": TO_EWS,
    }
    return proxy_log(
        [
            {
                "DateTime": f"2021-01-10T0{hour}:00:00.000Z",
                "RequestId": f"{host}-{hour}",
                "ServerHostName": host,
                **base,
                "HttpStatus": 200,
            }
            for hour in (2, 3)
        ]
    )


@pytest.mark.parametrize("client", ["203.0.113.9", "10.0.0.5", ""])
def test_a_forged_call_whose_mailbox_no_log_names_leaves_no_mailbox_without_doubt(tmp_path: Path, client: str) -> None:
    """R3: the EWS log is missing, so any mailbox may have been read, also where a balancer hides the address."""
    files: dict[str, str | bytes] = {
        iis_place("EX01", "210104"): log_of(attended()),
        "EX01/Logging/HttpProxy/Ecp/HttpProxy_2021011002-1.LOG": _forged_log(client),
    }
    case, found = _answered(stage(tmp_path, files))
    _honest(found)
    assert {one.grade for one in found.mailboxes} == {Grade.UNDETERMINABLE}
    assert all("EX01" in one.assumptions[0] for one in found.mailboxes)
    (intrusion,) = found.intrusions
    assert intrusion.mailboxes == ()
    (entry,) = found.entry
    assert (entry.cve, entry.outcome.value, entry.intrusion) == ("CVE-2021-26855", "success", "I1")
    assert len(case.held) == 1


def test_the_ews_log_resolves_the_doubt(tmp_path: Path) -> None:
    victim = {"ActAsUser": PEOPLE[5], "AuthenticatedUser": "GOV\\EX01$"}
    call = {"SoapAction": "GetItem", "HttpStatus": 200, **victim}
    rows = [{"DateTime": f"2021-01-10T0{one}:00:00.100Z", "RequestId": f"ex01-{one}", **call} for one in (2, 3)]
    files: dict[str, str | bytes] = {
        iis_place("EX01", "210104"): log_of(attended()),
        "EX01/Logging/HttpProxy/Ecp/HttpProxy_2021011002-1.LOG": _forged_log("203.0.113.9"),
        "EX01/Logging/Ews/Ews_2021011002-1.LOG": ews_log(rows),
    }
    _, found = _answered(stage(tmp_path, files))
    _honest(found)
    grades = {one.mailbox: one.grade for one in found.mailboxes}
    assert grades.pop(PEOPLE[5]) is Grade.READ
    assert set(grades.values()) == {Grade.NO_SIGN}


def test_scans_alone_are_no_intrusion(tmp_path: Path) -> None:
    text = _forged_log("203.0.113.9").replace(TO_EWS, "ServerInfo~localhost/ecp/default.flt?")
    files: dict[str, str | bytes] = {
        iis_place("EX01", "210104"): log_of(attended()),
        "EX01/Logging/HttpProxy/Ecp/HttpProxy_2021011002-1.LOG": text,
    }
    _, found = _answered(stage(tmp_path, files))
    _honest(found)
    assert [(one.outcome.value, one.intrusion) for one in found.entry] == [("scan", None)]
    assert found.intrusions == ()
    assert {one.grade for one in found.mailboxes} == {Grade.NO_SIGN}


def test_two_organisations_in_one_folder_and_names_in_cyrillic(tmp_path: Path) -> None:
    people = [f"министр{place}@мвд.example" for place in range(12)]
    rows = [{**one, "user": people[int(str(one["user"])[1:3]) % 12]} for one in work(PEOPLE[:12])]
    files: dict[str, str | bytes] = {
        f"мвд/{iis_place('EX01', '210104')}": log_of(rows),
        f"gov/{iis_place('MAIL1', '210104')}": log_of(attended(PEOPLE[12:])),
        "мвд/каталог.csv": "PrimarySmtpAddress,SamAccountName\r\n"
        + "".join(f"{one},{one.partition('@')[0]}\r\n" for one in people),
    }
    _, found = _answered(stage(tmp_path, files))
    _honest(found)
    assert set(people) <= {one.mailbox for one in found.mailboxes}
    assert set(PEOPLE[12:]) <= {one.mailbox for one in found.mailboxes}
    assert {one.host for one in found.coverage} == {"EX01", "MAIL1"}


def test_a_mailbox_that_left_the_directory_is_not_forgotten(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        iis_place("EX01", "210104"): log_of(attended()),
        "directory.csv": DIRECTORY.replace(f"{PEOPLE[3]},", "other@gov.example,").replace("p03,", "other,"),
    }
    _, found = _answered(stage(tmp_path, files))
    assert PEOPLE[3] in {one.mailbox for one in found.mailboxes}


def test_accounts_of_the_systems_kind_from_outside_are_told(tmp_path: Path) -> None:
    rows = attended() + visits("HealthMailboxabc123@gov.example", "203.0.113.9", FOREIGN, range(0, 40, 4))
    _, found = _answered(stage(tmp_path, {iis_place("EX01", "210104"): log_of(rows)}))
    _honest(found)
    assert any("healthmailboxabc123@gov.example" in one.text and "not judged" in one.text for one in found.claims)


def test_event_logs_alone_can_speak_of_no_mailbox(tmp_path: Path) -> None:
    events = [
        {"number": place, "event": 4624, "at": f"2021-01-04 1{place}:00:00", "TargetUserName": "jan"}
        for place in range(1, 9)
    ]
    _, found = _answered(stage(tmp_path, {"DC01/winevt/Security.xml": security_log(events, host="DC01")}))
    _honest(found)
    assert "cannot be said" in _verdict(found, Question.MAILBOXES)


def test_three_missing_days_change_every_negative_that_touches_them(tmp_path: Path) -> None:
    """R1: the same office, once with three days of IIS taken out."""
    rows = attended()
    days = sorted({str(one["at"])[:10] for one in rows})
    files: dict[str, str | bytes] = {
        iis_place("EX01", day[2:].replace("-", "")): log_of(one for one in rows if str(one["at"]).startswith(day))
        for day in days
    }
    whole = _answered(stage(tmp_path / "a", files))[1]
    for day in days[10:13]:
        del files[iis_place("EX01", day[2:].replace("-", ""))]
    less = _answered(stage(tmp_path / "b", files))[1]
    before = {one.id: one for one in whole.claims if one.grade is ClaimGrade.NO_SIGN}
    after = {one.id: one for one in less.claims if one.grade is ClaimGrade.NO_SIGN}
    assert set(before) == set(after)
    for key, one in before.items():
        other = after[key].coverage
        assert one.coverage is not None
        assert other is not None
        assert other.hours_able == one.coverage.hours_able - 72
        assert one.text != after[key].text
    assert sum(one.missing for one in less.coverage) == sum(one.missing for one in whole.coverage) + 72


def _audited(rows: int) -> str:
    """Give an export of so many records over four days, all by one owner from his home."""
    start = utc("2021-01-04 00:00:00")
    return ual_json(
        bind(
            f"{start + place * timedelta(days=4) / rows:%Y-%m-%d %H:%M:%S}",
            PEOPLE[0],
            PEOPLE[0],
            "198.19.0.7",
            BROWSER,
            id=place,
        )
        for place in range(rows)
    )


def _managed(*, hole: bool) -> str:
    """Give a log of cmdlets, one an hour for four days; with `hole`, ten of them are gone."""
    start = utc("2021-01-04 00:30:00")
    kept = [place for place in range(96) if not (hole and 40 <= place < 50)]
    events = [
        {"number": place, "event": 1, "at": f"{start + timedelta(hours=place):%Y-%m-%d %H:%M:%S}"} for place in kept
    ]
    return security_log(events, channel="MSExchange Management")


def test_a_capped_export_and_a_hole_in_an_event_log_change_the_negatives_that_touch_them(tmp_path: Path) -> None:
    """R1, its second and third: 5,000 rows are a cap, and record numbers must run on."""
    found = []
    for name, rows, hole in (("a", 4_999, False), ("b", 5_000, True)):
        files: dict[str, str | bytes] = {
            iis_place("EX01", "210104"): log_of(attended(days=4)),
            "UAL.json": _audited(rows),
            "EX01/winevt/Management.xml": _managed(hole=hole),
        }
        summary = _answered(stage(tmp_path / name, files))[1]
        _honest(summary)
        found.append(summary)
    whole, less = ({claim.text.partition(":")[0]: claim for claim in one.claims} for one in found)
    cmdlets = next(one for one in whole if "change by cmdlet" in one)
    assert (whole[cmdlets].grade, less[cmdlets].grade) == (ClaimGrade.NO_SIGN, ClaimGrade.NO_SIGN)
    assert [one[cmdlets].coverage.hours_able for one in (whole, less)] == [96, 96 - 12]  # type: ignore[union-attr]
    tenant = "M365 (cloud)"
    assert whole[tenant].grade is ClaimGrade.NO_SIGN
    assert less["M365"].grade is ClaimGrade.UNKNOWN
    mine = [next(each for each in one.mailboxes if each.mailbox == PEOPLE[0]) for one in found]
    assert all(one.coverage is not None for one in mine)
    assert mine[1].coverage.hours_able < mine[0].coverage.hours_able  # type: ignore[union-attr]
    kept_off = {one.source: (one.not_recorded, one.altered) for one in found[1].coverage}
    assert kept_off == {"iis": (0, 0), "ual": (96, 0), "evtx/MSExchange Management": (0, 12)}


def test_a_negative_without_coverage_cannot_be_written() -> None:
    book = Book(Question.ENTRY)
    nothing = Coverage(0, 100, (), "nothing held")
    with pytest.raises(TypeError):
        book.no_sign("No sign of anything.")  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        book.no_sign("No sign of anything.", nothing)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        book.no_sign("No sign of anything.", nothing, "not testable")  # type: ignore[call-arg]
    book.no_sign("No sign of x.", nothing, "x is not testable.", on="no-sign-rules")
    book.no_sign("No sign of y.", Coverage(1, 100, ("iis",), "some"), "y is not testable.", on="no-sign-rules")
    assert [(one.grade, one.text) for one in book.claims] == [
        (ClaimGrade.UNKNOWN, "x is not testable."),
        (ClaimGrade.NO_SIGN, "No sign of y."),
    ]


def test_an_empty_header_alone_gives_answers_as_well(tmp_path: Path) -> None:
    _, found = _answered(stage(tmp_path, {iis_place("EX01", "210104"): iis_log([])}))
    _honest(found)
    assert found.intrusions == ()
