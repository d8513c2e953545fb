"""Sign-in logs of Entra ID: interactive, non-interactive, of service principals and of managed identities.

Source:
    Microsoft Learn, "signIn resource type" (Graph), `SigninLogs`, `AADNonInteractiveUserSignInLogs`,
    `AADServicePrincipalSignInLogs` and `AADManagedIdentitySignInLogs` (Azure Monitor). Graph answers, diagnostic
    settings (`{time, category, properties}`), tables of Sentinel as JSON or CSV, and the portal's CSV all give one table,
    its columns named as in Graph; what lies deeper is named by its path. The portal's CSV is read in English, and in
    German, French and Dutch by words from Microsoft's own pages and others that are usual, of which no download has
    been seen: unverified. A column by any other name is kept under it.
Time:
    `createdDateTime` is UTC, the moment of the sign-in; where it is missing, `TimeGenerated` or the wrapper's `time`.
Units:
    One row is one sign-in, in non-interactive logs a sum of several. Exports repeat records: nothing is left out, `id`
    tells copies apart.

Raises:
    Nothing. A line or object that cannot be read is an anomaly.
Trust:
    The service writes the record; the client writes `userAgent` and, of a refused attempt, `userPrincipalName`.
    `ipAddress` is what the service saw: a proxy or relay stands for whoever is behind it. Cities are a guess of the
    service.
Silence:
    The logs hold 7 or 30 days unless they were exported. Sign-ins of the three other kinds are not in the log of
    interactive ones; a token that was taken over may be used for hours without a new sign-in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pyarrow as pa

from dwell.model.instants import TimeBasis
from dwell.sources.aliased_csv import AzureCsv
from dwell.sources.json_records import JsonRecords, Look
from dwell.sources.matched import schema_of
from dwell.sources.portal_words import in_other_languages, marks_in_other_languages
from dwell.sources.source import Stamp

__all__ = ["SignIns", "SignInsCsv"]

_NAMES = (
    "createdDateTime", "TimeGenerated", "id", "category", "userPrincipalName", "userDisplayName", "userId", "userType",
    "appId", "appDisplayName", "ipAddress", "clientAppUsed", "userAgent", "correlationId", "conditionalAccessStatus",
    "isInteractive", "riskDetail", "riskLevelAggregated", "riskLevelDuringSignIn", "riskState", "resourceId",
    "resourceDisplayName", "sessionId", "uniqueTokenIdentifier", "incomingTokenType", "authenticationProtocol",
    "authenticationRequirement", "originalTransferMethod", "crossTenantAccessType", "homeTenantId", "resourceTenantId",
    "autonomousSystemNumber", "servicePrincipalId", "servicePrincipalName", "resultType", "resultDescription",
    "status.errorCode", "status.failureReason", "status.additionalDetails", "location.city",
    "location.countryOrRegion", "deviceDetail.deviceId", "deviceDetail.displayName", "deviceDetail.operatingSystem",
    "deviceDetail.browser", "deviceDetail.trustType", "deviceDetail.isCompliant", "deviceDetail.isManaged",
    "authenticationDetails", "tenantId", "time",
)  # fmt: skip
_COLUMNS: dict[str, pa.DataType] = dict.fromkeys(_NAMES, pa.string())
_ALIASES: Mapping[str, str] = {
    "type": "category",
    "date (utc)": "createdDateTime",
    "date": "createdDateTime",
    "request id": "id",
    "user agent": "userAgent",
    "correlation id": "correlationId",
    "user id": "userId",
    "user": "userDisplayName",
    "username": "userPrincipalName",
    "user type": "userType",
    "application": "appDisplayName",
    "application id": "appId",
    "app id": "appId",
    "resource": "resourceDisplayName",
    "resource id": "resourceId",
    "ip address": "ipAddress",
    "sign-in error code": "status.errorCode",
    "failure reason": "status.failureReason",
    "client app": "clientAppUsed",
    "device id": "deviceDetail.deviceId",
    "browser": "deviceDetail.browser",
    "operating system": "deviceDetail.operatingSystem",
    "unique token identifier": "uniqueTokenIdentifier",
    "incoming token type": "incomingTokenType",
    "session id": "sessionId",
    "conditional access": "conditionalAccessStatus",
    "authentication protocol": "authenticationProtocol",
    "authentication requirement": "authenticationRequirement",
    "service principal id": "servicePrincipalId",
    "service principal name": "servicePrincipalName",
}
_MARKS = (
    frozenset({"createddatetime", "date (utc)", "timegenerated", "timegenerated [utc]", "time"}),
    frozenset({"appdisplayname", "application", "serviceprincipalname", "service principal name"}),
    frozenset({"ipaddress", "ip address"}),
    frozenset(
        {"conditionalaccessstatus", "conditional access", "status", "resulttype", "sign-in error code", "clientappused"}
    ),
    frozenset(
        {
            "userprincipalname", "username", "serviceprincipalid", "service principal id", "resourcedisplayname",
            "resource", "uniquetokenidentifier",
        }
    ),
)  # fmt: skip
_FEW = (
    frozenset({"createddatetime"}),
    frozenset({"userprincipalname"}),
    frozenset({"ipaddress"}),
    frozenset({"status", "clientappused", "appdisplayname", "appid", "resourcedisplayname", "devicedetail", "location",
               "isinteractive", "conditionalaccessstatus", "useragent"}),
)  # fmt: skip
"""What selecting a few properties of Graph's sign-ins leaves: no other record of Graph has an address beside these."""
_TIMES = ("createdDateTime", "TimeGenerated", "time")
_LEXICON = (
    "category", "userPrincipalName", "userDisplayName", "userId", "appId", "appDisplayName", "ipAddress",
    "clientAppUsed", "userAgent", "resourceDisplayName", "servicePrincipalId", "servicePrincipalName", "resultType",
    "status.errorCode", "location.countryOrRegion", "deviceDetail.deviceId", "deviceDetail.operatingSystem",
    "deviceDetail.browser", "authenticationProtocol", "incomingTokenType", "autonomousSystemNumber",
)  # fmt: skip


class SignIns(JsonRecords):
    """Sign-in logs of Entra ID, JSON."""

    key = "signins"
    stamp = Stamp("createdDateTime, TimeGenerated or time", TimeBasis.UTC)
    title = "Entra ID sign-in logs (JSON)"
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    aliases: ClassVar[Mapping[str, str]] = _ALIASES
    whole: ClassVar[frozenset[str]] = frozenset({"authenticationdetails"})
    time_names: ClassVar[tuple[str, ...]] = _TIMES
    marks: ClassVar[tuple[frozenset[str], ...]] = _MARKS
    schema = schema_of(_COLUMNS)
    lexicon = _LEXICON

    def _is_ours(self, seen: Look) -> bool:
        few = all(group & seen.names for group in _FEW)
        return seen.text("category").lower().endswith("signinlogs") or few or super()._is_ours(seen)


class SignInsCsv(AzureCsv):
    """Sign-in logs of Entra ID, CSV."""

    key = "signins_csv"
    stamp = Stamp("createdDateTime, TimeGenerated or time", TimeBasis.UTC)
    title = "Entra ID sign-in logs (CSV)"
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    aliases: ClassVar[Mapping[str, str]] = in_other_languages("signins", _ALIASES) | dict(_ALIASES)
    time_names: ClassVar[tuple[str, ...]] = _TIMES
    marks = marks_in_other_languages("signins", _MARKS)
    schema = SignIns.schema
    lexicon = _LEXICON

    @property
    def table(self) -> str:
        """Give the table of sign-ins."""
        return "signins"
