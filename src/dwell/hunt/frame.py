"""Rows of one data file seen through questions: every column as slots of its `Words`, made when first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.lexicon import coded, joined_codes
from dwell.archive.spec import JoinedText, TableSpec
from dwell.hunt.base import Base, Rows
from dwell.hunt.derived import base_of, derived, is_derived
from dwell.hunt.hits import Matched
from dwell.hunt.jsonpaths import as_text, texts_at
from dwell.hunt.patterns import Indices
from dwell.hunt.picking import picked
from dwell.hunt.ruleset import Node, RuleSet
from dwell.hunt.words import Truth, Words, truth_of, words

__all__ = ["Frame", "Slots", "columns_of"]

FEW = 16
"""Texts met by less than one row in so many are gathered by row once, and never looked for again."""


class Slots:
    """A place over the rows of a frame.

    Attributes:
        held: its distinct texts.
        slots: slot of each entry.
        rows: row of each entry; None where every row has exactly one.
    """

    __slots__ = ("_order", "_starts", "held", "rows", "slots")

    def __init__(self, held: Words, slots: Indices, rows: Indices | None = None) -> None:
        self.held = held
        self.slots = slots
        self.rows = rows
        self._order: Indices | None = None
        self._starts = np.zeros(0, np.int64)

    def entries(self, truth: Truth) -> Indices:
        """Give the entries whose slot is true; looks at the marked ones only where no others can be meant."""
        none = len(self.held.values)
        if truth[none:].any() or int(self.held.counts[truth].sum()) * FEW > len(self.slots):
            return np.flatnonzero(truth[self.slots])
        if self._order is None:
            common = np.append(self.held.counts[:none] * FEW > len(self.slots), [True, True])
            marked = np.flatnonzero(~common[self.slots])
            self._order = marked[np.argsort(self.slots[marked], kind="stable")]
            self._starts = np.searchsorted(self.slots[self._order], np.arange(none + 1))
        parts = [self._order[self._starts[at] : self._starts[at + 1]] for at in np.flatnonzero(truth[:none])]
        return np.sort(np.concatenate(parts)) if parts else np.zeros(0, np.int64)


def columns_of(place: str, spec: TableSpec) -> list[str]:
    """Give the columns that have to be read for a place; none where the table has no such column."""
    place = base_of(place)
    if place in spec.joined:
        return [spec.joined[place].first, spec.joined[place].second]
    name = place.partition(":")[0]
    return [name] if name in spec.schema.names else []


class Frame:
    """Some rows of a data file.

    Attributes:
        base: what was read of the file.
        rows: how many of its rows these are.
        spec: the table they belong to.
        rules: the rule set.
    """

    def __init__(
        self,
        base: Base,
        spec: TableSpec,
        rules: RuleSet,
        asked: Mapping[str, Sequence[int]],
        known: Mapping[str, Words] | None = None,
        truths: Mapping[int, Truth] | None = None,
        common: Callable[[int], tuple[Words, Truth] | None] | None = None,
        ranked: frozenset[str] = frozenset(),
        among: Truth | None = None,
    ) -> None:
        self.base = base
        self.rows = base.table.num_rows if among is None else int(among.sum())
        self.spec = spec
        self.rules = rules
        self._asked = asked
        self._known = known or {}
        self._slots: dict[str, Slots] = {}
        self._truths: dict[int, Truth] = dict(truths or {})
        self._common = common
        self._ranked = ranked
        self._among = None if self.rows == base.table.num_rows else among
        self._places: Indices | None = None
        self._ranks: Indices | None = None
        self._columns: dict[str, pa.ChunkedArray] = {}

    def holds(self, name: str) -> bool:
        """Say whether a column was read."""
        return name in self.base.table.column_names

    def column(self, name: str) -> pa.ChunkedArray:
        """Give a column of these rows."""
        if self._among is None:
            return self.base.table[name]
        if name not in self._columns:
            self._columns[name] = self.base.table[name].filter(pa.array(self._among))
        return self._columns[name]

    def in_base(self, rows: Indices) -> Indices:
        """Give rows as they are numbered in what was read."""
        if self._among is None:
            return rows
        if self._places is None:
            self._places = np.flatnonzero(self._among)
        return self._places[rows]

    def picked(self, names: Sequence[str], rows: Indices) -> pa.Table:
        """Give some columns of some rows; coded columns become plain."""
        return picked(self.base.table, names, self.in_base(rows))

    def slots(self, place: str) -> Slots:
        """Give a place over the rows."""
        if place not in self._slots:
            self._slots[place] = self._many(place) if ":" in place else self._single(place)
        return self._slots[place]

    def texts(self, place: str) -> tuple[Indices, pa.StringArray]:
        """Give a place as codes (-1 for null) and distinct texts."""
        if is_derived(place):
            return self._part_of(place)
        if place in self.spec.joined:
            join = self.spec.joined[place]
            return joined_codes(coded(self.column(join.first)), coded(self.column(join.second)), join)
        if place not in self.base.table.column_names:
            return np.full(self.rows, -1, np.int64), pa.array([], pa.string())
        array = coded(self.column(place))
        codes = array.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        values = array.dictionary
        return codes, values if values.type == pa.string() else values.cast(pa.string())

    def _part_of(self, place: str) -> tuple[Indices, pa.StringArray]:
        """Give a part of what a column holds as codes and distinct texts."""
        codes, whole = self.texts(base_of(place))
        part = derived(place, whole).dictionary_encode()
        to = part.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        return np.append(to, -1)[codes], part.dictionary

    def _single(self, place: str) -> Slots:
        if place in self._known:
            held = self._known[place]
            if is_derived(place) or (place in self.spec.joined and not self.spec.joined[place].separator):
                codes, values = self.texts(place)
                to = pc.index_in(values, value_set=held.values).fill_null(held.other).to_numpy(zero_copy_only=False)
                return Slots(held, np.append(to, held.null).astype(np.int64)[codes])
            if place in self.spec.joined:
                return Slots(held, self._joined(self.spec.joined[place], held))
            if place in self._ranked and place in self.base.table.column_names:
                return Slots(held, self._by_rank(place, held))
            return Slots(held, self._looked_up(place, held.values, other=held.other, null=held.null))
        codes, values = self.texts(place)
        counts = np.bincount(codes + 1, minlength=len(values) + 1)
        held = self._words(place, values, counts[1:], int(counts[0]))
        to = np.full(len(values) + 1, held.other, np.int64)
        to[held.marked] = np.arange(len(held.marked))
        to[-1] = held.null
        return Slots(held, to[codes])

    def _by_rank(self, name: str, held: Words) -> Indices:
        """Give per row the slot of a column whose codes are places in the lexicon: no text is looked at."""
        out = [np.zeros(0, np.int64)]
        for chunk in self.column(name).chunks:
            to = np.full(len(chunk.dictionary) + 1, held.other, np.int64)
            to[held.marked] = np.arange(len(held.marked))
            to[-1] = held.null
            out.append(to[_codes(chunk)])
        return np.concatenate(out)

    def _looked_up(self, name: str, values: pa.StringArray, *, other: int, null: int) -> Indices:
        """Give per row which of some texts a column holds; part by part, so that no dictionaries have to be united."""
        if name not in self.base.table.column_names:
            return np.full(self.rows, null, np.int64)
        out = [np.zeros(0, np.int64)]
        for chunk in self.column(name).chunks:
            part = chunk if pa.types.is_dictionary(chunk.type) else chunk.dictionary_encode()
            texts = part.dictionary.cast(pa.string())
            to = pc.index_in(texts, value_set=values).fill_null(other).to_numpy(zero_copy_only=False)
            out.append(np.append(to, null).astype(np.int64)[_codes(part)])
        return np.concatenate(out)

    def _joined(self, join: JoinedText, held: Words) -> Indices:
        """Give per row which of the marked texts its two columns make together.

        Only rows whose columns are the parts of a marked text are put together at all.
        """
        texts: list[str] = held.values.to_pylist()
        cut = [one.partition(join.separator) for one in texts]
        # a first part that holds the separator itself can be cut in more than one way
        odd = self._holding(join.first, join.separator)
        heads = pa.array(sorted({one[0] for one in cut}), pa.string())
        tails = pa.array(sorted({one[2] for one in cut} | {"", join.empty}), pa.string())
        head = self._looked_up(join.first, heads, other=-1, null=-2)
        tail = self._looked_up(join.second, tails, other=-1, null=-2)
        out = np.where(head == -2, held.null, held.other)
        rows = np.flatnonzero(((head >= 0) & (tail != -1)) | odd)
        if len(rows):
            part = self.picked([join.first, join.second], rows)
            codes, made = joined_codes(coded(part[join.first]), coded(part[join.second]), join)
            to = pc.index_in(made, value_set=held.values).fill_null(held.other).to_numpy(zero_copy_only=False)
            out[rows] = np.append(to, held.null)[codes]
        return out

    def _holding(self, name: str, mark: str) -> Truth:
        """Say which rows of a column hold a mark."""
        out = [np.zeros(0, np.bool_)]
        for chunk in self.column(name).chunks if name in self.base.table.column_names else []:
            part = chunk if pa.types.is_dictionary(chunk.type) else chunk.dictionary_encode()
            found = pc.match_substring(part.dictionary.cast(pa.string()), mark).to_numpy(zero_copy_only=False)
            out.append(np.append(found, [False]).astype(np.bool_)[_codes(part)])
        return np.concatenate(out) if len(out) > 1 else np.zeros(self.rows, np.bool_)

    def _words(self, place: str, values: pa.StringArray, counts: Indices, nulls: int) -> Words:
        asked = self._asked.get(place, ())
        return words(self.spec.name, place, values, counts.astype(np.int64), nulls, asked, self.rules.atoms)

    def _many(self, place: str) -> Slots:
        """Give a place that a row can hold several texts of: a key of a map, or all its texts."""
        name, _, key = place.partition(":")
        rows, texts = self.found(name, key)
        array = texts.dictionary_encode()
        codes = array.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        values = array.dictionary.cast(pa.string())
        held = self._words(place, values, np.bincount(codes, minlength=len(values)), 0)
        to = np.full(len(values), held.other, np.int64)
        to[held.marked] = np.arange(len(held.marked))
        return Slots(held, to[codes] if len(codes) else codes, rows)

    def found(self, name: str, key: str) -> tuple[Indices, pa.Array]:
        """Give row and text of every entry under a key of a map, of a JSON text, or under all keys."""
        if name not in self.base.table.column_names:
            return np.zeros(0, np.int64), pa.array([], pa.string())
        if not self.base.is_map(name):
            return self._in_json(name, key)
        entries = self.base.entries(name)
        if key == "*":
            rows, values, keys = entries.rows, entries.values, entries.keys
            if self._among is not None:
                mine = np.flatnonzero(self._among[rows])
                rows, values, keys = self._mine(rows[mine]), values.take(pa.array(mine)), keys.take(pa.array(mine))
            if name != "Parameters":
                return rows, values
            return np.concatenate([rows, rows]), pa.concat_arrays([keys.cast(pa.string()), values])
        chosen = entries.places(key)
        if self._among is not None:
            chosen = chosen[self._among[entries.rows[chosen]]]
        return self._mine(entries.rows[chosen]), entries.values.take(pa.array(chosen))

    def _mine(self, rows: Indices) -> Indices:
        """Give rows of what was read, all of them ours, as they are numbered here."""
        if self._among is None:
            return rows
        if self._ranks is None:
            self._ranks = np.cumsum(self._among) - 1
        return self._ranks[rows]

    def _in_json(self, name: str, key: str) -> tuple[Indices, pa.Array]:
        """Find a field that only the record's own JSON holds: by its path, or as a name in its lists of pairs."""
        codes, values = self.texts(name)
        lower = key.lower()
        read = _json_texts if name == "AuditData" else texts_at
        sought = lower if name == "AuditData" else lower.rpartition(".")[2]
        likely = pc.match_substring(values, sought, ignore_case=True).to_numpy(zero_copy_only=False)
        found = {int(at): read(values[int(at)].as_py(), lower) for at in np.flatnonzero(likely)}
        rows: list[int] = []
        texts: list[str] = []
        for row in np.flatnonzero(np.isin(codes, list(found))).tolist():
            mine = found[int(codes[row])]
            rows += [row] * len(mine)
            texts += mine
        return np.array(rows, np.int64), pa.array(texts, pa.string())

    def recorded(self, place: str) -> bool:
        """Say whether any row holds something in a place."""
        if is_derived(place):
            return bool((self.texts(place)[0] >= 0).any())
        if ":" not in place:
            held = (self.spec.joined[place].first,) if place in self.spec.joined else (place,)
            return any(self.column(one).null_count < self.rows for one in held)
        name, _, key = place.partition(":")
        return bool(len(self.found(name, key)[0]))

    def holding(self, place: str) -> Indices:
        """Give the rows that hold something in a place; one that holds several things may be named several times."""
        if is_derived(place):
            return np.flatnonzero(self.texts(place)[0] >= 0)
        if ":" in place:
            name, _, key = place.partition(":")
            return self.found(name, key)[0]
        name = self.spec.joined[place].first if place in self.spec.joined else place
        return np.flatnonzero(self.column(name).is_valid().to_numpy())

    def is_common(self, index: int) -> bool:
        """Say whether a leaf is one that is better asked of few rows."""
        return index not in self._truths and self.rules.leaves[index].place in self._known

    def asked(self, index: int, rows: Indices) -> tuple[Indices, pa.StringArray, Truth]:
        """Ask a common leaf of some rows.

        Returns:
            Code of each row's text (-1 for none), the texts, and their truth with that of no text at the end.
        """
        place = self.rules.leaves[index].place
        held, truth = (self._common and self._common(index)) or (self.slots(place).held, self.truth(index))
        columns = [one for one in columns_of(place, self.spec) if one in self.base.table.column_names]
        codes, values = Frame(Base(Rows.of(self.picked(columns, rows))), self.spec, self.rules, {}).texts(place)
        to = pc.index_in(values, value_set=held.values).fill_null(held.other).to_numpy(zero_copy_only=False)
        return codes, values, truth[np.append(to, held.null).astype(np.int64)]

    def truth(self, index: int) -> Truth:
        """Give the truth of a leaf over a place with one text a row, by slot."""
        if index not in self._truths:
            leaf = self.rules.leaves[index]
            self._truths[index] = truth_of(leaf.tree, self.slots(leaf.place).held)
        return self._truths[index]

    def matched(self, index: int, rows: Indices, chars: int) -> Matched:
        """Give the texts by which a leaf is met, over some rows."""
        leaf = self.rules.leaves[index]
        if ":" not in leaf.place and not self._is_told(index):
            every, values, met = self.asked(index, rows)
            return self._told(leaf.place, np.where(met[every], every, -1), values, chars)
        slots = self.slots(leaf.place)
        none = len(slots.held.values)
        if slots.rows is None:
            codes = slots.slots[rows]
            codes = np.where(self.truth(index)[codes] & (codes < none), codes, -1)
            return self._told(leaf.place, codes, slots.held.values, chars)
        mine = _atoms(leaf.tree)
        atoms = [one for one in self._asked.get(leaf.place, ()) if one in mine]
        truth = np.logical_or.reduce([slots.held.atom(one) for one in atoms])
        told = np.flatnonzero(truth[slots.slots] & (slots.slots < none))
        first = np.full(self.rows, -1, np.int64)
        first[slots.rows[told][::-1]] = slots.slots[told][::-1]
        return self._told(leaf.place, first[rows], slots.held.values, chars)

    def _is_told(self, index: int) -> bool:
        """Say whether the slots tell apart every text that meets a leaf."""
        truth = self._truths.get(index)
        return truth is not None and not truth[-2]

    def _told(self, place: str, codes: Indices, values: pa.StringArray, chars: int) -> Matched:
        """Give texts as `column=value`, only those that are used."""
        name, _, key = place.partition(":")
        label = key if key not in {"", "*"} else name
        used = np.unique(codes[codes >= 0])
        texts = pc.utf8_slice_codeunits(values.take(pa.array(used)), 0, chars)
        shown = pc.binary_join_element_wise(label.rstrip("#"), texts, "=")
        return Matched(np.where(codes < 0, -1, np.searchsorted(used, codes)), shown)


def _codes(part: pa.DictionaryArray) -> npt.NDArray[np.int32]:
    """Give the codes of a coded column, -1 for null, without a copy where there is none."""
    indices = part.indices if not part.indices.null_count else part.indices.fill_null(-1)
    codes: npt.NDArray[np.int32] = indices.to_numpy(zero_copy_only=False)
    return codes


def _atoms(node: Node) -> frozenset[int]:
    if node.op == "atom":
        return frozenset({node.index})
    return frozenset().union(*(_atoms(one) for one in node.children))


def _json_texts(text: str, key: str) -> list[str]:
    """Give the texts of a name in a record: a field of its own, or `{Name, Value}` in one of its lists."""
    try:
        record = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return []
    if not isinstance(record, dict):
        return []
    found: list[object] = [value for name, value in record.items() if name.lower() == key]
    pairs = [one for value in record.values() if isinstance(value, list) for one in value if isinstance(one, dict)]
    found += [one.get("Value") for one in pairs if str(one.get("Name", "")).lower() == key]
    return [as_text(one) for one in found if one is not None]
