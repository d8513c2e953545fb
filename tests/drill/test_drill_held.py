"""The hours that logs truly cover, counted by hand for three months of the exercise."""

from __future__ import annotations

from datetime import UTC, date, datetime

from dwell.drill.held import held_hours
from dwell.drill.people import DrillPlan
from dwell.drill.scenario import Scenario

MARCH = date(2021, 3, 1)


def _plan(scenario: Scenario) -> DrillPlan:
    return DrillPlan(1, 4, datetime(2021, 1, 1, tzinfo=UTC), datetime(2021, 4, 1, tzinfo=UTC), scenario)


def test_a_month_of_exchange_and_three_of_iis() -> None:
    # 31 + 28 + 31 days; the Security log of the second server was cleared nine days and four hours before the end
    held = held_hours(_plan(Scenario()), MARCH, [], {})
    assert held == {
        "EX01": {
            "iis": 2_160, "httpproxy": 744, "ews": 744, "evtx/Security": 744, "evtx/MSExchange Management": 2_160,
        },
        "EX02": {
            "iis": 2_160, "httpproxy": 744, "ews": 744, "evtx/Security": 220, "evtx/MSExchange Management": 2_160,
        },
        "M365": {"ual": 744},
    }  # fmt: skip


def test_a_log_that_was_cleared_begins_there_and_holds_what_follows() -> None:
    # on 28 January: 19 whole hours of that day, the rest of January, February and March
    wiped = dict.fromkeys(("EX01", "EX02"), datetime(2021, 1, 28, 4, 28, 56, tzinfo=UTC))
    held = held_hours(_plan(Scenario()), MARCH, [], {}, wiped)
    assert held["EX01"]["evtx/Security"] == 19 + 3 * 24 + 59 * 24
    assert held["EX02"]["evtx/Security"] == 220


def test_an_hour_that_lost_a_line_is_not_covered() -> None:
    gaps = [
        {"host": "EX02", "source": "iis", "from_utc": "2021-02-06T00:00:00Z", "to_utc": "2021-02-13T00:00:00Z"},
        {"host": "EX01", "source": "iis", "from_utc": "2021-01-31T13:16:47Z", "to_utc": "2021-02-01T00:00:00Z"},
        {"host": "EX02", "source": "evtx", "from_utc": "2021-03-01T00:00:00Z", "to_utc": "2021-03-22T20:00:00Z"},
    ]
    taken = {"EX01": {datetime(2021, 1, 31, 14, tzinfo=UTC), datetime(2021, 2, 3, 5, tzinfo=UTC)}}
    held = held_hours(_plan(Scenario()), MARCH, gaps, taken)
    assert held["EX02"]["iis"] == 2_160 - 168
    assert held["EX01"]["iis"] == 2_160 - 11 - 1, "13 to 23 o'clock, and one hour more of which a line is gone"
    assert held["EX02"]["evtx/Security"] == 220


def test_what_is_not_handed_over_is_not_there() -> None:
    held = held_hours(_plan(Scenario(without=("iis", "evtx", "ual"), kept=("ews",))), MARCH, [], {})
    assert held == {one: {"httpproxy": 744, "ews": 2_160} for one in ("EX01", "EX02")}
    cloud = Scenario(cloud=True, without=("iis", "httpproxy", "ews", "evtx"))
    assert held_hours(_plan(cloud), MARCH, [], {}) == {"EX01": {}, "EX02": {}, "M365": {"ual": 2_160}}
    owa = held_hours(_plan(Scenario(service_logs=True, kept=("owa",))), MARCH, [], {})
    assert (owa["EX01"]["owa"], held_hours(_plan(Scenario(service_logs=True)), MARCH, [], {})["EX01"]["owa"]) == (
        2_160,
        744,
    )
