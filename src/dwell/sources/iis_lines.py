"""What is asked of each line of an IIS log, of all lines of a block at once, before they are parsed together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dwell.sources.columns import is_utf8
from dwell.sources.lines import Block

__all__ = ["Lines", "holds_hexadecimal"]


@dataclass(frozen=True, slots=True)
class Lines:
    """A block, and what is asked of each of its lines, found for all of them at once however often it is cut.

    Attributes:
        block: the lines.
        structural: comments and blank lines.
        spaces: how many spaces each line holds.
        clean: whether a line holds nothing that has to be looked at by itself: NUL, tab, CR, what is no UTF-8.
        hexadecimal: whether ` 0x` stands anywhere; the parser would take it for a number.
    """

    block: Block
    structural: npt.NDArray[np.bool_]
    spaces: npt.NDArray[np.int64]
    clean: npt.NDArray[np.bool_]
    hexadecimal: bool

    @classmethod
    def of(cls, block: Block, structural: npt.NDArray[np.bool_]) -> Lines:
        """Look at the lines of a block."""
        data = block.data
        clean = ~block.holds(0) & ~block.holds(ord("\t")) & ~block.broken()
        high = block.high()
        if high.any() and not is_utf8(data):
            clean &= ~high
        view = block.array()
        spaces = np.flatnonzero(view == ord(" "))
        counts = block.counted(spaces) if len(block) else np.zeros(0, np.int64)
        return cls(block, structural, counts, clean, holds_hexadecimal(view, spaces))


def holds_hexadecimal(view: npt.NDArray[np.uint8], spaces: npt.NDArray[np.int64]) -> bool:
    """Say whether ` 0x` stands anywhere in bytes whose spaces are known; looking for the text itself takes far longer."""
    zeros = spaces[: np.searchsorted(spaces, len(view) - 2)] + 1
    zeros = zeros[view[zeros] == ord("0")]
    return bool(((view[zeros + 1] | 0x20) == ord("x")).any())
