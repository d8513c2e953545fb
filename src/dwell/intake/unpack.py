"""Listing what containers hold: zip, 7z, tar and the stream compressors.

Nothing is ever written under a name that a container gives: members that have to be spooled lie in the case's spool
folder under a running number, so that absolute names, `..` and links can do no harm. What is not unpacked (links,
encrypted members, what is beyond a limit) comes out with the reason, so that it is reported and the rest goes on.
"""

from __future__ import annotations

import errno
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import py7zr
from py7zr.io import Py7zIO, WriterFactory

from dwell.errors import DiskFullError, DwellError, Place
from dwell.intake.containers import (
    MEMBERS_MAX,
    STREAM_KINDS,
    ContainerError,
    Locator,
    allowance,
    open_locator,
    opened_zip,
    why_unreadable,
)

__all__ = ["Member", "members"]

_LINK = "a link inside a container; links are not followed"
_SPECIAL = "no regular file"
_ENCRYPTED = "is encrypted: unpack it with its password first"
_OUTSIDE = "its name leads out of the container"


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside a container.

    Attributes:
        name: its name as the container gives it, `/`-separated; for the reader of the report only.
        locator: how to get at it; None where it is not unpacked.
        why_not: why it is not.
    """

    name: str
    locator: Locator | None
    why_not: str = ""


def members(locator: Locator, kind: str, spool: Path, shown: str) -> Iterator[Member]:
    """Yield what a container holds, in its own order.

    Args:
        locator: the container.
        kind: what `container_kind` said.
        spool: a folder of its own for what has to be spooled; made when needed.
        shown: the container's path, for streams that have no name of their own.

    Raises:
        ContainerError: the container cannot be opened or is damaged, or goes beyond a limit; what was yielded stands.
        DiskFullError: no room left in the spool.
    """
    try:
        if kind in STREAM_KINDS:
            yield Member(_stem(shown), locator.inner(kind, ""))
            return
        listed = {"zip": _zip_members, "7z": _7z_members, "tar": _tar_members}[kind](locator, spool)
        yield from listed
    except (ContainerError, DwellError, GeneratorExit):
        raise
    except Exception as fault:
        raise ContainerError(why_unreadable(fault)) from fault


def _stem(shown: str) -> str:
    last = shown.rsplit("/", 1)[-1]
    for suffix in (".gz", ".bz2", ".xz", ".zst"):
        if last.lower().endswith(suffix):
            return last[: -len(suffix)]
    return f"{last[:-4]}.tar" if last.lower().endswith((".tgz", ".txz")) else f"{last}.unpacked"


class _Spool:
    """Running files in one folder, within the allowance of the container they come from."""

    def __init__(self, folder: Path, allowed: int) -> None:
        self.folder = folder
        self.allowed = allowed
        self.count = 0
        folder.mkdir(parents=True, exist_ok=True)

    def place(self) -> Path:
        self.count += 1
        return self.folder / f"{self.count:07}"

    def write(self, out: BinaryIO, data: bytes | bytearray) -> None:
        self.allowed -= len(data)
        if self.allowed < 0:
            raise ContainerError("unpacks beyond the limit: taken for a bomb")
        try:
            out.write(data)
        except OSError as fault:
            if fault.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise DiskFullError(
                    "no room left on the disk while unpacking a container",
                    place=Place(self.folder),
                    remedy="Free some space and run the same command again: it goes on where it stopped",
                ) from fault
            raise

    def keep(self, stream: BinaryIO) -> Path:
        place = self.place()
        with place.open("wb") as out:
            while data := stream.read(1 << 20):
                self.write(out, data)
        return place


def _on_disk(locator: Locator, spool: Path) -> Path:
    """Give the container as a file of its own: containers that are not read front to back need one."""
    if not locator.steps:
        return Path(locator.path)
    with open_locator(locator) as stream:
        return _Spool(spool / "whole", allowance(Path(locator.path).stat().st_size)).keep(stream)


def _zip_members(locator: Locator, spool: Path) -> Iterator[Member]:
    place = _on_disk(locator, spool)
    for position, info in enumerate(opened_zip(str(place)).infolist()):
        name = info.filename.replace("\\", "/")
        if not info.is_dir():
            why = _zip_why_not(info)
            yield Member(name, None if why else Locator(str(place), (("zip", str(position)),)), why)


def _zip_why_not(info: zipfile.ZipInfo) -> str:
    kind = stat.S_IFMT(info.external_attr >> 16) if info.create_system == 3 else 0
    if kind == stat.S_IFLNK:
        return _LINK
    if kind not in {0, stat.S_IFREG}:
        return _SPECIAL
    return _ENCRYPTED if info.flag_bits & 1 else ""


def _tar_members(locator: Locator, spool: Path) -> Iterator[Member]:
    kept = _Spool(spool, allowance(Path(locator.path).stat().st_size))
    with open_locator(locator) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
        for info in archive:
            archive.members = []  # type: ignore[attr-defined]  # the library keeps every header it has seen
            name = info.name.replace("\\", "/")
            data = archive.extractfile(info) if info.isreg() else None
            if data is not None:
                yield Member(name, Locator(str(kept.keep(data))))  # type: ignore[arg-type]
            elif not info.isdir():
                yield Member(name, None, _LINK if info.issym() or info.islnk() else _SPECIAL)


class _SpooledMember(Py7zIO):
    """What py7zr writes one member to."""

    def __init__(self, spool: _Spool) -> None:
        self._spool = spool
        self.place = spool.place()
        self.whole = False
        self._out = self.place.open("wb")
        self._size = 0

    def write(self, data: bytes | bytearray) -> int:
        self._spool.write(self._out, data)
        self._size += len(data)
        return len(data)

    def read(self, size: int | None = None) -> bytes:
        del size
        return b""

    def seek(self, offset: int, whence: int = 0) -> int:
        del whence
        return offset

    def flush(self) -> None:
        self._out.flush()

    def size(self) -> int:
        return self._size

    def close(self) -> None:
        self._out.close()
        self.whole = True

    def drop(self) -> None:
        self._out.close()
        self.place.unlink(missing_ok=True)


class _SpoolFactory(WriterFactory):
    def __init__(self, spool: _Spool) -> None:
        self.made: list[tuple[str, _SpooledMember]] = []
        self._spool = spool

    def create(self, filename: str) -> Py7zIO:
        one = _SpooledMember(self._spool)
        self.made.append((filename, one))
        return one


def _leads_out(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    return path.is_absolute() or ".." in path.parts or name[1:2] == ":"


def _7z_members(locator: Locator, spool: Path) -> Iterator[Member]:
    place = _on_disk(locator, spool)
    factory = _SpoolFactory(_Spool(spool, allowance(place.stat().st_size)))
    refused: list[Member] = []
    # given an open file the library unpacks in this thread, one member after the other
    with place.open("rb") as stream, py7zr.SevenZipFile(stream) as archive:
        wanted: set[str] = set()
        for one in archive.files:
            name = one.filename
            if _leads_out(name):
                refused.append(Member(name, None, _OUTSIDE))
            elif one.is_symlink or one.is_junction:
                refused.append(Member(name, None, _LINK))
            elif one.is_socket:
                refused.append(Member(name, None, _SPECIAL))
            elif not one.is_directory:
                wanted.add(name)
        if len(wanted) > MEMBERS_MAX:
            raise ContainerError(f"holds {len(wanted)} files: taken for a bomb")
        failed: Exception | None = None
        try:
            archive.extract(targets=wanted, factory=factory)
        except DwellError:
            raise
        except Exception as fault:  # noqa: BLE001 - what came out whole before the damage is kept
            failed = fault
    yield from refused
    for name, made in factory.made:
        if made.whole:
            yield Member(name, Locator(str(made.place)))
        else:
            made.drop()
    if failed is not None:
        raise ContainerError(why_unreadable(failed)) from failed
