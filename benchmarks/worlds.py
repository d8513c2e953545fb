"""What the reasoning finds in worlds whose truth is known: every scenario of the exercise, over several seeds.

    python benchmarks/worlds.py --seeds 1 2 3 --write     # writes benchmarks/reasoning.md

Each world is written, brought in, hunted and answered as a user would, and the summary is held against the truth. The
worlds are smaller than the exercise's default (mailboxes and months can be given), so that a whole run takes minutes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dwell import api
from dwell.drill import DrillPlan, Score, scenario, scenarios, score, write_drill
from dwell.report.summary_json import summary_dict

PAGE = Path(__file__).parent / "reasoning.md"
LEGEND = (
    "*Quiet* and *loud* are mailboxes found of those planted; *innocent* are mailboxes called exposed that nobody touched; "
    "*intrusions* are those told of those planted; *first act* is how many days the first act told is off for the quiet "
    "intruder (None: not found); *leads* is the rank of the lead with which the last of his mailboxes comes up (-: not "
    "all of them do)."
)
LAST = datetime(2021, 4, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Run:
    """One world."""

    name: str
    seed: int
    score: Score
    leads_needed: int | None
    seconds: float


def investigate(plan: DrillPlan, folder: Path) -> tuple[Score, int | None]:
    """Write a world and investigate it; give the score, and the rank of the last lead that is needed to find everybody."""
    truth = write_drill(folder / "evidence", folder / "truth.json", plan)
    api.ingest(folder / "case", [folder / "evidence"])
    api.hunt(folder / "case")
    summary = api.answers(folder / "case").summary
    quiet = next((set(one["mailboxes"]) for one in truth["intruders"] if one["id"] == "quiet"), set())
    networks = {
        client.rpartition(".")[0] for one in truth["intruders"] if one["id"] == "quiet" for client in one["clients"]
    }
    ranks = {
        lead.mailbox: lead.rank
        for lead in reversed(summary.leads)
        if lead.mailbox in quiet and any(lead.client.startswith(f"{one}.") for one in networks)
    }
    needed = max(ranks.values()) if quiet and set(ranks) == quiet else None
    return score(summary_dict(summary), truth), needed


def row(runs: Sequence[Run]) -> str:
    """Give the table row of one scenario over its seeds."""
    about = scenario(runs[0].name).about

    def told(values: Sequence[object]) -> str:
        return ", ".join(str(one) for one in values)

    quiet = told([f"{one.score.quiet_found}/{one.score.quiet_planted}" for one in runs])
    loud = told([f"{one.score.loud_found}/{one.score.loud_planted}" for one in runs])
    innocent = told([len(one.score.innocent_exposed) for one in runs])
    intrusions = told([f"{one.score.intrusions}/{one.score.intruders}" for one in runs])
    apart = told(["yes" if one.score.apart else "NO" for one in runs])
    errors = told([dict(one.score.first_error_days).get("quiet", "-") for one in runs])
    leads = told(["-" if one.leads_needed is None else one.leads_needed for one in runs])
    return (
        f"| `{runs[0].name}` | {about} | {quiet} | {loud} | {innocent} | {intrusions} | {apart} | {errors} | {leads} |"
    )


def page(table: Sequence[str], seeds: Sequence[int], mailboxes: int, months: int, command: str) -> str:
    """Give the page."""
    which = f"{mailboxes} mailboxes over {months} months, seeds {', '.join(map(str, seeds))}; one value a seed"
    head = f"# What the reasoning finds in worlds whose truth is known\n\nMade by `{command}`: {which}. {LEGEND}\n\n"
    columns = "| scenario | what it is | quiet | loud | innocent | intrusions | apart | first act | leads |\n"
    return head + columns + "|---|---|---|---|---|---|---|---|---|\n" + "\n".join(table) + "\n"


def main() -> int:
    """Run the worlds and print, or write, the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="scenarios; all of them where none is named")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    parser.add_argument("--mailboxes", type=int, default=160)
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--write", action="store_true", help="write benchmarks/reasoning.md")
    arguments = parser.parse_args()
    first = datetime(LAST.year - (arguments.months + 8) // 12, (3 - arguments.months) % 12 + 1, 1, tzinfo=UTC)
    table: list[str] = []
    failed = False
    for name in arguments.names or list(scenarios()):
        runs: list[Run] = []
        for seed in arguments.seeds:
            began = time.perf_counter()
            with tempfile.TemporaryDirectory(prefix="dwell-world-") as folder:
                plan = DrillPlan(seed, arguments.mailboxes, first, LAST, scenario(name))
                found, needed = investigate(plan, Path(folder))
            runs.append(Run(name, seed, found, needed, time.perf_counter() - began))
            failed |= bool(found.innocent_exposed) or not found.apart
        table.append(row(runs))
        print(table[-1], f"{sum(one.seconds for one in runs):.0f} s", flush=True)
    if arguments.write:
        seeds = " ".join(map(str, arguments.seeds))
        command = f"python benchmarks/worlds.py --seeds {seeds} --mailboxes {arguments.mailboxes} "
        command += f"--months {arguments.months} --write"
        PAGE.write_text(page(table, arguments.seeds, arguments.mailboxes, arguments.months, command), "utf-8")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
