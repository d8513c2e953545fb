"""Exchange's own logs of the last weeks: HttpProxy (74 columns) and EWS (92 columns), told by the same requests as IIS."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from pathlib import Path

from dwell.drill.log_heads import head, instant
from dwell.drill.people import DOMAIN, HOSTS, World, pick
from dwell.drill.requests import Request

__all__ = ["PATCHED", "back_end", "write_exchange_logs"]

_PROXY_FIELDS = [
    "DateTime",
    "RequestId",
    "MajorVersion",
    "MinorVersion",
    "BuildVersion",
    "RevisionVersion",
    "ClientRequestId",
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
    "HttpStatus",
    "BackEndStatus",
    "ErrorCode",
    "Method",
    "ProxyAction",
    "TargetServer",
    "TargetServerVersion",
    "RoutingType",
    "RoutingHint",
    "BackEndCookie",
    "ServerLocatorHost",
    "ServerLocatorLatency",
    "RequestBytes",
    "ResponseBytes",
    "TargetOutstandingRequests",
    "AuthModulePerfContext",
    "HttpPipelineLatency",
    "CalculateTargetBackEndLatency",
    "GlsLatencyBreakup",
    "TotalGlsLatency",
    "AccountForestLatencyBreakup",
    "TotalAccountForestLatency",
    "ResourceForestLatencyBreakup",
    "TotalResourceForestLatency",
    "ADLatency",
    "SharedCacheLatencyBreakup",
    "TotalSharedCacheLatency",
    "ActivityContextLifeTime",
    "ModuleToHandlerSwitchingLatency",
    "ClientReqStreamLatency",
    "BackendReqInitLatency",
    "BackendReqStreamLatency",
    "BackendProcessingLatency",
    "BackendRespInitLatency",
    "BackendRespStreamLatency",
    "ClientRespStreamLatency",
    "KerberosAuthHeaderLatency",
    "HandlerCompletionLatency",
    "RequestHandlerLatency",
    "HandlerToModuleSwitchingLatency",
    "ProxyTime",
    "CoreLatency",
    "RoutingLatency",
    "HttpProxyOverhead",
    "TotalRequestTime",
    "RouteRefresherLatency",
    "UrlQuery",
    "BackEndGenericInfo",
    "GenericInfo",
    "GenericErrors",
    "EdgeTraceId",
    "DatabaseGuid",
    "UserADObjectGuid",
    "PartitionEndpointLookupLatency",
    "RoutingStatus",
]
_EWS_FIELDS = [
    "DateTime",
    "RequestId",
    "MajorVersion",
    "MinorVersion",
    "BuildVersion",
    "RevisionVersion",
    "Ring",
    "ClientRequestId",
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
    "HttpStatus",
    "RequestSize",
    "ResponseSize",
    "ErrorCode",
    "ImpersonatedUser",
    "ProxyAsUser",
    "ActAsUser",
    "Cookie",
    "CorrelationGuid",
    "PrimaryOrProxyServer",
    "TaskType",
    "RemoteBackendCount",
    "LocalMailboxCount",
    "RemoteMailboxCount",
    "LocalIdCount",
    "RemoteIdCount",
    "BeginBudgetConnections",
    "EndBudgetConnections",
    "BeginBudgetHangingConnections",
    "EndBudgetHangingConnections",
    "BeginBudgetAD",
    "EndBudgetAD",
    "BeginBudgetCAS",
    "EndBudgetCAS",
    "BeginBudgetRPC",
    "EndBudgetRPC",
    "BeginBudgetFindCount",
    "EndBudgetFindCount",
    "BeginBudgetSubscriptions",
    "EndBudgetSubscriptions",
    "MDBResource",
    "MDBHealth",
    "MDBHistoricalLoad",
    "ThrottlingPolicy",
    "ThrottlingDelay",
    "ThrottlingRequestType",
    "TotalDCRequestCount",
    "TotalDCRequestLatency",
    "TotalMBXRequestCount",
    "TotalMBXRequestLatency",
    "RecipientLookupLatency",
    "ExchangePrincipalLatency",
    "HttpPipelineLatency",
    "CheckAccessCoreLatency",
    "AuthModuleLatency",
    "CallContextInitLatency",
    "PreExecutionLatency",
    "CoreExecutionLatency",
    "TotalRequestTime",
    "DetailedExchangePrincipalLatency",
    "ClientStatistics",
    "GenericInfo",
    "AuthenticationErrors",
    "GenericErrors",
    "Puid",
    "StartTime",
    "ProcessId",
    "TimeInGC",
    "StartTotalMemory",
    "EndTotalMemory",
    "StartGCCounts",
    "EndGCCounts",
    "TokenBasedThrottlingPolicy",
    "BudgetKey",
    "CoinsCharged",
    "CoinsChargedMethod",
    "SidBudgetInfo",
    "AppBudgetInfo",
    "TenantBudgetInfo",
    "ResourceAccessed",
    "ResourceHealthBasedThreshold",
    "ThrottledBy",
    "BackoffHint",
    "WorkClassification",
]

PATCHED = {"EX01": date(2021, 3, 5), "EX02": date(2021, 3, 9)}
"""When each server got the security update of March 2021."""
_Put = Callable[[Iterable[str]], object]
_FOLDERS = {"Owa": "Owa", "Ews": "Ews", "Mapi": "Mapi", "Eas": "Eas", "Ecp": "Ecp", "Autodiscover": "Autodiscover",
            "PowerShell": "PowerShell"}  # fmt: skip


def _build(host: str, day: date) -> tuple[str, str, str, str]:
    return "15", "1", "2176", "9" if day >= PATCHED[host] else "2"


def _head(kind: str, host: str, day: date, fields: Iterable[str]) -> str:
    return head(kind, day, ",".join(fields), f"15.01.2176.{int(_build(host, day)[3]):03}")


_NO_PROXY = dict.fromkeys(_PROXY_FIELDS, "")
_NO_EWS = dict.fromkeys(_EWS_FIELDS, "")
"""Rows without a value, in the order of the columns."""


def _proxy_row(request: Request, request_id: str, day: date, millisecond: int) -> Mapping[str, str]:
    major, minor, build, revision = _build(request.host, day)
    anonymous = request.user == "-"
    named = request.user.partition("\\")[2] or request.user
    usual = "FBA" if request.protocol == "Owa" else "Negotiate"
    return {
        "DateTime": instant(day, request.second, millisecond),
        "RequestId": request_id,
        "MajorVersion": major,
        "MinorVersion": minor,
        "BuildVersion": build,
        "RevisionVersion": revision,
        "Protocol": request.protocol,
        "UrlHost": f"mail.{DOMAIN}",
        "UrlStem": request.stem,
        "AuthenticationType": "" if anonymous else request.signed_by or usual,
        "IsAuthenticated": "false" if anonymous else "true",
        "AuthenticatedUser": "" if anonymous else request.user if "@" in request.user else f"MINISTRY\\{named}",
        "Organization": "",
        "AnchorMailbox": request.anchor or ("" if anonymous else f"Smtp~{request.mailbox}" if request.mailbox else ""),
        "UserAgent": request.agent,
        "ClientIpAddress": request.client,
        "ServerHostName": request.host,
        "HttpStatus": str(request.status),
        "BackEndStatus": str(request.status),
        "Method": request.method,
        "ProxyAction": "Proxy",
        "TargetServer": f"{request.host}.{DOMAIN}",
        "TargetServerVersion": "15.01.2176.000",
        "RoutingType": "IntraForest",
        "RoutingHint": "X-BEResource-Cookie" if request.anchor else "WindowsIdentity",
        "RequestBytes": "310",
        "ResponseBytes": str(request.sent),
        "TotalRequestTime": "31",
        "UrlQuery": "" if request.query == "-" else f"?{request.query}",
        "RoutingStatus": "CafeV1",
    }


def back_end(request: Request, *, handed_over: bool) -> str:
    """Give the server that answers a call: the one it came to, or that of the mailbox."""
    return HOSTS[sum(request.mailbox.encode()) % len(HOSTS)] if handed_over and request.mailbox else request.host


def _ews_row(request: Request, request_id: str, day: date, millisecond: int, host: str) -> Mapping[str, str]:
    major, minor, build, revision = _build(host, day)
    forged = bool(request.anchor)
    impersonated = request.user.lower().rpartition("\\")[2].startswith("svc-")
    return {
        "DateTime": instant(day, request.second, millisecond),
        "RequestId": request_id,
        "MajorVersion": major,
        "MinorVersion": minor,
        "BuildVersion": build,
        "RevisionVersion": revision,
        "Ring": "Unknown",
        "AuthenticationType": "Kerberos" if forged else request.signed_by or "Negotiate",
        "IsAuthenticated": "true",
        "AuthenticatedUser": "NT AUTHORITY\\SYSTEM" if forged else request.user,
        "UserAgent": request.agent,
        "ClientIpAddress": "127.0.0.1" if forged else request.client,
        "ServerHostName": host,
        "FrontEndServer": "" if host == request.host else f"{request.host}.{DOMAIN}",
        "SoapAction": request.action or "GetFolder",
        "HttpStatus": str(request.status),
        "RequestSize": "666",
        "ResponseSize": str(request.sent),
        "ImpersonatedUser": request.mailbox if impersonated else "",
        "ActAsUser": request.mailbox if forged or not impersonated else "",
        "PrimaryOrProxyServer": "PrimaryServer",
        "TaskType": "LocalTask",
    }


def write_exchange_logs(
    world: World, root: Path, day: date, requests: Iterable[Request], ids: Mapping[int, str], *, proxy: bool = True
) -> None:
    """Write one day of HttpProxy and EWS logs, a file per server, protocol and six hours.

    Args:
        world: the ministry.
        root: the evidence folder.
        day: the day.
        requests: its requests, in order of time.
        ids: request id by the request's identity.
        proxy: whether HttpProxy's logs are written; without them the EWS logs only.
    """
    rng = pick(world.plan.seed, "exchange", day)
    files: dict[tuple[str, str, int], tuple[io.StringIO, _Put]] = {}

    def put(host: str, kind: str, quarter: int, row: Mapping[str, str], blank: Mapping[str, str]) -> None:
        key = (host, kind, quarter)
        if key not in files:
            text = io.StringIO(newline="")
            text.write(_head("EWS Logs" if kind == "Ews" else "HttpProxy Logs", host, day, blank))
            files[key] = text, csv.writer(text, lineterminator="\r\n").writerow
        files[key][1]({**blank, **row}.values())

    for request in requests:
        if request.protocol not in _FOLDERS:
            continue
        request_id, millisecond, quarter = ids[id(request)], rng.randrange(1000), request.second // 21_600 * 6
        if proxy:
            row = _proxy_row(request, request_id, day, millisecond)
            put(request.host, f"HttpProxy/{_FOLDERS[request.protocol]}", quarter, row, _NO_PROXY)
        if (request.protocol == "Ews" or "EWS/" in request.anchor) and request.status == 200:
            host = back_end(request, handed_over=world.plan.scenario.handed_over)
            put(host, "Ews", quarter, _ews_row(request, request_id, day, millisecond, host), _NO_EWS)
    for (host, kind, quarter), (text, _) in files.items():
        path = root / host / "Logging" / kind / f"{kind.partition('/')[0]}_{day:%Y%m%d}{quarter:02}-1.LOG"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\xef\xbb\xbf" + text.getvalue().encode())
