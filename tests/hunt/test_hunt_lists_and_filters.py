"""Lists for placeholders and filters for rules: both come from the user, and neither hides anything without a word."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.hunt.archives import archive_of

from dwell.hunt.hunting import Hunted, hunt
from dwell.hunt.sigma.lists import read_lists
from dwell.hunt.sigma.placeholders import VALUES_MAX
from dwell.model.claims import RuleOutcome, RuleStatus

ROWS = [{"cs-uri-stem": one, "cs-username": who} for one, who in (("/a", "alice"), ("/b", "bob"), ("/svc.x/", "svc-1"))]


def rule(detection: Mapping[str, Any], number: int = 1, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "title": f"rule {number}",
        "id": f"60000000-0000-4000-8000-{number:012}",
        "name": f"r{number}",
        "logsource": {"category": "webserver"},
        "detection": {**detection, "condition": detection.get("condition", "s")},
        **more,
    }


def screen(number: int = 9, **held: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "title": f"filter {number}",
        "id": f"70000000-0000-4000-8000-{number:012}",
        "logsource": {"category": "webserver"},
        "filter": {"rules": "any", "known": {"cs-username": "alice"}, "condition": "not known", **held},
    }


def ran(tmp_path: Path, *documents: Mapping[str, Any], lists: str | None = None) -> Hunted:
    folder = tmp_path / "rules"
    folder.mkdir(parents=True)
    for at, one in enumerate(documents):
        (folder / f"{at:03}.yml").write_text(yaml.safe_dump(one), encoding="utf-8")
    given = []
    if lists is not None:
        given = [tmp_path / "lists.yml"]
        given[0].write_text(lists, encoding="utf-8")
    archive = archive_of(tmp_path / "archive", {"iis": ROWS})
    return hunt(archive, rule_folders=[folder], list_files=given, workers=1, cache=tmp_path / "cache")


def outcome(found: Hunted, title: str) -> RuleOutcome:
    return next(one for one in found.outcomes if one.title == title)


def met(found: Hunted, number: int = 1) -> set[int]:
    name = f"60000000-0000-4000-8000-{number:012}"
    return {ref["record_no"] for one in found.hits.to_pylist() if one["rule_id"] == name for ref in one["refs"]}


# Lists ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value", "lists", "wanted"),
    [
        ("cs-username|expand", "%staff%", "staff: [ALICE, bob]", {1, 2}),
        ("cs-username|expand", "%staff%", "staff: alice", {1}),
        ("cs-username|expand", "%staff%", "staff: ['svc-*']", {3}),
        ("cs-username|expand", "%kind%-%number%", "kind: [svc, adm]\nnumber: [1, 2]", {3}),
        ("cs-uri-stem|contains|expand", "%part%", "part: [svc]", {3}),
        ("cs-uri-stem|expand|contains", "%part%", "part: [svc]", {3}),
        ("cs-uri-stem|re|expand", "^/%part%$", "part: ['[ab]']", {1, 2}),
        ("cs-username|expand|neq", "%staff%", "staff: [alice, bob]", {3}),
        ("cs-username|expand", "50%", "staff: [a]", set()),
        ("|expand", "%word%", "word: [bob]", {2}),
    ],
)
def test_a_placeholder_stands_for_the_values_of_its_list(
    tmp_path: Path, key: str, value: str, lists: str, wanted: set[int]
) -> None:
    found = ran(tmp_path, rule({"s": {key: value}}), lists=lists)
    assert outcome(found, "rule 1").status is RuleStatus.RAN
    assert met(found) == wanted


def test_a_list_that_is_not_given_makes_the_rule_blind_and_says_how_to_give_it(tmp_path: Path) -> None:
    found = ran(tmp_path, rule({"s": {"cs-username|expand": "%staff%"}}), lists="others: [a]")
    assert outcome(found, "rule 1").status is RuleStatus.BLIND
    assert "%staff%" in outcome(found, "rule 1").reason
    assert "--lists" in outcome(found, "rule 1").reason


def test_a_changed_list_is_a_changed_rule(tmp_path: Path) -> None:
    document = rule({"s": {"cs-username|expand": "%staff%"}})
    one, two = (ran(tmp_path / each, document, lists=f"staff: [{each}]") for each in ("alice", "bob"))
    assert met(one) == {1}
    assert met(two) == {2}
    assert one.rules_hash != two.rules_hash


def test_too_many_values_are_refused_by_name(tmp_path: Path) -> None:
    values = ", ".join(f"v{at}" for at in range(VALUES_MAX // 50))
    found = ran(tmp_path, rule({"s": {"cs-username|expand": "%a%%a%"}}), lists=f"a: [{values}]")
    assert outcome(found, "rule 1").status is RuleStatus.UNSUPPORTED
    assert f"{VALUES_MAX}" in outcome(found, "rule 1").reason


def test_lists_of_a_folder_are_put_together_and_bad_ones_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("x: [b, a]\nempty: []\nmap: {a: 1}\nblank: ['']\n", encoding="utf-8")
    (tmp_path / "b.yaml").write_text("x: [c, a]\nn: [7, 1.5, true]\n", encoding="utf-8")
    (tmp_path / "c.yml").write_text("x: [", encoding="utf-8")
    read = read_lists([tmp_path])
    assert read.values == {"x": ("a", "b", "c"), "n": ("1.5", "7", "true")}
    assert len(read.faults) == 4
    assert "line" in read.faults[-1]


def test_bad_lists_are_faults_of_the_hunt(tmp_path: Path) -> None:
    found = ran(tmp_path, rule({"s": {"cs-username": "a"}}), lists="x: {a: 1}")
    assert any("lists.yml" in one and "'x'" in one for one in found.faults)


# Filters --------------------------------------------------------------------------------------------


def test_a_filter_takes_records_away_and_both_say_so(tmp_path: Path) -> None:
    everything = {"s": {"cs-uri-stem|contains": "/"}}
    found = ran(tmp_path, rule(everything), rule(everything, 2), screen(rules=["R1", "r2"]))
    assert met(found, 1) == {1, 2, 3}
    assert met(found, 2) == {2, 3}
    assert outcome(found, "rule 1").reason == ""
    assert "filtered by 'filter 9'" in outcome(found, "rule 2").reason
    assert outcome(found, "filter 9").status is RuleStatus.RAN
    assert outcome(found, "filter 9").reason == "added to 1 rules; no rule loaded is called R1"


@pytest.mark.parametrize(
    ("held", "wanted"),
    [
        ({"rules": ["60000000-0000-4000-8000-000000000001"]}, {2, 3}),
        ({"rules": []}, {2, 3}),
        ({"known": {"cs-username": "alice"}, "more": {"cs-username": "bob"}, "condition": "not 1 of them"}, {3}),
        ({"condition": "known"}, {1}),
        ({"known": {"cs-username|expand": "%staff%"}}, {3}),
    ],
)
def test_filters_as_they_can_be_written(tmp_path: Path, held: dict[str, Any], wanted: set[int]) -> None:
    detection = {"s": {"cs-uri-stem|contains": "/"}, "known": {"cs-username": "bob"}, "condition": "1 of them"}
    found = ran(tmp_path, rule(detection), screen(**held), lists="staff: [alice, bob]")
    assert met(found) == wanted


def test_a_filter_for_another_source_or_one_that_cannot_be_expressed_hides_nothing(tmp_path: Path) -> None:
    everything = {"s": {"cs-uri-stem|contains": "/"}}
    other = {**screen(8), "logsource": {"product": "windows"}}
    broken = screen(7, known={"cs-username|expand": "%nowhere%"})
    found = ran(tmp_path, rule(everything), other, broken)
    assert met(found) == {1, 2, 3}
    assert outcome(found, "filter 8").reason == "added to 0 rules"
    assert outcome(found, "filter 7").status is RuleStatus.BLIND
    assert outcome(found, "rule 1").status is RuleStatus.RAN
    assert outcome(found, "rule 1").reason == ""
