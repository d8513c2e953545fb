"""What this machine offers: Python, the libraries, cores, memory and disk; what `dwell doctor` tells."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Check", "checks"]

REQUIRED = (
    "click", "defusedxml", "deltalake", "duckdb", "evtx", "filelock", "jinja2", "msgspec", "numpy", "py7zr", "pyarrow",
    "rich", "sigma", "yaml", "zstandard",
)  # fmt: skip
"""Modules without which something does not work."""
PACKAGES = {"sigma": "pysigma", "yaml": "pyyaml"}
ROOM_SHARE = 0.25
"""Room a case needs, as a share of the evidence's size: the tables take a tenth, the rest is for sorting and derived
tables."""
ROOM_MIN_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        what: what was looked at.
        good: whether it is as it should be; None where it is only told.
        told: what was found, and what to do where it is not good.
    """

    what: str
    good: bool | None
    told: str


def _module(name: str) -> Check:
    try:
        importlib.import_module(name)
        version = importlib.metadata.version(PACKAGES.get(name, name))
    except (ImportError, OSError) as fault:
        return Check(name, good=False, told=f"cannot be loaded ({fault}): install the locked requirements again")
    return Check(name, good=True, told=version)


def _hyperscan() -> Check:
    try:
        importlib.import_module("hyperscan")
    except (ImportError, OSError):
        told = "not here: rules are matched by the slower engine, with the same results"
        return Check("hyperscan", good=None, told=told)
    return Check("hyperscan", good=True, told=importlib.metadata.version("hyperscan"))


def _size(paths: tuple[Path, ...]) -> int:
    total = 0
    for path in paths:
        if path.is_file():
            total += path.stat().st_size
        for folder, _, names in os.walk(path):
            total += sum(one.lstat().st_size for name in names if (one := Path(folder) / name).exists())
    return total


def _disk(where: Path, evidence: tuple[Path, ...]) -> Check:
    place = where.resolve()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    size = _size(evidence)
    needed = max(ROOM_MIN_BYTES, int(size * ROOM_SHARE))
    told = f"{free / 1e9:.1f} GB free at {place}, about {needed / 1e9:.1f} GB needed"
    if size:
        told += f" for {size / 1e9:.2f} GB of evidence"
    return Check("disk", good=free >= needed, told=told)


def checks(where: Path, evidence: tuple[Path, ...] = ()) -> Iterator[Check]:
    """Look at everything that an investigation needs.

    Args:
        where: the case folder, made or to be made.
        evidence: what is to be brought in.
    """
    version = platform.python_version()
    good = (3, 11) <= sys.version_info[:2] <= (3, 14)
    yield Check("python", good=good, told=version if good else f"{version}: 3.11 to 3.14 are supported")
    for name in REQUIRED:
        yield _module(name)
    yield _hyperscan()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Check("cores", good=None, told=str(cores))
    yield _disk(where, evidence)
