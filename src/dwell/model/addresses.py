"""Addresses: each brought into one form, the network it lies in, and the client behind a balancer."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from functools import lru_cache

__all__ = ["address", "behind_balancers", "first_hop", "is_internal", "network"]

_PORT = re.compile(r"^(\d{1,3}(?:\.\d{1,3}){3}):\d+$")
_BRACKETS = re.compile(r"^\[([0-9A-Fa-f:.%\w]+)\](?::\d+)?$")
_DOTTED = re.compile(r"(\d{1,3})\.(\d{1,3})\.\d{1,3}\.\d{1,3}")
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_PLAIN = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")
"""An IPv4 address in the one form already, as nearly all are."""
_INTERNAL_V4 = tuple(
    ipaddress.IPv4Network(one)
    for one in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "0.0.0.0/8")
)
_INTERNAL_V6 = tuple(ipaddress.IPv6Network(one) for one in ("fc00::/7", "fe80::/10", "::1/128"))


@lru_cache(maxsize=262_144)
def address(text: str | None) -> str | None:
    """Give an address in one form: no port, no brackets, no zone, IPv4-mapped as IPv4; None where there is none."""
    if text is None or _PLAIN.fullmatch(text):
        return text
    wanted = text.strip().strip('"')
    if match := _PORT.match(wanted) or _BRACKETS.match(wanted):
        wanted = match[1]
    wanted = wanted.partition("%")[0]
    try:
        found = ipaddress.ip_address(wanted)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(found)


def first_hop(hops: Sequence[str | None]) -> str | None:
    """Give the client of a chain of hops, the nearest last: the last one that is no balancer of our own.

    Whoever is outside can write the front of the chain; only what our own balancers appended is believed, so it is read
    from the end. What is no address ends the search: nothing before it is vouched for.
    """
    inside: str | None = None
    for one in reversed(hops):
        if one is None:
            return inside
        if not is_internal(one):
            return one
        inside = one
    return inside


def network(text: str | None) -> str | None:
    """Give the /24 (IPv4) or /48 (IPv6) that an address as `address` gives it lies in; None where it is none."""
    if text is None:
        return None
    if _DOTTED.fullmatch(text):
        return f"{text.rpartition('.')[0]}.0/24"
    try:
        return str(ipaddress.IPv6Network((text, 48), strict=False))
    except ValueError:
        return None


@lru_cache(maxsize=65_536)
def _internal_start(first: int, second: int) -> bool:
    """Say whether the addresses that begin with two octets are internal: no internal range is finer than a /16."""
    start = ipaddress.IPv4Address((first << 24) | (second << 16))
    return any(start in one for one in _INTERNAL_V4)


def is_internal(text: str | None) -> bool:
    """Say whether an address as `address` gives it is loopback, link-local or from a private range.

    Carriers' shared space (100.64.0.0/10) is outside: phones come from there.
    """
    if text is None:
        return False
    if met := _DOTTED.fullmatch(text):
        return _internal_start(int(met[1]), int(met[2]))
    try:
        found = ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return any(found in one for one in _INTERNAL_V6)


@lru_cache(maxsize=262_144)
def behind_balancers(client: str | None, forwarded: str | None) -> str | None:
    """Give the client address of a request: `X-Forwarded-For` is read only where the peer itself is internal.

    Args:
        client: the peer, as logged.
        forwarded: the forwarded chain, as logged; a blank is a `+` there.
    """
    peer = address(client)
    if forwarded is None or not is_internal(peer):
        return peer
    return first_hop([address(one) for one in forwarded.replace("+", " ").split(",")]) or peer
