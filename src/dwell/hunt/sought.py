"""What texts have to hold for questions to be answered with yes: a data file whose bitmaps lack it is not looked into."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dwell.archive.grams import runs_of
from dwell.archive.spec import JoinedText
from dwell.hunt.patterns import Indices
from dwell.hunt.ruleset import Atom
from dwell.hunt.words import Truth

__all__ = ["Sought"]


class Sought:
    """The literals of the questions about one place.

    Attributes:
        columns: the columns whose bitmaps are asked; none where no bitmap tells anything.
        join: how the place is made of two columns, if it is.
    """

    def __init__(
        self,
        place: str,
        join: JoinedText | None,
        asked: Sequence[int],
        atoms: Sequence[Atom],
        marks: Sequence[str] = (),
    ) -> None:
        """Take the literals of questions apart.

        Args:
            place: the place.
            join: how it is made of two columns, if it is.
            asked: the questions, as indices into `atoms`.
            atoms: all of them.
            marks: where a text may hold one of these, it is seen in ways of which its bitmap says nothing.
        """
        self.columns = (place,) if join is None else (join.first, join.second) if join.separator else ()
        self._size = len(asked)
        pieces: list[str] = []
        whose: list[int] = []
        for at, one in enumerate(asked):
            if atoms[one].kind != "text":
                continue
            for literal in atoms[one].parts[::2]:
                # between two separators there is nothing but a piece of one of the two columns
                mine = literal.split(join.separator) if join is not None and join.separator else [literal]
                pieces += mine
                whose += [at] * len(mine)
        self._whose: Indices = np.array(whose, np.int64)
        self._runs = runs_of(pieces)
        self._marks = runs_of(list(marks)) if marks else None

    def may_be_met(self, bitmaps: Sequence[bytes]) -> Truth:
        """Say for each question whether a text may answer it with yes, as far as the bitmaps of the columns say."""
        if self._marks is not None and any(self._marks.held(one).any() for one in bitmaps):
            return np.ones(self._size, np.bool_)
        held: Truth = np.logical_or.reduce([self._runs.held(one) for one in bitmaps])
        out = np.ones(self._size, np.bool_)
        out[self._whose[~held]] = False
        return out
