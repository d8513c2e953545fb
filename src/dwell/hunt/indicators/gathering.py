"""What indicator files say, gathered as one table: a row for each time that a list names a value.

A list may name a value twice, and two lists may name the same one. Each stays a row of its own, with its place, its window
and its marking; for matching, equal values are one indicator.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.hunt.indicators.indicator import (
    NO_TIME,
    BadValueError,
    NotApplicableError,
    guessed_kind,
    indicator_id,
    instant_us,
    kind_of,
    normalised,
    refanged,
)
from dwell.model.claims import RuleOutcome, RuleStatus

__all__ = [
    "MENTIONS",
    "About",
    "Gathering",
    "Indicator",
    "Indicators",
    "Left",
    "first_rows",
    "kind_spans",
    "marking",
    "plain_text",
]

FAULTS_MAX = 50
"""Faults told one by one per file; the rest are counted."""
NAMED_MAX = 200
"""Unsupported patterns told one by one, over all files; the rest are counted."""
COUNTED_MAX = 1_000
"""Reasons told one by one, over all files; what else there is is counted together, list by list."""
MENTIONS_MAX = 5_000_000
TEXT_BYTES_MAX = 768 << 20
"""What is read of all lists together; what lies beyond is counted and said."""
ROW_BYTES = 32
"""What a value takes beside its texts."""
_FLUSH = 65_536

SAID_CHARS_MAX, LABEL_CHARS_MAX, PLACE_CHARS_MAX = 200, 500, 200

_MARKING = re.compile(r"\A(?:tlp[:_\- ]?)?(white|clear|green|amber(?:\+strict)?|red)\Z", re.IGNORECASE)
_TEXTS = ("kind", "value", "written", "label", "source", "place", "tlp")
MENTIONS = pa.schema(
    [
        *(pa.field(name, pa.string(), nullable=False) for name in _TEXTS),
        pa.field("from_us", pa.int64(), nullable=False),
        pa.field("until_us", pa.int64(), nullable=False),
    ]
)
"""`place` is the line in a list, or the id that STIX or MISP gives; an end of a window that is not given is `NO_TIME`."""


_CODED = ("kind", "label", "source", "tlp")
_GATHERED = pa.schema(
    [one.with_type(pa.dictionary(pa.int32(), pa.string())) if one.name in _CODED else one for one in MENTIONS]
)


@dataclass(frozen=True, slots=True)
class Indicator:
    """One time that a list names a value.

    Attributes:
        kind: one of `dwell.hunt.indicators.indicator.KINDS`.
        value: in the form that matching uses.
        written: as the list has it.
        from_us: valid from, microseconds since 1970; None where unsaid.
        until_us: valid until, that moment included.
        label: what the list says about it.
        source: where it comes from: the list's file name, and what the list says.
        place: the line, or the id in STIX or MISP.
        tlp: its TLP marking, as `amber`; "" where there is none.
    """

    kind: str
    value: str
    written: str
    from_us: int | None = None
    until_us: int | None = None
    label: str = ""
    source: str = ""
    place: str = ""
    tlp: str = ""

    @property
    def id(self) -> str:
        """Give the name that its hits carry as `rule_id`."""
        return indicator_id(self.kind, self.value)


@dataclass(frozen=True, slots=True)
class Left:
    """Something that a list holds and that is not looked for.

    Attributes:
        source: the list.
        place: where in it.
        name: how the list calls it.
        status: `UNSUPPORTED` where it cannot be expressed, `BLIND` where no log could show it.
        reason: why.
    """

    source: str
    place: str
    name: str
    status: RuleStatus
    reason: str


@dataclass(frozen=True)
class Indicators:
    """What came out of indicator files.

    Attributes:
        table: rows in `MENTIONS`, by kind and value, then by window and place.
        faults: what cannot be used, and why.
        left: what is kept by name and not looked for.
        counted: what is not looked for and has no name of its own, as (source, reason), with its number.
        known_digest: the hash of the rows where it is known already; "" otherwise.
    """

    table: pa.Table
    faults: tuple[str, ...] = ()
    left: tuple[Left, ...] = ()
    counted: tuple[tuple[str, str, int], ...] = ()
    known_digest: str = ""

    @property
    def items(self) -> tuple[Indicator, ...]:
        """Give the rows one by one."""
        rows = self.table.to_pylist()
        ends = ("from_us", "until_us")
        return tuple(
            Indicator(**(one | {end: None if one[end] == NO_TIME else one[end] for end in ends})) for one in rows
        )

    @cached_property
    def starts(self) -> npt.NDArray[np.int64]:
        """Give the first row of each indicator, ascending."""
        return first_rows(self.table)

    def ids(self, wanted: Sequence[str]) -> set[str]:
        """Give those of some ids that are an indicator's: the ids of all of them take a hundred bytes each."""
        values = pa.array([one.split(":", 2)[2] for one in wanted if one.count(":") > 1], pa.string())
        rows = self.table.select(["kind", "value"]).filter(pc.is_in(self.table["value"], value_set=values))
        return {indicator_id(kind, value) for kind, value in zip(*(one.to_pylist() for one in rows), strict=True)}

    def digest(self) -> str:
        """Give a hash of the rows: equal rows, equal hash, however they lie in memory."""
        if self.known_digest:
            return self.known_digest
        out = hashlib.sha256(b"indicators 2")
        for name in MENTIONS.names:
            column = whole_column(self.table[name])
            if name not in _TEXTS:
                out.update(np.ascontiguousarray(column.to_numpy(zero_copy_only=False)).tobytes())
                continue
            lengths = pc.binary_length(column).to_numpy(zero_copy_only=False).astype("<i8")
            out.update(lengths.tobytes())
            out.update(_bytes_of(column))
        return out.hexdigest()

    def outcomes(self) -> Iterator[RuleOutcome]:
        """Yield what is kept and not looked for, as outcomes."""
        for one in self.left:
            yield RuleOutcome(
                f"indicator:{one.place}", one.name, one.source, "", "", one.status, one.reason, 0, 0, 0, one.source
            )
        for source, reason, number in self.counted:
            title = f"{number:,} not looked for"
            yield RuleOutcome(
                f"indicator:{reason}", title, source, "", "", RuleStatus.UNSUPPORTED, reason, 0, 0, 0, source
            )


def marking(text: str) -> str:
    """Give a TLP marking in one form, `amber+strict` say; "" where it is none."""
    found = _MARKING.match(text.strip())
    return found[1].lower() if found else ""


def plain_text(text: str, most: int) -> str:
    """Give a text without line ends and runs of blanks, at most so long."""
    return " ".join(text.split())[:most]


def first_rows(table: pa.Table) -> npt.NDArray[np.int64]:
    """Give the first row of each indicator of a table in `MENTIONS` that is in order."""
    if not table.num_rows:
        return np.zeros(0, np.int64)
    differs = np.zeros(table.num_rows - 1, np.bool_)
    for name in ("kind", "value"):
        column = whole_column(table[name])
        differs |= pc.not_equal(column.slice(1), column.slice(0, len(column) - 1)).to_numpy(zero_copy_only=False)
    return np.concatenate(([0], np.flatnonzero(differs) + 1)).astype(np.int64)


def whole_column(column: pa.ChunkedArray) -> pa.Array:
    """Give a column of a table in `MENTIONS` as one array, without copying one that is that already."""
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays([pa.array([], column.type), *column.chunks])


def kind_spans(table: pa.Table) -> list[tuple[str, int, int]]:
    """Give each kind of a table in `MENTIONS` that is in order, with its first row and the one after its last."""
    out: list[tuple[str, int, int]] = []
    for chunk in table["kind"].chunks:
        runs = pc.run_end_encode(chunk)
        first = out[-1][2] if out else 0
        for kind, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
            begins = out.pop()[1] if out and out[-1][0] == kind else out[-1][2] if out else 0
            out.append((kind, begins, first + end))
    return out


def _bytes_of(texts: pa.StringArray) -> memoryview:
    """Give the texts of an array, one after the other, as they lie in memory."""
    _, offsets, data = texts.buffers()
    if data is None or not len(texts):
        return memoryview(b"")
    ends = np.frombuffer(offsets, np.int32)
    return memoryview(data)[ends[texts.offset] : ends[texts.offset + len(texts)]]


def _below(parts: list[pa.Table], name: str) -> pa.Array:
    """Put a column of all parts into one, and let it go there."""
    found = pa.chunked_array([chunk for one in parts for chunk in one[name].chunks], _GATHERED.field(name).type)
    for at, one in enumerate(parts):
        parts[at] = one.drop_columns([name])
    whole = found.unify_dictionaries().combine_chunks()
    return whole if isinstance(whole, pa.Array) else whole.chunk(0)


def _strung(column: pa.Array) -> pa.Array:
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


def _order(columns: Mapping[str, pa.Array]) -> pa.Array:
    """Give the order of rows: by kind and value, and those of one indicator by all else that is said."""
    kinds = columns["kind"].dictionary
    ranks = pc.rank(kinds, tiebreaker="dense").cast(pa.int32())
    heads = pa.record_batch({"kind": ranks.take(columns["kind"].indices), "value": columns["value"]})
    rows = pc.sort_indices(heads, sort_keys=[("kind", "ascending"), ("value", "ascending")])
    starts = first_rows(pa.Table.from_batches([heads.take(rows)]))
    same = np.diff(starts, append=len(rows))
    again = np.flatnonzero(np.repeat(same > 1, same))
    if not len(again):
        return rows
    keys = ["kind", "value", "from_us", "until_us", "source", "place", "label", "written", "tlp"]
    tied = rows.take(pa.array(again))
    told = pa.table([_strung(columns[one].take(tied)) for one in keys], names=keys)
    order = pc.sort_indices(told, sort_keys=[(one, "ascending") for one in keys])
    out = rows.to_numpy().copy()
    out[again] = tied.take(order).to_numpy()
    return pa.array(out)


class About(NamedTuple):
    """What a list says about a value.

    Attributes:
        begins: the start of its window, as written.
        ends: the end of its window.
        label: what it is.
        source: where the list has it from.
        tlp: its marking.
        until_before: whether the end is the first moment that is not valid any more.
    """

    begins: str = ""
    ends: str = ""
    label: str = ""
    source: str = ""
    tlp: str = ""
    until_before: bool = False


NOTHING_SAID = About()


def _judged(word: str, value: str) -> tuple[str, str]:
    """Give kind and value in the form that matching uses.

    Raises:
        NotApplicableError: it is of a kind that is not looked for.
        BadValueError: it cannot be used.
    """
    kind = kind_of(word) if word else guessed_kind(value)
    if word and not kind:
        raise BadValueError(f"no source can be asked for the kind '{word[:40]}'")
    if value and not kind:
        raise BadValueError(f"cannot tell what kind of indicator '{value[:60]}' is")
    return normalised(kind or "name", value)


def _window(about: About) -> tuple[int, int]:
    first, last = instant_us(about.begins), instant_us(about.ends, end=True)
    if about.until_before and last != NO_TIME:
        last -= 1
    if NO_TIME not in (first, last) and last < first:
        raise BadValueError("its window ends before it begins")
    return first, last


@dataclass
class Gathering:
    """Takes what lists say, value by value.

    Attributes:
        source: the list that is being read.
    """

    source: str = ""
    _rows: list[tuple[str | int, ...]] = field(default_factory=list)
    _parts: list[pa.Table] = field(default_factory=list)
    _faults: list[str] = field(default_factory=list)
    _mine: int = 0
    _left: list[Left] = field(default_factory=list)
    _counted: Counter[tuple[str, str]] = field(default_factory=Counter)
    _held: int = 0
    _bytes: int = 0
    _before: tuple[int, int, int, int] = (0, 0, 0, 0)

    def begin(self, source: str) -> None:
        """Go on with another list."""
        self._end()
        self.source = source
        self._before = self._said()

    def _said(self) -> tuple[int, int, int, int]:
        return self._held, self._mine, len(self._left), self._counted.total()

    @property
    def is_silent(self) -> bool:
        """Say whether nothing was taken from the list at hand, and nothing told of it."""
        return self._said() == self._before

    def _end(self) -> None:
        if self._mine > FAULTS_MAX:
            self._faults.append(f"{self.source}: {self._mine - FAULTS_MAX} more values cannot be used")
        self._mine = 0

    def fault(self, why: str, place: str = "") -> None:
        """Tell what cannot be used."""
        self._mine += 1
        if self._mine <= FAULTS_MAX:
            at = f":{place}" if place else ""
            self._faults.append(f"{self.source}{at}: {why}")

    def leave(self, place: str, name: str, reason: str) -> None:
        """Keep by name what cannot be expressed."""
        if len(self._left) < NAMED_MAX:
            named = " ".join(name.split())[:200] or place
            self._left.append(Left(self.source, place, named, RuleStatus.UNSUPPORTED, reason[:500]))
        else:
            self.count("cannot be expressed, and there are too many to name each")

    def count(self, reason: str, number: int = 1) -> None:
        """Count what is not looked for."""
        if number:
            if len(self._counted) >= COUNTED_MAX and (self.source, reason) not in self._counted:
                reason = "not looked for, for more reasons than are told one by one"
            self._counted[self.source, reason] += number

    def take(self, word: str, text: str, place: str, about: About = NOTHING_SAID) -> bool:
        """Take a value, or tell why not.

        Args:
            word: the list's word for its kind; "" to tell by the value.
            text: the value as written.
            place: where in the list.
            about: what the list says about it.

        Returns:
            Whether it was taken.
        """
        value = refanged(text)
        try:
            kind, normal = _judged(word, value)
        except NotApplicableError as reason:
            self.count(str(reason))
            return False
        except BadValueError as fault:
            self.fault(str(fault), place)
            return False
        try:
            window = _window(about)
        except BadValueError as fault:
            # what cannot be read is the window, and a value without one is looked for all the same
            self.fault(f"{fault}; looked for without a window", place)
            window = NO_TIME, NO_TIME
        if self._held >= MENTIONS_MAX or self._bytes >= TEXT_BYTES_MAX:
            self.count_beyond(1)
            return False
        said = plain_text(about.source, SAID_CHARS_MAX)
        source = f"{self.source} ({said})" if said else self.source
        label = plain_text(about.label, LABEL_CHARS_MAX)
        self._held += 1
        self._bytes += len(normal) + len(value) + len(label) + len(source) + len(place) + ROW_BYTES
        self._rows.append((kind, normal, value, label, source, place[:PLACE_CHARS_MAX], about.tlp, *window))
        if len(self._rows) >= _FLUSH:
            self._flush()
        return True

    def room(self, values: int, text_bytes: int) -> int:
        """Say how many of some values can still be taken: all, none, or -1 where the limit may lie among them."""
        if self._held >= MENTIONS_MAX or self._bytes >= TEXT_BYTES_MAX:
            return 0
        return values if self._held + values <= MENTIONS_MAX and self._bytes + text_bytes < TEXT_BYTES_MAX else -1

    def count_beyond(self, number: int) -> None:
        """Count values that are past the limit."""
        self.count(f"not read: beyond the first {self._held:,} values of all lists", number)

    def take_together(self, found: Mapping[str, pa.Array], text_bytes: int) -> None:
        """Take values that were judged together, for which there is `room`.

        Args:
            found: columns by their names in `MENTIONS`, `source` being what the list says of it, in one form each.
            text_bytes: what they take in memory.
        """
        self._flush()
        said = found["source"]
        whole = pc.binary_join_element_wise(self.source, " (", said, ")", "")
        source = pc.if_else(pc.equal(said, ""), self.source, whole)
        self._put(pa.table(dict(found) | {"source": source}).select(MENTIONS.names).cast(MENTIONS))
        self._held += len(said)
        self._bytes += text_bytes

    def _flush(self) -> None:
        if self._rows:
            columns = zip(*self._rows, strict=True)
            self._put(pa.table([pa.array(one) for one in columns], schema=MENTIONS))
            self._rows = []

    def _put(self, rows: pa.Table) -> None:
        """Keep rows until the end, texts that come again and again as codes."""
        coded = [
            one.dictionary_encode() if name in _CODED else one
            for name, one in zip(rows.column_names, rows.columns, strict=True)
        ]
        self._parts.append(pa.table(coded, schema=_GATHERED).combine_chunks())

    def done(self) -> Indicators:
        """Give everything that was taken."""
        self._end()
        self._flush()
        columns = {}
        for name in MENTIONS.names:
            columns[name] = _below(self._parts, name)
            pa.default_memory_pool().release_unused()
        order = _order(columns)
        ordered = []
        for name in MENTIONS.names:
            # each column is let go as soon as it stands in its new order
            ordered.append(_strung(columns.pop(name).take(order)))
            pa.default_memory_pool().release_unused()
        table = pa.table(ordered, schema=MENTIONS)
        counted = tuple((source, reason, number) for (source, reason), number in sorted(self._counted.items()))
        return Indicators(table, tuple(self._faults), tuple(self._left), counted)
