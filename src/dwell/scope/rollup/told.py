"""What the rows of a log tell of accesses, and sessions made of it: on its own, or with what other layers know better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.scope.rollup import fold
from dwell.scope.rollup.fold import Codes, Column, Places
from dwell.scope.rollup.layers import Logged, counted
from dwell.scope.rollup.shapes import GROUNDS, JOINED

__all__ = ["TAKEN", "Joined", "Told", "layers_of", "sessions_of"]

TAKEN = ("protocol", "actor", "mailbox", "basis", "client", "via", "agent", "auth", "device")
"""Columns of a session that another layer may know better."""

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Told:
    """What the rows of a data file tell of accesses; all arrays are as long as the file.

    Attributes:
        name: the archive table.
        columns: what `fold.sessions` takes.
        accesses: which rows are accesses.
        outcome: `Outcome` per row.
        answered: which rows have a status at all.
        act: `Act` per row.
        sent: bytes to the client per row, -1 where unknown; None where the format has none.
        logged: what the rows say to other layers; None where they hold no ids.
        alone: rows that are never joined; None for none.
        wrote: per row, 1 where it changed something, 0 where it did not, -1 where that is unknown; None where it is of all.
        closed: per row, 1 where it says that its request opened no mailbox, whatever other logs take it for, -1 where it
            says that it did, else 0; None where it is 0 of all.
    """

    name: str
    columns: Mapping[str, Column]
    accesses: Flags
    outcome: Places
    answered: Flags
    act: Places
    sent: Codes | None
    logged: Logged | None = None
    alone: Flags | None = None
    wrote: Places | None = None
    closed: Places | None = None

    def known(self, values: Places | None) -> Codes:
        """Give `sent` or `wrote` per row, -1 for every row where the format has none."""
        return np.full(len(self.accesses), -1, np.int64) if values is None else values.astype(np.int64)


@dataclass(frozen=True, slots=True)
class Joined:
    """What joining makes of the rows of one data file.

    Attributes:
        rows: rows that stand for a request of several layers.
        values: for each of them, what is taken for `TAKEN`.
        outcome: likewise, `Outcome`.
        act: likewise, `Act`.
        wrote: likewise, whether it changed something.
        sent: likewise, bytes, -1 where unknown.
        layer: likewise, the layer of the row itself.
        size: likewise, the row's own bytes, -1 where unknown.
        dropped: rows of requests for which another row stands.
        others: the other records of those requests: `row` here, `layer`, `evidence_id`, `record_no`, `bytes`.
    """

    rows: Codes
    values: Mapping[str, Column]
    outcome: Codes
    act: Codes
    wrote: Codes
    sent: Codes
    layer: Column
    size: Codes
    dropped: Codes
    others: pa.Table


def _put(column: Column, rows: Codes, values: Column) -> Column:
    """Put other values into some rows of a column."""
    codes = column.codes.astype(np.int64)
    codes[rows] = np.where(values.codes >= 0, values.codes + len(column.values), -1)
    return Column(codes, [*column.values, *values.values])


def _with(told: Told, joined: Joined) -> Told:
    """Put in what the other layers know, and leave out the rows for which another one stands."""
    rows = joined.rows
    nothing = Column(np.full(len(told.accesses), -1), [])
    columns = {
        name: _put(told.columns.get(name, nothing), rows, joined.values[name])
        for name in TAKEN
        if name in told.columns or joined.values[name].values
    }
    columns["layer"] = _put(told.columns["layer"], rows, Column(np.zeros(len(rows), np.int64), [JOINED]))
    accesses = told.accesses.copy()
    outcome, act, sent, wrote = (told.known(one) for one in (told.outcome, told.act, told.sent, told.wrote))
    accesses[joined.dropped] = False
    accesses[rows] = True
    outcome[rows], act[rows], sent[rows], wrote[rows] = joined.outcome, joined.act, joined.sent, joined.wrote
    columns = {**told.columns, **columns}
    return replace(told, columns=columns, accesses=accesses, outcome=outcome, act=act, sent=sent, wrote=wrote)


def sessions_of(told: Told, table: pa.Table, joined: Joined | None) -> dict[str, pa.Table]:
    """Fold the accesses among a file's rows into sessions, and tell the grounds of those that several layers tell of.

    Args:
        told: what the rows tell.
        table: the file, with `time_utc`, `evidence_id`, `record_no`.
        joined: what joining makes of its rows; None where no other layer is held.
    """
    if joined is not None:
        told = _with(told, joined)
    cut = fold.sessions(
        told.name,
        told.columns,
        rows=np.flatnonzero(told.accesses),
        table=table,
        outcome=told.outcome,
        act=told.act,
        sent=told.sent,
        wrote=told.wrote,
    )
    grounds = GROUNDS.empty_table() if joined is None else _grounds(cut, table, joined)
    return {"sessions": cut.sessions, "grounds": grounds}


def layers_of(told: Told, table: pa.Table) -> dict[str, pa.Table]:
    """Give what the rows say to other layers, counted; nothing where they hold no ids."""
    return {} if told.logged is None else {"layers": counted(table, told.logged)}


def _grounds(cut: fold.Cut, table: pa.Table, joined: Joined) -> pa.Table:
    """Give what each layer holds of the joined sessions, rows in `GROUNDS`."""
    if not len(joined.rows):
        return GROUNDS.empty_table()
    session = np.full(table.num_rows, -1, np.int64)
    session[cut.taken] = np.repeat(np.arange(len(cut.starts)), np.diff(np.append(cut.starts, len(cut.taken))))
    own = table.select(["evidence_id", "record_no"]).take(pa.array(joined.rows))
    parts = pa.concat_tables(
        [
            pa.table(
                {
                    "row": joined.rows,
                    "layer": joined.layer.text(np.arange(len(joined.rows))),
                    "evidence_id": own["evidence_id"].cast(pa.string()),
                    "record_no": own["record_no"],
                    "bytes": pa.array(joined.size, mask=joined.size < 0),
                }
            ),
            joined.others,
        ]
    )
    row = parts["row"].to_numpy()
    layer = fold.texts(parts, "layer")
    key = session[row] * (len(layer.values) + 1) + layer.codes
    # the record of the request that stands for the session comes before the others
    order = np.lexsort((np.arange(len(row)), row != cut.grounds[session[row]], key)).astype(np.int64)
    starts = np.flatnonzero(np.diff(key[order], prepend=-1) != 0)
    chosen = order[starts]
    size = fold.numbers(parts, "bytes")[order]
    known = np.add.reduceat((size >= 0).astype(np.int64), starts)
    ground = cut.grounds[session[row[chosen]]]
    return pa.table(
        [
            fold.texts(table, "evidence_id").coded(ground),
            pa.array(fold.numbers(table, "record_no")[ground]),
            layer.coded(chosen),
            fold.texts(parts, "evidence_id").coded(chosen),
            pc.take(parts["record_no"].combine_chunks(), pa.array(chosen)),
            pa.array(np.diff(np.append(starts, len(order)))),
            pa.array(np.add.reduceat(np.maximum(size, 0), starts), mask=known == 0),
        ],
        schema=GROUNDS,
    )
