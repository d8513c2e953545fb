"""Which rows of a data file are of which kind of record, and which kinds hold something in a place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.lexicon import coded
from dwell.archive.spec import TableSpec
from dwell.hunt.base import Base, Rows
from dwell.hunt.frame import Frame
from dwell.hunt.patterns import Indices
from dwell.hunt.ruleset import RuleSet, Where
from dwell.hunt.words import Truth

__all__ = ["EVENT_ID", "RecordKinds", "Sites"]

EVENT_ID = "EventID"
"""The column of numbers by which kinds of event records are told apart."""
_DENSE_MAX = 1 << 20


class RecordKinds:
    """The rows of a data file by what tells kinds of record apart.

    Rows that have the same channel, the same event id and whatever else tells kinds apart are a *sort*; a kind of record
    is made of sorts.

    Attributes:
        sorts: of each row its sort.
        size: number of sorts.
        rows: rows of each.
    """

    def __init__(self, table: pa.Table | Rows, wheres: Mapping[int, Where], also: Sequence[str] = ()) -> None:
        """Tell rows apart.

        Args:
            table: the rows; it has the columns that `columns` names.
            wheres: the kinds of record that may be held.
            also: further columns to tell them apart by.
        """
        self._wheres = wheres
        self._texts: dict[str, pa.Array] = {}
        self._codes: dict[str, Indices] = {}
        self._compared: dict[str, pa.Array] = {}
        self.sorts: Indices = np.zeros(table.num_rows, np.int64)
        self.size = 1
        for name in (*self.columns(wheres.values()), *also):
            array = coded(table[name])
            self._texts[name] = array.dictionary
            if len(array.dictionary) == 1 and not array.null_count:
                self._codes[name] = np.zeros(self.size, np.int64)  # it tells nothing apart
                continue
            self._add(name, array.indices.fill_null(-1).to_numpy(zero_copy_only=False), len(array.dictionary))
        self.rows = np.bincount(self.sorts, minlength=self.size)

    @property
    def names(self) -> frozenset[str]:
        """Give the columns by which rows are told apart."""
        return frozenset(self._texts)

    def texts(self, name: str) -> tuple[pa.Array, Indices]:
        """Give the distinct values of a column as texts, and of each sort which one it has, -1 for none."""
        return self._texts[name].cast(pa.string()), self._codes[name]

    def numbers(self, name: str) -> Indices:
        """Give of each sort what it has in a column of numbers none of which is null."""
        held: Indices = self._texts[name].to_numpy(zero_copy_only=False)[self._codes[name]]
        return held

    @staticmethod
    def columns(wheres: Iterable[Where]) -> list[str]:
        """Give the columns by which some kinds of record are told apart."""
        held = list(wheres)
        numbered = any(one.event_ids or one.other_ids for one in held)
        return sorted({name for one in held for name in one.wanted} | ({EVENT_ID} if numbered else set()))

    def _add(self, name: str, codes: Indices, values: int) -> None:
        """Tell rows apart by one more column; only sorts that occur are kept."""
        key = self.sorts * (values + 1) + codes + 1
        size = self.size * (values + 1)
        if size <= _DENSE_MAX:
            used = np.flatnonzero(np.bincount(key, minlength=size))
            to = np.zeros(size, np.int64)
            to[used] = np.arange(len(used))
            self.sorts = to[key]
        else:
            used, self.sorts = np.unique(key, return_inverse=True)
        before, mine = np.divmod(used, values + 1)
        self._codes = {one: held[before] for one, held in self._codes.items()} | {name: mine - 1}
        self.size = len(used)

    def of(self, where: int) -> Truth:
        """Say which sorts are of a kind of record."""
        kind = self._wheres[where]
        tests = [self._among(name, pa.array(held, pa.string())) for name, held in kind.wanted.items()]
        ids = pa.int32()
        tests += [self._among(EVENT_ID, pa.array(kind.event_ids, ids))] if kind.event_ids else []
        tests += [~self._among(EVENT_ID, pa.array(kind.other_ids, ids))] if kind.other_ids else []
        return np.logical_and.reduce(tests) if tests else np.ones(self.size, np.bool_)

    def _among(self, name: str, values: pa.Array) -> Truth:
        if name not in self._compared:
            held = self._texts[name].cast(values.type)
            # Windows does not mind the case of a channel's name
            self._compared[name] = pc.utf8_lower(held) if pa.types.is_string(values.type) else held
        held = self._compared[name]
        if pa.types.is_string(values.type):
            values = pc.utf8_lower(values)
        right = np.append(pc.is_in(held, value_set=values).to_numpy(zero_copy_only=False), False).astype(np.bool_)
        return right[self._codes[name]]


class Sites:
    """Where the rows of a data file hold something, sort by sort."""

    def __init__(self, base: Base, kinds: RecordKinds | None, spec: TableSpec, rules: RuleSet) -> None:
        """Take the rows that were read.

        Args:
            base: they.
            kinds: their sorts; None where all are of one.
            spec: the table they belong to.
            rules: the rule set.
        """
        self._base = base
        self._frame = Frame(base, spec, rules, {})
        self._spec = spec
        self._sorts = kinds.sorts if kinds is not None else np.zeros(base.table.num_rows, np.int64)
        self._size = kinds.size if kinds is not None else 1
        self._keyed: dict[str, Truth] = {}

    def is_held(self, place: str) -> bool:
        """Say whether any row holds something in a place."""
        return self._frame.recorded(place)

    def holding(self, place: str) -> Truth:
        """Say which sorts have rows that hold something in a place."""
        name, _, key = place.partition(":")
        if key and name in self._base.table.column_names and self._base.is_map(name):
            entries = self._base.entries(name)
            if name not in self._keyed:
                size = len(entries.keys)
                pairs = entries.key_codes * self._size + self._sorts[entries.rows]
                self._keyed[name] = np.bincount(pairs, minlength=size * self._size).reshape(size, self._size) > 0
            return np.asarray(self._keyed[name][entries.named(key)].any(axis=0), np.bool_)
        if name in self._base.table.column_names and not key:
            nulls = self._base.table[name].null_count
            if nulls in {0, self._base.table.num_rows}:
                return np.full(self._size, not nulls, np.bool_)
        return np.bincount(self._sorts[self._frame.holding(place)], minlength=self._size) > 0
