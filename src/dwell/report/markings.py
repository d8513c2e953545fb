"""What a marking changes before it is saved, and the list of all markings: for a terminal, as JSON and as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dwell.casebook.markings import KeptMarking
from dwell.model.instants import utc_text
from dwell.report.difference import changed_lines, changed_object
from dwell.report.figures import count
from dwell.report.summary_json import effect_object, marking_object
from dwell.report.text import aligned
from dwell.report.undone import state, taken_back, undone_cells, undone_object
from dwell.safe.jsontext import Json
from dwell.safe.sheet import csv_text
from dwell.safe.terminal import terminal

if TYPE_CHECKING:
    from dwell.answers.marking import MarkingPreview

__all__ = ["markings_csv", "markings_rows", "markings_text", "preview_object", "preview_text"]

COLUMNS = (
    "id", "state", "what", "verdict", "by", "at_utc", "reason", "undone_utc", "undone_by", "undone_reason",
)  # fmt: skip


def preview_object(found: MarkingPreview, *, saved: bool) -> dict[str, Json]:
    """Give the whole effect as one JSON object.

    Args:
        found: what it changes.
        saved: whether it was saved after that.
    """
    return {
        "marking": marking_object(found.marking),
        "act": "mark" if found.undo is None else "undo",
        "saved": saved,
        "effect": effect_object(found.effect) if found.effect is not None else None,
        **changed_object(found.changed),
    }


def preview_text(found: MarkingPreview) -> str:
    """Give the effect for a terminal, short: what it speaks of, then intrusions, mailboxes, leads and verdicts."""
    head = f"{found.marking.told}" if found.undo is None else f"take back {found.marking.told}"
    lines = [terminal(head)]
    lines += _speaks(found)
    if not (found.changed.mailboxes or found.changed.intrusions or found.changed.answers):
        beside = "; it is told beside what it is about" if found.marking.beside else ""
        lines.append(f"no answer changes{beside}")
    lines += changed_lines(found.changed)
    return "".join(f"{one}\n" for one in lines)


def _speaks(found: MarkingPreview) -> list[str]:
    one = found.effect
    if one is None or one.marking.beside:
        return []
    if not one.sessions and not one.acts:
        return ["it speaks of nothing that is held: look whether it is written as meant"]
    lines = [f"it speaks of {count(one.sessions)} sessions and {count(one.acts)} acts of exploitation"]
    if one.contradicts:
        names = ", ".join(one.contradicts)
        lines.append(f"it contradicts what dwell finds: it takes from {names}, and the answers go on saying so")
    if one.agrees:
        lines.append(f"dwell finds the same: {', '.join(one.agrees)}")
    return lines


def markings_rows(found: Sequence[KeptMarking]) -> list[dict[str, Json]]:
    """Give every marking with what became of it."""
    return [{**marking_object(one.marking), **undone_object(one)} for one in found]


def _row(one: KeptMarking) -> tuple[str | None, ...]:
    marking = one.marking
    what = f"{marking.what} ({marking.when})" if marking.when else marking.what
    made = (marking.id, state(one), what, marking.verdict.value, marking.by, utc_text(marking.at_utc), marking.reason)
    return (*made, *undone_cells(one))


def markings_csv(found: Sequence[KeptMarking]) -> str:
    """Give every marking as CSV."""
    return csv_text(COLUMNS, (_row(one) for one in found))


def markings_text(found: Sequence[KeptMarking]) -> str:
    """Give every marking as an aligned table."""
    if not found:
        return "nothing is marked in this case\n"
    rows = [[*_row(one)[:7], taken_back(one)] for one in found]
    return aligned((*COLUMNS[:7], "taken back by"), rows)
