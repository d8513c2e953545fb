"""A cache for what is asked of texts from evidence: it keeps short ones, so that nobody can fill the memory with others."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar

__all__ = ["CHARS_MAX", "short_cache"]

CHARS_MAX = 512
"""Longer texts are worked out each time. A quarter of a million of these take some hundred megabytes at most."""

_Given = ParamSpec("_Given")
_Found = TypeVar("_Found")


def short_cache(maxsize: int) -> Callable[[Callable[_Given, _Found]], Callable[_Given, _Found]]:
    """Cache what a pure function gives, where all texts that it is given are short.

    Args:
        maxsize: so many answers are kept, those asked for last.
    """

    def wrap(function: Callable[_Given, _Found]) -> Callable[_Given, _Found]:
        kept = lru_cache(maxsize=maxsize)(function)

        @wraps(function)
        def call(*given: _Given.args, **named: _Given.kwargs) -> _Found:
            for one in given:
                if type(one) is str and len(one) > CHARS_MAX:
                    return function(*given, **named)
            return kept(*given, **named)  # type: ignore[arg-type]

        return call

    return wrap
