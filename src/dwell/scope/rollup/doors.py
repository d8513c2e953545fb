"""Who was let in at a door to cmdlets of Exchange: in remote PowerShell, or where the control panel was sent something."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.scope.rollup import fold
from dwell.scope.rollup.fold import Column
from dwell.scope.rollup.shapes import DOORS

__all__ = ["came_to_doors"]

_SHELL, _PANEL = "/powershell", "/ecp"
_ANSWERED_BELOW = 300


def came_to_doors(
    table: pa.Table, columns: Mapping[str, Column], method: Column, back: npt.NDArray[np.bool_]
) -> pa.Table:
    """Give each name that was let in at a door once an hour, by address, rows in `DOORS`.

    A log without the status does not say that it was refused.

    Args:
        table: the file, with `time_utc` and `sc-status`.
        columns: its `cs-uri-stem`, `cs-username`, `c-ip`, `X-Forwarded-For` and `host`.
        method: its `cs-method`.
        back: which rows are the back end's.
    """
    stem, user = columns["cs-uri-stem"], columns["cs-username"]
    paths = [(one or "").lower() for one in stem.values]
    shell, panel = (stem.flags([one.startswith(start) for one in paths]) for start in (_SHELL, _PANEL))
    taken = shell
    if panel.any():
        taken = shell | (panel & method.flags([one == "POST" for one in method.values]))
    taken = taken & (user.codes >= 0)
    if not taken.any():
        return DOORS.empty_table()
    when = fold.instants(table)
    rows = np.flatnonzero(taken & (when >= 0) & (fold.numbers(table, "sc-status") < _ANSWERED_BELOW)).astype(np.int64)
    hour, behind = when[rows] // fold.HOUR_US, back[rows]
    parts = [columns[one] for one in ("host", "cs-username", "c-ip", "X-Forwarded-For")]
    _, first = fold.numbered(fold.group([*(one.codes[rows] for one in parts), hour, behind.astype(np.int8)]))
    host, name, client, forwarded = (one.text(rows[first]) for one in parts)
    return pa.table([host, pa.array(hour[first]), name, client, forwarded, pa.array(behind[first])], schema=DOORS)
