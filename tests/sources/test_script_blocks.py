"""Script blocks logged in parts: whole in the first part, as written in the map, joined only where all are there."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence

import pyarrow as pa
import pytest
from tests.sources import evtx_writer

from dwell.model.provenance import Fact
from dwell.sources import evtx as evtx_source
from dwell.sources import evtx_text
from dwell.sources.event_rows import Rows
from dwell.sources.evtx import Evtx
from dwell.sources.evtx_json import EvtxJson
from dwell.sources.script_blocks import put_together
from dwell.sources.source import Hint, Source
from dwell.sources.windows_event import System

Part = tuple[str, int, int, str]


def _data(part: Part) -> dict[str, str]:
    block_id, number, total, text = part
    return {
        "MessageNumber": str(number),
        "MessageTotal": str(total),
        "ScriptBlockText": text,
        "ScriptBlockId": block_id,
    }


def _rows(parts: Sequence[Part], event_id: int = 4104) -> pa.RecordBatch:
    rows = Rows()
    for number, part in enumerate(parts, 1):
        rows.add(number, System(EventID=event_id, Computer="EX01"), _data(part))
    return rows.batch()


def _texts(records: pa.RecordBatch) -> list[str | None]:
    found: list[str | None] = records["ScriptBlockText"].to_pylist()
    return found


def test_parts_are_put_together_in_their_order() -> None:
    before = _rows(
        [("a", 1, 1, "alone"), ("b", 2, 3, "two "), ("b", 1, 3, "one "), ("c", 1, 1, "x"), ("b", 3, 3, "three")]
    )
    after, facts = put_together(before)
    assert _texts(after) == ["alone", None, "one two three", "x", None]
    maps = [dict(one) for one in after["EventData"].to_pylist()]
    assert [one.get("ScriptBlockText") for one in maps] == [None, "two ", "one ", None, "three"]
    assert [(one.count, one.record_no, one.detail) for one in facts] == [(3, 3, "parts of script blocks put together")]
    untouched = [name for name in before.schema.names if name not in {"ScriptBlockText", "EventData"}]
    assert after.select(untouched).equals(before.select(untouched))


@pytest.mark.parametrize(
    "parts",
    [
        [("b", 1, 3, "one"), ("b", 3, 3, "three")],
        [("b", 1, 2, "one"), ("b", 2, 2, "two"), ("b", 2, 2, "two")],
        [("b", 1, 2, "one"), ("c", 2, 2, "two")],
        [("", 1, 2, "one"), ("", 2, 2, "two")],
        [("b", 1, 2, "one"), ("b", 2, 3, "two")],
        [("b", 1, 10**8, "one")],
    ],
)
def test_what_is_not_all_there_stays_as_written(parts: list[Part]) -> None:
    before = _rows(parts)
    after, facts = put_together(before)
    assert after.equals(before)
    assert [(one.count, one.detail) for one in facts] == [
        (len(parts), "parts of script blocks that miss others, left as written")
    ]


@pytest.mark.parametrize("number", ["", "x", "-1", "1.0", "²", "9" * 400])
def test_numbers_that_are_none_join_nothing(number: str) -> None:
    rows = Rows()
    data = _data(("b", 1, 2, "one")) | {"MessageNumber": number}
    rows.add(1, System(EventID=4104), data)
    after, facts = put_together(rows.batch())
    assert (_texts(after), facts) == (["one"], [])


def test_other_events_are_left_alone() -> None:
    before = _rows([("b", 1, 2, "one"), ("b", 2, 2, "two")], event_id=4103)
    assert put_together(before) == (before, [])


def _binary(parts: Sequence[Part]) -> bytes:
    held = [{"event_id": 4104, "at": "2021-03-12T00:00:00Z", "data": _data(part)} for part in parts]
    return evtx_writer.log([evtx_writer.chunk(held[at : at + 2], at + 1) for at in range(0, len(held), 2)])


def _lines(parts: Sequence[Part]) -> bytes:
    return b"".join(
        json.dumps(
            {"Event": {"System": {"EventID": 4104, "Channel": "c", "EventRecordID": at}, "EventData": _data(part)}}
        ).encode()
        + b"\n"
        for at, part in enumerate(parts, 1)
    )


@pytest.mark.parametrize(("source", "write"), [(Evtx(), _binary), (EvtxJson(), _lines)])
def test_a_batch_does_not_end_within_a_block(
    monkeypatch: pytest.MonkeyPatch, source: Source, write: Callable[[Sequence[Part]], bytes]
) -> None:
    monkeypatch.setattr(evtx_source, "ROWS", 4)
    monkeypatch.setattr(evtx_text, "ROWS", 4)
    parts = [("a", 1, 1, "x"), ("b", 1, 4, "1"), ("b", 2, 4, "2"), ("b", 3, 4, "3"), ("b", 4, 4, "4"), ("c", 1, 1, "y")]
    data = write(parts)
    batches = list(source.read(io.BytesIO(data), Hint("x", "", len(data))))
    texts = [text for one in batches if one.records is not None for text in _texts(one.records)]
    assert texts == ["x", "1234", None, None, None, "y"]
    facts: list[Fact] = [fact for one in batches for fact in one.facts]
    assert [one.count for one in facts if "put together" in one.detail] == [4]
