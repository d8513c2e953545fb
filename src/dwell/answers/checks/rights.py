"""Checks of who may open whose mail: rights to mailboxes and folders, roles of the organisation.

An export of rights has no dates. A right that an export from before the first act has as well is not the intruder's; one
that such an export of the same mailbox has not came in between, and fails where the mailbox was touched. Where there is
no such export, every right is left to whoever knows it.
"""

from __future__ import annotations

from collections.abc import Sequence

from dwell.answers.checks.scene import TRUE, Finding, Item, PerMailbox, Scene, told, undated, weigh
from dwell.model.claims import Extent
from dwell.model.provenance import RecordRef
from dwell.scope.snapshots import Row
from dwell.scope.states import instant

__all__ = ["ROLES", "folder_permissions", "mailbox_permissions", "role_assignments"]

_EVERYBODY = frozenset(
    {
        "default", "anonymous", "everyone", "nt authority\\authenticated users", "nt authority\\anonymous logon",
        "standaard", "par défaut", "standard", "anoniem", "anonyme", "anonym", "iedereen", "tout le monde", "jeder",
    }
)  # fmt: skip
"""Those who are everybody, as Exchange names them, in four languages."""
_NOBODY = frozenset({"", "none", "availabilityonly", "limiteddetails", "folderowner", "foldervisible"})
"""Rights that do not let anybody read a message."""
_BUILT_IN = ("nt authority\\", "s-1-5-10", "builtin\\")
_SHARED_FOLDERS = ("calendar", "agenda", "kalender", "calendrier", "contact", "freebusy", "/top of information store")
_RIGHTS = {"mailbox-permission": "FullAccess", "recipient-permission": "SendAs", "ad-permission": "Send"}
ROLES = ("ApplicationImpersonation", "Mailbox Import Export")
"""Roles that open the mail of others."""
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

Right = tuple[str, str, str]
"""(who, on what, which right), lower case."""


def _rights(rows: Sequence[tuple[Row, RecordRef]], scene: Scene, owner: str) -> dict[Right, RecordRef]:
    """Give the rights to a mailbox that rows show, of others than the owner, the system, and whom Exchange lets inherit."""
    out: dict[Right, RecordRef] = {}
    for row, ref in rows:
        who = (row["User"] or row["Trustee"] or "").strip()
        rights = row["AccessRights"] or row["ExtendedRights"] or ""
        if not who or (who.lower().startswith(_BUILT_IN) and who.lower() not in _EVERYBODY):
            continue
        inherited = (row["IsInherited"] or "").lower() in TRUE
        refused = (row["Deny"] or "").lower() in TRUE or (inherited and who.lower().rpartition("\\")[2] in _INSTALLED)
        if refused or (scene.case.identities.is_system(who) and who.lower() not in _EVERYBODY):
            continue
        if scene.account(who) == owner or not any(one in rights.replace("-", "") for one in _RIGHTS.values()):
            continue
        out.setdefault((who.lower(), INHERITED if inherited else "", rights.lower()), ref)
    return out


def _folder_rights(rows: Sequence[tuple[Row, RecordRef]], scene: Scene, owner: str) -> dict[Right, RecordRef]:
    """Give the rights to folders of a mailbox that let somebody else read messages."""
    out: dict[Right, RecordRef] = {}
    for row, ref in rows:
        who, folder = (row["User"] or "").strip(), (row["FolderName"] or row["Identity"] or "").lower()
        rights = {one.strip(" {}").lower() for one in (row["AccessRights"] or "").split(",")} - _NOBODY
        if not who or not rights or scene.account(who) == owner:
            continue
        if who.lower() in _EVERYBODY and any(one in folder for one in _SHARED_FOLDERS):
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
    bad: list[Item] = []
    doubtful: list[Item] = []
    # a mailbox is looked at where its Full Access is, and its Send As by either export of it, if any was made
    seen, others = set(states[0].after), [set(found.after) for found in states[1:] if found.used]
    seen &= set().union(*others) if others else seen
    for found in states:
        for owner, rows in sorted(found.after.items()):
            known = read(found.before[owner], scene, owner) if owner in found.before else None
            for (who, what, rights), ref in read(rows, scene, owner).items():
                item = Item(f"{who} on {owner}{f', {what}' if what else ''} ({rights})", ref)
                if who in _EVERYBODY:
                    bad.append(item)
                elif known is None:
                    doubtful.append(item)
                elif (who, what, rights) not in known:
                    (bad if owner in scene.touched and what != INHERITED else doubtful).append(item)
    unresolved = sum(found.unresolved for found in states)
    fine = "no right that was not there before the first act"
    return [weigh(scene.extent(seen), used, bad, doubtful, unresolved, fine=fine, caveat=_without(states))]


def _without(states: Sequence[PerMailbox]) -> str:
    """Say that Send As was not looked at, where the check is of Full Access and Send As."""
    return "" if len(states) == 1 or any(one.used for one in states[1:]) else "Send As is not in the exports held"


def mailbox_permissions(scene: Scene) -> list[Finding]:
    """Look for Full Access and Send As that came since the first act."""
    return _weighed(scene, tuple(_RIGHTS), folders=False)


def folder_permissions(scene: Scene) -> list[Finding]:
    """Look for mail folders that are open to everybody, or to somebody since the first act."""
    return _weighed(scene, ("folder-permission",), folders=True)


def role_assignments(scene: Scene) -> list[Finding]:
    """Look for roles that open other people's mail, given since the first act, or to nobody knows whom."""
    kind = "role-assignment"
    columns = ("Name", "Role", "RoleAssignee", "RoleAssigneeName", "Enabled", "WhenCreatedUTC")
    dated = scene.after("exports", kind)
    if not dated:
        return [undated(scene.case.snapshots.of("exports", kind), scene.last)]
    older = {
        (row["Role"], row["RoleAssigneeName"] or row["RoleAssignee"])
        for one in scene.before("exports", kind)
        for row, _ in scene.case.snapshots.read(one, columns, kind)
    }
    bad: list[Item] = []
    doubtful: list[Item] = []
    seen: set[str] = set()
    for row, ref in scene.case.snapshots.read(dated[-1][0], columns, kind):
        role = next((one for one in ROLES if (row["Role"] or "").lower().endswith(one.lower())), None)
        who = row["RoleAssigneeName"] or row["RoleAssignee"] or ""
        if role is None:
            continue
        seen.add(role)
        made = instant(row["WhenCreatedUTC"])
        item = Item(f"{role} to {who}{f', made {made:%Y-%m-%d}' if made else ''}", ref)
        if made is not None and made >= scene.first:
            bad.append(item)
        elif who.rpartition("/")[2].lower() not in _STOCK and (row["Role"], who) not in older:
            (bad if older and made is None else doubtful).append(item)
    fine = "nobody was given such a role since the first act"
    return [weigh(Extent(len(seen), len(ROLES), "roles"), told(dated[-1:]), bad, doubtful, fine=fine)]
