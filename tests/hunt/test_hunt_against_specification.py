"""The fast matcher gives what a slow reading of the specification gives."""

from __future__ import annotations

import csv
import json
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sigma.modifiers import modifier_mapping
from tests.hunt.archives import archive_of, hunted, load_rules, met_one_by_one, rows_table
from tests.hunt.drawn import AUDIT, ITEMS, LISTS, SUBJECTS, Subject, fields_of, modifiers_of, rules
from tests.hunt.slow_sigma import iis_event, matches, meaning

from dwell.casebook.case import Case
from dwell.hunt import patterns, wide
from dwell.hunt.hunting import hunt
from dwell.hunt.sigma.load import load
from dwell.hunt.wide import Hunter
from dwell.intake.ingest import ingest, open_archive


def number_drawn(drawn: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**one, "id": f"00000000-0000-4000-8000-{at:012}"} for at, one in enumerate(drawn)]


Counts = npt.NDArray[np.int64]


@dataclass
class Compared:
    """What was held against each other, in numbers.

    Attributes:
        pairs: rules put to records.
        met: of these those on which both agree that the rule is met.
        drawn: rules by modifier.
        hit: of these rules those that something met.
        not_missing: pairs of a rule with a `not` and a record that lacks one of its fields.
        many: pairs of a rule and a record that holds several texts in one of its fields.
        refused: rules that the program does not take.
    """

    pairs: int = 0
    met: int = 0
    drawn: Counter[str] = field(default_factory=Counter)
    hit: Counter[str] = field(default_factory=Counter)
    not_missing: int = 0
    many: int = 0
    refused: int = 0

    def add(self, rule: Mapping[str, Any], texts: Mapping[str, Counts], met: int) -> None:
        """Count a rule that was put to events.

        Args:
            rule: it.
            texts: by field how many texts each of the events holds there.
            met: how many of them met it.
        """
        held = np.array([texts[one] for one in (fields_of(rule) or list(texts)[:1])])
        self.pairs += held.shape[1]
        self.met += met
        words = modifiers_of(rule)
        self.drawn.update(words)
        self.hit.update(words if met else ())
        if fields_of(rule):
            self.not_missing += int((held == 0).any(axis=0).sum()) if "not " in rule["detection"]["condition"] else 0
            self.many += int((held > 1).any(axis=0).sum())


def compare(subject: Subject, events: list[dict[str, Any]], drawn: list[dict[str, Any]], counted: Compared) -> None:
    """Hunt fast, in every way there is, and slowly; the records met have to be the same."""
    named = number_drawn(drawn)
    table = subject.table
    with tempfile.TemporaryDirectory() as scratch:
        loaded = load_rules(Path(scratch) / "rules", *named, lists=LISTS)
        archive = archive_of(Path(scratch) / "archive", {table: events})
        found = met_one_by_one(archive, loaded.rules)
        assert found == met_one_by_one(archive, loaded.rules, prune=False)
        with pytest.MonkeyPatch.context() as patch:
            # every column counts as large, and is looked at on its own
            patch.setattr(wide, "FEW_TEXTS", 0)
            assert found == met_one_by_one(archive, loaded.rules)
    made = {row["record_no"]: subject.make(row) for row in rows_table(table, events).to_pylist()}
    meant = {number: one for number, one in made.items() if one is not None}
    texts = {one: np.array([len(event.field(one, "")) for event in meant.values()]) for one in subject.fields}
    usable = {rule.info.id for rule in loaded.rules.rules}
    wanted: dict[str, set[int]] = {}
    for rule in named:
        if rule["id"] not in usable:
            continue
        says = meaning(rule, LISTS)
        hit = {number for number, event in meant.items() if says(event)}
        counted.add(rule, texts, len(hit))
        if hit:
            wanted[rule["id"]] = hit
    apart = [
        (rule, events[number - 1], number in found.get(rule["id"], set()))
        for rule in named
        for number in sorted(found.get(rule["id"], set()) ^ wanted.get(rule["id"], set()))
    ]
    assert not apart, f"rule, record, whether the program says it is met: {apart[:3]}"
    assert len(loaded.ended) + len(usable) == len(named)
    counted.refused += len(loaded.ended)


SLOW = settings(
    max_examples=20,
    phases=[Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda one: "-".join(one.source.values()))
def test_rules_are_read_as_the_specification_says(subject: Subject) -> None:
    @SLOW
    @given(
        st.lists(subject.rows, min_size=1, max_size=8),
        st.lists(rules(subject.fields, subject.source), min_size=1, max_size=6),
    )
    def hold(events: list[dict[str, Any]], drawn: list[dict[str, Any]]) -> None:
        compare(subject, events, drawn, Compared())

    hold()


_SIDES = {"left": {"{}|contains": "xa"}, "right": {"{}|contains": "yb"}}
_TOGETHER = (
    ({"both": {"{}|contains|all": ["xa", "yb"]}}, ("both", "not both")),
    (
        _SIDES,
        (
            "left and right",
            "left and not right",
            "not left and not right",
            "not (left and right)",
            "not left or not right",
            "left and not (left and right)",
        ),
    ),
)


@pytest.mark.parametrize("name", ["InternetMessageIds", "Parameters", "Items"])
def test_texts_of_one_record_count_together_and_never_one_by_one(name: str) -> None:
    # what is drawn hardly ever has two texts of which each meets one half of a condition
    sides = ("xa", "yb", "xayb", "other")
    lists = [[], *([one] for one in sides), *([one, two] for one in sides for two in sides)]
    events = [
        {"Parameters": [("Identity", one) for one in texts]}
        if name == "Parameters"
        else {"InternetMessageIds": texts}
        if name == "InternetMessageIds"
        else {"AuditData": json.dumps({"Items": [{"Name": "Items", "Value": one} for one in texts]})}
        for texts in lists
    ]
    drawn = [
        {
            "title": condition,
            "logsource": AUDIT.source,
            "detection": {
                **{key: {one.format(name): value for one, value in item.items()} for key, item in items.items()},
                "condition": condition,
            },
        }
        for items, conditions in _TOGETHER
        for condition in conditions
    ]
    counted = Compared()
    compare(replace(AUDIT, fields=(name,)), events, drawn, counted)
    assert counted.refused == 0
    assert counted.pairs == len(drawn) * len(events)
    assert 0 < counted.met < counted.pairs
    assert counted.many


def test_every_modifier_of_the_library_is_drawn() -> None:
    lines = [word for one, _ in ITEMS for word in one.split("|")]
    assert set(modifier_mapping) <= set(lines)


@pytest.mark.slow
def test_the_published_rules_meet_the_same_lines_of_real_logs(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (shared_data / "reference" / "sigma_exchange_rules.csv").open(encoding="utf-8", newline="") as handle:
        paths = [shared_data / "sigma" / row["path"] for row in csv.DictReader(handle)]
    assert len(paths) == 95
    loaded = load(paths, pack=False)
    assert len(loaded.rules.rules) + len(loaded.ended) == 95
    assert {one.status.value for one in loaded.ended} <= {"blind"}
    case = Case.create(tmp_path / "case")
    ingest(case, [shared_data / "iis", shared_data / "exchange" / "velociraptor"], workers=1)
    archive = open_archive(case)
    documents = [yaml.safe_load(one.read_text(encoding="utf-8")) for one in paths]
    web = [one for one in documents if one["logsource"].get("category") == "webserver"]
    assert len(web) == 24
    wanted: dict[str, int] = {}
    for file in archive.files("iis"):
        for row in pq.read_table(file.path).to_pylist():
            event = iis_event(row)
            for rule in web:
                if matches(rule, event):
                    wanted[rule["id"]] = wanted.get(rule["id"], 0) + 1
    for engine in (True, False):
        if not engine:
            monkeypatch.setattr(patterns, "hyperscan", None)
            patterns.patterns.cache_clear()
            patterns.regexes.cache_clear()
        hits = hunted(archive, Hunter(loaded.rules)).to_pylist()
        found: dict[str, int] = {}
        for one in hits:
            if one["table"] == "iis":
                found[one["rule_id"]] = found.get(one["rule_id"], 0) + one["count"]
        assert found == wanted
        assert len(wanted) >= 2
    patterns.patterns.cache_clear()
    patterns.regexes.cache_clear()


def test_a_real_proxyshell_line_fires_our_own_rule_and_the_published_one(shared_data: Path, tmp_path: Path) -> None:
    case = Case.create(tmp_path / "case")
    ingest(case, [shared_data / "exchange" / "velociraptor"], workers=1)
    published = shared_data / "sigma" / "rules-emerging-threats" / "2021" / "Exploits" / "ProxyShell-Exploit"
    found = hunt(open_archive(case), rule_folders=[published], workers=1)
    titles = {one["title"]: one for one in found.hits.to_pylist()}
    assert any("ProxyShell" in one for one in titles)
    ours = [one for one in titles.values() if found.rules[one["rule_id"]].catalogue == "EX-06"]
    theirs = [one for one in titles.values() if not found.rules[one["rule_id"]].pack]
    assert ours
    assert all(found.rules[one["rule_id"]].author and found.rules[one["rule_id"]].licence for one in theirs)
    assert any("autodiscover.json" in text for text in ours[0]["matched"])
