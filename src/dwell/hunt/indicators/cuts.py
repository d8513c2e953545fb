"""The values that texts of a column hold, taken out of all texts at once where they have a common shape.

What it gives is what `dwell.hunt.indicators.values` gives text by text; tests compare both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.lexicon import coded
from dwell.archive.percent import decoded
from dwell.hunt.indicators.audit_parts import audit_parts
from dwell.hunt.indicators.places import AUDIT_RECORD
from dwell.hunt.indicators.shapes import AGENT_CHARS, Bools, Numbers, met, plain_agents, plain_urls, url_shaped
from dwell.hunt.indicators.values import CLOCK, EXACT, INSIDE, LIKELY, url_keys

__all__ = ["Spread", "cut", "entries", "likely", "pages", "spread"]

Pieces = tuple[pa.StringArray, Numbers]
"""Values, and the number of the text that each is from."""

_ENCODED = r"%(?:2[EeFf]|3[Aa]|40|5[Cc])"
"""What stands in values, written as links carry it."""
_CHARS_MAX = 2_048
"""Longer texts are looked at one by one."""
_HOST = r"[a-z0-9_-]+(?:\.[a-z0-9_-]+){0,32}"
# a colon without a port behind it may be a scheme's, and what follows no host of the common shape
_PLACE = rf"\A(?:[a-z][a-z0-9+.-]*://)?{_HOST}(?::[0-9]+)?(?:[/?#][!-~]*)?\z"
_EMAIL = r"\A[a-z0-9._%+-]{1,120}@[a-z0-9-]+(?:\.[a-z0-9-]+)*\z"


def _agents(lower: pa.StringArray) -> Iterator[tuple[Bools, pa.StringArray]]:
    fits = met(lower, AGENT_CHARS)
    yield fits, plain_agents(lower.filter(pa.array(fits)))


def _paths(lower: pa.StringArray) -> Iterator[tuple[Bools, pa.StringArray]]:
    fits = met(lower, r"\A[!-~](?:[ -~]*[!-~])?\z")
    plain = pc.replace_substring(lower.filter(pa.array(fits)), "/", "\\")
    plain = pc.replace_substring_regex(plain, r"\A\\\?\?\\", "")
    plain = pc.replace_substring_regex(plain, r"\A\\\\\?\\", "")
    yield fits, plain
    yield fits, pc.replace_substring_regex(plain, r"\A.*\\", "")


def _domains(lower: pa.StringArray) -> Iterator[tuple[Bools, pa.StringArray]]:
    # `http://name@host` is of the shape too, with `http` for its host: who signs in stands before the host
    fits = met(lower, _PLACE) & ~pc.match_substring(lower, "@").to_numpy(zero_copy_only=False)
    host = pc.replace_substring_regex(lower.filter(pa.array(fits)), r"\A[a-z][a-z0-9+.-]*://", "")
    host = pc.replace_substring_regex(host, r"[/?#:].*\z", "")
    yield fits, pc.if_else(pc.match_substring(host, "."), host, pa.scalar(None, pa.string()))
    dotted = met(host, r"\..*\.")
    while dotted.any():
        fits = fits.copy()
        fits[np.flatnonzero(fits)[~dotted]] = False
        host = pc.replace_substring_regex(host.filter(pa.array(dotted)), r"\A[^.]*\.", "")
        yield fits, host
        dotted = met(host, r"\..*\.")


def _emails(lower: pa.StringArray) -> Iterator[tuple[Bools, pa.StringArray]]:
    whole = met(lower, _EMAIL) & pc.less(pc.binary_length(lower), 256).to_numpy(zero_copy_only=False)
    yield whole, lower.filter(pa.array(whole))
    none = ~pc.match_substring(lower, "@").to_numpy(zero_copy_only=False)
    yield none, pa.nulls(int(none.sum()), pa.string())


def _hashes(lower: pa.StringArray) -> Iterator[tuple[Bools, pa.StringArray]]:
    none = ~met(lower, r"[0-9a-f]{32}")
    yield none, pa.nulls(int(none.sum()), pa.string())


def _urls(lower: pa.StringArray) -> Iterator[tuple[Bools, pa.StringArray]]:
    fits = url_shaped(lower)
    plain = plain_urls(lower.filter(pa.array(fits)))
    yield fits, plain
    yield fits, pc.replace_substring_regex(plain, r"\?.*\z", "")


def _pages(lower: pa.StringArray) -> Iterator[tuple[Bools, pa.StringArray]]:
    fits = url_shaped(lower)
    yield fits, pc.replace_substring_regex(plain_urls(lower.filter(pa.array(fits))), r"\?.*\z", "")


_TOGETHER: Mapping[str, Callable[[pa.StringArray], Iterator[tuple[Bools, pa.StringArray]]]] = {
    "agent": _agents,
    "path": _paths,
    "domain": _domains,
    "email": _emails,
    "hash": _hashes,
    "url": _urls,
    "page": _pages,
}
"""For a column of texts in lower case: which of them have a shape, and a value of each; null for none."""


def _cut(
    values: pa.StringArray,
    together: Callable[[pa.StringArray], Iterator[tuple[Bools, pa.StringArray]]] | None,
    alone: Callable[[str], list[str]],
) -> Pieces:
    left = np.ones(len(values), np.bool_)
    keys = [pa.array([], pa.string())]
    texts = [np.zeros(0, np.int64)]
    if together is not None:
        short = pc.less_equal(pc.binary_length(values), _CHARS_MAX) if len(values) else pa.array([], pa.bool_())
        rows = np.flatnonzero(short.to_numpy(zero_copy_only=False) & met(values, r"\A[ -~]*\z"))
        for fits, found in together(pc.ascii_lower(values.take(pa.array(rows)))):
            left[rows[fits]] = False
            held = found.is_valid()
            keys.append(found.filter(held))
            texts.append(rows[fits][held.to_numpy(zero_copy_only=False)])
    more: list[str] = []
    whose: list[int] = []
    rest = np.flatnonzero(left)
    for at, text in zip(rest.tolist(), values.take(pa.array(rest)).to_pylist(), strict=True):
        cuts = alone(text)
        more += cuts
        whose += [at] * len(cuts)
    return pa.concat_arrays([*keys, pa.array(more, pa.string())]), np.concatenate([*texts, np.array(whose, np.int64)])


def cut(family: str, values: pa.StringArray, *, inside: bool) -> Pieces:
    """Take the values of a family out of texts.

    Args:
        family: which values.
        values: the texts.
        inside: whether they may be about anything; otherwise they are about that family.
    """
    if inside:
        # few texts hold any: those are looked at one by one
        rows = likely(family, values)
        found, texts = _cut(values.take(pa.array(rows)), None, lambda one: list(INSIDE[family](one)))
        encoded = np.flatnonzero(met(values, _ENCODED)) if len(values) else rows[:0]
        if not len(encoded):
            return found, rows[texts]
        plain = decoded(values.take(pa.array(encoded)))
        again = likely(family, plain)
        more, whose = _cut(plain.take(pa.array(again)), None, lambda one: list(INSIDE[family](one)))
        return pa.concat_arrays([found, more]), np.concatenate([rows[texts], encoded[again[whose]]])
    return _cut(values, _TOGETHER[family], lambda one: list(EXACT[family](one)))


def likely(family: str, values: pa.StringArray) -> Numbers:
    """Give the numbers of the texts that may hold a value of a family."""
    held = met(values, LIKELY[family]) if len(values) else np.zeros(0, np.bool_)
    if family == "address":
        held &= ~met(values, CLOCK)
    return np.flatnonzero(held)


def pages(values: pa.StringArray) -> Pieces:
    """Give the URL that a text is, without its query."""
    return _cut(values, _TOGETHER["page"], lambda one: url_keys(one)[-1:])


def entries(column: pa.ChunkedArray) -> tuple[Numbers, pa.StringArray, pa.StringArray]:
    """Give row, key and value of every entry of a map; entries without a value are left out."""
    whole = column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays([*column.chunks, pa.array([], column.type)])
    listed = whole.cast(pa.list_(whole.type.field(0).type))
    counts = pc.list_value_length(listed).fill_null(0).to_numpy(zero_copy_only=False)
    rows = np.repeat(np.arange(len(whole)), counts)
    flat = listed.flatten()
    keys, values = flat.field(0), flat.field(1)
    if not values.null_count:
        return rows, keys.cast(pa.string()), values.cast(pa.string())
    held = np.flatnonzero(values.is_valid().to_numpy(zero_copy_only=False))
    chosen = pa.array(held)
    return rows[held], keys.take(chosen).cast(pa.string()), values.take(chosen).cast(pa.string())


class Spread(NamedTuple):
    """What a place holds, each different text once.

    Attributes:
        rows: the row of each value.
        codes: which text it is.
        labels: the name of each value, as long as `rows`; one for all where the place is a column.
        values: the texts.
    """

    rows: Numbers
    codes: Numbers
    labels: pa.Array | pa.Scalar
    values: pa.StringArray


def spread(column: pa.ChunkedArray, place: str) -> Spread:
    """Give what a column, a map, or the JSON of audit records holds."""
    if place == AUDIT_RECORD:
        rows, labels, texts = audit_parts(column)
    elif pa.types.is_map(column.type):
        rows, labels, texts = entries(column)
    else:
        array = coded(column)
        codes = array.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        rows = np.flatnonzero(codes >= 0)
        return Spread(rows, codes[rows], pa.scalar(place), array.dictionary.cast(pa.string()))
    told = texts.dictionary_encode()
    return Spread(rows, told.indices.to_numpy(zero_copy_only=False).astype(np.int64), labels, told.dictionary)
