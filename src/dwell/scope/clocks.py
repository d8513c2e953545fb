"""Clocks that disagree: the same request in the logs of two servers, or in two logs of one, at two different times.

IIS, HttpProxy and EWS write a request's id, and each writes it within a moment of the others. Where the difference
between two logs is large and steady over many ids, one of the two clocks (or the zone that one log was written in) is
off. Which of them, the records do not say: nothing is moved, and it is told with what it rests on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.engine.scratch import scratch
from dwell.model.instants import utc_from_us
from dwell.model.provenance import EvidenceId, RecordRef

__all__ = ["ClockPair", "clock_pairs"]

DAY_US = 86_400_000_000
OFF_MIN_S = 120
"""Two logs of one request lie closer together than this where their clocks agree: a request may take a while."""
STEADY_S = 60
"""So far from the middle an offset may lie and still be the same one."""
STEADY_SHARE = 0.9
IDS_MIN = 10
"""Fewer ids in a run of days say nothing."""
_ROWS_MAX = 8
"""An id that comes more often in one log names no single request."""

_PAIRS = """
WITH logs AS (
    SELECT "table", coalesce(host, '') AS host, request_id, min(epoch_us(time_utc)) AS at,
           arg_min(evidence_id, (epoch_us(time_utc), evidence_id, record_no)) AS evidence_id,
           arg_min(record_no, (epoch_us(time_utc), evidence_id, record_no)) AS record_no
    FROM requests WHERE request_id IN (SELECT request_id FROM requests GROUP BY request_id HAVING count(*) > 1)
    GROUP BY ALL HAVING count(*) <= ?
)
SELECT a.host, a."table", b.host, b."table", a.at, b.at - a.at, a.evidence_id, a.record_no, b.evidence_id, b.record_no,
       dense_rank() OVER (ORDER BY a.host, a."table", b.host, b."table"), hash(request_id)
FROM logs a JOIN logs b USING (request_id)
WHERE (a.host, a."table") < (b.host, b."table")
ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
"""


@dataclass(frozen=True, slots=True)
class ClockPair:
    """Two logs that tell of the same requests, and by how much they differ.

    Attributes:
        hosts: of the one log and of the other; equal where both are of one server.
        tables: the logs of the one and of the other host that were compared.
        ahead_s: by how many seconds the second is ahead of the first; 0 where they agree.
        spread_s: how far the differences lie apart, the outermost tenth left out, seconds.
        ids: how many requests were compared.
        from_utc: the first of them, by the first log.
        to_utc: the last.
        grounds: the records of one of them, in both logs.
    """

    hosts: tuple[str, str]
    tables: tuple[tuple[str, ...], tuple[str, ...]]
    ahead_s: int
    spread_s: float
    ids: int
    from_utc: datetime
    to_utc: datetime
    grounds: tuple[RecordRef, ...]


@dataclass(frozen=True, slots=True)
class _Run:
    """Days in a row on which two logs differ by the same."""

    hosts: tuple[str, str]
    tables: tuple[str, str]
    ahead_s: int
    gaps: npt.NDArray[np.int64]
    times: npt.NDArray[np.int64]
    requests: npt.NDArray[np.uint64]
    grounds: tuple[RecordRef, ...]


def clock_pairs(requests: pa.Table) -> tuple[ClockPair, ...]:
    """Compare every two logs that share request ids.

    Args:
        requests: rows in `rollup.shapes.REQUESTS`, with the archive table as `table`.
    """
    with scratch() as link:
        link.register("requests", requests)
        rows: pa.Table = link.sql(_PAIRS, params=[_ROWS_MAX]).to_arrow_table()
    pair = rows.column(10).to_numpy()
    edges = [0, *(np.flatnonzero(np.diff(pair)) + 1).tolist(), len(pair)]
    runs: list[_Run] = []
    for start, end in pairwise(edges):
        runs += _runs(rows.slice(start, end - start)) if end > start else []
    return tuple(_joined(runs))


def _runs(rows: pa.Table) -> list[_Run]:
    """Give the runs of days of one pair of logs."""
    times, gaps, requests = (rows.column(place).to_numpy() for place in (4, 5, 11))
    first = [rows.column(place)[0].as_py() for place in range(4)]
    days = times // DAY_US
    found: list[tuple[int, npt.NDArray[np.int64]]] = []
    for day in np.unique(days).tolist():
        mine = np.flatnonzero(days == day)
        middle = int(np.median(gaps[mine]))
        steady = mine[np.abs(gaps[mine] - middle) <= STEADY_S * 1_000_000]
        if len(steady) < STEADY_SHARE * len(mine):
            continue
        ahead = round(middle / 1_000_000) if abs(middle) >= OFF_MIN_S * 1_000_000 else 0
        if found and abs(found[-1][0] - ahead) <= STEADY_S:
            found[-1] = (found[-1][0], np.concatenate((found[-1][1], steady)))
        else:
            found.append((ahead, steady))
    out = []
    for ahead, places in found:
        if len(places) >= IDS_MIN:
            refs = [rows.column(place)[int(places[0])].as_py() for place in range(6, 10)]
            grounds = (
                RecordRef(first[1], EvidenceId(refs[0]), refs[1]),
                RecordRef(first[3], EvidenceId(refs[2]), refs[3]),
            )
            hosts, tables = (first[0], first[2]), (first[1], first[3])
            out.append(_Run(hosts, tables, ahead, gaps[places], times[places], requests[places], grounds))
    return out


def _joined(runs: Sequence[_Run]) -> list[ClockPair]:
    """Put together what several logs of the same two hosts say alike."""
    groups: list[list[_Run]] = []
    for run in sorted(runs, key=lambda one: (one.hosts, one.ahead_s, one.tables, int(one.times[0]))):
        last = groups[-1][-1] if groups else None
        alike = last is not None and last.hosts == run.hosts and abs(last.ahead_s - run.ahead_s) <= STEADY_S
        if alike and run.hosts[0] != run.hosts[1]:
            groups[-1].append(run)
        else:
            groups.append([run])
    out = []
    for group in groups:
        gaps = np.concatenate([one.gaps for one in group])
        low, high = np.percentile(gaps, (5, 95))
        best = max(group, key=lambda one: len(one.gaps))
        out.append(
            ClockPair(
                group[0].hosts,
                (tuple(sorted({one.tables[0] for one in group})), tuple(sorted({one.tables[1] for one in group}))),
                round(float(np.median(gaps)) / 1e6) if best.ahead_s else 0,
                round(float(high - low) / 1e6, 1),
                len(np.unique(np.concatenate([one.requests for one in group]))),
                utc_from_us(min(int(one.times[0]) for one in group)),
                utc_from_us(max(int(one.times[-1]) for one in group)),
                best.grounds,
            )
        )
    return out
