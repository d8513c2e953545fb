"""What an ingest would leave out: what was read before, and what is the beginning of something else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from dwell.casebook.case import Case
from dwell.casebook.evidence import Growth
from dwell.intake.grown import divide, find_growths
from dwell.intake.plan import Plan
from dwell.intake.tables import EVENTS, table_of
from dwell.intake.units import held
from dwell.model.provenance import EvidenceId
from dwell.sources.registry import source as source_of

__all__ = ["Foreseen", "foresee"]


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What an ingest of a plan would leave out.

    Attributes:
        held: files of which the same bytes were read before.
        within: files that are the beginning of another, with that one's path: they are not read.
        after: files whose beginning was read before as another, with that one's path.
        again: of `after` those of a format that cannot be read on: what stands in both counts twice.
        events: files of Windows events that would be read; which of their events are held already shows when they are read.
    """

    held: frozenset[EvidenceId] = frozenset()
    within: Mapping[EvidenceId, str] = field(default_factory=dict)
    after: Mapping[EvidenceId, str] = field(default_factory=dict)
    again: frozenset[EvidenceId] = frozenset()
    events: frozenset[EvidenceId] = frozenset()

    @property
    def left_out(self) -> frozenset[EvidenceId]:
        """Give the files that would not be read."""
        return self.held | frozenset(self.within)


def foresee(case: Case | None, plan: Plan, progress: Callable[[str, int], None]) -> Foreseen:
    """Say what an ingest would leave out. Only beginnings of files are read for it, and nothing is written.

    Args:
        case: the case that would take it; None where there is none yet.
        plan: what was found; what it unpacked has to be there still.
        progress: told how many bytes were read.
    """
    register = case.register() if case is not None else {}
    done = held(case) if case is not None else set()
    known: dict[EvidenceId, Growth] = dict(case.growths()) if case is not None else {}
    known |= {one.whole: one for one in find_growths(plan.files, register, done, known, progress)}
    division = divide(plan.files, done, known)
    wholes: dict[EvidenceId, EvidenceId] = {}
    for one in sorted(known.values(), key=lambda one: (-one.size_bytes, one.whole)):
        wholes.setdefault(one.part, wholes.get(one.whole, one.whole))
    paths = {key: item.path for key, item in register.items()}
    paths |= {one.evidence_id: one.places[0].path for one in plan.files}
    sources = {one.evidence_id: one.source for one in division.files if one.source is not None}
    events = frozenset(key for key, source in sources.items() if table_of(source) == EVENTS)
    return Foreseen(
        held=frozenset(one.evidence_id for one in plan.readable if one.evidence_id in done),
        within={one.evidence_id: paths[wholes[one.evidence_id]] for one in division.parts},
        after={whole: paths[growth.part] for whole, growth in division.after.items()},
        again=frozenset(
            whole
            for whole, growth in division.after.items()
            if whole not in events and not (source_of(sources[whole]).grows and growth.lines)
        ),
        events=events,
    )
