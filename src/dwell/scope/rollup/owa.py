"""Rows of the OWA server log to sessions: whose mailbox, who opened it, and the action, which is the row's `EventId`.

`PSA` is the address of the mailbox that was opened. `user` is who opened it and is written only where that is somebody
else; without it the mailbox is the account's own. The address of the client is not in this log: the browser's cookie
`ClientId` is, and stands in its place (`browser:0A1B…`) until the log of a front end says more: by the id `ActID`,
where that is the id of a request at the front end (`rollup.joins`), else by account and time (`scope.browsers`). An
action that failed for lack of rights is a refusal; one that failed otherwise is no yes.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.scope.rollup import fold, layers
from dwell.scope.rollup.event_data import persons, value
from dwell.scope.rollup.fold import Codes, Column
from dwell.scope.rollup.protocols import act_of, wrote_by
from dwell.scope.rollup.requests import sampled
from dwell.scope.rollup.shapes import Act, Outcome
from dwell.scope.rollup.told import Joined, Told, sessions_of
from dwell.scope.words import BROWSER

__all__ = ["COLUMNS", "DICTIONARY", "NEEDS", "fold_file", "told_in"]

COLUMNS = ("evidence_id", "record_no", "time_utc", "host", "EventId", "EventDataMap")
DICTIONARY = ("evidence_id", "host", "EventId")
NEEDS = ("sessions", "grounds", "hours", "requests")

_KEYS = {
    "mailbox": ("PSA",),
    "user": ("user", "User"),
    "action": ("Action",),
    "error": ("Err",),
    "browser": ("ClientId",),
    "id": ("ActID",),
}
"""Keys of `EventData`, and other spellings of them."""
_BROWSER_ID = r"^(?P<v>[0-9A-Za-z-]{8,64})$"
_NO_ACT = frozenset({"globalactivity", "logdatapoint"})
"""Rows of the server's own bookkeeping, and what a page reports about itself."""
_DONE = frozenset({"success", "noerror", "0"})


def _outcome(error: str | None) -> Outcome:
    lowered = (error or "success").lower()
    if lowered in _DONE:
        return Outcome.OK
    return Outcome.REFUSED if "accessdenied" in lowered else Outcome.OTHER


def _ranked(column: Column) -> Codes:
    """Give the `Act` of each row's action."""
    return column.each([act_of(one) for one in column.values], Act.OPENED)


def _changing(column: Column) -> Codes:
    """Say of each row's action whether it changed something (`protocols.wrote_by`)."""
    return column.each([wrote_by(one) for one in column.values], -1)


def told_in(table: pa.Table) -> Told:
    """Give what rows tell of accesses."""
    data = table["EventDataMap"]
    told = pa.table({name: value(data, keys) for name, keys in _KEYS.items()})
    columns = {one: fold.texts(told, one) for one in _KEYS if one != "id"}
    mailbox, user = (persons(columns[one]) for one in ("mailbox", "user"))
    actor = fold.first(user, mailbox)
    event = fold.texts(table, "EventId")
    idle = event.flags([(one or "").lower() in _NO_ACT for one in event.values])
    error = columns["error"]
    browsers = fold.extracted(columns["browser"], _BROWSER_ID)
    host = fold.texts(table, "host")
    keys = {
        "host": host,
        "protocol": fold.constant(table, "owa"),
        "actor": actor,
        "mailbox": mailbox,
        "basis": fold.stated(mailbox),
        "client": fold.mapped(
            columns["browser"], [None if one is None else f"{BROWSER}{one.upper()}" for one in browsers]
        ),
        "agent": Column(np.full(table.num_rows, -1, np.int64), []),
        "layer": fold.constant(table, "back"),
    }
    outcome = error.each([_outcome(one) for one in error.values], Outcome.OK)
    accesses = (actor.codes >= 0) & (event.codes >= 0) & ~idle & (fold.instants(table) >= 0)
    # a row that is no act of anybody is nobody's request
    ids = pc.if_else(pa.array(accesses), told["id"].combine_chunks(), pa.scalar(None, pa.string()))
    return Told(
        "owa",
        keys,
        accesses,
        outcome,
        np.asarray(error.codes >= 0),
        np.maximum(_ranked(event), _ranked(columns["action"])),
        None,
        layers.of_service(layers.OWA, "owa", None, host, outcome, ids),
        wrote=np.maximum(_changing(event), _changing(columns["action"])),
    )


def fold_file(table: pa.Table, joined: Joined | None = None) -> dict[str, pa.Table]:
    """Fold one data file."""
    told = told_in(table)
    named = table.append_column("ActID", value(table["EventDataMap"], _KEYS["id"]))
    return {**sessions_of(told, table, joined), "hours": fold.hours(table), "requests": sampled(named, "ActID")}
