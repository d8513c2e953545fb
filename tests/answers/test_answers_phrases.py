"""Turns of phrase of the answers."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from tests.scope.office import facts, log_of, reasoned, work
from tests.scope.staged import iis_place, stage, utc

from dwell.answers.assemble import assemble
from dwell.answers.phrases import hours_of
from dwell.model.claims import Question


def _hour(at: datetime) -> int:
    return int(at.timestamp()) // 3600


@pytest.mark.parametrize(
    ("hours", "first", "end", "text"),
    [
        (1, "2021-01-04 07:00:00", "2021-01-04 08:00:00", "1 server-hour, 2021-01-04 07:00 to 2021-01-04 08:00 UTC"),
        (1_440, "2021-01-04 00:00:00", "2021-03-05 00:00:00", "1,440 server-hours, 2021-01-04 to 2021-03-04"),
    ],
)
def test_a_share_is_told_with_what_it_is_of(hours: int, first: str, end: str, text: str) -> None:
    assert hours_of(hours, _hour(utc(first)), _hour(utc(end))) == text


def test_no_verdict_gives_a_share_without_what_it_is_of(tmp_path: Path) -> None:
    staged = stage(tmp_path, {iis_place("EX01", "210104"): log_of(work(days=1)[:1])})
    answers = {one.question: one.verdict for one in assemble(reasoned(staged), facts(staged)).answers}
    for question in (Question.ENTRY, Question.FOOTHOLD, Question.MAILBOXES, Question.INTRUSIONS):
        assert "100 % of 1 server-hour, 2021-01-04 07:00 to 2021-01-04 08:00 UTC" in answers[question]
