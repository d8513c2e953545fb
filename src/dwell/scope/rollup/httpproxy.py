"""HttpProxy rows to sessions, builds, and the requests the front end was made to send elsewhere.

The mailbox is the one that the path or the query names (`explicit`), else the one the request was routed by
(`AnchorMailbox`, `routed`), else the authenticated user's own (`assumed`). Rows routed to a server by a forged
`ServerInfo~` are no ordinary accesses: they go to the `proxy` table row by row.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.addresses import address, first_hop
from dwell.scope.rollup import fold
from dwell.scope.rollup.fold import Codes, Column
from dwell.scope.rollup.iis import outcome_of
from dwell.scope.rollup.protocols import act_of, protocol_of, stated_mailbox
from dwell.scope.rollup.requests import sampled
from dwell.scope.rollup.shapes import BUILDS, PROXY, Act
from dwell.scope.words import name_of

__all__ = ["COLUMNS", "DICTIONARY", "NEEDS", "builds", "client_of", "fold_file"]

TEXTS = (
    "Protocol", "UrlStem", "UrlQuery", "AuthenticatedUser", "AnchorMailbox", "UserAgent", "ClientIpAddress",
    "BackEndCookie", "host",
)  # fmt: skip
VERSION = ("MajorVersion", "MinorVersion", "BuildVersion", "RevisionVersion")
COLUMNS = (
    "evidence_id", "record_no", "time_utc", "RequestId", *TEXTS, *VERSION, "HttpStatus", "ResponseBytes", "ProtocolAction",
)  # fmt: skip
DICTIONARY = ("evidence_id", *TEXTS, "ProtocolAction")
NEEDS = ("sessions", "hours", "builds", "proxy", "requests")

FORGED = ("serverinfo~", "server~")
_ACTION = r"(?i)(?:^|[?&;])(?:action|Cmd)=(?P<v>[A-Za-z]+)"
_MAILBOX_ID = r"(?i)(?:^|[?&;])MailboxId=(?P<v>[^&;\s]+)"
_PARTS = re.compile(r"[,\s]+")
_MAIL = frozenset({"owa", "ews", "mapi", "rpchttp", "eas", "ecp", "rest"})
_SHORT = {"rpchttp": "rpc"}


def builds(table: pa.Table, host: Column) -> pa.Table:
    """Give each build that rows of a host carry, with its first and last row."""
    when = fold.instants(table)
    parts = [fold.numbers(table, one) for one in VERSION]
    rows = np.flatnonzero((when >= 0) & np.all([part >= 0 for part in parts], axis=0))
    if not len(rows):
        return BUILDS.empty_table()
    number = fold.numbers(table, "record_no")[rows]
    order, starts = fold.runs(fold.group([host.codes[rows], *(part[rows] for part in parts)]), when[rows], number, None)
    first = rows[order[starts]]
    last = rows[order[np.append(starts[1:], len(order)) - 1]]
    build = [".".join(str(part[one]) for part in parts) for one in first]
    kind = BUILDS.field("first_utc").type
    return pa.table(
        [
            host.text(first),
            pa.array(build, pa.string()),
            pa.array(when[first]).cast(kind),
            pa.array(when[last]).cast(kind),
            fold.texts(table, "evidence_id").text(first),
            table["record_no"].combine_chunks().take(pa.array(first)),
        ],
        schema=BUILDS,
    )


def _forged(table: pa.Table, columns: dict[str, Column], client: Column) -> tuple[Codes, pa.Table]:
    """Give the rows that a forged anchor or cookie sent elsewhere, and their table."""
    marked = np.zeros(table.num_rows, np.bool_)
    for name in ("AnchorMailbox", "BackEndCookie"):
        column = columns[name]
        # an ordinary cookie names a server, a forged one a path behind it
        path = "/" if name == "BackEndCookie" else ""
        marked |= column.flags(
            [(one or "").lower().startswith(FORGED) and path in (one or "") for one in column.values]
        )
    rows = np.flatnonzero(marked)
    taken = pa.array(rows)
    anchor = _targets(columns, rows)
    out = [
        columns["host"].text(rows),
        table["time_utc"].combine_chunks().take(taken),
        client.text(rows),
        columns["UserAgent"].text(rows),
        anchor,
        columns["UrlStem"].text(rows),
        table["HttpStatus"].combine_chunks().cast(pa.int32()).take(taken),
        table["ResponseBytes"].combine_chunks().take(taken),
        table["RequestId"].combine_chunks().take(taken),
        fold.texts(table, "evidence_id").text(rows),
        table["record_no"].combine_chunks().take(taken),
    ]
    return rows, pa.table(out, schema=PROXY)


def _targets(columns: dict[str, Column], rows: Codes) -> pa.Array:
    """Give where each forged row was sent: by its anchor, else by its cookie."""
    anchor, cookie = (columns[one].text(rows).fill_null("") for one in ("AnchorMailbox", "BackEndCookie"))
    forged = pc.or_(*(pc.starts_with(pc.utf8_lower(anchor), one) for one in FORGED))
    return pc.if_else(forged, anchor, cookie)


def client_of(texts: Column) -> Column:
    """Give the client per row: the front end writes the forwarded chain with blanks in place of its commas."""
    chains = [None if one is None else [address(part) for part in _PARTS.split(one.strip())] for one in texts.values]
    return fold.mapped(texts, [None if one is None else first_hop(one) for one in chains])


def _mailboxes(columns: dict[str, Column]) -> tuple[Column, Column]:
    stem, query, anchor = columns["UrlStem"], columns["UrlQuery"], columns["AnchorMailbox"]
    by_path = fold.mapped(stem, [stated_mailbox(one) for one in stem.values])
    by_query = fold.mapped(query, fold.extracted(query, _MAILBOX_ID))
    routes = [one if (name := name_of(one)) is not None and name.kind != "sam" else None for one in anchor.values]
    by_route = fold.mapped(anchor, routes)
    shift = len(by_path.values)
    further = shift + len(by_query.values)
    codes = np.select(
        [by_path.codes >= 0, by_query.codes >= 0, by_route.codes >= 0],
        [by_path.codes, by_query.codes + shift, by_route.codes + further],
        -1,
    ).astype(np.int64)
    basis = np.select([codes < 0, codes < further], [0, 2], 1).astype(np.int64)
    mailbox = Column(codes, [*by_path.values, *by_query.values, *by_route.values])
    return mailbox, Column(basis, ["assumed", "routed", "explicit"])


def fold_file(table: pa.Table) -> dict[str, pa.Table]:
    """Fold one data file."""
    columns = {one: fold.texts(table, one) for one in TEXTS}
    peers = columns["ClientIpAddress"]
    client = client_of(peers)
    forged, proxy = _forged(table, columns, client)
    named = [one.lower() if one else None for one in columns["Protocol"].values]
    by_name = [_SHORT.get(one, one) if one in _MAIL else None for one in named]
    protocol = fold.mapped(columns["Protocol"], by_name)
    paths = columns["UrlStem"]
    action = fold.texts(table, "ProtocolAction")
    query = columns["UrlQuery"]
    act = np.maximum(
        query.each([act_of(one) for one in fold.extracted(query, _ACTION)], Act.OPENED),
        action.each([act_of(one) for one in action.values], Act.OPENED),
    )
    accesses = (protocol.codes >= 0) & paths.flags([protocol_of(one) is not None for one in paths.values])
    accesses &= (columns["AuthenticatedUser"].codes >= 0) & (fold.instants(table) >= 0)
    accesses[forged] = False
    mailbox, basis = _mailboxes(columns)
    keys = {
        "host": columns["host"],
        "protocol": protocol,
        "actor": columns["AuthenticatedUser"],
        "mailbox": mailbox,
        "basis": basis,
        "client": client,
        "agent": columns["UserAgent"],
        "layer": fold.constant(table, "front"),
    }
    found = fold.sessions(
        "httpproxy",
        keys,
        rows=np.flatnonzero(accesses),
        table=table,
        outcome=outcome_of(fold.numbers(table, "HttpStatus")),
        act=act,
        sent=fold.numbers(table, "ResponseBytes"),
    )
    return {
        "sessions": found,
        "hours": fold.hours(table),
        "builds": builds(table, columns["host"]),
        "proxy": proxy,
        "requests": sampled(table, "RequestId"),
    }
