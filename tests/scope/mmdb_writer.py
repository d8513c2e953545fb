"""Writes small tables of autonomous systems in MaxMind's format, IPv4 only, after the format's specification 2.0."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Mapping

__all__ = ["mmdb"]

MARK = b"\xab\xcd\xefMaxMind.com"


def _text(text: str) -> bytes:
    body = text.encode()
    return bytes([(2 << 5) | len(body)]) + body if len(body) < 29 else bytes([(2 << 5) | 29, len(body) - 29]) + body


def _number(kind: int, number: int, size: int) -> bytes:
    body = number.to_bytes(size, "big")
    return (bytes([(kind << 5) | size]) if kind < 8 else bytes([size, kind - 7])) + body


def _map(pairs: Mapping[str, bytes]) -> bytes:
    return bytes([(7 << 5) | len(pairs)]) + b"".join(_text(key) + value for key, value in pairs.items())


def mmdb(table: Mapping[str, tuple[int, str]], built: int = 0) -> bytes:
    """Give a table: number and name by network."""
    nodes: list[list[int | None]] = [[None, None]]
    leaves: list[tuple[int, int, int]] = []
    data = b""
    for text, (number, name) in table.items():
        lan = ipaddress.IPv4Network(text)
        node = 0
        for place in range(lan.prefixlen):
            bit = int(lan.network_address) >> (31 - place) & 1
            if place == lan.prefixlen - 1:
                leaves.append((node, bit, len(data)))
                break
            following = nodes[node][bit]
            if following is None:
                nodes.append([None, None])
                following = nodes[node][bit] = len(nodes) - 1
            node = following
        entry = {"autonomous_system_number": _number(6, number, 4), "autonomous_system_organization": _text(name)}
        data += _map(entry)
    count = len(nodes)
    for node, bit, offset in leaves:
        nodes[node][bit] = count + 16 + offset
    tree = b"".join(struct.pack(">I", count if one is None else one) for node in nodes for one in node)
    metadata = _map(
        {
            "binary_format_major_version": _number(5, 2, 2),
            "binary_format_minor_version": _number(5, 0, 2),
            "build_epoch": _number(9, built, 8),
            "database_type": _text("ASN"),
            "description": _map({}),
            "ip_version": _number(5, 4, 2),
            "languages": bytes([0, 11 - 7]),
            "node_count": _number(6, count, 4),
            "record_size": _number(5, 32, 2),
        }
    )
    return tree + bytes(16) + data + MARK + metadata
