r"""What the ActiveSync server says of a request, in the `Log=` that it appends to the query of the back end's IIS line.

Tokens stand between underscores, a text behind a colon, a number without one: `Fid:5_Ty:Em_Filt2_St:S_Srv:6a0c0d…`. Of
each folder that was synchronised `Srv` (also written `Svr`) counts what was sent to the device, `a` for added items. Mail
that was sent (`Ty:Em`) is a folder synchronised; an item or attachment that the device asked for by itself is a read.
Items of calendars, contacts and tasks open the mailbox and no more is claimed. A sync that sent nothing opened it as well.

The server appends, so that the last `Log=` counts; what a client wrote into its own query stands before it. Where the
server wrote none, as on a front end, a client can at most make its own requests look heavier.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.scope.rollup import fold
from dwell.scope.rollup.fold import Column, Places
from dwell.scope.rollup.shapes import Act

__all__ = ["acts", "devices", "mailboxes"]

_LOG = "Log="
_SERVERS = r"(?s)^.*&Log=(?P<v>[^&\s]*)"
_OTHER = r"(?:(?:[A-EG-SU-Z][^_]*|F(?:[^i_]|i[^d_])[^_]*|T[^y_][^_]*)_)*"
"""Tokens that begin no other folder and name no other class."""
_MAIL_SENT = rf"(?:^|_)Ty:Em_{_OTHER}S(?:rv|vr):[1-9][0-9]*a"
_FETCHED = r"(?:^|_)(?:(?:ItOfi|ItOfa|ItOfea|Att)[1-9]|Cli:[0-9]+a[0-9]+c[0-9]+d[1-9])"
_DEVICE = r"(?i)(?:^|[?&;])DeviceId=(?P<v>[0-9A-Za-z]{1,64})(?:[&;]|$)"
_SMTP = r"(?:^|_)SmtpAdrs:(?P<v>[^_]+)"


def _logs(query: Column) -> pa.Array:
    """Give what the server appended to each distinct query, null where that is nothing."""
    values = pa.array(query.values, pa.string())
    if not pc.any(pc.match_substring(values, _LOG)).as_py():
        return pa.nulls(len(values), pa.string())
    return pa.array(fold.extracted(query, _SERVERS), pa.string())


def acts(query: Column) -> Places:
    """Give the `Act` per row, 0 where the server appended nothing."""
    told = _logs(query)
    if told.null_count == len(told):
        return np.zeros(len(query.codes), np.int8)
    logs = pc.fill_null(told, "")
    sent, fetched = (
        pc.match_substring_regex(logs, one).to_numpy(zero_copy_only=False) for one in (_MAIL_SENT, _FETCHED)
    )
    found = np.select([sent, fetched], [int(Act.SYNCED), int(Act.READ)], 0)
    return query.each(found.tolist(), 0, np.int8)


def mailboxes(query: Column) -> Column:
    """Give the mailbox that the server says it opened, as it writes its address: percent-encoded."""
    logs = _logs(query)
    return fold.mapped(query, fold.extracted(Column(query.codes, logs.to_pylist()), _SMTP))


def devices(query: Column, phones: npt.NDArray[np.bool_]) -> Column:
    """Give the id of the device per row, as the client writes it, of rows that are of ActiveSync; in upper case.

    Args:
        query: the queries.
        phones: which rows are of ActiveSync.
    """
    mine = np.where(phones, query.codes, -1)
    used = np.unique(mine[mine >= 0])
    found = fold.extracted(Column(used, [query.values[one] for one in used.tolist()]), _DEVICE)
    ids: dict[str, int] = {}
    to = np.full(len(query.values) + 1, -1, np.int32)
    to[used] = [-1 if one is None else ids.setdefault(one.upper(), len(ids)) for one in found]
    return Column(to[mine], list(ids))
