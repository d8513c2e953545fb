"""A text with a NUL within is kept whole, however the record is read; nothing else is touched by it."""

from __future__ import annotations

import io
import random
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pytest
from tests.sources import evtx_writer
from tests.sources.evtx_templates import Chunk, Value, number, text, texts
from tests.sources.evtx_writer import log

from dwell.sources.evtx import COLUMNS_MIN, Evtx
from dwell.sources.evtx_chunks import scan
from dwell.sources.evtx_nuls import Covered
from dwell.sources.source import Hint

MARK = "\ue000"


def read(data: bytes) -> pa.Table:
    """Read a log."""
    found = [
        one.records for one in Evtx().read(io.BytesIO(data), Hint("a.evtx", "", len(data))) if one.records is not None
    ]
    return pa.Table.from_batches(found)


def chunks_of(events: Sequence[Mapping[str, Value]]) -> bytes:
    """Give a log of events, in as many chunks as they need."""
    out: list[bytes] = []
    chunk = Chunk()
    for at, one in enumerate(events, 1):
        if not chunk.add(one, record_id=at):
            out.append(chunk.bytes())
            chunk = Chunk()
            assert chunk.add(one, record_id=at)
    return log([*out, chunk.bytes()])


@pytest.mark.parametrize("around", [0, COLUMNS_MIN + 40], ids=["one by one", "as columns"])
@pytest.mark.parametrize(
    "value",
    ["be\0fore", "\0late", "a\0\0b", "Jürgen\0Ж\U0001f512", f"{MARK}\0{MARK}", "powershell.exe\0 -enc SQBFAFgA"],
)
def test_what_stands_behind_a_nul_is_kept(value: str, around: int) -> None:
    plain = [{"TargetUserName": text(f"user{at % 7}"), "Odd": text("x")} for at in range(around)]
    events = [*plain, {"TargetUserName": text(value), "Odd": text(f"{value}\0more")}, *plain]
    found = read(chunks_of(events))
    assert found.num_rows == len(events)
    assert found["TargetUserName"].to_pylist()[around] == value
    assert found["EventData"].to_pylist()[around] == [("Odd", f"{value}\0more")]
    rest = [*found["TargetUserName"].to_pylist()[:around], *found["TargetUserName"].to_pylist()[around + 1 :]]
    assert rest == [f"user{at % 7}" for at in range(around)] * 2


def test_nuls_at_the_end_only_end_a_text() -> None:
    found = read(chunks_of([{"A": text("plain", ended=True), "B": Value(1, b"x\0\0\0\0\0"), "C": texts("a", "b")}]))
    (row,) = found["EventData"].to_pylist()
    assert dict(row)["A"] == "plain"
    assert dict(row)["B"] == "x"
    assert not any("\0" in str(one) for _, one in row)


def test_texts_without_a_template_are_looked_at_too() -> None:
    event = {"event_id": 4624, "at": "2021-03-02T10:00:00.0000000Z", "data": {"TargetUserName": "an\0na", "Odd": "x"}}
    found = read(log([evtx_writer.chunk([event, event])]))
    assert found["TargetUserName"].to_pylist() == ["an\0na"] * 2


def test_a_chunk_without_such_a_text_is_left_as_it_is() -> None:
    chunk = Chunk()
    assert chunk.add({"A": text("plain"), "N": number(8, 0), "B": Value(0x0E, b"a\0\0\0b\0")})
    data = chunk.bytes()
    covered = Covered(data, scan(data), [0])
    assert covered.data is data
    assert covered.positions == ()


def test_whatever_the_bytes_nothing_is_raised_and_no_length_changes() -> None:
    chunk = Chunk()
    for at in range(20):
        assert chunk.add({"A": text(f"be\0fore {at}"), "B": number(8, at)})
    data = bytearray(chunk.bytes())
    for seed in range(300):
        chance = random.Random(seed)  # noqa: S311 - no secret
        torn = bytearray(data)
        for _ in range(chance.randrange(1, 40)):
            torn[chance.randrange(512, len(torn))] = chance.randrange(256)
        found = scan(bytes(torn))
        covered = Covered(bytes(torn), found, range(len(found.units)))
        assert len(covered.data) == len(torn)
        differing = sum(a != b for a, b in zip(covered.data, torn, strict=True))
        assert differing <= 2 * 20 * 8
