"""Tables of autonomous systems: who announced a network on a day, as iptoasn (TSV) or MaxMind (MMDB) files have it.

A network is looked up by its first address: a /24 of IPv4 and a /48 of IPv6 are the finest that the net at large routes.
The upper 64 bits of an IPv6 address are compared, for the same reason.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import socket
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import maxminddb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from dwell.errors import CustodyError, Place, UsageError

__all__ = ["NO_SYSTEM", "AsTable", "folder", "read_table"]

NO_SYSTEM = -1
FILE_MAX = 256 << 20
TEXT_MAX = 512 << 20
"""Bytes that a compressed table may come to."""
NAME_MAX = 80
NUMBER_MAX = 2**32
MMDB_MARK = b"\xab\xcd\xefMaxMind.com"
GZIP_MARK = b"\x1f\x8b"
COLUMNS = ("start", "end", "number", "country", "name")
DOTTED = r"^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}$"
HEXED = r"^[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*$"
_BROKEN = (
    maxminddb.InvalidDatabaseError, ArithmeticError, LookupError, RecursionError, TypeError, ValueError, struct.error,
)  # fmt: skip
"""What the library raises where a table is damaged: it names only some of its faults itself."""
REMEDY = "Give iptoasn's table (ip2asn-combined.tsv.gz) or one in MaxMind's format (GeoLite2-ASN.mmdb)"

Codes = npt.NDArray[np.int64]
Halves = npt.NDArray[np.uint64]


class Systems(Protocol):
    """Says which autonomous system a network is of."""

    def numbers(self, networks: Sequence[str]) -> Codes:
        """Give the number of the system of each network in CIDR form; `NO_SYSTEM` where the table has none."""

    def name(self, number: int) -> str:
        """Give the name of a system; "" where the table has none."""


@dataclass(frozen=True, slots=True)
class AsTable:
    """A table with what it is known by.

    Attributes:
        file: the file's name.
        sha256: its hash, as given.
        dated: the day it speaks of, ISO 8601.
        by: what dates it, in words.
        ranges: how many ranges it has; None where its format does not count them.
        unread: lines that could not be read.
        systems: what it says.
    """

    file: str
    sha256: str
    dated: str
    by: str
    ranges: int | None
    unread: int
    systems: Systems

    @property
    def told(self) -> str:
        """Give name, hash and date in words."""
        return f"{self.file}, SHA-256 {self.sha256[:16]}…, of {self.dated}"


def folder(root: Path) -> Path:
    """Give the folder of a case in which the tables lie that were set, by their hashes."""
    return root / "tables"


def read_table(path: Path, *, wanted: str = "") -> AsTable:
    """Read a table.

    Args:
        path: the file.
        wanted: the hash that it was registered with; "" for any.

    Raises:
        UsageError: it is not there, too large, or no such table.
        CustodyError: it is not what was registered.
    """
    place = Place(path)
    if not path.is_file():
        if wanted:
            raise CustodyError("a table that was set is gone from the case", place=place, remedy="Set it again")
        raise UsageError("there is no such file", place=place, remedy=REMEDY)
    try:
        with path.open("rb") as handle:
            body = handle.read(FILE_MAX + 1)
        written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except (OSError, OverflowError, ValueError) as fault:
        raise UsageError(f"the table cannot be read: {fault}", place=place, remedy=REMEDY) from fault
    if len(body) > FILE_MAX:
        raise UsageError(f"the table is larger than {FILE_MAX >> 20} MiB", place=place, remedy=REMEDY)
    digest = hashlib.sha256(body).hexdigest()
    if wanted and digest != wanted:
        raise CustodyError("a table is not what was set", place=place, remedy="Set it again from where it came from")
    plain = _unpacked(body, place)
    if MMDB_MARK in plain[-128 * 1024 :]:
        found = _mmdb(plain, place)
        day = datetime.fromtimestamp(min(max(found.built, 0), 2**32), UTC)
        return AsTable(path.name, digest, f"{day:%Y-%m-%d}", "as it says itself", None, 0, found)
    ranges, unread = _ranges(plain, place)
    count = len(ranges.starts) + len(ranges.high_starts)
    return AsTable(path.name, digest, f"{written:%Y-%m-%d}", "by the file's last write", count, unread, ranges)


def _unpacked(body: bytes, place: Place) -> bytes:
    if not body.startswith(GZIP_MARK):
        return body
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as packed:
            plain = packed.read(TEXT_MAX + 1)
    except (OSError, EOFError, zlib.error) as fault:
        raise UsageError(f"the table cannot be unpacked: {fault}", place=place, remedy=REMEDY) from fault
    if len(plain) > TEXT_MAX:
        raise UsageError(f"the table unpacks to more than {TEXT_MAX >> 20} MiB", place=place, remedy=REMEDY)
    return plain


class _Mmdb:
    """A table in MaxMind's format; read by the library's reader in Python, which bounds what a record may cost."""

    def __init__(self, reader: maxminddb.Reader) -> None:
        self._reader = reader
        self._names: dict[int, str] = {}
        self.built = int(reader.metadata().build_epoch)

    def numbers(self, networks: Sequence[str]) -> Codes:
        return np.fromiter((self._number(one.partition("/")[0]) for one in networks), np.int64, len(networks))

    def _number(self, address: str) -> int:
        try:
            found = self._reader.get(address)
        except _BROKEN:
            return NO_SYSTEM
        if not isinstance(found, dict):
            return NO_SYSTEM
        number = found.get("autonomous_system_number", found.get("asn"))
        digits = str(number).upper().removeprefix("AS")
        if not (digits.isascii() and digits.isdecimal() and len(digits) <= 10 and 0 < int(digits) < NUMBER_MAX):
            return NO_SYSTEM
        name = found.get("autonomous_system_organization", found.get("as_name"))
        self._names.setdefault(int(digits), str(name or "")[:NAME_MAX])
        return int(digits)

    def name(self, number: int) -> str:
        return self._names.get(number, "")


def _mmdb(body: bytes, place: Place) -> _Mmdb:
    try:
        return _Mmdb(maxminddb.open_database(io.BytesIO(body), maxminddb.MODE_FD))
    except _BROKEN as fault:
        raise UsageError(f"the table cannot be read: {fault}", place=place, remedy=REMEDY) from fault


@dataclass(frozen=True, slots=True)
class _Ranges:
    """A table of ranges, each sorted by its start: IPv4 as numbers, IPv6 by the upper half of its addresses."""

    starts: Halves
    ends: Halves
    of: Codes
    high_starts: Halves
    high_ends: Halves
    high_of: Codes
    names: dict[int, str]

    def numbers(self, networks: Sequence[str]) -> Codes:
        out = np.full(len(networks), NO_SYSTEM, np.int64)
        bases = pa.array([one.partition("/")[0] for one in networks], pa.string())
        six = pc.match_substring(bases, ":").to_numpy(zero_copy_only=False).astype(bool)
        for mask, starts, ends, of in (
            (~six, self.starts, self.ends, self.of),
            (six, self.high_starts, self.high_ends, self.high_of),
        ):
            rows = np.flatnonzero(mask)
            if not len(rows) or not len(starts):
                continue
            texts = bases.take(pa.array(rows))
            wanted, good = _high(texts) if mask is six else _dotted(texts)
            place = np.searchsorted(starts, wanted, side="right").astype(np.int64) - 1
            met = good & (place >= 0) & (wanted <= ends[np.maximum(place, 0)])
            out[rows[met]] = of[place[met]]
        return out

    def name(self, number: int) -> str:
        return self.names.get(number, "")


def _dotted(texts: pa.Array) -> tuple[Halves, npt.NDArray[np.bool_]]:
    """Give dotted addresses as numbers, and which of the texts are such."""
    good = pc.fill_null(pc.match_substring_regex(texts, DOTTED), False).to_numpy(zero_copy_only=False)  # noqa: FBT003
    safe = pc.if_else(pa.array(good), texts, "0.0.0.0")  # noqa: S104 - stands for what is no address
    parts = pc.list_flatten(pc.split_pattern(safe, ".")).cast(pa.uint64()).to_numpy(zero_copy_only=False)
    bytes_ = parts.reshape(-1, 4)
    numbers = (bytes_ << np.array([24, 16, 8, 0], np.uint64)).sum(axis=1, dtype=np.uint64)
    return numbers, np.asarray(good & (bytes_ <= 255).all(axis=1), np.bool_)


def _high(texts: pa.Array) -> tuple[Halves, npt.NDArray[np.bool_]]:
    """Give the upper halves of IPv6 addresses, and which of the texts are such."""
    packed = [_packed(one) for one in texts.to_pylist()]
    good = np.array([one is not None for one in packed], np.bool_)
    body = b"".join(one or bytes(16) for one in packed)
    return np.frombuffer(body, ">u8").reshape(-1, 2)[:, 0].astype(np.uint64), good


def _packed(text: str | None) -> bytes | None:
    try:
        return socket.inet_pton(socket.AF_INET6, text or "")
    except (OSError, ValueError):
        return None


def _ranges(body: bytes, place: Place) -> tuple[_Ranges, int]:
    """Read ranges, tab apart: first address, last address, number, country, name; give how many lines cannot be read."""
    text = body.decode("utf-8", "replace").encode()
    short: list[object] = []

    def _skip(row: object) -> str:
        short.append(row)
        return "skip"

    try:
        table = csv.read_csv(
            pa.py_buffer(text),
            csv.ReadOptions(column_names=list(COLUMNS), use_threads=False),
            csv.ParseOptions(delimiter="\t", quote_char=False, invalid_row_handler=_skip),
            csv.ConvertOptions(column_types=dict.fromkeys(COLUMNS, pa.string()), strings_can_be_null=False),
        )
    except pa.ArrowInvalid as fault:
        raise UsageError("the table cannot be read: it is empty or no text", place=place, remedy=REMEDY) from fault
    columns = {name: _one(table[name]) for name in COLUMNS}
    digits = pc.match_substring_regex(columns["number"], r"^\d{1,10}$").to_numpy(zero_copy_only=False)
    numbers = pc.if_else(pa.array(digits), columns["number"], "0").cast(pa.int64()).to_numpy(zero_copy_only=False)
    six = pc.match_substring_regex(columns["start"], HEXED).to_numpy(zero_copy_only=False)
    sorted_: list[tuple[Halves, Halves, Codes]] = []
    read = np.zeros(table.num_rows, np.bool_)
    for mask, form in ((~six, _dotted), (six, _high)):
        rows = np.flatnonzero(mask & digits)
        (starts, good), (ends, fine) = (form(columns[name].take(pa.array(rows))) for name in ("start", "end"))
        whole = good & fine & (starts <= ends)
        read[rows[whole]] = True
        # what nobody announces is in iptoasn's tables under 0
        kept = whole & (numbers[rows] > 0) & (numbers[rows] < NUMBER_MAX)
        order = np.argsort(starts[kept], kind="stable")
        sorted_.append((starts[kept][order], ends[kept][order], numbers[rows][kept][order]))
    if not read.any():
        raise UsageError("the table holds no range that can be read", place=place, remedy=REMEDY)
    distinct, first = np.unique(numbers[read], return_index=True)
    told = columns["name"].take(pa.array(np.flatnonzero(read)[first])).to_pylist()
    names = {int(one): str(name)[:NAME_MAX] for one, name in zip(distinct.tolist(), told, strict=True)}
    return _Ranges(*sorted_[0], *sorted_[1], names), int((~read).sum()) + len(short)


def _one(column: pa.ChunkedArray) -> pa.Array:
    found = column.combine_chunks()
    return pa.concat_arrays(found.chunks) if isinstance(found, pa.ChunkedArray) else found
