"""OWA server logs: what Outlook on the web did for a user, action by action.

Source:
    No public specification; the value of `#Log-type` is known, the columns are taken to be those of the ECP server log.
    Unverified: built from a description, no sample seen; a real file would verify it.
Time:
    `TimeStamp` is UTC; it becomes `time_utc` and is not stored twice.
Units:
    `EventDataMap` holds `EventData` by key, without the types (`S:`, `I32:`). What the keys mean is not documented.

Raises:
    Nothing. A line that cannot be read is an anomaly.
Trust:
    Agents, addresses and action names come from the browser's request.
Silence:
    Kept for 30 days or 1 GB unless copied. A logon alone already shows the newest messages: no action is needed for
    that.
"""

from __future__ import annotations

from dwell.sources.event_data import EventDataLog

__all__ = ["Owa"]


class Owa(EventDataLog):
    """Exchange OWA server log."""

    key = "owa"
    title = "Exchange OWA server log"
    log_type = "owa server log"
