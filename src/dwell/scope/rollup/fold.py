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
    "Cut",
    "Places",
    "constant",
    "ends",
    "extracted",
    "first",
    "group",
    "hours",
    "instants",
    "mapped",
    "narrow",
    "numbered",
    "numbers",
    "once",
    "paired",
    "placed",
    "ranked",
    "runs",
    "sessions",
    "stated",
    "texts",
    "users_of",
    "versioned",
]

GAP_US = 30 * 60 * 1_000_000
"""Requests further apart than this are two sessions, microseconds."""
HOUR_US = 3_600_000_000
_BESIDE = ("auth", "device")
"""Columns that are told of a session and part none."""
_OPTIONAL = ("via", *_BESIDE)
UNKNOWN = -1
"""Stands for no instant among microseconds since 1970."""

DENSE = 4
"""Numbers are ranked by a table of all of them where there are at most so many for each row, else by their hash."""
SORTED_MIN, SAMPLE = 1 << 18, 1 << 16
"""From so many numbers on they are sorted where most of a sample of this size differ: hashing is slower then."""

Codes = npt.NDArray[np.int64]
Places = npt.NDArray[np.signedinteger[Any]]
"""Codes of any width: those of a file's values fit into 32 bits, which halves what is moved."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column as codes into its distinct values.

    Attributes:
        codes: (rows,) -1 for null.
        values: distinct values.
    """

    codes: Places
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
    indices = array.indices.fill_null(-1) if array.null_count else array.indices
    codes: Places = indices.to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    values: list[str | None] = array.dictionary.to_pylist()
    if dash and "-" in values:
        codes = np.where(codes == values.index("-"), -1, codes)
    return Column(codes, values)


def mapped(column: Column, values: Sequence[str | None]) -> Column:
    """Put other values in the place of a column's own; equal ones become one, None becomes null."""
    table: dict[str, int] = {}
    codes = placed(column, values, table)
    return Column(codes, list(table))


def placed(column: Column, values: Sequence[str | None], table: dict[str, int]) -> Places:
    """Give per row the place in a table of what stands for its value, added where it is not there; -1 for None."""
    to = np.fromiter(
        (-1 if one is None else table.setdefault(one, len(table)) for one in values), np.int32, len(values)
    )
    found: Places = np.append(to, np.int32(-1))[column.codes]
    return found


def first(*columns: Column) -> Column:
    """Give per row the value of the first column that has one; an empty text is none, and hides those after it."""
    codes, values = columns[0].codes, list(columns[0].values)
    for column in columns[1:]:
        if column.values:
            further = np.where(column.codes >= 0, column.codes + len(values), -1)
            codes = np.where(codes >= 0, codes, further)
            values += column.values
    blank = [place for place, one in enumerate(values) if not one]
    if blank:
        to = np.append(np.arange(len(values), dtype=np.int32), np.int32(-1))
        to[blank] = -1
        codes = to[codes]
    return Column(codes, values)


def once(ids: Column) -> Codes:
    """Give the first row of each record id; rows without one all count."""
    _, found = np.unique(np.where(ids.codes < 0, -1 - np.arange(len(ids.codes)), ids.codes), return_index=True)
    return np.sort(found).astype(np.int64)


def stated(mailbox: Column) -> Column:
    """Give the basis per row where a log either names the mailbox or does not."""
    return Column((mailbox.codes >= 0).astype(np.int8), ["assumed", "explicit"])


def constant(table: pa.Table, text: str) -> Column:
    """Give a column that holds one text in every row."""
    return Column(np.zeros(table.num_rows, np.int8), [text])


def numbers(table: pa.Table, name: str, *, empty: int = -1) -> Codes:
    """Read an integer column, null as `empty`."""
    column = table[name]
    found: Codes = (column.fill_null(empty) if column.null_count else column).to_numpy().astype(np.int64, copy=False)
    return found


def instants(table: pa.Table) -> Codes:
    """Read `time_utc` as microseconds since 1970, null as -1; what is dated before 1970 is below that."""
    column = table["time_utc"].cast(pa.int64())
    found: Codes = (column.fill_null(UNKNOWN) if column.null_count else column).to_numpy()
    return found


def hours(table: pa.Table, part: Column | None = None, host: Column | None = None) -> pa.Table:
    """Count records per evidence file, host, part and hour: all that have an instant, those that cannot be among them."""
    when = instants(table)
    columns = [texts(table, "evidence_id"), host or texts(table, "host"), *([part] if part is not None else [])]
    known = np.flatnonzero(when != UNKNOWN)
    if len(known) == len(when):
        parts, hour = [one.codes for one in columns], when // HOUR_US
    else:
        parts, hour = [one.codes[known] for one in columns], when[known] // HOUR_US
    # rows are in order of time, and those of one file mostly together: neighbours that are alike are counted first
    starts = _changes([*parts, hour])
    lengths = np.diff(np.append(starts, len(hour)))
    rank, first = numbered(group([*(one[starts] for one in parts), hour[starts]]))
    counts = np.bincount(rank, weights=lengths).astype(np.int64)
    rows = known[starts[first]]
    told = [one.text(rows) for one in columns] + ([] if part is not None else [pa.nulls(len(rows), pa.string())])
    return pa.table([*told, pa.array(hour[starts[first]]), pa.array(counts)], schema=HOURS)


def _changes(columns: Sequence[Places]) -> Codes:
    """Give the rows that differ from the one before in any column, the first row among them."""
    changed = np.zeros(len(columns[0]), np.bool_)
    changed[:1] = True
    for one in columns:
        changed[1:] |= one[1:] != one[:-1]
    return np.flatnonzero(changed).astype(np.int64)


def group(columns: Sequence[Places]) -> Codes:
    """Give one number per distinct combination, in the order of the columns' codes."""
    key = np.zeros(len(columns[0]), np.int64)
    highest = base = 0
    for codes in columns:
        low, high = (int(codes.min()), int(codes.max())) if len(codes) else (0, 0)
        width = high - low + 1
        if width == 1:
            continue
        if highest >= 2**62 // width:
            key -= _wrapped(base)
            base = 0
            key = ranked(key)
            highest = int(key.max())
        # what lies below 0 or high above it is taken off once, at the end: the numbers wrap around, and come back
        key *= width
        key += codes
        base = base * width + low
        highest = highest * width + width - 1
    key -= _wrapped(base)
    return key


def _wrapped(number: int) -> np.int64:
    return np.uint64(number % 2**64).astype(np.int64)


def narrow(codes: Codes) -> Places:
    """Give numbers in 32 bits, where they fit: to be compared, grouped or looked up by, and not to be multiplied."""
    fits = np.iinfo(np.int32)
    held = int(codes.min(initial=0)), int(codes.max(initial=0))
    return codes.astype(np.int32, copy=False) if held[0] >= fits.min and held[1] <= fits.max else codes


def paired(first: Places, wide: int, second: Places) -> Codes:
    """Give one number for two: `first * wide + second`, in 64 bits however narrow they are.

    Args:
        first: not negative, or -1 for what is unknown.
        wide: more than any `second`.
        second: likewise.
    """
    out = first.astype(np.int64)
    out *= wide
    out += second
    return out


def users_of(network: Places, account: Places, size: int) -> Codes:
    """Count the accounts per network code; all codes are known ones."""
    wide = int(account.max(initial=0)) + 1
    pairs = np.sort(paired(network, wide, account))
    new = np.diff(pairs, prepend=-1) != 0
    return np.bincount(pairs[new] // wide, minlength=size).astype(np.int64)


def ranked(key: Codes) -> Codes:
    """Give the rank of each number among the distinct ones."""
    low, high = (int(key.min()), int(key.max())) if len(key) else (0, -1)
    if high - low < DENSE * len(key):
        place = key - low if low else key
        there = np.zeros(high - low + 1, np.bool_)
        there[place] = True
        dense: Codes = (np.cumsum(there) - 1)[place]
        return dense
    if _many(key, low, high):
        order, new = _sorted_out(key, low)
        found = np.empty(len(key), np.int64)
        found[order] = np.cumsum(new) - 1
        return found
    coded = pa.array(key).dictionary_encode()
    values = coded.dictionary.to_numpy()
    ranks = np.empty(len(values), np.int64)
    ranks[np.argsort(values)] = np.arange(len(values))
    hashed: Codes = ranks[coded.indices.to_numpy()]
    return hashed


def numbered(key: Codes) -> tuple[Codes, Codes]:
    """Give the rank of each number among the distinct ones, and the first row of each."""
    rank = ranked(key)
    first = np.empty(int(rank.max(initial=-1)) + 1, np.int64)
    first[rank[::-1]] = np.arange(len(rank))[::-1]  # of equal places the last one written stays
    return rank, first


def _many(key: Codes, low: int, high: int) -> bool:
    """Say whether sorting all is less work than hashing: of many numbers most differ, and they leave room for places."""
    if len(key) < SORTED_MIN or (high - low) >> (63 - len(key).bit_length()):
        return False
    sample = key[:: len(key) // SAMPLE + 1]
    return len(np.unique(sample)) > len(sample) // 2


def _sorted_out(key: Codes, low: int) -> tuple[Codes, npt.NDArray[np.bool_]]:
    """Give the order of numbers, equal ones in order of their places, and where in it another number begins."""
    bits = len(key).bit_length()
    packed = ((key - low) << bits) | np.arange(len(key))
    packed.sort()
    order = packed & ((1 << bits) - 1)
    packed >>= bits
    new = np.ones(len(packed), np.bool_)
    np.not_equal(packed[1:], packed[:-1], out=new[1:])
    return order, new


def runs(key: Codes, when: Codes, tie: Codes, gap: int | None) -> tuple[Codes, Codes]:
    """Sort rows by key and time, and cut them where the key changes or the gap is too long.

    Returns:
        The order of the rows, and where in it each run starts.
    """
    size = len(key)
    if not size:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    # rows of a data file are in order of time already, but for those of one instant that come from several files
    before = None if _in_order(when, tie) else np.lexsort((tie, when)).astype(np.int64)
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


def ends(key: Codes, when: Codes, tie: Codes) -> tuple[Codes, Codes]:
    """Give the first and the last row of each key by time, in order of the keys."""
    rank, first = numbered(key)
    last = np.empty(len(first), np.int64)
    if _in_order(when, tie):
        last[rank] = np.arange(len(rank))
        return first, last
    order = np.lexsort((tie, when)).astype(np.int64)
    first[rank[order[::-1]]] = order[::-1]
    last[rank[order]] = order
    return first, last


def _in_order(when: Codes, tie: Codes) -> bool:
    """Say whether rows are in order of time, and of the tie where it is the same."""
    steps = np.diff(when)
    if not len(steps) or steps.min() > 0:
        return True
    same = np.flatnonzero(steps == 0)
    return bool(steps.min() == 0 and (tie[same + 1] >= tie[same]).all())


@dataclass(frozen=True, slots=True)
class Cut:
    """A file's accesses cut into sessions.

    Attributes:
        sessions: rows in `SESSIONS`.
        taken: rows of the file, session by session.
        starts: where in `taken` each session starts.
        grounds: the row of the file that stands for each session.
    """

    sessions: pa.Table
    taken: Codes
    starts: Codes
    grounds: Codes


def sessions(
    name: str,
    columns: Mapping[str, Column],
    *,
    rows: Codes,
    table: pa.Table,
    outcome: Places,
    act: Places,
    sent: Codes | None,
    wrote: Places | None = None,
) -> Cut:
    """Fold the accesses among a file's rows into sessions, and tell which rows each is made of.

    Args:
        name: the archive table.
        columns: `host`, `protocol`, `actor`, `mailbox`, `basis`, `client`, `agent`, `layer` and, where there are any,
            `via`, `auth`, `device`, over all rows of the file; `auth` and `device` part no session.
        rows: which rows are accesses.
        table: the file, with `time_utc`, `evidence_id`, `record_no`.
        outcome: `Outcome` per row of the file.
        act: `Act` per row of the file.
        sent: bytes to the client per row, -1 where unknown; None where the format has none.
        wrote: per row, 1 where it changed something, 0 where it did not, -1 where that is unknown; None where it is of all.
    """
    if not len(rows):
        return Cut(SESSIONS.empty_table(), rows, rows, rows)
    when = instants(table)[rows]
    number = numbers(table, "record_no")[rows]
    evidence = texts(table, "evidence_id")
    parts = [*(columns[one].codes for one in sorted(columns) if one not in _BESIDE), outcome]
    # where most rows are accesses, one number is taken of them sooner than each part
    few = len(rows) * 2 < table.num_rows
    key = group([one[rows] for one in parts]) if few else group(parts)[rows]
    order, starts = runs(key, when, number, GAP_US)
    ends = np.append(starts[1:], len(order)) - 1
    taken = rows[order]
    first = taken[starts]
    acts = act[taken]
    strongest = order[_strongest(acts, starts)]
    counts = _counted(acts, starts)
    counts[outcome[first] != 0] = 0
    out: dict[str, pa.Array] = {
        "table": constant(table, name).coded(first),
        **{one: pa.nulls(len(starts), SESSIONS.field(one).type) for one in _OPTIONAL},
        **{one: column.coded(first) for one, column in columns.items()},
        "outcome": pa.array(outcome[first].astype(np.int8)),
        "first_utc": pa.array(when[order[starts]]).cast(SESSIONS.field("first_utc").type),
        "last_utc": pa.array(when[order[ends]]).cast(SESSIONS.field("last_utc").type),
        "requests": pa.array(np.diff(np.append(starts, len(order)))),
        **{one: pa.array(counts[:, rank]) for rank, one in enumerate(ACTS, 1)},
        "bytes": _summed(sent, taken, starts),
        "wrote": _summed(wrote, taken, starts),
        "evidence_id": evidence.coded(rows[strongest]),
        "record_no": pa.array(number[strongest]),
    }
    return Cut(pa.table([out[one] for one in SESSIONS.names], schema=SESSIONS), taken, starts, rows[strongest])


def _counted(act: Places, starts: Codes) -> Codes:
    """Count the requests of each run by `Act`: (runs, acts), the first column for none."""
    kinds = len(ACTS) + 1
    lengths = np.diff(np.append(starts, len(act)))
    place = np.repeat(np.arange(len(starts)) * kinds, lengths) + act
    return np.bincount(place, minlength=len(starts) * kinds).reshape(-1, kinds).astype(np.int64)


def _strongest(act: Places, starts: Codes) -> Codes:
    """Give the place of each run's first request of its strongest kind: the record that bears out what is said of it."""
    lengths = np.diff(np.append(starts, len(act)))
    places = np.flatnonzero(act == np.repeat(np.maximum.reduceat(act, starts), lengths))
    return places[np.searchsorted(places, starts)]


def _summed(sent: Places | None, taken: Codes, starts: Codes) -> pa.Array:
    """Add up per run what is known of the rows taken, -1 for unknown; a run without any is null, never 0."""
    if sent is None or sent.max(initial=-1) < 0:
        return pa.nulls(len(starts), pa.int64())
    values = sent[taken]
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
    inverse, rows = numbered(group([program.codes, version.codes]))
    names = zip(program.text(rows).to_pylist(), version.text(rows).to_pylist(), strict=True)
    told = [None if not name else f"{name}/{number}" if number else name for name, number in names]
    return mapped(Column(inverse, [str(one) for one in range(len(told))]), told)
