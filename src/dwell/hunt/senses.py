"""Which places a condition looks at, and in which sense: what is under `not` is borne out by an absent field."""

from __future__ import annotations

from dwell.hunt.ruleset import Node, RuleSet

__all__ = ["Senses", "absent"]


class Senses:
    """The senses of a rule set's conditions. Thousands of rules share leaves: what each comes to is worked out once."""

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules
        self._leaves: dict[int, tuple[bool, bool]] = {}
        self._absent: dict[int, bool] = {}

    def places(self, tree: Node) -> tuple[set[str], set[str]]:
        """Give the places that a condition looks at in a positive sense, and those in a negative one."""
        found: tuple[set[str], set[str]] = (set(), set())
        self._gather(tree, found, sense=True)
        return found

    def _gather(self, node: Node, found: tuple[set[str], set[str]], *, sense: bool) -> None:
        if node.op == "leaf":
            for each in (True, False):
                if self._leaf(node.index)[each]:
                    found[each is not sense].add(self._rules.leaves[node.index].place)
        elif node.op == "atom":
            atom = self._rules.atoms[node.index]
            # "has no value" is borne out by an absent field: nothing is lost where it is not recorded
            if atom.kind != "null":
                found[not sense].add(atom.place)
        else:
            for one in node.children:
                self._gather(one, found, sense=sense is not (node.op == "not"))

    def _leaf(self, index: int) -> tuple[bool, bool]:
        """Say whether a leaf asks for its place in a negative sense, and whether in a positive one."""
        if index not in self._leaves:
            found: tuple[set[str], set[str]] = (set(), set())
            self._gather(self._rules.leaves[index].tree, found, sense=True)
            self._leaves[index] = (bool(found[1]), bool(found[0]))
        return self._leaves[index]

    def absent(self, index: int) -> bool:
        """Give the truth of a leaf over a field that no record has."""
        if index not in self._absent:
            self._absent[index] = absent(self._rules.leaves[index].tree, self._rules)
        return self._absent[index]


def absent(node: Node, rules: RuleSet) -> bool:
    """Give the truth of a condition over a field that no record has."""
    if node.op == "atom":
        return rules.atoms[node.index].kind == "null"
    parts = [absent(one, rules) for one in node.children]
    return not parts[0] if node.op == "not" else all(parts) if node.op == "and" else any(parts)
