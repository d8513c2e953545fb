"""Two summaries of a case are compared question by question."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.cli.conftest import PLAN

from dwell import api
from dwell.answers.changes import answer_changes
from dwell.drill import write_drill
from dwell.model.claims import Question, Summary


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    """Give the summary of a small exercise."""
    folder = tmp_path_factory.mktemp("changes")
    plan = replace(PLAN, from_utc=datetime(2021, 2, 20, tzinfo=UTC), to_utc=datetime(2021, 3, 20, tzinfo=UTC))
    write_drill(folder / "evidence", folder / "truth.json", plan)
    api.ingest(folder / "case", [folder / "evidence"], workers=1)
    return api.answers(folder / "case", workers=1).summary


def test_the_same_summary_changes_nothing(summary: Summary) -> None:
    assert answer_changes(summary, summary) == ()


def test_a_statement_that_goes_and_a_verdict_that_turns_are_told(summary: Summary) -> None:
    first = summary.answers[0]
    gone = next(one for one in summary.claims if one.id == first.claims[0])
    turned = replace(first, verdict="otherwise", claims=first.claims[1:])
    found = answer_changes(summary, replace(summary, answers=(turned, *summary.answers[1:])))
    (one,) = found
    assert one.question is first.question
    assert (one.before, one.after) == (first.verdict, "otherwise")
    assert one.gone == (f"{gone.grade.value}: {gone.text}",)
    assert one.new == ()
    back = answer_changes(replace(summary, answers=(turned, *summary.answers[1:])), summary)
    assert back[0].new == one.gone
    assert {one.question for one in found} <= set(Question)
