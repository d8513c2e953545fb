"""Which records Sigma's log sources mean and what their fields are called there, for the slow reading.

It shares nothing with the program's tables. Channels of services are those that pySigma publishes, and those that
records carry where that is another name; numbers of Sysmon's
events and names of fields are written down from the documentation of those who make the records: Microsoft's of Sysmon,
of audit events, of Defender, of the unified audit log and of Graph; the W3C's and Apache's of web logs; Zeek's of its
logs. Where Sigma's taxonomy leaves open what a field means, `docs/explanation/matching.md` says it, and so does this.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any

from sigma.pipelines.common import windows_logsource_mapping
from tests.hunt.slow_sigma import Event, audit_event, iis_event, windows_event
from tests.hunt.slow_tables import table_event

__all__ = ["EVENTS", "JUDGED", "OTHERS", "WINDOWS", "Kind", "kinds_of", "source_key"]

Row = Mapping[str, Any]
Names = Mapping[str, Sequence[str]]

JUDGED = ("iis", "evtx", "ual", "ncsa", "httpproxy", "zeek", "entra_audit", "rps_cmdlet", "admin_audit")
"""The tables of which this knows the fields."""


@dataclass(frozen=True)
class Kind:
    """Records that a log source means.

    Attributes:
        table: where they lie.
        is_one: says of a row whether it is one.
        make: makes an event of a row.
    """

    table: str
    is_one: Callable[[Row], bool]
    make: Callable[[Row], Event] = field(compare=False)


# Windows ------------------------------------------------------------------------------------------

_SYSMON = "Microsoft-Windows-Sysmon/Operational"
_POWERSHELL = ("Microsoft-Windows-PowerShell/Operational", "PowerShellCore/Operational")
_CLASSIC = ("Windows PowerShell",)

# Sysmon's documentation, "Events"
_SYSMON_EVENTS: Mapping[str, tuple[int, ...]] = {
    "process_creation": (1,), "file_change": (2,), "network_connection": (3,), "sysmon_status": (4, 16),
    "process_termination": (5,), "driver_load": (6,), "image_load": (7,), "create_remote_thread": (8,),
    "raw_access_thread": (9,), "process_access": (10,), "file_event": (11,), "registry_add": (12,),
    "registry_delete": (12,), "registry_set": (13,), "registry_rename": (14,), "registry_event": (12, 13, 14),
    "create_stream_hash": (15,), "pipe_created": (17, 18), "wmi_event": (19, 20, 21), "dns_query": (22,),
    "file_delete": (23, 26), "file_delete_detected": (26,), "clipboard_capture": (24,), "process_tampering": (25,),
    "file_block_executable": (27,), "file_block_shredding": (28,), "file_executable_detected": (29,),
    "sysmon_error": (255,),
}  # fmt: skip

# Microsoft's pages on the events 4688, 4657 and 4663 of the Security log
_AUDITED: Mapping[str, tuple[int, Mapping[str, str]]] = {
    "process_creation": (
        4688,
        {
            "image": "NewProcessName",
            "parentimage": "ParentProcessName",
            "logonid": "SubjectLogonId",
            "integritylevel": "MandatoryLabel",
        },
    ),
    "registry_set": (4657, {"image": "ProcessName"}),
    "registry_delete": (4657, {"image": "ProcessName"}),
    "registry_event": (4657, {"image": "ProcessName"}),
    "file_access": (4663, {"filename": "ObjectName", "image": "ProcessName"}),
}

# Microsoft's pages on PowerShell's events, and on those of Defender that tell of a detection
_OTHERS: Mapping[str, tuple[tuple[str, ...], tuple[int, ...], Mapping[str, str]]] = {
    "ps_module": (_POWERSHELL, (4103,), {}),
    "ps_script": (_POWERSHELL, (4104,), {}),
    "ps_classic_start": (_CLASSIC, (400,), {}),
    "ps_classic_provider_start": (_CLASSIC, (600,), {}),
    "ps_classic_script": (_CLASSIC, (800,), {}),
    "antivirus": (
        ("Microsoft-Windows-Windows Defender/Operational",),
        (1006, 1007, 1008, 1015, 1116, 1117, 1118, 1119),
        {"signature": "Threat Name", "filename": "Path", "action": "Action Name", "processname": "Process Name"},
    ),
}

# Microsoft's names of channels that pySigma does not list, or of which it lists another name than records carry
_MORE: Mapping[str, Sequence[str]] = {
    "dns-client": ["Microsoft-Windows-DNS-Client/Operational"],
    "dns-server-analytic": ["Microsoft-Windows-DNSServer/Analytical"],
    "dns-server-audit": ["Microsoft-Windows-DNSServer/Audit"],
    "hyper-v-worker": ["Microsoft-Windows-Hyper-V-Worker-Admin", "Microsoft-Windows-Hyper-V-Worker-Operational"],
    "kernel-event-tracing": [
        "Microsoft-Windows-Kernel-EventTracing/Admin",
        "Microsoft-Windows-Kernel-EventTracing/Analytic",
    ],
    "security-mitigations": [
        "Microsoft-Windows-Security-Mitigations/KernelMode",
        "Microsoft-Windows-Security-Mitigations/UserMode",
    ],
    "vhdmp": ["Microsoft-Windows-VHDMP-Operational"],
}


def _listed(one: str | Sequence[str]) -> list[str]:
    return [one] if isinstance(one, str) else list(one)


_CHANNELS: Mapping[str, str | Sequence[str]] = {
    **{name: [*_listed(held), *_MORE.get(name, ())] for name, held in windows_logsource_mapping.items()},
    "smbclient-connectivity": "Microsoft-Windows-SmbClient/Connectivity",
    "smbserver-connectivity": "Microsoft-Windows-SMBServer/Connectivity",
}

_HEADER = {
    "provider_name": ("Provider",),
    "providername": ("Provider",),
    "computername": ("Computer",),
    "eventlog": ("Channel",),
    "logname": ("Channel",),
    # the specification's "Field usage": an attribute is called after its element, `_` between
    "provider_guid": ("ProviderGuid",),
    "provider_eventsourcename": ("EventSourceName",),
    "eventid_qualifiers": ("Qualifiers",),
    "timecreated_systemtime": ("time_utc",),
    "execution_processid": ("ProcessID",),
    "execution_threadid": ("ThreadID",),
    "security_userid": ("UserID",),
    "correlation_activityid": ("ActivityID",),
    "correlation_relatedactivityid": ("RelatedActivityID",),
}
# data of Exchange's management events is taken apart when it is read; rules call all data that has no name `Data`
_UNNAMED = {
    "Data": (
        "EventData:Data#", "Message", "Cmdlet", "CmdletActivityId", "CmdletCaller", "CmdletCallerSid", "CmdletDuration",
        "CmdletError", "CmdletErrorKind", "CmdletHostApplication", "CmdletParameters", "CmdletProcess", "CmdletScope",
        "CmdletSession",
    ),
    "Payload": ("EventData:Payload",),
}  # fmt: skip


# Sysmon's documentation, "Event ID 12": how it shortens the roots of the registry
def _as_sysmon_names(key: str) -> list[str]:
    parts = key.split("\\")
    lower = [one.lower() for one in parts]
    if lower[:3] == ["", "registry", "machine"]:
        parts = ["HKLM", *parts[3:]]
    elif lower[:3] == ["", "registry", "user"]:
        parts = ["HKU", *parts[3:]]
    lower = [one.lower() for one in parts]
    if lower[:2] == ["hklm", "system"] and len(parts) > 2 and re.fullmatch(r"controlset[0-9]{3}", lower[2]):
        parts[2] = "CurrentControlSet"
    names = [parts]
    if lower[:3] == ["hklm", "software", "classes"]:
        names.append(["HKCR", *parts[3:]])
    return list(dict.fromkeys([key, *("\\".join(one) for one in names)]))


# Microsoft's "Mandatory Integrity Control" and "Well-known SIDs"
_INTEGRITY = {
    "Untrusted": 0, "Low": 4096, "Medium": 8192, "MediumPlus": 8448, "High": 12288, "System": 16384, "Protected": 20480,
}  # fmt: skip


def _levels(text: str) -> list[str]:
    for word, number in _INTEGRITY.items():
        pair = (word, f"S-1-16-{number}")
        if text.lower() in {one.lower() for one in pair}:
            return [text, pair[text.lower() == word.lower()]]
    return [text]


_SEEN: Mapping[str, Callable[[str], list[str]]] = {
    **dict.fromkeys(("targetobject", "newname"), _as_sysmon_names),
    **dict.fromkeys(("integritylevel", "mandatorylabel"), _levels),
}


def _data(row: Row, name: str) -> list[str]:
    return [text for key, text in row.get("EventData") or [] if key == name and text is not None]


# Microsoft's page on 4657; what each type and operation is called in the messages it refers to
def _operation(row: Row) -> str:
    return (_data(row, "OperationType") or [""])[0].strip().rstrip(".").lower()


def _is_gone(row: Row) -> bool:
    return _operation(row) in {"%%1906", "registry value deleted"}


# a value that was deleted was not set, and what was not deleted is no deletion
_HAPPENED: Mapping[str, Callable[[Row], bool]] = {
    "registry_set": lambda row: not _is_gone(row),
    "registry_delete": _is_gone,
}


def _value_texts(row: Row, name: str) -> list[str]:
    operation, gone = _operation(row), _is_gone(row)
    if name == "eventtype":
        known = operation in {"%%1904", "%%1905", "new registry value created", "existing registry value modified"}
        return ["DeleteValue"] if gone else ["SetValue"] if known else []
    if name == "targetobject":
        key = row.get("ObjectName")
        values = _data(row, "ObjectValueName") or [""]
        return [] if key is None else [f"{key}\\{'(Default)' if one in ('', '-') else one}" for one in values]
    kind = (_data(row, "NewValueType") or [""])[0].strip().rstrip(".").lower()
    written = _data(row, "NewValue")
    return [*written, *_sysmon_details(kind, written[0] if written else "")]


def _sysmon_details(kind: str, text: str) -> list[str]:
    if kind in {"%%1873", "%%1874", "reg_sz", "reg_expand_sz"}:
        return ["(Empty)"] if text in {"", "-"} else []
    sizes = {"%%1876": 4, "reg_dword": 4, "%%1883": 8, "reg_qword": 8}
    if kind not in sizes:
        known = kind.startswith(("%%18", "reg_"))
        return ["Binary Data"] if known else []
    if not re.fullmatch("-?[0-9]{1,20}|0[xX][0-9a-fA-F]{1,16}", text):
        return []
    number = int(text, 0) if "x" in text.lower() else int(text)
    raw = (number % (1 << 64)).to_bytes(8, "big").hex()
    return [f"DWORD (0x{raw[8:]})" if sizes[kind] == 4 else f"QWORD (0x{raw[:8]}-0x{raw[8:]})"]


# Microsoft's pages on 4688 and 4657, and "Well-known SIDs": an account has a name, a domain and a SID in fields of its own
_OWN = {"S-1-5-18": "SYSTEM", "S-1-5-19": "LOCAL SERVICE", "S-1-5-20": "NETWORK SERVICE"}


def _account_texts(row: Row) -> list[str]:
    found = []
    for whose in ("Subject", "Target"):
        name, domain, sid = (row.get(f"{whose}{part}") for part in ("UserName", "DomainName", "UserSid"))
        if name not in (None, "", "-"):
            found.append(str(name))
            found += [f"{domain}\\{name}"] if domain not in (None, "", "-") else []
        found += [f"NT AUTHORITY\\{_OWN[str(sid)]}"] if str(sid) in _OWN else []
    return found


def _windows(
    channels: Sequence[str],
    ids: Sequence[int],
    names: Mapping[str, str] | None = None,
    made: Callable[[Row, str], list[str]] | None = None,
    happened: Callable[[Row], bool] = lambda _: True,
) -> Kind:
    lower_channels = [one.lower() for one in channels]
    called = {**_HEADER, **{one: (two, f"EventData:{two}") for one, two in (names or {}).items()}}

    def is_one(row: Row) -> bool:
        is_there = not channels or str(row["Channel"]).lower() in lower_channels
        return is_there and (not ids or row["EventID"] in ids) and happened(row)

    def make(row: Row) -> Event:
        mine: Names = {one: [place for place in places if _is_place(row, place)] for one, places in called.items()}
        # of a log that was cleared rules ask which it was
        if row["Channel"] == "System" and row["EventID"] == 104 and list(channels) == ["System"]:
            mine = {**mine, "channel": ("EventData:Channel",)}
        event = windows_event(row, mine, _UNNAMED)

        @cache
        def field(name: str, kind: str) -> list[str]:
            lower = name.lower()
            is_made = made is not None and lower in {"targetobject", "details", "eventtype"}
            texts = made(row, lower) if made is not None and is_made else event.field(name, kind)
            if lower == "user" and set(ids) & {4688, 4657}:
                texts = _account_texts(row)
            see = _SEEN.get(lower)
            return texts if see is None or kind == "same" else [one for text in texts for one in see(text)]

        also = _as_sysmon_names(str(row["TargetObject"])) if row.get("TargetObject") is not None else []
        return replace(event, field=field, texts=[*event.texts, *also])

    return Kind("evtx", is_one, make)


def _is_place(row: Row, place: str) -> bool:
    """Say whether the table has such a column; data without one lies in the map."""
    return place in row if ":" not in place else place.partition(":")[2] not in row


def _of_windows(category: str, service: str) -> list[Kind]:
    named = _listed(_CHANNELS[service]) if service in _CHANNELS else []
    if not category:
        return [_windows(named, ())] if named else [] if service else [_windows((), ())]
    found: list[tuple[Sequence[str], Kind]] = []
    if category in _SYSMON_EVENTS:
        found.append(([_SYSMON], _windows([_SYSMON], _SYSMON_EVENTS[category])))
    if category in _AUDITED:
        number, names = _AUDITED[category]
        made = _value_texts if number == 4657 else None
        happened = _HAPPENED.get(category, lambda _: True)
        found.append((["Security"], _windows(["Security"], [number], names, made, happened)))
    if category in _OTHERS:
        channels, ids, names = _OTHERS[category]
        found.append((channels, _windows(channels, ids, names)))
    # who names both means the events of the category in the channels of the service
    return [kind for channels, kind in found if not service or set(channels) <= set(named)]


# The web ------------------------------------------------------------------------------------------


_ADDRESS = "cs-uri-query c-uri-query c-uri cs-uri uri url"
_PATH = "cs-uri-stem c-uri-stem c-uri-path cs-uri-path"
_FILE_TYPE = "c-uri-extension cs-uri-extension"
_BROWSER = "cs-user-agent c-useragent cs(user-agent) c-user-agent"

_NCSA: Names = {
    **dict.fromkeys(_ADDRESS.split(), ("cs-uri",)),
    **dict.fromkeys(_PATH.split(), ("cs-uri-stem",)),
    **dict.fromkeys(_FILE_TYPE.split(), ("cs-uri-stem>extension",)),
    **dict.fromkeys(_BROWSER.split(), ("cs-user-agent",)),
    **dict.fromkeys(("cs-referer", "cs-referrer"), ("cs-referer",)),
    **dict.fromkeys(("cs-host", "r-dns"), ("vhost",)),
    **dict.fromkeys(("sc-status", "status", "response"), ("sc-status",)),
    **dict.fromkeys(("c-ip", "src_ip", "client_ip", "clientip"), ("c-ip",)),
}
_HTTPPROXY: Names = {
    **dict.fromkeys(_ADDRESS.split(), ("cs-uri",)),
    **dict.fromkeys(_PATH.split(), ("UrlStem",)),
    **dict.fromkeys(_FILE_TYPE.split(), ("UrlStem>extension",)),
    **dict.fromkeys(_BROWSER.split(), ("UserAgent",)),
    **dict.fromkeys(("cs-host", "r-dns"), ("UrlHost",)),
    **dict.fromkeys(("sc-status", "status", "response"), ("HttpStatus",)),
    **dict.fromkeys(("c-ip", "src_ip", "client_ip", "clientip"), ("ClientIpAddress",)),
    "cs-method": ("Method",),
    "cs-username": ("AuthenticatedUser",),
    "cs-bytes": ("RequestBytes",),
    "sc-bytes": ("ResponseBytes",),
    "s-computername": ("ServerHostName",),
}
# Zeek's http.log: `uri` is the path with its query, `host` the header, which is the column `http_host` here
_ZEEK: Names = {
    **dict.fromkeys(_ADDRESS.split(), ("http_url", "uri")),
    **dict.fromkeys(_PATH.split(), ("uri>path",)),
    **dict.fromkeys(_FILE_TYPE.split(), ("uri>extension",)),
    **dict.fromkeys(_BROWSER.split(), ("user_agent",)),
    **dict.fromkeys(("cs-referer", "cs-referrer"), ("referrer",)),
    **dict.fromkeys(("host", "cs-host", "r-dns"), ("http_host",)),
    **dict.fromkeys(("sc-status", "status"), ("status_code",)),
    **dict.fromkeys(("src_ip", "c-ip"), ("id.orig_h",)),
    **dict.fromkeys(("dst_ip", "s-ip"), ("id.resp_h",)),
    "src_port": ("id.orig_p",),
    "dst_port": ("id.resp_p",),
    "cs-method": ("method",),
    "cs-version": ("version",),
    "cs-cookie": ("cookie",),
    "record_type": ("qtype_name",),
    "answer": ("answers",),
}

# Microsoft 365 and Entra --------------------------------------------------------------------------

# Cloud App Security's names for what an alert's record holds
_UAL: Names = {
    "eventsource": ("Workload",),
    "eventname": ("Operation", "AuditData:Name"),
    "status": ("ResultStatus",),
    "operationname": ("Operation",),
    "parameters": ("Parameters:*",),
}
# Graph's directoryAudit, and the names that the diagnostic settings of Azure give the same properties
_ENTRA: Names = {
    **dict.fromkeys(
        ("operationname", "activitydisplayname", "activitytype", "properties.message"),
        ("operationName", "activityDisplayName"),
    ),
    **dict.fromkeys(("status", "properties.result"), ("result",)),
    "failure_status_reason": ("resultReason",),
    "properties.targetresources": ("targetResources",),
    "targetresources.modifiedproperties": ("targetResources:modifiedProperties",),
    "targetresources.modifiedproperties.displayname": ("targetResources:modifiedProperties.displayName",),
    "targetresources.modifiedproperties.newvalue": ("targetResources:modifiedProperties.newValue",),
    "targetresources.type": ("targetResources:type",),
    "target": ("targetResources:userPrincipalName", "targetResources:displayName"),
    "consentcontext.isadminconsent": ("targetResources:ConsentContext.IsAdminConsent",),
    "additionaldetails.additionalinfo": ("additionalDetails:additionalInfo",),
    "initiatedby": ("initiatedBy.user.userPrincipalName", "initiatedBy.app.displayName", "identity"),
}


def _any(_row: Row) -> bool:
    return True


_IIS = Kind("iis", _any, iis_event)
_ACCESS = Kind("ncsa", _any, table_event("ncsa", _NCSA))
_FRONT_END = Kind("httpproxy", _any, table_event("httpproxy", _HTTPPROXY))
_AUDIT = Kind("ual", _any, lambda row: audit_event(row, _UAL))
_DIRECTORY = Kind("entra_audit", _any, table_event("entra_audit", _ENTRA))


# Exchange's own form of a cmdlet's parameters, as its event log has it; what sets nothing stands without quotes
def _as_typed(row: Row) -> list[str]:
    parts = []
    for key, value in row.get("Parameters") or []:
        name = re.sub(r"#[0-9]+\Z", "", key)
        is_nothing = value is not None and value.replace(" ", "").lower() in {
            "$null", "()", "@()", "{}", "@{}", '""', "''",
        }  # fmt: skip
        parts.append(f"-{name}" + ("" if value is None else f" {value}" if is_nothing else f' "{value}"'))
    return [" ".join(parts)] if parts else []


def _cmdlet(table: str, names: Names) -> Kind:
    """Give the cmdlets of a log; its own names for what rules call `CmdletCaller` and the like."""
    read = partial(audit_event, names=names) if table == "ual" else table_event(table, names)

    def make(row: Row) -> Event:
        event = read(row)
        if table == "rps_cmdlet":
            return event
        return replace(
            event,
            field=lambda name, kind: _as_typed(row) if name.lower() == "cmdletparameters" else event.field(name, kind),
        )

    return Kind(table, _any, make)


_CMDLETS = (
    _windows(["MSExchange Management"], (), {"cmdletresult": "EventID"}),
    _cmdlet(
        "rps_cmdlet",
        {
            "cmdletparameters": ("Parameters",),
            "cmdletcaller": ("AuthenticatedUser",),
            "cmdletresult": ("ExecutionResult",),
        },
    ),
    _cmdlet("admin_audit", {"cmdletcaller": ("Caller",), "cmdletresult": ("Succeeded",)}),
    _cmdlet("ual", {"cmdlet": ("Operation",), "cmdletcaller": ("UserId",), "cmdletresult": ("ResultStatus",)}),
)


def _zeek(log: str) -> Kind:
    return Kind("zeek", lambda row: not log or row["_path"] == log, table_event("zeek", _ZEEK))


# Zeek's list of logs
_ZEEK_LOGS = (
    "conn", "dce_rpc", "dhcp", "dns", "files", "ftp", "http", "kerberos", "ldap", "notice", "ntlm", "pe", "rdp",
    "smb_files", "smb_mapping", "smtp", "socks", "ssh", "ssl", "tunnel", "weird", "x509",
)  # fmt: skip
_SOURCES: Mapping[tuple[str, str, str], Sequence[Kind]] = {
    ("", "webserver", ""): (_IIS, _ACCESS, _FRONT_END),
    ("", "webserver", "iis"): (_IIS,),
    ("iis", "", ""): (_IIS,),
    ("windows", "", "iis"): (_IIS,),
    ("windows", "webserver", ""): (_IIS,),
    ("apache", "webserver", ""): (_ACCESS,),
    ("apache", "", "access"): (_ACCESS,),
    ("nginx", "webserver", ""): (_ACCESS,),
    ("", "proxy", ""): (_zeek("http"),),
    ("", "firewall", ""): (_zeek("conn"),),
    ("", "dns", ""): (_zeek("dns"),),
    ("zeek", "", ""): (_zeek(""),),
    **{("zeek", "", one): (_zeek(one),) for one in _ZEEK_LOGS},
    **{("m365", "", one): (_AUDIT,) for one in ("audit", "exchange", "threat_management", "threat_detection")},
    ("azure", "", "auditlogs"): (_DIRECTORY,),
    ("exchange", "", "cmdlet"): _CMDLETS,
}


WINDOWS: Sequence[Mapping[str, str]] = (
    *({"product": "windows", "service": one} for one in sorted(_CHANNELS)),
    *({"product": "windows", "category": one} for one in sorted({*_SYSMON_EVENTS, *_AUDITED, *_OTHERS})),
)
"""Every log source of Windows that is written down here."""
OTHERS: Sequence[Mapping[str, str]] = tuple(
    dict(zip(("product", "category", "service"), key, strict=True)) for key in _SOURCES
)
"""All others."""
_NAMES = sorted({name for held in _CHANNELS.values() for name in ([held] if isinstance(held, str) else held)})
_IDS = {104, 7045} | {one for some in _SYSMON_EVENTS.values() for one in some}
_IDS |= {number for number, _ in _AUDITED.values()} | {one for _, some, _ in _OTHERS.values() for one in some}
EVENTS: Sequence[tuple[str, int]] = tuple((channel, number) for channel in _NAMES for number in sorted(_IDS))
"""Channels and event ids by which kinds of event records are told apart, each with each."""


def source_key(source: Mapping[str, object]) -> tuple[str, str, str]:
    """Give product, category and service of a log source, "" for what it does not name."""
    product, category, service = (
        str(source.get(one) or "").strip().lower() for one in ("product", "category", "service")
    )
    return product, category, service


def kinds_of(source: Mapping[str, object]) -> Sequence[Kind]:
    """Give the records that a rule's log source means, of the tables that are judged."""
    product, category, service = (
        str(source.get(one) or "").strip().lower() for one in ("product", "category", "service")
    )
    found = _SOURCES.get((product, category, service))
    if found is not None:
        return found
    return _of_windows(category, service) if product == "windows" or (category, product) == ("antivirus", "") else []
