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


EXCHANGE = "C:\\Program Files\\Microsoft\\Exchange Server\\V15"


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        (ROOT, PASS),
        (ROOT.upper().replace("%SYSTEMDRIVE%", "C:"), PASS),
        (f"{ROOT}\\new", UNKNOWN),
        (f"{EXCHANGE}\\FrontEnd\\HttpProxy\\owa", UNKNOWN),
        (f"{EXCHANGE}\\Mailbox", FAIL),
    ],
)
def test_a_virtual_directory_that_was_not_there_before_passes_nowhere(
    tmp_path: Path, folder: str, expected: CheckStatus
) -> None:
    """One to the folder of the databases passed, as it lies where Exchange is."""
    files = _at(AFTER, _config(STOCK, folder)) | _at(BEFORE, _config(STOCK))
    found = check_of(case_of(tmp_path, files), "virtual-directories")
    assert found.status is expected, found.why


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        (ROOT, PASS),
        ("C:\\Program Files\\Microsoft\\Exchange Server\\V15\\FrontEnd\\HttpProxy\\owa", PASS),
        ("%windir%\\System32\\RpcProxy", PASS),
        ("C:\\Program Files\\Microsoft\\Exchange Server\\V15\\Mailbox", UNKNOWN),
        ("C:\\inetpub\\logs", UNKNOWN),
        ("C:\\ProgramData\\COM", UNKNOWN),
        ("C:\\Windows\\..\\evil", UNKNOWN),
        ("C:\\Windows\\Temp", UNKNOWN),
        ("C:\\evil\\Exchange Server\\v1x", UNKNOWN),
    ],
)
def test_virtual_directories(tmp_path: Path, folder: str, expected: CheckStatus) -> None:
    assert check_of(case_of(tmp_path, _at(AFTER, _config(STOCK, folder))), "virtual-directories").status is expected


def _key(letter: str, decryption: str = "") -> str:
    return (
        '<?xml version="1.0"?><configuration><system.web><machineKey '
        f'validationKey="{letter * 64}" decryptionKey="{(decryption or letter) * 48}" /></system.web></configuration>'
    )


OWA, ECP = "owa/web.config", "ecp/web.config"


def test_a_module_in_a_folder_that_only_ends_like_the_product_s_is_not_the_product_s(tmp_path: Path) -> None:
    alike = '<add name="m" image="C:\\ProgramData\\system32\\inetsrv\\static.dll" />'
    assert check_of(case_of(tmp_path, _at(AFTER, _config(STOCK + alike))), "iis-modules").status is UNKNOWN


def test_an_earlier_configuration_elsewhere_of_the_same_server_is_looked_at(tmp_path: Path) -> None:
    files = _at(AFTER, _config(STOCK + FOREIGN)) | {"EX01/2021-04-04/copy/applicationHost.config": _config(STOCK)}
    found = check_of(case_of(tmp_path, files), "iis-modules")
    assert found.status is UNKNOWN
    assert "Hrm" in found.why


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (_at(BEFORE, _key("A"), "web.config") | _at(AFTER, _key("B"), "web.config"), PASS),
        (_at(BEFORE, _key("A"), "web.config") | _at(AFTER, _key("A"), "web.config"), FAIL),
        (_at(AFTER, _key("B"), "web.config"), UNKNOWN),
        (_at(BEFORE, _key("A", "C"), "web.config") | _at(AFTER, _key("B", "C"), "web.config"), FAIL),
        (_at(BEFORE, _key("A"), OWA) | _at(BEFORE, _key("C"), ECP) | _at(AFTER, _key("B"), OWA), UNKNOWN),
        (
            _at(BEFORE, _key("A"), OWA)
            | _at(BEFORE, _key("C"), ECP)
            | _at(AFTER, _key("B"), OWA)
            | _at(AFTER, _key("D"), ECP),
            PASS,
        ),
        ({f"EX01/{BEFORE}/owa/web.config": _key("A"), f"backup/EX01/{AFTER}/owa/web.config": _key("B")}, PASS),
        ({f"EX01/{BEFORE}/backup/owa/web.config": _key("A"), f"EX01/{AFTER}/owa/web.config": _key("B")}, PASS),
        (_at(BEFORE, _key("A"), "web.config"), UNKNOWN),
    ],
)
def test_machine_keys(tmp_path: Path, files: dict[str, str], expected: CheckStatus) -> None:
    found = check_of(case_of(tmp_path, files), "machine-keys")
    assert found.status is expected, found.why


AGENTS = "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\TransportRoles\\agents"
AGENT = ("Malware Agent", "True", "1", "Microsoft.Exchange.Transport.Agent.Malware.Factory", f"{AGENTS}\\x.dll")
PLANTED = ("Security Interop Agent", "True", "2", "Interop.Factory", "C:\\ProgramData\\i.dll")
ALIKE = ("Malware Agent", "True", "1", "Interop.Factory", "C:\\ProgramData\\i.dll")


@pytest.mark.parametrize(
    ("after", "before", "expected"),
    [
        ([AGENT], None, PASS),
        ([AGENT, PLANTED], None, UNKNOWN),
        ([ALIKE], None, UNKNOWN),
        ([(*AGENT[:4], "C:\\Temp\\evil.dll")], None, UNKNOWN),
        ([(*AGENT[:4], "")], None, UNKNOWN),
        ([(*AGENT[:4], "C:\\Temp\\evil.dll")], [AGENT], FAIL),
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
        (("2021-02-01T10:00:00.1234567Z", "2021-02-01T10:00:00Z"), UNKNOWN),
        (("2021-02-01T10:00:00Z", "2021-02-01T12:00:00"), UNKNOWN),
        (("2021-02-01T10:00:00", "2021-02-02T09:00:00"), UNKNOWN),
        (("2021-02-01T10:00:00", "2021-02-05T09:00:00"), PASS),
        (("2021-02-01T10:00:00Z", "2021-02-01T20:30:00Z"), PASS),
        (("2021-01-29 10:30:00",), UNKNOWN),
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


KRBTGT = "SamAccountName,UserPrincipalName,SID,DistinguishedName,PasswordLastSet"
ONE, TWO = "S-1-5-21-1-2-3", "S-1-5-21-9-9-9"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ((("", f"{ONE}-502", ""), ("", f"{ONE}-502", "")), PASS),
        ((("", f"{ONE}-502", ""), ("", f"{TWO}-502", "")), UNKNOWN),
        ((("", "", ""), ("", "", "")), UNKNOWN),
        ((("", f"{ONE}-502", "CN=krbtgt,DC=gov,DC=example"), ("", "", "CN=krbtgt,DC=gov,DC=example")), PASS),
        ((("krbtgt@gov.example", "", ""), ("krbtgt@gov.example", "", "")), PASS),
    ],
)
def test_of_which_domain_a_krbtgt_is_its_sid_tells(
    tmp_path: Path, names: tuple[tuple[str, str, str], ...], expected: CheckStatus
) -> None:
    files = {
        f"directory/k{place}.csv": table(KRBTGT, [("krbtgt", *one, f"2021-02-0{place + 1}T00:00:00Z")])
        for place, one in enumerate(names)
    }
    found = check_of(case_of(tmp_path, files), "krbtgt")
    assert found.status is expected, found.why


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2021-01-29 10:30:00", UNKNOWN),
        ("2021-01-29T10:30:00Z", PASS),
        ("2021-01-29 08:30:00", UNKNOWN),
        ("2021-01-30 10:30:00", PASS),
        ("2021-01-28 08:30:00", FAIL),
        ("2021-01-29T08:30:00Z", FAIL),
    ],
)
def test_a_password_set_within_hours_of_the_act_needs_a_zone(
    tmp_path: Path, written: str, expected: CheckStatus
) -> None:
    """Half past ten in Brussels is before an act of nine o'clock UTC; half past ten UTC is after it."""
    files = {"directory/u.csv": table("SamAccountName,UserPrincipalName,PasswordLastSet", [("p00", STAFF[0], written)])}
    found = check_of(case_of(tmp_path, files), "passwords")
    assert found.status is expected, found.why


OLDER = ("inetpub/history/CFGHISTORY_0000000003", "Windows/System32/inetsrv/backup/before", "Windows/WinSxS/amd64_x")


@pytest.mark.parametrize("folder", OLDER)
def test_an_earlier_state_that_was_copied_after_the_act_shows_nothing_of_after_it(tmp_path: Path, folder: str) -> None:
    copy = f"EX01/{AFTER}/{folder}/applicationHost.config"
    assert check_of(case_of(tmp_path / "a", {copy: _config(STOCK)}), "iis-modules").status is UNKNOWN
    # nor does what it has stand for what is there
    now = f"EX01/{AFTER}/Windows/System32/inetsrv/config/applicationHost.config"
    cleaned = {copy: _config(STOCK + FOREIGN), now: _config(STOCK)}
    assert check_of(case_of(tmp_path / "b", cleaned), "iis-modules").status is PASS


@pytest.mark.parametrize(
    ("written", "exported", "expected"),
    [
        ("2021-04-01T00:00:00Z", "2021-04-03T00:00:00Z", PASS),
        ("2021-06-01T00:00:00Z", "2021-04-03T00:00:00Z", UNKNOWN),
        ("2031-01-01T00:00:00Z", "2021-04-03T00:00:00Z", UNKNOWN),
        ("2020-06-01T00:00:00Z", "2021-04-03T00:00:00Z", FAIL),
    ],
)
def test_a_password_cannot_be_set_after_its_export(
    tmp_path: Path, written: str, exported: str, expected: CheckStatus
) -> None:
    """Day and month that changed places made a password new."""
    columns = "UserPrincipalName,PasswordLastSet,ExportedUtc"
    files = {"directory/u.csv": table(columns, [(STAFF[0], written, exported)])}
    found = check_of(case_of(tmp_path, files), "passwords")
    assert found.status is expected, found.why


_OLD, _NEW = "2020-06-01T10:00:00Z", "2021-04-01T10:00:00Z"
_HERE, _THERE = ("S-1-5-21-1-2-3-1001", "CN=p00,DC=gov,DC=example"), ("S-1-5-21-9-9-9-1001", "CN=p00,DC=min,DC=example")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # the one that was used was not changed, whatever its namesake in another forest did
        ([("p00", STAFF[0], *_HERE, _OLD), ("p00", "p00@min.example", *_THERE, _NEW)], FAIL),
        ([("p00", STAFF[0], *_HERE, _OLD), ("p00", "", *_THERE, _NEW)], FAIL),
        # which of the two was used under that name nothing tells
        ([("p00", STAFF[0], *_HERE, _NEW), ("p00", "p00@min.example", *_THERE, _OLD)], UNKNOWN),
        ([("p00", STAFF[0], *_HERE, _NEW), ("p00", "p00@min.example", *_THERE, _NEW)], PASS),
        # an account that was moved has its sign-in name in both
        ([("p00", STAFF[0], *_HERE, _OLD), ("p00", STAFF[0], *_THERE, _NEW)], PASS),
        # an export without its place or SID is of the same account
        ([("p00", STAFF[0], "", "", _OLD), ("p00", STAFF[0], *_HERE, _NEW)], PASS),
    ],
)
def test_a_namesake_in_another_domain_has_a_password_of_its_own(
    tmp_path: Path, rows: list[tuple[str, ...]], expected: CheckStatus
) -> None:
    columns = "SamAccountName,UserPrincipalName,SID,DistinguishedName,PasswordLastSet,ExportedUtc"
    files = {
        f"directory/2021-04-0{day}/u{day}.csv": table(columns, [(*row, f"2021-04-0{day}T12:00:00Z")])
        for day, row in enumerate(rows, 3)
    }
    found = check_of(case_of(tmp_path, files), "passwords")
    assert found.status is expected, found.why
    assert expected is not UNKNOWN or "two domains" in found.why


def test_krbtgt_cannot_be_set_after_its_export(tmp_path: Path) -> None:
    columns, place = (
        "SamAccountName,DistinguishedName,PasswordLastSet,ExportedUtc",
        "CN=krbtgt,CN=Users,DC=gov,DC=example",
    )
    files = {
        f"directory/k{day}.csv": table(
            columns, [("krbtgt", place, f"203{day}-04-01T00:00:00Z", f"2021-04-0{day}T00:00:00Z")]
        )
        for day in (3, 4)
    }
    assert check_of(case_of(tmp_path, files), "krbtgt").status is UNKNOWN
