"""A mail server that is named and of which no log is held counts as not seen, where it is one of the organisation's."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.intake.evidence import taken_in, write
from tests.scope.staged import IIS_PLACE, hourly, iis_log, proxy_log

from dwell import api
from dwell.answers.setting import Wished
from dwell.model.claims import Grade, Question, Summary
from dwell.model.settings import SettingKind

DAY = [{"at": at, "user": "anna@gov.example"} for at in hourly("2021-03-03 00:00:00", "2021-03-03 23:00:00")]
HEAD = (
    "Name,SamAccountName,UserPrincipalName,PrimarySmtpAddress,ExchangeGuid,RecipientTypeDetails,DistinguishedName,"
    "ServerName\r\n"
)
GUID = "8f2f3c1e-0000-4000-8000-00000000000"


def mailbox(name: str, server: str, unit: str = "DC=gov,DC=example") -> str:
    address = f"{name}@gov.example"
    return f'{name},{name},{address},{address},{GUID}{len(name)},UserMailbox,"CN={name},{unit}",{server}\r\n'


def answered(root: Path, files: dict[str, str]) -> Summary:
    folder = write(root / "e", {name: text.encode() for name, text in files.items()})
    taken_in(root / "case", folder)
    return api.answers(root / "case", workers=1).summary


def iis_of(host: str) -> dict[str, str]:
    return {f"{host}/{IIS_PLACE}/u_ex210303.log": iis_log(DAY)}


def told(summary: Summary) -> str:
    return " ".join(one.text for one in summary.claims if one.question is Question.BLINDSPOTS)


def hours(summary: Summary) -> dict[tuple[str, str], tuple[int, int]]:
    return {(one.host, one.source): (one.held, one.missing) for one in summary.coverage}


def test_a_server_that_mailboxes_lie_on_counts_as_not_seen(tmp_path: Path) -> None:
    export = HEAD + mailbox("anna", "EX01") + mailbox("berta", "ex02.gov.example") + mailbox("carla", "EX02")
    summary = answered(tmp_path, iis_of("EX01") | {"directory/mailboxes.csv": export})
    assert hours(summary) == {("EX01", "iis"): (24, 0), ("EX02", "iis"): (0, 24)}
    (one,) = {each.coverage for each in summary.mailboxes if each.grade is Grade.NO_SIGN}
    assert one is not None
    assert (one.hours_able, one.hours_asked) == (24, 48)
    assert "EX02: named as a mail server, and no log of requests of it is held" in told(summary)
    (claim,) = [each for each in summary.claims if each.text.startswith("EX02: named")]
    assert [each.record_no for each in claim.grounds] == [3]


def test_a_server_that_requests_were_passed_on_to_counts_as_not_seen(tmp_path: Path) -> None:
    log = proxy_log([{"DateTime": one["at"], "BackEndCookie": "ex03.gov.example"} for one in DAY])
    log = log.replace("BackEndCookie", "TargetServer")
    summary = answered(tmp_path, iis_of("EX01") | {"EX01/Logging/HttpProxy/Ews/HttpProxy_2021030300-1.LOG": log})
    assert hours(summary)["EX03", "iis"] == (0, 24)
    assert "HttpProxy passed requests on to it" in told(summary)


def test_a_computer_with_a_mailbox_database_counts_as_not_seen(tmp_path: Path) -> None:
    rows = "SamAccountName,UserPrincipalName,DistinguishedName,servicePrincipalName\r\n" + "".join(
        f'{name}$,,"CN={name},DC=gov",{what}/{name}\r\n' for name, what in (("EX07", "exchangeMDB"), ("WS1", "HOST"))
    )
    summary = answered(tmp_path, iis_of("EX01") | {"directory/computers.csv": rows})
    assert set(hours(summary)) == {("EX01", "iis"), ("EX07", "iis")}


@pytest.mark.parametrize(
    "rows",
    [
        mailbox("anna", "ex01.gov.example") + mailbox("berta", "Ex01") + mailbox("carla", "EX01:444"),
        mailbox("anna", "AM0PR02MB5555"),
        mailbox("anna", "VI1P190MB0111.EURP190.PROD.OUTLOOK.COM"),
        mailbox("anna", "LO2P265A", "OU=gov,DC=GBRP265A001,DC=PROD,DC=OUTLOOK,DC=COM"),
        mailbox("anna", "") + mailbox("berta", "-") + mailbox("carla", "10.1.2.3"),
    ],
)
def test_servers_that_are_held_or_a_tenants_are_not_missed(tmp_path: Path, rows: str) -> None:
    summary = answered(tmp_path, iis_of("EX01") | {"directory/mailboxes.csv": HEAD + rows})
    assert set(hours(summary)) == {("EX01", "iis")}
    assert "named as a mail server" not in told(summary)


def test_logs_without_a_host_may_be_its_own(tmp_path: Path) -> None:
    export = {"directory/mailboxes.csv": HEAD + mailbox("anna", "EX02")}
    summary = answered(tmp_path, {"first/u_ex210303.log": iis_log(DAY)} | export)
    assert [host for host, _ in hours(summary)] == ["(unknown host)"]
    assert "A log that names no host may be of it: it lowers no coverage" in told(summary)


def test_more_servers_than_logs_without_a_host_are_not_all_seen(tmp_path: Path) -> None:
    export = {"directory/mailboxes.csv": HEAD + mailbox("anna", "EX02") + mailbox("berta", "EX03")}
    summary = answered(tmp_path, {"first/u_ex210303.log": iis_log(DAY)} | export)
    assert sorted(host for host, _ in hours(summary)) == ["(unknown host)", "EX02", "EX03"]


def test_a_person_may_say_that_it_takes_no_clients(tmp_path: Path) -> None:
    export = {"directory/mailboxes.csv": HEAD + mailbox("anna", "EX02")}
    assert ("EX02", "iis") in hours(answered(tmp_path, iis_of("EX01") | export))
    wished = Wished(((SettingKind.NO_CLIENTS, "ex02.gov.example", ""),), "mailbox role only", "A. Nalyst")
    api.keep_settings(tmp_path / "case", api.setting(tmp_path / "case", wished, workers=1))
    summary = api.answers(tmp_path / "case", workers=1).summary
    assert set(hours(summary)) == {("EX01", "iis")}
    assert "named as a mail server" not in told(summary)
