"""Where each kind of indicator is looked for, table by table."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

__all__ = [
    "AUDIT_RECORD",
    "FAMILY",
    "MAPS",
    "PLACES",
    "REST",
    "TEXTS",
    "TEXT_FAMILIES",
    "URLS",
    "UrlParts",
    "places_hash",
    "tables_asked",
    "tables_of",
]

_IMAGES = ("Image", "ParentImage", "NewProcessName", "ParentProcessName", "TargetFilename", "ObjectName")
PLACES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "address": {
        "iis": ("c-ip", "X-Forwarded-For"),
        "httpproxy": ("ClientIpAddress",),
        "ews": ("ClientIpAddress",),
        "ual": ("ClientIP", "ClientIPAddress", "ActorIpAddress"),
        "evtx": ("IpAddress", "SourceIp", "DestinationIp"),
        "ncsa": ("c-ip",),
        "httperr": ("c-ip",),
        "mapihttp": ("ClientIP",),
        "rpc_client_access": ("client-ip",),
        "address_book": ("client-ip",),
        "imap4": ("cIp",),
        "pop3": ("cIp",),
        "rps_http": ("ClientIpAddress",),
        "mailbox_audit": ("ClientIPAddress",),
        "message_tracking": ("client-ip", "original-client-ip"),
        "smtp_receive": ("remote-endpoint",),
        "smtp_send": ("remote-endpoint",),
        "transport_agent": ("RemoteEndpoint",),
        "signins": ("ipAddress",),
        "entra_audit": ("initiatedBy.user.ipAddress",),
        "graph_activity": ("ipAddress",),
        "message_trace": ("FromIP",),
        "defender": ("IPAddress", "RemoteIP", "SenderIPv4", "SenderIPv6"),
        "google_workspace": ("ipAddress",),
        "haproxy": ("client_ip",),
        "squid": ("client",),
        "zeek": ("id.orig_h", "id.resp_h", "x_originating_ip"),
        "netflow": ("sourceIPv4Address", "destinationIPv4Address", "sourceIPv6Address", "destinationIPv6Address"),
        "cisco": ("src_ip", "dst_ip", "client_ip"),
        "fortinet": ("srcip", "dstip", "remip"),
        "paloalto": ("src", "dst"),
        "cef": ("src", "dst"),
        "dovecot": ("rip",),
        "postfix": ("client_ip",),
        "zimbra": ("ip", "oip"),
    },
    "domain": {
        "iis": ("cs-host", "cs-referer"),
        "httpproxy": ("UrlHost", "AnchorMailbox", "TargetServer"),
        "message_tracking": ("sender-address",),
        "evtx": ("QueryName", "DestinationHostname"),
        "ncsa": ("vhost", "cs-referer"),
        "zeek": ("http_host", "query", "server_name", "referrer"),
        "rps_http": ("UrlHost",),
        "defender": ("RemoteUrl", "Url"),
        "squid": ("url",),
        "fortinet": ("hostname",),
        "cef": ("dhost", "request", "url"),
    },
    "url": {
        "iis": ("cs-referer",),
        "ncsa": ("cs-referer",),
        "zeek": ("referrer",),
        "defender": ("RemoteUrl", "Url"),
        "squid": ("url",),
        "fortinet": ("url",),
        "cef": ("request", "url"),
    },
    "hash": {
        "inventory": ("SHA256",),
        "evtx": ("Hashes",),
        "defender": ("SHA256", "SHA1", "MD5"),
        "zeek": ("sha256", "sha1", "md5"),
        "cef": ("fileHash",),
    },
    "path": {
        "inventory": ("Path",),
        "evtx": _IMAGES,
        "iis": ("cs-uri-stem",),
        "ncsa": ("cs-uri-stem",),
        "httpproxy": ("UrlStem",),
        "defender": ("FolderPath", "FileName", "InitiatingProcessFileName"),
    },
    "agent": {
        "iis": ("cs-user-agent",),
        "httpproxy": ("UserAgent",),
        "ews": ("UserAgent",),
        "ual": ("UserAgent",),
        "ncsa": ("cs-user-agent",),
        "signins": ("userAgent",),
        "entra_audit": ("userAgent",),
        "graph_activity": ("userAgent",),
        "defender": ("UserAgent",),
        "zeek": ("user_agent",),
    },
    "email": {
        "iis": ("cs-username",),
        "httpproxy": ("AuthenticatedUser", "AnchorMailbox"),
        "ews": ("AuthenticatedUser", "ImpersonatedUser", "ActAsUser", "ProxyAsUser"),
        "ual": ("UserId", "MailboxOwnerUPN"),
        "directory": ("ForwardingSmtpAddress", "PrimarySmtpAddress"),
        "evtx": ("CmdletParameters", "TargetUserName", "SubjectUserName", "User"),
        "mapihttp": ("AuthenticatedUserEmail", "MailboxId", "ActAsUserEmail"),
        "rpc_client_access": ("user-email",),
        "imap4": ("user", "session_user", "session_mailbox"),
        "pop3": ("user", "session_user", "session_mailbox"),
        "mailbox_audit": ("MailboxOwnerUPN", "DestMailboxOwnerUPN"),
        "message_tracking": ("sender-address",),
        "transport_agent": ("P1FromAddress", "P2FromAddresses", "Recipient"),
        "signins": ("userPrincipalName",),
        "entra_audit": ("initiatedBy.user.userPrincipalName",),
        "message_trace": ("SenderAddress", "RecipientAddress"),
        "defender": ("SenderFromAddress", "SenderMailFromAddress", "RecipientEmailAddress"),
        "google_workspace": ("actor.email", "parameters.email_forwarding_destination_address"),
        "exports": (
            "ForwardTo",
            "RedirectTo",
            "ForwardAsAttachmentTo",
            "BlindCopyTo",
            "RedirectMessageTo",
            "CopyTo",
            "ForwardingSmtpAddress",
        ),
        "postfix": ("from", "to", "orig_to"),
        "zeek": ("mailfrom",),
    },
}
"""Columns that hold one such value each, or a known few; networks go with addresses, names with paths."""
FAMILY: Mapping[str, str] = {"network": "address", "name": "path"}
"""Kinds that are looked for where another one is."""


class UrlParts(NamedTuple):
    """The columns that a URL is made of.

    Attributes:
        host: the host, with or without a port.
        path: the path, with or without the query.
        query: the query; "" where there is no such column.
    """

    host: str
    path: str
    query: str = ""


URLS: Mapping[str, UrlParts] = {
    "iis": UrlParts("cs-host", "cs-uri-stem", "cs-uri-query"),
    "httpproxy": UrlParts("UrlHost", "UrlStem", "UrlQuery"),
    "rps_http": UrlParts("UrlHost", "UrlStem", "UrlQuery"),
    "ncsa": UrlParts("vhost", "cs-uri-stem", "cs-uri-query"),
    "zeek": UrlParts("http_host", "uri"),
    "fortinet": UrlParts("hostname", "url"),
}
"""Tables that write a URL in pieces."""

TEXT_FAMILIES = ("address", "domain", "url", "hash", "path", "email")
"""What is looked for inside longer texts."""
TEXTS: Mapping[str, tuple[str, ...]] = {
    "evtx": ("CommandLine", "ParentCommandLine", "ScriptBlockText", "CmdletParameters"),
    "rps_cmdlet": ("Parameters",),
    "admin_audit": ("CmdletParameters",),
    "defender": ("ProcessCommandLine", "InitiatingProcessCommandLine"),
}
"""Columns of commands and their parameters, which may hold values of any of those kinds."""
MAPS: Mapping[str, tuple[str, ...]] = {
    "ual": ("Parameters", "extra"),
    "admin_audit": ("Parameters",),
    "cosmos_audit": ("Parameters",),
    "entra_audit": ("extra",),
}
"""Maps whose values are searched likewise: what a cmdlet was given, what a record says of changed properties."""
AUDIT_RECORD = "AuditData"
"""The column with a record's own JSON, of which only what has no column of its own is looked at."""
_EXTRA = "extra"
REST: Mapping[str, tuple[str, ...]] = {
    **{table: (_EXTRA,) for family in PLACES.values() for table in family if _EXTRA not in MAPS.get(table, ())},
    "evtx": (
        "EventData",
        "Message",
        "TaskContent",
        "ImagePath",
        "RelativeTargetName",
        "TargetObject",
        "Details",
        "ProcessName",
        "TargetServerName",
        "WorkstationName",
        "ServiceName",
        "ShareName",
        "OriginalFileName",
        "TaskName",
        "ObjectDN",
        "TargetDomainName",
        "SubjectDomainName",
        "LogonProcessName",
        "CmdletCaller",
        "CmdletHostApplication",
        "CmdletError",
    ),
    "message_tracking": (
        _EXTRA,
        "return-path",
        "related-recipient-address",
        "recipient-address",
        "client-hostname",
        "original-server-ip",
        "server-ip",
        "source-context",
        "message-id",
        "message-info",
        "message-subject",
        "reference",
        "custom-data",
        "custom-data-map",
    ),
    "smtp_receive": (_EXTRA, "data", "context"),
    "smtp_send": (_EXTRA, "data", "context"),
    "ual": ("ObjectId", AUDIT_RECORD),
    "zeek": (_EXTRA, "answers", "rcptto"),
}
"""What logs hold besides, by names that differ from event to event and from server to server: whatever lies there is
searched for values inside, and shows a kind of indicator where a value of that shape does lie there."""


def tables_of(family: str) -> list[str]:
    """Give the tables that can show a kind of indicator."""
    found = set(PLACES.get(family, ()))
    if family == "url":
        found |= set(URLS)
    if family in TEXT_FAMILIES:
        found |= {*TEXTS, *MAPS}
    return sorted(found)


def tables_asked() -> set[str]:
    """Give the tables that can show an indicator of any kind."""
    return {table for family in PLACES for table in tables_of(family)}


def places_hash() -> str:
    """Give what changes whenever indicators are looked for elsewhere: kept hits are of no use then."""
    held = repr((3, PLACES, URLS, TEXT_FAMILIES, TEXTS, MAPS, REST))
    return hashlib.sha256(held.encode()).hexdigest()
