"""Windows that slide over records: where the condition of a correlation holds, and the stretches these windows make.

A window ends at a record and holds the records of its group that lie no further back than the time span, both ends
included. A condition is put to the window of every record; windows that hold and overlap are one stretch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.engine.scratch import scratch
from dwell.hunt.correlations.plan import ORDERED, Correlation
from dwell.hunt.ruleset import Node

__all__ = ["EVENTS", "EVENTS_AT_ONCE", "Stretches", "stretches", "whole_runs"]

EVENTS_AT_ONCE = 1 << 17
"""Records of whole groups are put to a condition until there are so many; a group of more is put to it alone."""

EVENTS = pa.schema(
    [
        pa.field("origin", pa.int64(), nullable=False),
        pa.field("reference", pa.int64(), nullable=False),
        pa.field("t", pa.int64(), nullable=False),
        pa.field("value", pa.dictionary(pa.int32(), pa.string())),
        pa.field("team", pa.dictionary(pa.int32(), pa.string()), nullable=False),
    ]
)
"""What a correlation looks at: where it comes from, by which reference, when (microseconds since 1970), the value that is
counted or measured, and the values it is grouped by, in one text."""

_NUMBER = r"^[+-]?[0-9]{1,20}(\.[0-9]{1,30})?$"
_EXACT = "DECIMAL(38, 6)"
_WINDOWS = "w AS (PARTITION BY team ORDER BY t RANGE BETWEEN {span} PRECEDING AND CURRENT ROW)"
_OPERATORS = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">=", "eq": "=", "neq": "<>"}

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Stretches:
    """Where a condition holds.

    Attributes:
        teams: group of each stretch, as in the events.
        starts: first instant, microseconds since 1970.
        ends: last instant.
        metrics: the number that was held against the bound: the highest, or the lowest where the condition asks for few.
        moments: instants at which the condition came to hold, and the stretch each belongs to.
        members: pairs of a stretch and the origin of an event in it, sorted, each once.
    """

    teams: list[str]
    starts: Numbers
    ends: Numbers
    metrics: npt.NDArray[np.float64]
    moments: tuple[Numbers, Numbers]
    members: tuple[Numbers, Numbers]


def _metric(one: Correlation) -> str:
    """Give the number of a window as SQL."""
    match one.kind:
        case "event_count":
            return "count(*) OVER w"
        case "value_count":
            return "count(DISTINCT value) OVER w"
        case "value_sum":
            return "CAST(sum(number) OVER w AS DOUBLE)"
        case "value_avg":
            return "CAST(sum(number) OVER w AS DOUBLE) / count(number) OVER w"
        case "value_median":
            return "quantile_cont(CAST(number AS DOUBLE), 0.5) OVER w"
        case "value_percentile":
            return f"quantile_cont(CAST(number AS DOUBLE), {one.percentile / 100}) OVER w"
        case _:
            return "count(DISTINCT reference) OVER w"


def _holds(node: Node) -> str:
    """Give a condition over the rules that were met as SQL."""
    if node.op == "rule":
        return f"(count(*) FILTER (reference = {node.index}) OVER w > 0)"
    parts = [_holds(one) for one in node.children]
    return f"(NOT {parts[0]})" if node.op == "not" else "(" + f" {node.op.upper()} ".join(parts) + ")"


def _ordered(one: Correlation) -> str:
    """Give the query of rules met one after the other: the latest start of a chain that ends at each record.

    Step `s3` is the latest start of a chain of three rules; a rule can end it if enough come before it and after it.
    """
    count, least = len(one.references), one.least
    source = "event"
    for step in range(1, least + 1):
        ending = range(step - 1, count - least + step)
        before = (
            f"max(s{step - 1}) FILTER (WHERE reference < {{at}}) OVER "
            "(PARTITION BY team ORDER BY t RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
        )
        cases = [f"WHEN {at} THEN {before.format(at=at) if step > 1 else 't'}" for at in ending]
        source = f"(SELECT *, CASE reference {' '.join(cases)} END AS s{step} FROM {source})"  # noqa: S608 - numbers
    return (
        f"SELECT team, s{least} AS start, t, {least}::DOUBLE AS metric FROM {source} "  # noqa: S608 - numbers
        f"WHERE s{least} IS NOT NULL AND t - s{least} <= {one.span_us}"
    )


def _query(one: Correlation) -> str:
    """Give the query of the windows in which the condition holds."""
    if one.kind == ORDERED:
        return _ordered(one)
    inner = (
        f"SELECT team, t, min(t) OVER w AS start, CAST({_metric(one)} AS DOUBLE) AS metric, "  # noqa: S608 - numbers only
        f"{_holds(one.condition) if one.condition else 'true'} AS holds "
        f"FROM event WINDOW {_WINDOWS.format(span=one.span_us)}"
    )
    bounds = () if one.condition else one.bounds
    held = " AND ".join(["holds", *(f"metric {_OPERATORS[name]} {bound!r}" for name, bound in bounds)])
    return f"SELECT team, start, t, metric FROM ({inner}) WHERE {held}"  # noqa: S608 - numbers only


def stretches(one: Correlation, events: pa.Table) -> Stretches:
    """Find where the condition of a correlation holds: some groups at a time, so that memory does not grow with all.

    Args:
        one: the correlation.
        events: rows in `EVENTS`. Where values are counted or measured, those without one are left out before.
    """
    teams = events["team"].unify_dictionaries().combine_chunks()
    # groups come in the order of their texts, as the database has them
    ranks = pc.rank(teams.dictionary, tiebreaker="first").to_numpy().astype(np.int64)[teams.indices.to_numpy()] - 1
    order = np.argsort(ranks, kind="stable")
    events = events.unify_dictionaries().combine_chunks()
    found = [
        _stretches(one, _plain(events.take(pa.array(order[some])))) for some in whole_runs(ranks[order], EVENTS_AT_ONCE)
    ]
    if len(found) == 1:
        return found[0]
    none = np.zeros(0, np.int64)
    firsts = np.cumsum([0, *(len(part.ends) for part in found)])[:-1].tolist()
    return Stretches(
        [team for part in found for team in part.teams],
        np.concatenate([none, *(part.starts for part in found)]),
        np.concatenate([none, *(part.ends for part in found)]),
        np.concatenate([np.zeros(0), *(part.metrics for part in found)]),
        _numbered([part.moments[::-1] for part in found], firsts)[::-1],
        _numbered([part.members for part in found], firsts),
    )


def _plain(events: pa.Table) -> pa.Table:
    """Give events with the texts of each written out."""
    for name in ("value", "team"):
        events = events.set_column(events.column_names.index(name), name, events[name].cast(pa.string()))
    return events


def _numbered(parts: Sequence[tuple[Numbers, ...]], firsts: Sequence[int]) -> tuple[Numbers, Numbers]:
    """Put pairs of a stretch and a number together, stretches numbered on from part to part."""
    none = np.zeros(0, np.int64)
    whose = [part[0] + first for part, first in zip(parts, firsts, strict=True)]
    return np.concatenate([none, *whose]), np.concatenate([none, *(part[1] for part in parts)])


def whole_runs(numbers: Numbers, most: int) -> Iterator[slice]:
    """Cut ascending numbers where one gives way to the next, into pieces of about so many, a longer run alone."""
    ends = np.append(np.flatnonzero(np.diff(numbers)) + 1, len(numbers)) if len(numbers) else np.zeros(0, np.int64)
    start = 0
    while start < len(numbers):
        fitting = int(np.searchsorted(ends, start + most, side="right")) - 1
        end = int(ends[fitting]) if fitting >= 0 and ends[fitting] > start else int(ends[fitting + 1])
        yield slice(start, end)
        start = end


def _stretches(one: Correlation, events: pa.Table) -> Stretches:
    """Find where the condition holds in some groups."""
    with scratch() as link:
        link.register("given", events)
        link.execute(
            f"CREATE TABLE event AS SELECT *, TRY_CAST(value AS {_EXACT}) AS number FROM given "  # noqa: S608 - ours
            f"WHERE {_measured(one)}"
        )
        order = "ORDER BY team, t, start"
        found: pa.Table = link.sql(f"{_query(one)} {order}").to_arrow_table()
        parts = _united(found, few=one.asks_for_few)
        spans = pa.table(
            {
                "stretch": pa.array(np.arange(len(parts[1]))),
                "team": pa.array(parts[0], pa.string()),
                "start": pa.array(parts[1]),
                "stop": pa.array(parts[2]),
            }
        )
        link.register("span", spans)
        pairs: pa.Table = link.sql(
            "SELECT DISTINCT span.stretch, event.origin FROM span JOIN event ON event.team = span.team "
            "AND event.t BETWEEN span.start AND span.stop ORDER BY ALL"
        ).to_arrow_table()
    members = (_numbers(pairs["stretch"]), _numbers(pairs["origin"]))
    return Stretches(*parts, members)


def _measured(one: Correlation) -> str:
    """Give which events count, as SQL: where numbers are measured, those that are numbers."""
    if one.kind in {"value_sum", "value_avg", "value_median", "value_percentile"}:
        return f"regexp_matches(value, '{_NUMBER}') AND number IS NOT NULL"
    return "value IS NOT NULL" if one.kind == "value_count" else "true"


def _numbers(column: pa.ChunkedArray) -> Numbers:
    out: Numbers = column.to_numpy().astype(np.int64)
    return out


def _united(
    found: pa.Table, *, few: bool
) -> tuple[list[str], Numbers, Numbers, npt.NDArray[np.float64], tuple[Numbers, Numbers]]:
    """Unite windows of a group that overlap; they come in the order of group and end."""
    count = found.num_rows
    ends, starts = _numbers(found["t"]), _numbers(found["start"])
    metrics = found["metric"].to_numpy().astype(np.float64)
    teams = found["team"].combine_chunks()
    changed = np.ones(count, np.bool_)
    if count > 1:
        codes = teams.dictionary_encode().indices.to_numpy(zero_copy_only=False)
        changed[1:] = (codes[1:] != codes[:-1]) | (starts[1:] > ends[:-1])
    first = np.flatnonzero(changed)
    if not count:
        none = np.zeros(0, np.int64)
        return [], none, none, np.zeros(0), (none, none)
    which = np.cumsum(changed) - 1
    last = np.append(first[1:], count) - 1
    extreme = np.minimum if few else np.maximum
    moments = np.unique(np.stack([which, ends]), axis=1)
    return (
        teams.take(pa.array(first)).to_pylist(),
        np.minimum.reduceat(starts, first),
        ends[last],
        extreme.reduceat(metrics, first),
        (moments[1], moments[0]),
    )
