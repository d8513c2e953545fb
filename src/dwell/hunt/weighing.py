"""Conditions of many rules decided at once, as far as a lexicon says: three-valued, without a loop over rules."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from dwell.hunt.patterns import Indices
from dwell.hunt.ruleset import Node
from dwell.hunt.words import Truth

__all__ = ["Weighing"]

_OPS = {"leaf": 0, "atom": 1, "and": 2, "or": 3, "not": 4}


class _Level:
    """The nodes of one depth: those that have children below them, and what combines these."""

    def __init__(self, ops: npt.NDArray[np.int8], starts: Indices) -> None:
        self.every = ops == _OPS["and"]
        self.any = ops == _OPS["or"]
        self.none = ops == _OPS["not"]
        self.starts = starts


class Weighing:
    """Conditions laid out by depth, so that one pass over each depth decides all of them."""

    def __init__(self, trees: Sequence[Node], op: str = "leaf") -> None:
        """Lay conditions out.

        Args:
            trees: they.
            op: what they are decided by, `leaf` or `atom`; the other is open.
        """
        self._size = len(trees)
        self._leaves: list[tuple[Indices, Indices]] = []
        self._sizes: list[int] = []
        self._inner: list[tuple[Indices, _Level]] = []
        row: Sequence[Node] = trees
        while row:
            ops = np.array([_OPS[one.op] for one in row], np.int8)
            at = np.flatnonzero(ops == _OPS[op])
            self._leaves.append((at, np.array([row[place].index for place in at.tolist()], np.int64)))
            self._sizes.append(len(row))
            inner = np.flatnonzero(ops > 1)
            below = [child for place in inner.tolist() for child in row[place].children]
            lengths = np.array([len(row[place].children) for place in inner.tolist()], np.int64)
            starts = np.concatenate(([0], np.cumsum(lengths)[:-1])).astype(np.int64) if len(inner) else lengths
            self._inner.append((inner, _Level(ops[inner], starts)))
            row = below

    def weighed(self, can: Truth, must: Truth) -> tuple[Truth, Truth]:
        """Say of each condition whether it can be true for some row, and whether it is for every one.

        Args:
            can: by leaf or atom, whether some row can meet it.
            must: by the same, whether every row does.
        """
        below: tuple[Truth, Truth] = (np.zeros(0, np.bool_), np.zeros(0, np.bool_))
        for (at, leaves), size, (inner, level) in zip(
            reversed(self._leaves), reversed(self._sizes), reversed(self._inner), strict=True
        ):
            # what compares two columns, or looks into a map, is open
            told = (np.ones(size, np.bool_), np.zeros(size, np.bool_))
            told[0][at], told[1][at] = can[leaves], must[leaves]
            if len(inner):
                for mine, theirs, other in ((told[0], below[0], below[1]), (told[1], below[1], below[0])):
                    every = np.logical_and.reduceat(theirs, level.starts)
                    some = np.logical_or.reduceat(theirs, level.starts)
                    mine[inner] = (level.every & every) | (level.any & some) | (level.none & ~other[level.starts])
            below = told
        return below
