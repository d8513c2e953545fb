"""The calendar of coverage: the worst state of a day, in part or whole, and finer steps only where there is room."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell.model.coverage import CoverageDay
from dwell.report.coverage_calendar import ABSENT, OUTSIDE, Step, calendar, hours_rows

Hours = tuple[int, int, int, int, int, int]


def day(at: date, hours: Hours = (24, 0, 0, 0, 0, 0), host: str = "EX01") -> CoverageDay:
    return CoverageDay(host, "iis", at, hours, 7)


def span(count: int, first: date = date(2019, 1, 1), host: str = "EX01") -> list[CoverageDay]:
    return [day(first + timedelta(number), host=host) for number in range(count)]


@pytest.mark.parametrize(
    ("hours", "letter"),
    [
        ((24, 0, 0, 0, 0, 0), "H"),
        ((1, 23, 0, 0, 0, 0), "H"),
        ((0, 24, 0, 0, 0, 0), "E"),
        ((0, 0, 24, 0, 0, 0), "M"),
        ((23, 0, 1, 0, 0, 0), "m"),
        ((0, 0, 0, 24, 0, 0), "T"),
        ((0, 12, 0, 12, 0, 0), "t"),
        ((0, 0, 0, 0, 24, 0), "A"),
        ((0, 0, 22, 1, 1, 0), "a"),
        ((0, 0, 1, 23, 0, 0), "m"),
        ((0, 0, 0, 0, 0, 24), "N"),
        ((0, 0, 0, 1, 0, 23), "t"),
        ((5, 0, 0, 0, 0, 0), "H"),
        ((0, 0, 0, 0, 0, 0), OUTSIDE),
    ],
)
def test_a_cell_shows_its_worst_state(hours: Hours, letter: str) -> None:
    (chart,) = calendar([day(date(2019, 1, 1), hours)]).charts
    assert chart.lines[0].cells[0] == letter


def test_days_that_do_not_exist_and_days_outside_are_told_apart() -> None:
    (chart,) = calendar(span(1, date(2019, 2, 28))).charts
    assert chart.lines[0].label == "2019-02"
    assert chart.lines[0].cells == (*(OUTSIDE,) * 27, "H", *(ABSENT,) * 3)
    (leap,) = calendar(span(1, date(2020, 2, 29))).charts
    assert leap.lines[0].cells[28:] == ("H", ABSENT, ABSENT)


def test_months_without_a_day_are_one_line() -> None:
    (chart,) = calendar([day(date(1601, 1, 1)), day(date(2019, 1, 1)), day(date(2019, 3, 1))]).charts
    assert [(one.label, len(one.cells)) for one in chart.lines] == [
        ("1601-01", 31),
        ("1601-02 to 2018-12", 0),
        ("2019-01", 31),
        ("2019-02", 0),
        ("2019-03", 31),
    ]


def test_weeks_and_then_months_take_the_place_of_days_where_there_are_too_many() -> None:
    days = span(800)
    assert calendar(days, 31 * 27).step is Step.DAY
    weeks = calendar(days, 31 * 27 - 1)
    assert (weeks.step, len(weeks.columns), [one.label for one in weeks.charts[0].lines]) == (
        Step.WEEK,
        53,
        ["2019", "2020", "2021"],
    )
    assert weeks.charts[0].lines[0].cells.count("H") == 52
    assert weeks.charts[0].lines[0].cells[52] == ABSENT
    assert weeks.charts[0].lines[1].cells.count("H") == 53
    months = calendar(days, 53 * 3 - 1)
    assert (months.step, months.charts[0].lines[0].cells) == (Step.MONTH, ("H",) * 12)
    assert calendar(days, 0).step is Step.MONTH


def test_a_week_with_one_bad_hour_says_so() -> None:
    days = [*span(6), day(date(2019, 1, 7), (23, 0, 1, 0, 0, 0)), day(date(2019, 2, 20))]
    assert calendar(days, 53).charts[0].lines[0].cells[:2] == ("H", "m")


def test_hosts_and_sources_stand_in_order_and_the_order_of_the_days_does_not_matter() -> None:
    days = [*span(3, host="EX02"), *span(3), CoverageDay("EX01", "ews", date(2019, 1, 1), (24, 0, 0, 0, 0, 0), 1)]
    charts = calendar(days).charts
    assert [(one.host, one.source) for one in charts] == [("EX01", "ews"), ("EX01", "iis"), ("EX02", "iis")]
    assert calendar(reversed(days)).charts == charts


def test_no_days_give_no_charts() -> None:
    assert calendar(()).charts == ()
    assert hours_rows(()) == ()


def test_the_twin_counts_by_month_and_by_year_where_that_is_too_much() -> None:
    rows = hours_rows(span(60))
    assert [(one.period, one.hours[0], one.records) for one in rows] == [
        ("2019-01", 31 * 24, 217),
        ("2019-02", 28 * 24, 196),
        ("2019-03", 24, 7),
    ]
    (year,) = hours_rows(span(60), rows_max=2)
    assert (year.period, year.hours[0], year.records) == ("2019", 60 * 24, 420)


@given(
    st.lists(
        st.builds(
            CoverageDay,
            st.sampled_from(["EX01", "EX02"]),
            st.sampled_from(["iis", "ews"]),
            st.dates(),
            st.tuples(*[st.integers(0, 24)] * 6),
            st.integers(0, 10**9),
        ),
        max_size=30,
    ),
    st.sampled_from([0, 200, 40_000]),
)
def test_no_hour_is_lost_and_every_line_is_full(days: list[CoverageDay], cells_max: int) -> None:
    made = calendar(days, cells_max)
    assert all(len(line.cells) in {0, len(made.columns)} for chart in made.charts for line in chart.lines)
    assert sum(sum(row.hours) for row in hours_rows(days)) == sum(sum(one.hours) for one in days)
    letters = sum(cell not in {OUTSIDE, ABSENT} for chart in made.charts for line in chart.lines for cell in line.cells)
    assert (letters > 0) == any(sum(one.hours) for one in days)
