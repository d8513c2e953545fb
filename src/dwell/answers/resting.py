"""Which rows of the tables would be others without what a person marked or set: whoever gets one table sees it there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from dwell.model.coverage import Coverage
from dwell.model.instants import utc_text
from dwell.model.resting import TABLES, RestingRow, RestingTable

__all__ = ["resting_rows"]

Row = tuple[str, ...]
_KEYS: Mapping[RestingTable, tuple[str, ...]] = {
    RestingTable.INTRUSIONS: ("id",),
    RestingTable.ENTRY: ("host", "cve", "method"),
    RestingTable.FOOTHOLD: ("kind", "host", "what"),
    RestingTable.REACH: ("system", "class"),
    RestingTable.EVICTION: ("key",),
}
"""By what a row is known again."""
_NAMES = {"class": "system_class"}


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return utc_text(value) or ""
    if isinstance(value, Coverage):
        return "" if value.share is None else str(value.share)
    if isinstance(value, tuple):
        return " | ".join(map(str, value))
    return "" if value is None else str(value)


def _row(one: object, columns: Sequence[str]) -> Row:
    return tuple(_text(getattr(one, _NAMES.get(name, name))) for name in columns)


def resting_rows(
    now: Mapping[RestingTable, Sequence[object]], then: Mapping[RestingTable, Sequence[object]], by: Sequence[str]
) -> tuple[RestingRow, ...]:
    """Give the rows that would be others, table by table: those that are told, then those that are not.

    Args:
        now: what is found, by table.
        then: the same without any marking or setting.
        by: the markings and settings, in words.
    """
    out: list[RestingRow] = []
    for table, columns in TABLES.items():
        keys = [columns.index(name) for name in _KEYS[table]]
        told, others = ([_row(one, columns) for one in found[table]] for found in (now, then))
        known: dict[Row, list[Row]] = {}
        for row in others:
            known.setdefault(tuple(row[one] for one in keys), []).append(row)
        for place, row in enumerate(told):
            if row in others:
                continue
            alike = known.get(tuple(row[one] for one in keys), [])
            was = [
                (name, text)
                for name, text, mine in zip(columns, alike[0] if alike else row, row, strict=True)
                if text != mine
            ]
            out.append(RestingRow(table, place, tuple(was), tuple(by)))
        left = {tuple(row[one] for one in keys) for row in told}
        gone = [row for key, rows in known.items() if key not in left for row in rows]
        out += [RestingRow(table, None, tuple(zip(columns, row, strict=True)), tuple(by)) for row in gone]
    return tuple(out)
