"""The lexicon against a naive count: values, counts, first and last instants, the joined column, what stays out."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.archive.tables import SPEC, rows

from dwell.archive import lexicon as lex
from dwell.archive.datafile import DataFile, read_lexicon, stage
from dwell.archive.spec import EVIDENCE_ID, JoinedText, TableSpec

_TEXT = st.one_of(st.none(), st.sampled_from(["-", "", "a", "A", "/ews", "é", "a?b", "\x00", "=1+1"]))
_ROWS = st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 50)), _TEXT, _TEXT), max_size=60)
_PAIR = TableSpec(
    "pair",
    pa.schema(
        [
            EVIDENCE_ID,
            pa.field("record_no", pa.int64(), nullable=False),
            pa.field("time_utc", pa.timestamp("us", tz="UTC")),
            pa.field("stem", pa.string()),
            pa.field("query", pa.string()),
        ]
    ),
    ("stem", "query"),
    {"uri": JoinedText("stem", "?", "query")},
)


def made(drawn: list[tuple[int | None, str | None, str | None]]) -> pa.Table:
    """Put drawn rows in order of time, unknown instants last."""
    order = sorted(drawn, key=lambda row: (row[0] is None, row[0] or 0))
    return pa.table(
        {
            "evidence_id": ["x"] * len(order),
            "record_no": list(range(len(order))),
            "time_utc": pa.array([row[0] for row in order], pa.int64()).cast(pa.timestamp("us", tz="UTC")),
            "stem": pa.array([row[1] for row in order], pa.string()),
            "query": pa.array([row[2] for row in order], pa.string()),
        },
        schema=_PAIR.schema,
    )


def naive(drawn: list[tuple[int | None, str | None, str | None]]) -> dict[tuple[str, str | None], tuple[Any, ...]]:
    """Count the slow way."""
    seen: dict[tuple[str, str | None], list[int | None]] = defaultdict(list)
    for at, stem, query in drawn:
        seen["stem", stem].append(at)
        seen["query", query].append(at)
        uri = stem if stem is None or query in {None, "-"} else f"{stem}?{query}"
        seen["uri", uri].append(at)
    out = {}
    for key, instants in seen.items():
        known = [one for one in instants if one is not None]
        out[key] = (len(instants), min(known, default=None), max(known, default=None))
    return out


def as_dict(lexicon: lex.Lexicon) -> dict[tuple[str, str | None], tuple[Any, ...]]:
    table = lexicon.table
    first, last = table["first_utc"].cast(pa.int64()).to_pylist(), table["last_utc"].cast(pa.int64()).to_pylist()
    keys = zip(table["column"].to_pylist(), table["value"].to_pylist(), strict=True)
    values = zip(table["count"].to_pylist(), first, last, strict=True)
    pairs = list(zip(keys, values, strict=True))
    assert len(pairs) == len(dict(pairs)), "a value stands twice"
    return dict(pairs)


@given(drawn=_ROWS)
def test_it_equals_a_naive_count(drawn: list[tuple[int | None, str | None, str | None]]) -> None:
    lexicon = lex.build(made(drawn), _PAIR)
    assert as_dict(lexicon) == naive(drawn)
    assert lexicon.rows == len(drawn)
    assert lexicon.complete == {"stem", "query", "uri"}
    assert lexicon.table.schema == lex.LEXICON_SCHEMA


@settings(max_examples=40)
@given(drawn=_ROWS)
def test_dictionary_coded_columns_count_the_same(drawn: list[tuple[int | None, str | None, str | None]]) -> None:
    plain = made(drawn)
    coded = plain.set_column(3, "stem", plain["stem"].dictionary_encode())
    assert lex.build(coded, _PAIR).table.equals(lex.build(plain, _PAIR).table)


@given(drawn=_ROWS)
def test_the_joined_codes_point_at_the_joined_texts(drawn: list[tuple[int | None, str | None, str | None]]) -> None:
    table = made(drawn)
    codes, texts = lex.joined_codes(lex.coded(table["stem"]), lex.coded(table["query"]), _PAIR.joined["uri"])
    held = texts.to_pylist()
    joined = [None if code < 0 else held[code] for code in codes]
    order = sorted(drawn, key=lambda row: (row[0] is None, row[0] or 0))
    assert joined == [stem if stem is None or query in {None, "-"} else f"{stem}?{query}" for _, stem, query in order]


def test_it_comes_back_as_it_was_stored(tmp_path: Path) -> None:
    (one, *_) = stage(tmp_path, SPEC, rows(200), "unit")
    lexicon = read_lexicon(DataFile("web", tmp_path, one))
    assert lexicon.rows == one.rows
    assert lexicon.complete == {"stem", "query", "uri"}
    assert set(lexicon.column("stem")["value"].to_pylist()) == {f"/owa/{number}" for number in range(5)}
    assert lexicon.column("id").num_rows == 0
    assert sum(lexicon.column("uri")["count"].to_pylist()) == one.rows


@pytest.mark.parametrize("column", ["stem", "query"])
def test_a_nearly_unique_column_is_left_out_and_not_called_complete(
    monkeypatch: pytest.MonkeyPatch, column: str
) -> None:
    monkeypatch.setattr(lex, "DISTINCT_ALWAYS", 20)
    table = rows(100).sort_by("time_utc")
    place = table.schema.get_field_index(column)
    table = table.set_column(place, column, pa.array([f"{number}" for number in range(100)]))
    lexicon = lex.build(table, SPEC)
    other = {"stem": "query", "query": "stem"}[column]
    assert lexicon.complete == {other}
    assert set(lexicon.table["column"].to_pylist()) == {other}


def test_a_joined_column_of_too_many_pairs_is_left_out_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lex, "DISTINCT_ALWAYS", 16)
    drawn: list[tuple[int | None, str | None, str | None]] = [
        (number, f"s{number % 8}", f"q{number // 8}") for number in range(28)
    ]
    lexicon = lex.build(made(drawn), _PAIR)
    assert lexicon.complete == {"stem", "query"}


def test_a_slice_counts_only_its_own_values(tmp_path: Path) -> None:
    january, february, _ = stage(tmp_path, SPEC, rows(200), "unit")
    for one in (january, february):
        lexicon = read_lexicon(DataFile("web", tmp_path, one))
        assert min(lexicon.table["count"].to_pylist()) > 0
        assert sum(lexicon.column("query")["count"].to_pylist()) == one.rows
