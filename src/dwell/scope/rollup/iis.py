"""IIS lines to sessions: who asked for whose mailbox, by the path, the query and the name that IIS wrote down.

The front end's log names the mailbox in `/owa/x@y/` and in `MailboxId=`; elsewhere the mailbox is taken to be the
authenticated user's own, and the session says `assumed`. The `User=` of ActiveSync is what the client wrote, and not
believed. A line that IIS wrote without a user is no access: it is a request that was challenged, refused, or needed no
name. What the back end (port 444) wrote down is the same request a second time, and its sessions say so.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from dwell.model.addresses import address, behind_balancers
from dwell.scope.rollup import fold
from dwell.scope.rollup.fold import Codes, Column
from dwell.scope.rollup.protocols import act_of, protocol_of, stated_mailbox
from dwell.scope.rollup.requests import sampled
from dwell.scope.rollup.shapes import Act, Outcome

__all__ = ["COLUMNS", "DICTIONARY", "NEEDS", "fold_file", "outcome_of", "through_balancers"]

TEXTS = ("cs-uri-stem", "cs-uri-query", "cs-username", "c-ip", "cs-user-agent", "X-Forwarded-For", "host")
COLUMNS = ("evidence_id", "record_no", "time_utc", *TEXTS, "s-port", "sc-status", "sc-bytes", "cafeReqId")
DICTIONARY = ("evidence_id", *TEXTS)
NEEDS = ("sessions", "hours", "requests")

BACK_END = 444
_ACTION = r"(?i)(?:^|[?&;])(?:action|Cmd|SoapAction)=(?P<v>[A-Za-z]+)"
_MAILBOX_ID = r"(?i)(?:^|[?&;])MailboxId=(?P<v>[^&;\s]+)"


def outcome_of(status: Codes) -> Codes:
    """Give the `Outcome` of HTTP status codes: 2xx and 304 are a yes, 401, 403 and 440 a no, anything else is neither."""
    out = np.full(len(status), int(Outcome.OTHER), np.int64)
    out[((status >= 200) & (status < 300)) | (status == 304)] = int(Outcome.OK)
    out[np.isin(status, (401, 403, 440, 456))] = int(Outcome.REFUSED)
    return out


def through_balancers(client: Column, forwarded: Column) -> Column:
    """Give the client address per row, looking through internal balancers."""
    if not forwarded.values or bool((forwarded.codes < 0).all()):
        return fold.mapped(client, [address(one) for one in client.values])
    pairs = fold.group([client.codes, forwarded.codes])
    distinct, first, inverse = np.unique(pairs, return_index=True, return_inverse=True)
    del distinct
    found = [
        behind_balancers(
            client.values[client.codes[one]] if client.codes[one] >= 0 else None,
            forwarded.values[forwarded.codes[one]] if forwarded.codes[one] >= 0 else None,
        )
        for one in first
    ]
    return fold.mapped(Column(inverse.astype(np.int64), [str(one) for one in range(len(found))]), found)


def _mailboxes(stem: Column, query: Column) -> tuple[Column, Column]:
    """Give the stated mailbox and its basis per row: the path first, then the query."""
    by_path = fold.mapped(stem, [stated_mailbox(one) for one in stem.values])
    by_query = fold.mapped(query, fold.extracted(query, _MAILBOX_ID))
    shift = len(by_path.values)
    codes = np.where(by_path.codes >= 0, by_path.codes, np.where(by_query.codes >= 0, by_query.codes + shift, -1))
    mailbox = Column(codes, [*by_path.values, *by_query.values])
    return mailbox, Column((codes >= 0).astype(np.int64), ["assumed", "explicit"])


def fold_file(table: pa.Table, name: str = "iis") -> dict[str, pa.Table]:
    """Fold one data file; `name` is the archive table."""
    columns = {one: fold.texts(table, one, dash=one != "host") for one in TEXTS}
    stem, query = columns["cs-uri-stem"], columns["cs-uri-query"]
    protocol = fold.mapped(stem, [protocol_of(one) for one in stem.values])
    mailbox, basis = _mailboxes(stem, query)
    act = query.each([act_of(one) for one in fold.extracted(query, _ACTION)], Act.OPENED)
    accesses = (protocol.codes >= 0) & (columns["cs-username"].codes >= 0) & (fold.instants(table) >= 0)
    status = fold.numbers(table, "sc-status")
    keys = {
        "host": columns["host"],
        "protocol": protocol,
        "actor": columns["cs-username"],
        "mailbox": mailbox,
        "basis": basis,
        "client": through_balancers(columns["c-ip"], columns["X-Forwarded-For"]),
        "agent": columns["cs-user-agent"],
        "layer": Column((fold.numbers(table, "s-port") == BACK_END).astype(np.int64), ["front", "back"]),
    }
    rows = np.flatnonzero(accesses)
    found = fold.sessions(
        name, keys, rows=rows, table=table, outcome=outcome_of(status), act=act, sent=fold.numbers(table, "sc-bytes")
    )
    return {"sessions": found, "hours": fold.hours(table), "requests": sampled(table, "cafeReqId")}
