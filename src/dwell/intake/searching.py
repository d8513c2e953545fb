"""Searching the archive: the lexicon says which data files can hold a match, and only those are opened."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import DataFile, WordsReader, read_index, read_lexicon, read_rows
from dwell.archive.grams import may_hold
from dwell.archive.index import Index
from dwell.archive.lexicon import coded, joined_codes
from dwell.archive.spec import TableSpec
from dwell.archive.store import Archive
from dwell.engine.pool import run
from dwell.errors import UsageError
from dwell.intake.misread import found_nothing, read_as, taken_as, unlooked
from dwell.intake.rows import rows_at
from dwell.intake.tables import HOUSE_TABLES
from dwell.intake.terms import Query, Term, parse
from dwell.model.instants import utc_from_us, utc_text
from dwell.model.provenance import EvidenceId
from dwell.sources.windows_event import DATA_COLUMNS

__all__ = ["Match", "Progress", "SearchResult", "search"]

_Bools = npt.NDArray[np.bool_]
POOL_ROWS = 4_000_000
"""Below this many rows a pool of processes costs more than it saves."""
_NO_TIME = 2**63 - 1
_HEAD = frozenset({"evidence_id", "host"})
_ALSO_FIELDS: Mapping[tuple[str, str], tuple[str, ...]] = dict.fromkeys(
    [("evtx", one) for one in ("UserID", "ProcessID", "ThreadID", "ActivityID", "Version", "Task", "Level", "Opcode")],
    ("EventData",),
)
"""Columns of the head of an event whose names its data use as well, in whatever spelling."""
_TAKEN_OUT: Mapping[tuple[str, str], tuple[str, ...]] = {("evtx", "EventData"): DATA_COLUMNS}
"""Fields of a map that are columns of their own: whoever asks the map as a whole asks them as well."""
Progress = Callable[[int, int], None]
"""Told (files done, files in all)."""


@dataclass(frozen=True, slots=True)
class Match:
    """One row that was found.

    Attributes:
        table: its table.
        evidence_id: its evidence file.
        record_no: its number there.
        time_utc: its instant; None where unknown.
        host: its host; None where unknown.
        row: all its columns as plain values, those without a value left out.
    """

    table: str
    evidence_id: EvidenceId
    record_no: int
    time_utc: datetime | None
    host: str | None
    row: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search found.

    Attributes:
        matches: the earliest rows, up to the limit, by instant (unknown last), table, evidence and record number.
        total: rows that match, beyond the limit too.
        months: matches a month, `yyyy-mm` or `unknown`, in order.
        tables: matches a table, in order of name.
        files: data files that could hold a match by their columns.
        opened: those that had to be opened after their lexicon was asked.
        hint: where no data file could hold a match: why, and columns much like those asked for. What was not looked at,
            and what was read otherwise than it may be meant. "" where there is nothing to say.
    """

    matches: tuple[Match, ...]
    total: int
    months: Mapping[str, int]
    tables: Mapping[str, int]
    files: int
    opened: int
    hint: str = ""


@dataclass(frozen=True, slots=True)
class _Job:
    number: int
    file: DataFile
    spec: TableSpec
    query: Query
    columns: Mapping[Term, tuple[str, ...]]
    limit: int


class _Hit(NamedTuple):
    """A row that matches; the first four fields are the order of the result."""

    at_us: int
    table: str
    evidence_id: str
    record_no: int
    place: int
    host: str | None
    file: int


@dataclass(frozen=True, slots=True)
class _Found:
    count: int
    first: tuple[_Hit, ...] = ()
    """The earliest `limit`."""
    opened: bool = False
    months: tuple[tuple[str, int], ...] = ()
    """How many lie in each month."""
    fields: frozenset[Term] = frozenset()
    """Terms whose column is a field that a map of the file holds."""


def _columns(spec: TableSpec, term: Term, *, maps: bool) -> tuple[str, ...] | None:
    """Give the columns of a table that a term asks; None where the table cannot meet it."""
    if term.column is None:
        # what dwell wrote of its own reading is asked by name alone
        return None if spec.name in HOUSE_TABLES else (*spec.lexicon, *_rest(spec)) or None
    wanted = term.column.lower()
    names = [one for one in (*spec.schema.names, *spec.joined) if one.lower() == wanted]
    if names:
        kind = spec.schema.field(names[0]).type if names[0] in spec.schema.names else pa.string()
        if pa.types.is_list(kind) and not pa.types.is_string(kind.value_type):
            return None
        # a name in another spelling than the column's may be that of a field of an event as well
        also = _ALSO_FIELDS.get((spec.name, names[0]), ()) if names[0] != term.column else ()
        return tuple(dict.fromkeys((names[0], *_TAKEN_OUT.get((spec.name, names[0]), also))))
    held = [one.name for one in spec.schema if pa.types.is_map(one.type)] if maps else []
    for name in held:
        if wanted.startswith(f"{name.lower()}."):
            field = _field(term, name)
            return (name, *(one for one in _TAKEN_OUT.get((spec.name, name), ()) if one.lower() == field))
    return tuple(held) or None


def _field(term: Term, name: str) -> str:
    """Give the field of a map that a term asks, in lower case: the map's name may stand before it."""
    return str(term.column).lower().removeprefix(f"{name.lower()}.")


def _rest(spec: TableSpec) -> list[str]:
    """Give the columns of texts that no lexicon holds: those whose values hardly ever repeat, maps, and lists."""
    return [
        one.name
        for one in spec.schema
        if one.name not in spec.lexicon
        and one.name not in _HEAD
        and (
            pa.types.is_string(one.type)
            or (pa.types.is_map(one.type) and pa.types.is_string(one.type.item_type))
            or (pa.types.is_list(one.type) and pa.types.is_string(one.type.value_type))
        )
    ]


def _asked(archive: Archive, query: Query) -> dict[str, dict[Term, tuple[str, ...]]]:
    """Give, for each table that can meet every term, the columns that each term asks."""
    specs = [archive.specs[table] for table in archive.tables() if table in archive.specs]
    named = {term: any(_columns(spec, term, maps=False) for spec in archive.specs.values()) for term in query.terms}
    for term, known in named.items():
        if not known and not any(_columns(spec, term, maps=True) for spec in specs):
            raise UsageError(f"no table has a column {term.column!r}", remedy=_near(archive, term))
    out: dict[str, dict[Term, tuple[str, ...]]] = {}
    for spec in specs:
        found = {term: _columns(spec, term, maps=not named[term]) for term in query.terms}
        if all(found.values()):
            out[spec.name] = {term: names for term, names in found.items() if names}
    return out


def _unasked(archive: Archive, query: Query, files: Sequence[DataFile]) -> str:
    """Say why nothing was looked at, where some files have all the columns, or none has."""
    if files:
        instants = [one for file in files for one in (file.staged.first_us, file.staged.last_us) if one is not None]
        if not instants:
            return "No record with these columns has an instant: nothing was looked at."
        first, last = (utc_text(utc_from_us(one)) for one in (min(instants), max(instants)))
        return (
            f"Records with these columns are held from {first} to {last} and not of that time: nothing was looked at."
        )
    held = [archive.specs[table] for table in archive.tables() if table in archive.specs]
    for term in query.terms:
        if not any(_columns(spec, term, maps=False) for spec in held):
            return f"No log that is held has a column {term.column!r}: nothing was looked at. {_near(archive, term)}."
    return "No log that is held has all these columns: nothing was looked at."


def _near(archive: Archive, term: Term) -> str:
    """Name columns of what is held that are written much like the one asked for."""
    held = [archive.specs[table] for table in archive.tables() if table in archive.specs]
    names = {one.lower(): one for spec in held for one in (*spec.schema.names, *spec.joined)}
    asked = str(term.column).lower()
    near = [one for one in names if one.endswith(f"-{asked}")] + difflib.get_close_matches(asked, names, 3, 0.75)
    if not near:
        return "dwell sources NAME lists the columns of a source"
    return "Columns much like it: " + ", ".join(names[one] for one in dict.fromkeys(near[:5]))


def _may_meet(job: _Job) -> dict[Term, tuple[str, ...]] | None:
    """Give the columns of a file that may meet each term, by its index and lexicon; None where a term can be met by none.

    Only columns of the lexicon that may tell are read.
    """
    if not job.file.staged.lexicon_sha256:
        return dict(job.columns)
    index = read_index(job.file)
    if index is None:
        lexicon = read_lexicon(job.file)
        return _told(job.columns, lexicon.complete, lambda one: lexicon.column(one)["value"])
    complete = frozenset(index.complete)
    empty = frozenset(index.empty)
    marked = {}
    # what no bitmap holds costs no reading: all terms are asked so first
    for term, names in job.columns.items():
        held = [
            one
            for one in names
            if not (term.column is None and one in empty) and all(job.spec.may_hold(one, text) for text in term.texts)
        ]
        marked[term] = tuple(one for one in held if one not in complete or _is_marked(term, one, job.spec, index))
        if not marked[term]:
            return None
    words = WordsReader(job.file, index)
    return _told(marked, complete, lambda one: words.read(one)[0])


def _told(
    columns: Mapping[Term, tuple[str, ...]],
    complete: AbstractSet[str],
    values: Callable[[str], pa.Array | pa.ChunkedArray],
) -> dict[Term, tuple[str, ...]] | None:
    """Give the columns of each term that are in no lexicon, or of which the lexicon holds a value that meets it."""
    out = {}
    for term, names in columns.items():
        out[term] = tuple(
            one for one in names if one not in complete or term.matches(pc.drop_null(_whole(values(one)))).any()
        )
        if not out[term]:
            return None
    return out


def _whole(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def _is_marked(term: Term, name: str, spec: TableSpec, index: Index) -> bool:
    """Say the same of one column: each way to write what is asked for has pieces that its texts may hold."""
    join = spec.joined.get(name)
    parts = (name,) if join is None else (join.first, join.second)
    if (join is not None and not join.separator) or not index.grams.keys() >= set(parts):
        return True
    for way in term.pieces():
        # between two separators there is nothing but a piece of one of the two columns
        pieces = [piece for one in way for piece in (one.split(join.separator) if join is not None else (one,))]
        if all(any(may_hold(index.grams[part], piece) for part in parts) for piece in pieces):
            return True
    return False


def _only_fields(archive: Archive, term: Term, jobs: Sequence[_Job]) -> bool:
    """Say whether a term can be met by fields of maps alone, as no table has a column of its name."""
    if term.column is None or any(_columns(one, term, maps=False) for one in archive.specs.values()):
        return False
    asked = {(job.spec.name, name): job.spec for job in jobs for name in job.columns[term]}
    return all(pa.types.is_map(spec.schema.field(name).type) for (_, name), spec in asked.items())


def _search_file(job: _Job) -> _Found:
    """Search one data file."""
    columns = _may_meet(job)
    if columns is None:
        return _Found(0)
    needed = {*_HEAD, "record_no", "time_utc"}
    for names in columns.values():
        for name in names:
            join = job.spec.joined.get(name)
            needed |= {join.first, join.second} if join is not None else {name}
    # texts that hardly ever repeat are looked at as they stand
    coded_texts = sorted(needed & {*job.spec.lexicon, *_HEAD})
    rows = read_rows(job.file, sorted(needed), dictionary=coded_texts)
    job = replace(job, columns=columns)
    times = rows["time_utc"].cast(pa.int64()).fill_null(_NO_TIME).to_numpy()
    mask = np.ones(rows.num_rows, dtype=np.bool_)
    fields = frozenset(term for term, names in job.columns.items() if any(_has(rows, one, term, job) for one in names))
    if job.query.is_timed:
        mask &= times != _NO_TIME
        mask &= times >= (job.query.after_us if job.query.after_us is not None else -_NO_TIME)
        mask &= times < (job.query.before_us if job.query.before_us is not None else _NO_TIME)
    for term in job.query.terms:
        if mask.any():
            mask &= _met(rows, term, job)
    places = np.flatnonzero(mask)
    kept = rows.select(["evidence_id", "record_no", "host"]).take(pa.array(places[: job.limit]))
    # the rows of a file lie in the order of the result, so the first of them are its earliest
    first = [
        _Hit(at, job.file.table, evidence, number, place, host, job.number)
        for at, evidence, number, place, host in zip(
            times[places[: job.limit]].tolist(),
            kept["evidence_id"].to_pylist(),
            kept["record_no"].to_pylist(),
            places[: job.limit].tolist(),
            kept["host"].to_pylist(),
            strict=True,
        )
    ]
    return _Found(len(places), tuple(first), opened=True, months=_months(job.file, times[places]), fields=fields)


def _months(file: DataFile, times: npt.NDArray[np.int64]) -> tuple[tuple[str, int], ...]:
    """Count instants by month: those of a data file are of one, unless clocks are corrected."""
    if not file.shifts:
        return ((file.staged.month or "unknown", len(times)),) if len(times) else ()
    kept = pa.array(times, mask=times == _NO_TIME).cast(pa.timestamp("us", tz="UTC"))
    counted = pc.value_counts(pc.strftime(kept, format="%Y-%m").fill_null("unknown"))
    return tuple(sorted((str(one["values"]), int(one["counts"])) for one in counted.to_pylist()))


def _met(rows: pa.Table, term: Term, job: _Job) -> _Bools:
    met = np.zeros(rows.num_rows, dtype=np.bool_)
    for name in job.columns[term]:
        join = job.spec.joined.get(name)
        if join is not None:
            codes, values = joined_codes(coded(rows[join.first]), coded(rows[join.second]), join)
            met |= _by_code(codes, term.matches(values))
        elif pa.types.is_nested(kind := rows.schema.field(name).type):
            whole = term.column is None or name.lower() == term.column.lower()
            met |= _in_entries(rows[name], term) if whole else _in_map(rows[name], _field(term, name), term)
        elif pa.types.is_string(kind):
            met |= np.concatenate([met[:0], *map(term.matches, rows[name].chunks)])
        else:
            column = coded(rows[name])
            values = column.dictionary.cast(pa.string())
            met |= _by_code(column.indices.fill_null(-1).to_numpy(zero_copy_only=False), term.matches(values))
    return met


def _by_code(codes: npt.NDArray[np.signedinteger], hits: _Bools) -> _Bools:
    found: _Bools = np.append(hits, False)[codes]  # a code of -1 stands for no value
    return found


def _has(rows: pa.Table, name: str, term: Term, job: _Job) -> bool:
    """Say whether a column is a map in which some row has the field that a term names."""
    if name in job.spec.joined or not pa.types.is_map(rows.schema.field(name).type):
        return False
    return any(_names(chunk.keys, _field(term, name)).any() for chunk in rows[name].chunks)


def _names(keys: pa.Array, asked: str) -> _Bools:
    """Say which of the distinct keys are a field, in lower case: whole, or by what stands behind the last dot."""
    names = [str(one).lower() for one in coded(keys).dictionary.to_pylist()]
    return np.array([asked in {one, one.rpartition(".")[2]} for one in names], dtype=np.bool_)


def _in_map(column: pa.ChunkedArray, asked: str, term: Term) -> _Bools:
    """Say which rows hold a field in a map, with a value that meets a term."""
    parts: list[_Bools] = [np.zeros(0, dtype=np.bool_)]
    for chunk in column.chunks:
        out = np.zeros(len(chunk), dtype=np.bool_)
        rows, pairs = _entries(chunk)
        keys = coded(pairs.field(0))
        wanted = _names(pairs.field(0), asked)
        values = coded(pairs.field(1))
        hits = _by_code(keys.indices.to_numpy(zero_copy_only=False), wanted)
        hits &= _by_code(
            values.indices.fill_null(-1).to_numpy(zero_copy_only=False),
            term.matches(values.dictionary.cast(pa.string())),
        )
        out[rows[hits]] = True
        parts.append(out)
    return np.concatenate(parts)


def _in_entries(column: pa.ChunkedArray, term: Term) -> _Bools:
    """Say which rows of a map or list hold a value that meets a term, under whatever name."""
    parts: list[_Bools] = [np.zeros(0, dtype=np.bool_)]
    for chunk in column.chunks:
        out = np.zeros(len(chunk), dtype=np.bool_)
        rows, found = _entries(chunk)
        values = found.field(1) if pa.types.is_map(chunk.type) else found
        if term.network is None and pa.types.is_string(values.type):
            hits = term.matches(values)
        else:  # each different text is asked once
            codes = coded(values)
            told = term.matches(codes.dictionary.cast(pa.string()))
            hits = _by_code(codes.indices.fill_null(-1).to_numpy(zero_copy_only=False), told)
        out[rows[hits]] = True
        parts.append(out)
    return np.concatenate(parts)


def _entries(chunk: pa.Array) -> tuple[npt.NDArray[np.int64], pa.Array]:
    """Give the entries of the rows of a map or list that are not null, each with its row."""
    listed = chunk.cast(_pairs(chunk)) if pa.types.is_map(chunk.type) else chunk
    rows = np.repeat(np.arange(len(chunk)), pc.fill_null(pc.list_value_length(listed), 0))
    return rows, listed.flatten()


def _pairs(chunk: pa.MapArray) -> pa.DataType:
    return pa.list_(pa.struct([pa.field("key", chunk.type.key_type, nullable=False), chunk.type.item_field]))


def _in_time(file: DataFile, query: Query) -> bool:
    if not query.is_timed:
        return True
    first, last = file.staged.first_us, file.staged.last_us
    if first is None or last is None:
        return False
    late = query.before_us is not None and first >= query.before_us
    return not late and not (query.after_us is not None and last < query.after_us)


def search(
    archive: Archive,
    terms: Sequence[str],
    limit: int = 100,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> SearchResult:
    """Find the rows that meet all terms, over every table that has the columns they name.

    Args:
        archive: the case's archive.
        terms: see `terms.parse`.
        limit: rows to give; all are counted.
        workers: processes.
        progress: told how far it is.

    Raises:
        UsageError: a term cannot be read, or no record looked at has its column or field.
        CustodyError: a file of the archive is not what was written.
    """
    query = parse(terms)
    by_table = sorted(_asked(archive, query).items())
    having = [(file, columns) for table, columns in by_table for file in archive.files(table)]
    asked = [(file, columns) for file, columns in having if _in_time(file, query)]
    jobs = [
        _Job(number, file, archive.specs[file.table], query, columns, max(0, limit))
        for number, (file, columns) in enumerate(asked)
    ]
    months: dict[str, int] = {}
    tables: dict[str, int] = {}
    first: list[_Hit] = []
    opened = 0
    count = 1 if sum(job.file.staged.rows for job in jobs) < POOL_ROWS else workers
    fields: set[Term] = set()
    unmet = {term for term in (jobs[0].columns if jobs else ()) if _only_fields(archive, term, jobs)}
    for job, found in zip(jobs, run(_search_file, jobs, workers=count), strict=True):
        opened += found.opened
        unmet -= found.fields
        fields |= found.fields
        if found.count:
            for month, met in found.months:
                months[month] = months.get(month, 0) + met
            tables[job.file.table] = tables.get(job.file.table, 0) + found.count
            first = sorted([*first, *found.first], key=lambda hit: hit[:4])[: job.limit]
        if progress is not None:
            progress(job.number + 1, len(jobs))
    if unmet and opened == len(jobs):
        term = min(unmet, key=lambda one: str(one.column))
        raise UsageError(f"no record looked at has a column or field {term.column!r}", remedy=_near(archive, term))
    return SearchResult(
        tuple(_matches(archive, first, [job.file for job in jobs])),
        sum(months.values()),
        dict(sorted(months.items())),
        dict(sorted(tables.items())),
        len(jobs),
        opened,
        _hint(archive, query, having, fields, has_jobs=bool(jobs), found=bool(months)),
    )


def _hint(
    archive: Archive,
    query: Query,
    having: Sequence[tuple[DataFile, Mapping[Term, tuple[str, ...]]]],
    fields: AbstractSet[Term],
    *,
    has_jobs: bool,
    found: bool,
) -> str:
    """Say why nothing was looked at, what was not, and what may be meant otherwise than it was read."""
    told = [read_as(query), taken_as((columns for _, columns in having), fields)]
    told.append(unlooked(query) if has_jobs else _unasked(archive, query, [file for file, _ in having]))
    told.append(found_nothing(query) if not found else "")
    return " ".join(filter(None, told))


def _matches(archive: Archive, first: Sequence[_Hit], files: Sequence[DataFile]) -> list[Match]:
    """Read the rows that are given, each file once."""
    places: dict[int, list[int]] = {}
    for hit in first:
        places.setdefault(hit.file, []).append(hit.place)
    rows = {
        (number, place): row
        for number, wanted in places.items()
        for place, row in zip(wanted, rows_at(files[number], archive, wanted), strict=True)
    }
    return [
        Match(
            hit.table,
            EvidenceId(hit.evidence_id),
            hit.record_no,
            None if hit.at_us == _NO_TIME else utc_from_us(hit.at_us),
            hit.host,
            rows[hit.file, hit.place],
        )
        for hit in first
    ]
