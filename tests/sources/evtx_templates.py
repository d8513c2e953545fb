"""Writes chunks of binary event logs the way Windows does: template definitions once, records with their values alone."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tests.sources.evtx_writer import CHUNK_BYTES, RECORDS_START, record

__all__ = ["Chunk", "Value", "filetime", "number", "sid", "text", "texts"]

NAMESPACE = "http://schemas.microsoft.com/win/2004/08/events/event"


class Value(NamedTuple):
    """A value of a record.

    Attributes:
        kind: its type.
        raw: its bytes.
    """

    kind: int
    raw: bytes


def text(value: str, *, ended: bool = False) -> Value:
    """Give a text, with a NUL at its end or without."""
    return Value(0x01, value.encode("utf-16-le", "surrogatepass") + b"\0\0" * ended)


def texts(*values: str) -> Value:
    """Give a list of texts."""
    return Value(0x81, b"".join(one.encode("utf-16-le") + b"\0\0" for one in values))


def number(kind: int, value: int) -> Value:
    """Give an integer of a type, the decimal ones 3 to 10, the hexadecimal ones 0x14 and 0x15, a boolean 0x0D."""
    form = {3: "<b", 4: "<B", 5: "<h", 6: "<H", 7: "<i", 8: "<I", 9: "<q", 10: "<Q", 0x14: "<I", 0x15: "<Q", 0x0D: "<i"}
    return Value(kind, struct.pack(form[kind], value))


def filetime(ticks: int) -> Value:
    """Give an instant, in steps of 100 ns since 1601."""
    return Value(0x11, struct.pack("<Q", ticks))


def sid(*parts: int) -> Value:
    """Give a security identifier of the NT authority."""
    return Value(0x13, struct.pack("<BBHI", 1, len(parts), 0, 5 << 24) + struct.pack(f"<{len(parts)}I", *parts))


NOTHING = Value(0x00, b"")


class Chunk:
    """A chunk that is written record by record.

    Args:
        fragments: whether the template of the data starts with a fragment header, as of some writers.
    """

    def __init__(self, *, fragments: bool = True) -> None:
        self.out = bytearray(RECORDS_START)
        self.fragments = fragments
        self.count = 0
        self.last = RECORDS_START
        self._names: dict[str, int] = {}
        self._definitions: dict[object, int] = {}
        self._at = 0

    def add(
        self,
        data: Mapping[str, Value] | Sequence[Value],
        *,
        event_id: int = 4624,
        channel: str = "Security",
        computer: str = "EX01.ministry.example",
        level: Value = number(4, 0),  # noqa: B008 - never changed
        record_id: int | None = None,
        provider: str = "Microsoft-Windows-Security-Auditing",
        user: Value = NOTHING,
        at: int = 132_600_000_000_000_000,
        version: Value = number(4, 1),  # noqa: B008 - never changed
    ) -> bool:
        """Write an event; False where the chunk has no room for it."""
        before = len(self.out), dict(self._names), dict(self._definitions)
        self.count += 1
        body = bytearray()
        self._at = len(self.out) + 24
        names = list(data) if isinstance(data, Mapping) else len(data)
        values = list(data.values()) if isinstance(data, Mapping) else list(data)
        self._fragment(body)
        self._instance(body, ("system", provider), _system(provider))
        outer = [
            level, number(6, event_id), number(10, record_id or self.count), filetime(at), number(8, 4), number(8, 44),
            number(0x15, 0x8020_0000_0000_0000), user, version, text(channel), text(computer), Value(0x21, b""),
        ]  # fmt: skip
        place = len(body)
        head = 4 + 4 * len(outer) + sum(len(one.raw) for one in outer)
        inner = bytearray()
        self._at += place + head
        if self.fragments:
            self._fragment(inner)
        self._instance(inner, repr(names), _data(names))
        _values(inner, values)
        inner += b"\x00"
        self._at -= place + head
        outer[-1] = Value(0x21, bytes(inner))
        _values(body, outer)
        body += b"\x00"
        whole = record(record_id or self.count, bytes(body))
        if len(self.out) + len(whole) > CHUNK_BYTES:
            del self.out[before[0] :]
            self._names, self._definitions = before[1], before[2]
            self.count -= 1
            return False
        self.last = len(self.out)
        self.out += whole
        return True

    def bytes(self) -> bytes:
        """Give the chunk."""
        out = bytearray(self.out)
        head = struct.pack(
            "<8sQQQQIIII", b"ElfChnk\0", 1, self.count, 1, self.count, 128, self.last, len(out),
            zlib.crc32(bytes(out[RECORDS_START:])),
        )  # fmt: skip
        out[: len(head)] = head
        struct.pack_into("<I", out, 124, zlib.crc32(bytes(out[:120]) + bytes(out[128:RECORDS_START])))
        return bytes(out.ljust(CHUNK_BYTES, b"\0"))

    def _fragment(self, out: bytearray) -> None:
        out += b"\x0f\x01\x01\x00"

    def _instance(self, out: bytearray, key: object, tree: Sequence[object]) -> None:
        """Write a template instance up to its values, with the definition where it is the first one."""
        at = self._at + len(out) + 10
        known = self._definitions.setdefault(key, at)
        out += struct.pack("<BBII", 0x0C, 1, zlib.crc32(repr(key).encode()), known)
        if known == at:
            body = bytearray(b"\x0f\x01\x01\x00")
            self._element(body, at + 24, tree)
            body += b"\x00"
            out += struct.pack("<I", 0) + zlib.crc32(repr(key).encode()).to_bytes(16, "little")
            out += struct.pack("<I", len(body)) + body

    def _name(self, out: bytearray, start: int, name: str) -> None:
        at = start + len(out) + 4
        known = self._names.setdefault(name, at)
        out += struct.pack("<I", known)
        if known == at:
            out += struct.pack("<IHH", 0, len(name) * 7 & 0xFFFF, len(name)) + name.encode("utf-16-le") + b"\0\0"

    def _element(self, out: bytearray, start: int, tree: Sequence[object]) -> None:
        """Write an element: its name, its attributes, what it holds."""
        name, attributes, children = tree[0], tree[1], tree[2:]
        assert isinstance(name, str)
        assert isinstance(attributes, Mapping)
        begins = len(out)
        out += struct.pack("<BHI", 0x41 if attributes else 0x01, 0xFFFF, 0)
        self._name(out, start, name)
        if attributes:
            place = len(out)
            out += bytes(4)
            for position, (key, value) in enumerate(attributes.items(), 1):
                out += b"\x46" if position < len(attributes) else b"\x06"
                self._name(out, start, key)
                _content(out, value)
            struct.pack_into("<I", out, place, len(out) - place - 4)
        out += b"\x02" if children else b"\x03"
        for child in children:
            if isinstance(child, tuple):
                self._element(out, start, child)
            else:
                _content(out, child)
        if children:
            out += b"\x04"
        struct.pack_into("<I", out, begins + 3, len(out) - begins - 7)


def _content(out: bytearray, value: object) -> None:
    """Write a text, or the place of a value."""
    if isinstance(value, int):
        out += struct.pack("<BHB", 0x0E, value, 0x01)
    else:
        raw = str(value).encode("utf-16-le")
        out += b"\x05\x01" + struct.pack("<H", len(raw) // 2) + raw


def _values(out: bytearray, values: Sequence[Value]) -> None:
    out += struct.pack("<I", len(values))
    for one in values:
        out += struct.pack("<HBB", len(one.raw), one.kind, 0)
    for one in values:
        out += one.raw


def _system(provider: str) -> tuple[object, ...]:
    system: tuple[object, ...] = (
        "System", {}, ("Provider", {"Name": provider, "Guid": "{54849625-5478-4994-a5ba-3e3b0328c30d}"}),
        ("EventID", {}, 1), ("Version", {}, 8), ("Level", {}, 0), ("Keywords", {}, 6),
        ("TimeCreated", {"SystemTime": 3}), ("EventRecordID", {}, 2), ("Correlation", {}),
        ("Execution", {"ProcessID": 4, "ThreadID": 5}), ("Channel", {}, 9), ("Computer", {}, 10),
        ("Security", {"UserID": 7}),
    )  # fmt: skip
    return ("Event", {"xmlns": NAMESPACE}, system, 11)


def _data(names: Sequence[str] | int) -> tuple[object, ...]:
    if isinstance(names, int):
        return ("EventData", {}, *(("Data", {}, position) for position in range(names)))
    return ("EventData", {}, *(("Data", {"Name": name}, position) for position, name in enumerate(names)))
