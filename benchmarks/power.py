"""Would they have been found? Each kind of intruder planted in an exercise's own records, as a table and a chart.

    python benchmarks/power.py --write     # writes benchmarks/power.md and the manual's chart

What `dwell power` says of a case of one's own, of one that can be made again by anybody. Nothing here depends on the speed
of the machine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from dwell import api
from dwell.drill import DrillPlan, scenario, write_drill
from dwell.model.power import Power, PowerRow
from dwell.report.power import power_chart

__all__ = ["asked", "case_of", "chart", "page", "way_made"]

PAGE = Path(__file__).parent / "power.md"
CHART = Path(__file__).parent.parent / "docs" / "explanation" / "power.svg"
LAST = datetime(2021, 4, 1, tzinfo=UTC)
LEFT, WIDE, STEP, TOP = 190, 460, 26, 34
INTRUSION, LEAD, LOT = "#1b6ca8", "#9cc3e0", "#b3541e"


def _x(share: float) -> float:
    return LEFT + share * WIDE


def _rect(first: float, last: float, y: int, colour: str) -> str:
    return f'<rect x="{_x(first):.1f}" y="{y}" width="{(last - first) * WIDE:.1f}" height="14" fill="{colour}"/>'


def _row(one: PowerRow, y: int) -> list[str]:
    """Draw one kind: bars, the interval of what was found as a line, and the mark of what a lot would find."""
    out = [f'<text x="{LEFT - 8}" y="{y + 11}" text-anchor="end">{escape(one.kind)}</text>']
    if not one.plantings:
        return [*out, f'<text x="{LEFT + 6}" y="{y + 11}">not planted</text>']
    intrusion, found, (low, high) = one.intrusions / one.plantings, one.found / one.plantings, one.interval
    out += [_rect(0, intrusion, y, INTRUSION), _rect(intrusion, found, y, LEAD)]
    out.append(f'<path d="M{_x(low):.1f} {y + 7}H{_x(high):.1f}" stroke="#222"/>')
    out += [f'<path d="M{_x(end):.1f} {y + 3}v8" stroke="#222"/>' for end in (low, high)]
    out.append(f'<path d="M{_x(one.by_chance):.1f} {y - 3}v20" stroke="{LOT}" stroke-width="2"/>')
    return out


def chart(rows: Sequence[PowerRow]) -> str:
    """Draw the share of plantings that were found, by kind of intruder, in one picture that needs nothing else.

    Args:
        rows: the kinds, in order.
    """
    high = TOP + STEP * len(rows)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 680 {high + 46}" font-family="sans-serif" font-size="12">',
        "<title>Share of planted intruders that were found, by kind</title>",
        f'<rect width="680" height="{high + 46}" fill="#fff"/>',
    ]
    for step in range(5):
        x = _x(step / 4)
        out.append(f'<path d="M{x:.1f} {TOP - 8}V{high}" stroke="#ddd"/>')
        out.append(f'<text x="{x:.1f}" y="{TOP - 14}" text-anchor="middle">{step * 25} %</text>')
    for place, one in enumerate(rows):
        out += _row(one, TOP + place * STEP)
    below = high + 22
    for x, colour, text in ((150, INTRUSION, "as intrusion"), (260, LEAD, "as lead only")):
        out.append(f'<rect x="{x}" y="{below - 11}" width="14" height="14" fill="{colour}"/>')
        out.append(f'<text x="{x + 20}" y="{below}">{text}</text>')
    out.append(f'<path d="M370 {below - 4}h20m-20 -4v8m20 -8v8" stroke="#222"/>')
    out.append(f'<text x="396" y="{below}">95 % interval</text>')
    out.append(f'<path d="M500 {below - 14}v20" stroke="{LOT}" stroke-width="2"/>')
    out.append(f'<text x="508" y="{below}">leads drawn by lot</text>')
    return "\n".join([*out, "</svg>"]) + "\n"


def _table(rows: Sequence[PowerRow]) -> str:
    lines = [
        "| kind | what it is | mailboxes | months | as intrusion | as intrusion or lead | by lot | rank | recorded |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for one in rows:
        shares = [
            f"{found} of {one.plantings} ({low:.0%} to {high:.0%})"
            for found, (low, high) in ((one.intrusions, one.intrusion_interval), (one.found, one.interval))
        ]
        rank = "-" if one.rank is None else one.rank
        cells = (one.kind, one.title, one.mailboxes, one.months, *shares, f"{one.by_chance:.0%}", rank)
        lines.append(f"| {' | '.join(map(str, cells))} | {one.recorded:.0%} |")
    return "\n".join(lines)


def page(power: Power, command: str, which: str) -> str:
    """Give the page.

    Args:
        power: what was found.
        command: how the page is made.
        which: in what it was planted.
    """
    return f"""# Would they have been found?

Made by `{command}`: {which}; {power.sessions:,} sessions, {power.accounts:,} accounts that could be planted on,
{power.budget} leads within the budget. What the columns mean is in [the manual](../docs/explanation/power.md).

{_table(power.rows)}

```
{power_chart(power)}```
"""


WORDS = ("scenario", "seed", "mailboxes", "months", "plantings")


def asked(about: str | None, scenario_name: str) -> argparse.Namespace:
    """Read the command line of a page about planted intruders.

    Args:
        about: what its help says.
        scenario_name: the world where none is named.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default=scenario_name)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mailboxes", type=int, default=60)
    parser.add_argument("--months", type=int, default=4)
    parser.add_argument("--plantings", type=int, default=10)
    parser.add_argument("--write", action="store_true", help="write the page and the manual's chart")
    return parser.parse_args()


@contextmanager
def case_of(arguments: argparse.Namespace) -> Iterator[Path]:
    """Give the case of the world that was asked for, until it is done with."""
    first = datetime(LAST.year - (arguments.months + 8) // 12, (3 - arguments.months) % 12 + 1, 1, tzinfo=UTC)
    with tempfile.TemporaryDirectory(prefix="dwell-power-") as made:
        folder = Path(made)
        plan = DrillPlan(arguments.seed, arguments.mailboxes, first, LAST, scenario(arguments.scenario))
        write_drill(folder / "evidence", folder / "truth.json", plan)
        api.ingest(folder / "case", [folder / "evidence"], workers=1)
        yield folder / "case"


def way_made(arguments: argparse.Namespace, script: str) -> tuple[str, str]:
    """Give the command that makes a page, and the world it is about."""
    command = f"python benchmarks/{script}.py {' '.join(f'--{one} {getattr(arguments, one)}' for one in WORDS)} --write"
    which = f"world `{arguments.scenario}`, {arguments.mailboxes} mailboxes over {arguments.months} months, "
    return command, f"{which}seed {arguments.seed}"


def main() -> int:
    """Plant, and print, or write, the table and the chart."""
    arguments = asked(__doc__, "default")
    with case_of(arguments) as case:
        power = api.power(case, plantings=arguments.plantings, workers=1)
    command, which = way_made(arguments, "power")
    text = page(power, command, f"{which}, {arguments.plantings} plantings of each kind")
    print(text)
    if arguments.write:
        PAGE.write_text(text, "utf-8")
        CHART.write_text(chart(power.rows), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
