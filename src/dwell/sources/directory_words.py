"""How the directory itself writes what exports write in words: identifiers in bytes, times in ticks, kinds as numbers."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

__all__ = ["KINDS", "generalized_time", "guid_text", "sid_text", "ticks_time"]

_TICKS_MAX = 2_650_467_743_999_999_999
"""The last tick that a calendar of four digits has."""
_GENERALIZED = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.\d+)?Z$")
_GUID_BYTES = 16
_SID_HEAD = 8
KINDS: Mapping[str, str] = {
    "1": "UserMailbox", "2": "LinkedMailbox", "4": "SharedMailbox", "8": "LegacyMailbox", "16": "RoomMailbox",
    "32": "EquipmentMailbox", "64": "MailContact", "128": "MailUser", "256": "MailUniversalDistributionGroup",
    "1024": "MailUniversalSecurityGroup", "536870912": "DiscoveryMailbox", "2147483648": "RemoteUserMailbox",
    "8589934592": "RemoteRoomMailbox", "17179869184": "RemoteEquipmentMailbox", "34359738368": "RemoteSharedMailbox",
}  # fmt: skip
"""What `msExchRecipientTypeDetails` says, where it is a mailbox, a contact or a group."""


def sid_text(data: bytes) -> str | None:
    """Give a security identifier in words (`S-1-5-…`); None where the bytes are none."""
    if len(data) < _SID_HEAD or data[0] != 1 or len(data) != _SID_HEAD + 4 * data[1]:
        return None
    parts = (int.from_bytes(data[at : at + 4], "little") for at in range(_SID_HEAD, len(data), 4))
    return "-".join(("S-1", str(int.from_bytes(data[2:_SID_HEAD], "big")), *map(str, parts)))


def guid_text(data: bytes) -> str | None:
    """Give an identifier of 16 bytes in words; None where they are not so many."""
    return str(uuid.UUID(bytes_le=data)) if len(data) == _GUID_BYTES else None


def ticks_time(text: str) -> str | None:
    """Read ticks of 100 ns since 1601 as an ISO 8601 instant in UTC; None where they stand for none (0, never)."""
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(_TICKS_MAX)) or not 0 < int(text) <= _TICKS_MAX:
        return None
    at = datetime(1601, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(text) // 10)
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def generalized_time(text: str) -> str | None:
    """Read `20190401080000.0Z` as an ISO 8601 instant in UTC; None where it is none."""
    found = _GENERALIZED.match(text)
    told = "{}-{}-{}T{}:{}:{}Z".format(*found.groups()) if found else ""
    try:
        datetime.fromisoformat(told)
    except ValueError:
        return None
    return told
