"""Rows of the answers that would be others without what a person marked or set: no input or output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["TABLES", "RestingRow", "RestingTable"]


class RestingTable(StrEnum):
    """The tables of the summary whose rows a person's word may change, by their keys."""

    INTRUSIONS = "intrusions"
    ENTRY = "entry"
    FOOTHOLD = "foothold"
    REACH = "reach"
    EVICTION = "eviction"


TABLES: Mapping[RestingTable, tuple[str, ...]] = {
    RestingTable.INTRUSIONS: ("id", "first_utc", "last_utc", "entry", "accounts", "mailboxes", "clients", "techniques"),
    RestingTable.ENTRY: ("host", "cve", "method", "outcome", "first_utc", "last_utc", "intrusion"),
    RestingTable.FOOTHOLD: ("kind", "host", "what", "first_utc", "state", "intrusion", "state_why"),
    RestingTable.REACH: ("system", "class", "verdict", "coverage", "why"),
    RestingTable.EVICTION: ("status", "key", "check", "why"),
}
"""The tables that are compared, with the columns by which they are; what is said beside a row is not compared."""


@dataclass(frozen=True, slots=True)
class RestingRow:
    """One row that rests on what a person says.

    Attributes:
        table: the table.
        place: the row's place in it, counted from 0; None for a row that is not told because of what a person says.
        was: column and text of what would be otherwise, the whole row where it is not told; nothing where the row is told
            only because of what a person says. Several values in a text stand apart by ` | `.
        by: the markings and settings, in words, any of which may be what it rests on.
    """

    table: RestingTable
    place: int | None
    was: tuple[tuple[str, str], ...]
    by: tuple[str, ...]
