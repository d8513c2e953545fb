"""OWA server logs: what Outlook on the web did for a user, action by action.

Source:
    No public specification. The value of `#Log-type`, the four columns and the keys are those that Exchange's own
    assemblies write (`OwaServerLogger`, `ExtensibleLogger`; public decompilation, read 2026-11-30).
    Unverified: no sample seen; a real file would verify it.
Time:
    `TimeStamp` is UTC; it becomes `time_utc` and is not stored twice.
Units:
    `EventId` is the action (`GetItem`, `FindItem`, `SessionData`). `EventDataMap` holds `EventData` by key, without the
    types (`S:`, `I32:`): `PSA` the address of the mailbox, `user` who opened it where that is another, both between
    `<PII>` and `</PII>`; `MG` the mailbox's GUID; `ClientId` the browser's cookie; `UC` the session; `ActID` the request;
    `FE` the front end; `Err` the error, `Success` or absent where there is none. The address of the client is not in it.

Raises:
    Nothing. A line that cannot be read is an anomaly.
Trust:
    The server names `PSA`, `user` and `MG` after it has let the caller in. `ClientId`, agents and action names come from
    the browser's request: whoever sends it can choose them.
Silence:
    Kept for 30 days or 1 GB unless copied. A logon alone already shows the newest messages: no action is needed for
    that.
"""

from __future__ import annotations

from dwell.model.instants import TimeBasis
from dwell.sources.event_data import EventDataLog
from dwell.sources.source import Stamp

__all__ = ["Owa"]


class Owa(EventDataLog):
    """Exchange OWA server log."""

    key = "owa"
    stamp = Stamp("TimeStamp", TimeBasis.UTC, "millisecond")
    title = "Exchange OWA server log"
    log_type = "owa server log"
