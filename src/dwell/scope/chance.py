"""How many ties would carry so many bits by chance: the case's own null, in which nobody is.

A null world leaves every tie where it is: each account keeps its clients and each client its accounts. What changes hands
is what is surprising about them: each term's bits are dealt anew among the ties, term by term, so that a strange agent, a
strange hour and a rare network meet on one tie as often as chance lets them. Owners have one such thing at a time, a new
phone or a hotel; an intruder has them together. Over all ways of dealing, the number of ties with a sum of at least b bits
is on average their number times the share of a sum of independent terms at or above b. That share is worked out whole, by
adding one term's distribution after the other, and no lot is drawn.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

__all__ = ["STEP", "by_chance"]

STEP = 0.01
"""Terms are rounded to this."""

Bits = npt.NDArray[np.float64]


def by_chance(terms: Iterable[Bits], bits: Bits) -> Bits:
    """Give how many ties would have at least so many bits by chance, on average, to two digits.

    Args:
        terms: the terms of every tie, one array a term, each taken once, 0 or more and rounded to `STEP`.
        bits: sums asked about.
    """
    whole: Bits = np.ones(1)
    count = 0
    for one in terms:
        count = len(one)
        if not count:
            break
        whole = np.convolve(whole, np.bincount(np.rint(one / STEP).astype(np.int64)) / count)
    if not count:
        return np.zeros(len(bits))
    reached = np.append(np.cumsum(whole[::-1])[::-1], 0.0)
    places = np.clip(np.rint(bits / STEP).astype(np.int64), 0, len(whole))
    return np.asarray(np.round(count * reached[places], 2) + 0.0)
