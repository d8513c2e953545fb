r"""ECP server logs: one line per request that the control panel's back end carried out, with its cmdlets.

Source:
    No public specification. Four columns as seen in the logs of 15.01.2375 (`#Version: 15.0.0.0` there is a constant).
Time:
    `TimeStamp` is UTC to the millisecond; it becomes `time_utc` and is not stored twice.
Units:
    In `EventData`, `TIME` is milliseconds. `CMD` is one or more cmdlets with their parameters, dots for blanks:
    `Set-OabVirtualDirectory.ExternalUrl='…'`. `EventDataMap` holds the blob by key, without the types (`S:`).

Raises:
    Nothing. A line that cannot be read is an anomaly.
Trust:
    Whoever sent the request writes `URL`, `REFERRER` and the parameters in `CMD`. The user is not named: the front-end
    log of the same moment names him.
Silence:
    Kept for 30 days or 1 GB unless copied. A request that the front end refused is not here.
"""

from __future__ import annotations

import re
from typing import ClassVar

from dwell.model.instants import TimeBasis
from dwell.sources.event_data import EventDataLog
from dwell.sources.source import Stamp

__all__ = ["EcpServer"]


class EcpServer(EventDataLog):
    """Exchange ECP server log."""

    key = "ecp_server"
    stamp = Stamp("TimeStamp", TimeBasis.UTC, "millisecond")
    title = "Exchange ECP server log"
    log_type = "ecp server log"
    own: ClassVar[re.Pattern[str] | None] = re.compile(r",ECP\.[A-Za-z.]+,|[,;]'?S:CMD=|;S:RS=")
