r"""Rows of the ECP server log: which cmdlets a request to the control panel ran.

No row is an access by itself: this log names neither who asked nor from where. Beside a row of the front end that has the
same id (`rollup.joins`) it says whether the request changed something, and is one of the access's grounds.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa

from dwell.scope.rollup import fold, layers
from dwell.scope.rollup.event_data import of_panel, value
from dwell.scope.rollup.told import Told

__all__ = ["COLUMNS", "DICTIONARY", "told_in"]

COLUMNS = ("evidence_id", "record_no", "time_utc", "host", "EventData", "EventDataMap")
DICTIONARY = ("evidence_id", "host")

_RAN = r"(?s)(?:^|[;'])S:CMD=(?P<v>.*?)(?:'?;S:REQID=|$)"
"""Of several cmdlets a `;` stands between, with quotes around all of them or without."""
_CMDLETS = re.compile(r"(?:^|[;\s])(?P<verb>[A-Za-z]+)-[A-Za-z]")
_READING = frozenset({"get", "test", "search"})
_CHANGING = frozenset(
    {"add", "clear", "disable", "enable", "import", "install", "move", "new", "remove", "restore", "set", "start", "stop",
     "uninstall", "update"}
)  # fmt: skip
"""First words of cmdlets' names, in small letters."""


def _wrote(text: str | None) -> int:
    """Give 1 where one of the cmdlets changes something, 0 where all only read, -1 where that is not known."""
    verbs = {one["verb"].lower() for one in _CMDLETS.finditer(text or "")}
    if verbs & _CHANGING:
        return 1
    return 0 if verbs and verbs <= _READING else -1


def told_in(table: pa.Table) -> Told:
    """Give what rows tell of requests."""
    data = table["EventDataMap"]
    cmdlets = fold.texts(table, "EventData")
    ran = fold.extracted(cmdlets, _RAN)
    nobody = fold.Column(np.full(table.num_rows, -1, np.int64), [])
    wrote = cmdlets.each([_wrote(one) for one in ran], -1)
    ids = value(data, ("ACTID", "ActID"))
    return of_panel(layers.ECP_SERVER, table, ids, nobody, nobody, wrote)
