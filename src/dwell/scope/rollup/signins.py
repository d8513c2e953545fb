"""Entra sign-ins to sessions in which nothing is opened: who signed in from where, and who was refused.

The audit log tells the same sign-ins as `UserLoggedIn`: both are called `m365-sign-in`. An interrupt is neither a yes nor
a no: a second factor was asked for, or the user was asked whether to stay signed in. Sign-ins of services are left out, as
they have no user. Copies of a record (`id`) are folded once per data file.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa

from dwell.model.addresses import address
from dwell.scope.rollup import fold
from dwell.scope.rollup.fold import Column
from dwell.scope.rollup.shapes import Outcome
from dwell.scope.rollup.ual import TENANT

__all__ = ["COLUMNS", "DICTIONARY", "NEEDS", "fold_file"]

TEXTS = ("userPrincipalName", "ipAddress", "userAgent", "status.errorCode", "resultType", "id")
COLUMNS = ("evidence_id", "record_no", "time_utc", *TEXTS)
DICTIONARY = ("evidence_id", *TEXTS)
NEEDS = ("sessions", "hours")

_INTERRUPTS = {50055, 50058, 50072, 50074, 50076, 50079, 50097, 50125, 50127, 50129, 50140, 50143, 50144, 65001, 81010}
"""Codes of sign-ins that were left to go on in another step, Microsoft Learn, "Microsoft Entra authentication and
authorization error codes"."""
_CODE = re.compile(r"[0-9]{1,9}")


def _outcome(text: str | None) -> Outcome:
    """Give the outcome of an error code; no code is neither a yes nor a no."""
    code = (text or "").strip()
    if not _CODE.fullmatch(code) or int(code) in _INTERRUPTS:
        return Outcome.OTHER
    return Outcome.REFUSED if int(code) else Outcome.OK


def fold_file(table: pa.Table) -> dict[str, pa.Table]:
    """Fold one data file."""
    columns = {one: fold.texts(table, one) for one in TEXTS}
    actor, client = columns["userPrincipalName"], columns["ipAddress"]
    result = fold.first(columns["status.errorCode"], columns["resultType"])
    none = Column(np.full(table.num_rows, -1, np.int64), [])
    host = fold.constant(table, TENANT)
    keys = {
        "host": host,
        "protocol": fold.constant(table, "m365-sign-in"),
        "actor": actor,
        "mailbox": none,
        "basis": fold.constant(table, "assumed"),
        "client": fold.mapped(client, [address(one) for one in client.values]),
        "agent": columns["userAgent"],
        "layer": fold.constant(table, "back"),
    }
    accesses = actor.flags([bool(one) for one in actor.values]) & (fold.instants(table) >= 0)
    once = fold.once(columns["id"])
    found = fold.sessions(
        "signins",
        keys,
        rows=once[accesses[once]],
        table=table,
        outcome=result.each([_outcome(one) for one in result.values], Outcome.OTHER),
        act=np.zeros(table.num_rows, np.int64),
        sent=None,
    ).sessions
    return {"sessions": found, "hours": fold.hours(table, host=host)}
