"""Audit records to sessions and messages: whose mailbox, by whom, from where, and which messages a record names.

Copies of a record (`Id`) are folded once per data file; the narrow pass sets aside copies across files by the same
means, as a message is a message however often it is told.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.addresses import address
from dwell.scope.rollup import fold
from dwell.scope.rollup.fold import Codes, Column
from dwell.scope.rollup.protocols import program_of, wrote_by
from dwell.scope.rollup.shapes import MESSAGES, Act, Outcome
from dwell.scope.words import program_text

__all__ = ["COLUMNS", "DICTIONARY", "MAIL", "NEEDS", "SIGN_IN", "SIGN_INS", "TENANT", "fold_file"]

TENANT = "M365"
"""The host of cloud records: a tenant has no servers of its own."""

TEXTS = (
    "Operation", "Workload", "UserId", "MailboxOwnerUPN", "MailboxGuid", "ClientIP", "ClientIPAddress",
    "ClientInfoString", "ResultStatus", "MailAccessType", "Id", "UserAgent", "ClientAppId", "AppId",
)  # fmt: skip
COLUMNS = (
    "evidence_id", "record_no", "time_utc", *TEXTS, "SizeInBytes", "InternetMessageIds", "FolderPaths",
    "OperationCount",
)  # fmt: skip
DICTIONARY = ("evidence_id", *TEXTS)
NEEDS = ("sessions", "hours", "messages")

MAIL = {
    "mailitemsaccessed", "messagebind", "folderbind", "mailboxlogin", "attachmentaccess", "searchqueryinitiatedexchange",
    "copy", "move", "create", "update", "send", "sendas", "sendonbehalf", "softdelete", "harddelete",
    "movetodeleteditems", "updateinboxrules", "updatecalendardelegation",
    "addfolderpermissions", "modifyfolderpermissions", "updatefolderpermissions", "removefolderpermissions",
}  # fmt: skip
_ACTS = {
    "mailitemsaccessed": Act.NAMED,
    "messagebind": Act.NAMED,
    "attachmentaccess": Act.READ,
    "folderbind": Act.LISTED,
    "searchqueryinitiatedexchange": Act.LISTED,
}
"""What the operations do, where it is more than opening a mailbox."""
PROGRAM, SIGN_IN = "m365", "m365-sign-in"
SIGN_INS = {"userloggedin", "userloginfailed"}
_REFUSED = {"failed", "false", "userloginfailed"}


def _is_sync(text: str | None) -> bool:
    return text is not None and text.lower() == "sync"


def _unnamed(counted: pa.Array, lists: pa.Array, rows: Codes) -> pa.Array:
    """Give how many more items each record counts than it names, at the first message of the record; null elsewhere."""
    more = pc.subtract(counted, pc.list_value_length(lists).cast(pa.int64()))
    first = np.concatenate((np.ones(1, np.bool_), rows[1:] != rows[:-1]))[: len(rows)]
    told = more.take(pa.array(rows))
    return pc.if_else(pc.and_(pa.array(first), pc.greater(told, 0)), told, pa.scalar(None, pa.int64()))


def _messages(table: pa.Table, keys: dict[str, Column], rows: Codes) -> pa.Table:
    """Give one row per message or synchronised folder that a record names."""
    parts: list[pa.Table] = []
    number = table["record_no"].combine_chunks()
    instants = table["time_utc"].combine_chunks()
    evidence = fold.texts(table, "evidence_id")
    kind = fold.texts(table, "MailAccessType")
    is_sync = kind.flags([_is_sync(one) for one in kind.values])
    for name, picked in (("InternetMessageIds", rows[~is_sync[rows]]), ("FolderPaths", rows[is_sync[rows]])):
        lists = table[name].combine_chunks().take(pa.array(picked))
        at = pc.list_parent_indices(lists).to_numpy()
        owner = picked[at]
        flat = pc.list_flatten(lists)
        taken = pa.array(owner)
        none = pa.nulls(len(owner), pa.string())
        names = name == "InternetMessageIds"
        counted = table["OperationCount"].combine_chunks().take(pa.array(picked))
        parts.append(
            pa.table(
                [
                    keys["actor"].text(owner),
                    keys["mailbox"].text(owner),
                    keys["client"].text(owner),
                    keys["agent"].text(owner),
                    instants.take(taken),
                    flat if names else none,
                    none if names else flat,
                    evidence.text(owner),
                    number.take(taken),
                    _unnamed(counted, lists, at) if names else pa.nulls(len(owner), pa.int64()),
                ],
                schema=MESSAGES,
            )
        )
    return pa.concat_tables(parts)


def _protocols(client: Column, sign_in: npt.NDArray[np.bool_]) -> Column:
    """Give the protocol per row: `m365-owa`, `m365-mapi`, …; `m365` where no known program is named; `m365-sign-in`.

    Programs are told apart: an account's browser at home says nothing about which agent its desktop client has.
    """
    named = [program_of(one) for one in client.values]
    told = [SIGN_IN, PROGRAM, *(PROGRAM if one is None else f"{PROGRAM}-{one}" for one in named)]
    plain = np.where(client.codes < 0, 1, client.codes + 2)
    return fold.mapped(Column(np.where(sign_in, 0, plain).astype(np.int64), list(told)), told)


def _programs(columns: Mapping[str, Column]) -> Column:
    """Give the program per row, with its application where that alone tells it from others."""
    # a sign-in names the browser by itself, as Entra's own log does
    parts = [fold.first(columns["ClientInfoString"], columns["UserAgent"]), columns["ClientAppId"], columns["AppId"]]
    place, rows = fold.numbered(fold.group([one.codes for one in parts]))
    told = zip(*(one.text(rows).to_pylist() for one in parts), strict=True)
    return fold.mapped(Column(place, [""] * len(rows)), [program_text(*one) for one in told])


def fold_file(table: pa.Table) -> dict[str, pa.Table]:
    """Fold one data file."""
    columns = {one: fold.texts(table, one) for one in TEXTS}
    operation = columns["Operation"]
    lowered = [(one or "").strip().lower() for one in operation.values]
    mail = operation.flags([one in MAIL for one in lowered])
    sign_in = operation.flags([one in SIGN_INS for one in lowered])
    owner = fold.first(columns["MailboxOwnerUPN"], columns["MailboxGuid"])
    client = fold.first(columns["ClientIPAddress"], columns["ClientIP"])
    kind = columns["MailAccessType"]
    act = operation.each([_ACTS.get(one, Act.OPENED) for one in lowered], Act.OPENED)
    named = act == Act.NAMED
    act = np.where(named & kind.flags([_is_sync(one) for one in kind.values]), int(Act.SYNCED), act)
    status = columns["ResultStatus"]
    refused = status.flags([(one or "").lower() in _REFUSED for one in status.values])
    refused |= operation.flags([one == "userloginfailed" for one in lowered])
    keys = {
        "host": Column(np.zeros(table.num_rows, np.int64), [TENANT]),
        "protocol": _protocols(columns["ClientInfoString"], sign_in),
        "actor": columns["UserId"],
        "mailbox": owner,
        "basis": Column(np.where(owner.codes >= 0, 1, 0).astype(np.int64), ["assumed", "explicit"]),
        "client": fold.mapped(client, [address(one) for one in client.values]),
        "agent": _programs(columns),
        "layer": fold.constant(table, "back"),
    }
    once = fold.once(columns["Id"])
    timed = fold.instants(table) >= 0
    rows = once[(mail | sign_in)[once] & timed[once] & (columns["UserId"].codes >= 0)[once]]
    outcome = np.where(refused, int(Outcome.REFUSED), int(Outcome.OK)).astype(np.int64)
    act = np.where(sign_in, 0, act).astype(np.int64)
    found = fold.sessions(
        "ual",
        keys,
        rows=rows,
        table=table,
        outcome=outcome,
        act=act,
        sent=fold.numbers(table, "SizeInBytes"),
        wrote=operation.each([wrote_by(one, read=one in _ACTS) for one in lowered], -1),
    ).sessions
    binds = rows[named[rows] & ~refused[rows]]
    return {"sessions": found, "hours": fold.hours(table, host=keys["host"]), "messages": _messages(table, keys, binds)}
