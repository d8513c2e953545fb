"""Opening evidence inside containers: zip, gzip, bzip2, xz, zstd, 7z, tar, and nested ones, within limits.

Nothing is ever written under a name that a container gives: members that have to be spooled lie in the case's spool
folder under a running number, so that absolute names, `..` and links can do no harm. Limits stop bombs: what is beyond
a limit is reported with its place, and the rest goes on.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import py7zr
import py7zr.exceptions
import zstandard
from py7zr.io import Py7zIO, WriterFactory

__all__ = [
    "DEPTH_MAX",
    "MEMBERS_MAX",
    "RATIO_MAX",
    "UNPACKED_MAX",
    "ContainerError",
    "Locator",
    "Member",
    "container_kind",
    "members",
    "open_locator",
]

DEPTH_MAX = 4
MEMBERS_MAX = 1_000_000
UNPACKED_MAX = 1 << 40
"""Bytes that one container may give."""
RATIO_MAX = 400
"""Unpacked to packed, once past `RATIO_FREE` bytes; text logs stay below 50."""
RATIO_FREE = 64 * 1024 * 1024
SPOOL_MEMORY = 16 * 1024 * 1024


def _gzip(raw: BinaryIO) -> BinaryIO:
    return gzip.GzipFile(fileobj=raw)  # type: ignore[return-value]


def _bzip2(raw: BinaryIO) -> BinaryIO:
    return bz2.BZ2File(raw)  # type: ignore[return-value]


def _xz(raw: BinaryIO) -> BinaryIO:
    return lzma.LZMAFile(raw)  # type: ignore[return-value]


def _zstd(raw: BinaryIO) -> BinaryIO:
    reader: BinaryIO = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)
    return reader


_STREAMS: dict[str, Callable[[BinaryIO], BinaryIO]] = {"gzip": _gzip, "bzip2": _bzip2, "xz": _xz, "zstd": _zstd}
_DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    NotImplementedError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    tarfile.TarError,
    zstandard.ZstdError,
    py7zr.exceptions.ArchiveError,
    py7zr.exceptions.UnsupportedCompressionMethodError,
)


class ContainerError(Exception):
    """A container cannot be opened, or goes beyond a limit; becomes a fault in the plan, never stops the run."""


@dataclass(frozen=True, slots=True)
class Locator:
    """How to get at a stream of evidence.

    Attributes:
        path: a file on disk, the original or a spooled one.
        steps: (kind, member) from the outside in; a stream compressor has no member.
    """

    path: str
    steps: tuple[tuple[str, str], ...] = ()

    def inner(self, kind: str, member: str) -> Locator:
        """Give the locator one step further in."""
        return Locator(self.path, (*self.steps, (kind, member)))


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside a container.

    Attributes:
        name: its name as the container gives it, `/`-separated; for the reader of the report only.
        locator: how to get at it.
    """

    name: str
    locator: Locator


def container_kind(head: bytes) -> str | None:
    """Say by its first bytes what container a file is; None where it is none."""
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head.startswith(b"BZh") and head[4:10] == b"1AY&SY":
        return "bzip2"
    if head.startswith(b"\xfd7zXZ\x00"):
        return "xz"
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return "zstd"
    if head.startswith(b"7z\xbc\xaf\x27\x1c"):
        return "7z"
    if len(head) >= 512 and head[257:262] == b"ustar":
        return "tar"
    return None


class _Limited(io.RawIOBase):
    """A stream that stops at the limits, whatever a header promised."""

    def __init__(self, inner: BinaryIO, packed_bytes: int) -> None:
        self._inner = inner
        self._allowed = min(UNPACKED_MAX, max(RATIO_FREE, packed_bytes * RATIO_MAX))
        self._seen = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        target = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        try:
            data = self._inner.read(len(target))
        except _DAMAGE as fault:
            raise OSError(f"the container is damaged: {type(fault).__name__}") from fault
        self._seen += len(data)
        if self._seen > self._allowed:
            raise OSError(f"unpacks to over {self._allowed} bytes: taken for a bomb")
        target[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._inner.close()
        super().close()


def _limited(inner: BinaryIO, packed_bytes: int) -> BinaryIO:
    return io.BufferedReader(_Limited(inner, packed_bytes), buffer_size=1 << 20)


def open_locator(locator: Locator) -> BinaryIO:
    """Open a stream of evidence for reading.

    Raises:
        OSError: it cannot be opened; reading it may raise the same.
    """
    path = Path(locator.path)
    stream: BinaryIO = path.open("rb")
    size = path.stat().st_size
    try:
        for kind, member in locator.steps:
            stream, size = _step(stream, kind, member, size)
    except _DAMAGE as fault:
        stream.close()
        raise OSError(f"the container is damaged: {type(fault).__name__}") from fault
    return stream


def _step(stream: BinaryIO, kind: str, member: str, size: int) -> tuple[BinaryIO, int]:
    if kind in _STREAMS:
        return _limited(_STREAMS[kind](stream), size), size
    if kind == "zip":
        if not stream.seekable():
            stream = _spooled(stream)
        archive = zipfile.ZipFile(stream)
        info = archive.infolist()[int(member)]
        return _limited(archive.open(info), info.compress_size), info.compress_size  # type: ignore[arg-type]
    for position, (_, data) in enumerate(_unpacked(stream, kind, size)):
        if position == int(member):
            return data, size
    raise ContainerError(f"member {member} is not in the {kind} any more")


def _spooled(stream: BinaryIO) -> BinaryIO:
    spool = tempfile.SpooledTemporaryFile(max_size=SPOOL_MEMORY)  # noqa: SIM115 - closed by the reader
    while data := stream.read(1 << 20):
        spool.write(data)
    spool.seek(0)
    return spool  # type: ignore[return-value]


class _SpoolFile(Py7zIO):
    def __init__(self, limit: list[int]) -> None:
        self.file = tempfile.SpooledTemporaryFile(max_size=SPOOL_MEMORY)  # noqa: SIM115 - closed by the reader
        self._limit = limit
        self._size = 0

    def write(self, data: bytes | bytearray) -> int:
        self._limit[0] -= len(data)
        if self._limit[0] < 0:
            raise OSError("unpacks beyond the limit: taken for a bomb")
        self._size += len(data)
        return self.file.write(data)

    def read(self, size: int | None = None) -> bytes:
        return self.file.read(-1 if size is None else size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self.file.seek(offset, whence)

    def flush(self) -> None:
        self.file.flush()

    def size(self) -> int:
        return self._size


class _SpoolFactory(WriterFactory):
    def __init__(self, limit: int) -> None:
        self.made: list[tuple[str, _SpoolFile]] = []
        self._limit = [limit]

    def create(self, filename: str) -> Py7zIO:
        one = _SpoolFile(self._limit)
        self.made.append((filename, one))
        return one


def _unpacked(stream: BinaryIO, kind: str, size: int) -> Iterator[tuple[str, BinaryIO]]:
    """Yield (name, stream) of the regular files of a 7z or tar, in order."""
    if kind == "7z":
        factory = _SpoolFactory(min(UNPACKED_MAX, max(RATIO_FREE, size * RATIO_MAX)))
        with py7zr.SevenZipFile(stream) as archive:
            archive.extractall(factory=factory)  # noqa: S202 - into our own spool files, never under its names
        for name, made in factory.made:
            made.seek(0)
            yield name, made.file  # type: ignore[misc]
        return
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for info in archive:
            if info.isfile():
                data = archive.extractfile(info)
                if data is not None:
                    yield info.name, data  # type: ignore[misc]


def members(locator: Locator, kind: str, spool: Path, fallback_name: str) -> Iterator[Member]:
    """Yield what a container holds; members of 7z and tar are spooled, since they cannot be reached one by one.

    Raises:
        ContainerError: the container cannot be opened, or goes beyond a limit.
    """
    try:
        if kind in _STREAMS:
            yield Member(_stem(fallback_name), locator.inner(kind, ""))
        elif kind == "zip":
            yield from _zip_members(locator)
        else:
            yield from _spooled_members(locator, kind, spool)
    except _DAMAGE as fault:
        raise ContainerError(f"the {kind} cannot be read: {str(fault) or type(fault).__name__}") from fault


def _stem(name: str) -> str:
    last = name.rsplit("/", 1)[-1]
    for suffix in (".gz", ".bz2", ".xz", ".zst"):
        if last.lower().endswith(suffix):
            return last[: -len(suffix)]
    return f"{last}.unpacked"


def _zip_members(locator: Locator) -> Iterator[Member]:
    with open_locator(locator) as raw:
        stream = raw if raw.seekable() else _spooled(raw)
        with zipfile.ZipFile(stream) as archive:
            infos = archive.infolist()
            if len(infos) > MEMBERS_MAX:
                raise ContainerError(f"holds {len(infos)} files: taken for a bomb")
            for position, info in enumerate(infos):
                if info.is_dir() or stat.S_ISLNK(info.external_attr >> 16):
                    continue
                yield Member(info.filename.replace("\\", "/"), locator.inner("zip", str(position)))


def _spooled_members(locator: Locator, kind: str, spool: Path) -> Iterator[Member]:
    spool.mkdir(parents=True, exist_ok=True)
    with open_locator(locator) as stream:
        size = Path(locator.path).stat().st_size
        allowed = min(UNPACKED_MAX, max(RATIO_FREE, size * RATIO_MAX))
        for position, (name, data) in enumerate(_unpacked(stream, kind, size)):
            if position >= MEMBERS_MAX:
                raise ContainerError(f"holds over {MEMBERS_MAX} files: taken for a bomb")
            place = spool / f"{position:07}"
            with place.open("wb") as out:
                while chunk := data.read(1 << 20):
                    allowed -= len(chunk)
                    if allowed < 0:
                        raise ContainerError("unpacks beyond the limit: taken for a bomb")
                    out.write(chunk)
            yield Member(name.replace("\\", "/"), Locator(str(place)))
