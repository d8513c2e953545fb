"""Windows events to logons and changes: who logged on to which host from where, and what was made or taken away there."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.addresses import address
from dwell.scope.rollup import fold
from dwell.scope.rollup.shapes import CHANGES, LOGON_HOURS, LOGONS

__all__ = ["COLUMNS", "DICTIONARY", "NEEDS", "fold_file"]

TEXTS = ("TargetUserName", "LogonType", "IpAddress", "TargetServerName", "host")
TOLD = ("TaskName", "ServiceName", "ImagePath", "SubjectUserName", "TargetDomainName")
COLUMNS = ("evidence_id", "record_no", "time_utc", "EventID", "Channel", *TEXTS, *TOLD)
DICTIONARY = ("evidence_id", "Channel", *TEXTS, *TOLD)
NEEDS = ("hours", "logons", "logon_hours", "changes")
EVENTS = (4624, 4625, 4648, 4768, 4769, 4771, 4776, 5140, 5145, 528, 540)
"""Logon, failed logon, explicit credentials; Kerberos answers of a domain controller, and what it refused (4771); NTLM
answers of whichever machine knows the account; shares that were opened; 528 and 540 are logons before Windows Vista."""
SIGNED = (4624, 4625, 4768, 4769, 4776, 528, 540)
"""Those that a machine writes all day where logons are audited."""
CHANGED: Mapping[str, tuple[int, ...]] = {
    "security": (4697, 4698, 4699, 4702, 4720, 4722, 4725, 4726),
    "system": (7045,),
    "microsoft-windows-taskscheduler/operational": (106, 140, 141),
}
"""Events by channel that tell of a task, a service or an account that came, went, or was switched off."""


def fold_file(table: pa.Table) -> dict[str, pa.Table]:
    """Fold one data file."""
    columns = {one: fold.texts(table, one, dash=True) for one in TEXTS}
    when = fold.instants(table)
    event = fold.numbers(table, "EventID")
    channel = fold.texts(table, "Channel")
    logged = channel.flags([one is not None and one.lower() == "security" for one in channel.values])
    rows = np.flatnonzero(np.isin(event, EVENTS) & logged & (when >= 0))
    out = {
        "hours": fold.hours(table, part=channel),
        "logons": LOGONS.empty_table(),
        "logon_hours": LOGON_HOURS.empty_table(),
        "changes": _changes(table, channel, event, when),
    }
    if not len(rows):
        return out
    out["logon_hours"] = _logon_hours(table, columns["host"], rows[np.isin(event[rows], SIGNED)], when)
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


def _logon_hours(
    table: pa.Table, host: fold.Column, rows: npt.NDArray[np.int64], when: npt.NDArray[np.int64]
) -> pa.Table:
    """Give each hour of a file and host in which a logon is held, once."""
    evidence, hour = fold.texts(table, "evidence_id"), when[rows] // fold.HOUR_US
    _, first = fold.numbered(fold.group([evidence.codes[rows], host.codes[rows], hour]))
    taken = rows[first]
    return pa.table([host.text(taken), pa.array(hour[first]), evidence.text(taken)], schema=LOGON_HOURS)


def _changes(
    table: pa.Table, channel: fold.Column, event: npt.NDArray[np.int64], when: npt.NDArray[np.int64]
) -> pa.Table:
    """Give the events that tell of a change, row by row: there are few."""
    taken = np.zeros(len(event), np.bool_)
    for name, wanted in CHANGED.items():
        codes = [place for place, one in enumerate(channel.values) if one is not None and one.lower() == name]
        taken |= np.isin(channel.codes, codes) & np.isin(event, wanted)
    rows = np.flatnonzero(taken & (when >= 0))
    if not len(rows):
        return CHANGES.empty_table()
    named = {one: fold.texts(table, one, dash=True).text(rows) for one in (*TOLD, "TargetUserName", "host")}
    kind = CHANGES.field("time_utc").type
    return pa.table(
        [
            named["host"],
            pa.array(event[rows].astype(np.int32)),
            pc.coalesce(named["TaskName"], named["ServiceName"], named["TargetUserName"]),
            named["ImagePath"],
            named["SubjectUserName"],
            named["TargetDomainName"],
            pa.array(when[rows]).cast(kind),
            fold.texts(table, "evidence_id").text(rows),
            pa.array(fold.numbers(table, "record_no")[rows]),
        ],
        schema=CHANGES,
    )
