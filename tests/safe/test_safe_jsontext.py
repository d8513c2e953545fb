"""JSON is ASCII on the wire and the same text once read."""

from __future__ import annotations

import json
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell.safe.jsontext import Json, json_line, json_text

ANY = st.text(st.characters(exclude_categories=()) | st.sampled_from("\x1b\x7f\u202e\u2028\ud83d\ude00"))


@given(st.dictionaries(ANY, st.lists(ANY)))
def test_nothing_acts_on_the_terminal_and_all_text_comes_back(value: dict[str, list[str]]) -> None:
    text = json_text(value)
    assert text.endswith("\n")
    assert all(" " <= character <= "~" or character == "\n" for character in text)

    def whole(part: str) -> str:
        return "".join(f"<U+{ord(c):04X}>" if "\ud800" <= c <= "\udfff" else c for c in part)

    assert json.loads(text) == {whole(key): [whole(part) for part in parts] for key, parts in value.items()}


def test_concrete_hostile_strings() -> None:
    text = json_text({"a": "\x1b[2J\u202e\x00", "b": ["\ud800", None, 1, 2.5, True]})
    assert (
        text == '{\n "a": "\\u001b[2J\\u202e\\u0000",\n "b": [\n  "<U+D800>",\n  null,\n  1,\n  2.5,\n  true\n ]\n}\n'
    )


@pytest.mark.parametrize("number", [float("inf"), float("nan")])
def test_numbers_that_json_has_no_word_for_are_refused(number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        json_text({"bits": number})


DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda one: st.lists(one, max_size=4) | st.dictionaries(st.text(max_size=4), one, max_size=4),
    max_leaves=20,
)


@given(DOCUMENTS)
def test_a_document_is_laid_out_as_python_does_it(value: Json) -> None:
    assert json_text(value) == json.dumps(value, indent=1) + "\n"
    assert json_line(value) == json.dumps(value, separators=(",", ":")) + "\n"


def test_mappings_and_sequences_of_other_kinds_are_written_as_well() -> None:
    assert json_text({"a": range(2), "b": MappingProxyType({"c": ("\ud800",)})}) == (
        '{\n "a": [\n  0,\n  1\n ],\n "b": {\n  "c": [\n   "<U+D800>"\n  ]\n }\n}\n'
    )
