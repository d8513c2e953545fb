"""YARA sources: found in what the user gave, measured before they are believed, and put together by what they include.

A source comes from anyone. One that includes a file from outside the folder that was given is refused by name, and so is
one that is too large or no UTF-8. The library is never let at the disk: includes are resolved here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dwell.hunt.yara.syntax import Cut, blanked, cut

__all__ = ["FILE_BYTES_MAX", "SUFFIXES", "BadSource", "Source", "families", "sources_of"]

FILE_BYTES_MAX = 16 * 1024 * 1024
FILES_MAX = 100_000
DEPTH_MAX = 500
"""Brackets open at once in one source; the compiler calls itself for each."""
SUFFIXES = frozenset({".yar", ".yara"})


@dataclass(frozen=True, slots=True)
class Source:
    """One rule file.

    Attributes:
        path: where it lies.
        shown: its path relative to what was given.
        root: the file or folder that was given.
        text: its text, `include` statements blanked out.
        cut: its rules.
        includes: the files it includes, all within the folder that was given.
    """

    path: Path
    shown: str
    root: Path
    text: str
    cut: Cut
    includes: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class BadSource:
    """A rule file that cannot be used.

    Attributes:
        shown: its path relative to what was given.
        why: what is wrong with it.
        line: 1-based line, where known.
        refused: whether it is refused for what it reaches for, rather than broken.
        cut: its rules, as far as they can be told apart.
    """

    shown: str
    why: str
    line: int | None = None
    refused: bool = False
    cut: Cut | None = None

    def __str__(self) -> str:
        """Give the file, the line and what is wrong."""
        return f"{self.shown}:{self.line}: {self.why}" if self.line is not None else f"{self.shown}: {self.why}"


def _listed(root: Path) -> list[Path]:
    """Give the rule files below a folder, by path, or the one file itself; links are not followed."""
    if root.is_file():
        return [root]
    found = (one for one in root.rglob("*") if one.suffix.lower() in SUFFIXES)
    return sorted(one for one in found if one.is_file() and not one.is_symlink())[:FILES_MAX]


def _text(path: Path) -> str:
    """Read a source.

    Raises:
        ValueError: it is too large, no UTF-8, or nests too deep.
        OSError: it cannot be read.
    """
    if path.stat().st_size > FILE_BYTES_MAX:
        raise ValueError(f"larger than {FILE_BYTES_MAX:,} bytes")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise ValueError(f"not UTF-8 at byte {fault.start}") from fault
    return text


def _too_deep(found: Cut) -> int | None:
    """Give the line of the first rule whose condition nests too deep."""
    for rule in found.rules:
        depth = 0
        for one in rule.condition:
            depth += (one.text in "([") - (one.text in ")]") if one.kind == "mark" else 0
            if depth > DEPTH_MAX:
                return rule.line
    return None


def _within(path: Path, root: Path) -> bool:
    top = root.resolve()
    top = top if top.is_dir() else top.parent
    real = path.resolve()
    return real == top or top in real.parents


def _read(path: Path, root: Path) -> Source | BadSource:
    top = root if root.is_dir() else root.parent
    shown = path.relative_to(top).as_posix() if path.is_relative_to(top) else path.name
    try:
        text = _text(path)
    except ValueError as fault:
        return BadSource(shown, str(fault))
    except OSError as fault:
        return BadSource(shown, f"cannot be read: {fault.strerror}")
    found = cut(text)
    deep = _too_deep(found)
    if deep is not None:
        return BadSource(shown, f"brackets nested over {DEPTH_MAX} deep", deep, cut=found)
    includes: list[Path] = []
    for name, line in found.includes:
        target = path.parent / name
        try:
            inside, there = _within(target, root), target.is_file()
        except (OSError, ValueError):
            inside, there = False, False
        if not inside:
            why = f"includes '{name[:200]}', which lies outside the folder that was given"
            return BadSource(shown, why, line, refused=True, cut=found)
        if not there:
            return BadSource(shown, f"includes '{name[:200]}', which is not there", line, cut=found)
        includes.append(target.resolve())
    return Source(path, shown, root, blanked(text, found.directives), found, tuple(dict.fromkeys(includes)))


def sources_of(roots: Sequence[Path]) -> list[Source | BadSource]:
    """Read every rule file that was given, once each, and the files that they include."""
    out: dict[Path, Source | BadSource] = {}
    for root in roots:
        waiting = _listed(root)
        for path in waiting:
            real = path.resolve()
            if real not in out:
                found = _read(path, root)
                out[real] = found
                if isinstance(found, Source):
                    waiting += [one for one in found.includes if one not in out]
    return list(out.values())


def families(sources: Sequence[Source]) -> list[tuple[Source, ...]]:
    """Put sources that include each other together, what is included first; every source stands in one family.

    An included file's rules are compiled once, in the namespace of those that include it.
    """
    held = {one.path.resolve(): one for one in sources}
    heads = {path: path for path in held}

    def head(path: Path) -> Path:
        while heads[path] != path:
            heads[path] = heads[heads[path]]
            path = heads[path]
        return path

    for path, one in held.items():
        for other in one.includes:
            if other in held:
                heads[head(other)] = head(path)
    order = _included_first(held)
    groups: dict[Path, list[Source]] = {}
    for path in order:
        groups.setdefault(head(path), []).append(held[path])
    return sorted((tuple(one) for one in groups.values()), key=lambda one: min(each.shown for each in one))


def _included_first(held: Mapping[Path, Source]) -> list[Path]:
    """Give the sources in an order in which what is included comes first; a circle is cut where it closes."""
    order: dict[Path, None] = {}
    for start in held:
        waiting: list[tuple[Path, bool]] = [(start, False)]
        seen = {start}
        while waiting:
            path, done = waiting.pop()
            if done:
                order.setdefault(path)
                continue
            waiting.append((path, True))
            for other in reversed(held[path].includes):
                if other in held and other not in seen and other not in order:
                    seen.add(other)
                    waiting.append((other, False))
    return list(order)
