"""Instants corrected while they are read: the data files stay as they were written, and so does what stands in them.

Rows are given in the order of their corrected instants, those without one last, and what stood there is given beside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.instants import AS_WRITTEN

__all__ = ["BEARING", "ClockShift", "needed", "shifted"]

_TIME = "time_utc"
_ALL = (_TIME, "to_utc", "last_utc")
"""The instants of a row; the later ones are of tables that tell of the reading."""
BEARING = (*_ALL, "host", "source")
"""Columns that correcting looks at, or changes."""
_NO_TIME = -(2**63)

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, order=True)
class ClockShift:
    """A stretch of a host's rows whose instants are moved.

    Attributes:
        host: the host, as the rows name it.
        tables: the tables whose rows are meant.
        about: tables that tell of the reading of logs, whose rows are meant by the log's source.
        sources: those sources.
        from_us: the first instant that is moved, as written, microseconds since 1970.
        to_us: the first that is not any more.
        add_us: what is added.
    """

    host: str
    tables: tuple[str, ...]
    about: tuple[str, ...]
    sources: tuple[str, ...]
    from_us: int
    to_us: int
    add_us: int

    def bears_on(self, table: str, first_us: int | None, last_us: int | None) -> bool:
        """Say whether it may move a row of a data file."""
        if table in self.about:
            return True
        if table not in self.tables or first_us is None or last_us is None:
            return False
        return first_us < self.to_us and last_us >= self.from_us


def needed(names: Sequence[str], held: Sequence[str]) -> list[str]:
    """Give the columns that have to be read to correct rows, beside those wanted.

    Args:
        names: the columns that are wanted.
        held: the columns of the data file.
    """
    return [one for one in BEARING if one in held and one not in names]


def shifted(rows: pa.Table, table: str, shifts: Sequence[ClockShift]) -> pa.Table:
    """Give rows with their instants corrected, in order of these, and the instant as written as one more column.

    Args:
        rows: rows of a data file with `needed` columns, in its order.
        table: the table.
        shifts: what is moved; of two that mean the same row, the first counts.
    """
    hosts = _coded(rows["host"])
    sources = _coded(rows["source"]) if any(table in one.about for one in shifts) else None
    written = _instants(rows, _TIME)
    moved = written
    for name in (one for one in _ALL if one in rows.column_names):
        before = _instants(rows, name)
        after = _moved(before, hosts, sources, shifts)
        if after is not before:
            column = pa.array(after, mask=before == _NO_TIME).cast(rows.schema.field(name).type)
            rows = rows.set_column(rows.schema.get_field_index(name), name, column)
        moved = after if name == _TIME else moved
    kind = rows.schema.field(_TIME).type
    rows = rows.append_column(AS_WRITTEN, pa.array(written, mask=(moved == written)).cast(kind))
    sortable = np.where(moved == _NO_TIME, np.iinfo(np.int64).max, moved)
    if bool((np.diff(sortable) >= 0).all()):
        return rows
    return rows.take(pa.array(np.argsort(sortable, kind="stable")))


def _instants(rows: pa.Table, name: str) -> Ints:
    out: Ints = rows[name].cast(pa.int64()).fill_null(_NO_TIME).to_numpy()
    return out


def _coded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    found = column.cast(pa.string()).combine_chunks()
    return found.dictionary_encode()


def _named(column: pa.DictionaryArray, wanted: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Say which rows have one of some texts, letter case apart."""
    low = pa.array(sorted({one.lower() for one in wanted}), pa.string())
    met = pc.is_in(pc.utf8_lower(column.dictionary), value_set=low).to_numpy(zero_copy_only=False)
    codes = column.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    out: npt.NDArray[np.bool_] = np.append(met, False)[codes]  # a code of -1 stands for no value
    return out


def _moved(
    times: Ints, hosts: pa.DictionaryArray, sources: pa.DictionaryArray | None, shifts: Sequence[ClockShift]
) -> Ints:
    out = times
    left = times != _NO_TIME
    for one in shifts:
        mine = left & (times >= one.from_us) & (times < one.to_us)
        mine &= _named(hosts, [one.host]) if mine.any() else False
        if sources is not None and mine.any():
            mine &= _named(sources, one.sources)
        if mine.any():
            out = out.copy() if out is times else out
            out[mine] += one.add_us
            left &= ~mine
    return out
