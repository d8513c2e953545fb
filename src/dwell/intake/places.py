"""Finding registered evidence again: from the place in the register to a stream of bytes, through its containers."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from functools import lru_cache
from pathlib import Path

from dwell.casebook.evidence import CONTAINER_MARK, EvidencePlace
from dwell.intake.containers import DEPTH_MAX, ContainerError, Locator, container_kind, open_locator
from dwell.intake.unpack import members
from dwell.intake.walk import Fault, files_below, shown_name
from dwell.sources.source import HEAD_BYTES

__all__ = ["find", "find_each", "on_disk"]


@lru_cache(maxsize=8)
def _listing(root: str) -> dict[str, Path]:
    """Give the files below a folder by their shown path; for names whose bytes are no UTF-8."""
    faults: list[Fault] = []
    return {shown: path for path, shown in files_below(Path(root), faults) if shown != path.as_posix()}


def on_disk(place: EvidencePlace) -> tuple[Path, str] | None:
    """Give the file on disk that holds a place, and its shown path; None where it is gone.

    A file name may hold the mark that stands for a container: the shortest path that is a file is taken.
    """
    root = Path(place.root)
    parts = place.path.split(CONTAINER_MARK)
    if root.is_file():
        return root, shown_name(root.name)
    candidates = [CONTAINER_MARK.join(parts[: count + 1]) for count in range(len(parts))]
    for shown in candidates:
        if (root / shown).is_file():
            return root / shown, shown
    if "\\" in place.path and root.is_dir():
        listing = _listing(place.root)
        for shown in candidates:
            if shown in listing:
                return listing[shown], shown
    return None


def find(place: EvidencePlace, spool: Path) -> Iterator[Locator]:
    """Yield every stream that lies at a place; several where a container holds a name more than once.

    Args:
        place: as registered.
        spool: an empty folder, for containers that have to be unpacked on the way.
    """
    found = on_disk(place)
    if found is not None:
        path, shown = found
        yield from (locator for _, locator in find_each(path, shown, {place.path}, spool))


def find_each(path: Path, shown: str, wanted: AbstractSet[str], spool: Path) -> Iterator[tuple[str, Locator]]:
    """Yield the streams of a file on disk that lie at some places, each container on the way listed once.

    Args:
        path: the file on disk.
        shown: its path, as registered.
        wanted: places as registered; the file itself may be one.
        spool: an empty folder, for containers that have to be unpacked on the way.
    """
    parts = (one.split(CONTAINER_MARK) for one in wanted)
    above = {CONTAINER_MARK.join(one[:count]) for one in parts for count in range(1, len(one))}
    yield from _each(Locator(str(path)), shown, (wanted, above), spool, 0)


def _each(
    locator: Locator, shown: str, wanted: tuple[AbstractSet[str], AbstractSet[str]], spool: Path, depth: int
) -> Iterator[tuple[str, Locator]]:
    if shown in wanted[0]:
        yield shown, locator
        return
    try:
        with open_locator(locator) as stream:
            kind = container_kind(stream.read(HEAD_BYTES))
        if kind is None or depth >= DEPTH_MAX:
            return
        for position, member in enumerate(members(locator, kind, spool / f"{depth}", shown)):
            inside = f"{shown}{CONTAINER_MARK}{shown_name(member.name)}"
            if member.locator is not None and (inside in wanted[0] or inside in wanted[1]):
                yield from _each(member.locator, inside, wanted, spool / f"{depth}-{position}", depth + 1)
    except (OSError, ContainerError):
        return
