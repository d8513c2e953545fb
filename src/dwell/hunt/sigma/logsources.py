"""Which records a Sigma log source means, and what its field names are called there: data, not code."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from dwell.hunt.ruleset import Where

__all__ = ["ALIASES", "INSTANTS", "KEYWORD_PLACES", "MAPS", "NAMED_DATA", "where_of"]

SECURITY = "Security"
SYSMON = "Microsoft-Windows-Sysmon/Operational"
POWERSHELL = "Microsoft-Windows-PowerShell/Operational"
_SYSMON_ON = "Install Sysmon with a configuration that records it"

_IIS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("cs-uri-query", "c-uri-query", "c-uri", "cs-uri", "uri", "url"), ("cs-uri",)),
    **dict.fromkeys(("cs-uri-stem", "c-uri-stem", "c-uri-path", "cs-uri-path"), ("cs-uri-stem",)),
    **dict.fromkeys(("cs-user-agent", "c-useragent", "cs(user-agent)", "c-user-agent"), ("cs-user-agent",)),
    **dict.fromkeys(("cs-referer", "cs-referrer", "cs(referer)"), ("cs-referer",)),
    **dict.fromkeys(("cs-cookie", "cs(cookie)"), ("cs-cookie",)),
    **dict.fromkeys(("cs-host", "r-dns", "cs(host)"), ("cs-host",)),
    **dict.fromkeys(("c-ip", "src_ip", "clientip", "client_ip"), ("c-ip",)),
    **dict.fromkeys(("s-ip", "dst_ip"), ("s-ip",)),
    **dict.fromkeys(("sc-status", "response", "status"), ("sc-status",)),
    "x-forwarded-for": ("X-Forwarded-For",),
}
_EVTX: Mapping[str, tuple[str, ...]] = {
    "provider_name": ("Provider",),
    "providername": ("Provider",),
    "computername": ("Computer",),
    "eventlog": ("Channel",),
    "logname": ("Channel",),
}
_UAL: Mapping[str, tuple[str, ...]] = {
    "eventsource": ("Workload",),
    "eventname": ("Operation", "AuditData:Name"),
    "status": ("ResultStatus",),
    "operationname": ("Operation",),
    "parameters": ("Parameters:*",),
}
ALIASES: Mapping[str, Mapping[str, tuple[str, ...]]] = {"iis": _IIS, "evtx": _EVTX, "ual": _UAL}
"""Per table: Sigma's field names, in lower case, to our columns. Names not given here are looked for as they stand."""

INSTANTS = frozenset(
    {"@timestamp", "_time", "date", "eventtime", "systemtime", "time", "timecreated", "timegenerated", "timestamp"}
)
"""Names of the instant of the record itself, where a table has no column of that name."""

MAPS: Mapping[str, str] = {
    "iis": "extra",
    "httpproxy": "extra",
    "ews": "extra",
    "evtx": "EventData",
    "ual": "AuditData",
    "entra_audit": "extra",
}
"""Per table: where a field is looked for that is no column."""

NAMED_DATA: Mapping[str, tuple[str, ...]] = {
    "Data": ("EventData:Data#", "Cmdlet", "CmdletParameters", "CmdletCaller", "CmdletError", "Message"),
    "Payload": ("EventData:Payload",),
}
"""Fields of event logs that stand for data without a name; `Data#` means every key that is `Data` and a number."""

KEYWORD_PLACES: Mapping[str, tuple[str, ...]] = {
    "iis": (
        "cs-uri", "cs-user-agent", "cs-referer", "cs-cookie", "cs-username", "cs-host", "X-Forwarded-For", "cs-method",
        "c-ip", "s-ip", "s-computername", "s-sitename", "cs-version", "extra:*",
    ),
}  # fmt: skip
"""Per table: where keywords are looked for; a table not given here is searched in all its text columns and its map."""

_PROCESS_SECURITY: Mapping[str, tuple[str, ...]] = {
    "image": ("NewProcessName",),
    "parentimage": ("ParentProcessName",),
    "user": ("SubjectUserName",),
    "logonid": ("SubjectLogonId",),
    "integritylevel": ("EventData:MandatoryLabel",),
}
_REGISTRY_SECURITY: Mapping[str, tuple[str, ...]] = {
    "targetobject": ("ObjectName",),
    "details": ("EventData:NewValue",),
    "image": ("ProcessName",),
}


def _sysmon(name: str, *event_ids: int) -> Where:
    return Where("evtx", (SYSMON,), event_ids, {}, f"Sysmon {name}", _SYSMON_ON)


def _channel(name: str, *channels: str, switch_on: str = "") -> Where:
    return Where("evtx", channels, (), {}, name, switch_on or f"Collect the event log {channels[0]}", uniform=False)


_CATEGORIES: Mapping[str, tuple[Where, ...]] = {
    "process_creation": (
        _sysmon("process creation (1)", 1),
        Where(
            "evtx",
            (SECURITY,),
            (4688,),
            _PROCESS_SECURITY,
            "Security process creation (4688)",
            "Switch on 'Audit Process Creation' with command lines",
        ),
    ),
    "process_termination": (_sysmon("process end (5)", 5),),
    "process_access": (_sysmon("process access (10)", 10),),
    "process_tampering": (_sysmon("process tampering (25)", 25),),
    "create_remote_thread": (_sysmon("remote thread (8)", 8),),
    "raw_access_thread": (_sysmon("raw access (9)", 9),),
    "raw_access_read": (_sysmon("raw access (9)", 9),),
    "image_load": (_sysmon("image load (7)", 7),),
    "driver_load": (_sysmon("driver load (6)", 6),),
    "network_connection": (_sysmon("network connection (3)", 3),),
    "dns_query": (_sysmon("DNS query (22)", 22),),
    "file_event": (_sysmon("file creation (11)", 11),),
    "file_change": (_sysmon("file time change (2)", 2),),
    "file_delete": (_sysmon("file deletion (23, 26)", 23, 26),),
    "file_block": (_sysmon("file blocked (27)", 27),),
    "file_executable_detected": (_sysmon("executable file (29)", 29),),
    "create_stream_hash": (_sysmon("stream creation (15)", 15),),
    "pipe_created": (_sysmon("pipes (17, 18)", 17, 18),),
    "wmi_event": (_sysmon("WMI events (19, 20, 21)", 19, 20, 21),),
    "registry_add": (_sysmon("registry keys (12)", 12),),
    "registry_delete": (_sysmon("registry keys (12)", 12),),
    "registry_set": (
        _sysmon("registry values (13)", 13),
        Where(
            "evtx",
            (SECURITY,),
            (4657,),
            _REGISTRY_SECURITY,
            "Security registry values (4657)",
            "Switch on 'Audit Registry' and set auditing on the keys",
        ),
    ),
    "registry_rename": (_sysmon("registry renames (14)", 14),),
    "registry_event": (_sysmon("registry (12, 13, 14)", 12, 13, 14),),
    "clipboard_capture": (_sysmon("clipboard (24)", 24),),
    "sysmon_status": (_sysmon("status (4, 16)", 4, 16),),
    "sysmon_error": (_sysmon("errors (255)", 255),),
    "ps_script": (
        Where(
            "evtx",
            (POWERSHELL, "PowerShellCore/Operational"),
            (4104,),
            {},
            "PowerShell script blocks (4104)",
            "Switch on PowerShell script block logging",
        ),
    ),
    "ps_module": (
        Where(
            "evtx",
            (POWERSHELL, "PowerShellCore/Operational"),
            (4103,),
            {},
            "PowerShell modules (4103)",
            "Switch on PowerShell module logging",
        ),
    ),
    "ps_classic_start": (Where("evtx", ("Windows PowerShell",), (400,), {}, "Windows PowerShell start (400)"),),
    "ps_classic_provider_start": (
        Where("evtx", ("Windows PowerShell",), (600,), {}, "Windows PowerShell providers (600)"),
    ),
    "ps_classic_script": (Where("evtx", ("Windows PowerShell",), (800,), {}, "Windows PowerShell scripts (800)"),),
}

_SERVICES: Mapping[str, tuple[Where, ...]] = {
    "security": (_channel("the Security log", SECURITY),),
    "system": (_channel("the System log", "System"),),
    "application": (_channel("the Application log", "Application"),),
    "sysmon": (_channel("Sysmon", SYSMON, switch_on=_SYSMON_ON),),
    "powershell": (_channel("PowerShell", POWERSHELL, "PowerShellCore/Operational"),),
    "powershell-classic": (_channel("Windows PowerShell", "Windows PowerShell"),),
    "msexchange-management": (_channel("MSExchange Management", "MSExchange Management"),),
    "iis-configuration": (
        _channel(
            "IIS configuration changes",
            "Microsoft-IIS-Configuration/Operational",
            switch_on="Enable the event log Microsoft-IIS-Configuration/Operational: it is off by default",
        ),
    ),
    "windefend": (_channel("Windows Defender", "Microsoft-Windows-Windows Defender/Operational"),),
    "taskscheduler": (_channel("the task scheduler", "Microsoft-Windows-TaskScheduler/Operational"),),
    "wmi": (_channel("WMI activity", "Microsoft-Windows-WMI-Activity/Operational"),),
    "bits-client": (_channel("BITS", "Microsoft-Windows-Bits-Client/Operational"),),
    "ntlm": (_channel("NTLM", "Microsoft-Windows-NTLM/Operational"),),
    "dns-server": (_channel("the DNS server", "DNS Server"),),
    "dns-server-analytic": (_channel("DNS server analysis", "Microsoft-Windows-DNS-Server/Analytical"),),
    "dns-client": (_channel("the DNS client", "Microsoft-Windows-DNS Client Events/Operational"),),
    "driver-framework": (_channel("user-mode drivers", "Microsoft-Windows-DriverFrameworks-UserMode/Operational"),),
    "firewall-as": (
        _channel("Windows Firewall", "Microsoft-Windows-Windows Firewall With Advanced Security/Firewall"),
    ),
    "printservice-admin": (_channel("the print service", "Microsoft-Windows-PrintService/Admin"),),
    "printservice-operational": (_channel("the print service", "Microsoft-Windows-PrintService/Operational"),),
    "smbclient-security": (_channel("the SMB client", "Microsoft-Windows-SmbClient/Security"),),
    "smbclient-connectivity": (_channel("the SMB client", "Microsoft-Windows-SmbClient/Connectivity"),),
    "smbserver-connectivity": (_channel("the SMB server", "Microsoft-Windows-SMBServer/Connectivity"),),
    "codeintegrity-operational": (_channel("code integrity", "Microsoft-Windows-CodeIntegrity/Operational"),),
    "applocker": (
        _channel(
            "AppLocker",
            "Microsoft-Windows-AppLocker/MSI and Script",
            "Microsoft-Windows-AppLocker/EXE and DLL",
            "Microsoft-Windows-AppLocker/Packaged app-Deployment",
            "Microsoft-Windows-AppLocker/Packaged app-Execution",
        ),
    ),
    "appxdeployment-server": (_channel("AppX deployment", "Microsoft-Windows-AppXDeploymentServer/Operational"),),
    "appxpackaging-om": (_channel("AppX packaging", "Microsoft-Windows-AppxPackaging/Operational"),),
    "appmodel-runtime": (_channel("the app model", "Microsoft-Windows-AppModel-Runtime/Admin"),),
    "security-mitigations": (
        _channel(
            "security mitigations",
            "Microsoft-Windows-Security-Mitigations/Kernel Mode",
            "Microsoft-Windows-Security-Mitigations/User Mode",
        ),
    ),
    "terminalservices-localsessionmanager": (
        _channel("terminal sessions", "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational"),
    ),
    "ldap": (_channel("the LDAP client", "Microsoft-Windows-LDAP-Client/Debug"),),
    "ldap_debug": (_channel("the LDAP client", "Microsoft-Windows-LDAP-Client/Debug"),),
    "openssh": (_channel("OpenSSH", "OpenSSH/Operational"),),
    "shell-core": (_channel("the shell", "Microsoft-Windows-Shell-Core/Operational"),),
    "capi2": (_channel("CAPI2", "Microsoft-Windows-CAPI2/Operational"),),
    "lsa-server": (_channel("the LSA server", "Microsoft-Windows-LSA/Operational"),),
    "diagnosis-scripted": (_channel("scripted diagnosis", "Microsoft-Windows-Diagnosis-Scripted/Operational"),),
    "certificateservicesclient-lifecycle-system": (
        _channel("certificate life cycle", "Microsoft-Windows-CertificateServicesClient-Lifecycle-System/Operational"),
    ),
    "microsoft-servicebus-client": (_channel("the service bus client", "Microsoft-ServiceBus-Client"),),
}

_IIS_LOG = Where("iis", name="IIS logs", switch_on="Collect inetpub\\logs\\LogFiles of every web server")
_ENTRA_AUDIT = Where(
    "entra_audit", name="audit of Entra ID", switch_on="Export the audit log of Entra ID", uniform=False
)
_UAL_LOG = Where("ual", name="Microsoft 365 audit records", switch_on="Export the unified audit log", uniform=False)
_HTTPPROXY = Where("httpproxy", name="HttpProxy logs", switch_on="Collect Logging\\HttpProxy of every Exchange server")
_EWS = Where("ews", name="EWS logs", switch_on="Collect Logging\\Ews of every Exchange server")

_EXACT: Mapping[tuple[str, str, str], tuple[Where, ...]] = MappingProxyType(
    {
        ("", "webserver", ""): (_IIS_LOG,),
        ("windows", "webserver", ""): (_IIS_LOG,),
        ("windows", "webserver", "iis"): (_IIS_LOG,),
        ("", "webserver", "iis"): (_IIS_LOG,),
        ("windows", "", "iis"): (_IIS_LOG,),
        ("iis", "", ""): (_IIS_LOG,),
        ("iis", "webserver", ""): (_IIS_LOG,),
        ("apache", "webserver", ""): (_IIS_LOG,),
        ("nginx", "webserver", ""): (_IIS_LOG,),
        ("exchange", "", "httpproxy"): (_HTTPPROXY,),
        ("exchange", "", "ews"): (_EWS,),
        ("azure", "", "auditlogs"): (_ENTRA_AUDIT,),
        ("m365", "", "audit"): (_UAL_LOG,),
        ("m365", "", "exchange"): (_UAL_LOG,),
        ("m365", "", "threat_management"): (_UAL_LOG,),
        ("m365", "", "threat_detection"): (_UAL_LOG,),
        ("windows", "", ""): (
            Where("evtx", name="Windows event logs", switch_on="Collect the Windows event logs", uniform=False),
        ),
    }
)


def where_of(product: str | None, category: str | None, service: str | None) -> tuple[Where, ...] | None:
    """Give the kinds of record that a log source means; None where no source that dwell reads holds them."""
    key = tuple((one or "").strip().lower() for one in (product, category, service))
    found = _EXACT.get((key[0], key[1], key[2]))
    if found is not None:
        return found
    if key[0] not in {"", "windows"}:
        return None
    if key[1]:
        return _CATEGORIES.get(key[1]) if not key[2] else None
    return _SERVICES.get(key[2]) if key[0] == "windows" else None
