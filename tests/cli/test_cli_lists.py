"""`--lists`: given with a hunt, written into the custody log, and used by the hunts and answers that follow."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Dwell

RULE = """title: Staff page
id: 11111111-1111-4111-8111-111111111111
author: A. Uthor
level: low
logsource: {category: webserver}
detection: {selection: {cs-uri-stem|startswith|expand: '%pages%'}, condition: selection}
"""


def titles(out: str) -> set[str]:
    return {json.loads(one)["title"] for one in out.splitlines()}


def test_lists_are_used_remembered_and_forgotten(case: Path, dwell: Dwell, tmp_path: Path) -> None:
    (tmp_path / "rule.yml").write_text(RULE, encoding="utf-8")
    lists = tmp_path / "lists.yml"
    lists.write_text("pages: [/owa/, /nowhere/]\n", encoding="utf-8")
    rules = ("hunt", "-c", case, "-t", "jsonl", "--workers", "1", "--rules", tmp_path / "rule.yml")
    assert "Staff page" not in titles(dwell(*rules).out)
    assert "Staff page" in titles(dwell(*rules, "--lists", lists).out)
    again = dwell("hunt", "-c", case, "-t", "jsonl", "--workers", "1")
    assert "Staff page" in titles(again.out)
    acts = [json.loads(one) for one in (case / "custody.jsonl").read_text(encoding="utf-8").splitlines()]
    assert str(lists) in json.dumps(acts[-1])
    assert "Staff page" not in titles(dwell("hunt", "-c", case, "-t", "jsonl", "--own-only", "--workers", "1").out)


def test_a_list_that_is_not_there_ends_with_2_and_a_bad_one_with_13(case: Path, dwell: Dwell, tmp_path: Path) -> None:
    ran = dwell("hunt", "-c", case, "--lists", tmp_path / "nowhere.yml")
    assert ran.code == 2
    assert "nowhere.yml" in ran.err
    bad = tmp_path / "bad.yml"
    bad.write_text("pages: {a: 1}\n", encoding="utf-8")
    ran = dwell("hunt", "-c", case, "--lists", bad, "--workers", "1", "-q")
    assert ran.code == 13
