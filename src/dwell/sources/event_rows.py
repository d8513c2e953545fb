"""Windows events gathered into one batch of columns.

Events with the same names of data, which most events of a log are, are kept side by side, so that a column is cut out
of many events at once and no value is looked at by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.sources import script_blocks
from dwell.sources.windows_event import DATA_COLUMNS, SCHEMA, System, instants, texts

__all__ = ["Rows", "as_text"]

_Places = npt.NDArray[np.int64]


class _Shape:
    """Events that have the same names of data.

    Attributes:
        places: the row of each.
        values: their values, event after event.
    """

    __slots__ = ("places", "values")

    def __init__(self) -> None:
        self.places: list[int] = []
        self.values: list[Any] = []


class _Part(NamedTuple):
    """What the events of one shape hold under one name.

    Attributes:
        places: the rows.
        position: where the name stands among its events' names.
        values: a text or null for each row.
    """

    places: _Places
    position: int
    values: pa.Array


class Rows:
    """Events gathered for one batch."""

    __slots__ = ("_last", "_numbers", "_shapes", "_systems")

    def __init__(self) -> None:
        self._numbers: list[int] = []
        self._systems: list[System] = []
        self._shapes: dict[tuple[str, ...], _Shape] = {}
        self._last: Mapping[str, Any] = {}

    def __len__(self) -> int:
        """Give the number of events."""
        return len(self._numbers)

    def add(self, number: int, system: System, data: Mapping[str, Any]) -> None:
        """Take one event: its `record_no`, its `System` block, and its data, whose names differ."""
        names = tuple(data)
        shape = self._shapes.get(names)
        if shape is None:
            shape = self._shapes[names] = _Shape()
        shape.places.append(len(self._numbers))
        shape.values.extend(data.values())
        self._numbers.append(number)
        self._systems.append(system)
        self._last = data

    @property
    def in_parts(self) -> bool:
        """Say whether the last event is a part of a script block that others should follow."""
        return script_blocks.in_parts(self._last)

    def batch(self, times: pa.Array | None = None) -> pa.RecordBatch:
        """Give the rows; `times` stands in for the instants of the `System` blocks."""
        columns = self._system(times) | self._data()
        return pa.RecordBatch.from_arrays([columns[name] for name in SCHEMA.names], schema=SCHEMA)

    def _system(self, times: pa.Array | None) -> dict[str, pa.Array]:
        """Give the columns of the `System` blocks."""
        held = self._systems
        host = texts([one.Computer for one in held])
        return {
            "record_no": pa.array(self._numbers, pa.int64()),
            "time_utc": instants([one.time.SystemTime for one in held]) if times is None else times,
            "host": host,
            "Computer": host,
            "Channel": texts([one.Channel for one in held]),
            "Provider": texts([one.provider.Name for one in held]),
            "ProviderGuid": texts([one.provider.Guid for one in held]),
            "EventSourceName": texts([one.provider.EventSourceName for one in held]),
            "UserID": texts([one.security.UserID for one in held]),
            "Keywords": texts([one.Keywords for one in held]),
            "ActivityID": texts([one.correlation.ActivityID for one in held]),
            "RelatedActivityID": texts([one.correlation.RelatedActivityID for one in held]),
            "EventID": pa.array([one.EventID for one in held], pa.int32()),
            "Qualifiers": pa.array([one.Qualifiers for one in held], pa.int32()),
            "EventRecordID": pa.array([one.EventRecordID for one in held], pa.int64()),
            "Level": pa.array([one.Level for one in held], pa.int32()),
            "ProcessID": pa.array([one.execution.ProcessID for one in held], pa.int64()),
            "ThreadID": pa.array([one.execution.ThreadID for one in held], pa.int64()),
            "Task": pa.array([one.Task for one in held], pa.int32()),
            "Opcode": pa.array([one.Opcode for one in held], pa.int32()),
            "Version": pa.array([one.Version for one in held], pa.int32()),
        }

    def _data(self) -> dict[str, pa.Array]:
        """Spread the data over their columns and the map."""
        count = len(self._numbers)
        parts: dict[str, list[_Part]] = {}
        for names, shape in self._shapes.items():
            places = np.array(shape.places, np.int64)
            for position, name in enumerate(names):
                values = _written(shape.values[position :: len(names)])
                parts.setdefault(name, []).append(_Part(places, position, values))
        columns = {name: _scattered(parts.pop(name, []), count) for name in DATA_COLUMNS}
        columns["EventData"] = _mapped(parts, count)
        return columns


def _written(values: list[Any]) -> pa.Array:
    """Give values as texts, whatever JSON they are."""
    try:
        return texts(values)
    except TypeError:
        return texts([one if type(one) is str else as_text(one) for one in values])


def as_text(value: Any) -> str | None:  # noqa: ANN401 - whatever JSON holds
    """Give a value as a text, whatever JSON it is."""
    if type(value) is int:
        return str(value)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(value)
    return msgspec.json.encode(value).decode()


def _scattered(parts: Sequence[_Part], count: int) -> pa.Array:
    """Put the values of one name into the rows that hold them; the other rows are null."""
    if not parts:
        return pa.nulls(count, pa.string())
    places = np.concatenate([one.places for one in parts])
    values = pa.concat_arrays([one.values for one in parts])
    if len(parts) == 1 and len(places) == count:
        return values
    where = np.full(count, -1, np.int64)
    where[places] = np.arange(len(places))
    return values.take(pa.array(where, mask=where < 0))


def _mapped(parts: Mapping[str, Sequence[_Part]], count: int) -> pa.Array:
    """Put names without a column into a map for each row, in the order in which they stood."""
    named = [(code, one) for code, several in enumerate(parts.values()) for one in several]
    if not named:
        empty = pa.array([], pa.string())
        return pa.MapArray.from_arrays(pa.array(np.zeros(count + 1, np.int32)), empty, empty)
    places = np.concatenate([one.places for _, one in named])
    lengths = [len(one.places) for _, one in named]
    codes = np.repeat(np.array([code for code, _ in named]), lengths)
    positions = np.repeat(np.array([one.position for _, one in named]), lengths)
    order = np.lexsort((positions, places))
    offsets = np.zeros(count + 1, np.int32)
    np.cumsum(np.bincount(places, minlength=count), out=offsets[1:])
    keys = texts(list(parts)).take(pa.array(codes[order]))
    values = pa.concat_arrays([one.values for _, one in named]).take(pa.array(order))
    return pa.MapArray.from_arrays(pa.array(offsets), keys, values)
