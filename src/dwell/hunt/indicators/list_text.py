"""The text of a list in blocks of lines, however long it is; a line that cannot be read is named by its number."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from dwell.hunt.indicators.shapes import Numbers

__all__ = ["LINE_CHARS_MAX", "Block", "blocks"]

LINE_CHARS_MAX = 65_536
BLOCK_CHARS = 4 * 1024 * 1024
"""So much of a text is taken at a time."""

_UNDECODABLE = re.compile("[\udc80-\udcff\ufffd]")
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class Block(NamedTuple):
    """Some lines that follow each other.

    Attributes:
        numbers: the number of each line that can be read.
        lines: their texts.
        bad: number of each line that cannot be read, and why.
        last: whether the list ends here.
    """

    numbers: Numbers
    lines: list[str]
    bad: list[tuple[int, str]]
    last: bool

    def since(self, at: int) -> Block:
        """Give the lines from one on; the bad ones are left out."""
        return Block(self.numbers[at:], self.lines[at:], [], self.last)

    def followed(self, other: Block) -> Block:
        """Give this and another block as one."""
        if not self.lines:
            return other
        return Block(
            np.concatenate([self.numbers, other.numbers]), self.lines + other.lines, self.bad + other.bad, other.last
        )


def _opened(path: Path) -> IO[str]:
    """Open a list; bytes that are no text become marks of their own, so that only their line is lost."""
    with path.open("rb") as handle:
        head = handle.read(4)
    name = next((name for mark, name in _MARKS if head.startswith(mark)), "utf-8")
    return path.open(encoding=name, errors="replace" if name == "utf-16" else "surrogateescape", newline=None)


def _block(first: int, lines: list[str], *, last: bool) -> Block:
    """Tell lines that can be read from those that cannot."""
    bad: dict[int, str] = {}
    if not all(map(str.isascii, lines)):
        strange = [at for at, text in enumerate(lines) if not text.isascii() and _UNDECODABLE.search(text)]
        bad |= dict.fromkeys(strange, "holds bytes that are no text")
    if max(map(len, lines), default=0) >= LINE_CHARS_MAX:
        endless = [at for at, text in enumerate(lines) if len(text) >= LINE_CHARS_MAX]
        bad |= dict.fromkeys(endless, f"longer than {LINE_CHARS_MAX} characters")
    numbers = np.arange(first, first + len(lines), dtype=np.int64)
    if bad:
        lines = [text for at, text in enumerate(lines) if at not in bad]
        numbers = np.delete(numbers, sorted(bad))
    return Block(numbers, lines, sorted((first + at, why) for at, why in bad.items()), last)


def blocks(path: Path) -> Iterator[Block]:
    """Yield a list's lines, some megabytes at a time; the last block says so and may be empty.

    Raises:
        OSError: it cannot be read.
        UnicodeError: it is no text from its beginning on.
    """
    with _opened(path) as handle:
        number, rest = 1, ""
        while text := handle.read(BLOCK_CHARS):
            lines = (rest + text).split("\n")
            rest = lines.pop()[:LINE_CHARS_MAX]  # of a line without an end it is enough to know that it is too long
            if lines:
                yield _block(number, lines, last=False)
                number += len(lines)
        yield _block(number, [rest] if rest else [], last=True)
