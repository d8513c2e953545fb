"""RPC client access to sessions: which mailbox a logon of Outlook named, before MAPI over HTTP and beside it.

The mailbox is the one that the logon names (`Logon: Delegate, /o=… in database …`), its kind of logon stands in the
basis. A connection opens no mailbox by itself: it counts as a session in which nothing was opened. Logons to public
folders are left out. Operations beyond the logon are there only where the server was told to log them.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa

from dwell.model.addresses import address
from dwell.scope.rollup import fold
from dwell.scope.rollup.fold import Codes, Column
from dwell.scope.rollup.shapes import Act, Outcome

__all__ = ["COLUMNS", "DICTIONARY", "NEEDS", "fold_file"]

TEXTS = (
    "client-name", "user-email", "client-ip", "client-software", "client-software-version", "protocol", "operation",
    "rpc-status", "operation-specific", "failures", "host",
)  # fmt: skip
COLUMNS = ("evidence_id", "record_no", "time_utc", *TEXTS)
DICTIONARY = ("evidence_id", *TEXTS)
NEEDS = ("sessions", "hours")

_ACTS = {
    "connect": 0,
    "ownerlogon": int(Act.OPENED),
    "delegatelogon": int(Act.OPENED),
    "adminlogon": int(Act.OPENED),
    "getcontentstable": int(Act.LISTED),
    "queryrows": int(Act.LISTED),
    "openmessage": int(Act.READ),
    "openattachment": int(Act.READ),
    "openembeddedmessage": int(Act.READ),
    "fasttransfersourcecopymessages": int(Act.SYNCED),
    "fasttransfersourcecopyfolder": int(Act.SYNCED),
    "fasttransfersourcecopyto": int(Act.SYNCED),
    "fasttransfersourcegetbuffer": int(Act.SYNCED),
    "synchronizationconfigure": int(Act.SYNCED),
}
"""What the operations do, 0 for a connection; what is not listed opens nothing by itself. Names as in [MS-OXCROPS]."""
_LOGON = r"(?i)Logon:\s*[A-Za-z]+,\s*(?P<v>/o=.+?)\s+in database\b"
_KIND = r"(?i)Logon:\s*(?P<v>[A-Za-z]+),"
_FINE = re.compile(r"(?:0x)?0*(?:\s.*|\s*\(.*)?", re.DOTALL)
_REFUSED = re.compile(r"(?i)\b(?:1010|LoginPerm|AccessDenied|LoginFailure)\b")
KINDS = ("assumed", "explicit", "explicit (owner)", "explicit (delegate)", "explicit (admin)")


def _outcome(columns: dict[str, Column]) -> Codes:
    """Give the `Outcome` per row: a status other than 0 or a failure in words is no yes."""
    status, failures = columns["rpc-status"], columns["failures"]
    bad = status.flags([not _FINE.fullmatch((one or "").strip()) for one in status.values])
    bad |= failures.flags([bool(one) for one in failures.values])
    no = status.flags([bool(_REFUSED.search(one or "")) for one in status.values])
    no |= failures.flags([bool(_REFUSED.search(one or "")) for one in failures.values])
    return np.select([no, bad], [int(Outcome.REFUSED), int(Outcome.OTHER)], int(Outcome.OK)).astype(np.int64)


def _basis(mailbox: Column, told: Column) -> Column:
    """Give the basis per row, with the kind of logon behind it."""
    kinds = [f"explicit ({(one or '').lower()})" for one in fold.extracted(told, _KIND)]
    codes = told.each([KINDS.index(one) if one in KINDS else 1 for one in kinds], 0)
    return Column(np.where(mailbox.codes < 0, 0, codes).astype(np.int64), list(KINDS))


def fold_file(table: pa.Table) -> dict[str, pa.Table]:
    """Fold one data file."""
    columns = {one: fold.texts(table, one) for one in TEXTS}
    actor = fold.first(columns["user-email"], columns["client-name"])
    operation, told, spoken = columns["operation"], columns["operation-specific"], columns["protocol"]
    act = operation.each([_ACTS.get((one or "").lower(), -1) for one in operation.values], -1)
    mailbox = fold.mapped(told, fold.extracted(told, _LOGON))
    by_mapi = spoken.each([(one or "").lower().startswith("mapihttp") for one in spoken.values], none=0)
    peers = columns["client-ip"]
    keys = {
        "host": columns["host"],
        "protocol": Column(by_mapi, ["rpc", "mapi"]),
        "actor": actor,
        "mailbox": mailbox,
        "basis": _basis(mailbox, told),
        "client": fold.mapped(peers, [address(one) for one in peers.values]),
        "agent": fold.versioned(columns["client-software"], columns["client-software-version"]),
        "layer": fold.constant(table, "back"),
    }
    found = fold.sessions(
        "rpc_client_access",
        keys,
        rows=np.flatnonzero((act >= 0) & (actor.codes >= 0) & (fold.instants(table) >= 0)),
        table=table,
        outcome=_outcome(columns),
        act=np.maximum(act, 0),
        sent=None,
    ).sessions
    return {"sessions": found, "hours": fold.hours(table)}
