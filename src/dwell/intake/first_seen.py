"""When a value was first and last seen, by column: a look-up in the lexicons, and a scan of what is not in them.

Fields of maps (those of events, say) and entries of lists are columns of their own here: `EventData.DestAddress`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import ColumnReader, DataFile, read_index, read_lexicon
from dwell.archive.lexicon import coded
from dwell.archive.spec import ID_CHARS, TableSpec
from dwell.archive.store import Archive
from dwell.engine.pool import run
from dwell.intake.held_values import HeldValues, keep_held, may_hold
from dwell.model.instants import utc_from_us

__all__ = ["Seen", "first_seen", "spellings"]

_TIME = "time_utc"
POOL_ROWS = 16_000_000
"""Below this many rows a pool of processes costs more than it saves."""


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


def spellings(value: str) -> tuple[str, ...]:
    """Give the ways in which logs write a value, in lower case: addresses of IPv6 short and in full."""
    plain = value.strip().lower()
    out = dict.fromkeys((value.lower(), plain))
    try:
        found = ipaddress.ip_address(plain.removeprefix("[").removesuffix("]"))
    except ValueError:
        return tuple(out)
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    if isinstance(found, ipaddress.IPv4Address):
        found = ipaddress.IPv6Address(f"::ffff:{found}")
        mapped = found.ipv4_mapped
    ways = (found.compressed, found.exploded, *((str(mapped), f"::ffff:{mapped}") if mapped else ()))
    return tuple(out | dict.fromkeys(ways))


def _same(values: pa.ChunkedArray | pa.Array, wanted: Sequence[str]) -> npt.NDArray[np.int64]:
    """Give the rows whose text is one of the wanted ones, letter case apart."""
    # lower case has as many characters, and most texts have another number of them
    lengths = pa.array(sorted({len(one) for one in wanted}), pa.int32())
    long = np.flatnonzero(pc.is_in(pc.utf8_length(values), value_set=lengths).to_numpy(zero_copy_only=False))
    lower = pc.utf8_lower(values.take(pa.array(long)))
    same = pc.is_in(lower, value_set=pa.array(wanted, pa.string())).to_numpy(zero_copy_only=False)
    found: npt.NDArray[np.int64] = long[same.astype(np.bool_)]
    return found


def _in_file(
    file: DataFile, spec: TableSpec, wanted: Sequence[str], held: HeldValues | None
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
    index = read_index(file)
    empty = frozenset(() if index is None else index.empty)
    texts = [
        one.name
        for one in spec.schema
        if pa.types.is_string(one.type) and one.name not in {"evidence_id", *complete, *empty}
    ]
    if held is not None and spec.ids.intersection(texts):
        held.add_length(ID_CHARS)
    texts = [
        one
        for one in texts
        if one not in spec.ids or any(len(way) == ID_CHARS and spec.may_hold(one, way) for way in wanted)
    ]
    more = [one.name for one in spec.schema if _is_of_texts(one.type) and one.name not in empty]
    if not texts and not more:
        return
    rows = ColumnReader(file, also=texts)
    for name in texts:
        column = rows.read([name])[name]
        if held is not None:
            held.add_column(column)
        met = _rows_with(column, wanted)
        if len(met):
            span = pc.min_max(rows.read([_TIME])[_TIME].take(pa.array(met)).cast(pa.int64())).as_py()
            yield name, len(met), span["min"], span["max"]
    for name in more:
        yield from _in_parts(rows.read([name])[name], name, lambda: rows.read([_TIME])[_TIME], wanted, held)


def _rows_with(column: pa.ChunkedArray, wanted: Sequence[str]) -> npt.NDArray[np.int64]:
    """Give the rows whose text is one of the wanted ones; of coded texts each is compared once."""
    if not pa.types.is_dictionary(column.type):
        return _same(column, wanted)
    codes = coded(column)
    same = _same(codes.dictionary.cast(pa.string()), wanted)
    return np.flatnonzero(np.isin(codes.indices.fill_null(-1).to_numpy(zero_copy_only=False), same))


def _is_of_texts(kind: pa.DataType) -> bool:
    """Say whether a column is a map or a list whose entries are texts."""
    if pa.types.is_map(kind):
        return bool(pa.types.is_string(kind.item_type))
    return bool(pa.types.is_list(kind) and pa.types.is_string(kind.value_type))


def _in_parts(
    column: pa.ChunkedArray,
    name: str,
    times: Callable[[], pa.ChunkedArray],
    wanted: Sequence[str],
    held: HeldValues | None,
) -> Iterator[tuple[str, int, int | None, int | None]]:
    """Yield the same for each field of a map that holds the value, or for the entries of a list."""
    rows, keys, values = _parts(column)
    if held is not None:
        held.add_column(pa.chunked_array([values]))
    met = _same(values, wanted)
    if not len(met):
        return
    labels = [name] * len(met) if keys is None else [f"{name}.{one}" for one in keys.take(pa.array(met)).to_pylist()]
    # a row that names the value twice in one field counts once
    table = pa.table({"label": labels, "row": rows[met]}).group_by(["label", "row"], use_threads=False).aggregate([])
    at = times().take(table["row"]).cast(pa.int64())
    told = pa.table({"label": table["label"], "at": at}).group_by("label", use_threads=False)
    for one in told.aggregate([("at", "min"), ("at", "max"), ([], "count_all")]).to_pylist():
        yield one["label"], one["count_all"], one["at_min"], one["at_max"]


def _parts(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.int64], pa.StringArray | None, pa.StringArray]:
    """Give row, field (none in a list) and text of every entry of a map or list; entries without a text are left out."""
    whole = column.combine_chunks()
    whole = pa.concat_arrays(whole.chunks) if isinstance(whole, pa.ChunkedArray) else whole
    is_map = pa.types.is_map(whole.type)
    listed = whole.cast(pa.list_(whole.type.field(0).type)) if is_map else whole
    counts = pc.list_value_length(listed).fill_null(0).to_numpy(zero_copy_only=False)
    rows = np.repeat(np.arange(len(whole)), counts)
    flat = listed.flatten()
    keys, values = (flat.field(0), flat.field(1)) if is_map else (None, flat)
    some = np.flatnonzero(values.is_valid().to_numpy(zero_copy_only=False))
    chosen = pa.array(some)
    return (
        rows[some],
        None if keys is None else keys.take(chosen).cast(pa.string()),
        values.take(chosen).cast(pa.string()),
    )


def _may_hold(file: DataFile, wanted: Sequence[str], cache: Path | None) -> bool | None:
    """Say whether a text of a data file may be one of those wanted; None where that is not kept."""
    if cache is None:
        return True
    told = [may_hold(file, one, cache) for one in wanted]
    return None if None in told else any(told)


@dataclass(frozen=True, slots=True)
class _Job:
    """A data file that is asked.

    Attributes:
        file: it.
        spec: its table.
        wanted: the ways to write what is looked for.
        cache: where it is kept which texts it holds; None where that is there already, or nothing is kept.
    """

    file: DataFile
    spec: TableSpec
    wanted: tuple[str, ...]
    cache: Path | None


def _ask(job: _Job) -> list[tuple[str, int, int | None, int | None]]:
    """Give what `_in_file` gives, and keep which texts the file holds."""
    held = None if job.cache is None else HeldValues()
    found = list(_in_file(job.file, job.spec, job.wanted, held))
    if held is not None and job.cache is not None:
        keep_held(job.file, held, job.cache)
    return found


def first_seen(
    archive: Archive,
    value: str,
    cache: Path | None = None,
    *,
    also: Sequence[str] = (),
    workers: int | None = None,
) -> tuple[Seen, ...]:
    """Give every column that holds a value, letter case apart, by first instant (unknown last), table and column.

    Args:
        archive: the case's archive.
        value: the whole value of a column, of a field in a map or of an entry in a list, as logged; an address in any of
            its spellings.
        also: other ways to write the value.
        cache: folder where it is kept which texts each data file holds, so that files without the value are not opened.
        workers: processes.

    Raises:
        CustodyError: a data file is not what was written.
    """
    wanted = tuple(dict.fromkeys(way for one in (value, *also) for way in spellings(one)))
    found: dict[tuple[str, str], list[tuple[int, int | None, int | None]]] = {}
    jobs = []
    for table in archive.tables():
        for file in archive.files(table) if table in archive.specs else ():
            asked = _may_hold(file, wanted, cache)
            if asked is not False:
                jobs.append(_Job(file, archive.specs[table], wanted, cache if asked is None else None))
    count = 1 if sum(job.file.staged.rows for job in jobs) < POOL_ROWS else workers
    for job, told in zip(jobs, run(_ask, jobs, workers=count), strict=True):
        for name, rows, first, last in told:
            found.setdefault((job.file.table, name), []).append((rows or 0, first, last))
    out = []
    for (table, column), parts in found.items():
        first = min((one for _, one, _ in parts if one is not None), default=None)
        last = max((one for _, _, one in parts if one is not None), default=None)
        known = (None if first is None else utc_from_us(first), None if last is None else utc_from_us(last))
        out.append(Seen(table, column, sum(count for count, _, _ in parts), *known))
    return tuple(sorted(out, key=lambda one: (one.first_utc is None, str(one.first_utc), one.table, one.column)))
