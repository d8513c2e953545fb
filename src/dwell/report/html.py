"""The report as one HTML file: no script, no address outside itself, the same bytes for the same input."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup

from dwell.model.claims import (
    Grade,
    Lead,
    MailboxExposure,
    Outcome,
    RuleOutcome,
    RuleStatus,
    Summary,
)
from dwell.model.coverage import CellState, CoverageDay
from dwell.model.instants import utc_text
from dwell.report import words
from dwell.report.coverage_calendar import ABSENT, OUTSIDE, Line, calendar, hours_rows
from dwell.report.extras import ReportExtras
from dwell.report.figures import expected_count, expected_false
from dwell.report.indicators import naming_text
from dwell.report.page import environment
from dwell.report.questions import parts
from dwell.report.summary_json import bits

__all__ = ["LEADS_MAX", "NO_SIGN_MAX", "html_report"]

INDICATORS_MAX = 200
"""Indicators that were met, on the page; the summary and the table of hits have all of them."""
LEADS_MAX = 200
"""Leads on the page; the summary and the table have all of them."""
NO_SIGN_MAX = 5_000
"""Mailboxes without a sign on the page, likewise."""

SEEN = (CellState.HELD, CellState.HELD_EMPTY)
"""States that never show in part: a day with records in some hours and silence in others is held."""


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """Rules that could not run, or not everywhere, for one and the same reason."""

    status: RuleStatus
    reason: str | None
    rules: tuple[RuleOutcome, ...]


def html_report(summary: Summary, days: tuple[CoverageDay, ...], extras: ReportExtras) -> str:
    """Give the report as a whole HTML document.

    Args:
        summary: everything the program has to say about the case.
        days: hours per state, day by day; the calendar is drawn from them.
        extras: evidence, custody, settings, and where the grounds lie.
    """
    return environment().get_template("report.html").render(_context(summary, days, extras)) + "\n"


def _context(summary: Summary, days: tuple[CoverageDay, ...], extras: ReportExtras) -> dict[str, object]:
    """Give every name that the templates use."""
    shown = {one.mailbox for one in summary.mailboxes if one.grade is not Grade.NO_SIGN or one.unmarked is not None}
    exposed = sorted((one for one in summary.mailboxes if one.mailbox in shown), key=_strength)
    no_sign = sorted((one for one in summary.mailboxes if one.mailbox not in shown), key=_strength)
    assumptions = list(dict.fromkeys(text for one in exposed for text in one.assumptions))
    leads = sorted(summary.leads, key=lambda one: (one.rank, one.mailbox, one.client))
    return {
        "summary": summary,
        "parts": parts(summary),
        "exposed": exposed,
        "no_sign": no_sign[:NO_SIGN_MAX],
        "no_sign_total": len(no_sign),
        "grade_counts": [(grade, sum(one.grade is grade for one in summary.mailboxes)) for grade in Grade],
        "assumptions": assumptions,
        "assumption_numbers": {text: number for number, text in enumerate(assumptions, start=1)},
        "calendar": calendar(days),
        "cells_of": _cells_of,
        "legend": _legend(),
        "hours_rows": hours_rows(days),
        "hypotheses": summary.hypotheses,
        "leads": [(one, bits(one.bits), expected_count(one.by_chance), _terms(one)) for one in leads[:LEADS_MAX]],
        "leads_total": len(leads),
        "expected_false": expected_false(summary),
        "rule_counts": [(status, sum(one.status is status for one in summary.rules)) for status in RuleStatus],
        "rules_hit": sorted((one for one in summary.rules if one.hits), key=lambda one: (-one.hits, _rule_key(one))),
        "rules_short": _rule_groups(summary.rules),
        "indicators": summary.indicators[:INDICATORS_MAX],
        "naming_text": naming_text,
        "evidence": extras.evidence,
        "custody": extras.custody,
        "settings": sorted({*summary.settings, *extras.settings}),
        "places": extras.places,
        "words": words,
        "outcomes": tuple(Outcome),
        "glossary": words.glossary(),
    }


def _strength(mailbox: MailboxExposure) -> tuple[int, str, str]:
    # an unknown instant sorts after the known ones of the same grade
    return mailbox.grade.rank, utc_text(mailbox.first_utc) or "~", mailbox.mailbox


def _terms(lead: Lead) -> list[tuple[str, float | None]]:
    return [(name, bits(value)) for name, value in lead.terms]


def _rule_key(rule: RuleOutcome) -> tuple[str, str, str]:
    return rule.title, rule.rule_id, rule.path


def _rule_groups(rules: Iterable[RuleOutcome]) -> list[RuleGroup]:
    found: dict[tuple[RuleStatus, str], list[RuleOutcome]] = defaultdict(list)
    for one in rules:
        if one.status is not RuleStatus.RAN:
            found[one.status, one.reason].append(one)
    order = {status: place for place, status in enumerate(RuleStatus)}
    return [
        RuleGroup(status, reason or None, tuple(sorted(found[status, reason], key=_rule_key)))
        for status, reason in sorted(found, key=lambda key: (order[key[0]], key[1]))
    ]


# The calendar has thousands of cells; each is one of a dozen, so they are made once.
_CELLS: dict[str, Markup] = {
    OUTSIDE: Markup('<td class="o">·</td>'),
    ABSENT: Markup("<td></td>"),
} | {
    letter: Markup('<td class="{}">{}</td>').format(f"c{capital.lower()}{'' if letter.isupper() else ' p'}", letter)
    for capital in words.CELL_LETTERS.values()
    for letter in (capital, capital.lower())
}


def _cells_of(line: Line) -> Markup:
    return Markup("").join(_CELLS[letter] for letter in line.cells)


def _legend() -> list[tuple[Markup, str, str]]:
    """Give for each state its cell as a whole and in part, its name and its meaning."""
    out = []
    for state, letter in words.CELL_LETTERS.items():
        in_part = ABSENT if state in SEEN else letter.lower()
        out.append((_CELLS[letter] + _CELLS[in_part], state.value, words.CELL_STATES[state]))
    return out
