"""Checks of what opens mail without a person: applications of the tenant, mobile devices."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from dwell.answers.checks.recipients import not_written_out
from dwell.answers.checks.scene import Current, Finding, Pile, Scene, told, undated, weigh
from dwell.model.claims import CheckStatus, Extent
from dwell.scope.snapshots import Row
from dwell.scope.states import instant
from dwell.scope.words import agent

__all__ = ["applications", "devices", "sign_in_methods"]

_MAIL_SCOPES = (
    "mail.", "mailboxsettings.readwrite", "full_access_as_app", "ews.", "eas.", "imap.", "pop.", "exchange.manage",
    "directory.readwrite", "rolemanagement.readwrite", "approleassignment.readwrite", "application.readwrite",
)  # fmt: skip
"""Permissions that open mail, set where it is sent to, or let an application give itself those that do."""
_KINDS = ("consent", "application")
_ASKED = ("consents of people", "permissions of applications themselves", "applications")
"""What has to be looked at. The first two stand in one export, or in one each."""
_EMPTY = {"", "{}", "[]", "null"}
_SECRETS = ("PasswordCredentials", "KeyCredentials")
_COLUMNS = (
    "ClientId", "AppId", "DisplayName", "AppDisplayName", "Scope", "ConsentType", "PrincipalId", "PermissionType",
    "CreatedDateTime", *_SECRETS,
)  # fmt: skip
_EVERYBODY = "*"

Held = dict[tuple[str | None, ...], set[str]]
"""What rows hold, by what it is known again by: for whom each holds."""


def _mail_scopes(scope: str | None) -> list[str]:
    """Give what a consent allows of mail; exports write one scope a row, or all of a grant in one."""
    names = [one.rpartition("/")[2] for one in (scope or "").lower().split()]
    return [one for one in names if one.startswith(_MAIL_SCOPES)]


def _of_itself(row: Row) -> bool:
    """Say whether a permission is an application's own, and not one to act for people."""
    return "application" in {(row["PermissionType"] or "").lower(), (row["ConsentType"] or "").lower()}


def _whom(row: Row) -> str:
    """Give for whom a consent holds: one person, everybody; "" where the export does not say."""
    if (row["ConsentType"] or "").lower() == "allprincipals" or _of_itself(row):
        return _EVERYBODY
    return row["PrincipalId"] or ""


def _holds(kind: str, row: Row) -> list[tuple[str | None, ...]]:
    """Give what a row holds, to be known again in another export: a consent's scopes, an application's secrets."""
    who = row["ClientId"] or row["AppId"]
    if kind == "consent":
        sort = "application" if _of_itself(row) else "delegated"
        return [(who, sort, one) for one in _mail_scopes(row["Scope"])]
    given = [(row[one] or "").strip() for one in _SECRETS]
    return [(who, *given)] if any(one not in _EMPTY for one in given) else []


def _held(kind: str, rows: Iterable[Row]) -> Held:
    out: Held = {}
    for row in rows:
        for key in _holds(kind, row):
            out.setdefault(key, set()).add(_whom(row))
    return out


def _known(whom: str, before: Collection[str]) -> bool:
    """Say whether what held for some holds for no more; an export that does not name persons knows none apart."""
    if _EVERYBODY in before or whom in before:
        return True
    return whom != _EVERYBODY and bool(before) and ("" in before or not whom)


def _given(scene: Scene, pile: Pile, kind: str, one: Current, older: Held | None) -> None:
    """Take what an export shows and one from before the first act does not; None where there is no such export."""
    for row, ref in scene.case.snapshots.read(one.file, _COLUMNS, kind):
        keys = _holds(kind, row)
        if not keys:
            continue
        name = row["AppDisplayName"] or row["DisplayName"] or row["ClientId"] or row["AppId"] or "(no name)"
        for_all = ", for everybody" if kind == "consent" and _whom(row) == _EVERYBODY else ""
        text = f"{name} ({row['Scope']}{for_all})" if kind == "consent" else f"{name} (holds a secret)"
        made = instant(row["CreatedDateTime"])
        since = made is not None and made >= scene.first
        # the class of a list, written in place of it, is the same whatever the list holds
        unread = kind == "application" and any(not_written_out(part) for part in keys[0][1:])
        if since:
            pile.add(text, ref, bad=True, later=one.later)
        elif unread or not all(_known(_whom(row), (older or {}).get(key, ())) for key in keys):
            pile.add(text, ref, bad=older is not None and not unread, later=one.later)


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
        rows = [row for one in before for row, _ in scene.case.snapshots.read(one, _COLUMNS, kind)]
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
