"""Checks of what opens mail without a person: applications of the tenant, mobile devices."""

from __future__ import annotations

from dwell.answers.checks.scene import Finding, Item, Scene, told, undated, weigh
from dwell.model.claims import CheckStatus, Extent
from dwell.scope.snapshots import Row
from dwell.scope.states import instant
from dwell.scope.words import agent

__all__ = ["applications", "devices", "sign_in_methods"]

_MAIL_SCOPES = ("mail.", "full_access_as_app", "ews.accessasuser", "imap.", "pop.", "directory.readwrite")
_KINDS = ("consent", "application")
_EMPTY = {"", "{}", "[]", "null"}


def _mail_scopes(scope: str | None) -> list[str]:
    """Give what a consent allows of mail; exports write one scope a row, or all of a grant in one."""
    return [one for one in (scope or "").lower().split() if one.startswith(_MAIL_SCOPES)]


def _held(kind: str, row: Row) -> frozenset[tuple[str | None, ...]]:
    """Give what a row holds, to be known again in another export: a consent's scopes, an application's secrets."""
    who = row["ClientId"] or row["AppId"]
    if kind == "consent":
        return frozenset((who, one) for one in _mail_scopes(row["Scope"]))
    return frozenset({(who, row["Scope"], row["PasswordCredentials"], row["KeyCredentials"])})


def applications(scene: Scene) -> list[Finding]:
    """Look for consents to read mail, and for applications with a secret, that came since the first act."""
    secrets = ("PasswordCredentials", "KeyCredentials")
    columns = ("ClientId", "AppId", "DisplayName", "AppDisplayName", "Scope", "CreatedDateTime", *secrets)
    held = [one for kind in _KINDS for one in scene.case.snapshots.of("exports", kind)]
    dated = {kind: found[-1] for kind in _KINDS if (found := scene.after("exports", kind))}
    if not dated:
        return [undated(held, scene.last)]
    bad: list[Item] = []
    doubtful: list[Item] = []
    for kind, (file, _) in dated.items():
        earlier = [
            row for one in scene.before("exports", kind) for row, _ in scene.case.snapshots.read(one, columns, kind)
        ]
        older = frozenset[tuple[str | None, ...]]().union(*(_held(kind, row) for row in earlier))
        for row, ref in scene.case.snapshots.read(file, columns, kind):
            name = row["AppDisplayName"] or row["DisplayName"] or row["ClientId"] or row["AppId"] or "(no name)"
            secret = any((row[one] or "").strip() not in _EMPTY for one in secrets)
            if not (_mail_scopes(row["Scope"]) if kind == "consent" else secret):
                continue
            made = instant(row["CreatedDateTime"])
            item = Item(f"{name} ({row['Scope'] if kind == 'consent' else 'holds a secret'})", ref)
            if made is not None and made >= scene.first:
                bad.append(item)
            elif not _held(kind, row) <= older:
                (bad if earlier else doubtful).append(item)
    extent = Extent(len(dated), len(_KINDS), "kinds of export (consents, applications)")
    fine = "no consent to read mail and no application with a secret that is new since the first act"
    return [weigh(extent, told(list(dated.values())), bad, doubtful, fine=fine)]


def devices(scene: Scene) -> list[Finding]:
    """Look for devices with an intruder's agent, and for those of touched mailboxes that are new since the first act."""
    columns = ("DeviceId", "DeviceType", "DeviceModel", "DeviceUserAgent", "FirstSyncTime")
    found = scene.per_mailbox("exports", "mobile-device", columns)
    if not found.used:
        return [undated(found.held, scene.last)]
    agents = scene.case.accesses.agents
    hostile = {agents[tool] for held in scene.case.held for _, tool in held.pairs}
    bad: list[Item] = []
    doubtful: list[Item] = []
    for owner, rows in sorted(found.after.items()):
        known = {row["DeviceId"] for row, _ in found.before.get(owner, [])}
        for row, ref in rows:
            if not row["DeviceId"] or row["DeviceId"] in known:
                continue
            began = instant(row["FirstSyncTime"])
            since = f"first seen {began:%Y-%m-%d}" if began else "of unknown age"
            model = row["DeviceModel"] or row["DeviceType"] or "unknown kind"
            item = Item(f"{owner}: {row['DeviceId']}, {model}, {since}", ref)
            if row["DeviceUserAgent"] and agent(row["DeviceUserAgent"]) in hostile:
                bad.append(item)
            elif owner in scene.touched and (began is None or began >= scene.first):
                doubtful.append(item)
    fine = "no device that is new in a touched mailbox since the first act"
    return [weigh(scene.extent(found.after), found.used, bad, doubtful, found.unresolved, fine=fine)]


def sign_in_methods(scene: Scene) -> list[Finding]:
    """Say that no export of registered methods is judged."""
    del scene
    return [Finding(CheckStatus.UNKNOWN, "exports of sign-in methods are kept and not judged")]
