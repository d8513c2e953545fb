"""Questions to a column are answered or refused; one that nobody put has no answer, least of all no."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.hunt.archives import archive_of, hunted, load_rules, met

from dwell.hunt.ruleset import Atom, Node
from dwell.hunt.wide import Hunter
from dwell.hunt.words import truth_of, words

ATOMS = (
    Atom("host", "text", ("", "*", "mail", "*", "")),
    Atom("host", "text", ("", "*", "nowhere", "*", "")),
    Atom("host", "null"),
    Atom("host", "number", ("7",)),
)
TEXTS = pa.array(["mail01", "web01", "7"])


def test_questions_are_answered_by_text_and_for_no_text() -> None:
    held = words("evtx", "host", TEXTS, np.array([3, 4, 5]), 6, [0, 1, 2, 3], ATOMS)
    assert held.values.to_pylist() == ["mail01", "7"]
    assert held.counts.tolist() == [3, 5, 4, 6]
    assert [held.atom(one).tolist() for one in range(4)] == [
        [True, False, False, False],
        [False] * 4,
        [False, False, False, True],
        [False, True, False, False],
    ]
    either = Node("or", (Node("atom", (), 0), Node("atom", (), 1), Node("atom", (), 2)))
    assert truth_of(either, held).tolist() == [True, False, False, True]


def test_a_column_without_texts_answers_every_question_that_was_put() -> None:
    held = words("evtx", "host", TEXTS[:0], np.zeros(0, np.int64), 6, [0, 1, 2, 3], ATOMS)
    assert [held.atom(one).tolist() for one in range(4)] == [[False, False], [False, False], [False, True], [False] * 2]


def test_what_was_not_put_or_is_not_known_is_refused() -> None:
    held = words("evtx", "host", TEXTS, np.ones(3, np.int64), 0, [0], ATOMS)
    with pytest.raises(KeyError):
        held.atom(1)
    with pytest.raises(KeyError):
        words("evtx", "host", TEXTS, np.ones(3, np.int64), 0, [0], (Atom("host", "riddle"),))


def test_only_questions_that_matter_are_put_and_the_others_stay_without_an_answer() -> None:
    counts = np.array([3, 4, 5])
    whole = words("evtx", "host", TEXTS, counts, 6, [0, 1, 2, 3], ATOMS)
    able = np.array([True, False, True, False])
    held = words("evtx", "host", TEXTS, counts, 6, [0, 1, 2, 3], ATOMS, able)
    assert held.values.to_pylist() == ["mail01"]
    assert [held.atom(one)[[0, -1]].tolist() for one in (0, 2)] == [whole.atom(one)[[0, -1]].tolist() for one in (0, 2)]
    for one in (1, 3):
        with pytest.raises(KeyError):
            held.atom(one)


def test_a_question_known_to_be_unmet_is_answered_with_no_and_not_put() -> None:
    # it would be met: that it is not shows that nobody looked
    held = words("evtx", "host", TEXTS, np.array([3, 4, 5]), 6, [0, 1], ATOMS, None, np.array([0]))
    assert held.is_unmet(frozenset({0, 1}))
    assert held.atom(0).tolist() == [False, False]


def test_what_no_text_meets_is_known_without_looking_and_the_rest_is_not() -> None:
    held = words("evtx", "host", TEXTS, np.array([3, 4, 5]), 0, [0, 1, 2], ATOMS)
    assert held.is_unmet(frozenset({1}))
    assert not held.is_unmet(frozenset({0, 1}))
    assert not held.is_unmet(frozenset({2}))  # no text at all may answer it
    assert not held.is_unmet(frozenset({1, 3}))  # was not put


@pytest.mark.parametrize(
    ("detection", "meant"),
    [
        ({"s": {"cs-method": "PUT"}, "condition": "s"}, set()),
        ({"s": {"cs-method": "PUT"}, "condition": "not s"}, {1, 2}),
        ({"s": {"cs-method|neq": "PUT"}, "condition": "s"}, {1, 2}),
        ({"s": {"cs-method": ["PUT", "POST"]}, "condition": "s"}, {2}),
        ({"s": {"cs-method": "GET"}, "f": {"cs-method": "PUT"}, "condition": "s and not f"}, {1}),
    ],
)
def test_a_question_that_nothing_meets_decides_only_what_it_asks(
    tmp_path: Path, detection: dict[str, Any], meant: set[int]
) -> None:
    archive = archive_of(tmp_path / "archive", {"iis": [{"cs-method": "GET"}, {"cs-method": "POST"}]})
    rule = {"title": "t", "logsource": {"product": "iis"}, "detection": detection}
    rules = load_rules(tmp_path / "rules", {**rule, "id": "5f0c5f5c-0000-4000-8000-000000000001"}).rules
    for prune in (True, False):
        assert set().union(*met(hunted(archive, Hunter(rules, prune=prune))).values()) == meant
