"""Activity logs of Microsoft Graph: every request to the interface, with its address and the size of the answer.

Source:
    Microsoft Learn, `MicrosoftGraphActivityLogs` (Azure Monitor), as diagnostic settings write it (`{time, category,
    properties}`) or as Sentinel's table in JSON or CSV. Names without regard to case.
Time:
    `timeGenerated` or the wrapper's `time`, UTC.
Units:
    `responseSizeBytes` bytes of the answer: what was read, at most. `durationMs` milliseconds.

Raises:
    Nothing. A line or object that cannot be read is an anomaly.
Trust:
    The service writes the record; the client writes `userAgent`, `clientRequestId` and the tail of `requestUri`.
Silence:
    The log is off until it is switched on. It names the request, not what was in the answer; other interfaces to a
    mailbox (EWS, IMAP, Outlook's own) are not in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pyarrow as pa

from dwell.model.instants import TimeBasis
from dwell.sources.aliased_csv import AzureCsv
from dwell.sources.json_records import JsonRecords
from dwell.sources.matched import schema_of
from dwell.sources.source import Stamp

__all__ = ["GraphActivity", "GraphActivityCsv"]

_NAMES = (
    "timeGenerated", "category", "requestId", "operationId", "clientRequestId", "apiVersion", "requestMethod",
    "requestUri", "ipAddress", "userAgent", "userId", "servicePrincipalId", "appId", "clientAuthMethod",
    "identityProvider", "roles", "scopes", "signInActivityId", "tokenIssuedAt", "wids", "tenantId", "location",
    "UserPrincipalObjectID", "C_Idtyp", "atContent", "time",
)  # fmt: skip
_COLUMNS: dict[str, pa.DataType] = dict.fromkeys(_NAMES, pa.string()) | {
    "responseStatusCode": pa.int32(),
    "responseSizeBytes": pa.int64(),
    "durationMs": pa.int64(),
}
_MARKS = (
    frozenset({"requesturi"}),
    frozenset({"requestmethod"}),
    frozenset({"responsestatuscode", "signinactivityid", "responsesizebytes"}),
)
_TIMES = ("timeGenerated", "time")
_LEXICON = ("requestMethod", "requestUri", "ipAddress", "userAgent", "userId", "servicePrincipalId", "appId", "scopes")


class GraphActivity(JsonRecords):
    """Activity log of Microsoft Graph, JSON."""

    key = "graph_activity"
    stamp = Stamp("timeGenerated or time", TimeBasis.UTC)
    title = "Microsoft Graph activity log (JSON)"
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    time_names: ClassVar[tuple[str, ...]] = _TIMES
    marks: ClassVar[tuple[frozenset[str], ...]] = _MARKS
    score = 90
    schema = schema_of(_COLUMNS)
    lexicon = _LEXICON


class GraphActivityCsv(AzureCsv):
    """Activity log of Microsoft Graph, CSV."""

    key = "graph_activity_csv"
    stamp = Stamp("timeGenerated or time", TimeBasis.UTC)
    title = "Microsoft Graph activity log (CSV)"
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    time_names: ClassVar[tuple[str, ...]] = _TIMES
    marks = _MARKS
    score = 90
    schema = GraphActivity.schema
    lexicon = _LEXICON

    @property
    def table(self) -> str:
        """Give the table of Graph requests."""
        return "graph_activity"
