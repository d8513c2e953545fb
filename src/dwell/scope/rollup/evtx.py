"""Windows events to logons: who logged on to which host from where, and which servers were named in doing so."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from dwell.model.addresses import address
from dwell.scope.rollup import fold
from dwell.scope.rollup.shapes import LOGONS

__all__ = ["COLUMNS", "DICTIONARY", "NEEDS", "fold_file"]

TEXTS = ("TargetUserName", "LogonType", "IpAddress", "TargetServerName", "host")
COLUMNS = ("evidence_id", "record_no", "time_utc", "EventID", "Channel", *TEXTS)
DICTIONARY = ("evidence_id", "Channel", *TEXTS)
NEEDS = ("hours", "logons")
EVENTS = (4624, 4625, 4648, 4768, 4769, 4776, 5140, 5145, 528, 540)
"""Logon, failed logon, explicit credentials; Kerberos and NTLM answers of a domain controller; shares that were opened; 528
and 540 are logons before Windows Vista."""


def fold_file(table: pa.Table) -> dict[str, pa.Table]:
    """Fold one data file."""
    columns = {one: fold.texts(table, one, dash=True) for one in TEXTS}
    when = fold.instants(table)
    event = fold.numbers(table, "EventID")
    channel = fold.texts(table, "Channel")
    secure = np.array([one is not None and one.lower() == "security" for one in channel.values] or [False])
    logged = secure[np.maximum(channel.codes, 0)] & (channel.codes >= 0)
    rows = np.flatnonzero(np.isin(event, EVENTS) & logged & (when >= 0))
    out = {"hours": fold.hours(table, part=channel), "logons": LOGONS.empty_table()}
    if not len(rows):
        return out
    number = fold.numbers(table, "record_no")[rows]
    key = fold.group([event[rows], *(columns[one].codes[rows] for one in TEXTS)])
    order, starts = fold.runs(key, when[rows], number, None)
    first = rows[order[starts]]
    last = rows[order[np.append(starts[1:], len(order)) - 1]]
    peers = columns["IpAddress"]
    kind = LOGONS.field("first_utc").type
    out["logons"] = pa.table(
        [
            columns["host"].text(first),
            pa.array(event[first].astype(np.int32)),
            columns["TargetUserName"].text(first),
            columns["LogonType"].text(first),
            fold.mapped(peers, [address(one) for one in peers.values]).text(first),
            columns["TargetServerName"].text(first),
            pa.array(when[first]).cast(kind),
            pa.array(when[last]).cast(kind),
            pa.array(np.diff(np.append(starts, len(order)))),
            fold.texts(table, "evidence_id").text(first),
            pa.array(fold.numbers(table, "record_no")[first]),
        ],
        schema=LOGONS,
    )
    return out
