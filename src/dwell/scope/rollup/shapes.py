"""Shapes of what the wide pass yields: one small Arrow table of each kind per data file."""

from __future__ import annotations

from enum import IntEnum

import pyarrow as pa

__all__ = [
    "ACTS",
    "BUILDS",
    "CHANGES",
    "DOORS",
    "GROUNDS",
    "HOURS",
    "JOINED",
    "LAYERS",
    "LOGONS",
    "LOGON_HOURS",
    "MESSAGES",
    "PROXY",
    "SCHEMAS",
    "SESSIONS",
    "Act",
    "Outcome",
]

_TIME = pa.timestamp("us", tz="UTC")
_CODED = pa.dictionary(pa.int32(), pa.string())
"""Texts that come again and again: a case of years has millions of sessions."""


class Act(IntEnum):
    """What a request did to a mailbox, weakest first; the manual (grades) says which record proves which."""

    OPENED = 1
    LISTED = 2
    READ = 3
    SYNCED = 4
    NAMED = 5


class Outcome(IntEnum):
    """How a request ended."""

    OK = 0
    REFUSED = 1
    OTHER = 2


ACTS: tuple[str, ...] = ("opened", "listed", "read", "synced", "named")
"""Columns of `SESSIONS` that count requests by `Act`, in its order."""

SESSIONS = pa.schema(
    [
        pa.field("table", _CODED, nullable=False),
        pa.field("host", _CODED),
        pa.field("protocol", _CODED, nullable=False),
        pa.field("actor", _CODED),
        pa.field("mailbox", _CODED),
        pa.field("basis", _CODED, nullable=False),
        pa.field("client", _CODED),
        pa.field("agent", _CODED),
        pa.field("layer", _CODED, nullable=False),
        pa.field("outcome", pa.int8(), nullable=False),
        pa.field("first_utc", _TIME, nullable=False),
        pa.field("last_utc", _TIME, nullable=False),
        pa.field("requests", pa.int64(), nullable=False),
        *(pa.field(one, pa.int64(), nullable=False) for one in ACTS),
        pa.field("bytes", pa.int64()),
        pa.field("via", _CODED),
        pa.field("auth", _CODED),
        pa.field("device", _CODED),
        pa.field("wrote", pa.int64()),
        pa.field("evidence_id", _CODED, nullable=False),
        pa.field("record_no", pa.int64(), nullable=False),
    ]
)
"""Runs of requests of one client on one mailbox, no longer than `fold.GAP_US` apart.

`actor` and `mailbox` are as the log names them (`mailbox` null: the actor's own is assumed); `basis` is `explicit`,
`routed` or `assumed`, with the kind of logon behind it where the log has one (`explicit (delegate)`); `layer` tells apart
what one log holds twice (`front`, `back`), and the requests that several logs tell of (`joined`), which stand once, under
the log that is nearest to the mailbox, each column from the log that knows best (`rollup.joins`); `bytes` sent to the
client, null where no row has them; `via` the ranges of trusted hops that the client was read behind, null where there are
none; `auth` how the client proved who it was and `device` the id of an ActiveSync device, both as the first row has them,
null where the log has none; `wrote` counts the requests that sent, made, moved or deleted something, null where no row's
action says; the record is the run's first of the strongest act.
"""

JOINED = "joined"
"""The layer of sessions whose requests stand in several logs."""

GROUNDS = pa.schema(
    [
        pa.field("evidence_id", _CODED, nullable=False),
        pa.field("record_no", pa.int64(), nullable=False),
        pa.field("layer", _CODED, nullable=False),
        pa.field("at_evidence_id", _CODED, nullable=False),
        pa.field("at_record_no", pa.int64(), nullable=False),
        pa.field("requests", pa.int64(), nullable=False),
        pa.field("bytes", pa.int64()),
    ]
)
"""What each layer holds of a joined session, its own log among them.

`evidence_id` and `record_no` are the session's; `layer` is one of `rollup.layers`, `at_…` the record there of the request
that stands for the session, or where that layer lacks it of the first it has; `requests` of the session that it has, and
`bytes` it has for them, null where it has none.
"""

HOURS = pa.schema(
    [
        pa.field("evidence_id", pa.string(), nullable=False),
        pa.field("host", pa.string()),
        pa.field("part", pa.string()),
        pa.field("hour", pa.int64(), nullable=False),
        pa.field("records", pa.int64(), nullable=False),
    ]
)
"""Records per evidence file, host and hour; `hour` is hours since 1970 in UTC, `part` the channel of an event log."""

BUILDS = pa.schema(
    [
        pa.field("host", pa.string()),
        pa.field("build", pa.string(), nullable=False),
        pa.field("first_utc", _TIME, nullable=False),
        pa.field("last_utc", _TIME, nullable=False),
        pa.field("evidence_id", pa.string(), nullable=False),
        pa.field("record_no", pa.int64(), nullable=False),
    ]
)
"""Builds that rows carry: `15.1.2176.2`, with the first row that has it."""

PROXY = pa.schema(
    [
        pa.field("host", pa.string()),
        pa.field("time_utc", _TIME),
        pa.field("client", pa.string()),
        pa.field("agent", pa.string()),
        pa.field("anchor", pa.string()),
        pa.field("url", pa.string()),
        pa.field("status", pa.int32()),
        pa.field("bytes", pa.int64()),
        pa.field("request_id", pa.string()),
        pa.field("evidence_id", pa.string(), nullable=False),
        pa.field("record_no", pa.int64(), nullable=False),
    ]
)
"""Requests that the front end was made to send elsewhere (`ServerInfo~`): server-side request forgery, row by row."""

MESSAGES = pa.schema(
    [
        pa.field("actor", pa.string()),
        pa.field("mailbox", pa.string()),
        pa.field("client", pa.string()),
        pa.field("agent", pa.string()),
        pa.field("time_utc", _TIME),
        pa.field("message_id", pa.string()),
        pa.field("folder", pa.string()),
        pa.field("evidence_id", pa.string(), nullable=False),
        pa.field("record_no", pa.int64(), nullable=False),
        pa.field("unnamed", pa.int64()),
    ]
)
"""Messages that a record names as read, and folders that it names as synchronised (`message_id` null).

`unnamed` stands with the first message of a record: how many more items the record counts than it names; null where none.
"""

LOGONS = pa.schema(
    [
        pa.field("host", pa.string()),
        pa.field("event_id", pa.int32(), nullable=False),
        pa.field("account", pa.string()),
        pa.field("logon_type", pa.string()),
        pa.field("client", pa.string()),
        pa.field("target", pa.string()),
        pa.field("first_utc", _TIME, nullable=False),
        pa.field("last_utc", _TIME, nullable=False),
        pa.field("count", pa.int64(), nullable=False),
        pa.field("evidence_id", pa.string(), nullable=False),
        pa.field("record_no", pa.int64(), nullable=False),
    ]
)
"""Windows logons, by host, account, type and where from; `target` is the server named by an explicit-credential logon."""

LOGON_HOURS = pa.schema(
    [
        pa.field("host", pa.string()),
        pa.field("hour", pa.int64(), nullable=False),
        pa.field("evidence_id", pa.string(), nullable=False),
    ]
)
"""Hours since 1970 in UTC in which a Security log holds a logon of anybody: where none is near, none would be recorded."""

CHANGES = pa.schema(
    [
        pa.field("host", pa.string()),
        pa.field("event_id", pa.int32(), nullable=False),
        pa.field("name", pa.string()),
        pa.field("path", pa.string()),
        pa.field("account", pa.string()),
        pa.field("domain", pa.string()),
        pa.field("time_utc", _TIME, nullable=False),
        pa.field("evidence_id", pa.string(), nullable=False),
        pa.field("record_no", pa.int64(), nullable=False),
    ]
)
"""Tasks, services and accounts that an event log says were made, taken away or switched off, row by row; `domain` is that
of the account."""

REQUESTS = pa.schema(
    [
        pa.field("request_id", pa.string(), nullable=False),
        pa.field("host", pa.string()),
        pa.field("time_utc", _TIME, nullable=False),
        pa.field("evidence_id", pa.string(), nullable=False),
        pa.field("record_no", pa.int64(), nullable=False),
    ]
)
"""Requests by the id that several logs know them by, a sample of each data file (`rollup.requests`)."""

LAYERS = pa.schema(
    [
        pa.field("evidence_id", pa.string(), nullable=False),
        pa.field("host", pa.string()),
        pa.field("front", pa.string()),
        pa.field("layer", pa.string(), nullable=False),
        pa.field("folder", pa.int8(), nullable=False),
        pa.field("ok", pa.bool_(), nullable=False),
        pa.field("hour", pa.int64(), nullable=False),
        pa.field("lines", pa.int64(), nullable=False),
        pa.field("requests", pa.int64(), nullable=False),
        pa.field("low", pa.int64(), nullable=False),
        pa.field("high", pa.int64(), nullable=False),
    ]
)
"""What each layer of a mail server logged of requests, per evidence file, kind and hour (`rollup.layers`).

`front` is the front end that handed them over, as the log names it, null where that is the host itself; `folder` the
virtual directory, place in `layers.FOLDERS`; `requests` are the lines that hold an id, `low` and `high` sums of the halves
of a hash of these.
"""

DOORS = pa.schema(
    [
        pa.field("host", pa.string()),
        pa.field("hour", pa.int64(), nullable=False),
        pa.field("user", pa.string(), nullable=False),
        pa.field("client", pa.string()),
        pa.field("forwarded", pa.string()),
        pa.field("behind", pa.bool_(), nullable=False),
    ]
)
"""Who was answered at a door to Exchange's cmdlets, in which hour since 1970, as the web log has it; `behind` says that the
log is the back end's."""

SCHEMAS: dict[str, pa.Schema] = {
    "sessions": SESSIONS,
    "hours": HOURS,
    "builds": BUILDS,
    "proxy": PROXY,
    "messages": MESSAGES,
    "logons": LOGONS,
    "logon_hours": LOGON_HOURS,
    "changes": CHANGES,
    "requests": REQUESTS,
    "layers": LAYERS,
    "grounds": GROUNDS,
    "doors": DOORS,
}
