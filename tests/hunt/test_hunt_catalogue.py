"""The detection catalogue: every entry says what looks for it, or why nothing does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import dwell
from dwell.hunt.checks.catalogue import catalogue
from dwell.hunt.checks.registry import CHECKS
from dwell.hunt.ruleset import RuleInfo
from dwell.hunt.sigma.load import load
from dwell.hunt.sigma.loaded import PACK

PACKAGE = Path(dwell.__file__).parent


def test_every_entry_says_what_looks_for_it_or_why_nothing_does() -> None:
    found = catalogue(load().infos.values())
    assert len(found) == len({one.key for one in found}) >= 69
    for one in found:
        assert one.title
        assert one.rules or one.checks or one.parts or one.lacks, one.key
        assert all((PACKAGE / name).is_file() for name in one.parts), one.key


def test_every_rule_and_check_is_in_the_catalogue() -> None:
    infos = load().infos
    found = catalogue(infos.values())
    assert sorted(name for one in found for name in one.rules) == sorted(one.path for one in infos.values())
    assert {name for one in found for name in one.checks} == {one.key for one in CHECKS}
    assert {key for one in CHECKS for key in one.catalogue} <= {one.key for one in found}


def test_the_catalogue_that_the_rules_were_written_from_has_no_further_entry(shared_data: Path) -> None:
    text = (shared_data.parent / "detections.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| ((?:EX|WS|IM|TA|OS|MB|CR|LM|ST|EF|AF)-\d\d) \|", text, re.MULTILINE)
    assert [one.key for one in catalogue(())] == named


def test_the_heaviest_rule_of_an_entry_weighs_what_the_catalogue_says_or_gives_its_reason(shared_data: Path) -> None:
    text = (shared_data.parent / "detections.md").read_text(encoding="utf-8")
    weights: dict[str, tuple[int, int]] = {}
    for line in re.findall(r"^\| (?:EX|WS|IM|TA|OS|MB|CR|LM|ST|EF|AF)-\d\d \|.*$", text, re.MULTILINE):
        cells = [one.strip() for one in line.strip("| ").split("|")]
        told = next(one for one in reversed(cells) if re.match(r"[1-5](?:[-\s,;/]|$)", one))
        named = [int(one) for one in re.findall(r"(?<!\w)[1-5](?!\w)", told)]
        weights[cells[0]] = (min(named), max(named))
    heaviest: dict[str, list[RuleInfo]] = {}
    for one in load().infos.values():
        held = heaviest.setdefault(one.catalogue, [])
        if not held or one.weight >= held[0].weight:
            heaviest[one.catalogue] = [one, *(other for other in held if other.weight == one.weight)]
    assert len(weights) >= 69
    reasons = {
        one.path: "# The catalogue has " in (PACK / one.path).read_text(encoding="utf-8")
        for one in load().infos.values()
    }
    wrong = [
        (one.path, one.weight, weights[key])
        for key, rules in heaviest.items()
        for one in rules
        if reasons[one.path] is (weights[key][0] <= one.weight <= weights[key][1])
    ]
    assert wrong == []


def traces() -> dict[str, dict[str, list[str]]]:
    """Give every trace of every entry, with what bears it."""
    text = (Path(__file__).parent / "traces.toml").read_text(encoding="utf-8")
    found: dict[str, dict[str, list[str]]] = tomllib.loads(text)
    return found


def test_every_trace_of_every_entry_has_a_bearer_that_is_there_or_a_reason() -> None:
    rules = {one.path.removesuffix(".yml") for one in load().infos.values()}
    checks = {f"check:{one.key}" for one in CHECKS}
    found = {one.key: one for one in catalogue(())}
    assert list(traces()) == list(found)
    for key, named in traces().items():
        assert named, key
        for name, bearers in named.items():
            assert bearers or found[key].lacks, (key, name)
            parts = {one for one in bearers if one.startswith("part:")}
            assert set(bearers) <= rules | checks | parts, (key, name)
            assert all((PACKAGE / one.removeprefix("part:")).is_file() for one in parts), (key, name)


def test_every_rule_check_and_part_bears_a_trace_of_its_own_entry() -> None:
    named = {key: {one for some in held.values() for one in some} for key, held in traces().items()}
    for one in load().infos.values():
        # a rule of two entries stands in one of them
        assert one.path.removesuffix(".yml") in set().union(*named.values()), one.path
    for check in CHECKS:
        assert all(f"check:{check.key}" in named[key] for key in check.catalogue), check.key
