r"""Characters that act on a reader instead of being read, and the visible form each of them gets.

The table is fixed here and not taken from `unicodedata`, so that the output does not change with the Python version.
A backslash in the evidence is left alone (`DOMAIN\name` must stay readable): a literal `\x1b` and an escape character
therefore look alike on paper. Which of the two it was is told by the bytes of the record.
"""

from __future__ import annotations

import re

__all__ = ["HIDDEN", "limit_visible", "show", "visible"]

_SHORT = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}

_RANGES: tuple[tuple[int, int], ...] = (
    (0x0000, 0x001F),  # C0 controls, ESC among them
    (0x007F, 0x009F),  # DEL and the C1 controls: 0x9B is ESC [ in one character
    (0x00AD, 0x00AD),  # soft hyphen
    (0x034F, 0x034F),  # combining grapheme joiner
    (0x061C, 0x061C),  # Arabic letter mark
    (0x115F, 0x1160),  # Hangul fillers
    (0x17B4, 0x17B5),  # Khmer inherent vowels, never drawn
    (0x180B, 0x180F),  # Mongolian selectors and vowel separator
    (0x200B, 0x200F),  # zero-width characters, left-to-right and right-to-left marks
    (0x2028, 0x202E),  # line and paragraph separators, embeddings and overrides
    (0x2060, 0x206F),  # word joiner, invisible operators, isolates, deprecated formatting
    (0x3164, 0x3164),  # Hangul filler
    (0xD800, 0xDFFF),  # surrogates: no characters at all, and no encoder takes them
    (0xFDD0, 0xFDEF),  # noncharacters
    (0xFE00, 0xFE0F),  # variation selectors
    (0xFEFF, 0xFEFF),  # byte order mark
    (0xFFA0, 0xFFA0),  # half-width Hangul filler
    (0xFFF0, 0xFFFB),  # unassigned specials and interlinear annotation
    (0xFFFE, 0xFFFF),  # noncharacters
    (0x1BCA0, 0x1BCA3),  # shorthand format controls
    (0x1D173, 0x1D17A),  # musical format controls
    *((plane + 0xFFFE, plane + 0xFFFF) for plane in range(0x10000, 0x110000, 0x10000)),
    (0xE0000, 0xE0FFF),  # tags and further selectors, which can carry a whole hidden text
)

HIDDEN = re.compile("[" + "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in _RANGES) + "]")
"""Meets one character that must not leave as it is."""


def show(character: str) -> str:
    r"""Give the visible form of one hidden character: `\x1b` below U+0100, `<U+202E>` above."""
    short = _SHORT.get(character)
    if short is not None:
        return short
    point = ord(character)
    return f"\\x{point:02x}" if point < 0x100 else f"<U+{point:04X}>"


def visible(text: str) -> str:
    """Give the text with every hidden character made visible; nothing is dropped."""
    return HIDDEN.sub(lambda met: show(met.group()), text)


def limit_visible(text: str, limit: int) -> tuple[str, int]:
    """Give the longest head of the text whose visible form fits, and how many characters of the text were left off.

    Args:
        text: any text.
        limit: how many characters the visible form may have, at least 1.

    Returns:
        The head, not yet made visible and never cut inside an escape, and the number of characters cut.

    Raises:
        ValueError: the limit is below 1.
    """
    if limit < 1:
        raise ValueError(f"a limit of {limit} characters shows nothing")
    # No character gets shorter by being made visible, so the head never reaches beyond the limit.
    head = text[:limit]
    width = len(head)
    for met in HIDDEN.finditer(head):
        width += len(show(met.group())) - 1
    while width > limit:
        last = head[-1]
        width -= len(show(last)) if HIDDEN.match(last) else 1
        head = head[:-1]
    return head, len(text) - len(head)
