"""A rule about an event of which none is held says so; where the event is only written on demand, the rule is blind."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.hunt.archives import archive_of, load_rules

from dwell.hunt.hunting import hunt
from dwell.hunt.sigma.load import load
from dwell.model.claims import RuleOutcome, RuleStatus

SECURITY = {"product": "windows", "service": "security"}
RULE: dict[str, Any] = {"title": "one", "id": "10000000-0000-4000-8000-000000000001"}


def logged(*ids: int, host: str = "EX01") -> list[dict[str, Any]]:
    return [{"Channel": "Security", "EventID": one, "host": host, "EventData": [("A", "x")]} for one in ids]


def outcome(folder: Path, rows: list[dict[str, Any]], detection: Mapping[str, Any], **source: str) -> RuleOutcome:
    archive = archive_of(folder / "archive", {"evtx": rows})
    rule = {**RULE, "logsource": source or SECURITY, "detection": {"condition": "s", **detection}}
    (found,) = hunt(archive, loaded=load_rules(folder / "rules", rule), workers=1).outcomes
    return found


@pytest.mark.parametrize(
    ("detection", "status", "words"),
    [
        ({"s": {"EventID": 4662, "A": "x"}}, RuleStatus.BLIND, "no event 4662 is held of any host: domain controllers"),
        ({"s": {"EventID": [4662, 5136]}}, RuleStatus.BLIND, "no event 4662, 5136 is held"),
        ({"s": {"EventID": "4662"}}, RuleStatus.BLIND, "no event 4662 is held of any host: domain controllers"),
        ({"s": {"EventID": ["4662", 5136]}}, RuleStatus.BLIND, "no event 4662, 5136 is held"),
        ({"s": {"EventID": 4697}}, RuleStatus.BLIND, "'Audit Security System Extension' is on"),
        ({"s": {"EventID": 5157}}, RuleStatus.BLIND, "'Audit Filtering Platform Connection' is on"),
        ({"s": {"EventID": [4662, 4624]}}, RuleStatus.RAN, "no event 4662 is held of any host"),
        ({"s": {"EventID": [1102, 4624]}}, RuleStatus.RAN, ""),
        ({"s": {"EventID|startswith": "466"}}, RuleStatus.RAN, ""),
        ({"s": {"EventID": [4662, 1102]}}, RuleStatus.RAN, "no event 1102, 4662 is held of any host"),
        ({"s": {"EventID": 1102}}, RuleStatus.RAN, "no event 1102 is held of any host"),
        ({"s": {"EventID": 4624}, "f": {"EventID": 4662}, "condition": "s and not f"}, RuleStatus.RAN, ""),
        (
            {"s": {"A": "x"}, "f": {"EventID": 4662}, "condition": "s or f"},
            RuleStatus.RAN,
            "no event 4662 is held of any host",
        ),
        ({"s": {"A": "x"}}, RuleStatus.RAN, ""),
    ],
)
def test_a_rule_about_events_that_nobody_wrote(
    tmp_path: Path, detection: Mapping[str, Any], status: RuleStatus, words: str
) -> None:
    told = outcome(tmp_path, logged(4624, 4634), detection)
    assert told.status is status
    assert words in told.reason
    assert ("is held" in told.reason) is bool(words)


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"EventID": 4662}, RuleStatus.BLIND),
        ({"EventID": 4662, "Channel": "Security"}, RuleStatus.RAN),  # what it names may be another log
        ({"EventID": 4625}, RuleStatus.RAN),
    ],
)
def test_a_rule_of_no_service_means_the_security_log_by_its_numbers(
    tmp_path: Path, asked: dict[str, Any], status: RuleStatus
) -> None:
    told = outcome(tmp_path, logged(4624), {"s": asked}, product="windows")
    assert told.status is status
    assert f"no event {asked['EventID']} is held" in told.reason


def test_one_event_of_any_host_is_enough(tmp_path: Path) -> None:
    rows = logged(4624) + logged(4662, host="DC01")
    assert outcome(tmp_path, rows, {"s": {"EventID": 4662, "A": "y"}}).status is RuleStatus.RAN


def test_an_event_of_another_channel_is_another_event(tmp_path: Path) -> None:
    rows = [*logged(4624), {"Channel": "System", "EventID": 4662}]
    assert outcome(tmp_path, rows, {"s": {"EventID": 4662}}).status is RuleStatus.BLIND


def test_our_own_rules_about_the_directory_are_blind_on_a_mail_server_alone(tmp_path: Path) -> None:
    found = hunt(archive_of(tmp_path / "archive", {"evtx": logged(4624)}), loaded=load(), workers=1)
    told = {one.path.removesuffix(".yml"): one for one in found.outcomes}
    for name in ("ex16_secrets_replicated", "ex16_domain_head_rights"):
        assert told[name].status is RuleStatus.BLIND
        assert "domain controllers write it" in told[name].reason


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (
            {"EventID": 55, "Provider_Name": "Ntfs"},
            "no event 55 of the provider or channel it names is held of any host",
        ),
        ({"EventID": "55", "Provider_Name|endswith": "fs"}, "no event 55 of the provider or channel it names is held"),
        (
            {"EventID": [55, 98], "Provider_Name": "Ntfs"},
            "no event 98 is held of any host; no event 55 of the provider",
        ),
        ({"EventID": 55, "Channel": "Application"}, "no event 55 of the provider or channel it names is held"),
        ({"EventID": 55, "Provider_Name": "Microsoft-Windows-Kernel-Processor-Power"}, ""),
        ({"EventID": 55, "Provider_Name|contains": "processor"}, ""),
        ({"EventID": 55, "Provider_Name|re": "Ntfs"}, ""),
        ({"EventID": [55, 7036], "Provider_Name": ["Ntfs", "Service Control Manager"]}, ""),
    ],
)
def test_an_event_is_held_where_its_provider_and_channel_are_those_the_rule_names(
    tmp_path: Path, asked: dict[str, Any], words: str
) -> None:
    made = [(55, "Microsoft-Windows-Kernel-Processor-Power"), (7036, "Service Control Manager")]
    rows = [{"Channel": "System", "EventID": one, "Provider": provider} for one, provider in made]
    rows += [{"Channel": "Application", "EventID": 1000, "Provider": "Ntfs"}]
    told = outcome(tmp_path, rows, {"s": asked}, product="windows")
    assert told.status is RuleStatus.RAN
    assert words in told.reason
    assert ("is held" in told.reason) is bool(words)


def test_no_remedy_is_told_for_a_provider_that_does_not_write_such_events(tmp_path: Path) -> None:
    rows = [{"Channel": "Security", "EventID": 4662, "Provider": "Microsoft-Windows-Security-Auditing"}]
    told = outcome(tmp_path, rows, {"s": {"EventID": 4662, "Provider_Name": "Other"}})
    assert told.status is RuleStatus.RAN
    assert "of the provider or channel it names" in told.reason
    assert "Audit" not in told.reason


PROCESS = {"product": "windows", "category": "process_creation"}
SYSMON_HELPS, AUDIT_HELPS = "Install Sysmon", "Switch on 'Audit Process Creation'"


@pytest.mark.parametrize(
    ("asked", "helps"),
    [
        ({"CommandLine|contains": "x"}, True),
        ({"Hashes|contains": "x"}, False),
        ({"OriginalFileName": "x.exe"}, False),
        ({"CommandLine|contains": "x", "Company": "x"}, False),
        ({"ParentImage": "x"}, False),
    ],
)
@pytest.mark.parametrize("is_held", [True, False], ids=["held", "not held"])
def test_only_what_would_help_is_told_of_a_rule_about_new_processes(
    tmp_path: Path, asked: dict[str, Any], helps: bool, is_held: bool
) -> None:
    started = {"Channel": "Security", "EventID": 4688, "NewProcessName": "C:\\a.exe"}
    told = outcome(tmp_path, [started] if is_held else logged(4624), {"s": asked}, **PROCESS)
    assert told.status is RuleStatus.BLIND
    assert SYSMON_HELPS in told.reason
    # where no process is recorded at all, its parent will be once they are audited
    assert (AUDIT_HELPS in told.reason) is (helps or (not is_held and "ParentImage" in asked))


def test_either_log_is_told_where_either_would_do(tmp_path: Path) -> None:
    asked = {"s": [{"CommandLine|contains": "x"}, {"OriginalFileName": "x.exe"}]}
    started = {"Channel": "Security", "EventID": 4688, "NewProcessName": "C:\\a.exe"}
    told = outcome(tmp_path, [started], asked, **PROCESS)
    assert SYSMON_HELPS in told.reason
    assert AUDIT_HELPS in told.reason
