"""Many conditions weighed at once come out as each does by itself; rows are told apart by kind as one by one."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dwell.archive.grams import grams, may_hold
from dwell.archive.spec import JoinedText
from dwell.hunt import recordkinds
from dwell.hunt.recordkinds import RecordKinds
from dwell.hunt.ruleset import Atom, Node, Where
from dwell.hunt.sought import Sought
from dwell.hunt.verdict import Verdict, judged
from dwell.hunt.weighing import Weighing

LEAVES = 4
BASIC = st.one_of(st.builds(lambda at: Node("leaf", (), at), st.integers(0, LEAVES - 1)), st.just(Node("atom", (), 0)))
TREES = st.recursive(
    BASIC,
    lambda inner: st.one_of(
        st.builds(lambda one: Node("not", (one,)), inner),
        st.builds(lambda op, some: Node(op, tuple(some)), st.sampled_from(["and", "or"]), st.lists(inner, min_size=1)),
    ),
    max_leaves=12,
)
VERDICTS = st.lists(st.sampled_from([True, False, None]), min_size=LEAVES, max_size=LEAVES)


@settings(max_examples=300)
@given(trees=st.lists(TREES, max_size=6), verdicts=VERDICTS)
def test_conditions_weighed_together_come_out_as_alone(trees: list[Node], verdicts: list[Verdict]) -> None:
    can = np.array([one is not False for one in verdicts])
    must = np.array([one is True for one in verdicts])
    able, sure = Weighing(trees).weighed(can, must)

    def verdict(node: Node) -> Verdict:
        return None if node.op == "atom" else verdicts[node.index]

    told = [judged(one, verdict) for one in trees]
    assert able.tolist() == [one is not False for one in told]
    assert sure.tolist() == [one is True for one in told]


@given(trees=st.lists(TREES, max_size=6), can=st.lists(st.booleans(), min_size=LEAVES, max_size=LEAVES))
def test_questions_are_weighed_as_leaves_are(trees: list[Node], can: list[bool]) -> None:
    """Leaves and atoms change places: what is decided by the one is open for the other."""
    other = {"leaf": "atom", "atom": "leaf"}

    def turned(node: Node) -> Node:
        return Node(other.get(node.op, node.op), tuple(turned(one) for one in node.children), node.index)

    none = np.zeros(LEAVES, np.bool_)
    told = Weighing([turned(one) for one in trees], "atom").weighed(np.array(can), none)
    assert [one.tolist() for one in told] == [one.tolist() for one in Weighing(trees).weighed(np.array(can), none)]


WHERES = {
    3: Where("evtx", channels=("A", "B"), event_ids=(1, 2)),
    5: Where("evtx", channels=("B",), other_ids=(2,)),
    7: Where("evtx", event_ids=(2,), only={"Provider": ("x",)}),
    9: Where("evtx"),
}
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["A", "B", "b", None]), st.sampled_from([1, 2, 3, None]), st.sampled_from(["x", "y", None])
    ),
    max_size=20,
)


@pytest.mark.parametrize("dense", [1, 1 << 20])
@settings(max_examples=100)
@given(rows=ROWS)
def test_rows_are_told_apart_by_kind(dense: int, rows: list[tuple[str | None, int | None, str | None]]) -> None:
    channels, numbers, providers = (list(one) for one in zip(*rows, strict=True)) if rows else ([], [], [])
    table = pa.table(
        {
            "Channel": pa.array(channels, pa.string()).dictionary_encode(),
            "EventID": pa.array(numbers, pa.int32()),
            "Provider": pa.array(providers, pa.string()),
        }
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recordkinds, "_DENSE_MAX", dense)
        kinds = RecordKinds(table, WHERES)
    assert kinds.rows.sum() == len(rows)
    for where, kind in WHERES.items():
        wanted = [
            (not kind.channels or (channel or "").upper() in kind.channels)
            and (not kind.event_ids or number in kind.event_ids)
            and (not kind.other_ids or number not in kind.other_ids)
            and all((provider or "").lower() in held for held in kind.only.values())
            for channel, number, provider in rows
        ]
        assert kinds.of(where)[kinds.sorts].tolist() == wanted
        assert kinds.rows[kinds.of(where)].sum() == sum(wanted)


PIECES = st.text("ab?/c", max_size=7)


@settings(max_examples=200)
@given(first=st.lists(PIECES, max_size=3), second=st.lists(PIECES, max_size=3), literals=st.lists(PIECES, max_size=4))
def test_a_question_is_open_where_each_piece_may_be_held(
    first: list[str], second: list[str], literals: list[str]
) -> None:
    atoms = [Atom("both", "text", ("", "*", one, "*", "")) for one in literals] + [Atom("both", "regex", ("a",))]
    join = JoinedText("one", "?", "two")
    bitmaps = [grams(pa.array(some, pa.string())) for some in (first, second)]
    for how in (None, join):
        sought = Sought("both", how, range(len(atoms)), atoms)
        assert sought.columns == (("both",) if how is None else ("one", "two"))
        held = bitmaps[: len(sought.columns)]
        wanted = [
            all(any(may_hold(bitmap, piece) for bitmap in held) for piece in (one.split("?") if how else [one]))
            for one in literals
        ]
        assert sought.may_be_met(held).tolist() == [*wanted, True]
