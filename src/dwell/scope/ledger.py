"""The coverage ledger: host x source x hour, each cell in one of six states, and why.

A cell is `held` where records of that hour are held. Where a file that covers the hour is held and has none, it is
`held-empty`. What a file covers is the time from its first to its last record and, where its name says so, the day or
hour it was written for. A file that ends in mid-record is `truncated` from its last record to the end of what its name
promises. `altered` are hours before a log was cleared of which nothing is left, and holes in the record numbers. Every
other hour that the host's logs ought to cover is `missing`: no file, and no reason to think there was nothing to write.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.model.coverage import CellState, Coverage, CoverageDay, CoverageRow

__all__ = ["MAIL_SOURCES", "SERVER_SOURCES", "Ledger", "Shortfall", "build", "named_hours"]

SERVER_SOURCES = frozenset({"iis", "httpproxy", "ews"})
"""Logs of a mail server's own requests."""
MAIL_SOURCES = SERVER_SOURCES | {"ual"}
"""Logs able to show that a mailbox was opened."""
STATES = tuple(CellState)
_HELD, _EMPTY, _MISSING, _CUT, _ALTERED, _OFF = range(6)
_SEEN = (_HELD, _EMPTY)

Hours = npt.NDArray[np.int64]
_DAY = re.compile(r"u_ex(\d{2})(\d{2})(\d{2})(\d{2})?(?:_x)?\.log", re.IGNORECASE)
_STAMP = re.compile(r"_?(\d{4})(\d{2})(\d{2})(\d{2})?-\d+\.log", re.IGNORECASE)
_GAP = re.compile(r"records \d+ to \d+ of (.+) on \S+ are not in the file")
_CHANNEL = re.compile(r"Channel ([^;]+)")
HOUR_US = 3_600_000_000
_EPOCH_DAY = date(1970, 1, 1).toordinal()


def named_hours(path: str) -> tuple[int, int] | None:
    """Give the hours that a log's name says it was written for, hours since 1970, the end exclusive; None without any.

    IIS `u_exYYMMDD` is a day and `u_exYYMMDDHH` an hour; Exchange `…YYYYMMDDHH-n.LOG` begins at that hour and is only
    taken for that hour, `…YYYYMMDD-n.LOG` for that day.
    """
    name = re.split(r"[/!\\]", path)[-1]
    match = _DAY.search(name)
    century = "20" if match else ""
    match = match or _STAMP.search(name)
    if match is None:
        return None
    year, month, day, hour = match.groups()
    try:
        start = datetime(int(century + year), int(month), int(day), int(hour or 0), tzinfo=UTC)
    except ValueError:
        return None
    first = int(start.timestamp()) // 3600
    return first, first + (1 if hour else 24)


@dataclass(frozen=True, slots=True)
class Shortfall:
    """What a reader learned about a file that lowers coverage.

    Attributes:
        evidence_id: the file.
        host: the host it names; "" where it is the file's own.
        kind: `truncated`, `cleared` or `record-gap`.
        from_us: start, microseconds since 1970; None where unknown.
        to_us: end.
        detail: in words.
    """

    evidence_id: str
    host: str
    kind: str
    from_us: int | None
    to_us: int | None
    detail: str


@dataclass(slots=True)
class _Line:
    """The cells of one host and source."""

    start: int
    states: npt.NDArray[np.int8]
    records: Hours
    reasons: dict[int, str]

    def mark(self, first: int, last: int, state: int, over: Sequence[int]) -> bool:
        """Set cells `first` to `last` (exclusive) whose present state is in `over`; say whether any was."""
        a, b = max(0, first - self.start), max(0, min(last - self.start, len(self.states)))
        if b <= a:
            return False
        part = self.states[a:b]
        hit = np.isin(part, over)
        part[hit] = state
        return bool(hit.any())


@dataclass(slots=True)
class Ledger:
    """All cells.

    Attributes:
        lines: by host and source.
        first_hour: first hour of the case's mail logs, hours since 1970.
        last_hour: the hour after the last.
    """

    lines: dict[tuple[str, str], _Line]
    first_hour: int
    last_hour: int

    def rows(self) -> tuple[CoverageRow, ...]:
        """Give hours per state for each host and source."""
        out = []
        for (host, source), line in sorted(self.lines.items()):
            counts = np.bincount(line.states, minlength=len(STATES)).tolist()
            reasons: dict[str, int] = {}
            for state, text in sorted(line.reasons.items()):
                if counts[state]:
                    reasons[text] = reasons.get(text, 0) + counts[state]
            out.append(
                CoverageRow(
                    host,
                    source,
                    _utc(line.start),
                    _utc(line.start + len(line.states)),
                    counts[_HELD] + counts[_EMPTY],
                    counts[_EMPTY],
                    counts[_MISSING],
                    counts[_CUT],
                    counts[_ALTERED],
                    counts[_OFF],
                    tuple(sorted(reasons.items())),
                )
            )
        return tuple(out)

    def cells(self) -> pa.Table:
        """Give all cells: host, source, hour_utc, state, records, reason."""
        parts = []
        for (host, source), line in sorted(self.lines.items()):
            count = len(line.states)
            reasons = [line.reasons.get(state, "") for state in range(len(STATES))]
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

    def hosts(self, sources: Collection[str]) -> list[str]:
        """Give the hosts that have any of the sources."""
        return sorted({host for host, source in self.lines if source.partition("/")[0] in sources})

    def coverage(self, hosts: Collection[str], able: Collection[str], first: int, last: int, what: str) -> Coverage:
        """Say in how many host-hours at least one source able to show an act was held.

        Args:
            hosts: the hosts the act could have touched.
            able: sources able to show it, by table name or `table/part`.
            first: first hour, hours since 1970.
            last: the hour after the last.
            what: the act, in words.
        """
        asked = max(0, last - first) * len(hosts)
        seen = 0
        used: set[str] = set()
        for host in sorted(hosts):
            any_seen = np.zeros(max(0, last - first), np.bool_)
            for (name, source), line in self.lines.items():
                if name != host or not ({source, source.partition("/")[0]} & set(able)):
                    continue
                a, b = max(first, line.start), min(last, line.start + len(line.states))
                if b > a:
                    any_seen[a - first : b - first] |= np.isin(line.states[a - line.start : b - line.start], _SEEN)
                    used.add(source)
            seen += int(any_seen.sum())
        why = (
            f"hours of {len(hosts)} hosts in which a source able to show {what} was held: {seen} of {asked}"
            if asked
            else f"no host or no time to look at for {what}"
        )
        return Coverage(seen, asked, tuple(sorted(used)), why)

    def stretches(self, states: Iterable[CellState]) -> list[tuple[str, str, CellState, datetime, datetime, str]]:
        """Give the runs of hours in the states asked for: host, source, state, from, to, reason."""
        wanted = {STATES.index(one) for one in states}
        out = []
        for (host, source), line in sorted(self.lines.items()):
            edges = np.flatnonzero(np.diff(line.states)) + 1
            for a, b in zip([0, *edges.tolist()], [*edges.tolist(), len(line.states)], strict=True):
                state = int(line.states[a]) if b > a else -1
                if state in wanted:
                    reason = line.reasons.get(state, "")
                    out.append((host, source, STATES[state], _utc(line.start + a), _utc(line.start + b), reason))
        return out


def _utc(hour: int) -> datetime:
    return datetime.fromtimestamp(hour * 3600, UTC)


def _source(table: str, part: str | None) -> str:
    return f"{table}/{part}" if part else table


def build(hours: Mapping[str, pa.Table], paths: Mapping[str, Sequence[str]], shortfalls: Sequence[Shortfall]) -> Ledger:
    """Build the ledger.

    Args:
        hours: records per hour of each log table (`rollup.shapes.HOURS`).
        paths: where each evidence file lay.
        shortfalls: what readers learned that lowers coverage.
    """
    held: dict[tuple[str, str], list[tuple[str, Hours, Hours]]] = {}
    for table, found in hours.items():
        keys = list(zip(*(found[one].to_pylist() for one in ("host", "part", "evidence_id")), strict=True))
        hour, count = found["hour"].to_numpy(), found["records"].to_numpy()
        places: dict[tuple[str | None, str | None, str], list[int]] = {}
        for place, key in enumerate(keys):
            places.setdefault(key, []).append(place)
        for (host, part, evidence), rows in sorted(places.items(), key=lambda one: str(one[0])):
            line = held.setdefault((host or "(unknown host)", _source(table, part)), [])
            line.append((evidence, hour[rows], count[rows]))
    mail = [one for (_, source), files in held.items() if source in MAIL_SOURCES for _, one, _ in files]
    every = mail or [one for files in held.values() for _, one, _ in files]
    first = min((int(one.min()) for one in every), default=0)
    last = max((int(one.max()) for one in every), default=-1) + 1
    mail_hosts = {host for host, source in held if source in MAIL_SOURCES}
    by_file: dict[str, list[Shortfall]] = {}
    for one in shortfalls:
        by_file.setdefault(one.evidence_id, []).append(one)
    lines: dict[tuple[str, str], _Line] = {}
    for (host, source), files in sorted(held.items()):
        low = min(int(one.min()) for _, one, _ in files)
        high = max(int(one.max()) for _, one, _ in files) + 1
        if host in mail_hosts:
            low, high = min(low, first), max(high, last)
        lines[host, source] = _line(low, high, source, files, paths, by_file)
    return Ledger(lines, first, last)


def _line(
    low: int,
    high: int,
    source: str,
    files: list[tuple[str, Hours, Hours]],
    paths: Mapping[str, Sequence[str]],
    shortfalls: Mapping[str, list[Shortfall]],
) -> _Line:
    size = high - low
    line = _Line(low, np.full(size, _MISSING, np.int8), np.zeros(size, np.int64), {})
    for _, hour, count in files:
        np.add.at(line.records, hour - low, count)
    for evidence, hour, _ in files:
        line.mark(int(hour.min()), int(hour.max()) + 1, _EMPTY, [_MISSING])
        for path in paths.get(evidence, ()):
            if (window := named_hours(path)) is not None:
                line.mark(*window, _EMPTY, [_MISSING])
    line.states[line.records > 0] = _HELD
    for evidence, hour, _ in files:
        for one in shortfalls.get(evidence, []):
            _lower(line, one, source, hour, paths.get(evidence, ()))
    line.reasons.setdefault(_EMPTY, "a file covers these hours and holds no record of them")
    line.reasons.setdefault(_MISSING, "no file is held for these hours")
    return line


def _lower(line: _Line, one: Shortfall, source: str, hour: Hours, paths: Sequence[str]) -> None:
    """Lower the cells that one shortfall speaks of."""
    part = source.partition("/")[2]
    if one.kind == "truncated":
        windows = [window for path in paths if (window := named_hours(path)) is not None]
        for _, end in windows:
            if line.mark(int(hour.max()) + 1, end, _CUT, [_EMPTY]):
                line.reasons[_CUT] = f"the file ends in mid-record: {paths[0]}"
    elif one.kind == "cleared":
        named = _CHANNEL.search(one.detail)
        if (
            one.from_us is None
            or (named is not None and named[1].strip() != part)
            or (named is None and part != "Security")
        ):
            return
        at = one.from_us // HOUR_US
        if line.mark(line.start, int(at), _ALTERED, [_MISSING, _EMPTY]):
            line.reasons[_ALTERED] = "the log was cleared; what was written before is gone"
    elif one.kind == "record-gap":
        named = _GAP.search(one.detail)
        if one.from_us is None or one.to_us is None or named is None or named[1] != part:
            return
        first, last = sorted((one.from_us // HOUR_US, one.to_us // HOUR_US))
        if line.mark(int(first) + 1, int(last), _ALTERED, [_EMPTY]):
            line.reasons.setdefault(_ALTERED, "record numbers are missing")
