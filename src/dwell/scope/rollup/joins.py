"""Requests that several layers of a mail server wrote down, made one access: joined by their id, some days at a time.

The front end's IIS log, HttpProxy, the log of the service (EWS, MAPI, OWA, ECP) and the back end's IIS log know a request
by one id. Of its records the one nearest to the mailbox stands for it; each column is taken from the log that knows best
(`strongest`), and the others are its further grounds. Where MAPI's log says that it asked the address book, none is an
access. Looked at are only days in which two layers are held; of these every file is read once for each stretch of days,
and no more rows are in memory than a stretch has.

Where records of one id contradict each other, nothing is joined and each counts by itself (`agreement`): an id can be
chosen by whoever asks. Nor is joined what one log has twice within a minute with two meanings, what lies further apart,
what no log of the front end has, or what the front end was made to send elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.archive.datafile import DataFile, read_rows
from dwell.model.addresses import is_hop
from dwell.scope.rollup import ecp_activity, ecp_server, ews, fold, httpproxy, iis, mapihttp, owa
from dwell.scope.rollup.agreement import LAYERS, agreed
from dwell.scope.rollup.fold import Codes, Column
from dwell.scope.rollup.layers import (
    BACK,
    ECP_ACTIVITY,
    ECP_SERVER,
    FOLDERS,
    FRONT,
    OWA,
    PROXY,
    Logged,
    request_numbers,
)
from dwell.scope.rollup.strongest import Strength, Weak, strengths
from dwell.scope.rollup.told import TAKEN, Joined, Told

__all__ = ["JOINING", "Slice", "Stretch", "both_ends", "join", "joined_in", "slices_of", "stretches_of"]

JOINING: Mapping[str, ModuleType] = {
    "iis": iis, "httpproxy": httpproxy, "ews": ews, "mapihttp": mapihttp, "owa": owa, "ecp_server": ecp_server,
    "ecp_activity": ecp_activity,
}  # fmt: skip
"""The tables whose rows are joined, and what reads them."""
HANDED = tuple(FOLDERS.index(one) for one in ("ews", "api", "mapi", "rpc", "autodiscover"))
"""Virtual directories in which the back end's IIS log has the front end's id (Exchange's own query parts)."""
HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
LENGTHS_US = tuple(hours * HOUR_US for hours in (24, 12, 6, 3, 1))
MARGIN_US = 60_000_000
"""So far the records of one request may lie apart: it is written where it ends. Clocks that are further off are corrected
before, or the request stays several."""
WINDOW_US = 2 * MARGIN_US
"""So far beyond a slice records are read: whatever makes a request of the slice several is within it."""
ROWS_MAX = 1_000_000
"""About so many rows are joined at a time."""
_NIL = request_numbers(pa.array(["00000000-0000-0000-0000-000000000000"]))[0][0]
_ACTIONS = tuple(LAYERS.index(one) for one in (OWA, ECP_SERVER, ECP_ACTIVITY))
"""Logs that may have a row for each action of a request."""
COPY = -1
"""Stands for the layer of a record that another one of its own log repeats."""
_TIME = pa.timestamp("us", tz="UTC")
_CODED = pa.dictionary(pa.int32(), pa.string())

BEARERS = pa.schema(
    [
        pa.field("file", pa.int32()),
        pa.field("row", pa.int64()),
        *(pa.field(one, _CODED) for one in TAKEN),
        *(pa.field(one, pa.int8()) for one in ("outcome", "act", "wrote", "layer")),
        pa.field("sent", pa.int64()),
        pa.field("size", pa.int64()),
    ]
)
"""Records that stand for a request of several layers, with what is taken for it; `file` is a place in the slice's files."""
OTHERS = pa.schema(
    [
        *(pa.field(one, pa.int32()) for one in ("file", "bearer_file")),
        *(pa.field(one, pa.int64()) for one in ("row", "bearer_row")),
        pa.field("layer", pa.int8()),
        pa.field("evidence_id", _CODED),
        pa.field("record_no", pa.int64()),
        pa.field("bytes", pa.int64()),
    ]
)
"""The other records of these requests."""

Flags = npt.NDArray[np.bool_]
Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Slice:
    """A stretch of time in which two layers are held.

    Attributes:
        start_us: its start, microseconds since 1970.
        end_us: its end.
        files: the data files that reach into it, by table and path.
    """

    start_us: int
    end_us: int
    files: tuple[DataFile, ...]

    def key(self, told: str) -> str:
        """Give a text that is another one whenever joining gives something else; `told` is what else it depends on."""
        parts = [told, str(self.start_us), str(self.end_us), *(f"{one.table}:{one.key}" for one in self.files)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Neighbouring slices that are joined in one go, so that each file is read once."""

    slices: tuple[Slice, ...]

    def files(self) -> list[DataFile]:
        """Give the files that reach into any of them."""
        return list({(one.table, one.key): one for each in self.slices for one in each.files}.values())


def both_ends(file: DataFile) -> frozenset[str]:
    """Say which ends of the server an IIS data file is of."""
    ports = read_rows(file, ("s-port",))["s-port"]
    back = np.asarray(ports.fill_null(-1).to_numpy() == iis.BACK_END)
    return frozenset(name for name, there in ((FRONT, ~back), (BACK, back)) if there.any())


def slices_of(files: Sequence[DataFile], ends_of: Callable[[DataFile], frozenset[str]] = both_ends) -> list[Slice]:
    """Give the times in which two layers are held, a day or less each, in order.

    Args:
        files: data files of `JOINING`.
        ends_of: says which ends of the server an IIS data file is of; asked only where nothing but IIS is held.
    """
    by_day: dict[int, list[DataFile]] = {}
    for file in sorted(files, key=lambda one: (one.table, one.staged.path)):
        first, last = file.staged.first_us, file.staged.last_us
        if first is None or last is None or last < 0:
            continue
        for day in range((max(first, 0) - WINDOW_US) // DAY_US, (last + WINDOW_US) // DAY_US + 1):
            by_day.setdefault(day, []).append(file)
    known: dict[str, frozenset[str]] = {}
    out: list[Slice] = []
    for day, held in sorted(by_day.items()):
        tables = {one.table for one in held}
        if tables == {"iis"}:
            for one in held:
                if one.key not in known:
                    known[one.key] = ends_of(one)
            tables = {end for one in held for end in known[one.key]}
        if len(tables) > 1:
            out += _cut(day, held)
    return out


def _cut(day: int, files: Sequence[DataFile]) -> Iterator[Slice]:
    """Cut a day so that no part has many more than `ROWS_MAX` rows."""
    rows = sum(_rows_a_day(one) for one in files)
    length = next((one for one in LENGTHS_US if rows * one <= ROWS_MAX * DAY_US), LENGTHS_US[-1])
    for start in range(day * DAY_US, (day + 1) * DAY_US, length):
        end = start + length
        inside = [one for one in files if _reaches(one, start, end)]
        if len(inside) > 1 or (inside and inside[0].table == "iis"):
            yield Slice(start, end, tuple(inside))


def _reaches(file: DataFile, start: int, end: int) -> bool:
    first, last = file.staged.first_us, file.staged.last_us
    return first is not None and last is not None and first < end + WINDOW_US and last >= start - WINDOW_US


def _rows_a_day(file: DataFile) -> int:
    """Give about how many rows of a file fall into a day."""
    span = (file.staged.last_us or 0) - (file.staged.first_us or 0) + 1
    return file.staged.rows * DAY_US // max(span, DAY_US)


def stretches_of(slices: Sequence[Slice]) -> list[Stretch]:
    """Put neighbouring slices together, as many as have about `ROWS_MAX` rows."""
    out: list[list[Slice]] = []
    rows = 0
    for one in slices:
        mine = sum(_rows_a_day(file) for file in one.files) * (one.end_us - one.start_us) // DAY_US
        if not out or rows + mine > ROWS_MAX:
            out.append([])
            rows = 0
        out[-1].append(one)
        rows += mine
    return [Stretch(tuple(one)) for one in out]


def _code_of(logged: Logged, layer: str) -> int:
    return logged.layers.index(layer) if layer in logged.layers else -1


@dataclass(slots=True)
class _Rows:
    """Records with an id, of all files of a stretch, column by column; grows file by file.

    Attributes:
        parts: arrays by name, one of each file.
        texts: by column, the place of each text among those met.
    """

    parts: dict[str, list[npt.NDArray[Any]]] = field(default_factory=dict)
    texts: dict[str, dict[str, int]] = field(default_factory=dict)

    def add(self, place: int, file: DataFile, start: int, end: int) -> None:
        """Take the rows of a file between two instants."""
        module = JOINING[file.table]
        table = read_rows(file, module.COLUMNS, dictionary=module.DICTIONARY)
        when = fold.instants(table)
        known = np.flatnonzero((when >= max(start, 0)) & (when < end))
        if not len(known):
            return
        low, high = int(known[0]), int(known[-1]) + 1
        table = table.slice(low, high - low)
        told: Told = module.told_in(table)
        logged = told.logged
        if logged is None:
            return
        # whoever handed a request over: that another log has its id says enough
        number, has = logged.numbers(table)
        # the front end gives ids to these alone: elsewhere the back end writes whatever the client asked
        has &= number != _NIL
        has &= np.isin(logged.folder, HANDED) | (logged.layer != _code_of(logged, BACK))
        mine = np.flatnonzero(has & (when[low:high] >= max(start, 0)) & (when[low:high] < end))
        alone = np.zeros(len(has), np.bool_) if told.alone is None else told.alone
        closed = np.zeros(len(has), np.int8) if told.closed is None else told.closed.astype(np.int8)
        codes = np.array([LAYERS.index(one) for one in logged.layers], np.int8)
        taken: dict[str, npt.NDArray[Any]] = {
            "file": np.full(len(mine), place, np.int32),
            "row": mine + low,
            "number": number[mine],
            "when": when[low:high][mine],
            "layer": codes[logged.layer[mine]],
            "access": told.accesses[mine],
            "alone": alone[mine],
            "closed": closed[mine],
            "answered": told.answered[mine],
            "outcome": told.outcome[mine].astype(np.int8),
            "act": told.act[mine].astype(np.int8),
            "wrote": told.known(told.wrote)[mine].astype(np.int8),
            "sent": told.known(told.sent)[mine],
            "record_no": fold.numbers(table, "record_no")[mine],
        }
        columns = {one: told.columns[one] for one in TAKEN if one in told.columns}
        columns["evidence_id"] = fold.texts(table, "evidence_id")
        for name in (*TAKEN, "evidence_id"):
            column = columns.get(name, Column(np.full(len(has), -1, np.int32), []))
            values = [one or None for one in column.values]
            taken[name] = fold.placed(column.take(mine), values, self.texts.setdefault(name, {}))
        for name, part in taken.items():
            self.parts.setdefault(name, []).append(part)

    def whole(self) -> dict[str, npt.NDArray[Any]]:
        """Give every array over all files."""
        return {name: np.concatenate(parts) for name, parts in self.parts.items()}


def join(stretch: Stretch, aliases: Mapping[str, str] | None = None) -> list[tuple[pa.Table, pa.Table]]:
    """Join the records of a stretch; give for each of its slices rows in `BEARERS` and in `OTHERS`.

    Args:
        stretch: the stretch.
        aliases: of names whose account is known (`agreement.aliases_of`).
    """
    start, end = stretch.slices[0].start_us - WINDOW_US, stretch.slices[-1].end_us + WINDOW_US
    files = stretch.files()
    held = _Rows()
    for place, file in enumerate(files):
        held.add(place, file, start, end)
    arrays = held.whole()
    if not arrays or not len(arrays["row"]):
        return [(BEARERS.empty_table(), OTHERS.empty_table()) for _ in stretch.slices]
    texts = {name: list(met) for name, met in held.texts.items()}
    for layer in _ACTIONS:
        if (arrays["layer"] == layer).any():
            once = _once(arrays, layer)
            arrays = {name: one[once] for name, one in arrays.items()}
    inside = np.array([*(is_hop(one) for one in texts["client"]), False])
    sets = _sets(arrays, texts, inside, aliases or {})
    out = []
    for one in stretch.slices:
        places = np.array([next((at for at, each in enumerate(one.files) if each == file), -1) for file in files])
        out.append(_told(sets, arrays, texts, inside, one, places))
    return out


@dataclass(frozen=True, slots=True)
class _Sets:
    """The records of the requests that are joined.

    Attributes:
        rows: places of the records, request by request.
        starts: where in `rows` each request starts.
        copies: which of `rows` only repeat the one before.
        bearer: place of the record that stands for each request.
        closed: places of records that are no accesses, as another of their request says that it opened nothing.
        closers: for each of them, the place of that other one.
    """

    rows: Codes
    starts: Codes
    copies: Flags
    bearer: Codes
    closed: Codes
    closers: Codes


def _once(arrays: Arrays, layer: int) -> Codes:
    """Give the places of records, but those of a log of `_ACTIONS` that write one id several times within a minute.

    Of one request such a log may have a row for each action. Which of them a front end's line is, nothing tells.
    """
    number, when = arrays["number"], arrays["when"]
    order = np.lexsort((when, number))
    apart = (np.diff(number[order], prepend=number[order][:1]) != 0) | (np.diff(when[order], prepend=0) > MARGIN_US)
    run = np.cumsum(apart)
    mine = arrays["layer"][order] == layer
    return np.sort(order[~mine | (np.bincount(run, weights=mine)[run] < 2)])


def _sets(arrays: Arrays, texts: Mapping[str, list[str]], inside: Flags, aliases: Mapping[str, str]) -> _Sets:
    """Find the requests that two layers have and agree on, each with its records in order of layer."""
    number, when, layer = arrays["number"], arrays["when"], arrays["layer"]
    order = np.lexsort((when, number))
    # one id at two times is two requests, whatever else is read in one go
    apart = (np.diff(number[order], prepend=number[order][:1]) != 0) | (np.diff(when[order], prepend=0) > MARGIN_US)
    apart[:1] = True
    group = np.cumsum(apart)
    several = np.bincount(group)[group] > 1
    order, group = order[several], group[several]
    if not len(order):
        return _Sets(order, order, np.zeros(0, np.bool_), order, order, order)
    by = np.lexsort((arrays["row"][order], arrays["file"][order], when[order], layer[order], group))
    order, group = order[by], group[by]
    new = np.diff(group, prepend=0) != 0
    again = ~new & (np.diff(layer[order], prepend=layer[order][:1]) == 0)
    unlike = again & np.any(
        [
            one[order] != np.roll(one[order], 1)
            for one in (when, *(arrays[name] for name in (*TAKEN, "outcome", "sent", "act", "wrote", "closed")))
        ],
        axis=0,
    )
    starts = np.flatnonzero(new)
    spread = np.maximum.reduceat(when[order], starts) - np.minimum.reduceat(when[order], starts)
    front = np.isin(layer[order], [LAYERS.index(FRONT), LAYERS.index(PROXY)])
    alike = (
        (np.add.reduceat((~again).astype(np.int64), starts) > 1)
        & (spread <= MARGIN_US)
        & ~np.logical_or.reduceat(unlike | arrays["alone"][order].astype(np.bool_), starts)
        & np.logical_or.reduceat(arrays["access"][order].astype(np.bool_), starts)
        & np.logical_or.reduceat(front, starts)
        & agreed(arrays, texts, inside, order, starts, aliases)
    )
    said = arrays["closed"][order]
    shut, opened = (np.logical_or.reduceat(one, starts) for one in (said > 0, said < 0))
    closed, closers = _closed(arrays, order, starts, alike & shut & ~opened)
    good = alike & ~shut
    keep = np.repeat(good, np.diff(np.append(starts, len(order))))
    rows, copies = order[keep], again[keep]
    starts = np.flatnonzero(new[keep])
    if not len(starts):
        return _Sets(rows, starts, copies, starts, closed, closers)
    able = arrays["access"][rows].astype(np.bool_) & ~copies
    bearer = _best(strengths()["bearer"], arrays, rows, starts, able, np.zeros(len(rows), np.int64))
    return _Sets(rows, starts, copies, rows[bearer], closed, closers)


def _closed(arrays: Arrays, rows: Codes, starts: Codes, shut: Flags) -> tuple[Codes, Codes]:
    """Give the records of requests that opened nothing, and for each of them the record that says so."""
    sizes = np.diff(np.append(starts, len(rows)))
    says = np.where(arrays["closed"][rows] > 0, np.arange(len(rows)), -1)
    closer = np.repeat(rows[np.maximum(np.maximum.reduceat(says, starts), 0)], sizes)
    taken = np.repeat(shut, sizes) & arrays["access"][rows].astype(np.bool_)
    return rows[taken], closer[taken]


def _best(
    strength: Strength,
    arrays: Arrays,
    rows: Codes,
    starts: Codes,
    able: Flags,
    weak: Codes,
) -> Codes:
    """Give per request the place in `rows` of the record whose word is taken; -1 where none has any.

    Args:
        strength: how strong the layers are.
        arrays: the records.
        rows: the records of the requests.
        starts: where each request starts.
        able: which of `rows` have a value.
        weak: how weak it is, 0 for not at all.
    """
    tall = len(LAYERS)
    none = tall * tall * tall
    ranks = np.full(tall, none, np.int64)
    for layer, (tier, at) in strength.places().items():
        ranks[LAYERS.index(layer)] = tier * tall * tall + at
    rank = ranks[arrays["layer"][rows].astype(np.int64)]
    score = np.where(able & (rank < none), rank + np.minimum(weak, tall - 1) * tall, none)
    best = np.minimum.reduceat(score * len(rows) + np.arange(len(rows)), starts)
    return np.where(best // len(rows) < none, best % len(rows), -1)


_BASES = {"explicit": 0, "routed": 1}


def _weakness(kind: Weak, arrays: Arrays, rows: Codes, texts: Mapping[str, list[str]], inside: Flags) -> Codes:
    """Say how weak the value of each record is."""
    if kind is Weak.BASIS:
        ranks = np.array([*(_BASES.get(one.partition(" ")[0], 2) for one in texts["basis"]), 2])
        return np.asarray(ranks[arrays["basis"][rows]], np.int64)
    if kind is Weak.INSIDE:
        return np.asarray(inside[arrays["client"][rows]], np.int64)
    if kind is Weak.UNANSWERED:
        return np.asarray(~arrays["answered"][rows].astype(np.bool_), np.int64)
    return np.zeros(len(rows), np.int64)


_WITH = {"basis": "mailbox", "via": "client"}
"""Columns that belong to another one, and are taken from the same record."""


def _told(
    sets: _Sets,
    arrays: Arrays,
    texts: Mapping[str, list[str]],
    inside: Flags,
    one: Slice,
    places: Codes,
) -> tuple[pa.Table, pa.Table]:
    """Tell the requests that begin in a slice.

    Args:
        sets: all requests.
        arrays: the records.
        texts: the texts of their columns.
        inside: which texts of `client` are addresses of hops of our own, and False for none.
        one: the slice.
        places: place of each file of the stretch among the slice's; -1 for none.
    """
    shut = _shut(sets, arrays, texts, one, places)
    at = arrays["when"][sets.bearer]
    mine = np.asarray((at >= one.start_us) & (at < one.end_us))
    if not mine.any():
        return BEARERS.empty_table(), shut
    sizes = np.diff(np.append(sets.starts, len(sets.rows)))
    keep = np.repeat(mine, sizes)
    rows, copies, bearer, sizes = sets.rows[keep], sets.copies[keep], sets.bearer[mine], sizes[mine]
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.int64)
    chosen = {}
    for name, strength in strengths().items():
        if name != "bearer":
            weak = _weakness(strength.weak, arrays, rows, texts, inside)
            able = arrays["access"][rows].astype(np.bool_) if name == "outcome" else arrays[name][rows] >= 0
            chosen[name] = _best(strength, arrays, rows, starts, ~copies & able, weak)
    bearers: dict[str, pa.Array] = {
        "file": pa.array(places[arrays["file"][bearer]], pa.int32()),
        "row": pa.array(arrays["row"][bearer]),
        "outcome": pa.array(arrays["outcome"][rows[chosen["outcome"]]]),
        "act": pa.array(np.maximum.reduceat(arrays["act"][rows], starts)),
        "wrote": pa.array(np.maximum.reduceat(arrays["wrote"][rows], starts)),
        "layer": pa.array(arrays["layer"][bearer]),
        "sent": pa.array(np.where(chosen["sent"] >= 0, arrays["sent"][rows[chosen["sent"]]], -1)),
        "size": pa.array(arrays["sent"][bearer]),
    }
    for name in TAKEN:
        best = chosen[_WITH.get(name, name)]
        codes = np.where(best >= 0, arrays[name][rows[best]], arrays[name][bearer] if name == "basis" else -1)
        bearers[name] = Column(codes, list(texts[name])).coded(np.arange(len(codes)))
    owner = np.repeat(bearer, sizes)
    rest = np.flatnonzero(rows != owner)
    rows, owner, copies = rows[rest], owner[rest], copies[rest]
    sent = arrays["sent"][rows].astype(np.int64)
    others = [
        pa.array(places[arrays["file"][rows]], pa.int32()),
        pa.array(places[arrays["file"][owner]], pa.int32()),
        pa.array(arrays["row"][rows]),
        pa.array(arrays["row"][owner]),
        pa.array(np.where(copies, COPY, arrays["layer"][rows]).astype(np.int8)),
        Column(arrays["evidence_id"][rows].astype(np.int64), list(texts["evidence_id"])).coded(np.arange(len(rows))),
        pa.array(arrays["record_no"][rows]),
        pa.array(sent, mask=sent < 0),
    ]
    rest_told = pa.concat_tables([pa.table(others, schema=OTHERS), shut]) if shut.num_rows else None
    standing = pa.table([bearers[name] for name in BEARERS.names], schema=BEARERS)
    return standing, pa.table(others, schema=OTHERS) if rest_told is None else rest_told.unify_dictionaries()


def _shut(sets: _Sets, arrays: Arrays, texts: Mapping[str, list[str]], one: Slice, places: Codes) -> pa.Table:
    """Give the records of a slice that are no accesses, as `OTHERS` of a record in no file: nothing stands for them."""
    at = arrays["when"][sets.closers]
    rows = sets.closed[np.asarray((at >= one.start_us) & (at < one.end_us))]
    if not len(rows):
        return OTHERS.empty_table()
    nowhere = np.full(len(rows), -1)
    return pa.table(
        [
            pa.array(places[arrays["file"][rows]], pa.int32()),
            pa.array(nowhere, pa.int32()),
            pa.array(arrays["row"][rows]),
            pa.array(nowhere, pa.int64()),
            pa.array(np.full(len(rows), COPY, np.int8)),
            Column(arrays["evidence_id"][rows].astype(np.int64), list(texts["evidence_id"])).coded(
                np.arange(len(rows))
            ),
            pa.array(arrays["record_no"][rows]),
            pa.nulls(len(rows), pa.int64()),
        ],
        schema=OTHERS,
    )


def joined_in(file: DataFile, told: Sequence[tuple[Slice, pa.Table, pa.Table]]) -> Joined | None:
    """Give what joining makes of the rows of one data file; None where it makes nothing.

    Args:
        file: the data file.
        told: slices that it reaches into, each with what `join` told of it.
    """
    bearers, others, dropped = [], [], []
    for one, standing, rest in told:
        place = one.files.index(file)
        bearers.append(standing.filter(pa.array(standing["file"].to_numpy() == place)))
        mine = rest["bearer_file"].to_numpy() == place
        others.append(rest.filter(pa.array(mine & (rest["layer"].to_numpy() != COPY))))
        dropped.append(rest["row"].to_numpy()[rest["file"].to_numpy() == place])
    gone = np.concatenate(dropped) if dropped else np.zeros(0, np.int64)
    stand = pa.concat_tables([BEARERS.empty_table(), *bearers]).unify_dictionaries().combine_chunks()
    if not stand.num_rows and not len(gone):
        return None
    more = pa.concat_tables([OTHERS.empty_table(), *others]).unify_dictionaries().combine_chunks()
    return Joined(
        rows=stand["row"].to_numpy(),
        values={name: fold.texts(stand, name) for name in TAKEN},
        outcome=stand["outcome"].to_numpy().astype(np.int64),
        act=stand["act"].to_numpy().astype(np.int64),
        wrote=stand["wrote"].to_numpy().astype(np.int64),
        sent=stand["sent"].to_numpy(),
        layer=Column(stand["layer"].to_numpy().astype(np.int64), list(LAYERS)),
        size=stand["size"].to_numpy(),
        dropped=gone,
        others=pa.table(
            {
                "row": more["bearer_row"],
                "layer": Column(more["layer"].to_numpy().astype(np.int64), list(LAYERS)).text(np.arange(more.num_rows)),
                "evidence_id": more["evidence_id"].cast(pa.string()),
                "record_no": more["record_no"],
                "bytes": more["bytes"],
            }
        ),
    )
