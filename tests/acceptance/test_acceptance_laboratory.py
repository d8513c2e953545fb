"""Exercises with entries and ways beyond the owners' passwords: found whole, told rightly, and nobody else's."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dwell import api
from dwell.drill import DrillPlan, scenario, score, write_drill
from dwell.report.summary_json import summary_dict

pytestmark = pytest.mark.slow

FIRST, LAST = datetime(2021, 1, 1, tzinfo=UTC), datetime(2021, 4, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "entry", "grades"),
    [
        ("proxyshell-export", "CVE-2021-34473", {"downloaded", "named"}),
        ("administrator-export", "an administrator's account", {"downloaded", "named"}),
        ("imap", "valid accounts", {"read", "named"}),
        ("forwarding", "valid accounts", {"downloaded", "named"}),
    ],
)
def test_an_intruder_is_found_with_his_entry_and_nobody_else(
    name: str, entry: str, grades: set[str], tmp_path: Path
) -> None:
    truth = write_drill(tmp_path / "evidence", tmp_path / "truth.json", DrillPlan(3, 40, FIRST, LAST, scenario(name)))
    api.ingest(tmp_path / "case", [tmp_path / "evidence"], workers=1)
    api.hunt(tmp_path / "case", workers=1)
    summary: Any = summary_dict(api.answers(tmp_path / "case", workers=1).summary)
    result = score(summary, truth)
    assert result.innocent_exposed == ()
    assert (result.quiet_found, result.intrusions, result.apart) == (result.quiet_planted, result.intruders, True)
    assert all(days is not None and abs(days) <= 1 for _, days in result.first_error_days)
    quiet = next(one for one in truth["intruders"] if one["id"] == "quiet")
    assert {one["grade"] for one in summary["mailboxes"] if one["mailbox"] in quiet["mailboxes"]} <= grades
    held = next(one for one in summary["intrusions"] if set(one["mailboxes"]) & set(quiet["mailboxes"]))
    assert any(way.startswith(entry) for way in held["entry"])


def test_exports_and_forwarding_by_right_expose_nobody_and_are_told(tmp_path: Path) -> None:
    plan = DrillPlan(3, 40, FIRST, LAST, scenario("clerks-nobody"))
    truth = write_drill(tmp_path / "evidence", tmp_path / "truth.json", plan)
    api.ingest(tmp_path / "case", [tmp_path / "evidence"], workers=1)
    api.hunt(tmp_path / "case", workers=1)
    summary: Any = summary_dict(api.answers(tmp_path / "case", workers=1).summary)
    result = score(summary, truth)
    assert (result.innocent_exposed, result.intrusions) == ((), 0)
    assert "exported or forwarded by cmdlet, laid to no intrusion" in str(summary["answers"])
