"""Terms of surprise in worlds with nobody in them: each comes up no more often than its bits claim."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from benchmarks.calibration import ALLOWED, NAMES, WORLDS, allowed, exceeded, measured, told

from dwell.drill import DrillPlan, scenario

BITS = (3, 6, 9)
TOLD = {
    "nobody-undamaged": set(NAMES) - {"folders"},
    "cloud-nobody": set(NAMES) - {"authentication", "device", "folders", "server"},
}


@pytest.mark.parametrize("world", WORLDS)
def test_every_term_comes_up_no_more_often_than_it_claims_where_nobody_is(world: str, tmp_path: Path) -> None:
    plan = DrillPlan(5, 40, datetime(2021, 1, 1, tzinfo=UTC), datetime(2021, 4, 1, tzinfo=UTC), scenario(world))
    terms, visits = measured(plan, tmp_path)
    assert {name for name in NAMES if told(terms[name], visits)} == TOLD[world]
    ties = np.ones(len(visits))
    over = [
        (name, bits, share, limit)
        for name in TOLD[world]
        for weights in (visits, ties)
        for bits in BITS
        if (share := exceeded(terms[name], weights, bits)) > (limit := allowed(terms[name], weights, bits))
    ]
    assert not over
    raw = terms["(network)"]
    assert exceeded(raw, ties, 3) > allowed(raw, ties, 3), (
        "as it is made the term is worth nothing, and that is noticed"
    )


def test_what_is_not_told_is_in_no_share() -> None:
    values = np.array([np.nan, 0.0, 4.0, 9.0])
    weights = np.array([100.0, 1.0, 2.0, 1.0])
    assert told(values, weights) == 4
    assert exceeded(values, weights, 4) == 0.75
    assert exceeded(values, weights, 5) == 0.25
    assert exceeded(np.full(2, np.nan), np.ones(2), 0) == 0
    assert allowed(values, np.ones(4), 3) == pytest.approx(ALLOWED / 8 + 3 * (1 / 8 / 3) ** 0.5)
