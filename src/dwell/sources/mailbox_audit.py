r"""Mailbox audit logs of Exchange on premises: who other than the owner did what in a mailbox.

Source:
    Microsoft Learn, "Mailbox audit logging in Exchange Server", "New-MailboxAuditLogSearch" (its mail attachment, XML)
    and "Search-MailboxAuditLog" (CSV by `Export-Csv`). Unverified: built from a description and from the vendor's own
    example, no sample seen; a real file would verify it.
Time:
    `LastAccessed` of the XML carries the server's offset and becomes `time_utc`. That of a CSV is in the local time and
    words of whoever exported it, without a zone: `time_utc` is null there, the text stays.
Units:
    One event is one operation. `SourceItems` is a JSON list of the items it touched, as the XML gives them (`Id`,
    `Subject`, `FolderPathName`). `FolderBind` of delegates is written once a folder and day.

Raises:
    Nothing. An element or line that cannot be read is an anomaly; entities and document types are refused.
Trust:
    The client writes `ClientInfoString`, `ClientProcessName`, `ClientVersion`; subjects are whatever the sender wrote.
    The server names the mailbox and who logged on, unless the logon itself was forged.
Silence:
    Off by default, for each mailbox. The owner's reads are never written, nor a delegate's `MessageBind`: a stolen
    password leaves nothing here. Kept for 90 days. A search gives what it was asked for; its attachment ends at 10 MB,
    which a fact says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

import pyarrow as pa

from dwell.model.instants import TimeBasis
from dwell.sources.audit_export import AuditCsv, AuditXml, audit_schema
from dwell.sources.source import Stamp

__all__ = ["MailboxAuditCsv", "MailboxAuditXml"]

_NAMES = (
    "Operation", "OperationResult", "LogonType", "ExternalAccess", "DestFolderId", "DestFolderPathName", "FolderId",
    "FolderPathName", "FolderName", "MemberRights", "MemberSid", "MemberUpn", "ClientInfoString", "ClientIPAddress",
    "ClientMachineName", "ClientProcessName", "ClientVersion", "InternalLogonType", "MailboxOwnerUPN",
    "MailboxOwnerSid", "DestMailboxOwnerUPN", "DestMailboxOwnerSid", "DestMailboxGuid", "CrossMailboxOperation",
    "LogonUserDisplayName", "LogonUserSid", "LogonUserDN", "Owner", "SourceItems", "SourceFolders", "SourceItemIdsList",
    "SourceItemSubjectsList", "SourceItemFolderPathNamesList", "ItemId", "ItemSubject", "DirtyProperties",
    "OriginatingServer", "MailboxGuid", "MailboxResolvedOwnerName", "LastAccessed", "Identity", "IsValid", "ObjectState",
)  # fmt: skip
_COLUMNS: dict[str, pa.DataType] = dict.fromkeys(_NAMES, pa.string())
_LEXICON = (
    "Operation", "OperationResult", "LogonType", "ExternalAccess", "FolderPathName", "DestFolderPathName",
    "ClientInfoString", "ClientIPAddress", "ClientMachineName", "ClientProcessName", "ClientVersion",
    "InternalLogonType", "MailboxOwnerUPN", "MailboxOwnerSid", "CrossMailboxOperation", "LogonUserDisplayName",
    "LogonUserSid", "LogonUserDN", "Owner", "OriginatingServer", "MailboxGuid", "MailboxResolvedOwnerName",
)  # fmt: skip


class MailboxAuditXml(AuditXml):
    """Exchange mailbox audit log, XML."""

    key = "mailbox_audit"
    stamp = Stamp("LastAccessed", TimeBasis.OFFSET, "second")
    title = "Exchange mailbox audit log (XML)"
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    tells = re.compile(r"<(?:\w+:)?Event\s[^<>]{0,8000}\bMailboxGuid\s*=")
    time_name = "LastAccessed"
    schema = audit_schema(_COLUMNS)
    lexicon = _LEXICON


class MailboxAuditCsv(AuditCsv):
    """Exchange mailbox audit log, CSV."""

    key = "mailbox_audit_csv"
    stamp = Stamp("LastAccessed", TimeBasis.UNKNOWN)
    title = "Exchange mailbox audit log (CSV)"
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    marks = (
        frozenset({"operation"}),
        frozenset({"lastaccessed"}),
        frozenset({"logontype", "internallogontype"}),
        frozenset({"mailboxguid", "mailboxownerupn", "mailboxresolvedownername"}),
    )
    instant_name = "LastAccessed"
    schema = audit_schema(_COLUMNS)
    lexicon = _LEXICON

    @property
    def table(self) -> str:
        """Give the table that both forms share."""
        return "mailbox_audit"
