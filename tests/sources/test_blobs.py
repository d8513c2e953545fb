"""Blobs of `key=value;`: what was put in comes out, whole columns are cut as single texts are, nothing takes long."""

from __future__ import annotations

import time

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell.sources.blobs import BLOB, CONTEXT, ORIGIN, Grammar, blob_map, cut

WORDS = st.text("abcXYZ019 .-_/\\:|<>", max_size=8)
KEYS = st.text("abcXYZ019._", min_size=1, max_size=8)
BRACKETS = st.just("") | st.text("abc.;=: -", max_size=8).map(lambda inside: f"[{inside}]")
TYPES = st.sampled_from(["", "S:", "Dbl:", "I32:", "I64:", "F:", "Ts:"])
VALUES = st.text("abc=;' \"[],", max_size=10)
SHREDS = st.lists(
    st.sampled_from(["S:", "A", "=", ";", "'", "''", '"', "[", "]", ", ", ":", "x", "é", "\n"]), max_size=30
)
GRAMMARS = pytest.mark.parametrize("grammar", [BLOB, CONTEXT, ORIGIN], ids=["blob", "context", "origin"])


def written(kind: str, key: str, value: str) -> str:
    """Write one entry as the vendor does: in single quotes where it holds what would end it."""
    entry = f"{kind}{key}={value}"
    if ";" in value or value.startswith("'") or "'" in entry[:1]:
        return "'" + entry.replace("'", "''") + "'"
    return entry


@given(st.dictionaries(st.tuples(KEYS, BRACKETS).map("".join), st.tuples(TYPES, VALUES), max_size=6))
def test_what_was_written_comes_out(entries: dict[str, tuple[str, str]]) -> None:
    text = ";".join(written(kind, key, value) for key, (kind, value) in entries.items())
    assert cut(text) == [(key, value) for key, (_, value) in entries.items()]


@GRAMMARS
@given(texts=st.lists(SHREDS.map("".join) | st.none(), max_size=8))
def test_a_column_is_cut_as_each_of_its_texts(grammar: Grammar, texts: list[str | None]) -> None:
    # an empty cell of a log is no text
    column = pa.array([text or None for text in texts], pa.string())
    wanted = [cut(text, grammar) if text else None for text in texts]
    maps = blob_map(column, grammar)
    maps.validate(full=True)
    assert maps.to_pylist() == wanted
    assert blob_map(column.dictionary_encode(), grammar).to_pylist() == wanted


@GRAMMARS
@given(text=SHREDS.map("".join))
def test_no_key_hides_another(grammar: Grammar, text: str) -> None:
    keys = [key for key, _ in cut(text, grammar)]
    assert len(set(keys)) == len(keys)


@given(st.text("abc;= ", max_size=30))
def test_no_entry_is_lost(text: str) -> None:
    wanted = [one for one in text.split(";") if one]
    found = [key.partition("#")[0] if value is None else f"{key.partition('#')[0]}={value}" for key, value in cut(text)]
    assert found == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("S:PSA=<PII>a@b</PII>;Dbl:WLM.TS=16", [("PSA", "<PII>a@b</PII>"), ("WLM.TS", "16")]),
        ("I32:ATE.C[DC;x=1]=2;B=[x;C=1", [("ATE.C[DC;x=1]", "2"), ("B", "[x"), ("C", "1")]),
        ("'S:CMD=Set-X.Url=''http://f/;y''';S:RS=0", [("CMD", "Set-X.Url='http://f/;y'"), ("RS", "0")]),
        ("'never closed;A=1", [("'never closed", None), ("A", "1")]),
        ("S:A=1;I32:A=2;A#2=3", [("A", "1"), ("A#2", "2"), ("A#2#2", "3")]),
        ("S:A=O'Hara;S:B='x", [("A", "O'Hara"), ("B", "'x")]),
        (";;", []),
        ("X:A=1", [("X:A", "1")]),
    ],
)
def test_shapes(text: str, wanted: list[tuple[str, str | None]]) -> None:
    assert cut(text) == wanted
    assert blob_map(pa.array([text])).to_pylist() == [wanted]


def test_values_in_double_quotes_where_the_format_has_them() -> None:
    text = 'R=OK;Msg="Proxy:EX01:1993:SSL;said ""no""";X=1'
    assert cut(text, CONTEXT) == [("R", "OK"), ("Msg", 'Proxy:EX01:1993:SSL;said "no"'), ("X", "1")]
    assert ("Msg", '"Proxy:EX01:1993:SSL') in cut(text)


def test_texts_of_another_shape_have_no_map() -> None:
    column = pa.array(["MDB:1, Mailbox:2, Time:08:00", "08D8B0, x:y", None])
    maps = blob_map(column, ORIGIN, only="^MDB:")
    assert maps.to_pylist() == [[("MDB", "1"), ("Mailbox", "2"), ("Time", "08:00")], None, None]


@pytest.mark.parametrize("shape", ["'", "''a;", "'a;''''b;", "[", "[a;", "A=1;", "=", ';"', 'A="', "S:"])
def test_hostile_shapes_take_no_time(shape: str) -> None:
    text = shape * (200_000 // len(shape))
    start = time.process_time()
    for grammar in (BLOB, CONTEXT, ORIGIN):
        blob_map(pa.array([text]), grammar)
    assert time.process_time() - start < 3
