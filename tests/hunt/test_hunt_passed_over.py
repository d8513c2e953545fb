"""What of a folder of rules is not loaded is told: a user must not take it for rules that met nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from dwell.hunt.sigma import files
from dwell.hunt.sigma.files import listed, rule_files
from dwell.hunt.sigma.keeping import load_kept

RULE = """title: A rule
id: 5f0c0a0e-58f8-4dd3-8d4b-000000000001
logsource: {category: webserver}
detection:
    s: {cs-uri-stem: /x}
    condition: s
level: low
"""


def test_links_are_named_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a.yml").write_text(RULE, "utf-8")
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "plain.yml").write_text(RULE, "utf-8")
    (rules / "gone.yml").symlink_to(tmp_path / "nowhere.yml")
    (rules / "link.yml").symlink_to(tmp_path / "outside" / "a.yml")
    (rules / "folder").symlink_to(tmp_path / "outside")
    (rules / "readme").symlink_to(tmp_path / "outside" / "a.yml")
    assert rule_files(rules) == [rules / "plain.yml"]
    told = listed(rules)[1]
    assert [one.partition(":")[0] for one in told] == [str(rules / name) for name in ("folder", "gone.yml", "link.yml")]
    assert all("not followed" in one for one in told)
    assert set(told) <= set(load_kept([rules], None).faults)


def test_a_link_that_is_added_is_told_by_rules_that_were_kept(tmp_path: Path) -> None:
    rules, cache = tmp_path / "rules", tmp_path / "cache"
    rules.mkdir()
    cache.mkdir()
    (rules / "plain.yml").write_text(RULE, "utf-8")
    assert load_kept([rules], cache).faults == ()
    (rules / "link.yml").symlink_to(tmp_path / "nowhere.yml")
    assert len(load_kept([rules], cache).faults) == 1


def test_files_beyond_the_most_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "FILES_MAX", 2)
    for name in ("a.yml", "b.yml", "c.yaml"):
        (tmp_path / name).write_text(RULE, "utf-8")
    assert [one.name for one in rule_files(tmp_path)] == ["a.yml", "b.yml"]
    assert listed(tmp_path)[1] == [f"{tmp_path}: 2 rule files are loaded, 1 more are not"]
