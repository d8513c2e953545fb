"""Directory exports as LDIF, as `ldifde` writes them: what the directory itself holds, by its own names.

Source:
    RFC 2849, and Microsoft Learn, "ldifde" and the schema of Active Directory: `dn:`, then `name: value` lines, `::` for
    values in base64; a line that begins with a blank goes on; a blank line parts the objects. Names that Exchange's own
    exports have another word for stand in that word's column (`mailNickname` in `Alias`, `proxyAddresses` in
    `EmailAddresses`, `msExchMailboxGuid` in `ExchangeGuid`); `objectSid` and identifiers are given in words, and
    `msExchRecipientTypeDetails` by its name where it is known. Unverified: built from descriptions, no sample seen; the
    output of `ldifde -f` of one domain with mailboxes would verify it.
Time:
    `whenCreated` is UTC and becomes `time_utc`. `pwdLastSet` and `lastLogonTimestamp` are ticks of 100 ns since 1601, UTC,
    and given as ISO 8601; 0 and "never" stay as written. The export is a snapshot, and its moment is not in it.
Units:
    One object is one record, `record_no` its first line. Values of one name stand side by side, as they do in CSV.

Raises:
    Nothing. A line before the first object that is neither a comment nor a version is an anomaly.
Trust:
    As for the export as CSV. Values that `:<` would fetch from elsewhere are not fetched.
Silence:
    As for the export as CSV; attributes that whoever ran it may not read are left out.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping

import pyarrow as pa

from dwell.model.instants import TimeBasis
from dwell.sources.columns import instants
from dwell.sources.directory import Directory
from dwell.sources.directory_words import KINDS, generalized_time, guid_text, sid_text, ticks_time
from dwell.sources.sections import Pairs, Sections
from dwell.sources.source import TIME_UTC, Guess, Sniff, Stamp

__all__ = ["DirectoryLdif"]

_PAIR = re.compile(r"(?P<name>[A-Za-z0-9][\w.;-]{0,200}):(?P<sign>[:<]?) ?(?P<value>.*)$", re.DOTALL)
_DN = re.compile(r"\ufeff?dn::? ?(?P<v>.*)$", re.IGNORECASE)
_DEED = re.compile(r"(?:changetype|objectClass)::? ?\S", re.IGNORECASE)
_LOOKED_AT = 30
_COLUMNS: Mapping[str, str] = {
    "dn": "DistinguishedName", "mailnickname": "Alias", "proxyaddresses": "EmailAddresses",
    "msexchmailboxguid": "ExchangeGuid", "msexcharchiveguid": "ArchiveGuid", "objectsid": "ObjectSid",
    "objectguid": "ObjectGUID", "msexchrecipienttypedetails": "RecipientTypeDetails", "whencreated": "WhenCreatedUTC",
    "whenchanged": "WhenChangedUTC", "pwdlastset": "PasswordLastSet", "lastlogontimestamp": "LastLogonDate",
    "altrecipient": "ForwardingAddress", "msexchgenericforwardingaddress": "ForwardingSmtpAddress",
    "deliverandredirect": "DeliverToMailboxAndForward", "publicdelegates": "GrantSendOnBehalfTo",
    "homemdb": "Database", "physicaldeliveryofficename": "Office",
}  # fmt: skip
_BYTES: Mapping[str, Callable[[bytes], str | None]] = {
    "ObjectSid": sid_text, "ObjectGUID": guid_text, "ExchangeGuid": guid_text, "ArchiveGuid": guid_text,
}  # fmt: skip
_WORDS: Mapping[str, Callable[[str], str | None]] = {
    "WhenCreatedUTC": generalized_time, "WhenChangedUTC": generalized_time, "PasswordLastSet": ticks_time,
    "LastLogonDate": ticks_time, "RecipientTypeDetails": KINDS.get,
}  # fmt: skip
_KNOWN = {name.lower(): name for name in Directory.columns} | dict(_COLUMNS)
_DISABLED = 2
"""The flag of an account that is switched off."""
_FLAGS_DIGITS = 10
_ALIKE = 8


def _text_of(sign: str, value: str, column: str) -> str:
    """Give a value in words; one in base64 that is no text stays as written."""
    if sign == ":":
        try:
            data = base64.b64decode(value.strip(), validate=True)
        except (binascii.Error, ValueError):
            return value
        if column in _BYTES:
            return _BYTES[column](data) or value
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return value
        value = value if "\0" in text else text
    worded = _WORDS[column](value) if column in _WORDS else None
    return worded or value


def _unfolded(lines: list[str]) -> list[str]:
    """Put lines together that go on; a comment may as well."""
    out: list[list[str]] = []
    for line in lines:
        if line[:1] == " " and out:
            out[-1].append(line[1:])
        else:
            out.append([line])
    return ["".join(parts) for parts in out]


class DirectoryLdif(Sections):
    """Directory export, LDIF."""

    key = "directory_ldif"
    title = "Directory export (LDIF of ldifde)"
    stamp = Stamp("whenCreated", TimeBasis.UTC, "second")
    is_log = False
    schema = Directory.schema
    lexicon = Directory.lexicon

    @property
    def table(self) -> str:
        """Give the table of directory exports."""
        return "directory"

    def identify(self, sniff: Sniff) -> Guess | None:
        """Take text whose first lines name an object and its class or what is to be done with it."""
        lines = [
            one for one in sniff.text.splitlines()[:_LOOKED_AT] if one.strip("\ufeff\0 ") and not one.startswith("#")
        ]
        named = next((place for place, one in enumerate(lines) if _DN.match(one)), None)
        if named is None or not any(_DEED.match(one) for one in lines[named + 1 :]):
            return None
        alone = not any(one for one in lines[:named] if not one.removeprefix("\ufeff").startswith("version:"))
        return Guess(96 if alone else 80, self.key, "objects of LDIF: dn, changetype or objectClass")

    def _title(self, line: str) -> str | None:
        return line.removeprefix("\ufeff") if _DN.match(line) else None

    def _is_head(self, line: str) -> bool:
        return line.removeprefix("\ufeff").startswith(("#", "version:"))

    def _named(self, title: str, lines: list[str], head: str) -> Pairs:
        del head
        held: dict[str, list[str]] = {}
        for line in _unfolded([title, *lines]):
            found = _PAIR.match(line)
            if found is None or line.startswith("#"):
                held.setdefault("#comment" if line.startswith("#") else "text", []).append(line.strip())
                continue
            name = found["name"]
            column = _KNOWN.get(name.lower(), name)
            value = _text_of(found["sign"], found["value"], column)
            values = held.setdefault(column, [])
            if value not in values[-_ALIKE:]:  # the name of an object stands in it twice, as `dn` and as an attribute
                values.append(value)
            if name.lower() == "useraccountcontrol" and value.isdecimal() and len(value) <= _FLAGS_DIGITS:
                held.setdefault("Enabled", ["False" if int(value) & _DISABLED else "True"])
        return [(name, ", ".join(values)) for name, values in held.items()]

    def _completed(self, records: pa.RecordBatch) -> pa.RecordBatch:
        place = records.schema.get_field_index(TIME_UTC.name)
        return records.set_column(place, TIME_UTC, instants(records["WhenCreatedUTC"]))
