"""PowerShell's script blocks put together again.

A script block that is too long for one event is logged in parts: events 4104 with one `ScriptBlockId`, numbered by
`MessageNumber` of `MessageTotal`. A rule that looks for two words finds neither event where the words stand in different
parts, so the whole block goes to the first part's `ScriptBlockText`; what each part held as written stays in the map
`EventData` under the same name, and the later parts have no `ScriptBlockText` of their own, so that one block is one hit.

A block of which a part is missing, or is there twice, stays as it was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.provenance import Fact, FactKind

__all__ = ["ends_in_parts", "in_parts", "put_together"]

SCRIPT_BLOCK: Final = 4104
TEXT, MAP = "ScriptBlockText", "EventData"
_ID, _NUMBER, _TOTAL = "ScriptBlockId", "MessageNumber", "MessageTotal"
_PARTS_MAX = 4_096
BLOCK_CHARS_MAX = 16 * 1024 * 1024
"""A block longer than this stays in parts."""


def in_parts(data: Mapping[str, Any]) -> bool:
    """Say whether an event is a part of a script block, and not its last, so that the others are still to come."""
    return TEXT in data and str(data.get(_NUMBER)) != str(data.get(_TOTAL))


def ends_in_parts(records: pa.RecordBatch) -> bool:
    """Say whether the last of some events is a part of a script block, and not its last part."""
    if not len(records) or not records[TEXT][-1].is_valid:
        return False
    return in_parts({TEXT: records[TEXT][-1].as_py(), **dict(records[MAP][-1].as_py() or ())})


def put_together(records: pa.RecordBatch) -> tuple[pa.RecordBatch, list[Fact]]:
    """Give events with their script blocks whole, and what was put together or could not be, as facts.

    Args:
        records: events in the columns of `windows_event.SCHEMA`.
    """
    rows = np.flatnonzero(
        pc.and_(pc.equal(records["EventID"], SCRIPT_BLOCK), records[TEXT].is_valid())
        .fill_null(False)  # noqa: FBT003 - Arrow takes the value by position
        .to_numpy(zero_copy_only=False)
    )
    blocks, broken = _blocks(records, rows)
    facts = [
        Fact(FactKind.MENDED, first, None, None, count, how)
        for first, count, how in (
            (_first(records, [one[0] for one in blocks]), sum(map(len, blocks)), "parts of script blocks put together"),
            (_first(records, broken), len(broken), "parts of script blocks that miss others, left as written"),
        )
        if count
    ]
    return (_whole(records, blocks) if blocks else records), facts


def _first(records: pa.RecordBatch, rows: list[int]) -> int | None:
    """Give the smallest record number of rows."""
    return min((records["record_no"][row].as_py() for row in rows), default=None)


def _blocks(records: pa.RecordBatch, rows: Any) -> tuple[list[list[int]], list[int]]:  # noqa: ANN401 - row numbers
    """Give the rows of each block that is there whole, part by part, and the rows of the other parts."""
    parts: dict[tuple[str, str, int], dict[int, list[int]]] = {}
    picked = records.select(["Computer", TEXT, MAP]).take(pa.array(rows))
    for row, computer, pairs in zip(
        rows.tolist(), picked["Computer"].to_pylist(), picked[MAP].to_pylist(), strict=True
    ):
        named = dict(pairs or ())
        number, total = _whole_number(named.get(_NUMBER)), _whole_number(named.get(_TOTAL))
        if number and total and total > 1:
            parts.setdefault((computer or "", named.get(_ID) or "", total), {}).setdefault(number, []).append(row)
    lengths = dict(zip(rows.tolist(), pc.utf8_length(picked[TEXT]).to_pylist(), strict=True))
    blocks, broken = [], []
    for (_, block_id, total), held in parts.items():
        found = [row for number in sorted(held) for row in held[number]]
        whole = block_id and total <= _PARTS_MAX and sorted(held) == list(range(1, total + 1))
        if whole and len(found) == total and sum(lengths[row] for row in found) <= BLOCK_CHARS_MAX:
            blocks.append(found)
        else:
            broken += found
    return blocks, broken


def _whole_number(text: str | None) -> int:
    """Read a part's number; 0 where it is none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else 0


def _whole(records: pa.RecordBatch, blocks: list[list[int]]) -> pa.RecordBatch:
    """Put whole texts to first parts, and each part's own into its map."""
    count = records.num_rows
    texts = records[TEXT]
    touched = sorted(row for block in blocks for row in block)
    own = dict(zip(touched, texts.take(pa.array(touched)).to_pylist(), strict=True))
    joined = {block[0]: "".join(own[row] for row in block) for block in blocks}
    place = np.arange(count)
    place[touched] = count + np.arange(len(touched))
    order = pa.array(place)
    new_texts = pa.array([joined.get(row) for row in touched], pa.string())
    kind = records.schema.field(MAP).type
    pairs = records[MAP].take(pa.array(touched)).to_pylist()
    new_maps = pa.array([[*(held or ()), (TEXT, own[row])] for row, held in zip(touched, pairs, strict=True)], kind)
    columns = list(records.columns)
    for name, new in ((TEXT, new_texts), (MAP, new_maps)):
        at = records.schema.get_field_index(name)
        columns[at] = pa.concat_arrays([columns[at], new]).take(order)
    return pa.RecordBatch.from_arrays(columns, schema=records.schema)
