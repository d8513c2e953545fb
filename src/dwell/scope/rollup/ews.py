"""EWS calls to sessions: the log that names the mailbox acted on (`ActAsUser`, `ImpersonatedUser`) and the SOAP action.

`ActAsUser` is whom the server acted as; where it differs from the caller the caller opened someone else's mailbox.
`RequestId` is the front end's: a call that was forged through the front end is joined to it there (`scope.forgery`).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from dwell.model.addresses import address
from dwell.scope.rollup import fold, layers
from dwell.scope.rollup.fold import Column, Places
from dwell.scope.rollup.httpproxy import VERSION, builds
from dwell.scope.rollup.iis import outcome_of
from dwell.scope.rollup.layers import Logged
from dwell.scope.rollup.protocols import act_of, wrote_by
from dwell.scope.rollup.requests import sampled
from dwell.scope.rollup.shapes import Act
from dwell.scope.rollup.told import Joined, Told, layers_of, sessions_of

__all__ = ["COLUMNS", "DICTIONARY", "ID_COLUMNS", "ID_TEXTS", "NEEDS", "fold_file", "logged_in", "told_in"]

TEXTS = (
    "AuthenticatedUser", "ActAsUser", "ImpersonatedUser", "UserAgent", "ClientIpAddress", "SoapAction", "FrontEndServer",
    "AuthenticationType", "host",
)  # fmt: skip
COLUMNS = ("evidence_id", "record_no", "time_utc", "RequestId", *TEXTS, *VERSION, "HttpStatus", "ResponseSize")
DICTIONARY = ("evidence_id", *TEXTS)
ID_TEXTS = ("FrontEndServer", "host")
ID_COLUMNS = ("time_utc", *ID_TEXTS, "HttpStatus", "RequestId")
"""What other layers are held against; `ID_TEXTS` are read as codes."""
NEEDS = ("sessions", "grounds", "hours", "builds", "requests", "layers")


def _mailboxes(columns: dict[str, Column]) -> tuple[Column, Column]:
    first, second = columns["ImpersonatedUser"], columns["ActAsUser"]
    shift = len(first.values)
    codes = np.where(first.codes >= 0, first.codes, np.where(second.codes >= 0, second.codes + shift, -1))
    blank = [index for index, one in enumerate([*first.values, *second.values]) if not one]
    codes = np.where(np.isin(codes, blank), -1, codes).astype(np.int64)
    return Column(codes, [*first.values, *second.values]), Column(
        (codes >= 0).astype(np.int64), ["assumed", "explicit"]
    )


def _logged(front: Column, host: Column, outcome: Places) -> Logged:
    return layers.of_service(layers.EWS, "ews", front, host, outcome)


def logged_in(table: pa.Table) -> Logged:
    """Give what rows of a table with `ID_COLUMNS` say to other layers."""
    outcome = outcome_of(fold.numbers(table, "HttpStatus"))
    return _logged(fold.texts(table, "FrontEndServer"), fold.texts(table, "host"), outcome)


def told_in(table: pa.Table) -> Told:
    """Give what rows tell of accesses."""
    columns = {one: fold.texts(table, one) for one in TEXTS}
    action = columns["SoapAction"]
    mailbox, basis = _mailboxes(columns)
    peers = columns["ClientIpAddress"]
    status = fold.numbers(table, "HttpStatus")
    outcome = outcome_of(status)
    keys = {
        "host": columns["host"],
        "protocol": fold.constant(table, "ews"),
        "actor": columns["AuthenticatedUser"],
        "mailbox": mailbox,
        "basis": basis,
        "client": fold.mapped(peers, [address(one) for one in peers.values]),
        "agent": columns["UserAgent"],
        "layer": fold.constant(table, "back"),
        "auth": fold.first(columns["AuthenticationType"]),
    }
    return Told(
        "ews",
        keys,
        (columns["AuthenticatedUser"].codes >= 0) & (action.codes >= 0) & (fold.instants(table) >= 0),
        outcome,
        status >= 0,
        action.each([act_of(one) for one in action.values], Act.OPENED),
        fold.numbers(table, "ResponseSize"),
        _logged(columns["FrontEndServer"], columns["host"], outcome),
        wrote=action.each([wrote_by(one) for one in action.values], -1, np.int8),
    )


def fold_file(table: pa.Table, joined: Joined | None = None) -> dict[str, pa.Table]:
    """Fold one data file."""
    told = told_in(table)
    return {
        **sessions_of(told, table, joined),
        "hours": fold.hours(table),
        "builds": builds(table, told.columns["host"]),
        "requests": sampled(table, "RequestId"),
        **layers_of(told, table),
    }
