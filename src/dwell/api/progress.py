"""How far a verb is."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Progress", "quiet"]

Progress = Callable[[str, str, int, int], None]
"""Told (phase, what, done, total). Phases: `hashing` and `reading` in bytes, `hunting`, `folding` and `searching` in data
files, `planting` in plantings, `answering` without a number; total 0 where it is not known."""


def quiet(phase: str, what: str, done: int, total: int) -> None:
    """Tell nobody."""
