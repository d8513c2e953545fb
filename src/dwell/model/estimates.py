"""Words of estimation: each stands for one range of probability, and for no other, wherever it is said.

Source: Intelligence Community Directive 203, "Analytic Standards" (Office of the Director of National Intelligence,
2 January 2015), D.6.e.(2).(a): seven terms and their ranges, first row of the table. How sure a word is and how good the
evidence is are two things: coverage and grounds are told beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Estimate", "Judgement", "estimate_of"]


class Estimate(StrEnum):
    """A word of estimation, the least likely first."""

    ALMOST_NO_CHANCE = "almost no chance"
    VERY_UNLIKELY = "very unlikely"
    UNLIKELY = "unlikely"
    ROUGHLY_EVEN = "roughly even chance"
    LIKELY = "likely"
    VERY_LIKELY = "very likely"
    ALMOST_CERTAIN = "almost certain"

    @property
    def range(self) -> tuple[int, int]:
        """Give the range it stands for, in percent."""
        return _RANGES[self]

    @property
    def told(self) -> str:
        """Give it with its range: `very likely (80 to 95 %)`."""
        low, high = self.range
        return f"{self.value} ({low} to {high} %)"


_RANGES: dict[Estimate, tuple[int, int]] = {
    Estimate.ALMOST_NO_CHANCE: (1, 5),
    Estimate.VERY_UNLIKELY: (5, 20),
    Estimate.UNLIKELY: (20, 45),
    Estimate.ROUGHLY_EVEN: (45, 55),
    Estimate.LIKELY: (55, 80),
    Estimate.VERY_LIKELY: (80, 95),
    Estimate.ALMOST_CERTAIN: (95, 99),
}


def estimate_of(share: float) -> Estimate:
    """Give the word for a probability; where two ranges meet, the one nearer to even.

    Args:
        share: 0..1. What is less than 1 % or more than 99 % has the outermost word: nothing here is surer than that.

    Raises:
        ValueError: not between 0 and 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"no probability: {share}")
    percent = round(share * 100, 9)
    met = [one for one, (low, high) in _RANGES.items() if low <= percent <= high]
    if not met:
        return Estimate.ALMOST_NO_CHANCE if percent < 50 else Estimate.ALMOST_CERTAIN
    return min(met, key=lambda one: abs(sum(one.range) / 2 - 50))


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a judgement rests on besides its records. None of it may be left out.

    Attributes:
        assumptions: what is taken for so.
        would_change: what evidence or event would change it.
        estimate: how likely it is, in a word; None where the statement is no judgement of how likely something is: a
            negative has its coverage for that.

    Raises:
        ValueError: no assumption, or nothing that would change it.
    """

    assumptions: tuple[str, ...]
    would_change: tuple[str, ...]
    estimate: Estimate | None = None

    def __post_init__(self) -> None:
        """Refuse a judgement that rests on nothing or that nothing could change."""
        if not all(self.assumptions) or not all(self.would_change) or not self.assumptions or not self.would_change:
            raise ValueError("a judgement needs its assumptions and what would change it")
