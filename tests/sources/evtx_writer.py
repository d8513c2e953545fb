"""Writes small binary event logs for the tests: one chunk after the other, events as plain binary XML without templates."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence

__all__ = ["chunk", "event", "log", "record"]

CHUNK_BYTES = 65_536
RECORDS_START = 512
_EPOCH_100NS = 116_444_736_000_000_000


class _Xml:
    """Binary XML of one event, at a known place in its chunk."""

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.out = bytearray(b"\x0f\x01\x01\x00")

    def _name(self, name: str) -> bytes:
        code = 0
        for unit in name:
            code = (code * 65_599 + ord(unit)) & 0xFFFF_FFFF
        return struct.pack("<IHH", 0, code & 0xFFFF, len(name)) + name.encode("utf-16-le") + b"\0\0"

    def _named(self, head: bytes, name: str) -> None:
        """Add a token with a name that stands right behind it."""
        self.out += head
        self.out += struct.pack("<I", self.offset + len(self.out) + 4)
        self.out += self._name(name)

    def value(self, text: str) -> None:
        self.out += b"\x05\x01" + struct.pack("<H", len(text.encode("utf-16-le")) // 2) + text.encode("utf-16-le")

    def open(self, name: str, attributes: Mapping[str, str]) -> int:
        start = len(self.out)
        token = 0x41 if attributes else 0x01
        self._named(struct.pack("<BI", token, 0), name)
        if attributes:
            place = len(self.out)
            self.out += b"\0\0\0\0"
            for position, (key, text) in enumerate(attributes.items(), 1):
                self._named(b"\x46" if position < len(attributes) else b"\x06", key)
                self.value(text)
            struct.pack_into("<I", self.out, place, len(self.out) - place - 4)
        self.out += b"\x02"
        return start

    def close(self, start: int) -> None:
        self.out += b"\x04"
        struct.pack_into("<I", self.out, start + 1, len(self.out) - start - 5)

    def element(self, name: str, text: str = "", attributes: Mapping[str, str] | None = None) -> None:
        start = self.open(name, attributes or {})
        if text:
            self.value(text)
        self.close(start)


def event(
    offset: int,
    *,
    event_id: int,
    record_id: int,
    at: str,
    channel: str = "Security",
    provider: str = "Microsoft-Windows-Security-Auditing",
    data: Mapping[str, str] | None = None,
    unnamed: Sequence[str] = (),
    user_data: Mapping[str, Mapping[str, str]] | None = None,
) -> bytes:
    """Give the binary XML of one event that will lie at `offset` in its chunk."""
    xml = _Xml(offset)
    whole = xml.open("Event", {"xmlns": "http://schemas.microsoft.com/win/2004/08/events/event"})
    system = xml.open("System", {})
    xml.element("Provider", "", {"Name": provider})
    xml.element("EventID", str(event_id))
    xml.element("Level", "0")
    xml.element("TimeCreated", "", {"SystemTime": at})
    xml.element("EventRecordID", str(record_id))
    xml.element("Channel", channel)
    xml.element("Computer", "EX01.ministry.example")
    xml.close(system)
    if data or unnamed:
        part = xml.open("EventData", {})
        for name, text in (data or {}).items():
            xml.element("Data", text, {"Name": name})
        for text in unnamed:
            xml.element("Data", text)
        xml.close(part)
    for name, leaves in (user_data or {}).items():
        part = xml.open("UserData", {})
        inner = xml.open(name, {})
        for leaf, text in leaves.items():
            xml.element(leaf, text)
        xml.close(inner)
        xml.close(part)
    xml.close(whole)
    return bytes(xml.out) + b"\x00"


def record(number: int, body: bytes, unix_s: int = 1_600_000_000) -> bytes:
    """Put an event into a record."""
    size = -(-(28 + len(body)) // 8) * 8
    stamp = unix_s * 10_000_000 + _EPOCH_100NS
    head = struct.pack("<4sIQQ", b"**\0\0", size, number, stamp)
    return (head + body).ljust(size - 4, b"\0") + struct.pack("<I", size)


def chunk(events: Sequence[Mapping[str, object]], first_id: int = 1) -> bytes:
    """Give a chunk that holds events, numbered on unless they say otherwise; each is the arguments of `event`."""
    out = bytearray(RECORDS_START)
    last_at, number = RECORDS_START, first_id
    first = None
    for one in events:
        number = int(str(one.get("record_id", number)))
        first = number if first is None else first
        last_at = len(out)
        arguments = {**one, "record_id": number}
        out += record(number, event(last_at + 24, **arguments))  # type: ignore[arg-type]
        number += 1
    free = len(out)
    records_crc = zlib.crc32(bytes(out[RECORDS_START:]))
    head = struct.pack(
        "<8sQQQQIIII", b"ElfChnk\0", 1, len(events), first or 0, number - 1, 128, last_at, free, records_crc
    )
    out[: len(head)] = head
    struct.pack_into("<I", out, 124, zlib.crc32(bytes(out[:120]) + bytes(out[128:RECORDS_START])))
    return bytes(out.ljust(CHUNK_BYTES, b"\0"))


def log(chunks: Sequence[bytes], next_id: int = 1, flags: int = 0) -> bytes:
    """Give a log file."""
    head = struct.pack("<8sQQQIHHHH", b"ElfFile\0", 0, len(chunks) - 1, next_id, 128, 1, 3, 4096, len(chunks))
    head = head.ljust(120, b"\0")
    return (head + struct.pack("<II", flags, zlib.crc32(head))).ljust(4096, b"\0") + b"".join(chunks)
