"""Evidence text for a terminal: one line, no control sequences, no direction tricks.

Escape sequences (colour, cursor, window title, OSC 8 links) are made visible instead of carried out, so the reader sees
that somebody put them there.
"""

from __future__ import annotations

from rich.text import Text

from dwell.safe.hidden import limit_visible, visible

__all__ = ["rich_text", "terminal", "terminal_limited"]


def terminal(text: str) -> str:
    r"""Give the text as one harmless line; hidden characters become `\x1b` or `<U+202E>`."""
    return visible(text)


def terminal_limited(text: str, limit: int) -> str:
    """Give at most `limit` characters of the harmless text, followed by how many characters of it were cut.

    Raises:
        ValueError: the limit is below 1.
    """
    head, cut = limit_visible(text, limit)
    return visible(head) + (f"[…+{cut}]" if cut else "")


def rich_text(text: str) -> Text:
    """Give the harmless text for `rich`, with its brackets read as brackets and not as markup."""
    return Text(visible(text))
