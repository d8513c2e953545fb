r"""Remote PowerShell HTTP logs (CmdletInfra): one line per request to the PowerShell end point, before any cmdlet.

Source:
    No public specification. 38 columns as published with scripts that look for CVE-2022-41080; the value of `#Log-type`
    is known from published excerpts.
Time:
    `DateTime` is UTC to the millisecond, the *end* of the request; it becomes `time_utc` and is not stored twice.
    `StartTime` is its start.
Units:
    `RequestBytes` bytes; `TotalTime` and `ActivityContextLifeTime` milliseconds. `GenericInfoMap` holds `GenericInfo`
    by key.

Raises:
    Nothing. A line that cannot be read is an anomaly.
Trust:
    The caller writes `UrlStem`, `UrlQuery`, `ClientRequestId` and `ClientInfo`, which is normally empty, `Microsoft
    WinRM Client` or a probe's name: anything else is an agent of another kind. `ClientIpAddress` is the chain of hops,
    blanks between them, and its first part whatever the caller wrote.
Silence:
    Kept for 30 days or 1 GB unless copied. A request that IIS refused is not here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

import pyarrow as pa

from dwell.model.instants import TimeBasis
from dwell.sources.exchange_log import Blob, ExchangeLog
from dwell.sources.source import Stamp

__all__ = ["RpsHttp"]

_T, _I, _L, _F = pa.string(), pa.int32(), pa.int64(), pa.float64()

_COLUMNS: dict[str, pa.DataType] = {
    "DateTime": _T,
    "StartTime": pa.timestamp("us", tz="UTC"),
    "RequestId": _T,
    "MajorVersion": _I,
    "MinorVersion": _I,
    "BuildVersion": _I,
    "RevisionVersion": _I,
    "ClientRequestId": _T,
    "UrlHost": _T,
    "UrlStem": _T,
    "AuthenticationType": _T,
    "IsAuthenticated": _T,
    "AuthenticatedUser": _T,
    "Organization": _T,
    "ManagedOrganization": _T,
    "ClientIpAddress": _T,
    "ServerHostName": _T,
    "FrontEndServer": _T,
    "HttpStatus": _I,
    "SubStatus": _T,
    "ErrorCode": _T,
    "Action": _T,
    "CommandId": _T,
    "CommandName": _T,
    "SessionId": _T,
    "ShellId": _T,
    "FailFast": _T,
    "ContributeToFailFast": _T,
    "RequestBytes": _L,
    "ClientInfo": _T,
    "CPU": _T,
    "Memory": _T,
    "ActivityContextLifeTime": _F,
    "TotalTime": _F,
    "UrlQuery": _T,
    "GenericLatency": _T,
    "GenericInfo": _T,
    "GenericErrors": _T,
}
_BLOBS = (Blob("GenericInfo", "GenericInfoMap"),)


class RpsHttp(ExchangeLog):
    """Exchange remote PowerShell HTTP log."""

    key = "rps_http"
    stamp = Stamp("DateTime", TimeBasis.UTC, "millisecond")
    title = "Exchange remote PowerShell HTTP log"
    log_type = "rps http logs"
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    layouts: ClassVar[Mapping[int, Sequence[str]]] = {38: tuple(_COLUMNS)}
    marks = frozenset(["managedorganization", "commandid", "commandname", "shellid", "failfast", "clientinfo"])
    surplus = ("ClientInfo", "UrlQuery", "GenericErrors", "GenericInfo", "GenericLatency", "UrlStem")
    shapes: ClassVar[Mapping[str, re.Pattern[str]]] = {
        "UrlStem": re.compile(r"(?:/.*)?", re.DOTALL),
        "FailFast": re.compile(r"(?i:true|false|[A-Za-z0-9_.:-]{0,200})"),
    }
    blobs = _BLOBS
    schema = ExchangeLog.log_schema(_COLUMNS, _BLOBS)
    lexicon = (
        "UrlHost", "UrlStem", "AuthenticationType", "IsAuthenticated", "AuthenticatedUser", "Organization",
        "ManagedOrganization", "ClientIpAddress", "ServerHostName", "FrontEndServer", "SubStatus", "ErrorCode", "Action",
        "CommandName", "SessionId", "ShellId", "ClientInfo", "UrlQuery", "GenericErrors",
    )  # fmt: skip

    def _certain(self, layout: Sequence[str], cells: Sequence[str]) -> bool:
        """Ask for a request id as well."""
        return bool(cells[layout.index("RequestId")]) and super()._certain(layout, cells)
