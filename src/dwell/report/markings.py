"""What a marking changes before it is saved, and the list of all markings: for a terminal, as JSON and as CSV."""

from __future__ import annotations

from collections.abc import Sequence

from dwell.answers.marking import IntrusionChange, MailboxChange, MarkingPreview
from dwell.casebook.markings import KeptMarking
from dwell.model.claims import Intrusion
from dwell.model.instants import utc_text
from dwell.report.changes import answer_object
from dwell.report.figures import count, instant
from dwell.report.summary_json import effect_object, marking_object
from dwell.report.text import aligned
from dwell.safe.jsontext import Json
from dwell.safe.sheet import csv_text
from dwell.safe.terminal import terminal, terminal_limited

__all__ = ["markings_csv", "markings_rows", "markings_text", "preview_object", "preview_text"]

SHOWN = 20
"""Mailboxes, intrusions and statements of one question in text; JSON has all."""
TEXT_MAX = 400
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
        "mailboxes": [
            {
                "mailbox": one.mailbox,
                "before": one.before.value if one.before is not None else None,
                "after": one.after.value if one.after is not None else None,
                "intrusions_before": list(one.intrusions_before),
                "intrusions_after": list(one.intrusions_after),
            }
            for one in found.mailboxes
        ],
        "intrusions": [
            {"id": one.id, "change": _kind(one), "before": _sizes(one.before), "after": _sizes(one.after)}
            for one in found.intrusions
        ],
        "leads_before": found.leads_before,
        "leads_after": found.leads_after,
        "answers": [answer_object(one) for one in found.answers],
    }


def _kind(one: IntrusionChange) -> str:
    return "new" if one.before is None else "gone" if one.after is None else "changed"


def _sizes(one: Intrusion | None) -> dict[str, Json] | None:
    if one is None:
        return None
    return {
        "first_utc": utc_text(one.first_utc),
        "last_utc": utc_text(one.last_utc),
        "clients": len(one.clients),
        "accounts": len(one.accounts),
        "mailboxes": len(one.mailboxes),
    }


def preview_text(found: MarkingPreview) -> str:
    """Give the effect for a terminal, short: what it speaks of, then intrusions, mailboxes, leads and verdicts."""
    head = f"{found.marking.told}" if found.undo is None else f"take back {found.marking.told}"
    lines = [terminal(head)]
    lines += _speaks(found)
    if not (found.mailboxes or found.intrusions or found.answers):
        beside = "; it is told beside what it is about" if found.marking.beside else ""
        lines.append(f"no answer changes{beside}")
    lines += [f"intrusions: {count(len(found.intrusions))} change"] if found.intrusions else []
    lines += _limited([_intrusion(one) for one in found.intrusions])
    lines += [f"mailboxes: {count(len(found.mailboxes))} change"] if found.mailboxes else []
    lines += _limited([_mailbox(one) for one in found.mailboxes])
    if found.leads_before != found.leads_after:
        lines.append(f"leads: {count(found.leads_before)} now, {count(found.leads_after)} then")
    for one in found.answers:
        numbers = f"{count(len(one.gone))} statements go, {count(len(one.new))} come"
        lines.append(f"{one.question.value}: {numbers}")
        if one.before != one.after:
            lines += [
                terminal_limited(f"   now:  {one.before}", TEXT_MAX),
                terminal_limited(f"   then: {one.after}", TEXT_MAX),
            ]
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


def _limited(lines: Sequence[str]) -> list[str]:
    rest = len(lines) - SHOWN
    return [*lines[:SHOWN], *([f"   and {count(rest)} more; -t json has them all"] if rest > 0 else [])]


def _intrusion(one: IntrusionChange) -> str:
    return terminal(f"   {one.id} {_kind(one)}: {_shape(one.before)} now, {_shape(one.after)} then")


def _shape(one: Intrusion | None) -> str:
    if one is None:
        return "none"
    when = f"{instant(one.first_utc)[:10]} to {instant(one.last_utc)[:10]}"
    return f"{count(len(one.mailboxes))} mailboxes, {count(len(one.clients))} clients, {when}"


def _mailbox(one: MailboxChange) -> str:
    before, after = ("not listed" if grade is None else grade.value for grade in (one.before, one.after))
    who = [", ".join(names) or "nobody" for names in (one.intrusions_before, one.intrusions_after)]
    return terminal_limited(f"   {one.mailbox}: {before} ({who[0]}) now, {after} ({who[1]}) then", TEXT_MAX)


def markings_rows(found: Sequence[KeptMarking]) -> list[dict[str, Json]]:
    """Give every marking with what became of it."""
    return [
        {
            **marking_object(one.marking),
            "state": _state(one),
            "undone_utc": utc_text(one.undone_utc),
            "undone_by": one.undone_by or None,
            "undone_reason": one.undone_reason or None,
        }
        for one in found
    ]


def _state(one: KeptMarking) -> str:
    return "in force" if one.undone_utc is None else "taken back"


def _row(one: KeptMarking) -> tuple[str | None, ...]:
    marking = one.marking
    what = f"{marking.what} ({marking.when})" if marking.when else marking.what
    made = (marking.id, _state(one), what, marking.verdict.value, marking.by, utc_text(marking.at_utc), marking.reason)
    return (*made, utc_text(one.undone_utc), one.undone_by or None, one.undone_reason or None)


def markings_csv(found: Sequence[KeptMarking]) -> str:
    """Give every marking as CSV."""
    return csv_text(COLUMNS, (_row(one) for one in found))


def markings_text(found: Sequence[KeptMarking]) -> str:
    """Give every marking as an aligned table."""
    if not found:
        return "nothing is marked in this case\n"
    rows = [[*_row(one)[:7], f"{one.undone_by}: {one.undone_reason}" if one.undone_utc else "-"] for one in found]
    return aligned((*COLUMNS[:7], "taken back by"), rows)
