"""What a run of Windows events tells about the log itself: numbers missing, time going back, logs cleared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.provenance import Fact, FactKind

__all__ = ["GAPS_MAX", "Numbering", "cleared"]

GAPS_MAX = 1_000
"""So many gaps are told one by one, the widest in time; a log exported through a filter has one between any two events."""
_BACK_US = 3_600_000_000
"""Writers hand events over out of order, some by minutes; a clock set back moves by more, or so it is taken here."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CLEARED = {1102: "the security log was cleared", 104: "a log was cleared", 517: "the security log was cleared"}
_LOST = {1101: "audit events were dropped in transport", 1104: "the security log is full"}
_WRITERS = ("Microsoft-Windows-Eventlog", "EventLog", "Security")


@dataclass(frozen=True, slots=True)
class _Run:
    """Records that number on without a hole."""

    first: int
    last: int
    first_us: int | None
    last_us: int | None
    first_no: int


class Numbering:
    """The record numbers of a file, by channel and computer, kept as runs without holes."""

    def __init__(self) -> None:
        self._runs: dict[tuple[str, str], list[_Run]] = {}
        self._reversals: list[Fact] = []

    def take(self, records: pa.RecordBatch) -> None:
        """Add the records of a batch."""
        keys = pc.binary_join_element_wise(
            pc.fill_null(records["Channel"], ""), pc.fill_null(records["Computer"], ""), "\0"
        ).dictionary_encode()
        codes = keys.indices.to_numpy(zero_copy_only=False)
        held = records["EventRecordID"].is_valid().to_numpy(zero_copy_only=False)
        ids = pc.fill_null(records["EventRecordID"], 0).to_numpy(zero_copy_only=False)
        times = pc.fill_null(records["time_utc"].cast(pa.int64()), _NO_TIME).to_numpy(zero_copy_only=False)
        numbers = records["record_no"].to_numpy(zero_copy_only=False)
        for code, key in enumerate(keys.dictionary.to_pylist()):
            rows = np.flatnonzero((codes == code) & held)
            rows = rows[np.argsort(ids[rows], kind="stable")]
            channel, _, computer = key.partition("\0")
            if len(rows):
                self._take(self._runs.setdefault((channel, computer), []), ids[rows], times[rows], numbers[rows])

    def _take(
        self, runs: list[_Run], ids: npt.NDArray[np.int64], times: npt.NDArray[np.int64], numbers: npt.NDArray[np.int64]
    ) -> None:
        known = (times[1:] != _NO_TIME) & (times[:-1] != _NO_TIME)
        # between runs it is looked for at the end, when all of them are known
        back = np.flatnonzero(known & (np.diff(times) < -_BACK_US) & (np.diff(ids) <= 1))
        self._reversals.extend(
            _reversal(int(numbers[at + 1]), int(times[at]), int(times[at + 1])) for at in back[:GAPS_MAX].tolist()
        )
        breaks = np.flatnonzero(np.diff(ids) > 1) + 1
        starts = np.concatenate(([0], breaks))
        ends = np.append(breaks, len(ids)) - 1
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            runs.append(_Run(int(ids[start]), int(ids[end]), _us(times[start]), _us(times[end]), int(numbers[start])))

    def facts(self, next_record_id: int | None = None) -> Iterator[Fact]:
        """Yield the gaps between runs and the steps back in time.

        Args:
            next_record_id: the number the log would have given next, where its header says.
        """
        del next_record_id
        gaps: list[Fact] = []
        for (channel, computer), runs in sorted(self._runs.items()):
            runs.sort(key=lambda one: (one.first, one.last))
            before = runs[0]
            for run in runs[1:]:
                if run.first > before.last + 1:
                    gaps.append(_gap(before, run, channel, computer))
                if run.first > before.last and _is_back(before, run):
                    self._reversals.append(_reversal(run.first_no, before.last_us or 0, run.first_us or 0))
                before = run if run.last >= before.last else before
        yield from _widest(gaps)
        yield from self._reversals[:GAPS_MAX]


_NO_TIME = -(2**63)


def _us(value: np.int64) -> int | None:
    return None if value == _NO_TIME else int(value)


def _at(value: int | None) -> datetime | None:
    return None if value is None else _EPOCH + timedelta(microseconds=value)


def _is_back(before: _Run, run: _Run) -> bool:
    return before.last_us is not None and run.first_us is not None and run.first_us < before.last_us - _BACK_US


def _reversal(number: int, before_us: int, after_us: int) -> Fact:
    seconds = (before_us - after_us) // 1_000_000
    detail = f"time goes back by {seconds} s while the record number goes up"
    return Fact(FactKind.TIME_REVERSAL, number, _at(after_us), _at(before_us), 1, detail)


def _gap(before: _Run, run: _Run, channel: str, computer: str) -> Fact:
    count = run.first - before.last - 1
    detail = f"records {before.last + 1} to {run.first - 1} of {channel} on {computer} are not in the file"
    return Fact(FactKind.RECORD_GAP, run.first_no, _at(before.last_us), _at(run.first_us), count, detail)


def _widest(gaps: list[Fact]) -> Iterator[Fact]:
    if len(gaps) <= GAPS_MAX:
        yield from gaps
        return
    widest = sorted(range(len(gaps)), key=lambda at: (-_width(gaps[at]), at))
    told = set(widest[:GAPS_MAX])
    yield from (gaps[at] for at in sorted(told))
    rest = [gaps[at] for at in widest[GAPS_MAX:]]
    count = sum(one.count for one in rest)
    yield Fact(FactKind.RECORD_GAP, None, count=count, detail=f"{len(rest)} narrower gaps more; the log looks filtered")


def _width(gap: Fact) -> float:
    if gap.from_utc is None or gap.to_utc is None:
        return 0.0
    return abs((gap.to_utc - gap.from_utc).total_seconds())


def cleared(records: pa.RecordBatch) -> Iterator[Fact]:
    """Yield a fact for each event that says a log was cleared, dropped events or was full."""
    telling = pc.is_in(records["EventID"], pa.array([*_CLEARED, *_LOST], pa.int32()))
    telling = pc.and_(telling, pc.is_in(records["Provider"], pa.array(_WRITERS)))
    names = ["record_no", "time_utc", "EventID", "SubjectUserName", "SubjectDomainName", "EventData"]
    if not pc.any(telling).as_py():
        return
    found = pa.table([records[name] for name in names], names=names).filter(telling)
    for row in found.to_pylist():
        event_id = row["EventID"]
        kind, words = FactKind.CLEARED, _CLEARED.get(event_id)
        if words is None:
            kind, words = FactKind.NOT_RECORDED, _LOST[event_id]
        data = {name.rpartition(".")[2]: value for name, value in row["EventData"] or []}
        told = [f"{name} {data[name]}" for name in ("Channel", "BackupPath") if data.get(name)]
        if row["SubjectUserName"]:
            told.append(f"by {row['SubjectDomainName'] or ''}\\{row['SubjectUserName']}")
        yield Fact(kind, row["record_no"], row["time_utc"], None, 1, "; ".join([words, *told]))
