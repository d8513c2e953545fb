"""How likely each kind of intruder would have been found in this case: what planting them in its own records gave."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

__all__ = ["Power", "PowerRow", "wilson"]

_Z = 1.959964
"""The normal distribution's quantile for 95 %."""


def wilson(found: int, tried: int) -> tuple[float, float]:
    """Give the 95 % interval of a share after Wilson (1927); 0 and 1 where nothing was tried.

    Args:
        found: successes.
        tried: trials.
    """
    if tried <= 0:
        return 0.0, 1.0
    share, square = found / tried, _Z * _Z
    middle = (share + square / (2 * tried)) / (1 + square / tried)
    half = _Z / (1 + square / tried) * sqrt(share * (1 - share) / tried + square / (4 * tried * tried))
    return max(0.0, round(middle - half, 4)), min(1.0, round(middle + half, 4))


@dataclass(frozen=True, slots=True)
class PowerRow:
    """One kind of intruder.

    Attributes:
        kind: its key.
        title: what it is, in words.
        plantings: how often it was planted.
        mailboxes: mailboxes planted on each time.
        months: over how many months of 30 days.
        found: plantings of which something became an intrusion or a lead within the budget.
        intrusions: plantings of which something became an intrusion.
        mailboxes_share: mean share of the planted mailboxes that came into an intrusion.
        rank: median rank of his first lead, over the plantings that had any; None where none had.
        by_chance: share that would have had a lead if the leads were drawn by lot from all ties.
        recorded: mean share of the planted sessions that fell into hours in which a source able to show them is held.
    """

    kind: str
    title: str
    plantings: int
    mailboxes: int
    months: int
    found: int
    intrusions: int
    mailboxes_share: float
    rank: int | None
    by_chance: float
    recorded: float

    @property
    def share(self) -> float | None:
        """Share found; None where nothing was planted."""
        return round(self.found / self.plantings, 4) if self.plantings else None

    @property
    def interval(self) -> tuple[float, float]:
        """Give the 95 % interval of the share found."""
        return wilson(self.found, self.plantings)

    @property
    def intrusion_interval(self) -> tuple[float, float]:
        """Give the 95 % interval of the share that became an intrusion."""
        return wilson(self.intrusions, self.plantings)


@dataclass(frozen=True, slots=True)
class Power:
    """All kinds, and what they were planted in.

    Attributes:
        stamp: what it was made from.
        sessions: sessions of the case.
        accounts: accounts that could be planted on.
        budget: leads within the budget.
        rows: one for each kind.
        rests: settings and markings by which it was judged, in words.
        vips: VIPs that could be planted on: each planting is on one of them at least.
    """

    stamp: str
    sessions: int
    accounts: int
    budget: int
    rows: tuple[PowerRow, ...]
    rests: tuple[str, ...] = ()
    vips: int = 0
