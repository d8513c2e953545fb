"""Hits of all data files held to what a person can look at and memory can hold.

A list of indicators that half of all lines meet gives a row for nearly each of them. Beyond `ROWS_MAX` rows or `BYTES_MAX`
bytes those rules and indicators that take most are told more coarsely, and the table says so in what matched: first they
are told apart by host, client, account and status only, over all files together, then by host alone; of very many
indicators the rest is told by its kind. Their numbers, their first and last instants and their first records stay; what
they met stays in the records.

What is told more coarsely depends on the hits alone, never on what was kept before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.engine.scratch import scratch
from dwell.hunt.hits import HITS, MANY, NO_HITS, OTHERS, REF_BYTES, REFS_MAX, ROW_BYTES, combined
from dwell.hunt.ordering import concat, weights
from dwell.hunt.patterns import Indices
from dwell.hunt.words import Truth

__all__ = ["BYTES_MAX", "ROWS_MAX", "Bounded", "bounded"]

ROWS_MAX = 500_000
BYTES_MAX = 1 << 28
"""What hits may come to before some are told more coarsely."""
_ROW_MAX = ROW_BYTES + REF_BYTES * REFS_MAX + 256
"""What a row that is told more coarsely takes at most, a long title apart."""
_HASHES_MAX = 1 << 22
"""So many rows are looked at to see how many would be left; of more, each so many-th."""
_WHO = ("client", "account", "status")
_APART = ("rule_id", "kind", "title", "level", "window", "table", "host", *_WHO)
_AT_ONCE = 1 << 17
"""So many rows are folded at once."""
_COUNTED_MAX = 1 << 20
"""So many rules and indicators of some parts are counted before those of all parts are put together."""
_INDICATOR = "indicator:"
_COUNTED = pa.schema([("rule_id", pa.string()), ("rows", pa.int64()), ("bytes", pa.int64())])

Parts = Callable[[], Iterable[pa.Table]]


@dataclass(frozen=True, slots=True)
class Bounded:
    """Hits, as far as they are told.

    Attributes:
        hits: rows in `dwell.hunt.hits.HITS`, in an order that leaves no tie.
        coarse: rules and indicators that are told more coarsely, by id.
    """

    hits: pa.Table
    coarse: tuple[str, ...] = ()


def bounded(parts: Iterable[pa.Table], again: Parts, spared: AbstractSet[str] = frozenset()) -> Bounded:
    """Put hits together, those that take most more coarsely where there are too many.

    Args:
        parts: rows in `dwell.hunt.hits.HITS`, some at a time, in any order; not all are asked for where there are too many.
        again: gives the same rows, each time in the same order; asked several times where there are too many.
        spared: ids of rules that answers rest on: they are told more coarsely only after all others.
    """
    held: list[pa.Table] = []
    rows = size = 0
    for one in parts:
        rows += one.num_rows
        size += int(weights(one).sum()) if one.num_rows else 0
        if rows > ROWS_MAX or size > BYTES_MAX:
            held.clear()
            return _Folding(again, spared).told()
        held.append(one)
    return Bounded(concat(held))


class _Folding:
    """Hits of which there are too many."""

    def __init__(self, parts: Parts, spared: AbstractSet[str]) -> None:
        self._parts = parts
        self._spared = spared

    def told(self) -> Bounded:
        """Give them, some more coarsely."""
        room = BYTES_MAX // 2 // _ROW_MAX
        counted = _counted(self._parts())
        coarse = self._most(counted, BYTES_MAX // 2, ROWS_MAX // 2)
        lumped = self._beyond(counted, coarse, room // 2)
        single = coarse.filter(pc.invert(pc.is_in(coarse, value_set=lumped.names)))
        coarser = self._most(self._left(single), room * _ROW_MAX, room)
        kept: list[pa.Table] = []
        waiting: list[pa.Table] = []
        size = 0
        for one in self._parts():
            mine = pc.is_in(one["rule_id"], value_set=coarse)
            kept.append(one.filter(pc.invert(mine)))
            parts = _by_time(one.drop_columns(["matched"]), mine.to_numpy())
            folded = _folded([_folded([_coarse(lumped.told(each), coarser)]) for each in parts])
            waiting.append(folded)
            size += folded.num_rows * _ROW_MAX
            if size > BYTES_MAX:
                waiting = [_folded(waiting)]
                size = waiting[0].num_rows * _ROW_MAX
        return Bounded(concat([*kept, _folded(waiting)]), (*single.to_pylist(), *lumped.titles))

    def _beyond(self, counted: pa.Table, coarse: pa.StringArray, most: int) -> _Lumped:
        """Give the indicators that are not even told one by one, those that take least; none where there are no more."""
        mine = counted.filter(pc.is_in(counted["rule_id"], value_set=coarse))
        loose = mine.filter(pc.starts_with(mine["rule_id"], _INDICATOR)).sort_by(
            [("bytes", "descending"), ("rule_id", "ascending")]
        )
        rules = mine.num_rows - loose.num_rows
        return _Lumped(loose["rule_id"].combine_chunks()[max(most - rules, 0) :])

    def _most(self, counted: pa.Table, most_bytes: int, most_rows: int) -> pa.StringArray:
        """Give the rules and indicators that take most, until the others fit; those that are spared come last."""
        sizes = counted["bytes"].to_numpy()
        names = counted["rule_id"].combine_chunks()
        spared = pc.is_in(names, value_set=pa.array(sorted(self._spared), pa.string())).to_numpy(zero_copy_only=False)
        order = np.lexsort((np.arange(len(names)), -sizes, spared))  # `counted` is in order of names
        rows = counted["rows"].to_numpy()[order]
        after = np.stack([np.cumsum(one[::-1])[::-1] for one in (sizes[order], rows)])
        fits = (after[0] <= most_bytes) & (after[1] <= most_rows)
        number = int(np.argmax(fits)) if fits.any() else len(names)
        return names.take(pa.array(np.sort(order[:number])))

    def _left(self, coarse: pa.StringArray) -> pa.Table:
        """Count about how many rows each of some rules and indicators leaves if its texts are not told."""
        every = sum(pc.sum(pc.is_in(one["rule_id"], value_set=coarse)).as_py() or 0 for one in self._parts())
        each = 1
        while every // each > _HASHES_MAX:
            each *= 2
        held = (np.zeros(0, np.uint64), np.zeros(0, np.int64))
        for one in self._parts():
            parts = [_hashed(part, coarse, each) for part in _sliced(one.select(_APART))]
            hashes, codes = (np.concatenate([held[at], *(part[at] for part in parts)]) for at in (0, 1))
            found, first = np.unique(hashes, return_index=True)
            held = found, codes[first]
        rows = np.bincount(held[1], minlength=len(coarse)) * each
        return pa.table([coarse, pa.array(rows, pa.int64()), pa.array(rows * _ROW_MAX, pa.int64())], schema=_COUNTED)


class _Lumped:
    """Indicators of which so many are met that they are told by their kind alone.

    Attributes:
        names: their ids.
        titles: what is said of those of each kind, by the id that their hits have.
    """

    def __init__(self, names: pa.StringArray) -> None:
        self.names = names
        counted = pc.value_counts(_kinds(names)).to_pylist()
        told = {one["values"]: one["counts"] for one in counted}
        self.titles = {
            one: f"{told[one]:,} of the indicators of the kind {one.partition(':')[2]}" for one in sorted(told)
        }

    def told(self, hits: pa.Table) -> pa.Table:
        """Give hits with what is said of the kind in place of what is said of each."""
        if not self.titles:
            return hits
        mine = pc.is_in(hits["rule_id"], value_set=self.names)
        ids = pc.if_else(mine, _kinds(hits["rule_id"]), hits["rule_id"])
        titles = pa.array(list(self.titles.values())).take(pc.index_in(ids, value_set=pa.array(list(self.titles))))
        new = {"rule_id": ids, "title": pc.if_else(mine, titles, hits["title"])}
        for name, column in new.items():
            hits = hits.set_column(hits.column_names.index(name), HITS.field(name), column)
        return hits


def _kinds(names: pa.StringArray | pa.ChunkedArray) -> pa.StringArray | pa.ChunkedArray:
    """Give the ids of the kinds of indicators, by their own ids; others as they are."""
    return pc.replace_substring_regex(names, r"(?s)\A(indicator:[^:]*):.*\z", r"\1")


def _counted(parts: Iterable[pa.Table]) -> pa.Table:
    """Count rows and bytes of each rule and indicator, in order of their ids."""
    waiting = [_COUNTED.empty_table()]
    for one in parts:
        ones = pa.array(np.ones(one.num_rows, np.int64))
        waiting.append(_summed(pa.table([one["rule_id"], ones, pa.array(weights(one))], schema=_COUNTED)))
        if sum(each.num_rows for each in waiting[1:]) > waiting[0].num_rows + _COUNTED_MAX:
            waiting = [_summed(pa.concat_tables(waiting))]
    return _summed(pa.concat_tables(waiting)).sort_by("rule_id")


def _summed(counted: pa.Table) -> pa.Table:
    summed = counted.group_by("rule_id", use_threads=False).aggregate([("rows", "sum"), ("bytes", "sum")])
    return summed.select(["rule_id", "rows_sum", "bytes_sum"]).rename_columns(_COUNTED.names)


def _sliced(table: pa.Table) -> Iterator[pa.Table]:
    """Yield some rows after the other."""
    return (table.slice(start, _AT_ONCE) for start in range(0, table.num_rows, _AT_ONCE))


def _by_time(hits: pa.Table, chosen: Truth) -> Iterator[pa.Table]:
    """Yield some of the rows of hits, those of earlier instants first, some at a time; those of one instant together.

    What is folded part by part and then once more is what it is if all of it is folded at once: the first key that hits are
    put in order by is the instant.
    """
    times = hits["first_utc"].cast(pa.int64()).fill_null(np.iinfo(np.int64).max).to_numpy()
    mine = times[chosen]
    cuts = np.sort(mine)[_AT_ONCE::_AT_ONCE]
    bounds = [np.iinfo(np.int64).min, *np.unique(cuts).tolist(), None]
    for start, end in pairwise(bounds):
        inside = chosen & (times >= start) & (end is None or times < end)
        if inside.any():
            yield hits.filter(pa.array(inside))


def _hashed(hits: pa.Table, coarse: pa.StringArray, each: int) -> tuple[Indices, Indices]:
    """Give numbers of what tells the rows of some rules and indicators apart, each so many-th, and whose they are."""
    mine = hits.filter(pc.is_in(hits["rule_id"], value_set=coarse))
    if not mine.num_rows:
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    hashes = _hashes(mine)
    some = np.flatnonzero(hashes % each == 0)
    return hashes[some], pc.index_in(mine["rule_id"], value_set=coarse).to_numpy()[some]


def _hashes(table: pa.Table) -> Indices:
    """Give a number for what tells each row apart, equal for equal rows."""
    with scratch() as link:
        link.register("met", table)
        names = ", ".join(f'"{one}"' for one in _APART)
        found: Indices = link.sql(f"SELECT hash({names}) AS number FROM met").fetchnumpy()["number"]  # noqa: S608
    return found.astype(np.uint64)


def _coarse(hits: pa.Table, coarser: pa.StringArray) -> pa.Table:
    """Take out of hits by what they are not told apart any more; what matched is not even read."""
    lumped = pc.match_substring_regex(hits["rule_id"], r"\Aindicator:[^:]*\z")
    most = pc.or_(lumped, pc.is_in(hits["rule_id"], value_set=coarser))
    for name in _WHO:
        kind = HITS.field(name).type
        told = pc.if_else(most, pa.scalar(None, kind), hits[name])
        hits = hits.set_column(hits.column_names.index(name), HITS.field(name), told)
    texts = pa.array([[OTHERS, MANY[0]], [OTHERS, MANY[1]]], pa.list_(pa.string()))
    told = pa.chunked_array([texts.take(pc.cast(one, pa.int8())) for one in most.chunks], texts.type)
    return hits.append_column(HITS.field("matched"), told).select(HITS.names)


def _folded(parts: Iterable[pa.Table]) -> pa.Table:
    """Fold hits that nothing but file, record and time tells apart."""
    whole = concat(list(parts))
    if not whole.num_rows:
        return NO_HITS
    names = [whole[one].dictionary_encode().unify_dictionaries() for one in _APART]
    codes = [np.concatenate([one.indices.fill_null(-1).to_numpy() for one in each.chunks]) for each in names]
    _, first, team = np.unique(
        combined([one.astype(np.int64) for one in codes]), return_index=True, return_inverse=True
    )
    counts = np.zeros(len(first), np.int64)
    np.add.at(counts, team, whole["count"].to_numpy())
    last = np.full(len(first), np.iinfo(np.int64).min)
    np.maximum.at(last, team, whole["last_utc"].cast(pa.int64()).fill_null(np.iinfo(np.int64).min).to_numpy())
    kind = HITS.field("last_utc").type
    columns = {
        "count": pa.array(counts),
        "last_utc": pa.array(last, mask=last == np.iinfo(np.int64).min).cast(kind),
        "refs": _refs(whole, team, len(first)),
    }
    heads = whole.drop_columns([*columns, "matched"]).take(pa.array(first))
    columns["matched"] = whole["matched"].take(pa.array(first))
    return pa.table([columns[one] if one in columns else heads[one] for one in HITS.names], schema=HITS)


def _refs(whole: pa.Table, team: Indices, teams: int) -> pa.Array:
    """Give the first records of each team of rows."""
    parts = whole["refs"].chunks
    many = np.concatenate([pc.list_value_length(one).fill_null(0).to_numpy(zero_copy_only=False) for one in parts])
    ends = np.cumsum(many)
    order = np.argsort(team, kind="stable")
    lengths = many[order]
    place = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    sources = np.repeat((ends - many)[order], lengths) + place
    whose = np.repeat(team[order], lengths)
    rank = np.arange(len(whose)) - np.searchsorted(whose, whose)
    chosen = rank < REFS_MAX
    held = np.bincount(whose[chosen], minlength=teams)
    flat = pa.chunked_array([one.flatten() for one in parts], type=parts[0].type.value_type)
    refs = flat.take(pa.array(sources[chosen])).combine_chunks()
    offsets = np.concatenate(([0], np.cumsum(held))).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), refs).cast(HITS.field("refs").type)
