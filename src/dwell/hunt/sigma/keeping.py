"""Loaded rules kept beside the case: parsing thousands of rules takes longer than hunting with them.

What is kept carries its own SHA-256: what is not as it was written is not taken, and the rules are loaded anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import msgspec

from dwell.casebook.whole_files import written_whole
from dwell.hunt.ruleset import VERSION
from dwell.hunt.sigma.files import listed
from dwell.hunt.sigma.lists import Lists
from dwell.hunt.sigma.loaded import PACK, Known, Loaded, licence_of
from dwell.hunt.uncollected import uncollected

__all__ = ["load_kept"]

_DIGEST_BYTES = 32
_SUFFIX = "-rules.msgpack"
KEPT_MAX = 4
"""So many sets of rule files are kept in a folder, those written last."""


class _Kept(msgspec.Struct, frozen=True):
    """What is kept.

    Attributes:
        context: what else than rule files decides what these come to.
        known: the rules.
    """

    context: str
    known: Known


def _context(lists: Lists) -> str:
    """Give what else than rule files decides what these come to: this program, the parser, and the lists."""
    digest = hashlib.sha256(f"{VERSION}:{version('pysigma')}:{version('dwell')}".encode())
    digest.update(msgspec.json.encode(lists, order="sorted"))
    return digest.hexdigest()


def _key(folders: Sequence[Path], context: str) -> str | None:
    """Give a name for rules and lists that changes whenever a file of theirs does; None where one cannot be read."""
    digest = hashlib.sha256(context.encode())
    try:
        for folder in (PACK, *folders):
            digest.update(f"\n{folder}:{licence_of(folder)}\n".encode(errors="replace"))
            if not folder.exists():
                continue
            paths, passed_over = listed(folder)
            digest.update("\0".join(passed_over).encode(errors="replace"))
            for path in paths:
                digest.update(f"{path}\0".encode(errors="replace") + hashlib.sha256(path.read_bytes()).digest())
    except OSError:
        return None
    return digest.hexdigest()


def load_kept(folders: Sequence[Path], cache: Path | None, lists: Lists | None = None) -> Loaded:
    """Load our own rules and those of the folders named, or take what an earlier run made of the same files.

    Args:
        folders: folders of rule files, or single files.
        cache: folder where loaded rules are kept.
        lists: values for the placeholders in them.
    """
    lists = lists or Lists({})
    context = _context(lists)
    key = _key(folders, context)
    place = cache / f"{key[:32]}{_SUFFIX}" if cache is not None and key is not None else None
    held = _read(place) if place is not None else None
    if held is not None:
        return held.known.loaded
    # what parses rules takes longer to load than rules that are kept
    from dwell.hunt.sigma.load import load_known

    known = load_known(folders, lists=lists, before=_before(cache, context))
    if key != _key(folders, context):
        # some rules are from before the change and some from after it: they run, and are not taken for either
        said = "the rule files changed while they were read; hunt again"
        return replace(known.loaded, faults=(*known.loaded.faults, said))
    if place is not None:
        _write(place, _Kept(context, known))
    return known.loaded


def _before(cache: Path | None, context: str) -> Known | None:
    """Give the rules that were kept last, of which most are likely to be wanted again; None where there are none."""
    found = _latest(cache) if cache is not None else []
    held = _read(found[0]) if found else None
    return held.known if held is not None and held.context == context else None


def _latest(folder: Path) -> list[Path]:
    """Give what is kept in a folder, what was written last first."""
    return sorted(folder.glob(f"*{_SUFFIX}"), key=lambda one: (-one.stat().st_mtime_ns, one.name))


def _read(place: Path) -> _Kept | None:
    """Give what was kept; None where it is not there, or not what was written."""
    try:
        data = place.read_bytes()
        payload = memoryview(data)[_DIGEST_BYTES:]
        if hashlib.sha256(payload).digest() != data[:_DIGEST_BYTES]:
            return None
        with uncollected():
            return msgspec.msgpack.decode(payload, type=_Kept)
    except (OSError, msgspec.MsgspecError):
        return None


def _write(place: Path, kept: _Kept) -> None:
    payload = msgspec.msgpack.encode(kept)
    with written_whole(place) as unfinished:
        unfinished.write_bytes(hashlib.sha256(payload).digest() + payload)
    for one in _latest(place.parent)[KEPT_MAX:]:
        one.unlink(missing_ok=True)
