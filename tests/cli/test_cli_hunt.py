"""`dwell hunt`: one row a group of equal hits, in every form the same ones, and what was not looked at beside them."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Dwell

from dwell.report.hits import LEVELS


@pytest.fixture(scope="module")
def few(exercise: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a part of the exercise as a folder with `evidence`: of Exchange's hundreds of logs every fortieth."""
    folder = tmp_path_factory.mktemp("few")
    files = sorted(path for path in exercise.rglob("*") if path.is_file())
    logs = [path for path in files if "Logging" in path.parts]
    for path in (set(files) - set(logs)) | set(logs[::40]):
        place = folder / path.relative_to(exercise)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, place)
    return folder


def quick(dwell: Dwell, exercise: Path, *words: str) -> Any:  # noqa: ANN401
    ran = dwell("hunt", "--quick", exercise / "evidence", "--workers", "1", "-q", *words)
    assert ran.code == 11, ran.err
    return ran.out


def test_every_form_has_the_same_groups(dwell: Dwell, few: Path) -> None:
    whole = json.loads(quick(dwell, few, "-t", "json"))
    rows = whole["hits"]
    assert rows
    assert [json.loads(one) for one in quick(dwell, few, "-t", "jsonl").splitlines()] == rows
    sheet = list(csv.DictReader(io.StringIO(quick(dwell, few, "-t", "csv"))))
    assert [(one["rule_id"], int(one["count"]), one["first_utc"]) for one in sheet] == [
        (one["rule_id"], one["count"], one["first_utc"] or "") for one in rows
    ]
    assert all(one["records"] and one["path"] for one in sheet)
    text = quick(dwell, few)
    assert all(one["rule_id"] in text for one in rows)


def test_quick_finds_what_a_case_finds(dwell: Dwell, exercise: Path, case: Path) -> None:
    fast = json.loads(quick(dwell, exercise, "-t", "json"))
    held = json.loads(dwell("hunt", "-c", case, "-t", "json", "-q").out)
    assert fast["hits"] == held["hits"]
    assert fast["rules"] == held["rules"]
    assert {"evidence", "not_read"} == set(fast) - set(held)


def test_quick_says_what_was_not_read_and_what_could_not_run(dwell: Dwell, few: Path) -> None:
    whole = json.loads(quick(dwell, few, "-t", "json"))
    broken = [one["path"] for one in whole["evidence"] if one["anomalies"]]
    unread = [one["path"] for one in whole["evidence"] if one["source"] is None]
    assert broken
    text = quick(dwell, few)
    assert "not readable: " in text
    assert any(one in text for one in broken)
    assert all(one in text for one in unread[:10])
    assert f"rules: {len(whole['rules'])} loaded" in text
    assert "blind" in text


def test_a_level_hides_what_lies_below_it_and_says_how_much(dwell: Dwell, few: Path) -> None:
    every = json.loads(quick(dwell, few, "-t", "json"))
    some = json.loads(quick(dwell, few, "-t", "json", "--level", "critical"))
    kept = [one for one in every["hits"] if one["level"] not in LEVELS[:-1]]
    assert some["hits"] == kept
    assert some["groups_below_level"] == len(every["hits"]) - len(kept) > 0
    assert some["rules"] == every["rules"]
    told = quick(dwell, few, "--level", "critical")
    assert f"below level critical and not shown: {some['groups_below_level']} group" in told


def test_a_group_expands_to_its_records(dwell: Dwell, few: Path, case: Path) -> None:
    row = max(json.loads(quick(dwell, few, "-t", "json"))["hits"], key=lambda one: len(one["records"]))
    assert row["count"] >= len(row["records"]) > 1
    name = "{table}/{evidence_id:.16}/{record_no}".format(**row["records"][1])
    assert name not in quick(dwell, few)
    assert name in quick(dwell, few, "--expand")
    assert dwell("why", name, "-c", case, "-q").code == 0


def test_what_contradicts_itself_is_refused(dwell: Dwell, exercise: Path, tmp_path: Path) -> None:
    evidence = exercise / "evidence"
    for words in (
        ("hunt", evidence),
        ("hunt", "--quick"),
        ("hunt", "--quick", evidence, "-c", tmp_path / "case"),
        ("hunt", "--quick", evidence, "--own-only"),
        ("hunt", "--quick", evidence, "--rules", tmp_path / "nowhere"),
    ):
        ran = dwell(*words)
        assert ran.code == 2
        assert ran.out == ""
    assert not (tmp_path / "case").exists()


def test_files_without_a_log_end_with_10(dwell: Dwell, tmp_path: Path) -> None:
    (tmp_path / "what.bin").write_bytes(b"\x00\x01" * 40)
    assert dwell("hunt", "--quick", tmp_path / "what.bin", "-q").code == 10
    assert dwell("hunt", "--quick", tmp_path / "nowhere", "-q").code == 10


def test_suppressed_hits_stay_countable_in_every_form(dwell: Dwell, few: Path, tmp_path: Path) -> None:
    before = json.loads(quick(dwell, few, "-t", "json"))["hits"]
    rule = before[0]["rule_id"]
    file = tmp_path / "quiet.yml"
    file.write_text(
        f"suppressions:\n- {{rule: {rule}, reason: 'known \\e', author: r.vos, expires: 2026-06-30}}\n"
        f"- {{rule: nothing, reason: gone, author: r.vos, expires: 2020-01-01}}\n",
        encoding="utf-8",
    )
    words = ("--suppressions", str(file), "--today", "2026-06-30")
    whole = json.loads(quick(dwell, few, "-t", "json", *words))
    assert [{**one, "suppressed": None} for one in whole["hits"]] == before
    marked = [one for one in whole["hits"] if one["suppressed"]]
    assert {one["rule_id"] for one in marked} == {rule}
    assert {one["suppressed"] for one in marked} == {"quiet.yml:2"}
    assert [one["state"] for one in whole["suppressions"]["suppressions"]] == ["applied", "expired"]
    text = quick(dwell, few, *words)
    records = sum(one["count"] for one in marked)
    assert f"suppressed, as of 2026-06-30: {records:,} record" in text
    assert "expired on 2020-01-01 and does nothing" in text
    assert f"   rule {rule}, " not in text
    sheet = list(csv.DictReader(io.StringIO(quick(dwell, few, "-t", "csv", *words))))
    assert [one["suppressed"] for one in sheet] == [one["suppressed"] or "" for one in whole["hits"]]
    assert quick(dwell, few, *words) == text


def test_a_bad_suppression_ends_with_13_and_the_day_is_in_the_custody_log(
    dwell: Dwell, case: Path, tmp_path: Path
) -> None:
    file = tmp_path / "quiet.yml"
    file.write_text("suppressions:\n- {rule: x, author: r.vos, expires: 2026-06-30}\n", encoding="utf-8")
    ran = dwell("hunt", "-c", case, "--suppressions", file, "--today", "2026-01-01")
    assert ran.code == 13
    assert "quiet.yml:2: reason is missing" in ran.err
    last = json.loads((case / "custody.jsonl").read_text("utf-8").splitlines()[-1])
    assert last["act"] == "hunt"
    assert last["details"]["today"] == "2026-01-01"
    assert list(last["details"]["suppressions"]) == [str(file)]
    before = dwell("answers", "-c", case, "-t", "json", "-q").out
    file.write_text("suppressions:\n- {rule: x, reason: y, author: z, expires: 2026-06-30}\n", encoding="utf-8")
    assert dwell("hunt", "-c", case, "--suppressions", file, "--today", "tomorrow").code == 2
    assert dwell("hunt", "-c", case, "--suppressions", file).code == 0
    assert dwell("answers", "-c", case, "-t", "json", "-q").out == before


SHELL = """
title: {title}
id: 10000000-0000-4000-8000-000000000001
author: somebody
level: {level}
logsource: {{product: exchange, service: httpproxy}}
detection: {{selection: {{HttpStatus: {status}}}, condition: selection}}
"""


def test_since_rules_tells_what_changes_and_changes_nothing(dwell: Dwell, case: Path, tmp_path: Path) -> None:
    kept = case / "derived" / "last-hunt-rules.zst"
    kept.write_bytes(kept.read_bytes()[:-9])
    ran = dwell("hunt", "-c", case, "--since-rules")
    assert (ran.code, ran.out) == (2, "")
    assert "not kept" in ran.err
    rules = tmp_path / "rules"
    rules.mkdir()
    path = rules / "one.yml"
    path.write_text(SHELL.format(title="one", level="low", status=200), encoding="utf-8")
    assert dwell("hunt", "-c", case, "--rules", rules, "-q").code == 0
    answers = dwell("answers", "-c", case, "-t", "json", "-q").out
    log = (case / "custody.jsonl").read_bytes()
    same = json.loads(dwell("hunt", "-c", case, "--since-rules", "-t", "json", "-q").out)
    assert (same["rules"], same["hits"], same["answers"]) == ([], [], [])
    # the files change where they lie, as they do when a pack is updated
    path.write_text(SHELL.format(title="one", level="high", status=404), encoding="utf-8")
    whole = json.loads(dwell("hunt", "-c", case, "--since-rules", "-t", "json", "-q").out)
    assert [(one["change"], one["what"]) for one in whole["rules"]] == [("changed", ["level", "what it looks for"])]
    assert whole["hits"]
    assert {one["rule_id"][-1] for one in whole["hits"]} == {"1"}
    assert any(one["count_before"] and not one["count_after"] for one in whole["hits"])
    text = dwell("hunt", "-c", case, "--since-rules", "-q").out
    assert "rules: 0 added, 0 removed, 1 changed" in text
    assert (case / "custody.jsonl").read_bytes() == log
    gone = dwell("hunt", "-c", case, "--since-rules", "--own-only", "-t", "json", "-q")
    assert [one["change"] for one in json.loads(gone.out)["rules"]] == ["removed"]
    path.write_text("title: [", encoding="utf-8")
    assert dwell("hunt", "-c", case, "--since-rules", "-q").code == 13
    path.write_text(SHELL.format(title="one", level="low", status=200), encoding="utf-8")
    assert dwell("answers", "-c", case, "-t", "json", "-q").out == answers


def test_answers_that_would_change_are_told(dwell: Dwell, case: Path, tmp_path: Path) -> None:
    assert dwell("hunt", "-c", case, "-q").code == 0
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "blind.yml").write_text(
        SHELL.format(title="one", level="low", status=200).replace("httpproxy", "nowhere"), encoding="utf-8"
    )
    whole = json.loads(dwell("hunt", "-c", case, "--rules", rules, "--since-rules", "-t", "json", "-q").out)
    assert [one["question"] for one in whole["answers"]] == ["blindspots"]
    assert any("blind" in one for one in whole["answers"][0]["new"])
    for words in (("--indicators", rules), ("-t", "csv"), ("--suppressions", rules), ("--lists", rules)):
        assert dwell("hunt", "-c", case, "--since-rules", *words).code == 2


def test_a_server_whose_list_of_files_was_taken_away_is_told_in_the_last_answer(
    dwell: Dwell, few: Path, tmp_path: Path
) -> None:
    evidence, case = tmp_path / "evidence", tmp_path / "case"
    shutil.copytree(few / "evidence", evidence)
    lists = sorted(path for path in evidence.rglob("inventory.csv"))
    assert len(lists) > 1
    lacking = lists[-1].relative_to(evidence).parts[0]
    lists[-1].unlink()
    told = json.loads(dwell("investigate", evidence, "-c", case, "--workers", "1", "-q", "-t", "json").out)
    claims = {one["text"] for one in told["claims"]}
    (mine,) = (one for one in claims if "of files and settings looked at" in one)
    assert f"of {lacking} nothing of what they look at is held" in mine
    checks = json.loads(dwell("hunt", "-c", case, "--workers", "1", "-q", "-t", "json").out)["checks"]
    looked = [one for one in checks if one["hosts"]]
    assert looked
    assert all(one["hosts_without"] == [lacking] for one in looked)
