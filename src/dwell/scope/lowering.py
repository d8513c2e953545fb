"""What lowers coverage: files cut, logs cleared, record numbers missing, recording switched off, throttled or capped.

Each shortfall speaks of a file. A cell that it speaks of is lowered unless another file holds records of that hour.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dwell.intake.header_dates import EARLY
from dwell.model.provenance import EXTRACT, NO_FIELD, FactKind
from dwell.scope.cells import ALTERED, CUT, EMPTY, HELD, HOUR_US, MISSING, OFF, Hours, Line, named_hours

__all__ = [
    "HEADER_ONLY",
    "THROTTLED",
    "Shortfall",
    "lower",
    "lower_cleared",
    "promised",
    "throttled",
    "windows",
    "without",
]

HEADER_ONLY = "header-only"
"""Kind of a file that holds its header and no record: the source was running and wrote nothing."""
AROUND = 72
"""Hours between the beginnings of two files' names within which the one says by which clock the other was named."""
SECURITY = "security"
IN_ORDER = frozenset({"iis", "httpproxy", "ews", "evtx"})
"""Logs written in order of time; an export may well be sorted the newest first."""
CLEARED = "the log was cleared; what was written before is gone"
NUMBERS = "record numbers are missing"
BACKWARDS = "time goes back between two records"
THROTTLED = "MailItemsAccessed was throttled: what was opened in these hours is in no record"
LOST = "the system says that events were lost or the log was full"
REQUEST = frozenset({"cs-uri-stem", "sc-status"})
"""Fields of IIS without which a line tells no act at all: what was asked for, and whether it was answered."""
_GAP = re.compile(r"records \d+ to \d+ of (.+) on .+ are not in the file")
_CHANNEL = re.compile(r"Channel ([^;]+)")
_THROTTLED = re.compile(r"MailItemsAccessed throttled for 24 h: (.+)")
_CAPPED = re.compile(r"exactly \d+ rows")


@dataclass(frozen=True, slots=True)
class Shortfall:
    """What a reader learned about a file that lowers coverage.

    Attributes:
        evidence_id: the file.
        host: the host it names; "" where it is the file's own.
        kind: a `FactKind`, or `HEADER_ONLY`.
        from_us: start, microseconds since 1970; None where unknown.
        to_us: end.
        detail: in words; for a file with its header only, the table its records would be in.
    """

    evidence_id: str
    host: str
    kind: str
    from_us: int | None
    to_us: int | None
    detail: str


def windows(paths: Sequence[str], hour: Hours) -> list[tuple[int, int]]:
    """Give the hours that a file's names promise, where they meet what it holds: a name that does not is not believed."""
    found = [window for path in paths if (window := named_hours(path)) is not None]
    return [(a, b) for a, b in found if a <= int(hour.max()) and int(hour.min()) < b]


def promised(
    held: Mapping[str, Hours], paths: Mapping[str, Sequence[str]], bare: Sequence[tuple[int, int]] = ()
) -> list[tuple[int, int]]:
    """Give the hours that the names of files of one log promise, without those in which the files were not kept.

    A file that goes on for some hours after the time it is named for was begun as many hours late, by the clock of its
    records, and one that begins early ended early: it was named in local time, or by another clock. So were others that are
    named for the days around, where more of them tell so than hold records of the first hour of their names, or the last.
    A file that holds records of just those hours is promised them.

    Args:
        held: hours in which each file holds records.
        paths: where each file lay.
        bare: the hours that files without a record are named for.
    """
    rows = [
        (int(hour.min()), int(hour.max()), *one)
        for key, hour in held.items()
        for one in windows(paths.get(key, ()), hour)
    ]
    rows += [(last, first - 1, first, last) for first, last in bare]
    low, high, first, last = np.array(sorted(rows, key=lambda one: one[2:]), np.int64).reshape(-1, 4).T
    late, early = high + 1 - last, first - low
    begin = first + _around(first, np.where(low >= first + late, late, 0), low <= first)
    end = last - _around(first, np.where(high < last - early, early, 0), high >= last - 1)
    begin, end = np.where(low >= begin, begin, first), np.where(high < end, end, last)
    return list(zip(begin.tolist(), end.tolist(), strict=True))


def _around(first: Hours, told: Hours, denied: npt.NDArray[np.bool_]) -> Hours:
    """Give by how many hours each file of a log was named otherwise than its records are, from what those around it tell.

    Args:
        first: the first hour of each file's name, in order.
        told: the hours that each tells of, 0 or less for none.
        denied: whether each tells that it is none.
    """
    starts, ends = np.searchsorted(first, first - AROUND), np.searchsorted(first, first + AROUND, side="right")
    some, none = (np.concatenate(([0], np.cumsum(one))) for one in (told > 0, denied))
    most = some[ends] - some[starts] > none[ends] - none[starts]
    out = np.maximum(told, 0)
    for place in np.flatnonzero(most).tolist():
        out[place] = told[starts[place] : ends[place]].max()
    return out


def throttled(one: Shortfall) -> str | None:
    """Give the mailbox whose records a tenant held back; None where it is about something else."""
    met = _THROTTLED.match(one.detail) if one.kind == FactKind.NOT_RECORDED.value else None
    return None if met is None or one.from_us is None or one.to_us is None else met[1]


def capped(one: Shortfall) -> bool:
    """Say whether an export ends where its tool stops counting."""
    return one.kind == FactKind.NOT_RECORDED.value and _CAPPED.match(one.detail) is not None


def is_extract(one: Shortfall) -> bool:
    """Say whether a file holds what a query chose of a log."""
    return one.kind == FactKind.NOT_RECORDED.value and one.detail == EXTRACT


def without(one: Shortfall) -> frozenset[str]:
    """Give the fields without which a log was written; none where it is about something else."""
    told = one.kind == FactKind.NOT_RECORDED.value and one.detail.startswith(NO_FIELD)
    return frozenset(one.detail.removeprefix(NO_FIELD).split(", ")) if told else frozenset()


def lower(line: Line, one: Shortfall, source: str, hour: Hours, paths: Sequence[str]) -> None:
    """Lower the cells of a line that a shortfall of one of its files speaks of.

    Args:
        line: the cells.
        one: the shortfall.
        source: the line's source, with the channel of an event log: `evtx/Security`.
        hour: hours in which the file holds records.
        paths: where the file lay.
    """
    table, _, part = source.partition("/")
    first, last = int(hour.min()), int(hour.max())
    if one.kind == FactKind.TRUNCATED.value:
        why = f"the file ends in mid-record: {paths[0] if paths else one.evidence_id[:12]}"
        line.mark(last, last + 1, CUT, [HELD], why, hour)
        for _, end in windows(paths, hour):
            line.mark(last + 1, end, CUT, [EMPTY, MISSING], why)
    elif one.kind == FactKind.RECORD_GAP.value:
        _gap(line, one, part, hour)
    elif one.kind == FactKind.TIME_REVERSAL.value and one.from_us is not None and table in IN_ORDER:
        a, b = sorted((one.from_us // HOUR_US, (one.to_us or one.from_us) // HOUR_US))
        line.mark(a, b + 1, ALTERED, [HELD, EMPTY], BACKWARDS, hour)
    elif one.kind == FactKind.DATE_DOUBT.value and one.from_us is not None and one.detail.startswith(EARLY):
        why = f"{one.detail} ({paths[0] if paths else one.evidence_id[:12]})"
        a, b = one.from_us // HOUR_US, (one.to_us or one.from_us) // HOUR_US
        line.mark(a, b + 1, ALTERED, [HELD, EMPTY], why, hour)
    elif without(one) & REQUEST and one.from_us is not None:
        a, b = one.from_us // HOUR_US, (one.to_us or one.from_us) // HOUR_US
        line.mark(a, b + 1, OFF, [HELD, EMPTY], one.detail, hour)
    elif capped(one):
        why = f"the export stops at its cap ({one.detail.partition(':')[0]}): records of these hours may be missing"
        line.mark(first, last + 1, OFF, [HELD, EMPTY], why, hour)
    elif is_extract(one):
        line.mark(first, last + 1, OFF, [HELD, EMPTY], EXTRACT, hour)
    elif one.kind == FactKind.NOT_RECORDED.value and one.from_us is not None and part.lower() == SECURITY:
        _lost(line, one.from_us // HOUR_US, hour)


def _gap(line: Line, one: Shortfall, part: str, hour: Hours) -> None:
    named = _GAP.match(one.detail)
    if named is None:  # more gaps than are told one by one
        line.mark(int(hour.min()), int(hour.max()) + 1, ALTERED, [HELD, EMPTY], NUMBERS, hour)
    elif named[1] == part and one.from_us is not None and one.to_us is not None:
        first, last = sorted((one.from_us // HOUR_US, one.to_us // HOUR_US))
        line.mark(first, last + 1, ALTERED, [HELD, EMPTY], NUMBERS, hour)


def _lost(line: Line, at: int, hour: Hours) -> None:
    """Lower the hour in which events were lost, and what follows until records are held again."""
    later = hour[hour > at]
    line.mark(at, at + 1, OFF, [HELD, EMPTY], LOST, hour)
    line.mark(at + 1, int(later.min()) if len(later) else at + 1, OFF, [EMPTY], LOST)


def lower_cleared(
    lines: Mapping[tuple[str, str], Line],
    files: Mapping[tuple[str, str], Sequence[Hours]],
    one: Shortfall,
    hosts: Collection[str],
) -> None:
    """Lower what was written before a log was cleared; the event that tells so may stand in another log.

    Args:
        lines: all lines.
        files: hours in which each file of a line holds records.
        one: the shortfall.
        hosts: whose log was cleared.
    """
    if one.from_us is None:
        return
    at = one.from_us // HOUR_US
    named = _CHANNEL.search(one.detail)
    wanted = named[1].strip().lower() if named is not None else SECURITY if "security" in one.detail else None
    for (host, source), line in lines.items():
        table, _, part = source.partition("/")
        if table != "evtx" or host not in hosts or (wanted is not None and part.lower() != wanted):
            continue
        line.mark(line.start, at, ALTERED, [MISSING, EMPTY], CLEARED)
        if all(int(hour.min()) >= at for hour in files[host, source] if at in hour):
            line.mark(at, at + 1, ALTERED, [HELD, EMPTY, MISSING], CLEARED)
