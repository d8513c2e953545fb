"""Indicators kept between runs: judging a million values takes longer than reading them back."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import msgspec
import pyarrow as pa

from dwell.casebook.whole_files import written_whole
from dwell.hunt.indicators.gathering import MENTIONS, Indicators, Left
from dwell.hunt.indicators.reading import ENDINGS, read_indicators

__all__ = ["indicators_kept"]

VERSION = 3
"""Raised whenever the same lists come out differently."""
WORTH_BYTES = 1024 * 1024
"""Smaller lists are read as fast as they would be found again."""
KEPT_MAX = 4
"""So many sets of lists are kept in a folder, those used last."""
_SUM_BYTES = 64
"""A kept file begins with the SHA-256, in hexadecimal digits, of all that follows."""
_SAID = b"dwell.indicators"
_PIECE = 1 << 20


class _Said(msgspec.Struct):
    """What is kept beside the rows."""

    digest: str
    faults: tuple[str, ...]
    left: tuple[Left, ...]
    counted: tuple[tuple[str, str, int], ...]


def _files(paths: Sequence[Path]) -> Iterator[tuple[str, Path | None]]:
    """Yield what lists are read, by name; None for a file that is only named."""
    for path in paths:
        if not path.is_dir():
            yield path.name, path
            continue
        yield f"{path.name}/", None
        for one in sorted(one for one in path.rglob("*") if one.is_file()):
            yield one.relative_to(path).as_posix(), one if one.suffix.lower() in ENDINGS else None


def _key(paths: Sequence[Path]) -> tuple[str, int] | None:
    """Give a name for lists that changes whenever one of them does, and their size; None where one cannot be read."""
    about = (VERSION, version("dwell"), pa.__version__, *sys.version_info[:2])
    digest = hashlib.sha256(repr(about).encode())
    size = 0
    try:
        for name, path in _files(paths):
            digest.update(f"\n{name}\0".encode(errors="surrogateescape"))
            if path is not None:
                with path.open("rb") as handle:
                    digest.update(hashlib.file_digest(handle, "sha256").digest())
                    size += handle.tell()
    except OSError:
        return None
    return digest.hexdigest(), size


def _read(place: Path) -> Indicators | None:
    """Read what was kept; None where there is nothing, or where it is not what was written."""
    try:
        with pa.OSFile(str(place), "rb") as handle:
            whole = handle.read_buffer()
        body = whole.slice(_SUM_BYTES)
        if hashlib.sha256(memoryview(body)).hexdigest().encode() != whole.slice(0, _SUM_BYTES).to_pybytes():
            return None
        table = pa.ipc.open_file(body).read_all()
        said = msgspec.msgpack.decode(table.schema.metadata[_SAID], type=_Said)
        table = table.replace_schema_metadata(None)
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException, msgspec.MsgspecError):
        return None
    if table.schema != MENTIONS:
        return None
    return Indicators(table, said.faults, said.left, said.counted, said.digest)


def _keep(place: Path, found: Indicators) -> None:
    """Keep indicators; a reader sees all of them or none.

    Raises:
        OSError: they cannot be written.
    """
    said = msgspec.msgpack.encode(_Said(found.digest(), found.faults, found.left, found.counted))
    table = found.table.replace_schema_metadata({_SAID: said})
    with written_whole(place) as unfinished, unfinished.open("w+b") as handle:
        handle.write(b"\0" * _SUM_BYTES)
        with pa.ipc.new_file(handle, table.schema) as writer:
            writer.write_table(table)
        handle.seek(_SUM_BYTES)
        digest = hashlib.sha256()
        while piece := handle.read(_PIECE):
            digest.update(piece)
        handle.seek(0)
        handle.write(digest.hexdigest().encode())


def _forget(folder: Path) -> None:
    """Remove what was used longest ago."""
    held = sorted(folder.glob("*-indicators.arrow"), key=lambda one: (-one.stat().st_mtime_ns, one.name))
    for one in held[KEPT_MAX:]:
        one.unlink(missing_ok=True)


def indicators_kept(paths: Sequence[Path], cache: Path | None) -> Indicators:
    """Read indicator files and folders, or take what an earlier run made of the same ones.

    Args:
        paths: lists, and folders of them.
        cache: folder where indicators are kept; None keeps nothing. What cannot be kept there is read anew.
    """
    named = _key(paths) if cache is not None and paths else None
    if cache is None or named is None or named[1] < WORTH_BYTES:
        return read_indicators(paths)
    place = cache / f"{named[0][:32]}-indicators.arrow"
    found = _read(place)
    if found is not None:
        with suppress(OSError):
            os.utime(place)
        return found
    found = read_indicators(paths)
    if _key(paths) != named:
        # some values are from before the change and some from after it: they are looked for, and not taken for either
        return replace(
            found, faults=(*found.faults, "the lists of indicators changed while they were read; hunt again")
        )
    with suppress(OSError):
        _keep(place, found)
        _forget(cache)
    return found
