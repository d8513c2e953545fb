"""Which records a Sigma log source means: data, not code. Windows event logs here, all others in `kinds`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import structs

from dwell.hunt.ruleset import Where
from dwell.hunt.sigma.kinds import KINDS

__all__ = ["where_of"]

SECURITY = "Security"
SYSMON = "Microsoft-Windows-Sysmon/Operational"
POWERSHELL = "Microsoft-Windows-PowerShell/Operational"
DEFENDER = "Microsoft-Windows-Windows Defender/Operational"
CLEARED = 104
_HAPPENED, _DELETED = "Registry:EventType", "DeleteValue"
_SYSMON_ON = "Install Sysmon with a configuration that records it"

_PROCESS_SECURITY: Mapping[str, tuple[str, ...]] = {
    "image": ("NewProcessName",),
    "parentimage": ("ParentProcessName",),
    "user": ("Audited:User",),
    "logonid": ("SubjectLogonId",),
    "integritylevel": ("EventData:MandatoryLabel",),
}
_NOT_IN_4688 = (
    "company", "currentdirectory", "description", "fileversion", "hashes", "imphash", "logonguid", "md5",
    "originalfilename", "parentcommandline", "parentprocessguid", "parentprocessid", "parentuser", "processguid", "product",
    "rulename", "sha1", "sha256", "terminalsessionid", "utctime",
)  # fmt: skip
"""Fields of Sysmon 1 for which 4688 has nothing."""
_FILE_SECURITY: Mapping[str, tuple[str, ...]] = {"filename": ("ObjectName",), "image": ("ProcessName",)}
_ANTIVIRUS: Mapping[str, tuple[str, ...]] = {
    "signature": ("EventData:Threat Name",),
    "filename": ("EventData:Path",),
    "action": ("EventData:Action Name",),
    "processname": ("EventData:Process Name",),
}


def _values_security(*, asks: str = "", bars: str = "") -> Where:
    """Give the events of Security that tell of registry values, their fields put together as `composed` says.

    Args:
        asks: what happened, by Sysmon's name of it; anything where it is empty.
        bars: what did not.
    """
    fields = {
        "targetobject": ("Registry:TargetObject",),
        "details": ("Registry:Details",),
        "eventtype": (_HAPPENED,),
        "image": ("ProcessName",),
        "user": ("Audited:User",),
    }
    remedy = "Switch on 'Audit Registry' and set auditing on the keys"
    return Where(
        "evtx", (SECURITY,), (4657,), fields, "Security registry values (4657)", remedy,
        asks=(_HAPPENED, asks) if asks else None, bars=(_HAPPENED, bars) if bars else None,
    )  # fmt: skip


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
            without=_NOT_IN_4688,
            switched=("commandline",),
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
    "file_access": (
        Where(
            "evtx",
            (SECURITY,),
            (4663,),
            _FILE_SECURITY,
            "Security file access (4663)",
            "Switch on 'Audit File System' and set auditing on the folders",
        ),
    ),
    "file_change": (_sysmon("file time change (2)", 2),),
    "file_delete": (_sysmon("file deletion (23, 26)", 23, 26),),
    "file_delete_detected": (_sysmon("file deletion, nothing kept (26)", 26),),
    **dict.fromkeys(("file_block", "file_block_executable"), (_sysmon("executable blocked (27)", 27),)),
    "file_block_shredding": (_sysmon("shredding blocked (28)", 28),),
    "file_executable_detected": (_sysmon("executable file (29)", 29),),
    "create_stream_hash": (_sysmon("stream creation (15)", 15),),
    "pipe_created": (_sysmon("pipes (17, 18)", 17, 18),),
    "wmi_event": (_sysmon("WMI events (19, 20, 21)", 19, 20, 21),),
    "registry_add": (_sysmon("registry keys (12)", 12),),
    "registry_delete": (_sysmon("registry keys (12)", 12), _values_security(asks=_DELETED)),
    "registry_set": (_sysmon("registry values (13)", 13), _values_security(bars=_DELETED)),
    "registry_rename": (_sysmon("registry renames (14)", 14),),
    "registry_event": (_sysmon("registry (12, 13, 14)", 12, 13, 14), _values_security()),
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
    "antivirus": (
        Where(
            "evtx",
            (DEFENDER,),
            (1006, 1007, 1008, 1015, 1116, 1117, 1118, 1119),
            _ANTIVIRUS,
            "Windows Defender's detections (1006 to 1119)",
            "Collect the event log of Windows Defender",
        ),
    ),
    "ps_classic_script": (Where("evtx", ("Windows PowerShell",), (800,), {}, "Windows PowerShell scripts (800)"),),
}

_SERVICES: Mapping[str, tuple[Where, ...]] = {
    "security": (_channel("the Security log", SECURITY),),
    "system": (
        structs.replace(_channel("the System log", "System"), other_ids=(CLEARED,)),
        # of a cleared log the rules ask which one it was, not that it stands in the System log
        Where(
            "evtx", ("System",), (CLEARED,), {"channel": ("EventData:Channel",)}, "cleared logs (104)", uniform=False
        ),
    ),
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
    "windefend": (_channel("Windows Defender", DEFENDER),),
    "taskscheduler": (_channel("the task scheduler", "Microsoft-Windows-TaskScheduler/Operational"),),
    "wmi": (_channel("WMI activity", "Microsoft-Windows-WMI-Activity/Operational"),),
    "bits-client": (_channel("BITS", "Microsoft-Windows-Bits-Client/Operational"),),
    "ntlm": (_channel("NTLM", "Microsoft-Windows-NTLM/Operational"),),
    "dns-server": (_channel("the DNS server", "DNS Server"),),
    "dns-server-analytic": (
        _channel(
            "DNS server analysis", "Microsoft-Windows-DNSServer/Analytical", "Microsoft-Windows-DNS-Server/Analytical"
        ),
    ),
    "dns-client": (
        _channel(
            "the DNS client",
            "Microsoft-Windows-DNS-Client/Operational",
            "Microsoft-Windows-DNS Client Events/Operational",
        ),
    ),
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
            "Microsoft-Windows-Security-Mitigations/KernelMode",
            "Microsoft-Windows-Security-Mitigations/UserMode",
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
    **dict.fromkeys(
        ("servicebus-client", "microsoft-servicebus-client"),
        (
            _channel(
                "the service bus client", "Microsoft-ServiceBus-Client/Operational", "Microsoft-ServiceBus-Client/Admin"
            ),
        ),
    ),
    "dns-server-audit": (
        _channel("the DNS server's audit", "Microsoft-Windows-DNSServer/Audit", "Microsoft-Windows-DNS-Server/Audit"),
    ),
    "dhcp": (_channel("the DHCP server", "Microsoft-Windows-DHCP-Server/Operational"),),
    "bitlocker": (_channel("BitLocker", "Microsoft-Windows-BitLocker/BitLocker Management"),),
    "vhdmp": (_channel("virtual disks", "Microsoft-Windows-VHDMP-Operational", "Microsoft-Windows-VHDMP/Operational"),),
    "ntfs": (_channel("NTFS", "Microsoft-Windows-Ntfs/Operational"),),
    "sense": (_channel("Defender for Endpoint", "Microsoft-Windows-SENSE/Operational"),),
    "hyper-v-worker": (
        _channel(
            "Hyper-V's workers",
            "Microsoft-Windows-Hyper-V-Worker-Admin",
            "Microsoft-Windows-Hyper-V-Worker-Operational",
            "Microsoft-Windows-Hyper-V-Worker",
        ),
    ),
    "kernel-event-tracing": (
        _channel(
            "event tracing",
            "Microsoft-Windows-Kernel-EventTracing/Admin",
            "Microsoft-Windows-Kernel-EventTracing/Analytic",
            "Microsoft-Windows-Kernel-EventTracing",
        ),
    ),
    "kernel-shimengine": (
        _channel(
            "shims of the kernel",
            "Microsoft-Windows-Kernel-ShimEngine/Operational",
            "Microsoft-Windows-Kernel-ShimEngine/Diagnostic",
        ),
    ),
    "application-experience": (
        _channel(
            "application compatibility",
            "Microsoft-Windows-Application-Experience/Program-Telemetry",
            "Microsoft-Windows-Application-Experience/Program-Compatibility-Assistant",
        ),
    ),
}


def where_of(product: str | None, category: str | None, service: str | None) -> tuple[Where, ...] | None:
    """Give the kinds of record that a log source means; None where no source that dwell reads holds them."""
    key = tuple((one or "").strip().lower() for one in (product, category, service))
    found = KINDS.get((key[0], key[1], key[2]))
    if found is not None:
        return found
    if key[0] not in {"", "windows"}:
        return None
    if key[1] and key[2]:
        return _both(_CATEGORIES.get(key[1], ()), _SERVICES.get(key[2], ())) or None
    if key[1]:
        return _CATEGORIES.get(key[1])
    return _SERVICES.get(key[2]) if key[0] == "windows" else None


def _both(category: Sequence[Where], service: Sequence[Where]) -> tuple[Where, ...]:
    """Give the kinds of record of a category that lie in a service's channels."""
    held = {channel for one in service for channel in one.channels}
    named = ((one, tuple(channel for channel in one.channels if channel in held)) for one in category)
    return tuple(structs.replace(one, channels=channels) for one, channels in named if channels)
