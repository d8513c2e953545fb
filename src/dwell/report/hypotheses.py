"""The hypothesis board for a terminal, as CSV and as rows for JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from dwell.model.claims import Summary
from dwell.model.hypotheses import Hypothesis, Sign, Told
from dwell.report.figures import formula, percent
from dwell.report.summary_json import hypothesis_object
from dwell.safe.jsontext import Json
from dwell.safe.sheet import csv_text
from dwell.safe.terminal import terminal_limited

__all__ = ["board_lines", "hypotheses_csv", "hypotheses_rows", "hypotheses_text"]

COLUMNS = (
    "id", "title", "where", "verdict", "why", "told_by", "coverage", "signs_for", "signs_against", "limits", "next",
)  # fmt: skip
WIDTH = 100
TEXT_MAX = 600
TOLD = {
    Told.RECORD: "by the record itself",
    Told.CLIENT: "by the client it came from",
    Told.NOTHING: "by nothing this version does",
}


def hypotheses_rows(summary: Summary) -> list[dict[str, Json]]:
    """Give the board as in the JSON summary."""
    return [hypothesis_object(one) for one in summary.hypotheses]


def _texts(signs: Iterable[Sign]) -> str:
    return " | ".join(one.text for one in signs)


def hypotheses_csv(summary: Summary) -> str:
    """Give the board as CSV."""
    return csv_text(
        COLUMNS,
        (
            (
                one.id,
                one.title,
                one.where.value,
                one.verdict.value,
                one.why,
                one.told.value,
                None if one.coverage.share is None else str(one.coverage.share),
                _texts(one.signs_for),
                _texts(one.signs_against),
                " | ".join(one.limits),
                " | ".join(one.next),
            )
            for one in summary.hypotheses
        ),
    )


def _wrapped(text: str, width: int, first: str, rest: str) -> list[str]:
    shown = terminal_limited(text, TEXT_MAX)
    return textwrap.wrap(shown, width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)


def board_lines(summary: Summary, width: int = WIDTH) -> list[str]:
    """Give the board in short, one entry a way; nothing where there is none."""
    if not summary.hypotheses:
        return []
    lines = ["", *_wrapped("In which ways mail could have been read (dwell hypotheses tells more)", width, "", "   ")]
    for one in summary.hypotheses:
        text = f"[{one.verdict.value}] {one.title}; coverage {percent(one.coverage)} ({one.id})"
        lines += _wrapped(text, width, "   - ", "     ")
    return lines


def _part(head: str, texts: Iterable[str], width: int) -> list[str]:
    return [line for text in texts for line in _wrapped(f"{head}{text}", width, "   ", "     ")]


def _block(one: Hypothesis, width: int) -> list[str]:
    held = (
        f"{percent(one.coverage)} = {formula(one.coverage)}" if one.coverage.hours_asked else "no host-hour to look at"
    )
    seen = [f"told from ordinary use {TOLD[one.told]}; held: {held}"]
    seen += [f"{view.source} {percent(view.coverage)}: {view.shows}" for view in one.sources]
    return [
        "",
        *_wrapped(f"{one.id}  {one.title}", width, "", "   "),
        *_part(f"[{one.verdict.value}] ", [one.why], width),
        *_part("for: ", (sign.text for sign in one.signs_for), width),
        *_part("against: ", (sign.text for sign in one.signs_against), width),
        *_part("seen? ", seen, width),
        *_part("limit: ", one.limits, width),
        *_part("next: ", one.next, width),
    ]


def hypotheses_text(summary: Summary, width: int = WIDTH) -> str:
    """Give the whole board for a terminal."""
    head = "In which ways mail could have been read, and whether that would have been seen"
    return "\n".join([head, *(line for one in summary.hypotheses for line in _block(one, width))]) + "\n"
