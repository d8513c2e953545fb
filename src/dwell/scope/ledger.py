"""The coverage ledger: host x source x hour, each cell in one of six states, and why.

A cell is `held` where records of that hour are held. Where a file that covers the hour is held and has none, it is
`held-empty`. What a file covers is the time from its first to its last record and, where its name says so, the day or
hour it was written for. A file that ends in mid-record is `truncated` from the hour of its last record to the end of
what its name promises. `altered` are hours before a log was cleared of which nothing is left, and holes in the record
numbers; `not-recorded` are hours in which records were throttled, lost, or left out by an export's cap. Every other
hour that the host's logs ought to cover is `missing`: no file, and no reason to think there was nothing to write. What
lowers a cell is in `scope.lowering`, and in `scope.lacking` where it is another log that tells.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.intake.hosts import host_from_markers, host_from_names
from dwell.model.coverage import CellState, Coverage, CoverageDay, CoverageRow
from dwell.model.provenance import FactKind
from dwell.scope.cells import ALTERED, CUT, EMPTY, HELD, HOUR_US, MISSING, OFF, STATES, Hours, Line, named_hours
from dwell.scope.lowering import (
    HEADER_ONLY,
    THROTTLED,
    Shortfall,
    lower,
    lower_cleared,
    promised,
    throttled,
    windows,
)
from dwell.scope.stray import Stray, runs, without_stray

__all__ = ["MAIL_SOURCES", "MANAGEMENT", "NO_HOST", "SERVER_SOURCES", "Ledger", "Shortfall", "build", "named_hours"]

SERVER_SOURCES = frozenset({"iis", "httpproxy", "ews", "mapihttp", "rpc_client_access", "imap4", "pop3", "owa"})
"""Logs of a mail server's own requests: each has a line for every mailbox that is opened by its protocol, whoever opens
it. IIS and HttpProxy see all that comes by HTTP; the others see one protocol each, and say nothing of the rest. An access
log of NCSA's shape is not among them: its server need not be one of mail."""
MAIL_SOURCES = SERVER_SOURCES | {"ual"}
"""Logs able to show that a mailbox was opened. A mailbox audit log on premises is none: what an owner's name reads is never
in it. A sign-in log is none either: it ends where the mailbox begins."""
MANAGEMENT = "evtx/MSExchange Management"
"""The log of Exchange's cmdlets: only a mail server writes it."""
_SEEN = (HELD, EMPTY)
NO_HOST = "(unknown host)"
QUIET = "a file covers these hours and holds no record of them"
NOTHING = "no file is held for these hours"
DAY = 24
NEVER = 2**40
_EPOCH_DAY = date(1970, 1, 1).toordinal()


@dataclass(slots=True)
class Ledger:
    """All cells.

    Attributes:
        lines: by host and source.
        first_hour: first hour of the case's logs, hours since 1970.
        last_hour: the hour after the last.
        stray: records whose instants count for no hour.
        unable: by host, table and act, cells that are `not-recorded` where the log is held and could not have shown that
            act (`scope.unable`).
    """

    lines: dict[tuple[str, str], Line]
    first_hour: int
    last_hour: int
    stray: tuple[Stray, ...] = ()
    unable: dict[tuple[str, str, str], Line] = field(default_factory=dict)

    def rows(self) -> tuple[CoverageRow, ...]:
        """Give hours per state for each host and source."""
        out = []
        for (host, source), line in sorted(self.lines.items()):
            counts = np.bincount(line.states, minlength=len(STATES)).tolist()
            reasons: dict[str, int] = {}
            for state in sorted(line.reasons):
                if counts[state]:
                    text = line.reason(state)
                    reasons[text] = reasons.get(text, 0) + counts[state]
            out.append(
                CoverageRow(
                    host,
                    source,
                    _utc(line.start),
                    _utc(line.start + len(line.states)),
                    counts[HELD] + counts[EMPTY],
                    counts[EMPTY],
                    counts[MISSING],
                    counts[CUT],
                    counts[ALTERED],
                    counts[OFF],
                    tuple(sorted(reasons.items())),
                )
            )
        return tuple(out)

    def cells(self) -> pa.Table:
        """Give all cells: host, source, hour_utc, state, records, reason."""
        parts = []
        for (host, source), line in sorted(self.lines.items()):
            count = len(line.states)
            reasons = [line.reason(state) for state in range(len(STATES))]
            parts.append(
                pa.table(
                    {
                        "host": pa.array([host] * count, pa.string()),
                        "source": pa.array([source] * count, pa.string()),
                        "hour_utc": pa.array((np.arange(count) + line.start) * HOUR_US).cast(
                            pa.timestamp("us", tz="UTC")
                        ),
                        "state": pa.array([one.value for one in STATES]).take(pa.array(line.states)),
                        "records": pa.array(line.records),
                        "reason": pa.array(reasons, pa.string()).take(pa.array(line.states)),
                    }
                )
            )
        return pa.concat_tables(parts) if parts else pa.table({})

    def days(self) -> tuple[CoverageDay, ...]:
        """Give hours per state for each host, source and day (UTC)."""
        out = []
        for (host, source), line in sorted(self.lines.items()):
            day = (np.arange(len(line.states)) + line.start) // 24
            first = int(day[0]) if len(day) else 0
            width = (int(day[-1]) - first + 1) if len(day) else 0
            counts = np.zeros((width, len(STATES)), np.int64)
            np.add.at(counts, (day - first, line.states), 1)
            records = np.bincount(day - first, weights=line.records, minlength=width).astype(np.int64)
            out += [
                CoverageDay(
                    host,
                    source,
                    date.fromordinal(_EPOCH_DAY + first + place),
                    (row[0], row[1], row[2], row[3], row[4], row[5]),
                    int(records[place]),
                )
                for place, row in enumerate(counts.tolist())
            ]
        return tuple(out)

    def mark_unable(self, key: tuple[str, str, str], places: npt.NDArray[np.int64], why: str, source: str = "") -> None:
        """Note that in some held hours a log could not have shown an act.

        Args:
            key: host, table and act (`scope.unable`).
            places: the hours, as places in the line of host and source.
            why: what hid it.
            source: the one part of the table that could have shown it (`table/part`); the table itself where it has none.
        """
        whole = self.lines[key[0], source or key[1]]
        held = places[np.isin(whole.states[places], _SEEN)]
        if len(held):
            if key not in self.unable:
                self.unable[key] = whole.as_whole()
                self.unable[key].reasons[OFF] = []
            line = self.unable[key]
            line.states[held] = OFF
            if why not in line.reasons[OFF]:
                line.reasons[OFF].append(why)

    def hosts(self, sources: Collection[str]) -> list[str]:
        """Give the hosts that have any of the sources."""
        return sorted({host for host, source in self.lines if source.partition("/")[0] in sources})

    def servers(self) -> list[str]:
        """Give the mail servers: hosts with a log of mail requests, or with the log that only Exchange's cmdlets write."""
        return sorted({host for host, source in self.lines if source in SERVER_SOURCES or source == MANAGEMENT})

    def dark(self) -> Hours:
        """Give the hours in which no mail log of some mail server is held, hours since 1970, in order."""
        out = np.zeros(max(0, self.last_hour - self.first_hour), np.bool_)
        for host in self.servers():
            out |= ~self.seen(host, SERVER_SOURCES, self.first_hour, self.last_hour)[0]
        return np.flatnonzero(out) + self.first_hour

    def mail_hosts(self) -> list[str]:
        """Give every host through which mail could have been opened: the mail servers, the tenant, other web servers."""
        return sorted({*self.servers(), *self.hosts(MAIL_SOURCES)})

    def coverage(
        self,
        hosts: Collection[str],
        able: Collection[str],
        first: int,
        last: int,
        what: str,
        less: Collection[str] = (),
        act: str = "",
    ) -> Coverage:
        """Say in how many host-hours at least one source able to show an act was held.

        Args:
            hosts: the hosts the act could have touched.
            able: sources able to show it, by table name or `table/part`.
            first: first hour, hours since 1970.
            last: the hour after the last.
            what: the act, in words.
            less: lines of one mailbox or account: where one of them is dark, its whole table shows nothing.
            act: the act by its name in `scope.unable`, where a log can be held and unable to show it.
        """
        asked = max(0, last - first) * len(hosts)
        seen = 0
        used: set[str] = set()
        for host in sorted(hosts):
            mine, sources = self.seen(host, able, first, last, less, act)
            seen += int(mine.sum())
            used |= sources
        why = (
            f"hours of {len(hosts)} hosts in which a source able to show {what} was held: {seen} of {asked}"
            if asked
            else f"no host or no time to look at for {what}"
        )
        return Coverage(seen, asked, tuple(sorted(used)), why)

    def seen(
        self, host: str, able: Collection[str], first: int, last: int, less: Collection[str] = (), act: str = ""
    ) -> tuple[npt.NDArray[np.bool_], set[str]]:
        """Say in which hours one of some sources of a host was held, and which of them are held at all.

        Args:
            host: the host.
            able: the sources, by table name or `table/part`.
            first: first hour, hours since 1970.
            last: the hour after the last.
            less: lines of one mailbox or account: where one of them is dark, its whole table shows nothing.
            act: the act by its name in `scope.unable`, where a log can be held and unable to show it.
        """
        size, wanted = max(0, last - first), set(able)
        tables: dict[str, npt.NDArray[np.bool_]] = {}
        dark: dict[str, npt.NDArray[np.bool_]] = {}
        used: set[str] = set()
        for (name, source), line in self.lines.items():
            table = source.partition("/")[0]
            if name != host or (source not in less and not ({source, table} & wanted)):
                continue
            a, b = max(first, line.start), min(last, line.start + len(line.states))
            if b <= a:
                continue
            held = np.isin(line.states[a - line.start : b - line.start], _SEEN)
            if source in less:
                dark.setdefault(table, np.zeros(size, np.bool_))[a - first : b - first] |= ~held
            else:
                tables.setdefault(table, np.zeros(size, np.bool_))[a - first : b - first] |= held
                used.add(source)
        for table in tables:
            unable = self.unable.get((host, table, act))
            if unable is not None:
                a, b = max(first, unable.start), min(last, unable.start + len(unable.states))
                if b > a:
                    off = unable.states[a - unable.start : b - unable.start] == OFF
                    dark.setdefault(table, np.zeros(size, np.bool_))[a - first : b - first] |= off
        out = np.zeros(size, np.bool_)
        for table, held in tables.items():
            out |= held & ~dark[table] if table in dark else held
        return out, used

    def stretches(self, states: Iterable[CellState]) -> list[tuple[str, str, CellState, datetime, datetime, str]]:
        """Give the runs of hours in the states asked for: host, source, state, from, to, reason."""
        wanted = {STATES.index(one) for one in states}
        out = []
        for (host, source), line in sorted(self.lines.items()):
            edges = np.flatnonzero(np.diff(line.states)) + 1
            for a, b in zip([0, *edges.tolist()], [*edges.tolist(), len(line.states)], strict=True):
                state = int(line.states[a]) if b > a else -1
                if state in wanted:
                    span = (_utc(line.start + a), _utc(line.start + b))
                    out.append((host, source, STATES[state], *span, line.reason(state)))
        return out


def _utc(hour: int) -> datetime:
    return datetime.fromtimestamp(hour * 3600, UTC)


def _source(table: str, part: str | None) -> str:
    return f"{table}/{part}" if part else table


@dataclass(slots=True)
class _Files:
    """What is held of one host and source.

    Attributes:
        hours: per file, the hours in which it holds records, and how many.
        empty: hours that files promise by their names and hold no record of.
    """

    hours: dict[str, tuple[Hours, Hours]] = field(default_factory=dict)
    empty: list[tuple[int, int]] = field(default_factory=list)

    def span(self) -> tuple[int, int]:
        """Give the first hour and the hour after the last."""
        lows = [int(one.min()) for one, _ in self.hours.values()] + [one for one, _ in self.empty]
        highs = [int(one.max()) + 1 for one, _ in self.hours.values()] + [one for _, one in self.empty]
        return min(lows), max(highs)


def _held(hours: Mapping[str, pa.Table]) -> tuple[dict[tuple[str, str], _Files], list[Stray]]:
    held: dict[tuple[str, str], _Files] = {}
    stray: list[Stray] = []
    for table, found in hours.items():
        keys = list(zip(*(found[one].to_pylist() for one in ("host", "part", "evidence_id")), strict=True))
        hour, count = found["hour"].to_numpy(), found["records"].to_numpy()
        places: dict[tuple[str | None, str | None, str], list[int]] = {}
        for place, key in enumerate(keys):
            places.setdefault(key, []).append(place)
        for (host, part, evidence), rows in places.items():
            mine, records = hour[rows], count[rows]
            counts = without_stray(mine, records)
            if not counts.all():
                off = mine[~counts]
                which = (host or NO_HOST, _source(table, part), evidence)
                stray.append(Stray(*which, int(records[~counts].sum()), int(off.min()), int(off.max())))
            if counts.any():
                files = held.setdefault((host or NO_HOST, _source(table, part)), _Files())
                files.hours[evidence] = (mine[counts], records[counts])
    return held, sorted(stray, key=lambda one: (one.host, one.source, one.evidence_id))


def _take_empty(
    held: dict[tuple[str, str], _Files], shortfalls: Sequence[Shortfall], paths: Mapping[str, Sequence[str]]
) -> None:
    """Take the files that hold nothing but their header, within the time that others of the case speak of.

    One from outside that time stretches no case. But its host had such a log and is known by it: its hours are missing.
    """
    spans = [files.span() for files in held.values()]
    low = min((one for one, _ in spans), default=-NEVER)
    high = max((one for _, one in spans), default=NEVER)
    known = {host for host, _ in held}
    for one in shortfalls:
        if one.kind != HEADER_ONLY:
            continue
        places = paths.get(one.evidence_id, ())
        for path in places:
            window = named_hours(path)
            # two servers' files without a record are the same bytes: each is of the server whose folder it lies in
            host = (_host_of(path, known) if len(places) > 1 else "") or one.host or NO_HOST
            if window is not None and window[0] < high + DAY and window[1] > low - DAY:
                held.setdefault((host, one.detail), _Files()).empty.append(window)
            elif host != NO_HOST and spans:
                held.setdefault((host, one.detail), _Files())


def _host_of(path: str, known: Collection[str]) -> str:
    return host_from_markers(path)[0] or host_from_names(path, known)[0]


def build(hours: Mapping[str, pa.Table], paths: Mapping[str, Sequence[str]], shortfalls: Sequence[Shortfall]) -> Ledger:
    """Build the ledger.

    Args:
        hours: records per hour of each log table (`rollup.shapes.HOURS`).
        paths: where each evidence file lay.
        shortfalls: what readers learned that lowers coverage.
    """
    held, stray = _held(hours)
    _take_empty(held, shortfalls, paths)
    every = [files.span() for files in held.values() if files.hours or files.empty]
    first, last = min((one for one, _ in every), default=0), max((one for _, one in every), default=0)
    mail_hosts = {host for host, source in held if source in MAIL_SOURCES or source == MANAGEMENT}
    by_file: dict[str, list[Shortfall]] = {}
    for one in shortfalls:
        by_file.setdefault(one.evidence_id, []).append(one)
    lines: dict[tuple[str, str], Line] = {}
    for (host, source), files in sorted(held.items()):
        low, high = files.span() if files.hours or files.empty else (first, last)
        if host in mail_hosts:
            low, high = min(low, first), max(high, last)
        lines[host, source] = _line(low, high, source, files, paths, by_file)
    for one in shortfalls:
        if one.kind == FactKind.CLEARED.value:
            hosts = {host for (host, _), files in held.items() if one.evidence_id in files.hours} or {one.host}
            lower_cleared(
                lines, {key: [hour for hour, _ in files.hours.values()] for key, files in held.items()}, one, hosts
            )
    _hold_back(lines, held, shortfalls)
    for line in lines.values():
        line.reasons.setdefault(EMPTY, [QUIET])
        line.reasons.setdefault(MISSING, [NOTHING])
    return Ledger(lines, first, last, tuple(stray))


def _line(
    low: int,
    high: int,
    source: str,
    files: _Files,
    paths: Mapping[str, Sequence[str]],
    shortfalls: Mapping[str, list[Shortfall]],
) -> Line:
    cut = [hour for one, (hour, _) in files.hours.items() if any(_is_cut(each) for each in shortfalls.get(one, ()))]
    names = {id(hour): paths.get(one, ()) for one, (hour, _) in files.hours.items()}
    high = max([high, *(end for hour in cut for _, end in windows(names[id(hour)], hour))])
    line = Line.missing(low, high)
    for hour, count in files.hours.values():
        line.take(hour, count)
    for hour, _ in files.hours.values():
        for run in runs(hour):
            line.mark(*run, EMPTY, [MISSING])
    for window in promised({one: hour for one, (hour, _) in files.hours.items()}, paths, files.empty):
        line.mark(*window, EMPTY, [MISSING])
    line.states[line.records > 0] = HELD
    for evidence, (hour, _) in sorted(files.hours.items()):
        for one in shortfalls.get(evidence, ()):
            lower(line, one, source, hour, paths.get(evidence, ()))
    return line


def _is_cut(one: Shortfall) -> bool:
    return one.kind == FactKind.TRUNCATED.value


def _hold_back(
    lines: dict[tuple[str, str], Line], held: Mapping[tuple[str, str], _Files], shortfalls: Sequence[Shortfall]
) -> None:
    """Give each mailbox whose audit records were throttled a line of its own: the others' records are whole."""
    for one in shortfalls:
        owner = throttled(one)
        if owner is None or one.from_us is None or one.to_us is None:
            continue
        for (host, source), files in held.items():
            if one.evidence_id in files.hours and source == "ual":
                whole = lines[host, source]
                mine = lines.setdefault((host, f"{source}/{owner}"), whole.as_whole())
                mine.mark(one.from_us // HOUR_US, -(-one.to_us // HOUR_US), OFF, [HELD, EMPTY, MISSING], THROTTLED)
