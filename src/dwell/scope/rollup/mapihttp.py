"""MAPI over HTTP requests to sessions: whose mailbox Outlook opened, and what its operations amount to where they are on.

The mailbox is the one that the request was sent to (`MailboxId`), else whom the server acted as (`ActAsUserEmail`);
only where both are empty it is taken to be the caller's own. The same request stands in IIS and HttpProxy as `mapi`.
Requests to the address book (`Bind`, `QueryRows`, …) open no mailbox, nor do records of them in IIS and HttpProxy with
the same id. A request that opens a message or an attachment is a read; mere reading of properties is not, as folders
have them too. Status 200 with a failure inside is no yes.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.scope.rollup import fold, layers
from dwell.scope.rollup.fold import Codes, Column, Places
from dwell.scope.rollup.httpproxy import VERSION, builds, client_of, via_of
from dwell.scope.rollup.iis import outcome_of
from dwell.scope.rollup.layers import Logged
from dwell.scope.rollup.shapes import Act, Outcome
from dwell.scope.rollup.told import Joined, Told, layers_of, sessions_of

__all__ = ["COLUMNS", "DICTIONARY", "ID_COLUMNS", "ID_TEXTS", "NEEDS", "fold_file", "logged_in", "told_in"]

_RESULTS = ("ResponseCode", "StatusCode", "ReturnCode")
TEXTS = (
    "AuthenticatedUserEmail", "UPN", "AuthenticatedUser", "MailboxId", "ActAsUserEmail", "ClientIP", "ClientSoftware",
    "ClientSoftwareVersion", "RequestType", "SourceCafeServer", "AuthenticationType", *_RESULTS, "host",
)  # fmt: skip
COLUMNS = (
    "evidence_id", "record_no", "time_utc", "RequestId", *TEXTS, *VERSION, "HttpStatusCode", "RopClasses", "RopReads",
)  # fmt: skip
DICTIONARY = ("evidence_id", *TEXTS)
ID_TEXTS = ("SourceCafeServer", "host")
ID_COLUMNS = ("time_utc", *ID_TEXTS, "HttpStatusCode", "RequestId")
"""What other layers are held against; `ID_TEXTS` are read as codes."""
NEEDS = ("sessions", "grounds", "hours", "builds", "layers")

_ADDRESS_BOOK = {
    "bind", "unbind", "queryrows", "querycolumns", "resolvenames", "getmatches", "dntomid", "getprops", "getproplist",
    "getspecialtable", "gettemplateinfo", "comparemids", "compareminids", "modprops", "modlinkatt", "resortrestriction",
    "seekentries", "updatestat", "getmailboxurl", "getaddressbookurl", "getnspiurl",
}  # fmt: skip
"""Types of request that ask the address book, [MS-OXCMAPIHTTP] 2.2.5."""
_ACTS = {"list": Act.LISTED, "search": Act.LISTED, "copy": Act.SYNCED, "sync": Act.SYNCED}
"""What the classes of operations do, where it is more than opening a mailbox."""
_REFUSED = {1010, 0x80070005, 0x80070005 - 2**32, 0x80040111, 0x80040111 - 2**32}
"""Return codes that say no: ecLoginPerm, ecAccessDenied, ecLoginFailure, [MS-OXCDATA] 2.4, signed or not."""


def _code(text: str | None) -> int:
    """Give a return code as a number; 0 where nothing is written, -1 where it is no number."""
    if not text:
        return 0
    try:
        found = int(text, 0) if text.strip("0") else 0
    except ValueError:
        return -1
    return found if abs(found) < 2**33 else -1


def _outcome(table: pa.Table, columns: dict[str, Column]) -> Codes:
    """Give the `Outcome` per row: a yes only where the status and all three codes are one."""
    out = outcome_of(fold.numbers(table, "HttpStatusCode"))
    for name in _RESULTS:
        column = columns[name]
        found = column.each([_code(one) for one in column.values], 0)
        refused = np.isin(found, list(_REFUSED))
        out = np.where((out == Outcome.OK) & refused, int(Outcome.REFUSED), out)
        out = np.where((out == Outcome.OK) & (found != 0), int(Outcome.OTHER), out)
    return out.astype(np.int64)


def _acts(table: pa.Table) -> Codes:
    """Give the `Act` per row by its operations, `OPENED` where they are not logged."""
    out = np.full(table.num_rows, int(Act.OPENED), np.int64)
    classes = table["RopClasses"].combine_chunks()
    flat = fold.texts(pa.table({"class": pc.list_flatten(classes)}), "class")
    if len(flat.codes):
        ranks = flat.each([_ACTS.get(one or "", Act.OPENED) for one in flat.values], Act.OPENED)
        np.maximum.at(out, pc.list_parent_indices(classes).to_numpy(), ranks)
    read = fold.numbers(table, "RopReads", empty=0) > 0
    return np.where(read, np.maximum(out, int(Act.READ)), out).astype(np.int64)


def _named(column: Column) -> Column:
    """Give a column of names in which an anonymous caller has none."""
    return fold.mapped(column, [None if (one or "").lower() in {"", "anonymous"} else one for one in column.values])


def _logged(front: Column, host: Column, outcome: Places) -> Logged:
    return layers.of_service(layers.MAPI, "mapi", front, host, outcome)


def logged_in(table: pa.Table) -> Logged:
    """Give what rows of a table with `ID_COLUMNS` say to other layers."""
    outcome = outcome_of(fold.numbers(table, "HttpStatusCode"))
    return _logged(fold.texts(table, "SourceCafeServer"), fold.texts(table, "host"), outcome)


def told_in(table: pa.Table) -> Told:
    """Give what rows tell of accesses."""
    columns = {one: fold.texts(table, one) for one in TEXTS}
    actor = fold.first(*(_named(columns[one]) for one in ("AuthenticatedUserEmail", "UPN", "AuthenticatedUser")))
    mailbox = fold.first(columns["MailboxId"], columns["ActAsUserEmail"])
    kind = columns["RequestType"]
    mail = kind.flags([(one or "bind").lower() not in _ADDRESS_BOOK for one in kind.values])
    status = fold.numbers(table, "HttpStatusCode")
    keys = {
        "host": columns["host"],
        "protocol": fold.constant(table, "mapi"),
        "actor": actor,
        "mailbox": mailbox,
        "basis": fold.stated(mailbox),
        "client": client_of(columns["ClientIP"]),
        "via": via_of(columns["ClientIP"]),
        "agent": fold.versioned(columns["ClientSoftware"], columns["ClientSoftwareVersion"]),
        "layer": fold.constant(table, "back"),
        "auth": fold.first(columns["AuthenticationType"]),
    }
    return Told(
        "mapihttp",
        keys,
        mail & (actor.codes >= 0) & (fold.instants(table) >= 0),
        _outcome(table, columns),
        status >= 0,
        _acts(table),
        None,
        _logged(columns["SourceCafeServer"], columns["host"], outcome_of(status)),
        closed=kind.each([int((one or "").lower() in _ADDRESS_BOOK) for one in kind.values], 0, np.int8),
    )


def fold_file(table: pa.Table, joined: Joined | None = None) -> dict[str, pa.Table]:
    """Fold one data file."""
    told = told_in(table)
    return {
        **sessions_of(told, table, joined),
        "hours": fold.hours(table),
        "builds": builds(table, told.columns["host"]),
        **layers_of(told, table),
    }
