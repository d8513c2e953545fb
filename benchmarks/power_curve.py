"""The hardest kind by how much he reads: one address for each mailbox, at the owners' hours, found over visits a month.

    python benchmarks/power_curve.py --write     # writes benchmarks/power_curve.md and the manual's chart

Two kinds: one with an agent nobody has, one with the agent most people have. Nothing but the visits is changed. Nothing
here depends on the speed of the machine.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import log2
from pathlib import Path

if __package__ in {None, ""}:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.power import asked, case_of, way_made

from dwell.casebook.case import Case
from dwell.intake.ingest import open_archive
from dwell.model.power import Power, PowerRow
from dwell.scope.plantings import Kind, kinds
from dwell.scope.power import power_in

__all__ = ["chart", "page", "planted"]

PAGE = Path(__file__).parent / "power_curve.md"
CHART = Path(__file__).parent.parent / "docs" / "explanation" / "power-curve.svg"
KINDS: Mapping[str, tuple[str, str]] = {
    "own-addresses": ("an agent nobody has", "#1b6ca8"),
    "own-addresses-common-agent": ("the agent most people have", "#b3541e"),
}
VISITS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
Curves = Mapping[str, Sequence[tuple[float, PowerRow]]]


def planted() -> list[Kind]:
    """Give the kinds, one for each number of visits; the key says both."""
    known = {one.key: one for one in kinds()}
    return [
        replace(known[name], key=f"{name} {visits:g}", visits_a_month=visits) for name in KINDS for visits in VISITS
    ]


def curves(power: Power) -> Curves:
    """Put what was found in order: by kind, then visits a month."""
    out: dict[str, list[tuple[float, PowerRow]]] = {}
    for one in power.rows:
        name, _, visits = one.kind.rpartition(" ")
        out.setdefault(name, []).append((float(visits), one))
    return out


def _point(visits: float, share: float) -> str:
    """Give the place of a share: doublings of the visits to the right, from one in two months on."""
    return f"{70 + (log2(visits) + 1) * 80:.1f},{30 + (1 - share) * 240:.1f}"


def chart(found: Curves) -> str:
    """Draw the shares found over the visits: whole as intrusion, dashed as intrusion or lead, grey what a lot would find.

    Args:
        found: by kind, visits a month and what was found.
    """
    out = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 680 380" font-family="sans-serif" font-size="12">',
        "<title>Share found of intruders with an address of their own for each mailbox, by visits a month</title>",
        '<rect width="680" height="380" fill="#fff"/>',
    ]
    for step in range(5):
        y = 270 - step * 60
        out.append(
            f'<path d="M70 {y}H560" stroke="#ddd"/><text x="60" y="{y + 4}" text-anchor="end">{step * 25} %</text>'
        )
    for place, visits in enumerate(VISITS):
        out.append(f'<text x="{70 + place * 80}" y="288" text-anchor="middle">{visits:g}</text>')
    out.append('<text x="310" y="306" text-anchor="middle">visits a month and mailbox</text>')
    lot = " ".join(_point(visits, one.by_chance) for visits, one in next(iter(found.values()), ()))
    out.append(f'<polyline points="{lot}" fill="none" stroke="#888"/>')
    for name, points in found.items():
        colour = KINDS[name][1]
        for dash, share in (("", "intrusions"), (' stroke-dasharray="5 4"', "found")):
            line = " ".join(_point(visits, getattr(one, share) / max(1, one.plantings)) for visits, one in points)
            out.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
    for place, (told, colour) in enumerate(KINDS.values()):
        out.append(f'<text x="{70 + place * 180}" y="334" fill="{colour}">{told}</text>')
    out.append(
        '<text x="70" y="356">whole: as intrusion; dashed: as intrusion or lead; grey: leads drawn by lot</text>'
    )
    return "\n".join([*out, "</svg>"]) + "\n"


def page(found: Curves, command: str, which: str) -> str:
    """Give the page."""
    lines = [
        "| agent | visits a month | as intrusion | as intrusion or lead | by lot | rank |",
        "|---|---|---|---|---|---|",
    ]
    for name, points in found.items():
        for visits, one in points:
            shares = [
                f"{count} of {one.plantings} ({low:.0%} to {high:.0%})"
                for count, (low, high) in ((one.intrusions, one.intrusion_interval), (one.found, one.interval))
            ]
            rank = "-" if one.rank is None else one.rank
            lines.append(f"| {KINDS[name][0]} | {visits:g} | {' | '.join(shares)} | {one.by_chance:.0%} | {rank} |")
    table = "\n".join(lines)
    return f"""# Found, by how much he reads

Made by `{command}`: {which}.
An intruder with an address of his own for each mailbox, at the owners' hours. *Rank* is the middle rank of his first lead.

{table}
"""


def main() -> int:
    """Plant, and print, or write, the table and the chart."""
    arguments = asked(__doc__, "nobody")
    with case_of(arguments) as folder:
        case = Case.open(folder)
        power = power_in(
            open_archive(case),
            {key: [one.path for one in item.places] for key, item in case.register().items()},
            stamp="",
            plantings=arguments.plantings,
            of=planted(),
            workers=1,
        )
    command, which = way_made(arguments, "power_curve")
    found = curves(power)
    text = page(found, command, f"{which}, {arguments.plantings} plantings for each row")
    print(text)
    if arguments.write:
        PAGE.write_text(text, "utf-8")
        CHART.write_text(chart(found), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
