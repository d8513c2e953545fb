"""Settings of event channels and of logs by size, in each form in which they are exported, say the same of a log."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.scope.office import facts, no_hunt
from tests.scope.staged import hourly, security_log, stage
from tests.scope.test_scope_log_settings import BEFORE, config, export

from dwell.answers.assemble import assemble
from dwell.scope.channel_modes import Channel, ChannelMode, channel_of
from dwell.scope.investigation import Investigation, investigate
from dwell.scope.log_settings import SettingKind

REG = "Windows Registry Editor Version 5.00\r\n\r\n[HKEY_LOCAL_MACHINE\\{key}]\r\n{values}\r\n"
CLASSIC = "SYSTEM\\ControlSet001\\Services\\EventLog\\Security"
MODERN = "SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\WINEVT\\Channels\\Security"
POLICY = "SOFTWARE\\Policies\\Microsoft\\Windows\\EventLog\\Security"
GL = (
    "name: Security\nenabled: {on}\ntype: Admin\nlogging:\n  logFileName: x.evtx\n  retention: {kept}\n"
    "  autoBackup: {aside}\n  maxSize: 20971520\n"
)
SIZE = 20_971_520
RING, RETAIN, ARCHIVE = ChannelMode.RING, ChannelMode.RETAIN, ChannelMode.ARCHIVE


def _reg(key: str, **values: str) -> str:
    return REG.format(key=key, values="\r\n".join(f'"{name}"={value}' for name, value in values.items()))


def _found(root: Path, name: str, text: str) -> Investigation:
    events = [{"number": place, "event": 4624, "at": at} for place, at in enumerate(
        hourly("2021-01-04 00:10:00", "2021-01-04 05:10:00"), 1)]  # fmt: skip
    files = {"EX01/winevt/Security.xml": security_log(events), f"EX01/2021-01-05/{name}": text}
    staged = stage(root, files)
    return investigate(staged.archive, no_hunt(), staged.paths, workers=1)


FORMS = [
    pytest.param("g.txt", GL.format(on="true", kept="false", aside="false"), SettingKind.RING, id="ring, wevtutil"),
    pytest.param("g.txt", GL.format(on="true", kept="true", aside="false"), SettingKind.STOPS, id="stops, wevtutil"),
    pytest.param("g.txt", GL.format(on="true", kept="true", aside="true"), SettingKind.ARCHIVED, id="aside, wevtutil"),
    pytest.param("g.txt", GL.format(on="false", kept="false", aside="false"), SettingKind.OFF, id="off, wevtutil"),
    pytest.param(
        "r.reg",
        _reg(CLASSIC, MaxSize="dword:01400000", Retention="dword:00000000"),
        SettingKind.RING,
        id="ring, registry",
    ),
    pytest.param(
        "r.reg",
        _reg(CLASSIC, MaxSize="dword:01400000", Retention="dword:ffffffff"),
        SettingKind.STOPS,
        id="stops, reg",
    ),
    pytest.param(
        "r.reg",
        _reg(MODERN, MaxSize="dword:01400000", Retention="dword:ffffffff", AutoBackupLogFiles="dword:00000001"),
        SettingKind.ARCHIVED,
        id="aside, registry",
    ),
    pytest.param("r.reg", _reg(MODERN, Enabled="dword:00000000"), SettingKind.OFF, id="off, registry"),
    pytest.param("r.reg", _reg(POLICY, MaxSize="dword:00005000", Retention='"0"'), SettingKind.RING, id="ring, policy"),
    pytest.param(
        "l.csv",
        export("LogName,MaximumSizeInBytes,IsEnabled,LogMode,IsLogFull", f"Security,{SIZE},True,AutoBackup,False"),
        SettingKind.ARCHIVED,
        id="aside, PowerShell",
    ),
]


@pytest.mark.parametrize(("name", "text", "kind"), FORMS)
def test_each_form_says_what_a_channel_does_when_it_is_full(
    tmp_path: Path, name: str, text: str, kind: SettingKind
) -> None:
    (one,) = _found(tmp_path, name, text).log_settings
    assert (one.kind, one.host, one.source) == (kind, "EX01", "evtx/Security")
    assert kind is SettingKind.OFF or "20,971,520 bytes" in one.what
    assert ("by policy" in one.what) == ("Policies" in text)


@pytest.mark.parametrize(("name", "text", "kind"), FORMS)
def test_no_form_makes_an_hour_count_and_only_off_takes_one_back(
    tmp_path: Path, name: str, text: str, kind: SettingKind
) -> None:
    plain = _found(tmp_path / "plain", "note.txt", "nothing")
    found = _found(tmp_path / "told", name, text)
    rows = [next(row for row in one.ledger.rows() if row.source == "evtx/Security") for one in (plain, found)]
    assert rows[0].held >= rows[1].held
    assert rows[1].not_recorded == 0 or kind is SettingKind.OFF


def test_a_registry_value_that_is_no_number_says_nothing() -> None:
    told = {"value.retention": "dword:zz", "value.maxsize": "hex:00,01", "value.enabled": "", "identity": "x"}
    assert channel_of(told) == Channel(None, None, None)
    assert channel_of({"value.retention": "dword:00093a80", "value.maxsize": "16"}) == Channel(None, RETAIN, 16)
    assert channel_of({"logmode": "Circular", "maximumsizeinbytes": "x"}) == Channel(None, RING, None, full=False)
    assert channel_of({"logging.retention": "yes", "logging.autobackup": "1"}).mode is ARCHIVE


@pytest.mark.parametrize(
    ("size", "age", "kind"),
    [
        ('"250 MB (262,144,000 bytes)"', "00:00:00", SettingKind.RING),
        ("Unlimited", "00:00:00", None),
        ("0 B (0 bytes)", "00:00:00", None),
        ('"250 MB (262,144,000 bytes)"', "30.00:00:00", SettingKind.KEPT),
    ],
)
def test_a_directory_that_is_limited_by_size_alone_is_told(
    tmp_path: Path, size: str, age: str, kind: SettingKind | None
) -> None:
    names = "Identity,Name,MessageTrackingLogEnabled,MessageTrackingLogMaxAge,MessageTrackingLogMaxDirectorySize"
    found = _found(tmp_path, "t.csv", export(names, f"EX01,EX01,True,{age},{size}"))
    assert [one.kind for one in found.log_settings] == ([] if kind is None else [kind])
    assert all("250 MB" in one.what for one in found.log_settings)


def test_iis_logs_that_begin_anew_at_a_size_are_told_with_their_ground(tmp_path: Path) -> None:
    text = config(default='<logFile period="MaxSize" truncateSize="104857600" />')
    staged = stage(tmp_path, {"copies/2021-01-05/EX01/inetpub/applicationHost.config": text})
    found = investigate(staged.archive, no_hunt(), staged.paths, written=dict.fromkeys(staged.paths, BEFORE), workers=1)
    (one,) = found.log_settings
    assert (one.kind, one.ground.table) == (SettingKind.SIZE_NAMES, "configuration")
    (claim,) = [each for each in assemble(found, facts(staged)).claims if "104,857,600 bytes" in each.text]
    assert claim.grounds == (one.ground,)
    assert "promise no hours" in claim.text
