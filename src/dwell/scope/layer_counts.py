"""Layers held against each other by counts alone: for logs of front ends whose lines hold no request id.

What a service or HttpProxy answered with a yes, IIS wrote a line for, also answered with a yes. Where an hour has fewer
such lines of IIS for a virtual directory than the other log has requests, at least so many are missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from dwell.model.instants import utc_from_us
from dwell.scope.cells import EMPTY, HELD, HOUR_US
from dwell.scope.lacking import Lacking, Way
from dwell.scope.layer_hours import Counts, Held
from dwell.scope.ledger import Ledger
from dwell.scope.rollup.layers import EWS, FRONT, MAPI, PROXY, TABLE_OF

__all__ = ["by_counts", "deficits"]

HOURS_MIN = 24
"""Fewer hours in which IIS has as many lines or more teach nothing of what both write."""
ENOUGH_SHARE = 0.9
"""In so many of the hours with requests IIS has to have as many lines or more."""

Codes = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def deficits(witness: Codes, accused: Codes) -> Codes:
    """Give per hour how many requests there are more than lines, at least.

    A request that one log wrote before the hour was over and the other after it makes one hour poorer and the next
    richer: the surplus of an hour beside makes up for it.

    Args:
        witness: requests per hour.
        accused: lines per hour.
    """
    gap = witness - accused
    lacks, spare = np.maximum(gap, 0), np.maximum(-gap, 0)
    for step in (1, -1):
        beside = np.roll(spare, step)
        beside[0 if step == 1 else -1] = 0
        taken = np.minimum(lacks, beside)
        lacks = lacks - taken
        spare = spare - np.roll(taken, -step)
    return np.asarray(lacks, np.int64)


def by_counts(counts: Counts, held: Mapping[tuple[str, int], Sequence[Held]], ledger: Ledger) -> list[Lacking]:
    """Give the lines that IIS logs without ids lack, at least, by host.

    Args:
        counts: what the layers hold.
        held: by layer and host, the hours in which it is held.
        ledger: what is held.
    """
    out = []
    for host, name in enumerate(counts.hosts):
        mine = counts.of(FRONT, host)
        line = ledger.lines.get((name, TABLE_OF[FRONT]))
        if line is None or not mine.any() or (counts.requests[mine] > 0).any():
            continue
        hour = counts.start + np.arange(counts.size)
        inner = np.logical_or.reduce([one.at(hour) & one.at(hour - 1) & one.at(hour + 1) for one in held[FRONT, host]])
        place = hour - line.start
        there = (place >= 0) & (place < len(line.states))
        inner[there] &= np.isin(line.states[place[there]], (HELD, EMPTY))
        inner &= there
        for layer in (PROXY, EWS, MAPI):
            found = _of_layer(counts, layer, host, inner)
            if found is not None:
                out.append(found)
                break
    return out


def _of_layer(counts: Counts, layer: str, host: int, inner: Flags) -> Lacking | None:
    """Give the lines that a front end lacks by one other layer; None where it lacks none."""
    mine, theirs = counts.of(FRONT, host) & counts.ok, counts.of(layer, host) & counts.ok
    total = np.zeros(counts.size, np.int64)
    compared = 0
    for folder in np.unique(counts.folder[theirs]).tolist():
        some = counts.by_hour(theirs & (counts.folder == folder))[:, 0]
        lacks = deficits(some, counts.by_hour(mine & (counts.folder == folder))[:, 0])
        asked = inner & (some > 0)
        enough = int((asked & (lacks == 0)).sum())
        if enough >= HOURS_MIN and enough >= ENOUGH_SHARE * int(asked.sum()):
            total += np.where(inner, lacks, 0)
            compared += int(some[inner].sum())
    hours = np.flatnonzero(total)
    if not len(hours):
        return None
    first, last = counts.start + int(hours[0]), counts.start + int(hours[-1]) + 1
    each = tuple((counts.start + one, int(total[one])) for one in hours.tolist())
    witnesses = ((TABLE_OF[layer], (counts.hosts[host],)),)
    return Lacking(
        counts.hosts[host], TABLE_OF[FRONT], "front end", witnesses, int(total.sum()), compared, Way.COUNT, each,
        utc_from_us(first * HOUR_US), utc_from_us(last * HOUR_US), (), 0, (),
    )  # fmt: skip
