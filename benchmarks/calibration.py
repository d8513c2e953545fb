"""Are the terms of surprise worth their bits? On worlds with nobody in them, how often a term of b bits occurs.

    python benchmarks/calibration.py --seeds 1 2 3 --write   # writes benchmarks/calibration.md and the manual's chart

Every tie of such a world is an owner's or a service's. If a term were a well-made surprise, one visit in 2^b would carry b
bits of it or more. What is counted is the share of visits outside shared networks whose tie has at least b bits of a
term, and the same for ties, which are what leads are made of. Nothing here depends on the speed of the machine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import log2
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dwell import api
from dwell.casebook.case import Case
from dwell.drill import DrillPlan, scenario, write_drill
from dwell.intake.ingest import open_archive
from dwell.scope.access import Accesses
from dwell.scope.clients import clients_of
from dwell.scope.habits import TERMS, ties
from dwell.scope.leads import TAKEN_AS_RANKED, terms_of
from dwell.scope.names import learn
from dwell.scope.rollup.run import roll_up
from dwell.scope.services import services_of

__all__ = ["chart", "exceeded", "measured"]

PAGE = Path(__file__).parent / "calibration.md"
CHART = Path(__file__).parent.parent / "docs" / "explanation" / "calibration.svg"
BITS = (1, 2, 3, 4, 5, 6, 8, 10, 12)
LAST = datetime(2021, 4, 1, tzinfo=UTC)
WORLD = "nobody-undamaged"
NAMES = (*TERMS, "fan-out", *(f"({one})" for one in TAKEN_AS_RANKED))
COLOURS = ("#1b6ca8", "#b3541e", "#2e7d32", "#7b1fa2", "#455a64", "#d81b60", "#00838f")

Values = npt.NDArray[np.float64]


def measured(plan: DrillPlan, folder: Path) -> tuple[dict[str, Values], Values]:
    """Give every term of every tie outside shared networks in one world, and the visits of each tie."""
    write_drill(folder / "evidence", folder / "truth.json", plan)
    api.ingest(folder / "case", [folder / "evidence"])
    archive = open_archive(Case.open(folder / "case"))
    accesses = Accesses(roll_up(archive).tables["sessions"], learn(archive))
    served = services_of(accesses).served
    clients = clients_of(accesses, ties(accesses, served), served=served)
    outside = clients.outside
    found = {name: clients.bits(name)[outside] for name in TERMS} | {"fan-out": clients.fan_out[outside]}
    ranked = terms_of(clients)
    found |= {f"({name})": ranked[name][outside] for name in TAKEN_AS_RANKED}
    return found, clients.column("visits")[outside].astype(np.float64)


def exceeded(values: Values, weights: Values, bits: float) -> float:
    """Give the share of the weight at which a term has at least so many bits; 0 where there is no weight."""
    whole = float(weights.sum())
    return float(weights[values >= bits].sum()) / whole if whole else 0.0


def _point(bits: float, share: float) -> tuple[float, float]:
    """Give the place of a share on the chart: bits to the right, halvings downwards."""
    return 60 + bits * 40, 20 + min(14.0, -log2(max(share, 2**-14))) * 24


def chart(lines: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """Draw the shares over the bits, both in halvings, with the line on which a term is worth its bits.

    Args:
        lines: bits and share, by term.
    """
    out = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 400" font-family="sans-serif" font-size="12">',
        "<title>How often a term of b bits occurs where nobody is</title>",
        '<rect width="720" height="400" fill="#fff"/>',
    ]
    for step in range(0, 15, 2):
        x, y = _point(step, 2.0**-step)
        out.append(f'<path d="M60 {y:.0f}H620" stroke="#ddd"/><text x="8" y="{y + 4:.0f}">1/{2**step}</text>')
        out.append(f'<text x="{x:.0f}" y="376" text-anchor="middle">{step}</text>')
    (x, y), (end, low) = _point(0, 1), _point(14, 2**-14)
    out.append(f'<path d="M{x:.0f} {y:.0f}L{end:.0f} {low:.0f}" stroke="#000" stroke-dasharray="5 4"/>')
    out.append('<text x="340" y="394" text-anchor="middle">bits of the term, at least; dashed: worth its bits</text>')
    for place, (name, points) in enumerate(lines.items()):
        colour = COLOURS[place % len(COLOURS)]
        told = " ".join(f"{x:.1f},{y:.1f}" for x, y in (_point(bits, share) for bits, share in points if share > 0))
        out.append(f'<polyline points="{told}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out.append(f'<text x="632" y="{40 + place * 18}" fill="{colour}">{name}</text>')
    return "\n".join([*out, "</svg>"]) + "\n"


def _table(terms: Mapping[str, Values], weights: Values) -> str:
    rows = ["| at least | worth | " + " | ".join(NAMES) + " |", "|---|---|" + "---|" * len(NAMES)]
    for bits in BITS:
        shares = " | ".join(f"{exceeded(terms[name], weights, bits):.2%}" for name in NAMES)
        rows.append(f"| {bits} bits | {2.0**-bits:.2%} | {shares} |")
    return "\n".join(rows)


def _page(terms: Mapping[str, Values], visits: Values, command: str, which: str) -> str:
    ties_ = np.ones(len(visits))
    return (
        "# Are the terms of surprise worth their bits?\n\n"
        f"Made by `{command}`: world `{WORLD}`, {which}; {len(visits):,} ties outside shared networks, "
        f"{int(visits.sum()):,} visits. Nobody is in these worlds: every figure is about owners at home, travelling, with "
        "new phones and new providers. *Worth* is the share that a term of so many bits should have.\n\n"
        "Columns in brackets are what leads are ranked by, where that is something else.\n\n"
        f"## Share of visits\n\n{_table(terms, visits)}\n\n## Share of ties\n\n{_table(terms, ties_)}\n"
    )


def main() -> int:
    """Run the worlds and print, or write, the tables and the chart."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    parser.add_argument("--mailboxes", type=int, default=160)
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--write", action="store_true", help="write the page and the chart")
    arguments = parser.parse_args()
    first = datetime(LAST.year - (arguments.months + 8) // 12, (3 - arguments.months) % 12 + 1, 1, tzinfo=UTC)
    gathered: list[tuple[dict[str, Values], Values]] = []
    for seed in arguments.seeds:
        with tempfile.TemporaryDirectory(prefix="dwell-null-") as folder:
            plan = DrillPlan(seed, arguments.mailboxes, first, LAST, scenario(WORLD))
            gathered.append(measured(plan, Path(folder)))
    terms = {name: np.concatenate([found[name] for found, _ in gathered]) for name in NAMES}
    visits = np.concatenate([weights for _, weights in gathered])
    seeds = " ".join(map(str, arguments.seeds))
    command = f"python benchmarks/calibration.py --seeds {seeds} --mailboxes {arguments.mailboxes} "
    command += f"--months {arguments.months} --write"
    which = (
        f"{arguments.mailboxes} mailboxes over {arguments.months} months, seeds {', '.join(map(str, arguments.seeds))}"
    )
    text = _page(terms, visits, command, which)
    print(text)
    if arguments.write:
        PAGE.write_text(text, "utf-8")
        steps = [place / 4 for place in range(1, 57)]
        CHART.write_text(
            chart({name: [(one, exceeded(terms[name], visits, one)) for one in steps] for name in NAMES}), "utf-8"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
