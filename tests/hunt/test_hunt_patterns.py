"""Many patterns in one pass: the same answers with and without the engine, and an error where it did not look."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell.hunt import patterns
from dwell.hunt.patterns import MatcherError, Parts, Patterns, Regexes

needs_engine = pytest.mark.skipif(not patterns.has_engine(), reason="hyperscan is not installed")
LITERALS = st.sampled_from(["abc", "", "ab", "bca", "aé", "\0a", "abcabc", "a", "x.y", "(z"])
WILD = st.sampled_from(["*", "?", "*?", "??", "?*"])
TEXTS = st.lists(st.sampled_from(["abc", "a", "é", "\0", "b", "x.y", "(z", "\n"]), max_size=6).map("".join)


@st.composite
def parts(draw: st.DrawFn) -> Parts:
    """Draw a pattern."""
    out = [draw(LITERALS)]
    for _ in range(draw(st.integers(0, 2))):
        out += [draw(WILD), draw(LITERALS)]
    return tuple(out)


def slow(text: str, pattern: Parts) -> bool:
    inner = "".join(
        one.replace("?", ".").replace("*", ".*") if at % 2 else re.escape(one) for at, one in enumerate(pattern)
    )
    return re.fullmatch(inner, text, re.DOTALL) is not None


@given(st.lists(parts(), min_size=1, max_size=8, unique=True), st.lists(TEXTS, max_size=8, unique=True))
def test_patterns_match_what_they_say_with_and_without_the_engine(wanted: list[Parts], texts: list[str]) -> None:
    for engine in (True, False):
        found = Patterns(wanted, engine=engine).find(pa.array(texts, pa.string()))
        for pattern, rows in zip(wanted, found, strict=True):
            assert rows.tolist() == [at for at, one in enumerate(texts) if slow(one, pattern)], (pattern, engine)


@given(
    st.lists(parts(), min_size=1, max_size=24, unique=True),
    st.lists(TEXTS, max_size=8, unique=True),
    st.integers(0, 2**24 - 1),
)
def test_some_patterns_are_met_as_they_are_among_all(wanted: list[Parts], texts: list[str], drawn: int) -> None:
    mask = np.array([bool(drawn >> at & 1) for at in range(len(wanted))], np.bool_)
    for engine in (True, False):
        whole = Patterns(wanted, engine=engine).find(pa.array(texts, pa.string()))
        found = dict(Patterns(wanted, engine=engine).met(pa.array(texts, pa.string()), mask))
        assert not [at for at in found if not mask[at]]
        for at in np.flatnonzero(mask).tolist():
            assert found.get(at, whole[at][:0]).tolist() == whole[at].tolist()


@needs_engine
def test_a_pattern_that_is_everywhere_is_taken_out_of_later_scans_and_found_all_the_same() -> None:
    texts = pa.array([f"/owa/{one}/tail" for one in range(20_000)])
    wanted = Patterns([("", "*", "/owa/", "*", ""), ("", "*", "/19999/", "*", "")])
    first = [one.tolist() for one in wanted.find(texts)]
    second = [one.tolist() for one in wanted.find(texts)]
    assert first == second == [list(range(20_000)), [19_999]]


@needs_engine
def test_a_matcher_that_did_not_look_at_everything_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = Patterns([("", "*", "needle", "*", "")])
    assert wanted.find(pa.array(["a needle"]))[0].tolist() == [0]
    monkeypatch.setattr(patterns, "CANARY", b"another bird")  # the database was built for the first one
    with pytest.raises(MatcherError):
        wanted.find(pa.array(["a needle"]))


@needs_engine
def test_a_canary_planted_in_the_evidence_does_not_stand_in_for_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = Patterns([("", "*", "needle", "*", "")])
    planted = pa.array(["x" + patterns.CANARY.decode() + "y", "needle"])
    assert wanted.find(planted)[0].tolist() == [1]
    monkeypatch.setattr(patterns, "CANARY", b"another bird")
    with pytest.raises(MatcherError):
        wanted.find(planted)


def test_what_the_canary_itself_holds_is_no_hit() -> None:
    found = Patterns([("", "*", "canary", "*", ""), ("", "*", "dwell"), ("\x02", "*", ""), ("", "*", "w", "*", "")])
    assert [one.tolist() for one in found.find(pa.array(["x", "dwell"]))] == [[], [1], [], [1]]


def test_columns_that_a_matcher_would_read_half_of_are_refused() -> None:
    wanted = Patterns([("", "*", "needle", "*", "")])
    with pytest.raises(TypeError):
        wanted.find(pa.array(["needle"], pa.large_string()))
    with pytest.raises(TypeError):
        wanted.find(pa.array(["needle", None]))
    with pytest.raises(TypeError):
        Regexes([("needle", "")]).find(pa.array(["needle"], pa.large_string()))


def test_texts_are_found_beyond_the_edge_of_a_stretch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "STRETCH_BYTES", 64)
    texts = pa.array([f"text {one} needle" if one % 7 == 0 else f"text {one}" for one in range(200)])
    found = Patterns([("", "*", "needle"), ("text ", "*", "")]).find(texts)
    assert found[0].tolist() == list(range(0, 200, 7))
    assert found[1].tolist() == list(range(200))


EXPRESSIONS = [
    ("a+b", ""),
    ("^x", ""),
    ("y$", ""),
    ("(?i)AB", ""),
    ("ab", "i"),
    (r"\d{3}", ""),
    ("^$", ""),
    (r"\x41", ""),
]


@given(st.lists(st.sampled_from(["a", "b", "x", "y", "A", "123", "\n", "\x0b", "é"]), max_size=5).map("".join))
def test_regular_expressions_give_the_same_with_and_without_the_engine(text: str) -> None:
    texts = pa.array([text, *(f"filler {one}" for one in range(600))])
    with_engine = Regexes(EXPRESSIONS).find(texts)
    without = Regexes(EXPRESSIONS, engine=False).find(texts)
    for one, two in zip(with_engine, without, strict=True):
        assert np.array_equal(one, two)


@needs_engine
def test_an_expression_that_the_engine_refuses_is_put_to_the_other_and_not_skipped() -> None:
    refused = (r"(?:a\C?){1,1000}b", "")
    taken = Regexes([refused, ("b", "")]) if _compiles(refused[0]) else Regexes([(r"a\pN{2,900}b", ""), ("b", "")])
    texts = pa.array(["ab", "a12b", *(f"filler {one}" for one in range(600))])
    assert [one.tolist() for one in taken.find(texts)][1] == [0, 1]
    assert len(taken.find(texts)[0]) >= 1


def _compiles(expression: str) -> bool:
    try:
        pa.compute.match_substring_regex(pa.array([""]), expression)
    except pa.ArrowInvalid:
        return False
    return True


def test_an_expression_made_to_run_for_ever_does_not() -> None:
    hostile = pa.array(["a" * 50_000 + "!", *(f"filler {one}" for one in range(600))])
    assert Regexes([("^(a+)+$", ""), ("(a|a)*b", "")]).find(hostile)[0].tolist() == []
