"""Learning who is who: the directory exports, and the rows of Exchange's logs that name two names of one mailbox at once.

`AuthenticatedUser` beside an `AnchorMailbox` of kind `Sid~` names the same account twice only where the path names no
other mailbox; that needs more rows than one to be sure and is left to later. What is taken here are the export's rows,
the audit records, which give a mailbox's GUID and its owner's name side by side, and the RPC client access log, which gives
an account's address beside its directory name.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import read_rows
from dwell.archive.store import Archive
from dwell.model.instants import utc_us
from dwell.scope.identities import Identities
from dwell.scope.presence import EXTRA

__all__ = ["DIRECTORY", "exported", "learn"]

DIRECTORY = "directory"
_COLUMNS = (
    "PrimarySmtpAddress", "UserPrincipalName", "WindowsEmailAddress", "SamAccountName", "ExchangeGuid", "ArchiveGuid",
    "Guid", "ObjectGUID", "SID", "ObjectSid", "LegacyExchangeDN", "EmailAddresses", "RecipientTypeDetails",
    "PasswordLastSet", "Enabled", "Name",
)  # fmt: skip
_PAIRS: dict[str, tuple[tuple[str, str], ...]] = {
    "ual": (("MailboxOwnerUPN", "MailboxGuid"), ("MailboxOwnerUPN", "MailboxOwnerSid")),
    "mailbox_audit": (("MailboxOwnerUPN", "MailboxGuid"), ("MailboxOwnerUPN", "MailboxOwnerSid")),
    "rpc_client_access": (("user-email", "client-name"),),
}
"""Columns of a table that name the same mailbox; rows where either is empty say nothing."""


def exported(archive: Archive, made: Mapping[str, datetime | None] | None = None) -> Identities:
    """Read the directory exports alone.

    Args:
        archive: the case's archive.
        made: when each export was made, by its evidence id.

    Raises:
        CustodyError: a data file is not what was written.
    """
    found = Identities()
    columns = (*_COLUMNS, "evidence_id", "record_no", "extra")
    rows = [_opened(read_rows(file, columns)) for file in archive.files(DIRECTORY)]
    if rows:
        whole = pa.concat_tables([one.cast(one.schema) for one in rows])
        listed = whole.sort_by([("evidence_id", "ascending"), ("record_no", "ascending")]).to_pylist()
        dates = {evidence: utc_us(at) for evidence, at in (made or {}).items() if at is not None}
        found.add_export(listed, [dates.get(one["evidence_id"]) for one in listed])
    return found


def learn(archive: Archive, made: Mapping[str, datetime | None] | None = None) -> Identities:
    """Read the directory exports and the pairs of names in the logs.

    Args:
        archive: the case's archive.
        made: when each export was made, by its evidence id.

    Raises:
        CustodyError: a data file is not what was written.
    """
    found = exported(archive, made)
    for table, pairs in _PAIRS.items():
        for file in archive.files(table):
            for pair in pairs:
                if set(pair) <= set(archive.specs[table].schema.names):
                    held = read_rows(file, pair, dictionary=pair)
                    distinct = held.group_by(list(pair)).aggregate([])
                    for first, second in sorted(
                        zip(distinct[pair[0]].to_pylist(), distinct[pair[1]].to_pylist(), strict=True),
                        key=lambda one: (one[0] or "", one[1] or ""),
                    ):
                        found.add_pair(first, second)
    return found


def _opened(rows: pa.Table) -> pa.Table:
    """Give columns of their own to what the table keeps as a map."""
    extra = rows["extra"].combine_chunks()
    out = rows.drop(["extra"])
    for name in EXTRA:
        out = out.append_column(name, pc.map_lookup(extra, pa.scalar(name), "first"))
    return out
