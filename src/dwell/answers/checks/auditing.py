"""Checks of whether the next act would be seen: auditing of mailboxes, accounts left out of it, sessions ended."""

from __future__ import annotations

from dwell.answers.checks.scene import GROUNDS_MAX, TRUE, Finding, Pile, Scene, undated, weigh
from dwell.answers.phrases import listed
from dwell.model.claims import CheckStatus, Extent

__all__ = ["audit_bypass", "auditing", "federation_keys", "sessions"]

_FALSE = frozenset({"false", "$false", "0"})


def auditing(scene: Scene) -> list[Finding]:
    """Look for mailboxes whose auditing is off. On premises it is off unless somebody switched it on."""
    found = scene.per_mailbox("directory", "", ("AuditEnabled",))
    if not found.used:
        return [undated(found.held, scene.last)]
    pile = Pile()
    seen: set[str] = set()
    for owner, rows in sorted(found.after.items()):
        for row, ref in rows:
            said = (row["AuditEnabled"] or "").lower()
            if said in TRUE | _FALSE:
                seen.add(owner)
            if said in _FALSE:
                pile.add(owner, ref, bad=True)
    return [weigh(scene.extent(seen), found.used if seen else (), pile, fine="auditing is on for every mailbox")]


def audit_bypass(scene: Scene) -> list[Finding]:
    """Look for accounts that auditing passes over."""
    found = scene.per_mailbox("exports", "audit-bypass", ("AuditBypassEnabled",))
    if not found.used:
        return [undated(found.held, scene.last)]
    pile = Pile()
    for owner, rows in sorted(found.after.items()):
        for row, ref in rows:
            if (row["AuditBypassEnabled"] or "").lower() in TRUE:
                pile.add(owner, ref, bad=True)
    fine = "auditing passes over no mailbox's account"
    return [weigh(scene.extent(found.after), found.used, pile, fine=fine)]


def sessions(scene: Scene) -> list[Finding]:
    """Look for the tenant's records that the tokens of touched accounts were revoked after the last act."""
    touched = {one for one in scene.touched if not scene.case.identities.is_system(one)}
    if not touched:
        return [Finding(CheckStatus.UNKNOWN, "no account is known to have been touched")]
    done: set[str] = set()
    refs = []
    for account, at, ref in scene.case.revoked:
        if at > scene.last and account in touched:
            done.add(account)
            refs.append(ref)
    extent = Extent(len(done), len(touched), "touched accounts")
    why = f"tokens of {len(done)} of {len(touched)} touched accounts are recorded as revoked in the tenant"
    missing = sorted(touched - done)
    if missing:
        why += f"; not those of {listed(missing)}"
    # a revocation in the tenant ends no session of a server on premises
    premises = bool(scene.case.ledger.servers())
    if premises:
        why += "; nothing that is read shows the end of sessions on premises"
    status = CheckStatus.PASS if extent.whole and not premises else CheckStatus.UNKNOWN
    return [Finding(status, why, tuple(refs)[:GROUNDS_MAX], None, extent)]


def federation_keys(scene: Scene) -> list[Finding]:
    """Say that no export of certificates is read."""
    del scene
    return [Finding(CheckStatus.UNKNOWN, "exports of certificates are not read")]
