"""Lines cut into cells and pairs at once, held against a slow cutter; names spread over columns."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from dwell.sources.pairs import ANGLED, cells_of, extension_pairs, pairs_of, quoted_pairs
from dwell.sources.spread import spread

LINE = st.text(st.sampled_from('ab =,"\\é'), max_size=14)


def slow_cells(line: str, delimiter: str) -> list[str]:
    cells, inside = [""], False
    for place, sign in enumerate(line):
        if sign == '"' and (place == 0 or line[place - 1] != "\\"):
            inside = not inside
        if sign == delimiter and not inside:
            cells.append("")
        else:
            cells[-1] += sign
    return cells


def plain(texts: Sequence[str] | pa.Array) -> list[str]:
    return [str(one) for one in (texts if isinstance(texts, list) else pa.array(texts).cast(pa.string()).to_pylist())]


def grouped(names: list[str], values: list[str], counts: list[int]) -> list[list[tuple[str, str]]]:
    ends = np.cumsum(counts).tolist()
    return [list(zip(names[e - n : e], values[e - n : e], strict=True)) for e, n in zip(ends, counts, strict=True)]


@given(lines=st.lists(LINE, max_size=6), delimiter=st.sampled_from(" ,"))
def test_cells_are_those_of_a_slow_cutter(lines: list[str], delimiter: str) -> None:
    cells, owners = cells_of(pa.array(lines, pa.string()), delimiter)
    found: list[list[str]] = [[] for _ in lines]
    for cell, owner in zip(cells.to_pylist(), owners.tolist(), strict=True):
        found[owner].append(cell)
    assert found == [slow_cells(line, delimiter) for line in lines]


def slow_pairs(line: str) -> list[tuple[str, str]]:
    out = []
    for cell in slow_cells(line, " "):
        key, equals, value = cell.partition("=")
        if not equals or not re.fullmatch(r"[A-Za-z_][\w.-]*", key, re.ASCII):
            key, value = "text", cell
        elif len(value) > 1 and value.startswith('"') and value.endswith('"'):
            value = value[1:-1]
        if value:
            out.append((key, value))
    return out


@given(lines=st.lists(LINE, max_size=6))
def test_pairs_are_those_of_a_slow_cutter(lines: list[str]) -> None:
    pairs = quoted_pairs(pa.array(lines, pa.string()))
    assert grouped(plain(pairs.names), plain(pairs.values), pairs.counts.tolist()) == [slow_pairs(one) for one in lines]


def test_a_line_escapes_nothing_in_the_next_one() -> None:
    lines = ["\\", '" ']
    cells, owners = cells_of(pa.array(lines), " ")
    assert [
        [cell for cell, owner in zip(cells.to_pylist(), owners.tolist(), strict=True) if owner == one] for one in (0, 1)
    ] == [slow_cells(line, " ") for line in lines]


def test_pairs_keep_blanks_inside_quotes_and_name_what_is_none() -> None:
    pairs = quoted_pairs(pa.array(['a=1 b="x y=z" loose c= d="e', ""]))
    assert plain(pairs.names) == ["a", "b", "text", "d"]
    assert plain(pairs.values) == ["1", "x y=z", "loose", '"e']
    assert pairs.counts.tolist() == [4, 0]


def test_a_value_ends_where_the_next_key_begins() -> None:
    pairs = extension_pairs(pa.array(["src=1 msg=a b c=d x\\=y end=", None, "words only"]))
    assert list(pairs.names) == ["src", "msg", "c", "text"]
    assert list(pairs.values) == ["1", "a b", "d x=y", "words only"]
    assert pairs.counts.tolist() == [3, 0, 1]


def test_a_mark_of_ours_in_a_line_is_no_line_end() -> None:
    pairs = extension_pairs(pa.array(["a=1 \x01=2", "b=3"]))
    assert pairs.counts.tolist() == [1, 1]


def test_pairs_inside_a_sentence_lose_their_brackets() -> None:
    pairs = pairs_of(pa.array(["Login: user=<a@b>, rip=1.2.3.4, TLS", "x"]), ANGLED)
    assert (list(pairs.names), list(pairs.values)) == (["user", "rip"], ["a@b", "1.2.3.4"])
    assert pairs.counts.tolist() == [2, 0]


RECORD = st.lists(st.tuples(st.sampled_from("abcdx"), st.sampled_from(["1", "22", "x", "é"])), max_size=6)


@given(records=st.lists(RECORD, max_size=6))
def test_every_pair_is_in_a_column_or_in_the_map(records: list[list[tuple[str, str]]]) -> None:
    names = [name for one in records for name, _ in one]
    values: list[str | None] = [value for one in records for _, value in one]
    found = spread(names, values, [len(one) for one in records], {"a": pa.string(), "b": pa.int64()})
    for place, record in enumerate(records):
        held = dict(found["extra"][place].as_py() or [])
        texts = [value for name, value in record if name == "a"]
        assert found["a"][place].as_py() == (texts[0] if texts else None)
        numbers = [value for name, value in record if name == "b"]
        if numbers:
            fits = numbers[0].isascii() and numbers[0].isdecimal()
            assert found["b"][place].as_py() == (int(numbers[0]) if fits else None)
            assert held.get("b") == (None if fits else numbers[0])
        kept = len(held) + (found["a"][place].as_py() is not None) + (found["b"][place].as_py() is not None)
        assert kept == len(record)


def test_names_are_resolved_and_halves_of_pairs_of_surrogates_replaced() -> None:
    found = spread(["A", "a", "b\ud800"], ["1", "2", "\udc00"], [3], {"a": pa.string()}, str.lower)
    assert found["a"].to_pylist() == ["1"]
    assert found["extra"].to_pylist() == [[("a#2", "2"), ("b?", "?")]]
