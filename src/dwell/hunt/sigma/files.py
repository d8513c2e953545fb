"""Rule files as documents: found, measured before they are believed, and parsed with the lines kept.

A rule file comes from anyone. It is refused by name when it is too large, nests too deep or would grow beyond measure
once its aliases are followed; nothing in it is ever executed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath
from typing import Any

import yaml

from dwell.hunt.sigma.plain_yaml import LOADER, plain_documents

__all__ = [
    "DEPTH_MAX",
    "FILE_BYTES_MAX",
    "NODES_MAX",
    "SPLIT",
    "BadFileError",
    "Document",
    "Lines",
    "documents",
    "documents_in",
    "listed",
    "read_rule_file",
    "rule_files",
]

FILE_BYTES_MAX = 8 * 1_048_576
DEPTH_MAX = 40
NODES_MAX = 200_000
"""Nodes of one file, aliases followed."""
SPLIT = "split it, or give plain values as a list of indicators"
"""What to do with what is too large."""
FILES_MAX = 100_000
_SAYING = frozenset({"detection", "filter", "correlation"})
"""The keys of a document below which stands what it says."""


class BadFileError(Exception):
    """A rule file, or a document in one, that cannot be used.

    Attributes:
        what: what is wrong with it.
        line: 1-based line, where known.
    """

    def __init__(self, what: str, line: int | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.line = line

    def __str__(self) -> str:
        """Give what is wrong, and the line."""
        return self.what if self.line is None else f"line {self.line}: {self.what}"


@dataclass(frozen=True, slots=True)
class Lines:
    """Where the parts of a document stand: 1-based lines, of several that are alike the first.

    Attributes:
        sections: of every key of the document itself, by key.
        keys: of every key below `detection`, `filter` and `correlation`, by key.
        texts: of every text that is no key, by text.
        empties: of what is there and holds nothing, below the same three, in order.
    """

    sections: Mapping[str, int]
    keys: Mapping[str, int]
    texts: Mapping[str, int]
    empties: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document of a rule file.

    Attributes:
        content: what it holds.
        line: 1-based line it starts at.
        find_lines: gives `lines`.
    """

    content: Mapping[str, Any]
    line: int
    find_lines: Callable[[], Lines]

    @property
    def lines(self) -> Lines:
        """Give where its parts stand. They are looked for when they are asked for: only a fault needs them."""
        return self.find_lines()


def rule_files(folder: Path) -> list[Path]:
    """Give the rule files of a folder, or the one file itself, by path; links are not followed."""
    return listed(folder)[0]


def listed(folder: Path) -> tuple[list[Path], list[str]]:
    """Give the rule files of a folder, and what of it is not loaded though it may hold rules, with why.

    Links are not followed, some folders cannot be read, and there can be too many files, or none at all.
    """
    if folder.is_file():
        return [folder], []
    found: list[list[str]] = []
    over: list[tuple[list[str], str]] = []
    waiting: list[list[str]] = [[]]
    while waiting:
        below = waiting.pop()
        try:
            with os.scandir(folder.joinpath(*below)) as entries:
                here = list(entries)
        except OSError as fault:
            over.append((below, f"the folder cannot be read ({fault.strerror})"))
            continue
        for entry in here:
            is_rule = PurePath(entry.name).suffix.lower() in {".yml", ".yaml"}
            if entry.is_symlink():
                if is_rule or entry.is_dir():
                    over.append(([*below, entry.name], "a link, which is not followed: name what it leads to"))
            elif entry.is_dir(follow_symlinks=False):
                waiting.append([*below, entry.name])
            elif is_rule and entry.is_file(follow_symlinks=False):
                found.append([*below, entry.name])
    if len(found) > FILES_MAX:
        over.append(([], f"{FILES_MAX:,} rule files are loaded, {len(found) - FILES_MAX:,} more are not"))
    if not found and not over:
        over.append(([], "holds no rule file: none of its names ends in .yml or .yaml"))
    told = [f"{folder.joinpath(*one)}: {why}" for one, why in sorted(over)]
    return [folder.joinpath(*one) for one in sorted(found)[:FILES_MAX]], told


def _measure(text: str) -> None:
    """Count depth and nodes without building anything; aliases count for what they stand for."""
    sizes: list[int] = []
    anchors: dict[str, int] = {}
    names: list[str | None] = []
    total = 0
    for event in yaml.parse(text, Loader=LOADER):
        size = 0
        if isinstance(event, yaml.CollectionStartEvent):
            sizes.append(1)
            names.append(event.anchor)
            if len(sizes) > DEPTH_MAX:
                raise BadFileError(f"nested deeper than {DEPTH_MAX} levels", _line(event))
            continue
        if isinstance(event, yaml.CollectionEndEvent):
            size = sizes.pop()
            name = names.pop()
            if name is not None:
                anchors[name] = size
        elif isinstance(event, yaml.ScalarEvent):
            size = 1
            if event.anchor is not None:
                anchors[event.anchor] = 1
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in anchors:
                raise BadFileError(f"alias '{str(event.anchor)[:40]}' refers to itself or to nothing", _line(event))
            size = anchors[event.anchor]
        if sizes:
            sizes[-1] += size
        total = max(total, size, sizes[0] if sizes else 0)
        if total > NODES_MAX:
            raise BadFileError(
                f"holds more than {NODES_MAX:,} keys and values, aliases followed; {SPLIT}", _line(event)
            )


def _line(event: yaml.Event) -> int | None:
    return event.start_mark.line + 1 if event.start_mark is not None else None


def _lines(node: yaml.Node) -> Lines:
    """Give where the parts of a document stand."""
    sections: dict[str, int] = {}
    keys: dict[str, int] = {}
    texts: dict[str, int] = {}
    empties: list[int] = []
    waiting: list[tuple[yaml.Node, int, bool]] = []
    for key, value in getattr(node, "value", ()):
        name = str(key.value)
        sections.setdefault(name, key.start_mark.line + 1)
        waiting.append((value, key.start_mark.line + 1, name in _SAYING))
    waiting.reverse()
    while waiting:
        one, line, says = waiting.pop()
        held: list[tuple[yaml.Node, int, bool]] = []
        if isinstance(one, yaml.MappingNode):
            for key, value in one.value:
                if says and isinstance(key, yaml.ScalarNode):
                    keys.setdefault(key.value, key.start_mark.line + 1)
                held.append((value, key.start_mark.line + 1, says))
        elif isinstance(one, yaml.SequenceNode):
            held = [(each, each.start_mark.line + 1, says) for each in one.value]
        elif isinstance(one, yaml.ScalarNode):
            texts.setdefault(one.value, one.start_mark.line + 1)
        if says and not held and not isinstance(one, yaml.ScalarNode):
            empties.append(line)
        waiting += reversed(held)
    return Lines(sections, keys, texts, tuple(empties))


def _lines_in(text: str, number: int) -> Lines:
    """Give the same of one document of a text that has been parsed before, by its 0-based number."""
    loader = LOADER(text)
    try:
        for _ in range(number):
            if loader.check_node():
                loader.get_node()
        return _lines(loader.get_node()) if loader.check_node() else Lines({}, {}, {})
    finally:
        loader.dispose()


def _refuse_twins(node: yaml.Node) -> None:
    """Refuse a mapping that has a key twice: YAML would keep the last and drop the others without a word.

    Raises:
        BadFileError: there is one.
    """
    waiting, seen = [node], {id(node)}
    while waiting:
        one = waiting.pop()
        parts = one.value if isinstance(one, yaml.MappingNode | yaml.SequenceNode) else ()
        if isinstance(one, yaml.MappingNode):
            keys: set[str] = set()
            for key, _ in parts:
                name = key.value if isinstance(key, yaml.ScalarNode) else None
                if name is not None and name != "<<" and name in keys:
                    raise BadFileError(f"the key '{name[:60]}' stands there twice", key.start_mark.line + 1)
                keys.add(name or "")
            parts = [value for _, value in parts]
        fresh = [part for part in parts if id(part) not in seen]
        seen |= {id(part) for part in fresh}
        waiting += fresh


def read_rule_file(path: Path) -> bytes:
    """Read a rule file.

    Raises:
        BadFileError: it cannot be read, or is too large.
    """
    try:
        size = path.stat().st_size
        if size > FILE_BYTES_MAX:
            raise BadFileError(f"larger than {FILE_BYTES_MAX:,} bytes; {SPLIT}")
        return path.read_bytes()
    except OSError as fault:
        raise BadFileError(f"cannot be read: {fault.strerror}") from fault


def documents(path: Path) -> Iterator[Document]:
    """Yield the documents of a rule file that hold something.

    Raises:
        BadFileError: the file cannot be read, is no YAML, or is one that would do harm.
    """
    yield from documents_in(read_rule_file(path))


def documents_in(data: bytes) -> Iterator[Document]:
    """Yield the documents in what a rule file holds, as `documents` does.

    Raises:
        BadFileError: it is no YAML, or would do harm.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise BadFileError(f"not UTF-8 at byte {fault.start}") from fault
    try:
        plain = plain_documents(text, depth_max=DEPTH_MAX, nodes_max=NODES_MAX)
        if plain is not None:
            yield from (Document(held, line, partial(_lines_in, text, number)) for held, line, number in plain)
            return
        _measure(text)
        yield from _parsed(text)
    except yaml.YAMLError as fault:
        mark = getattr(fault, "problem_mark", None)
        problem = getattr(fault, "problem", None) or "not YAML"
        raise BadFileError(f"bad YAML: {problem}", mark.line + 1 if mark is not None else None) from fault
    except (ValueError, RecursionError) as fault:  # dates and numbers that YAML takes and Python does not
        raise BadFileError(f"bad YAML: {fault}") from fault


def _parsed(text: str) -> Iterator[Document]:
    loader = LOADER(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            _refuse_twins(node)
            content = loader.construct_document(node)
            if content is None:
                continue
            line = node.start_mark.line + 1
            if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
                raise BadFileError("a rule has to be a mapping", line)
            yield Document(content, line, partial(_lines, node))
    finally:
        loader.dispose()
