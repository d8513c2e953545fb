"""What dated settings of logs do to the ledger: hours lose the name of covered, and holes get their reason.

A log that was off at some time was off from some instant after its last record before it until some instant before its
first record behind it. So hours without a record between these two are not quiet hours: they are not recorded. Hours with
records stay held, unless the setting is known to have held all through them. No hour is ever made to count by a setting.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.intake.hosts import host_from_markers
from dwell.model.hypotheses import Where
from dwell.scope.cells import EMPTY, HELD, HOUR_US, MISSING, OFF, Hours, Line, named_hours
from dwell.scope.ledger import NO_HOST, Ledger
from dwell.scope.log_settings import LogSetting, SettingKind, instants_us
from dwell.scope.modes import modes
from dwell.scope.namesakes import bare
from dwell.scope.rollup.layers import FOLDERS, FRONT
from dwell.scope.unable import ENTRY, OPENING, SHELL, acts_of

__all__ = ["Unexplained", "heed", "promised", "unexplained"]

Windows = Mapping[str, Sequence[tuple[int, int]]]
_IIS_NAME = re.compile(r"u_ex\d+[^/\\!]*$", re.IGNORECASE)
_STILL = re.compile(r"\.(?:html?|css|js|gif|png|jpe?g|ico|svg|woff2?|txt)/?$", re.IGNORECASE)
"""Files that a server hands out as they lie: a balancer asks for `healthcheck.htm` every few seconds. They open nothing."""
_PAGES = frozenset({"auth", "prem", "themes", "scripts"})
"""Folders below those of mail that hold pages and pictures: nothing there opens a mailbox, and a shell can lie there."""
_EARLIEST_H, _LATEST_H = 12, 14
"""So far local time lies behind UTC, and before it."""


@dataclass(frozen=True, slots=True)
class Unexplained:
    """Hours of which nothing is held, though by its setting the log should still have been there.

    Attributes:
        setting: what says so.
        host: whose log.
        hours: how many.
        first: the first of them, hours since 1970.
        last: the hour after the last.
    """

    setting: LogSetting
    host: str
    hours: int
    first: int
    last: int


def heed(ledger: Ledger, found: Iterable[LogSetting], layers: pa.Table, windows: Windows) -> None:
    """Lower the cells of logs that were off, and tell why others are missing.

    Args:
        ledger: the ledger, changed.
        found: what settings say of logs; of those that nothing dates only names of files are heeded.
        layers: what each layer logged, rows in `rollup.shapes.LAYERS`.
        windows: by host, what names of its IIS logs promise (`promised`).
    """
    for one in found:
        for host, line in _lines(ledger, one):
            if one.kind is SettingKind.LOCAL_NAMES:
                _distrust_names(line, one, windows.get(host, ()))
            elif one.within is None:
                continue
            elif one.kind is SettingKind.OFF and one.site:
                _front_off(ledger, host, one, layers)
            elif one.kind is SettingKind.OFF:
                _off(line, one)
            elif one.kind is SettingKind.FULL:
                _full(line, one)
            elif one.kind in {SettingKind.KEPT, SettingKind.RING}:
                _age(line, one)


def promised(hours: Mapping[str, pa.Table], paths: Mapping[str, Sequence[str]]) -> Windows:
    """Give by host the hours that names of its IIS logs promise, those of files without a record too.

    Args:
        hours: records per hour of each log table (`rollup.shapes.HOURS`).
        paths: where each file lay.
    """
    found: dict[str, list[tuple[int, int]]] = {}
    hosts: dict[str, set[str]] = {}
    if "iis" in hours:
        pairs = hours["iis"].select(["evidence_id", "host"]).group_by(["evidence_id", "host"]).aggregate([])
        for row in pairs.to_pylist():
            hosts.setdefault(row["evidence_id"], set()).add(row["host"] or NO_HOST)
    for evidence, places in paths.items():
        for path in places:
            window = named_hours(path) if _IIS_NAME.search(path) else None
            if window is not None:
                for host in hosts.get(evidence, {host_from_markers(path)[0]}):
                    found.setdefault(host, []).append(window)
    return {host: sorted(set(mine)) for host, mine in found.items()}


def unexplained(ledger: Ledger, found: Iterable[LogSetting]) -> tuple[Unexplained, ...]:
    """Give what is missing though its log's setting would have kept it."""
    out = []
    for one in found:
        if one.kind is not SettingKind.KEPT or one.within is None:
            continue
        first, last = (at // HOUR_US for at in instants_us(one.within))
        for host, line in _lines(ledger, one):
            # the log was copied after its last record, and what had reached its age by then was gone
            newest = int(np.max(np.flatnonzero(line.records > 0), initial=0)) + line.start
            low = max(0, max(last, newest) + 1 - one.kept_h - line.start)
            high = min(first - line.start, len(line.states))
            places = np.flatnonzero(line.states[low:high] == MISSING) + low if high > low else np.zeros(0, np.int64)
            if len(places):
                span = (int(places[0]) + line.start, int(places[-1]) + line.start + 1)
                out.append(Unexplained(one, host, len(places), *span))
    return tuple(out)


def _lines(ledger: Ledger, one: LogSetting) -> Iterator[tuple[str, Line]]:
    """Give the lines that a setting speaks of."""
    for (host, source), line in sorted(ledger.lines.items()):
        # a channel's name is written in any case
        if source.lower() != one.source.lower():
            continue
        # a file of IIS is of one server: where nothing names it, it is of none that is known
        if one.host in {host, bare(host)} or (not one.host and source != "iis"):
            yield host, line


def _off(line: Line, one: LogSetting) -> None:
    """Lower the hours in which a log was off, and the quiet ones around them."""
    assert one.within is not None  # noqa: S101 - settings without a date are passed over
    first, last = (at // HOUR_US for at in instants_us(one.within))
    recorded = np.flatnonzero(line.records > 0) + line.start
    low, high = _between(line, recorded, first, last)
    line.mark(first, last + 1, OFF, (EMPTY, MISSING), one.why)
    if one.within.exact:
        line.mark(first, last + 1, OFF, (HELD,), one.why)
    line.mark(low, high, OFF, (EMPTY,), one.why)


def _between(line: Line, recorded: Hours, first: int, last: int) -> tuple[int, int]:
    """Give the hours from behind the last record before a time to the first record behind it."""
    before, after = recorded[recorded < first], recorded[recorded > last]
    low = int(before.max()) + 1 if len(before) else line.start
    return low, int(after.min()) if len(after) else line.start + len(line.states)


def _front_off(ledger: Ledger, host: str, one: LogSetting, layers: pa.Table) -> None:
    """Note that IIS logs, held because other sites or folders were logged, could not have shown what was asked here."""
    assert one.within is not None  # noqa: S101 - settings without a date are passed over
    if one.site != "front":
        return
    folder, _, below = one.folder.lower().partition("/")
    if _STILL.search(one.folder):
        return
    names = pc.fill_null(layers["host"].cast(pa.string()), NO_HOST)
    mine = layers.filter(pc.and_(pc.equal(layers["layer"], FRONT), pc.equal(names, host)))
    if folder:
        code = FOLDERS.index(folder) if folder in FOLDERS else -1
        mine = mine.filter(pc.equal(mine["folder"], code))
    line = ledger.lines[host, "iis"]
    first, last = (at // HOUR_US for at in instants_us(one.within))
    low, high = _between(line, np.unique(mine["hour"].to_numpy()), first, last)
    low, high = min(low, first), max(high, last + 1)
    places = np.arange(max(0, low - line.start), max(0, min(high - line.start, len(line.states))))
    ways = [way.key for way in modes() if way.where is Where.SERVERS and "iis" in way.able]
    known = [way for way in acts_of(folder) if way in ways] if folder else ways
    beside = bool(folder) and (folder not in FOLDERS or below.partition("/")[0] in _PAGES)
    acts = [SHELL] if beside else [OPENING, ENTRY, SHELL, *known]
    for act in acts:
        ledger.mark_unable((host, "iis", act), places, one.why)


def _full(line: Line, one: LogSetting) -> None:
    """Lower what follows the last record of a full log."""
    assert one.within is not None  # noqa: S101 - settings without a date are passed over
    first, last = (at // HOUR_US for at in instants_us(one.within))
    recorded = np.flatnonzero(line.records > 0) + line.start
    low, _ = _between(line, recorded, first, last)
    line.mark(low, last + 1, OFF, (EMPTY, MISSING), one.why)


def _age(line: Line, one: LogSetting) -> None:
    """Say of hours that are missing that they were deleted by age, or overwritten."""
    assert one.within is not None  # noqa: S101 - settings without a date are passed over
    at = instants_us(one.within)[0] // HOUR_US
    if one.kind is SettingKind.RING:
        recorded = np.flatnonzero(line.records > 0)
        end = min(at, int(recorded[0]) + line.start) if len(recorded) else at
    else:
        end = at - one.kept_h
    line.mark(line.start, end, MISSING, (MISSING,), one.why)


def _distrust_names(line: Line, one: LogSetting, windows: Sequence[tuple[int, int]]) -> None:
    """Take back hours that only a file's name promised: a name in local time promises others, at either end.

    Between files whose names follow one another nothing is taken back: what is not in the one is in the other.
    """
    ends: list[list[int]] = []
    for first, last in windows:
        if ends and first <= ends[-1][1]:
            ends[-1][1] = max(ends[-1][1], last)
        else:
            ends.append([first, last])
    recorded = np.flatnonzero(line.records > 0) + line.start
    for first, last in ends:
        inside = recorded[(recorded >= first) & (recorded < last)]
        low, high = (int(inside.min()), int(inside.max()) + 1) if len(inside) else (last, first)
        line.mark(first, min(first + _EARLIEST_H, low), MISSING, (EMPTY,), one.what)
        line.mark(max(last - _LATEST_H, high), last, MISSING, (EMPTY,), one.what)
