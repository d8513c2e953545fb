"""Many binary event records at once into columns, without an object for each value.

The chunks are read as arrays: where each record's values lie follows from the lengths in front of them, and what they are
called follows from the record's shape (`evtx_shapes`), which is learnt from the decoder. A record that is not laid out as
nearly all are, or that has a value which is not written here, is left to the decoder.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.sources.evtx_chunks import CHUNK_BYTES, Chunk, Sound, Unit
from dwell.sources.evtx_definitions import DEFINITION_HEAD, Bytes, Layouts
from dwell.sources.evtx_shapes import (
    FIELDS,
    INNER,
    INTEGER_FIELDS,
    ITEM,
    NOTHING,
    TIME,
    Example,
    Place,
    Shape,
    Shapes,
)
from dwell.sources.evtx_values import (
    ANSI_TEXT,
    BINARY_XML,
    NULL,
    TEXT,
    TEXTS,
    filetimes,
    fitting,
    integers,
    spread,
    without_end,
    written,
)
from dwell.sources.windows_event import CMDLET_CHANNEL, DATA_COLUMNS, SCHEMA

__all__ = ["Columns", "Taken"]

_RECORD_HEAD = 24
_INSTANCE = 10
"""A template instance starts with its token, a byte, a number and the place of the definition."""
_VALUES_MAX = 1_000
_TAIL_MAX = 8
_EMPTY: Final = 1 << 8
_CMDLET: Final = 1 << 9
_COUNT_SHIFT: Final = 10
_CMDLET_BYTES = np.frombuffer(CMDLET_CHANNEL.encode("utf-16-le"), np.uint8)
_ITEMS_MAX = 1_000

_Places = npt.NDArray[np.int64]
_Flags = npt.NDArray[np.bool_]
_Codes = npt.NDArray[np.int64]


class Taken(NamedTuple):
    """A chunk.

    Attributes:
        start: where it starts in the bytes at hand.
        chunk: its skeleton.
        first_no: the `record_no` of its first record.
        offset: where it starts in the file.
    """

    start: int
    chunk: Chunk
    first_no: int
    offset: int


@dataclass(frozen=True, slots=True)
class _Values:
    """The values of template instances, one instance after the other.

    Attributes:
        ok: for each instance, whether it could be read.
        layout: the layout of its definition.
        first: the position of its first value below.
        count: how many values it has.
        owner: the instance of each value.
        kinds: the type of each value.
        places: where it starts.
        sizes: its length in bytes.
        descriptors: where its type is written.
    """

    ok: _Flags
    layout: npt.NDArray[np.int32]
    first: _Places
    count: _Places
    owner: _Places
    kinds: npt.NDArray[np.uint8]
    places: _Places
    sizes: _Places
    descriptors: _Places


@dataclass(frozen=True, slots=True)
class _Items:
    """The texts of lists of texts, list after list.

    Attributes:
        first: for each record, the position of its first text below.
        count: how many it has.
        places: where each starts.
        sizes: its length in bytes.
    """

    first: _Places
    count: _Places
    places: _Places
    sizes: _Places


class Columns:
    """Reads records into columns; what it learns of one file it knows for the next."""

    def __init__(self) -> None:
        self._layouts = Layouts()
        self._shapes = Shapes()
        # the weights keep anyone from writing records that are taken for others
        self._weights = np.random.default_rng().integers(1, 2**63, 4 * _VALUES_MAX, np.int64).astype(np.uint64) * 2 + 1

    def read(self, data: bytes, chunks: Sequence[Taken]) -> tuple[pa.RecordBatch, _Flags]:
        """Read the records of some chunks.

        Args:
            data: bytes that the chunks stand in.
            chunks: chunks that are whole and have no damage.

        Returns:
            The rows of those that were read, in order, and for each record whether it is among them.
        """
        if self._layouts.full or self._shapes.full:
            self._layouts, self._shapes = Layouts(), Shapes()
        held = Bytes(data)
        offsets = [_offsets(one.chunk.units) for one in chunks]
        counts = np.array([len(one) for one in offsets])
        bases = np.repeat(np.array([one.start for one in chunks], np.int64), counts)
        starts = np.concatenate(offsets) + bases
        ends = starts + held.four[starts + 4].astype(np.int64) - 4
        numbers = spread(np.array([one.first_no for one in chunks], np.int64), counts)
        return _Pass(held, bases, starts, ends, self._layouts, self._shapes, self._weights).rows(
            chunks, counts, numbers
        )


def _offsets(units: Sequence[Unit]) -> _Places:
    return units.offsets if isinstance(units, Sound) else np.array([one.offset for one in units], np.int64)


class _Pass:
    """One reading of some chunks."""

    def __init__(
        self, held: Bytes, bases: _Places, starts: _Places, ends: _Places, layouts: Layouts, shapes: Shapes,
        weights: npt.NDArray[np.uint64],
    ) -> None:  # fmt: skip
        self.held, self.bases, self.layouts, self.shapes, self.weights = held, bases, layouts, shapes, weights
        begins = starts + _RECORD_HEAD
        fragment = held.four[begins] == 0x0001010F
        self.outer = self._instances(begins + 4, ends, bases, fragment)
        self.ok = self.outer.ok.copy()
        self.inner, self.inner_of = self._nested()
        self.record_of = np.full(len(self.inner.ok), -1, np.int64)
        has = np.flatnonzero(self.inner_of >= 0)
        self.record_of[self.inner_of[has]] = has
        # all values: outer, inner, and then the texts of lists
        self.kinds = np.concatenate((self.outer.kinds, self.inner.kinds))
        self.places = np.concatenate((self.outer.places, self.inner.places))
        self.sizes = np.concatenate((self.outer.sizes, self.inner.sizes))
        self.items, item_counts = self._lists()
        if len(self.items.places):
            self.kinds = np.append(self.kinds, np.full(len(self.items.places), TEXT, np.uint8))
            self.places = np.append(self.places, self.items.places)
            self.sizes = np.append(self.sizes, self.items.sizes)
        self.codes = self._codes(item_counts)
        self.ok &= self.outer.ok
        self.ok[self.record_of[~self.inner.ok]] = False

    def rows(self, chunks: Sequence[Taken], counts: _Places, numbers: _Places) -> tuple[pa.RecordBatch, _Flags]:
        """Give the rows, and for each record whether it is among them."""
        shapes, shape_of = self._shapes_of(chunks, counts)
        self.constants = pa.array(self.shapes.constants.texts, pa.string())
        taken = np.flatnonzero(self.ok)
        batch, bad = self._batch(taken, shapes, shape_of[taken], numbers[taken])
        if len(bad):
            self.ok[taken[bad]] = False
            keep = np.ones(len(taken), bool)
            keep[bad] = False
            batch = batch.filter(pa.array(keep))
        return batch, self.ok

    def _instances(self, places: _Places, ends: _Places, bases: _Places, alive: _Flags) -> _Values:
        """Read template instances.

        Args:
            places: where each should start.
            ends: where what holds it ends.
            bases: where its chunk starts.
            alive: which are looked at.
        """
        held = self.held
        ok = alive & (places + _INSTANCE + 4 <= ends) & (held.one[places] == 0x0C)
        places = np.where(ok, places, 0)
        definitions = held.four[np.where(ok, places + 6, 0)].astype(np.int64)
        ok &= definitions + DEFINITION_HEAD <= CHUNK_BYTES
        definitions = np.where(ok, definitions + bases, 0)
        lengths = DEFINITION_HEAD + held.four[definitions + 20].astype(np.int64)
        starts = places + _INSTANCE + np.where(definitions == places + _INSTANCE, lengths, 0)
        ok &= starts + 4 <= ends
        counts = np.where(ok, held.four[np.where(ok, starts, 0)].astype(np.int64), 0)
        ok &= (counts <= _VALUES_MAX) & (starts + 4 + 4 * counts <= ends)
        counts[~ok] = 0
        first = np.cumsum(counts) - counts
        descriptors = spread(starts + 4, counts, 4)
        described = held.four[descriptors]
        sizes = (described & 0xFFFF).astype(np.int64)
        kinds = (described >> 16).astype(np.uint8)
        before = np.concatenate(([0], np.cumsum(sizes)))
        bodies = starts + 4 + 4 * counts
        owner = np.repeat(np.arange(len(counts)), counts)
        values = before[:-1] + np.repeat(bodies - before[first], counts)
        bodies_end = bodies + before[first + counts] - before[first]
        tail = ends - bodies_end
        ok &= (tail >= 0) & (tail <= _TAIL_MAX)
        ok &= (tail == 0) | (held.one[np.where(ok, bodies_end, 0)] == 0)
        if not ok.all():
            values[~np.repeat(ok, counts)] = 0
        ok[owner[~fitting(held, kinds, values, sizes)]] = False
        return _Values(
            ok, self._layouts_of(definitions, bases, ok), first, counts, owner, kinds, values, sizes, descriptors + 2
        )

    def _layouts_of(self, definitions: _Places, bases: _Places, ok: _Flags) -> npt.NDArray[np.int32]:
        out = np.full(len(ok), -1, np.int32)
        at = np.flatnonzero(ok)
        if len(at):
            found, first, back = np.unique(definitions[at], return_index=True, return_inverse=True)
            out[at] = self.layouts.numbers(self.held, found, bases[at][first])[back.ravel()]
            ok &= out >= 0
        return out

    def _nested(self) -> tuple[_Values, _Places]:
        """Read the instances that are values of others; give for each record which one it has, -1 for none."""
        outer = self.outer
        at = np.flatnonzero((outer.kinds == BINARY_XML) & (outer.sizes > 0))
        owner = outer.owner[at]
        several = np.bincount(owner, minlength=len(self.ok)) > 1
        self.ok &= ~several
        at = at[self.ok[owner]]
        owner = outer.owner[at]
        places = outer.places[at]
        ends = places + outer.sizes[at]
        fragment = (outer.sizes[at] > 4) & (self.held.four[places] == 0x0001010F)
        inner = self._instances(places + 4 * fragment, ends, self.bases[owner], np.ones(len(at), bool))
        deeper = inner.owner[(inner.kinds == BINARY_XML) & (inner.sizes > 0)]
        inner.ok[deeper] = False
        self.ok[owner[~inner.ok]] = False
        which = np.full(len(self.ok), -1, np.int64)
        which[owner] = np.arange(len(at))
        return inner, which

    def _lists(self) -> tuple[_Items, _Places]:
        """Part lists of texts; give for each value, outer ones first, how many texts it is, -1 where it is no list."""
        kinds, places, sizes = self.kinds, self.places, self.sizes
        records = np.concatenate((self.outer.owner, self.record_of[self.inner.owner]))
        at = np.flatnonzero((kinds == TEXTS) & self.ok[records])
        counts = np.full(len(kinds), -1, np.int64)
        units = spread(places[at], sizes[at] // 2, 2)
        zeros = np.flatnonzero(self.held.two[units] == 0)
        ends = np.cumsum(sizes[at] // 2)
        lists = np.searchsorted(ends, zeros, "right")
        counts[at] = np.bincount(lists, minlength=len(at))
        unclosed = (sizes[at] == 0) | (self.held.two[places[at] + sizes[at] - 2] != 0) | (counts[at] > _ITEMS_MAX)
        self.ok[records[at[unclosed]]] = False
        starts = np.concatenate(([0], zeros[:-1] + 1)) if len(zeros) else zeros
        first_of_list = np.concatenate(([True], lists[1:] != lists[:-1])) if len(zeros) else np.zeros(0, bool)
        starts = np.where(first_of_list, (ends - sizes[at] // 2)[lists], starts)
        owner = records[at][lists]
        # the lists of one record stand together, those of its outer template first
        order = np.argsort(owner, kind="stable")
        count = np.bincount(owner, minlength=len(self.ok))
        return (
            _Items(np.cumsum(count) - count, count, units[starts][order], 2 * (zeros - starts)[order]),
            counts,
        )

    def _codes(self, item_counts: _Places) -> tuple[_Codes, _Codes, _Codes]:
        """Give a number for what matters of each value but its text: outer ones, inner ones, texts of lists."""
        outer = self._codes_of(self.outer, item_counts[: len(self.outer.kinds)])
        inner = self._codes_of(self.inner, item_counts[len(self.outer.kinds) :])
        return outer, inner, np.where(self.items.sizes == 0, _EMPTY, 0).astype(np.int64)

    def _codes_of(self, values: _Values, item_counts: _Places) -> _Codes:
        codes = values.kinds.astype(np.int64)
        usable = values.ok[values.owner]
        text = (values.kinds == TEXT) & (values.sizes > 0) & usable
        at = np.flatnonzero(text)
        empty = values.sizes == 0
        empty[at] = self.held.two[values.places[at]] == 0
        # a text that begins with a NUL and goes on: nobody writes that
        values.ok[values.owner[at[empty[at] & (values.sizes[at] > 2)]]] = False
        ansi = np.flatnonzero((values.kinds == ANSI_TEXT) & (values.sizes > 0) & usable)
        empty[ansi] = self.held.one[values.places[ansi]] == 0
        codes |= np.where(empty, _EMPTY, 0)
        lengths = len(_CMDLET_BYTES)
        at = at[(values.sizes[at] == lengths) | (values.sizes[at] == lengths + 2)]
        same = (self.held.one[values.places[at][:, None] + np.arange(lengths)] == _CMDLET_BYTES).all(axis=1)
        codes[at[same]] |= _CMDLET
        return codes + np.where(item_counts >= 0, (item_counts + 1) << _COUNT_SHIFT, 0)

    def _sums(
        self, codes: _Codes, first: _Places, count: _Places, weights: npt.NDArray[np.uint64]
    ) -> npt.NDArray[np.uint64]:
        """Give a number for each run of codes."""
        within = spread(np.zeros(len(count), np.int64), count)
        total = np.concatenate((np.zeros(1, np.uint64), np.cumsum((codes + 1).astype(np.uint64) * weights[within])))
        out: npt.NDArray[np.uint64] = total[first + count] - total[first]
        return out

    def _shapes_of(self, chunks: Sequence[Taken], counts: _Places) -> tuple[list[Shape], _Places]:
        """Give the shapes that occur and the one of each record; records without one are out."""
        outer, inner, items = self.codes
        weights = self.weights
        has = np.flatnonzero(self.inner_of >= 0)
        sums = self._sums(outer, self.outer.first, self.outer.count, weights)
        sums += (self.outer.layout.astype(np.int64) + 2).astype(np.uint64) * weights[-1]
        nested = self._sums(inner, self.inner.first, self.inner.count, weights[_VALUES_MAX:])
        nested += (self.inner.layout.astype(np.int64) + 2).astype(np.uint64) * weights[-2]
        sums[has] += nested[self.inner_of[has]]
        sums += self._sums(
            items, self.items.first, np.minimum(self.items.count, _ITEMS_MAX), weights[2 * _VALUES_MAX :]
        )
        self.ok &= self.items.count <= _ITEMS_MAX
        alive = np.flatnonzero(self.ok)
        _, first, back = np.unique(sums[alive], return_index=True, return_inverse=True)
        keys = [self._key(int(record)) for record in alive[first]]
        self._learn(chunks, counts, alive[first], keys)
        found = [self.shapes[key] for key in keys]
        shapes = [one for one in found if one is not None]
        positions = np.cumsum([one is not None for one in found]) - 1
        positions[[one is None for one in found]] = -1
        shape_of = np.full(len(self.ok), -1, np.int64)
        shape_of[alive] = positions[back.ravel()] if len(alive) else 0
        self.ok &= shape_of >= 0
        return shapes, shape_of

    def _key(self, record: int) -> Hashable:
        """Give everything that decides a record's shape."""
        outer, inner, items = self.codes
        at, count = int(self.outer.first[record]), int(self.outer.count[record])
        parts: list[Hashable] = [int(self.outer.layout[record]), outer[at : at + count].tobytes()]
        which = int(self.inner_of[record])
        if which >= 0:
            at, count = int(self.inner.first[which]), int(self.inner.count[which])
            parts += [int(self.inner.layout[which]), inner[at : at + count].tobytes()]
        at, count = int(self.items.first[record]), int(self.items.count[record])
        return (*parts, items[at : at + count].tobytes())

    def _learn(self, chunks: Sequence[Taken], counts: _Places, records: _Places, keys: Sequence[Hashable]) -> None:
        """Learn the shapes that are not known yet, chunk by chunk."""
        ends = np.cumsum(counts)
        wanted: dict[int, list[Example]] = {}
        for record, key in zip(records.tolist(), keys, strict=True):
            if key not in self.shapes:
                chunk = int(np.searchsorted(ends, record, "right"))
                unit = record - int(ends[chunk] - counts[chunk])
                wanted.setdefault(chunk, []).append(Example(key, unit, self._places(record)))
        for chunk, examples in wanted.items():
            start = chunks[chunk].start
            self.shapes.learn(self.held.data[start : start + CHUNK_BYTES], chunks[chunk].chunk, examples)

    def _places(self, record: int) -> list[Place]:
        """Give the values of a record, their places counted from the start of its chunk."""
        out: list[Place] = []
        base = int(self.bases[record])
        which = int(self.inner_of[record])
        groups = [(self.outer, self.codes[0], record, 0)]
        groups += [(self.inner, self.codes[1], which, INNER)] if which >= 0 else []
        for values, codes, instance, added in groups:
            at, count = int(values.first[instance]), int(values.count[instance])
            run = slice(at, at + count)
            sizes = values.sizes[run].copy()
            texts = values.kinds[run] == TEXT
            sizes[texts] = 2 * without_end(self.held, values.places[run][texts], sizes[texts])
            for at_ansi in np.flatnonzero(values.kinds[run] == ANSI_TEXT).tolist():
                start = int(values.places[run][at_ansi])
                sizes[at_ansi] = len(self.held.data[start : start + int(sizes[at_ansi])].partition(b"\0")[0])
            sizes[(codes[run] & (_EMPTY | _CMDLET)) != 0] = 0
            sizes[np.isin(values.kinds[run], (NULL, BINARY_XML, TEXTS))] = 0
            for number, (kind, place, size, descriptor) in enumerate(
                zip(
                    values.kinds[run].tolist(),
                    (values.places[run] - base).tolist(),
                    sizes.tolist(),
                    (values.descriptors[run] - base).tolist(),
                    strict=True,
                )
            ):
                out.append(Place(added + number, kind, place, size, descriptor))
        at, count = int(self.items.first[record]), int(self.items.count[record])
        for number in range(count):
            place, size = int(self.items.places[at + number]) - base, int(self.items.sizes[at + number])
            out.append(Place(ITEM + number, TEXT, place, size, -1))
        return out

    def _flat(self, records: _Places, specs: _Places) -> _Places:
        """Give the positions of values among all values: outer, inner, texts of lists."""
        inner = specs >= INNER
        item = specs >= ITEM
        outer_count, inner_count = len(self.outer.kinds), len(self.inner.kinds)
        out = np.where(specs >= 0, self.outer.first[records] + specs, specs)
        at = np.flatnonzero(inner & ~item)
        out[at] = outer_count + self.inner.first[self.inner_of[records[at]]] + specs[at] - INNER
        at = np.flatnonzero(item)
        out[at] = outer_count + inner_count + self.items.first[records[at]] + specs[at] - ITEM
        return out

    def _batch(
        self, records: _Places, shapes: Sequence[Shape], shape_of: _Places, numbers: _Places
    ) -> tuple[pa.RecordBatch, _Places]:
        """Give the rows of records, and the positions of those that hold what cannot be written here."""
        bad: list[_Places] = []
        columns: dict[str, pa.Array] = {"record_no": pa.array(numbers, pa.int64())}
        specs = np.array([one.system for one in shapes], np.int64).reshape(-1, len(FIELDS))
        for field, name in enumerate(FIELDS):
            flat = self._flat(records, specs[shape_of, field])
            if field == TIME:
                columns[name] = self._instants(flat)
            elif field in INTEGER_FIELDS:
                columns[name], faults = self._integers(flat, SCHEMA.field(name).type)
                bad.append(faults)
            else:
                columns[name], faults = self._texts(flat)
                bad.append(faults)
        columns["host"] = columns["Computer"]
        data, faults = self._data(records, shapes, shape_of)
        bad.append(faults)
        columns |= data
        batch = pa.RecordBatch.from_arrays([columns[name] for name in SCHEMA.names], schema=SCHEMA)
        return batch, np.unique(np.concatenate(bad))

    def _instants(self, flat: _Places) -> pa.Array:
        none = flat < 0
        found = filetimes(self.held, self.places[np.where(none, 0, flat)])
        return pa.array(found, mask=none).cast(pa.timestamp("us", tz="UTC"))

    def _integers(self, flat: _Places, kind: pa.DataType) -> tuple[pa.Array, _Places]:
        none = flat == NOTHING
        static = np.flatnonzero(flat < NOTHING)
        given = np.where(flat < 0, 0, flat)
        found, wrong = integers(self.held, self.kinds[given], self.places[given])
        wrong |= (found > np.iinfo(np.int32).max) | (found < np.iinfo(np.int32).min) if kind == pa.int32() else False
        wrong &= flat >= 0
        if len(static):
            values = np.array(
                [int(one) if one.lstrip("-").isdecimal() else 0 for one in self.shapes.constants.texts], object
            )
            found[static] = values[NOTHING - 1 - flat[static]].astype(np.int64)
        found[wrong] = 0
        return pa.array(found, mask=none).cast(kind), np.flatnonzero(wrong)

    def _texts(self, flat: _Places) -> tuple[pa.Array, _Places]:
        """Write values as texts; give the positions of those that are not to be written here."""
        at = np.flatnonzero(flat >= 0)
        used = flat[at]
        texts, faults = written(self.held, self.kinds[used], self.places[used], self.sizes[used])
        if len(at) == len(flat):
            return texts, faults
        back = np.empty(len(flat), np.int64)
        back[at] = np.arange(len(at))
        static = np.flatnonzero(flat < NOTHING)
        back[static] = len(at) + NOTHING - 1 - flat[static]
        whole = pa.concat_arrays([texts, self.constants]) if len(static) else texts
        return whole.take(pa.array(back, mask=flat == NOTHING)), at[faults]

    def _data(
        self, records: _Places, shapes: Sequence[Shape], shape_of: _Places
    ) -> tuple[dict[str, pa.Array], _Places]:
        """Spread the event data over their columns and the map."""
        counts = np.array([len(one.names) for one in shapes], np.int64)
        firsts = np.cumsum(counts) - counts
        names = np.array([name for one in shapes for name in one.names], np.int64)
        specs = np.array([spec for one in shapes for spec in one.data], np.int64)
        count = counts[shape_of]
        which = spread(firsts[shape_of], count)
        rows = np.repeat(np.arange(len(records)), count)
        texts, faults = self._texts(self._flat(records[rows], specs[which]))
        return self._placed(names[which], rows, texts, len(records)), rows[faults]

    def _placed(self, names: _Places, rows: _Places, texts: pa.Array, count: int) -> dict[str, pa.Array]:
        """Put named texts, row after row, into their columns; those without one into the map."""
        known = self.shapes.names.texts
        columns: dict[str, pa.Array] = {}
        mapped = np.ones(len(known) + 1, bool)
        held = set(np.unique(names).tolist())
        for name in DATA_COLUMNS:
            number = self.shapes.names.number(name)
            if number not in held:
                columns[name] = pa.nulls(count, pa.string())
                continue
            mapped[number] = False
            at = np.flatnonzero(names == number)
            where = np.full(count, -1, np.int64)
            where[rows[at]] = at
            columns[name] = texts.take(pa.array(where, mask=where < 0))
        at = np.flatnonzero(mapped[names])
        offsets = np.zeros(count + 1, np.int32)
        np.cumsum(np.bincount(rows[at], minlength=count), out=offsets[1:])
        keys = pa.array(known, pa.string()).take(pa.array(names[at]))
        columns["EventData"] = pa.MapArray.from_arrays(pa.array(offsets), keys, texts.take(pa.array(at)))
        return columns
