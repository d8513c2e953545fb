r"""Remote PowerShell cmdlet logs (CmdletInfra): one line per cmdlet that ran, reading ones included.

Source:
    No public specification. 67 columns as seen in the logs of 15.01.2375.
Time:
    `DateTime` is UTC to the millisecond, the *end* of the cmdlet; it becomes `time_utc` and is not stored twice.
    `StartTime` is its start. Dates inside `GenericLatency` are in the words of several cultures at once and are never
    read.
Units:
    Latencies, `ThrottlingDelay` and `TotalTime` milliseconds; `OutputObjectCount` and `ProxiedObjectCount` count
    objects. `GenericInfoMap` holds `GenericInfo` by key.

Raises:
    Nothing. A line that cannot be read is an anomaly.
Trust:
    The caller writes `Parameters`, `NonPiiParameters` and `ClientApplication` (`ActiveMonitor` is the server's own
    probe, and anybody can say so). The server names `AuthenticatedUser` after it has let the caller in.
Silence:
    Kept for 30 days or 1 GB unless copied. `Get-` cmdlets are here and nowhere else on the server; a cmdlet run in a
    local shell that loads the snap-in directly is not here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

import pyarrow as pa

from dwell.model.instants import TimeBasis
from dwell.sources.exchange_log import Blob, ExchangeLog
from dwell.sources.source import Stamp

__all__ = ["RpsCmdlet"]

_T, _I, _L, _F = pa.string(), pa.int32(), pa.int64(), pa.float64()

_COLUMNS: dict[str, pa.DataType] = {
    "DateTime": _T,
    "StartTime": pa.timestamp("us", tz="UTC"),
    "RequestId": _T,
    "ClientRequestId": _T,
    "MajorVersion": _I,
    "MinorVersion": _I,
    "BuildVersion": _I,
    "RevisionVersion": _I,
    "ServerHostName": _T,
    "ProcessId": _L,
    "ProcessName": _T,
    "ThreadId": _L,
    "CultureInfo": _T,
    "Organization": _T,
    "AuthenticatedUser": _T,
    "ExecutingUserSid": _T,
    "EffectiveOrganization": _T,
    "UserServicePlan": _T,
    "IsAdmin": _T,
    "ClientApplication": _T,
    "Cmdlet": _T,
    "Parameters": _T,
    "CmdletUniqueId": _T,
    "UserBudgetOnStart": _T,
    "ContributeToFailFast": _T,
    "RunspaceSettingsCreationHint": _T,
    "ADViewEntireForest": _T,
    "ADRecipientViewRoot": _T,
    "ADConfigurationDomainControllers": _T,
    "ADPreferredGlobalCatalogs": _T,
    "ADPreferredDomainControllers": _T,
    "ADUserConfigurationDomainController": _T,
    "ADUserPreferredGlobalCatalog": _T,
    "ADuserPreferredDomainControllers": _T,
    "ThrottlingInfo": _T,
    "DelayInfo": _T,
    "ThrottlingDelay": _F,
    "IsOutputObjectRedacted": _T,
    "CmdletProxyStage": _T,
    "CmdletProxyRemoteServer": _T,
    "CmdletProxyRemoteServerVersion": _T,
    "CmdletProxyMethod": _T,
    "ProxiedObjectCount": _L,
    "CmdletProxyLatency": _F,
    "OutputObjectCount": _L,
    "ParameterBinding": _F,
    "BeginProcessing": _F,
    "ProcessRecord": _F,
    "EndProcessing": _F,
    "StopProcessing": _F,
    "BizLogic": _F,
    "PowerShellLatency": _F,
    "UserInteractionLatency": _F,
    "ProvisioningLayerLatency": _F,
    "ActivityContextLifeTime": _F,
    "TotalTime": _F,
    "ErrorType": _T,
    "ExecutionResult": _T,
    "CacheHitCount": _L,
    "CacheMissCount": _L,
    "GenericLatency": _T,
    "GenericInfo": _T,
    "GenericErrors": _T,
    "ObjectGuid": _T,
    "ExternalDirectoryOrganizationId": _T,
    "ExternalDirectoryObjectId": _T,
    "NonPiiParameters": _T,
}
_BLOBS = (Blob("GenericInfo", "GenericInfoMap"),)


class RpsCmdlet(ExchangeLog):
    """Exchange remote PowerShell cmdlet log."""

    key = "rps_cmdlet"
    stamp = Stamp("DateTime", TimeBasis.UTC, "millisecond")
    title = "Exchange remote PowerShell cmdlet log"
    log_type = "rps cmdlet logs"
    columns: ClassVar[Mapping[str, pa.DataType]] = _COLUMNS
    layouts: ClassVar[Mapping[int, Sequence[str]]] = {67: tuple(_COLUMNS)}
    marks = frozenset(["cmdlet", "cmdletuniqueid", "executingusersid", "cmdletproxystage", "bizlogic"])
    surplus = ("Parameters", "GenericErrors", "GenericInfo", "GenericLatency", "NonPiiParameters", "ErrorType")
    shapes: ClassVar[Mapping[str, re.Pattern[str]]] = {
        "Cmdlet": re.compile(r"(?:[A-Za-z]{2,40}-[A-Za-z0-9]{2,120})?"),
        "ADViewEntireForest": re.compile(r"(?i:true|false)?"),
        "ExecutingUserSid": re.compile(r"(?:S-1-[0-9-]{1,200})?"),
    }
    blobs = _BLOBS
    schema = ExchangeLog.log_schema(_COLUMNS, _BLOBS)
    lexicon = (
        "ServerHostName", "ProcessName", "CultureInfo", "Organization", "AuthenticatedUser", "ExecutingUserSid",
        "EffectiveOrganization", "IsAdmin", "ClientApplication", "Cmdlet", "Parameters", "CmdletProxyRemoteServer",
        "ErrorType", "ExecutionResult", "GenericErrors", "NonPiiParameters",
    )  # fmt: skip

    def _certain(self, layout: Sequence[str], cells: Sequence[str]) -> bool:
        """Ask for a request id as well."""
        return bool(cells[layout.index("RequestId")]) and super()._certain(layout, cells)
