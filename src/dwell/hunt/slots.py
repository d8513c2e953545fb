"""A place over rows, as slots of its distinct texts: what a condition comes to is looked up by slot, never by text."""

from __future__ import annotations

import numpy as np

from dwell.hunt.base import Codes
from dwell.hunt.patterns import Indices
from dwell.hunt.words import Truth, Words

__all__ = ["FEW", "Slots"]

FEW = 16
"""Texts met by less than one row in so many are gathered by row once, and never looked for again."""
_NARROW_MAX = 1 << 16


class Slots:
    """A place over the rows of a frame.

    Attributes:
        held: its distinct texts.
        slots: slot of each entry.
        rows: row of each entry; None where every row has exactly one.
    """

    __slots__ = ("_order", "_starts", "held", "rows", "slots")

    def __init__(self, held: Words, slots: Codes | Indices, rows: Indices | None = None) -> None:
        self.held = held
        self.slots = slots
        self.rows = rows
        self._order: Indices | None = None
        self._starts = np.zeros(0, np.int64)

    def entries(self, truth: Truth) -> Indices:
        """Give the entries whose slot is true; looks at the marked ones only where no others can be meant."""
        none = len(self.held.values)
        if not truth.any():
            return np.zeros(0, np.int64)
        if truth[none:].any() or int(self.held.counts[truth].sum()) * FEW > len(self.slots):
            return np.flatnonzero(truth[self.slots])
        if self._order is None:
            common = np.append(self.held.counts[:none] * FEW > len(self.slots), [True, True])
            marked = np.flatnonzero(~common[self.slots])
            mine = self.slots[marked]
            # narrow numbers are sorted without a comparison
            self._order = marked[np.argsort(mine.astype(np.uint16) if none < _NARROW_MAX else mine, kind="stable")]
            self._starts = np.searchsorted(self.slots[self._order], np.arange(none + 1))
        parts = [self._order[self._starts[at] : self._starts[at + 1]] for at in np.flatnonzero(truth[:none])]
        return np.sort(np.concatenate(parts)) if parts else np.zeros(0, np.int64)
