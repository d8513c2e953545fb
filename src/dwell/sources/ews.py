r"""EWS logs: one line per Exchange Web Services call that a back-end server carried out, with its SOAP action.

Source:
    No public specification. Column lists as seen in the logs of 15.00.1104 (72 columns) and 15.01.2375 (92 columns). The
    earlier one may have its header before the `#Software` line.
Time:
    `DateTime` is UTC to the millisecond, the *end* of the call; it becomes `time_utc` and is not stored twice.
    `StartTime` (2016 and later) is its start.
Units:
    Latencies, `ThrottlingDelay` and `TotalRequestTime` milliseconds; `RequestSize` and `ResponseSize` bytes, the latter
    mostly not written and then null. `LocalIdCount` and `RemoteIdCount` count the ids of items or folders in the request.

Raises:
    Nothing. A line that cannot be read is an anomaly.
Trust:
    An outsider writes `UserAgent`, `ClientRequestId`, parts of `VersionInfo`, `ClientStatistics` and `Cookie`; the server
    names `AuthenticatedUser`, `ActAsUser`, `ImpersonatedUser` and `SoapAction` after it has let the caller in, unless the
    call came by a forged token (ProxyLogon): then they name whom the intruder chose. `ClientIpAddress` is the front
    end's view of the client.
Silence:
    Kept for 30 days or 1 GB unless copied. A call that was refused before it reached the service is in IIS only. Rows
    with all but `SoapAction` empty (`Sbsc_...`) are the server's own housekeeping of subscriptions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import pyarrow as pa

from dwell.model.instants import TimeBasis
from dwell.sources.exchange_csv import ExchangeCsv
from dwell.sources.source import EXTRA, Stamp

__all__ = ["Ews"]

_T, _I, _L, _F = pa.string(), pa.int32(), pa.int64(), pa.float64()

_COLUMNS: dict[str, pa.DataType] = {
    "DateTime": _T,
    "RequestId": _T,
    "MajorVersion": _I,
    "MinorVersion": _I,
    "BuildVersion": _I,
    "RevisionVersion": _I,
    "Ring": _T,
    "ClientRequestId": _T,
    "AuthenticationType": _T,
    "IsAuthenticated": _T,
    "AuthenticatedUser": _T,
    "Organization": _T,
    "UserAgent": _T,
    "VersionInfo": _T,
    "ClientIpAddress": _T,
    "ServerHostName": _T,
    "FrontEndServer": _T,
    "SoapAction": _T,
    "HttpStatus": _I,
    "RequestSize": _L,
    "ResponseSize": _L,
    "ErrorCode": _T,
    "ImpersonatedUser": _T,
    "ProxyAsUser": _T,
    "ActAsUser": _T,
    "Cookie": _T,
    "CorrelationGuid": _T,
    "PrimaryOrProxyServer": _T,
    "TaskType": _T,
    "RemoteBackendCount": _L,
    "LocalMailboxCount": _L,
    "RemoteMailboxCount": _L,
    "LocalIdCount": _L,
    "RemoteIdCount": _L,
    # budgets are counted in words as well ("11 Max")
    **{
        f"{end}Budget{what}": _T
        for what in ("Connections", "HangingConnections", "AD", "CAS", "RPC", "FindCount", "Subscriptions")
        for end in ("Begin", "End")
    },
    "MDBResource": _T,
    "MDBHealth": _T,
    "MDBHistoricalLoad": _T,
    "ThrottlingPolicy": _T,
    "ThrottlingDelay": _F,
    "ThrottlingRequestType": _T,
    "TotalDCRequestCount": _L,
    "TotalDCRequestLatency": _F,
    "TotalMBXRequestCount": _L,
    "TotalMBXRequestLatency": _F,
    "RecipientLookupLatency": _F,
    "ExchangePrincipalLatency": _F,
    "HttpPipelineLatency": _F,
    "CheckAccessCoreLatency": _F,
    "AuthModuleLatency": _F,
    "CallContextInitLatency": _F,
    "PreExecutionLatency": _F,
    "CoreExecutionLatency": _F,
    "TotalRequestTime": _F,
    "DetailedExchangePrincipalLatency": _T,
    "ClientStatistics": _T,
    "GenericInfo": _T,
    "AuthenticationErrors": _T,
    "GenericErrors": _T,
    "Puid": _T,
    "StartTime": pa.timestamp("us", tz="UTC"),
    "ProcessId": _L,
    "TimeInGC": _F,
    "StartTotalMemory": _L,
    "EndTotalMemory": _L,
    "StartGCCounts": _T,
    "EndGCCounts": _T,
    "TokenBasedThrottlingPolicy": _T,
    "BudgetKey": _T,
    "CoinsCharged": _F,
    "CoinsChargedMethod": _T,
    "SidBudgetInfo": _T,
    "AppBudgetInfo": _T,
    "TenantBudgetInfo": _T,
    "ResourceAccessed": _T,
    "ResourceHealthBasedThreshold": _T,
    "ThrottledBy": _T,
    "BackoffHint": _T,
    "WorkClassification": _T,
}
_NEWEST = tuple(_COLUMNS)
_OF_2013 = tuple(name for name in _NEWEST[: _NEWEST.index("StartTime")] if name != "Ring")


class Ews(ExchangeCsv):
    """Exchange Web Services log."""

    key = "ews"
    stamp = Stamp("DateTime", TimeBasis.UTC, "millisecond")
    title = "Exchange EWS log"
    log_type = "ews logs"
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    layouts: ClassVar[Mapping[int, Sequence[str]]] = {92: _NEWEST, 72: _OF_2013}
    marks = frozenset(
        ["soapaction", "actasuser", "impersonateduser", "proxyasuser", "throttlingpolicy", "localidcount"]
    )
    surplus = ("UserAgent", "GenericErrors", "GenericInfo", "ClientStatistics", "VersionInfo", "AuthenticationErrors")
    schema = ExchangeCsv.table_schema(_COLUMNS, EXTRA)
    lexicon = (
        "Ring",
        "AuthenticationType",
        "IsAuthenticated",
        "AuthenticatedUser",
        "Organization",
        "UserAgent",
        "VersionInfo",
        "ClientIpAddress",
        "ServerHostName",
        "FrontEndServer",
        "SoapAction",
        "ErrorCode",
        "ImpersonatedUser",
        "ProxyAsUser",
        "ActAsUser",
        "PrimaryOrProxyServer",
        "TaskType",
        "ThrottlingPolicy",
        "ThrottlingRequestType",
        "AuthenticationErrors",
        "GenericErrors",
        "Puid",
        "BudgetKey",
        "ThrottledBy",
        "WorkClassification",
    )
