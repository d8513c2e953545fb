"""What the field names of Sigma rules are called in the archive's tables: data, not code.

Source:
    Sigma's taxonomy appendix (2.1, 2025-08-02) for `webserver`, `proxy` and `firewall`; for Zeek, Entra and Google the
    names that the published rules themselves use. A name that is not given here is looked for as it stands, and where
    the table has no such column, in the table's map: a field that nobody recorded makes its rule blind, never silent.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = [
    "ALIASES",
    "HEAD_ALONE",
    "HEAD_NAMES",
    "INSTANTS",
    "KEYWORD_PLACES",
    "MAPS",
    "NAMED_DATA",
    "PLAIN_CHANNELS",
    "QUERIES",
]

Names = Mapping[str, tuple[str, ...]]


def _names(*groups: tuple[str, tuple[str, ...]]) -> Names:
    """Give several names, written with blanks between them, the same places."""
    return {name: places for names, places in groups for name in names.split()}


_QUERY = "cs-uri-query c-uri-query c-uri cs-uri uri url"
_STEM = "cs-uri-stem c-uri-stem c-uri-path cs-uri-path"
_AGENT = "cs-user-agent c-useragent cs(user-agent) c-user-agent"
_REFERER = "cs-referer cs-referrer cs(referer)"
_HOST = "cs-host r-dns cs(host)"
_CLIENT = "c-ip src_ip clientip client_ip"
_STATUS = "sc-status response status"
_EXTENSION = "c-uri-extension cs-uri-extension"

_IIS = _names(
    (_QUERY, ("cs-uri",)),
    (_STEM, ("cs-uri-stem",)),
    (_EXTENSION, ("cs-uri-stem>extension",)),
    (_AGENT, ("cs-user-agent",)),
    (_REFERER, ("cs-referer",)),
    ("cs-cookie cs(cookie)", ("cs-cookie",)),
    (_HOST, ("cs-host",)),
    (_CLIENT, ("c-ip",)),
    ("s-ip dst_ip", ("s-ip",)),
    (_STATUS, ("sc-status",)),
    ("x-forwarded-for", ("X-Forwarded-For",)),
    # tokens of what the ActiveSync server logs; parts of the query that are columns are called by their own names
    ("smtpadrs", ("Log:SmtpAdrs",)),
    ("srchp", ("Log:SrchP",)),
    ("unc", ("Log:Unc",)),
    ("uncb", ("Log:Uncb",)),
)
_NCSA = _names(
    (_QUERY, ("cs-uri",)),
    (_STEM, ("cs-uri-stem",)),
    (_EXTENSION, ("cs-uri-stem>extension",)),
    (_AGENT, ("cs-user-agent",)),
    (_REFERER, ("cs-referer",)),
    (_HOST, ("vhost",)),
    (_CLIENT, ("c-ip",)),
    (_STATUS, ("sc-status",)),
)
_HTTPPROXY = _names(
    (_QUERY, ("cs-uri",)),
    (_STEM, ("UrlStem",)),
    (_EXTENSION, ("UrlStem>extension",)),
    (_AGENT, ("UserAgent",)),
    (_HOST, ("UrlHost",)),
    (_CLIENT, ("ClientIpAddress",)),
    (_STATUS, ("HttpStatus",)),
    ("cs-method", ("Method",)),
    ("cs-username", ("AuthenticatedUser",)),
    ("cs-bytes", ("RequestBytes",)),
    ("sc-bytes", ("ResponseBytes",)),
    ("s-computername", ("ServerHostName",)),
)
_HAPROXY = _names(
    (_QUERY, ("cs-uri",)),
    (_STEM, ("cs-uri-stem",)),
    (_EXTENSION, ("cs-uri-stem>extension",)),
    (_CLIENT, ("client_ip",)),
    (_STATUS, ("status_code",)),
    ("sc-bytes", ("bytes_read",)),
    ("s-computername", ("server_name",)),
)
# A proxy's log holds the whole address of what was asked for: host, path and query are parts of it.
_SQUID = _names(
    (_QUERY, ("url",)),
    (_STEM, ("url>path",)),
    (_EXTENSION, ("url>extension",)),
    (_HOST, ("url>host",)),
    (_CLIENT, ("client",)),
    (_STATUS, ("status_code",)),
    ("cs-method", ("method",)),
    ("cs-username", ("username",)),
    ("sc-bytes", ("bytes",)),
    ("dst_ip", ("peer",)),
)
_ZEEK = _names(
    (_QUERY, ("http_url", "uri")),
    (_STEM, ("uri>path",)),
    (_EXTENSION, ("uri>extension",)),
    (_AGENT, ("user_agent",)),
    (_REFERER, ("referrer",)),
    ("cs-cookie", ("cookie",)),
    ("host " + _HOST, ("http_host",)),
    ("src_ip c-ip source.ip", ("id.orig_h",)),
    ("src_port source.port", ("id.orig_p",)),
    ("dst_ip s-ip destination.ip", ("id.resp_h",)),
    ("dst_port destination.port", ("id.resp_p",)),
    ("sc-status status", ("status_code",)),
    ("cs-method", ("method",)),
    ("cs-version", ("version",)),
    ("cs-bytes", ("request_body_len",)),
    ("sc-bytes", ("response_body_len",)),
    ("record_type dns.question.type", ("qtype_name",)),
    ("answer dns.answers.data", ("answers",)),
    ("dns.question.name", ("query",)),
    ("network.transport", ("proto",)),
    ("network.protocol", ("service",)),
)
_FORTINET = _names(
    (_QUERY, ("url",)),
    (_STEM, ("url>path",)),
    (_EXTENSION, ("url>extension",)),
    (_AGENT, ("agent",)),
    (_HOST, ("hostname",)),
    ("src_ip c-ip", ("srcip",)),
    ("src_port", ("srcport",)),
    ("dst_ip", ("dstip",)),
    ("dst_port", ("dstport",)),
    ("username cs-username", ("user",)),
)
_PALOALTO = _names(
    (_QUERY, ("misc",)),
    (_STEM, ("misc>path",)),
    (_EXTENSION, ("misc>extension",)),
    (_HOST, ("misc>host",)),
    ("src_ip c-ip", ("src",)),
    ("src_port", ("sport",)),
    ("dst_ip", ("dst",)),
    ("dst_port", ("dport",)),
    ("username cs-username", ("srcuser",)),
)
_CEF = _names(
    (_QUERY, ("request", "url")),
    (_STEM, ("request>path",)),
    (_EXTENSION, ("request>extension",)),
    (_AGENT, ("requestClientApplication",)),
    (_HOST, ("dhost", "request>host")),
    ("cs-method", ("requestMethod",)),
    ("src_ip c-ip", ("src",)),
    ("src_port", ("spt", "srcPort")),
    ("dst_ip", ("dst",)),
    ("dst_port", ("dpt", "dstPort")),
    ("username cs-username", ("suser", "usrName")),
    ("action", ("act",)),
)
_NETFLOW = _names(
    ("src_ip source.ip", ("sourceIPv4Address", "sourceIPv6Address")),
    ("src_port source.port", ("sourceTransportPort",)),
    ("dst_ip destination.ip", ("destinationIPv4Address", "destinationIPv6Address")),
    ("dst_port destination.port", ("destinationTransportPort",)),
)
_EVTX = _names(
    ("provider_name providername", ("Provider",)),
    ("computername", ("Computer",)),
    ("eventlog logname", ("Channel",)),
    # attributes of the event's head, called by their element and their own name
    ("provider_guid", ("ProviderGuid",)),
    ("provider_eventsourcename", ("EventSourceName",)),
    ("eventid_qualifiers", ("Qualifiers",)),
    ("timecreated_systemtime", ("time_utc",)),
    ("execution_processid", ("ProcessID",)),
    ("execution_threadid", ("ThreadID",)),
    ("security_userid", ("UserID",)),
    ("correlation_activityid", ("ActivityID",)),
    ("correlation_relatedactivityid", ("RelatedActivityID",)),
)
_UAL = _names(
    ("eventsource", ("Workload",)),
    ("eventname", ("Operation", "AuditData:Name")),
    ("status", ("ResultStatus",)),
    ("operationname", ("Operation",)),
    ("parameters", ("Parameters:*",)),
)
# The portal writes a word for how a sign-in ended, the interfaces a number: 0 stands for success.
_SIGNINS = _names(
    ("resulttype", ("resultType", "status.errorCode")),
    ("resultdescription", ("resultDescription", "status.failureReason")),
    ("status", ("extra:Status", "status.errorCode>success", "resultType>success", "status.additionalDetails")),
    ("clientapp", ("clientAppUsed",)),
    ("username", ("userPrincipalName",)),
)
# Rules call the name of an act by five names; `properties.message` is one of them.
_ENTRA_AUDIT = _names(
    ("operationname activitydisplayname activitytype properties.message", ("operationName", "activityDisplayName")),
    ("status properties.result", ("result",)),
    ("failure_status_reason", ("resultReason",)),
    ("properties.targetresources", ("targetResources",)),
    ("targetresources.modifiedproperties", ("targetResources:modifiedProperties",)),
    ("targetresources.modifiedproperties.displayname", ("targetResources:modifiedProperties.displayName",)),
    ("targetresources.modifiedproperties.newvalue", ("targetResources:modifiedProperties.newValue",)),
    ("targetresources.type", ("targetResources:type",)),
    ("target", ("targetResources:userPrincipalName", "targetResources:displayName")),
    ("consentcontext.isadminconsent", ("targetResources:ConsentContext.IsAdminConsent",)),
    ("additionaldetails.additionalinfo", ("additionalDetails:additionalInfo",)),
    ("initiatedby", ("initiatedBy.user.userPrincipalName", "initiatedBy.app.displayName", "identity")),
)
_GOOGLE = _names(
    ("eventname protopayload.metadata.event.eventname", ("event.name",)),
    ("eventservice protopayload.servicename", ("id.applicationName>service",)),
)
ALIASES: Mapping[str, Names] = {
    "iis": _IIS,
    "ncsa": _NCSA,
    "httpproxy": _HTTPPROXY,
    "haproxy": _HAPROXY,
    "squid": _SQUID,
    "zeek": _ZEEK,
    "fortinet": _FORTINET,
    "paloalto": _PALOALTO,
    "cef": _CEF,
    "netflow": _NETFLOW,
    "evtx": _EVTX,
    "ual": _UAL,
    "signins": _SIGNINS,
    "entra_audit": _ENTRA_AUDIT,
    "google_workspace": _GOOGLE,
}
"""Per table: Sigma's field names, in lower case, to our columns; `column>part` is a part of what the column holds."""

QUERIES: Mapping[str, tuple[str, str]] = {
    "iis": ("cs-uri", "cs-uri-query"),
    "ncsa": ("cs-uri", "cs-uri-query"),
    "httpproxy": ("cs-uri", "UrlQuery"),
    "haproxy": ("cs-uri", "cs-uri-query"),
    "squid": ("url", "url>query"),
    "zeek": ("http_url", "uri>query"),
    "fortinet": ("url", "url>query"),
    "paloalto": ("misc", "misc>query"),
    "cef": ("request", "request>query"),
}
"""Per table: where rules about the query look, since half of them mean the path, and where the query itself stands."""

INSTANTS = frozenset(
    {"@timestamp", "_time", "date", "eventtime", "systemtime", "time", "timecreated", "timegenerated", "timestamp"}
)
"""Names of the instant of the record itself, where a table has no column of that name."""

MAPS: Mapping[str, str] = {"evtx": "EventData", "ual": "AuditData"}
"""Per table: where a field is looked for that is no column; `extra` in a table not given here."""

NAMED_DATA: Mapping[str, tuple[str, ...]] = {
    # what Exchange's cmdlet log holds by position has columns: all of them are data without a name
    "Data": (
        "EventData:Data#", "Cmdlet", "CmdletParameters", "CmdletCaller", "CmdletCallerSid", "CmdletHostApplication",
        "CmdletProcess", "CmdletDuration", "CmdletScope", "CmdletError", "CmdletErrorKind", "CmdletActivityId",
        "CmdletSession", "Message",
    ),
    "Payload": ("EventData:Payload",),
}  # fmt: skip
"""Fields of event logs that stand for data without a name; `Data#` means every key that is `Data` and a number."""

HEAD_NAMES = frozenset({"ProcessID", "ThreadID", "UserID", "ActivityID", "RelatedActivityID"})
"""Columns of an event's head of which the same name in another case (`ProcessId`) is a field of the event's own."""
HEAD_ALONE = frozenset(
    {
        "evidence_id", "record_no", "time_utc", "host", "Channel", "Provider", "ProviderGuid", "EventSourceName",
        "Computer", "EventID", "EventRecordID", "Qualifiers",
    }
)  # fmt: skip
"""Columns of event logs that mean an event's head and nothing else. Beside the others data of the same name may lie in the
map, as names hold blanks there, or the head has a column of that name too."""
PLAIN_CHANNELS = frozenset({"Security", "Microsoft-Windows-Sysmon/Operational"})
"""Channels in which no name of data holds a blank, and none that rules ask for is one of the head."""

KEYWORD_PLACES: Mapping[str, tuple[str, ...]] = {
    "iis": (
        "cs-uri", "cs-user-agent", "cs-referer", "cs-cookie", "cs-username", "cs-host", "X-Forwarded-For", "cs-method",
        "c-ip", "s-ip", "s-computername", "s-sitename", "cs-version", "extra:*",
    ),
}  # fmt: skip
"""Per table: where keywords are looked for; a table not given here is searched in all its texts and its maps."""
