"""Is the number of false leads that is told of the right size? Counted where the truth is known.

    python benchmarks/chance.py --world nobody-undamaged --seeds 1 2
    python benchmarks/chance.py --world default --seeds 1

For the first leads that belong to no intrusion: how many are really nobody's, and how many chance was said to give.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dwell import api
from dwell.drill import DrillPlan, scenario, write_drill
from dwell.model.claims import Lead

__all__ = ["rows"]

RANKS = (5, 10, 20, 50, 100, 200)
FIRST, LAST = datetime(2020, 11, 1, tzinfo=UTC), datetime(2021, 4, 1, tzinfo=UTC)


def _hostile(lead: Lead, truth: Mapping[str, Any]) -> bool:
    """Say whether a lead's client lies in a network of an intruder."""
    networks = {client.rpartition(".")[0] for one in truth["intruders"] for client in one["clients"]}
    return lead.client.partition("/")[0].rpartition(".")[0] in networks


def rows(leads: Sequence[Lead], truth: Mapping[str, Any]) -> Iterator[tuple[int, int, float]]:
    """Yield, for the first leads that belong to no intrusion: how many, how many of them false, how many by chance."""
    loose = [one for one in leads if one.intrusion is None]
    for many in sorted({*(one for one in RANKS if one < len(loose)), len(loose)} - {0}):
        yield many, sum(not _hostile(one, truth) for one in loose[:many]), loose[many - 1].by_chance or 0.0


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--world", default="nobody-undamaged")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    parser.add_argument("--mailboxes", type=int, default=60)
    given = parser.parse_args()
    for seed in given.seeds:
        with tempfile.TemporaryDirectory(prefix="dwell-chance-") as work:
            place = Path(work)
            plan = DrillPlan(seed, given.mailboxes, FIRST, LAST, scenario(given.world))
            truth = write_drill(place / "evidence", place / "truth.json", plan)
            api.ingest(place / "case", [place / "evidence"])
            api.hunt(place / "case")
            summary = api.answers(place / "case").summary
        print(f"{given.world}, seed {seed}: {summary.leads_expected_false} expected to be false")
        for many, false, expected in rows(summary.leads, truth):
            print(f"  of the first {many}: {false} false, {expected} by chance")


if __name__ == "__main__":
    main()
