"""Markings before they are saved: what is meant, and what it would change in the answers."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from dwell.answers.changes import Changed, changed
from dwell.casebook.case import Case
from dwell.casebook.markings import in_force, next_id, record_marking, record_undo
from dwell.errors import UsageError
from dwell.intake.lookup import record_named
from dwell.model.claims import Intrusion, LearnedKind, Summary
from dwell.model.markings import VERDICTS, Marking, MarkingEffect, MarkingKind, MarkingVerdict
from dwell.scope.words import BROWSER

__all__ = ["MarkingPreview", "Undo", "Wanted", "preview", "save"]

Answering = Callable[[tuple[Marking, ...] | None], Summary]
"""Gives the answers with these markings; None for those in force."""

_LEAD = re.compile(r"lead-(\d+)")
_CLAIM = re.compile(r"(?:entry|foothold|mailboxes|reach|intrusions|eviction|blindspots)-\d+")
_UNBOUNDED = frozenset({MarkingKind.RECORD, MarkingKind.MAILBOX, MarkingKind.CLAIM, MarkingKind.INTRUSION})
_REMEDY = (
    "Give a network (192.0.2.0/24), an account, a client as the lists show it ('192.0.2.0/24 Chrome 88'), a lead (lead-3), "
    "a record (table/evidence/number), an intrusion (I1), a mailbox, or a statement (mailboxes-1)"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A marking as it is asked for.

    Attributes:
        target: what is to be marked, as typed.
        verdict: what is said of it.
        reason: why.
        by: who says so.
        from_utc: it speaks of nothing before this.
        to_utc: the first instant that it does not speak of any more.
    """

    target: str
    verdict: MarkingVerdict
    reason: str
    by: str
    from_utc: datetime | None = None
    to_utc: datetime | None = None


@dataclass(frozen=True, slots=True)
class Undo:
    """A marking that is to be taken back, by whom and why."""

    id: str
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class MarkingPreview:
    """What a marking, or taking one back, changes.

    Attributes:
        marking: the marking, not saved yet; or the one that is to be taken back.
        undo: who takes it back and why; None where it is made.
        effect: what it comes to in this case; None where it is taken back.
        changed: what would be answered otherwise.
    """

    marking: Marking
    undo: Undo | None
    effect: MarkingEffect | None
    changed: Changed


def preview(case: Case, wanted: Wanted | Undo, answering: Answering) -> MarkingPreview:
    """Say what a marking, or taking one back, would change; nothing of the case changes.

    Raises:
        UsageError: it cannot be read, or there is no such marking.
    """
    held = in_force(case)
    now = answering(None)
    if isinstance(wanted, Undo):
        marking = next((one for one in held if one.id == wanted.id), None)
        if marking is None:
            raise UsageError(f"no marking in force is called {wanted.id!r}", remedy="dwell marks lists them")
        _said(wanted.reason, wanted.by)
        then, undo = answering(tuple(one for one in held if one is not marking)), wanted
    else:
        marking, undo = _marking(case, wanted, now), None
        then = answering((*held, marking))
    effect = next((one for one in then.markings if one.marking.id == marking.id), None)
    return MarkingPreview(marking, undo, effect, changed(now, then))


def save(root: Path, found: MarkingPreview) -> None:
    """Put what was previewed into the custody log: the answers rest on it from now on.

    Args:
        root: the case folder.
        found: what a marking, or taking one back, changes.

    Raises:
        CaseError: the folder is no case, of another version, or locked.
        UsageError: the marking's name was given away since, or it is not in force any more.
    """
    case = Case.open(root)
    with case.writing():
        if found.undo is not None:
            record_undo(case, found.undo.id, found.undo.by, found.undo.reason)
            return
        if next_id(case) != found.marking.id:
            raise UsageError("another marking was made meanwhile", remedy="Say it again, and look at the effect anew")
        record_marking(case, found.marking)


def _said(reason: str, by: str) -> None:
    if not reason.strip():
        raise UsageError("a marking needs a reason", remedy="Say --reason 'why'")
    if not by.strip():
        raise UsageError("a marking needs the name of who makes it", remedy="Say --by NAME")


def _marking(case: Case, wanted: Wanted, now: Summary) -> Marking:
    """Read what is meant."""
    _said(wanted.reason, wanted.by)
    kind, target, agent, account, text = _target(case, wanted.target.strip(), wanted.verdict, now)
    named = f"{'an' if kind.value[0] in 'ai' else 'a'} {kind.value}"
    if wanted.verdict not in VERDICTS[kind]:
        may = ", ".join(sorted(one.value for one in VERDICTS[kind]))
        raise UsageError(f"{named} cannot be marked {wanted.verdict.value}", remedy=f"It can be: {may}")
    bounded = wanted.from_utc is not None or wanted.to_utc is not None
    if bounded and kind in _UNBOUNDED:
        raise UsageError(f"{named} takes no --from and --to", remedy="They are for networks, clients and leads")
    bounds = wanted.from_utc, wanted.to_utc
    if kind is MarkingKind.INTRUSION and wanted.verdict is MarkingVerdict.OURS:
        bounds = _stretch(next(one for one in now.intrusions if one.id == target))
    if wanted.from_utc is not None and wanted.to_utc is not None and wanted.from_utc >= wanted.to_utc:
        raise UsageError("--from lies after --to", remedy="Give the earlier instant with --from")
    return Marking(
        next_id(case),
        kind,
        target,
        wanted.verdict,
        wanted.reason.strip(),
        wanted.by.strip(),
        agent=agent,
        account=account,
        text=text,
        from_utc=bounds[0],
        to_utc=bounds[1],
    )


def _stretch(one: Intrusion) -> tuple[datetime | None, datetime | None]:
    """Give the time in which an intrusion was seen: what it may do after that is called ours by nobody."""
    return one.first_utc, None if one.last_utc is None else one.last_utc + timedelta(seconds=1)


def _names(now: Summary) -> frozenset[str]:
    """Give every name that an account goes by in the answers."""
    found = {one.mailbox for one in now.mailboxes} | {one.mailbox for one in now.leads}
    found |= {one.name for one in now.learned if one.kind is LearnedKind.SERVICE}
    return frozenset(found | {name for one in now.intrusions for name in one.accounts})


def _range_meant(text: str) -> str:
    """Give a range, or a single address, in one form; "" where the text is none."""
    try:
        found = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return ""
    return str(found.network_address if found.num_addresses == 1 else found)


def _target(case: Case, text: str, verdict: MarkingVerdict, now: Summary) -> tuple[MarkingKind, str, str, str, str]:
    """Give kind, target, agent, account and wording of what is meant."""
    if met := _LEAD.fullmatch(text):
        lead = next((one for one in now.leads if one.rank == int(met[1])), None)
        if lead is None:
            raise UsageError(f"there is no {text}", remedy="dwell leads lists them")
        lan, _, agent = lead.client.partition(" ")
        return MarkingKind.TIE, lan, agent, lead.mailbox, ""
    if _CLAIM.fullmatch(text):
        claim = next((one for one in now.claims if one.id == text), None)
        if claim is None:
            raise UsageError(f"there is no statement {text}", remedy="dwell answers lists them")
        return MarkingKind.CLAIM, text, "", "", claim.text
    head, _, tail = text.partition(" ")
    lan = head if head.startswith(BROWSER) else _range_meant(head)
    if lan:
        return (MarkingKind.CLIENT if tail.strip() else MarkingKind.NETWORK), lan, tail.strip(), "", ""
    if text.count("/") == 2 and "@" not in text:
        ref = record_named(case, text)
        return MarkingKind.RECORD, f"{ref.table}/{ref.evidence_id}/{ref.record_no}", "", "", ""
    name = text.lower()
    if name in _names(now) and verdict in {MarkingVerdict.OURS, MarkingVerdict.THEIRS}:
        return MarkingKind.ACCOUNT, name, "", "", ""
    if any(one.mailbox == name for one in now.mailboxes):
        return MarkingKind.MAILBOX, name, "", "", ""
    whole = next((one for one in now.intrusions if one.id == text), None)
    if whole is not None:
        if whole.marking:
            undo = f"dwell mark --undo {whole.marking} takes it back"
            raise UsageError(f"{text} is made by marking {whole.marking} alone", remedy=undo)
        records = " ".join(f"{one.table}/{one.evidence_id}/{one.record_no}" for one in whole.grounds)
        return MarkingKind.INTRUSION, text, "", "", records
    raise UsageError(f"{text!r} is nothing that can be marked", remedy=_REMEDY)
