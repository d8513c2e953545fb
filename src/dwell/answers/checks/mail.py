"""Checks of what sends mail away: inbox rules, forwarding, transport rules.

What leads to a mailbox of the directory export is inside. What has an address in another domain is outside. Everything
else (a mail contact, a group, a name that the export does not write out) leads nobody knows where, and is left open.
"""

from __future__ import annotations

from collections.abc import Sequence

from dwell.answers.checks.recipients import Target
from dwell.answers.checks.scene import TRUE, Current, Finding, Pile, Rows, Scene, told, undated, weigh
from dwell.answers.checks.whose import not_ours, strange
from dwell.model.claims import Extent
from dwell.model.provenance import RecordRef
from dwell.scope.snapshots import Row
from dwell.scope.states import instant

__all__ = ["forwarding", "inbox_rules", "transport_rules"]

_SENDS = ("ForwardTo", "ForwardAsAttachmentTo", "RedirectTo")
_FORWARDS = ("ForwardingAddress", "ForwardingSmtpAddress")
_COPIES = (
    "BlindCopyTo", "RedirectMessageTo", "CopyTo", "AddToRecipients", "GenerateIncidentReport", "ModerateMessageByUser",
)  # fmt: skip
_CONNECTOR = "RouteMessageOutboundConnector"
JUNK_RULE = "Junk E-mail Rule"
"""Exchange's own hidden rule: where an export holds it, hidden rules were asked for."""
NO_DOMAINS = (
    "the organisation's own domains are not known without a directory export, so no address can be called outside"
)


def _sent(scene: Scene, rows: Rows, columns: Sequence[str]) -> dict[Target, RecordRef]:
    """Give where rows send to that is not shown to be a mailbox of the organisation, with the first record of each."""
    out: dict[Target, RecordRef] = {}
    for row, ref in rows:
        for one in scene.recipients.beyond(*(row[name] for name in columns)):
            out.setdefault(one, ref)
    return out


def _add_sent(
    scene: Scene, pile: Pile, owner: str, columns: Sequence[str], now: Rows, before: Rows, later: str
) -> None:
    """Take where a mailbox sends to, and did not before the first act."""
    known = _sent(scene, before, columns)
    for one, ref in _sent(scene, now, columns).items():
        if one not in known or not one.known_again:
            pile.add(f"{owner} to {one.told}", ref, bad=one.outside and owner in scene.touched, later=later)


def _hides(row: Row) -> tuple[str, ...]:
    """Give what a rule does to mail so that its owner does not see it, with its name; empty where it does nothing of it."""
    deletes = (row["DeleteMessage"] or "").lower() in TRUE
    folder = (row["MoveToFolder"] or "").strip()
    if row["Name"] == JUNK_RULE and folder.lower().startswith("junk"):
        folder = ""
    if not deletes and not folder:
        return ()
    return (row["Name"] or "", "deletes" if deletes else f"moves mail to {folder}")


def inbox_rules(scene: Scene) -> list[Finding]:
    """Look for rules that send mail outside, or hide it in a touched mailbox, and were not there before the first act."""
    found = scene.per_mailbox("exports", "inbox-rule", ("Name", "DeleteMessage", "MoveToFolder", *_SENDS))
    if not found.used:
        return [undated(found.held, scene.last)]
    pile = Pile()
    hidden = False
    for owner, rows, later in found.each():
        older = found.before.get(owner, [])
        hidden |= not later and any(row["Name"] == JUNK_RULE for row, _ in rows)
        _add_sent(scene, pile, owner, _SENDS, rows, older, later)
        known = {_hides(row) for row, _ in older}
        for row, ref in rows if owner in scene.touched else ():
            does = _hides(row)
            if does and does not in known:
                pile.add(f"{owner}: rule {does[0]} {does[1]}", ref, bad=False, later=later)
    caveat = "" if hidden else "the export holds no hidden rule, so it is not shown that hidden ones were asked for"
    caveat = caveat if scene.recipients.domains else NO_DOMAINS
    fine = "no new rule sends mail outside, and none of a touched mailbox deletes it or moves it to another folder"
    return [weigh(scene.extent(found.after), found.used, pile, found.unresolved, fine=fine, caveat=caveat)]


def forwarding(scene: Scene) -> list[Finding]:
    """Look for mailboxes that forward outside and did not before the first act."""
    states = [
        scene.per_mailbox("directory", "", (*_FORWARDS, "DeliverToMailboxAndForward")),
        scene.per_mailbox("exports", "forwarding", (*_FORWARDS, "DeliverToMailboxAndForward")),
    ]
    used = tuple(one for found in states for one in found.used)
    pile = Pile()
    seen: set[str] = set()
    for found in states:
        for owner, rows, later in found.each():
            # a column that was not exported is empty like one that holds nothing; this one is never empty where it was
            if any(row["DeliverToMailboxAndForward"] or any(row[name] for name in _FORWARDS) for row, _ in rows):
                seen.add(owner)
            _add_sent(scene, pile, owner, _FORWARDS, rows, found.before.get(owner, []), later)
    if not seen:
        held = [one for found in states for one in found.held]
        if not used:
            return [undated(held, scene.last)]
        return [weigh(scene.extent(()), used, Pile(), fine="no mailbox forwards outside")]
    caveat = "" if scene.recipients.domains else NO_DOMAINS
    fine = "no mailbox forwards to anything but a mailbox of the directory that did not before"
    return [weigh(scene.extent(seen), used, pile, fine=fine, caveat=caveat)]


def _copies(scene: Scene, pile: Pile, one: Current, known: set[Target]) -> None:
    """Take where the transport rules of an export send copies to, made or changed since the first act."""
    columns = ("Name", "State", "WhenChangedUTC", "WhenCreatedUTC", _CONNECTOR, *_COPIES)
    for row, ref in scene.case.snapshots.read(one.file, columns, "transport-rule"):
        changed = instant(row["WhenChangedUTC"]) or instant(row["WhenCreatedUTC"])
        if changed is not None and changed < scene.first:
            continue
        for each in scene.recipients.beyond(*(row[name] for name in _COPIES)):
            if changed is not None or each not in known or not each.known_again:
                bad = each.outside and changed is not None
                pile.add(f"{row['Name']} to {each.told}", ref, bad=bad, later=one.later)
        if row[_CONNECTOR]:
            pile.add(f"{row['Name']} by the connector {row[_CONNECTOR]}", ref, bad=False, later=one.later)


def transport_rules(scene: Scene) -> list[Finding]:
    """Look for rules of the organisation that send copies outside; one made or changed since the first act is bad."""
    kind = "transport-rule"
    files = scene.current("exports", kind)
    if not files:
        return [undated(scene.case.snapshots.of("exports", kind), scene.last)]
    older = [row for one in scene.before("exports", kind) for row in scene.case.snapshots.read(one, _COPIES, kind)]
    known = set(_sent(scene, older, _COPIES))
    pile = Pile()
    for one in files:
        _copies(scene, pile, one, known)
    extent = Extent(1, 1, "exports of the organisation")
    caveat = not_ours(files, strange(scene, files)) if scene.recipients.domains else NO_DOMAINS
    fine = "no rule made since the first act sends copies outside or routes mail by a connector"
    return [weigh(extent, told(one.dated for one in files), pile, fine=fine, caveat=caveat)]
