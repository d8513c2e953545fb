"""Mailboxes that people open at the end of the logs: they are there, whether an export of the directory has them or not."""

from __future__ import annotations

import numpy as np

from dwell.scope.access import DAY_US
from dwell.scope.investigation import Investigation

__all__ = ["IN_USE_DAYS", "in_use"]

IN_USE_DAYS = 30
"""Whose mailbox was opened in the last days of the logs has not left before them."""
_HOUR_US = 3_600_000_000


def in_use(case: Investigation) -> frozenset[str]:
    """Give the mailboxes opened in the last `IN_USE_DAYS` days of the logs, which an export of the directory may leave out.

    Where an export of the directory is of a part of the house, or of one domain of several, these are in none of its
    counts: those of its own domains, and whatever no export knows. Left out are services, and accounts that an export has
    and that are in no domain of its mailboxes.

    Args:
        case: what the records allow to be said.
    """
    accesses, domains, known = case.accesses, case.identities.domains(), case.identities.accounts
    since = case.ledger.last_hour * _HOUR_US - IN_USE_DAYS * DAY_US
    late = accesses.ok & ~accesses.system & (accesses.mailbox >= 0) & (accesses.last >= since)
    names = (accesses.names[one] for one in np.unique(accesses.mailbox[late]).tolist())
    return frozenset(
        one
        for one in names
        if (one not in known or one.rpartition("@")[2].lower() in domains)
        and one not in case.services
        and not case.identities.is_system(one)
    )
