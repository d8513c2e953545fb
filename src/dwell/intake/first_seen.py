"""When a value was first and last seen, by column: a look-up in the lexicons, and a scan of what is not in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import DataFile, read_lexicon, read_rows
from dwell.archive.spec import TableSpec
from dwell.archive.store import Archive
from dwell.intake.held_values import HeldValues, keep_held, may_hold
from dwell.model.instants import utc_from_us

__all__ = ["Seen", "first_seen"]

_TIME = "time_utc"


@dataclass(frozen=True, slots=True)
class Seen:
    """One column that holds the value.

    Attributes:
        table: the table.
        column: the column.
        count: rows with the value.
        first_utc: the first of them; None where none has an instant.
        last_utc: the last of them.
    """

    table: str
    column: str
    count: int
    first_utc: datetime | None
    last_utc: datetime | None


def _same(values: pa.ChunkedArray, wanted: str) -> npt.NDArray[np.int64]:
    """Give the rows whose text is the wanted one, letter case apart."""
    # lower case has as many characters, and most texts have another number of them
    long = np.flatnonzero(pc.fill_null(pc.equal(pc.utf8_length(values), len(wanted)), fill_value=False).to_numpy())
    same = pc.equal(pc.utf8_lower(values.take(pa.array(long))), wanted).to_numpy()
    found: npt.NDArray[np.int64] = long[same.astype(np.bool_)]
    return found


def _in_file(
    file: DataFile, spec: TableSpec, wanted: str, held: HeldValues | None
) -> Iterator[tuple[str, int, int | None, int | None]]:
    """Yield column, count, first and last instant in microseconds, for each column of a file that holds the value."""
    complete: frozenset[str] = frozenset()
    if file.staged.lexicon_sha256:
        lexicon = read_lexicon(file)
        # a lexicon has the instants as written: where clocks are corrected, the rows are looked at
        complete = frozenset() if file.shifts else lexicon.complete
        if held is not None:
            held.add(lexicon.table["value"])
        met = lexicon.table.take(pa.array(_same(lexicon.table["value"], wanted)))
        columns = [met["column"].cast(pa.string()).to_pylist(), met["count"].to_pylist()]
        times = [met[one].cast(pa.int64()).to_pylist() for one in ("first_utc", "last_utc")]
        for name, count, first, last in zip(*columns, *times, strict=True):
            if name not in spec.joined and name in complete:
                yield name, count, first, last
    texts = [
        one.name
        for one in spec.schema
        if pa.types.is_string(one.type) and one.name != "evidence_id" and one.name not in complete
    ]
    if not texts:
        return
    rows = read_rows(file, (*texts, _TIME))
    for name in texts:
        if held is not None:
            held.add_column(rows[name])
        found = rows[_TIME].take(pa.array(_same(rows[name], wanted)))
        if len(found):
            span = pc.min_max(found.cast(pa.int64())).as_py()
            yield name, len(found), span["min"], span["max"]


def first_seen(archive: Archive, value: str, cache: Path | None = None) -> tuple[Seen, ...]:
    """Give every column that holds a value, letter case apart, by first instant (unknown last), table and column.

    Args:
        archive: the case's archive.
        value: the whole value of a column, as logged.
        cache: folder where it is kept which texts each data file holds, so that files without the value are not opened.

    Raises:
        CustodyError: a data file is not what was written.
    """
    wanted = value.lower()
    found: dict[tuple[str, str], list[tuple[int, int | None, int | None]]] = {}
    for table in archive.tables():
        if table in archive.specs:
            for file in archive.files(table):
                asked = may_hold(file, wanted, cache) if cache is not None else True
                if asked is False:
                    continue
                held = HeldValues() if asked is None else None
                for name, *told in _in_file(file, archive.specs[table], wanted, held):
                    found.setdefault((table, name), []).append((told[0] or 0, told[1], told[2]))
                if held is not None and cache is not None:
                    keep_held(file, held, cache)
    out = []
    for (table, column), parts in found.items():
        first = min((one for _, one, _ in parts if one is not None), default=None)
        last = max((one for _, _, one in parts if one is not None), default=None)
        known = (None if first is None else utc_from_us(first), None if last is None else utc_from_us(last))
        out.append(Seen(table, column, sum(count for count, _, _ in parts), *known))
    return tuple(sorted(out, key=lambda one: (one.first_utc is None, str(one.first_utc), one.table, one.column)))
