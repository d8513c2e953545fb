"""What a marking or a setting would change, as text for a terminal and as JSON: the same for both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dwell.model.claims import Intrusion
from dwell.model.instants import utc_text
from dwell.report.changes import answer_object
from dwell.report.figures import count, instant
from dwell.safe.jsontext import Json
from dwell.safe.terminal import terminal, terminal_limited

if TYPE_CHECKING:
    from dwell.answers.changes import Changed, IntrusionChange, MailboxChange

__all__ = ["changed_lines", "changed_object", "limited"]

SHOWN = 20
"""Mailboxes, intrusions and statements of one question in text; JSON has all."""
TEXT_MAX = 400


def changed_object(found: Changed) -> dict[str, Json]:
    """Give what would be answered otherwise as JSON."""
    return {
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
        "leads_gone": found.leads_gone,
        "leads_new": found.leads_new,
        "leads_moved": found.leads_moved,
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


def changed_lines(found: Changed) -> list[str]:
    """Give what would be answered otherwise, short: intrusions, mailboxes, leads, verdicts; none where nothing is."""
    lines: list[str] = []
    lines += [f"intrusions: {count(len(found.intrusions))} change"] if found.intrusions else []
    lines += limited([_intrusion(one) for one in found.intrusions])
    lines += [f"mailboxes: {count(len(found.mailboxes))} change"] if found.mailboxes else []
    lines += limited([_mailbox(one) for one in found.mailboxes])
    if found.leads_gone or found.leads_new or found.leads_moved:
        lines.append(
            f"leads: {count(found.leads_before)} now, {count(found.leads_after)} then; {count(found.leads_gone)} go, "
            f"{count(found.leads_new)} come, {count(found.leads_moved)} have another rank"
        )
    for one in found.answers:
        numbers = f"{count(len(one.gone))} statements go, {count(len(one.new))} come"
        lines.append(f"{one.question.value}: {numbers}")
        if one.before != one.after:
            lines += [
                terminal_limited(f"   now:  {one.before}", TEXT_MAX),
                terminal_limited(f"   then: {one.after}", TEXT_MAX),
            ]
    return lines


def limited(lines: Sequence[str]) -> list[str]:
    """Give the first lines, and how many more there are."""
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
