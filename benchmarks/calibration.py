"""Are the terms of surprise worth their bits? On worlds with nobody in them, how often a term of b bits occurs.

    python benchmarks/calibration.py --seeds 1 2 3 --write   # writes benchmarks/calibration.md and the manual's chart

Every tie of such a world is an owner's or a service's. If a term were a well-made surprise, at most one visit in 2^b would
carry b bits of it or more. What is counted is the share of ranked visits of which a term is told whose tie has at least b
bits of it, and the same for ties, which are what leads are made of. Nothing here depends on the speed of the machine.
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
from dwell.scope.blocks import BLOCK, with_blocks
from dwell.scope.clients import clients_of
from dwell.scope.habits import TERMS, ties
from dwell.scope.kin import kin_of
from dwell.scope.leads import terms_of
from dwell.scope.names import learn
from dwell.scope.rollup.run import roll_up
from dwell.scope.services import services_of
from dwell.scope.session_terms import SESSION_TERMS, beside_of, with_session_terms

__all__ = ["ALLOWED", "NAMES", "allowed", "chart", "exceeded", "measured", "told"]

PAGE = Path(__file__).parent / "calibration.md"
CHART = Path(__file__).parent.parent / "docs" / "explanation" / "calibration.svg"
BITS = (1, 2, 3, 4, 5, 6, 9, 12)
ALLOWED = 1.25
"""A term is worth its bits where it comes up at most so many times as often as it claims, chance of the draw besides."""
LAST = datetime(2021, 4, 1, tzinfo=UTC)
WORLDS = ("nobody-undamaged", "cloud-nobody")
RAW = tuple(f"({one})" for one in TERMS)
NAMES = (*TERMS, "fan-out", BLOCK, *SESSION_TERMS)
COLOURS = (
    "#1b6ca8", "#b3541e", "#2e7d32", "#7b1fa2", "#455a64", "#d81b60", "#00838f", "#9e9d24", "#5d4037", "#f9a825", "#283593",
    "#ef6c00", "#00695c", "#6d4c41",
)  # fmt: skip

Values = npt.NDArray[np.float64]


def measured(plan: DrillPlan, folder: Path) -> tuple[dict[str, Values], Values]:
    """Give every term of every ranked tie in one world, NaN where it is not told, and the visits of each tie."""
    write_drill(folder / "evidence", folder / "truth.json", plan)
    api.ingest(folder / "case", [folder / "evidence"])
    archive = open_archive(Case.open(folder / "case"))
    rolled, identities = roll_up(archive), learn(archive)
    accesses = Accesses(rolled.tables["sessions"], identities)
    served = services_of(accesses).served
    clients = clients_of(accesses, ties(accesses, served), served=served)
    beside = beside_of(archive, identities, rolled.tables["messages"])
    clients = with_session_terms(clients, accesses, served, beside)
    clients = with_blocks(clients, accesses, kin_of(accesses, beside.units))
    kept = clients.ranked
    terms = terms_of(clients)
    found = {name: terms[name][kept] for name in NAMES}
    found |= {f"({name})": clients.bits(name)[kept] for name in TERMS}
    return found, clients.column("visits")[kept].astype(np.float64)


def told(values: Values, weights: Values) -> float:
    """Give the weight of which a term is told."""
    return float(weights[~np.isnan(values)].sum())


def exceeded(values: Values, weights: Values, bits: float) -> float:
    """Give the share of the weight of which a term is told at which it has at least so many bits; 0 where there is none."""
    whole = told(values, weights)
    return float(weights[values >= bits].sum()) / whole if whole else 0.0


def allowed(values: Values, weights: Values, bits: float) -> float:
    """Give the share up to which a term of so many bits is worth them: `ALLOWED` times, and three times the draw's spread.

    Visits of one tie come together: the spread is that of as many draws as there would be of ties of even weight.
    """
    known = weights[~np.isnan(values)]
    draws = float(known.sum() ** 2 / max(1.0, (known**2).sum())) if len(known) else 0.0
    return float(ALLOWED * 2.0**-bits + 3.0 * (2.0**-bits / max(1.0, draws)) ** 0.5)


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
        out.append(f'<text x="626" y="{40 + place * 18}" fill="{colour}">{name}</text>')
    return "\n".join([*out, "</svg>"]) + "\n"


def _table(terms: Mapping[str, Values], weights: Values, names: Sequence[str]) -> str:
    whole = float(weights.sum())
    rows = [
        f"| at least | worth | {' | '.join(names)} |",
        f"|---|---|{'---|' * len(names)}",
        f"| told of | | {' | '.join(f'{told(terms[name], weights) / whole:.1%}' for name in names)} |",
    ]
    for bits in BITS:
        shares = [(exceeded(terms[one], weights, bits), allowed(terms[one], weights, bits)) for one in names]
        cells = " | ".join(f"{share:.2%}{'' if share <= limit else ' (!)'}" for share, limit in shares)
        rows.append(f"| {bits} bits | {2.0**-bits:.2%} | {cells} |")
    return "\n".join(rows)


def _page(worlds: Mapping[str, tuple[dict[str, Values], Values]], command: str, which: str) -> str:
    parts = []
    for world, (terms, visits) in worlds.items():
        names = [one for one in NAMES if told(terms[one], visits)]
        absent = ", ".join(f"`{one}`" for one in NAMES if one not in names)
        parts.append(
            f"## `{world}`\n\n{len(visits):,} ranked ties, {int(visits.sum()):,} visits."
            f"{f' Told of none: {absent}.' if absent else ''}\n\n"
            f"### Share of visits\n\n{_table(terms, visits, [*names, *RAW])}\n\n"
            f"### Share of ties\n\n{_table(terms, np.ones(len(visits)), [*names, *RAW])}\n"
        )
    return (
        "# Are the terms of surprise worth their bits?\n\n"
        f"Made by `{command}`: {which}. Nobody is in these worlds: every figure is about owners at home, travelling, with "
        "new phones and new providers. *Worth* is the share that a term of so many bits may have, *told of* the share of "
        f"all visits or ties of which it is told. (!) marks what comes up more than {ALLOWED} times as often as it claims, "
        "chance of the draw besides.\n\nColumns in brackets are terms as they are made; leads are ranked by what "
        "stands without brackets, which is never more than the rank in the case.\n\n" + "\n".join(parts)
    )


def main() -> int:
    """Run the worlds and print, or write, the tables and the chart."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    parser.add_argument("--worlds", nargs="+", default=list(WORLDS))
    parser.add_argument("--mailboxes", type=int, default=160)
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--write", action="store_true", help="write the page and the chart")
    arguments = parser.parse_args()
    first = datetime(LAST.year - (arguments.months + 8) // 12, (3 - arguments.months) % 12 + 1, 1, tzinfo=UTC)
    worlds: dict[str, tuple[dict[str, Values], Values]] = {}
    for world in arguments.worlds:
        gathered: list[tuple[dict[str, Values], Values]] = []
        for seed in arguments.seeds:
            with tempfile.TemporaryDirectory(prefix="dwell-null-") as folder:
                plan = DrillPlan(seed, arguments.mailboxes, first, LAST, scenario(world))
                gathered.append(measured(plan, Path(folder)))
        terms = {name: np.concatenate([found[name] for found, _ in gathered]) for name in (*NAMES, *RAW)}
        worlds[world] = terms, np.concatenate([weights for _, weights in gathered])
    seeds = " ".join(map(str, arguments.seeds))
    command = f"python benchmarks/calibration.py --seeds {seeds} --mailboxes {arguments.mailboxes} "
    command += f"--months {arguments.months} --write"
    which = f"{arguments.mailboxes} mailboxes over {arguments.months} months, seeds {seeds.replace(' ', ', ')}"
    text = _page(worlds, command, which)
    print(text)
    if arguments.write:
        PAGE.write_text(text, "utf-8")
        steps = [place / 4 for place in range(1, 57)]
        drawn = {
            name: next(one for one in worlds.values() if told(one[0][name], one[1]))
            for name in NAMES
            if any(told(terms[name], visits) for terms, visits in worlds.values())
        }
        lines = {
            name: [(one, exceeded(terms[name], visits, one)) for one in steps]
            for name, (terms, visits) in drawn.items()
        }
        CHART.write_text(chart(lines), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
