"""Indicators that were met, as text and as JSON."""

from __future__ import annotations

from dwell.model.indicators import IndicatorMet, Naming
from dwell.model.instants import utc_text
from dwell.report.figures import instant
from dwell.safe.jsontext import Json

__all__ = ["indicator_object", "naming_object", "naming_text", "window_text"]


def naming_object(one: Naming) -> dict[str, Json]:
    """Give where a list names an indicator, as JSON."""
    return {
        "source": one.source,
        "place": one.place,
        "written": one.written,
        "label": one.label or None,
        "tlp": one.tlp or None,
        "valid_from": utc_text(one.valid_from),
        "valid_until": utc_text(one.valid_until),
    }


def window_text(one: Naming) -> str:
    """Give a window in words."""
    if one.valid_from is None and one.valid_until is None:
        return "no window"
    begins = f"from {instant(one.valid_from)}" if one.valid_from else ""
    ends = f"until {instant(one.valid_until)}" if one.valid_until else ""
    return " ".join(filter(None, ("valid", begins, ends)))


def naming_text(one: Naming) -> str:
    """Give where a list names an indicator, in one line."""
    place = f"line {one.place}" if one.place[:1].isdigit() else one.place
    marked = f", TLP:{one.tlp.upper()}" if one.tlp else ""
    return f"{one.source}, {place}{marked}, {window_text(one)}"


def indicator_object(one: IndicatorMet) -> dict[str, Json]:
    """Give an indicator that was met, as JSON."""
    return {
        "id": one.id,
        "title": one.title,
        "records": one.records,
        "windows": dict(one.windows),
        "tables": list(one.tables),
        "first_utc": utc_text(one.first_utc),
        "last_utc": utc_text(one.last_utc),
        "named_in": [naming_object(each) for each in one.named_in],
        "warning_lists": list(one.warning_lists),
    }
