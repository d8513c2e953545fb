"""What Entra's portal calls its columns in other languages than English: data (`portal_words.toml`), unverified."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

__all__ = ["in_other_languages", "marks_in_other_languages"]

_QUOTES = ("'", "\N{RIGHT SINGLE QUOTATION MARK}")


@cache
def _words(log: str) -> Mapping[str, str]:
    """Give the English name of each other name, both in lower case."""
    text = resources.files(__package__).joinpath("portal_words.toml").read_text(encoding="utf-8")
    told: Mapping[str, list[str]] = tomllib.loads(text)[log]
    return {
        each.lower().replace(_QUOTES[0], quote): english
        for english, names in told.items()
        for each in names
        for quote in _QUOTES
    }


def in_other_languages(log: str, columns: Mapping[str, str]) -> dict[str, str]:
    """Give by each name in other languages, in lower case, the column that its English name stands for.

    Args:
        log: which log's words, `signins` or `entra_audit`.
        columns: columns by their English names, in lower case.
    """
    return {name: columns[english] for name, english in _words(log).items() if english in columns}


def marks_in_other_languages(log: str, marks: tuple[frozenset[str], ...]) -> tuple[frozenset[str], ...]:
    """Give groups of names with what each name is called in other languages as well."""
    words = _words(log)
    return tuple(group | {name for name, english in words.items() if english in group} for group in marks)
