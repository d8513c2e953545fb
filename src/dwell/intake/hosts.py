"""Which host a file comes from, by its path, with the reason kept."""

from __future__ import annotations

import re
from collections.abc import Collection

import msgspec

__all__ = [
    "CLIENT_INFO",
    "folder_for_host",
    "host_from_client_info",
    "host_from_markers",
    "host_from_names",
    "short_host",
]

CLIENT_INFO = "client_info.json"
"""The file in which a collection of Velociraptor says of which machine it is."""

_MARKERS = re.compile(
    r"^(?:inetpub|logging|winevt|windows|transportroles|logfiles|w3svc\d+|v1[45]|program files|programdata|httperr|"
    r"exchange server|exchangesetuplogs|iislogs|httpproxy|ews|uploads|users)$",
    re.IGNORECASE,
)
_DRIVE = re.compile(
    r"^(?:[A-Za-z](?::|%3A|\$)?|[A-Za-z]_drive|fs|files|root|live|triage|collection|evidence|logs)$", re.I
)
_NO_SERVER = re.compile(
    r"^(?:[\d._-]+|iis|ews|owa|ecp|eas|mapi|oab|rpc|pop3?|imap4?|evtx|exchange|syslog|nginx|apache2?|tomcat|httpd|www|var|"
    r"archived?|backups?|old|new|copy|copies|export|exports|data|tmp|temp|results|auto|ntfs|lazy_ntfs|file)$",
    re.IGNORECASE,
)
"""Folders of a date, a kind of log, a stage of copying or a way of reading: any server may have them."""
_LOG_COLLECTOR = re.compile(
    r"^(?:EWS|HttpProxy|RCA|RPC|EAS|AutoD|OWA|AD_Driver|MAPI|ECP|OAB|PowerShell|Mitigation|Message_Tracking|Hub|FE|MBX|"
    r"IMAP|POP|IIS|HTTPERR|Windows_Event)(?:_\w+)?_Logs(?:__\w+)?(?:\.zip)?$",
    re.IGNORECASE,
)
"""Folders that ExchangeLogCollector makes below that of the server, zipped or not: `IIS_W3SVC1_Logs`, `EWS_BE_Logs`."""
_MONTH_DAY = re.compile(r"-(?:1[0-2]|[1-9])(?:3[01]|[12]\d|[1-9])(?:-\d{1,2})?$")
"""What ExchangeLogCollector puts behind a server's name when it zips all of it: month and day, both as short as can be."""
_VELOCIRAPTOR = re.compile(r"^Collection-(.+?)-\d{4}-\d\d-\d\d[T_ ]\d\d.*$", re.IGNORECASE)
_MOMENT = r"\d{4}-?\d\d-?\d\d(?:[T_-]?\d\d[:._-]?\d\d(?:[:._-]?\d\d(?:\.\d+)?)?Z?)?"
_DATED = re.compile(rf"^{_MOMENT}[_-](?P<after>[^\d_-].*)$|^(?P<before>.*[^_-])[_-]{_MOMENT}$", re.IGNORECASE)
"""A moment before or behind a name, as KAPE's targets are mostly called: `2021-03-05T100000_EX03`."""
_ONLY_MOMENT = re.compile(rf"^{_MOMENT}$", re.IGNORECASE)
_CONTAINER = re.compile(r"\.(?:zip|7z|tar|tgz|gz)$", re.IGNORECASE)
_NAME = re.compile(r"^[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})(?:\.[A-Za-z0-9-]{1,63})*$")


def short_host(name: str) -> str:
    """Give a host's short name in upper case: `ex01.ad.example` and `EX01` are one host."""
    if re.fullmatch(r"[0-9.]+|.*:.*", name):
        return name
    return name.split(".", 1)[0].upper()


def _parts(path: str) -> list[str]:
    return [part for part in re.split(r"[/\\!]+", path) if part and part != "."]


def _server_of(part: str) -> str:
    """Give the server that the name of a folder or container stands for, what a collector adds taken off; "" for none."""
    bare = _CONTAINER.sub("", part)
    if (dated := _DATED.match(bare)) is not None:
        bare = dated["after"] or dated["before"]
    if _DRIVE.match(bare) or _MARKERS.match(bare) or _ONLY_MOMENT.match(bare) or not _NAME.match(bare):
        return ""
    return bare


def _collected(path: str, parts: list[str]) -> tuple[str, str]:
    """Take the name that a collector gave to what it made of a server."""
    for position, part in enumerate(parts[:-1]):
        if (made := _VELOCIRAPTOR.match(_CONTAINER.sub("", part))) is not None:
            # the dots of the full name are written `_`
            name = re.split(r"[._]", made[1], maxsplit=1)[0]
            if _NAME.match(name):
                return short_host(name), f"'{part}' is how Velociraptor names a collection"
        if position and _LOG_COLLECTOR.match(part):
            above = parts[position - 1]
            zipped = _CONTAINER.sub("", above)
            inside = zipped != above and f"{above}!" in path
            name = _server_of(_MONTH_DAY.sub("", zipped) if inside else above)
            if name:
                return short_host(name), f"'{above}' holds '{part}', as ExchangeLogCollector makes it"
            return "", ""
    return "", ""


def host_from_markers(path: str) -> tuple[str, str]:
    """Take the folder before the first folder that every server has (`inetpub`, `Logging`, `winevt`, ...).

    What a collector named after a server goes before that: `Collection-EX02_ad_example-2021-03-05T10_00_00Z.zip`, the
    folder above `IIS_W3SVC1_Logs`. A moment before or behind a folder's name is taken off.

    Returns:
        Host in its short form and the reason; both "" where there is none.
    """
    parts = _parts(path)
    if (found := _collected(path, parts))[0]:
        return found
    for position, part in enumerate(parts[:-1]):
        if _MARKERS.match(part):
            for candidate in reversed(parts[:position]):
                if name := _server_of(candidate):
                    return short_host(name), f"folder '{candidate}' before '{part}'"
            return "", ""
    return "", ""


def host_from_client_info(content: bytes) -> str:
    """Give the host that Velociraptor's `client_info.json` names, in its short form; "" where it names none."""
    try:
        found = msgspec.json.decode(content)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return ""
    held = _lowered(found)
    held = _lowered(held.get("os_info")) | held
    for key in ("hostname", "fqdn"):
        name = held.get(key)
        if isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,252}", name):
            return short_host(name)
    return ""


def _lowered(held: object) -> dict[str, object]:
    return {str(key).lower(): value for key, value in held.items()} if isinstance(held, dict) else {}


def folder_for_host(path: str, root: str) -> str:
    """Give the folder or container that may stand for a server where nothing names one: the nearest one of a name.

    Args:
        path: below the folder that was given.
        root: that folder, or the file itself.

    Returns:
        Its name as written, without a container's ending; "" where there is none.
    """
    above = _parts(root)
    inside = _parts(path)
    if len(inside) == 1 and above[-1:] == inside:
        above.pop()
    for part in reversed([*above, *inside[:-1]]):
        bare = _CONTAINER.sub("", part)
        # no server keeps its logs on a floppy disk: two folders `a` and `b` are no drives
        drive = _DRIVE.match(bare) and bare.lower() not in {"a", "b"}
        if not (drive or _MARKERS.match(bare) or _NO_SERVER.match(bare) or _LOG_COLLECTOR.match(bare)):
            return bare
    return ""


def host_from_names(path: str, known: Collection[str]) -> tuple[str, str]:
    """Take the nearest folder (or container) of the path that names a host known from elsewhere in the evidence."""
    for part in reversed(_parts(path)[:-1]):
        bare = _CONTAINER.sub("", part)
        if short_host(bare) in known:
            return short_host(bare), f"folder '{part}' is a host known from other files"
    return "", ""
