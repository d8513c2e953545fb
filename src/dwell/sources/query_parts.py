"""Exchange's own parts of a web query as columns: what a client asks for, and what the server appends.

A part is a key, `=` and a value. A key stands at the start or behind `?`, `&` or `;`, in any case; a value ends at `&` or
`;`, that of `Log` at `&` alone. What a client writes (`OF_CLIENT`) counts where it stands first, what the server appends
(`OF_SERVER`) where it stands last. A value is decoded once where it is percent-encoded, unless that gives a control
character or no UTF-8; a `+` stays a `+`, as it stands for a blank or for itself. Empty values, and `<empty>`, are none.

`Log` is what the ActiveSync server says of a request, in tokens between underscores: a text behind a colon, or a number
without one (`V141_Fc1_Fid:5_Ty:Em_Srv:6a0c0d`). It becomes a map in the order of the tokens; a token that comes again, as
those of every further folder do, is numbered (`Fid#2`).

A query of ActiveSync in base64 (`eas_query`) is one part that stands for four; what follows it is cut as usual.

All bytes are looked at at once. Values are decoded and tokens cut by distinct text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.provenance import Fact, FactKind
from dwell.sources.eas_query import HEAD, decoded
from dwell.sources.lines import by_file

__all__ = [
    "LOG",
    "LOG_KIND",
    "OF_CLIENT",
    "OF_SERVER",
    "TEXTS",
    "QueryParts",
    "query_parts",
    "repeats",
    "sparing",
    "undecoded",
]

OF_CLIENT = ("Cmd", "User", "DeviceId", "DeviceType", "MailboxId", "action", "SoapAction", "ns", "ev", "schema")
"""Parts by which a client says what it wants."""
OF_SERVER = ("CorrelationID", "ActID", "ClientId")
"""Parts that Exchange appends; `Log` is one of them."""
TEXTS = (*OF_CLIENT, *OF_SERVER)
LOG = "Log"
LOG_KIND = pa.map_(pa.string(), pa.string())
_NONE = b"<empty>"
_SHORT = {"Cmd": "command", "User": "user", "DeviceId": "device_id", "DeviceType": "device_type"}
"""Parts that a query of ActiveSync in base64 holds."""
_MAY_BE_SHORT = np.isin(np.arange(256), [ord(one) for one in "?ejo"])
"""How such a query begins; `eas_query.HEAD` says more."""

_SAMPLE = 4_096
_WORD = 8
_PAD = 16
"""Longer than any key: what stands before the first byte is nobody's."""
_SMALL = np.uint64(0x2020_2020_2020_2020)
"""The bit that tells a small letter from a capital one, in each of eight bytes."""
_EQUALS, _AND, _SEMICOLON, _PERCENT = (ord(one) for one in "=&;%")
_BEFORE = np.isin(np.arange(256), [ord(one) for one in "?&;"])
_DIGITS = np.full(256, -1, np.int16)
for _text, _value in ((f"{number:{kind}}", number) for number in range(16) for kind in "xX"):
    _DIGITS[ord(_text)] = _value
_LOGGED = r"(?s)^(?:(?P<named>[^:]+):(?P<text>.*)|(?P<counted>[A-Za-z]+)(?P<number>[0-9]+)|(?P<bare>.*))$"

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class QueryParts:
    """What queries hold.

    Attributes:
        texts: a coded column of text for each of `TEXTS`, null where a query has no such part.
        log: the tokens of `Log`, null where a query has none.
        repeated: queries in which a part stands more than once, ascending; what is no column is in the query alone.
        undecoded: queries that begin like one of ActiveSync in base64 and are none, ascending.
    """

    texts: Mapping[str, pa.DictionaryArray]
    log: pa.MapArray
    repeated: Places
    undecoded: Places


@dataclass(frozen=True, slots=True)
class _Queries:
    """Queries as bytes.

    Attributes:
        view: all of them, one behind another.
        starts: where each begins, and where the last ends.
        padded: the same with `_PAD` bytes before them.
        equals: where `=` stands.
        stops: where `&` or `;` stands.
    """

    view: Bytes
    starts: Places
    padded: Bytes
    equals: Places
    stops: Places

    @classmethod
    def of(cls, queries: pa.StringArray) -> _Queries:
        starts = np.frombuffer(queries.buffers()[1], np.int32)[queries.offset : queries.offset + len(queries) + 1]
        view = np.frombuffer(queries.buffers()[2], np.uint8)[starts[0] : starts[-1]]
        padded = np.concatenate((np.zeros(_PAD, np.uint8), view))
        stops = np.flatnonzero((view == _AND) | (view == _SEMICOLON))
        return cls(view, starts.astype(np.int64) - int(starts[0]), padded, np.flatnonzero(view == _EQUALS), stops)

    def words(self, places: Places) -> npt.NDArray[np.uint64]:
        """Give the eight bytes before each place, letters in lower case."""
        every = np.ndarray((len(self.padded) - _WORD + 1,), "<u8", self.padded, strides=(1,))
        return np.asarray(every[places + (_PAD - _WORD)] | _SMALL, np.uint64)

    def rows_of(self, places: Places) -> Places:
        """Give the query that each place is in."""
        return np.asarray(np.searchsorted(self.starts, places, side="right") - 1, np.int64)

    def ends(self, places: Places, rows: Places, stops: Places) -> Places:
        """Give where the values that begin at places end."""
        at = np.searchsorted(stops, places)
        return np.asarray(np.minimum(np.append(stops, len(self.view))[at], self.starts[rows + 1]), np.int64)


def sparing(queries: pa.StringArray) -> pa.StringArray | pa.DictionaryArray:
    """Give many queries coded unless, by the first of them, nearly all differ, so that each is looked at once.

    A few stay as they are: rows of small logs are put together, which takes longer where some are coded and others not.
    """
    sample = queries.slice(0, _SAMPLE)
    # of the rest more come again than of these
    often = len(sample) == _SAMPLE and pc.count_distinct(sample).as_py() * 8 <= _SAMPLE * 7
    return queries.dictionary_encode() if often else queries


def query_parts(queries: pa.StringArray | pa.DictionaryArray) -> QueryParts:
    """Find the parts of each query; a null query has none."""
    if not pa.types.is_dictionary(queries.type):
        return _parts(queries)
    found, codes = _parts(queries.dictionary), queries.indices
    texts = {
        name: pa.DictionaryArray.from_arrays(one.indices.take(codes), one.dictionary)
        for name, one in found.texts.items()
    }
    log = found.log.take(codes) if found.log.null_count < len(found.log) else pa.nulls(len(codes), LOG_KIND)
    places = codes.fill_null(-1).to_numpy(zero_copy_only=False)
    return QueryParts(
        texts, log, *(_of_codes(one, places, len(found.log)) for one in (found.repeated, found.undecoded))
    )


def _of_codes(chosen: Places, codes: npt.NDArray[np.int32], size: int) -> Places:
    """Give the rows whose query is one of some distinct ones; code -1 is none."""
    flags = np.zeros(size + 1, np.bool_)
    flags[chosen] = True
    return np.flatnonzero(flags[codes])


def _parts(queries: pa.StringArray) -> QueryParts:
    count = len(queries)
    none = pa.DictionaryArray.from_arrays(pa.nulls(count, pa.int32()), pa.array([], pa.string()))
    texts: dict[str, pa.DictionaryArray] = dict.fromkeys(TEXTS, none)
    log = pa.nulls(count, LOG_KIND)
    if not count or queries.buffers()[2] is None:
        return QueryParts(texts, log, np.zeros(0, np.int64), np.zeros(0, np.int64))
    held = _Queries.of(queries)
    words = held.words(held.equals)
    repeated = [np.zeros(0, np.int64)]
    for name in (*TEXTS, LOG):
        found = _values(held, words, name)
        if found is None:
            continue
        rows, starts, ends = found
        again = rows[1:] == rows[:-1]
        repeated.append(rows[1:][again])
        chosen = np.append(~again, True) if name not in OF_CLIENT else np.append(True, ~again)
        values = _gathered(held.view, starts[chosen], ends[chosen])
        if name == LOG:
            log = _tokens(values, rows[chosen], count)
        else:
            texts[name] = _spread(values, rows[chosen], count)
    short, undecoded = _short_forms(held, queries)
    for name, (rows, values) in short.items():
        repeated.append(rows[np.asarray(texts[name].indices.is_valid())[rows]])
        texts[name] = _put(texts[name], rows, values)
    return QueryParts(texts, log, np.unique(np.concatenate(repeated)), undecoded)


def _short_forms(held: _Queries, queries: pa.StringArray) -> tuple[dict[str, tuple[Places, pa.Array]], Places]:
    """Read queries of ActiveSync in base64: rows and values by part, and the rows that only begin like one."""
    first = held.padded[np.minimum(held.starts[:-1] + _PAD, len(held.padded) - 1)]
    rows = np.flatnonzero(_MAY_BE_SHORT[first])
    heads = pc.struct_field(pc.extract_regex(queries.take(pa.array(rows)), HEAD), [0]) if len(rows) else pa.array([])
    met = heads.is_valid().to_numpy(zero_copy_only=False)
    if not met.any():
        return {}, np.zeros(0, np.int64)
    coded = heads.filter(pa.array(met)).dictionary_encode()
    rows, codes = rows[met], coded.indices.to_numpy()
    found = [decoded(one) for one in coded.dictionary.to_pylist()]
    out = {}
    for name, attribute in _SHORT.items():
        values = pa.array([None if one is None else getattr(one, attribute) for one in found], pa.string()).take(
            coded.indices
        )
        known = values.is_valid().to_numpy(zero_copy_only=False)
        out[name] = (rows[known], values.filter(pa.array(known)))
    bad = np.array([one is None for one in found], np.bool_)[codes]
    return out, rows[bad]


def _put(column: pa.DictionaryArray, rows: Places, values: pa.Array) -> pa.DictionaryArray:
    """Put values into some rows of a coded column; equal texts stay one."""
    if not len(rows):
        return column
    new = values.dictionary_encode()
    codes = column.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    codes[rows] = new.indices.to_numpy() + len(column.dictionary)
    whole = pa.concat_arrays([column.dictionary, new.dictionary]).dictionary_encode()
    missing = codes < 0
    places = whole.indices.take(pa.array(np.where(missing, 0, codes))).to_numpy()
    return pa.DictionaryArray.from_arrays(pa.array(places.astype(np.int32), mask=missing), whole.dictionary)


def undecoded(numbers: Iterable[int], seams: Places) -> list[Fact]:
    """Tell, for each file, of ActiveSync's queries in base64 that cannot be read; `seams` as in `Hint`."""
    detail = (
        "queries of ActiveSync that begin like base64 and cannot be read: they stay as they are in the query's column"
    )
    return [Fact(FactKind.UNDECODED, one[0], None, None, len(one), detail) for one in by_file(sorted(numbers), seams)]


def repeats(numbers: Iterable[int], seams: Places) -> list[Fact]:
    """Tell, for each file, of the records whose query has a part twice; `seams` as in `Hint`."""
    detail = "a part of the query stands twice: a client's first and a server's last are in its column"
    return [Fact(FactKind.REPEATED, one[0], None, None, len(one), detail) for one in by_file(sorted(numbers), seams)]


def _values(held: _Queries, words: npt.NDArray[np.uint64], name: str) -> tuple[Places, Places, Places] | None:
    """Find the values of a key that are not empty: query, start and end of each; None where there are none."""
    key = name.lower().encode()
    tail = np.frombuffer(key[-_WORD:].rjust(_WORD, b"\0"), "<u8")[0]
    left = np.uint64(8 * max(0, _WORD - len(key)))
    met = np.flatnonzero((words >> left) == (tail >> left))
    if not len(met):
        return None
    equals = held.equals[met]
    if len(key) > _WORD:
        head = np.frombuffer(key[:_WORD], "<u8")[0]
        equals = equals[held.words(equals - (len(key) - _WORD)) == head]
    rows = held.rows_of(equals)
    begins = equals - len(key)
    first = held.starts[rows]
    whole = (begins == first) | ((begins > first) & _BEFORE[held.padded[begins + (_PAD - 1)]])
    equals, rows = equals[whole], rows[whole]
    stops = held.stops[held.view[held.stops] == _AND] if name == LOG else held.stops
    starts = equals + 1
    ends = held.ends(starts, rows, stops)
    some = ends > starts
    blank = ends - starts == len(_NONE)
    if blank.any():
        places = starts[blank][:, None] + np.arange(len(_NONE))
        some[np.flatnonzero(blank)[(held.view[places] == np.frombuffer(_NONE, np.uint8)).all(axis=1)]] = False
    return (rows[some], starts[some], ends[some]) if some.any() else None


def _gathered(view: Bytes, starts: Places, ends: Places) -> pa.StringArray:
    """Give stretches of bytes as texts; they are cut where an ASCII character stands, and so stay UTF-8."""
    lengths = ends - starts
    edges = np.concatenate(([0], np.cumsum(lengths)))
    places = np.repeat(starts - edges[:-1], lengths) + np.arange(edges[-1])
    return pa.StringArray.from_buffers(
        len(starts), pa.py_buffer(edges.astype(np.int32)), pa.py_buffer(view[places].tobytes())
    )


def _spread(values: pa.StringArray, rows: Places, count: int) -> pa.DictionaryArray:
    """Put values to their rows, decoded and each text once."""
    coded = _decoded(values.dictionary_encode())
    codes, missing = np.zeros(count, np.int32), np.ones(count, np.bool_)  # Arrow looks codes of nulls up as well
    codes[rows] = coded.indices.to_numpy()
    missing[rows] = False
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=missing), coded.dictionary)


def _decoded(coded: pa.DictionaryArray) -> pa.DictionaryArray:
    """Decode what is percent-encoded, once; texts that become one are one."""
    plain = _unescaped(coded.dictionary)
    if plain is coded.dictionary:
        return coded
    one = plain.dictionary_encode()
    return pa.DictionaryArray.from_arrays(one.indices.take(coded.indices), one.dictionary)


def _unescaped(texts: pa.StringArray) -> pa.StringArray:
    edges = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    data = texts.buffers()[2]
    view = np.frombuffer(b"" if data is None else data, np.uint8)[: edges[-1]]
    at = np.flatnonzero(view == _PERCENT)
    rows = np.searchsorted(edges, at, side="right") - 1
    inside = at + 2 < edges[rows + 1]
    at, rows = at[inside], rows[inside]
    values = _DIGITS[view[at + 1]] * 16 + _DIGITS[view[at + 2]]
    fits = (_DIGITS[view[at + 1]] >= 0) & (_DIGITS[view[at + 2]] >= 0) & (values >= 0x20) & (values != 0x7F)
    at, rows, values = at[fits], rows[fits], values[fits].astype(np.uint8)
    if not len(at):
        return texts
    plain = _replaced(view, edges, at, values)
    try:
        return plain.cast(pa.string())
    except pa.ArrowInvalid:
        pass
    high = np.unique(rows[values >= 0x80])
    wrong = [row for row in high.tolist() if not _is_text(plain[row].as_py())]
    kept = ~np.isin(rows, wrong)
    return _replaced(view, edges, at[kept], values[kept]).cast(pa.string()) if kept.any() else texts


def _replaced(view: Bytes, edges: Places, at: Places, values: Bytes) -> pa.BinaryArray:
    """Give texts with one byte in the place of three."""
    copy, keep = view.copy(), np.ones(len(view), np.bool_)
    copy[at] = values
    keep[at + 1] = keep[at + 2] = False
    keep[: edges[0]] = False
    shorter = (edges - edges[0] - 2 * np.searchsorted(at, edges)).astype(np.int32)
    return pa.BinaryArray.from_buffers(
        pa.binary(), len(edges) - 1, [None, pa.py_buffer(shorter), pa.py_buffer(copy[keep].tobytes())]
    )


def _is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _tokens(logs: pa.StringArray, rows: Places, count: int) -> pa.MapArray:
    """Cut what the server logged into a map a row."""
    lists = pc.split_pattern(logs, "_")
    tokens, parents = lists.flatten(), pc.list_parent_indices(lists).to_numpy()
    some = pc.not_equal(tokens, "").to_numpy(zero_copy_only=False)
    tokens, parents = tokens.filter(pa.array(some)).dictionary_encode(), parents[some]
    cut = dict(zip(("named", "text", "counted", "number", "bare"), _cut(tokens.dictionary), strict=True))
    keys = pc.coalesce(cut["named"], cut["counted"], cut["bare"]).dictionary_encode()
    codes = keys.indices.to_numpy()[tokens.indices.to_numpy()].astype(np.int64)
    texts = _unescaped(pc.fill_null(pc.coalesce(cut["text"], cut["number"]), ""))
    values = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts).take(tokens.indices)
    lengths = np.zeros(count, np.int64)
    lengths[rows] = np.bincount(parents, minlength=len(logs))
    edges = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    missing = np.ones(count + 1, np.bool_)
    missing[rows] = False
    missing[-1] = False
    return pa.MapArray.from_arrays(pa.array(edges, mask=missing), _numbered(codes, parents, keys.dictionary), values)


def _cut(tokens: pa.StringArray) -> Sequence[pa.Array]:
    """Cut distinct tokens by `_LOGGED`; null for a group that holds nothing."""
    none = pa.scalar(None, pa.string())
    return [pc.if_else(pc.equal(one, ""), none, one) for one in pc.extract_regex(tokens, _LOGGED).flatten()]


def _numbered(codes: Places, parents: Places, keys: pa.StringArray) -> pa.StringArray:
    """Give the key of each token, numbered where its row has had it before."""
    group = parents * len(keys) + codes
    order = np.argsort(group, kind="stable")
    new = np.diff(group[order], prepend=-1) != 0
    starts = np.flatnonzero(new)
    turn = np.empty(len(group), np.int64)
    turn[order] = np.arange(len(group)) - np.repeat(starts, np.diff(np.append(starts, len(group))))
    kinds = pa.array(turn * len(keys) + codes).dictionary_encode()
    turns, places = np.divmod(kinds.dictionary.to_numpy(), len(keys))
    texts = keys.take(pa.array(places))
    numbers = pa.array(turns + 1).cast(pa.string())
    named = pc.if_else(pa.array(turns == 0), texts, pc.binary_join_element_wise(texts, numbers, "#"))
    return named.take(kinds.indices)
