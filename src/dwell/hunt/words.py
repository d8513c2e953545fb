"""The distinct texts of one column, and which questions each of them answers with yes.

Only the texts that some question marks are told apart; all others answer every question alike and are one slot. A null
has a slot of its own. So the truth of a condition over a column is a short vector, whatever the column's size.
"""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.hunt.patterns import Indices, Patterns, Regexes, folded, patterns, regexes
from dwell.hunt.ruleset import Atom, Node
from dwell.hunt.timeparts import time_part
from dwell.hunt.views import views
from dwell.model.short_cache import short_cache

__all__ = ["Truth", "Words", "blanks_of", "truth_of", "words"]

Truth = npt.NDArray[np.bool_]

SHARED_MIN = 1_024
"""Fewer texts than this are looked at again sooner than it is found out which of them the file before held."""
FEW_QUESTIONS = 4
"""So few questions are put to all texts sooner than it is found out which of them the file before held."""
_NUMBER = re.compile(r"[+-]?\d{1,30}(?:\.\d{1,30})?\Z", re.ASCII)
EXACT_MAX = 2**53
"""From here on a float does not tell one whole number from the next."""
_COMPARE_EXACTLY = {
    "eq": operator.eq, "lt": operator.lt, "lte": operator.le, "gt": operator.gt, "gte": operator.ge,
}  # fmt: skip
_COMPARE = {"eq": np.equal, "lt": np.less, "lte": np.less_equal, "gt": np.greater, "gte": np.greater_equal}


class Words:
    """Distinct texts of a column, the marked ones told apart.

    Attributes:
        values: the marked texts, as written.
        counts: rows per slot: the marked texts, all others, null.
        marked: index of the marked texts among those that were given.
    """

    __slots__ = ("_asked", "_atoms", "_null", "_other", "counts", "marked", "values")

    def __init__(
        self, values: pa.StringArray, counts: Indices, marked: Indices, asked: frozenset[int] = frozenset()
    ) -> None:
        self.values = values
        self.counts = counts
        self.marked = marked
        self._asked = asked
        self._atoms: dict[int, Indices] = {}
        self._other: set[int] = set()
        self._null: set[int] = set()

    @property
    def other(self) -> int:
        """Give the slot of the texts that no question marks."""
        return len(self.values)

    @property
    def null(self) -> int:
        """Give the slot of no text."""
        return len(self.values) + 1

    def answer(self, atom: int, slots: Indices, *, other: bool = False, null: bool = False) -> None:
        """Note which slots answer a question with yes."""
        self._atoms[atom] = slots
        if other:
            self._other.add(atom)
        if null:
            self._null.add(atom)

    def narrowed(self, truths: Sequence[Truth]) -> tuple[Words, list[Truth]]:
        """Tell apart only the texts on which some condition differs from its truth for all others.

        Args:
            truths: truth of each condition that will be asked, by slot.

        Returns:
            Words that answer no single questions any more, and the truths by their slots.
        """
        told = np.zeros(len(self.values), np.bool_)
        for one in truths:
            told |= one[: self.other] != one[self.other]
        keep = np.flatnonzero(told)
        rest = self.counts[: self.other + 1].sum() - self.counts[keep].sum()
        counts = np.concatenate([self.counts[keep], [rest, self.counts[self.null]]])
        slots = np.concatenate([keep, [self.other, self.null]])
        held = Words(self.values.take(pa.array(keep)), counts, self.marked[keep])
        return held, [one[slots] for one in truths]

    def answered(self) -> list[int]:
        """Give the questions that some text, or its absence, answers with yes."""
        return list(self._atoms)

    def is_unmet(self, indices: frozenset[int]) -> bool:
        """Say whether some questions were all asked, and no text, nor its absence, answers any with yes."""
        return indices <= self._asked and self._atoms.keys().isdisjoint(indices)

    def atom(self, index: int) -> Truth:
        """Give the answers to one question, by slot."""
        return self.any((index,))

    def any(self, indices: Iterable[int]) -> Truth:
        """Give by slot whether any of some questions is answered with yes; one that no text meets costs next to nothing."""
        out = np.zeros(len(self.values) + 2, np.bool_)
        for index in indices:
            found = self._atoms.get(index)
            if found is not None:
                out[found] = True
                out[self.other] |= index in self._other
                out[self.null] |= index in self._null
            elif index not in self._asked:
                raise KeyError(index)
        return out


def truth_of(node: Node, held: Words) -> Truth:
    """Give the truth of a condition over one column, by slot."""
    if node.op == "atom":
        return held.atom(node.index)
    if node.op == "or" and all(one.op == "atom" for one in node.children):
        return held.any(one.index for one in node.children)
    parts = [truth_of(one, held) for one in node.children]
    if node.op == "not":
        return ~parts[0]
    combine = np.logical_and if node.op == "and" else np.logical_or
    return np.asarray(combine.reduce(parts), np.bool_)


def blanks_of(table: str) -> tuple[str, ...]:
    """Give the texts of a table that are no value."""
    return ("", "-") if table == "iis" else ("",)


def words(
    table: str,
    place: str,
    values: pa.Array,
    counts: Indices,
    nulls: int,
    asked: Sequence[int],
    atoms: Sequence[Atom],
    able: Truth | None = None,
    unmet: Indices | None = None,
) -> Words:
    """Put the questions about a place to its distinct texts.

    Args:
        table: the archive table.
        place: the column.
        values: distinct texts, none null.
        counts: rows per text.
        nulls: rows without one.
        asked: the questions, as indices into `atoms`.
        atoms: all of them.
        able: by atom whether it still matters; only such questions are answered. All are where this is not given.
        unmet: atoms known to be met by no text, which need not be put.
    """
    kept = _questions(asked, atoms)
    questions = kept.opened(able)
    answered = questions.every
    if unmet is not None and len(unmet):
        left = np.ones(len(atoms), np.bool_) if able is None else able.copy()
        left[unmet] = False
        questions = kept.opened(left)
    hits = _hits(table, place, values, questions, kept)
    blank = np.zeros(0, np.int64)
    if questions.exists or questions.empty or questions.null:
        blank = np.flatnonzero(pc.is_in(values, value_set=pa.array(blanks_of(table))).to_numpy(zero_copy_only=False))
    told = np.zeros(len(values), np.bool_)
    told[blank] = True
    for mine in hits.values():
        told[mine] = True
    marked = np.flatnonzero(told)
    rest = int(counts.sum() - counts[marked].sum())
    every = np.arange(len(marked))
    held = Words(values.take(pa.array(marked)), np.concatenate([counts[marked], [rest, nulls]]), marked, answered)
    blank_slots = np.searchsorted(marked, blank)
    for one in questions.exists:
        # an empty text is there; the dash of a web log stands for a field without a value
        held.answer(one, np.setdiff1d(every, blank_slots) if table == "iis" else every, other=True)
    for one in questions.empty:
        held.answer(one, blank_slots)
    for one in questions.null:
        held.answer(one, blank_slots, null=True)
    for one in questions.anything:
        held.answer(one, every, other=True)
    for one, mine in hits.items():
        held.answer(one, np.searchsorted(marked, mine))
    return held


class _Answered(NamedTuple):
    """What the texts of the file before answered.

    Attributes:
        values: the texts.
        asked: the questions that were put to them.
        hits: by question, the texts that answer it with yes.
    """

    values: pa.StringArray
    asked: frozenset[int]
    hits: Mapping[int, Indices]


def _hits(table: str, place: str, values: pa.StringArray, questions: _Open, kept: _Questions) -> dict[int, Indices]:
    """Give for each question the texts that answer it with yes, in order; none where no text does.

    Files that follow one another share most of their texts: those that the file before held are not looked at again,
    unless what is asked of them now was not asked then. A few questions are put sooner than texts are compared.
    """
    if len(values) < SHARED_MIN or questions.size <= FEW_QUESTIONS:
        return _asked_of(table, place, values, questions)
    before = kept.answered.get((table, place))
    if before is None or not questions.every <= before.asked:
        hits = _asked_of(table, place, values, questions)
    else:
        at = pc.index_in(values, value_set=before.values).fill_null(-1).to_numpy(zero_copy_only=False)
        fresh = np.flatnonzero(at < 0)
        hits = {}
        if len(fresh) < len(values):
            shared = np.flatnonzero(at >= 0)
            to = np.full(len(before.values), -1, np.int64)
            to[at[shared]] = shared
            for one, rows in before.hits.items():
                mine = to[rows] if one in questions.every else to[:0]
                mine = mine[mine >= 0]
                if len(mine):
                    hits[one] = np.sort(mine)
        if len(fresh):
            for one, rows in _asked_of(table, place, values.take(pa.array(fresh)), questions).items():
                mine = fresh[rows]
                hits[one] = np.sort(np.concatenate([hits[one], mine])) if one in hits else mine
    kept.answered[table, place] = _Answered(values, questions.every, hits)
    return hits


def _asked_of(table: str, place: str, values: pa.StringArray, questions: _Open) -> dict[int, Indices]:
    """Put questions to texts."""
    hits = _text_hits(table, place, values, questions) if len(values) and questions.is_about_texts else {}
    return hits | _other_hits(values, questions.measured, questions.of.atoms)


@dataclass(frozen=True)
class _Questions:
    """The questions about one place, sorted by what answers them; sorted once, put to every data file."""

    every: frozenset[int]
    by_kind: Mapping[str, tuple[int, ...]]
    atoms: Sequence[Atom]
    answered: dict[tuple[str, str], _Answered] = field(default_factory=dict, compare=False)

    @cached_property
    def arrays(self) -> dict[str, Indices]:
        """Give the questions of each kind, as an array."""
        return {kind: np.array(self.by_kind.get(kind, ()), np.int64) for kind in _ORDER}

    @cached_property
    def whole(self) -> _Open:
        """Give all of them as open."""
        every = {kind: self.by_kind.get(kind, ()) for kind in _ORDER}
        return _Open(
            self, self.every, **every, wanted={kind: np.ones(len(ones), np.bool_) for kind, ones in every.items()}
        )

    def opened(self, able: Truth | None) -> _Open:
        """Give those that still matter."""
        if able is None:
            return self.whole
        wanted = {kind: able[ones] for kind, ones in self.arrays.items()}
        left = {kind: tuple(self.arrays[kind][right].tolist()) for kind, right in wanted.items()}
        if sum(len(ones) for ones in left.values()) == len(self.every):
            return self.whole
        return _Open(self, frozenset(one for ones in left.values() for one in ones), **left, wanted=wanted)

    @cached_property
    def plain_patterns(self) -> Patterns:
        """Give the patterns for which case does not count."""
        return patterns(tuple(self.atoms[one].parts for one in self.by_kind["plain"]))

    @cached_property
    def cased_patterns(self) -> Patterns:
        """Give the patterns for which case counts."""
        return patterns(tuple(self.atoms[one].parts for one in self.by_kind["cased"]))

    @cached_property
    def expressions(self) -> Regexes:
        """Give the regular expressions."""
        return regexes(tuple((self.atoms[one].parts[0], self.atoms[one].flags) for one in self.by_kind["regex"]))


_ORDER = ("exists", "empty", "null", "anything", "plain", "cased", "regex", "measured")


@dataclass(frozen=True, slots=True)
class _Open:
    """The questions about one place that still matter.

    Attributes:
        of: all of them.
        every: those that matter.
        wanted: by kind, which of all they are.
    """

    of: _Questions
    every: frozenset[int]
    exists: tuple[int, ...]
    empty: tuple[int, ...]
    null: tuple[int, ...]
    anything: tuple[int, ...]
    plain: tuple[int, ...]
    cased: tuple[int, ...]
    regex: tuple[int, ...]
    measured: tuple[int, ...]
    wanted: Mapping[str, Truth]

    @property
    def is_about_texts(self) -> bool:
        """Say whether a text has to be looked into."""
        return bool(self.plain or self.cased or self.regex)

    @property
    def size(self) -> int:
        """Give how many have to be put to each text."""
        return len(self.plain) + len(self.cased) + len(self.regex) + len(self.measured)

    def met(self, texts: pa.StringArray) -> Iterator[tuple[int, Indices]]:
        """Yield the patterns and expressions that some text meets, each with its texts in order."""
        if self.plain:
            found = self.of.plain_patterns.met(folded(texts), self.wanted["plain"])
            yield from ((self.of.by_kind["plain"][at], where) for at, where in found)
        if self.cased:
            found = self.of.cased_patterns.met(texts, self.wanted["cased"])
            yield from ((self.of.by_kind["cased"][at], where) for at, where in found)
        if self.regex:
            sought = np.flatnonzero(self.wanted["regex"]).tolist()
            yield from zip(self.regex, self.of.expressions.find(texts, sought), strict=True)


_KINDS = {
    "exists": "exists",
    "empty": "empty",
    "null": "null",
    "regex": "regex",
    "number": "measured",
    "compare": "measured",
    "cidr": "measured",
    "part": "measured",
}


def _sorted(asked: Sequence[int], atoms: Sequence[Atom]) -> _Questions:
    """Sort questions; one of an unknown kind is a fault of ours, never a question without an answer."""
    found: dict[str, list[int]] = {}
    for one in asked:
        atom = atoms[one]
        if atom.kind == "text":
            kind = "anything" if atom.parts == ("", "*", "") else "cased" if "c" in atom.flags else "plain"
        else:
            kind = _KINDS[atom.kind]
        found.setdefault(kind, []).append(one)
    return _Questions(frozenset(asked), {kind: tuple(ones) for kind, ones in found.items()}, atoms)


QUESTIONS_KEPT = 4_096
_kept: dict[tuple[int, int], tuple[Sequence[int], _Questions]] = {}


def _questions(asked: Sequence[int], atoms: Sequence[Atom]) -> _Questions:
    """Give questions sorted; the same list of the same rule set is sorted once per process."""
    key = (id(asked), id(atoms))
    held = _kept.get(key)
    # what is kept holds both lists, so no other list can have come to their place in memory
    if held is None:
        if len(_kept) >= QUESTIONS_KEPT:
            _kept.clear()
        held = _kept[key] = (asked, _sorted(asked, atoms))
    return held[1]


def _text_hits(table: str, place: str, values: pa.StringArray, questions: _Open) -> dict[int, Indices]:
    """Put all patterns and regular expressions to the texts, one pass each; give those that some text meets."""
    out: dict[int, Indices] = {}
    for rows, view in views(table, place, values):
        for one, where in questions.met(view):
            if len(where):
                mine = where if rows is None else rows[where]
                out[one] = np.union1d(out[one], mine) if one in out else mine
    return out


def _other_hits(values: pa.StringArray, asked: Sequence[int], atoms: Sequence[Atom]) -> dict[int, Indices]:
    """Put the questions that need a number, an address or an instant."""
    out: dict[int, Indices] = {}
    if not asked or not len(values):
        return out
    instants = [one for one in asked if atoms[one].kind == "part"]
    read = {name: time_part(values, name) for name in sorted({atoms[one].flags for one in instants})}
    out = {one: _compared(read[atoms[one].flags], atoms[one].parts[0], atoms[one].parts[1]) for one in instants}
    wanted = [one for one in asked if atoms[one].kind != "part"]
    if not wanted:
        return out
    texts: list[str] = values.to_pylist()
    numbers = _numbers(texts) if any(atoms[one].kind != "cidr" for one in wanted) else np.zeros(0)
    held = set(numbers.tolist())
    large = {at: Decimal(texts[at]) for at in np.flatnonzero(np.abs(numbers) >= EXACT_MAX).tolist()}
    for one in wanted:
        atom = atoms[one]
        if atom.kind == "number":
            # hundreds of rules ask for event ids, each for another
            is_held = float(atom.parts[0]) in held
            out[one] = _exactly(numbers, large, atom.parts[0], "eq") if is_held else np.zeros(0, np.int64)
        elif atom.kind == "compare":
            out[one] = _exactly(numbers, large, atom.parts[0], atom.flags)
        else:
            network = ipaddress.ip_network(atom.parts[0])
            out[one] = np.array([at for at, text in enumerate(texts) if _inside(text, network)], np.int64)
    return out


def _compared(numbers: npt.NDArray[np.float64], bound: str, how: str) -> Indices:
    """Give where a comparison holds; NaN stands for what is no number, and compares as false with everything."""
    return np.flatnonzero(_COMPARE[how](numbers, float(bound)))


def _exactly(numbers: npt.NDArray[np.float64], large: Mapping[int, Decimal], bound: str, how: str) -> Indices:
    """Give where a comparison holds; numbers too large for a float to tell them apart are compared digit by digit."""
    out = _compared(numbers, bound, how)
    if not large or abs(float(bound)) < EXACT_MAX:
        return out
    exact, met = Decimal(bound), _COMPARE_EXACTLY[how]
    return np.union1d(np.setdiff1d(out, list(large)), [at for at, one in large.items() if met(one, exact)]).astype(
        np.int64
    )


def _numbers(texts: Sequence[str]) -> npt.NDArray[np.float64]:
    return np.array([float(one) if _NUMBER.match(one) else np.nan for one in texts], np.float64)


@short_cache(262_144)
def _addresses(text: str) -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, ...]:
    """Give the address that a text is, and the IPv4 address that it stands for where it is mapped."""
    if len(text) > 64:
        return ()
    try:
        found = ipaddress.ip_address(text.strip())
    except ValueError:
        return ()
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (found,) if mapped is None else (found, mapped)


def _inside(text: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    return any(one.version == network.version and one in network for one in _addresses(text))
