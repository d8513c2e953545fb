"""The seven answers put together into one summary, from which every output starts."""

from __future__ import annotations

from collections.abc import Sequence

from dwell import __version__
from dwell.answers import blindspots, entry, eviction, foothold, intrusions, mailboxes, reach
from dwell.answers.hypotheses import board
from dwell.model.claims import CaseFacts, Summary
from dwell.model.power import Power
from dwell.scope.investigation import Investigation

__all__ = ["assemble"]


def assemble(
    case: Investigation, facts: CaseFacts, settings: Sequence[tuple[str, str]] = (), planted: Power | None = None
) -> Summary:
    """Answer the seven questions.

    Args:
        case: what the records allow to be said.
        facts: numbers about the case as a whole.
        settings: effective settings, name and value, told with the answers.
        planted: what planting intruders in the case gave, where that was done.
    """
    entries = entry.findings(case)
    footholds = foothold.findings(case)
    exposures = mailboxes.findings(case)
    reached = reach.findings(case)
    held = intrusions.findings(case, entries)
    checks = eviction.findings(case, footholds)
    answered = (
        entry.answer(case, entries),
        foothold.answer(case, footholds),
        mailboxes.answer(case, exposures),
        reach.answer(case, reached),
        intrusions.answer(case, held, footholds),
        eviction.answer(case, checks),
        blindspots.answer(case, facts, planted),
    )
    return Summary(
        version=__version__,
        case=facts,
        answers=tuple(one for one, _ in answered),
        claims=tuple(claim for _, book in answered for claim in book.claims),
        mailboxes=exposures,
        intrusions=held,
        entry=entries,
        foothold=footholds,
        reach=reached,
        eviction=checks,
        coverage=case.ledger.rows(),
        leads=case.ranked.leads,
        rules=case.hunted.outcomes,
        settings=tuple(sorted(settings)),
        hypotheses=board(case),
        indicators=case.hunted.met,
    )
