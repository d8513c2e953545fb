"""A mailbox is without a sign only where nothing that was answered, or done on a server, may have opened any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from tests.scope.office import PEOPLE, work
from tests.scope.staged import iis_log, iis_place, proxy_log, security_log, stage

from dwell import api
from dwell.model.claims import Grade, Question, Summary

LOUD = "203.0.113.9"
DIRECTORY = "PrimarySmtpAddress,SamAccountName,RecipientTypeDetails\r\n" + "".join(
    f"{one},{one.partition('@')[0]},UserMailbox\r\n" for one in PEOPLE
)


def _asked(at: str, stem: str, query: str = "-", **more: object) -> dict[str, object]:
    base = {"at": at, "stem": stem, "query": query, "status": 200, "client": LOUD, "agent": "python-requests/2.25"}
    return base | {"user": "-"} | more


def _past(second: int, path: str, **more: object) -> dict[str, object]:
    """Give a request that ProxyShell passes on to a path behind the front end."""
    query = f"a=x@evil.com{path}&Email=autodiscover/autodiscover.json%3fa=x@evil.com"
    return _asked(f"2021-01-12 02:00:{second:02}", "/autodiscover/autodiscover.json", query, **more)


def _told(root: Path, rows: Sequence[Mapping[str, object]], **files: str) -> Summary:
    log = iis_log(sorted([*work(), *rows], key=lambda one: (str(one["at"]), str(one["user"]))))
    more = {
        name.replace("__", "/").replace("_xml", ".xml").replace("_LOG", ".LOG"): text for name, text in files.items()
    }
    staged = stage(root, {iis_place("EX01", "210104"): log, "directory.csv": DIRECTORY, **more})
    api.hunt(staged.case.root, workers=1)
    return api.answers(staged.case.root, workers=1).summary


def _grades(found: Summary) -> set[Grade]:
    return {one.grade for one in found.mailboxes}


def _against(found: Summary, question: Question) -> str:
    return " ".join(
        text
        for one in found.claims
        if one.question is question
        for text in (one.text, *(str(each) for each in one.against))
    )


def _managed(*days: str) -> str:
    """Give the log of cmdlets of a server, one harmless cmdlet a day."""
    body = (
        '<EventData><Data>Get-Mailbox</Data><Data>-Identity "x"</Data><Data>gov.example/Admins/adm</Data></EventData>'
    )
    events = [
        {"number": place, "event": 1, "at": f"{day} 00:10:00", "provider": "MSExchange CmdletLogs", "user_data": body}
        for place, day in enumerate(days, 1)
    ]
    return security_log(events, channel="MSExchange Management")


WHOLE = _managed("2021-01-04", "2021-03-04")
EWS, SHELL = "/EWS/exchange.asmx?", "/powershell/?X-Rps-CAT=VgEAVAd"


@pytest.mark.parametrize(
    ("rows", "files", "expected"),
    [
        ([_past(0, EWS)], {}, Grade.UNDETERMINABLE),
        ([_past(0, EWS)], {"EX01__management_xml": WHOLE}, Grade.UNDETERMINABLE),
        ([_past(0, EWS, status=401)], {}, Grade.NO_SIGN),
        ([_past(0, SHELL)], {}, Grade.UNDETERMINABLE),
        ([_past(0, SHELL)], {"EX01__management_xml": WHOLE}, Grade.NO_SIGN),
        ([_past(0, SHELL)], {"EX01__management_xml": _managed("2021-02-01", "2021-03-04")}, Grade.UNDETERMINABLE),
        ([_past(0, "/mapi/nspi/?")], {}, Grade.NO_SIGN),
        ([_past(0, "/mapi/emsmdb/?")], {}, Grade.NO_SIGN),
        ([_past(0, "/mapi/emsmdb/?"), _past(9, "/mapi/emsmdb/?")], {}, Grade.UNDETERMINABLE),
    ],
    ids=[
        "EWS", "EWS beside the log of cmdlets", "refused", "PowerShell", "PowerShell with the log of cmdlets",
        "with a log from later on", "the address book", "one request to MAPI", "two",
    ],
)  # fmt: skip
def test_a_call_past_the_login_may_have_opened_any_mailbox(
    tmp_path: Path, rows: list[dict[str, object]], files: dict[str, str], expected: Grade
) -> None:
    found = _told(tmp_path, rows, **files)
    assert _grades(found) == {expected}
    dark = expected is Grade.UNDETERMINABLE
    assert ("CVE-2021-34473) to" in _against(found, Question.MAILBOXES)) is dark
    assert ("CVE-2021-34473) to" in _against(found, Question.BLINDSPOTS)) is dark


def _forged(*seconds: int, path: str, **more: object) -> str:
    rows = [
        {"Protocol": "Ecp", "UrlStem": "/ecp/y.js", "ClientIpAddress": LOUD, "HttpStatus": 200,
         "AnchorMailbox": f"ServerInfo~a]@EX01.gov.example:444/{path}", "RequestId": f"r{second}",
         "DateTime": f"2021-01-10T02:00:{second:02}.000Z", **more}
        for second in seconds
    ]  # fmt: skip
    return proxy_log(rows)


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        (_forged(1, path="mapi/emsmdb/?#"), Grade.NO_SIGN),
        (_forged(1, 2, path="mapi/emsmdb/?#"), Grade.UNDETERMINABLE),
        (_forged(1, 2, path="mapi/nspi/?#"), Grade.NO_SIGN),
        (_forged(1, 2, path="mapi/emsmdb/?#", HttpStatus=401), Grade.NO_SIGN),
        (_forged(1, path="EWS/Exchange.asmx?a=~1"), Grade.UNDETERMINABLE),
    ],
    ids=["one call to MAPI", "two", "the address book", "refused", "one call to EWS"],
)
def test_forged_calls_to_mapi_open_mailboxes_as_well(tmp_path: Path, log: str, expected: Grade) -> None:
    """One makes a session; only within it a mailbox is logged on to."""
    found = _told(tmp_path, [], EX01__Logging__HttpProxy__Ecp__HttpProxy_2021011002_LOG=log)
    assert _grades(found) == {expected}
    told = _against(found, Question.MAILBOXES)
    assert ("takes two at least" in told) is ("mapi/emsmdb" in log and expected is Grade.NO_SIGN and ",401," not in log)
    if expected is Grade.UNDETERMINABLE:
        assert f"forged calls to {'MAPI' if 'mapi' in log else 'EWS'} on EX01" in told


PAGE = [_asked(f"2021-01-{day} 02:00:00", "/owa/auth/x1.aspx", agent="antSword/v2.1") for day in (12, 13)]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, Grade.UNDETERMINABLE),
        ({"EX01__management_xml": WHOLE}, Grade.NO_SIGN),
        ({"EX01__management_xml": _managed("2021-01-04", "2021-01-11")}, Grade.UNDETERMINABLE),
    ],
    ids=["no log of cmdlets", "all of it", "from before the shell only"],
)
def test_who_ran_code_on_a_server_may_have_exported_any_mailbox(
    tmp_path: Path, files: dict[str, str], expected: Grade
) -> None:
    found = _told(tmp_path, PAGE, **files)
    assert _grades(found) == {expected}
    assert all(one.coverage is not None and "export by cmdlet" in one.coverage.why for one in found.mailboxes)


def test_the_hours_of_cmdlets_held_since_the_shell_are_the_coverage(tmp_path: Path) -> None:
    """From the twelfth of January at two: the log of cmdlets ends on the first of February at half past midnight."""
    found = _told(tmp_path, PAGE, EX01__management_xml=_managed("2021-01-04", "2021-02-01"))
    (coverage,) = {one.coverage for one in found.mailboxes}
    assert coverage is not None
    assert coverage.hours_able == 20 * 24 - 2 + 1
    assert coverage.hours_asked > coverage.hours_able
    assert _grades(found) == {Grade.NO_SIGN}


@pytest.mark.parametrize(
    ("client", "user", "told"),
    [("10.0.0.55", "GOV\\EX02$", True), ("10.0.0.11", "GOV\\EX01$", False), ("10.0.0.55", "p03@gov.example", False)],
    ids=["from elsewhere inside", "a mail server's own address", "a person"],
)
def test_a_computers_account_from_no_mail_servers_address_is_told(
    tmp_path: Path, client: str, user: str, told: bool
) -> None:
    rows = [
        _asked(
            f"2021-01-{day} 02:00:00", "/EWS/Exchange.asmx", client=client, user=user, agent="ExchangeServicesClient/15"
        )
        for day in range(12, 20)
    ]
    found = _told(tmp_path, rows)
    for question in (Question.MAILBOXES, Question.BLINDSPOTS):
        assert ("EX02$ from 10.0.0.55" in _against(found, question)) is told
        assert ("ccounts of computers" in _against(found, question)) is told
