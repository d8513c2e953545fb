"""ActiveSync's short form of a query: one base64 text in the place of `Cmd=…&User=…&DeviceId=…&DeviceType=…`.

[MS-ASHTTP] 2.2.1.1.1.1, read 2026-12-01: a byte for the version of the protocol, one for the command, two for the locale;
then device id, policy key and device type, each behind a byte that is its length; then parameters, each a byte that says
which one, a byte that is its length, and its value. Nothing may be left over. Of a value that is no text (a GUID as the
id of a device) its bytes are given in hexadecimal. What begins like such a query and is none is told, and stays text.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from urllib.parse import unquote

__all__ = ["HEAD", "EasQuery", "decoded"]

HEAD = r"^\??(?P<head>e(?:[Q-Za-f]|%)[A-Za-z0-9+/%]{6,}={0,2}|[jo](?:[A-Za-f]|%)[A-Za-z0-9+/%]{6,}={0,2})(?:[&;]|$)"
"""How a query in base64 begins: with a version of 12.1, 14.0, 14.1, 16.0 or 16.1."""
VERSIONS = frozenset({121, 140, 141, 160, 161})
_COMMANDS = {
    0: "Sync", 1: "SendMail", 2: "SmartForward", 3: "SmartReply", 4: "GetAttachment", 9: "FolderSync", 10: "FolderCreate",
    11: "FolderDelete", 12: "FolderUpdate", 13: "MoveItems", 14: "GetItemEstimate", 15: "MeetingResponse", 16: "Search",
    17: "Settings", 18: "Ping", 19: "ItemOperations", 20: "Provision", 21: "ResolveRecipients", 22: "ValidateCert",
}  # fmt: skip
"""[MS-ASHTTP] 2.2.1.1.1.1.2."""
_USER = 8
"""The parameter that names a user, [MS-ASHTTP] 2.2.1.1.1.1.3."""
_TAGS = frozenset({0, 1, 3, 4, 6, 7, _USER})
_POLICY = frozenset({0, 4})
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class EasQuery:
    """What a query in base64 says.

    Attributes:
        command: the command's name; `code N` for one that is not known.
        device_id: as text, else its bytes in hexadecimal; None where there is none.
        device_type: likewise.
        user: likewise.
    """

    command: str
    device_id: str | None
    device_type: str | None
    user: str | None


def decoded(head: str) -> EasQuery | None:
    """Read the base64 text; None where it is no query of this form, from its first byte to its last."""
    text = unquote(head, errors="replace") if "%" in head else head
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(data) < 4 or data[0] not in VERSIONS:
        return None
    rest = data[4:]
    values = []
    for _ in range(3):
        if not rest or len(rest) <= rest[0]:
            return None
        values.append(rest[1 : rest[0] + 1])
        rest = rest[rest[0] + 1 :]
    device, policy, kind = values
    if len(policy) not in _POLICY:
        return None
    user = b""
    while rest:
        if len(rest) < 2 or len(rest) < rest[1] + 2 or rest[0] not in _TAGS:
            return None
        if rest[0] == _USER:
            user = user or rest[2 : rest[1] + 2]
        rest = rest[rest[1] + 2 :]
    return EasQuery(_COMMANDS.get(data[1], f"code {data[1]}"), _text(device), _text(kind), _text(user))


def _text(value: bytes) -> str | None:
    """Give a value as text where it is one, else its bytes in hexadecimal."""
    if not value:
        return None
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return value.hex().upper()
    return value.hex().upper() if _UNSAFE.search(text) else text
