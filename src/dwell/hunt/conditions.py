"""Conditions put to the rows of a frame: first to the few rows that one part of it picks out, then to what is left."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa

from dwell.hunt.frame import Frame
from dwell.hunt.patterns import Indices
from dwell.hunt.ruleset import Atom, Leaf, Node
from dwell.hunt.slots import Slots
from dwell.hunt.words import Truth, blanks_of

__all__ = ["Conditions"]

_SAME: Mapping[str, Callable[[str, str], bool]] = {
    "": str.__eq__,
    "s": str.startswith,
    "e": str.endswith,
    "se": str.__contains__,
}
"""How one text is held against another, by the flags of the question."""


class Conditions:
    """Conditions over one frame."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._blanks = blanks_of(frame.spec.name)

    def rows(self, node: Node) -> Indices:
        """Give the rows that meet a condition, ascending."""
        match node.op:
            case "leaf":
                leaf = self._frame.rules.leaves[node.index]
                slots = None if self._frame.is_common(node.index) else self._frame.slots(leaf.place)
                if slots is not None and slots.rows is None:
                    return slots.entries(self._frame.truth(node.index))
                if slots is not None and not len(slots.slots) and self._frame.rows:
                    # every row is alike here
                    return np.arange(self._frame.rows if self.where(node, np.arange(1))[0] else 0)
            case "and":
                rows = self.rows(node.children[0])
                for one in node.children[1:]:
                    if not len(rows):
                        break
                    rows = rows[self.where(one, rows)]
                return rows
            case "or":
                met = np.zeros(self._frame.rows, np.bool_)
                for one in node.children:
                    met[self.rows(one)] = True
                return np.flatnonzero(met)
        return np.flatnonzero(self.where(node, np.arange(self._frame.rows)))

    def where(self, node: Node, rows: Indices) -> Truth:
        """Say for which of some rows a condition holds."""
        match node.op:
            case "leaf":
                return self._leaf(self._frame.rules.leaves[node.index], node.index, rows)
            case "atom":
                return self._alone(self._frame.rules.atoms[node.index], node.index, rows)
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

    def _leaf(self, leaf: Leaf, index: int, rows: Indices) -> Truth:
        if self._frame.is_common(index):
            return self._frame.asked(index, rows)[2]
        slots = self._frame.slots(leaf.place)
        if slots.rows is None:
            return self._frame.truth(index)[slots.slots[rows]]
        return self._among(leaf.tree, slots, rows)

    def _among(self, node: Node, slots: Slots, rows: Indices) -> Truth:
        """Decide a condition over a place that a row can hold several texts of: any text will do for each question."""
        if node.op == "not":
            return ~self._among(node.children[0], slots, rows)
        if node.op in {"and", "or"}:
            combine = np.logical_and if node.op == "and" else np.logical_or
            return np.asarray(combine.reduce([self._among(one, slots, rows) for one in node.children]), np.bool_)
        atom = self._frame.rules.atoms[node.index]
        if not len(slots.slots):
            return np.full(len(rows), atom.kind == "null", np.bool_)
        truth = slots.held.atom(node.index)
        if atom.kind == "null":
            truth = ~truth
            truth[slots.held.null] = False
        met = np.zeros(self._frame.rows, np.bool_)
        entries = slots.entries(truth)
        met[entries if slots.rows is None else slots.rows[entries]] = True
        return ~met[rows] if atom.kind == "null" else met[rows]

    def _alone(self, atom: Atom, index: int, rows: Indices) -> Truth:
        """Decide an atom that compares two places, or one over a place with several texts."""
        if atom.kind != "same":
            return self._among(Node("atom", (), index), self._frame.slots(atom.place), rows)
        out = np.zeros(len(rows), np.bool_)
        if ":" in atom.place or ":" in atom.other:
            return self._same_many(atom, rows)
        (a, left), (b, right) = self._frame.texts(atom.place), self._frame.texts(atom.other)
        pairs = a[rows] * (len(right) + 1) + b[rows]
        known = (a[rows] >= 0) & (b[rows] >= 0)
        distinct, at = np.unique(pairs[known], return_inverse=True)
        first, second = np.divmod(distinct, len(right) + 1)
        both = zip(left.take(pa.array(first)).to_pylist(), right.take(pa.array(second)).to_pylist(), strict=True)
        told = np.array([self._same(one, two, atom.flags) for one, two in both], np.bool_)
        out[known] = told[at] if len(distinct) else False
        return out

    def _same_many(self, atom: Atom, rows: Indices) -> Truth:
        mine, other = self._by_row(atom.place, rows), self._by_row(atom.other, rows)
        return np.array(
            [
                any(self._same(one, two, atom.flags) for one in mine.get(row, ()) for two in other.get(row, ()))
                for row in rows.tolist()
            ],
            np.bool_,
        )

    def _same(self, one: str, two: str, flags: str) -> bool:
        """Say whether two texts are the same, or one begins or ends with the other; what is no value is like nothing."""
        if one in self._blanks or two in self._blanks:
            return False
        if "c" not in flags:
            one, two = one.lower(), two.lower()
        return _SAME[flags.removesuffix("c")](one, two)

    def _by_row(self, place: str, rows: Indices) -> dict[int, list[str]]:
        out: dict[int, list[str]] = {}
        if ":" in place:
            name, _, key = place.partition(":")
            at, found = self._frame.found(name, key)
            for row, text in zip(at.tolist(), found.to_pylist(), strict=True):
                out.setdefault(row, []).append(text)
            return out
        codes, values = self._frame.texts(place)
        for row in rows.tolist():
            if codes[row] >= 0:
                out[row] = [values[int(codes[row])].as_py()]
        return out
