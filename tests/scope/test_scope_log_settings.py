"""Settings of logs take hours back, for the time that dates them, and never make one count as covered."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from tests.acceptance.whole import investigated
from tests.scope.office import PEOPLE, facts, no_hunt
from tests.scope.staged import Staged, hourly, iis_log, iis_place, proxy_log, security_log, stage, ual_json, utc

from dwell.answers.assemble import assemble
from dwell.model.coverage import CellState, CoverageRow
from dwell.model.provenance import EvidenceId, RecordRef
from dwell.scope.iis_logging import unlogged
from dwell.scope.investigation import Investigation, investigate
from dwell.scope.ledger import Ledger
from dwell.scope.log_settings import SettingKind
from dwell.scope.unable import OPENING, SHELL

SITES = """<configuration><system.applicationHost>{log}<sites>
<site name="Default Web Site" id="1">{front}</site><site name="Exchange Back End" id="2">{back}</site>
<siteDefaults>{default}</siteDefaults></sites></system.applicationHost>
<system.webServer>{server}</system.webServer>{location}</configuration>"""
OFF = '<httpLogging dontLog="true" />'
OWA_OFF = f'<location path="Default Web Site/owa"><system.webServer>{OFF}</system.webServer></location>'
BEFORE = "2021-01-04 00:00:00"


def config(**more: str) -> str:
    """Give a configuration of a mail server's two sites."""
    return SITES.format(**{"log": "", "front": "", "back": "", "default": "", "server": "", "location": "", **more})


def export(names: str, *rows: str) -> str:
    """Give an export as PowerShell writes it."""
    return "\r\n".join([names, *rows]) + "\r\n"


def _told(root: Path, files: dict[str, str], *, written: str = "") -> tuple[Investigation, Staged]:
    staged = stage(root, files)
    stamps = dict.fromkeys(staged.paths, written)
    return investigate(staged.archive, no_hunt(), staged.paths, written=stamps, workers=1), staged


def _log(*hours: str, stem: str = "/owa/") -> str:
    return iis_log([{"at": at, "user": PEOPLE[0], "stem": stem} for at in hours])


def _row(ledger: Ledger, source: str = "iis", host: str = "EX01") -> CoverageRow:
    return next(one for one in ledger.rows() if (one.host, one.source) == (host, source))


def _quiet(day: str = "210104") -> dict[str, str]:
    """Give three days of logs; of the night from the fifth to the sixth nothing is in them."""
    days = {"210104": hourly("2021-01-04 00:10:00", "2021-01-04 23:10:00"),
            "210105": hourly("2021-01-05 00:10:00", "2021-01-05 17:10:00"),
            "210106": hourly("2021-01-06 08:10:00", "2021-01-06 23:10:00")}  # fmt: skip
    return {iis_place("EX01", one): _log(*hours) for one, hours in days.items() if one >= day}


def _place(day: str = "2021-01-05") -> str:
    return f"copies/{day}/EX01/inetpub/applicationHost.config"


def test_quiet_hours_beside_a_log_that_was_off_are_not_quiet(tmp_path: Path) -> None:
    plain, _ = _told(tmp_path / "plain", _quiet())
    assert (_row(plain.ledger).held, _row(plain.ledger).held_empty) == (72, 14)
    off, _ = _told(tmp_path / "off", _quiet() | {_place(): config(server=OFF)})
    row = _row(off.ledger)
    assert (row.held, row.held_empty, row.not_recorded) == (58, 0, 14)
    assert any("httpLogging/@dontLog" in text and "some time on 2021-01-05" in text for text, _ in row.reasons)
    on, _ = _told(tmp_path / "on", _quiet() | {_place(): config(server='<httpLogging dontLog="false" />')})
    assert _row(on.ledger).held == 72
    assert not on.log_settings


def test_what_was_true_from_its_last_write_until_it_was_copied_takes_hours_with_records_too(tmp_path: Path) -> None:
    files = _quiet() | {_place("2021-01-06"): config(server=OFF)}
    found, _ = _told(tmp_path, files, written="2021-01-05T12:00:00Z")
    row = _row(found.ledger)
    # from the hour of the last write to that in which the day of the copy begins; the quiet ones go on to eight
    assert (row.held, row.not_recorded) == (24 + 12 + 16, 20)


def test_a_setting_that_nothing_dates_lowers_nothing_and_is_told(tmp_path: Path) -> None:
    files = _quiet() | {"EX01/inetpub/applicationHost.config": config(server=OFF)}
    found, staged = _told(tmp_path, files)
    assert _row(found.ledger).held == 72
    told = [one.text for one in assemble(found, facts(staged)).claims if "dontLog" in one.text]
    assert len(told) == 1
    assert "no hour is lowered" in told[0]


def test_an_earlier_state_out_of_the_servers_history_is_not_of_the_day_of_the_copy(tmp_path: Path) -> None:
    place = "2021-01-05/EX01/inetpub/history/CFGHISTORY_0000000007/applicationHost.config"
    found, _ = _told(tmp_path / "undated", _quiet() | {place: config(server=OFF)})
    assert _row(found.ledger).held == 72
    found, _ = _told(tmp_path / "old", _quiet() | {place: config(server=OFF)}, written="2019-05-01T00:00:00Z")
    assert _row(found.ledger).held == 72
    found, _ = _told(tmp_path / "then", _quiet() | {place: config(server=OFF)}, written="2021-01-05T20:00:00Z")
    assert (_row(found.ledger).held, _row(found.ledger).not_recorded) == (58, 14)


def test_a_setting_of_another_server_or_of_an_unknown_one_lowers_nothing(tmp_path: Path) -> None:
    other = {iis_place("EX02", "210104"): _log("2021-01-04 08:10:00")}
    place = "2021-01-05/EX02/inetpub/applicationHost.config"
    found, _ = _told(tmp_path / "other", _quiet() | other | {place: config(server=OFF)})
    assert _row(found.ledger).held == 72
    found, staged = _told(tmp_path / "none", _quiet() | {"2021-01-05/applicationHost.config": config(server=OFF)})
    assert _row(found.ledger).held == 72
    assert any("no server is named" in one.text for one in assemble(found, facts(staged)).claims)


def test_a_folder_that_was_not_logged_bears_no_negative_for_what_it_would_have_shown(tmp_path: Path) -> None:
    files = {
        iis_place("EX01", f"21010{day}"): _log(
            *hourly(f"2021-01-0{day} 00:10:00", f"2021-01-0{day} 23:10:00"), stem=stem
        )
        for day, stem in ((4, "/owa/"), (5, "/ews/exchange.asmx"), (6, "/owa/"))
    }
    plain, _ = _told(tmp_path / "plain", files)
    assert ("EX01", "iis", OPENING) not in plain.ledger.unable
    found, _ = _told(tmp_path / "off", files | {_place(): config(location=OWA_OFF)})
    assert _row(found.ledger).held == 72
    span = (found.ledger.first_hour, found.ledger.last_hour)
    shown = {act: found.ledger.coverage(["EX01"], {"iis"}, *span, "x", act=act).hours_able for act in (
        OPENING, SHELL, "owa-password", "ews-password")}  # fmt: skip
    assert shown == {OPENING: 48, SHELL: 48, "owa-password": 48, "ews-password": 72}


@pytest.mark.parametrize(
    ("folder", "shown"),
    [
        ("owa", {OPENING: 48, SHELL: 48, "owa-password": 48}),
        ("owa/service.svc", {OPENING: 48, SHELL: 48, "owa-password": 48}),
        ("owa/healthcheck.htm", {OPENING: 72, SHELL: 72, "owa-password": 72}),
        ("owa/auth", {OPENING: 72, SHELL: 48, "owa-password": 72}),
        ("owa/auth/x.aspx", {OPENING: 72, SHELL: 48, "owa-password": 72}),
    ],
)
def test_what_lies_below_a_folder_takes_no_more_than_it_would_have_shown(
    tmp_path: Path, folder: str, shown: dict[str, int]
) -> None:
    """What every balancer asks for each second is often not logged; the call that OWA is made of, and pages, are more."""
    files = {
        iis_place("EX01", f"21010{day}"): _log(
            *hourly(f"2021-01-0{day} 00:10:00", f"2021-01-0{day} 23:10:00"), stem=stem
        )
        for day, stem in ((4, "/owa/"), (5, "/ews/exchange.asmx"), (6, "/owa/"))
    }
    found, _ = _told(tmp_path, files | {_place(): config(location=OWA_OFF.replace("/owa", f"/{folder}"))})
    span = (found.ledger.first_hour, found.ledger.last_hour)
    assert {act: found.ledger.coverage(["EX01"], {"iis"}, *span, "x", act=act).hours_able for act in shown} == shown


@pytest.mark.parametrize(
    ("place", "off"),
    [
        ("Windows/System32/inetsrv/config/applicationHost.config", True),
        ("Windows/System32/inetsrv/backup/before_patch/applicationHost.config", False),
        ("Windows/winsxs/amd64_x/applicationHost.config", False),
        ("Windows.old/Windows/System32/inetsrv/config/applicationHost.config", False),
        ("inetpub/temp/appPools/MSExchangeOWAAppPool/applicationHost.config", False),
    ],
)
def test_a_copy_of_an_older_configuration_is_not_the_one_in_force(tmp_path: Path, place: str, off: bool) -> None:
    files = _quiet() | {f"copies/2021-01-07/EX01/{place}": config(server=OFF)}
    found, _ = _told(tmp_path, files, written="2020-05-01T00:00:00Z")
    assert (_row(found.ledger).held, _row(found.ledger).not_recorded) == ((0, 72) if off else (72, 0))


def test_names_in_local_time_promise_no_hours_at_either_end(tmp_path: Path) -> None:
    files = {iis_place("EX01", f"21010{day}"): _log(f"2021-01-0{day} 12:10:00") for day in (4, 5)}
    files |= {iis_place("EX02", f"21010{day}"): _log(f"2021-01-0{day} 12:20:00") for day in (3, 4, 5, 6)}
    plain, _ = _told(tmp_path / "plain", files)
    assert _row(plain.ledger).held == 48
    local = {_place("2021-02-01"): config(default='<logFile localTimeRollover="true" />')}
    found, _ = _told(tmp_path / "local", files | local)
    states = {f"{one['hour_utc']:%d %H}": one["state"] for one in found.ledger.cells().to_pylist()
              if one["host"] == "EX01"}  # fmt: skip
    missing = sorted(hour for hour, state in states.items() if state == CellState.MISSING.value)
    assert missing == [
        *(f"03 {hour}" for hour in range(12, 24)),
        *(f"04 {hour:02}" for hour in range(12)),
        *(f"05 {hour}" for hour in range(13, 24)),
        *(f"06 {hour:02}" for hour in range(13)),
    ]


TRANSPORT = (
    "Identity,Name,MessageTrackingLogEnabled,MessageTrackingLogMaxAge,MessageTrackingLogMaxDirectorySize,ExportedUtc"
)
TRACKING = "#Software: Microsoft Exchange Server\r\n#Version: 15.01.2176.002\r\n#Log-type: Message Tracking Log\r\n"
TRACKED = "#Fields: date-time,client-ip,server-hostname,source,event-id,message-id,recipient-address,sender-address\r\n"


def _tracking(days: Iterable[int]) -> dict[str, str]:
    return {
        f"EX01/TransportRoles/Logs/MessageTracking/MSGTRK202101{day:02}-1.LOG": TRACKING + TRACKED
        + f"2021-01-{day:02}T08:00:00.000Z,10.0.0.5,EX01,SMTP,RECEIVE,<{day}@x>,a@gov.example,b@gov.example\r\n"
        for day in days
    }  # fmt: skip


def _kept(days: int, at: str) -> dict[str, str]:
    return {"t.csv": export(TRANSPORT, f'EX01,EX01,True,{days}.00:00:00,"1 GB (1,073,741,824 bytes)",{at}')}


def test_what_age_deletes_is_told_as_the_reason_and_stays_missing(tmp_path: Path) -> None:
    iis = {iis_place("EX01", "201201"): _log("2020-12-01 08:00:00")}
    found, staged = _told(tmp_path, iis | _tracking(range(10, 15)) | _kept(30, "2021-01-14T12:00:00Z"))
    row = _row(found.ledger, "message_tracking")
    assert row.held == 4 * 24 + 9
    iis_row = _row(found.ledger)
    assert not any("kept for" in text for text, _ in iis_row.reasons)
    told = [one.text for one in assemble(found, facts(staged)).claims if "kept for 30 days" in one.text]
    assert any("what is older is gone by itself" in one for one in told)


def test_what_should_still_have_been_there_is_told(tmp_path: Path) -> None:
    files = _tracking([1, 2, 3, 8, 9, 10]) | _kept(5, "2021-01-10T12:00:00Z")
    found, staged = _told(tmp_path / "five", files)
    told = [one.text for one in assemble(found, facts(staged)).claims if "nothing is held of" in one.text]
    assert len(told) == 1
    assert "EX01, message_tracking: nothing is held of 59 hours between" in told[0], told
    reasons = [text for text, _ in _row(found.ledger, "message_tracking").reasons]
    found, staged = _told(tmp_path / "two", _tracking([1, 2, 3, 8, 9, 10]) | _kept(2, "2021-01-10T12:00:00Z"))
    assert not [one for one in assemble(found, facts(staged)).claims if "nothing is held of" in one.text]
    assert any("kept for 2 days" in text for text, _ in _row(found.ledger, "message_tracking").reasons), reasons


def test_a_channel_that_was_full_and_kept_what_it_had_recorded_nothing_more(tmp_path: Path) -> None:
    events = [{"number": place, "event": 4624, "at": at} for place, at in enumerate(
        hourly("2021-01-04 00:10:00", "2021-01-04 05:10:00"), 1)]  # fmt: skip
    files = {
        "EX01/winevt/Security.xml": security_log(events),
        iis_place("EX01", "210104"): _log(*hourly("2021-01-04 00:10:00", "2021-01-04 23:10:00")),
        "EX01/2021-01-05/logs.csv": export(
            "LogName,MaximumSizeInBytes,IsEnabled,LogMode,IsLogFull,ExportedUtc,PSComputerName",
            "Security,20971520,True,Retain,True,2021-01-04T20:00:00Z,ex01.gov.example",
        ),
    }
    found, _ = _told(tmp_path, files)
    (one,) = found.log_settings
    assert (one.kind, one.source) == (SettingKind.FULL, "evtx/Security")
    row = _row(found.ledger, "evtx/Security")
    assert (row.held, row.not_recorded, row.missing) == (6, 15, 3)


@pytest.mark.parametrize(
    ("names", "values", "source", "what"),
    [
        ("Identity,Name,Server,ProtocolLogEnabled", "EX01\\1,IMAP4,EX01,False", "imap4", "IMAP was switched off"),
        ("ProtocolName,Server,ProtocolLogEnabled", "POP3,EX01,False", "pop3", "POP was switched off"),
        ("Name,AdminAuditLogEnabled,AdminAuditLogAgeLimit", "x,False,90.00:00:00", "admin_audit", "switched off"),
        ("Name,AdminAuditLogEnabled,AdminAuditLogAgeLimit", "x,True,00:00:00", "admin_audit", "keeps nothing"),
        ("Name,UnifiedAuditLogIngestionEnabled", "x,False", "ual", "unified audit logging was off"),
        ("Name,AuditDisabled", "x,True", "ual", "auditing of all mailboxes was off"),
        ("LogName,MaximumSizeInBytes,IsEnabled,LogMode,MachineName", "System,99,False,Circular,EX01", "evtx/System",
         "System was switched off"),
        ("Identity,ConnectivityLogEnabled", "EX01,False", "connectivity", "connectivity was switched off"),
    ],
)  # fmt: skip
def test_each_export_says_what_was_off(tmp_path: Path, names: str, values: str, source: str, what: str) -> None:
    files = {"s.csv": export(f"{names},ExportedUtc", f"{values},2021-01-05T03:00:00Z")}
    found, _ = _told(tmp_path, _quiet() | files)
    offs = [one for one in found.log_settings if one.kind is SettingKind.OFF]
    assert [(one.source, what in one.what) for one in offs] == [(source, True)]
    assert offs[0].within is not None
    assert offs[0].within.from_utc == utc("2021-01-05 03:00:00")
    if values.endswith("True,00:00:00"):
        swapped = values.replace(",00:00:00", ",90.00:00:00")
    else:
        swapped = values.replace("False", "TRUE") if "False" in values else values.replace("True", "FALSE")
    files = {"s.csv": export(f"{names},ExportedUtc", f"{swapped},x")}
    found, _ = _told(tmp_path / "on", _quiet() | files)
    assert not [one for one in found.log_settings if one.kind is SettingKind.OFF]


def test_json_says_the_same(tmp_path: Path) -> None:
    row = {"Name": "EX01", "MessageTrackingLogEnabled": False, "MessageTrackingLogMaxAge": {"TotalHours": 48.0},
           "ExportedUtc": "2021-01-05T03:00:00Z"}  # fmt: skip
    found, _ = _told(tmp_path, _quiet() | {"t.json": ual_json([row])})
    assert [(one.kind, one.kept_h) for one in found.log_settings] == [(SettingKind.KEPT, 48), (SettingKind.OFF, 0)]


def test_no_setting_ever_makes_an_hour_count(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    proxy = proxy_log([{"DateTime": "2021-01-05T03:00:00.000Z", "ServerHostName": "EX01", "UrlStem": "/owa/"}])
    base = _quiet() | {"EX01/Logging/HttpProxy/Owa/HttpProxy_2021010503-1.LOG": proxy} | _tracking([4, 6])
    plain = {(one.host, one.source): one.held for one in _told(tmp_path / "plain", base)[0].ledger.rows()}
    switches = [OFF, '<httpLogging dontLog="false" />', '<httpLogging selectiveLogging="LogError" />']
    for turn in range(6):
        day = f"2021-01-0{rng.integers(3, 9)}"
        chosen = {_place(day): config(server=str(rng.choice(switches)))} | _kept(
            int(rng.integers(1, 9)), f"{day}T0{rng.integers(0, 10)}:00:00Z")  # fmt: skip
        rows = _told(tmp_path / str(turn), base | chosen)[0].ledger.rows()
        assert all(one.held <= plain[one.host, one.source] for one in rows)


def _unlogged(text: str) -> list[tuple[str, str]]:
    from io import BytesIO

    from dwell.scope.iis_logging import ELEMENTS, attributes
    from dwell.sources.iis_config import IisConfig
    from dwell.sources.source import Hint

    rows = [row for batch in IisConfig().read(BytesIO(text.encode()), Hint()) if batch.records is not None
            for row in batch.records.to_pylist() if row["element"] in ELEMENTS]  # fmt: skip
    told = [(attributes(row), RecordRef("configuration", EvidenceId("e"), row["record_no"])) for row in rows]
    return [(f"{one.site}/{one.folder}".strip("/"), one.what.partition("(")[2].rstrip(")")) for one in unlogged(told)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (config(), []),
        (config(server=OFF), [("", "httpLogging/@dontLog")]),
        (config(default='<logFile enabled="false" />'), [("", "logFile/@enabled")]),
        (config(default='<logFile enabled="false" />', front='<logFile enabled="true" />'),
         [("Exchange Back End", "logFile/@enabled")]),
        (config(front='<logFile logTargetW3C="ETW" />'), [("Default Web Site", "logFile/@logTargetW3C")]),
        (config(front='<logFile logTargetW3C="File,ETW" />'), []),
        (config(front='<logFile logFormat="Custom" />'), [("Default Web Site", "logFile/@logFormat Custom")]),
        (config(server='<httpLogging selectiveLogging="LogError" />'), [("", "httpLogging/@selectiveLogging")]),
        (config(server='<httpLogging selectiveLogging="LogSuccessful" />'), []),
        (config(location=OWA_OFF), [("Default Web Site/owa", "httpLogging/@dontLog")]),
        (config(location=OWA_OFF.replace("/owa", "")), [("Default Web Site", "httpLogging/@dontLog")]),
        (config(server=OFF, location=OWA_OFF.replace("/owa", "").replace("true", "false")),
         [("Exchange Back End", "httpLogging/@dontLog")]),
        (config(log='<log centralLogFileMode="CentralBinary" />'), [("", "log/@centralLogFileMode")]),
        (config(log='<log centralLogFileMode="Site" />'), []),
    ],
)  # fmt: skip
def test_what_a_configuration_keeps_out_of_the_log(text: str, wanted: list[tuple[str, str]]) -> None:
    assert _unlogged(text) == wanted


def test_the_report_tells_it(tmp_path: Path) -> None:
    found = investigated(tmp_path, _quiet() | {_place(): config(server=OFF)})
    (claim,) = found.claims("blindspots", "by a setting as of", "EX01, iis: requests of all sites were not logged")
    assert claim["grounds"]
    assert found.summary["mailboxes"][0]["coverage_detail"]["hours_able"] == 58
