"""How many clients would be foreign to several accounts by chance alone, read off the case itself.

People share a hotel, a carrier's range, a landlord's line: in a large house some clients are foreign to two accounts, a few
to three, and nobody's intruder made them. How fast such clients get fewer from one account to two says how many are to be
expected with three and more.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["EXPECTED_MAX", "expected"]

EXPECTED_MAX = 0.05
"""A client stands out where fewer than so many like it are to be expected in the whole case."""

UNSEEN = 10.0
"""Clients of one mailbox that are taken to be there besides those seen: where there is none, nothing is known of chance."""


def expected(count: npt.NDArray[np.int64], bits: npt.NDArray[np.float64], each_bits: float) -> npt.NDArray[np.float64]:
    """Give, per client, how many clients with at least as many mailboxes chance alone would make.

    With n1 clients of one mailbox and n2 of two, each at least so strange for what it opened, n2/(n1 + 10) is the chance of
    one more: n2 x (n2/(n1 + 10))^(k-2) clients of k mailboxes are expected. Without a client of two, half a one is assumed;
    the ten stand for what a small house has not shown yet.

    Args:
        count: mailboxes that each client opened through accounts it is foreign to.
        bits: how strange that was, summed over them.
        each_bits: how strange it has to be for each of them to be counted with.

    Returns:
        (clients,) the number expected; infinite below two mailboxes.
    """
    one, two = (float(np.count_nonzero((count == many) & (bits >= many * each_bits))) for many in (1, 2))
    more = max(two, 0.5)
    share = min(1.0, more / (one + UNSEEN))
    out = np.full(len(count), np.inf)
    several = count >= 2
    out[several] = more * share ** (count[several] - 2.0)
    return out
