"""`key=value` texts of many lines taken apart at once, for firewalls and mail servers that write them.

Every pattern runs once over all lines of a block. What stands between pairs and is no pair is kept under the name `text`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.sources.spread import spread

__all__ = ["ANGLED", "Pairs", "cells_of", "extension_pairs", "pairs_of", "quoted_pairs", "spread_pairs"]

LOOSE = "text"
"""The name of what stands between pairs."""
ANGLED = re.compile(r"([A-Za-z_][\w.-]*)=(?:<([^<>\n]*)>|([^\s,;<]+))|(\n)()")
"""`key=<value>, key=value;` inside a sentence; the sentence itself is kept elsewhere."""
_EXTENSION = re.compile(r"[ \t\n](\x01|[A-Za-z_][\w.\[\]-]*)=")
_MARK = "\n\x01="
_KEY = r"^[A-Za-z_][\w.\[\]-]*$"
_QUOTE, _ESCAPE = b'"\\'


@dataclass(frozen=True, slots=True)
class Pairs:
    """Names and values, line after line.

    Attributes:
        names: the names.
        values: their texts.
        counts: how many each line has.
    """

    names: Sequence[str] | pa.DictionaryArray
    values: Sequence[str] | pa.Array
    counts: npt.NDArray[np.int64]


def pairs_of(texts: pa.Array, pattern: re.Pattern[str]) -> Pairs:
    """Find the pairs of every line; null lines have none."""
    lines = texts.fill_null("").to_pylist()
    found = pattern.findall("\n".join(lines)) if lines else []
    names, one, two, ends, loose = zip(*found, strict=True) if found else ((), (), (), (), ())
    is_end = np.fromiter((end == "\n" for end in ends), np.bool_, len(ends))
    owners = np.cumsum(is_end)[~is_end]
    kept = np.flatnonzero(~is_end).tolist()
    return Pairs(
        [names[at] or LOOSE for at in kept],
        [one[at] or two[at] or loose[at] for at in kept],
        np.bincount(owners, minlength=len(lines)).astype(np.int64),
    )


def cells_of(texts: pa.Array, delimiter: str) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """Cut every line at a character, but not between double quotes; give the cells and the line each is of.

    A cell keeps its quotes. Of a line whose quotes do not match, what follows the last one is one cell.
    """
    texts = pa.concat_arrays([pa.array([], pa.string()), texts.fill_null("")])
    _, edges, data = texts.buffers()
    if data is None or not len(texts):
        return pa.array([""] * len(texts), pa.string()), np.arange(len(texts))
    starts = np.frombuffer(edges, np.int32, len(texts) + 1)
    view = np.frombuffer(data, np.uint8, int(starts[-1]))
    escaped = np.zeros(len(view), np.bool_)
    escaped[1:] = view[:-1] == _ESCAPE
    escaped[starts[:-1][starts[:-1] < len(view)]] = False  # a line's last character escapes nothing in the next one
    quotes = np.flatnonzero((view == _QUOTE) & ~escaped)
    places = np.flatnonzero(view == ord(delimiter))
    owners = np.searchsorted(starts[1:], places, side="right")
    before = np.searchsorted(quotes, starts)
    outside = (np.searchsorted(quotes, places) - before[owners]) % 2 == 0
    cuts = places[outside]
    # a cell runs from its line's start, or from the delimiter before it, to the next of either
    bounds = np.concatenate((starts[:-1], cuts))
    order = np.argsort(bounds, kind="stable")
    whose = np.concatenate((np.arange(len(texts)), owners[outside]))[order]
    is_cut = np.concatenate((np.zeros(len(texts), np.bool_), np.ones(len(cuts), np.bool_)))[order]
    every = np.append(bounds[order], starts[-1]).astype(np.int32)
    cells = pa.StringArray.from_buffers(len(every) - 1, pa.py_buffer(every), data)
    return pc.if_else(pa.array(is_cut), pc.utf8_slice_codeunits(cells, 1), cells), whose


def quoted_pairs(texts: pa.Array) -> Pairs:
    """Find `key=value` and `key="value with blanks"`, parted by blanks; what is neither is kept under `text`."""
    cells, owners = cells_of(texts, " ")
    held = pc.not_equal(cells, "")
    cells, owners = cells.filter(held), owners[held.to_numpy(zero_copy_only=False)]
    halves = pc.split_pattern(cells, "=", max_splits=1)
    ends = halves.offsets.to_numpy()
    flat, first = halves.flatten(), pa.array(ends[:-1])
    keys = flat.take(first).dictionary_encode()
    named = pc.match_substring_regex(keys.dictionary, _KEY).take(keys.indices)
    paired = pc.and_(named, pa.array(np.diff(ends) == 2))
    values = flat.take(pa.array(np.minimum(ends[:-1] + 1, max(len(flat) - 1, 0))))
    quoted = pc.and_(
        pc.starts_with(values, '"'), pc.and_(pc.ends_with(values, '"'), pc.greater(pc.utf8_length(values), 1))
    )
    values = pc.if_else(quoted, pc.utf8_slice_codeunits(values, 1, -1), values)
    values = pc.if_else(paired, values, cells)
    names = pc.if_else(paired, keys.cast(pa.string()), LOOSE).dictionary_encode()
    full = pc.not_equal(values, "")
    counts = np.bincount(owners[full.to_numpy(zero_copy_only=False)], minlength=len(texts)).astype(np.int64)
    return Pairs(names.filter(full), values.filter(full), counts)


def extension_pairs(texts: pa.Array) -> Pairs:
    """Find the pairs of lines whose values hold blanks and end where the next key begins (CEF, LEEF)."""
    lines = [one.replace("\x01", "\\x01") for one in texts.fill_null("").to_pylist()]
    if not lines:
        return Pairs([], [], np.zeros(0, np.int64))
    found = _EXTENSION.split(_MARK + _MARK.join(f" {one}" for one in lines))
    keys, values = found[1::2], found[2::2]
    is_start = np.fromiter((key == "\x01" for key in keys), np.bool_, len(keys))
    owners = np.cumsum(is_start) - 1
    names, texts_out, places = [], [], []
    for key, value, owner in zip(keys, values, owners.tolist(), strict=True):
        text = value.strip().replace("\\=", "=")
        if text:
            names.append(LOOSE if key == "\x01" else key)
            texts_out.append(text)
            places.append(owner)
    counts = np.bincount(np.array(places, np.int64), minlength=len(lines)).astype(np.int64)
    return Pairs(names, texts_out, counts)


def spread_pairs(pairs: Pairs, kinds: Mapping[str, pa.DataType]) -> dict[str, pa.Array]:
    """Put pairs into columns; what has none goes to `extra`."""
    return spread(pairs.names, pairs.values, pairs.counts, kinds)
