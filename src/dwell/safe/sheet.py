"""Evidence text for spreadsheets: a cell is read as text, whatever it begins with.

A spreadsheet takes a cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return for a formula, and some take
the full-width forms too. Such a cell gets an apostrophe in front. So does such a character after a `;`: where the list
separator is `;`, as in much of Europe, a comma-separated file is cut there, quotes or no quotes. An apostrophe that stood
there already gets another one, so the guard can be taken off again without loss: remove one apostrophe wherever the start
of the cell or a `;` is followed by apostrophes and one of those characters.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from dwell.safe.hidden import visible

__all__ = ["BOM", "Cell", "cell", "csv_lines", "csv_text"]

Cell = str | int | None
"""What a cell can hold; None is unknown and gives an empty cell."""

BOM = "\ufeff"
"""Put in front of a file that Excel is to read as UTF-8."""

_TRIGGERS = "=+\\-@＝＋－＠﹢﹣﹦﹫−"
_GUARD = re.compile(rf"(^|;)(?=[\s\"']*(?:[{_TRIGGERS}]|\\[tr]))")
r"""Spaces and quotes before the character do not save the reader; `\t` and `\r` are tab and return made visible."""


def cell(value: Cell) -> str:
    """Give one cell's text: hidden characters made visible, formulas disarmed; numbers of ours stay numbers."""
    if value is None:
        return ""
    if isinstance(value, int):
        return str(value)
    return _GUARD.sub(r"\1'", visible(value))


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Give a table as RFC 4180 text: comma, CRLF, quotes doubled, every record on one line.

    Raises:
        ValueError: a row has more or fewer cells than the header.
    """
    return "".join(csv_lines(header, rows))


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    """Yield the same line by line.

    Raises:
        ValueError: a row has more or fewer cells than the header.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_MINIMAL)
    for row in chain((header,), rows):
        if len(row) != len(header):
            raise ValueError(f"a row of {len(row)} cells under a header of {len(header)}")
        writer.writerow([cell(value) for value in row])
        yield out.getvalue()
        out.seek(0)
        out.truncate()
