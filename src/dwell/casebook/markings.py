"""Markings as the custody log has them: made, taken back, never changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from dwell.casebook.case import Case
from dwell.casebook.custody import Act
from dwell.casebook.undone import said_and_undone
from dwell.errors import UsageError
from dwell.model.instants import parse_utc, utc_text
from dwell.model.markings import Marking, MarkingKind, MarkingVerdict

__all__ = ["KeptMarking", "in_force", "markings", "markings_of", "next_id", "record_marking", "record_undo"]

MARK, UNMARK = "mark", "unmark"
_TEXTS = ("id", "target", "reason", "by", "agent", "account", "text")


@dataclass(frozen=True, slots=True)
class KeptMarking:
    """A marking with what became of it.

    Attributes:
        marking: the marking.
        undone_utc: when it was taken back; None while it is in force.
        undone_by: who took it back.
        undone_reason: why.
    """

    marking: Marking
    undone_utc: datetime | None = None
    undone_by: str = ""
    undone_reason: str = ""


def markings_of(acts: Iterable[Act]) -> tuple[KeptMarking, ...]:
    """Give every marking that was made, the first first, those taken back among them.

    Raises:
        CustodyError: an act is not of the form in which markings are written.
    """
    return tuple(KeptMarking(one, *undone) for one, undone in said_and_undone(acts, MARK, UNMARK, _read, "marking"))


def markings(root: Path) -> tuple[KeptMarking, ...]:
    """Give every marking of a case, those taken back among them, the first first.

    Args:
        root: the case folder.

    Raises:
        CaseError: the folder is no case, or of another version.
        CustodyError: the custody log does not hold together.
    """
    return markings_of(Case.open(root).acts())


def in_force(case: Case) -> tuple[Marking, ...]:
    """Give the markings of a case that were not taken back, the first first."""
    return tuple(one.marking for one in markings_of(case.acts()) if one.undone_utc is None)


def next_id(case: Case) -> str:
    """Give the name of the next marking; names of markings that were taken back are not used again."""
    return f"M{len(markings_of(case.acts())) + 1}"


def record_marking(case: Case, marking: Marking) -> None:
    """Put a marking into the custody log. The caller holds the lock."""
    body = {name: getattr(marking, name) for name in _TEXTS}
    bounds = {"from": utc_text(marking.from_utc), "to": utc_text(marking.to_utc)}
    case.record(MARK, {**body, "kind": marking.kind.value, "verdict": marking.verdict.value, **bounds})


def record_undo(case: Case, name: str, by: str, reason: str) -> None:
    """Put into the custody log that a marking is taken back. The caller holds the lock.

    Raises:
        UsageError: no marking in force has that name.
    """
    if all(one.id != name for one in in_force(case)):
        raise UsageError(f"no marking in force is called {name!r}", remedy="dwell marks lists them")
    case.record(UNMARK, {"id": name, "by": by, "reason": reason})


def _read(raw: dict[str, Any], at: str) -> Marking:
    bounds = [None if raw[key] is None else parse_utc(raw[key]) for key in ("from", "to")]
    texts: dict[str, Any] = {name: str(raw[name]) for name in _TEXTS}
    return Marking(
        kind=MarkingKind(raw["kind"]),
        verdict=MarkingVerdict(raw["verdict"]),
        at_utc=parse_utc(at),
        from_utc=bounds[0],
        to_utc=bounds[1],
        **texts,
    )
