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

from dwell.model.addresses import address, forwarded_client, passed_through, trusted_hops
from dwell.scope.rollup import eas, fold, layers
from dwell.scope.rollup.asked import Asked
from dwell.scope.rollup.fold import Codes, Column, Places
from dwell.scope.rollup.iis import outcome_of
from dwell.scope.rollup.layers import Logged
from dwell.scope.rollup.protocols import act_of, protocol_of, stated_mailbox, wrote_by
from dwell.scope.rollup.requests import sampled
from dwell.scope.rollup.shapes import BUILDS, PROXY, Act, Outcome
from dwell.scope.rollup.told import Joined, Told, layers_of, sessions_of
from dwell.scope.words import name_of

__all__ = [
    "COLUMNS",
    "DICTIONARY",
    "ID_COLUMNS",
    "ID_TEXTS",
    "NEEDS",
    "builds",
    "client_of",
    "fold_file",
    "logged_in",
    "told_in",
    "via_of",
]

TEXTS = (
    "Protocol", "UrlStem", "AuthenticatedUser", "AnchorMailbox", "UserAgent", "ClientIpAddress", "BackEndCookie",
    "AuthenticationType", "host",
)  # fmt: skip
VERSION = ("MajorVersion", "MinorVersion", "BuildVersion", "RevisionVersion")
COLUMNS = (
    "evidence_id", "record_no", "time_utc", "RequestId", *TEXTS, "UrlQuery", *VERSION, "HttpStatus", "ResponseBytes",
    "ProtocolAction",
)  # fmt: skip
DICTIONARY = ("evidence_id", *TEXTS, "UrlQuery", "ProtocolAction")
NEEDS = ("sessions", "grounds", "hours", "builds", "proxy", "requests", "layers")

ID_TEXTS = ("UrlStem", "host")
ID_COLUMNS = ("time_utc", *ID_TEXTS, "HttpStatus", "RequestId")
"""What other layers are held against; `ID_TEXTS` are read as codes."""

FORGED = ("serverinfo~", "server~")
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
    places, ends = fold.ends(fold.group([host.codes[rows], *(part[rows] for part in parts)]), when[rows], number)
    first, last = rows[places], rows[ends]
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
    if not len(rows):
        return rows, PROXY.empty_table()
    names = ("time_utc", "HttpStatus", "ResponseBytes", "RequestId", "record_no")
    taken = table.select(names).take(pa.array(rows))
    out = [
        columns["host"].text(rows),
        taken["time_utc"],
        client.text(rows),
        columns["UserAgent"].text(rows),
        _targets(columns, rows),
        columns["UrlStem"].text(rows),
        taken["HttpStatus"].cast(pa.int32()),
        taken["ResponseBytes"],
        taken["RequestId"],
        fold.texts(table, "evidence_id").text(rows),
        taken["record_no"],
    ]
    return rows, pa.table(out, schema=PROXY)


def _targets(columns: dict[str, Column], rows: Codes) -> pa.Array:
    """Give where each forged row was sent: by its anchor, else by its cookie."""
    anchor, cookie = (columns[one].text(rows).fill_null("") for one in ("AnchorMailbox", "BackEndCookie"))
    forged = pc.or_(*(pc.starts_with(pc.utf8_lower(anchor), one) for one in FORGED))
    return pc.if_else(forged, anchor, cookie)


def _parts(chain: str) -> list[str]:
    return _PARTS.split(chain.strip())


def client_of(texts: Column) -> Column:
    """Give the client per row: the front end writes the forwarded chain with blanks in place of its commas."""
    return fold.mapped(texts, [forwarded_client(one, _parts) for one in texts.values])


def via_of(texts: Column) -> Column:
    """Give the ranges of trusted hops per row that the client was read behind."""
    if not trusted_hops():
        return Column(np.full(len(texts.codes), -1, np.int64), [])
    chains = [[] if one is None else [address(part) for part in _parts(one)] for one in texts.values]
    return fold.mapped(texts, [passed_through(one) if len(one) > 1 else None for one in chains])


def _mailboxes(columns: dict[str, Column], by_query: Column) -> tuple[Column, Column]:
    stem, anchor = columns["UrlStem"], columns["AnchorMailbox"]
    by_path = fold.mapped(stem, [stated_mailbox(one) for one in stem.values])
    routes = [one if (name := name_of(one)) is not None and name.kind != "sam" else None for one in anchor.values]
    mailbox = fold.first(by_path, by_query, fold.mapped(anchor, routes))
    routed = mailbox.codes >= len(by_path.values) + len(by_query.values)
    basis = np.select([mailbox.codes < 0, routed], [np.int8(0), np.int8(1)], np.int8(2))
    return mailbox, Column(basis, ["assumed", "routed", "explicit"])


def _logged(paths: Column, host: Column, outcome: Places) -> Logged:
    yes = np.asarray(outcome == int(Outcome.OK))
    return Logged("RequestId", np.zeros(len(yes), np.int8), (layers.PROXY,), layers.folders(paths), yes, host)


def logged_in(table: pa.Table) -> Logged:
    """Give what rows of a table with `ID_COLUMNS` say to other layers."""
    outcome = outcome_of(fold.numbers(table, "HttpStatus"))
    return _logged(fold.texts(table, "UrlStem"), fold.texts(table, "host"), outcome)


def told_in(table: pa.Table) -> Told:
    """Give what rows tell of accesses."""
    return _told(table, {one: fold.texts(table, one) for one in TEXTS})[0]


def _told(table: pa.Table, columns: dict[str, Column]) -> tuple[Told, pa.Table]:
    """Give what rows tell of accesses, and those that were made to go elsewhere."""
    peers = columns["ClientIpAddress"]
    client = client_of(peers)
    forged, proxy = _forged(table, columns, client)
    named = [one.lower() if one else None for one in columns["Protocol"].values]
    by_name = [_SHORT.get(one, one) if one in _MAIL else None for one in named]
    protocol = fold.mapped(columns["Protocol"], by_name)
    paths = columns["UrlStem"]
    action = fold.texts(table, "ProtocolAction")
    query = Asked.cut(table["UrlQuery"])
    phones = protocol.flags([one == "eas" for one in protocol.values])
    asked_act, asked_wrote = query.acts(phones)
    act = np.maximum(
        asked_act,
        action.each([int(act_of(one)) for one in action.values], int(Act.OPENED), np.int8),
    )
    wrote = np.maximum(
        asked_wrote,
        action.each([wrote_by(one) for one in action.values], -1, np.int8),
    )
    accesses = (protocol.codes >= 0) & paths.flags([protocol_of(one) is not None for one in paths.values])
    accesses &= (columns["AuthenticatedUser"].codes >= 0) & (fold.instants(table) >= 0)
    accesses[forged] = False
    alone = np.zeros(table.num_rows, np.bool_)
    alone[forged] = True
    mailbox, basis = _mailboxes(columns, query.mailbox)
    status = fold.numbers(table, "HttpStatus")
    outcome = outcome_of(status)
    keys = {
        "host": columns["host"],
        "protocol": protocol,
        "actor": columns["AuthenticatedUser"],
        "mailbox": mailbox,
        "basis": basis,
        "client": client,
        "via": via_of(peers),
        "agent": columns["UserAgent"],
        "layer": fold.constant(table, "front"),
        "auth": fold.first(columns["AuthenticationType"]),
        "device": eas.devices(query.device, phones),
    }
    sent = fold.numbers(table, "ResponseBytes")
    log = _logged(paths, columns["host"], outcome)
    return Told(
        "httpproxy", keys, accesses, outcome, status >= 0, act, sent, log, alone, wrote, layers.of_mailboxes(paths)
    ), proxy


def fold_file(table: pa.Table, joined: Joined | None = None) -> dict[str, pa.Table]:
    """Fold one data file."""
    columns = {one: fold.texts(table, one) for one in TEXTS}
    told, proxy = _told(table, columns)
    return {
        **sessions_of(told, table, joined),
        "hours": fold.hours(table),
        "builds": builds(table, columns["host"]),
        "proxy": proxy,
        "requests": sampled(table, "RequestId"),
        **layers_of(told, table),
    }
