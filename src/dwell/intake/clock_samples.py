"""Requests that several logs know by one id, a few of each day: what clocks are compared by.

IIS, HttpProxy and EWS write the front end's id of a request, each within a moment of the others. Of each log and day the
lowest `SAMPLE` ids are taken. Ids are random, so that two logs' samples share what the logs share; and whatever data files
a day's rows lie in, it is the same ids.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import DataFile, read_rows
from dwell.archive.store import Archive
from dwell.casebook.whole_files import written_whole
from dwell.engine.pool import run

__all__ = ["REQUEST_IDS", "SAMPLE", "SAMPLES", "lowest", "samples"]

REQUEST_IDS: Mapping[str, str] = {"ews": "RequestId", "httpproxy": "RequestId", "iis": "cafeReqId"}
"""The column of the front end's request id, by table."""
SAMPLE = 128
SAMPLES = pa.schema(
    [
        pa.field("table", pa.string(), nullable=False),
        pa.field("host", pa.string(), nullable=False),
        pa.field("at_us", pa.int64(), nullable=False),
        pa.field("request_id", pa.string(), nullable=False),
        pa.field("evidence_id", pa.string(), nullable=False),
        pa.field("record_no", pa.int64(), nullable=False),
    ]
)
_VERSION = 1
_LENGTH = 36
_DASHES = (8, 13, 18, 23)
_HEADS = (0, 9)
"""Where the first digits of an id stand that it is ordered by: eight, a dash, eight characters more."""
_FIRST = 4
"""So many digits of an id say whether it can be among the lowest."""
_DAY_US = 86_400_000_000
_ROWS_ALONE = 400_000

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Job:
    file: DataFile
    cache: Path | None

    def place(self) -> Path | None:
        """Give where the sample of a data file is kept."""
        if self.cache is None:
            return None
        told = f"{_VERSION}:{self.file.table}:{self.file.staged.sha256}"
        return self.cache / f"{hashlib.sha256(told.encode()).hexdigest()[:32]}-requests.arrow"


def samples(archive: Archive, *, workers: int | None = None, cache: Path | None = None) -> pa.Table:
    """Give the sample of a case, in `SAMPLES`, by table, host, day and id.

    Args:
        archive: the case's archive, as written.
        workers: processes.
        cache: folder where the sample of each data file is kept.

    Raises:
        CustodyError: a data file is not what was written.
    """
    held = set(archive.tables()) & REQUEST_IDS.keys()
    jobs = [_Job(file, cache) for table in sorted(held) for file in archive.files(table)]
    if not _are_several(jobs):
        return SAMPLES.empty_table()
    waiting = [one for one in jobs if (place := one.place()) is None or not place.is_file()]
    few = sum(one.file.staged.rows for one in waiting) < _ROWS_ALONE
    parts = list(run(_sample, jobs, workers=1 if few else workers))
    return lowest(pa.concat_tables([SAMPLES.empty_table(), *parts]))


def _are_several(jobs: Sequence[_Job]) -> bool:
    """Say whether there is more than one log: one alone has nothing to be compared with."""
    logs: set[tuple[str, str | None]] = set()
    for job in jobs:
        hosts = read_rows(job.file, ("host",), dictionary=("host",))["host"]
        logs.update((job.file.table, one) for one in hosts.unique().to_pylist())
        if len(logs) > 1:
            return True
    return False


def _sample(job: _Job) -> pa.Table:
    place = job.place()
    if place is not None:
        try:
            with pa.OSFile(str(place)) as handle:
                kept: pa.Table = pa.ipc.open_file(handle).read_all()
        except (OSError, pa.ArrowInvalid):
            pass
        else:
            return kept
    made = _of_file(job.file)
    if place is not None:
        # on a full or a read-only disk it is worked out anew the next time
        with (
            suppress(OSError),
            written_whole(place) as unfinished,
            pa.OSFile(str(unfinished), "wb") as handle,
            pa.ipc.new_file(handle, made.schema) as writer,
        ):
            writer.write_table(made)
    return made


def _of_file(file: DataFile) -> pa.Table:
    """Sample one data file."""
    column = REQUEST_IDS[file.table]
    rows = read_rows(file, (column, "time_utc", "host", "evidence_id", "record_no"), dictionary=("host", "evidence_id"))
    shaped = pc.and_(pc.equal(pc.binary_length(rows[column]), _LENGTH), rows["time_utc"].is_valid())
    usable = pc.and_(pc.fill_null(shaped, fill_value=False), rows["host"].is_valid())
    rows = rows.filter(usable)
    table = pa.table(
        [
            pa.array([file.table]).take(pa.array(np.zeros(rows.num_rows, np.int32))),
            rows["host"].cast(pa.string()),
            rows["time_utc"].cast(pa.int64()),
            rows[column].cast(pa.string()),
            rows["evidence_id"].cast(pa.string()),
            rows["record_no"],
        ],
        schema=SAMPLES,
    )
    found = lowest(table)
    return found.set_column(3, SAMPLES.field("request_id"), pc.utf8_lower(found["request_id"]))


def lowest(rows: pa.Table) -> pa.Table:
    """Give the rows with the lowest ids of each log and day; texts that are no ids are left out.

    Args:
        rows: in `SAMPLES`, each id of 36 bytes.
    """
    rows = rows.combine_chunks()
    ids = rows["request_id"].combine_chunks()
    if not len(ids):
        return rows
    starts = np.frombuffer(ids.buffers()[1], np.int32)[ids.offset : ids.offset + len(ids)].astype(np.int64)
    data = np.frombuffer(ids.buffers()[2], np.uint8)
    days = rows["at_us"].to_numpy() // _DAY_US
    hosts = rows["host"].combine_chunks().dictionary_encode().indices.to_numpy()
    tables = rows["table"].combine_chunks().dictionary_encode().indices.to_numpy()
    group = _numbered(tables, hosts, days)
    picked = _low(data, starts, group)
    starts, group = starts[picked], group[picked]
    rows = rows.take(pa.array(picked))
    evidence = pc.rank(rows["evidence_id"].combine_chunks(), tiebreaker="dense").to_numpy()
    heads = [_head(data, starts + at) for at in _HEADS]
    order = np.lexsort((rows["record_no"].to_numpy(), evidence, rows["at_us"].to_numpy(), *reversed(heads), group))
    begins = np.concatenate(([True], np.diff(group[order]) != 0)) if len(order) else np.zeros(0, bool)
    first = np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))
    return rows.take(pa.array(order[np.arange(len(order)) - first < SAMPLE]))


def _numbered(tables: Ints, hosts: Ints, days: Ints) -> Ints:
    """Number the logs and days, in order of table, host and day."""
    since = days - days.min()
    logs = tables.astype(np.int64) * (int(hosts.max()) + 1) + hosts
    _, numbers = np.unique(logs * (int(since.max()) + 1) + since, return_inverse=True)
    return np.asarray(numbers.ravel(), np.int64)


def _head(data: npt.NDArray[np.uint8], at: Ints) -> npt.NDArray[np.uint64]:
    """Read eight characters as one number, all letters as small ones."""
    digits = np.lib.stride_tricks.sliding_window_view(data, 8)
    return np.ascontiguousarray(digits[at] | 0x20).view(">u8").ravel().astype(np.uint64)


def _low(data: npt.NDArray[np.uint8], starts: Ints, group: Ints) -> Ints:
    """Give the rows with an id that the sample of their log and day is taken from: no other one is among the lowest.

    Ids are random, so those that begin low enough are a few more than are wanted; where they are not, all are looked at.
    """
    count = np.bincount(group)
    share = np.minimum((2 * SAMPLE + 64) / count, 1.0)
    limits = [f"{int(one * 16**_FIRST):0{_FIRST}x}" if one < 1 else "\xff" * _FIRST for one in share.tolist()]
    ends = np.array([int.from_bytes(one.encode("latin-1"), "big") for one in limits], np.uint32)
    first = np.lib.stride_tricks.sliding_window_view(data, _FIRST)[starts] | 0x20
    kept = np.flatnonzero(np.ascontiguousarray(first).view(">u4").ravel() <= ends[group])
    kept = kept[_dashed(data, starts[kept])]
    few = (np.bincount(group[kept], minlength=len(count)) < SAMPLE) & (share < 1.0)
    if few.any():
        rest = np.flatnonzero(few[group])
        rest = rest[_dashed(data, starts[rest])]
        kept = np.sort(np.concatenate((kept[~few[group[kept]]], rest)))
    return kept


def _dashed(data: npt.NDArray[np.uint8], starts: Ints) -> npt.NDArray[np.bool_]:
    return np.asarray(np.logical_and.reduce([data[starts + at] == ord("-") for at in _DASHES]), np.bool_)
