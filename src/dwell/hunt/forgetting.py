"""Sets that nobody hunted with for long: what is kept of them goes, so that a case does not grow with each new rule.

Nothing rests on what goes: it is made again when it is asked for. It goes file by file, so that a run that is killed leaves
a bundle that holds less. Another run that reads a bundle has its files open; one that looks for a file a moment later takes
it for one that is not whole, and makes again what it held.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

__all__ = ["IDLE_S", "SETS_KEPT", "forget"]

SETS_KEPT: Mapping[str, int] = {"rules": 16, "indicators": 16, "addresses": 4, "holders": 256}
"""So many bundles of each kind stay in any case, those used last; one of holders is of one table."""
IDLE_S = 86_400
"""Others stay as well until they were not used for so long: a run that still uses one has been at work for less."""
_BUNDLE = re.compile(r"\A[0-9a-f]{32}-(\w+)\Z")


def forget(cache: Path, used: Iterable[Path]) -> None:
    """Note which bundles are in use, and remove those that have not been for long.

    Args:
        cache: folder where bundles are kept.
        used: the bundles of this run.
    """
    for one in used:
        with suppress(OSError):
            os.utime(one)
    found: dict[str, list[tuple[float, Path]]] = {}
    with suppress(OSError):
        for one in cache.iterdir():
            name = _BUNDLE.match(one.name)
            if name is not None and name[1] in SETS_KEPT and one.is_dir() and not one.is_symlink():
                with suppress(OSError):
                    found.setdefault(name[1], []).append((one.stat().st_mtime, one))
    latest = max((at for some in found.values() for at, _ in some), default=0.0)
    for kind, some in found.items():
        some.sort(key=lambda one: (-one[0], one[1].name))
        for at, one in some[SETS_KEPT[kind] :]:
            if latest - at > IDLE_S:
                _remove(one)


def _remove(bundle: Path) -> None:
    """Remove a bundle; what somebody writes into it meanwhile stays, and so does what cannot be removed."""
    with suppress(OSError):
        for one in sorted(bundle.iterdir()):
            one.unlink(missing_ok=True)
        bundle.rmdir()
