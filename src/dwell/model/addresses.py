"""Addresses: each brought into one form, the network it lies in, and the client behind a balancer.

Balancers of our own are those in private ranges, and those that a person names (`trusting`): the public addresses of a
cloud proxy that stands before the servers. What such a hop appended to a forwarded chain is believed, and nothing else.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache

from dwell.model.short_cache import short_cache

__all__ = [
    "address",
    "behind_balancers",
    "first_hop",
    "forwarded_client",
    "hop_range",
    "is_hop",
    "is_internal",
    "is_trusted",
    "network",
    "passed_through",
    "trusted_hops",
    "trusting",
]

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
_INTERNAL_HEADS = frozenset(
    spelled
    for one in _INTERNAL_V4
    for octet in [str(one.network_address).partition(".")[0]]
    for spelled in (octet, octet.zfill(2), octet.zfill(3))
)
"""First octets of internal ranges as a text can write them, zeros in front among them."""
_INTERNAL_V6 = tuple(ipaddress.IPv6Network(one) for one in ("fc00::/7", "fe80::/10", "::1/128"))


_TRUSTED: ContextVar[tuple[str, ...]] = ContextVar("trusted hops", default=())
_WIDEST = {4: 8, 6: 16}
"""The shortest prefix of a range of trusted hops: who trusts half of the world believes everybody."""


@contextmanager
def trusting(hops: Sequence[str]) -> Iterator[None]:
    """Take ranges, as `hop_range` gives them, for balancers of our own within the block; they stand for all work in it."""
    token = _TRUSTED.set(tuple(hops))
    try:
        yield
    finally:
        _TRUSTED.reset(token)


def trusted_hops() -> tuple[str, ...]:
    """Give the ranges that are taken for balancers of our own besides the private ones, to be handed to other processes."""
    return _TRUSTED.get()


def hop_range(text: str) -> str:
    """Give a range of hops in one form.

    Raises:
        ValueError: it is no address or range, or wider than any proxy's.
    """
    found = ipaddress.ip_network(text.strip(), strict=False)
    if found.prefixlen < _WIDEST[found.version]:
        raise ValueError(f"{found} is wider than /{_WIDEST[found.version]}")
    return str(found)


@lru_cache(maxsize=256)
def _range(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(text)


@short_cache(65_536)
def _range_of(text: str, ranges: tuple[str, ...]) -> str | None:
    """Give the first of the ranges that an address lies in."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return next((one for one in ranges if found in _range(one)), None)


def is_trusted(text: str | None) -> bool:
    """Say whether an address as `address` gives it is that of a hop that a person named."""
    ranges = _TRUSTED.get()
    return bool(ranges) and text is not None and _range_of(text, ranges) is not None


def is_hop(text: str | None) -> bool:
    """Say whether an address as `address` gives it is that of a balancer of our own."""
    return is_internal(text) or is_trusted(text)


@short_cache(262_144)
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
        if not is_hop(one):
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
    head, dot, _ = text.partition(".")
    if dot and head not in _INTERNAL_HEADS and ":" not in head:
        return False  # nearly all that are asked about
    if met := _DOTTED.fullmatch(text):
        return _internal_start(int(met[1]), int(met[2]))
    try:
        found = ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return any(found in one for one in _INTERNAL_V6)


def behind_balancers(client: str | None, forwarded: str | None) -> str | None:
    """Give the client address of a request: `X-Forwarded-For` is read only where the peer itself is a hop of our own.

    Args:
        client: the peer, as logged.
        forwarded: the forwarded chain, as logged; a blank is a `+` there.
    """
    return _behind(client, forwarded, _TRUSTED.get())


@short_cache(262_144)
def _behind(client: str | None, forwarded: str | None, ranges: tuple[str, ...]) -> str | None:
    """Give the client; the ranges stand there for the cache, which outlives what is trusted."""
    del ranges
    peer = address(client)
    if forwarded is None or not is_hop(peer):
        return peer
    return forwarded_client(forwarded) or peer


def _by_commas(chain: str) -> list[str]:
    """Give the hops of a chain as IIS writes it: a blank is a `+` there."""
    return chain.replace("+", " ").split(",")


def forwarded_client(forwarded: str | None, parts: Callable[[str], Sequence[str]] = _by_commas) -> str | None:
    """Give the client that a forwarded chain names; None where it names none.

    Args:
        forwarded: the chain, as logged.
        parts: takes it apart, the nearest hop last.
    """
    # a chain of one address, as nearly all are, names it whoever's it is
    if forwarded is None or _PLAIN.fullmatch(forwarded):
        return forwarded
    return first_hop([address(one) for one in parts(forwarded)])


def passed_through(hops: Sequence[str | None]) -> str | None:
    """Give the ranges of named hops that a client was read behind, nearest first; None where there is none.

    Args:
        hops: the chain, the nearest last; the peer behind it where the log has it apart.
    """
    ranges = _TRUSTED.get()
    found: dict[str, None] = {}
    for one in reversed(hops) if ranges else ():
        met = None if one is None else _range_of(one, ranges)
        if met is not None:
            found[met] = None
        elif not is_internal(one):
            break
    return ", ".join(found) or None
