"""A rule explained says what the hunt does, no more and no less."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.hunt.archives import archive_of

from dwell.archive.store import Archive
from dwell.hunt.explain import RuleExplained, explain
from dwell.hunt.hunting import hunt
from dwell.hunt.sigma.load import load
from dwell.intake.tables import specs
from dwell.model.claims import RuleStatus

SYSMON = "Microsoft-Windows-Sysmon/Operational"


def told(
    tmp_path: Path, detection: Mapping[str, Any], logsource: Mapping[str, str], archive: Archive | None = None
) -> RuleExplained:
    """Explain one rule."""
    rule = {
        "title": "one",
        "id": "10000000-0000-4000-8000-000000000001",
        "author": "somebody",
        "level": "high",
        "logsource": dict(logsource),
        "detection": dict(detection),
    }
    path = tmp_path / "rule.yml"
    path.write_text(yaml.safe_dump(rule), encoding="utf-8")
    (found,) = explain(load([path], pack=False), [path], None, archive)
    return found


def test_questions_fields_and_condition_are_told(tmp_path: Path) -> None:
    detection = {
        "selection": {"Image|endswith": "\\cmd.exe", "CommandLine|contains|all": ["a", "b"], "Odd": 7},
        "filter": {"User|re|i": "^svc"},
        "condition": "selection and not filter",
    }
    found = told(tmp_path, detection, {"category": "process_creation", "product": "windows"})
    assert found.outcome is None
    assert found.logsource == {"category": "process_creation", "product": "windows"}
    sysmon, security = found.cases
    assert (sysmon.table, sysmon.channels, sysmon.event_ids) == ("evtx", (SYSMON,), (1,))
    assert security.fields["Image"] == ("NewProcessName",)
    assert sysmon.fields["Odd"] == ("EventData:Odd",)
    asked = {(one.place, one.asks, one.negated) for one in sysmon.asked}
    assert asked == {
        ("Image", "ends with '\\cmd.exe'", False),
        ("CommandLine", "contains 'a'", False),
        ("CommandLine", "contains 'b'", False),
        ("EventData:Odd", "is the number 7", False),
        ("User", "matches /^svc/i", True),
    }
    number = next(at for at, one in enumerate(sysmon.asked, 1) if one.negated)
    assert f"not {number}" in sysmon.condition
    assert all(one.rows is None for one in sysmon.asked)
    assert sysmon.held is None


@pytest.mark.parametrize(
    ("detection", "logsource", "words"),
    [
        (
            {"s": {"EventID": 4688, "Image": "x"}},
            {"category": "file_event", "product": "windows"},
            "event id alone",
        ),
        ({"s": {"Channel": "System"}}, {"service": "security", "product": "windows"}, "event id alone"),
        ({"s": {"EventID": [11, 4688], "Image": "x"}}, {"category": "file_event", "product": "windows"}, ""),
        ({"s": {"EventID": 4625}}, {"service": "security", "product": "windows"}, ""),
    ],
)
def test_what_can_never_be_true_is_told_without_a_case(
    detection: dict[str, Any], logsource: dict[str, str], words: str, tmp_path: Path
) -> None:
    found = told(tmp_path, {**detection, "condition": "s"}, logsource)
    assert [bool(one.never) for one in found.cases] == [bool(words)]
    assert words in found.cases[0].never
    if words:
        rows = [
            {"Channel": channel, "EventID": number, "Image": "x"}
            for channel in (SYSMON, "Security", "System")
            for number in (1, 11, 4688)
        ]
        archive = archive_of(tmp_path / "archive", {"evtx": rows})
        hunted = hunt(archive, rule_folders=[tmp_path / "rule.yml"], workers=1)
        assert hunted.hits.num_rows == 0
        (outcome,) = [one for one in hunted.outcomes if one.path == "rule.yml"]
        assert outcome.status is RuleStatus.BLIND
        assert outcome.reason == f"it can never be true: {found.cases[0].never}"


def test_rules_of_what_was_set_and_of_what_was_deleted_in_the_registry_do_not_take_each_others_records(
    tmp_path: Path,
) -> None:
    """Both are about one event of Security; what happened tells the two apart, whichever rule is read first."""
    rules = [("a", "registry_set"), ("b", "registry_delete"), ("c", "registry_set")]
    for name, category in rules:
        (tmp_path / f"{name}.yml").write_text(
            f"title: {name}\nlogsource:\n  product: windows\n  category: {category}\n"
            "detection:\n  s:\n    TargetObject|contains: Run\n  condition: s\n",
            encoding="utf-8",
        )
    found = explain(load([tmp_path], pack=False), [tmp_path])
    assert [case.never for one in found for case in one.cases] == [""] * 6
    asked = {
        one.info.title: [
            (each.asks, each.negated) for case in one.cases if case.event_ids == (4657,) for each in case.asked
        ]
        for one in found
    }
    assert ("is 'deletevalue'", False) in asked["b"]
    assert all(("is 'deletevalue'", True) in asked[one] for one in "ac")


def test_keywords_are_looked_for_in_many_places(tmp_path: Path) -> None:
    found = told(
        tmp_path, {"keywords": ["one", "two"], "condition": "keywords"}, {"product": "windows", "category": "webserver"}
    )
    (iis,) = found.cases
    assert set(iis.fields) == {"(keywords)"}
    assert {one.place for one in iis.asked} == set(iis.fields["(keywords)"])


def test_with_a_case_it_says_what_the_hunt_says(tmp_path: Path) -> None:
    rows = [
        {"Channel": SYSMON, "EventID": 1, "Image": "C:\\cmd.exe", "CommandLine": "a"},
        {"Channel": SYSMON, "EventID": 1, "Image": "C:\\cmd.exe", "CommandLine": "b"},
        {"Channel": SYSMON, "EventID": 3, "Image": "C:\\cmd.exe"},
    ]
    archive = archive_of(tmp_path / "archive", {"evtx": rows})
    detection = {"s": {"Image|endswith": "\\cmd.exe", "CommandLine": "a", "User": "x"}, "condition": "s"}
    logsource = {"category": "process_creation", "product": "windows"}
    found = told(tmp_path, detection, logsource, archive)
    held = hunt(archive, rule_folders=[tmp_path / "rule.yml"], workers=1)
    assert found.outcome == next(one for one in held.outcomes if one.rule_id == found.info.id)
    assert found.outcome.status is RuleStatus.BLIND
    sysmon, security = found.cases
    assert sysmon.held is not None
    assert (sysmon.held.files, sysmon.held.rows, dict(sysmon.held.missing)) == (1, 2, {"User": 1})
    assert security.held is not None
    assert security.held.rows == 0
    assert {one.place: one.rows for one in sysmon.asked} == {"Image": 3, "CommandLine": 1, "User": 0}


def test_hits_and_files_are_those_of_the_hunt(tmp_path: Path) -> None:
    archive_of(tmp_path / "archive", {"iis": [{"cs-uri-stem": "/x"}, {"cs-uri-stem": "/y"}]}, name="one")
    archive_of(tmp_path / "archive", {"iis": [{"cs-uri-stem": "/z"}]}, name="two")
    archive = Archive(tmp_path / "archive", specs())
    found = told(tmp_path, {"s": {"cs-uri-stem": "/x"}, "condition": "s"}, {"category": "webserver"}, archive)
    assert found.outcome is not None
    assert (found.outcome.hits, found.outcome.files_opened, found.outcome.files_pruned) == (1, 1, 1)


def test_a_rule_that_ends_early_is_told_with_its_reason(tmp_path: Path) -> None:
    blind = told(tmp_path, {"s": {"a": 1}, "condition": "s"}, {"product": "linux", "service": "auditd"})
    assert blind.outcome is not None
    assert blind.outcome.status is RuleStatus.BLIND
    assert blind.logsource == {"product": "linux", "service": "auditd"}
    (tmp_path / "rule.yml").write_text("title: [", encoding="utf-8")
    (bad,) = explain(load([tmp_path / "rule.yml"], pack=False), [tmp_path / "rule.yml"])
    assert bad.outcome is not None
    assert bad.outcome.status is RuleStatus.INVALID


def test_every_rule_of_ours_is_explained_and_can_be_true() -> None:
    loaded = load()
    found = explain(loaded, [])
    assert len(found) == len(loaded.rules.rules) + len(loaded.ended)
    assert [one.info.id for one in found if any(case.never for case in one.cases)] == []
    assert all(case.fields for one in found for case in one.cases)
    assert all(one.logsource for one in found)


EVERY_ACCOUNT = """
title: registry value set
id: 20000000-0000-4000-8000-000000000001
name: base
status: test
author: somebody
level: high
logsource: {product: windows, service: security}
detection: {s: {EventID: 4657, ObjectName|contains: x}, condition: s}
---
title: many registry values
id: 20000000-0000-4000-8000-000000000002
status: test
author: somebody
level: high
correlation: {type: event_count, rules: [base], group-by: [Computer], timespan: 1h, condition: {gte: 1}}
---
title: a process with a user
id: 20000000-0000-4000-8000-000000000003
status: test
author: somebody
level: high
logsource: {product: windows, category: process_creation}
detection: {s: {CommandLine|contains: whoami, User: x}, condition: s}
---
title: new processes
id: 20000000-0000-4000-8000-000000000004
name: starts
status: test
author: somebody
level: high
logsource: {product: windows, category: process_creation}
detection: {s: {CommandLine|contains: whoami}, condition: s}
---
title: many new processes
id: 20000000-0000-4000-8000-000000000005
status: test
author: somebody
level: high
correlation: {type: event_count, rules: [starts], group-by: [Computer], timespan: 1h, condition: {gte: 2}}
"""


@pytest.mark.parametrize("by_id", [False, True])
def test_every_account_is_that_of_the_hunt(by_id: bool, tmp_path: Path) -> None:
    rows = [
        {"Channel": SYSMON, "EventID": 1, "CommandLine": "whoami", "User": "y", "host": "HOST1", "Computer": "HOST1"},
        {"Channel": SYSMON, "EventID": 1, "CommandLine": "whoami", "User": "y", "host": "HOST1", "Computer": "HOST1"},
        {"Channel": SYSMON, "EventID": 1, "CommandLine": "whoami /all", "host": "HOST2", "Computer": "HOST2"},
        {"Channel": "Security", "EventID": 4624, "host": "HOST3", "Computer": "HOST3"},
    ]
    archive_of(tmp_path / "archive", {"evtx": rows})
    archive_of(tmp_path / "archive", {"ews": [{"host": "HOST4"}]}, name="ews")
    archive = Archive(tmp_path / "archive", specs())
    path = tmp_path / "rules.yml"
    path.write_text(EVERY_ACCOUNT, encoding="utf-8")
    hunted = hunt(archive, rule_folders=[path], workers=1)
    judged = {one.rule_id: one for one in hunted.outcomes if one.path == "rules.yml"}
    if by_id:
        found = [each for one in judged for each in explain(load([path]), [path], [one], archive)]
    else:
        found = explain(load([path], pack=False), [path], None, archive)
    assert {one.info.id: one.outcome for one in found} == judged
    by_title = {one.title: one for one in judged.values()}
    assert by_title["registry value set"].status is RuleStatus.BLIND
    assert "no event 4657 is held" in by_title["registry value set"].reason
    assert by_title["a process with a user"].status is RuleStatus.PARTLY_BLIND
    assert [one.host for one in by_title["a process with a user"].blind_at] == ["HOST2"]
    assert "shown by 'many new processes' only" in by_title["new processes"].reason
    assert by_title["many new processes"].hits == 2
    assert "HOST4" in by_title["new processes"].hosts_without
