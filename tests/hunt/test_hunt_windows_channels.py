"""Which event log a service of Windows is, by the channel that its records carry, and a category in a service."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.hunt.archives import archive_of, hunted, load_rules, met

from dwell.casebook.case import Case
from dwell.hunt.wide import Hunter
from dwell.intake.ingest import ingest, open_archive
from dwell.model.claims import RuleStatus

RULE = {"title": "a rule", "id": "5f0c5f5c-0000-4000-8000-000000000001", "level": "high"}


# Names of channels as the `System` block of real records has them, or as `wevtutil el` lists them.
@pytest.mark.parametrize(
    ("service", "channel"),
    [
        ("dns-client", "Microsoft-Windows-DNS-Client/Operational"),
        ("dns-server-analytic", "Microsoft-Windows-DNSServer/Analytical"),
        ("dns-server-audit", "Microsoft-Windows-DNSServer/Audit"),
        ("hyper-v-worker", "Microsoft-Windows-Hyper-V-Worker-Admin"),
        ("kernel-event-tracing", "Microsoft-Windows-Kernel-EventTracing/Admin"),
        ("security-mitigations", "Microsoft-Windows-Security-Mitigations/KernelMode"),
        ("vhdmp", "Microsoft-Windows-VHDMP-Operational"),
        ("dhcp", "Microsoft-Windows-Dhcp-Server/Operational"),  # another case: Windows does not mind it
        ("smbclient-security", "Microsoft-Windows-SMBClient/Security"),
    ],
)
def test_a_service_is_the_channel_that_records_carry(tmp_path: Path, service: str, channel: str) -> None:
    rows = [{"Channel": channel, "EventID": 7, "EventData": [("A", "x")]}, {"Channel": "Other", "EventID": 7}]
    archive = archive_of(tmp_path / "archive", {"evtx": rows})
    rule = {
        **RULE,
        "logsource": {"product": "windows", "service": service},
        "detection": {"s": {"EventID": 7}, "condition": "s"},
    }
    rules = load_rules(tmp_path / "rules", rule).rules
    for prune in (True, False):
        assert met(hunted(archive, Hunter(rules, prune=prune))) == {RULE["id"]: {1}}


@pytest.mark.parametrize(
    ("category", "service", "meant"),
    [
        ("process_creation", "sysmon", {1}),
        ("process_creation", "security", {2}),
        ("registry_event", "security", {3}),
        ("ps_script", "powershell", {4}),
    ],
)
def test_a_category_and_a_service_mean_the_events_of_one_in_the_channels_of_the_other(
    tmp_path: Path, category: str, service: str, meant: set[int]
) -> None:
    rows = [
        {"Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": 1, "Image": "C:\\x.exe"},
        {"Channel": "Security", "EventID": 4688, "NewProcessName": "C:\\x.exe"},
        {"Channel": "Security", "EventID": 4657, "ObjectName": "\\REGISTRY\\MACHINE\\x", "ProcessName": "C:\\x.exe"},
        {"Channel": "Microsoft-Windows-PowerShell/Operational", "EventID": 4104, "Image": "C:\\x.exe"},
        {"Channel": "Microsoft-Windows-PowerShell/Operational", "EventID": 4103, "Image": "C:\\x.exe"},
    ]
    archive = archive_of(tmp_path / "archive", {"evtx": rows})
    source = {"product": "windows", "category": category, "service": service}
    rule = {**RULE, "logsource": source, "detection": {"s": {"Image|endswith": "\\x.exe"}, "condition": "s"}}
    assert met(hunted(archive, Hunter(load_rules(tmp_path / "rules", rule).rules))) == {RULE["id"]: meant}


def test_a_category_in_a_service_that_holds_none_of_its_events_is_blind(tmp_path: Path) -> None:
    source = {"product": "windows", "category": "process_creation", "service": "dns-client"}
    loaded = load_rules(tmp_path, {**RULE, "logsource": source, "detection": {"s": {"Image": "x"}, "condition": "s"}})
    assert [one.status for one in loaded.ended] == [RuleStatus.BLIND]


_EVENT = """<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System>
<Provider Name="Microsoft-Windows-Sysmon"/><EventID>8</EventID><TimeCreated SystemTime="2021-03-01T10:00:00Z"/>
<EventRecordID>1</EventRecordID><Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>EX01</Computer></System>
<EventData><Data Name="TargetImage">C:\\Windows\\System32\\lsass.exe</Data><Data Name="StartModule"></Data>
<Data Name="CommandLine"/></EventData></Event>"""


@pytest.mark.parametrize(
    ("asked", "is_met"),
    [
        ({"StartModule": ""}, True),
        ({"StartModule|re": "^$"}, True),
        ({"StartModule": None}, True),
        ({"StartModule|exists": True}, True),
        ({"CommandLine": ""}, True),
        ({"StartFunction|exists": True}, False),
    ],
)
def test_an_element_without_text_is_an_empty_text_as_it_is_in_the_binary_log(
    tmp_path: Path, asked: dict[str, object], *, is_met: bool
) -> None:
    case = Case.create(tmp_path / "case")
    evidence = tmp_path / "evidence"
    evidence.mkdir()
    (evidence / "a.xml").write_text(_EVENT, encoding="utf-8")
    with case.writing():
        ingest(case, [evidence], workers=1)
    source = {"product": "windows", "category": "create_remote_thread"}
    rule = {
        **RULE,
        "logsource": source,
        "detection": {"s": {"TargetImage|endswith": "\\lsass.exe", **asked}, "condition": "s"},
    }
    hits = hunted(open_archive(case), Hunter(load_rules(tmp_path / "rules", rule).rules))
    assert (RULE["id"] in met(hits)) is is_met
