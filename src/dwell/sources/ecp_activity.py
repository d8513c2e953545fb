r"""ECP activity logs: one line per request of the control panel, with the person who made it and what it cost.

Source:
    No public specification. Four columns as seen in the logs of 15.00.1104 and 15.01.2375; a re-writer named the first
    one `MyTimeStamp`.
Time:
    `TimeStamp` is UTC to the millisecond; it becomes `time_utc` and is not stored twice. Rows are not in order of time.
Units:
    In `EventData`: counters (`.C`), milliseconds (`.T`, `.AL`) per server or domain controller in brackets. `PSA` is
    the person, as `<PII>user@domain</PII>`. `EventDataMap` holds the blob by key, without the types (`S:`, `Dbl:`,
    `I32:`).

Raises:
    Nothing. A line that cannot be read is an anomaly.
Trust:
    Whoever sent the request writes `URL`; the server names `PSA` after it has let him in.
Silence:
    Kept for 30 days or 1 GB unless copied. `GlobalActivity` rows are the server's own bookkeeping.
"""

from __future__ import annotations

import re
from typing import ClassVar

from dwell.model.instants import TimeBasis
from dwell.sources.event_data import EventDataLog
from dwell.sources.source import Stamp

__all__ = ["EcpActivity"]


class EcpActivity(EventDataLog):
    """Exchange ECP activity log."""

    key = "ecp_activity"
    stamp = Stamp("TimeStamp", TimeBasis.UTC, "millisecond")
    title = "Exchange ECP activity log"
    log_type = "ecp activity context log"
    own: ClassVar[re.Pattern[str] | None] = re.compile(
        r",(?:GlobalActivity|Request|Activity),'?(?:S:PSA=|S:URL=|S:Bld=)"
    )
