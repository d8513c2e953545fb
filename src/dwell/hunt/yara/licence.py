"""Licences of YARA rules: what one is called, where it is written, and whether a rule under it may run unasked.

Looked at in this order: the rule's own metadata, the comment at the head of its file, a licence file beside it or above.
A rule of which nothing is said anywhere runs, and its licence stays empty. A licence that forbids commercial use, or one
that is stated and not known here, is refused until the user accepts it by name: whoever responds for a fee, or for a
ministry, has to have read it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

__all__ = ["UNSTATED", "Licence", "licence_beside", "licence_in", "licence_of"]

HEAD_CHARS = 8_192
NAME_CHARS = 80
LEVELS = 1
"""Folders above the one that was given in which a licence file counts."""
_FILES = ("LICENSE", "LICENCE", "COPYING", "UNLICENSE")
_NAMED = re.compile(r"licen[cs]e|copying|copyright|spdx|all rights reserved|creative commons", re.IGNORECASE)

_REFUSED: Sequence[tuple[str, str]] = (
    ("CC BY-NC", r"\bby[- ]nc\b|attribution[- ]?non[- ]?commercial"),
    ("non-commercial", r"non[- ]?commercial|(?:not|never|no)\b.{0,60}\bcommercial"),
    ("Elastic License", r"elastic licen[cs]e"),
    ("SSPL", r"\bsspl\b|server side public licen[cs]e"),
    ("BUSL", r"\bbusl\b|business source licen[cs]e"),
    ("Commons Clause", r"commons clause"),
    ("PolyForm", r"polyform"),
    ("CC BY-ND", r"\bby[- ]nd\b|attribution[- ]?noderiv"),
    ("all rights reserved", r"proprietary|confidential|\ball rights reserved\b(?!.{0,600}redistribution and use)"),
)
_ALLOWED: Sequence[tuple[str, str]] = (
    ("DRL 1.1", r"detection rule licen[cs]e|\bdrl\b"),
    ("CC0 1.0", r"\bcc0\b|creative commons zero|public domain dedication"),
    ("CC BY-SA", r"\bby[- ]sa\b|attribution[- ]?share ?alike"),
    ("CC BY", r"\bcc[- ]by\b|licenses/by/|creative commons attribution"),
    ("Apache-2.0", r"apache"),
    ("LGPL", r"\blgpl|lesser general public"),
    ("AGPL", r"\bagpl|affero general public"),
    ("GPL", r"\bgpl|gnu general public"),
    ("MPL-2.0", r"\bmpl\b|mozilla public"),
    ("BSD", r"\bbsd\b|redistribution and use in source and binary"),
    ("MIT", r"\bmit\b|permission is hereby granted, free of charge"),
    ("ISC", r"\bisc\b"),
    ("Unlicense", r"unlicense|public domain"),
)
_KNOWN = [(name, re.compile(said, re.IGNORECASE | re.DOTALL), False) for name, said in _REFUSED] + [
    (name, re.compile(said, re.IGNORECASE | re.DOTALL), True) for name, said in _ALLOWED
]


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence, as far as it is known.

    Attributes:
        name: what it is called here, and what accepts it; "" where none is stated.
        written: as written, shortened.
        free: whether a rule under it runs unasked.
        where: `metadata`, `head`, or the licence file's name.
    """

    name: str
    written: str
    free: bool
    where: str = ""

    def allowed(self, accepted: Collection[str]) -> bool:
        """Say whether a rule under it may run, by what the user accepts; letter case does not count."""
        return self.free or not {self.name.casefold(), self.written.casefold()}.isdisjoint(
            one.strip().casefold() for one in accepted
        )

    @property
    def shown(self) -> str:
        """Give what is shown with a hit: as the rule writes it, else by its name."""
        return self.written if self.where == "metadata" else self.name


UNSTATED = Licence("", "", free=True)


def licence_of(text: str, where: str) -> Licence:
    """Recognise a licence by its text; one that is not known is not free.

    Args:
        text: what is written.
        where: where it is written.
    """
    told = " ".join(text[:HEAD_CHARS].split())
    if not told:
        return UNSTATED
    for name, pattern, free in _KNOWN:
        if pattern.search(told):
            return Licence(name, told[:NAME_CHARS], free, where)
    return Licence(told[:NAME_CHARS], told[:NAME_CHARS], free=False, where=where)


def licence_in(head: str) -> Licence:
    """Recognise a licence in the comment at the head of a source; a comment that names none that is known says nothing.

    A refusal counts wherever the comment speaks of a licence, a copyright or commerce.
    """
    if not _NAMED.search(head) and not re.search("commercial", head, re.IGNORECASE):
        return UNSTATED
    found = licence_of(re.sub(r"^[\s/*#]+", "", head, flags=re.MULTILINE), "head")
    return found if any(found.name == name for name, _, _ in _KNOWN) else UNSTATED


@lru_cache(maxsize=4_096)
def _licence_file(folder: Path) -> Licence:
    try:
        listed = sorted(one for one in folder.iterdir() if one.stem.upper() in _FILES or one.name.upper() in _FILES)
    except OSError:
        return UNSTATED
    for one in listed:
        try:
            if one.is_file() and one.suffix.lower() in {"", ".txt", ".md", ".rst"}:
                with one.open("rb") as handle:
                    text = handle.read(HEAD_CHARS).decode("utf-8", "replace")
                found = licence_of(text, one.name)
                # a licence that is not known has no name by which to accept it but that of its file
                known = any(found.name == name for name, _, _ in _KNOWN)
                return found if known else Licence(f"that of {one.name}", found.written, free=False, where=one.name)
        except OSError:
            continue
    return UNSTATED


def licence_beside(path: Path, root: Path) -> Licence:
    """Recognise the licence file nearest to a source: in its folder, above it up to the root, and one folder further.

    Args:
        path: the source.
        root: the file or folder that the user gave.
    """
    top = root.resolve()
    top = top if top.is_dir() else top.parent
    here = path.resolve().parent
    folders = [one for one in (here, *here.parents) if one == top or top in one.parents]
    for folder in (*folders, *list(top.parents)[:LEVELS]):
        found = _licence_file(folder)
        if found.name:
            return found
    return UNSTATED
