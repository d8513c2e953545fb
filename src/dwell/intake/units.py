"""Cutting what is to be read into units: each is committed at once, and never read again once it is."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dwell.casebook.case import Case
from dwell.casebook.evidence import Growth, Unit
from dwell.intake.event_agreement import WHOLE_FORMS
from dwell.intake.grown import divide
from dwell.intake.plan import Plan, PlannedFile
from dwell.intake.tables import EVENTS, table_of
from dwell.model.provenance import EvidenceId

__all__ = ["UNIT_BYTES", "UNIT_FILES", "Pending", "grouped", "held", "outgrown", "pending"]

UNIT_BYTES = 96 * 1024 * 1024
"""Small files of one source are read together up to this size, so that many files become few."""
UNIT_FILES = 4_096
_UNIT_VERSION = "1"


def _transaction(source: str, evidence: Sequence[EvidenceId], after: Sequence[tuple[EvidenceId, EvidenceId]]) -> str:
    behind = [f"{whole} after {part}" for whole, part in after]
    return hashlib.sha256("\n".join([_UNIT_VERSION, source, *evidence, *behind]).encode()).hexdigest()


def grouped(files: Sequence[PlannedFile], after: Mapping[EvidenceId, Growth] | None = None) -> Iterator[Unit]:
    """Group files of one source, neighbours by host and path, into units of about `UNIT_BYTES`.

    Args:
        files: what is to be read.
        after: of which the beginning was read before.
    """
    growths = after or {}
    ordered = sorted(
        files,
        key=lambda file: (
            _says_less(file), file.source or "", file.host, [one.path for one in file.places], file.evidence_id
        ),
    )  # fmt: skip
    waiting: list[PlannedFile] = []
    size = 0
    for file in ordered:
        full = size + file.size_bytes > UNIT_BYTES or len(waiting) >= UNIT_FILES
        if waiting and (full or waiting[0].source != file.source):
            yield _unit(waiting, growths)
            waiting, size = [], 0
        waiting.append(file)
        size += file.size_bytes
    if waiting:
        yield _unit(waiting, growths)


def _says_less(file: PlannedFile) -> bool:
    """Say whether it holds events in a form that may leave something out: what says all is read first, and kept."""
    source = file.source or ""
    return source not in WHOLE_FORMS and bool(source) and table_of(source) == EVENTS


def _unit(files: Sequence[PlannedFile], growths: Mapping[EvidenceId, Growth]) -> Unit:
    source = files[0].source or ""
    evidence = tuple(file.evidence_id for file in files)
    after = tuple((one, growths[one].part) for one in evidence if one in growths)
    return Unit(_transaction(source, evidence, after), source, evidence, after)


def held(case: Case) -> set[EvidenceId]:
    """Give what is read and committed, by the custody log: units whose commit it knows, less the files that failed."""
    failed = _failed(case)
    return {
        one
        for unit in case.units()
        if unit.transaction in failed
        for one in unit.evidence
        if one not in failed[unit.transaction]
    }


def outgrown(case: Case) -> dict[EvidenceId, EvidenceId]:
    """Give the longest copy that was read of every log of which a shorter copy is registered, by the shorter one."""
    done = held(case)
    out: dict[EvidenceId, EvidenceId] = {}
    by_size = sorted(case.growths().values(), key=lambda one: (-one.size_bytes, one.whole))
    for growth in by_size:
        longest = out.get(growth.whole, growth.whole)
        if longest in done:
            out.setdefault(growth.part, longest)
    return out


def _failed(case: Case) -> dict[str, set[str]]:
    """Give the files that failed, by the transaction of every unit that is committed."""
    return {
        str(act.details["transaction"]): {str(one) for one in act.details["failed"]}  # type: ignore[attr-defined]
        for act in case.acts()
        if act.act == "commit"
    }


@dataclass(frozen=True, slots=True)
class Pending:
    """What is left to be done.

    Attributes:
        units: what is still to be read.
        known: how many files are held already.
        after: of the files to be read those whose beginning was read before, by evidence id.
        parts: files that are not read because another one that is read, or was, begins with them.
    """

    units: tuple[Unit, ...]
    known: int
    after: Mapping[EvidenceId, Growth]
    parts: tuple[PlannedFile, ...]


def pending(case: Case, plan: Plan, without: Collection[EvidenceId] = ()) -> Pending:
    """Give what is still to be read, planning the units that no earlier run planned.

    Args:
        case: the case.
        plan: what was found.
        without: what could not be read in this run.
    """
    done, failed = held(case), _failed(case)
    division = divide(plan.files, done, case.growths(), without)
    here = {file.evidence_id: file for file in division.files}
    after = {whole: growth.part for whole, growth in division.after.items()}
    waiting: list[Unit] = []
    taken: set[EvidenceId] = set()
    for unit in case.units():
        fresh = unit.transaction not in failed and not (set(unit.evidence) & taken)
        same = dict(unit.after) == {one: after[one] for one in unit.evidence if one in after}
        if (
            fresh
            and same
            and set(unit.evidence) <= set(here)
            and all(here[one].source == unit.source for one in unit.evidence)
        ):
            waiting.append(unit)
            taken |= set(unit.evidence)
    new = list(grouped([file for key, file in here.items() if key not in taken], division.after))
    if new:
        case.record("plan", {"units": [_as_dict(one) for one in new]})
    known = len(done & {one.evidence_id for one in plan.readable})
    return Pending((*waiting, *new), known, division.after, division.parts)


def _as_dict(unit: Unit) -> dict[str, object]:
    row: dict[str, object] = {
        "transaction": unit.transaction,
        "source": unit.source,
        "evidence": list(unit.evidence),
    }
    return row | ({"after": [list(one) for one in unit.after]} if unit.after else {})
