"""The answers and the tables for a terminal: plain lines, aligned by the cells that characters take, no colour."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from rich.cells import cell_len

from dwell.model.claims import Claim, Grade, Lead, MailboxExposure, Summary
from dwell.model.explanations import Explanation, Side
from dwell.report.figures import (
    UNKNOWN,
    affected_short,
    count,
    expected_count,
    expected_false,
    formula,
    instant,
    percent,
)
from dwell.report.hypotheses import board_lines
from dwell.report.questions import parts
from dwell.report.summary_json import bits
from dwell.safe.terminal import terminal, terminal_limited

__all__ = ["aligned", "answers_text", "coverage_text", "leads_text", "mailboxes_text"]

WIDTH_MIN = 40
CELL_MAX = 60
"""Characters of evidence text in one cell; how many were cut is said, and CSV and JSON have them all."""
CLAIM_MAX = 2_000
HOSTILE_OR_NOT = (
    "Hostile or not: log2 of how likely what was observed is under the hostile explanations, over how likely it is under "
    "the innocent ones; how common either is, is not in it (dwell why lead-1 tells more)."
)


def answers_text(summary: Summary, width: int = 100) -> str:
    """Give the seven questions, each with its verdict and its claims.

    Args:
        summary: everything the program has to say about the case.
        width: cells a line; at least 40 are taken.
    """
    wide = max(width, WIDTH_MIN)
    case = summary.case
    copies = f"{count(case.copies)} copies of records counted once, " if case.copies else ""
    read = (
        f"{count(case.evidence_files)} evidence files, {count(case.records)} records, "
        f"{count(case.anomalies)} unreadable stretches, {copies}{instant(case.first_utc)} to {instant(case.last_utc)}"
    )
    lines = _wrapped(f"{_shown(case.name)} · dwell {terminal(summary.version)}", wide, "")
    lines += _wrapped(f"Read: {read}", wide, "")
    for part in parts(summary):
        lines += ["", *_wrapped(f"{part.number}. {part.question}", wide, "   ", first="")]
        lines += _wrapped(_shown(part.verdict), wide, "   ")
        for claim in part.claims:
            lines += _claim(claim, wide)
    lines += board_lines(summary, wide)
    return "\n".join(lines) + "\n"


def mailboxes_text(summary: Summary) -> str:
    """Give the mailboxes as an aligned table, as the summary orders them; who left stands there where anybody did."""
    left = any(one.left is not None for one in summary.mailboxes)
    head = (
        "mailbox",
        "VIP",
        "grade",
        "intrusions",
        "first",
        "last",
        "sessions",
        "messages",
        "bytes",
        "coverage",
        "persons affected",
        "clients",
    )
    rows = [
        (
            _cell(one.mailbox),
            "yes" if one.vip else "-",
            _grade(one),
            _several(one.intrusions),
            _seen(one, instant(one.first_utc)),
            _seen(one, instant(one.last_utc)),
            count(one.sessions),
            _seen(one, count(one.messages)),
            _seen(one, count(one.bytes)),
            percent(one.coverage),
            affected_short(one.affected),
            _several(one.clients),
            *((_cell(one.left.told) if one.left is not None else "-",) if left else ()),
        )
        for one in summary.mailboxes
    ]
    return _table((*head, "left") if left else head, rows, right={6, 7, 8, 9, 10})


def coverage_text(summary: Summary) -> str:
    """Give the hours in each state, per host and source, as an aligned table."""
    head = (
        "host",
        "source",
        "from",
        "to",
        "held",
        "held-empty",
        "missing",
        "truncated",
        "altered",
        "not-recorded",
        "reasons",
    )
    rows = [
        (
            _cell(one.host),
            _cell(one.source),
            instant(one.first_utc),
            instant(one.last_utc),
            *map(count, (one.held, one.held_empty, one.missing, one.truncated, one.altered, one.not_recorded)),
            _several(tuple(f"{hours} h: {reason}" for reason, hours in one.reasons)),
        )
        for one in summary.coverage
    ]
    return _table(head, rows, right=set(range(4, 10))) + _instants_text(summary)


def _instants_text(summary: Summary) -> str:
    """Say how records came by their instants, below the table."""
    told = [
        f"{_cell(one.host)} {_cell(one.source)}: {words} ({count(records)} records)"
        for one in summary.coverage
        for words, records in one.instants
    ]
    return "\nInstants:\n" + "".join(f"  {terminal(one)}\n" for one in told) if told else ""


def leads_text(summary: Summary) -> str:
    """Give the leads as an aligned table, most surprising first, under how many of them are expected to be false."""
    told = any(one.system for one in summary.leads)
    head = (
        "rank", "bits", "by chance", "mailbox", "client", "first", "last", "intrusion", "hostile or not", "innocent",
        "hostile", "terms",
    )  # fmt: skip
    rows = [
        (
            count(one.rank),
            _bits(one.bits),
            expected_count(one.by_chance),
            _cell(one.mailbox),
            _cell(one.client),
            instant(one.first_utc),
            instant(one.last_utc),
            _cell(one.intrusion) if one.intrusion else "-",
            "-" if one.hostile_bits is None else f"{one.hostile_bits:+.1f}",
            *(_side(one.likeliest(side)) for side in Side),
            ", ".join(f"{_cell(name)} {_bits(value)}" for name, value in one.terms) or "-",
            *((_system(one),) if told else ()),
        )
        for one in summary.leads
    ]
    table = _table((*head, "system") if told else head, rows, right={0, 1, 2})
    return f"{expected_false(summary)} {HOSTILE_OR_NOT}\n{table}"


def aligned(head: Sequence[str], rows: Iterable[Sequence[str | int | None]]) -> str:
    """Give any table aligned; evidence text made harmless and cut to `CELL_MAX`, unknown told as such."""
    return _table(head, [[_cell(str(one)) if one not in {None, ""} else UNKNOWN for one in row] for row in rows], set())


def _shown(text: str | None) -> str:
    return terminal_limited(text, CLAIM_MAX) if text else UNKNOWN


def _cell(text: str | None) -> str:
    return terminal_limited(text, CELL_MAX) if text else UNKNOWN


def _several(texts: Sequence[str]) -> str:
    """Give the first of several values and how many more there are."""
    if not texts:
        return "-"
    more = f" (+{count(len(texts) - 1)})" if len(texts) > 1 else ""
    return _cell(texts[0]) + more


def _grade(mailbox: MailboxExposure) -> str:
    """Give the grade, and beside it the one that it would be if nobody had marked anything."""
    other = f" (without markings: {mailbox.unmarked.value})" if mailbox.unmarked is not None else ""
    return mailbox.grade.value + other


def _seen(mailbox: MailboxExposure, text: str) -> str:
    """Where there is no sign there is nothing to be unknown: no act was seen."""
    return "none seen" if text == UNKNOWN and mailbox.grade is Grade.NO_SIGN else text


def _system(lead: Lead) -> str:
    """Give the autonomous system, and how many accounts the agent is foreign to from several networks of it."""
    if not lead.system:
        return "-"
    more = f"; agent foreign to {count(lead.system_accounts)} accounts there" if lead.system_accounts else ""
    worth = f" ({_bits(lead.system_bits)} bits, in no sum)" if lead.system_bits is not None else ""
    return f"{_cell(lead.system)}{more}{worth}"


def _side(one: Explanation | None) -> str:
    """Give an explanation in short: what stands before the colon of its name, and its bits."""
    return "-" if one is None else f"{_cell(one.name.partition(':')[0].partition(',')[0])} {one.bits:+.1f}"


def _bits(value: float) -> str:
    rounded = bits(value)
    return UNKNOWN if rounded is None else f"{rounded:.2f}"


def _wrapped(text: str, width: int, indent: str, first: str | None = None) -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_on_hyphens=False,
    )


def _claim(claim: Claim, width: int) -> list[str]:
    lines = _wrapped(f"[{claim.grade.value}] {_shown(claim.text)} ({_cell(claim.id)})", width, "     ", first="   - ")
    lines += _wrapped(f"coverage: {_coverage_words(claim)}", width, "       ", first="     ")
    for limit in claim.against:
        lines += _wrapped(f"against: {_shown(limit)}", width, "       ", first="     ")
    if claim.estimate is not None:
        lines += _wrapped(f"judged: {claim.estimate.told}", width, "       ", first="     ")
    for head, texts in (("assumes", claim.assumptions), ("would change it", claim.would_change)):
        if texts:
            lines += _wrapped(f"{head}: {_shown('; '.join(texts))}", width, "       ", first="     ")
    for said in claim.marked:
        lines += _wrapped(f"marked: {_shown(said)}", width, "       ", first="     ")
    return lines


def _coverage_words(claim: Claim) -> str:
    coverage = claim.coverage
    if coverage is None:
        return "not counted, the statement is about a state"
    if coverage.share is None:
        return f"{UNKNOWN}, no host-hour was asked about"
    sources = ", ".join(_cell(one) for one in coverage.sources) or "no source counted"
    return f"{percent(coverage)} = {formula(coverage)}; {sources}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], right: set[int]) -> str:
    """Give lines in which every column is as wide as its widest cell; the last column is left as it is."""
    listed = [tuple(head), *rows]
    widths = [max(cell_len(row[place]) for row in listed) for place in range(len(head))]
    lines = []
    for row in listed:
        cells = []
        for place, text in enumerate(row):
            gap = " " * (widths[place] - cell_len(text))
            cells.append(gap + text if place in right else text + gap)
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"
