"""Loaded rules kept beside the case: parsing thousands of rules takes longer than hunting with them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import msgspec

from dwell.hunt.ruleset import VERSION
from dwell.hunt.sigma.files import rule_files
from dwell.hunt.sigma.load import PACK, Loaded, licence_of, load

__all__ = ["load_kept"]


def _key(folders: Sequence[Path]) -> str | None:
    """Give a name for the rules in some folders that changes whenever a file does; None where one cannot be read."""
    digest = hashlib.sha256(f"{VERSION}:{version('pysigma')}:{version('dwell')}".encode())
    try:
        for folder in (PACK, *folders):
            digest.update(f"\n{folder}:{licence_of(folder)}\n".encode(errors="replace"))
            for path in rule_files(folder) if folder.exists() else []:
                digest.update(f"{path}\0".encode(errors="replace") + hashlib.sha256(path.read_bytes()).digest())
    except OSError:
        return None
    return digest.hexdigest()


def load_kept(folders: Sequence[Path], cache: Path | None) -> Loaded:
    """Load our own rules and those of the folders named, or take what an earlier run made of the same files.

    Args:
        folders: folders of rule files, or single files.
        cache: folder where loaded rules are kept.
    """
    key = _key(folders)
    place = cache / f"{key[:32]}-rules.json" if cache is not None and key is not None else None
    if place is not None:
        try:
            return msgspec.json.decode(place.read_bytes(), type=Loaded)
        except (OSError, msgspec.MsgspecError):
            pass
    loaded = load(folders)
    if key != _key(folders):
        # some rules are from before the change and some from after it: they run, and are not taken for either
        return replace(loaded, faults=(*loaded.faults, "the rule files changed while they were read; hunt again"))
    if place is not None:
        place.parent.mkdir(parents=True, exist_ok=True)
        unfinished = place.with_suffix(".part")
        unfinished.write_bytes(msgspec.json.encode(loaded))
        unfinished.replace(place)
    return loaded
