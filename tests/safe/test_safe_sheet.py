"""A spreadsheet reads evidence as text; a CSV reader gets every row and every character back."""

from __future__ import annotations

import csv
import io
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell.safe.hidden import HIDDEN, visible
from dwell.safe.sheet import cell, csv_text

ANY = st.text(st.characters(exclude_categories=()) | st.sampled_from("=+-@;,'\"\t\r\n \u3000＝\x00\u202e\ud800"))
TRIGGERS = tuple("=+-@\t\r＝＋－＠")


def unguard(text: str) -> str:
    """Take the guard off, as the module's docstring tells a reader to."""
    return re.sub(r"(^|;)'(?=[\s\"']*(?:[=+\-@＝＋－＠﹢﹣﹦﹫−]|\\[tr]))", r"\1", text)


@pytest.mark.parametrize(
    ("evil", "shown"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\\t=1"),
        ("\r=1", "'\\r=1"),
        ("＝1+1", "'＝1+1"),
        ("－1", "'－1"),
        ("  =1", "'  =1"),
        ('"=1', "'\"=1"),
        ("'=1", "''=1"),
        ("x;=cmd|' /C calc'!A0", "x;'=cmd|' /C calc'!A0"),
        ("a\x00b\x1b[2J", "a\\x00b\\x1b[2J"),
        ("\u202e=1", "<U+202E>=1"),
        ("'t Hart", "'t Hart"),
        ("j.doe@ministry.example", "j.doe@ministry.example"),
        ("", ""),
    ],
)
def test_hostile_cells_are_disarmed(evil: str, shown: str) -> None:
    assert cell(evil) == shown


def test_numbers_stay_numbers_and_unknown_is_empty() -> None:
    assert (cell(-5), cell(0), cell(None)) == ("-5", "0", "")


@given(ANY)
def test_no_cell_begins_like_a_formula_and_nothing_is_lost(text: str) -> None:
    shown = cell(text)
    for piece in shown.split(";"):
        assert not piece.lstrip(' \u3000"').startswith(TRIGGERS)
    assert HIDDEN.search(shown) is None
    assert not any(unicodedata.category(character) in {"Cc", "Cs"} for character in shown)
    assert unguard(shown) == visible(text)


@given(st.lists(st.tuples(ANY, ANY, st.none() | st.integers()), max_size=8))
def test_every_row_comes_back_from_a_plain_reader(rows: list[tuple[str, str, int | None]]) -> None:
    text = csv_text(["a", "b", "n"], rows)
    text.encode()
    assert text.count("\r\n") == len(rows) + 1
    assert text.replace("\r\n", "").isprintable() or not (set("\r\n\t\x00\x1b") & set(text.replace("\r\n", "")))
    back = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert back[0] == ["a", "b", "n"]
    assert back[1:] == [[cell(a), cell(b), cell(n)] for a, b, n in rows]


def test_quoting_is_that_of_rfc_4180() -> None:
    assert csv_text(["a", "b"], [['say "hi", now', 1], ["", None]]) == 'a,b\r\n"say ""hi"", now",1\r\n,\r\n'


def test_a_row_of_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match="a row of 1 cells under a header of 2"):
        csv_text(["a", "b"], [["only one"]])
