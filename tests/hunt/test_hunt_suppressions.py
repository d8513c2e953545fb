"""A suppressed hit is marked and counted, never taken out; what has expired or meets nothing is said."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.hunt.archives import archive_of

from dwell.errors import UsageError
from dwell.hunt.hits import GROUPS_MAX, OTHERS
from dwell.hunt.hunting import Hunted, hunt
from dwell.hunt.suppressions import read_suppressions

RULE_ID = "10000000-0000-4000-8000-000000000001"
RULE = {
    "title": "scan",
    "id": RULE_ID,
    "level": "low",
    "logsource": {"category": "webserver"},
    "detection": {"s": {"cs-uri-stem|contains": "/scan"}, "condition": "s"},
}
GOOD: dict[str, Any] = {
    "rule": RULE_ID,
    "where": {"host": "EX0*", "c-ip": ["x"]},
    "reason": "our own scanner",
    "author": "r.vos",
    "expires": date(2026, 6, 30),
}
ROWS = [
    {"cs-uri-stem": "/scan/a", "c-ip": "203.0.113.9", "host": "EX01"},
    {"cs-uri-stem": "/scan/b", "c-ip": "203.0.113.9", "host": "EX01"},
    {"cs-uri-stem": "/scan/b", "c-ip": "203.0.113.9", "host": "EX01"},
    {"cs-uri-stem": "/scan/a", "c-ip": "198.51.100.7", "host": "WEB01"},
]
DAY = date(2026, 6, 30)


def written(tmp_path: Path, *entries: dict[str, Any], name: str = "quiet.yml") -> Path:
    path = tmp_path / name
    path.write_text(yaml.safe_dump({"suppressions": list(entries)}, sort_keys=False), encoding="utf-8")
    return path


def hunted(tmp_path: Path, *files: Path, today: date | None = DAY, rows: Any = None) -> Hunted:  # noqa: ANN401
    (tmp_path / "rules").mkdir(exist_ok=True)
    (tmp_path / "rules" / "scan.yml").write_text(yaml.safe_dump(RULE), encoding="utf-8")
    archive = archive_of(tmp_path / "archive", {"iis": rows or ROWS})
    return hunt(archive, rule_folders=[tmp_path / "rules"], workers=1, suppression_files=files, today=today)


def suppressed(found: Hunted) -> int:
    assert found.suppressions is not None
    counts = found.hits["count"].to_pylist()
    return sum(number for number, mark in zip(counts, found.suppressions.marks, strict=True) if mark >= 0)


@pytest.mark.parametrize(
    ("where", "count"),
    [
        ({}, 4),
        ({"host": "ex01"}, 3),
        ({"host": "*01"}, 4),
        ({"host": "EX0"}, 0),
        ({"client": "203.0.113.9"}, 3),
        ({"client": "203.0.113.?"}, 0),
        ({"cs-uri-stem": "*/b"}, 2),
        ({"CS-URI-STEM": ["/scan/a", "/scan/b"]}, 4),
        ({"cs-uri-stem": "*/a", "host": "WEB01"}, 1),
        ({"account": "*"}, 0),
        ({"sc-substatus": "*"}, 0),
        ({"table": "iis"}, 4),
        ({"status": 404}, 0),
    ],
)
def test_hits_that_meet_all_conditions_are_marked(where: dict[str, Any], count: int, tmp_path: Path) -> None:
    file = written(tmp_path, {**GOOD, "where": where})
    found = hunted(tmp_path, file)
    assert suppressed(found) == count
    assert sum(found.hits["count"].to_pylist()) == 4, "no hit is taken out"
    assert found.suppressions is not None
    (one,) = found.suppressions.outcomes
    assert (one.state, one.records) == ("applied" if count else "matches nothing", count)
    assert one.suppression.place == "quiet.yml:2"
    assert found.faults == ()


@pytest.mark.parametrize(("today", "state"), [(DAY, "applied"), (date(2026, 7, 1), "expired")])
def test_it_holds_through_its_last_day(today: date, state: str, tmp_path: Path) -> None:
    found = hunted(tmp_path, written(tmp_path, {**GOOD, "where": {"host": "EX01"}}), today=today)
    assert found.suppressions is not None
    (one,) = found.suppressions.outcomes
    assert (one.state, one.records) == (state, 3)
    assert suppressed(found) == (3 if state == "applied" else 0)


def test_the_first_that_meets_a_hit_suppresses_it(tmp_path: Path) -> None:
    first, second = {**GOOD, "where": {"host": "EX01"}}, {**GOOD, "where": {}}
    found = hunted(tmp_path, written(tmp_path, first, second))
    assert found.suppressions is not None
    assert sorted(set(found.suppressions.marks)) == [0, 1]
    assert [one.records for one in found.suppressions.outcomes] == [3, 4]


def test_a_rule_that_is_not_loaded_is_said(tmp_path: Path) -> None:
    found = hunted(tmp_path, written(tmp_path, {**GOOD, "rule": "20000000-0000-4000-8000-000000000001"}))
    assert found.suppressions is not None
    (one,) = found.suppressions.outcomes
    assert one.state == "matches nothing"
    assert "no rule" in one.why


def test_what_was_not_told_apart_is_not_suppressed_by_its_first_text(tmp_path: Path) -> None:
    rows = [{"cs-uri-stem": f"/scan/{at}", "host": "EX01"} for at in range(GROUPS_MAX + 1)]
    found = hunted(tmp_path, written(tmp_path, {**GOOD, "where": {"cs-uri-stem": "/scan/0"}}), rows=rows)
    assert found.hits["count"].to_pylist() == [GROUPS_MAX + 1]
    assert found.hits["matched"].to_pylist() == [["cs-uri-stem=/scan/0", OTHERS]]
    assert suppressed(found) == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"reason": None}, "reason is missing"),
        ({"reason": " "}, "reason is missing"),
        ({"author": None}, "author is missing"),
        ({"expires": None}, "expires is missing"),
        ({"expires": "soon"}, "no day"),
        ({"expires": "2026-02-30"}, "no day"),
        ({"rule": None}, "rule is missing"),
        ({"rule": ["a"]}, "rule is no text"),
        ({"until": "2026-01-01"}, "unknown key 'until'"),
        ({"where": ["host"]}, "where is no mapping"),
        ({"where": {"host": []}}, "'host' has no value"),
        ({"where": {"host": {"a": 1}}}, "'host' has no value"),
        ({"where": {"host": None}}, "'host' has no value"),
    ],
)
def test_a_bad_one_suppresses_nothing_and_is_named_with_its_line(
    change: dict[str, Any], words: str, tmp_path: Path
) -> None:
    bad = {key: value for key, value in {**GOOD, "where": {}, **change}.items() if value is not None}
    file = written(tmp_path, {**GOOD, "where": {"host": "WEB01"}}, bad)
    line = [at for at, text in enumerate(file.read_text("utf-8").splitlines(), 1) if text.startswith("- ")][1]
    found = hunted(tmp_path, file)
    (fault,) = found.faults
    assert words in fault
    assert f"{file}:{line}:" in fault
    assert suppressed(found) == 1, "the good one holds"


@pytest.mark.parametrize(
    "text",
    ["", "[]", "suppressions: 7", "suppressions: [", "a: &a [*a]", "x: 1\n---\ny: 2", "suppressions: [7]", "\xff"],
)
def test_a_file_that_is_none_is_named(text: str, tmp_path: Path) -> None:
    file = tmp_path / "quiet.yml"
    file.write_bytes(text.encode("latin-1"))
    found = hunted(tmp_path, file)
    assert found.faults
    assert all(str(file) in one for one in found.faults)
    assert suppressed(found) == 0


def test_the_day_is_the_callers_and_a_missing_file_is_his_fault(tmp_path: Path) -> None:
    file = written(tmp_path, GOOD)
    with pytest.raises(UsageError, match="day"):
        hunted(tmp_path, file, today=None)
    with pytest.raises(UsageError, match="no such file"):
        hunted(tmp_path, tmp_path / "nowhere.yml")


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda one: f"suppressions: {one}".encode(errors="replace")))
def test_no_bytes_raise(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yml"
    file.write_bytes(data)
    found, faults = read_suppressions(file)
    assert not found or not faults or all(str(file) in one for one in faults)
