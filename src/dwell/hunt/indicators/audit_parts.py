"""What audit records of Microsoft 365 say in their own JSON and in no column: lists of changed and other properties.

The lists are cut out of all records at once. There are few different ones, for what is different in each record (ids,
instants, messages) stands elsewhere; those few are then read as JSON.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["PARTS", "audit_parts"]

PARTS = ("OperationProperties", "ModifiedProperties", "ExtendedProperties", "AppAccessContext")
"""Lists and objects of a record that have no column of their own."""
_PLAIN = r'[^"\[\]{}]|"(?:[^"\\]|\\.)*"'
DEPTH_MAX = 4
"""Lists and objects within one another; what lies deeper is looked at as the text of the whole record."""
_TEXTS_MAX = 10_000
"""So many texts of one list."""


def _nested(depth: int) -> str:
    inner = _PLAIN if depth == 0 else f"{_PLAIN}|{_nested(depth - 1)}"
    return rf"[\[{{](?:{inner})*[\]}}]"


def _cut(texts: pa.StringArray, name: str) -> pa.StringArray:
    """Cut a part out of records; null where they have none, the whole record where it cannot be cut out."""
    held = pc.match_substring(texts, f'"{name}"')
    found = pc.struct_field(
        pc.extract_regex(texts, rf'(?s)"{name}"\s*:\s*(?P<part>{_nested(DEPTH_MAX)}|null|"")'), "part"
    )
    return pc.if_else(held, pc.coalesce(found, texts), pa.scalar(None, pa.string()))


def _within(whole: object) -> Iterator[str]:
    waiting: list[object] = [whole]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
            if one[:1] in {"[", "{"}:
                waiting += _read(one)
        elif isinstance(one, list):
            waiting += reversed(one)
        elif isinstance(one, dict):
            waiting += reversed(list(one.values()))


def _read(text: str) -> list[object]:
    """Read JSON that a text of JSON holds; nothing where it is none."""
    try:
        found = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return []
    return [found] if isinstance(found, list | dict) else []


def _texts(part: str) -> list[str]:
    """Give the texts in a part; the part itself where it cannot be read or holds very many."""
    read = _read(part)
    if not read:
        return [part]
    out: dict[str, None] = {}
    for one in _within(read[0]):
        out[one] = None
        if len(out) > _TEXTS_MAX:
            return [part]
    return list(out)


def audit_parts(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.int64], pa.StringArray, pa.StringArray]:
    """Give row, name and text of what the records of a column say and no other column holds.

    Args:
        column: records as JSON; null for none.
    """
    whole = pa.concat_arrays([one.cast(pa.string()) for one in column.chunks] or [pa.array([], pa.string())])
    rows: list[npt.NDArray[np.int64]] = [np.zeros(0, np.int64)]
    labels = [pa.array([], pa.string())]
    values = [pa.array([], pa.string())]
    for name in PARTS:
        told = _cut(whole, name).dictionary_encode()
        codes = told.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        read = [_texts(one) for one in told.dictionary.to_pylist()]
        counts = np.array([len(one) for one in read], np.int64)
        held = np.flatnonzero(codes >= 0)
        mine = counts[codes[held]]
        first = np.cumsum(counts) - counts
        within = np.arange(mine.sum()) - np.repeat(np.cumsum(mine) - mine, mine)
        texts = pa.array([text for one in read for text in one], pa.string())
        rows.append(np.repeat(held, mine))
        values.append(texts.take(pa.array(np.repeat(first[codes[held]], mine) + within)))
        labels.append(pa.array([name], pa.string()).take(pa.array(np.zeros(int(mine.sum()), np.int64))))
    return np.concatenate(rows), pa.concat_arrays(labels), pa.concat_arrays(values)
