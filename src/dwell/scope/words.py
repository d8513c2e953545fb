"""Names in logs: users, addresses, agents, each brought into one form. For distinct values, never for rows."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

__all__ = ["Name", "address", "agent", "first_hop", "is_internal", "name_of", "network"]

_SID = re.compile(r"S-1-[0-9-]+", re.IGNORECASE)
_GUID = re.compile(r"\{?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})\}?", re.IGNORECASE)
_ANCHOR = re.compile(r"^(?:Sid|Smtp|SMTP|MailboxGuid|UserSmtp|PrimarySmtp|ExchangeGuid|Upn)~", re.IGNORECASE)
_OWA = "Client=OWA;"
_MINOR = re.compile(r"(\d+)(?:[._]\d+)+")
_PORT = re.compile(r"^(\d{1,3}(?:\.\d{1,3}){3}):\d+$")
_BRACKETS = re.compile(r"^\[([0-9A-Fa-f:.%\w]+)\](?::\d+)?$")


@dataclass(frozen=True, slots=True, order=True)
class Name:
    """A user or mailbox as a log names it, in one form.

    Attributes:
        kind: `smtp` (an address or user principal name), `sam` (an account name without its domain), `sid`, `guid`, `dn`.
        value: lower case.
        domain: the domain in front of an account name, lower case; "" where there is none.
    """

    kind: str
    value: str
    domain: str = ""

    @property
    def key(self) -> str:
        """Give it as one text."""
        return f"{self.kind}:{self.value}"


@lru_cache(maxsize=262_144)
def name_of(text: str | None) -> Name | None:
    r"""Read a user's or mailbox's name in any of the forms logs use; None where there is none.

    `DOMAIN\user`, `DOMAIN/user`, `user@domain`, `Sid~S-1-…`, `MailboxGuid~…@domain`, GUIDs with or without dashes,
    legacy DNs, percent-encoded or not.
    """
    if text is None:
        return None
    wanted = unquote(text, errors="replace").strip().strip("<>").strip()
    if wanted in {"", "-"} or wanted.lower() in {"anonymous", "unknown"}:
        return None
    wanted = _ANCHOR.sub("", wanted)
    if match := _SID.fullmatch(wanted):
        return Name("sid", match[0].lower())
    head, _, tail = wanted.partition("@")
    if match := _GUID.fullmatch(head):
        return Name("guid", "-".join(match.groups()).lower())
    if wanted.lower().startswith("/o="):
        return Name("dn", wanted.lower())
    if "\\" in wanted or ("/" in wanted and not tail):
        domain, _, user = wanted.replace("/", "\\").rpartition("\\")
        return Name("sam", user.lower(), domain.lower()) if user else None
    if tail:
        address_text = wanted.lower().removeprefix("smtp:")
        return Name("smtp", address_text)
    return Name("sam", wanted.lower())


@lru_cache(maxsize=262_144)
def address(text: str | None) -> str | None:
    """Give an address in one form: no port, no brackets, no zone, IPv4-mapped as IPv4; None where there is none."""
    if text is None:
        return None
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


_DOTTED = re.compile(r"(\d{1,3})\.(\d{1,3})\.\d{1,3}\.\d{1,3}")
_INTERNAL_V4 = tuple(
    ipaddress.IPv4Network(one)
    for one in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "0.0.0.0/8")
)
_INTERNAL_V6 = tuple(ipaddress.IPv6Network(one) for one in ("fc00::/7", "fe80::/10", "::1/128"))


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
def agent(text: str | None) -> str:
    """Give an agent's family with major versions only: `Chrome/73.0.3683.86` and `Chrome/73.0.3683.103` are one.

    What audit records put before a browser's own text (`Client=OWA;`) is taken off, so that one browser is one agent in
    every source.
    """
    if text is None:
        return "(none)"
    wanted = text.replace("+", " ").strip()
    if wanted.startswith(f"{_OWA}Mozilla/"):
        wanted = wanted.removeprefix(_OWA).rstrip(";")
    if wanted in {"", "-"}:
        return "(none)"
    return _MINOR.sub(r"\1", wanted)[:300]
