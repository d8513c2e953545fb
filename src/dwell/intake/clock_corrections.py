"""Which of two clocks is off, where that is certain, and what is corrected for it.

Each log is judged by its own clock, stretch by stretch. It is off where

- more other hosts differ from it, all by the same, than agree with it, and there are at least two of them; or
- it is an IIS log, which names no zone, and the Exchange logs of its own host, which do, differ from it by whole quarters
  of an hour, while nothing but other IIS logs agrees with it; or
- a person says that another host's clock is right, and that one differs from it.

A difference between hosts counts only where requests went both ways, or where it is steady to `NARROW_S`: what is slow
goes one way. All logs of a host are corrected where at least two of them are off by the same and none agrees with another
host. Everything else stays as written, and is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from dwell.intake.clock_offsets import STEADY_S
from dwell.model.clocks import ClockCorrection, ClockLog, ClockOffset, ClockWhy, ClockWord
from dwell.model.provenance import RecordRef

__all__ = ["EDGE_US", "NARROW_S", "clock_corrections"]

HOSTS_MIN = 2
LOGS_MIN = 2
NARROW_S = 10
BOTH_WAYS_MIN = 3
QUARTER_S = 900
QUARTER_OFF_S = 30
"""So far from a whole quarter of an hour two logs of one clock lie at most: the request took that long."""
ZONE_MAX_S = 26 * 3_600
"""No two zones lie further apart."""
EDGE_US = 86_400_000_000
"""An offset is taken to hold from the beginning of the day before the first request that shows it to the end of the day
after the last one, unless another does."""
ZONELESS = frozenset({"iis"})
"""Logs whose instants name no zone."""
_GROUNDS_MAX = 8


class _Seen(NamedTuple):
    """What a log is seen to differ by from another one, by the log's own clock.

    Attributes:
        other: the other log.
        ahead_s: by how much the log is ahead of it.
        from_us: the first instant of the stretch.
        to_us: the first that is not of it any more.
        offset: as it was measured.
        sure: the same without what lies between it and the next stretch, where it may hold or not.
    """

    other: ClockLog
    ahead_s: int
    from_us: int
    to_us: int
    offset: ClockOffset
    sure: tuple[int, int] = (0, 0)

    def covers(self, start: int, end: int) -> bool:
        """Say whether it holds all through some time, or may."""
        return self.from_us <= start and self.to_us >= end


class _Off(NamedTuple):
    """A stretch of a log that is off."""

    from_us: int
    to_us: int
    ahead_s: int
    why: ClockWhy
    seen: tuple[_Seen, ...]


def clock_corrections(offsets: Sequence[ClockOffset], words: Sequence[ClockWord] = ()) -> tuple[ClockCorrection, ...]:
    """Give what is corrected, by host, logs and time.

    Args:
        offsets: what was measured.
        words: what a person says of clocks; of two about one host the later counts.
    """
    said = {one.host.lower(): one for one in words}
    right = frozenset(host for host, one in said.items() if one.right)
    seen = _by_log(offsets)
    out = [
        ClockCorrection(one.host.upper(), (), None, None, one.ahead_s, ClockWhy.SAID)
        for one in said.values()
        if one.ahead_s
    ]
    for host in sorted({log.host for log in seen}):
        if host.lower() in said:  # a person's word on this host counts, whatever was measured
            continue
        logs = {log: _off(log, seen[log], right) for log in seen if log.host == host}
        out += _of_host(host, logs, seen)
    return tuple(sorted(out, key=lambda one: (one.host, one.tables, one.from_us or 0)))


def _by_log(offsets: Iterable[ClockOffset]) -> dict[ClockLog, list[_Seen]]:
    """Turn what was measured into what each log is seen to differ by, each stretch with its edges."""
    found: dict[ClockLog, dict[ClockLog, list[_Seen]]] = {}
    for one in offsets:
        for side, sign in ((0, -1), (1, 1)):
            log, other = one.logs[side], one.logs[1 - side]
            seen = _Seen(other, sign * one.ahead_s, one.from_us[side], one.to_us[side] + 1, one)
            found.setdefault(log, {}).setdefault(other, []).append(seen)
    out: dict[ClockLog, list[_Seen]] = {}
    for log, others in found.items():
        for stretches in others.values():
            out.setdefault(log, []).extend(_with_edges(sorted(stretches, key=lambda one: one.from_us)))
    return out


def _with_edges(stretches: Sequence[_Seen]) -> list[_Seen]:
    """Lengthen stretches to the end of the next day at either end, never into what lies between two near each other.

    Two that overlap show a clock that was put back: what it showed twice is taken for the earlier.
    """
    out = []
    for place, one in enumerate(stretches):
        before = stretches[place - 1].to_us if place else None
        after = stretches[place + 1].from_us if place + 1 < len(stretches) else None
        start, end = one.from_us, one.to_us
        low, high = (start // EDGE_US - 1) * EDGE_US, (end // EDGE_US + 2) * EDGE_US
        near_before = before is not None and start - before <= 2 * EDGE_US
        near_after = after is not None and after - end <= 2 * EDGE_US
        start = max(start, before) if before is not None and near_before else low
        end = end if near_after else high
        if start < end:
            may = (
                before if near_before and before is not None else start,
                after if near_after and after is not None else end,
            )
            out.append(one._replace(from_us=min(start, may[0]), to_us=max(end, may[1]), sure=(start, end)))
    return out


def _trusted(log: ClockLog, one: _Seen) -> bool:
    """Say whether a difference is one of clocks and not of slow requests."""
    both = min(one.offset.fronts) >= BOTH_WAYS_MIN
    return log.host == one.other.host or not one.ahead_s or both or one.offset.spread_s <= NARROW_S


def _off(log: ClockLog, seen: Sequence[_Seen], right: frozenset[str]) -> list[_Off]:
    """Give the stretches in which a log is off for certain."""
    cuts = sorted({edge for one in seen for edge in (one.from_us, one.to_us, *one.sure)})
    out: list[_Off] = []
    for start, end in pairwise(cuts):
        judged = _judged(log, _holding(log, seen, start, end), right)
        if judged is None:
            continue
        ahead, why, shown = judged
        last = out[-1] if out else None
        if last is not None and last.to_us == start and last.why is why and abs(last.ahead_s - ahead) <= STEADY_S:
            whole = (*last.seen, *(one for one in shown if one not in last.seen))
            most = max(whole, key=lambda one: (one.offset.ids, one.other))
            out[-1] = _Off(last.from_us, end, ahead if most in shown else last.ahead_s, why, whole)
        else:
            out.append(_Off(start, end, ahead, why, shown))
    return out


def _holding(log: ClockLog, seen: Sequence[_Seen], start: int, end: int) -> list[_Seen]:
    """Give what holds in a stretch; what only may hold counts where something of another host holds and says the same."""
    here = [one for one in seen if one.covers(start, end)]
    sure = [one for one in here if one.sure[0] <= start and one.sure[1] >= end]
    told = [one.ahead_s for one in sure if one.other.host != log.host]
    return [one for one in here if one in sure or any(abs(one.ahead_s - each) <= STEADY_S for each in told)]


def _judged(
    log: ClockLog, here: Sequence[_Seen], right: frozenset[str]
) -> tuple[int, ClockWhy, tuple[_Seen, ...]] | None:
    """Say by how much a log is ahead of what is right, why, and what shows it; None where nothing certain does."""
    off = [one for one in here if one.ahead_s]
    if not off or not all(_trusted(log, one) for one in off):
        return None
    agreeing = {log, *(one.other for one in here if not one.ahead_s)}
    ours = {one.host for one in agreeing}
    alike = sorted(_alike(off), key=lambda each: len(_hosts(each) - ours), reverse=True)
    votes = [len(_hosts(each) - ours) for each in alike]
    best = _most(alike[0])
    if any(one.lower() in right for one in _hosts(alike[0])) and not any(one.lower() in right for one in ours):
        return best.ahead_s, ClockWhy.SAID, alike[0]
    if votes[0] >= HOSTS_MIN and votes[0] > max(len(ours), *votes[1:], 0):
        return best.ahead_s, ClockWhy.MOST_HOSTS, alike[0]
    own = [each for each in alike if any(_zoned(log, one) for one in each)]
    if len(own) == 1 and all(one.table in ZONELESS for one in agreeing):
        ahead = _most(own[0]).ahead_s
        nearest = round(ahead / QUARTER_S) * QUARTER_S
        if nearest and abs(ahead - nearest) <= QUARTER_OFF_S and abs(nearest) <= ZONE_MAX_S:
            return nearest, ClockWhy.NO_ZONE, own[0]
    return None


def _alike(off: Sequence[_Seen]) -> list[tuple[_Seen, ...]]:
    """Part what a log is seen to differ by, so that each part differs by one amount."""
    out: list[list[_Seen]] = []
    for one in sorted(off, key=lambda each: (each.ahead_s, each.other)):
        if out and one.ahead_s - out[-1][0].ahead_s <= STEADY_S:
            out[-1].append(one)
        else:
            out.append([one])
    return [tuple(each) for each in out]


def _hosts(seen: Iterable[_Seen]) -> set[str]:
    return {one.other.host for one in seen}


def _most(seen: Iterable[_Seen]) -> _Seen:
    """Give the difference that most requests show."""
    return max(seen, key=lambda one: (one.offset.ids, one.other))


def _zoned(log: ClockLog, one: _Seen) -> bool:
    """Say whether a difference is one from a log of the same host that names its zone."""
    return one.other.host == log.host and one.other.table not in ZONELESS


class _Piece(NamedTuple):
    """A stretch of a host's time in which nothing begins or ends.

    Attributes:
        start: its first instant.
        end: the first that is not of it any more.
        off: the logs that are off.
        alone: whether no log of the host agrees with another host's, or is off by something else.
        whole: whether that is enough to say it of the host.
    """

    start: int
    end: int
    off: dict[ClockLog, _Off]
    alone: bool
    whole: bool

    @property
    def best(self) -> _Off:
        """Give what most requests show."""
        return max(self.off.values(), key=lambda one: max(each.offset.ids for each in one.seen))

    def goes_on(self, other: _Piece) -> bool:
        """Say whether what is said of the host in a stretch beside holds here too: nothing speaks against it."""
        touching = self.start == other.end or self.end == other.start
        return touching and other.whole and self.alone and abs(self.best.ahead_s - other.best.ahead_s) <= STEADY_S


def _of_host(host: str, logs: dict[ClockLog, list[_Off]], seen: dict[ClockLog, list[_Seen]]) -> list[ClockCorrection]:
    """Put together what is corrected of one host: all its logs where all that were compared are off alike."""
    cuts = sorted({edge for each in logs.values() for one in each for edge in (one.from_us, one.to_us)})
    pieces: list[_Piece] = []
    for start, end in pairwise(cuts):
        off = {log: one for log, each in logs.items() for one in each if one.from_us <= start and one.to_us >= end}
        right = any(_agrees(host, one, start, end) for log in logs if log not in off for one in seen[log])
        if off:
            piece = _Piece(start, end, off, alone=False, whole=False)
            alike = all(abs(one.ahead_s - piece.best.ahead_s) <= STEADY_S for one in off.values())
            alone = alike and not right and piece.best.why is not ClockWhy.NO_ZONE
            pieces.append(piece._replace(alone=alone, whole=alone and len(off) >= LOGS_MIN))
    for order in (range(1, len(pieces)), range(len(pieces) - 2, -1, -1)):
        for at in order:
            beside = pieces[at - order.step]
            if pieces[at].goes_on(beside):
                pieces[at] = pieces[at]._replace(whole=True)
    out: list[ClockCorrection] = []
    for one in pieces:
        if one.whole:
            out.append(_correction(host, (), one, one.best, list(one.off.values())))
        else:
            out += [_correction(host, (log.table,), one, each, [each]) for log, each in sorted(one.off.items())]
    return _merged(out)


def _agrees(host: str, one: _Seen, start: int, end: int) -> bool:
    """Say whether a log agrees with one of another host within a stretch."""
    return one.sure[0] < end and one.sure[1] > start and one.other.host != host and not one.ahead_s


def _correction(
    host: str, tables: tuple[str, ...], piece: _Piece, best: _Off, shown: Sequence[_Off]
) -> ClockCorrection:
    seen = [each for one in shown for each in one.seen]
    refs = [ref for each in sorted(seen, key=lambda one: one.offset) for ref in each.offset.grounds]
    return ClockCorrection(
        host,
        tables,
        piece.start,
        piece.end,
        best.ahead_s,
        best.why,
        tuple(sorted({each.other for each in seen if each.other.host != host or best.why is ClockWhy.NO_ZONE})),
        max(each.offset.ids for each in seen),
        max(each.offset.spread_s for each in seen),
        tuple(dict.fromkeys(refs))[:_GROUNDS_MAX],
    )


def _merged(found: Sequence[ClockCorrection]) -> list[ClockCorrection]:
    """Join stretches that follow each other and are corrected alike."""
    out: list[ClockCorrection] = []
    for one in sorted(found, key=lambda each: (each.tables, each.from_us or 0)):
        last = out[-1] if out else None
        if (
            last is None
            or (last.tables, last.to_us, last.why) != (one.tables, one.from_us, one.why)
            or abs(last.ahead_s - one.ahead_s) > STEADY_S
        ):
            out.append(one)
            continue
        grounds: tuple[RecordRef, ...] = tuple(dict.fromkeys((*last.grounds, *one.grounds)))[:_GROUNDS_MAX]
        best = max((last, one), key=lambda each: each.ids)
        out[-1] = ClockCorrection(
            one.host, one.tables, last.from_us, one.to_us, best.ahead_s, one.why,
            tuple(sorted({*last.against, *one.against})), best.ids, max(last.spread_s, one.spread_s), grounds,
        )  # fmt: skip
    return out
