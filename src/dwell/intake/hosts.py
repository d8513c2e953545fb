"""Which host a file comes from, by its path, with the reason kept."""

from __future__ import annotations

import re
from collections.abc import Collection

__all__ = ["folder_for_host", "host_from_markers", "host_from_names", "short_host"]

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
    r"archived?|backups?|old|new|copy|copies|export|exports|data|tmp|temp)$",
    re.IGNORECASE,
)
"""Folders of a date, a kind of log or a stage of copying: any server may have them."""
_NAME = re.compile(r"^[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})(?:\.[A-Za-z0-9-]{1,63})*$")


def short_host(name: str) -> str:
    """Give a host's short name in upper case: `ex01.ad.example` and `EX01` are one host."""
    if re.fullmatch(r"[0-9.]+|.*:.*", name):
        return name
    return name.split(".", 1)[0].upper()


def _parts(path: str) -> list[str]:
    return [part for part in re.split(r"[/\\!]+", path) if part and part != "."]


def host_from_markers(path: str) -> tuple[str, str]:
    """Take the folder before the first folder that every server has (`inetpub`, `Logging`, `winevt`, ...).

    Returns:
        Host in its short form and the reason; both "" where there is none.
    """
    parts = _parts(path)
    for position, part in enumerate(parts[:-1]):
        if _MARKERS.match(part):
            for candidate in reversed(parts[:position]):
                bare = re.sub(r"\.(?:zip|7z|tar|tgz|gz)$", "", candidate, flags=re.I)
                if not _DRIVE.match(bare) and not _MARKERS.match(bare) and _NAME.match(bare):
                    return short_host(bare), f"folder '{candidate}' before '{part}'"
            return "", ""
    return "", ""


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
        bare = re.sub(r"\.(?:zip|7z|tar|tgz|gz)$", "", part, flags=re.I)
        # no server keeps its logs on a floppy disk: two folders `a` and `b` are no drives
        drive = _DRIVE.match(bare) and bare.lower() not in {"a", "b"}
        if not (drive or _MARKERS.match(bare) or _NO_SERVER.match(bare)):
            return bare
    return ""


def host_from_names(path: str, known: Collection[str]) -> tuple[str, str]:
    """Take the nearest folder (or container) of the path that names a host known from elsewhere in the evidence."""
    for part in reversed(_parts(path)[:-1]):
        bare = re.sub(r"\.(?:zip|7z|tar|tgz|gz)$", "", part, flags=re.I)
        if short_host(bare) in known:
            return short_host(bare), f"folder '{part}' is a host known from other files"
    return "", ""
