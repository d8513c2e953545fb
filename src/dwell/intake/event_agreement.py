"""Whether two rows of one record number tell the same event, column by column, many pairs at once.

Forms of export write one event differently: an empty text or none, line ends of one or two characters, a rendered
message or none, fewer columns. What counts is what they say. Binary logs and their XML hold the whole event: of those,
each must say what the other says. Other forms may leave something out: there, what both say must be the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.sources.windows_event import DATA_COLUMNS, SCHEMA

__all__ = ["WHOLE_FORMS", "Agreement", "agreement"]

Mask = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

WHOLE_FORMS = frozenset({"evtx", "evtx_xml"})
"""Sources whose rows hold all that an event says."""
_MAP, _SCRIPT, _RENDERED = "EventData", "ScriptBlockText", "Message"
_SYSTEM = tuple(
    one
    for one in SCHEMA.names
    if one
    not in {"record_no", "time_utc", "host", "Computer", "Channel", "EventRecordID", "EventID", _MAP, *DATA_COLUMNS}
)
_NAMESPACE = "@xmlns"
"""Part of the name under which a form keeps a namespace of XML: no word of the event."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What pairs of rows come to.

    Attributes:
        same: whether the two tell the same event.
        more: of those, whether the first says something that the second lacks.
    """

    same: Mask
    more: Mask


def agreement(new: pa.Table, held: pa.Table, new_whole: Mask, held_whole: Mask) -> Agreement:
    """Compare rows pair by pair.

    Args:
        new: rows of the table of events.
        held: as many, each beside the one it is compared with.
        new_whole: whether each row of `new` is of one of `WHOLE_FORMS`.
        held_whole: the same of `held`.
    """
    strict = new_whole & held_whole
    differs = np.zeros(new.num_rows, np.bool_)
    more, longer = np.zeros(new.num_rows, np.bool_), np.zeros(new.num_rows, np.bool_)
    for name in ("Computer", "Channel"):
        unlike = _unlike(pc.utf8_lower(new[name]), pc.utf8_lower(held[name]))
        differs |= False if unlike is None else unlike.any
    for name in (*_SYSTEM, *DATA_COLUMNS):
        mine, theirs = (new[name], held[name]) if name != _SCRIPT else (_own_script(new), _own_script(held))
        unlike = _unlike(mine, theirs)
        if unlike is None:
            continue
        if name == _RENDERED:
            differs |= strict & unlike.both
        elif name in _SYSTEM:
            differs |= strict & unlike.any
        else:
            differs |= unlike.both | (strict & unlike.any)
        more |= unlike.first if name not in _SYSTEM else False
        longer |= unlike.longer
    unlike = _maps(new[_MAP], held[_MAP])
    differs |= unlike.both | (strict & unlike.any)
    more |= unlike.first
    more &= ~held_whole
    more |= longer | unlike.longer
    # a block put together in the one and not in the other: the first part of it holds the whole block's text
    more |= _longer(new[_SCRIPT], held[_SCRIPT])
    return Agreement(~differs, more & ~differs)


@dataclass(frozen=True, slots=True)
class _Unlike:
    """Where values differ: both are there, only the first is, only the second is.

    `longer` is where they do not, but the second ends at a NUL behind which the first goes on: XML cannot write one.
    """

    both: Mask
    first: Mask
    second: Mask
    longer: Mask

    @property
    def any(self) -> Mask:
        return self.both | self.first | self.second


def _unlike(new: pa.ChunkedArray | pa.Array, held: pa.ChunkedArray | pa.Array) -> _Unlike | None:
    """Compare two columns; None where nothing differs."""
    if new.null_count == held.null_count == len(new) or new.equals(held):
        return None
    mine, theirs = _texts(new), _texts(held)
    apart = pc.not_equal(mine, theirs).to_numpy(zero_copy_only=False)
    if not apart.any():
        return None
    rows = np.flatnonzero(apart)
    mine, theirs = _bare(mine.take(pa.array(rows))), _bare(theirs.take(pa.array(rows)))
    differ = pc.not_equal(mine, theirs).to_numpy(zero_copy_only=False)
    longer = np.zeros(len(rows), np.bool_)
    if pc.any(pc.match_substring(pa.chunked_array([mine, theirs]), "\0")).as_py():
        ended = pc.equal(_to_nul(mine), _to_nul(theirs)).to_numpy(zero_copy_only=False)
        size = pc.subtract(pc.binary_length(mine), pc.binary_length(theirs)).to_numpy(zero_copy_only=False)
        longer = differ & ended & (size > 0)
        # only one of them may go on: two texts that go on differently are two texts
        differ &= ~(ended & (_has_nul(mine) ^ _has_nul(theirs)))
        longer &= ~differ
    no_first = pc.equal(mine, "").to_numpy(zero_copy_only=False)
    no_second = pc.equal(theirs, "").to_numpy(zero_copy_only=False)

    def spread(mask: Mask) -> Mask:
        out = np.zeros(len(new), np.bool_)
        out[rows] = mask
        return out

    return _Unlike(
        spread(differ & ~no_first & ~no_second),
        spread(differ & ~no_first & no_second),
        spread(differ & no_first),
        spread(longer),
    )


def _has_nul(texts: pa.Array) -> Mask:
    found: Mask = pc.match_substring(texts, "\0").to_numpy(zero_copy_only=False)
    return found


def _to_nul(texts: pa.Array) -> pa.Array:
    """Give texts up to their first NUL, as a form that cannot write one has them."""
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(texts, r"(?s)\x00.*", ""))


def _texts(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return pc.fill_null(whole.cast(pa.large_string()), "")


def _bare(column: pa.Array) -> pa.Array:
    """Give texts without blanks around them, their lines ended alike."""
    return pc.utf8_trim_whitespace(pc.replace_substring(column, "\r\n", "\n"))


def _longer(new: pa.ChunkedArray, held: pa.ChunkedArray) -> Mask:
    """Say which texts of the first column are longer than those of the second."""
    if new.null_count == len(new):
        return np.zeros(len(new), np.bool_)
    mine, theirs = (pc.binary_length(_bare(_texts(one))) for one in (new, held))
    longer: Mask = pc.greater(mine, theirs).to_numpy(zero_copy_only=False)
    return longer


def _own_script(rows: pa.Table) -> pa.ChunkedArray:
    """Give each part's own text of a script block: where the block was put together it is in the map."""
    column = rows[_SCRIPT]
    if column.null_count == len(column):
        return column
    return pc.coalesce(pc.map_lookup(rows[_MAP], pa.scalar(_SCRIPT), "last"), column)


def _maps(new: pa.ChunkedArray, held: pa.ChunkedArray) -> _Unlike:
    """Compare two columns of maps, name by name."""
    count = len(new)
    names: dict[str, int] = {}
    mine, theirs = _entries(new, names), _entries(held, names)
    width = max(1, len(names))
    mine_at, theirs_at = mine.rows * width + mine.names, theirs.rows * width + theirs.names
    _, left, right = np.intersect1d(mine_at, theirs_at, return_indices=True)
    both, longer = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    unlike = _unlike(mine.values.take(pa.array(left)), theirs.values.take(pa.array(right)))
    first, second = _alone(mine, left, count), _alone(theirs, right, count)
    if unlike is not None:
        both[mine.rows[left[unlike.both]]] = True
        first[mine.rows[left[unlike.first]]] = True
        second[mine.rows[left[unlike.second]]] = True
        longer[mine.rows[left[unlike.longer]]] = True
    return _Unlike(both, first, second, longer)


@dataclass(frozen=True, slots=True)
class _Entries:
    """Entries of maps: the row of each, its name's code, its value."""

    rows: Ints
    names: Ints
    values: pa.Array


def _entries(column: pa.ChunkedArray, names: dict[str, int]) -> _Entries:
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    lengths = pc.fill_null(pc.list_value_length(whole.cast(pa.list_(whole.type.field(0).type))), 0)
    rows = np.repeat(np.arange(len(whole)), lengths.to_numpy(zero_copy_only=False))
    flat = pc.list_flatten(whole.cast(pa.list_(whole.type.field(0).type)))
    keys = flat.field(0).dictionary_encode()
    words = keys.dictionary.to_pylist()
    codes = np.array([names.setdefault(one, len(names)) for one in words], np.int64)
    told = np.array([one != _SCRIPT and _NAMESPACE not in one for one in words], np.bool_)
    at = keys.indices.to_numpy(zero_copy_only=False)
    kept = told[at] if len(words) else np.zeros(0, np.bool_)
    coded = codes[at] if len(words) else np.zeros(0, np.int64)
    return _Entries(rows[kept], coded[kept], flat.field(1).filter(pa.array(kept)))


def _alone(entries: _Entries, met: Ints, count: int) -> Mask:
    """Say which rows have an entry of some content that the other row has not."""
    left = np.ones(len(entries.rows), np.bool_)
    left[met] = False
    rows = np.flatnonzero(left)
    out = np.zeros(count, np.bool_)
    if len(rows):
        some = pc.not_equal(_bare(_texts(entries.values.take(pa.array(rows)))), "").to_numpy(zero_copy_only=False)
        out[entries.rows[rows[some]]] = True
    return out
