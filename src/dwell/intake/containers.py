"""Opening evidence inside containers: gzip, bzip2, xz, zstd streams and zip members, within limits.

A stream is reached by a `Locator`, and is read without being written anywhere; `unpack.py` lists what a container holds
and spools what cannot be reached one by one. Limits stop bombs, whatever a header promises.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import zstandard

from dwell.errors import DwellError

__all__ = [
    "DEPTH_MAX",
    "MEMBERS_MAX",
    "RATIO_FREE",
    "RATIO_MAX",
    "STREAM_KINDS",
    "UNPACKED_MAX",
    "ContainerError",
    "Locator",
    "allowance",
    "close_zips",
    "container_kind",
    "open_locator",
    "opened_zip",
    "why_unreadable",
]

DEPTH_MAX = 4
MEMBERS_MAX = 1_000_000
"""Files that one container may hold, those in containers inside it counted."""
UNPACKED_MAX = 1 << 40
"""Bytes that one container may give, those in containers inside it counted."""
RATIO_MAX = 400
"""Unpacked to packed, once past `RATIO_FREE` bytes; text logs stay below 50."""
RATIO_FREE = 64 * 1024 * 1024
ZSTD_STEP = 2_048
"""Packed bytes taken at a time: four of them may stand for 128 KiB."""


def _gzip(raw: BinaryIO) -> BinaryIO:
    return gzip.GzipFile(fileobj=raw)  # type: ignore[return-value]


def _bzip2(raw: BinaryIO) -> BinaryIO:
    return bz2.BZ2File(raw)  # type: ignore[return-value]


def _xz(raw: BinaryIO) -> BinaryIO:
    return lzma.LZMAFile(raw)  # type: ignore[return-value]


class _Zstd(io.RawIOBase):
    """A zstd stream of one or more frames. The library's own reader takes a stream that was cut for a whole one."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._begun = False
        self._packed = b""
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        target = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        while not self._ready and self._more():
            pass
        count = min(len(target), len(self._ready))
        target[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _more(self) -> bool:
        """Unpack a little more; False at the end."""
        self._packed = self._packed or self._raw.read(ZSTD_STEP)
        if not self._packed:
            if self._begun:
                raise EOFError
            return False
        self._begun = True
        self._ready = memoryview(self._frame.decompress(self._packed))
        self._packed = b""
        if self._frame.eof:
            self._packed = self._frame.unused_data
            self._frame = zstandard.ZstdDecompressor().decompressobj()
            self._begun = False
        return True


def _zstd(raw: BinaryIO) -> BinaryIO:
    return io.BufferedReader(_Zstd(raw))


_STREAMS: dict[str, Callable[[BinaryIO], BinaryIO]] = {"gzip": _gzip, "bzip2": _bzip2, "xz": _xz, "zstd": _zstd}
STREAM_KINDS = frozenset(_STREAMS)
"""Containers of one stream without a name."""


class ContainerError(Exception):
    """A container cannot be opened, or goes beyond a limit; becomes a fault in the plan, never stops the run."""


class _UnreadableError(OSError):
    """A fault of a stream, told in our words."""


@dataclass(frozen=True, slots=True)
class Locator:
    """How to get at a stream of evidence.

    Attributes:
        path: a file on disk, the original or a spooled one.
        steps: (kind, member) from the outside in; a stream compressor has no member, a zip comes first if at all.
    """

    path: str
    steps: tuple[tuple[str, str], ...] = ()

    def inner(self, kind: str, member: str) -> Locator:
        """Give the locator one step further in."""
        return Locator(self.path, (*self.steps, (kind, member)))


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


def allowance(packed_bytes: int) -> int:
    """Give how many bytes a container of a size may unpack to."""
    return min(UNPACKED_MAX, max(RATIO_FREE, packed_bytes * RATIO_MAX))


def why_unreadable(fault: BaseException) -> str:
    """Say in our words why a container or its member cannot be read; holds nothing of what the container says."""
    if isinstance(fault, ContainerError | _UnreadableError):
        return str(fault)
    if isinstance(fault, RuntimeError) and "encrypted" in str(fault):
        return "is encrypted: unpack it with its password first"
    if type(fault).__name__ == "PasswordRequired":
        return "is encrypted: unpack it with its password first"
    if isinstance(fault, NotImplementedError) or type(fault).__name__ == "UnsupportedCompressionMethodError":
        return "is packed in a way that cannot be unpacked here"
    if isinstance(fault, OSError) and fault.errno is not None:
        return fault.strerror or type(fault).__name__
    return f"the container is damaged: {type(fault).__name__}"


class _Limited(io.RawIOBase):
    """A stream that stops at the limits, whatever a header promised."""

    def __init__(self, inner: BinaryIO, beneath: BinaryIO | None, packed_bytes: int) -> None:
        self._inner = inner
        self._beneath = beneath
        self._allowed = allowance(packed_bytes)
        self._seen = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        target = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        try:
            data = self._inner.read(len(target))
        except DwellError:
            raise
        except Exception as fault:
            raise _UnreadableError(why_unreadable(fault)) from fault
        self._seen += len(data)
        if self._seen > self._allowed:
            raise _UnreadableError(f"unpacks to over {self._allowed} bytes: taken for a bomb")
        target[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            try:
                self._inner.close()
            finally:
                if self._beneath is not None:
                    self._beneath.close()
        super().close()


def _limited(inner: BinaryIO, beneath: BinaryIO | None, packed_bytes: int) -> BinaryIO:
    return io.BufferedReader(_Limited(inner, beneath, packed_bytes), buffer_size=1 << 20)


@lru_cache(maxsize=4)
def _zip(path: str, size_bytes: int, mtime_ns: int) -> zipfile.ZipFile:
    del size_bytes, mtime_ns  # part of the key: a file that changed is opened anew
    return zipfile.ZipFile(path)


def opened_zip(path: str) -> zipfile.ZipFile:
    """Give a zip on disk; its directory is read once, however many members are opened."""
    about = Path(path).stat()
    return _zip(path, about.st_size, about.st_mtime_ns)


def close_zips() -> None:
    """Forget the zips that are open."""
    _zip.cache_clear()


def _first(locator: Locator) -> tuple[BinaryIO, int, tuple[tuple[str, str], ...]]:
    """Give the outermost stream, its packed size, and the steps that are left."""
    steps = locator.steps
    if steps and steps[0][0] == "zip":
        archive = opened_zip(locator.path)
        info = archive.infolist()[int(steps[0][1])]
        packed = min(info.compress_size, Path(locator.path).stat().st_size)
        return _limited(archive.open(info), None, packed), packed, steps[1:]  # type: ignore[arg-type]
    path = Path(locator.path)
    return path.open("rb"), path.stat().st_size if steps else 0, steps


def open_locator(locator: Locator) -> BinaryIO:
    """Open a stream of evidence for reading.

    Raises:
        OSError: it cannot be opened; reading it may raise the same.
    """
    stream: BinaryIO | None = None
    try:
        stream, packed, steps = _first(locator)
        for kind, _ in steps:
            stream = _limited(_STREAMS[kind](stream), stream, packed)
    except Exception as fault:
        if stream is not None:
            stream.close()
        if isinstance(fault, OSError) and fault.errno is not None:
            raise
        raise _UnreadableError(why_unreadable(fault)) from fault
    return stream
