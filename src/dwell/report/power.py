"""What planting intruders in a case gave: as text, as CSV and as rows for JSON."""

from __future__ import annotations

from dwell.model.power import Power, PowerRow
from dwell.report.text import aligned
from dwell.safe.jsontext import Json
from dwell.safe.sheet import csv_text
from dwell.safe.terminal import terminal_limited

__all__ = ["power_chart", "power_csv", "power_rows", "power_text"]

TOLD_MAX = 400
BAR = 40
"""Characters from 0 to 100 %."""
COLUMNS = (
    "kind", "title", "plantings", "mailboxes", "months", "found", "found_share", "found_low", "found_high",
    "intrusions", "intrusions_low", "intrusions_high", "mailboxes_share", "lead_rank", "lead_by_chance", "recorded",
)  # fmt: skip
HEAD = (
    "kind",
    "mailboxes",
    "months",
    "as intrusion",
    "as intrusion or lead",
    "by lot",
    "rank",
    "recorded",
    "what it is",
)
NOTE = """\
95 % intervals after Wilson. "By lot" is how often there would be a lead if leads were drawn by lot: a share that is no
larger says nothing. "Rank" is the middle rank of the first lead; "recorded", the share of planted sessions that the logs
held would have shown. Nobody is planted on more than a quarter of the accounts: of whoever reads more the table says
nothing. Planted sessions are made up; a share is no promise for a real intruder.
"""


LEGEND = """\
"#" found as intrusion, "+" as lead only; "." is the 95 % interval of both together, beyond the bar to its upper end; "|" is
how often there would be a lead by lot: a bar that does not pass it says nothing.
"""


def power_row(one: PowerRow) -> dict[str, Json]:
    """Give one kind as a row."""
    low, high = one.interval
    first, last = one.intrusion_interval
    return {
        "kind": one.kind,
        "title": one.title,
        "plantings": one.plantings,
        "mailboxes": one.mailboxes,
        "months": one.months,
        "found": one.found,
        "found_share": one.share,
        "found_low": low,
        "found_high": high,
        "intrusions": one.intrusions,
        "intrusions_low": first,
        "intrusions_high": last,
        "mailboxes_share": one.mailboxes_share,
        "lead_rank": one.rank,
        "lead_by_chance": one.by_chance,
        "recorded": one.recorded,
    }


def power_rows(power: Power) -> list[dict[str, Json]]:
    """Give the kinds as rows."""
    return [power_row(one) for one in power.rows]


def power_csv(power: Power) -> str:
    """Give the kinds as CSV."""
    rows = power_rows(power)
    return csv_text(COLUMNS, ([None if row[name] is None else str(row[name]) for name in COLUMNS] for row in rows))


def _share(found: int, tried: int, interval: tuple[float, float]) -> str:
    return f"{found} of {tried} ({interval[0]:.0%} to {interval[1]:.0%})" if tried else "not planted"


def _said(power: Power) -> str:
    """Say what a person says by which the figures were made; nothing where nobody said anything."""
    vips = f"Each planting is on at least one of {power.vips:,} VIPs.\n" if power.vips else ""
    return "".join(f"Judged with {terminal_limited(one, TOLD_MAX)}.\n" for one in power.rests) + vips


def _bar(one: PowerRow) -> str:
    """Give the bar of a kind that was planted."""
    intrusions, found = (round(BAR * share / one.plantings) for share in (one.intrusions, one.found))
    high = round(BAR * one.interval[1])
    bar = list("#" * intrusions + "+" * (found - intrusions) + "." * (high - found) + " " * (BAR - high))
    bar[min(BAR - 1, int(BAR * one.by_chance))] = "|"
    return "".join(bar)


def power_chart(power: Power) -> str:
    """Give the shares found as a chart of bars, a line for each kind."""
    width = max((len(one.kind) for one in power.rows), default=0)
    ruler = f"{'0 %':<10}{'25 %':<10}{'50 %':<10}{'75 %':<7}100 %"
    lines = [f"{'':{width}}  {ruler}"]
    for one in power.rows:
        low, high = one.interval
        told = f"{one.found / one.plantings:.0%} ({low:.0%} to {high:.0%})" if one.plantings else "not planted"
        bar = _bar(one) if one.plantings else " " * BAR
        lines.append(f"{one.kind:{width}} [{bar}] {told}")
    return "\n".join([*lines, ""]) + LEGEND


def power_text(power: Power) -> str:
    """Give the kinds as an aligned table, with what the columns mean, and as a chart."""
    rows = [
        (
            one.kind,
            str(one.mailboxes),
            str(one.months),
            _share(one.intrusions, one.plantings, one.intrusion_interval),
            _share(one.found, one.plantings, one.interval),
            f"{one.by_chance:.0%}",
            "-" if one.rank is None else str(one.rank),
            f"{one.recorded:.0%}",
            one.title,
        )
        for one in power.rows
    ]
    head = (
        f"Planted in {power.sessions:,} sessions of this case, on {power.accounts:,} accounts; {power.budget} leads within "
        f"the budget.\n{_said(power)}\n"
    )
    return f"{head}{aligned(HEAD, rows)}\n{NOTE}\n{power_chart(power)}"
