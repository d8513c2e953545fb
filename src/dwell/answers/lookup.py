"""What goes by a name in the answers, and every record that they rest on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dwell.errors import UsageError
from dwell.model.claims import Summary
from dwell.model.provenance import RecordRef

__all__ = ["named", "references"]


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
