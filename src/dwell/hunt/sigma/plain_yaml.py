"""Plain YAML built from the parser's events in one pass: nearly every rule file.

What has an anchor, an alias, a tag, a merge, a key twice or one that is no text, nests too deep, is too large or is no
YAML is not plain. It is left to the careful way, which measures it before anything is built, and says what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import yaml

__all__ = ["LOADER", "plain_documents"]

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""What parses YAML: the C library where it is there. It executes nothing."""

_TEXT = "tag:yaml.org,2002:str"
_ODD = frozenset({"tag:yaml.org,2002:merge", "tag:yaml.org,2002:value"})
_FIRST = frozenset(yaml.SafeLoader.yaml_implicit_resolvers)
"""What a plain text begins with that may mean something else than itself."""
_NO_KEY = object()


class _OddError(ValueError):
    """Something that is not plain."""


@lru_cache(maxsize=16_384)
def _meant(text: str) -> Any:  # noqa: ANN401 - whatever YAML can hold
    """Give what a plain scalar means: a number, a truth, a day, nothing, or the text itself."""
    loader = yaml.SafeLoader("")
    tag = loader.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    if tag == _TEXT:
        return text
    if tag in _ODD:
        raise _OddError(text)
    return loader.construct_document(yaml.ScalarNode(tag, text))


class _Building:
    """One document being built.

    Attributes:
        whole: what it holds; the collection that is not closed yet, or the one scalar.
    """

    __slots__ = ("_here", "_key", "_outer", "whole")

    def __init__(self) -> None:
        self.whole: Any = None
        self._here: Any = None
        self._key: Any = _NO_KEY
        self._outer: list[tuple[Any, Any]] = []

    def put(self, value: Any) -> None:  # noqa: ANN401 - whatever YAML can hold
        """Put a value where it belongs: a key and a value are one after the other."""
        here = self._here
        if here is None:
            self.whole = value
        elif type(here) is list:
            here.append(value)
        elif self._key is not _NO_KEY:
            here[self._key] = value
            self._key = _NO_KEY
        elif type(value) is not str or value in here:
            raise _OddError("a key that is no text, or stands there twice")
        else:
            self._key = value

    def opened(self, held: dict[str, Any] | list[Any], depth_max: int) -> None:
        """Go into a collection."""
        if type(self._here) is dict and self._key is _NO_KEY:
            raise _OddError("a key that is no text")
        self.put(held)
        self._outer.append((self._here, self._key))
        if len(self._outer) > depth_max:
            raise _OddError("too deep")
        self._here, self._key = held, _NO_KEY

    def closed(self) -> None:
        """Leave a collection."""
        self._here, self._key = self._outer.pop()


def plain_documents(text: str, *, depth_max: int, nodes_max: int) -> list[tuple[Any, int, int]] | None:
    """Give the documents that hold something; None where one is not plain, or anything is wrong.

    Args:
        text: the whole file.
        depth_max: levels that collections may nest.
        nodes_max: scalars and collections that it may hold.

    Returns:
        What each holds, the 1-based line where that starts, and the 0-based number of the document.
    """
    loader = LOADER(text)
    try:
        return _built(loader.get_event, depth_max, nodes_max)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    finally:
        loader.dispose()


def _built(following: Callable[[], Any], depth_max: int, nodes_max: int) -> list[tuple[Any, int, int]]:
    out: list[tuple[Any, int, int]] = []
    number = -1
    line = nodes = 0
    building = _Building()
    while True:
        event = following()
        kind = type(event)
        if kind is yaml.ScalarEvent or kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            if event.anchor is not None or event.tag is not None or nodes >= nodes_max:
                raise _OddError("not plain")
            nodes += 1
            line = line or event.start_mark.line + 1
            if kind is yaml.ScalarEvent:
                value = event.value
                building.put(_meant(value) if event.implicit[0] and value[:1] in _FIRST else value)
            else:
                building.opened({} if kind is yaml.MappingStartEvent else [], depth_max)
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            building.closed()
        elif kind is yaml.DocumentStartEvent:
            building, line = _Building(), 0
            number += 1
        elif kind is yaml.DocumentEndEvent:
            if type(building.whole) is dict:
                out.append((building.whole, line, number))
            elif building.whole is not None:
                raise _OddError("no mapping")
        elif kind is yaml.StreamEndEvent:
            return out
        elif kind is not yaml.StreamStartEvent:
            raise _OddError("an alias")
