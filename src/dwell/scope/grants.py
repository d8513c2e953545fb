"""Rights by which an account opens mailboxes of others: given on one mailbox, on a database, or by a role on all of them.

Logs of requests name the account and not always the mailbox: whoever was given such a right can have opened any mailbox
that it covers in requests that are taken for those of his own. Roles by which mail is searched or exported are used by
cmdlets, which are recorded (`takings`); impersonation is not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from dwell.archive.store import Archive
from dwell.model.provenance import RecordRef
from dwell.scope.cmdlets import Cmdlet, Label, person, read_cmdlets
from dwell.scope.rollup.ual import TENANT
from dwell.scope.takings import ANY_MAILBOX, TABLES

__all__ = ["ANYBODY", "Grant", "grants_of"]

ANYBODY = ""
"""Stands for who was given a right where the record does not say who."""
_OPENS = re.compile(r"fullaccess|receive-?\s*as|genericall|allextendedrights", re.IGNORECASE)
_EXTENDED = re.compile(r"\bextendedright\b", re.IGNORECASE)
_READS = re.compile(r"owner|editor|author|reviewer|readitems|fulldetails", re.IGNORECASE)
_PUBLISHED = re.compile(r"publishing", re.IGNORECASE)
_ROLE = "applicationimpersonation"
_OFF = frozenset({"false", "$false"})
_EVERYBODY = frozenset({"default", "anonymous", "everyone", "authenticated users"})
_WITHOUT = frozenset(
    {"compliance management", "delegated setup", "discovery management", "help desk", "public folder management",
     "recipient management", "records management", "security administrator", "security reader", "server management",
     "um management", "view-only organization management"}
)  # fmt: skip
"""Role groups of Exchange that open no mailbox of others but by cmdlets that are recorded, in lower case."""
_LIST = re.compile(r"[;,]")
_Told = Mapping[str, str]
_Read = tuple[str, tuple[str, ...], str, bool]
"""(on whose mailbox as the cmdlet names it, to whom, what, whether it is sure to open mail)."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A right that was given.

    Attributes:
        mailbox: on whose mailbox, the name it goes by; `ANY_MAILBOX` for all, or where the record does not say.
        to: the name that whoever was given it goes by; `ANYBODY` where the record does not say.
        what: the right, in words.
        whole: whether it opens whole mailboxes by itself; a folder can be a calendar, and of a role group
            nothing says what it may.
        host: whose log tells of it; the tenant's name for what was done there.
        caller: who gave it, as the log writes it; None where it does not.
        account: the name that the caller goes by; None where nobody is known by it.
        client: the address that it was run from; None where the record has none.
        at_utc: when.
        grounds: the record.
    """

    mailbox: str
    to: str
    what: str
    whole: bool
    host: str
    caller: str | None
    account: str | None
    client: str | None
    at_utc: datetime
    grounds: tuple[RecordRef, ...]


def _names(*texts: str | None) -> tuple[str, ...]:
    found = [one.strip().strip("@(){}\"' ") for text in texts for one in _LIST.split(text or "")]
    return tuple(one for one in found if one)


def _permission(one: Cmdlet, told: _Told) -> _Read | None:
    """Read a right on a mailbox, or on a thing of the directory; what is denied is not given."""
    rights = f"{told.get('AccessRights', '')} {told.get('ExtendedRights', '')}".strip()
    denied = "Deny" in told and told["Deny"].strip().lower() not in _OFF
    if told.get("Owner") and not denied:
        return told.get("Identity") or one.target, _names(told["Owner"]), "the ownership", True
    # what lies in the directory can be a database or a server
    whole = one.name.strip().lower() == "add-adpermission"
    # an extended right that is not named is every one of them
    every = whole and not told.get("ExtendedRights", "").strip() and bool(_EXTENDED.search(rights))
    if denied or not (every or _OPENS.search(rights)):
        return None
    holder = ANY_MAILBOX if whole else told.get("Identity") or one.target
    return holder, _names(told.get("User")) or (ANYBODY,), rights, True


def _folder(one: Cmdlet, told: _Told) -> _Read | None:
    """Read a right on a folder; a calendar's free hours are none."""
    del one
    rights, path = told.get("AccessRights", ""), told.get("Identity", "")
    holder, _, folder = path.partition(":\\")
    who = told.get("User", "")
    if not _READS.search(rights) or _PUBLISHED.search(rights):
        return None
    to = (ANYBODY,) if who.strip().lower() in _EVERYBODY else _names(who) or (ANYBODY,)
    return holder, to, f"{rights} on the folder {folder or '(root)'}", False


def _assignment(one: Cmdlet, told: _Told) -> _Read | None:
    del one
    role = told.get("Role", "")
    if _ROLE not in role.lower().replace(" ", ""):
        return None
    # a group's and a policy's members are not in the record
    return ANY_MAILBOX, _names(told.get("User")) or (ANYBODY,), f"the role {role}", True


def _member(one: Cmdlet, told: _Told) -> _Read | None:
    group = told.get("Identity") or one.target
    if person(group, lambda text: text).strip() in _WITHOUT:
        return None
    return ANY_MAILBOX, _names(told.get("Member"), told.get("Members")) or (ANYBODY,), f"the role group {group}", False


def _group(one: Cmdlet, told: _Told) -> _Read | None:
    del one
    if _ROLE not in told.get("Roles", "").lower().replace(" ", ""):
        return None
    return ANY_MAILBOX, _names(told.get("Members")) or (ANYBODY,), f"the role {told['Roles']}", True


_READERS: Mapping[str, Callable[[Cmdlet, _Told], _Read | None]] = {
    "add-mailboxpermission": _permission,
    "add-adpermission": _permission,
    "add-mailboxfolderpermission": _folder,
    "set-mailboxfolderpermission": _folder,
    "new-managementroleassignment": _assignment,
    "add-rolegroupmember": _member,
    "update-rolegroupmember": _member,
    "new-rolegroup": _group,
}
"""By the cmdlet, in lower case."""


def _wanted(name: str) -> bool:
    return name.strip().lower() in _READERS


def _of(one: Cmdlet, label: Label) -> Iterator[Grant]:
    """Read a cmdlet as rights that were given."""
    if one.failed or one.at_utc is None:
        return
    read = _READERS[one.name.strip().lower()](one, dict(one.parameters))
    if read is None:
        return
    holder, given, what, whole = read
    account = label(person(one.caller, label)) if one.caller else None
    host = TENANT if one.online else one.host or ""
    mailbox = person(holder, label) if holder else ANY_MAILBOX
    for each in given:
        to = person(each, label) if each else ANYBODY
        yield Grant(mailbox, to, what, whole, host, one.caller, account, one.client, one.at_utc, (one.ground,))


def grants_of(archive: Archive, label: Label) -> tuple[Grant, ...]:
    """Give every right to open mailboxes of others that a cmdlet gave, in order of time.

    Args:
        archive: the case's archive.
        label: gives the name that a user goes by.

    Raises:
        CustodyError: a data file is not what was written.
    """
    found = [
        made
        for table in TABLES
        for file in archive.files(table)
        for one in read_cmdlets(file, named=_wanted)
        for made in _of(one, label)
    ]
    return tuple(sorted(found, key=lambda one: (one.at_utc, one.grounds, one.mailbox, one.to)))
