"""Scoring an exercise: what counts as found, and what as a fault."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from dwell.drill import score, score_text

TRUTH: dict[str, Any] = {
    "intruders": [
        {
            "id": "quiet",
            "first_utc": "2019-04-11T03:00:00Z",
            "clients": ["100.80.1.14", "100.81.2.15"],
            "mailboxes": [f"q{one}@m.example" for one in range(8)],
        },
        {"id": "loud", "first_utc": "2021-03-03T02:00:00Z", "clients": ["100.71.9.44"], "mailboxes": ["l@m.example"]},
    ],
    "gaps": [
        {"kind": "missing", "host": "EX02", "source": "iis"},
        {"kind": "altered", "host": "EX02", "source": "evtx"},
    ],
}


@pytest.fixture
def perfect() -> dict[str, Any]:
    """Give the summary of an investigation that found everything."""
    quiet, loud = TRUTH["intruders"]
    _first, _second = "2019-04-12T03:00:00Z", "2021-03-03T02:00:00Z"
    return {
        "mailboxes": [{"mailbox": one, "grade": "read"} for one in (*quiet["mailboxes"], *loud["mailboxes"])]
        + [{"mailbox": "z@m.example", "grade": "no-sign"}],
        "intrusions": [
            {
                "id": "I1",
                "first_utc": "2019-04-12T03:00:00Z",
                "clients": ["100.80.1.0/24"],
                "mailboxes": quiet["mailboxes"],
            },
            {
                "id": "I2",
                "first_utc": "2021-03-03T02:00:00Z",
                "clients": ["100.71.9.44"],
                "mailboxes": loud["mailboxes"],
            },
        ],
        "coverage": [
            {"host": "EX02", "source": "iis", "missing": 168, "altered": 0},
            {"host": "EX02", "source": "evtx/Security", "missing": 0, "altered": 9},
        ],
    }


def test_everything_found_passes(perfect: dict[str, Any]) -> None:
    found = score(perfect, TRUTH)
    assert found.passed
    assert dict(found.first_error_days) == {"quiet": 1.0, "loud": 0.0}
    assert "passed" in score_text(found)


def test_one_innocent_mailbox_fails(perfect: dict[str, Any]) -> None:
    perfect["mailboxes"][-1]["grade"] = "opened"
    found = score(perfect, TRUTH)
    assert found.innocent_exposed == ("z@m.example",)
    assert not found.passed


def test_merged_intruders_fail(perfect: dict[str, Any]) -> None:
    merged = deepcopy(perfect)
    merged["intrusions"][0]["clients"].append("100.71.9.44")
    assert not score(merged, TRUTH).apart
    assert score(perfect, TRUTH).apart


def test_a_gap_that_coverage_does_not_show_fails(perfect: dict[str, Any]) -> None:
    perfect["coverage"][1]["altered"] = 0
    found = score(perfect, TRUTH)
    assert (found.gaps_found, found.passed) == (1, False)


@pytest.mark.parametrize(("lost", "passes"), [(1, True), (2, False)])
def test_seven_of_eight_is_enough_for_the_quiet_one(perfect: dict[str, Any], lost: int, passes: bool) -> None:
    perfect["mailboxes"] = perfect["mailboxes"][lost:]
    assert score(perfect, TRUTH).passed is passes


def test_an_intruder_not_found_has_no_error(perfect: dict[str, Any]) -> None:
    perfect["intrusions"] = perfect["intrusions"][:1]
    assert dict(score(perfect, TRUTH).first_error_days)["loud"] is None
