"""Mailbox audit records of Exchange on premises to sessions and messages: whose mailbox, by whom, and as what.

The kind of logon (owner, delegate, administrator) stands in the basis. The protocol is the one that the client names, so
that a request which stands in another log as well counts once. `FolderBind` shows a list; `MessageBind` names a message
where the record has its id; a copy is a read; whatever else is done to a mailbox opens it. Records without a zone have no
instant and make no session.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from dwell.model.addresses import address
from dwell.scope.rollup import fold
from dwell.scope.rollup.fold import Codes, Column
from dwell.scope.rollup.protocols import program_of
from dwell.scope.rollup.shapes import MESSAGES, Act, Outcome

__all__ = ["COLUMNS", "DICTIONARY", "NEEDS", "fold_file"]

TEXTS = (
    "Operation", "OperationResult", "LogonType", "LogonUserSid", "LogonUserDN", "MailboxOwnerUPN", "MailboxGuid",
    "ClientInfoString", "ClientIPAddress", "FolderPathName", "host",
)  # fmt: skip
_ITEMS = ("ItemId", "SourceItems", "SourceItemIdsList")
COLUMNS = ("evidence_id", "record_no", "time_utc", *TEXTS, *_ITEMS)
DICTIONARY = ("evidence_id", *TEXTS)
NEEDS = ("sessions", "messages")

_ACTS = {
    "folderbind": Act.LISTED,
    "messagebind": Act.NAMED,
    "copy": Act.READ,
    **dict.fromkeys(
        ("mailboxlogin", "sendas", "sendonbehalf", "create", "update", "move", "movetodeleteditems", "softdelete",
         "harddelete"),
        Act.OPENED,
    ),
}  # fmt: skip
"""What the operations do; others are no access."""
_KINDS = {"owner": 1, "delegate": 2, "admin": 3}
_ID = r'"(?:InternetMessageId|Id)":"(?P<v>[^"]+)"'


def _items(table: pa.Table) -> Column:
    """Give the item that a record names: its id, else the first of its source items."""
    item, source, listed = (fold.texts(table, one) for one in _ITEMS)
    return fold.first(item, fold.mapped(source, fold.extracted(source, _ID)), listed)


def _messages(table: pa.Table, keys: dict[str, Column], item: Column, folder: Column, rows: Codes) -> pa.Table:
    """Give one row per message that a record names."""
    taken = pa.array(rows)
    return pa.table(
        [
            *(keys[one].text(rows) for one in ("actor", "mailbox", "client", "agent")),
            table["time_utc"].combine_chunks().take(taken),
            item.text(rows),
            folder.text(rows),
            fold.texts(table, "evidence_id").text(rows),
            table["record_no"].combine_chunks().take(taken),
            pa.nulls(len(taken), pa.int64()),
        ],
        schema=MESSAGES,
    )


def fold_file(table: pa.Table) -> dict[str, pa.Table]:
    """Fold one data file."""
    columns = {one: fold.texts(table, one) for one in TEXTS}
    operation, client, agent = columns["Operation"], columns["ClientIPAddress"], columns["ClientInfoString"]
    item = _items(table)
    act = operation.each([_ACTS.get((one or "").strip().lower(), 0) for one in operation.values], 0)
    act = np.where((act == Act.NAMED) & (item.codes < 0), int(Act.READ), act).astype(np.int64)
    as_what = columns["LogonType"]
    kind = as_what.each([_KINDS.get((one or "").lower(), 0) for one in as_what.values], 0)
    owner = fold.first(columns["MailboxOwnerUPN"], columns["MailboxGuid"])
    own = Column(np.where(kind == _KINDS["owner"], owner.codes, -1).astype(np.int64), owner.values)
    result = columns["OperationResult"]
    refused = result.flags([(one or "").lower() == "failed" for one in result.values])
    spoken = fold.mapped(agent, [program_of(one) or "audit" for one in agent.values])
    keys = {
        "host": columns["host"],
        "protocol": fold.first(spoken, fold.constant(table, "audit")),
        "actor": fold.first(columns["LogonUserSid"], columns["LogonUserDN"], own),
        "mailbox": owner,
        "basis": Column(kind, ["explicit", *(f"explicit ({one})" for one in _KINDS)]),
        "client": fold.mapped(client, [address(one) for one in client.values]),
        "agent": agent,
        "layer": fold.constant(table, "back"),
    }
    accesses = (act > 0) & (keys["actor"].codes >= 0) & (owner.codes >= 0) & (fold.instants(table) >= 0)
    outcome = np.where(refused, int(Outcome.REFUSED), int(Outcome.OK)).astype(np.int64)
    found = fold.sessions(
        "mailbox_audit", keys, rows=np.flatnonzero(accesses), table=table, outcome=outcome, act=act, sent=None
    ).sessions
    named = np.flatnonzero(accesses & (act == Act.NAMED) & ~refused)
    return {"sessions": found, "messages": _messages(table, keys, item, columns["FolderPathName"], named)}
