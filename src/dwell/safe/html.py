"""Evidence text for HTML: element content only, never an attribute and never an address.

Every piece stands in its own `<bdi>`, so that right-to-left text cannot reorder what is around it; hidden characters
are drawn in a `<span class="hid">`. The text content of the result equals the terminal form, character for character.
"""

from __future__ import annotations

from markupsafe import Markup, escape

from dwell.safe.hidden import HIDDEN, limit_visible, show

__all__ = ["html", "html_limited"]

_OPEN = Markup('<span class="hid">')
_CLOSE = Markup("</span>")


def _content(text: str) -> Markup:
    parts: list[Markup] = []
    done = 0
    for met in HIDDEN.finditer(text):
        parts += (escape(text[done : met.start()]), _OPEN, escape(show(met.group())), _CLOSE)
        done = met.end()
    parts.append(escape(text[done:]))
    return Markup("").join(parts)


def html(text: str) -> Markup:
    """Give the text as harmless markup."""
    # str() first: a Markup handed in is evidence like any other and is escaped again
    return Markup("<bdi>{}</bdi>").format(_content(str.__str__(text)))


def html_limited(text: str, limit: int) -> Markup:
    """Give at most `limit` visible characters of the text, followed by how many characters of it were cut.

    Raises:
        ValueError: the limit is below 1.
    """
    head, cut = limit_visible(text, limit)
    if not cut:
        return html(text)
    note = Markup('<span class="cut">[… {} more characters]</span>').format(f"{cut:,}")
    return html(head) + note
