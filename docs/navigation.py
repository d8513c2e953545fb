"""Build the manual's table of contents from its folders, so that adding a page is adding a file."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

__all__ = ["SECTIONS", "navigation", "on_config"]

SECTIONS: tuple[tuple[str, str], ...] = (
    ("Tutorial", "tutorial"),
    ("How to", "how-to"),
    ("Explanation", "explanation"),
    ("Reference", "reference"),
    ("Decisions", "decisions"),
)
"""Title and folder, in the order in which they are shown."""


class Config(Protocol):
    """The part of the MkDocs configuration that is read and set here."""

    docs_dir: str
    nav: list[object] | None


def navigation(docs: Path) -> list[object]:
    """Give the table of contents: the front page, the limits, then every section with its pages by name."""
    entries: list[object] = ["index.md", "limitations.md"]
    for title, folder in SECTIONS:
        pages = [f"{folder}/{page.name}" for page in sorted((docs / folder).glob("*.md"))]
        if pages:
            entries.append({title: pages})
    return entries


def on_config(config: Config) -> Config:
    """Set the table of contents before MkDocs builds."""
    config.nav = navigation(Path(config.docs_dir))
    return config
