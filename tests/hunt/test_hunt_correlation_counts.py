"""Correlations that count: what no window with a record can have is said, and hides nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.hunt.test_hunt_correlations import correlation, line, outcome, ran, rule, shown

from dwell.model.claims import RuleStatus


@pytest.mark.parametrize(
    "condition",
    [{"eq": 0}, {"lt": 1}, {"lte": 0.5}, {"gt": 1, "lt": 2}, {"gte": 1, "lt": 2, "neq": 1}, {"eq": 2.5}, {"lte": -3}],
    ids=str,
)
@pytest.mark.parametrize("kind", ["event_count", "value_count"])
def test_a_count_that_no_window_has_is_unsupported_and_hides_nothing(
    tmp_path: Path, kind: str, condition: dict[str, float]
) -> None:
    asked = {"field": "c-ip", **condition} if kind == "value_count" else condition
    found = ran(tmp_path, [line("/one/", 0)], rule("one"), correlation(type=kind, condition=asked))
    assert outcome(found, "correlation 1").status is RuleStatus.UNSUPPORTED
    assert "holds for no window with a record" in outcome(found, "correlation 1").reason
    assert "shown by" not in outcome(found, "rule one").reason
    assert shown(found) == {"rule one"}


@pytest.mark.parametrize(
    "condition", [{"lt": 2}, {"neq": 1}, {"gte": 0}, {"gt": 0.5, "lt": 1.5}, {"neq": 2, "lt": 3}], ids=str
)
def test_a_count_that_some_window_has_runs(tmp_path: Path, condition: dict[str, float]) -> None:
    found = ran(tmp_path, [line("/one/", 0)], rule("one"), correlation(condition=condition))
    assert outcome(found, "correlation 1").status is RuleStatus.RAN
