"""Layers of one mail server held against each other: requests that one log tells of and another, held as well, does not.

The front end's IIS log has a line for every request that HttpProxy, the services behind it and the back end's IIS log know
by the same id. First their hours are compared by counts and sums (`layer_hours`): where these agree nothing is read. In the
other hours the ids are looked up, each in a window around its hour. What a layer never logs is learned from the case: a
kind of request of which the other layer does not have nearly all is not compared, and that is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import DataFile, read_rows
from dwell.archive.store import Archive
from dwell.intake.hosts import short_host
from dwell.model.provenance import FactKind
from dwell.scope.cells import EMPTY, HELD, HOUR_US, named_hours
from dwell.scope.clocks import ClockPair
from dwell.scope.lacking import Reconciled, Silent, Uncompared
from dwell.scope.layer_counts import by_counts
from dwell.scope.layer_hours import Counts, Held, Kind, counts_of, differing, held_of, hosts_by_address, resolved
from dwell.scope.ledger import NO_HOST, Ledger
from dwell.scope.lowering import HEADER_ONLY, Shortfall
from dwell.scope.rollup import ews, fold, httpproxy, iis, mapihttp
from dwell.scope.rollup.layers import BACK, EWS, FOLDERS, FRONT, MAPI, PROXY, TABLE_OF, Logged, request_numbers
from dwell.scope.unmet import UNMET, lacking_of, told_of

__all__ = ["reconcile"]

MODULES: Mapping[str, ModuleType] = {"iis": iis, "httpproxy": httpproxy, "ews": ews, "mapihttp": mapihttp}
AGAINST: Mapping[str, tuple[str, ...]] = {FRONT: (PROXY, EWS, MAPI, BACK), PROXY: (FRONT,), EWS: (PROXY,)}
"""Whose requests each layer ought to have."""
MET_MIN = 10
"""Fewer requests that stand in both logs teach nothing of what both write."""
MISSING_SHARE: Mapping[str, tuple[float, float]] = {FRONT: (0.10, 0.5), PROXY: (0.02, 0.02), EWS: (0.02, 0.02)}
"""So great a part of a kind may be missing, by requests or by hours, before it is taken for one that the log never writes:
IIS writes a line for every request, the others leave out some that an outsider cannot tell apart."""
CLIENTS_MIN = 3
"""What IIS never writes it writes for nobody: what only fewer clients' requests lack, it did write."""
ROWS_MAX = 4_000_000
"""Requests of one layer that are held in memory at once."""
GUARD_US = 120_000_000
"""At the end of a file, clocks of two hosts may differ by this much and count as agreeing."""
_POSTED = "Method"
_TARGET = "TargetServer"

Codes = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]


@dataclass(slots=True)
class _Tally:
    """What is known of one kind of request in two logs.

    Attributes:
        met: requests that stand in both.
        hours: hours in which all do.
        unmet: requests that stand in one only, where the other is held.
        lacking: hours with such.
        clients: whose they are.
    """

    met: int = 0
    hours: int = 0
    unmet: int = 0
    lacking: set[int] = field(default_factory=set)
    clients: set[str] = field(default_factory=set)

    def mostly(self, requests: float, hours: float) -> bool:
        """Say whether nearly all stand in both: but for a part of the requests, or in all but a part of the hours."""
        if self.met < MET_MIN:
            return False
        few = self.unmet <= requests * (self.met + self.unmet)
        return few or len(self.lacking) <= hours * (self.hours + len(self.lacking))


@dataclass(slots=True)
class _Pair:
    """Two layers of one front end.

    Attributes:
        witness: the layer that has the requests.
        accused: the layer that ought to.
        front: the front end, as code.
        look: hours that have to be looked at.
        tallies: by kind.
        unmet: requests that the accused layer lacks, in `UNMET`.
        silent: by host, hours without a line that a file promises, and how many requests the other has.
    """

    witness: str
    accused: str
    front: int
    look: Flags
    tallies: dict[Kind, _Tally] = field(default_factory=dict)
    unmet: list[pa.Table] = field(default_factory=list)
    silent: dict[str, dict[tuple[Kind, int], int]] = field(default_factory=dict)

    def tally(self, kind: Kind) -> _Tally:
        """Give what is known of a kind."""
        return self.tallies.setdefault(kind, _Tally())


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of one layer in some hours.

    Attributes:
        number: of each id.
        at: microseconds since 1970.
        host: whose log it is, as code.
        front: whose front end took it, as code; -1 where unknown.
        folder: virtual directory.
        ok: whether answered with a yes.
        target: the server that answered, as code; -1 where unknown.
        place: row in the data file.
    """

    number: Numbers
    at: Codes
    host: Codes
    front: Codes
    folder: Codes
    ok: Flags
    target: Codes
    place: Codes


@dataclass(frozen=True, slots=True)
class _Bench:
    """What every comparison needs.

    Attributes:
        archive: the case's archive.
        counts: what the layers hold.
        ledger: what is held.
        addresses: host by address.
        held: by layer and host, the hours in which it is held.
        clocks: how far clocks agree.
    """

    archive: Archive
    counts: Counts
    ledger: Ledger
    addresses: Mapping[str, str]
    held: dict[tuple[str, int], list[Held]]
    clocks: Sequence[ClockPair]

    def ahead_us(self, witness: tuple[str, str], accused: tuple[str, str]) -> int:
        """Give by how much the clock of a witness (table, host) is ahead of the other's, where that is not corrected."""
        best, ahead = 0, 0
        for one in self.clocks:
            for mine, other, sign in ((0, 1, -1), (1, 0, 1)):
                of_mine = one.hosts[mine] == witness[1] and witness[0] in one.tables[mine]
                if of_mine and one.hosts[other] == accused[1] and accused[0] in one.tables[other] and one.ids > best:
                    best, ahead = one.ids, sign * one.ahead_s
        return ahead * 1_000_000

    def states(self, layer: str, host: str, hour: Codes) -> Codes:
        """Give the state of some hours in the ledger; -1 where it has none."""
        line = self.ledger.lines.get((host, TABLE_OF[layer]))
        out = np.full(len(hour), -1, np.int64)
        if line is not None:
            place = hour - line.start
            inside = (place >= 0) & (place < len(line.states))
            out[inside] = line.states[place[inside]]
        return out


def reconcile(
    archive: Archive,
    table: pa.Table,
    ledger: Ledger,
    paths: Mapping[str, Sequence[str]],
    shortfalls: Sequence[Shortfall] = (),
    clocks: Sequence[ClockPair] = (),
) -> Reconciled:
    """Hold the layers of each mail server against each other.

    Args:
        archive: the case's archive.
        table: what each layer holds (`rollup.shapes.LAYERS`), copies of one log under one name.
        ledger: what is held.
        paths: where each evidence file lay.
        shortfalls: what readers learned of files.
        clocks: how far clocks agree, after what is corrected.

    Raises:
        CustodyError: a data file is not what was written.
    """
    if len(pc.unique(table["layer"])) < 2:
        return Reconciled()
    counts = counts_of(table, _addresses(archive, table))
    if not counts.size:
        return Reconciled()
    addresses = _addresses(archive, table)
    bench = _Bench(archive, counts, ledger, addresses, _held(counts, paths, shortfalls), clocks)
    lacking, silent, uncompared, compared = [], [], [], 0
    for accused, witnesses in AGAINST.items():
        pairs = _pairs(bench, accused, witnesses)
        _look(bench, accused, pairs)
        told: dict[str, list[pa.Table]] = {}
        asked: dict[str, int] = {}
        for pair in pairs:
            kinds, left_out = _kinds(bench, pair)
            uncompared += left_out
            number = sum(pair.tally(kind).met + pair.tally(kind).unmet for kind in kinds)
            compared += number
            for host, rows in _of_kinds(pair, kinds):
                told.setdefault(host, []).append(rows)
                asked[host] = max(asked.get(host, 0), number)
            silent += _silent(pair, kinds)
        lacking += [
            lacking_of(archive, host, accused, pa.concat_tables(rows), asked[host])
            for host, rows in sorted(told.items())
        ]
    lacking += by_counts(bench.counts, bench.held, ledger)
    return Reconciled(tuple(lacking), tuple(_merged(silent)), tuple(sorted(uncompared, key=_order)), compared)


def _order(one: Uncompared) -> tuple[str, str, str, str]:
    return one.host, one.source, one.witness, one.kind


def _addresses(archive: Archive, table: pa.Table) -> dict[str, str]:
    """Give hosts by the addresses IIS wrote as its own; read only where a back end names front ends by them."""
    named = table.filter(pc.and_(pc.equal(table["layer"], BACK), pc.is_valid(table["front"])))
    if not named.num_rows:
        return {}
    pairs: set[tuple[str, str]] = set()
    for file in archive.files("iis"):
        rows = read_rows(file, ("s-ip", "host"), dictionary=("s-ip", "host"))
        found = rows.filter(pc.is_valid(rows["s-ip"])).group_by(["s-ip", "host"]).aggregate([])
        pairs |= {(str(one["s-ip"]), str(one["host"] or NO_HOST)) for one in found.to_pylist()}
    return hosts_by_address(pairs)


def _held(
    counts: Counts, paths: Mapping[str, Sequence[str]], shortfalls: Sequence[Shortfall]
) -> dict[tuple[str, int], list[Held]]:
    out: dict[tuple[str, int], list[Held]] = {}
    cut = {one.evidence_id for one in shortfalls if one.kind == FactKind.TRUNCATED.value}
    for layer in AGAINST:
        for host in np.unique(counts.host[counts.of(layer)]).tolist():
            bare = _bare(counts, layer, host, paths, shortfalls) if layer == FRONT else []
            out[layer, host] = held_of(counts, layer, host, paths, bare, cut)
    return out


def _bare(
    counts: Counts, layer: str, host: int, paths: Mapping[str, Sequence[str]], shortfalls: Sequence[Shortfall]
) -> list[tuple[int, int]]:
    """Give the hours that IIS files promise which hold nothing but their header and lie beside others of a layer."""
    files = np.unique(counts.evidence[counts.of(layer) & (counts.host == host)]).tolist()
    folders = {_folder(path) for code in files for path in paths.get(counts.files[code], ())}
    return [
        window
        for one in shortfalls
        if one.kind == HEADER_ONLY and one.detail == TABLE_OF[layer]
        for path in paths.get(one.evidence_id, ())
        if _folder(path) in folders and (window := named_hours(path)) is not None
    ]


def _folder(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[0]


def _pairs(bench: _Bench, accused: str, witnesses: Sequence[str]) -> list[_Pair]:
    """Compare the hours of a layer with those of others, by counts and sums."""
    counts = bench.counts
    out = []
    for front in range(len(counts.hosts)):
        mine = counts.of(accused, front)
        if not (counts.requests[mine] > 0).any():
            continue
        near = _near(bench, accused, front)
        for witness in witnesses:
            theirs = counts.of(witness, front) & (counts.requests > 0)
            kinds = [(FOLDERS.index("ews"), True)] if accused == EWS else counts.kinds(theirs)
            pair = _Pair(witness, accused, front, np.zeros(counts.size, np.bool_))
            for kind in kinds:
                some = counts.by_hour(theirs & counts.of_kind(kind))
                other = counts.by_hour(mine & counts.of_kind(kind))
                odd, same = differing(some, other)
                if accused != FRONT and not other[:, 1].any():
                    # what HttpProxy has none of at all it does not write, as the anonymous 401 of a challenge
                    pair.tally(kind).unmet += int(some[near, 1].sum())
                    continue
                pair.look |= odd & near
                if same.any():
                    pair.tally(kind).met += int(some[same, 1].sum())
                    pair.tally(kind).hours += int(same.sum())
            if theirs.any():
                out.append(pair)
    return out


def _near(bench: _Bench, accused: str, front: int) -> Flags:
    """Say in which hours the accused log is held or promised, or lies near such: clocks of two hosts may differ."""
    counts = bench.counts
    hosts = range(len(counts.hosts)) if accused == EWS else (front,)
    hour = counts.start + np.arange(counts.size)
    out = np.zeros(counts.size, np.bool_)
    for host in hosts:
        out |= np.isin(bench.states(accused, counts.hosts[host], hour), (HELD, EMPTY))
    return _widened(out, _margin(bench))


def _margin(bench: _Bench) -> int:
    """Give how many hours around its own a request is looked for."""
    return 1 + max((-(-abs(one.ahead_s) // 3600) for one in bench.clocks), default=0)


def _widened(hours: Flags, by: int) -> Flags:
    out = hours.copy()
    for step in range(1, by + 1):
        out[step:] |= hours[:-step]
        out[:-step] |= hours[step:]
    return out


def _look(bench: _Bench, accused: str, pairs: Sequence[_Pair]) -> None:
    """Look up the ids of the hours that differ, some days at a time."""
    counts = bench.counts
    every = np.zeros(counts.size, np.bool_)
    for pair in pairs:
        every |= pair.look
    for hours in _chunks(every, counts.by_hour(counts.of(accused))[:, 1]):
        wide = _widened(hours, _margin(bench))
        own = list(_read(bench, accused, wide, witness=False))
        numbers = np.unique(np.concatenate([np.zeros(0, np.uint64), *(rows.number for _, rows in own)]))
        edges = _Edges(bench, accused, [rows for _, rows in own])
        for witness in sorted({pair.witness for pair in pairs}):
            more = (_POSTED, _TARGET) if accused == EWS else ()
            for file, rows in _read(bench, witness, hours, more, witness=True):
                met = _is_in(rows.number, numbers)
                for pair in pairs:
                    if pair.witness == witness:
                        _judge(bench, pair, file, rows, met, hours, edges)


def _chunks(hours: Flags, rows: Codes) -> Iterator[Flags]:
    """Give the hours asked for a few at a time, so that no more than `ROWS_MAX` requests are held of them."""
    places = np.flatnonzero(hours)
    if not len(places):
        return
    part = np.cumsum(rows[places]) // ROWS_MAX
    for one in np.unique(part):
        out = np.zeros(len(hours), np.bool_)
        out[places[part == one]] = True
        yield out


def _is_in(numbers: Numbers, ordered: Numbers) -> Flags:
    """Say which numbers are among others that are in order."""
    if not len(ordered):
        return np.zeros(len(numbers), np.bool_)
    place = np.minimum(np.searchsorted(ordered, numbers), len(ordered) - 1)
    found: Flags = ordered[place] == numbers
    return found


def _read(
    bench: _Bench, layer: str, hours: Flags, more: Sequence[str] = (), *, witness: bool
) -> Iterator[tuple[DataFile, _Rows]]:
    """Read the requests of a layer in some hours, file by file; with `more`, calls that were posted and who answered."""
    counts, module = bench.counts, MODULES[TABLE_OF[layer]]
    places = np.flatnonzero(hours)
    low, high = (counts.start + int(places[0])) * HOUR_US, (counts.start + int(places[-1]) + 1) * HOUR_US
    for file in bench.archive.files(TABLE_OF[layer]):
        first, last = file.staged.first_us, file.staged.last_us
        if first is None or last is None or last < low or first >= high:
            continue
        table = read_rows(file, (*module.ID_COLUMNS, *more), dictionary=(*module.ID_TEXTS, *more))
        logged: Logged = module.logged_in(table)
        when = fold.instants(table)
        hour = when // HOUR_US - counts.start
        keep = (hour >= 0) & (hour < counts.size)
        keep[keep] = hours[hour[keep]]
        keep &= logged.layer == (logged.layers.index(layer))
        # an id that no front end gave is not looked for, and may well be what another log is asked for
        number, known = logged.known(table) if witness else request_numbers(table[logged.ids])
        if more:
            method = fold.texts(table, _POSTED)
            keep &= method.flags([(one or "").upper() == "POST" for one in method.values])
        place = np.flatnonzero(keep & known)
        if len(place):
            host, front = _hosts(bench, layer, logged)
            target = _targets(counts, table) if more else np.full(table.num_rows, -1)
            yield (
                file,
                _Rows(
                    number[place],
                    when[place],
                    host[place],
                    front[place],
                    logged.folder[place].astype(np.int64),
                    logged.ok[place],
                    target[place],
                    place,
                ),
            )


def _hosts(bench: _Bench, layer: str, logged: Logged) -> tuple[Codes, Codes]:
    """Give whose log each row is of, and whose front end took the request, as codes."""
    hosts = bench.counts.hosts
    told = [NO_HOST if one is None else one for one in [*logged.host.values, None]]
    own = np.array([hosts.index(one) if one in hosts else -1 for one in told], np.int64)[logged.host.codes]
    named = logged.fronts()
    pairs, first = fold.numbered(fold.group([logged.host.codes, named.codes]))
    asked = [
        (layer, told[logged.host.codes[one]], None if named.codes[one] < 0 else named.values[named.codes[one]])
        for one in first.tolist()
    ]
    found = [-1 if one is None else hosts.index(one) for one in resolved(asked, hosts, bench.addresses)]
    return own, np.array([*found, -1], np.int64)[pairs]


def _targets(counts: Counts, table: pa.Table) -> Codes:
    """Give the server that HttpProxy handed each call to, as code; -1 where it is none that is known."""
    column = fold.texts(table, _TARGET)
    short = {short_host(one).lower(): code for code, one in enumerate(counts.hosts)}
    found: Codes = column.each([short.get(short_host(one or "").lower(), -1) for one in column.values], -1)
    return found


class _Edges:
    """The first and the last line of a layer in the hours in which what is held of it begins or ends."""

    def __init__(self, bench: _Bench, layer: str, rows: Sequence[_Rows]) -> None:
        self._bench, self._layer = bench, layer
        self._at = {
            host: [(one.at[one.host == host], one.folder[one.host == host]) for one in rows]
            for host in range(len(bench.counts.hosts))
        }

    def held(self, host: int, at: Codes, folder: Codes, guard_us: int) -> Flags:
        """Say whether the layer of a host was written at some instants, as far as its files show.

        Args:
            host: code of the host.
            at: instants by that host's clock, microseconds since 1970.
            folder: virtual directory of the request at each.
            guard_us: how much earlier a file is taken to end, and later to begin.
        """
        out = np.zeros(len(at), np.bool_)
        hour = at // HOUR_US
        for one in self._bench.held.get((self._layer, host), ()):
            mine = np.flatnonzero(one.at(hour) & ((folder == one.folder) if one.folder is not None else True))
            if not len(mine):
                continue
            begins, ends = ~one.at(hour[mine] - 1), ~one.at(hour[mine] + 1)
            fine = np.ones(len(mine), np.bool_)
            for edge in np.unique(hour[mine][begins | ends]).tolist():
                there = hour[mine] == edge
                low, high = self._span(host, edge, one.folder)
                fine[there & begins] &= at[mine][there & begins] >= low + guard_us
                fine[there & ends] &= at[mine][there & ends] <= high - guard_us
            out[mine] |= fine
        return out

    def _span(self, host: int, hour: int, folder: int | None) -> tuple[int, int]:
        low, high = 2**62, -(2**62)
        for at, kind in self._at[host]:
            mine = at[(at // HOUR_US == hour) & ((kind == folder) if folder is not None else True)]
            if len(mine):
                low, high = min(low, int(mine.min())), max(high, int(mine.max()))
        return low, high


def _judge(bench: _Bench, pair: _Pair, file: DataFile, rows: _Rows, met: Flags, hours: Flags, edges: _Edges) -> None:
    """Count what both logs have of the requests of one front end, and keep what the accused lacks."""
    counts = bench.counts
    mine = rows.front == pair.front
    mine &= (pair.look & hours)[rows.at // HOUR_US - counts.start]
    if pair.accused == EWS:
        mine &= (rows.folder == FOLDERS.index("ews")) & rows.ok
    place = np.flatnonzero(mine)
    if not len(place):
        return
    if pair.accused == EWS:
        whose = np.where(rows.target[place] >= 0, rows.target[place], pair.front)
    else:
        whose = np.full(len(place), pair.front)
    keys = rows.folder[place] * 2 + rows.ok[place]
    for kind, number in zip(*(one.tolist() for one in np.unique(keys[met[place]], return_counts=True)), strict=True):
        pair.tally((kind // 2, kind % 2 == 1)).met += number
    lost = ~met[place]
    for host, witness in {(int(a), int(b)) for a, b in zip(whose[lost], rows.host[place][lost], strict=True)}:
        taken = place[lost & (whose == host) & (rows.host[place] == witness)]
        name, theirs = counts.hosts[host], counts.hosts[witness]
        ahead = bench.ahead_us((TABLE_OF[pair.witness], theirs), (TABLE_OF[pair.accused], name))
        at = rows.at[taken] - ahead
        state = bench.states(pair.accused, name, at // HOUR_US)
        held = edges.held(host, at, rows.folder[taken], GUARD_US if witness != host else 0)
        held &= np.isin(state, (HELD, EMPTY))
        _keep_unmet(pair, file, rows, taken[held], at[held], name, theirs)
        _keep_silent(pair, name, rows, taken[~held & (state == EMPTY)], at[~held & (state == EMPTY)])


def _keep_silent(pair: _Pair, host: str, rows: _Rows, taken: Codes, at: Codes) -> None:
    """Count the requests of hours that a file promises and holds no line of."""
    quiet = pair.silent.setdefault(host, {})
    found = np.stack([rows.folder[taken] * 2 + rows.ok[taken], at // HOUR_US])
    keys, numbers = np.unique(found, axis=1, return_counts=True)
    for kind, hour, number in zip(*keys.tolist(), numbers.tolist(), strict=True):
        key = ((kind // 2, kind % 2 == 1), hour)
        quiet[key] = quiet.get(key, 0) + number


def _keep_unmet(pair: _Pair, file: DataFile, rows: _Rows, taken: Codes, at: Codes, host: str, witness: str) -> None:
    if not len(taken):
        return
    told = told_of(file, rows.place[taken])
    found = pa.table(
        [
            pa.array(rows.number[taken]),
            pa.array(rows.at[taken]),
            pa.array(at // HOUR_US),
            pa.array([host] * len(taken), pa.string()),
            pa.array(rows.folder[taken]),
            pa.array(rows.ok[taken]),
            pa.array([TABLE_OF[pair.witness]] * len(taken), pa.string()),
            pa.array([witness] * len(taken), pa.string()),
            *told.columns,
        ],
        schema=UNMET,
    )
    pair.unmet.append(found)
    keys = rows.folder[taken] * 2 + rows.ok[taken]
    for kind in np.unique(keys).tolist():
        mine = keys == kind
        tally = pair.tally((kind // 2, kind % 2 == 1))
        tally.unmet += int(mine.sum())
        tally.lacking |= set(np.unique((at // HOUR_US)[mine]).tolist())
        if len(tally.clients) < CLIENTS_MIN:
            tally.clients |= {one or "" for one in pc.unique(found["client"].filter(pa.array(mine))).to_pylist()}


def _kinds(bench: _Bench, pair: _Pair) -> tuple[list[Kind], list[Uncompared]]:
    """Give the kinds of requests that both logs write, and those that they do not."""
    share = MISSING_SHARE[pair.accused]
    pooled = _Tally()
    for one in pair.tallies.values():
        pooled.met += one.met
        pooled.hours += one.hours
        pooled.unmet += one.unmet
        pooled.lacking |= one.lacking
    kinds, left = [], []
    for kind, one in sorted(pair.tallies.items()):
        few = pair.accused == FRONT and len(one.clients) < CLIENTS_MIN and pooled.met >= MET_MIN
        if one.mostly(*share) or (few and one.unmet and pooled.mostly(*share)):
            kinds.append(kind)
        elif one.unmet:
            folder = f"/{FOLDERS[kind[0]]}" if kind[0] < len(FOLDERS) else "other paths"
            told = f"{folder}, {'answered with a yes' if kind[1] else 'not answered with a yes'}"
            host, source = bench.counts.hosts[pair.front], TABLE_OF[pair.accused]
            left.append(Uncompared(host, source, TABLE_OF[pair.witness], told, one.met, one.met + one.unmet))
    return kinds, left


def _of_kinds(pair: _Pair, kinds: Sequence[Kind]) -> Iterator[tuple[str, pa.Table]]:
    """Give what a layer lacks of the kinds that are compared, by host."""
    if not pair.unmet or not kinds:
        return
    rows = pa.concat_tables(pair.unmet)
    wanted = pa.array([folder * 2 + ok for folder, ok in kinds], pa.int64())
    key = pc.add(pc.multiply(rows["folder"], 2), rows["ok"].cast(pa.int64()))
    rows = rows.filter(pc.is_in(key, value_set=wanted))
    for host in sorted(pc.unique(rows["host"]).to_pylist()):
        yield host, rows.filter(pc.equal(rows["host"], host))


def _silent(pair: _Pair, kinds: Sequence[Kind]) -> list[Silent]:
    out = []
    for host, found in sorted(pair.silent.items()):
        hours: dict[int, int] = {}
        for (kind, hour), number in found.items():
            if kind in kinds:
                hours[hour] = hours.get(hour, 0) + number
        if hours:
            named = TABLE_OF[pair.accused], TABLE_OF[pair.witness]
            out.append(Silent(host, *named, tuple(sorted(hours)), sum(hours.values())))
    return out


def _merged(found: Sequence[Silent]) -> list[Silent]:
    return sorted(found, key=lambda one: (one.host, one.source, one.witness, one.hours))
