"""The page of what the reasoning finds in worlds whose truth is known: worst values over the seeds, and all misses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["World", "missed", "page"]

LEGEND = """\
A row holds the worst value over its seeds: the fewest mailboxes, the most innocents. *Quiet* and *loud* are mailboxes found
of those planted; in brackets those of which any record handed over says that he opened them, where that is fewer.
*Innocent* are mailboxes called exposed that nobody touched; *intrusions* are those told of those planted. *Grades* is the
share of found mailboxes that have the very grade which the evidence handed over bears, as the exercise knows it from what
it wrote. *First act* is how many days the first act told is off for the quiet intruder. *Hours seen wrongly* are hours of a
server and log told as covered that are not, then such as are covered and not told, of all that are covered (the exercise's
EWS has no file where it had no call, which looks like a file that is gone). *Leads* is the
rank of the lead with which the last of the quiet intruder's mailboxes comes up (-: not all of them do).
"""
WHY: Mapping[str, str] = {
    "residential-current": "next to nothing tells him from the owners: the aim does not hold for it",
    "cloud-month": "what is handed over holds one mailbox of his, on three occasions in one night",
    "owa-log-only": "what is handed over holds his first day only",
    "impersonation-unlogged": "only the last month's logs say whose mailbox the service's account opened",
    "iis-only": "forged calls are in logs that are not handed over",
    "deleted-lines": "lines taken out of a log are seen only where a second log is held, here of the last month",
    "cloud-audit-bypassed": "what the account opened was not recorded; its victims are called undeterminable",
    "cloud-mailboxes-unaudited": "of the other half nothing that is opened was recorded",
    "cloud-unlicensed": "of the other half nothing that is opened was recorded",
    "forged-calls-unlogged": "where the calls were sent, and for whose mailbox, is in logs of the last month only",
}
"""Why a world is missed by what its evidence holds."""
SHARE = 30 / 32
DAY = 1.0


@dataclass(frozen=True, slots=True)
class World:
    """What was found in one world.

    Attributes:
        name: the scenario.
        about: what it is.
        seed: the seed.
        found: `Score.as_dict` and what is measured beside it.
        older: made by another state of the program than the present.
    """

    name: str
    about: str
    seed: int
    found: Mapping[str, Any]
    older: bool

    @property
    def null(self) -> bool:
        """Say whether nobody is planted."""
        return not self.found["intruders"]

    @property
    def error(self) -> float | None:
        """Give by how many days the quiet intruder's first act is off; None where he is not found."""
        error: float | None = self.found["first_error_days"].get("quiet")
        return error


def missed(world: World) -> list[str]:
    """Give what misses its aim in a world, in words."""
    found, out = world.found, []
    planted = found["quiet_planted"]
    if found["quiet_found"] < planted * SHARE:
        out.append(f"quiet {found['quiet_found']} of {planted}")
    if found["loud_found"] < found["loud_planted"]:
        out.append(f"loud {found['loud_found']} of {found['loud_planted']}")
    if found["innocent_exposed"]:
        out.append(f"innocent exposed: {len(found['innocent_exposed'])}")
    if not found["apart"]:
        out.append("intruders not kept apart")
    if found["intrusions"] != found["intruders"]:
        out.append(f"intrusions {found['intrusions']} of {found['intruders']}")
    if planted and found["quiet_found"] and world.error is not None and abs(world.error) > DAY:
        out.append(f"first act {world.error:+.2f} days off")
    if found["grades_right"] != found["grades_known"]:
        out.append(f"grades {found['grades_right']} of {found['grades_known']}")
    if found["hours_over"]:
        out.append(f"{found['hours_over']:,} hours told as covered that are not")
    budget = found["leads_budget"]
    if world.null and budget is not None and (found["leads"] or 0) > budget:
        out.append(f"leads {found['leads']} of {budget}")
    return out


Cell = Callable[[Sequence[World]], str]


def _quiet(runs: Sequence[World]) -> str:
    worst = min(runs, key=lambda one: (one.found["quiet_found"], one.seed)).found
    borne = worst["quiet_borne"]
    fewer = "" if borne is None or borne >= worst["quiet_planted"] else f" ({borne})"
    return f"{worst['quiet_found']}/{worst['quiet_planted']}{fewer}"


def _fewest(name: str, of: str) -> Cell:
    def cell(runs: Sequence[World]) -> str:
        worst = min(runs, key=lambda one: (one.found[name] - one.found[of], one.seed)).found
        return f"{worst[name]}/{worst[of]}"

    return cell


def _intrusions(runs: Sequence[World]) -> str:
    worst = max(runs, key=lambda one: (abs(one.found["intrusions"] - one.found["intruders"]), -one.seed)).found
    return f"{worst['intrusions']}/{worst['intruders']}"


def _most(name: str) -> Cell:
    def cell(runs: Sequence[World]) -> str:
        values = [one.found[name] for one in runs]
        return str(max(len(one) if isinstance(one, list | tuple) else one for one in values))

    return cell


def _grades(runs: Sequence[World]) -> str:
    shares = [one.found["grades_right"] / one.found["grades_known"] for one in runs if one.found["grades_known"]]
    if shares:
        return f"{min(shares):.0%}"
    return "not known" if any(one.found["quiet_found"] or one.found["loud_found"] for one in runs) else "-"


def _first(runs: Sequence[World]) -> str:
    errors = [one.error for one in runs if one.error is not None]
    lost = sum(one.error is None for one in runs)
    if not any(one.found["quiet_planted"] for one in runs):
        return "-"
    told = [] if not errors else [f"{max(errors, key=abs):g}"]
    return ", ".join([*told, f"not found at {lost} of {len(runs)}"] if lost else told)


def _hours(runs: Sequence[World]) -> str:
    known = [one.found for one in runs if one.found["hours"]]
    if not known:
        return "not known"
    worst = max(known, key=lambda one: (one["hours_over"], one["hours_under"]))
    return f"{worst['hours_over']:,}; {worst['hours_under']:,} of {worst['hours']:,}"


def _told(number: int | None) -> str:
    return "unknown" if number is None else f"{number:,}"


def _needed(runs: Sequence[World]) -> str:
    ranks = [one.found["leads_needed"] for one in runs]
    return "-" if None in ranks else str(max(ranks))


def _leads(runs: Sequence[World]) -> str:
    known = [one for one in runs if one.found["leads"] is not None]
    if not known:
        return "not known"
    worst = max(known, key=lambda one: (one.found["leads"], -one.seed)).found
    return f"{worst['leads']:,} of {_told(worst['leads_budget'])}"


def _apart(runs: Sequence[World]) -> str:
    return "yes" if all(one.found["apart"] for one in runs) else "NO"


def _seeds(runs: Sequence[World]) -> str:
    return " ".join(f"{one.seed}*" if one.older else str(one.seed) for one in runs)


_WITH: Sequence[tuple[str, Cell]] = (
    ("seeds", _seeds),
    ("quiet", _quiet),
    ("loud", _fewest("loud_found", "loud_planted")),
    ("innocent", _most("innocent_exposed")),
    ("intrusions", _intrusions),
    ("apart", _apart),
    ("grades", _grades),
    ("first act", _first),
    ("hours seen wrongly", _hours),
    ("leads", _needed),
)
_NULL: Sequence[tuple[str, Cell]] = (
    ("seeds", _seeds),
    ("exposed", _most("exposed")),
    ("intrusions", _most("intrusions")),
    ("leads, of the budget", _leads),
    ("hours seen wrongly", _hours),
)


def _table(groups: Sequence[Sequence[World]], columns: Sequence[tuple[str, Cell]]) -> str:
    lines = ["| scenario | what it is | " + " | ".join(name for name, _ in columns) + " |"]
    lines.append("|---|---|" + "---|" * len(columns))
    for runs in groups:
        cells = " | ".join(cell(runs) for _, cell in columns)
        lines.append(f"| `{runs[0].name}` | {runs[0].about} | {cells} |")
    return "\n".join(lines)


def _missed(worlds: Sequence[World]) -> str:
    lines = []
    for one in worlds:
        if found := missed(one):
            why = f": {WHY[one.name]}" if one.name in WHY else ""
            lines.append(f"- `{one.name}`, seed {one.seed}: {'; '.join(found)}{why}")
    return "\n".join(lines) or "Nothing."


def page(worlds: Sequence[World], seeds: Sequence[int], mailboxes: int, months: int, command: str) -> str:
    """Give the page.

    Args:
        worlds: what was found, scenarios in their order, seeds in theirs.
        seeds: those that were asked for.
        mailboxes: of each world.
        months: of each world.
        command: how the page is made.
    """
    groups: dict[str, list[World]] = {}
    for one in worlds:
        groups.setdefault(one.name, []).append(one)
    planted = [runs for runs in groups.values() if not runs[0].null]
    nulls = [runs for runs in groups.values() if runs[0].null]
    which = f"{mailboxes} mailboxes over {months} months, seeds {', '.join(map(str, seeds))}, {len(worlds)} worlds"
    short = [runs[0].name for runs in groups.values() if len(runs) < len(seeds)]
    if short:
        which += f"; of {len(short)} of {len(groups)} scenarios not all of these seeds were run"
    older = sum(one.older for one in worlds)
    if older:
        which += f"; {older} of the worlds, marked *, were run on an older state of the program"
        which += ", and what that state did not measure is not known"
    seconds = [one.found["seconds"] for one in worlds if one.found["seconds"] is not None]
    return f"""# What the reasoning finds in worlds whose truth is known

Made by `{command}`: {which}. {sum(seconds) / max(1, len(seconds)):.0f} s of processor time a world.

{LEGEND}
{_table(planted, _WITH)}

## Worlds with nobody in them

{_table(nulls, _NULL)}

## What misses its aim

The aims: 30 of 32 of the quiet intruder's mailboxes and all of the loud one's, no innocent mailbox exposed, intrusions
apart and as many as there are, the first act within a day where it is found, every grade as the evidence bears it, no hour
told as covered that is not, and in worlds with nobody no more leads than the budget.

{_missed(worlds)}
"""
