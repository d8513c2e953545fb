"""What goes by a name in the answers, and every record that they rest on, back to its bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from dwell.casebook.case import Case
from dwell.errors import UsageError
from dwell.intake.lookup import FoundRecord, record_bytes, record_named
from dwell.model.claims import Claim, Lead, Summary
from dwell.model.provenance import RecordRef

__all__ = ["Why", "named", "references", "walk_back"]

WHY_RECORDS = 20


@dataclass(frozen=True, slots=True)
class Why:
    """What a claim, an intrusion, a lead or a mailbox rests on.

    Attributes:
        id: what was asked for.
        text: the statement.
        claim: the claim, where one was asked for.
        total: how many records it rests on.
        records: the records, found again in the evidence.
        lead: the lead, where one was asked for.
    """

    id: str
    text: str
    claim: Claim | None
    total: int
    records: tuple[FoundRecord, ...]
    lead: Lead | None = None


def references(summary: Summary) -> Iterator[RecordRef]:
    """Yield every record that anything in a summary rests on."""
    groups: tuple[Iterable[object], ...] = (
        summary.claims, summary.mailboxes, summary.intrusions, summary.entry, summary.foothold, summary.reach,
        summary.eviction, summary.leads, summary.hypotheses,
    )  # fmt: skip
    for group in groups:
        for one in group:
            yield from getattr(one, "grounds", ())


def named(summary: Summary, wanted: str) -> tuple[str, tuple[RecordRef, ...]]:
    """Give the text and the records of an intrusion, a lead, a mailbox or a way of reading mail.

    Raises:
        UsageError: nothing goes by that name.
    """
    for intrusion in summary.intrusions:
        if intrusion.id == wanted:
            return f"intrusion {wanted}: {'; '.join(intrusion.clients[:5])}", intrusion.grounds
    for lead in summary.leads:
        if f"lead-{lead.rank}" == wanted:
            return f"{lead.mailbox} from {lead.client}: {lead.bits} bits", lead.grounds
    for mailbox in summary.mailboxes:
        if mailbox.mailbox == wanted.lower():
            return f"{mailbox.mailbox}: {mailbox.grade.value}", mailbox.grounds
    for way in summary.hypotheses:
        if way.id == wanted:
            return f"{way.title}: {way.why}", way.grounds
    raise UsageError(
        f"nothing goes by the name {wanted!r}",
        remedy="Give a claim (entry-1), an intrusion (I1), a lead (lead-3), a mailbox, or table/evidence/number",
    )


def walk_back(case: Case, wanted: str, answering: Callable[[], Summary]) -> Why:
    """Walk a statement back to bytes.

    Args:
        case: the case.
        wanted: a claim, an intrusion, a lead, a mailbox, or a record.
        answering: gives the answers; not asked where a record is wanted.

    Raises:
        UsageError: nothing goes by that name.
    """
    claim: Claim | None = None
    lead: Lead | None = None
    refs: tuple[RecordRef, ...]
    if wanted.count("/") == 2:
        text, refs, total = f"the record {wanted}", (record_named(case, wanted),), 1
    else:
        summary = answering()
        claim = next((one for one in summary.claims if one.id == wanted), None)
        if claim is not None:
            text, refs, total = claim.text, claim.grounds, claim.grounds_total
        else:
            text, refs = named(summary, wanted)
            lead = next((one for one in summary.leads if f"lead-{one.rank}" == wanted), None)
            total = len(refs)
    records = tuple(record_bytes(case, one) for one in refs[:WHY_RECORDS])
    return Why(wanted, text, claim, total, records, lead)
