"""Maps taken apart: every entry under the keys that a name means, whichever way the keys are written."""

from __future__ import annotations

import re

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from dwell.hunt.base import Base, Entries, Rows

NAMES = st.text("aB.#1", max_size=5)
MAP = pa.map_(pa.string(), pa.string())
CODED = pa.map_(pa.dictionary(pa.int32(), pa.string()), pa.dictionary(pa.int32(), pa.string()))


def meant(key: str, name: str) -> bool:
    """Say whether a name means a key: itself, the last part of a dotted one, or a repeated one."""
    if name.endswith("#"):
        return re.fullmatch(re.escape(name[:-1]) + r"\d*(?:#\d+)?", key, re.IGNORECASE) is not None
    bare = re.sub(r"#\d+\Z", "", key).lower()
    return bare == name.lower() or bare.endswith("." + name.lower())


@given(
    st.lists(
        st.one_of(st.none(), st.lists(st.tuples(NAMES, st.one_of(st.none(), st.text("xy", max_size=1))))), max_size=6
    ),
    NAMES,
)
def test_entries_under_a_name_are_those_whose_key_it_means(
    maps: list[list[tuple[str, str | None]] | None], name: str
) -> None:
    wanted = [
        (row, text)
        for row, held in enumerate(maps)
        for key, text in held or ()
        if text is not None and meant(key, name)
    ]
    for column in (pa.array(maps, MAP), pa.array(maps, MAP).cast(CODED)):
        entries = Entries(column)
        places = entries.places(name)
        texts = entries.values.take(pa.array(entries.codes[places])).to_pylist()
        assert list(zip(entries.rows[places].tolist(), texts, strict=True)) == wanted


def test_lists_are_maps_without_keys() -> None:
    entries = Entries(pa.array([["x", None], None, ["y", "x"]], pa.list_(pa.string())))
    assert entries.rows.tolist() == [0, 2, 2]
    assert entries.values.take(pa.array(entries.codes)).to_pylist() == ["x", "y", "x"]
    assert entries.places("").tolist() == [0, 1, 2]


def test_codes_of_a_column_in_several_parts_are_of_one_list_of_texts() -> None:
    parts = [pa.array(["b", None, "a"]).dictionary_encode(), pa.array(["c", "a"]).dictionary_encode()]
    base = Base(Rows.of(pa.table({"x": pa.chunked_array(parts), "n": pa.chunked_array([[7, None, 7], [8, 9]])})))
    for name, wanted in (("x", ["b", None, "a", "c", "a"]), ("n", ["7", None, "7", "8", "9"])):
        codes, values = base.codes(name)
        assert [None if one < 0 else values[one].as_py() for one in codes.tolist()] == wanted
