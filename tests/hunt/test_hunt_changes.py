"""What other rules change is told in rules and hits; what is the same is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from tests.hunt.archives import archive_of

from dwell.archive.store import Archive
from dwell.hunt.changes import RuleChanges, rule_changes
from dwell.hunt.hunting import Hunted, hunt
from dwell.model.claims import RuleStatus

ROWS = [{"cs-uri-stem": f"/{name}", "host": "EX01"} for name in ("a", "a", "b", "c")]


def rule(number: int, asked: object, **parts: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "title": f"rule {number}",
        "id": f"10000000-0000-4000-8000-00000000000{number}",
        "level": "low",
        "logsource": {"category": "webserver"},
        "detection": {"s": {"cs-uri-stem": asked}, "condition": "s"},
        **parts,
    }


def hunted(archive: Archive, folder: Path, *rules: dict[str, Any]) -> Hunted:
    folder.mkdir()
    for at, one in enumerate(rules):
        (folder / f"{at}.yml").write_text(yaml.safe_dump(one), encoding="utf-8")
    return hunt(archive, rule_folders=[folder], workers=1)


def changes(tmp_path: Path, old: list[dict[str, Any]], new: list[dict[str, Any]]) -> RuleChanges:
    archive = archive_of(tmp_path / "archive", {"iis": ROWS})
    return rule_changes(hunted(archive, tmp_path / "old", *old), hunted(archive, tmp_path / "new", *new))


def test_added_removed_changed_and_the_same(tmp_path: Path) -> None:
    old = [rule(1, "/a"), rule(2, "/b"), rule(3, "/c"), rule(4, "/c")]
    new = [rule(1, "/a"), rule(3, ["/c", "/b"]), rule(4, "/c", level="high"), rule(5, "/a")]
    found = changes(tmp_path, old, new)
    told = {one.rule_id[-1]: (one.kind, one.what, one.before, one.after) for one in found.rules}
    ran = RuleStatus.RAN
    assert told == {
        "2": ("removed", (), ran, None),
        "3": ("changed", ("what it looks for",), ran, ran),
        "4": ("changed", ("level",), ran, ran),
        "5": ("added", (), None, ran),
    }
    hits = {(one.group.rule_id[-1], one.group.matched): (one.before, one.after) for one in found.hits}
    assert hits == {
        ("2", ("cs-uri-stem=/b",)): (1, 0),
        ("3", ("cs-uri-stem=/b",)): (0, 1),
        ("5", ("cs-uri-stem=/a",)): (0, 2),
    }
    assert found.same > 1, "our own rules are the same"


def test_the_same_rules_elsewhere_and_in_another_order_change_nothing(tmp_path: Path) -> None:
    rules = [rule(1, "/a"), rule(2, "/b"), rule(3, ["/c", "/a"])]
    found = changes(tmp_path, rules, rules[::-1])
    assert found.rules == ()
    assert found.hits == ()


def test_a_rule_that_breaks_is_changed_and_its_hits_vanish(tmp_path: Path) -> None:
    broken = rule(1, "/a", detection={"s": {"cs-uri-stem|nonsense": "/a"}, "condition": "s"})
    found = changes(tmp_path, [rule(1, "/a")], [broken])
    (one,) = found.rules
    assert (one.kind, one.before, one.after) == ("changed", RuleStatus.RAN, RuleStatus.INVALID)
    assert [(hit.before, hit.after) for hit in found.hits] == [(2, 0)]
