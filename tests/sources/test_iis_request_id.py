"""The request id leaves the query and can be put back, byte for byte."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell.sources.iis_request_id import SPLIT_MARK, raw_query, split_request_id

ID = "0a1B2c3d-1111-4222-8333-00000000000f"
OTHER = "ffffffff-eeee-dddd-cccc-bbbbbbbbbbbb"
SLOW = re.compile(r"(?:cafeReqId|reqId|request_id|RequestId)=([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})")
SHREDS = st.sampled_from(
    [
        "cafeReqId=",
        "reqId=",
        "request_id=",
        "RequestId=",
        "=",
        "&",
        ID,
        OTHER,
        ID[:-1],
        SPLIT_MARK,
        "{",
        "é",
        "𝄞",
        "-",
        "x",
        "",
    ]
)


@given(st.lists(st.lists(SHREDS, max_size=9).map("".join) | st.none(), max_size=12))
def test_query_and_id_make_the_raw_query_again(raw: list[str | None]) -> None:
    queries, ids = split_request_id(pa.array(raw, pa.string()))
    queries.validate(full=True)
    ids.validate(full=True)
    pairs = list(zip(queries.to_pylist(), ids.to_pylist(), strict=True))
    assert [raw_query(*pair) for pair in pairs] == raw
    for text, (_, found) in zip(raw, pairs, strict=True):
        held = list(SLOW.finditer(text or ""))
        behind = (text or "")[held[-1].end() :] if held else ""
        assert found == (held[-1][1] if held and SPLIT_MARK not in behind else None)


@pytest.mark.parametrize("key", ["cafeReqId", "reqId", "request_id", "RequestId"])
def test_every_name_of_the_id_is_known(key: str) -> None:
    queries, ids = split_request_id(pa.array([f"a=1&{key}={ID};&b=2", "-"]))
    assert queries.to_pylist() == [f"a=1&{key}={SPLIT_MARK};&b=2", "-"]
    assert ids.to_pylist() == [ID, None]


def test_an_id_that_the_client_wrote_does_not_stand_for_the_server_s() -> None:
    queries, ids = split_request_id(pa.array([f"cafeReqId={OTHER}&CorrelationID=<empty>;&cafeReqId={ID};"]))
    assert ids.to_pylist() == [ID]
    assert raw_query(queries[0].as_py(), ID) == f"cafeReqId={OTHER}&CorrelationID=<empty>;&cafeReqId={ID};"


def test_part_of_an_array_is_read_by_itself() -> None:
    whole = pa.array(["x", f"reqId={OTHER}", f"reqId={ID}", "y"])
    queries, ids = split_request_id(whole[2:])
    assert ids.to_pylist() == [ID, None]
    assert queries.to_pylist() == [f"reqId={SPLIT_MARK}", "y"]


def test_a_value_that_runs_into_the_next_one_is_none() -> None:
    _, ids = split_request_id(pa.array([f"reqId={ID[:20]}", ID[20:], f"reqId={ID}"]))
    assert ids.to_pylist() == [None, None, ID]
