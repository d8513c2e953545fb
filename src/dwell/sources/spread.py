"""Named texts of many records put into columns at once, where records differ in which names they have.

A reader gathers names and values side by side, record after record. Names that are columns fill them; every other name
goes to the `extra` map, and so does a value that does not fit its column's type, and the second of two of one name
(`Name#2`). Nothing is dropped but what holds nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.sources.columns import converted
from dwell.sources.source import EXTRA

__all__ = ["spread", "strings"]

_Int64s = npt.NDArray[np.int64]


_COUNTED_MAX = 1 << 26
"""Repeats are counted outright where that takes less than this many counters."""


class _Codes(dict[str, int]):
    """Numbers for names: columns first, in their order, then whatever else turns up.

    Attributes:
        names: the name of each number.
    """

    def __init__(self, kinds: Mapping[str, pa.DataType], resolve: Callable[[str], str] | None) -> None:
        super().__init__({name: code for code, name in enumerate(kinds)})
        self.names = list(kinds)
        self._places = dict(self)
        self._resolve = resolve

    def __missing__(self, name: str) -> int:
        own = self._resolve(name) if self._resolve is not None else name
        code = self._places.get(own)
        if code is None:
            code = self._places[own] = len(self.names)
            self.names.append(own)
        self[name] = code
        return code


def strings(values: Sequence[str | None]) -> pa.Array:
    """Give texts as an array; half a surrogate pair has no place in UTF-8 and becomes `?`."""
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:
        return pa.array([one and one.encode(errors="replace").decode() for one in values], pa.string())


def _numbered(codes: npt.NDArray[np.int32], owners: _Int64s, coded: _Codes) -> npt.NDArray[np.int32]:
    """Give the second of two of one name in one record a name of its own."""
    width = len(coded.names)
    keys = owners * width + codes
    if len(keys) and (int(owners[-1]) + 1) * width < _COUNTED_MAX and np.bincount(keys).max(initial=0) < 2:
        return codes
    order = np.argsort(keys, kind="stable")
    again = np.flatnonzero(np.diff(keys[order]) == 0) + 1
    if not len(again):
        return codes
    codes = codes.copy()
    counts: dict[int, int] = {}
    for place in order[again].tolist():
        key = int(keys[place])
        counts[key] = counts.get(key, 1) + 1
        codes[place] = coded[f"{coded.names[key % width]}#{counts[key]}"]
    return codes


def _typed(column: pa.Array, kind: pa.DataType) -> pa.Array:
    encoded = column.dictionary_encode()
    return converted(encoded.dictionary, kind).take(encoded.indices)


def spread(
    names: Sequence[str] | pa.DictionaryArray,
    values: Sequence[str | None] | pa.Array,
    counts: Sequence[int] | _Int64s,
    kinds: Mapping[str, pa.DataType],
    resolve: Callable[[str], str] | None = None,
) -> dict[str, pa.Array]:
    """Spread named texts over their columns and the map `extra`, all records at once.

    Args:
        names: names, record after record.
        values: their texts, side by side with `names`.
        counts: how many names each record has.
        kinds: the columns and their types.
        resolve: gives the column that a name stands for, or the name itself.
    """
    count = len(counts)
    coded = _Codes(kinds, resolve)
    if isinstance(names, pa.DictionaryArray):
        told = np.array([coded[one] for one in names.dictionary.to_pylist()], np.int32)
        codes = told[names.indices.to_numpy()] if len(names) else np.zeros(0, np.int32)
    else:
        codes = np.fromiter(map(coded.__getitem__, names), np.int32, len(names))
    owners = np.repeat(np.arange(count), counts)
    codes = _numbered(codes, owners, coded)
    texts = values if isinstance(values, pa.Array) else strings(values)
    order = np.argsort(codes, kind="stable")
    edges = np.searchsorted(codes[order], np.arange(len(kinds) + 1))
    out: dict[str, pa.Array] = {}
    rest = [order[edges[-1] :]]
    for code, (name, kind) in enumerate(kinds.items()):
        places = order[edges[code] : edges[code + 1]]
        if not len(places):
            out[name] = pa.nulls(count, kind)
            continue
        where = np.full(count, -1, np.int64)
        where[owners[places]] = places
        column = texts.take(pa.array(where, mask=where < 0))
        out[name] = column
        if not pa.types.is_string(kind):
            out[name] = _typed(column, kind)
            misfit = pc.and_(column.is_valid(), out[name].is_null()).to_numpy(zero_copy_only=False)
            rest.append(where[misfit])
    out[EXTRA.name] = _map(np.sort(np.concatenate(rest)), owners, (texts, codes, coded.names), count)
    return out


def _map(
    places: _Int64s, owners: _Int64s, held: tuple[pa.Array, npt.NDArray[np.int32], list[str]], count: int
) -> pa.Array:
    if not len(places):
        return pa.nulls(count, EXTRA.type)
    texts, codes, names = held
    sizes = np.bincount(owners[places], minlength=count)
    ends = np.concatenate(([0], np.cumsum(sizes)))
    keys = strings(names).take(pa.array(codes[places]))
    none = np.append(sizes == 0, values=False)
    return pa.MapArray.from_arrays(pa.array(ends, pa.int32(), mask=none), keys, texts.take(pa.array(places)))
