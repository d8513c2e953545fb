"""The calendar of coverage: one letter for each day of each host and source, and its twin in hours.

A cell shows the worst of its hours: altered before missing, truncated, not recorded, held and empty, held. The letter is
a capital where the whole cell is in that state and small where only part of it is; a day with records in some hours and
a running, silent source in the others is held. Weeks (ISO 8601) take the place of days, and months that of weeks, where
the calendar would have more than `CELLS_MAX` cells.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from dwell.model.coverage import CellState, CoverageDay
from dwell.report.words import CELL_LETTERS

__all__ = ["ABSENT", "CELLS_MAX", "OUTSIDE", "Calendar", "Chart", "HoursRow", "Line", "Step", "calendar", "hours_rows"]

CELLS_MAX = 40_000
ROWS_MAX = 1_500
"""The twin has a row for each month; for each year where that would be more rows than this."""

OUTSIDE = "-"
"""A cell that the ledger does not speak of."""
ABSENT = ""
"""No such day, as 30 February."""

Hours = tuple[int, int, int, int, int, int]
Key = tuple[int, int]

_STATES = tuple(CellState)
_WORST_FIRST = (CellState.ALTERED, CellState.MISSING, CellState.TRUNCATED, CellState.NOT_RECORDED)


class Step(StrEnum):
    """What one cell of the calendar stands for."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart: a month of days, or a year of weeks or months.

    Attributes:
        label: the month or year.
        cells: a letter each, or `OUTSIDE`, or `ABSENT`; none at all where the ledger says nothing of several lines.
    """

    label: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """The lines of one host and source, oldest first."""

    host: str
    source: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Calendar:
    """All charts.

    Attributes:
        step: what one cell stands for.
        columns: heads of the columns.
        charts: by host and source.
    """

    step: Step
    columns: tuple[str, ...]
    charts: tuple[Chart, ...]


@dataclass(frozen=True, slots=True)
class HoursRow:
    """Hours per state of one host and source in one month or year; the calendar's twin in figures."""

    host: str
    source: str
    period: str
    hours: Hours
    records: int


def _day_key(day: date) -> tuple[Key, int]:
    return (day.year, day.month), day.day


def _week_key(day: date) -> tuple[Key, int]:
    year, week, _ = day.isocalendar()
    return (year, 1), week


def _month_key(day: date) -> tuple[Key, int]:
    return (day.year, 1), day.month


_STEPS: tuple[tuple[Step, int, Callable[[date], tuple[Key, int]]], ...] = (
    (Step.DAY, 31, _day_key),
    (Step.WEEK, 53, _week_key),
    (Step.MONTH, 12, _month_key),
)
"""Finest first: the step, cells a line, and where a day goes."""


def calendar(days: Iterable[CoverageDay], cells_max: int = CELLS_MAX) -> Calendar:
    """Draw the calendar in the finest step that keeps to the number of cells; the coarsest is drawn whatever it takes."""
    by_line: dict[tuple[str, str], list[CoverageDay]] = defaultdict(list)
    for one in sorted(days):
        by_line[one.host, one.source].append(one)
    for step, width, key_of in _STEPS:
        lines = sum(len({key_of(one.day)[0] for one in found}) for found in by_line.values())
        if lines * width <= cells_max or step is Step.MONTH:
            break
    charts = tuple(Chart(host, source, _lines(found, step, width, key_of)) for (host, source), found in by_line.items())
    return Calendar(step, tuple(str(number + 1) for number in range(width)), charts)


def _lines(
    days: Sequence[CoverageDay], step: Step, width: int, key_of: Callable[[date], tuple[Key, int]]
) -> tuple[Line, ...]:
    cells: dict[Key, dict[int, Hours]] = defaultdict(dict)
    for one in days:
        key, column = key_of(one.day)
        cells[key][column] = _add(cells[key].get(column), one.hours)
    out: list[Line] = []
    before: Key | None = None
    for key in sorted(cells):
        if before is not None and (gap := _gap(before, key, step)):
            out.append(Line(gap, ()))
        out.append(Line(_label(key, step), _cells(cells[key], key, step, width)))
        before = key
    return tuple(out)


def _add(one: Hours | None, other: Hours) -> Hours:
    if one is None:
        return other
    a, b, c, d, e, f = (x + y for x, y in zip(one, other, strict=True))
    return a, b, c, d, e, f


def _label(key: Key, step: Step) -> str:
    return f"{key[0]:04}-{key[1]:02}" if step is Step.DAY else f"{key[0]:04}"


def _number(key: Key, step: Step) -> int:
    return key[0] * 12 + key[1] - 1 if step is Step.DAY else key[0]


def _key(number: int, step: Step) -> Key:
    return (number // 12, number % 12 + 1) if step is Step.DAY else (number, 1)


def _gap(before: Key, after: Key, step: Step) -> str:
    """Give the lines left out between two, as a label; empty where there are none."""
    first, last = _number(before, step) + 1, _number(after, step) - 1
    if first > last:
        return ""
    labels = [_label(_key(one, step), step) for one in (first, last)]
    return labels[0] if first == last else f"{labels[0]} to {labels[1]}"


def _cells(found: Mapping[int, Hours], key: Key, step: Step, width: int) -> tuple[str, ...]:
    there = _columns(key, step)
    return tuple(
        _letter(found[column]) if column in found else OUTSIDE if column <= there else ABSENT
        for column in range(1, width + 1)
    )


def _columns(key: Key, step: Step) -> int:
    """Give how many of a line's columns exist: days of the month, weeks or months of the year."""
    year, month = key
    if step is Step.MONTH:
        return 12
    if step is Step.WEEK:
        return date(year, 12, 28).isocalendar().week
    if month == 12:
        return 31
    return (date(year, month + 1, 1) - date(year, month, 1)).days


def _letter(hours: Hours) -> str:
    """Give the letter of the worst state; capital where every hour is in it."""
    total = sum(hours)
    for state in _WORST_FIRST:
        if count := hours[_STATES.index(state)]:
            letter = CELL_LETTERS[state]
            return letter if count == total else letter.lower()
    held, empty, *_ = hours
    if held:
        return CELL_LETTERS[CellState.HELD]
    return CELL_LETTERS[CellState.HELD_EMPTY] if empty else OUTSIDE


def hours_rows(days: Iterable[CoverageDay], rows_max: int = ROWS_MAX) -> tuple[HoursRow, ...]:
    """Give hours per state by month, or by year where that would be too many rows."""
    listed = list(days)
    by_month = _periods(listed, lambda day: f"{day.year:04}-{day.month:02}")
    return by_month if len(by_month) <= rows_max else _periods(listed, lambda day: f"{day.year:04}")


def _periods(days: Iterable[CoverageDay], period_of: Callable[[date], str]) -> tuple[HoursRow, ...]:
    hours: dict[tuple[str, str, str], Hours] = {}
    records: dict[tuple[str, str, str], int] = defaultdict(int)
    for one in days:
        key = one.host, one.source, period_of(one.day)
        hours[key] = _add(hours.get(key), one.hours)
        records[key] += one.records
    return tuple(HoursRow(*key, hours[key], records[key]) for key in sorted(hours))
