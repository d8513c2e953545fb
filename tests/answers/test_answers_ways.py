"""Coverage of a mailbox by way of access, computed by hand: a log of one protocol does not answer for another."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tests.scope.office import facts, reasoned
from tests.scope.staged import bind, iis_log, iis_place, security_log, stage, text_log, ual_json, utc

from dwell.answers.assemble import assemble
from dwell.answers.ways import ways_of
from dwell.model.claims import ClaimGrade, Grade, Question, Summary
from dwell.scope.investigation import Investigation

ANNA = "anna@gov.example"
IMAP_FIELDS = "dateTime,sessionId,seqNumber,sIp,cIp,user,duration,rqsize,rpsize,command,parameters,context,puid"
START = utc("2021-03-01 00:00:00")


def _at(hour: int) -> str:
    return f"{START + timedelta(hours=hour, minutes=30):%Y-%m-%d %H:%M:%S}"


def _iis(hours: int, stem: str = "/owa/") -> str:
    return iis_log({"at": _at(hour), "user": ANNA, "stem": stem, "client": "203.0.113.9"} for hour in range(hours))


def _imap(hours: int) -> str:
    rows = [
        {
            "dateTime": f"{_at(hour).replace(' ', 'T')}.000Z", "sessionId": f"s{hour}", "seqNumber": 1,
            "sIp": "10.0.0.11:993", "cIp": "203.0.113.9:5555", "user": ANNA, "command": "login", "context": "R=OK",
        }
        for hour in range(hours)
    ]  # fmt: skip
    return text_log("IMAP4 Log", IMAP_FIELDS, rows)


def _told(root: Path, files: dict[str, str]) -> tuple[Investigation, Summary]:
    staged = stage(root, dict(files))
    case = reasoned(staged)
    return case, assemble(case, facts(staged))


SERVERS = {iis_place("EX01", "210301"): _iis(100), iis_place("EX02", "210301"): _iis(50)}
"""A hundred hours of two servers: of the first all are held, of the second half."""


def test_hours_with_an_imap_log_alone_count_for_imap_alone(tmp_path: Path) -> None:
    """Web: (100 + 50) of 200 host-hours. IMAP, of which 25 hours of the first server are held: 25 of 200."""
    imap = {"EX01/Logging/Imap4/IMAP42021030100-1.LOG": _imap(25)}
    case, summary = _told(tmp_path, SERVERS | imap)
    told = {way: (one.hours_able, one.hours_asked, one.sources) for way, one in ways_of(case).there}
    assert told == {"web": (150, 200, ("iis",)), "IMAP": (25, 200, ("imap4",))}
    (one,) = summary.mailboxes
    assert (one.mailbox, one.grade) == (ANNA, Grade.NO_SIGN)
    assert one.coverage is not None
    assert (one.coverage.hours_able, one.coverage.hours_asked, one.coverage.share) == (25, 200, 0.125)
    (claim,) = [one for one in summary.claims if one.question is Question.MAILBOXES and one.grade is ClaimGrade.NO_SIGN]
    assert "cover 12.5 % of the server-hours (by way of access: web 75 %, IMAP 12.5 %)" in claim.text
    assert any(one.startswith("EWS, ActiveSync, POP, Outlook: no record of it is held") for one in claim.against)


def test_a_log_of_imap_lends_no_hour_to_the_web(tmp_path: Path) -> None:
    """EX02's last fifty hours are held by its IMAP log alone: the web stays dark there."""
    imap = {"EX02/Logging/Imap4/IMAP42021030100-1.LOG": _imap(100)}
    case, summary = _told(tmp_path, SERVERS | imap)
    told = {way: (one.hours_able, one.hours_asked) for way, one in ways_of(case).there}
    assert told == {"web": (150, 200), "IMAP": (100, 200)}
    assert [one.coverage.share for one in summary.mailboxes if one.coverage] == [0.5]


def test_a_way_counts_as_offered_where_a_session_of_it_is_held(tmp_path: Path) -> None:
    files = {
        iis_place("EX01", "210301"): _iis(10),
        iis_place("EX02", "210301"): _iis(10, "/Microsoft-Server-ActiveSync/"),
    }
    case, _ = _told(tmp_path, files)
    found = ways_of(case)
    assert [way for way, _ in found.there] == ["web", "ActiveSync"]
    assert found.unknown == ("EWS", "IMAP", "POP", "Outlook")


def test_a_mailbox_of_the_tenant_can_be_opened_there_too(tmp_path: Path) -> None:
    """Its audit records cover 20 of 100 hours; another mailbox is asked of the servers only."""
    audit = [bind(_at(hour), ANNA, ANNA, "203.0.113.9", "Client=OWA;x;", id=str(hour)) for hour in range(20)]
    other = iis_log({"at": _at(hour), "user": "ben@gov.example", "stem": "/owa/"} for hour in range(100))
    files = {
        "m365/UAL.json": ual_json(audit),
        iis_place("EX01", "210301"): _iis(100),
        iis_place("EX01", "210302"): other,
    }
    _, summary = _told(tmp_path, files)
    told = {one.mailbox: one.coverage.share for one in summary.mailboxes if one.coverage is not None}
    assert told == {ANNA: 0.2, "ben@gov.example": 1.0}


def test_a_mailbox_is_no_better_watched_than_the_one_server_that_serves_it(tmp_path: Path) -> None:
    """Anna is on EX01 alone, held for all of 100 hours; otto on EX02 alone, held for 50; eva on both.

    Of all servers (100 + 50) of 200 hours are held. Nothing of what happened to otto in the second half can be known.
    """
    otto, eva = ("otto@gov.example", "eva@gov.example")
    files = {
        iis_place("EX01", "210301"): iis_log({"at": _at(hour), "user": (ANNA, eva)[hour % 2]} for hour in range(100)),
        iis_place("EX02", "210301"): iis_log({"at": _at(hour), "user": (otto, eva)[hour % 2]} for hour in range(50)),
    }
    _, summary = _told(tmp_path, files)
    told = {one.mailbox: one.coverage for one in summary.mailboxes}
    shares = {name: (one.hours_able, one.hours_asked) for name, one in told.items() if one is not None}
    assert shares == {ANNA: (150, 200), eva: (150, 200), otto: (50, 100)}
    negatives = [
        one.text for one in summary.claims if one.question is Question.MAILBOXES and one.coverage is told[otto]
    ]
    assert len(negatives) == 1
    assert "cover 50 % of the hours of EX02, which alone is seen to serve them" in negatives[0]


def test_every_question_asks_the_same_servers(tmp_path: Path) -> None:
    """Of EX02 the log of cmdlets alone is held: mail may have been opened through it, and no log would show it."""
    cmdlets = [
        {
            "number": number, "event": 1, "at": _at(number), "provider": "MSExchange CmdletLogs",
            "user_data": "<EventData><Data>Get-Mailbox</Data><Data>-Identity x</Data><Data>adm</Data></EventData>",
        }
        for number in range(1, 90)
    ]  # fmt: skip
    files = {
        iis_place("EX01", "210301"): _iis(100),
        "EX02/management.xml": security_log(cmdlets, host="EX02", channel="MSExchange Management"),
    }
    _, summary = _told(tmp_path, files)
    verdicts = {one.question: one.verdict for one in summary.answers}
    for question in (Question.ENTRY, Question.MAILBOXES, Question.BLINDSPOTS):
        assert " 50 % " in verdicts[question] or " 50 %." in verdicts[question], verdicts[question]
