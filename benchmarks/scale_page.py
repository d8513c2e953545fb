"""The page of what it takes as a case grows: tables, and a chart in the text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Size", "page"]


@dataclass(frozen=True, slots=True)
class Size:
    """What was measured of one world; `first` and `then` are what `scale.answer` gives."""

    lines: int
    mailboxes: int
    days: int
    records: int
    sessions: int
    stored_bytes: int
    first: dict[str, Any]
    added: int
    hunted: float
    then: dict[str, Any]


def page(sizes: Sequence[Size], command: str, workers: int) -> str:
    """Give the page."""
    return str((sizes, command, workers))
