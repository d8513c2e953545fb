"""What one row of a directory export shows of whether its account is there: enabled or not, with a mailbox or without."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["COLUMNS", "EXTRA", "Presence", "is_shared", "presence_of"]

EXTRA = ("AccountDisabled", "UserAccountControl", "WhenSoftDeleted")
"""Columns that the table has no place of its own for: those of `Get-Mailbox`, `Get-User` and `Get-ADUser`."""
COLUMNS = ("Enabled", *EXTRA)
_SHARED = (
    "shared", "room", "equipment", "linked", "scheduling", "discovery", "arbitration", "monitoring", "auditlog", "team",
    "group", "publicfolder",
)  # fmt: skip
"""Kinds of mailboxes whose account is disabled all its time, or is another's."""
_DISABLED_BIT = 2
"""`ACCOUNTDISABLE` of userAccountControl (Microsoft Learn, "UserAccountControl property flags")."""
_SAID = {"true": True, "$true": True, "yes": True, "1": True, "false": False, "$false": False, "no": False, "0": False}


class Presence(NamedTuple):
    """What one row shows.

    Attributes:
        at_us: when its export was made, microseconds since 1970; None where nothing dates it.
        evidence_id: the export.
        record_no: the row.
        enabled: whether the account may log on; None where the row does not say.
        mailbox: whether it has a mailbox; None where the row does not say.
    """

    at_us: int | None
    evidence_id: str
    record_no: int
    enabled: bool | None
    mailbox: bool | None


def is_shared(kind: str) -> bool:
    """Say whether a `RecipientTypeDetails` is of a mailbox whose account is disabled by design."""
    return any(one in kind.lower() for one in _SHARED)


def presence_of(row: Mapping[str, str | int | None], at_us: int | None) -> Presence:
    """Give what a row shows.

    Args:
        row: the row, with `evidence_id` and `record_no` where it is of the archive.
        at_us: when its export was made.
    """
    kind = str(row.get("RecipientTypeDetails") or "")
    has = bool(row.get("ExchangeGuid")) or "mailbox" in kind.lower()
    mailbox: bool | None = has if has or kind else None
    if row.get("WhenSoftDeleted"):
        mailbox = False
    return Presence(at_us, str(row.get("evidence_id") or ""), int(row.get("record_no") or 0), _enabled(row), mailbox)


def _enabled(row: Mapping[str, str | int | None]) -> bool | None:
    told = _SAID.get(str(row.get("Enabled") or "").strip().lower())
    if told is not None:
        return told
    off = _SAID.get(str(row.get("AccountDisabled") or "").strip().lower())
    if off is not None:
        return not off
    flags = str(row.get("UserAccountControl") or "").strip().lower()
    if flags.isascii() and flags.isdecimal() and len(flags) <= 10:
        return not int(flags) & _DISABLED_BIT
    return "accountdisabled" not in flags.replace(" ", "").split(",") if flags else None
