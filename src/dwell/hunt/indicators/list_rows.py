"""Rows of a list judged as columns; the rows that do not fit are told, to be judged one by one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.hunt.indicators.gathering import (
    LABEL_CHARS_MAX,
    PLACE_CHARS_MAX,
    ROW_BYTES,
    SAID_CHARS_MAX,
    Gathering,
    marking,
    plain_text,
)
from dwell.hunt.indicators.indicator import (
    KINDS,
    NO_TIME,
    BadValueError,
    NotApplicableError,
    instant_us,
    kind_of,
)
from dwell.hunt.indicators.shapes import UNDECIDED, Bools, Numbers, judged_together, met, refanged_together

__all__ = ["CONTEXT_ONLY", "NO_VALUE", "PRINTABLE", "is_blank", "take_rows"]

CONTEXT_ONLY = "for context only: the list does not mark them as fit for detection (to_ids)"
PRINTABLE = r"\A[ -~]*\z"
_CLOCK = r"\A[12][0-9]{3}-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-5][0-9]:[0-5][0-9](?:\.[0-9]{6})?(?:Z|\+00:00)?\z"
_UNSAID, _ALONE, _NOT_HELD = -1, -2, -3


NO_VALUE = r"(?i)\A[\t ]*(?:-|n/a|none|null)?[\t ]*\z"
"""Cells in which nothing stands, as lists write that; as RE2."""
_NO_VALUE = re.compile(NO_VALUE.replace(r"\z", r"\Z"))


class _Words(NamedTuple):
    """The kinds that the words of rows mean.

    Attributes:
        codes: of each row an index into `KINDS`, or `_UNSAID`, `_ALONE` (to be judged one by one), `_NOT_HELD`.
        words: of each row the number of its word.
        reasons: of each word why it is not looked for.
    """

    codes: Numbers
    words: Numbers
    reasons: list[str]


def is_blank(cell: str) -> bool:
    """Say whether nothing stands in a cell."""
    return not cell.strip() or _NO_VALUE.match(cell) is not None


def _kinds(cells: pa.StringArray, named: str) -> _Words:
    coded = cells.dictionary_encode()
    words = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    told = [_kind(one.strip() or named) for one in coded.dictionary.to_pylist()]
    codes = np.array([code for code, _ in told], np.int64)
    return _Words(codes[words] if told else np.zeros(0, np.int64), words, [reason for _, reason in told])


def _kind(word: str) -> tuple[int, str]:
    if not word:
        return _UNSAID, ""
    if "|" in word:
        return _ALONE, ""
    try:
        kind = kind_of(word)
    except NotApplicableError as reason:
        return _NOT_HELD, str(reason)
    return (KINDS.index(kind) if kind else _ALONE), ""


def _by_text(cells: pa.StringArray, give: Callable[[str], object], kind: pa.DataType) -> pa.Array:
    """Give what each text means, asking once for each that is different."""
    coded = cells.dictionary_encode()
    return pa.array([give(one) for one in coded.dictionary.to_pylist()], kind).take(coded.indices)


def _instant(text: str, *, end: bool) -> int | None:
    try:
        return NO_TIME if is_blank(text) else instant_us(text, end=end)
    except BadValueError:
        return None


def _instants(cells: pa.StringArray, *, end: bool) -> tuple[Numbers, Bools]:
    """Give microseconds since 1970, `NO_TIME` for no text, and say which texts are no instants."""
    coded = cells.dictionary_encode()
    texts = coded.dictionary
    out = np.full(len(texts), NO_TIME, np.int64)
    bad = np.zeros(len(texts), np.bool_)
    clock = met(texts, _CLOCK)
    try:
        plain = pc.replace_substring_regex(texts.filter(pa.array(clock)), r"(?:Z|\+00:00)\z", "")
        out[clock] = plain.cast(pa.timestamp("us")).cast(pa.int64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:  # one of them is the 30th of February, say
        clock[:] = False
    for at in np.flatnonzero(~clock).tolist():
        found = _instant(texts[at].as_py(), end=end)
        bad[at] = found is None
        out[at] = NO_TIME if found is None else found
    rows = coded.indices.to_numpy(zero_copy_only=False)
    return (out[rows], bad[rows]) if len(texts) else (np.zeros(0, np.int64), np.zeros(0, np.bool_))


def _judged(values: pa.StringArray, codes: Numbers) -> tuple[Numbers, pa.StringArray]:
    """Tell values by their shapes, those of each kind together.

    Returns:
        The kind of each, or `UNDECIDED`, and the form that matching uses.
    """
    kinds = np.full(len(values), UNDECIDED, np.int64)
    where: list[Numbers] = [np.zeros(0, np.int64)]
    normal = [pa.array([], pa.string())]
    for code in np.unique(codes).tolist():
        at = np.flatnonzero(codes == code)
        kinds[at], form = judged_together(values.take(pa.array(at)), "" if code == _UNSAID else KINDS[code])
        where.append(at)
        normal.append(form)
    back = np.argsort(np.concatenate(where), kind="stable")
    return kinds, pa.concat_arrays(normal).take(pa.array(back))


def _placed(places: pa.StringArray, ids: pa.StringArray) -> pa.StringArray:
    """Give the places of rows that have an id of their own."""
    told = pc.utf8_slice_codeunits(pc.ascii_trim(ids, characters=" "), 0, 100)
    whole = pc.utf8_slice_codeunits(pc.binary_join_element_wise(places, told, " "), 0, PLACE_CHARS_MAX)
    return pc.if_else(pc.equal(ids, ""), places, whole)


def _windows(cells: Mapping[str, pa.StringArray], nothing: pa.StringArray) -> tuple[Numbers, Numbers, Bools]:
    """Give both ends of each window, and say which cannot be used."""
    begins, bad = _instants(cells.get("from", nothing), end=False)
    ends, worse = _instants(cells.get("until", nothing), end=True)
    return begins, ends, bad | worse | ((begins != NO_TIME) & (ends != NO_TIME) & (ends < begins))


def _size(source: str, column: Mapping[str, pa.Array]) -> int:
    """Give what rows take in memory, as `Gathering` counts it."""
    texts = sum(pc.sum(pc.utf8_length(column[one])).as_py() or 0 for one in ("value", "written", "label", "place"))
    said = pc.utf8_length(column["source"]).to_numpy(zero_copy_only=False)
    return int(texts + (said + 3 * (said > 0)).sum() + len(said) * (len(source) + ROW_BYTES))


def take_rows(cells: Mapping[str, pa.StringArray], places: pa.StringArray, named: str, out: Gathering) -> Bools:
    """Take what can be judged together.

    Args:
        cells: columns by meaning, `value` among them; a cell that a row does not have is empty.
        places: where each row lies in the list.
        named: the word for the kind of rows without one; "" to tell by the value.
        out: takes the values.

    Returns:
        Which rows have to be judged one by one; nothing of theirs was taken or counted.
    """
    nothing = pa.array([""], pa.string()).take(pa.array(np.zeros(len(places), np.int64)))
    begins, ends, alone = _windows(cells, nothing)
    alone |= ~met(cells["value"], PRINTABLE)
    words = _kinds(cells.get("kind", nothing), named)
    alone |= words.codes == _ALONE
    if "id" in cells:
        alone |= ~met(cells["id"], PRINTABLE)
        places = _placed(places, cells["id"])
    context = np.zeros(len(places), np.bool_)
    if "toids" in cells:
        told = _by_text(cells["toids"], lambda one: one.strip().lower() in {"0", "false", "no"}, pa.bool_())
        context = told.to_numpy(zero_copy_only=False)
        out.count(CONTEXT_ONLY, int((context & ~alone).sum()))
    unheld = ~alone & ~context & (words.codes == _NOT_HELD)
    for word, number in zip(*np.unique(words.words[unheld], return_counts=True), strict=True):
        out.count(words.reasons[word], int(number))
    rows = np.flatnonzero(~alone & ~context & ~unheld)
    written, left = refanged_together(cells["value"].take(pa.array(rows)))
    alone[rows[left]] = True
    kinds, value = _judged(written, words.codes[rows])
    alone[rows[kinds == UNDECIDED]] = True
    good = ~left & (kinds != UNDECIDED)
    rows, chosen = rows[good], pa.array(good)
    at = pa.array(rows)
    column = {
        "kind": pa.DictionaryArray.from_arrays(pa.array(kinds[good]), pa.array(KINDS, pa.string())).cast(pa.string()),
        "value": value.filter(chosen),
        "written": written.filter(chosen),
        "label": _by_text(
            cells.get("label", nothing).take(at), lambda one: plain_text(one, LABEL_CHARS_MAX), pa.string()
        ),
        "source": _by_text(
            cells.get("source", nothing).take(at), lambda one: plain_text(one, SAID_CHARS_MAX), pa.string()
        ),
        "place": places.take(at),
        "tlp": _by_text(cells.get("tlp", nothing).take(at), marking, pa.string()),
        "from_us": pa.array(begins[rows]),
        "until_us": pa.array(ends[rows]),
    }
    size = _size(out.source, column)
    room = out.room(len(rows), size)
    if room < 0:
        alone[rows] = True
    elif room:
        out.take_together(column, size)
    elif len(rows):
        out.count_beyond(len(rows))
    return alone
