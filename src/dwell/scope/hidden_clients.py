"""Hours in which a log that is held names no client of its own: whoever came in there looks like everybody else.

Two kinds. At the *back end* IIS writes the front end as the client of every request, so that lines of the back end alone
say whose mailbox was opened and not from where. And behind a *balancer* or proxy that forwards no client all accounts
come from one or few addresses of the house. No intruder is told from the owners by such lines: they bear no negative.

Both are told by what the log holds. A network of desks is neither: there each account has an address of its own, and one
from outside would stand out.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from dwell.model.addresses import is_internal
from dwell.model.hypotheses import Told, Where
from dwell.scope.access import DAY_US, Accesses
from dwell.scope.cells import HOUR_US
from dwell.scope.ledger import NO_HOST, SERVER_SOURCES, Ledger
from dwell.scope.modes import modes
from dwell.scope.months import MONTH_DAYS
from dwell.scope.rollup.fold import Places, group, narrow, paired, ranked
from dwell.scope.rollup.layers import BACK, is_own
from dwell.scope.unable import ENTRY, OPENING, SHELL, WEEK

__all__ = ["mark_hidden"]

ACCOUNTS_MIN = 5
"""Fewer accounts from one address of the house are a family of devices, or a room."""
SERVES_SHARE = 0.5
"""A balancer brings so great a part of all accounts, each of several that share the work as well."""
SESSIONS_SHARE = 0.95
"""So great a part of all sessions comes from balancers where nothing else is let through but probes of the server's own."""
_HOURS_A_MONTH = MONTH_DAYS * 24
_AT_BACK_END = "its lines are the back end's, whose client is the front end: from where an account came is not in them"
_FRONT_ONLY = "its lines are the back end's: requests to the front end's own folders are not in them"

Codes = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def mark_hidden(ledger: Ledger, accesses: Accesses, servers: Collection[str]) -> None:
    """Note in which hours logs that are held could not have told an intruder by his client.

    Args:
        ledger: the ledger, changed.
        accesses: all sessions.
        servers: addresses of the mail servers themselves.
    """
    rows = narrow(np.flatnonzero(accesses.ok & ~accesses.system & (accesses.account >= 0)))
    if not len(rows):
        return
    host, hosts = _texts(accesses, "host", rows)
    table, tables = _texts(accesses, "table", rows)
    log = narrow(paired(host + 1, len(tables) + 1, table + 1))
    layer, layers = _texts(accesses, "layer", rows)
    back = np.array([*(one == BACK for one in layers), False])[layer]
    client, clients = _texts(accesses, "client", rows)
    mine = np.array([*(is_own(one) or one in servers for one in clients), True])
    own, inside = mine[client], np.array([*(is_internal(one) for one in clients), False]) & ~mine
    for key in np.flatnonzero(np.bincount(log)).tolist():
        at_host, at_table = (one - 1 for one in divmod(key, len(tables) + 1))
        name, source = hosts[at_host] if at_host >= 0 else NO_HOST, tables[at_table]
        if source not in SERVER_SOURCES or (name, source) not in ledger.lines:
            continue
        mine = np.flatnonzero(log == key)
        hidden = back[mine] & own[mine]
        if hidden.any():
            hours = [accesses.first[rows[mine[one]]] // HOUR_US for one in (hidden, ~hidden)]
            dark = _far_from(ledger, (name, source), *hours)
            _mark(ledger, (name, source), dark, _AT_BACK_END)
            ledger.mark_unable((name, source, SHELL), dark, _FRONT_ONLY)
        at = mine[~hidden]
        for month, addresses, accounts in _funnels(accesses, rows[at], client[at], inside):
            told = ", ".join(sorted(clients[one] for one in addresses))
            why = (
                f"nearly all sessions of {accounts:,} accounts come from {told}: whoever is behind it is not in the log"
            )
            _mark(ledger, (name, source), _of_month(ledger, (name, source), month), why)


def _texts(accesses: Accesses, column: str, rows: Places) -> tuple[Places, list[str]]:
    """Give a text column of some sessions, as codes into its distinct values, -1 for null."""
    codes, values = accesses.texts(column)
    return codes[rows], values


def _funnels(accesses: Accesses, rows: Places, client: Places, inside: Flags) -> list[tuple[int, list[int], int]]:
    """Give the months in which nearly everything came from few addresses of the house, with these and how many accounts.

    Args:
        accesses: all sessions.
        rows: the sessions of one log of one host.
        client: the client of each, as code; -1 where it is unknown.
        inside: per client whether it is an address of the house and of no mail server.
    """
    out = []
    months = accesses.first[rows] // (DAY_US * MONTH_DAYS)  # sessions are in order of time
    starts = np.flatnonzero(np.diff(months, prepend=-1))
    for first, end in pairwise([*starts.tolist(), len(rows)]):
        month, here = int(months[first]), slice(first, end)
        who, came = accesses.account[rows[here]], client[here].astype(np.int64)
        accounts = len(np.unique(who))
        if accounts < ACCOUNTS_MIN:
            continue
        pairs = np.unique(ranked(group([came, who])), return_index=True)[1]
        codes, users = np.unique(came[pairs], return_counts=True)
        serving = codes[(users >= max(ACCOUNTS_MIN, SERVES_SHARE * accounts)) & inside[codes]]
        if len(serving) and np.isin(came, serving).mean() >= SESSIONS_SHARE:
            out.append((month, serving.tolist(), accounts))
    return out


def _far_from(ledger: Ledger, key: tuple[str, str], hidden: Codes, told: Codes) -> Codes:
    """Give the hours of a line within a week of a hidden session, and further than that from all others; as places."""
    line = ledger.lines[key]
    return np.flatnonzero(line.near(hidden, WEEK) & ~line.near(told, WEEK))


def _of_month(ledger: Ledger, key: tuple[str, str], month: int) -> Codes:
    line = ledger.lines[key]
    first = month * _HOURS_A_MONTH - line.start
    return np.arange(max(0, first), min(len(line.states), max(0, first + _HOURS_A_MONTH)))


def _mark(ledger: Ledger, key: tuple[str, str], places: Codes, why: str) -> None:
    """Mark hours of a log for every way of access of which only the client would tell."""
    told = [one.key for one in modes() if one.told is Told.CLIENT and one.where is Where.SERVERS and key[1] in one.able]
    for act in (OPENING, ENTRY, *told):
        ledger.mark_unable((*key, act), places, why)
