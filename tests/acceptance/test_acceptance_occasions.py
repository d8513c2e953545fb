"""What happens once in a house is no intrusion: a whole exercise of it, and a test that the house ordered and marked."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dwell import api
from dwell.answers.marking import Wanted
from dwell.drill import DrillPlan, scenario, score, write_drill
from dwell.model.markings import MarkingVerdict
from dwell.report.summary_json import summary_dict

pytestmark = pytest.mark.slow

LAST = datetime(2021, 4, 1, tzinfo=UTC)


def _case(root: Path, name: str, mailboxes: int, month: int) -> tuple[Path, dict[str, Any]]:
    plan = DrillPlan(1, mailboxes, datetime(2021, month, 1, tzinfo=UTC), LAST, scenario(name))
    truth = write_drill(root / "evidence", root / "truth.json", plan)
    api.ingest(root / "case", [root / "evidence"], workers=1)
    api.hunt(root / "case", workers=1)
    return root / "case", truth


def _summary(case: Path) -> dict[str, Any]:
    return summary_dict(api.answers(case, workers=1).summary)


def test_a_shared_mailbox_an_assistant_abroad_moves_and_a_renumbering_expose_nobody(tmp_path: Path) -> None:
    case, truth = _case(tmp_path, "occasions", 40, 1)
    found = score(_summary(case), truth)
    assert (found.exposed, found.intrusions, found.hours_over) == (0, 0, 0)
    assert found.leads_budget is not None
    assert found.leads <= found.leads_budget


def test_a_penetration_test_is_an_intrusion_until_it_is_marked_as_ours(tmp_path: Path) -> None:
    case, truth = _case(tmp_path, "penetration-test", 30, 2)
    before = score(_summary(case), truth)
    assert (before.exposed, before.intrusions) == (12, 1)
    (ours,) = truth["innocent"]["ours"]
    wanted = Wanted(ours, MarkingVerdict.OURS, "a test that the house ordered", "the exercise")
    api.keep_marking(case, api.marking(case, wanted, workers=1))
    after = score(_summary(case), truth)
    assert (after.exposed, after.intrusions) == (0, 0)
