"""`dwell rules`: every rule once in a list, and explained by id, file and folder."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from tests.cli.conftest import Dwell

from dwell.hunt.sigma.load import load
from dwell.hunt.sigma.loaded import PACK

RULE = """
title: a shell
id: 10000000-0000-4000-8000-000000000001
author: somebody
logsource: {category: webserver}
detection: {selection: {cs-uri-stem|contains: aspnet_client}, condition: selection}
"""


def test_list_has_every_rule_in_every_form(dwell: Dwell, tmp_path: Path) -> None:
    (tmp_path / "good.yml").write_text(RULE, encoding="utf-8")
    (tmp_path / "bad.yml").write_text("title: [", encoding="utf-8")
    ran = dwell("rules", "list", "--rules", tmp_path, "-t", "json", "-q")
    assert ran.code == 13
    rows = json.loads(ran.out)
    loaded = load([tmp_path])
    assert len(rows) == len(loaded.rules.rules) + len(loaded.ended)
    assert {one["status"] for one in rows} == {"can-run", "invalid"}
    lines = dwell("rules", "list", "--rules", tmp_path, "-t", "jsonl").out.splitlines()
    assert [json.loads(one) for one in lines] == rows
    sheet = list(csv.DictReader(io.StringIO(dwell("rules", "list", "--rules", tmp_path, "-t", "csv").out)))
    assert [one["rule_id"] for one in sheet] == [one["rule_id"] for one in rows]
    text = dwell("rules", "list", "--rules", tmp_path).out
    assert len(text.splitlines()) == len(rows) + 1
    assert text.splitlines()[-1].startswith(f"{len(rows)} rules: ")
    assert dwell("rules", "list").code == 0


def test_explain_by_id_file_and_folder(dwell: Dwell, case: Path, tmp_path: Path) -> None:
    path = tmp_path / "good.yml"
    path.write_text(RULE, encoding="utf-8")
    by_file = json.loads(dwell("rules", "explain", path, "-t", "json").out)
    by_folder = json.loads(dwell("rules", "explain", tmp_path, "-t", "json").out)
    by_id = json.loads(dwell("rules", "explain", by_file[0]["rule_id"], "--rules", tmp_path, "-t", "json").out)
    assert by_file == by_folder == by_id
    assert by_file[0]["records"][0]["held"] is None
    own = next(iter(load().infos.values()))
    held = dwell("rules", "explain", own.id, "-c", case, "-t", "jsonl")
    assert held.code == 0
    assert all(one["held"] is not None for one in json.loads(held.out)["records"])
    text = dwell("rules", "explain", own.id, "-c", case).out
    assert own.title in text
    assert "in this case" in text
    assert dwell("rules", "explain", PACK).out.count("   log source: ") == len(load().infos)


def test_a_rule_that_is_not_there_and_one_that_is_broken(dwell: Dwell, tmp_path: Path) -> None:
    ran = dwell("rules", "explain", "nothing-of-that-name")
    assert ran.code == 2
    assert "no rule has the id" in ran.err
    (tmp_path / "bad.yml").write_text("title: [", encoding="utf-8")
    ran = dwell("rules", "explain", tmp_path / "bad.yml")
    assert ran.code == 13
    assert "invalid" in ran.out
    assert dwell("rules", "list", "--rules", tmp_path / "nowhere").code == 2


def test_what_a_rule_says_of_itself_is_harmless(dwell: Dwell, tmp_path: Path) -> None:
    (tmp_path / "odd.yml").write_text(RULE.replace("a shell", '"\\e[31mred\\u202E"').strip(), encoding="utf-8")
    for words in (("explain", tmp_path / "odd.yml"), ("list", "--rules", tmp_path)):
        out = dwell("rules", *words).out
        assert "\\x1b[31mred<U+202E>" in out
        assert not {"\x1b", "\u202e"} & set(out)
