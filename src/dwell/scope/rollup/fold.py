"""Folding rows into runs: whole columns at a time, no loop over rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.lexicon import coded
from dwell.scope.rollup.shapes import ACTS, HOURS, SESSIONS

__all__ = [
    "GAP_US",
    "Codes",
    "Column",
    "constant",
    "extracted",
    "first",
    "group",
    "hours",
    "instants",
    "mapped",
    "numbers",
    "once",
    "ranked",
    "runs",
    "sessions",
    "stated",
    "texts",
    "versioned",
]

GAP_US = 30 * 60 * 1_000_000
"""Requests further apart than this are two sessions, microseconds."""
HOUR_US = 3_600_000_000

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Column:
    """A column as codes into its distinct values.

    Attributes:
        codes: (rows,) -1 for null.
        values: distinct values.
    """

    codes: Codes
    values: list[str | None]

    def take(self, rows: Codes) -> Column:
        """Give the column of some of the rows."""
        return Column(self.codes[rows], self.values)

    def each(self, found: Sequence[object], none: object, kind: npt.DTypeLike = np.int64) -> npt.NDArray[Any]:
        """Give per row what was found of its value, and `none` where the row has no value.

        Args:
            found: one for each of `values`.
            none: what stands for null.
            kind: type of the numbers.
        """
        # the code of null is -1: the last place
        return np.array([*found, none], kind)[self.codes]

    def flags(self, found: Sequence[object]) -> npt.NDArray[np.bool_]:
        """Say per row whether what was found of its value is true; null is never."""
        return self.each(found, none=False, kind=np.bool_)

    def text(self, rows: Codes) -> pa.Array:
        """Give the values of some of the rows."""
        picked = self.codes[rows]
        if not self.values:
            return pa.nulls(len(picked), pa.string())
        return pa.array(self.values, pa.string()).take(pa.array(np.maximum(picked, 0), mask=picked < 0))

    def coded(self, rows: Codes) -> pa.DictionaryArray:
        """Give the values of some of the rows, each text once."""
        picked = self.codes[rows]
        used = np.flatnonzero(np.bincount(picked + 1, minlength=len(self.values) + 1)[1:])
        held: dict[str | None, int] = {}
        place = np.zeros(len(self.values) + 1, np.int32)
        place[used] = [held.setdefault(self.values[one], len(held)) for one in used.tolist()]
        return pa.DictionaryArray.from_arrays(
            pa.array(place[picked], mask=picked < 0), pa.array(list(held), pa.string())
        )


def texts(table: pa.Table, name: str, *, dash: bool = False) -> Column:
    """Read a text column; with `dash`, `-` is no value."""
    array = coded(table[name])
    codes = array.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    values: list[str | None] = array.dictionary.to_pylist()
    if dash and "-" in values:
        codes = np.where(codes == values.index("-"), -1, codes)
    return Column(codes, values)


def mapped(column: Column, values: Sequence[str | None]) -> Column:
    """Put other values in the place of a column's own; equal ones become one, None becomes null."""
    table: dict[str, int] = {}
    to = np.fromiter(
        (-1 if one is None else table.setdefault(one, len(table)) for one in values), np.int64, len(values)
    )
    return Column(np.append(to, -1)[column.codes], list(table))


def first(*columns: Column) -> Column:
    """Give per row the value of the first column that has one."""
    values: list[str | None] = []
    codes = np.full(len(columns[0].codes), -1, np.int64)
    for column in columns:
        shift = len(values)
        codes = np.where((codes < 0) & (column.codes >= 0), column.codes + shift, codes)
        values += column.values
    blank = np.flatnonzero([not one for one in values])
    return Column(np.where(np.isin(codes, blank), -1, codes).astype(np.int64), values)


def once(ids: Column) -> Codes:
    """Give the first row of each record id; rows without one all count."""
    _, found = np.unique(np.where(ids.codes < 0, -1 - np.arange(len(ids.codes)), ids.codes), return_index=True)
    return np.sort(found).astype(np.int64)


def stated(mailbox: Column) -> Column:
    """Give the basis per row where a log either names the mailbox or does not."""
    return Column((mailbox.codes >= 0).astype(np.int64), ["assumed", "explicit"])


def constant(table: pa.Table, text: str) -> Column:
    """Give a column that holds one text in every row."""
    return Column(np.zeros(table.num_rows, np.int64), [text])


def numbers(table: pa.Table, name: str, *, empty: int = -1) -> Codes:
    """Read an integer column, null as `empty`."""
    column = table[name]
    found: Codes = (column.fill_null(empty) if column.null_count else column).to_numpy().astype(np.int64, copy=False)
    return found


def instants(table: pa.Table) -> Codes:
    """Read `time_utc` as microseconds since 1970, null as -1."""
    column = table["time_utc"].cast(pa.int64())
    found: Codes = (column.fill_null(-1) if column.null_count else column).to_numpy()
    return found


def hours(table: pa.Table, part: Column | None = None, host: Column | None = None) -> pa.Table:
    """Count records per evidence file, host, part and hour."""
    when = instants(table)
    known = np.flatnonzero(when >= 0)
    columns = [
        texts(table, "evidence_id"),
        host or texts(table, "host"),
        part or Column(np.full(table.num_rows, -1, np.int64), []),
    ]
    hour = when // HOUR_US
    rank = ranked(group([*(one.codes[known] for one in columns), hour[known]]))
    counts = np.bincount(rank)
    first = np.empty(len(counts), np.int64)
    first[rank[::-1]] = known[::-1]  # of equal places the last one written stays
    return pa.table([*(one.text(first) for one in columns), pa.array(hour[first]), pa.array(counts)], schema=HOURS)


def group(columns: Sequence[Codes]) -> Codes:
    """Give one number per distinct combination, in the order of the columns' codes."""
    key = np.zeros(len(columns[0]), np.int64)
    highest = 0
    for codes in columns:
        low, high = (int(codes.min()), int(codes.max())) if len(codes) else (0, 0)
        width = high - low + 1
        if width == 1:
            continue
        if highest >= 2**62 // width:
            key = ranked(key)
            highest = int(key.max())
        key *= width
        key += codes
        key -= low
        highest = highest * width + width - 1
    return key


def ranked(key: Codes) -> Codes:
    """Give the rank of each number among the distinct ones; sorts these only, which mostly are few."""
    coded = pa.array(key).dictionary_encode()
    values = coded.dictionary.to_numpy()
    ranks = np.empty(len(values), np.int64)
    ranks[np.argsort(values)] = np.arange(len(values))
    found: Codes = ranks[coded.indices.to_numpy()]
    return found


def runs(key: Codes, when: Codes, tie: Codes, gap: int | None) -> tuple[Codes, Codes]:
    """Sort rows by key and time, and cut them where the key changes or the gap is too long.

    Returns:
        The order of the rows, and where in it each run starts.
    """
    size = len(key)
    if not size:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    # rows of a data file are in order of time already, but for those of one instant that come from several files
    sorted_before = bool(((when[1:] > when[:-1]) | ((when[1:] == when[:-1]) & (tie[1:] >= tie[:-1]))).all())
    before = None if sorted_before else np.lexsort((tie, when)).astype(np.int64)
    bits = size.bit_length()
    places = (ranked(key if before is None else key[before]) << bits) | np.arange(size)
    places.sort()
    order = places & ((1 << bits) - 1)
    if before is not None:
        order = before[order]
    cut = np.diff(places >> bits) != 0
    if gap is not None:
        cut |= np.diff(when[order]) > gap
    return order, np.concatenate(([0], np.flatnonzero(cut) + 1)).astype(np.int64)


def sessions(
    name: str,
    columns: Mapping[str, Column],
    *,
    rows: Codes,
    table: pa.Table,
    outcome: Codes,
    act: Codes,
    sent: Codes | None,
) -> pa.Table:
    """Fold the accesses among a file's rows into sessions.

    Args:
        name: the archive table.
        columns: `host`, `protocol`, `actor`, `mailbox`, `basis`, `client`, `agent`, `layer` and, where there are any,
            `via`, over all rows of the file.
        rows: which rows are accesses.
        table: the file, with `time_utc`, `evidence_id`, `record_no`.
        outcome: `Outcome` per row of the file.
        act: `Act` per row of the file.
        sent: bytes to the client per row, -1 where unknown; None where the format has none.
    """
    if not len(rows):
        return SESSIONS.empty_table()
    when = instants(table)[rows]
    number = numbers(table, "record_no")[rows]
    evidence = texts(table, "evidence_id")
    key = group([*(columns[one].codes[rows] for one in sorted(columns)), outcome[rows]])
    order, starts = runs(key, when, number, GAP_US)
    ends = np.append(starts[1:], len(order)) - 1
    first = rows[order[starts]]
    strongest = order[_strongest(act[rows][order], starts)]
    counts = _counted(act[rows][order], starts)
    counts[outcome[first] != 0] = 0
    out: dict[str, pa.Array] = {
        "table": constant(table, name).coded(first),
        **{one: column.coded(first) for one, column in columns.items()},
        "outcome": pa.array(outcome[first].astype(np.int8)),
        "first_utc": pa.array(when[order[starts]]).cast(SESSIONS.field("first_utc").type),
        "last_utc": pa.array(when[order[ends]]).cast(SESSIONS.field("last_utc").type),
        "requests": pa.array(np.diff(np.append(starts, len(order)))),
        **{one: pa.array(counts[:, rank]) for rank, one in enumerate(ACTS, 1)},
        "bytes": _summed(sent, rows, order, starts),
        "via": pa.nulls(len(starts), SESSIONS.field("via").type)
        if "via" not in columns
        else columns["via"].coded(first),
        "evidence_id": evidence.coded(rows[strongest]),
        "record_no": pa.array(number[strongest]),
    }
    return pa.table([out[one] for one in SESSIONS.names], schema=SESSIONS)


def _counted(act: Codes, starts: Codes) -> Codes:
    """Count the requests of each run by `Act`: (runs, acts), the first column for none."""
    kinds = len(ACTS) + 1
    lengths = np.diff(np.append(starts, len(act)))
    place = np.repeat(np.arange(len(starts)) * kinds, lengths) + act
    return np.bincount(place, minlength=len(starts) * kinds).reshape(-1, kinds).astype(np.int64)


def _strongest(act: Codes, starts: Codes) -> Codes:
    """Give the place of each run's first request of its strongest kind: the record that bears out what is said of it."""
    lengths = np.diff(np.append(starts, len(act)))
    places = np.flatnonzero(act == np.repeat(np.maximum.reduceat(act, starts), lengths))
    return places[np.searchsorted(places, starts)]


def _summed(sent: Codes | None, rows: Codes, order: Codes, starts: Codes) -> pa.Array:
    """Add up bytes per run; a run without any is null, never 0."""
    values = sent[rows][order] if sent is not None else None
    if values is None or values.max(initial=-1) < 0:
        return pa.nulls(len(starts), pa.int64())
    known = np.add.reduceat((values >= 0).astype(np.int64), starts)
    total = np.add.reduceat(np.maximum(values, 0), starts)
    return pa.array(total, mask=known == 0)


def extracted(column: Column, pattern: str) -> list[str | None]:
    """Give what the pattern's group `v` holds in each distinct value, None where it does not match."""
    if not column.values:
        return []
    found = pc.struct_field(pc.extract_regex(pa.array(column.values, pa.string()), pattern), "v")
    result: list[str | None] = pc.if_else(pc.equal(found, ""), pa.scalar(None, pa.string()), found).to_pylist()
    return result


def versioned(program: Column, version: Column) -> Column:
    """Give program and version as one text: `OUTLOOK.EXE/16.0.4266.1001`; null where there is no program."""
    _, rows, inverse = np.unique(group([program.codes, version.codes]), return_index=True, return_inverse=True)
    names = zip(program.text(rows).to_pylist(), version.text(rows).to_pylist(), strict=True)
    told = [None if not name else f"{name}/{number}" if number else name for name, number in names]
    return mapped(Column(inverse.astype(np.int64), [str(one) for one in range(len(told))]), told)
