"""All clocks of one host an hour off: found, told with its grounds, guessed nowhere, and no second intruder made of it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from dwell import api
from dwell.drill import DrillPlan, scenario, write_drill
from dwell.model.claims import Claim, ClaimGrade, Question, Summary


def answered(folder: Path, name: str) -> Summary:
    """Make a small exercise of a scenario and answer it."""
    plan = DrillPlan(
        seed=3,
        mailboxes=40,
        from_utc=datetime(2020, 11, 1, tzinfo=UTC),
        to_utc=datetime(2021, 1, 10, tzinfo=UTC),
        scenario=scenario(name),
    )
    write_drill(folder / "evidence", folder / "truth.json", plan)
    api.ingest(folder / "case", [folder / "evidence"], workers=1)
    return api.answers(folder / "case", workers=1).summary


def clocks(summary: Summary) -> list[Claim]:
    """Give what is said of clocks."""
    return [one for one in summary.claims if one.question is Question.BLINDSPOTS and "clock" in one.text.lower()]


@pytest.mark.parametrize("name", ["two-servers", "clock-an-hour-ahead"])
def test_clocks_of_two_servers(tmp_path: Path, name: str) -> None:
    summary = answered(tmp_path, name)
    (claim,) = clocks(summary)
    assert {one.table for one in claim.grounds} <= {"iis", "httpproxy", "ews"}
    assert len(claim.grounds) == 2
    if name == "two-servers":
        assert claim.grade is ClaimGrade.RECORDED
        assert "agree, over " in claim.text
        return
    assert claim.grade is ClaimGrade.UNKNOWN
    assert "EX02" in claim.text
    assert "is 3,600 s ahead of that of EX01" in claim.text
    assert "Which of the two is right the records do not say" in claim.text
    found = api.why(tmp_path / "case", claim.id, workers=1)
    times = [str((one.row or {})["time_utc"]) for one in found.records]
    ids = {str((one.row or {}).get("RequestId") or (one.row or {}).get("cafeReqId")) for one in found.records}
    assert len(ids) == 1
    first, second = (datetime.fromisoformat(one) for one in times)
    assert abs(abs((first - second).total_seconds()) - 3600) < 60
