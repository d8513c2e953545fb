"""Mailboxes of the tenant that are not recorded, as it shows by itself, where no record says that anybody switched it off.

The owner signs in as before, and no record of the mailbox is there any more, though there was on nearly every such day
before, or is in everybody else's; the chance that this is a coincidence is told in bits. Missing records are no sign of
innocence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2

import numpy as np

from dwell.scope.access import DAY_US, Accesses
from dwell.scope.cells import EMPTY, HELD, HOUR_US, MISSING, OFF
from dwell.scope.cmdlets import Label
from dwell.scope.identities import Identities
from dwell.scope.ledger import Ledger
from dwell.scope.rollup.fold import paired
from dwell.scope.rollup.ual import TENANT
from dwell.scope.silences import APART_MAX, Silence, own_line

__all__ = ["SILENT_BITS", "Unrecorded", "mark_unrecorded", "unrecorded_of"]

SILENT_BITS = 20.0
"""A mailbox is held to be unrecorded where the chance that its silence is a coincidence is one in a million."""
SIGN_IN = "m365-sign-in"
_UAL = "ual"


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """A time in which nothing was recorded of what is opened in a mailbox.

    Attributes:
        mailbox: whose, the name it goes by.
        from_us: since when, microseconds since 1970.
        to_us: until when.
        why: in words.
    """

    mailbox: str
    from_us: int
    to_us: int
    why: str


def unrecorded_of(
    accesses: Accesses, known: Sequence[Silence], identities: Identities, ledger: Ledger
) -> tuple[Unrecorded, ...]:
    """Give mailboxes of which records stop, or never begin, though their owners sign in to the tenant as before.

    Args:
        accesses: all sessions.
        known: acts that switched recording off; of mailboxes that one is about nothing more is told.
        identities: names; an account without a mailbox leaves no records of one.
        ledger: where it holds mail servers as well, a mailbox of which no record ever was may lie there.
    """
    cloud = accesses.having("table", _UAL) & accesses.ok & (accesses.account >= 0)
    if (TENANT, _UAL) not in ledger.lines or not cloud.any():
        return ()
    signed = np.array([one == SIGN_IN for one in accesses.protocols], np.bool_)[accesses.protocol]
    own = cloud & signed & (accesses.mailbox == accesses.account)
    mail = cloud & ~signed & (accesses.mailbox >= 0)
    day = accesses.first // DAY_US
    wide = int(day.max()) + 1
    visits = np.unique(paired(accesses.account[own], wide, day[own]))
    opened = np.unique(paired(accesses.mailbox[mail], wide, day[mail]))
    if not len(visits) or not len(opened):
        return ()
    kept = np.isin(visits, opened)
    size = len(accesses.names)
    recorded = np.full(size, -1, np.int64)
    np.maximum.at(recorded, opened // wide, opened % wide)
    # the last day of a mailbox's records tells nothing: it is where they stop
    before = visits % wide < recorded[visits // wide]
    days, met = (np.bincount(visits[one] // wide, minlength=size) for one in (before, before & kept))
    share = float((met.sum() + 1) / (days.sum() + 2))
    after = np.bincount(visits[visits % wide > recorded[visits // wide]] // wide, minlength=size)
    told, hybrid = {one.whose for one in known if one.host == TENANT and not one.acting}, bool(ledger.servers())
    line = ledger.lines[TENANT, _UAL]
    last = (line.start + len(line.states)) * HOUR_US
    out = []
    for who in np.flatnonzero(after).tolist():
        name, never = accesses.names[who], recorded[who] < 0
        if name in told or (never and (hybrid or identities.has_no_mailbox(name))):
            continue
        usual = share if never else (met[who] + share) / (days[who] + 1.0)
        bits = float(-after[who] * log2(1 - min(usual, 1 - 1e-3)))
        if bits >= SILENT_BITS:
            since = int(accesses.first.min()) if never else (int(recorded[who]) + 1) * DAY_US
            stops = "no record of it is held" if never else "records of it stop"
            why = (
                f"{stops}, though its owner signed in on {after[who]:,} days since ({bits:.0f} bits), and no record says "
                "what was opened"
            )
            out.append(Unrecorded(name, since, last, why))
    return tuple(sorted(out, key=lambda one: (one.from_us, one.mailbox)))


def mark_unrecorded(ledger: Ledger, found: Sequence[Unrecorded], label: Label) -> None:
    """Lower the cells of each mailbox's own line in which nothing was recorded; of very many, those of the whole log.

    Args:
        ledger: the ledger, changed.
        found: what was not recorded.
        label: gives the name that a user goes by.
    """
    for one in found:
        source = own_line(ledger, TENANT, _UAL, one.mailbox, label) if len(found) <= APART_MAX else _UAL
        first, last = one.from_us // HOUR_US, -(-one.to_us // HOUR_US)
        ledger.lines[TENANT, source].mark(first, last, OFF, (HELD, EMPTY, MISSING), one.why)
