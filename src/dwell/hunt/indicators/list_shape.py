"""How a list as text is cut: one value a line, or columns: by a header, by a comment above the rows, or by its values."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from dwell.hunt.indicators.indicator import (
    BadValueError,
    NotApplicableError,
    guessed_kind,
    instant_us,
    kind_of,
    normalised,
    refanged,
)
from dwell.hunt.indicators.list_header import ListHeader, list_header, parts
from dwell.hunt.indicators.list_rows import is_blank

__all__ = ["ASKED_LINES", "Cut", "ListShape", "cells_of", "holds_nothing", "shape_of"]

DELIMITERS = ",;\t"
SAMPLE_ROWS = 500
"""So many rows are asked what their columns are where nothing names them."""
ASKED_LINES = 2 * SAMPLE_ROWS
"""So many lines are looked at for that, comments among them."""
MOST = 0.8
"""What so large a part of a column's cells is, the column is taken to be."""
_STAND_ALONE = frozenset(("address", "network", "hash", "domain", "email"))
"""Kinds that a further column without a name is taken for: links, paths and names of files are mostly said of a value."""
_SEPARATOR = re.compile(r"sep=(.)\Z", re.IGNORECASE)
"""The first line of what a spreadsheet saved."""
_QUOTED_ROW = re.compile(r'\s*"[^"]*"\s*(?:[,;\t]\s*"[^"]*"\s*)+\Z')


class ListShape(NamedTuple):
    """How the rows of a list are cut.

    Attributes:
        delimiter: what stands between cells.
        header: the columns.
    """

    delimiter: str
    header: ListHeader


class Cut(NamedTuple):
    """What the first lines of a list say of it.

    Attributes:
        shape: its columns; None for one value a line.
        begins: the first line that may hold a value, as an index.
        fault: why its columns cannot be told; "" where they can.
        counted: a line that is passed over, and why; "" for none.
    """

    shape: ListShape | None
    begins: int
    fault: str = ""
    counted: str = ""


class _Columns(NamedTuple):
    """What the columns of rows are, as far as their cells tell.

    Attributes:
        kinds: of each column the kind that most of its values are; "" where they are of none.
        words: the column of words for kinds; None where there is none.
        dated: whether some column holds dates.
    """

    kinds: tuple[str, ...]
    words: int | None
    dated: bool


def cells_of(text: str, delimiter: str) -> list[str]:
    """Cut a record into its cells."""
    if '"' not in text:
        return text.split(delimiter)
    try:
        return next(csv.reader(text.splitlines(keepends=True), delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:  # a cell beyond the library's limit: as good as no quotes
        return text.split(delimiter)


def holds_nothing(text: str) -> bool:
    """Say whether a line holds no record."""
    return not text.strip() or text.lstrip().startswith("#")


def shape_of(lines: Sequence[str]) -> Cut | None:
    """Tell how a list is cut by its first lines; None where no line of these holds a record."""
    at = next((at for at, text in enumerate(lines) if not holds_nothing(text)), None)
    if at is None:
        return None
    told = _SEPARATOR.match(lines[at].strip())
    if told is not None:
        rest = next((one for one in range(at + 1, len(lines)) if not holds_nothing(lines[one])), len(lines) - 1)
        return _cut(lines, rest, told[1])
    return _cut(lines, at, DELIMITERS)


def _cut(lines: Sequence[str], at: int, delimiters: str) -> Cut:
    delimiter = max(delimiters, key=lines[at].count)
    first = cells_of(lines[at], delimiter)
    sample = [text for text in lines[at : at + ASKED_LINES] if not holds_nothing(text)][:SAMPLE_ROWS]
    header = list_header(first)
    if header is not None and _names_columns(first, header, [cells_of(text, delimiter) for text in sample[1:]]):
        return Cut(ListShape(delimiter, header), at + 1)
    above = next((lines[one] for one in range(at - 1, -1, -1) if lines[one].strip()), "").lstrip("\ufeff# \t")
    named = cells_of(above, delimiter)
    if len(named) == len(first) > 1 and (header := list_header(named)) is not None:
        return Cut(ListShape(delimiter, header), at)
    return _without_header(sample, at, delimiters)


def _names_columns(first: Sequence[str], header: ListHeader, rows: Sequence[Sequence[str]]) -> bool:
    """Say whether a line that reads as a header is one, and no row that begins with a word for its kind."""
    held = [kind for one in first if (kind := _kind(one))]
    if not rows or any(one not in {"domain", "name"} for one in held):
        return not held  # names of columns are written as `file.hash.md5`, too
    at = header.values[0][0]
    cells = [row[at] for row in rows if len(row) > at and not is_blank(row[at])]
    return not _mostly(sum(map(_is_word, cells)), len(cells))


# By its values ---------------------------------------------------------------------------------------


def _kind(cell: str, *, quoted: bool = False) -> str:
    """Give the kind of a cell; "" for words, numbers and dates, and for agents, which may hold a delimiter themselves."""
    kind = guessed_kind(refanged(cell))
    return "" if kind == "agent" and not quoted else kind


def _is_word(cell: str) -> bool:
    """Say whether a cell is a list's word for a kind."""
    try:
        return bool(kind_of(cell.partition("|")[0]))
    except NotApplicableError:
        return True


def _is_date(cell: str) -> bool:
    try:
        instant_us(cell)
    except BadValueError:
        return False
    return len(cell.strip()) >= 8


def _mostly(number: float, whole: int) -> bool:
    return whole > 0 and number >= MOST * whole


def _columns(rows: Sequence[Sequence[str]], *, quoted: bool) -> _Columns:
    width = max(Counter(map(len, rows)).items(), key=lambda one: (one[1], one[0]))[0]
    kinds, words, dated = [], None, False
    for at in range(width):
        cells = [row[at] for row in rows if len(row) > at and not is_blank(row[at])]
        told = Counter(_kind(one, quoted=quoted) for one in cells)
        held = len(cells) - told.pop("", 0)
        if words is None and _mostly(sum(map(_is_word, cells)), len(cells)):
            words = at
        dated |= _mostly(sum(map(_is_date, cells)), len(cells))
        kinds.append(told.most_common(1)[0][0] if words != at and _mostly(held, len(cells)) else "")
    return _Columns(tuple(kinds), words, dated)


def _without_header(sample: Sequence[str], at: int, delimiters: str) -> Cut:
    """Tell columns by what stands in them; a line whose words are not known may stand above the rows.

    Args:
        sample: lines that hold records.
        at: where the first of them stands in the list.
        delimiters: what may stand between cells.
    """
    alone = _mostly(sum(guessed_kind(refanged(text)) != "" for text in sample), len(sample))
    several = False
    for delimiter in delimiters:
        rows = [cells_of(text, delimiter) for text in sample]
        if not _mostly(sum(len(one) > 1 for one in rows), len(rows)) or not any(map(_is_row, rows)):
            continue
        several = True
        quoted = _mostly(sum(_QUOTED_ROW.match(text) is not None for text in sample), len(sample))
        for skipped in (0, 1) if len(rows) > 1 else (0,):
            header = _header(told := _columns(rows[skipped:], quoted=quoted), rows[skipped:])
            bare = not any(_kind(one, quoted=quoted) for one in rows[0])
            if header is None or (skipped and not bare):
                continue
            if alone and not quoted and not _is_clear(told, rows):
                return Cut(None, at, _UNCLEAR.format(delimiter=repr(delimiter)))
            above = bool(skipped) or (len(rows) > 1 and bare and not any(map(_is_word, rows[0])))
            return Cut(ListShape(delimiter, header), at + above, counted=_HEADING if above else "")
    return Cut(None, at, _UNTOLD if several and not alone else "")


def _is_row(cells: Sequence[str]) -> bool:
    return sum(not is_blank(one) for one in cells) > 1


def _header(told: _Columns, rows: Sequence[Sequence[str]]) -> ListHeader | None:
    """Give the columns of rows that nothing names."""
    held = [at for at, kind in enumerate(told.kinds) if kind]
    if told.words is None:
        taken = [*held[:1], *(at for at in held[1:] if told.kinds[at] in _STAND_ALONE)]
    else:
        taken = _worded(rows, told.words, len(told.kinds))
    if not taken:
        return None
    about = {} if told.words is None else {"kind": told.words}
    left = tuple((at, f"column {at + 1}") for at in held if at not in taken)
    return ListHeader(about, tuple((at, "") for at in taken), left)


def _worded(rows: Sequence[Sequence[str]], words: int, width: int) -> list[int]:
    """Give the column whose values are of the kinds that another one names."""
    held = [row for row in rows if len(row) > words and not is_blank(row[words])]
    order = [*range(words + 1, width), *range(words)]
    fitting = [sum(len(row) > at and _fits(row[words], row[at]) for row in held) for at in order]
    best = max(fitting, default=0)
    return [order[fitting.index(best)]] if _mostly(best, len(held)) else []


def _fits(word: str, cell: str) -> bool:
    """Say whether a cell may be a value of the kind that a word names."""
    try:
        for kind, value in parts(word, refanged(cell)):
            normalised(kind_of(kind), value)
    except NotApplicableError:
        return True
    except BadValueError:
        return False
    return True


def _is_clear(told: _Columns, rows: Sequence[Sequence[str]]) -> bool:
    """Say whether lines that may each be one value as they stand are columns all the same."""
    held = [kind for kind in told.kinds if kind]
    if any(one in _STAND_ALONE for one in held) or told.words is not None or told.dated:
        return True
    # no URL holds a blank
    return held[0] == "url" and any(re.search(r"\S\s+\S", " ".join(row[1:])) for row in rows)


_HEADING = "the first line is taken for the names of columns: it holds no value, and none of its words is known here"
_UNCLEAR = (
    "cannot tell whether {delimiter} stands between columns or within values, and takes each line for one value: name the "
    "columns in a first line ('indicator,description'), or put the values in quotes"
)
_UNTOLD = "cannot tell which column holds the indicators: name the columns in a first line, such as 'indicator,type'"
