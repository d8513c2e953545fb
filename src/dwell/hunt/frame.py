"""Rows of one data file seen through questions: every column as slots of its `Words`, made when first asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.lexicon import coded, joined_codes
from dwell.archive.spec import TableSpec
from dwell.hunt.hits import Matched
from dwell.hunt.patterns import Indices
from dwell.hunt.ruleset import Atom, Leaf, Node, RuleSet
from dwell.hunt.words import Truth, Words, truth_of, words

__all__ = ["Frame", "Slots", "columns_of"]

_REPEATED = re.compile(r"#\d+\Z")


@dataclass(frozen=True, slots=True)
class Slots:
    """A place over the rows of a frame.

    Attributes:
        held: its distinct texts.
        slots: slot of each entry.
        rows: row of each entry; None where every row has exactly one.
    """

    held: Words
    slots: Indices
    rows: Indices | None = None


def columns_of(place: str, spec: TableSpec) -> list[str]:
    """Give the columns that have to be read for a place; none where the table has no such column."""
    if place in spec.joined:
        return [spec.joined[place].first, spec.joined[place].second]
    name = place.partition(":")[0]
    return [name] if name in spec.schema.names else []


class Frame:
    """Some rows of a data file.

    Attributes:
        table: the rows.
        spec: the table they belong to.
    """

    def __init__(
        self,
        table: pa.Table,
        spec: TableSpec,
        rules: RuleSet,
        asked: Mapping[str, Sequence[int]],
        known: Mapping[str, Words] | None = None,
    ) -> None:
        self.table = table
        self.spec = spec
        self._rules = rules
        self._asked = asked
        self._known = known or {}
        self._slots: dict[str, Slots] = {}
        self._truths: dict[int, Truth] = {}
        self._entries: dict[str, tuple[Indices, pa.DictionaryArray, pa.DictionaryArray]] = {}

    def slots(self, place: str) -> Slots:
        """Give a place over the rows."""
        if place not in self._slots:
            self._slots[place] = self._many(place) if ":" in place else self._single(place)
        return self._slots[place]

    def texts(self, place: str) -> tuple[Indices, pa.StringArray]:
        """Give a place as codes (-1 for null) and distinct texts."""
        if place in self.spec.joined:
            join = self.spec.joined[place]
            return joined_codes(coded(self.table[join.first]), coded(self.table[join.second]), join)
        if place not in self.table.column_names:
            return np.full(self.table.num_rows, -1, np.int64), pa.array([], pa.string())
        array = coded(self.table[place])
        codes = array.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        values = array.dictionary
        return codes, values if values.type == pa.string() else values.cast(pa.string())

    def _single(self, place: str) -> Slots:
        codes, values = self.texts(place)
        if place in self._known:
            held = self._known[place]
            if not len(values):
                return Slots(held, np.full(len(codes), held.null, np.int64))
            to = pc.index_in(values, value_set=held.values).fill_null(held.other).to_numpy(zero_copy_only=False)
        else:
            counts = np.bincount(codes + 1, minlength=len(values) + 1)
            held = self._words(place, values, counts[1:], int(counts[0]))
            to = np.full(len(values), held.other, np.int64)
            to[held.marked] = np.arange(len(held.marked))
        to = np.append(to, held.null)
        return Slots(held, to[codes])

    def _words(self, place: str, values: pa.StringArray, counts: Indices, nulls: int) -> Words:
        asked = self._asked.get(place, ())
        return words(self.spec.name, place, values, counts.astype(np.int64), nulls, asked, self._rules.atoms)

    def _many(self, place: str) -> Slots:
        """Give a place that a row can hold several texts of: a key of a map, or all its texts."""
        name, _, key = place.partition(":")
        rows, texts = self._found(name, key)
        array = texts.dictionary_encode()
        codes = array.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        values = array.dictionary.cast(pa.string())
        held = self._words(place, values, np.bincount(codes, minlength=len(values)), 0)
        to = np.full(len(values), held.other, np.int64)
        to[held.marked] = np.arange(len(held.marked))
        return Slots(held, to[codes] if len(codes) else codes, rows)

    def _found(self, name: str, key: str) -> tuple[Indices, pa.Array]:
        if name not in self.table.column_names:
            return np.zeros(0, np.int64), pa.array([], pa.string())
        kind = self.table.schema.field(name).type
        if pa.types.is_string(kind) or pa.types.is_dictionary(kind):
            return self._in_json(name, key)
        rows, keys, values = self._map(name)
        if key == "*":
            if name != "Parameters":
                return rows, values
            both = pa.concat_arrays([keys.cast(pa.string()), values])
            return np.concatenate([rows, rows]), both
        wanted = _key_test(key)
        names = keys.dictionary.to_pylist()
        right = np.flatnonzero([wanted(str(one)) for one in names])
        chosen = np.flatnonzero(np.isin(keys.indices.to_numpy(zero_copy_only=False), right))
        return rows[chosen], values.take(pa.array(chosen))

    def _map(self, name: str) -> tuple[Indices, pa.DictionaryArray, pa.Array]:
        """Give row, key and text of every entry of a map or a list; entries without a text are left out."""
        if name not in self._entries:
            column = self.table[name].combine_chunks()
            if isinstance(column, pa.ChunkedArray):
                column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
            lengths = (
                pc.list_value_length(column.cast(pa.list_(column.type.field(0).type)))
                if pa.types.is_map(column.type)
                else pc.list_value_length(column)
            )
            counts = lengths.fill_null(0).to_numpy(zero_copy_only=False)
            rows = np.repeat(np.arange(len(column)), counts)
            flat = (
                column.flatten()
                if pa.types.is_list(column.type)
                else column.cast(pa.list_(column.type.field(0).type)).flatten()
            )
            keys = pa.nulls(len(flat), pa.string()) if pa.types.is_list(column.type) else flat.field(0)
            values = flat if pa.types.is_list(column.type) else flat.field(1)
            valid = np.flatnonzero(values.is_valid().to_numpy(zero_copy_only=False))
            if len(valid) < len(rows):
                rows, keys, values = rows[valid], keys.take(pa.array(valid)), values.take(pa.array(valid))
            self._entries[name] = (rows, keys.fill_null("").dictionary_encode(), values)
        return self._entries[name]

    def _in_json(self, name: str, key: str) -> tuple[Indices, pa.Array]:
        """Find a field that only the record's own JSON holds: a key of its own, or a name in its lists of pairs."""
        codes, values = self.texts(name)
        lower = key.lower()
        likely = pc.match_substring(values, lower, ignore_case=True).to_numpy(zero_copy_only=False)
        found = {int(at): _json_texts(values[int(at)].as_py(), lower) for at in np.flatnonzero(likely)}
        rows: list[int] = []
        texts: list[str] = []
        for row in np.flatnonzero(np.isin(codes, list(found))).tolist():
            mine = found[int(codes[row])]
            rows += [row] * len(mine)
            texts += mine
        return np.array(rows, np.int64), pa.array(texts, pa.string())

    def recorded(self, place: str) -> bool:
        """Say whether any row holds something in a place."""
        if ":" not in place:
            held = (self.spec.joined[place].first,) if place in self.spec.joined else (place,)
            return any(self.table[one].null_count < self.table.num_rows for one in held)
        name, _, key = place.partition(":")
        return bool(len(self._found(name, key)[0]))

    def matched(self, index: int, rows: Indices, chars: int) -> Matched:
        """Give the texts by which a leaf is met, over some rows."""
        leaf = self._rules.leaves[index]
        slots = self.slots(leaf.place)
        none = len(slots.held.values)
        if slots.rows is None:
            codes = slots.slots[rows]
            codes = np.where(self.truth(index)[codes] & (codes < none), codes, -1)
        else:
            atoms = [one for one in self._asked.get(leaf.place, ()) if one in _atoms(leaf.tree)]
            truth = np.logical_or.reduce([slots.held.atom(one) for one in atoms])
            told = np.flatnonzero(truth[slots.slots] & (slots.slots < none))
            first = np.full(self.table.num_rows, -1, np.int64)
            first[slots.rows[told][::-1]] = slots.slots[told][::-1]
            codes = first[rows]
        name = leaf.place.partition(":")
        label = name[2] if name[2] not in {"", "*"} else name[0]
        texts = pc.binary_join_element_wise(
            label.rstrip("#"), pc.utf8_slice_codeunits(slots.held.values, 0, chars), "="
        )
        return Matched(codes, texts)

    # Conditions ---------------------------------------------------------------------------------------

    def where(self, node: Node, rows: Indices) -> Truth:
        """Say for which of some rows a condition holds."""
        match node.op:
            case "leaf":
                return self._leaf(self._rules.leaves[node.index], node.index, rows)
            case "atom":
                return self._alone(self._rules.atoms[node.index], node.index, rows)
            case "not":
                return ~self.where(node.children[0], rows)
            case "or":
                out = np.zeros(len(rows), np.bool_)
                for one in node.children:
                    left = np.flatnonzero(~out)
                    if not len(left):
                        break
                    out[left] = self.where(one, rows[left])
                return out
            case _:
                left = np.arange(len(rows))
                for one in node.children:
                    if not len(left):
                        break
                    left = left[self.where(one, rows[left])]
                out = np.zeros(len(rows), np.bool_)
                out[left] = True
                return out

    def truth(self, index: int) -> Truth:
        """Give the truth of a leaf over a place with one text a row, by slot."""
        if index not in self._truths:
            leaf = self._rules.leaves[index]
            self._truths[index] = truth_of(leaf.tree, self.slots(leaf.place).held)
        return self._truths[index]

    def _leaf(self, leaf: Leaf, index: int, rows: Indices) -> Truth:
        slots = self.slots(leaf.place)
        if slots.rows is None:
            return self.truth(index)[slots.slots[rows]]
        return self._among(leaf.tree, slots, rows)

    def _among(self, node: Node, slots: Slots, rows: Indices) -> Truth:
        """Decide a condition over a place that a row can hold several texts of: any text will do for each question."""
        if node.op == "not":
            return ~self._among(node.children[0], slots, rows)
        if node.op in {"and", "or"}:
            combine = np.logical_and if node.op == "and" else np.logical_or
            return np.asarray(combine.reduce([self._among(one, slots, rows) for one in node.children]), np.bool_)
        atom = self._rules.atoms[node.index]
        truth = slots.held.atom(node.index)
        if atom.kind == "null":
            truth = ~truth
            truth[slots.held.null] = False
        met = np.zeros(self.table.num_rows, np.bool_)
        entries = slots.rows if slots.rows is not None else np.arange(self.table.num_rows)
        met[entries[truth[slots.slots]]] = True
        return ~met[rows] if atom.kind == "null" else met[rows]

    def _alone(self, atom: Atom, index: int, rows: Indices) -> Truth:
        """Decide an atom that compares two places, or one over a place with several texts."""
        if atom.kind != "same":
            return self._among(Node("atom", (), index), self.slots(atom.place), rows)
        out = np.zeros(len(rows), np.bool_)
        if ":" in atom.place or ":" in atom.other:
            return self._same_many(atom, rows)
        (a, left), (b, right) = self.texts(atom.place), self.texts(atom.other)
        pairs = a[rows] * (len(right) + 1) + b[rows]
        known = (a[rows] >= 0) & (b[rows] >= 0)
        distinct, at = np.unique(pairs[known], return_inverse=True)
        texts = [_lower(left, right, int(one), len(right) + 1) for one in distinct]
        out[known] = np.array([_same(*one, atom.flags) for one in texts], np.bool_)[at] if len(distinct) else False
        return out

    def _same_many(self, atom: Atom, rows: Indices) -> Truth:
        mine, other = self._by_row(atom.place, rows), self._by_row(atom.other, rows)
        return np.array(
            [
                any(_same(one, two, atom.flags) for one in mine.get(row, ()) for two in other.get(row, ()))
                for row in rows.tolist()
            ],
            np.bool_,
        )

    def _by_row(self, place: str, rows: Indices) -> dict[int, list[str]]:
        out: dict[int, list[str]] = {}
        if ":" in place:
            name, _, key = place.partition(":")
            at, found = self._found(name, key)
            for row, text in zip(at.tolist(), found.to_pylist(), strict=True):
                out.setdefault(row, []).append(text.lower())
            return out
        codes, values = self.texts(place)
        for row in rows.tolist():
            if codes[row] >= 0:
                out[row] = [values[int(codes[row])].as_py().lower()]
        return out


def _atoms(node: Node) -> frozenset[int]:
    if node.op == "atom":
        return frozenset({node.index})
    return frozenset().union(*(_atoms(one) for one in node.children))


def _lower(left: pa.Array, right: pa.Array, pair: int, width: int) -> tuple[str, str]:
    return left[pair // width].as_py().lower(), right[pair % width].as_py().lower()


def _same(one: str, two: str, flags: str) -> bool:
    match flags:
        case "s":
            return one.startswith(two)
        case "e":
            return one.endswith(two)
        case "se":
            return two in one
        case _:
            return one == two


def _key_test(key: str) -> Callable[[str], bool]:
    """Give the test of a map's key: the name itself, the last part of a dotted one, or a repeated one."""
    if key.endswith("#"):
        numbered = re.compile(re.escape(key[:-1]) + r"\d*(?:#\d+)?\Z", re.IGNORECASE)
        return lambda one: numbered.match(one) is not None
    lower = key.lower()

    def test(one: str) -> bool:
        bare = _REPEATED.sub("", one).lower()
        return bare == lower or bare.endswith("." + lower)

    return test


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
    return [_as_text(one) for one in found if one is not None]


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, bool | int | float) else msgspec.json.encode(value).decode()
