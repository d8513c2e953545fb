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
            {"host": "EX02", "source": "iis", "held": 1_992, "missing": 168, "altered": 0},
            {"host": "EX02", "source": "evtx/Security", "held": 735, "missing": 0, "altered": 9},
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


def _with_grades() -> dict[str, Any]:
    """Give the truth with grades: eight of the quiet one, of which one no record bears, and one that both touched."""
    truth = deepcopy(TRUTH)
    quiet, loud = truth["intruders"]
    quiet["grades"] = {f"q{one}@m.example": "read" for one in range(7)} | {"q7@m.example": "no-record"}
    loud["grades"] = {"l@m.example": "listed", "q0@m.example": "named"}
    return truth


def test_grades_are_right_where_they_are_what_the_evidence_bears(perfect: dict[str, Any]) -> None:
    # all nine are told as read: q1 to q6 are; q0 is named by the other's acts, q7 nothing bears, l was listed only
    found = score(perfect, _with_grades())
    assert (found.grades_right, found.grades_known, found.quiet_borne) == (6, 9, 7)
    perfect["mailboxes"][0]["grade"] = "named"
    perfect["mailboxes"][8]["grade"] = "listed"
    perfect["mailboxes"][7]["grade"] = "no-sign"
    found = score(perfect, _with_grades())
    assert (found.grades_right, found.grades_known) == (8, 8)
    assert "8 of 8 found" in score_text(found)


def test_a_truth_without_grades_is_told_as_such(perfect: dict[str, Any]) -> None:
    found = score(perfect, TRUTH)
    assert (found.grades_right, found.grades_known, found.quiet_borne) == (0, 0, None)
    assert "grades" not in score_text(found)
    some = deepcopy(TRUTH)
    some["intruders"][0]["grades"] = {"q0@m.example": "read"}
    assert score(perfect, some).grades_known == 1, "of the others nothing is said"


def test_hours_told_wrongly_are_counted_in_both_directions(perfect: dict[str, Any]) -> None:
    truth = TRUTH | {
        "held_hours": {"EX01": {"iis": 100, "ews": 40}, "EX02": {"iis": 90, "owa": 7}, "M365": {"ual": 24}}
    }
    perfect["coverage"] = [
        {"host": "EX01", "source": "iis", "held": 97, "missing": 3},
        {"host": "EX01", "source": "ews", "held": 50, "missing": 0},
        {"host": "EX02", "source": "iis", "held": 90, "missing": 168},
        {"host": "EX02", "source": "unheard of", "held": 5},
        {"host": "m365", "source": "ual", "held": 23},
    ]
    found = score(perfect, truth)
    # 10 of the EWS log too many; 3 of IIS, 7 of a log that is not told of and 1 of the tenant's too few
    assert (found.hours, found.hours_over, found.hours_under) == (261, 10, 11)
    assert "10; covered and not told: 11, of 261" in score_text(found)


def test_leads_and_exposures_are_counted(perfect: dict[str, Any]) -> None:
    found = score(perfect | {"leads": [{}, {}, {}], "leads_budget": 40}, TRUTH)
    assert (found.exposed, found.leads, found.leads_budget) == (9, 3, 40)
    assert score(perfect, TRUTH).leads_budget is None
