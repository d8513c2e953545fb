"""Blobs of `key=value;` inside one column of an Exchange log, as a map beside the raw text.

Entries stand between semicolons. A key may start with the type of its value (`S:`, `Dbl:`, `I32:`, `I64:`, `F:`,
`Ts:`), which is left out of the map, and may hold a bracket in which semicolons and equals signs are text
(`ATE.C[DC=1;x]`). An entry that holds a semicolon is put into single quotes as a whole, quotes in it doubled. A value
may hold equals signs. An entry without one is a key without a value. A key that comes again is numbered (`#2`), so that
none hides another.

Whoever writes a value can write a semicolon where the logger did not quote: the map shows what a reader of the log
would see, the raw text what stands there.

Columns are cut as arrays; only texts with quotes, brackets that matter or repeated keys are looked at one by one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.sources.columns import flat
from dwell.sources.source import EXTRA

__all__ = ["BLOB", "CONTEXT", "ORIGIN", "Grammar", "blob_map", "cut"]

_TYPE = r"(?:S|Dbl|I32|I64|F|Ts):"
_TYPED = re.compile(_TYPE)
_KEY = r"(?:[^;=\[]++|\[[^\[\]]{0,255}\]|\[)*+"
_QUOTED = re.compile(r"'((?:[^']++|'')*+)'(?=;|\Z)")
_PLAIN = re.compile(rf"({_KEY})(?:=([^;]*+))?+", re.DOTALL)
_QUOTED_VALUE = re.compile(rf'({_KEY})="((?:[^"]++|"")*+)"(?=;|\Z)', re.DOTALL)
_WHOLE = re.compile(r"((?:[^=\[]++|\[[^\[\]]{0,255}\]|\[)*+)(?:=(.*))?", re.DOTALL)
_ODD = r"(?:^|;)'|\[[^\[\];=]*[;=]"
Pair = tuple[str, str | None]


@dataclass(frozen=True, slots=True)
class Grammar:
    """How entries, keys and values are told apart.

    Attributes:
        between: what stands between entries.
        equals: what stands between key and value.
        odd: which texts have to be looked at one by one; "" for none.
        quoted_values: whether a value may stand in double quotes.
    """

    between: str = ";"
    equals: str = "="
    odd: str = _ODD
    quoted_values: bool = False


BLOB = Grammar()
"""`GenericInfo`, `custom-data`, `EventData`."""
CONTEXT = Grammar(odd=_ODD + '|="', quoted_values=True)
"""The `context` of POP and IMAP, where values may stand in double quotes."""
ORIGIN = Grammar(between=", ", equals=":", odd="")
"""The `source-context` of the store driver: `MDB:…, Mailbox:…, ClientType:…`."""


def _entries(text: str, *, quoted_values: bool) -> Iterator[Pair]:
    at = 0
    while at < len(text):
        quoted = _QUOTED.match(text, at) if text[at] == "'" else None
        valued = _QUOTED_VALUE.match(text, at) if quoted_values and quoted is None else None
        if quoted is not None:
            whole = _WHOLE.fullmatch(quoted[1].replace("''", "'"))
            yield (whole[1], whole[2]) if whole is not None else (quoted[1], None)
            at = quoted.end() + 1
        elif valued is not None:
            yield valued[1], valued[2].replace('""', '"')
            at = valued.end() + 1
        else:
            plain = _PLAIN.match(text, at)
            end = plain.end() if plain is not None else len(text)
            if plain is not None and end > at:
                yield plain[1], plain[2]
            at = end + 1


def _numbered(pairs: Iterator[Pair]) -> list[Pair]:
    """Take the types off the keys and number the repeats."""
    out: list[Pair] = []
    held: set[str] = set()
    following: dict[str, int] = {}
    for key, value in pairs:
        bare = unique = _TYPED.sub("", key, count=1) if _TYPED.match(key) else key
        while unique in held:
            count = following[bare] = following.get(bare, 1) + 1
            unique = f"{bare}#{count}"
        held.add(unique)
        out.append((unique, value))
    return out


def cut(text: str, grammar: Grammar = BLOB) -> list[Pair]:
    """Cut one text into keys and values, in its order."""
    if grammar.odd:
        return _numbered(_entries(text, quoted_values=grammar.quoted_values))
    parts = (one.partition(grammar.equals) for one in text.split(grammar.between) if one)
    return _numbered((key, value if mark else None) for key, mark, value in parts)


def blob_map(column: pa.Array | pa.ChunkedArray, grammar: Grammar = BLOB, only: str = "") -> pa.Array:
    """Give the map of each text of a column; null where there is no text.

    Args:
        column: the texts.
        grammar: how they are written.
        only: a pattern; other texts are no blobs and have no map.
    """
    text = flat(column)
    none = pa.scalar(None, pa.string())
    if only:
        text = pc.if_else(pc.match_substring_regex(text, only), text, none)
    if text.null_count == len(text):
        return pa.nulls(len(text), EXTRA.type)
    odd = np.zeros(len(text), dtype=np.bool_)
    if grammar.odd:
        found = pc.match_substring_regex(text, grammar.odd).fill_null(fill_value=False)
        odd = found.to_numpy(zero_copy_only=False).copy()
    easy = pc.if_else(pa.array(odd), none, text) if odd.any() else text
    maps, repeating = _cut_at_once(easy, grammar)
    odd |= repeating
    if not odd.any():
        return maps
    places = np.flatnonzero(odd)
    single = pa.array([cut(one, grammar) for one in text.take(pa.array(places)).to_pylist()], EXTRA.type)
    order = np.arange(len(text))
    order[places] = len(text) + np.arange(len(places))
    return pa.concat_arrays([maps, single]).take(pa.array(order))


def _cut_at_once(text: pa.Array, grammar: Grammar) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    """Cut texts without quotes; say which of them repeat a key."""
    lists = pc.split_pattern(text, grammar.between)
    entries = lists.flatten()
    rows = pc.list_parent_indices(lists)
    filled = pc.not_equal(entries, "")
    if pc.any(pc.invert(filled)).as_py():
        entries, rows = entries.filter(filled), rows.filter(filled)
    parts = pc.split_pattern(entries, grammar.equals, max_splits=1)
    starts = parts.offsets.to_numpy()
    pieces = parts.flatten()
    whole = np.diff(starts) == 2
    values = pieces.take(pa.array(np.where(whole, starts[:-1] + 1, 0), mask=~whole))
    keys = pieces.take(pa.array(starts[:-1])).dictionary_encode()
    bare = pc.replace_substring_regex(keys.dictionary, f"^{_TYPE}", "").dictionary_encode()
    codes = bare.indices.to_numpy()[keys.indices.to_numpy()]
    parents = rows.to_numpy()
    ends = np.searchsorted(parents, np.arange(len(text) + 1)).astype(np.int32)
    missing = np.append(text.is_null().to_numpy(zero_copy_only=False), False)
    maps = pa.MapArray.from_arrays(
        pa.array(ends, pa.int32(), mask=missing), bare.dictionary.take(pa.array(codes)), values
    )
    repeating = np.zeros(len(text), dtype=np.bool_)
    together = np.sort(parents.astype(np.int64) * (len(bare.dictionary) + 1) + codes)
    again = together[1:][np.diff(together) == 0]
    repeating[again // (len(bare.dictionary) + 1)] = True
    return maps, repeating
