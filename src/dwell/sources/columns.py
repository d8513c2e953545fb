"""Columns of text put into the types of a schema, and runs of lines put into one buffer.

A value that does not fit its column's type is never lost: the column is null there and the raw text stands in the
`extra` map under the column's name, beside the columns that the schema does not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.provenance import Fact, FactKind
from dwell.sources.lines import Block
from dwell.sources.source import EXTRA, HOST, RECORD_NO, TIME_UTC

__all__ = ["converted", "extra_map", "fit", "flat", "instants", "is_utf8", "joined", "reversals"]

_YEAR = r"(?:1[6-9]\d\d|2\d{3})"
_INSTANT = (
    rf"^({_YEAR}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))[T ]((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)"
    r"((?:\.\d{1,6})?)\d*"
)
_ZONE = r"(Z|[+-](?:0\d|1[0-4]):?[0-5]\d)$"
_NUMBERS = {
    pa.int32(): r"^-?\d{1,9}$",
    pa.int64(): r"^-?\d{1,18}$",
    pa.float64(): r"^-?\d{1,15}(?:\.\d{1,15})?(?:[eE][+-]?\d{1,2})?$",
}
_HOUR_US = 3_600_000_000


def is_utf8(data: bytes) -> bool:
    """Say whether the bytes are UTF-8 throughout."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def joined(block: Block, rows: npt.NDArray[np.int64]) -> bytes | memoryview:
    """Give the lines as one buffer, without copying where they lie side by side."""
    breaks = np.flatnonzero(np.diff(rows) != 1) + 1
    view = memoryview(block.data)
    parts = []
    for run in np.split(rows, breaks):
        last = int(run[-1])
        end = int(block.starts[last + 1]) if last + 1 < len(block) else len(block.data)
        parts.append(view[int(block.starts[run[0]]) : end])
    return parts[0] if len(parts) == 1 else b"".join(parts)


def flat(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Give a text column as one plain array."""
    text = column.cast(pa.string())
    return text.combine_chunks() if isinstance(text, pa.ChunkedArray) else text


def extra_map(columns: Mapping[str, pa.Array | pa.ChunkedArray], count: int, *, keep_null: bool = False) -> pa.Array:
    """Gather columns into a map per row; null where a row has no entry."""
    if not columns:
        return pa.nulls(count, EXTRA.type)
    width = len(columns)
    order = np.arange(count * width).reshape(width, count).T.ravel()
    values = pa.concat_arrays([flat(one) for one in columns.values()]).take(pa.array(order))
    keys = pa.array(list(columns), pa.string()).take(pa.array(np.tile(np.arange(width), count)))
    if keep_null:
        return pa.MapArray.from_arrays(pa.array(np.arange(0, (count + 1) * width, width), pa.int32()), keys, values)
    held = values.is_valid()
    mask = held.to_numpy(zero_copy_only=False)
    ends = np.concatenate(([0], np.cumsum(mask.reshape(count, width).sum(axis=1))))
    none = np.append(np.diff(ends) == 0, False)
    return pa.MapArray.from_arrays(pa.array(ends, pa.int32(), mask=none), keys.filter(held), values.filter(held))


def instants(values: pa.Array) -> pa.Array:
    """Read ISO 8601 instants, UTC where they name no zone; null for what is none."""
    kind = pa.timestamp("us", tz="UTC")
    zoned = pc.match_substring_regex(values, _INSTANT + _ZONE)
    bare = pc.match_substring_regex(values, _INSTANT + "$")
    none = pa.scalar(None, pa.string())
    text = pc.coalesce(
        pc.replace_substring_regex(pc.if_else(zoned, values, none), _INSTANT + _ZONE, r"\1T\2\3\4"),
        pc.replace_substring_regex(pc.if_else(bare, values, none), _INSTANT + "$", r"\1T\2\3Z"),
    )
    try:
        return text.cast(kind)
    except pa.ArrowInvalid:
        return pa.array([_instant(one) for one in text.to_pylist()], kind)


def _instant(text: str | None) -> datetime | None:
    try:
        return None if text is None else datetime.fromisoformat(text)
    except ValueError:
        return None


def converted(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """Read texts as a number or an instant; null for what is none."""
    if pa.types.is_timestamp(kind):
        return instants(values)
    fits = pc.match_substring_regex(values, _NUMBERS[kind])
    return pc.if_else(fits, values, pa.scalar(None, pa.string())).cast(kind)


def _typed(column: pa.ChunkedArray, kind: pa.DataType) -> tuple[pa.Array | pa.ChunkedArray, pa.Array | None]:
    """Convert a text column by its distinct values; give what did not fit as well."""
    if column.type == kind or pa.types.is_string(kind):
        return column, None
    one = column.unify_dictionaries().combine_chunks() if column.num_chunks > 1 else column.combine_chunks()
    encoded = one if pa.types.is_dictionary(one.type) else one.dictionary_encode()
    values = encoded.dictionary
    typed = converted(values, kind)
    misfit = pc.and_(values.is_valid(), typed.is_null())
    out = typed.take(encoded.indices)
    if not pc.any(misfit).as_py():
        return out, None
    return out, pc.if_else(misfit, values, pa.scalar(None, pa.string())).take(encoded.indices)


def fit(
    table: pa.Table, numbers: npt.NDArray[np.int64], schema: pa.Schema, *, time: str | None, host: str | None
) -> pa.Table:
    """Put a table of text columns into a schema.

    Args:
        table: columns by their own names; those the schema does not know go to `extra`.
        numbers: the record number of each row.
        schema: what comes out, in its order.
        time: the column that `time_utc` is read from.
        host: the column that `host` is taken from.
    """
    count = table.num_rows
    names = set(table.column_names)
    prefix = {RECORD_NO.name, TIME_UTC.name, HOST.name, EXTRA.name}
    out: dict[str, pa.Array | pa.ChunkedArray] = {RECORD_NO.name: pa.array(numbers, pa.int64())}
    extra: dict[str, pa.Array | pa.ChunkedArray] = {}
    for one in [TIME_UTC, *(one for one in schema if one.name not in prefix)]:
        name = time if one is TIME_UTC else one.name
        if name is None or name not in names:
            out[one.name] = pa.nulls(count, one.type)
            continue
        out[one.name], misfit = _typed(table[name], one.type)
        if misfit is not None:
            extra[name] = misfit
    out[HOST.name] = table[host] if host is not None and host in names else pa.nulls(count, HOST.type)
    known = {*schema.names} - prefix | {time, host}
    extra |= {name: table[name] for name in table.column_names if name not in known}
    out[EXTRA.name] = extra_map(extra, count)
    return pa.table([out[one.name] for one in schema], names=schema.names)


def reversals(
    table: pa.Table, last: tuple[int, int] | None, facts: list[Fact], seams: npt.NDArray[np.int64] | None = None
) -> tuple[int, int] | None:
    """Note where time goes back by more than an hour: lines were put together, or the clock was set.

    Args:
        table: records in their order.
        last: instant, in microseconds, and number of the last record before them that has an instant.
        facts: where it is noted.
        seams: see `Hint`.

    Returns:
        What the next call is to be given as `last`.
    """
    column = table[TIME_UTC.name].combine_chunks()
    times = column.drop_null().cast(pa.int64()).to_numpy(zero_copy_only=False)
    if not len(times):
        return last
    numbers = table[RECORD_NO.name].to_numpy()
    if column.null_count:
        numbers = numbers[column.is_valid().to_numpy(zero_copy_only=False)]
    end = (int(times[-1]), int(numbers[-1]))
    if last is not None:
        times, numbers = np.append(last[0], times), np.append(last[1], numbers)
    goes_back = np.diff(times) < -_HOUR_US
    if seams is not None and len(seams):
        goes_back &= np.diff(np.searchsorted(seams, numbers, side="right")) == 0
    back = np.flatnonzero(goes_back)
    if len(back):
        at = datetime.fromtimestamp(int(times[back[0]]) / 1e6, UTC)
        facts.append(Fact(FactKind.TIME_REVERSAL, None, at, None, len(back), "time goes back by over an hour"))
    return end
