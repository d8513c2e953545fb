"""Checks of the servers: modules, directories, keys, agents, files, tasks, services; and krbtgt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.answers.checks.exported import AFTER, BEFORE, STAFF, case_of, check_of, table
from tests.scope.staged import security_log

from dwell.model.claims import CheckStatus, EvictionCheck, Extent
from dwell.model.coverage import Coverage

PASS, FAIL, UNKNOWN = CheckStatus.PASS, CheckStatus.FAIL, CheckStatus.UNKNOWN
STOCK = '<add name="HttpLoggingModule" image="%windir%\\System32\\inetsrv\\loghttp.dll" />'
FOREIGN = '<add name="Hrm" image="C:\\ProgramData\\hrm.dll" />'
HIDDEN = '<add name="HttpLoggingModule" image="%windir%\\System32\\inetsrv\\loghttps.dll" />'
ROOT = "%SystemDrive%\\inetpub\\wwwroot"


def _config(modules: str, folder: str = ROOT) -> str:
    return (
        '<?xml version="1.0"?><configuration><system.applicationHost><sites><site name="a" id="1"><application path="/">'
        f'<virtualDirectory path="/" physicalPath="{folder}" /></application></site></sites></system.applicationHost>'
        f"<system.webServer><globalModules>{modules}</globalModules></system.webServer></configuration>"
    )


def _at(day: str, text: str, name: str = "applicationHost.config") -> dict[str, str]:
    return {f"EX01/config/{day}/{name}": text}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (_at(AFTER, _config(STOCK)), PASS),
        (_at(AFTER, _config(STOCK + FOREIGN)), UNKNOWN),
        (_at(AFTER, _config(STOCK + HIDDEN)), UNKNOWN),
        (_at(AFTER, _config(STOCK + FOREIGN)) | _at(BEFORE, _config(STOCK)), FAIL),
        (_at(AFTER, _config(STOCK + FOREIGN)) | _at(BEFORE, _config(FOREIGN + STOCK + " ")), PASS),
        (_at(BEFORE, _config(STOCK)), UNKNOWN),
    ],
)
def test_iis_modules(tmp_path: Path, files: dict[str, str], expected: CheckStatus) -> None:
    found = check_of(case_of(tmp_path, files), "iis-modules")
    assert found.status is expected, found.why


def test_the_same_bytes_before_and_after_are_two_snapshots(tmp_path: Path) -> None:
    """A configuration that did not change is one piece of evidence in two places, of two days."""
    files = _at(AFTER, _config(STOCK + FOREIGN)) | _at(BEFORE, _config(STOCK + FOREIGN))
    found = check_of(case_of(tmp_path, files), "iis-modules")
    assert found.status is PASS
    assert AFTER in found.looked[0]


def test_a_server_whose_configuration_is_not_held_leaves_it_open(tmp_path: Path) -> None:
    case = case_of(tmp_path, _at(AFTER, _config(STOCK)))
    line = case.ledger.lines["EX01", "iis"]
    case = replace(case, ledger=replace(case.ledger, lines={**case.ledger.lines, ("EX02", "iis"): line}))
    found = check_of(case, "iis-modules")
    assert found.status is UNKNOWN
    assert found.extent == Extent(1, 2, "mail servers")


@pytest.mark.parametrize(("folder", "expected"), [(ROOT, PASS), ("C:\\ProgramData\\COM", UNKNOWN)])
def test_virtual_directories(tmp_path: Path, folder: str, expected: CheckStatus) -> None:
    assert check_of(case_of(tmp_path, _at(AFTER, _config(STOCK, folder))), "virtual-directories").status is expected


def _key(letter: str) -> str:
    return (
        '<?xml version="1.0"?><configuration><system.web><machineKey '
        f'validationKey="{letter * 64}" decryptionKey="{letter * 48}" /></system.web></configuration>'
    )


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (_at(BEFORE, _key("A"), "web.config") | _at(AFTER, _key("B"), "web.config"), PASS),
        (_at(BEFORE, _key("A"), "web.config") | _at(AFTER, _key("A"), "web.config"), FAIL),
        (_at(AFTER, _key("B"), "web.config"), UNKNOWN),
        (_at(BEFORE, _key("A"), "web.config"), UNKNOWN),
    ],
)
def test_machine_keys(tmp_path: Path, files: dict[str, str], expected: CheckStatus) -> None:
    found = check_of(case_of(tmp_path, files), "machine-keys")
    assert found.status is expected, found.why


AGENT = ("Malware Agent", "True", "1", "Microsoft.Exchange.Transport.Agent.Malware.Factory", "C:\\x.dll")
PLANTED = ("Security Interop Agent", "True", "2", "Interop.Factory", "C:\\ProgramData\\i.dll")
ALIKE = ("Malware Agent", "True", "1", "Interop.Factory", "C:\\ProgramData\\i.dll")


@pytest.mark.parametrize(
    ("after", "before", "expected"),
    [
        ([AGENT], None, PASS),
        ([AGENT, PLANTED], None, UNKNOWN),
        ([ALIKE], None, UNKNOWN),
        ([AGENT, PLANTED], [AGENT], FAIL),
        ([AGENT, PLANTED], [PLANTED], PASS),
    ],
)
def test_transport_agents(
    tmp_path: Path, after: list[tuple[str, ...]], before: list[tuple[str, ...]] | None, expected: CheckStatus
) -> None:
    columns = "Identity,Enabled,Priority,TransportAgentFactory,AssemblyPath"
    files = {f"EX01/exports/{AFTER}/a.csv": table(columns, after)}
    if before is not None:
        files[f"EX01/exports/{BEFORE}/a.csv"] = table(columns, before)
    assert check_of(case_of(tmp_path, files), "transport-agents").status is expected


WEB = "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\FrontEnd\\HttpProxy\\owa\\auth"
OLD = (f"{WEB}\\logon.aspx", "a" * 64, "2015-01-01T00:00:00Z")
CHANGED = (f"{WEB}\\logon.aspx", "b" * 64, "2015-01-01T00:00:00Z")
BACKDATED = (f"{WEB}\\x.aspx", "c" * 64, "2015-01-01T00:00:00Z")
MADE = (f"{WEB}\\x.aspx", "c" * 64, "2021-01-10T00:00:00Z")
COMPILED = (
    "C:\\Windows\\Microsoft.NET\\Framework64\\v4.0.30319\\Temporary ASP.NET Files\\root\\1\\2\\err.aspx.6a44a47b.compiled",
    "d" * 64,
    "2015-01-01T00:00:00Z",
)


@pytest.mark.parametrize(
    ("after", "before", "expected", "told"),
    [
        ([OLD], [OLD, OLD], PASS, "nothing in the web folders is new or changed"),
        ([OLD], None, UNKNOWN, "no list from before the first act"),
        ([OLD, MADE], None, UNKNOWN, "x.aspx on EX01, made 2021-01-10"),
        ([OLD, BACKDATED], None, UNKNOWN, "no list from before the first act"),
        ([OLD, BACKDATED], [OLD], UNKNOWN, "x.aspx on EX01 is new"),
        ([CHANGED], [OLD], UNKNOWN, "logon.aspx on EX01 has changed"),
        ([OLD, COMPILED], [OLD], UNKNOWN, "err.aspx on EX01 was compiled and its script is gone"),
    ],
)
def test_files(
    tmp_path: Path,
    after: list[tuple[str, ...]],
    before: list[tuple[str, ...]] | None,
    expected: CheckStatus,
    told: str,
) -> None:
    columns = "Path,SHA256,CreationTimeUtc"
    files = {f"EX01/files/{AFTER}/i.csv": table(columns, after)}
    if before is not None:
        files[f"EX01/files/{BEFORE}/i.csv"] = table(columns, before)
    found = check_of(case_of(tmp_path, files), "files")
    assert (found.status, told in found.why) == (expected, True), found.why


def _event(event: int, at: str, **data: str) -> dict[str, object]:
    return {"number": 0, "event": event, "at": at, **data}


def _log(channel: str, *extra: dict[str, object]) -> dict[str, str]:
    """Give an event log of EX01 with one line an hour, and the events given."""
    plain = [_event(1, f"2021-{month:02}-{day:02} {hour:02}:30:00")
             for month in (1, 2, 3) for day in range(1, 29) for hour in range(24)]  # fmt: skip
    rows = sorted([*plain, *extra], key=lambda one: str(one["at"]))
    text = security_log([{**one, "number": place} for place, one in enumerate(rows, 1)], channel=channel)
    return {f"EX01/winevt/{channel.replace('/', '%4')}.xml": text}


SCHEDULER = "Microsoft-Windows-TaskScheduler/Operational"


@pytest.mark.parametrize(
    ("key", "channel", "events", "expected"),
    [
        ("services", "System", (), UNKNOWN),
        ("services", "System", (_event(7045, "2021-01-10 00:00:00", ServiceName="x", ImagePath="C:\\x.exe"),), UNKNOWN),
        ("services", "System", (_event(7045, "2020-12-10 00:00:00", ServiceName="x", ImagePath="C:\\x.exe"),), PASS),
        ("services", "Security", (), UNKNOWN),
        ("scheduled-tasks", SCHEDULER, (), UNKNOWN),
        ("scheduled-tasks", SCHEDULER, (_event(106, "2020-12-10 00:00:00", TaskName="\\x"),), PASS),
        ("scheduled-tasks", SCHEDULER, (_event(106, "2021-01-10 00:00:00", TaskName="\\x"),), UNKNOWN),
        (
            "scheduled-tasks",
            SCHEDULER,
            (_event(106, "2021-01-10 00:00:00", TaskName="\\x"), _event(141, "2021-02-20 00:00:00", TaskName="\\x")),
            PASS,
        ),
        ("scheduled-tasks", "Security", (), UNKNOWN),
        (
            "scheduled-tasks",
            "Security",
            (_event(4698, "2021-01-10 00:00:00", TaskName="\\x", SubjectUserName="p00"),),
            FAIL,
        ),
        (
            "scheduled-tasks",
            "Security",
            (_event(4698, "2021-01-10 00:00:00", TaskName="\\x"), _event(4699, "2021-02-20 00:00:00", TaskName="\\x")),
            PASS,
        ),
        ("accounts", "Security", (_event(4720, "2021-01-10 00:00:00", TargetUserName="new"),), UNKNOWN),
    ],
)
def test_what_event_logs_tell(
    tmp_path: Path, key: str, channel: str, events: tuple[dict[str, object], ...], expected: CheckStatus
) -> None:
    files = _log(channel, *events) | {
        "directory/sam.csv": table("SamAccountName,UserPrincipalName", [("p00", STAFF[0])])
    }
    found = check_of(case_of(tmp_path, files), key)
    assert found.status is expected, found.why


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (("2021-02-01T00:00:00Z",), UNKNOWN),
        (("2021-02-01T00:00:00Z", "2021-02-01T00:00:00Z"), UNKNOWN),
        (("2021-02-01T00:00:00Z", "2021-02-02T00:00:00Z"), PASS),
        (("2020-02-01T00:00:00Z", "2021-02-02T00:00:00Z"), UNKNOWN),
        (("2020-02-01T00:00:00Z",), FAIL),
    ],
)
def test_krbtgt_needs_two_dates(tmp_path: Path, dates: tuple[str, ...], expected: CheckStatus) -> None:
    files = {
        f"directory/k{place}.csv": table("SamAccountName,UserPrincipalName,PasswordLastSet,Office",
                                         [("krbtgt", "krbtgt@gov.example", at, place)])
        for place, at in enumerate(dates)
    }  # fmt: skip
    assert check_of(case_of(tmp_path, files), "krbtgt").status is expected


@pytest.mark.parametrize(
    ("extent", "coverage"),
    [
        (None, None),
        (Extent(900, 4000, "mailboxes"), None),
        (Extent(900, 0, "mailboxes"), None),
        (Extent(0, 0, "mailboxes"), None),
        (None, Coverage(0, 100, (), "x")),
        (Extent(900, 4000, "mailboxes"), Coverage(100, 100, (), "x")),
    ],
)
def test_a_pass_that_rests_on_nothing_or_on_a_part_cannot_be_made(
    extent: Extent | None, coverage: Coverage | None
) -> None:
    with pytest.raises(ValueError, match="a pass needs"):
        EvictionCheck("x", PASS, "y", (), coverage, extent)
    assert EvictionCheck("x", UNKNOWN, "y", (), coverage, extent).status is UNKNOWN


@pytest.mark.parametrize(
    ("domains", "expected"),
    [(("a", "a"), PASS), (("a", "b"), UNKNOWN), (("a", "a", "b"), UNKNOWN), (("a", "a", "b", "b"), PASS)],
)
def test_each_domain_has_a_krbtgt_of_its_own(tmp_path: Path, domains: tuple[str, ...], expected: CheckStatus) -> None:
    files = {
        f"directory/k{place}.csv": table("SamAccountName,DistinguishedName,PasswordLastSet,Office",
                                         [("krbtgt", f"CN=krbtgt,CN=Users,DC={domain},DC=example",
                                           f"2021-02-0{place + 1}T00:00:00Z", place)])
        for place, domain in enumerate(domains)
    }  # fmt: skip
    assert check_of(case_of(tmp_path, files), "krbtgt").status is expected
