"""Queries of ActiveSync in base64 are read from the first byte to the last, or not at all."""

from __future__ import annotations

import base64
import io
from urllib.parse import quote

import pyarrow as pa
import pytest
from fuzz.contract import check
from hypothesis import given
from hypothesis import strategies as st

from dwell.intake.query_columns import query_columns
from dwell.model.provenance import FactKind
from dwell.sources.eas_query import EasQuery, decoded
from dwell.sources.iis import IisW3c
from dwell.sources.query_parts import query_parts
from dwell.sources.source import Hint

PHONE = EasQuery("Sync", "v140Device", "SmartPhone", None)
# the example of [MS-ASHTTP]'s table, put together by hand: 140, Sync, 0x0409, 10 `v140Device`, no key, 10 `SmartPhone`
BY_HAND = base64.b64encode(b"\x8c\x00\x09\x04\x0av140Device\x00\x0aSmartPhone").decode()


def _query(version: int, command: int, device: bytes, key: bytes, kind: bytes, *more: tuple[int, bytes]) -> bytes:
    head = bytes([version, command, 9, 4, len(device)]) + device + bytes([len(key)]) + key + bytes([len(kind)]) + kind
    return head + b"".join(bytes([tag, len(value)]) + value for tag, value in more)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_one_put_together_by_hand() -> None:
    assert BY_HAND == "jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l"
    assert decoded(BY_HAND) == PHONE


@given(
    st.sampled_from([121, 140, 141, 160, 161]),
    st.sampled_from([(0, "Sync"), (1, "SendMail"), (18, "Ping"), (22, "ValidateCert"), (77, "code 77")]),
    st.binary(max_size=32),
    st.sampled_from([b"", b"abcd"]),
    st.text("abcXYZ 09-", max_size=16),
    st.text("aé𝄞@.", max_size=20),
)
def test_what_is_written_comes_back(
    version: int, command: tuple[int, str], device: bytes, key: bytes, kind: str, user: str
) -> None:
    data = _query(version, command[0], device, key, kind.encode(), (7, b"\x01"), (8, user.encode()), (8, b"other"))
    found = decoded(_text(data))
    assert found is not None
    assert (found.command, found.device_type or "") == (command[1], kind)
    assert found.user == (user or "other")
    plain = device.decode("utf-8", errors="replace")
    assert found.device_id in {plain or None, device.hex().upper()}
    assert decoded(_text(data).rstrip("=")) == found
    assert decoded(quote(_text(data), safe="")) == found


@given(st.binary(max_size=60))
def test_any_bytes_are_read_whole_or_not(data: bytes) -> None:
    found = decoded(_text(data))
    assert found is None or data[0] in {121, 140, 141, 160, 161}


@pytest.mark.parametrize(
    "data",
    [
        b"\x8c\x00\x09\x04\x0av140Device\x00\x0aSmartPhon",
        b"\x8c\x00\x09\x04\x0av140Device\x00\x0aSmartPhone\x08",
        b"\x8c\x00\x09\x04\x0av140Device\x00\x0aSmartPhone\x63\x01a",
        b"\x8c\x00\x09\x04\x0av140Device\x02ab\x0aSmartPhone",
        b"\x19\x00\x09\x04\x0av140Device\x00\x0aSmartPhone",
        b"\x8c\x00\x09\x04",
        b"",
    ],
)
def test_what_is_cut_or_left_over_is_no_query(data: bytes) -> None:
    assert decoded(_text(data)) is None


def test_parts_of_a_query_in_base64_are_in_the_columns_of_the_long_form() -> None:
    phone = _text(_query(141, 2, b"APPL87", b"\x01\x02\x03\x04", b"iPhone", (8, b"anna")))
    guid = _text(_query(121, 9, bytes(range(0x80, 0x90)), b"", b"PocketPC"))
    queries = [
        f"{phone}&CorrelationID=<empty>;&Log=V141_Fc1_", f"?{phone}", "Cmd=Sync&DeviceId=X&DeviceType=Y&User=b", guid,
        f"{phone[:-8]}&CorrelationID=1;", None, "edit=1&x", f"{phone}&Cmd=Ping", "jAAJBA", f"a=1&{phone}",
    ]  # fmt: skip
    parts = query_parts(pa.array(queries, pa.string()))
    told = {name: parts.texts[name].to_pylist() for name in ("Cmd", "DeviceId", "DeviceType", "User")}
    assert told["Cmd"] == [
        "SmartForward",
        "SmartForward",
        "Sync",
        "FolderSync",
        *[None] * 3,
        "SmartForward",
        None,
        None,
    ]
    assert told["DeviceId"] == [
        "APPL87",
        "APPL87",
        "X",
        "808182838485868788898A8B8C8D8E8F",
        *[None] * 3,
        "APPL87",
        None,
        None,
    ]
    assert told["DeviceType"][:4] == ["iPhone", "iPhone", "Y", "PocketPC"]
    assert told["User"][:4] == ["anna", "anna", "b", None]
    assert parts.texts["CorrelationID"].to_pylist()[4] == "1"
    assert parts.log.to_pylist()[0] == [("V", "141"), ("Fc", "1")]
    assert parts.undecoded.tolist() == [4]
    assert parts.repeated.tolist() == [7]
    assert len(set(parts.texts["Cmd"].dictionary.to_pylist())) == len(parts.texts["Cmd"].dictionary)
    coded = pa.array([*queries, *queries], pa.string()).dictionary_encode()
    again = query_parts(coded)
    assert again.texts["DeviceId"].to_pylist() == told["DeviceId"] * 2
    assert again.undecoded.tolist() == [4, 14]
    assert query_columns(pa.array(queries, pa.string()))["Cmd"].to_pylist() == told["Cmd"]


def test_what_cannot_be_read_is_told_of_activesync_alone_and_stays() -> None:
    cut = BY_HAND[:-8]
    lines = [
        "#Fields: date time cs-uri-stem cs-uri-query cs-username sc-status",
        f"2021-03-03 10:00:00 /Microsoft-Server-ActiveSync/default.eas {BY_HAND}&cafeReqId=1; GOV\\anna 200",
        f"2021-03-03 10:00:01 /Microsoft-Server-ActiveSync/default.eas {cut} GOV\\anna 200",
        f"2021-03-03 10:00:02 /other.aspx {cut} GOV\\anna 200",
    ]
    reading = check(IisW3c(), "\r\n".join([*lines, ""]).encode())
    assert [row["Cmd"] for row in reading.rows] == ["Sync", None, None]
    assert reading.rows[0]["DeviceType"] == "SmartPhone"
    assert reading.rows[1]["cs-uri-query"] == cut
    (fact,) = [one for one in reading.facts if one.kind is FactKind.UNDECODED]
    assert (fact.record_no, fact.count) == (3, 1)
    assert not reading.anomalies
    assert sum(batch.bytes_read for batch in IisW3c().read(io.BytesIO(b"#Fields: a\r\n"), Hint())) == 12
