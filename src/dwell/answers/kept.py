"""The summary kept beside the case, stamped with what it was made from: a question asked again is answered at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from dwell import __version__
from dwell.casebook.whole_files import written_whole
from dwell.model.claims import Summary
from dwell.model.coverage import CoverageDay
from dwell.model.power import Power

__all__ = ["Kept", "read_kept", "stamp", "write_kept"]

KEPT_VERSION = 9
"""Raised whenever the same archive and rules give another summary."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept.

    Attributes:
        stamp: what it was made from.
        summary: the answers.
        days: the calendar of coverage.
    """

    stamp: str
    summary: Summary
    days: tuple[CoverageDay, ...]


T = TypeVar("T", Kept, Power)


def stamp(archive_version: str, rules_hash: str, settings: Sequence[tuple[str, str]]) -> str:
    """Name what a summary is made from: the program, the archive's tables, the rules and the settings."""
    parts = [KEPT_VERSION, __version__, archive_version, rules_hash, sorted(settings)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def read_kept(path: Path, wanted: str, kind: type[T]) -> T | None:
    """Give what is kept, where it is whole and of the stamp that is wanted."""
    try:
        found = msgspec.msgpack.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError):
        return None
    return found if found.stamp == wanted else None


def write_kept(path: Path, kept: Kept | Power) -> bool:
    """Keep a result; say whether it could be kept: a case on a read-only disk is answered anew every time."""
    try:
        with written_whole(path) as unfinished:
            unfinished.write_bytes(msgspec.msgpack.encode(kept))
    except OSError:
        return False
    return True
