"""Rows of one data file seen through questions: every column as slots of its `Words`, made when first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.lexicon import coded, joined_codes
from dwell.archive.spec import JoinedText, TableSpec
from dwell.hunt.base import Base, Codes, Rows
from dwell.hunt.composed import columns_of_composed, is_composed
from dwell.hunt.derived import base_of, derived, is_derived
from dwell.hunt.hits import Matched
from dwell.hunt.keyed import Keyed
from dwell.hunt.patterns import Indices
from dwell.hunt.picking import picked
from dwell.hunt.ruleset import Node, RuleSet
from dwell.hunt.slots import Slots
from dwell.hunt.words import Truth, Words, truth_of, words

__all__ = ["Frame", "columns_of"]


def columns_of(place: str, spec: TableSpec) -> list[str]:
    """Give the columns that have to be read for a place; none where the table has no such column."""
    place = base_of(place)
    if is_composed(place):
        return [one for one in columns_of_composed(place) if one in spec.schema.names]
    if place in spec.joined:
        return [spec.joined[place].first, spec.joined[place].second]
    name = place.partition(":")[0]
    return [name] if name in spec.schema.names else []


class Frame:
    """The rows of a data file, or those of one kind of record among them: these share all that was worked out for the file.

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
        keyed: Keyed | None = None,
        able: Truth | None = None,
    ) -> None:
        """Take rows.

        Args:
            base: what was read of the file.
            spec: the table.
            rules: the rule set.
            asked: the questions about each place.
            known: places to whose texts the questions were put.
            truths: of leaves over these, by slot.
            common: gives words and truth of a leaf that many rows meet.
            ranked: columns whose codes are places in the lexicon.
            keyed: places with several texts a row, where some were looked at.
            able: by atom whether it still matters; all do where not given.
        """
        self.base = base
        self.rows = base.table.num_rows
        self.spec = spec
        self.rules = rules
        self._asked = asked
        self._known = known or {}
        self._truths: dict[int, Truth] = dict(truths or {})
        self._common = common
        self._ranked = ranked
        self._keyed = keyed or Keyed(base, spec.name, rules, asked)
        self._able = able
        self._wide: dict[str, Codes] = {}
        self._told_of: dict[str, tuple[Words, Codes]] = {}
        self._codes: dict[str, tuple[Codes, pa.StringArray]] = {}
        self._mine()

    def _mine(self) -> None:
        """Begin with no row left out."""
        self._among: Truth | None = None
        self._places: Indices | None = None
        self._ranks: Indices | None = None
        self._slots: dict[str, Slots] = {}

    def part(self, among: Truth) -> Frame:
        """Give some of the rows.

        Args:
            among: by row whether it is one of them.
        """
        out = Frame.__new__(Frame)
        out.__dict__.update(self.__dict__)
        out._mine()
        if not among.all():
            out._among = among
            out._places = np.flatnonzero(among)
            out.rows = len(out._places)
        return out

    def holds(self, name: str) -> bool:
        """Say whether a column was read."""
        return name in self.base.table.column_names

    def numbers(self, name: str) -> Indices:
        """Give a column of numbers, none of which is null."""
        whole: Indices = self.base.table[name].to_numpy()
        return whole if self._places is None else whole[self._places]

    def in_base(self, rows: Indices) -> Indices:
        """Give rows as they are numbered in what was read."""
        return rows if self._places is None else self._places[rows]

    def picked(self, names: Sequence[str], rows: Indices) -> pa.Table:
        """Give some columns of some rows."""
        return picked(self.base.table, names, self.in_base(rows))

    def slots(self, place: str) -> Slots:
        """Give a place over the rows."""
        if place not in self._slots:
            self._slots[place] = self._many(place) if ":" in place else self._single(place)
        return self._slots[place]

    def texts(self, place: str) -> tuple[Indices, pa.StringArray]:
        """Give a place as codes (-1 for null) and distinct texts."""
        codes, values = self._whole_texts(place)
        return self._cut(codes).astype(np.int64), values

    def _cut(self, of_base: Codes) -> Codes:
        """Give what belongs to these rows of something that there is for every row."""
        return of_base if self._places is None else of_base[self._places]

    def _whole_texts(self, place: str) -> tuple[Codes, pa.StringArray]:
        """Give a place as codes and distinct texts, over all rows of the file."""
        if place not in self._codes:
            self._codes[place] = self._worked_out(place)
        return self._codes[place]

    def _worked_out(self, place: str) -> tuple[Codes, pa.StringArray]:
        if is_derived(place):
            codes, whole = self._whole_texts(base_of(place))
            part = derived(place, whole).dictionary_encode()
            to = part.indices.fill_null(-1).to_numpy(zero_copy_only=False)
            return np.append(to, np.int32(-1))[codes], part.dictionary
        if place in self.spec.joined:
            join = self.spec.joined[place]
            table = self.base.table
            made, texts = joined_codes(coded(table[join.first]), coded(table[join.second]), join)
            return made.astype(np.int32), texts
        if place not in self.base.table.column_names:
            return np.full(self.base.table.num_rows, -1, np.int32), pa.array([], pa.string())
        return self.base.codes(place)

    def _single(self, place: str) -> Slots:
        if place in self._known and place in self.spec.joined and self.spec.joined[place].separator:
            held = self._known[place]
            return Slots(held, self._joined(self.spec.joined[place], held))
        held, to = self._told_about(place)
        return Slots(held, to[self._cut(self._whole_texts(place)[0])])

    def _told_about(self, place: str) -> tuple[Words, Codes]:
        """Give the words of a place, and by code of its texts the slot, that of no text at the end; once for the file."""
        if place not in self._told_of:
            codes, values = self._whole_texts(place)
            held = self._known.get(place)
            if held is None:
                counts = np.bincount(codes.astype(np.int64) + 1, minlength=len(values) + 1)
                asked, atoms = self._asked.get(place, ()), self.rules.atoms
                held = words(self.spec.name, place, values, counts[1:], int(counts[0]), asked, atoms, self._able)
                marked: Indices | None = held.marked
            else:
                marked = held.marked if self._is_ranked(place) else None
            self._told_of[place] = held, _slots_of(held, values, marked)
        return self._told_of[place]

    def _is_ranked(self, place: str) -> bool:
        """Say whether the codes of a column are places in the lexicon."""
        return place in self._ranked and self.holds(place) and self.base.table[place].num_chunks == 1

    def _looked_up(self, name: str, values: pa.StringArray, *, other: int, null: int) -> Codes:
        """Give per row which of some texts a column holds."""
        codes, texts = self._whole_texts(name)
        to = pc.index_in(texts, value_set=values).fill_null(other).to_numpy(zero_copy_only=False)
        return np.append(to, np.int32(null))[self._cut(codes)]

    def _joined(self, join: JoinedText, held: Words) -> Codes:
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
        out = np.where(head == -2, held.null, held.other).astype(np.int32)
        rows = np.flatnonzero(((head >= 0) & (tail != -1)) | odd)
        if len(rows):
            part = self.picked([join.first, join.second], rows)
            codes, made = joined_codes(coded(part[join.first]), coded(part[join.second]), join)
            out[rows] = _slots_of(held, made)[codes]
        return out

    def _holding(self, name: str, mark: str) -> Truth:
        """Say which rows of a column hold a mark."""
        codes, texts = self._whole_texts(name)
        found = pc.match_substring(texts, mark).to_numpy(zero_copy_only=False)
        return np.append(found, [False]).astype(np.bool_)[self._cut(codes)]

    def _many(self, place: str) -> Slots:
        """Give a place that a row can hold several texts of."""
        whole = self._keyed.slots(place)
        if self._among is None or whole.rows is None:
            return whole
        mine = np.flatnonzero(self._among[whole.rows])
        return Slots(whole.held, whole.slots[mine], self._numbered(whole.rows[mine]))

    def found(self, name: str, key: str) -> tuple[Indices, pa.StringArray]:
        """Give row and text of every entry under a key of a map, of a JSON text, or under all keys."""
        rows, codes, values = self._keyed.found(f"{name}:{key}")
        if self._among is not None:
            mine = np.flatnonzero(self._among[rows])
            rows, codes = self._numbered(rows[mine]), codes[mine]
        return rows, values.take(pa.array(codes))

    def _numbered(self, rows: Indices) -> Indices:
        """Give rows of what was read, all of them ours, as they are numbered here."""
        if self._among is None:
            return rows
        if self._ranks is None:
            self._ranks = np.cumsum(self._among) - 1
        return self._ranks[rows]

    def holding(self, place: str) -> Indices:
        """Give the rows that hold something in a place; one that holds several things may be named several times."""
        if ":" in place:
            rows = self._keyed.found(place)[0]
            return rows if self._among is None else self._numbered(rows[self._among[rows]])
        name = self.spec.joined[place].first if place in self.spec.joined else place
        if is_derived(place) or self._among is not None:
            return np.flatnonzero(self._cut(self._whole_texts(place if is_derived(place) else name)[0]) >= 0)
        return np.flatnonzero(self.base.table[name].is_valid().to_numpy())

    def recorded(self, place: str) -> bool:
        """Say whether any row holds something in a place."""
        if is_derived(place):
            return bool((self.texts(place)[0] >= 0).any())
        if ":" not in place:
            held = (self.spec.joined[place].first,) if place in self.spec.joined else (place,)
            return any(self.base.table[one].null_count < self.rows for one in held)
        name, _, key = place.partition(":")
        return bool(len(self.found(name, key)[0]))

    def is_common(self, index: int) -> bool:
        """Say whether a leaf is one that is better asked of few rows."""
        return index not in self._truths and self.rules.leaves[index].place in self._known

    def asked(self, index: int, rows: Indices) -> tuple[Indices, pa.StringArray, Truth]:
        """Ask a common leaf of some rows.

        Returns:
            Code of each row's text (-1 for none), the texts, and by row whether it meets the leaf.
        """
        place = self.rules.leaves[index].place
        held, truth = (self._common and self._common(index)) or (self.slots(place).held, self.truth(index))
        if place in self.spec.joined or is_derived(place):
            columns = [one for one in columns_of(place, self.spec) if one in self.base.table.column_names]
            codes, values = Frame(Base(Rows.of(self.picked(columns, rows))), self.spec, self.rules, {}).texts(place)
            return codes, values, truth[_slots_of(held, values)][codes]
        every, values = self._whole_texts(place)
        if place not in self._wide:
            self._wide[place] = _slots_of(held, values, held.marked if self._is_ranked(place) else None)
        codes = every[self.in_base(rows)].astype(np.int64)
        return codes, values, truth[self._wide[place][codes]]

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
            return self._told(leaf.place, np.where(met, every, -1), values, chars)
        slots = self.slots(leaf.place)
        none = len(slots.held.values)
        if slots.rows is None:
            codes = slots.slots[rows].astype(np.int64)
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


def _slots_of(held: Words, values: pa.StringArray, marked: Indices | None = None) -> Codes:
    """Give the slot of each of some texts, that of no text at the end.

    Args:
        held: the words of a place.
        values: the texts.
        marked: which of them are the marked texts, where that is known.
    """
    if marked is None:
        to = pc.index_in(values, value_set=held.values).fill_null(held.other).to_numpy(zero_copy_only=False)
        return np.append(to, np.int32(held.null))
    out = np.full(len(values) + 1, held.other, np.int32)
    out[marked] = np.arange(len(marked))
    out[-1] = held.null
    return out


def _atoms(node: Node) -> frozenset[int]:
    if node.op == "atom":
        return frozenset({node.index})
    return frozenset().union(*(_atoms(one) for one in node.children))
