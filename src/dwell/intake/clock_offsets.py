"""By how much two logs differ, stretch by stretch: measured on the requests that both tell of.

A request is written by all its logs within a moment of its end. Where the difference between two logs is large, steady
over days and the same in nine of ten requests, it is the clocks that differ. A day on which it changes is cut at the
change, where one fits; else it belongs to no stretch.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.engine.scratch import scratch
from dwell.model.clocks import ClockLog, ClockOffset
from dwell.model.provenance import EvidenceId, RecordRef

__all__ = ["IDS_MIN", "OFF_MIN_S", "STEADY_S", "clock_offsets"]

OFF_MIN_S = 120
"""Two logs of one request lie closer together than this where their clocks agree: a request may take a while."""
STEADY_S = 60
"""So far from the middle an offset may lie and still be the same one."""
STEADY_SHARE = 0.9
IDS_MIN = 20
"""A stretch that fewer requests show is none."""
BREAK_DAYS = 7
"""After so many days without a request that both tell of, a new stretch begins, whatever it shows."""
_ROWS_MAX = 8
"""An id that comes more often in one log names no single request."""
_DAY_US = 86_400_000_000
_SECOND_US = 1_000_000

_PAIRS = """
WITH logs AS (
    SELECT "table", host, request_id, min(at_us) AS at,
           arg_min(evidence_id, (at_us, evidence_id, record_no)) AS evidence_id,
           arg_min(record_no, (at_us, evidence_id, record_no)) AS record_no
    FROM samples WHERE host <> '' GROUP BY ALL HAVING count(*) <= ?
),
fronts AS (SELECT request_id, min(host) AS front FROM logs WHERE "table" = 'httpproxy' GROUP BY ALL HAVING count(*) = 1)
SELECT a.host, a."table", b.host, b."table", a.at, b.at, a.evidence_id, a.record_no, b.evidence_id, b.record_no,
       CASE front WHEN a.host THEN 0 WHEN b.host THEN 1 ELSE 2 END,
       dense_rank() OVER (ORDER BY a.host, a."table", b.host, b."table")
FROM logs a JOIN logs b USING (request_id) LEFT JOIN fronts USING (request_id)
WHERE (a.host, a."table") < (b.host, b."table")
ORDER BY a.host, a."table", b.host, b."table", a.at, b.at, request_id
"""

Ints = npt.NDArray[np.int64]


class _Stretch(NamedTuple):
    """Requests in a row by which two logs differ by the same.

    Attributes:
        middle_us: the difference.
        places: the requests.
    """

    middle_us: int
    places: Ints


def clock_offsets(samples: pa.Table) -> tuple[ClockOffset, ...]:
    """Compare every two logs that share request ids.

    Args:
        samples: rows in `clock_samples.SAMPLES`.
    """
    with scratch() as link:
        link.register("samples", samples)
        rows: pa.Table = link.sql(_PAIRS, params=[_ROWS_MAX]).to_arrow_table()
    pair = rows.column(11).to_numpy()
    edges = [0, *(np.flatnonzero(np.diff(pair)) + 1).tolist(), len(pair)]
    found = [one for start, end in pairwise(edges) if end > start for one in _offsets(rows.slice(start, end - start))]
    return tuple(sorted(found))


def _offsets(rows: pa.Table) -> list[ClockOffset]:
    """Give the stretches of one pair of logs."""
    first, second, front = (rows.column(place).to_numpy() for place in (4, 5, 10))
    names = [rows.column(place)[0].as_py() for place in range(4)]
    gaps = second - first
    out = []
    for one in _stretches(first, gaps):
        if len(one.places) < IDS_MIN:
            continue
        mine = np.sort(one.places)
        low, high = np.percentile(gaps[mine], (5, 95))
        refs = [rows.column(place)[int(mine[0])].as_py() for place in range(6, 10)]
        out.append(
            ClockOffset(
                (ClockLog(names[0], names[1]), ClockLog(names[2], names[3])),
                _ahead_s(int(np.median(gaps[mine]))),
                (int(first[mine].min()), int(second[mine].min())),
                (int(first[mine].max()), int(second[mine].max())),
                round(float(high - low) / _SECOND_US, 1),
                len(mine),
                (int((front[mine] == 0).sum()), int((front[mine] == 1).sum())),
                (
                    RecordRef(names[1], EvidenceId(refs[0]), refs[1]),
                    RecordRef(names[3], EvidenceId(refs[2]), refs[3]),
                ),
            )
        )
    return out


def _ahead_s(middle_us: int) -> int:
    """Give a difference in seconds; 0 where it is no more than a request takes."""
    return round(middle_us / _SECOND_US) if abs(middle_us) >= OFF_MIN_S * _SECOND_US else 0


def _near(gaps: Ints, middle_us: int) -> npt.NDArray[np.bool_]:
    return np.abs(gaps - middle_us) <= STEADY_S * _SECOND_US


def _stretches(times: Ints, gaps: Ints) -> list[_Stretch]:
    """Cut the requests of a pair, in order of the first log, where their difference changes or days are missing."""
    out: list[_Stretch] = []
    odd: list[Ints] = []
    days = times // _DAY_US
    for mine in np.split(np.arange(len(times)), np.flatnonzero(np.diff(days)) + 1):
        last = out[-1] if out else None
        apart = last is not None and days[mine[0]] - days[last.places[-1]] > BREAK_DAYS
        middle = int(np.median(gaps[mine]))
        if last is not None and not apart and _mostly(near := _near(gaps[mine], last.middle_us)):
            out[-1] = _Stretch(last.middle_us, np.concatenate((last.places, mine[near])))
            odd = [mine[~near]]
        elif _mostly(near := _near(gaps[mine], middle)):
            if last is None or apart:
                out.append(_Stretch(middle, mine[near]))
            else:
                out[-1:] = _cut(last, np.concatenate((*odd, mine)), middle, gaps) or [
                    last,
                    _Stretch(middle, mine[near]),
                ]
            odd = []
        else:
            odd.append(mine)
    return out


def _mostly(met: npt.NDArray[np.bool_]) -> bool:
    return float(met.mean()) >= STEADY_SHARE


def _cut(before: _Stretch, places: Ints, after_us: int, gaps: Ints) -> list[_Stretch]:
    """Give some days' requests to two stretches, where there is one place to cut them at; none where there is not."""
    olds, news = _near(gaps[places], before.middle_us), _near(gaps[places], after_us)
    kept = np.concatenate(([0], np.cumsum(olds))) + np.concatenate((np.cumsum(news[::-1])[::-1], [0]))
    at = int(np.argmax(kept))
    if kept[at] < STEADY_SHARE * len(places):
        return []
    return [
        _Stretch(before.middle_us, np.concatenate((before.places, places[:at][olds[:at]]))),
        _Stretch(after_us, places[at:][news[at:]]),
    ]
