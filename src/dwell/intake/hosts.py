"""Which host a file comes from, by its path, with the reason kept."""

from __future__ import annotations

import re
from collections.abc import Collection

__all__ = ["host_from_markers", "host_from_names", "short_host"]

_MARKERS = re.compile(
    r"^(?:inetpub|logging|winevt|windows|transportroles|logfiles|w3svc\d+|v1[45]|program files|programdata|httperr|"
    r"exchange server|exchangesetuplogs|iislogs|httpproxy|ews|uploads|users)$",
    re.IGNORECASE,
)
_DRIVE = re.compile(
    r"^(?:[A-Za-z](?::|%3A|\$)?|[A-Za-z]_drive|fs|files|root|live|triage|collection|evidence|logs)$", re.I
)
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


def host_from_names(path: str, known: Collection[str]) -> tuple[str, str]:
    """Take the nearest folder (or container) of the path that names a host known from elsewhere in the evidence."""
    for part in reversed(_parts(path)[:-1]):
        bare = re.sub(r"\.(?:zip|7z|tar|tgz|gz)$", "", part, flags=re.I)
        if short_host(bare) in known:
            return short_host(bare), f"folder '{part}' is a host known from other files"
    return "", ""
