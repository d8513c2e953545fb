"""Comparing what a summary says with the truth of an exercise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

__all__ = ["Score", "score", "score_text"]

_EXPOSED = {"named", "downloaded", "read", "listed", "opened"}
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


def score(summary: Mapping[str, Any], truth: Mapping[str, Any]) -> Score:
    """Compare.

    Args:
        summary: what `dwell answers -t json` wrote.
        truth: what the exercise wrote.
    """
    # without a directory export a mailbox goes by the account's name
    names: Mapping[str, str] = truth.get("names", {})
    exposed = {names.get(one["mailbox"], one["mailbox"]) for one in summary["mailboxes"] if one["grade"] in _EXPOSED}
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
    lines += [
        f"first act of the {name} intruder: " + ("not found" if days is None else f"{days:+.2f} days off")
        for name, days in result.first_error_days
    ]
    lines.append("the exercise is " + ("passed" if result.passed else "NOT passed"))
    return "\n".join(lines) + "\n"
