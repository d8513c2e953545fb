"""Logs that are held and could not have shown an act: a held hour bears a negative only where the act would stand in it.

Four ways in which a log that is held is silent by itself. IIS writes the fields that it was told to: without the
account's name, the client's address or its agent it shows that mail was read, and by nobody. The tenant's audit records
tell what was opened only where `MailItemsAccessed` is recorded and exported: sign-ins and cmdlets alone say nothing of
mail. HttpProxy writes a file for each protocol: one of ActiveSync's has no request to the web. And a Security log holds
logons only where they are audited and exported. The last three are told by what the log does hold: an hour counts for an
act where a record of its kind is held within a week of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.scope.access import Accesses
from dwell.scope.cells import HOUR_US, Hours, Line
from dwell.scope.ledger import NO_HOST, Ledger
from dwell.scope.lowering import Shortfall, windows, without
from dwell.scope.rollup.layers import FOLDERS, PROXY
from dwell.scope.rollup.ual import TENANT

__all__ = [
    "ENTRY", "FORGED", "LOGON", "OPENING", "SHELL", "WEEK", "acts_of", "mark_nameless", "mark_silent", "mark_unable",
    "recorded_of",
]  # fmt: skip

WEEK = 168
"""Hours. People who read mail leave records of it every week; holidays and weekends are shorter than that."""
OPENING, ENTRY, FORGED, SHELL, LOGON = "opening", "entry", "forged-request", "web-shell", "logon"
"""The opening of a mailbox, whichever way; a sign-in with somebody's password; a forged request; the use of a web shell; a
logon to a machine. Other acts go by the keys of the ways of reading mail."""
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
_BY_NAME = (OPENING, ENTRY, "owa-password", "ews-password", "eas-device", "outlook", "owner-like")
"""Acts that IIS shows by the client and the account of a request."""
_UAL, _PROXY, _IIS = "ual", "httpproxy", "iis"
_EVTX, SECURITY = "evtx", "evtx/Security"
NO_LOGON = "no logon of anybody is held within a week: they were not audited, or the export left them out"
NO_OPENING = "no record of what was opened in any mailbox (MailItemsAccessed) is held within a week"


def acts_of(folder: str) -> tuple[str, ...]:
    """Give the acts that requests to a virtual directory show, by its name in lower case."""
    return tuple(act for act, names in _FOLDERS.items() if folder in names)


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


def mark_silent(ledger: Ledger, logon_hours: pa.Table) -> None:
    """Note in which hours Security logs are held that tell of no logon: people and machines log on every week.

    Args:
        ledger: the ledger, changed.
        logon_hours: hours with a logon, rows in `rollup.shapes.LOGON_HOURS`.
    """
    hosts = pc.fill_null(logon_hours["host"].cast(pa.string()), NO_HOST).to_pylist()
    hour = logon_hours["hour"].to_numpy()
    of_host: dict[str, list[int]] = {}
    for place, host in enumerate(hosts):
        of_host.setdefault(host, []).append(place)
    for host, source in sorted(ledger.lines):
        if source == SECURITY:
            known = hour[np.array(of_host.get(host, []), np.int64)]
            silent = np.flatnonzero(~ledger.lines[host, source].near(known, WEEK))
            ledger.mark_unable((host, _EVTX, LOGON), silent, NO_LOGON, source)


def mark_nameless(
    ledger: Ledger, hours: Mapping[str, pa.Table], paths: Mapping[str, Sequence[str]], shortfalls: Sequence[Shortfall]
) -> None:
    """Note in which hours IIS logs are held that do not say who asked.

    Args:
        ledger: the ledger, changed.
        hours: records per hour of each log table (`rollup.shapes.HOURS`).
        paths: where each file lay.
        shortfalls: what the reader learned of each file.
    """
    lacking: dict[str, list[Shortfall]] = {}
    for one in shortfalls:
        if without(one):
            lacking.setdefault(one.evidence_id, []).append(one)
    if not lacking or _IIS not in hours:
        return
    files = (
        hours[_IIS].group_by(["evidence_id", "host"], use_threads=False).aggregate([("hour", "min"), ("hour", "max")])
    )
    of_host: dict[str, list[tuple[str, int, int]]] = {}
    for row in files.to_pylist():
        of_host.setdefault(row["host"] or NO_HOST, []).append(
            (row["evidence_id"], row["hour_min"], row["hour_max"] + 1)
        )
    for host, mine in sorted(of_host.items()):
        whole = ledger.lines.get((host, _IIS))
        if whole is None or not any(evidence in lacking for evidence, _, _ in mine):
            continue
        blind, seeing = (np.zeros(len(whole.states), np.bool_) for _ in range(2))
        for evidence, first, last in mine:
            own = np.zeros(len(whole.states), np.bool_)
            for one in lacking.get(evidence, ()):
                own[_cells(whole, (one.from_us or 0) // HOUR_US, (one.to_us or 0) // HOUR_US + 1)] = True
            promised = windows(paths.get(evidence, ()), np.array([first, last - 1])) if evidence in lacking else []
            for window in promised:
                # the hours of its name before its first line and after its last are those of the lines beside them
                own[_cells(whole, window[0], first)] = own[_cells(whole, first, first + 1)].any()
                own[_cells(whole, last, window[1])] = own[_cells(whole, last - 1, last)].any()
            blind |= own
            held = np.zeros(len(whole.states), np.bool_)
            held[_cells(whole, first, last)] = True
            seeing |= held & ~own
        why = "; ".join(sorted({one.detail for evidence, _, _ in mine for one in lacking.get(evidence, ())}))
        for act in _BY_NAME:
            ledger.mark_unable((host, _IIS, act), np.flatnonzero(blind & ~seeing), why)


def _cells(line: Line, first: int, last: int) -> slice:
    """Give the place of some hours in a line."""
    size = len(line.states)
    return slice(min(max(0, first - line.start), size), min(max(0, last - line.start), size))


def _opened(accesses: Accesses) -> npt.NDArray[np.int64]:
    """Give the sessions that are records of what was opened in a mailbox of the tenant."""
    rows = np.flatnonzero(accesses.having("table", _UAL) & accesses.ok)
    acts = accesses.rows(rows, ("named", "synced"))
    told = acts["named"].to_numpy() + acts["synced"].to_numpy() > 0
    return np.asarray(rows[told], np.int64)


def _mark(ledger: Ledger, key: tuple[str, str, str], hours: Hours, why: str) -> None:
    """Mark the hours of a line that lie further than a week from every record of a kind."""
    ledger.mark_unable(key, np.flatnonzero(~ledger.lines[key[:2]].near(hours, WEEK)), why)
