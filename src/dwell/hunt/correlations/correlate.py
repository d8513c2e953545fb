"""Correlations worked out over the records that rules met: each after those it rests on, hits and outcomes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.engine.scratch import scratch
from dwell.hunt.correlations.plan import Correlation, Reference
from dwell.hunt.correlations.rows import field_column, together
from dwell.hunt.correlations.windows import EVENTS, EVENTS_AT_ONCE, Stretches, stretches, whole_runs
from dwell.hunt.hits import HITS, NO_HITS, REFS_MAX, TEXT_CHARS_MAX

__all__ = ["MATCHES_MAX", "Correlated", "Left", "correlated"]

MATCHES_MAX = 20_000
"""Matches of one correlation that are shown, the earliest first; the number of all is told."""
_MARK, _MARKED, _BETWEEN = "\x1f", "\x1f0", "\x1f1"
"""Between the values of a group; a value that holds the mark has it written otherwise, so that no two groups read alike."""

_SHOWN = ("table", "evidence_id", "record_no", "time_utc", "host", "client", "account")
"""What is told of the records that a match rests on."""

Numbers = npt.NDArray[np.int64]


@dataclass(slots=True)
class Left:
    """What a correlation could not look at.

    Attributes:
        seen: records and inner matches that it was given.
        lost: those left out, by what they lack.
        by_reference: seen and looked at, for each reference.
        cut: matches that are not shown.
    """

    seen: int = 0
    lost: dict[str, int] = field(default_factory=dict)
    by_reference: list[tuple[int, int]] = field(default_factory=list)
    cut: int = 0

    def lose(self, what: str, count: int) -> None:
        """Note what is left out."""
        if count:
            self.lost[what] = self.lost.get(what, 0) + count


@dataclass(frozen=True, slots=True)
class Correlated:
    """What correlations yield.

    Attributes:
        hits: rows in `HITS`, one per match and table.
        left: what each could not look at, by its id.
    """

    hits: pa.Table
    left: Mapping[str, Left]


@dataclass(frozen=True, slots=True)
class _Matches:
    """Matches of one correlation.

    Attributes:
        found: the stretches, whose members are rows of the records.
        values: per group-by field, the value of each stretch as it was first written.
        asked: per field that others ask for beside these, what it is called in the records of each rule.
    """

    found: Stretches
    values: Mapping[str, list[str]]
    asked: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class _Events:
    """What one reference gives to a correlation.

    Attributes:
        t: instants, microseconds since 1970.
        columns: the fields asked for, by the correlation's name of them.
        origins: a name for each event that leads to its records.
    """

    t: pa.Array
    columns: Mapping[str, pa.Array]
    origins: Numbers


class _Work:
    """Correlations being worked out."""

    def __init__(self, records: pa.Table) -> None:
        """Take records as `together` gives them."""
        self.records = records
        column = records["rule_id"].combine_chunks()
        codes = column.indices.to_numpy(zero_copy_only=False)
        names = column.dictionary.to_pylist()
        self._rules = (codes, names)
        order = np.argsort(codes, kind="stable").astype(np.int64)
        bounds = np.searchsorted(codes[order], np.arange(len(names) + 1))
        self._rows = {one: order[bounds[at] : bounds[at + 1]] for at, one in enumerate(names)}
        self._matches: dict[str, _Matches] = {}
        # every event has a name: records come first, then the matches of one correlation after the other
        self._named = records.num_rows
        self._members: list[tuple[int, Stretches]] = []
        self._first: dict[str, int] = {}

    def events(self, reference: Reference, *, moments: bool) -> _Events:
        """Give what a reference stands for."""
        if reference.rule_id in self._matches:
            return self._inner(reference, moments=moments)
        rows = self._rows.get(reference.rule_id, np.zeros(0, np.int64))
        columns = {
            name: self.records[field_column(one)].take(pa.array(rows)).combine_chunks()
            for name, one in sorted(reference.fields.items())
        }
        times = self.records["time_utc"].take(pa.array(rows)).combine_chunks().cast(pa.int64())
        return _Events(times, columns, rows)

    def _inner(self, reference: Reference, *, moments: bool) -> _Events:
        """Give the matches of another correlation: every moment it came to hold, or each match once, at its end."""
        inner = self._matches[reference.rule_id]
        if any(one in inner.asked for one in reference.fields.values()):
            return self._by_record(reference, inner, moments=moments)
        t, which = inner.found.moments if moments else (inner.found.ends, np.arange(len(inner.found.ends)))
        columns = {
            name: pa.array(inner.values[one], pa.string()).take(pa.array(which)).dictionary_encode()
            for name, one in sorted(reference.fields.items())
        }
        return _Events(pa.array(t), columns, which + self._first[reference.rule_id])

    def _by_record(self, reference: Reference, inner: _Matches, *, moments: bool) -> _Events:
        """Give the matches of another correlation by what their records hold: each value once for a match and instant."""
        which, rows = inner.found.members
        t = _joining(inner.found, which, self._instants(rows)) if moments else inner.found.ends[which]
        columns = {
            name: self._held(rows, inner.asked[one])
            if one in inner.asked
            else pa.array(inner.values[one], pa.string()).take(pa.array(which))
            for name, one in sorted(reference.fields.items())
        }
        alike = {f"f{at}": pc.utf8_lower(columns[name]) for at, name in enumerate(columns)}
        table = pa.table({"which": which, "t": t, **alike, "place": np.arange(len(which))})
        firsts = table.group_by(["which", "t", *alike], use_threads=False).aggregate([("place", "min")])["place_min"]
        chosen = np.sort(firsts.to_numpy())
        kept = {name: column.take(pa.array(chosen)).dictionary_encode() for name, column in columns.items()}
        return _Events(pa.array(t[chosen]), kept, which[chosen] + self._first[reference.rule_id])

    def _instants(self, rows: Numbers) -> Numbers:
        """Give when records were, microseconds since 1970; all of them have a time."""
        found: Numbers = self.records["time_utc"].take(pa.array(rows)).cast(pa.int64()).to_numpy()
        return found

    def _held(self, rows: Numbers, called: Mapping[str, str]) -> pa.Array:
        """Give what records hold in a field that each rule has its own name for."""
        codes, names = self._rules
        places, texts = [np.zeros(0, np.int64)], [pa.array([], pa.string())]
        for at, name in enumerate(names):
            mine = np.flatnonzero(codes[rows] == at)
            if name in called and len(mine):
                held = self.records[field_column(called[name])].take(pa.array(rows[mine])).combine_chunks()
                places.append(mine)
                texts.append(held.cast(pa.string()))
        given = np.concatenate(places)
        back = np.full(len(rows), -1, np.int64)
        back[given] = np.arange(len(given))
        return pa.concat_arrays(texts).take(pa.array(back, mask=back < 0))

    def add(self, one: Correlation, left: Left) -> None:
        """Work out one correlation."""
        parts, spelt = [], []
        for index, reference in enumerate(one.references):
            events = self.events(reference, moments=one.is_temporal)
            kept = _kept(one, events, left)
            left.seen += len(events.origins)
            left.by_reference.append((len(events.origins), len(kept)))
            parts.append(_table(one, index, events, kept))
            spelt.append(pa.table({name: events.columns[name].take(pa.array(kept)) for name in one.group_by}))
        events_table = pa.concat_tables(parts)
        found = stretches(one, events_table)
        self._matches[one.info.id] = _Matches(self._resolved(found), _spelt(one, found, events_table, spelt), one.asked)
        self._first[one.info.id] = self._named
        self._members.append((self._named, self._matches[one.info.id].found))
        self._named += len(found.ends)

    def _resolved(self, found: Stretches) -> Stretches:
        """Lead the members of stretches back to records."""
        which, origins = found.members
        own = origins < self.records.num_rows
        stretch, rows = [which[own]], [origins[own]]
        for first, inner in self._members:
            mine = (origins >= first) & (origins < first + len(inner.ends))
            if not mine.any():
                continue
            starts = np.searchsorted(inner.members[0], np.arange(len(inner.ends) + 1))
            chosen = origins[mine] - first
            counts = starts[chosen + 1] - starts[chosen]
            offsets = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
            stretch.append(np.repeat(which[mine], counts))
            rows.append(inner.members[1][np.repeat(starts[chosen], counts) + offsets])
        pairs = np.unique(np.stack([np.concatenate(stretch), np.concatenate(rows)]), axis=1).astype(np.int64)
        return Stretches(found.teams, found.starts, found.ends, found.metrics, found.moments, (pairs[0], pairs[1]))

    def hits(self, one: Correlation, left: Left) -> pa.Table:
        """Give the matches of a correlation as hits."""
        matches = self._matches[one.info.id]
        count = len(matches.found.ends)
        order = np.lexsort((np.arange(count), matches.found.starts))[:MATCHES_MAX]
        left.cut = max(count - MATCHES_MAX, 0)
        return _hits(one, matches, np.sort(order), self.records)


def _joining(found: Stretches, which: Numbers, instants: Numbers) -> Numbers:
    """Give when each record of a stretch first became part of a match: the first moment at or after it."""
    moments, owners = found.moments
    count = len(which)
    kinds = np.concatenate([np.zeros(count, np.int64), np.ones(len(moments), np.int64)])
    whole = np.concatenate([instants, moments])
    order = np.lexsort((kinds, whole, np.concatenate([which, owners])))
    # read from the end, the moment last passed is the next one in time
    at = np.where(kinds[order] == 1, np.arange(len(order)), len(order))
    following = np.minimum.accumulate(at[::-1])[::-1]
    out = np.zeros(count, np.int64)
    ours = order < count
    out[order[ours]] = whole[order[following[ours]]]
    return out


def _kept(one: Correlation, events: _Events, left: Left) -> Numbers:
    """Give the events that have a time and every field that is asked for; note the others."""
    keep = events.t.is_valid()
    left.lose("time", pc.sum(pc.invert(keep)).as_py() or 0)
    for name in dict.fromkeys((*one.group_by, *one.values)):
        without = pc.and_(keep, events.columns[name].is_null())
        left.lose(f"'{name}'", pc.sum(without).as_py() or 0)
        keep = pc.and_(keep, events.columns[name].is_valid())
    rows: Numbers = np.flatnonzero(keep.to_numpy(zero_copy_only=False)).astype(np.int64)
    return rows


def _joined(events: _Events, names: Sequence[str], kept: Numbers, *, fold: bool) -> pa.DictionaryArray:
    """Give what events hold in some fields as one text, each distinct text once."""
    held = [events.columns[name].take(pa.array(kept)) for name in names]
    held = [_lowered(one) for one in held] if fold else held
    if len(held) == 1:
        return held[0]
    texts = [pc.replace_substring(one.cast(pa.string()), _MARK, _MARKED) for one in held]
    joined = pc.binary_join_element_wise(*texts, _BETWEEN) if texts else pa.repeat("", len(kept))
    return joined.dictionary_encode()


def _lowered(coded: pa.DictionaryArray) -> pa.DictionaryArray:
    """Give texts in lower case."""
    lower = pc.utf8_lower(coded.dictionary).dictionary_encode()
    return pa.DictionaryArray.from_arrays(lower.indices.take(coded.indices), lower.dictionary)


def _table(one: Correlation, index: int, events: _Events, kept: Numbers) -> pa.Table:
    columns = {
        "origin": pa.array(events.origins[kept]),
        "reference": pa.array(np.full(len(kept), index, np.int64)),
        "t": events.t.take(pa.array(kept)),
        "value": _joined(events, one.values, kept, fold=one.kind == "value_count"),
        "team": _joined(events, one.group_by, kept, fold=True),
    }
    return pa.table([columns[name] for name in EVENTS.names], schema=EVENTS)


def _spelt(one: Correlation, found: Stretches, events: pa.Table, parts: Sequence[pa.Table]) -> dict[str, list[str]]:
    """Give the values of each group as the first of its records wrote them."""
    if not one.group_by:
        return {}
    written = pa.concat_tables(parts)
    teams = events["team"].unify_dictionaries().combine_chunks()
    codes = teams.indices.to_numpy(zero_copy_only=False)
    order = np.lexsort((*(events[name].to_numpy() for name in ("origin", "reference", "t")), codes))
    known, first = np.unique(codes[order], return_index=True)
    asked = pc.index_in(pa.array(found.teams, pa.string()), value_set=teams.dictionary).to_numpy()
    rows = pa.array(order[first[np.searchsorted(known, asked)]])
    return {name: written[name].take(rows).to_pylist() for name in one.group_by}


_ROWS = f"""
WITH met AS (
    SELECT stretch, "table" AS tbl, evidence_id, record_no, min(time_utc) AS instant, min(host) AS host,
        min(client) AS client, min(account) AS account
    FROM pair JOIN record USING (place) GROUP BY ALL
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY stretch, tbl ORDER BY instant, evidence_id, record_no) AS rank FROM met
)
SELECT stretch, tbl AS "table", count(*) AS count, min(instant) AS first_utc, max(instant) AS last_utc,
    CASE WHEN count(DISTINCT host) = 1 AND count(host) = count(*) THEN min(host) END AS host,
    CASE WHEN count(DISTINCT client) = 1 AND count(client) = count(*) THEN min(client) END AS client,
    CASE WHEN count(DISTINCT account) = 1 AND count(account) = count(*) THEN min(account) END AS account,
    min(evidence_id) FILTER (rank = 1) AS evidence_id, min(record_no) FILTER (rank = 1) AS record_no,
    list({{'evidence_id': evidence_id, 'record_no': record_no}} ORDER BY rank) FILTER (rank <= {REFS_MAX}) AS refs
FROM ranked GROUP BY ALL ORDER BY ALL
"""  # noqa: S608 - a number of ours


def _hits(one: Correlation, matches: _Matches, chosen: Numbers, records: pa.Table) -> pa.Table:
    """Give hits: one row per match and table, that refers to the records it rests on."""
    stretch, rows = matches.found.members
    keep = np.isin(stretch, chosen)
    if not keep.any():
        return NO_HITS
    stretch, rows = stretch[keep], rows[keep]
    found = pa.concat_tables(_rows(stretch[some], rows[some], records) for some in whole_runs(stretch, EVENTS_AT_ONCE))
    told = [_told(one, matches, at) for at in found["stretch"].to_pylist()]
    info = one.info
    fixed = {"rule_id": info.id, "kind": "rule", "title": info.title, "level": info.level, "window": None}
    columns = {name: pa.array([text] * found.num_rows, pa.string()) for name, text in fixed.items()}
    columns["matched"] = pa.array(told, pa.list_(pa.string()))
    columns["status"] = pa.nulls(found.num_rows, pa.int32())
    for name in HITS.names:
        if name not in columns:
            columns[name] = found[name].combine_chunks().cast(HITS.field(name).type)
    return pa.table([columns[name] for name in HITS.names], schema=HITS)


def _rows(stretch: Numbers, rows: Numbers, records: pa.Table) -> pa.Table:
    """Give what is told of some stretches, in their order."""
    needed = np.unique(rows)
    part = records.select(_SHOWN).take(pa.array(needed))
    with scratch() as link:
        link.register("pair", pa.table({"stretch": stretch, "place": rows}))
        link.register("record", part.append_column("place", pa.array(needed)))
        return link.sql(_ROWS).to_arrow_table()


def _told(one: Correlation, matches: _Matches, at: int) -> list[str]:
    """Give what a match is about: its group, and the number that was held against the bound."""
    group = [f"{name}={matches.values[name][at][:TEXT_CHARS_MAX]}" for name in one.group_by]
    number = float(matches.found.metrics[at])
    shown = str(int(number)) if number.is_integer() else repr(number)
    named = f"({', '.join(one.values)})" if one.values else ""
    return [*group, f"{one.kind}{named}={shown}"]


def correlated(correlations: Sequence[Correlation], records: Iterable[pa.Table]) -> Correlated:
    """Work out correlations.

    Args:
        correlations: each after those it rests on.
        records: rows in `dwell.hunt.records.RECORDS`, of all data files, some after the other.
    """
    work = _Work(together(correlations, records))
    left: dict[str, Left] = {}
    parts = [NO_HITS]
    for one in correlations:
        left[one.info.id] = Left()
        work.add(one, left[one.info.id])
        parts.append(work.hits(one, left[one.info.id]))
    return Correlated(pa.concat_tables(parts), left)
