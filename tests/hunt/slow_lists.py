"""Lists read one line and one value at a time: slow, and plain enough to be believed.

The reader in `dwell` judges whole columns; tests hold what it gives against this.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from dwell.hunt.indicators.gathering import Gathering, Indicators
from dwell.hunt.indicators.list_header import row_taken
from dwell.hunt.indicators.list_shape import cells_of, shape_of

__all__ = ["read_slowly"]

LINE_CHARS_MAX = 65_536
JOINED_LINES_MAX = 20
_UNDECODABLE = re.compile("[\udc80-\udcff\ufffd]")
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def _opened(path: Path) -> IO[str]:
    """Open a list; bytes that are no text become marks of their own, so that only their line is lost."""
    with path.open("rb") as handle:
        head = handle.read(4)
    name = next((name for mark, name in _MARKS if head.startswith(mark)), "utf-8")
    return path.open(encoding=name, errors="replace" if name == "utf-16" else "surrogateescape", newline=None)


def _lines(handle: IO[str], out: Gathering) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line that can be read."""
    number, skipping = 0, False
    while text := handle.readline(LINE_CHARS_MAX):
        whole = text.endswith("\n")
        if skipping:
            skipping = not whole
            continue
        number += 1
        if not whole and len(text) >= LINE_CHARS_MAX:
            out.fault(f"longer than {LINE_CHARS_MAX} characters", str(number))
            skipping = True
        elif not text.isascii() and _UNDECODABLE.search(text):
            out.fault("holds bytes that are no text", str(number))
        else:
            yield number, text.rstrip("\n")


def _plain_list(lines: Iterator[tuple[int, str]], out: Gathering) -> None:
    for number, text in lines:
        plain = text.strip()
        if "#" in plain:
            plain = re.split(r"(?:\A|\s+)#", plain, maxsplit=1)[0].strip()
        if plain:
            out.take("", plain, str(number))


def _records(lines: Iterator[tuple[int, str]], delimiter: str, out: Gathering) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of its first line and the cells of each record; a quote that is never closed costs its line."""
    waiting: list[tuple[int, str]] = []
    source = lines
    while (at := waiting.pop(0) if waiting else next(source, None)) is not None:
        number, text = at
        if not text.strip() or text.lstrip().startswith("#"):
            continue
        if '"' not in text:
            yield number, text.split(delimiter)
            continue
        joined = text
        ahead: list[tuple[int, str]] = []
        while joined.count('"') % 2 and len(ahead) < JOINED_LINES_MAX:
            one = waiting.pop(0) if waiting else next(source, None)
            if one is None:
                break
            ahead.append(one)
            joined += "\n" + one[1]
        if joined.count('"') % 2:
            out.fault("a quote that is never closed", str(number))
            waiting = ahead + waiting
            continue
        yield number, cells_of(joined, delimiter)


def _read(path: Path, out: Gathering) -> None:
    with _opened(path) as handle:
        lines = list(_lines(handle, out))
    cut = shape_of([text for _, text in lines])
    if cut is None:
        return
    if cut.fault:
        out.fault(cut.fault, str(lines[cut.begins][0]))
    if cut.counted:
        out.count(cut.counted)
    if cut.shape is None:
        _plain_list(iter(lines[cut.begins :]), out)
        return
    for number, cells in _records(iter(lines[cut.begins :]), cut.shape.delimiter, out):
        row_taken(out, cut.shape.header, cells, str(number))


def read_slowly(path: Path) -> Indicators:
    """Give what a list says."""
    out = Gathering()
    out.begin(path.name)
    _read(path, out)
    if out.is_silent:
        out.count("the list holds no indicator")
    return out.done()
