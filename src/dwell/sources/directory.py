"""Directory exports: who exists, under which names, as `Get-Mailbox`, `Get-Recipient` and `Get-ADUser` write them.

Source:
    Microsoft Learn, "Get-Mailbox", "Get-User", "Get-ADUser" with `Export-Csv` or `ConvertTo-Json`: the property names are
    the columns. In JSON the text of an identifier that is written as an object (`SID`, `Value`) is its column, and
    addresses in a list stand side by side, as they do in CSV. Identifiers that csvde writes as bytes (`X'0105…'`) are given
    in words.
Time:
    `WhenCreatedUTC` is UTC where it is written in ISO 8601 (or as `/Date(…)/`) and becomes `time_utc`; a date in the
    words of a culture has no zone and no safe order of day and month, stays as text, and `time_utc` is null. The export
    is a snapshot: it says what held when it was made, and its moment is not in it.
Units:
    One row is one recipient or account.

Raises:
    Nothing. A line or object that cannot be read is an anomaly.
Trust:
    Whoever could change the directory could change every value; `DisplayName` and photos the user himself may set.
Silence:
    A name that is absent may have been deleted, be hidden by a filter, or lie in another organisational unit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.instants import TimeBasis
from dwell.sources.aliased_csv import AliasedCsv
from dwell.sources.directory_words import guid_text, sid_text
from dwell.sources.json_records import JsonRecords
from dwell.sources.source import Stamp
from dwell.sources.time_words import dotnet_or_iso

__all__ = ["Directory", "DirectoryJson"]

_NAMES = (
    "Name", "DisplayName", "Alias", "SamAccountName", "UserPrincipalName", "PrimarySmtpAddress", "WindowsEmailAddress",
    "EmailAddresses", "ExchangeGuid", "ArchiveGuid", "Guid", "ObjectGUID", "ExternalDirectoryObjectId", "SID",
    "ObjectSid", "LegacyExchangeDN", "DistinguishedName", "RecipientType", "RecipientTypeDetails", "Database",
    "ServerName", "Office", "Department", "Title", "Company", "Manager", "Enabled", "PasswordLastSet", "LastLogonDate",
    "WhenChangedUTC", "ForwardingAddress", "ForwardingSmtpAddress", "DeliverToMailboxAndForward",
    "GrantSendOnBehalfTo", "AuditEnabled", "MemberOf",
)  # fmt: skip
_COLUMNS: dict[str, pa.DataType] = dict.fromkeys((*_NAMES, "WhenCreatedUTC"), pa.string())


_LISTS = frozenset({"emailaddresses", "proxyaddresses"})
_ALIASES: Mapping[str, str] = {
    "proxyaddresses": "EmailAddresses", "mailnickname": "Alias", "msexchmailboxguid": "ExchangeGuid",
    "msexcharchiveguid": "ArchiveGuid",
}  # fmt: skip
"""What the directory itself calls columns, as `Get-ADUser` and csvde write them. Not so `mail`: an administrator's second
account often has the address of his first."""


_IN_BYTES: Mapping[str, Callable[[bytes], str | None]] = {
    "SID": sid_text, "ObjectSid": sid_text, "ObjectGUID": guid_text, "ExchangeGuid": guid_text, "ArchiveGuid": guid_text,
}  # fmt: skip
_HEXADECIMAL = re.compile(r"X'((?:[0-9a-f]{2}){8,68})'$", re.IGNORECASE)


def _in_words(text: str, worded: Callable[[bytes], str | None]) -> str:
    """Give an identifier that csvde writes as bytes (`X'…'`) in words; any other text as it is."""
    found = _HEXADECIMAL.match(text)
    return (worded(bytes.fromhex(found[1])) if found else None) or text


class Directory(AliasedCsv):
    """Directory export."""

    key = "directory"
    stamp = Stamp("WhenCreatedUTC", TimeBasis.UTC)
    title = "Directory export (CSV)"
    is_log = False
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    aliases: ClassVar[Mapping[str, str]] = _ALIASES
    time_names: ClassVar[tuple[str, ...]] = ("WhenCreatedUTC",)
    marks = (
        frozenset({"primarysmtpaddress", "userprincipalname", "samaccountname", "windowsemailaddress"}),
        frozenset(
            [
                "exchangeguid",
                "emailaddresses",
                "samaccountname",
                "alias",
                "legacyexchangedn",
                "recipienttypedetails",
                "sid",
                "objectsid",
                "objectguid",
                "distinguishedname",
                "passwordlastset",
            ]
        ),
    )
    score = 80
    schema = AliasedCsv.table_schema(_COLUMNS)
    lexicon = (
        "SamAccountName",
        "UserPrincipalName",
        "PrimarySmtpAddress",
        "ForwardingSmtpAddress",
        "ForwardingAddress",
    )

    def _completed(self, records: pa.RecordBatch) -> pa.RecordBatch:
        """Put identifiers into words that csvde writes as bytes."""
        for name, worded in _IN_BYTES.items():
            column = records[name].cast(pa.string())
            if pc.any(pc.starts_with(column, "X'")).as_py():
                texts = [None if one is None else _in_words(one, worded) for one in column.to_pylist()]
                field = records.schema.field(name)
                values = pa.array(texts, pa.string()).cast(field.type)
                records = records.set_column(records.schema.get_field_index(name), field, values)
        return records


class DirectoryJson(JsonRecords):
    """Directory export, JSON."""

    key = "directory_json"
    stamp = Stamp("WhenCreatedUTC", TimeBasis.UTC)
    title = "Directory export (JSON)"
    is_log = False
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    aliases: ClassVar[Mapping[str, str]] = dict(_ALIASES) | {
        f"{name.lower()}.{part}": name
        for name, part in (
            ("SID", "value"), ("ObjectSid", "value"), ("PrimarySmtpAddress", "address"), ("WindowsEmailAddress", "address"),
            ("RecipientType", "value"), ("RecipientTypeDetails", "value"),
        )
    }  # fmt: skip
    time_names: ClassVar[tuple[str, ...]] = ("WhenCreatedUTC",)
    marks: ClassVar[tuple[frozenset[str], ...]] = Directory.marks
    score = 79
    schema = Directory.schema
    lexicon = Directory.lexicon

    @property
    def table(self) -> str:
        """Give the table of directory exports."""
        return "directory"

    def _shaped(self, record: dict[str, Any]) -> dict[str, Any]:
        shaped = super()._shaped(record)
        lists = {name: held for name, held in shaped.items() if name.lower() in _LISTS and isinstance(held, list)}
        told = {name: ", ".join(held) for name, held in lists.items() if all(isinstance(one, str) for one in held)}
        return shaped | told

    def _instants(self, texts: pa.Array) -> pa.Array:
        return dotnet_or_iso(texts)
