"""Mailboxes, coverage and leads as CSV, and as rows for JSON and JSON Lines.

A CSV file holds one header line and rows, nothing else: no comment above them, which no reader of CSV expects. The case,
the number of rows and the zone are told by the caller and by the column names (`…_utc`). What is unknown is an empty
cell, several values in a cell stand apart by ` | `, and shares and bits keep their decimal point. The InternetMessageIds
of a mailbox are counted here; the JSON rows have them all. The JSON rows are those of the summary's contract.
"""

from __future__ import annotations

from collections.abc import Iterable

from dwell.model.affected import Affected
from dwell.model.claims import Lead, MailboxExposure, Summary
from dwell.model.coverage import Coverage, CoverageRow
from dwell.model.departures import Departure
from dwell.model.explanations import Side
from dwell.model.instants import utc_text
from dwell.report.summary_json import bits, coverage_object, lead_object, mailbox_object
from dwell.safe.jsontext import Json
from dwell.safe.sheet import Cell, csv_text

__all__ = ["coverage_csv", "coverage_rows", "leads_csv", "leads_rows", "mailboxes_csv", "mailboxes_rows"]

MAILBOX_COLUMNS = (
    "mailbox",
    "grade",
    "intrusions",
    "first_utc",
    "last_utc",
    "sessions",
    "messages",
    "message_ids_named",
    "folders",
    "bytes",
    "bytes_source",
    "clients",
    "coverage",
    "hours_able",
    "hours_asked",
    "coverage_sources",
    "assumptions",
    "marked",
    "grade_unmarked",
    "vip",
    "systems",
    "left",
    "left_after_utc",
    "left_by_utc",
    "bytes_low",
    "bytes_high",
    "bytes_assumptions",
    "affected_low",
    "affected_high",
    "affected_inside_low",
    "affected_inside_high",
    "affected_outside_low",
    "affected_outside_high",
    "affected_messages_low",
    "affected_messages_high",
    "affected_sources",
    "affected_assumptions",
    "affected_decides",
)
COVERAGE_COLUMNS = (
    "host",
    "source",
    "first_utc",
    "last_utc",
    "held",
    "held_empty",
    "missing",
    "truncated",
    "altered",
    "not_recorded",
    "reasons",
)
LEAD_COLUMNS = (
    "rank", "mailbox", "client", "first_utc", "last_utc", "bits", "terms", "intrusion", "against", "system",
    "system_accounts", "system_bits", "by_chance", "hostile_bits", "innocent", "hostile", "decides",
)  # fmt: skip


def mailboxes_rows(summary: Summary) -> list[dict[str, Json]]:
    """Give the mailboxes as in the JSON summary."""
    return [mailbox_object(one) for one in summary.mailboxes]


def coverage_rows(summary: Summary) -> list[dict[str, Json]]:
    """Give the hours per host and source as in the JSON summary."""
    return [coverage_object(one) for one in summary.coverage]


def leads_rows(summary: Summary) -> list[dict[str, Json]]:
    """Give the leads as in the JSON summary."""
    return [lead_object(one) for one in summary.leads]


def mailboxes_csv(summary: Summary) -> str:
    """Give the mailboxes as CSV."""
    return csv_text(MAILBOX_COLUMNS, (_mailbox(one) for one in summary.mailboxes))


def coverage_csv(summary: Summary) -> str:
    """Give the hours per host and source as CSV."""
    return csv_text(COVERAGE_COLUMNS, (_coverage(one) for one in summary.coverage))


def leads_csv(summary: Summary) -> str:
    """Give the leads as CSV."""
    return csv_text(LEAD_COLUMNS, (_lead(one) for one in summary.leads))


def _joined(texts: Iterable[str]) -> str:
    return " | ".join(texts)


def _number(value: float | None) -> Cell:
    return None if value is None else str(value)


def _hours(coverage: Coverage | None) -> tuple[Cell, Cell, Cell, Cell]:
    if coverage is None:
        return None, None, None, None
    return _number(coverage.share), coverage.hours_able, coverage.hours_asked, _joined(coverage.sources)


def _mailbox(one: MailboxExposure) -> tuple[Cell, ...]:
    return (
        one.mailbox,
        one.grade.value,
        _joined(one.intrusions),
        utc_text(one.first_utc),
        utc_text(one.last_utc),
        one.sessions,
        one.messages,
        len(one.message_ids) or None,
        _joined(one.folders),
        one.bytes,
        one.bytes_source,
        _joined(one.clients),
        *_hours(one.coverage),
        _joined(one.assumptions),
        _joined(one.marked),
        one.unmarked.value if one.unmarked is not None else None,
        str(one.vip),
        _joined(one.systems),
        *_left(one.left),
        one.bytes_range.low,
        one.bytes_range.high,
        _joined(one.bytes_assumptions),
        *_affected(one.affected),
    )


def _affected(one: Affected | None) -> tuple[Cell, ...]:
    """Give the estimate of persons affected; empty where the mailbox was not exposed, or nothing held tells."""
    if one is None:
        return (None,) * 11
    ranges = (one.persons, one.inside, one.outside, one.messages)
    sizes = [size for found in ranges for size in (found.low, found.high)]
    return (*sizes, _joined(one.sources), _joined(one.assumptions), one.decides or None)


def _left(one: Departure | None) -> tuple[Cell, Cell, Cell]:
    return (None, None, None) if one is None else (one.told, utc_text(one.after_utc), utc_text(one.by_utc))


def _coverage(one: CoverageRow) -> tuple[Cell, ...]:
    return (
        one.host,
        one.source,
        utc_text(one.first_utc),
        utc_text(one.last_utc),
        one.held,
        one.held_empty,
        one.missing,
        one.truncated,
        one.altered,
        one.not_recorded,
        _joined(f"{hours} h: {reason}" for reason, hours in one.reasons),
    )


def _lead(one: Lead) -> tuple[Cell, ...]:
    return (
        one.rank,
        one.mailbox,
        one.client,
        utc_text(one.first_utc),
        utc_text(one.last_utc),
        _number(bits(one.bits)),
        _joined(f"{name} {'unknown' if bits(value) is None else bits(value)}" for name, value in one.terms),
        one.intrusion,
        _joined(one.against),
        one.system or None,
        one.system_accounts,
        _number(None if one.system_bits is None else bits(one.system_bits)),
        _number(one.by_chance),
        _number(None if one.hostile_bits is None else bits(one.hostile_bits)),
        *_sides(one),
        _joined(one.decides),
    )


def _sides(lead: Lead) -> tuple[Cell, Cell]:
    """Give the likeliest innocent explanation and the likeliest hostile one."""
    innocent, hostile = (lead.likeliest(one) for one in Side)
    if innocent is None or hostile is None:
        return None, None
    return innocent.told, hostile.told
