"""Rules made ready for the data files of one table: what each asks, where, and what has to be there for a yes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from dwell.archive.spec import TableSpec
from dwell.hunt.composed import is_composed
from dwell.hunt.patterns import Indices
from dwell.hunt.ruleset import Case, Node, RuleSet
from dwell.hunt.sought import Sought
from dwell.hunt.views import marks_of
from dwell.hunt.weighing import Weighing
from dwell.hunt.words import Truth

__all__ = ["TableTasks", "Task", "atoms_of", "leaves_of", "places_of", "plain_atoms", "told_places"]


@dataclass(frozen=True, slots=True)
class Task:
    """A case of a rule that is about the table at hand.

    Attributes:
        rule: index of the rule.
        case: the case, or what the lexicon has left of it.
        places: where it looks.
        shown: leaves whose texts are told when it is met.
    """

    rule: int
    case: Case
    places: frozenset[str]
    shown: tuple[int, ...] = ()


def atoms_of(node: Node, rules: RuleSet) -> Iterator[int]:
    """Yield the atoms of a condition, those of its leaves included."""
    if node.op == "atom":
        yield node.index
    elif node.op == "leaf":
        yield from atoms_of(rules.leaves[node.index].tree, rules)
    for one in node.children:
        yield from atoms_of(one, rules)


def plain_atoms(node: Node) -> frozenset[int]:
    """Give the atoms of a leaf that are not negated; none where one is."""
    if node.op == "atom":
        return frozenset({node.index})
    parts = [plain_atoms(one) for one in node.children]
    return frozenset().union(*parts) if node.op != "not" and all(parts) else frozenset()


def leaves_of(node: Node) -> Iterator[int]:
    """Yield the leaves of a condition."""
    if node.op == "leaf":
        yield node.index
    for one in node.children:
        yield from leaves_of(one)


def told_places(case: Case) -> frozenset[str]:
    """Give the places that correlations ask about."""
    return frozenset(place for _, places in case.told for place in places)


def places_of(tree: Node, rules: RuleSet) -> frozenset[str]:
    """Give the places that a condition looks at."""
    found: set[str] = set()
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if node.op == "leaf":
            # all questions of a leaf are about its place
            found.add(rules.leaves[node.index].place)
        elif node.op == "atom":
            atom = rules.atoms[node.index]
            found |= {atom.place, atom.other} if atom.other else {atom.place}
        else:
            waiting += node.children
    return frozenset(found)


def _gathered(node: Node, atoms: list[int], leaves: set[int]) -> None:
    """Gather the atoms of a condition that stand by themselves, and its leaves."""
    if node.op == "atom":
        atoms.append(node.index)
    elif node.op == "leaf":
        leaves.add(node.index)
    for one in node.children:
        _gathered(one, atoms, leaves)


class TableTasks:
    """The cases of rules that are about one table.

    Attributes:
        spec: what the table is.
        tasks: the cases.
        wheres: of each task its kind of record.
        asked: the questions about each place, ascending.
    """

    def __init__(self, spec: TableSpec, rules: RuleSet, cases: Iterable[tuple[int, Case]]) -> None:
        """Make cases ready.

        Args:
            spec: what the table is.
            rules: the rule set.
            cases: index of a rule, and a case of it that is about the table.
        """
        self.spec = spec
        self._rules = rules
        self.tasks: list[Task] = []
        atoms: dict[int, set[int]] = {}
        leaves: dict[int, set[int]] = {}
        for index, case in cases:
            alone: list[int] = []
            _gathered(case.tree, alone, leaves.setdefault(case.where, set()))
            atoms.setdefault(case.where, set()).update(one for one in alone if rules.atoms[one].kind != "same")
            self.tasks.append(
                Task(index, case, places_of(case.tree, rules) | told_places(case), _positive(case.tree, rules))
            )
        self.wheres = np.array([one.case.where for one in self.tasks], np.int64)
        # rules share leaves: each is looked into once
        of_leaf = {one: tuple(atoms_of(rules.leaves[one].tree, rules)) for one in sorted(set().union(*leaves.values()))}
        asked: dict[str, set[int]] = {}
        for where, mine in atoms.items():
            for one in leaves[where]:
                mine.update(of_leaf[one])
            for one in mine:
                asked.setdefault(rules.atoms[one].place, set()).add(one)
        self.asked = {place: sorted(ones) for place, ones in sorted(asked.items())}
        self._sought: dict[str, Sought] = {}
        self._of_kind: dict[int, list[str]] = {}
        self._wanting: dict[str, Indices] = {}

    @cached_property
    def arrays(self) -> dict[str, Indices]:
        """Give the questions about each place, as an array."""
        return {place: np.array(ones, np.int64) for place, ones in self.asked.items()}

    @cached_property
    def maps(self) -> list[str]:
        """Give the places in maps and lists that are asked about, those put together of several fields included."""
        held = {one.name for one in self.spec.schema if pa.types.is_map(one.type) or pa.types.is_list(one.type)}
        return [one for one in self.arrays if (":" in one and one.partition(":")[0] in held) or is_composed(one)]

    @cached_property
    def unlisted(self) -> list[str]:
        """Give the columns that are asked about and have no lexicon in any data file."""
        plain = {one.name for one in self.spec.schema if not pa.types.is_nested(one.type)}
        return [one for one in self.arrays if one in plain and one not in self.spec.lexicon]

    def wanting(self, place: str) -> Indices:
        """Give the questions about a place to which nothing is no answer but no."""
        if place not in self._wanting:
            found = [one for one in self.asked[place] if self._rules.atoms[one].kind != "null"]
            self._wanting[place] = np.array(found, np.int64)
        return self._wanting[place]

    def sought(self, place: str) -> Sought:
        """Give what a place has to hold for its questions to be answered with yes."""
        if place not in self._sought:
            join = self.spec.joined.get(place)
            marks = marks_of(self.spec.name, place)
            self._sought[place] = Sought(place, join, self.asked[place], self._rules.atoms, marks)
        return self._sought[place]

    def of_kind(self, where: int) -> list[str]:
        """Give the places that cases about a kind of record ask about."""
        if where not in self._of_kind:
            self._of_kind[where] = sorted({x for one in self.tasks if one.case.where == where for x in one.places})
        return self._of_kind[where]

    @cached_property
    def _weighings(self) -> tuple[Indices, Weighing, Weighing]:
        """Give the leaves of all tasks, what they ask, and the conditions of all tasks, in their order."""
        found = sorted({one for task in self.tasks for one in leaves_of(task.case.tree)})
        asked = Weighing([self._rules.leaves[one].tree for one in found], "atom")
        return np.array(found, np.int64), asked, Weighing([one.case.tree for one in self.tasks])

    def possible(self, can: Truth) -> Truth:
        """Say of each task whether it can be true for some row.

        Args:
            can: by atom, whether something may answer it with yes.
        """
        found, asked, whole = self._weighings
        leaves = np.ones(len(self._rules.leaves), np.bool_)
        leaves[found] = asked.weighed(can, np.zeros(len(can), np.bool_))[0]
        return whole.weighed(leaves, np.zeros(len(leaves), np.bool_))[0]

    @cached_property
    def _questions(self) -> tuple[Indices, Indices]:
        """Give the questions of all tasks, task after task, and the task of each."""
        found = [tuple(atoms_of(one.case.tree, self._rules)) for one in self.tasks]
        flat = np.array([one for atoms in found for one in atoms], np.int64)
        return flat, np.repeat(np.arange(len(found)), [len(one) for one in found])

    def asked_by(self, tasks: Truth) -> Truth:
        """Say for each atom of the rule set whether some of the tasks ask it."""
        flat, whose = self._questions
        out = np.zeros(len(self._rules.atoms), np.bool_)
        out[flat[tasks[whose]]] = True
        return out


def _positive(node: Node, rules: RuleSet, *, sense: bool = True) -> tuple[int, ...]:
    """Give the leaves that a condition looks at in a positive sense, and that ask for a text."""
    if node.op == "leaf":
        return (node.index,) if sense and _asks(rules.leaves[node.index].tree, rules, sense=True) else ()
    if node.op == "atom":
        return ()
    inner = sense is not (node.op == "not")
    return tuple(dict.fromkeys(one for part in node.children for one in _positive(part, rules, sense=inner)))


def _asks(node: Node, rules: RuleSet, *, sense: bool) -> bool:
    if node.op == "atom":
        return sense and rules.atoms[node.index].kind not in {"null", "empty", "part"}
    inner = sense is not (node.op == "not")
    return any(_asks(one, rules, sense=inner) for one in node.children)
