"""Tables of Microsoft Defender's advanced hunting: mail, clicks, cloud applications, sign-ins, devices.

Source:
    Microsoft Learn, "Advanced hunting schema": `EmailEvents`, `EmailAttachmentInfo`, `EmailUrlInfo`, `UrlClickEvents`,
    `CloudAppEvents`, `IdentityLogonEvents`, `AADSignInEventsBeta` and the `Device…` tables, as the streaming interface
    writes them (`{time, category: "AdvancedHunting-…", properties}`), as rows of Sentinel, or as CSV of the portal. All
    tables are one here; `category` (or `Type`) says which a row is of, where the export says it. What has no column
    goes to `extra`. Files of nothing but `CloudAppEvents` go to the audit records they hold (`ual_hunting`).
Time:
    `Timestamp` is UTC, from 100 ns cut to the microsecond; where it is missing, `TimeGenerated` or the wrapper's
    `time`.
Units:
    One row is one event. Exports repeat records: nothing is left out, `ReportId` tells copies of one device apart.

Raises:
    Nothing. A line or object that cannot be read is an anomaly.
Trust:
    The sensor writes the record; an outsider writes subjects, senders, file names, command lines, URLs and agents.
Silence:
    The tables hold 30 days. A host without a sensor, or with a sensor that was stopped, tells nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pyarrow as pa

from dwell.model.instants import TimeBasis
from dwell.sources.aliased_csv import AzureCsv
from dwell.sources.json_records import JsonRecords, Look
from dwell.sources.matched import schema_of
from dwell.sources.source import Stamp

__all__ = ["Defender", "DefenderCsv"]

_NAMES = (
    "Timestamp", "TimeGenerated", "category", "ActionType", "ReportId", "NetworkMessageId", "InternetMessageId",
    "SenderFromAddress", "SenderMailFromAddress", "SenderDisplayName", "RecipientEmailAddress", "Subject",
    "EmailDirection", "DeliveryAction", "DeliveryLocation", "AttachmentCount", "UrlCount", "SenderIPv4", "SenderIPv6",
    "ThreatTypes", "AuthenticationDetails", "Url", "UrlChain", "IsClickedThrough", "AccountUpn", "AccountName",
    "AccountDomain", "AccountObjectId", "AccountDisplayName", "AccountId", "AccountSid", "Application",
    "ApplicationId", "IPAddress", "UserAgent", "CountryCode", "ISP", "ObjectName", "ObjectType", "LogonType",
    "ErrorCode", "SessionId", "DeviceId", "DeviceName", "FileName", "FileType", "FolderPath", "SHA1", "SHA256", "MD5",
    "ProcessCommandLine", "InitiatingProcessFileName", "InitiatingProcessFolderPath", "InitiatingProcessCommandLine",
    "InitiatingProcessAccountName", "InitiatingProcessAccountDomain", "InitiatingProcessParentFileName", "RemoteIP",
    "RemotePort", "RemoteUrl", "LocalIP", "LocalPort", "Protocol", "RegistryKey", "RegistryValueName",
    "RegistryValueData", "AdditionalFields", "RawEventData", "time",
)  # fmt: skip
_COLUMNS: dict[str, pa.DataType] = dict.fromkeys(_NAMES, pa.string())
_MARKS = (
    frozenset({"timestamp", "timegenerated", "timestamp [utc]", "time"}),
    frozenset({"reportid", "reportid_long"}),
    frozenset({"actiontype", "networkmessageid", "deviceid", "accountupn", "accountobjectid"}),
)
_ALIASES = {
    "type": "category",
    # what Log Analytics calls a column that two tables have in two types
    "reportid_long": "ReportId",
    "reportid_string": "ReportId",
    "additionalfields_string": "AdditionalFields",
}
_TIMES = ("Timestamp", "TimeGenerated", "time")
_LEXICON = (
    "category", "ActionType", "SenderFromAddress", "RecipientEmailAddress", "Subject", "SenderIPv4", "Url",
    "AccountUpn", "AccountName", "Application", "IPAddress", "UserAgent", "DeviceName", "FileName", "FolderPath",
    "SHA1", "SHA256", "MD5", "ProcessCommandLine", "InitiatingProcessFileName", "InitiatingProcessCommandLine",
    "RemoteIP", "RemoteUrl", "RegistryKey",
)  # fmt: skip


class Defender(JsonRecords):
    """Advanced hunting of Microsoft Defender, JSON."""

    key = "defender"
    stamp = Stamp("Timestamp, TimeGenerated or time", TimeBasis.UTC, "microsecond")
    title = "Microsoft Defender advanced hunting (JSON)"
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    aliases: ClassVar[Mapping[str, str]] = _ALIASES
    whole: ClassVar[frozenset[str]] = frozenset({"raweventdata", "additionalfields"})
    time_names: ClassVar[tuple[str, ...]] = _TIMES
    marks: ClassVar[tuple[frozenset[str], ...]] = _MARKS
    host_name = "DeviceName"
    score = 80
    schema = schema_of(_COLUMNS)
    lexicon = _LEXICON

    def _is_ours(self, seen: Look) -> bool:
        return seen.text("category").startswith("AdvancedHunting-") or super()._is_ours(seen)


class DefenderCsv(AzureCsv):
    """Advanced hunting of Microsoft Defender, CSV."""

    key = "defender_csv"
    stamp = Stamp("Timestamp, TimeGenerated or time", TimeBasis.UTC, "microsecond")
    title = "Microsoft Defender advanced hunting (CSV)"
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    aliases: ClassVar[Mapping[str, str]] = _ALIASES
    time_names: ClassVar[tuple[str, ...]] = _TIMES
    marks = _MARKS
    host_name = "DeviceName"
    score = 80
    schema = Defender.schema
    lexicon = _LEXICON

    @property
    def table(self) -> str:
        """Give the table of hunting events."""
        return "defender"
