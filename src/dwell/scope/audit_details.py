"""What audit records of Microsoft 365 say of an act beside its parameters: folders and rights, roles, actions of rules.

Cmdlets have parameters. Acts of Outlook and of the directory have none; what they did stands deeper in the record, in a
place of its own for each kind of act.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

__all__ = ["TOLD_INSIDE", "details"]

Details = tuple[str, tuple[tuple[str, str], ...]]
"""(what it was done on, names and values)."""


def _folder(record: Mapping[str, Any]) -> Details:
    """Read a change of a folder's rights."""
    item = record.get("Item")
    folder = item.get("ParentFolder") if isinstance(item, dict) else None
    told = folder if isinstance(folder, dict) else {}
    values = tuple((name, str(told[name])) for name in ("Path", "MemberUpn", "MemberRights") if told.get(name))
    return str(record.get("MailboxOwnerUPN") or ""), values


def _role(record: Mapping[str, Any]) -> Details:
    """Read a role of the directory that was given or taken."""
    changed = record.get("ModifiedProperties")
    roles = [one for one in changed if isinstance(one, dict)] if isinstance(changed, list) else []
    # a role that is given stands under NewValue, one that is taken under OldValue
    told = [
        ("Role", str(one.get("NewValue") or one.get("OldValue") or "").strip('" '))
        for one in roles
        if one.get("Name") == "Role.DisplayName"
    ]
    return str(record.get("ObjectId") or ""), tuple(told)


def _rule(record: Mapping[str, Any]) -> Details:
    """Read an inbox rule that Outlook changed."""
    properties = record.get("OperationProperties")
    told = [one for one in properties if isinstance(one, dict)] if isinstance(properties, list) else []
    values = tuple((str(one.get("Name")), str(one.get("Value") or "")) for one in told if one.get("Name"))
    return str(record.get("MailboxOwnerUPN") or ""), values


TOLD_INSIDE: Mapping[str, Callable[[Mapping[str, Any]], Details]] = {
    **dict.fromkeys(
        ("addfolderpermissions", "modifyfolderpermissions", "updatefolderpermissions", "removefolderpermissions"),
        _folder,
    ),
    **dict.fromkeys(("add member to role", "remove member from role"), _role),
    "updateinboxrules": _rule,
}
"""By the operation, in lower case and without its full stop."""


def details(operation: str, text: str | None) -> Details | None:
    """Read what a record says inside; None where its kind says nothing there, or it cannot be read.

    Args:
        operation: the record's operation.
        text: the record, JSON.
    """
    reader = TOLD_INSIDE.get(operation.strip().rstrip(".").lower())
    if reader is None or not text:
        return None
    try:
        record = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    return reader(record) if isinstance(record, dict) else None
