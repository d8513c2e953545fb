"""Logs that are held and could not have shown an act: a held hour bears a negative only where the act would stand in it.

Two ways in which a log that is held is silent by itself. The tenant's audit records tell what was opened only where
`MailItemsAccessed` is recorded and exported: sign-ins and cmdlets alone say nothing of mail. And HttpProxy writes a file
for each protocol: one of ActiveSync's has no request to the web. Both are told by what the log does hold: an hour counts
for an act where a record of its kind is held within a week of it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.scope.access import Accesses
from dwell.scope.cells import EMPTY, HELD, HOUR_US, OFF, Hours
from dwell.scope.ledger import NO_HOST, Ledger
from dwell.scope.rollup.layers import FOLDERS, PROXY
from dwell.scope.rollup.ual import TENANT

__all__ = ["FORGED", "OPENING", "WEEK", "mark_unable", "recorded_of"]

WEEK = 168
"""Hours. People who read mail leave records of it every week; holidays and weekends are shorter than that."""
OPENING, FORGED = "opening", "forged-request"
"""The opening of a mailbox, whichever way; a forged request. Other acts go by the keys of the ways of reading mail."""
_OPENED = (OPENING, "tenant-password", "tenant-other", "tenant-app")
_FOLDERS: Mapping[str, tuple[str, ...]] = {
    "owa-password": ("owa", "ecp"),
    "ews-password": ("ews",),
    "impersonation": ("ews",),
    "eas-device": ("microsoft-server-activesync",),
    "outlook": ("mapi", "rpc"),
    FORGED: ("owa", "ecp"),
}
"""Virtual directories whose requests HttpProxy writes into the files that show an act."""
_UAL, _PROXY = "ual", "httpproxy"
NO_OPENING = "no record of what was opened in any mailbox (MailItemsAccessed) is held within a week"


def recorded_of(accesses: Accesses) -> frozenset[str]:
    """Give the mailboxes of which the tenant recorded at least once what was opened in them."""
    return frozenset(accesses.names[one] for one in np.unique(accesses.mailbox[_opened(accesses)]).tolist() if one >= 0)


def mark_unable(ledger: Ledger, accesses: Accesses, layers: pa.Table) -> None:
    """Note in which hours logs that are held could not have shown an act.

    Args:
        ledger: the ledger, changed.
        accesses: all sessions.
        layers: what each layer logged, rows in `rollup.shapes.LAYERS`.
    """
    if (TENANT, _UAL) in ledger.lines:
        rows = _opened(accesses)
        hours = np.concatenate([one[rows] for one in (accesses.first, accesses.last)]) // HOUR_US
        for act in _OPENED:
            _mark(ledger, (TENANT, _UAL, act), hours, NO_OPENING)
    proxied = layers.filter(pc.equal(layers["layer"], PROXY))
    hosts = proxied["host"].to_pylist()
    folder, hour = proxied["folder"].to_numpy(), proxied["hour"].to_numpy()
    by_host: dict[str, list[int]] = {}
    for place, host in enumerate(hosts):
        by_host.setdefault(host or NO_HOST, []).append(place)
    for host in sorted({host for host, source in ledger.lines if source == _PROXY}):
        mine = np.array(by_host.get(host, []), np.int64)
        for act, names in _FOLDERS.items():
            met = np.isin(folder[mine], [FOLDERS.index(one) for one in names])
            told = " or ".join(f"/{one}" for one in names)
            why = f"HttpProxy writes a file for each protocol, and none with a request to {told} is held within a week"
            _mark(ledger, (host, _PROXY, act), hour[mine][met], why)


def _opened(accesses: Accesses) -> npt.NDArray[np.int64]:
    """Give the sessions that are records of what was opened in a mailbox of the tenant."""
    rows = np.flatnonzero(accesses.having("table", _UAL) & accesses.ok)
    acts = accesses.rows(rows, ("named", "synced"))
    told = acts["named"].to_numpy() + acts["synced"].to_numpy() > 0
    return np.asarray(rows[told], np.int64)


def _mark(ledger: Ledger, key: tuple[str, str, str], hours: Hours, why: str) -> None:
    """Mark the hours of a line that lie further than a week from every record of a kind."""
    whole = ledger.lines[key[:2]]
    near = np.zeros(len(whole.states) + 1, np.int64)
    met = np.unique(hours) - whole.start
    first, last = np.clip(met - WEEK, 0, len(whole.states)), np.clip(met + WEEK + 1, 0, len(whole.states))
    np.add.at(near, first, 1)
    np.add.at(near, last, -1)
    far = np.flatnonzero((np.cumsum(near[:-1]) == 0) & np.isin(whole.states, (HELD, EMPTY)))
    if len(far):
        line = ledger.unable.setdefault(key, whole.as_whole())
        line.states[far] = OFF
        line.reasons[OFF] = [why]
