"""The seven answers put together into one summary, from which every output starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dwell import __version__
from dwell.answers import blindspots, entry, eviction, foothold, intrusions, mailboxes, reach
from dwell.answers.affected import with_affected
from dwell.answers.book import Book
from dwell.answers.departures import beside as with_departures
from dwell.answers.hypotheses import board
from dwell.answers.marked import beside, compared, effects, rest_on, rested_on, tell_statements
from dwell.answers.resting import resting_rows
from dwell.answers.settings import set_effects, set_learned, vip_first
from dwell.answers.systems import with_systems
from dwell.model.claims import (
    Answer,
    CaseFacts,
    EntryFinding,
    EvictionCheck,
    Foothold,
    Intrusion,
    MailboxExposure,
    ReachFinding,
    Summary,
)
from dwell.model.power import Power
from dwell.model.resting import RestingTable
from dwell.scope.instants import with_instants
from dwell.scope.investigation import Investigation

__all__ = ["assemble"]


@dataclass(frozen=True, slots=True)
class _Found:
    """What is found on the questions, and the answers made of it."""

    entries: tuple[EntryFinding, ...]
    footholds: tuple[Foothold, ...]
    exposures: tuple[MailboxExposure, ...]
    reached: tuple[ReachFinding, ...]
    held: tuple[Intrusion, ...]
    checks: tuple[EvictionCheck, ...]
    answered: tuple[tuple[Answer, Book], ...]

    def tables(self) -> dict[RestingTable, Sequence[object]]:
        """Give what is found by the summary's tables."""
        return {
            RestingTable.INTRUSIONS: self.held,
            RestingTable.ENTRY: self.entries,
            RestingTable.FOOTHOLD: self.footholds,
            RestingTable.REACH: self.reached,
            RestingTable.EVICTION: self.checks,
        }


def _found(
    case: Investigation,
    facts: CaseFacts,
    planted: Power | None,
    before: _Found | None = None,
    undated: _Found | None = None,
) -> _Found:
    """Answer the questions.

    Args:
        case: what the records allow to be said.
        facts: numbers about the case as a whole.
        planted: what planting intruders gave.
        before: what is found where nothing is marked; None where this is that.
        undated: what is found without any word on clocks either; None where there is none.
    """
    bare = undated or before
    entries = entry.findings(case)
    footholds = foothold.findings(case)
    exposures = mailboxes.findings(case)
    if bare is not None or case.marked.others:
        exposures = compared(case, exposures, bare.exposures if bare is not None else exposures)
    exposures = with_affected(case, with_departures(case, with_systems(case, vip_first(case, exposures))))
    reached = reach.findings(case)
    held = intrusions.findings(case, entries)
    checks = eviction.findings(case, footholds)
    answered: tuple[tuple[Answer, Book], ...] = (
        entry.answer(case, entries),
        foothold.answer(case, footholds),
        mailboxes.answer(case, exposures),
        reach.answer(case, reached),
        intrusions.answer(case, held, footholds, before.held if before is not None else ()),
        eviction.answer(case, checks),
        blindspots.answer(case, facts, planted, exposures),
    )
    if bare is not None:
        answered = rest_on(case, answered, bare.answered)
    return _Found(entries, footholds, exposures, reached, held, checks, answered)


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
    before = _found(case.unmarked, facts, planted) if case.unmarked is not None else None
    undated = _found(case.undated, facts, planted) if case.undated is not None else None
    found = _found(case, facts, planted, before, undated)
    bare = undated or before
    by = [one.told for one in rested_on(case)]
    book = found.answered[-1][1]
    made = [claim.text for _, one in found.answered for claim in one.claims]
    tell_statements(case, book, made, [one.mailbox for one in found.exposures])
    summary = Summary(
        version=__version__,
        case=facts,
        answers=tuple(one for one, _ in found.answered),
        claims=tuple(claim for _, book in found.answered for claim in book.claims),
        mailboxes=found.exposures,
        intrusions=found.held,
        entry=found.entries,
        foothold=found.footholds,
        reach=found.reached,
        eviction=found.checks,
        coverage=with_instants(case.ledger.rows(), case.instants),
        leads=case.ranked.leads,
        leads_expected_false=case.ranked.expected_false,
        leads_budget=case.ranked.budget,
        rules=case.hunted.outcomes,
        settings=tuple(sorted(settings)),
        hypotheses=board(case),
        markings=effects(case),
        learned=(*blindspots.learned(case), *set_learned(case)),
        indicators=case.hunted.met,
        case_settings=set_effects(case),
        departures=case.departures.found,
        affected=case.toll.whole,
        resting=resting_rows(found.tables(), bare.tables(), by) if bare is not None else (),
    )
    return beside(case, summary)
