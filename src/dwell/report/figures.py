"""Figures as a reader sees them: instants in UTC, counts with separators, coverage in percent. Unknown is a word."""

from __future__ import annotations

from datetime import datetime

from dwell.model.affected import Affected
from dwell.model.claims import Summary
from dwell.model.coverage import Coverage
from dwell.model.instants import utc_text

__all__ = [
    "UNKNOWN",
    "affected_short",
    "count",
    "expected_count",
    "expected_false",
    "formula",
    "instant",
    "percent",
    "size",
]

UNKNOWN = "unknown"


def instant(at: datetime | None) -> str:
    """Give an instant as `2019-04-12 02:14:07Z`."""
    text = utc_text(at)
    return UNKNOWN if text is None else text.replace("T", " ")


def count(number: float | None) -> str:
    """Give a number with thousands separated by commas."""
    return UNKNOWN if number is None else f"{number:,}"


def expected_count(number: float | None) -> str:
    """Give a number that is expected on average: to one digit, and what is less than that as such."""
    if number is None:
        return UNKNOWN
    return "under 0.1" if number < 0.05 else f"{number:,.1f}"


def expected_false(summary: Summary) -> str:
    """Say how many leads are expected to be false, by the case's own chance."""
    loose = [one for one in summary.leads if one.intrusion is None]
    room = "" if summary.leads_budget is None else f" (the budget has room for {count(summary.leads_budget)})"
    return (
        f"{count(len(summary.leads))} leads{room}, {count(len(loose))} of them in no intrusion; of these about "
        f"{expected_count(summary.leads_expected_false)} are expected to be false: by chance the case would have as many "
        "that are as surprising."
    )


def size(size_bytes: int | None) -> str:
    """Give a size in decimal units, to three digits; for orientation beside the exact number."""
    if size_bytes is None:
        return UNKNOWN
    value, unit = float(size_bytes), "B"
    for unit in ("B", "kB", "MB", "GB", "TB", "PB"):
        if abs(value) < 999.5 or unit == "PB":
            break
        value /= 1000
    return f"{value:.3g} {unit}" if abs(value) < 999.5 else f"{value:.0f} {unit}"


def percent(coverage: Coverage | None) -> str:
    """Give coverage in percent: the share is rounded down, so 100 says that no hour is missing; never down to 0."""
    share = None if coverage is None else coverage.share
    if coverage is None or share is None:
        return UNKNOWN
    if share <= 0.0 < coverage.hours_able:
        return "over 0 %"
    return f"{share * 100:.2f}".rstrip("0").rstrip(".") + " %"


def formula(coverage: Coverage) -> str:
    """Give the hours that the percentage was made of."""
    return f"{count(coverage.hours_able)} of {count(coverage.hours_asked)} host-hours"


def affected_short(found: Affected | None) -> str:
    """Give the persons affected as a range: `0-212`; `-` where no mailbox is exposed."""
    if found is None:
        return "-"
    if not found.determinable:
        return "not determinable"
    low, high = found.persons.low, found.persons.high
    return count(high) if low == high else f"{count(low)}-{count(high)}"
