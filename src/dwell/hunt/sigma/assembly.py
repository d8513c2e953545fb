"""Rules put together to one set, wherever they come from: parsed just now, or kept from another set.

Atoms, leaves and kinds of record are numbered by where they are first used, rule after rule. So a set depends on its rules
alone, and not on what was parsed beside them or taken over from where.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from dwell.hunt.ruleset import Atom, Case, Leaf, Node, Rule, RuleInfo, RuleSet, Where

__all__ = ["Assembly", "Origin"]


class Origin:
    """Atoms, leaves and kinds of record by the numbers that some rules use, with their numbers in an assembly."""

    def __init__(self, atoms: Sequence[Atom], leaves: Sequence[Leaf], wheres: Sequence[Where]) -> None:
        self.atoms = atoms
        self.leaves = leaves
        self.wheres = wheres
        self.atom_nodes: dict[int, Node] = {}
        self.leaf_nodes: dict[int, Node] = {}
        self.where_numbers: dict[int, int] = {}


class Assembly:
    """A set of rules being put together."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self._atoms: dict[Atom, int] = {}
        self._leaves: dict[Leaf, int] = {}
        self._wheres: dict[bytes, int] = {}
        self._kinds: list[Where] = []

    def add(self, info: RuleInfo, cases: Sequence[Case], origin: Origin, *, correlated: bool = False) -> None:
        """Add a rule.

        Args:
            info: what is said about it.
            cases: its conditions, in the numbers of their origin.
            origin: where they are from.
            correlated: whether a correlation rests on it.
        """
        mine = tuple(
            [Case(self._where(one.where, origin), self._node(one.tree, origin), one.told, one.never) for one in cases]
        )
        self._rules.append(Rule(info, mine, correlated))

    def _where(self, number: int, origin: Origin) -> int:
        found = origin.where_numbers.get(number)
        if found is None:
            where = origin.wheres[number]
            found = self._wheres.setdefault(msgspec.json.encode(where, order="sorted"), len(self._kinds))
            if found == len(self._kinds):
                self._kinds.append(where)
            origin.where_numbers[number] = found
        return found

    def _node(self, node: Node, origin: Origin) -> Node:
        if node.op == "leaf":
            found = origin.leaf_nodes.get(node.index)
            if found is None:
                told = origin.leaves[node.index]
                leaf = Leaf(told.place, self._node(told.tree, origin))
                found = origin.leaf_nodes[node.index] = Node(
                    "leaf", (), self._leaves.setdefault(leaf, len(self._leaves))
                )
            return found
        if node.op == "atom":
            found = origin.atom_nodes.get(node.index)
            if found is None:
                atom = origin.atoms[node.index]
                found = origin.atom_nodes[node.index] = Node("atom", (), self._atoms.setdefault(atom, len(self._atoms)))
            return found
        return Node(node.op, tuple([self._node(one, origin) for one in node.children]))

    def done(self) -> RuleSet:
        """Give the set."""
        return RuleSet(tuple(self._rules), tuple(self._atoms), tuple(self._leaves), tuple(self._kinds))
