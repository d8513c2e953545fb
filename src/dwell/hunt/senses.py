"""Which places a condition looks at, and in which sense: what is under `not` is borne out by an absent field."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dwell.hunt.ruleset import Atom, Leaf, Node

__all__ = ["places_of"]


def places_of(node: Node, leaves: Sequence[Leaf], atoms: Sequence[Atom], *, positive: bool = True) -> set[str]:
    """Give the places that a condition looks at in a positive sense, or in a negative one."""
    return {place for place, sense in _senses(node, leaves, atoms, sense=True) if sense is positive}


def _senses(node: Node, leaves: Sequence[Leaf], atoms: Sequence[Atom], *, sense: bool) -> Iterable[tuple[str, bool]]:
    if node.op == "leaf":
        yield from _senses(leaves[node.index].tree, leaves, atoms, sense=sense)
    elif node.op == "atom":
        atom = atoms[node.index]
        # "has no value" is borne out by an absent field: nothing is lost where it is not recorded
        if atom.kind != "null":
            yield atom.place, sense
    else:
        for one in node.children:
            yield from _senses(one, leaves, atoms, sense=sense is not (node.op == "not"))
