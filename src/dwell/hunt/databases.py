"""Compiled patterns kept between runs and shared by workers: compiling thousands takes longer than scanning with them.

A kept database is named by its patterns, the version of Hyperscan and what of the processor it was made for, and carries
its own SHA-256. After it is loaded it has to find its canary, because one that is loaded wrongly finds nothing and says
nothing. Whatever is wrong with it, it is compiled anew; nothing here is ever an error.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import msgspec

try:
    import hyperscan
except ImportError:  # pragma: no cover - the wheel is missing on some platforms
    hyperscan = None  # type: ignore[assignment]

__all__ = ["CANARY", "Compiled", "keep", "keep_in", "kept", "name_of"]

CANARY = b"\x02dwell\x03canary\x02"
"""Rides in every database, under an id of its own, and at the end of everything that is scanned."""
_FORMAT = "2"
_DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class Compiled:
    """A compiled database.

    Attributes:
        database: it.
        ids: the ids in it, without the canary's.
    """

    database: hyperscan.Database
    ids: tuple[int, ...]


class _Place:
    """Where this process keeps databases."""

    folder: Path | None = None


def keep_in(folder: Path | None) -> None:
    """Keep databases in a folder from now on, or no longer; it should be one that only its owner can write to."""
    _Place.folder = folder


@lru_cache(maxsize=1)
def _engine() -> str:
    """Give the version of Hyperscan, and the features of the processor that it compiles for."""
    probe = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    probe.compile(expressions=[b"a"], ids=[0], flags=[0])
    return f"{version('hyperscan')} {probe.info()!r}"


def name_of(kind: str, expressions: Sequence[bytes], numbers: Sequence[int]) -> str | None:
    """Give the name of a database that is made of some expressions and numbers; None where nothing is kept.

    Args:
        kind: what the expressions are for.
        expressions: the expressions, in order.
        numbers: ids and flags, in order.
    """
    if _Place.folder is None:
        return None
    said = msgspec.msgpack.encode([_FORMAT, _engine(), kind, CANARY, list(expressions), list(numbers)])
    return hashlib.sha256(said).hexdigest()[:32]


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name}-patterns.bin"


def kept(name: str | None, canary: int) -> Compiled | None:
    """Give a database that an earlier run or another worker kept; None where there is none that can be relied on.

    Args:
        name: as `name_of` gave it.
        canary: id of the canary.
    """
    if name is None or _Place.folder is None:
        return None
    try:
        data = _path(_Place.folder, name).read_bytes()
        payload = data[_DIGEST_BYTES:]
        if hashlib.sha256(payload).digest() != data[:_DIGEST_BYTES]:
            return None
        ids, packed = msgspec.msgpack.decode(payload, type=tuple[tuple[int, ...], bytes])
        database = hyperscan.loadb(packed, hyperscan.HS_MODE_BLOCK)
        # without a scratch of its own a loaded database scans nothing and says nothing
        database.scratch = hyperscan.Scratch(database)
        return Compiled(database, ids) if _sees(database, canary) else None
    except (OSError, msgspec.MsgspecError, hyperscan.error):
        return None


def _sees(database: hyperscan.Database, canary: int) -> bool:
    """Say whether a database finds its canary."""
    seen: list[int] = []

    def met(index: int, _start: int, _end: int, _flags: int, _context: object) -> None:
        seen.append(index)

    database.scan(b"\0" + CANARY, match_event_handler=met)
    return canary in seen


def keep(name: str | None, compiled: Compiled) -> None:
    """Keep a database; a reader sees all of it or none. Where it cannot be written, it is not kept."""
    folder = _Place.folder
    if name is None or folder is None:
        return
    payload = msgspec.msgpack.encode((compiled.ids, hyperscan.dumpb(compiled.database)))
    unfinished = ""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # several workers may keep the same one at once
        with tempfile.NamedTemporaryFile(dir=folder, prefix=f"{name}-", suffix=".part", delete=False) as handle:
            unfinished = handle.name
            handle.write(hashlib.sha256(payload).digest() + payload)
        Path(unfinished).replace(_path(folder, name))
    except OSError:
        if unfinished:
            _remove(unfinished)


def _remove(path: str) -> None:
    try:
        os.unlink(path)  # noqa: PTH108 - the name of a temporary file
    except OSError:
        return
