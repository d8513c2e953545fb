"""The intrusions for a terminal: one line each, and beneath them, whole, what joins each and what speaks against it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from dwell.model.claims import Intrusion, Summary
from dwell.report.figures import instant
from dwell.report.text import aligned
from dwell.safe.terminal import terminal_limited

__all__ = ["intrusions_text"]

WIDTH = 100
"""Cells a line."""
LINE_MAX = 2_000
"""Characters of one reason; how many were cut is said."""
_HEAD = ("id", "first", "last", "accounts", "mailboxes", "clients", "techniques")


def intrusions_text(summary: Summary) -> str:
    """Give the intrusions as an aligned table, then each one's entry, clients, links and counter-grounds, wrapped."""
    rows = [
        (
            one.id,
            instant(one.first_utc),
            instant(one.last_utc),
            str(len(one.accounts)),
            str(len(one.mailboxes)),
            str(len(one.clients)),
            " ".join(one.techniques),
        )
        for one in summary.intrusions
    ]
    lines = [aligned(_HEAD, rows).rstrip("\n")]
    for one in summary.intrusions:
        lines += ["", *_told(one)]
    return "\n".join(lines) + "\n"


def _told(one: Intrusion) -> list[str]:
    parts: tuple[tuple[str, Sequence[str]], ...] = (
        ("came by", one.entry),
        ("clients", one.clients),
        *((("autonomous systems", one.systems),) if one.systems else ()),
        ("accounts", one.accounts),
        ("mailboxes", one.mailboxes),
        ("held together by", one.links),
        ("against", one.against),
        ("before", (one.earlier_possible,) if one.earlier_possible else ()),
        *((("marked", one.marked),) if one.marked else ()),
    )
    lines = [terminal_limited(one.id, LINE_MAX)]
    for name, texts in parts:
        lines += _wrapped(f"  {name}: ", texts)
    return lines


def _wrapped(name: str, texts: Sequence[str]) -> list[str]:
    """Give texts that are short in one paragraph, each longer one in its own."""
    shown = [terminal_limited(text, LINE_MAX) for text in texts]
    if not shown:
        return [f"{name}none recorded"]
    if all(len(text) < WIDTH // 2 for text in shown):
        shown = ["; ".join(shown)]
    out: list[str] = []
    for text in shown:
        out += textwrap.wrap(text, WIDTH, initial_indent=name, subsequent_indent="    ", break_on_hyphens=False)
    return out
