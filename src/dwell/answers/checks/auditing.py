"""Checks of whether the next act would be seen: auditing of mailboxes, accounts left out of it, sessions ended."""

from __future__ import annotations

from dwell.answers.checks.scene import GROUNDS_MAX, TRUE, Finding, Pile, Scene, undated, weigh
from dwell.answers.phrases import listed
from dwell.model.claims import CheckStatus, Extent
from dwell.model.provenance import RecordRef

__all__ = ["audit_bypass", "auditing", "federation_keys", "sessions"]

_BYPASS = "audit-bypass"
_NOT_IN_EXPORTS = frozenset({"AuditOwner", "AuditDelegate", "AuditAdmin", "AuditLogAgeLimit"})
"""Settings of a mailbox's auditing that no export held here shows: it is on, and tells nothing."""
_FALSE = frozenset({"false", "$false", "0"})


def _cut_short(scene: Scene) -> dict[str, RecordRef]:
    """Give the mailboxes of which an act took what an export of auditing does not show, and no later one gave it back."""
    return {
        one.whose: one.ground
        for one in scene.case.silences.known
        if one.to_us is None and not one.acting and one.whose and one.switch in _NOT_IN_EXPORTS
    }


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
    for owner, ref in sorted(_cut_short(scene).items()):
        pile.add(
            f"{owner}, of which less is audited or nothing kept, by an act that none held takes back", ref, bad=False
        )
    return [weigh(scene.extent(seen), found.used if seen else (), pile, fine="auditing is on for every mailbox")]


def audit_bypass(scene: Scene) -> list[Finding]:
    """Look for accounts that auditing passes over: an account needs no mailbox, and no name in the directory's exports."""
    columns = ("AuditBypassEnabled",)
    found = scene.per_mailbox("exports", _BYPASS, columns)
    if not found.used:
        return [undated(found.held, scene.last)]
    pile = Pile()
    seen = {
        owner
        for owner, rows in found.after.items()
        if any((row["AuditBypassEnabled"] or "").lower() in TRUE | _FALSE for row, _ in rows)
    }
    for one in scene.current("exports", _BYPASS):
        for row, ref in scene.case.snapshots.read(one.file, ("Identity", "Name", *columns), _BYPASS):
            if (row["AuditBypassEnabled"] or "").lower() in TRUE:
                name = scene.owner(row) or row["Identity"] or row["Name"] or "(no name)"
                pile.add(name, ref, bad=True, later=one.later)
    return [weigh(scene.extent(seen), found.used, pile, fine="auditing passes over no account of the export")]


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
