"""The record numbers of Windows events, by log: which data files may hold the same event, and which rows those are.

A log is one channel on one computer. Its numbers begin again when it is cleared, so a number alone names no event:
number, event id and time together do. How exact a time is, it says itself: one of whole seconds is taken for one that
was written to the second.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import DataFile, read_rows

__all__ = ["Extents", "Numbers", "Pairs", "extents_of", "numbers_of", "pairs_among", "pairs_with"]

Ints = npt.NDArray[np.int64]
Logs = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]

NEAREST = 3
"""So many earlier events of one number and event id are tried as the same event, the nearest in time first."""
_COLUMNS = ("time_utc", "Computer", "Channel", "EventRecordID", "EventID")
_NO_TIME = -(2**63)
_NO_EVENT = -(2**31)


@dataclass(frozen=True, slots=True)
class Numbers:
    """Rows of a data file that have a record number and name their log, side by side.

    Attributes:
        places: where in the data file they are, rising.
        logs: a hash of channel and computer.
        ids: `EventRecordID`.
        events: `EventID`.
        times: microseconds since 1970; the lowest number where unknown.
    """

    places: Ints
    logs: Logs
    ids: Ints
    events: Ints
    times: Ints

    def __len__(self) -> int:
        """Give the number of rows."""
        return len(self.places)

    def where(self, mask: Mask) -> Numbers:
        """Give some of the rows."""
        return Numbers(self.places[mask], self.logs[mask], self.ids[mask], self.events[mask], self.times[mask])

    def within(self, limits: Extents) -> Numbers:
        """Give the rows whose log and number lie within limits."""
        if not len(limits.logs):
            return self.where(np.zeros(len(self), np.bool_))
        at = np.minimum(np.searchsorted(limits.logs, self.logs), len(limits.logs) - 1)
        inside = (limits.logs[at] == self.logs) & (self.ids >= limits.low[at]) & (self.ids <= limits.high[at])
        return self.where(inside)


@dataclass(frozen=True, slots=True)
class Extents:
    """The lowest and highest record number of each log, by the log's hash."""

    logs: Logs
    low: Ints
    high: Ints

    def shared(self, other: Extents) -> Extents:
        """Give what both reach over."""
        logs, mine, theirs = np.intersect1d(self.logs, other.logs, assume_unique=True, return_indices=True)
        low, high = np.maximum(self.low[mine], other.low[theirs]), np.minimum(self.high[mine], other.high[theirs])
        met = low <= high
        return Extents(logs[met], low[met], high[met])


def numbers_of(file: DataFile) -> Numbers:
    """Read the numbers of a data file.

    Raises:
        CustodyError: the file is not what was written.
    """
    rows = read_rows(file, _COLUMNS, dictionary=("Computer", "Channel"))
    held = pc.and_(pc.and_(rows["Computer"].is_valid(), rows["Channel"].is_valid()), rows["EventRecordID"].is_valid())
    places = np.flatnonzero(held.to_numpy())
    rows = rows.filter(held)
    return Numbers(
        places,
        _logs(rows["Computer"].combine_chunks(), rows["Channel"].combine_chunks()),
        rows["EventRecordID"].to_numpy(),
        pc.fill_null(rows["EventID"], _NO_EVENT).to_numpy().astype(np.int64),
        pc.fill_null(rows["time_utc"].cast(pa.int64()), _NO_TIME).to_numpy(),
    )


def _logs(computers: pa.DictionaryArray, channels: pa.DictionaryArray) -> Logs:
    """Hash each row's log, each log once."""
    width = max(1, len(channels.dictionary))
    both = computers.indices.to_numpy().astype(np.int64) * width + channels.indices.to_numpy()
    found, place = np.unique(both, return_inverse=True)
    names = (
        [one.lower() for one in computers.dictionary.to_pylist()],
        [one.lower() for one in channels.dictionary.to_pylist()],
    )
    hashes = [_log(names[0][one // width], names[1][one % width]) for one in found.tolist()]
    return np.array(hashes, np.uint64)[place] if hashes else np.zeros(0, np.uint64)


def _log(computer: str, channel: str) -> int:
    named = f"{computer}\0{channel}".encode(errors="replace")
    return int.from_bytes(hashlib.blake2b(named, digest_size=8).digest(), "little")


def extents_of(numbers: Numbers) -> Extents:
    """Give how far the numbers of each log reach."""
    order = np.argsort(numbers.logs, kind="stable")
    logs, starts = np.unique(numbers.logs[order], return_index=True)
    if not len(logs):
        return Extents(logs, np.zeros(0, np.int64), np.zeros(0, np.int64))
    ids = numbers.ids[order]
    return Extents(logs, np.minimum.reduceat(ids, starts), np.maximum.reduceat(ids, starts))


@dataclass(frozen=True, slots=True)
class Pairs:
    """Rows that may be the same event as others, pair by pair.

    Attributes:
        new: places of rows.
        held: places of the rows that each may be a copy of.
        near: whether number, event id and time agree; where not, the log and the number alone do.
    """

    new: Ints
    held: Ints
    near: Mask

    def where(self, mask: Mask) -> Pairs:
        """Give some of the pairs."""
        return Pairs(self.new[mask], self.held[mask], self.near[mask])


def pairs_with(new: Numbers, held: Numbers) -> Iterator[Pairs]:
    """Yield for each row the held rows that may be the same event, the nearest first: at most one a row each time."""
    rows, is_new = _both(new, held), np.repeat([True, False], [len(new), len(held)])
    order = _order(rows, is_new)
    same_log, same_event = _runs(rows, order)
    behind = np.cumsum(~is_new[order])
    mine = np.flatnonzero(is_new[order])
    theirs = np.flatnonzero(~is_new[order])
    for step in (-1, 0, *range(-2, -NEAREST - 1, -1)):
        yield _stepped(rows, order, mine, theirs, behind[mine] + step, same_log, same_event)


def pairs_among(numbers: Numbers) -> Iterator[Pairs]:
    """Yield for each row the rows before it that may be the same event, the nearest first."""
    order = _order(numbers, np.zeros(len(numbers), np.bool_))
    same_log, same_event = _runs(numbers, order)
    every = np.arange(len(numbers))
    for step in range(-1, -NEAREST - 1, -1):
        yield _stepped(numbers, order, every, every, every + step, same_log, same_event)


def _both(new: Numbers, held: Numbers) -> Numbers:
    columns = [
        np.concatenate((getattr(new, one), getattr(held, one))) for one in ("places", "logs", "ids", "events", "times")
    ]
    return Numbers(*columns)


def _order(rows: Numbers, last: Mask) -> Ints:
    return np.lexsort((rows.places, last, rows.times, rows.events, rows.ids, rows.logs))


def _runs(rows: Numbers, order: Ints) -> tuple[Ints, Ints]:
    """Number the runs of one log and number, and those of one event id as well, in the order."""
    log = _changed([rows.logs, rows.ids], order)
    return np.cumsum(log), np.cumsum(log | _changed([rows.events], order))


def _changed(columns: Sequence[Ints | Logs], order: Ints) -> Mask:
    out = np.zeros(len(order), np.bool_)
    for one in columns:
        out[1:] |= np.diff(one[order].view(np.int64)) != 0
    return out


def _stepped(rows: Numbers, order: Ints, mine: Ints, theirs: Ints, at: Ints, same_log: Ints, same_event: Ints) -> Pairs:
    """Pair rows with those a step away.

    Args:
        rows: all rows.
        order: their order.
        mine: positions in the order of the rows that are looked at.
        theirs: positions of those they may be copies of.
        at: for each of `mine` which of `theirs`; some beyond either end.
        same_log: runs of one log and number, by position.
        same_event: runs of one event id as well.
    """
    fits = (at >= 0) & (at < len(theirs))
    left, right = mine[fits], theirs[at[fits]]
    met = same_log[left] == same_log[right]
    left, right = left[met], right[met]
    event = same_event[left] == same_event[right]
    new, held = order[left], order[right]
    return Pairs(rows.places[new], rows.places[held], event & _near(rows.times[new], rows.times[held]))


def _near(one: Ints, other: Ints) -> Mask:
    """Say whether instants are the same, as exactly as the less exact of the two is written."""
    unknown = (one == _NO_TIME) | (other == _NO_TIME)
    # a difference of any two 64-bit numbers has no place in 64 bits
    apart = np.abs(one.astype(np.float64) - other.astype(np.float64))
    same: Mask = np.where(unknown, one == other, apart <= np.maximum(_precision(one), _precision(other)))
    return same


def _precision(times: Ints) -> Ints:
    """Give how exact instants are, microseconds."""
    out = np.ones(len(times), np.int64)
    out[times % 1_000 == 0] = 1_000
    out[times % 1_000_000 == 0] = 1_000_000
    return out
