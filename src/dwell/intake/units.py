"""Cutting what is to be read into units: each is committed at once, and never read again once it is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from dwell.casebook.case import Case
from dwell.casebook.evidence import Unit
from dwell.intake.plan import Plan, PlannedFile
from dwell.model.provenance import EvidenceId

__all__ = ["UNIT_BYTES", "UNIT_FILES", "grouped", "pending"]

UNIT_BYTES = 96 * 1024 * 1024
"""Small files of one source are read together up to this size, so that many files become few."""
UNIT_FILES = 4_096
_UNIT_VERSION = "1"


def _transaction(source: str, evidence: Sequence[EvidenceId]) -> str:
    return hashlib.sha256("\n".join([_UNIT_VERSION, source, *evidence]).encode()).hexdigest()


def grouped(files: Sequence[PlannedFile]) -> Iterator[Unit]:
    """Group files of one source, neighbours by host and path, into units of about `UNIT_BYTES`."""
    ordered = sorted(
        files, key=lambda file: (file.source or "", file.host, [one.path for one in file.places], file.evidence_id)
    )
    waiting: list[PlannedFile] = []
    size = 0
    for file in ordered:
        full = size + file.size_bytes > UNIT_BYTES or len(waiting) >= UNIT_FILES
        if waiting and (full or waiting[0].source != file.source):
            yield _unit(waiting)
            waiting, size = [], 0
        waiting.append(file)
        size += file.size_bytes
    if waiting:
        yield _unit(waiting)


def _unit(files: Sequence[PlannedFile]) -> Unit:
    source = files[0].source or ""
    evidence = tuple(file.evidence_id for file in files)
    return Unit(_transaction(source, evidence), source, evidence)


def pending(case: Case, plan: Plan) -> tuple[list[Unit], int]:
    """Give the units still to be read, planning those that no earlier run planned, and how many files are held.

    What is held is read from the custody log: a unit whose commit it knows, less the files of it that failed.
    """
    here = {file.evidence_id: file for file in plan.readable}
    planned = case.units()
    failed = {
        str(act.details["transaction"]): {str(one) for one in act.details["failed"]}  # type: ignore[attr-defined]
        for act in case.acts()
        if act.act == "commit"
    }
    held = {
        one
        for unit in planned
        if unit.transaction in failed
        for one in unit.evidence
        if one not in failed[unit.transaction]
    }
    waiting: list[Unit] = []
    taken: set[EvidenceId] = set()
    for unit in planned:
        fresh = unit.transaction not in failed and not (set(unit.evidence) & (held | taken))
        if fresh and set(unit.evidence) <= set(here) and all(here[one].source == unit.source for one in unit.evidence):
            waiting.append(unit)
            taken |= set(unit.evidence)
    new = list(grouped([file for key, file in here.items() if key not in held and key not in taken]))
    if new:
        rows = [{"transaction": one.transaction, "source": one.source, "evidence": list(one.evidence)} for one in new]
        case.record("plan", {"units": rows})
    return [*waiting, *new], len(held & set(here))
