"""Sessions of the OWA server log, which names a browser and no address: from which client they came.

Where the log of a front end tells of the same account at the same time, and from one client only, the session is that
client's. Where it tells of several at that time, nothing says which of them it was, and the session stays without one.
Where it tells of none, the browser itself stands for the network. Then a browser that signed in with several accounts is
an agent that nobody else has; any other is one like all the rest.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.engine.scratch import scratch

__all__ = ["ACCOUNTS_MIN", "FRONT_ENDS", "placed"]

FRONT_ENDS = ("httpproxy", "iis", "ncsa")
ACCOUNTS_MIN = 3
"""A browser that signed in with so many accounts is told apart from the rest."""
_SLACK_US = 60_000_000
"""So far the logs of one request may lie apart: it is written where it ends."""

Codes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_MET = """
WITH held AS (
    SELECT row, account, start, "end", unnest(range(start // 3600000000, "end" // 3600000000 + 1)) AS hour FROM wanted
), told AS (
    SELECT account, client, start, "end", unnest(range(start // 3600000000, "end" // 3600000000 + 1)) AS hour FROM front
)
SELECT held.row AS row, min(client) AS lowest, max(client) AS highest
FROM held JOIN told ON held.account = told.account AND held.hour = told.hour
    AND told.start <= held."end" AND told."end" >= held.start
GROUP BY held.row ORDER BY held.row
"""


def placed(wanted: Mask, front: Mask, account: Codes, client: Codes, first: Codes, last: Codes) -> tuple[Codes, Mask]:
    """Say whose client each session without an address has.

    Args:
        wanted: the sessions of the OWA server log.
        front: the sessions that front ends tell of, with a client.
        account: acting account per session.
        client: network and agent per session, as one number.
        first: start, microseconds since 1970.
        last: end.

    Returns:
        Per session the client taken from a front end's log, -1 where there is none or more than one; and whether the log
        of a front end tells of none at that time.
    """
    found = np.full(len(account), -1, np.int64)
    alone = wanted.copy()
    if not wanted.any() or not front.any():
        return found, alone
    with scratch() as database:
        for name, mask, slack in (("wanted", wanted, 0), ("front", front, _SLACK_US)):
            rows = np.flatnonzero(mask)
            columns = {"row": rows, "account": account[rows], "client": client[rows]}
            span = {"start": first[rows] - slack, "end": last[rows] + slack}
            database.register(name, pa.table(columns | span))
        met = database.sql(_MET).to_arrow_table()
    rows, lowest, highest = (met[one].to_numpy() for one in ("row", "lowest", "highest"))
    alone[rows] = False
    found[rows] = np.where(lowest == highest, lowest, -1)
    return found, alone
