"""Explanations of a lead: innocent and hostile ones, each with what speaks for and against it, in bits."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["BITS_TOLD", "Explanation", "Side", "Weight"]

BITS_TOLD = 0.5
"""An observation that makes an explanation more or less likely by less than this is not worth a line."""


class Side(StrEnum):
    """Whose doing a lead would be."""

    INNOCENT = "innocent"
    HOSTILE = "hostile"


@dataclass(frozen=True, slots=True)
class Weight:
    """What one observation is worth for an explanation.

    Attributes:
        text: what was observed, in words.
        bits: log2 of how likely that is where the explanation holds, over how likely it is over all explanations.
        counted: whether the figure was counted on exercises; else it was set by hand.
    """

    text: str
    bits: float
    counted: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """One explanation of a lead. The bits are ratios of likelihoods: how common such people are is not in them.

    Attributes:
        key: short name, the same in every case.
        name: the explanation in a few words.
        side: innocent or hostile.
        bits: log2 of how likely all that was observed is where it holds, over all explanations alike.
        speaks_for: observations that make it more likely, the heaviest first.
        speaks_against: observations that make it less likely, the heaviest first.
        decides: what evidence would decide it.
    """

    key: str
    name: str
    side: Side
    bits: float
    speaks_for: tuple[Weight, ...] = ()
    speaks_against: tuple[Weight, ...] = ()
    decides: str = ""

    @property
    def told(self) -> str:
        """Give it in one sentence, with the heaviest of what speaks for and against it."""
        parts = [
            f"{word} {'; '.join(f'{one.text} ({one.bits:+.1f})' for one in weights[:_TOLD_MAX])}"
            for word, weights in (("for:", self.speaks_for), ("against:", self.speaks_against))
            if weights
        ]
        return f"{self.name} ({self.bits:+.1f} bits{'; ' if parts else ''}{'; '.join(parts)})"


_TOLD_MAX = 3
