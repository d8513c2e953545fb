"""`dwell mark` and `dwell marks`: the effect first, then the question, then the custody log; and back again."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.cli.conftest import Dwell

from dwell.cli.main import cli

WHY = ("--reason", "penetration test, contract 17", "--by", "a. uthor")


def marked(dwell: Dwell, case: Path, *words: object) -> Any:  # noqa: ANN401 - a JSON document
    ran = dwell("mark", *words, "-c", case, "-t", "json", "-q", "--workers", "1")
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def acts(case: Path) -> list[str]:
    lines = (case / "custody.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(one)["act"] for one in lines]


def answers(dwell: Dwell, case: Path) -> str:
    return dwell("answers", "-c", case, "-t", "json", "-q", "--workers", "1").out


@pytest.fixture
def loud(case: Path, dwell: Dwell) -> str:
    """Give an address of the loud intruder."""
    found = json.loads(dwell("intrusions", "-c", case, "-t", "json", "-q", "--workers", "1").out)
    one = next(one for one in found if "T1190" in one["techniques"])
    return str(one["clients"][-1].partition(" ")[0])


def test_the_effect_is_shown_and_nothing_saved_where_nobody_confirms(case: Path, dwell: Dwell, loud: str) -> None:
    before, answered = acts(case), answers(dwell, case)
    ran = dwell("mark", loud, "ours", *WHY, "-c", case, "--workers", "1")
    assert ran.code == 2
    assert "not saved" in ran.err
    assert "it contradicts what dwell finds" in ran.out
    assert "mailboxes: " in ran.out
    assert "   then: " in ran.out
    assert acts(case) == before
    assert answers(dwell, case) == answered
    ran = dwell("mark", loud, "ours", *WHY, "-c", case, "-t", "json", "--workers", "1")
    assert ran.code == 2
    assert json.loads(ran.out)["saved"] is False


@pytest.mark.parametrize(("typed", "saved"), [("y\n", 1), ("n\n", 0), ("\n", 0)])
def test_a_person_is_asked(case: Path, loud: str, typed: str, saved: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dwell.cli.mark._somebody_there", lambda: True)
    ran = CliRunner().invoke(cli, ["mark", loud, "ours", *WHY, "-c", str(case), "--workers", "1"], input=typed)
    assert ran.exit_code == 0, ran.output
    assert "Save this?" in ran.output
    assert acts(case).count("mark") == saved


def test_what_is_saved_is_told_and_taking_it_back_gives_the_same_bytes(case: Path, dwell: Dwell, loud: str) -> None:
    bare = answers(dwell, case)
    found = marked(dwell, case, loud, "ours", *WHY, "--yes")
    assert found["saved"] is True
    assert found["effect"]["contradicts"]
    assert {one["change"] for one in found["intrusions"]} <= {"gone", "changed", "new"}
    summary = json.loads(answers(dwell, case))
    (one,) = summary["markings"]
    assert (one["id"], one["by"], one["reason"]) == ("M1", "a. uthor", "penetration test, contract 17")
    assert {one["mailbox"]: one["after"] for one in found["mailboxes"]}.items() <= {
        each["mailbox"]: each["grade"] for each in summary["mailboxes"]
    }.items()
    assert "marked by a. uthor" in dwell("answers", "-c", case, "-q", "--workers", "1").out
    undone = marked(dwell, case, "--undo", "M1", "--reason", "it was not us", "--by", "b. editor", "--yes")
    assert (undone["act"], undone["effect"]) == ("undo", None)
    assert [(each["mailbox"], each["before"], each["after"]) for each in undone["mailboxes"]] == [
        (each["mailbox"], each["after"], each["before"]) for each in found["mailboxes"]
    ]
    assert answers(dwell, case) == bare
    assert acts(case)[-2:] == ["mark", "unmark"]
    assert dwell("verify", "-c", case, "-q").code in {0, 11}


def test_marks_are_listed_with_what_became_of_them(case: Path, dwell: Dwell) -> None:
    assert "nothing is marked" in dwell("marks", "-c", case).out
    marked(dwell, case, "192.0.2.0/24", "unknown", "--reason", "=cmd|calc\x1b[31m", "--by", "a. uthor", "--yes")
    marked(dwell, case, "192.0.2.7", "ours", "--from", "2021-03-01", "--to", "2021-03-05", *WHY, "--yes")
    marked(dwell, case, "--undo", "M1", "--reason", "known now", "--by", "b. editor", "--yes")
    first, second = json.loads(dwell("marks", "-c", case, "-t", "json").out)
    assert (first["id"], first["state"], first["undone_by"], first["undone_reason"]) == (
        "M1", "taken back", "b. editor", "known now",
    )  # fmt: skip
    assert (second["from_utc"], second["to_utc"]) == ("2021-03-01T00:00:00Z", "2021-03-06T00:00:00Z")
    shown = dwell("marks", "-c", case).out
    assert "\x1b" not in shown
    assert "192.0.2.7 (from 2021-03-01, before 2021-03-06)" in shown
    rows = list(csv.DictReader(io.StringIO(dwell("marks", "-c", case, "-t", "csv").out)))
    assert [one["id"] for one in rows] == ["M1", "M2"]
    assert not rows[0]["reason"].startswith("=")


def test_leads_records_mailboxes_and_statements_can_be_marked(case: Path, dwell: Dwell) -> None:
    summary = json.loads(answers(dwell, case))
    lead = next(one for one in summary["leads"] if one["intrusion"] is None)
    found = marked(dwell, case, f"lead-{lead['rank']}", "theirs", *WHY, "--yes")
    assert (found["marking"]["kind"], found["marking"]["account"]) == ("tie", lead["mailbox"])
    assert found["effect"]["makes"] == "I-M1"
    ref = lead["grounds"][0]
    name = f"{ref['table']}/{ref['evidence_id'][:12]}/{ref['record_no']}"
    found = marked(dwell, case, name, "unknown", *WHY, "--yes")
    assert found["marking"]["target"] == f"{ref['table']}/{ref['evidence_id']}/{ref['record_no']}"
    service = next(one["name"] for one in summary["learned"] if one["kind"] == "service")
    assert service in dwell("learned", "-c", case, "-q", "--workers", "1").out
    found = marked(dwell, case, service, "ours", *WHY, "--yes")
    assert (found["marking"]["kind"], found["marking"]["target"]) == ("account", service)
    mailbox = summary["mailboxes"][0]["mailbox"]
    found = marked(dwell, case, mailbox.upper(), "contested", *WHY, "--yes")
    assert (found["marking"]["target"], found["mailboxes"]) == (mailbox, [])
    claim = json.loads(answers(dwell, case))["claims"][-1]
    found = marked(dwell, case, claim["id"], "accepted", *WHY, "--yes")
    assert (found["marking"]["kind"], found["marking"]["text"], found["answers"]) == ("claim", claim["text"], [])
    told = {one["id"]: one["marked"] for one in json.loads(answers(dwell, case))["claims"]}
    assert any("is accepted, marked by a. uthor" in text for text in told[claim["id"]])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("192.0.2.0/24", "ours"), "needs a reason"),
        (("192.0.2.0/24",), "as what"),
        (("192.0.2.0/24", "accepted", "--reason", "x"), "cannot be marked accepted"),
        (("mailboxes-1", "ours", "--reason", "x"), "cannot be marked ours"),
        (("lead-99999", "ours", "--reason", "x"), "there is no lead-99999"),
        (("mailboxes-99999", "accepted", "--reason", "x"), "no statement"),
        (("nobody@nowhere.example", "accepted", "--reason", "x"), "nothing that can be marked"),
        (("I99", "ours", "--reason", "x"), "nothing that can be marked"),
        (("iis/ffff/1", "ours", "--reason", "x"), "names no record"),
        (("192.0.2.0/24", "ours", "--reason", "x", "--from", "soon"), "no day or instant"),
        (("192.0.2.0/24", "ours", "--reason", "x", "--from", "2021-03-05", "--to", "2021-03-01"), "after --to"),
        (("192.0.2.0/24", "ours", "--reason", "x", "--to", "9999-12-31"), "--to '9999-12-31' is no day or instant"),
        (("192.0.2.0/24", "ours", "--reason", "x", "--from", "0001-01-01T00:00:00+14:00"), "is no day or instant"),
        (("mailboxes-1", "accepted", "--reason", "x", "--from", "2021-03-05"), "takes no --from"),
        (("--undo", "M7", "--reason", "x"), "no marking in force"),
        (("192.0.2.0/24", "ours", "--undo", "M7", "--reason", "x"), "nothing else"),
        (("192.0.2.0/24", "ours", "--reason", "x", "--by", " "), "needs the name"),
    ],
)
def test_what_cannot_be_marked_ends_with_2_and_says_what_to_do(
    investigated: Path, dwell: Dwell, words: tuple[str, ...], said: str
) -> None:
    ran = dwell("mark", *words, "-c", investigated, "-q", "--workers", "1")
    assert ran.code == 2
    assert said in " ".join(ran.err.split())
    assert "mark" not in acts(investigated)
