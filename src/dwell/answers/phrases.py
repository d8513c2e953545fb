"""Turns of phrase that several answers use: counts, instants, spans, shares. English, plain."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from dwell.model.coverage import Coverage
from dwell.scope.investigation import Investigation

__all__ = ["count", "day", "instant", "listed", "percent", "span", "whole_span"]

LISTED_MAX = 6


def count(number: int, one: str, many: str | None = None) -> str:
    """Give a number with its noun: `1 mailbox`, `32 mailboxes`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def instant(at: datetime | None) -> str:
    """Give an instant to the second, UTC; "an unknown time" where there is none."""
    return "an unknown time" if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"


def day(at: datetime | None) -> str:
    """Give the day of an instant, UTC."""
    return "an unknown day" if at is None else f"{at:%Y-%m-%d}"


def span(first: datetime | None, last: datetime | None) -> str:
    """Give a span in days where it is longer than one, else to the second."""
    if first is not None and first == last:
        return f"at {instant(first)}"
    if first is not None and last is not None and (last - first).total_seconds() < 86_400:
        return f"between {instant(first)} and {instant(last)}"
    return f"between {day(first)} and {day(last)}"


def listed(names: Sequence[str], limit: int = LISTED_MAX) -> str:
    """Give names in a row, and how many more there are."""
    shown = ", ".join(names[:limit])
    return f"{shown} and {len(names) - limit} more" if len(names) > limit else shown


def percent(coverage: Coverage) -> str:
    """Give a coverage as a percentage; "nothing" where nothing was asked for or held."""
    share = coverage.share
    if share is None:
        return "no time at all"
    if coverage.hours_able and share < 0.001:
        return "under 0.1 %"
    if share < 1 and round(share * 100, 1) >= 100:
        return "over 99.9 %"
    return f"{share * 100:.1f} %".replace(".0 %", " %")


def whole_span(case: Investigation) -> tuple[int, int]:
    """Give the hours the case speaks of: from the first hour of any mail log to the hour after the last."""
    return case.ledger.first_hour, case.ledger.last_hour
