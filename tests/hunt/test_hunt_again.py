"""Looking again with other rules gives what a hunt from nothing gives, and only new and changed rules look."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.hunt.archives import archive_of, load_rules
from tests.hunt.test_hunt_gathered import RULES, record

from dwell.archive.datafile import DataFile
from dwell.archive.store import Archive
from dwell.hunt.again import known_set, subset
from dwell.hunt.gathered import find_all
from dwell.hunt.hunting import Hunted, hunt
from dwell.hunt.ruleset import RuleSet
from dwell.hunt.sigma.loaded import Loaded
from dwell.hunt.wide import Found, Hunter

WEB = {"category": "webserver"}


def web(number: int, detection: dict[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "title": f"web {number}",
        "id": f"30000000-0000-4000-8000-{number:012}",
        "level": "low",
        "logsource": WEB,
        "detection": detection,
    } | more


WEB_RULES = [
    web(1, {"a": {"cs-uri-stem|contains": "owa"}, "b": {"sc-status": 200}, "condition": "a and not b"}),
    web(2, {"a": {"cs-uri-query|contains": "zz-nowhere"}, "b": {"sc-status": 500}, "condition": "a and b"}),
    web(3, {"a": {"sc-status": 401}, "condition": "a"}),
    web(4, {"a": {"time-taken|gt": 20}, "condition": "a"}),
    web(5, {"a": {"cs-referer|contains": "/a"}, "b": {"cs-method": "POST"}, "condition": "a or b"}),
    web(6, {"a": {"X-Odd|contains": "x"}, "b": {"cs-uri-stem|contains": "owa"}, "condition": "a and b"}),
    web(7, {"a": {"cs-method": "GET"}, "condition": "not a"}),
]
POOL = (*RULES, *WEB_RULES)


def request(drawn: random.Random, *, bare: bool) -> dict[str, Any]:
    return {
        "cs-method": drawn.choice(("GET", "POST", None)),
        "cs-uri-stem": drawn.choice(("/owa/", "/a", "/ews/")),
        "cs-uri-query": drawn.choice(("-", "a=b", None)),
        "cs-referer": None if bare else drawn.choice(("/a", "-")),
        "sc-status": None if bare else drawn.choice((200, 401, 500)),
        "time-taken": drawn.choice((1, 30, None)),
        "c-ip": drawn.choice(("100.64.0.1", "100.64.0.2")),
        "extra": drawn.choice(([("X-Odd", "x")], None)),
    }


def filled(root: Path, seed: int, files: int = 3) -> Archive:
    drawn = random.Random(seed)  # noqa: S311
    for number in range(files):
        bare = drawn.random() < 0.4
        rows = {
            "evtx": [record(drawn, bare=bare) for _ in range(drawn.randint(1, 12))],
            "iis": [request(drawn, bare=bare) for _ in range(drawn.randint(1, 12))],
        }
        archive_of(root, rows, name=f"part-{number}", evidence=f"{number:064x}")
    return archive_of(root, {})


def same(one: Hunted, other: Hunted) -> None:
    assert one.hits.equals(other.hits)
    assert one.outcomes == other.outcomes
    assert one.rules_hash == other.rules_hash


def changed(drawn: random.Random, rule: dict[str, Any]) -> dict[str, Any]:
    """Change what a rule says of itself, or how it is to be understood."""
    if "detection" not in rule or drawn.random() < 0.5:
        return rule | {"title": f"{rule['title']} anew"}
    return rule | {"detection": rule["detection"] | {"condition": f"not ({rule['detection']['condition']})"}}


def drawn_set(drawn: random.Random) -> list[dict[str, Any]]:
    return [changed(drawn, one) if drawn.random() < 0.15 else one for one in POOL if drawn.random() < 0.8]


@pytest.mark.parametrize("seed", range(12))
def test_whatever_rules_come_and_go_all_is_as_from_nothing(tmp_path: Path, seed: int) -> None:
    drawn = random.Random(seed)  # noqa: S311
    archive = filled(tmp_path / "archive", seed)
    for step in range(4):
        loaded = load_rules(tmp_path / f"rules-{step}", *drawn_set(drawn))
        if step == 2:
            archive_of(tmp_path / "archive", {"iis": [request(drawn, bare=False)]}, name="late", evidence="ff" * 32)
            archive = archive_of(tmp_path / "archive", {})
        again = hunt(archive, loaded=loaded, workers=1, cache=tmp_path / "cache")
        same(again, hunt(archive, loaded=loaded, workers=1))
        same(again, hunt(archive, loaded=loaded, workers=1, cache=tmp_path / "cache"))


def many(count: int, changed_at: int = -1) -> list[dict[str, Any]]:
    return [
        web(100 + at, {"a": {"cs-uri-stem|contains": f"/{'new' if at == changed_at else 'a'}{at}"}, "condition": "a"})
        for at in range(count)
    ] + list(POOL)


def noted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[set[str], int]]:
    """Note which rules are put to how many files."""
    looked: list[tuple[set[str], int]] = []

    def noting(hunter: Hunter, files: Sequence[DataFile]) -> list[Found]:
        looked.append(({one.info.id for one in hunter.rules.rules}, len(files)))
        return find_all(hunter, files)

    monkeypatch.setattr("dwell.hunt.passes.find_all", noting)
    return looked


def test_one_rule_of_three_hundred_that_changes_looks_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive, cache = filled(tmp_path / "archive", 1), tmp_path / "cache"
    old, new = load_rules(tmp_path / "old", *many(300)), load_rules(tmp_path / "new", *many(300, 7))
    hunt(archive, loaded=old, workers=1, cache=cache)
    looked = noted(monkeypatch)
    again = hunt(archive, loaded=new, workers=1, cache=cache)
    assert [one[0] for one in looked] == [{web(107, {})["id"]}] * len(looked)
    assert sum(files for _, files in looked) == 6
    looked.clear()
    drawn = random.Random(1)  # noqa: S311
    archive_of(tmp_path / "archive", {"iis": [request(drawn, bare=False)]}, name="one-more")
    hunt(archive_of(tmp_path / "archive", {}), loaded=new, workers=1, cache=cache)
    assert [(len(rules), files) for rules, files in looked] == [(len(new.rules.rules), 1)]
    monkeypatch.undo()
    same(again, hunt(archive, loaded=new, workers=1))


def test_what_is_kept_of_a_set_and_is_not_whole_is_no_base(tmp_path: Path) -> None:
    archive, cache = filled(tmp_path / "archive", 2), tmp_path / "cache"
    hunt(archive, loaded=load_rules(tmp_path / "old", *POOL), workers=1, cache=cache)
    for one in (*cache.glob("*-made-of.msgpack"), *cache.glob("*-rules/*.segment")):
        one.write_bytes(one.read_bytes()[:-9])
    new = load_rules(tmp_path / "new", *POOL[1:])
    same(hunt(archive, loaded=new, workers=1, cache=cache), hunt(archive, loaded=new, workers=1))


def digests(loaded: Loaded) -> dict[str, str]:
    return dict(known_set("", loaded.rules).rules)


def test_a_rule_is_the_same_whatever_stands_beside_it(tmp_path: Path) -> None:
    whole = load_rules(tmp_path / "whole", *POOL)
    part = load_rules(tmp_path / "part", *POOL[4:])
    mine, theirs = digests(whole), digests(part)
    correlated = "20000000-0000-4000-8000-000000000001"
    assert theirs == {name: one for name, one in mine.items() if name in theirs}
    assert len(set(mine.values())) == len(mine) == len(POOL) - 1
    other = digests(load_rules(tmp_path / "other", POOL[0]))
    assert other[correlated] != mine[correlated]  # no correlation rests on it here


def test_a_part_of_a_set_asks_what_it_asked(tmp_path: Path) -> None:
    rules = load_rules(tmp_path / "whole", *POOL).rules
    wanted = [3, 0, 9]
    part: RuleSet = subset(rules, wanted)
    mine, theirs = known_set("", rules).rules, known_set("", part).rules
    assert theirs == tuple(mine[at] for at in wanted)
    assert len(part.atoms) < len(rules.atoms)
