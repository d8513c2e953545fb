r"""HttpProxy logs: one line per request that the Exchange front end took in and handed on (2013 and later).

Source:
    No public specification. Column lists as seen in the logs of 15.01.2375 and 15.01.2507 (74 columns), and as known of
    earlier builds: 70 (ends at `EdgeTraceId`), 69 (ends at `GenericErrors`), 53 (15.00.0516, whose header names a 54th,
    empty column). One file name for all protocols: the folder, or `Protocol`, tells them apart.
Time:
    `DateTime` is UTC to the millisecond, the *end* of the request; it becomes `time_utc` and is not stored twice. The
    start is `TotalRequestTime` earlier, or `BeginRequest=` in `GenericInfo`. Rows are not in order of time.
Units:
    Latencies and `TotalRequestTime` milliseconds, decimals in some builds; `RequestBytes` and `ResponseBytes` bytes of
    payload, null where chunked or not proxied, never 0 for that.

Raises:
    Nothing. A line that cannot be read is an anomaly.
Trust:
    An outsider writes `UrlHost`, `UrlStem`, `UrlQuery`, `UserAgent`, `ClientRequestId`, `Method`, by way of headers and
    cookies `AnchorMailbox`, `RoutingHint` and `BackEndCookie`, and, where no balancer overwrites it, `ClientIpAddress`
    (X-Forwarded-For). `AnchorMailbox` is where a request was sent, not proof that a mailbox was opened. Commas in values
    were replaced by a space.
Silence:
    Kept for 30 days or 1 GB unless copied. The anonymous 401 of a challenge is not written here but is in IIS, so the two
    never count alike. A request that reached the back end directly (port 444) is not here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import pyarrow as pa

from dwell.model.instants import TimeBasis
from dwell.sources.exchange_csv import ExchangeCsv
from dwell.sources.source import EXTRA, Stamp

__all__ = ["HttpProxy"]

_T, _I, _L, _F = pa.string(), pa.int32(), pa.int64(), pa.float64()

_COLUMNS: dict[str, pa.DataType] = {
    "DateTime": _T,
    "RequestId": _T,
    "MajorVersion": _I,
    "MinorVersion": _I,
    "BuildVersion": _I,
    "RevisionVersion": _I,
    "ClientRequestId": _T,
    "Protocol": _T,
    "UrlHost": _T,
    "UrlStem": _T,
    "ProtocolAction": _T,
    "AuthenticationType": _T,
    "IsAuthenticated": _T,
    "AuthenticatedUser": _T,
    "Organization": _T,
    "AnchorMailbox": _T,
    "UserAgent": _T,
    "ClientIpAddress": _T,
    "ServerHostName": _T,
    "HttpStatus": _I,
    "BackEndStatus": _I,
    "ErrorCode": _T,
    "Method": _T,
    "ProxyAction": _T,
    "TargetServer": _T,
    "TargetServerVersion": _T,
    "RoutingType": _T,
    "RoutingHint": _T,
    "BackEndCookie": _T,
    "ServerLocatorHost": _T,
    "ServerLocatorLatency": _F,
    "RequestBytes": _L,
    "ResponseBytes": _L,
    "TargetOutstandingRequests": _L,
    "AuthModulePerfContext": _T,
    "HttpPipelineLatency": _F,
    "CalculateTargetBackEndLatency": _F,
    "GlsLatencyBreakup": _T,
    "TotalGlsLatency": _F,
    "AccountForestLatencyBreakup": _T,
    "TotalAccountForestLatency": _F,
    "ResourceForestLatencyBreakup": _T,
    "TotalResourceForestLatency": _F,
    "ADLatency": _F,
    "SharedCacheLatencyBreakup": _T,
    "TotalSharedCacheLatency": _F,
    "ActivityContextLifeTime": _F,
    "ModuleToHandlerSwitchingLatency": _F,
    "ClientReqStreamLatency": _F,
    "BackendReqInitLatency": _F,
    "BackendReqStreamLatency": _F,
    "BackendProcessingLatency": _F,
    "BackendRespInitLatency": _F,
    "BackendRespStreamLatency": _F,
    "ClientRespStreamLatency": _F,
    "KerberosAuthHeaderLatency": _F,
    "HandlerCompletionLatency": _F,
    "RequestHandlerLatency": _F,
    "HandlerToModuleSwitchingLatency": _F,
    "ProxyTime": _F,
    "CoreLatency": _F,
    "RoutingLatency": _F,
    "HttpProxyOverhead": _F,
    "TotalRequestTime": _F,
    "RouteRefresherLatency": _F,
    "UrlQuery": _T,
    "BackEndGenericInfo": _T,
    "GenericInfo": _T,
    "GenericErrors": _T,
    "EdgeTraceId": _T,
    "DatabaseGuid": _T,
    "UserADObjectGuid": _T,
    "PartitionEndpointLookupLatency": _F,
    "RoutingStatus": _T,
}
_NEWEST = tuple(_COLUMNS)
_NOT_IN_2013 = {
    "UrlHost", "RoutingType", "SharedCacheLatencyBreakup", "TotalSharedCacheLatency", "ModuleToHandlerSwitchingLatency",
    "ClientReqStreamLatency", "BackendReqInitLatency", "BackendReqStreamLatency", "BackendProcessingLatency",
    "BackendRespInitLatency", "BackendRespStreamLatency", "ClientRespStreamLatency", "KerberosAuthHeaderLatency",
    "HandlerCompletionLatency", "RequestHandlerLatency", "HandlerToModuleSwitchingLatency", "ProxyTime", "CoreLatency",
    "RoutingLatency", "HttpProxyOverhead", "TotalRequestTime", "RouteRefresherLatency", "UrlQuery",
    "BackEndGenericInfo", "GenericInfo", "GenericErrors", "EdgeTraceId", "DatabaseGuid", "UserADObjectGuid",
    "PartitionEndpointLookupLatency", "RoutingStatus",
}  # fmt: skip
_TAIL_2013 = (
    "ModuleToHandlerSwitching", "FirstResponseByteReceived", "ProxyTime", "RequestHandlerLatency",
    "HandlerToModuleSwitching", "HttpProxyOverhead", "TotalRequestTime", "UrlQuery", "GenericInfo", "GenericErrors",
)  # fmt: skip
_OF_2013 = (*(name for name in _NEWEST if name not in _NOT_IN_2013), *_TAIL_2013)
_EMPTY_AT = _OF_2013.index("TargetServerVersion")

_PROTOCOLS = frozenset(
    [
        "owa",
        "ecp",
        "ews",
        "mapi",
        "rpchttp",
        "eas",
        "autodiscover",
        "powershell",
        "oab",
        "owacalendar",
        "rest",
        "pushnotifications",
    ]
)


class HttpProxy(ExchangeCsv):
    """Exchange front-end proxy log."""

    key = "httpproxy"
    stamp = Stamp("DateTime", TimeBasis.UTC, "millisecond")
    title = "Exchange HttpProxy log"
    log_type = "httpproxy logs"
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    layouts: ClassVar[Mapping[int, Sequence[str]]] = {
        74: _NEWEST,
        70: _NEWEST[:70],
        69: _NEWEST[:69],
        54: (*_OF_2013[:_EMPTY_AT], "", *_OF_2013[_EMPTY_AT:]),
        53: _OF_2013,
    }
    marks = frozenset(
        [
            "urlstem",
            "anchormailbox",
            "routinghint",
            "backendcookie",
            "backendstatus",
            "proxyaction",
            "serverlocatorhost",
            "routingtype",
        ]
    )
    surplus = ("UserAgent", "UrlQuery", "GenericErrors", "GenericInfo", "UrlStem", "AnchorMailbox", "ErrorCode")
    schema = ExchangeCsv.table_schema(_COLUMNS, EXTRA)
    lexicon = (
        "Protocol",
        "UrlHost",
        "UrlStem",
        "ProtocolAction",
        "AuthenticationType",
        "IsAuthenticated",
        "AuthenticatedUser",
        "Organization",
        "AnchorMailbox",
        "UserAgent",
        "ClientIpAddress",
        "ServerHostName",
        "ErrorCode",
        "Method",
        "ProxyAction",
        "TargetServer",
        "TargetServerVersion",
        "RoutingType",
        "RoutingHint",
        "ServerLocatorHost",
        "UrlQuery",
        "GenericErrors",
        "RoutingStatus",
    )

    def _certain(self, layout: Sequence[str], cells: Sequence[str]) -> bool:
        """Ask for the name of a protocol, too."""
        return cells[layout.index("Protocol")].lower() in _PROTOCOLS and super()._certain(layout, cells)
