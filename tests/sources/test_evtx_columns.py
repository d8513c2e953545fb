"""Event records read as columns are what the decoder makes of them one by one, whatever they hold."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sources.evtx_templates import Chunk, Value, filetime, number, sid, text, texts
from tests.sources.evtx_writer import log

from dwell.sources import evtx as module
from dwell.sources.event_rows import Rows
from dwell.sources.evtx import Evtx
from dwell.sources.evtx_chunks import CHUNK_BYTES, HEADER_BYTES, scan
from dwell.sources.evtx_columns import Columns, Taken
from dwell.sources.evtx_decoder import decode
from dwell.sources.evtx_json_shape import read_events
from dwell.sources.source import Hint

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "evtx"


def one_by_one(data: bytes) -> pa.RecordBatch:
    """Decode a chunk without the columns."""
    rows = Rows()
    for position, found in enumerate(decode(data, scan(data)), 1):
        event = read_events([found])[0] if found is not None else None
        if event is not None:
            rows.add(position, *event)
    return rows.batch()


def taken(*pieces: bytes) -> list[Taken]:
    first, start, out = 1, 0, []
    for data in pieces:
        chunk = scan(data)
        assert chunk.good
        assert not chunk.damaged
        out.append(Taken(start, chunk, first, start))
        start += len(data)
        first += len(chunk.units)
    return out


def agree(data: bytes, columns: Columns | None = None) -> int:
    """Hold the columns against the decoder; give how many records were read as columns."""
    found, read = (columns or Columns()).read(data, taken(data))
    whole = one_by_one(data)
    wanted = whole.filter(pc.is_in(whole["record_no"], found["record_no"]))
    assert wanted.num_rows == found.num_rows == int(read.sum()), "a record that the decoder refuses was read"
    for name in wanted.schema.names:
        assert found[name].to_pylist() == wanted[name].to_pylist(), name
    return int(found.num_rows)


def written(*events: dict[str, object], fragments: bool = True) -> bytes:
    out = Chunk(fragments=fragments)
    for one in events:
        assert out.add(**one)  # type: ignore[arg-type]
    return out.bytes()


@pytest.mark.parametrize("fragments", [True, False])
def test_every_type_is_written_as_the_decoder_writes_it(fragments: bool) -> None:
    data = {
        "Text": text("Jürgen \U0001f512 Ж"), "Ended": text("ended", ended=True), "Nothing": Value(0, b""), "None": text(""),
        "Int8": number(3, -128), "UInt8": number(4, 255), "Int16": number(5, -2), "UInt16": number(6, 65_535),
        "Int32": number(7, -(2**31)), "UInt32": number(8, 2**32 - 1), "Int64": number(9, -(2**63)),
        "UInt64": number(10, 2**64 - 1), "Hex32": number(0x14, 0x3E7), "Hex64": number(0x15, 0xFFFF_0000_0000_0001),
        "True": number(0x0D, 1), "False": number(0x0D, 0), "Irregular": number(0x0D, 7),
        "Bytes": Value(0x0E, b"\x00\xab\xff"), "Guid": Value(0x0F, bytes(range(16))), "Sid": sid(21, 1, 2**32 - 1, 500),
        "Short": sid(), "Instant": filetime(132_600_000_000_000_009), "First": filetime(0), "Size": Value(0x10, bytes(8)),
        "Ansi": Value(0x02, b"plain\0"), "System": Value(0x12, bytes.fromhex("e5070300040019000c001e003b00e703")),
        "NullWithBytes": Value(0, b"\x01\x02"),
    }  # fmt: skip
    one = written({"data": data, "user": sid(18)}, {"data": dict(reversed(data.items()))}, fragments=fragments)
    assert agree(one) == 2


def test_names_become_columns_and_the_rest_the_map() -> None:
    data = written({"data": {"TargetUserName": text("anna"), "Odd": text("x"), "IpAddress": text("192.0.2.7")}})
    found, _ = Columns().read(data, taken(data))
    assert found["TargetUserName"].to_pylist() == ["anna"]
    assert found["IpAddress"].to_pylist() == ["192.0.2.7"]
    assert found["EventData"].to_pylist() == [[("Odd", "x")]]
    assert found["Computer"].to_pylist() == found["host"].to_pylist() == ["EX01.ministry.example"]
    assert found["EventID"].to_pylist() == [4624]


def test_lists_of_texts_are_parted_and_cmdlets_get_their_names() -> None:
    events: list[dict[str, object]] = [
        {"data": [texts("Get-Mailbox", "-Identity anna", "", "S-1-5-21")], "channel": "MSExchange Management"},
        {"data": [texts("only one")], "channel": "Application"},
        {"data": [texts("a", "b"), Value(0x0E, b"\x01")], "channel": "Application"},
        {"data": [texts(*(str(one) for one in range(30)))], "channel": "MSExchange Management"},
        {"data": [texts("")], "channel": "System"},
        {"data": [Value(0x81, "no end".encode("utf-16-le"))], "channel": "System"},
    ]
    data = written(*events)
    columns = Columns()
    assert agree(data, columns) == len(events) - 1
    found, _ = columns.read(data, taken(data))
    assert found["Cmdlet"].to_pylist()[:2] == ["Get-Mailbox", None]


@pytest.mark.parametrize(
    "data",
    [
        {"Half": Value(0x01, b"a\0\x00\xd8")},
        {"Swapped": Value(0x01, b"\x00\xdc\x00\xd8")},
        {"Torn": text("be\0fore")},
        {"Late": text("\0late")},
        {"Odd": Value(0x01, b"abc")},
        {"Cut": Value(0x14, b"\x01\x02")},
        {"Long": Value(0x13, bytes([1, 9, 0, 0, 0, 0, 0, 5]))},
        {"Never": filetime(2**64 - 1)},
        {"Unknown": Value(0x55, b"\x01\x02")},
        {"Ansi": Value(0x02, b"\x80\xe4")},
    ],
    ids=lambda one: next(iter(one)),
)
def test_what_cannot_be_written_here_is_left_to_the_decoder(data: dict[str, Value]) -> None:
    piece = written({"data": {"A": text("before")}}, {"data": data}, {"data": {"A": text("after")}})
    agree(piece)
    _, read = Columns().read(piece, taken(piece))
    assert read.tolist() == [True, False, True]


def test_numbers_that_do_not_fit_are_left_to_the_decoder() -> None:
    data = written(
        {"data": {"A": text("x")}, "record_id": 2**63}, {"data": {"A": text("x")}, "level": number(8, 2**31)}
    )
    agree(data)
    assert not Columns().read(data, taken(data))[1].any()


def test_a_level_written_as_text_is_what_the_decoder_says() -> None:
    assert agree(written({"data": {"A": text("x")}, "level": text("5")}, {"data": {"A": text("x")}})) >= 1


def test_the_same_id_with_another_definition_is_told_apart() -> None:
    one = written({"data": {"First": text("x"), "Other": text("y")}})
    name = "First".encode("utf-16-le")
    other = one.replace(name, "Thing".encode("utf-16-le"))
    assert one.count(name) == 1
    columns = Columns()
    assert agree(one, columns) == agree(other, columns) == agree(one, columns) == 1
    assert columns.read(other, taken(other))[0]["EventData"].to_pylist() == [[("Thing", "x"), ("Other", "y")]]


def test_a_name_that_is_referred_to_is_read_where_it_lies() -> None:
    events: list[dict[str, object]] = [
        {"data": {"Alpha": text("1")}},
        {"data": {"Beta": text("2"), "Alpha": text("3")}},
    ]
    one = written(*events)
    other = one.replace("Alpha".encode("utf-16-le"), "Omega".encode("utf-16-le"))
    columns = Columns()
    assert agree(one, columns) == agree(other, columns) == 2


def test_values_of_the_markers_own_characters_are_only_values() -> None:
    mark = text("\ue000\ue000")
    assert agree(written({"data": {"A": mark, "B": mark}}, {"data": {"A": text("\ue002"), "B": mark}})) == 2


VALUES = st.one_of(
    st.text(max_size=40).map(text),
    st.text(max_size=8).map(lambda one: text(one, ended=True)),
    st.integers(0, 255).map(lambda one: number(4, one)),
    st.integers(-(2**31), 2**31 - 1).map(lambda one: number(7, one)),
    st.integers(0, 2**64 - 1).map(lambda one: number(10, one)),
    st.integers(0, 2**32 - 1).map(lambda one: number(0x14, one)),
    st.integers(0, 2**64 - 1).map(lambda one: number(0x15, one)),
    st.integers(0, 2**63).map(filetime),
    st.binary(max_size=20).map(lambda one: Value(0x0E, one)),
    st.binary(min_size=16, max_size=16).map(lambda one: Value(0x0F, one)),
    st.lists(st.integers(0, 2**32 - 1), max_size=6).map(lambda one: sid(*one)),
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6), max_size=5).map(
        lambda one: texts(*one)
    ),
    st.just(Value(0, b"")),
    st.tuples(st.sampled_from([1, 2, 3, 6, 8, 0x0D, 0x10, 0x12, 0x13, 0x21, 0x81, 0x8F]), st.binary(max_size=12)).map(
        lambda one: Value(*one)
    ),
)
NAMES = st.sampled_from(["TargetUserName", "IpAddress", "Alpha", "Beta", "Data", "Hashes", "Message", "Üml"])
DATA = st.one_of(st.dictionaries(NAMES, VALUES, max_size=5), st.lists(VALUES, max_size=3))
CHANNELS = st.sampled_from(["Security", "System", "MSExchange Management"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(DATA, CHANNELS), min_size=1, max_size=8), st.booleans())
def test_columns_agree_with_the_decoder(events: Sequence[tuple[object, str]], fragments: bool) -> None:
    out = Chunk(fragments=fragments)
    for data, channel in events:
        out.add(data, channel=channel)  # type: ignore[arg-type]
    if out.count:
        agree(out.bytes())


def torn(data: bytes, draw: random.Random) -> bytes:
    """Change some bytes in the records of a chunk."""
    out = bytearray(data)
    units = scan(data).units
    for _ in range(draw.choice([1, 2, 5, 20])):
        unit = draw.choice(list(units))
        at = unit.offset + 24 + draw.randrange(min(draw.choice([60, 4000]), unit.size - 28))
        out[at] = draw.choice([0, 1, 0x0C, 0x21, 0x81, 0xFF, draw.randrange(256), out[at] ^ 1 << draw.randrange(8)])
    return bytes(out)


def events_of_all_sorts() -> bytes:
    out = Chunk()
    for turn in range(40):
        out.add(
            {"TargetUserName": text(f"user{turn}"), "LogonType": number(8, turn), "TargetUserSid": sid(21, turn)},
            user=sid(18) if turn % 3 else Value(0, b""),
        )
        out.add({"Hashes": text("MD5=" + "0" * turn), "ProcessGuid": Value(0x0F, bytes([turn]) * 16)}, event_id=1)
        out.add([texts(*map(str, range(turn % 5 + 1)))], channel="MSExchange Management", event_id=6)
    return out.bytes()


def test_torn_records_never_come_out_otherwise_than_the_decoder_has_them() -> None:
    draw = random.Random(20_260_101)  # noqa: S311 - no secret
    whole, columns = events_of_all_sorts(), Columns()
    for turn in range(150):
        data = torn(whole, draw)
        if not scan(data).damaged:
            agree(data, columns if turn % 2 else None)


def read_all(path: Path) -> tuple[pa.Table, list[object], list[object]]:
    with path.open("rb") as stream:
        batches = list(Evtx().read(stream, Hint()))
    tables = [one.records for one in batches if one.records is not None]
    return (
        pa.Table.from_batches(tables) if tables else pa.table({}),
        [each for one in batches for each in one.anomalies],
        [each for one in batches for each in one.facts],
    )


def same_both_ways(path: Path) -> int:
    with patch.object(module, "COLUMNS_MIN", 1), patch.object(module, "_COLUMNS", Columns()):
        quick = read_all(path)
    with patch.object(module, "COLUMNS_MIN", 1 << 60):
        slow = read_all(path)
    assert quick[0].equals(slow[0])
    assert quick[1:] == slow[1:]
    return int(quick[0].num_rows)


def test_a_log_with_sound_and_damaged_chunks_keeps_its_order(tmp_path: Path) -> None:
    whole = events_of_all_sorts()
    units = list(scan(whole).units)
    damaged = bytearray(whole)
    damaged[units[5].offset + 4 : units[5].offset + 8] = bytes(4)
    unreadable = bytearray(whole)
    unreadable[units[9].offset + 24] = 0x77
    place = tmp_path / "Security.evtx"
    place.write_bytes(log([whole, bytes(damaged), bytes(unreadable), whole[:40_000]]))
    with patch.object(module, "ROWS", 100):
        rows = same_both_ways(place)
    found, anomalies, _ = read_all(place)
    assert rows == found.num_rows
    numbers = found["record_no"].to_pylist() + [one.record_no for one in anomalies]  # type: ignore[attr-defined]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    assert found["record_no"].to_pylist() == sorted(found["record_no"].to_pylist())


def test_chunks_are_not_gathered_without_bound(tmp_path: Path) -> None:
    out = Chunk()
    out.add({"Text": text("x" * 30_000)})
    place = tmp_path / "Long.evtx"
    place.write_bytes(log([out.bytes()] * 12))
    with (
        place.open("rb") as stream,
        patch.object(module, "BLOCK_CHUNKS", 3),
        patch.object(module, "HELD_BYTES", 3 * CHUNK_BYTES),
    ):
        sizes = [one.records.num_rows for one in Evtx().read(stream, Hint()) if one.records is not None]
    assert max(sizes) == 3
    assert sum(sizes) == 12


@pytest.mark.skipif(not REAL.is_dir(), reason="no real event logs beside the project")
def test_real_logs_read_the_same_both_ways() -> None:
    logs = sorted(REAL.rglob("*.evtx"))
    assert logs
    read = 0
    columns = Columns()
    for path in logs[:: max(1, len(logs) // 40)]:
        data = path.read_bytes()
        for at in range(HEADER_BYTES, len(data) - CHUNK_BYTES + 1, CHUNK_BYTES):
            piece = data[at : at + CHUNK_BYTES]
            chunk = scan(piece)
            if chunk.good and chunk.units and not chunk.damaged:
                read += agree(piece, columns)
    assert read > 1_000
