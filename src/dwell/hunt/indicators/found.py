"""What became of indicators after a hunt: kind by kind, and where those that were met are named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.hunt.indicators.gathering import Indicators, kind_spans
from dwell.hunt.indicators.indicator import IN_PART, NO_TIME, indicator_id
from dwell.hunt.indicators.places import FAMILY, tables_of
from dwell.model.claims import RuleOutcome, RuleStatus
from dwell.model.indicators import IndicatorMet, Naming
from dwell.model.instants import utc_from_us

__all__ = ["MENTIONS_SHOWN", "indicator_outcomes", "indicators_met", "kinds_met", "mentions_met"]

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
    for kind, first, end in kind_spans(listed.table):
        family = FAMILY.get(kind, kind)
        number = int(np.diff(np.searchsorted(listed.starts, [first, end]))[0])
        sources = pc.unique(listed.table["source"].slice(first, end - first)).to_pylist()
        files = sum(family in one for one in seen)
        reasons = [] if files else [f"nothing held can show it; it is looked for in {', '.join(tables_of(family))}"]
        hostless = sum("url-without-host" in one for one in seen)
        if kind == "url" and hostless:
            reasons.append(
                f"in {hostless} stretches of the records requests have no host, so no URL can be met there by its "
                "path; give the path as an indicator of its own"
            )
        status = RuleStatus.BLIND if not files else RuleStatus.PARTLY_BLIND if reasons else RuleStatus.RAN
        title = f"{number:,} of the kind {kind}"
        out.append(
            RuleOutcome(
                f"indicator:{kind}",
                title,
                ", ".join(sorted(sources))[:_SOURCES_MAX],
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


def mentions_met(listed: Indicators, hits: pa.Table) -> dict[str, tuple[Naming, ...]]:
    """Give where each indicator that was met is named, by the id that its hits carry."""
    mine = hits.filter(pc.equal(hits["kind"], "indicator"))
    names = sorted(pc.unique(mine["rule_id"]).to_pylist())
    # where very many are met, some hits are told by the kind alone
    wanted = {name: name.split(":", 2)[1:] for name in names if name.count(":") > 1}
    values = pa.array(sorted({value for _, value in wanted.values()}), pa.string())
    told: dict[str, list[Naming]] = {}
    table = listed.table
    for row in table.filter(pc.is_in(table["value"], value_set=values)).to_pylist():
        namings = told.setdefault(indicator_id(row["kind"], row["value"]), [])
        if len(namings) < MENTIONS_SHOWN:
            said = {name: row[name] for name in ("source", "place", "written", "label", "tlp")}
            namings.append(Naming(valid_from=_instant(row["from_us"]), valid_until=_instant(row["until_us"]), **said))
    return {
        name: tuple(told.get(indicator_id(kind.removesuffix(IN_PART), value), ()))
        for name, (kind, value) in wanted.items()
    }


def _instant(us: int | None) -> datetime | None:
    """Give an instant; None for none, and for one beyond the years that can be written."""
    if us is None or us == NO_TIME:
        return None
    return utc_from_us(us)


def indicators_met(
    hits: pa.Table, mentions: Mapping[str, tuple[Naming, ...]], warnings: Mapping[str, tuple[str, ...]]
) -> tuple[IndicatorMet, ...]:
    """Fold the hits of indicators, one row each: first those that no warning list holds, then by number.

    Args:
        hits: rows in `dwell.hunt.hits.HITS`.
        mentions: where each is named.
        warnings: the warning lists that each is on.
    """
    mine = hits.filter(pc.equal(hits["kind"], "indicator"))
    plain = mine.select(["rule_id", "title", "window", "table", "count"])
    for name in ("first_utc", "last_utc"):
        plain = plain.append_column(name, mine[name].cast(pa.int64()))
    folded = plain.group_by(["rule_id", "title", "window", "table"], use_threads=False).aggregate(
        [("count", "sum"), ("first_utc", "min"), ("last_utc", "max")]
    )
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in folded.to_pylist():
        rows.setdefault(row["rule_id"], []).append(row)
    out = []
    for name, ones in rows.items():
        windows: dict[str, int] = {}
        for one in ones:
            windows[one["window"]] = windows.get(one["window"], 0) + one["count_sum"]
        out.append(
            IndicatorMet(
                name,
                min(one["title"] for one in ones),
                sum(windows.values()),
                tuple(sorted(windows.items())),
                tuple(sorted({one["table"] for one in ones})),
                _instant(min((at for one in ones if (at := one["first_utc_min"]) is not None), default=None)),
                _instant(max((at for one in ones if (at := one["last_utc_max"]) is not None), default=None)),
                mentions.get(name, ()),
                warnings.get(name, ()),
            )
        )
    return tuple(sorted(out, key=lambda one: (bool(one.warning_lists), -one.records, one.id)))
