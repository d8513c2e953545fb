"""Rule files come from anyone: each ends somewhere, none stops the others, and nothing is lost in between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from dwell.hunt.ruleset import RuleSet, rules_hash
from dwell.hunt.sigma.files import FILE_BYTES_MAX
from dwell.hunt.sigma.load import Loaded, load
from dwell.model.claims import RuleStatus

GOOD: dict[str, Any] = {
    "title": "good",
    "id": "10000000-0000-4000-8000-000000000001",
    "author": "somebody",
    "logsource": {"category": "webserver"},
    "detection": {"selection": {"cs-uri-query|contains": "x"}, "condition": "selection"},
}


def only(tmp_path: Path, text: str | bytes) -> Loaded:
    """Load a bad file beside a good one."""
    (tmp_path / "good.yml").write_text(yaml.safe_dump(GOOD), encoding="utf-8")
    bad = tmp_path / "later.yml"
    bad.write_bytes(text if isinstance(text, bytes) else text.encode())
    loaded = load([tmp_path], pack=False)
    assert [one.info.title for one in loaded.rules.rules] == ["good"]
    return loaded


def changed(**parts: Any) -> str:  # noqa: ANN401
    """Give the good rule with some parts replaced."""
    whole = {**GOOD, "id": "10000000-0000-4000-8000-000000000002", "title": "other", **parts}
    return yaml.safe_dump(whole, sort_keys=False)


LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + at)}: &{chr(98 + at)} [{','.join(['*' + chr(97 + at)] * 9)}]\n" for at in range(8)
)
SELECTION = {"selection": {"cs-uri-query|contains": "x"}}


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        ("title: [", RuleStatus.INVALID, "line"),
        ("- a\n- b\n", RuleStatus.INVALID, "mapping"),
        (b"title: \xff\xfe\n", RuleStatus.INVALID, "UTF-8"),
        (LAUGHS, RuleStatus.INVALID, "grows beyond"),
        ("a: &a [*a]\n", RuleStatus.INVALID, "refers to itself"),
        ("[" * 5_000, RuleStatus.INVALID, "nested deeper"),
        (b"# " + b"x" * FILE_BYTES_MAX, RuleStatus.INVALID, "larger than"),
        ("!!python/object/apply:os.system ['true']\n", RuleStatus.INVALID, "bad YAML"),
        ("date: 2021-99-99\n", RuleStatus.INVALID, "bad YAML"),
        (changed(detection={"s": {"a|nonsense": 1}, "condition": "s"}), RuleStatus.INVALID, "nonsense"),
        (changed(detection={"s": {"a": 1}, "condition": "s and missing"}), RuleStatus.INVALID, "missing"),
        (changed(detection={"s": {"a": 1}, "condition": "s and ("}), RuleStatus.INVALID, "line"),
        (
            changed(detection={"s": {"a": 1}, "condition": "(" * 60 + "s" + ")" * 60}),
            RuleStatus.INVALID,
            "nests too deep",
        ),
        (changed(detection="x"), RuleStatus.INVALID, ""),
        (changed(logsource=7), RuleStatus.INVALID, ""),
        (changed(detection={"s": {"a|re": "("}, "condition": "s"}), RuleStatus.INVALID, "regular expression"),
        (changed(detection={"s": {"a|re": "a(?!b)"}, "condition": "s"}), RuleStatus.UNSUPPORTED, "regular expression"),
        (changed(detection={"s": {"a|expand": "%list%"}, "condition": "s"}), RuleStatus.BLIND, "--lists"),
        (changed(detection={"s": {"a|hour": "noon"}, "condition": "s"}), RuleStatus.INVALID, "Hour"),
        (changed(detection={"s": {"|hour": 7}, "condition": "s"}), RuleStatus.UNSUPPORTED, "time part"),
        (changed(detection={"s": {"a|wide": 1, "a|utf16le": 2}, "condition": "s"}), RuleStatus.INVALID, "twice"),
        (
            changed(detection={**SELECTION, "condition": "selection | count() > 5"}),
            RuleStatus.UNSUPPORTED,
            "aggregation",
        ),
        (changed(correlation={"type": "event_count"}), RuleStatus.INVALID, "rule references"),
        (changed(filter={"rules": "any"}), RuleStatus.INVALID, "condition"),
        (changed(filter={"rules": ["x"], "s": {"a": 1}, "condition": "not s"}), RuleStatus.INVALID, "is called x"),
        (changed(filter={"rules": "any", "s": {"a": 1}, "condition": "not t"}), RuleStatus.INVALID, "'t'"),
        (changed(logsource={"product": "linux", "service": "auditd"}), RuleStatus.BLIND, "linux/auditd"),
        (changed(logsource={"category": "proxy"}), RuleStatus.BLIND, "proxy"),
        (changed(id=GOOD["id"]), RuleStatus.INVALID, "taken"),
    ],
)
def test_a_bad_rule_ends_with_its_reason_and_the_others_run(
    tmp_path: Path, text: str | bytes, status: RuleStatus, words: str
) -> None:
    loaded = only(tmp_path, text)
    assert [one.status for one in loaded.ended] == [status]
    assert words in loaded.ended[0].reason
    assert loaded.ended[0].path == "later.yml"
    assert bool(loaded.faults) is (status is RuleStatus.INVALID)


def test_a_fault_names_the_line_of_the_key(tmp_path: Path) -> None:
    text = (
        "title: x\nlogsource:\n  category: webserver\ndetection:\n  s:\n    a: 1\n    b|nonsense: 2\n  condition: s\n"
    )
    assert "(line 7)" in only(tmp_path, text).ended[0].reason


def test_a_file_with_several_rules_gives_all_of_them(tmp_path: Path) -> None:
    other = changed(id="10000000-0000-4000-8000-000000000003")
    (tmp_path / "two.yml").write_text(yaml.safe_dump(GOOD) + "---\n" + other, encoding="utf-8")
    assert len(load([tmp_path], pack=False).rules.rules) == 2


def test_a_missing_folder_is_named_and_the_pack_runs(tmp_path: Path) -> None:
    loaded = load([tmp_path / "nowhere"])
    assert loaded.rules.rules
    assert any("no such rule folder" in one for one in loaded.faults)


def test_author_and_licence_stay_with_the_rule(tmp_path: Path) -> None:
    folder = tmp_path / "pack" / "rules"
    folder.mkdir(parents=True)
    (tmp_path / "pack" / "LICENSE").write_text("# Detection Rule License (DRL) 1.1\n", encoding="utf-8")
    (folder / "a.yml").write_text(yaml.safe_dump(GOOD), encoding="utf-8")
    (folder / "b.yml").write_text(changed(license="MIT", author="else"), encoding="utf-8")
    infos = load([folder], pack=False).infos.values()
    assert {(one.author, one.licence) for one in infos} == {("somebody", "DRL 1.1"), ("else", "MIT")}


def test_a_rule_set_is_written_and_read_back_the_same() -> None:
    rules = load().rules
    data = rules.encoded()
    assert RuleSet.decoded(data) == rules
    assert rules_hash(data) == rules_hash(load().rules.encoded())
