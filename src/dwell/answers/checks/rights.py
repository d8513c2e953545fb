"""Checks of who may open whose mail: rights to mailboxes and folders, roles of the organisation.

An export of rights has no dates. A right that an export from before the first act has as well is not the intruder's; one
that such an export of the same mailbox has not came in between, and fails where the mailbox was touched. Where there is
no such export, every right is left to whoever knows it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from dwell.answers.checks.scene import TRUE, Current, Finding, PerMailbox, Pile, Rows, Scene, told, undated, weigh
from dwell.answers.checks.stock_roles import BUILT_IN_ROLES
from dwell.answers.checks.whose import not_ours, strange
from dwell.answers.phrases import count
from dwell.model.claims import Extent
from dwell.model.provenance import RecordRef
from dwell.scope.snapshots import Row, Snapshot
from dwell.scope.states import instant

__all__ = ["ROLES", "folder_permissions", "mailbox_permissions", "role_assignments"]

_EVERYBODY = frozenset(
    {
        "default", "anonymous", "everyone", "nt authority\\authenticated users", "nt authority\\anonymous logon",
        "nt authority\\interactive", "nt authority\\network", "builtin\\users", "builtin\\guests",
        "standaard", "par défaut", "standard", "anoniem", "anonyme", "anonym", "iedereen", "tout le monde", "jeder",
        "s-1-1-0", "s-1-5-2", "s-1-5-4", "s-1-5-7", "s-1-5-11", "s-1-5-32-545", "s-1-5-32-546",
    }
)  # fmt: skip
"""Those who are everybody, as Exchange and Windows name them, in four languages."""
_NOBODY = frozenset({"", "none", "availabilityonly", "limiteddetails", "foldervisible"})
"""Rights that let nobody read a message, nor give himself those that do, as the owner of a folder can."""
_ITSELF = frozenset({"nt authority\\self", "s-1-5-10", "nt authority\\system", "s-1-5-18"})
"""The owner, and Windows itself; every other name of Windows' own is one that many people have or can get."""
_SHARED_FOLDERS = frozenset(
    {
        "agenda", "calendar", "calendrier", "kalender", "contactpersonen", "contacts", "kontakte", "freebusy data",
        "top of information store",
    }
)  # fmt: skip
"""Folders that hold no mail, or none that anybody sees: calendar, contacts, the top of a mailbox."""
_KINDS = ("mailbox-permission", "recipient-permission", "ad-permission")
_IN_DIRECTORY = ("mailbox-permission", "ad-permission")
"""What exports of rights in the directory are taken for, row by row."""
_OPENS = (
    "fullaccess", "send", "receiveas", "changepermission", "changeowner", "genericall", "writedacl", "writeowner",
)  # fmt: skip
"""Rights that open a mailbox, or let somebody give himself those that do."""
_TO_MAILBOXES = (
    "fullaccess",
    "sendas",
    "externalaccount",
    "deleteitem",
    "readpermission",
    "changepermission",
    "changeowner",
)
"""What rights to a mailbox are called, those to its account in the directory never."""
ROLES = ("ApplicationImpersonation", "Mailbox Import Export", "Mailbox Search")
"""Roles that open the mail of others. Exchange gives each of them to somebody as it is installed."""
_STOCK = frozenset(
    {
        "organization management",
        "hygiene management",
        "discovery management",
        "compliance management",
        "records management",
    }
)
"""Role groups that hold such a role, or may give it, as Exchange is installed."""

INHERITED = "inherited"
"""On what a right is that was given for a whole database, or higher up: whoever has it opens every mailbox there."""
_INSTALLED = frozenset(
    {
        "administrator", "administrators", "delegated setup", "domain admins", "enterprise admins",
        "exchange domain servers", "exchange servers", "exchange services", "exchange trusted subsystem",
        "exchange windows permissions", "exchangelegacyinterop", "managed availability servers",
        "organization management", "public folder management",
    }
)  # fmt: skip
"""Who inherits rights to every mailbox as Exchange is installed."""
_ABOVE = re.compile(r"receive|genericall|writedacl|writeowner|extendedright$", re.IGNORECASE)
"""Rights to a database or a server that open the mailboxes in it, or let somebody give himself those that do."""
_OF_ACCOUNTS = frozenset({"account operators", "domain admins"})
"""Who has every right to each account in the directory as Windows is installed, without inheriting it."""
_ROLE = "role-assignment"
_PARTS = re.compile(r"[\\/]")

Right = tuple[str, str, str]
"""(who, on what, which right), lower case."""


def _rights(rows: Rows, scene: Scene, owner: str) -> dict[Right, RecordRef]:
    """Give the rights to a mailbox that rows show, of others than the owner, the system, and whom Exchange lets inherit."""
    out: dict[Right, RecordRef] = {}
    for row, ref in rows:
        who = (row["User"] or row["Trustee"] or "").strip()
        # of a right to an account in the directory one column says that it is an extended one, and another which
        rights = ", ".join(one for one in (row["AccessRights"], row["ExtendedRights"]) if one)
        if not who or who.lower() in _ITSELF or (row["Deny"] or "").lower() in TRUE:
            continue
        group = who.lower().rpartition("\\")[2]
        inherited = (row["IsInherited"] or "").lower() in TRUE
        if (inherited and group in _INSTALLED) or (group in _OF_ACCOUNTS and "genericall" in rights.lower()):
            continue
        if scene.account(who) == owner or not any(one in rights.lower().replace("-", "") for one in _OPENS):
            continue
        out.setdefault((who.lower(), INHERITED if inherited else "", rights.lower()), ref)
    return out


def _holds_no_mail(folder: str) -> bool:
    """Say whether a folder is one of calendar or contacts, or lies in one: by the first name of its path."""
    parts = [one.strip() for one in _PARTS.split(folder.lower().rpartition(":")[2]) if one.strip()]
    return bool(parts) and parts[0] in _SHARED_FOLDERS


def _folder_rights(rows: Rows, scene: Scene, owner: str) -> dict[Right, RecordRef]:
    """Give the rights to folders of a mailbox that let somebody else read messages."""
    out: dict[Right, RecordRef] = {}
    for row, ref in rows:
        who, folder = (row["User"] or "").strip(), (row["FolderName"] or row["Identity"] or "").lower()
        rights = {one.strip(" {}").lower() for one in (row["AccessRights"] or "").split(",")} - _NOBODY
        if not who or not rights or scene.account(who) == owner:
            continue
        if who.lower() in _EVERYBODY and _holds_no_mail(folder):
            continue
        out.setdefault((who.lower(), folder, ", ".join(sorted(rights))), ref)
    return out


def _weighed(scene: Scene, kinds: Sequence[str], *, folders: bool) -> list[Finding]:
    columns = ("User", "Trustee", "FolderName", "AccessRights", "ExtendedRights", "Deny", "IsInherited")
    states: list[PerMailbox] = [scene.per_mailbox("exports", kind, columns) for kind in kinds]
    used = tuple(one for found in states for one in found.used)
    if not used:
        return [undated([one for found in states for one in found.held], scene.last)]
    read = _folder_rights if folders else _rights
    pile = Pile()
    for found in states:
        for owner, rows, later in found.each():
            known = read(found.before[owner], scene, owner) if owner in found.before else None
            for (who, what, rights), ref in read(rows, scene, owner).items():
                text = f"{who} on {owner}{f', {what}' if what else ''} ({rights})"
                if who in _EVERYBODY:
                    pile.add(text, ref, bad=True, later=later)
                elif known is None or (who, what, rights) not in known:
                    bad = known is not None and owner in scene.touched and what != INHERITED
                    pile.add(text, ref, bad=bad, later=later)
    if not folders:
        _above(scene, pile)
    unresolved = sum(found.unresolved for found in states)
    seen, fine = (_folders_seen if folders else _rights_seen)(states)
    return [weigh(scene.extent(seen), used, pile, unresolved, fine=fine, caveat=_without(states))]


def _places_above(scene: Scene, rows: Rows) -> dict[Right, RecordRef]:
    """Give the rights to what is no mailbox, of others than Exchange's own: a database opens all mailboxes in it."""
    out: dict[Right, RecordRef] = {}
    for row, ref in rows:
        what, who = (row["Identity"] or "").strip().lower(), (row["User"] or row["Trustee"] or "").strip().lower()
        rights = ", ".join(one for one in (row["AccessRights"], row["ExtendedRights"]) if one).lower()
        own = who in _ITSELF or who.rpartition("\\")[2] in _INSTALLED | _OF_ACCOUNTS
        if not what or not who or own or not _ABOVE.search(rights) or (row["Deny"] or "").lower() in TRUE:
            continue
        if row["Mailbox"] or row["MailboxOwnerId"] or scene.owner(row) is not None:
            continue
        out.setdefault((who, what, rights), ref)
    return out


def _in_directory(scene: Scene, one: Snapshot) -> Rows:
    """Give the rows of an export that are of rights in the directory; without extended ones they look like a mailbox's."""
    named = ("Identity", "Mailbox", "MailboxOwnerId", "User", "Trustee", "AccessRights", "ExtendedRights", "Deny")
    rows = [
        row for kind in ("mailbox-permission", "ad-permission") for row in scene.case.snapshots.read(one, named, kind)
    ]
    return [(row, ref) for row, ref in rows if row["ExtendedRights"] or not _of_a_mailbox(row)]


def _above(scene: Scene, pile: Pile) -> None:
    """Take the rights to databases and servers that are new: who has one opens mailboxes that no row names."""
    files = {one.path: one for kind in _IN_DIRECTORY for one in scene.before("exports", kind)}
    before = [row for one in files.values() for row in _in_directory(scene, one)]
    known = set(_places_above(scene, before))
    asked = {(row["Identity"] or "").strip().lower() for row, _ in before}
    for one in {one.file.path: one for kind in _IN_DIRECTORY for one in scene.current("exports", kind)}.values():
        for right, ref in _places_above(scene, _in_directory(scene, one.file)).items():
            who, what, rights = right
            if right not in known:
                bad = who in _EVERYBODY or what in asked
                pile.add(f"{who} on every mailbox of {what} ({rights})", ref, bad=bad, later=one.later)


def _of_a_mailbox(row: Row) -> bool:
    """Say whether a row is of rights to a mailbox: those to its account in the directory have the same columns."""
    rights = (row["AccessRights"] or "").lower()
    return not rights or any(one in rights for one in _TO_MAILBOXES)


def _rights_seen(states: Sequence[PerMailbox]) -> tuple[set[str], str]:
    """Give the mailboxes whose rights were looked at, and what is said of them where nothing is found."""
    # a mailbox is looked at where its Full Access is, and its Send As by either export of it, if any was made
    seen = {owner for owner, rows in states[0].after.items() if any(_of_a_mailbox(row) for row, _ in rows)}
    others = [set(found.after) for found in states[1:] if found.used]
    seen &= set().union(*others) if others else seen
    return seen, "no right that was not there before the first act"


def _folders_seen(states: Sequence[PerMailbox]) -> tuple[set[str], str]:
    """Give the mailboxes of which a folder of mail was looked at, and what is said of them where nothing is found."""
    names = {
        (owner, row["FolderName"].lower())
        for found in states
        for owner, rows in found.after.items()
        for row, _ in rows
        if row["FolderName"] and not _holds_no_mail(row["FolderName"])
    }
    fine = f"no right that was not there before the first act, on {count(len(names), 'folder')} of mail"
    return {owner for owner, _ in names}, f"{fine} (those of calendars and contacts are known by name)"


def _without(states: Sequence[PerMailbox]) -> str:
    """Say that Send As was not looked at, where the check is of Full Access and Send As."""
    return "" if len(states) == 1 or any(one.used for one in states[1:]) else "Send As is not in the exports held"


def mailbox_permissions(scene: Scene) -> list[Finding]:
    """Look for Full Access and Send As that came since the first act."""
    return _weighed(scene, _KINDS, folders=False)


def folder_permissions(scene: Scene) -> list[Finding]:
    """Look for mail folders that are open to everybody, or to somebody since the first act."""
    return _weighed(scene, ("folder-permission",), folders=True)


def _given(scene: Scene, pile: Pile, one: Current, older: Collection[tuple[str | None, str]]) -> set[str]:
    """Take the roles given since the first act, or to nobody knows whom, by an export; give those that it speaks of."""
    columns = ("Name", "Role", "RoleAssignee", "RoleAssigneeName", "Enabled", "WhenCreatedUTC")
    seen: set[str] = set()
    for row, ref in scene.case.snapshots.read(one.file, columns, _ROLE):
        name, who = (row["Role"] or "").strip(), row["RoleAssigneeName"] or row["RoleAssignee"] or ""
        role = next((each for each in ROLES if each.lower() in name.lower()), None)
        made = instant(row["WhenCreatedUTC"])
        since = made is not None and made >= scene.first
        if role is None and (not name or name.lower().rpartition("\\")[2] in BUILT_IN_ROLES or (made and not since)):
            continue
        if role is not None and not one.later and name.lower().endswith(role.lower()):
            seen.add(role)
        text = f"{name} to {who}{f', made {made:%Y-%m-%d}' if made else ''}"
        known = (row["Role"], who) in older
        if role is None:
            if since or not known:
                pile.add(
                    f"{text} (a role of the house's own, which may hold any other)", ref, bad=False, later=one.later
                )
        elif since:
            pile.add(text, ref, bad=True, later=one.later)
        elif who.rpartition("/")[2].lower() not in _STOCK and not known:
            pile.add(text, ref, bad=bool(older) and made is None, later=one.later)
    return seen


def role_assignments(scene: Scene) -> list[Finding]:
    """Look for roles that open other people's mail, given since the first act, or to nobody knows whom."""
    files = scene.current("exports", _ROLE)
    if not files:
        return [undated(scene.case.snapshots.of("exports", _ROLE), scene.last)]
    columns = ("Role", "RoleAssignee", "RoleAssigneeName")
    older = {
        (row["Role"], row["RoleAssigneeName"] or row["RoleAssignee"] or "")
        for one in scene.before("exports", _ROLE)
        for row, _ in scene.case.snapshots.read(one, columns, _ROLE)
    }
    pile = Pile()
    others = strange(scene, files)
    given = [(one, _given(scene, pile, one, older)) for one in files]
    alone = all(one.file.path in others for one in files)
    seen = set[str]().union(*(roles for one, roles in given if alone or one.file.path not in others))
    fine = "nobody was given such a role since the first act, by the roles' names; members of groups are not looked at"
    looked, caveat = told(one.dated for one in files), not_ours(files, others)
    return [weigh(Extent(len(seen), len(ROLES), "roles"), looked, pile, fine=fine, caveat=caveat)]
