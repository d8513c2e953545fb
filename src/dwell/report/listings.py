"""One table of the summary at a time, for the terminal, for CSV and for JSON: what the verbs named after them print."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from dwell.model.claims import Summary
from dwell.model.resting import TABLES, RestingRow
from dwell.report import hypotheses, tables, text
from dwell.report.intrusions import intrusions_text
from dwell.report.summary_json import summary_dict
from dwell.safe.jsontext import Json
from dwell.safe.sheet import Cell, csv_text

__all__ = ["LISTINGS", "Listing"]

RESTING = ("rests_on", "without_it")
"""Columns of the tables that a person's word may change: by what, and what the row would be without."""
NOT_TOLD = "not told"
TAKEN_AWAY = "told as in this row: what a person says takes it out of the table"


@dataclass(frozen=True, slots=True)
class Listing:
    """A table of the summary.

    Attributes:
        rows: the rows as in the JSON contract.
        csv: the rows as CSV.
        text: the rows as an aligned table.
    """

    rows: Callable[[Summary], list[dict[str, Json]]]
    csv: Callable[[Summary], str]
    text: Callable[[Summary], str]


def _cell(value: Json) -> Cell:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return str(value)
    if isinstance(value, Mapping):
        return " | ".join(f"{key} {_cell(one)}" for key, one in value.items())
    return " | ".join(str(_cell(one)) for one in value)


def _plain(
    key: str,
    columns: tuple[str, ...],
    shown_columns: tuple[str, ...] = (),
    own_text: Callable[[Summary], str] | None = None,
) -> Listing:
    """Make the listing of a table that has no form of its own; the terminal may show fewer columns than CSV."""

    def rows(summary: Summary) -> list[dict[str, Json]]:
        found = summary_dict(summary)[key]
        return [dict(one) for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []

    def csv(summary: Summary) -> str:
        body = [[_cell(row[name]) for name in columns] for row in rows(summary)]
        if key not in TABLES:
            return csv_text(columns, body)
        return csv_text(
            (*columns, *RESTING), _with_resting(columns, body, [one for one in summary.resting if one.table == key])
        )

    def shown(summary: Summary) -> str:
        some = shown_columns or columns
        return text.aligned(some, [[_cell(row[name]) for name in some] for row in rows(summary)])

    return Listing(rows, csv, own_text or shown)


def _with_resting(columns: tuple[str, ...], body: list[list[Cell]], resting: Sequence[RestingRow]) -> list[list[Cell]]:
    """Put beside each row what it rests on, and below them the rows that are not told because of what a person says."""
    beside = {one.place: one for one in resting}
    out: list[list[Cell]] = []
    for place, row in enumerate(body):
        one = beside.get(place)
        was = None if one is None else " | ".join(f"{column} {text}" for column, text in one.was) or NOT_TOLD
        out.append([*row, " | ".join(one.by) if one is not None else None, was])
    for one in resting:
        if one.place is None:
            told = dict(one.was)
            out.append([*(told.get(name) or None for name in columns), " | ".join(one.by), TAKEN_AWAY])
    return out


LISTINGS: Mapping[str, Listing] = {
    "mailboxes": Listing(tables.mailboxes_rows, tables.mailboxes_csv, text.mailboxes_text),
    "coverage": Listing(tables.coverage_rows, tables.coverage_csv, text.coverage_text),
    "leads": Listing(tables.leads_rows, tables.leads_csv, text.leads_text),
    "hypotheses": Listing(hypotheses.hypotheses_rows, hypotheses.hypotheses_csv, hypotheses.hypotheses_text),
    "intrusions": _plain(
        "intrusions",
        ("id", "first_utc", "last_utc", "entry", "accounts", "mailboxes", "clients", "techniques", "links", "against"),
        own_text=intrusions_text,
    ),
    "reach": _plain("reach", ("system", "class", "verdict", "coverage", "why")),
    "eviction": _plain(
        "eviction",
        ("status", "key", "check", "why", "extent", "looked", "decides", "export"),
        ("status", "check", "why"),
    ),
    "entry": _plain("entry", ("host", "cve", "method", "outcome", "first_utc", "last_utc", "intrusion")),
    "learned": _plain("learned", ("kind", "name", "why")),
    "departures": _plain(
        "departures",
        (
            "account",
            "kinds",
            "after_utc",
            "by_utc",
            "back_utc",
            "until_utc",
            "sessions",
            "first_use_utc",
            "last_use_utc",
            "clients",
            "opened_by",
            "signs",
            "against",
        ),
        ("account", "kinds", "after_utc", "by_utc", "back_utc", "sessions", "first_use_utc", "last_use_utc"),
    ),
    "foothold": _plain("foothold", ("kind", "host", "what", "first_utc", "state", "intrusion", "state_why")),
}
"""By the key of the JSON contract."""
