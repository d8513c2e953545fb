"""Comparing what a summary says with the truth of an exercise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

__all__ = ["Score", "score", "score_text"]

_EXPOSED = {"named", "downloaded", "read", "listed", "opened"}
_GRADES = ("named", "downloaded", "read", "listed", "opened", "attempted")
"""Strongest first."""
_QUIET_SHARE = 7 / 8


@dataclass(frozen=True, slots=True)
class Score:
    """How an investigation did.

    Attributes:
        quiet_found: mailboxes of the quiet intruder that were found.
        quiet_planted: how many there are.
        loud_found: mailboxes of the loud intruder that were found.
        loud_planted: how many there are.
        innocent_exposed: mailboxes graded `named` to `opened` that no intruder touched.
        intrusions: intrusions that were told.
        intruders: intruders that were planted.
        apart: no intrusion of the summary holds mailboxes or clients of both intruders.
        gaps_found: gaps of the evidence that coverage shows.
        gaps_planted: how many there are.
        first_error_days: per intruder, days between his first act and the first act told; None where he was not found.
        grades_right: found mailboxes of intruders that have the grade which the evidence bears.
        grades_known: found mailboxes of intruders of which the truth has that grade; older truths have none.
        quiet_borne: mailboxes of the quiet intruder of which any record handed over says that he opened them; None where
            the truth has no grades.
        hours: hours of a server and source that are truly covered, over all; 0 for older truths.
        hours_over: hours told as covered that are not: the error that would make silence look like innocence.
        hours_under: hours covered that are not told so.
        exposed: mailboxes graded `named` to `opened`.
        leads: leads that were told.
        leads_budget: how many could have been; None where it is not told.
    """

    quiet_found: int
    quiet_planted: int
    loud_found: int
    loud_planted: int
    innocent_exposed: tuple[str, ...]
    intrusions: int
    intruders: int
    apart: bool
    gaps_found: int
    gaps_planted: int
    first_error_days: tuple[tuple[str, float | None], ...]
    grades_right: int = 0
    grades_known: int = 0
    quiet_borne: int | None = None
    hours: int = 0
    hours_over: int = 0
    hours_under: int = 0
    exposed: int = 0
    leads: int = 0
    leads_budget: int | None = None

    @property
    def passed(self) -> bool:
        """Say whether this is what an exercise asks for."""
        return (
            self.quiet_found >= self.quiet_planted * _QUIET_SHARE
            and self.loud_found == self.loud_planted
            and not self.innocent_exposed
            and self.apart
            and self.gaps_found == self.gaps_planted
        )

    def as_dict(self) -> dict[str, Any]:
        """Give the fields by name."""
        return asdict(self) | {"passed": self.passed, "first_error_days": dict(self.first_error_days)}


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


_NOBODY: Mapping[str, Any] = {"id": "", "mailboxes": [], "clients": [], "first_utc": None}


def _truth_of(truth: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Give what is true of an intruder; nothing where he was not planted."""
    found: Mapping[str, Any] = next((one for one in truth["intruders"] if one["id"] == name), _NOBODY)
    return found


def _touches(intrusion: Mapping[str, Any], actor: Mapping[str, Any], shared: set[str]) -> bool:
    """Say whether an intrusion of the summary holds what is this intruder's alone."""
    if (set(intrusion["mailboxes"]) & set(actor["mailboxes"])) - shared:
        return True
    networks = {one.rpartition(".")[0] for one in actor["clients"]}
    return any(network in text for text in intrusion["clients"] for network in networks)


def _gap_found(gap: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> bool:
    return any(
        row["host"] == gap["host"]
        and row["source"].partition("/")[0] == gap["source"]
        and (row.get(gap["kind"]) or 0) > 0
        for row in rows
    )


def _true_grades(truth: Mapping[str, Any]) -> dict[str, str]:
    """Give the grade that the evidence bears of each mailbox, over all intruders; empty for a truth that has none."""
    out: dict[str, str] = {}
    for actor in truth["intruders"]:
        for mailbox, grade in actor.get("grades", {}).items():
            out[mailbox] = min(out.get(mailbox, grade), grade, key=_strength)
    return out


def _strength(grade: str) -> int:
    return _GRADES.index(grade) if grade in _GRADES else len(_GRADES)


def _hours_told(summary: Mapping[str, Any], truth: Mapping[str, Any]) -> tuple[int, int, int]:
    """Give the hours that logs truly cover, those told as covered that are not, and those covered that are not told."""
    told: dict[tuple[str, str], int] = {}
    for row in summary["coverage"]:
        key = (row["host"].upper(), row["source"])
        told[key] = told.get(key, 0) + row["held"]
    whole = over = under = 0
    for host, sources in truth.get("held_hours", {}).items():
        for source, hours in sources.items():
            seen = told.get((host.upper(), source), 0)
            whole, over, under = whole + hours, over + max(0, seen - hours), under + max(0, hours - seen)
    return whole, over, under


def score(summary: Mapping[str, Any], truth: Mapping[str, Any]) -> Score:
    """Compare.

    Args:
        summary: what `dwell answers -t json` wrote.
        truth: what the exercise wrote.
    """
    # without a directory export a mailbox goes by the account's name
    names: Mapping[str, str] = truth.get("names", {})
    graded: dict[str, str] = {}
    for one in summary["mailboxes"]:  # the most exposed first: nothing ties the several names of one mailbox
        graded.setdefault(names.get(one["mailbox"], one["mailbox"]), one["grade"])
    exposed = {name for name, grade in graded.items() if grade in _EXPOSED}
    told = [one | {"mailboxes": [names.get(name, name) for name in one["mailboxes"]]} for one in summary["intrusions"]]
    first, second = _truth_of(truth, "quiet"), _truth_of(truth, "loud")
    planted, others = set(first["mailboxes"]), set(second["mailboxes"])
    shared = planted & others
    apart = not any(_touches(one, first, shared) and _touches(one, second, shared) for one in told)
    errors: list[tuple[str, float | None]] = []
    for actor in (one for one in (first, second) if one["id"]):
        starts = [
            _instant(one["first_utc"]) for one in told if one["first_utc"] is not None and _touches(one, actor, shared)
        ]
        days = (min(starts) - _instant(actor["first_utc"])).total_seconds() / 86_400 if starts else None
        errors.append((actor["id"], None if days is None else round(days, 2)))
    grades = _true_grades(truth)
    known = [name for name in sorted(exposed) if name in grades]
    hours, over, under = _hours_told(summary, truth)
    return Score(
        len(planted & exposed),
        len(planted),
        len(others & exposed),
        len(others),
        tuple(sorted(exposed - planted - others)),
        len(summary["intrusions"]),
        len(truth["intruders"]),
        apart,
        sum(_gap_found(one, summary["coverage"]) for one in truth["gaps"]),
        len(truth["gaps"]),
        tuple(errors),
        sum(graded[name] == grades[name] for name in known),
        len(known),
        sum(grade in _EXPOSED for grade in first["grades"].values()) if "grades" in first else None,
        hours,
        over,
        under,
        len(exposed),
        len(summary.get("leads", ())),
        summary.get("leads_budget"),
    )


def score_text(result: Score) -> str:
    """Give the comparison as lines of text."""
    lines = [
        f"quiet intruder: {result.quiet_found} of {result.quiet_planted} mailboxes found",
        f"loud intruder:  {result.loud_found} of {result.loud_planted} mailboxes found",
        f"innocent mailboxes called exposed: {len(result.innocent_exposed)}",
        f"the two intruders kept apart: {'yes' if result.apart else 'no'}",
        f"gaps of the evidence shown in coverage: {result.gaps_found} of {result.gaps_planted}",
    ]
    if result.grades_known:
        lines.append(
            f"grades as the evidence bears them: {result.grades_right} of {result.grades_known} found mailboxes"
        )
    if result.hours:
        lines.append(
            f"hours told as covered that are not: {result.hours_over}; covered and not told: {result.hours_under}, of "
            f"{result.hours} covered"
        )
    lines += [
        f"first act of the {name} intruder: " + ("not found" if days is None else f"{days:+.2f} days off")
        for name, days in result.first_error_days
    ]
    lines.append("the exercise is " + ("passed" if result.passed else "NOT passed"))
    return "\n".join(lines) + "\n"
