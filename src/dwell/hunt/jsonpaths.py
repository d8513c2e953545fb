"""Texts under a path in a column that keeps lists and objects as one JSON text, as Entra's audit log has them."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

__all__ = ["as_text", "texts_at"]

_NAMES = ("displayname", "key", "name")
_VALUES = ("newvalue", "value")
NODES_MAX = 100_000
"""So many parts of one text are looked at."""


def as_text(value: object) -> str:
    """Give a value of JSON as text; what is no plain value, as JSON."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, bool | int | float) else msgspec.json.encode(value).decode()


def texts_at(text: str, path: str) -> list[str]:
    """Give the texts under a path of names in lower case, whatever lists lie between them.

    A pair of a name and a value (`{key, value}`, `{displayName, oldValue, newValue}`) anywhere answers to its name: its
    value, without the quotation marks that a value of JSON within JSON has.
    """
    try:
        whole = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return []
    found = [one for one in _below(whole, path.split(".")) if one is not None]
    return [as_text(one) for one in (*found, *_paired(whole, path))]


def _below(value: object, names: list[str]) -> Iterator[object]:
    if not names:
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _below(one, names)
    elif isinstance(value, dict):
        for name, one in value.items():
            if name.lower() == names[0]:
                yield from _below(one, names[1:])


def _paired(whole: object, name: str) -> Iterator[str]:
    waiting, seen = [whole], 0
    while waiting and seen < NODES_MAX:
        one = waiting.pop()
        seen += 1
        if isinstance(one, list):
            waiting += reversed(one)
        elif isinstance(one, dict):
            waiting += reversed(list(one.values()))
            named = {key.lower(): value for key, value in one.items()}
            if any(str(named.get(key, "")).lower() == name for key in _NAMES):
                yield from (as_text(named[key]).strip('"') for key in _VALUES if named.get(key) is not None)
