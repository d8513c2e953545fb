"""What a condition wants of its places, and what it comes to where a place is not recorded."""

from __future__ import annotations

import pytest

from dwell.hunt.outcomes import possible
from dwell.hunt.ruleset import Atom, Leaf, Node, RuleSet
from dwell.hunt.senses import Senses

ATOMS = (Atom("a", "text", ("x",)), Atom("b", "null"), Atom("c", "text", ("y",)), Atom("d", "same", (), "", "e"))


def atom(index: int) -> Node:
    return Node("atom", (), index)


def negated(one: Node) -> Node:
    return Node("not", (one,))


LEAVES = (
    Leaf("a", atom(0)),
    Leaf("b", atom(1)),
    Leaf("c", negated(atom(2))),
    Leaf("c", Node("or", (atom(2), negated(atom(2))))),
)
RULES = RuleSet((), ATOMS, LEAVES, ())


def leaf(index: int) -> Node:
    return Node("leaf", (), index)


@pytest.mark.parametrize(
    ("tree", "wanted", "unwanted"),
    [
        (leaf(0), {"a"}, set()),
        (negated(leaf(0)), set(), {"a"}),
        (negated(negated(leaf(0))), {"a"}, set()),
        (leaf(1), set(), set()),
        (leaf(2), set(), {"c"}),
        (negated(leaf(2)), {"c"}, set()),
        (leaf(3), {"c"}, {"c"}),
        (Node("and", (leaf(0), negated(leaf(0)), atom(3))), {"a", "d"}, {"a"}),
    ],
)
def test_a_place_is_wanted_or_unwanted_by_how_often_it_stands_under_not(
    tree: Node, wanted: set[str], unwanted: set[str]
) -> None:
    assert Senses(RULES).places(tree) == (wanted, unwanted)


def test_what_a_leaf_comes_to_without_its_field_is_the_same_however_often_it_is_asked() -> None:
    senses = Senses(RULES)
    for _ in range(2):
        assert [senses.absent(one) for one in range(len(LEAVES))] == [False, True, True, True]
    for one in range(len(LEAVES)):
        place = frozenset({LEAVES[one].place})
        assert possible(leaf(one), RULES, place, senses) is possible(leaf(one), RULES, place)
        assert possible(leaf(one), RULES, place) is senses.absent(one)
