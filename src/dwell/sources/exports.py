"""Exports of rights, rules and devices by Exchange's and Entra's commands: who may read whose mail, what forwards it.

Source:
    Microsoft Learn: `Get-MailboxPermission`, `Get-MailboxFolderPermission`, `Get-RecipientPermission`,
    `Get-ADPermission`, `Get-InboxRule`, `Get-TransportRule`, `Get-ManagementRoleAssignment`,
    `Get-MobileDeviceStatistics`, `Get-TransportAgent`, `Get-MailboxAuditBypassAssociation`,
    `Get-MgOauth2PermissionGrant`, `Get-MgServicePrincipal`, and of what is logged and for how long:
    `Get-TransportService`, `Get-ImapSettings`, `Get-PopSettings`, `Get-AdminAuditLogConfig`, `Get-OrganizationConfig`,
    `Get-UnifiedAuditLogRetentionPolicy`, `Get-WinEvent -ListLog *`; with `Export-Csv` or `ConvertTo-Json`. The property
    names are the columns; `kind` says what a row is, by which it holds, and by its names where it holds too little. The
    lists that Microsoft-Extractor-Suite and Hawk make of them are read by their own names, as their published code
    writes them; no real file has been seen. Kinds that end in `-listing`, `device`, `sign-in-method` and
    `audit-retention` are kept and searched, and decide nothing: the columns that would decide are not in them, or
    several rights stand in one cell.
Time:
    `WhenChangedUTC`, `WhenCreatedUTC`, `CreatedDateTime` and `FirstSyncTime` are UTC where they are written in ISO 8601
    (or as `/Date(…)/`), and the first that is there becomes `time_utc`; a date in the words of a culture stays text.
    The export is a snapshot: it says what held when it was made, and its moment is not in it.
Units:
    One row is one right, rule, device, grant or application.

Raises:
    Nothing. A line or object that cannot be read is an anomaly.
Trust:
    Whoever could change the organisation could change every value. Rule names, device names and application names are
    free text of whoever made them.
Silence:
    A rule that a client hid (by its class or an empty name) is not in `Get-InboxRule` without `-IncludeHidden`; rights
    by membership of a group are not in an export of rights; what was taken back before the export is not in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache, reduce
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.instants import TimeBasis
from dwell.sources.aliased_csv import AliasedCsv
from dwell.sources.csv_export import header_of
from dwell.sources.delimited import State
from dwell.sources.exchange_csv import lowered_names
from dwell.sources.json_records import JsonRecords, Look, look
from dwell.sources.lines import decode_line
from dwell.sources.matched import schema_of
from dwell.sources.source import Guess, Sniff, Stamp
from dwell.sources.time_words import dotnet_or_iso

__all__ = ["KINDS", "OWNERS", "Exports", "ExportsJson", "kind_of", "surer", "told"]

_NAMES = (
    "kind", "Identity", "Name", "DisplayName", "Mailbox", "MailboxOwnerId", "User", "Trustee", "FolderName",
    "AccessRights", "AccessControlType", "ExtendedRights", "Deny", "IsInherited", "InheritanceType",
    "SharingPermissionFlags", "Enabled", "Priority", "State", "RuleIdentity", "Description", "From", "SubjectContainsWords",
    "SubjectOrBodyContainsWords", "ForwardTo", "ForwardAsAttachmentTo", "RedirectTo", "BlindCopyTo", "RedirectMessageTo",
    "CopyTo", "DeleteMessage", "MarkAsRead", "MoveToFolder", "StopProcessingRules", "ForwardingAddress",
    "ForwardingSmtpAddress", "DeliverToMailboxAndForward", "Role", "RoleAssignee", "RoleAssigneeName", "RoleAssigneeType",
    "AssignmentMethod", "EffectiveUserName", "CustomRecipientWriteScope", "RecipientWriteScope", "DeviceId", "DeviceType",
    "DeviceModel", "DeviceOS", "DeviceUserAgent", "DeviceAccessState", "UserDisplayName", "ClientType", "FirstSyncTime",
    "LastSyncAttemptTime", "LastSuccessSync", "ClientId", "PrincipalId", "ResourceId", "ConsentType", "Scope", "AppId",
    "AppDisplayName", "PublisherName", "ServicePrincipalType", "ReplyUrls", "KeyCredentials", "PasswordCredentials",
    "TransportAgentFactory", "AssemblyPath", "AuditBypassEnabled", "CreatedDateTime", "WhenCreatedUTC", "WhenChangedUTC",
)  # fmt: skip
_COLUMNS: dict[str, pa.DataType] = dict.fromkeys(_NAMES, pa.string())
_TIMES = ("WhenChangedUTC", "WhenCreatedUTC", "CreatedDateTime", "FirstSyncTime")
_ACTS = ("ForwardTo", "ForwardAsAttachmentTo", "RedirectTo", "DeleteMessage", "MoveToFolder", "MarkAsRead")
KINDS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "role-assignment": (("Role",), ("RoleAssignee", "RoleAssigneeName")),
    "folder-permission": (("FolderName",), ("User",), ("AccessRights",)),
    "recipient-permission": (("Trustee",), ("AccessRights", "AccessControlType")),
    "ad-permission": (("User",), ("ExtendedRights",), ("Identity",)),
    "mailbox-permission": (("User",), ("AccessRights",), ("Identity", "Mailbox")),
    "inbox-rule": (("RuleIdentity", "MailboxOwnerId", "Mailbox"), ("Name",), ("Enabled", *_ACTS)),
    "transport-rule": (("Name",), ("State",), ("Priority",), ("BlindCopyTo", "RedirectMessageTo", "CopyTo")),
    "mobile-device": (("DeviceId",), ("DeviceType", "DeviceOS", "DeviceModel"), ("FirstSyncTime", "DeviceAccessState")),
    "consent": (("ClientId",), ("ConsentType",), ("Scope",)),
    "application": (
        ("AppId",), ("DisplayName", "AppDisplayName"), ("PasswordCredentials", "KeyCredentials", "ServicePrincipalType"),
    ),
    "transport-agent": (("TransportAgentFactory", "AssemblyPath"), ("Identity",), ("Priority", "Enabled")),
    "audit-bypass": (("AuditBypassEnabled",), ("Identity", "Name")),
    "forwarding": (("ForwardingSmtpAddress", "ForwardingAddress"), ("Identity", "Name", "DisplayName")),
}  # fmt: skip
"""What a row is: it has one column of every group. The first that fits counts."""
_LISTINGS: Mapping[str, tuple[frozenset[str], ...]] = {
    "permission-listing": (frozenset({"fullaccessusers"}), frozenset({"sendasusers", "sendaspermissions"})),
    "transport-rule-listing": (
        frozenset({"name"}), frozenset({"state"}), frozenset({"description"}), frozenset({"createdby", "whenchanged"}),
    ),
    "sign-in-method": (
        frozenset({"user", "userprincipalname"}), frozenset({"mfastatus", "ismfaregistered", "ismfacapable"}),
    ),
    "device": (frozenset({"deviceid"}), frozenset({"trusttype"}), frozenset({"objectid", "id"})),
    "transport-service": (
        frozenset({"identity", "name"}),
        frozenset(
            {"messagetrackinglogenabled", "messagetrackinglogmaxage", "receiveprotocollogmaxage", "sendprotocollogmaxage",
             "connectivitylogenabled", "connectivitylogmaxage", "agentlogenabled", "agentlogmaxage"}
        ),
    ),
    "protocol-settings": (frozenset({"protocollogenabled"}), frozenset({"identity", "name", "server", "protocolname"})),
    "audit-config": (
        frozenset({"adminauditlogenabled", "adminauditlogagelimit", "unifiedauditlogingestionenabled"}),
    ),
    "organization-config": (frozenset({"auditdisabled"}), frozenset({"identity", "name", "guid"})),
    "event-log": (
        frozenset({"logname"}), frozenset({"maximumsizeinbytes"}), frozenset({"isenabled", "logmode", "islogfull"}),
    ),
    "audit-retention": (frozenset({"retentionduration"}), frozenset({"recordtypes", "operations", "userids"})),
    "audit-listing": (
        frozenset({"creationtime"}), frozenset({"userid"}), frozenset({"clientip"}),
        frozenset({"operation", "workload"}), frozenset({"countryname", "knownmicrosoftip", "resultstatus"}),
    ),
}  # fmt: skip
"""Lists that collectors make, and settings of logs, by names in lower case of which some are no columns of ours."""
_LOWERED = {kind: tuple(frozenset(one.lower() for one in group) for group in groups) for kind, groups in KINDS.items()}
_ALIASES: Mapping[str, str] = {
    "clientid": "ClientId",
    "useragent": "DeviceUserAgent",
    "transportagentassemblypath": "AssemblyPath",
    "oauth2permissionscopes": "Oauth2PermissionScopes",
    "identityname": "Identity",
    "userprincipalname": "Identity",
    "primarysmtpaddress": "Identity",
    "username": "Mailbox",
    "rulename": "Name",
    "ruleenabled": "Enabled",
    "textdescription": "Description",
    "clientobjectid": "ClientId",
    "clientdisplayname": "AppDisplayName",
    "resourceobjectid": "ResourceId",
    "principalobjectid": "PrincipalId",
    "permission": "Scope",
}
OWNERS = ("identity", "userprincipalname", "primarysmtpaddress")
"""Names of the owner, in lower case: of several the first is the column."""
_NO_DIRECTORY = frozenset(
    {"mailbox-permission", "folder-permission", "recipient-permission", "permission-listing", "sign-in-method"}
)
"""Kinds whose names no directory export has, however many names of accounts stand beside them."""
_SURE_SCORE = 82
"""Above that of a directory export."""


@lru_cache(maxsize=1_024)
def kind_of(names: frozenset[str]) -> str:
    """Say what an export is by its names, in lower case; "" where it is none."""
    # a user's name is an owner's only where a rule is named beside it, as Microsoft-Extractor-Suite has it
    others = () if "rulename" in names else ("username",)
    meant = frozenset(one if one in others else _ALIASES.get(one, one).lower() for one in names)
    for kind, groups in _LOWERED.items():
        if all(group & meant for group in groups):
            return kind
    return next((kind for kind, groups in _LISTINGS.items() if all(group & names for group in groups)), "")


def told(records: pa.RecordBatch) -> pa.RecordBatch:
    """Fill `kind` by what each row holds."""
    held = dict(zip(records.schema.names, records.columns, strict=True))
    kinds: pa.Array = pa.nulls(records.num_rows, pa.string())
    for kind, groups in reversed(list(KINDS.items())):
        some = [reduce(pc.or_, [held[name].is_valid() for name in group]) for group in groups]
        kinds = pc.if_else(reduce(pc.and_, some), kind, kinds)
    given = held["kind"].cast(pa.string())
    held["kind"] = pc.coalesce(kinds, given)
    return pa.RecordBatch.from_arrays(list(held.values()), names=list(held))


def surer(guess: Guess | None, kind: str) -> Guess | None:
    """Put a guess above that of a directory export where no such export has these names."""
    return guess if guess is None or kind not in _NO_DIRECTORY else replace(guess, score=_SURE_SCORE)


class Exports(AliasedCsv):
    """Exports of rights, rules and devices, CSV."""

    key = "exports"
    stamp = Stamp("WhenChangedUTC, WhenCreatedUTC, CreatedDateTime or FirstSyncTime", TimeBasis.UTC)
    title = "Exports of rights, rules, devices and applications (CSV)"
    is_log = False
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    aliases: ClassVar[Mapping[str, str]] = _ALIASES
    time_names: ClassVar[tuple[str, ...]] = _TIMES
    marks = ()
    score = 78
    schema = schema_of(_COLUMNS)
    lexicon = (
        "kind", "Identity", "User", "Trustee", "AccessRights", "ExtendedRights", "ForwardTo", "RedirectTo",
        "ForwardAsAttachmentTo", "ForwardingSmtpAddress", "Role", "RoleAssignee", "DeviceId", "DeviceType", "Scope",
        "AppId", "DisplayName", "Name",
    )  # fmt: skip

    def identify(self, sniff: Sniff) -> Guess | None:
        """Go by the names in the header."""
        return surer(super().identify(sniff), kind_of(lowered_names(header_of(sniff))))

    def _is_ours(self, line: str) -> bool:
        return bool(kind_of(lowered_names(line)))

    def _completed(self, records: pa.RecordBatch) -> pa.RecordBatch:
        return told(records)

    def _fit(self, table: pa.Table, numbers: npt.NDArray[np.int64], state: State) -> pa.Table:
        """Put a table into the schema; what a row with nothing in it would have been, its header says."""
        fitted = super()._fit(table, numbers, state)
        kind = kind_of(lowered_names(decode_line(state.header)[0].removeprefix("\ufeff")))
        if not kind:
            return fitted
        place = fitted.schema.get_field_index("kind")
        kinds = pc.coalesce(fitted["kind"].cast(pa.string()), pa.scalar(kind))
        return fitted.set_column(place, self.schema.field("kind"), kinds.cast(self.schema.field("kind").type))


class ExportsJson(JsonRecords):
    """Exports of rights, rules and devices, JSON."""

    key = "exports_json"
    stamp = Stamp("WhenChangedUTC, WhenCreatedUTC, CreatedDateTime or FirstSyncTime", TimeBasis.UTC)
    title = "Exports of rights, rules, devices and applications (JSON)"
    is_log = False
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    aliases: ClassVar[Mapping[str, str]] = _ALIASES
    whole: ClassVar[frozenset[str]] = frozenset(name.lower() for name in _NAMES)
    time_names: ClassVar[tuple[str, ...]] = _TIMES
    score = 74
    schema = Exports.schema
    lexicon = Exports.lexicon

    @property
    def table(self) -> str:
        """Give the table of exports."""
        return "exports"

    def identify(self, sniff: Sniff) -> Guess | None:
        """Go by the names in the first record."""
        return surer(super().identify(sniff), kind_of(look(sniff).names))

    def _is_ours(self, seen: Look) -> bool:
        return bool(kind_of(seen.names))

    def _shaped(self, record: dict[str, Any]) -> dict[str, Any]:
        """Say what a record is by its names, those that hold nothing too; `_told` goes by what it holds."""
        shaped = super()._shaped(record)
        names = frozenset(name.lower() for name in shaped)
        # of several names for the owner the first of these is the column, whatever their order in the record
        owner = next((one for one in OWNERS if one in names), "")
        shaped = {
            (f"account.{name}" if name.lower() in OWNERS and name.lower() != owner else name): value
            for name, value in shaped.items()
        }
        kind = "" if "kind" in names else kind_of(names)
        return {"kind": kind, **shaped} if kind else shaped

    def _instants(self, texts: pa.Array) -> pa.Array:
        return dotnet_or_iso(texts)

    def _completed(self, records: pa.RecordBatch) -> pa.RecordBatch:
        return told(records)
