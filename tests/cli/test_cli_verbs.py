"""Every verb: it is there, it has help with an example, and what it gives is what the contract says."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import click
import jsonschema
import pytest
from tests.cli.conftest import Dwell

from dwell import __version__
from dwell.cli.main import VERBS, cli
from dwell.model.claims import QUESTIONS, Question
from dwell.report.listings import LISTINGS
from dwell.report.summary_json import schema


@pytest.mark.parametrize("verb", list(VERBS))
def test_verb_has_help_with_an_example_and_the_short_text_fits(verb: str, dwell: Dwell) -> None:
    ran = dwell(verb, "--help")
    assert ran.code == 0
    assert re.search(rf"^  dwell {verb}\b", ran.out, re.MULTILINE), "help without an example"
    command = cli.get_command(click.Context(cli), verb)
    assert command is not None
    assert command.name == verb


def test_help_lists_every_verb_and_version_is_told(dwell: Dwell) -> None:
    ran = dwell("--help")
    assert [verb for verb in VERBS if f"\n  {verb} " not in ran.out] == []
    assert dwell("--version").out.strip() == f"dwell {__version__}"


def test_unknown_verb_and_unknown_option_end_with_2(dwell: Dwell) -> None:
    assert dwell("investigat").code == 2
    assert dwell("answers", "--nonsense").code == 2
    assert dwell("ingest").code == 2


def test_answers_name_the_seven_questions_in_order(dwell: Dwell, investigated: Path) -> None:
    ran = dwell("answers", "-c", investigated, "-q")
    assert ran.code == 0
    places = [ran.out.find(text) for text in QUESTIONS.values()]
    assert places == sorted(places)
    assert -1 not in places
    assert ran.err == ""


def test_json_answers_keep_the_contract(dwell: Dwell, investigated: Path) -> None:
    ran = dwell("answers", "-c", investigated, "-t", "json", "-q")
    found = json.loads(ran.out)
    jsonschema.Draft202012Validator(schema()).validate(found)
    assert set(found["answers"]) == {one.value for one in Question}
    claims = {one["id"] for one in found["claims"]}
    assert {name for one in found["answers"].values() for name in one["claims"]} == claims
    assert [one for one in found["claims"] if one["grade"] == "no-sign" and one["coverage"] is None] == []
    assert found["case"]["first_utc"].startswith("2021-02-01"), "the first record is a log's, not a mailbox's making"
    exposed = {"named", "downloaded", "read", "listed", "opened"}
    assert [one for one in found["mailboxes"] if one["grade"] in exposed and not one["intrusions"]] == []


@pytest.mark.parametrize("verb", list(LISTINGS))
def test_listing_has_equal_rows_in_every_form(verb: str, dwell: Dwell, investigated: Path) -> None:
    whole = json.loads(dwell("answers", "-c", investigated, "-t", "json", "-q").out)[verb]
    rows = json.loads(dwell(verb, "-c", investigated, "-t", "json", "-q").out)
    lines = dwell(verb, "-c", investigated, "-t", "jsonl", "-q").out.splitlines()
    table = list(csv.reader(io.StringIO(dwell(verb, "-c", investigated, "-t", "csv", "-q").out)))
    text = dwell(verb, "-c", investigated, "-q").out.splitlines()
    assert rows == whole
    assert [json.loads(one) for one in lines] == whole
    assert len(table) == len(whole) + 1
    # beneath its table the listing of intrusions tells each one at length
    whole_table = text[: text.index("")] if "" in text else text
    told = [line for line in text if line.startswith("H-")] if verb == "hypotheses" else whole_table[1:]
    # above theirs the listing of leads says how many are expected to be false
    told = told[1:] if verb == "leads" else told
    assert len(told) == len(whole)


def test_report_is_the_page_that_investigate_wrote(dwell: Dwell, investigated: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    assert dwell("report", "-c", investigated, "-o", out, "-q").code == 0
    assert out.read_bytes() == (investigated / "report" / "report.html").read_bytes()


def test_output_file_is_not_overwritten_without_force(dwell: Dwell, investigated: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine.json"
    out.write_text("mine", encoding="utf-8")
    refused = dwell("answers", "-c", investigated, "-t", "json", "-o", out, "-q")
    assert refused.code == 15
    assert "--force" in refused.err
    assert out.read_text(encoding="utf-8") == "mine"
    assert dwell("answers", "-c", investigated, "-t", "json", "-o", out, "-q", "--force").code == 0
    assert json.loads(out.read_text(encoding="utf-8"))["dwell"] == __version__


def test_findings_end_with_20_only_where_asked_for(dwell: Dwell, investigated: Path) -> None:
    assert dwell("answers", "-c", investigated, "-q").code == 0
    assert dwell("answers", "-c", investigated, "-q", "--fail-on", "findings").code == 20


def test_schema_is_the_one_in_the_package(dwell: Dwell) -> None:
    found = json.loads(dwell("schema").out)
    assert found == schema()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_names_the_program(shell: str, dwell: Dwell) -> None:
    ran = dwell("completion", shell)
    assert ran.code == 0
    assert "_DWELL_COMPLETE" in ran.out


def test_doctor_finds_what_is_here_and_says_how_much_room_is_needed(
    dwell: Dwell, exercise: Path, tmp_path: Path
) -> None:
    ran = dwell("doctor", exercise / "evidence", "-c", tmp_path / "case", "-t", "json", "-q")
    found = {one["what"]: one for one in json.loads(ran.out)}
    assert found["python"]["good"] is True
    assert found["pyarrow"]["good"] is True
    assert "of evidence" in found["disk"]["told"]
    assert not (tmp_path / "case").exists()


def test_drill_writes_an_exercise_once_and_scores_it(
    dwell: Dwell, investigated: Path, exercise: Path, tmp_path: Path
) -> None:
    words = ("drill", tmp_path / "x", "--mailboxes", "20", "--from", "2021-02-01", "--to", "2021-03-20", "-q")
    assert dwell(*words).code == 0
    assert (tmp_path / "x" / "truth.json").is_file()
    assert dwell(*words).code == 15
    scored = dwell("drill", "--score", investigated / "report" / "summary.json", exercise / "truth.json", "-t", "json")
    found = json.loads(scored.out)
    assert found["loud_found"] == found["loud_planted"] > 0
    assert found["innocent_exposed"] == []
    assert found["apart"] is True
    assert scored.code == (0 if found["passed"] else 1)


def test_drill_says_what_is_wrong_with_its_input(dwell: Dwell, tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("{", encoding="utf-8")
    assert dwell("drill").code == 2
    assert dwell("drill", tmp_path / "x", "--from", "2021-03-01", "--to", "2021-03-02").code == 2
    assert dwell("drill", tmp_path / "x", "--from", "yesterday").code == 2
    assert str(broken) in dwell("drill", "--score", broken, broken).err
    empty = tmp_path / "empty.json"
    empty.write_text("{}", encoding="utf-8")
    assert dwell("drill", "--score", empty, empty).code == 2
