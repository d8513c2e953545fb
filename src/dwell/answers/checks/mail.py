"""Checks of what sends mail away: inbox rules, forwarding, transport rules."""

from __future__ import annotations

from collections.abc import Sequence

from dwell.answers.checks.scene import TRUE, Finding, Item, Scene, told, undated, weigh
from dwell.model.claims import Extent
from dwell.model.provenance import RecordRef
from dwell.scope.snapshots import Row
from dwell.scope.states import instant

__all__ = ["forwarding", "inbox_rules", "transport_rules"]

_SENDS = ("ForwardTo", "ForwardAsAttachmentTo", "RedirectTo")
_FORWARDS = ("ForwardingAddress", "ForwardingSmtpAddress")
_COPIES = ("BlindCopyTo", "RedirectMessageTo", "CopyTo")
JUNK_RULE = "Junk E-mail Rule"
"""Exchange's own hidden rule: where an export holds it, hidden rules were asked for."""
NO_DOMAINS = (
    "the organisation's own domains are not known without a directory export, so no address can be called outside"
)


def _sent(scene: Scene, rows: Sequence[tuple[Row, RecordRef]], columns: Sequence[str]) -> dict[str, RecordRef]:
    """Give the addresses outside that rows send to, with the first record of each."""
    out: dict[str, RecordRef] = {}
    for row, ref in rows:
        for one in scene.outside(*(row[name] for name in columns)):
            out.setdefault(one, ref)
    return out


def inbox_rules(scene: Scene) -> list[Finding]:
    """Look for rules that send mail outside, or delete it in a touched mailbox, and were not there before the first act."""
    found = scene.per_mailbox("exports", "inbox-rule", ("Name", "DeleteMessage", *_SENDS))
    if not found.used:
        return [undated(found.held, scene.last)]
    bad: list[Item] = []
    doubtful: list[Item] = []
    hidden = False
    for owner, rows in sorted(found.after.items()):
        older = found.before.get(owner, [])
        known = _sent(scene, older, _SENDS)
        names = {row["Name"] for row, _ in older}
        hidden |= any(row["Name"] == JUNK_RULE for row, _ in rows)
        for address, ref in _sent(scene, rows, _SENDS).items():
            if address not in known:
                (bad if owner in scene.touched else doubtful).append(Item(f"{owner} to {address}", ref))
        for row, ref in rows:
            deletes = (row["DeleteMessage"] or "").lower() in TRUE
            if deletes and owner in scene.touched and row["Name"] not in names:
                doubtful.append(Item(f"{owner}: rule {row['Name']} deletes", ref))
    caveat = "" if hidden else "the export holds no hidden rule, so it is not shown that hidden ones were asked for"
    caveat = NO_DOMAINS if not scene.domains else caveat
    fine = "no new rule sends mail outside or deletes it"
    return [weigh(scene.extent(found.after), found.used, bad, doubtful, found.unresolved, fine=fine, caveat=caveat)]


def forwarding(scene: Scene) -> list[Finding]:
    """Look for mailboxes that forward outside and did not before the first act."""
    states = [
        scene.per_mailbox("directory", "", (*_FORWARDS, "DeliverToMailboxAndForward")),
        scene.per_mailbox("exports", "forwarding", (*_FORWARDS, "DeliverToMailboxAndForward")),
    ]
    used = tuple(one for found in states for one in found.used)
    bad: list[Item] = []
    doubtful: list[Item] = []
    seen: set[str] = set()
    for found in states:
        for owner, rows in sorted(found.after.items()):
            # a column that was not exported is empty like one that holds nothing; this one is never empty where it was
            if any(row["DeliverToMailboxAndForward"] or any(row[name] for name in _FORWARDS) for row, _ in rows):
                seen.add(owner)
            known = _sent(scene, found.before.get(owner, []), _FORWARDS)
            for address, ref in _sent(scene, rows, _FORWARDS).items():
                if address not in known:
                    (bad if owner in scene.touched else doubtful).append(Item(f"{owner} to {address}", ref))
    if not seen:
        held = [one for found in states for one in found.held]
        if not used:
            return [undated(held, scene.last)]
        return [weigh(scene.extent(()), used, (), (), fine="no mailbox forwards outside")]
    caveat = "" if scene.domains else NO_DOMAINS
    fine = "no mailbox forwards outside that did not before"
    return [weigh(scene.extent(seen), used, bad, doubtful, fine=fine, caveat=caveat)]


def transport_rules(scene: Scene) -> list[Finding]:
    """Look for rules of the organisation that send copies outside; one made or changed since the first act is bad."""
    kind, columns = "transport-rule", ("Name", "State", "WhenChangedUTC", "WhenCreatedUTC", *_COPIES)
    dated = scene.after("exports", kind)
    if not dated:
        return [undated(scene.case.snapshots.of("exports", kind), scene.last)]
    older = [row for one in scene.before("exports", kind) for row in scene.case.snapshots.read(one, columns, kind)]
    known = _sent(scene, older, _COPIES)
    bad: list[Item] = []
    doubtful: list[Item] = []
    for row, ref in scene.case.snapshots.read(dated[-1][0], columns, kind):
        for address in scene.outside(*(row[name] for name in _COPIES)):
            changed = instant(row["WhenChangedUTC"]) or instant(row["WhenCreatedUTC"])
            item = Item(f"{row['Name']} to {address}", ref)
            if changed is not None and changed >= scene.first:
                bad.append(item)
            elif changed is None and address not in known:
                doubtful.append(item)
    extent = Extent(1, 1, "exports of the organisation")
    caveat = "" if scene.domains else NO_DOMAINS
    fine = "no rule made since the first act sends copies outside"
    return [weigh(extent, told(dated[-1:]), bad, doubtful, fine=fine, caveat=caveat)]
