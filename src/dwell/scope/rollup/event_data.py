"""What ECP's and OWA's server logs write into `EventData`, by key, and what ECP's say to other layers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.scope.rollup import fold, layers
from dwell.scope.rollup.fold import Codes, Column
from dwell.scope.rollup.shapes import Act, Outcome
from dwell.scope.rollup.told import Told

__all__ = ["of_panel", "persons", "value"]

_PERSON = r"(?i)^\s*(?:<PII>)?(?P<v>[^<>]*?)\s*(?:</PII>)?\s*$"
"""How the logger marks what names a person."""


def value(data: pa.Array | pa.ChunkedArray, keys: tuple[str, ...]) -> pa.Array:
    """Give the value of a key per row, null where there is none; several keys are spellings of one."""
    found = [pc.map_lookup(data, pa.scalar(one), "first").cast(pa.string()) for one in keys]
    return pc.coalesce(*found)


def persons(column: Column) -> Column:
    """Give whom the values of a column name."""
    return fold.mapped(column, fold.extracted(column, _PERSON))


def of_panel(layer: str, table: pa.Table, ids: pa.Array, actor: Column, mailbox: Column, wrote: Codes) -> Told:
    """Give what rows of a log of the control panel (ECP) tell: nothing by themselves, and more of another log's request.

    Args:
        layer: the log's layer.
        table: the file.
        ids: ids of the requests.
        actor: who asked.
        mailbox: the mailbox that the path names.
        wrote: per row, 1 where it changed something, 0 where it did not, -1 where that is unknown.
    """
    rows = table.num_rows
    nothing = Column(np.full(rows, -1, np.int64), [])
    host, none = fold.texts(table, "host"), np.zeros(rows, np.bool_)
    columns = {
        "host": host,
        "protocol": fold.constant(table, "ecp"),
        "actor": actor,
        "mailbox": mailbox,
        "basis": fold.stated(mailbox),
        "client": nothing,
        "agent": nothing,
        "layer": fold.constant(table, "back"),
    }
    outcome = np.full(rows, int(Outcome.OTHER), np.int64)
    act = np.full(rows, int(Act.OPENED), np.int64)
    logged = layers.of_service(layer, "ecp", None, host, outcome, ids)
    return Told(layer, columns, none, outcome, none, act, None, logged, wrote=wrote)
