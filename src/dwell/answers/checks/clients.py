"""Checks of what opens mail without a person: applications of the tenant, mobile devices."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable

from dwell.answers.checks.recipients import is_cut, not_written_out
from dwell.answers.checks.scene import Current, Finding, Pile, Scene, told, undated, weigh
from dwell.model.claims import CheckStatus, Extent
from dwell.scope.snapshots import Row
from dwell.scope.states import instant
from dwell.scope.words import agent

__all__ = ["applications", "devices", "sign_in_methods"]

_MAIL_SCOPES = (
    "mail.", "mail-advanced.", "mailboxsettings.readwrite", "full_access_as_", "ews.", "eas.", "imap.", "pop.",
    "exchange.manage", "ediscovery.", "directory.readwrite", "directory.accessasuser", "rolemanagement.readwrite",
    "approleassignment.readwrite", "delegatedpermissiongrant.readwrite", "application.readwrite",
    "userauthenticationmethod.readwrite", "user-passwordprofile.readwrite",
)  # fmt: skip
"""Permissions that open mail, set where it is sent to, or let an application give itself those that do, or a password."""
_SCOPE = re.compile(r"[a-z][a-z0-9_-]*(?:\.[a-z0-9_-]+)*")
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_BETWEEN = re.compile(r"[\s,;{}]+")
UNREAD = "permissions that the export does not name"
_KINDS = ("consent", "application")
_ASKED = ("consents of people", "permissions of applications themselves", "applications")
"""What has to be looked at. The first two stand in one export, or in one each."""
_EMPTY = {"", "{}", "[]", "null", "0", "false"}
_SECRETS = ("PasswordCredentials", "KeyCredentials")
_COLUMNS = (
    "ClientId", "AppId", "DisplayName", "AppDisplayName", "Scope", "ConsentType", "PrincipalId", "PermissionType",
    "CreatedDateTime", "AppRoleId", *_SECRETS,
)  # fmt: skip
_EVERYBODY = "*"

Held = dict[tuple[str | None, ...], Counter[str]]
"""What rows hold, by what it is known again by: for whom each holds, and in how many rows."""


def _scopes(row: Row) -> list[str]:
    """Give what a row allows of mail, and what cannot be read of it; exports write one scope a row, or all of a grant.

    What is a number of a permission, and no name, is given as it is: it may be one of mail, and is known again by it. An
    empty text stands for what is not known again: a cell that is cut or empty, the class of a list, `.default`, which is
    whatever was consented to.
    """
    cell = ((row["Scope"] or "").strip() or row["AppRoleId"] or "").strip().lower()
    if not_written_out(cell) or is_cut(cell):
        return [""]
    names = [one.rstrip("/").rpartition("/")[2] for one in _BETWEEN.split(cell) if one]
    read = [one for one in names if _GUID.fullmatch(one) or one.startswith(_MAIL_SCOPES)]
    return read if names and all(_SCOPE.fullmatch(one) or _GUID.fullmatch(one) for one in names) else [*read, ""]


def _of_itself(row: Row) -> bool:
    """Say whether a permission is an application's own, and not one to act for people."""
    sort = {(row["PermissionType"] or "").lower(), (row["ConsentType"] or "").lower()}
    return "application" in sort or bool(row["AppRoleId"])


def _whom(kind: str, row: Row) -> str:
    """Give for whom a consent holds: one person, everybody; "" where the export does not say."""
    if kind != "consent" or (row["ConsentType"] or "").lower() == "allprincipals" or _of_itself(row):
        return _EVERYBODY
    return row["PrincipalId"] or ""


def _holds(kind: str, row: Row) -> list[tuple[str | None, ...]]:
    """Give what a row holds, to be known again in another export: a consent's scopes, an application's secrets."""
    who = row["ClientId"] or row["AppId"]
    if kind == "consent":
        sort = "application" if _of_itself(row) else "delegated"
        return [(who, sort, one) for one in _scopes(row)]
    given = [(row[one] or "").strip().lower() for one in _SECRETS]
    given = ["" if one in _EMPTY else one for one in given]
    return [(who, *given)] if any(given) else []


def _held(kind: str, exports: Iterable[Iterable[Row]]) -> Held:
    """Give what exports hold, and how often for whom: the most that any one of them has."""
    out: Held = {}
    for rows in exports:
        mine: Held = {}
        for row in rows:
            for key in _holds(kind, row):
                mine.setdefault(key, Counter())[_whom(kind, row)] += 1
        for key, whom in mine.items():
            out[key] = out.get(key, Counter()) | whom
    return out


def _known(whom: str, before: Counter[str], rows: int) -> bool | None:
    """Say whether what held for some holds for no more; None where the export of before does not name them.

    Args:
        whom: for whom it holds; "" where the export does not say: then it holds for no more where it has no more rows.
        before: for whom it held, and how often.
        rows: how many rows of the export hold it for nobody named.
    """
    if before[_EVERYBODY] or (whom and before[whom]):
        return True
    if whom == _EVERYBODY or not before:
        return False
    if not whom:
        return True if rows <= before.total() else None
    return None if before[""] else False


def _unread(kind: str, key: tuple[str | None, ...]) -> bool:
    """Say whether what a row holds cannot be told from what another holds: it is not known again by any export.

    So are the class of a list, written in place of it, a list that is cut, and the mere number of secrets: all are the same
    after a secret was replaced.
    """
    if kind == "consent":
        return not key[-1]
    return any(not_written_out(one) or is_cut(one) or (one or "").isdigit() or one == "true" for one in key[1:])


def _given(scene: Scene, pile: Pile, kind: str, one: Current, older: Held | None) -> None:
    """Take what an export shows and one from before the first act does not; None where there is no such export."""
    found = scene.case.snapshots.read(one.file, _COLUMNS, kind)
    now = _held(kind, [[row for row, _ in found]])
    for row, ref in found:
        keys = _holds(kind, row)
        if not keys:
            continue
        name = row["AppDisplayName"] or row["DisplayName"] or row["ClientId"] or row["AppId"] or "(no name)"
        for_all = ", for everybody" if kind == "consent" and _whom(kind, row) == _EVERYBODY else ""
        scope = (row["Scope"] or "").strip() or row["AppRoleId"]
        text = f"{name} ({scope or UNREAD}{for_all})" if kind == "consent" else f"{name} (holds a secret)"
        made = instant(row["CreatedDateTime"])
        since = made is not None and made >= scene.first
        sure = [
            key for key in keys if not _unread(kind, key) and not (kind == "consent" and _GUID.fullmatch(key[-1] or ""))
        ]
        known = {key: _known(_whom(kind, row), (older or {}).get(key, Counter()), now[key][""]) for key in keys}
        if since and sure:
            pile.add(text, ref, bad=True, later=one.later)
        elif since or any(_unread(kind, key) or not known[key] for key in keys):
            # what is a number of a permission may be one of anything
            bad = older is not None and any(known[key] is False for key in sure)
            pile.add(text, ref, bad=bad, later=one.later)


def applications(scene: Scene) -> list[Finding]:
    """Look for consents to read mail, and for applications with a secret, that came since the first act."""
    held = [one for kind in _KINDS for one in scene.case.snapshots.of("exports", kind)]
    files = {kind: found for kind in _KINDS if (found := scene.current("exports", kind))}
    if not files:
        return [undated(held, scene.last)]
    pile = Pile()
    asked: set[str] = set()
    for kind, found in files.items():
        before = scene.before("exports", kind)
        rows = ([row for row, _ in scene.case.snapshots.read(one, _COLUMNS, kind)] for one in before)
        older = _held(kind, rows) if before else None
        for one in found:
            _given(scene, pile, kind, one, older)
            asked |= _asked(kind, [row for row, _ in scene.case.snapshots.read(one.file, _COLUMNS, kind)])
    extent = Extent(len(asked), len(_ASKED), f"kinds of export ({', '.join(_ASKED)})")
    fine = "no consent or permission to read mail, and no application with a secret, that is new since the first act"
    return [weigh(extent, told(one.dated for found in files.values() for one in found), pile, fine=fine)]


def _asked(kind: str, rows: Collection[Row]) -> set[str]:
    """Say what an export speaks of: permissions of applications are no consents, and not in every export of them."""
    if kind == "application":
        return {_ASKED[2]}
    own = {_of_itself(row) for row in rows}
    return ({_ASKED[1]} if True in own else set()) | ({_ASKED[0]} if False in own or not rows else set())


def devices(scene: Scene) -> list[Finding]:
    """Look for devices with an intruder's agent, and for those of touched mailboxes that are new since the first act."""
    columns = ("DeviceId", "DeviceType", "DeviceModel", "DeviceUserAgent", "FirstSyncTime")
    found = scene.per_mailbox("exports", "mobile-device", columns)
    if not found.used:
        return [undated(found.held, scene.last)]
    agents = scene.case.accesses.agents
    hostile = {agents[tool] for held in scene.case.held for _, tool in held.pairs}
    pile = Pile()
    for owner, rows, later in found.each():
        asked_before = owner in found.before
        known = {row["DeviceId"] for row, _ in found.before.get(owner, [])}
        for row, ref in rows:
            if not row["DeviceId"] or row["DeviceId"] in known:
                continue
            began = instant(row["FirstSyncTime"])
            since = f"first seen {began:%Y-%m-%d}" if began else "of unknown age"
            since += ", and not in the export from before the first act" if asked_before else ""
            model = row["DeviceModel"] or row["DeviceType"] or "unknown kind"
            text = f"{owner}: {row['DeviceId']}, {model}, {since}"
            if row["DeviceUserAgent"] and agent(row["DeviceUserAgent"]) in hostile:
                pile.add(text, ref, bad=True, later=later)
            elif owner in scene.touched and (asked_before or began is None or began >= scene.first):
                pile.add(text, ref, bad=False, later=later)
    fine = "no device that is new in a touched mailbox since the first act"
    return [weigh(scene.extent(found.after), found.used, pile, found.unresolved, fine=fine)]


def sign_in_methods(scene: Scene) -> list[Finding]:
    """Say that no export of registered methods is judged."""
    del scene
    return [Finding(CheckStatus.UNKNOWN, "exports of sign-in methods are kept and not judged")]
