"""Audit logs of Entra ID: consent to applications, new secrets, roles, federation, devices, methods of authentication.

Source:
    Microsoft Learn, "directoryAudit resource type" (Graph) and `AuditLogs` (Azure Monitor): Graph answers, diagnostic
    settings (`{time, category, properties}`), Sentinel's table as JSON or CSV, the portal's CSV in English, and unverified
    in German, French and Dutch, as for sign-ins. Columns are
    named as in Graph; what lies deeper is named by its path, `targetResources` is kept as JSON.
Time:
    `activityDateTime` is UTC; where it is missing, `TimeGenerated` or the wrapper's `time`.
Units:
    One row is one act. Exports repeat records: nothing is left out, `id` tells copies apart.

Raises:
    Nothing. A line or object that cannot be read is an anomaly.
Trust:
    The service writes the record; names of applications and devices are free text of whoever made them.
    `initiatedBy.user.ipAddress` may be the service's own.
Silence:
    The log holds 7 or 30 days unless it was exported. Reading of mail is not in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
import pyarrow as pa

from dwell.model.instants import TimeBasis
from dwell.sources.aliased_csv import AzureCsv
from dwell.sources.json_records import JsonRecords, merged
from dwell.sources.matched import schema_of
from dwell.sources.portal_words import in_other_languages, marks_in_other_languages
from dwell.sources.source import Stamp

__all__ = ["EntraAudit", "EntraAuditCsv"]

_NAMES = (
    "activityDateTime", "TimeGenerated", "id", "category", "activityDisplayName", "operationName", "operationType",
    "result", "resultReason", "resultType", "resultDescription", "loggedByService", "correlationId", "identity",
    "initiatedBy.user.userPrincipalName", "initiatedBy.user.id", "initiatedBy.user.displayName",
    "initiatedBy.user.ipAddress", "initiatedBy.app.displayName", "initiatedBy.app.appId",
    "initiatedBy.app.servicePrincipalId", "targetResources", "additionalDetails", "userAgent", "tenantId", "time",
)  # fmt: skip
_COLUMNS: dict[str, pa.DataType] = dict.fromkeys(_NAMES, pa.string())
_ALIASES: Mapping[str, str] = {
    "date (utc)": "activityDateTime",
    "activity": "activityDisplayName",
    "service": "loggedByService",
    "correlation id": "correlationId",
    "actoruserprincipalname": "initiatedBy.user.userPrincipalName",
    "actorobjectid": "initiatedBy.user.id",
    "actordisplayname": "initiatedBy.user.displayName",
    "ipaddress": "initiatedBy.user.ipAddress",
    "status reason": "resultReason",
    "useragent": "userAgent",
    "user agent": "userAgent",
}
_NAMED = {"category": "category", "result": "result", "target1displayname": "Target1DisplayName", **_ALIASES}
_MARKS = (
    frozenset({"activitydatetime", "timegenerated", "timegenerated [utc]", "date (utc)", "time"}),
    frozenset({"activitydisplayname", "operationname", "activity"}),
    frozenset({"initiatedby", "targetresources", "actoruserprincipalname", "actorobjectid", "target1displayname"}),
)
_TIMES = ("activityDateTime", "TimeGenerated", "time")
_LEXICON = (
    "category", "activityDisplayName", "operationName", "result", "loggedByService", "identity",
    "initiatedBy.user.userPrincipalName", "initiatedBy.user.ipAddress", "initiatedBy.app.displayName",
    "initiatedBy.app.appId",
)  # fmt: skip


class EntraAudit(JsonRecords):
    """Audit log of Entra ID, JSON."""

    key = "entra_audit"
    stamp = Stamp("activityDateTime, TimeGenerated or time", TimeBasis.UTC)
    title = "Entra ID audit log (JSON)"
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    aliases: ClassVar[Mapping[str, str]] = _ALIASES
    whole: ClassVar[frozenset[str]] = frozenset({"targetresources", "additionaldetails"})
    time_names: ClassVar[tuple[str, ...]] = _TIMES
    marks: ClassVar[tuple[frozenset[str], ...]] = _MARKS
    score = 84
    schema = schema_of(_COLUMNS)
    lexicon = _LEXICON

    def _shaped(self, record: dict[str, Any]) -> dict[str, Any]:
        """Open the actor where the table holds it as a JSON text."""
        out = merged(record)
        held = out.get("InitiatedBy")
        if isinstance(held, str) and held.startswith("{"):
            try:
                return out | {"InitiatedBy": msgspec.json.decode(held)}
            except (msgspec.MsgspecError, RecursionError):
                return out
        return out


class EntraAuditCsv(AzureCsv):
    """Audit log of Entra ID, CSV."""

    key = "entra_audit_csv"
    stamp = Stamp("activityDateTime, TimeGenerated or time", TimeBasis.UTC)
    title = "Entra ID audit log (CSV)"
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    aliases: ClassVar[Mapping[str, str]] = in_other_languages("entra_audit", _NAMED) | dict(_ALIASES)
    time_names: ClassVar[tuple[str, ...]] = _TIMES
    marks = marks_in_other_languages("entra_audit", _MARKS)
    score = 84
    schema = EntraAudit.schema
    lexicon = _LEXICON

    @property
    def table(self) -> str:
        """Give the table of audit records."""
        return "entra_audit"
