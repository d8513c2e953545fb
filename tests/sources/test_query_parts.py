"""What Exchange knows in a query is in columns, whatever else stands there."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell.sources.query_parts import OF_CLIENT, TEXTS, query_parts, repeats, sparing

NAMES = {name.lower(): name for name in (*TEXTS, "Log")}
SHREDS = st.sampled_from(
    [
        *(
            "Cmd=",
            "cMD=",
            "User=",
            "DeviceId=",
            "MailboxId=",
            "CorrelationID=",
            "&Log=",
            "log=",
            "action=",
            "ns=",
            "ev=",
        ),
        *("=", "&", ";", "?", "&&", "<empty>", "Sync", "a", "é", "𝄞", " ", "+", "_", ":", "Fid:5_", "Fc1_", "Srv:6a0c"),
        *("%", "%4", "%41", "%5c", "%5C", "%00", "%0A", "%7f", "%c3%a9", "%FF", "%e2%82", "%25", "", "deviceI", "d="),
    ]
)
QUERY = st.lists(SHREDS, max_size=12).map("".join)


def _unescaped(text: str) -> str:
    """Decode by the library, but for control characters, and not where that gives no UTF-8."""
    safe = re.sub(r"%(?=[01][0-9A-Fa-f]|7[Ff])", "%25", text)
    try:
        return unquote_to_bytes(safe).decode("utf-8")
    except UnicodeDecodeError:
        # letters of ASCII that stand between are decoded only where the whole is text
        return text


def _slow(query: str) -> tuple[dict[str, str], list[tuple[str, str | None]] | None, bool]:
    """Cut a query character by character."""
    found: dict[str, list[str]] = {}
    for at, sign in enumerate(query):
        if sign != "=":
            continue
        start = max(query.rfind(one, 0, at) for one in "?&;") + 1
        name = NAMES.get(query[start:at].lower()) if query[start:at].isascii() else None
        if name is None:
            continue
        value = query[at + 1 :].partition("&")[0]
        value = value if name == "Log" else value.partition(";")[0]
        if value and value != "<empty>":
            found.setdefault(name, []).append(value)
    chosen = {name: held[0] if name in OF_CLIENT else held[-1] for name, held in found.items()}
    log = chosen.pop("Log", None)
    tokens: list[tuple[str, str | None]] | None = None if log is None else []
    turns: dict[str, int] = {}
    for token in (log or "").split("_"):
        if not token:
            continue
        key, _, text = token.partition(":")
        counted = re.fullmatch(r"([A-Za-z]+)([0-9]+)", token)
        if counted is not None:
            key, text = counted[1], counted[2]
        if not key:
            key, text = token, ""
        turns[key] = turns.get(key, 0) + 1
        assert tokens is not None
        tokens.append((key if turns[key] == 1 else f"{key}#{turns[key]}", _unescaped(text) or None))
    return (
        {name: _unescaped(text) for name, text in chosen.items()},
        tokens,
        any(len(one) > 1 for one in found.values()),
    )


@given(st.lists(QUERY | st.none(), max_size=9), st.integers(0, 3), st.booleans())
def test_every_query_is_cut_as_character_by_character(queries: list[str | None], first: int, coded: bool) -> None:
    array = pa.array(queries, pa.string())[first:]
    found = query_parts(array.dictionary_encode() if coded else array)
    for one in (*found.texts.values(), found.log):
        one.validate(full=True)
        assert len(one) == len(array)
    for row, query in enumerate(array.to_pylist()):
        texts, tokens, repeated = _slow(query or "")
        assert {name: one[row].as_py() for name, one in found.texts.items() if one[row].is_valid} == texts
        assert found.log[row].as_py() == tokens
        assert (row in found.repeated.tolist()) == repeated


def test_a_key_reaches_from_no_query_into_the_next() -> None:
    found = query_parts(pa.array(["a&Cm", "d=Sync", "x=1&", "Cmd=Ping", "Cmd=", "&"]))
    assert found.texts["Cmd"].to_pylist() == [None, None, None, "Ping", None, None]


def test_columns_can_be_united_with_those_of_other_batches() -> None:
    parts = [query_parts(pa.array(one)).texts["Cmd"] for one in (["-", "Cmd=Sync", "-"], ["-"], ["Cmd=Ping", "-"])]
    whole = pa.chunked_array(parts).unify_dictionaries().combine_chunks()
    assert whole.to_pylist() == [None, "Sync", None, None, "Ping", None]
    # Arrow looks up the codes of nulls as well, wherever they point
    assert all(
        0 <= code <= len(one.dictionary)
        for one in parts
        for code in np.frombuffer(one.indices.buffers()[1], "<i4")[: len(one)]
    )


@pytest.mark.parametrize("size", [100_000, 1_000_000])
def test_a_query_of_any_length_is_cut(size: int) -> None:
    tokens = "Fid:5_Ty:Em_" * (size // 12)
    found = query_parts(pa.array([f"User=a&{'x=1&' * (size // 4)}Cmd=Sync&Log={tokens}", "Cmd=Ping"]))
    assert found.texts["Cmd"].to_pylist() == ["Sync", "Ping"]
    assert found.log[0].as_py()[-1] == (f"Ty#{size // 12}", "Em")
    assert found.log[1].as_py() is None


def test_queries_are_coded_where_most_come_again() -> None:
    assert pa.types.is_dictionary(sparing(pa.array(["a", "b"] * 4_096)).type)
    assert pa.types.is_string(sparing(pa.array([str(one) for one in range(8_192)])).type)
    # small logs are put together by the kind of their columns
    assert pa.types.is_string(sparing(pa.array(["a", "b", "a", "b"])).type)


def test_what_stands_twice_is_told_of_each_file_by_itself() -> None:
    facts = repeats([9, 4, 5], np.array([8], np.int64))
    assert [(one.record_no, one.count) for one in facts] == [(4, 2), (9, 1)]
    assert repeats([], np.array([8], np.int64)) == []
