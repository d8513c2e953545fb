"""What became of indicators after a hunt: kind by kind, and where those that were met are named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from dwell.hunt.indicators.gathering import Indicator, Indicators
from dwell.hunt.indicators.indicator import IN_PART, NO_TIME, indicator_id
from dwell.hunt.indicators.places import FAMILY, tables_of
from dwell.model.claims import RuleOutcome, RuleStatus

__all__ = ["MENTIONS_SHOWN", "indicator_outcomes", "kinds_met", "mentions_met"]

MENTIONS_SHOWN = 20
"""Of one indicator so many mentions are told; more are no news."""
_SOURCES_MAX = 500


def kinds_met(totals: Mapping[str, int]) -> dict[str, int]:
    """Give records met by kind of indicator, out of records met by rule id."""
    out: dict[str, int] = {}
    for name, number in totals.items():
        if name.startswith("indicator:"):
            kind = name.split(":", 2)[1].removesuffix(IN_PART)
            out[kind] = out.get(kind, 0) + number
    return out


def _sources(table: pa.Table) -> str:
    return ", ".join(sorted(pc.unique(table["source"]).to_pylist()))[:_SOURCES_MAX]


def indicator_outcomes(
    listed: Indicators, seen: Sequence[Sequence[str]], met: Mapping[str, int]
) -> tuple[RuleOutcome, ...]:
    """Give one outcome per kind of indicator, and one for each thing that lists hold and that is not looked for.

    Args:
        listed: the indicators.
        seen: kinds that each data file could have shown.
        met: records met, by kind.
    """
    out = []
    heads = listed.table.take(pa.array(listed.starts))
    for kind in sorted(pc.unique(heads["kind"]).to_pylist()):
        family = FAMILY.get(kind, kind)
        mine = heads.filter(pc.equal(heads["kind"], kind))
        files = sum(family in one for one in seen)
        reasons = [] if files else [f"nothing held can show it; it is looked for in {', '.join(tables_of(family))}"]
        hostless = sum("url-without-host" in one for one in seen)
        if kind == "url" and hostless:
            reasons.append(
                f"in {hostless} stretches of the records requests have no host, so no URL can be met there by its "
                "path; give the path as an indicator of its own"
            )
        status = RuleStatus.BLIND if not files else RuleStatus.PARTLY_BLIND if reasons else RuleStatus.RAN
        title = f"{mine.num_rows} indicators of the kind {kind}"
        out.append(
            RuleOutcome(
                f"indicator:{kind}",
                title,
                _sources(mine),
                "",
                "",
                status,
                "; ".join(reasons),
                files,
                0,
                met.get(kind, 0),
            )
        )
    return (*out, *listed.outcomes())


def mentions_met(listed: Indicators, hits: pa.Table) -> dict[str, tuple[Indicator, ...]]:
    """Give where each indicator that was met is named, by the id that its hits carry."""
    mine = hits.filter(pc.equal(hits["kind"], "indicator"))
    names = sorted(pc.unique(mine["rule_id"]).to_pylist())
    table = listed.table
    wanted = {name: name.split(":", 2)[1:] for name in names}
    values = pa.array(sorted({value for _, value in wanted.values()}), pa.string())
    told: dict[str, list[Indicator]] = {}
    for row in table.filter(pc.is_in(table["value"], value_set=values)).to_pylist():
        mentions = told.setdefault(indicator_id(row["kind"], row["value"]), [])
        if len(mentions) < MENTIONS_SHOWN:
            ends = {end: None if row[end] == NO_TIME else row[end] for end in ("from_us", "until_us")}
            mentions.append(Indicator(**(row | ends)))
    return {
        name: tuple(told.get(indicator_id(kind.removesuffix(IN_PART), value), ()))
        for name, (kind, value) in wanted.items()
    }
