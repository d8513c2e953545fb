"""What fields of Windows events are called: names with blanks, names that the event's head has too, attributes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.hunt.archives import archive_of, hunted, load_rules, met

from dwell.hunt.hunting import hunt
from dwell.hunt.wide import Hunter
from dwell.model.claims import RuleStatus
from dwell.sources.windows_event import CMDLET_CHANNEL, CMDLET_POSITIONS

RULE = {"title": "a rule", "id": "5f0c5f5c-0000-4000-8000-000000000001", "level": "high"}
SYSMON = "Microsoft-Windows-Sysmon/Operational"
DEFENDER = "Microsoft-Windows-Windows Defender/Operational"
CAPI = "Microsoft-Windows-CAPI2/Operational"
WINDOWS: Mapping[str, str] = {"product": "windows"}
PROCESS = {**WINDOWS, "category": "process_creation"}
WINDEFEND = {**WINDOWS, "service": "windefend"}

EVENTS: list[dict[str, Any]] = [
    {"Channel": DEFENDER, "EventID": 5007, "EventData": [("New Value", "HKLM\\Exclusions\\C:\\x = 0x0")]},
    {"Channel": DEFENDER, "EventID": 1121, "EventData": [("Process Name", "C:\\PSEXESVC.exe"), ("Path", "C:\\x.exe")]},
    {"Channel": DEFENDER, "EventID": 1116, "EventData": [("Threat Name", "AMSI"), ("Process Name", "C:\\w3wp.exe")]},
    {"Channel": SYSMON, "EventID": 1, "ProcessID": 4, "ThreadID": 9, "Image": "C:\\a.exe",
     "EventData": [("ProcessId", "77")]},
    {"Channel": "Security", "EventID": 4688, "ProcessID": 4, "NewProcessName": "C:\\b.exe",
     "EventData": [("ProcessId", "0x4d")]},
    {"Channel": "System", "EventID": 6, "UserID": "S-1-5-18", "Level": 4,
     "EventData": [("UserId", "S-1-5-21-1"), ("Level", "deep"), ("Session.ProcessID", "88")]},
    {"Channel": CAPI, "EventID": 70, "EventData": [("A.EventAuxInfo@ProcessName", "mimikatz.exe")]},
    {"Channel": CAPI, "EventID": 71, "ProviderGuid": "{g}", "ActivityID": "{a}", "Qualifiers": 3,
     "EventData": [("New Value", "x")]},
]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "asked", "meant"),
    [
        (WINDEFEND, {"NewValue|contains": "\\exclusions\\"}, {1}),
        (WINDEFEND, {"New Value|contains": "\\exclusions\\"}, {1}),
        (WINDEFEND, {"NewValue|exists": True}, {1}),
        (WINDEFEND, {"NewValue": None}, {2, 3}),
        (WINDEFEND, {"ProcessName|endswith": ".exe"}, {2, 3}),
        (WINDEFEND, {"ProcessName": None}, {1}),
        (WINDEFEND, {"Path|fieldref|endswith": "ProcessName"}, set()),
        (WINDEFEND, {"ThreatName": "AMSI"}, {3}),
        ({"category": "antivirus"}, {"ProcessName|endswith": "\\w3wp.exe"}, {3}),
        (PROCESS, {"ProcessId": 77}, {4}),
        (PROCESS, {"processid": "0x4d"}, {5}),
        (PROCESS, {"ProcessId": 4}, set()),
        (PROCESS, {"ProcessID": 4}, {4, 5}),
        (PROCESS, {"Execution_ProcessID": 4}, {4, 5}),
        (PROCESS, {"Execution_ThreadID": 9}, {4}),
        (WINDOWS, {"UserId": "S-1-5-21-1"}, {6}),
        (WINDOWS, {"UserID": "S-1-5-18"}, {6}),
        (WINDOWS, {"Security_UserID": "S-1-5-18"}, {6}),
        (WINDOWS, {"Level": "deep"}, {6}),
        (WINDOWS, {"Level": 4}, {6}),
        (WINDOWS, {"ProcessID": 88}, {6}),
        ({**WINDOWS, "service": "capi2"}, {"ProcessName": "mimikatz.exe"}, {7}),
        ({**WINDOWS, "service": "capi2"}, {"EventAuxInfo_ProcessName": "mimikatz.exe"}, {7}),
        ({**WINDOWS, "service": "capi2"}, {"Provider_Guid": "{g}", "Correlation_ActivityID": "{a}"}, {8}),
        (WINDOWS, {"EventID_Qualifiers": 3}, {8}),
        (WINDOWS, {"eventid": 71, "channel": CAPI}, {8}),
    ],
)
def test_a_field_is_found_by_the_name_that_the_specification_gives_it(
    tmp_path: Path, source: Mapping[str, str], asked: Mapping[str, Any], meant: set[int]
) -> None:
    archive = archive_of(tmp_path / "archive", {"evtx": EVENTS})
    rule = {**RULE, "logsource": source, "detection": {"s": dict(asked), "condition": "s"}}
    rules = load_rules(tmp_path / "rules", rule).rules
    for prune in (True, False):
        assert met(hunted(archive, Hunter(rules, prune=prune))).get(RULE["id"], set()) == meant


def test_a_field_of_the_head_alone_does_not_make_up_for_one_of_the_event(tmp_path: Path) -> None:
    event = {"Channel": SYSMON, "EventID": 1, "ProcessID": 4, "Image": "C:\\a.exe"}
    archive = archive_of(tmp_path / "archive", {"evtx": [event]})
    rule = {**RULE, "logsource": PROCESS, "detection": {"s": {"ProcessId": 4}, "condition": "s"}}
    load_rules(tmp_path / "rules", rule)
    told = hunt(archive, rule_folders=[tmp_path / "rules"], workers=1).outcomes
    mine = next(one for one in told if one.rule_id == RULE["id"])
    assert (mine.status, mine.hits) == (RuleStatus.BLIND, 0)
    assert "ProcessId" in mine.reason


def test_all_data_without_a_name_of_exchanges_cmdlet_log_are_data(tmp_path: Path) -> None:
    """What has a column by its position is no less unnamed than what has none."""
    held = {name: f"position of {name}" for name in CMDLET_POSITIONS.values()}
    row = {"Channel": CMDLET_CHANNEL, "EventID": 6, **held, "EventData": [("Data7", "position of no column")]}
    asked = [*held.values(), "position of no column", "position of anything else"]
    rules = [
        {
            **RULE,
            "id": f"5f0c5f5c-0000-4000-8000-{at:012}",
            "title": text,
            "logsource": {**WINDOWS, "service": "msexchange-management"},
            "detection": {"s": {"Data|contains": text}, "condition": "s"},
        }
        for at, text in enumerate(asked)
    ]
    archive = archive_of(tmp_path / "archive", {"evtx": [row]})
    told = met(hunted(archive, Hunter(load_rules(tmp_path / "rules", *rules).rules)))
    assert set(told) == {one["id"] for one in rules[:-1]}
