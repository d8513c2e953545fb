"""What a source says of itself: the sections of its module's docstring, which the manual and `dwell sources` print."""

from __future__ import annotations

import inspect
import re
import textwrap
from dataclasses import dataclass

from dwell.sources.source import Source

__all__ = ["HEADINGS", "Page", "page_of", "sections"]

HEADINGS = ("Source", "Time", "Units", "Raises", "Trust", "Silence")
"""Headings that a source's module docstring carries, in the order of the page."""


@dataclass(frozen=True, slots=True)
class Page:
    """A source in words.

    Attributes:
        key: the source's key.
        title: the vendor's name for the format.
        table: the archive table its rows go to.
        unit: what `record_no` counts.
        is_log: whether rows are events in time.
        instants: where its rows' instants come from, in words; "" where they have none.
        fields: the columns of its rows.
        about: what comes before the headings.
        sections: text by heading.
    """

    key: str
    title: str
    table: str
    unit: str
    is_log: bool
    instants: str
    fields: tuple[str, ...]
    about: str
    sections: dict[str, str]


def sections(doc: str) -> dict[str, str]:
    """Cut a docstring at its headings; what comes before the first is under the empty key."""
    found: dict[str, list[str]] = {"": []}
    here = ""
    for line in inspect.cleandoc(doc).splitlines():
        head = re.fullmatch(r"([A-Z][a-z]+):\s*(.*)", line)
        if head and head[1] in HEADINGS:
            here = head[1]
            found[here] = [head[2]]
            continue
        if here and line and not line.startswith((" ", "\t")):
            here = ""
        found[here].append(line)
    return {key: textwrap.dedent("\n".join(lines)).strip() for key, lines in found.items()}


def page_of(source: Source) -> Page:
    """Give what a source says of itself."""
    module = inspect.getmodule(type(source))
    fields = tuple(source.schema.names)
    found = sections((module.__doc__ if module else "") or "")
    return Page(
        source.key,
        source.title,
        source.table,
        source.unit,
        source.is_log,
        source.stamp.words,
        fields,
        found.pop(""),
        found,
    )
