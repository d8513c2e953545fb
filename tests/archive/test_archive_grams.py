"""What the bitmap of a column rules out is in none of its texts, however it is written there."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dwell.archive.grams import grams, may_hold
from dwell.archive.percent import decoded

TEXTS = st.text("aAbBcC+ %4213FÉéſK\0", max_size=12)


@settings(max_examples=200)
@given(values=st.lists(st.one_of(st.none(), TEXTS), max_size=8), start=st.integers(0, 8), length=st.integers(0, 8))
@example(values=["%41%42%43"], start=0, length=3)
@example(values=["a+b", None], start=0, length=3)
def test_every_piece_of_a_text_may_be_held(values: list[str | None], start: int, length: int) -> None:
    array = pa.array(values, pa.string())
    bitmap = grams(array)
    texts = array.drop_null()
    for text in (*texts.to_pylist(), *(decoded(texts).to_pylist() if len(texts) else ())):
        for view in (text, text.replace("+", " "), text.upper() if text.isascii() else text):
            assert may_hold(bitmap, view[start : start + length])


def test_what_is_not_there_is_ruled_out() -> None:
    bitmap = grams(pa.array(["/owa/auth/logon.aspx", "a=1&b=2"]))
    assert len(bitmap) <= 32
    assert [may_hold(bitmap, one) for one in ("logon", "LOGON", "antsword", "sqlmap", "b=2", "ab")] == [
        True,
        True,
        False,
        False,
        True,
        True,
    ]
    assert grams(pa.array([None, "ab", ""], pa.string())) == b""
    assert not may_hold(b"", "abc")


def test_a_long_column_is_looked_at_whole() -> None:
    texts = pa.array([f"{one:05}-{'x' * 300}" for one in range(20_000)] + ["the-needle"])
    bitmap = grams(texts)
    assert may_hold(bitmap, "needle")
    assert may_hold(bitmap, "19999-x")
    assert not may_hold(bitmap, "haystack")
