"""YARA rules put to the records of the stored tables: each record is a text of its own, as a line of its log was.

The texts of many records lie in one buffer that the library goes through once; where a string was met says in which record
it lies. A rule whose strings are not all somewhere in the buffer is settled by that. Of the others the condition is worked
out for all records at once. A place that reaches over the end of a record is settled by putting the rule to that record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import DataFile, read_rows
from dwell.archive.spec import TableSpec
from dwell.hunt.hits import NO_HITS, Matched, Subject, group_hits
from dwell.hunt.keeping import read_kept, write_kept
from dwell.hunt.yara.condition import holds
from dwell.hunt.yara.load import RecordRule, YaraRules
from dwell.hunt.yara.onfiles import TEXT_BYTES, read_rules
from dwell.hunt.yara.scanner import MATCHES_MAX, Met, Part, Places, RuleScanner, Scanned, Unit, UnitRule
from dwell.intake.tables import specs

__all__ = ["RecordJob", "RecordsDone", "put_to_records", "record_texts"]

SLICE_ROWS = 32_768
CELLS_MAX = 4_000_000
"""Records times strings that are counted at once."""
_META = b"dwell.yara"
_PREFIX = frozenset({"evidence_id", "record_no", "time_utc", "host"})
_ORDER: Mapping[str, Sequence[str]] = {
    "iis": (
        "s-sitename", "s-computername", "s-ip", "cs-method", "cs-uri-stem", "cs-uri-query", "s-port", "cs-username",
        "c-ip", "cs-version", "cs-user-agent", "cs-cookie", "cs-referer", "cs-host", "sc-status", "sc-substatus",
        "sc-win32-status", "sc-bytes", "cs-bytes", "time-taken",
    ),
}  # fmt: skip
"""The order of a log's own lines, where the table's is another."""
_DASHED = frozenset({"iis", "ncsa"})
"""Logs that write a dash for nothing."""

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RecordJob:
    """A data file that is to be put to the rules."""

    rules: Path
    key: str
    file: DataFile
    cache: Path | None

    @property
    def place(self) -> Path | None:
        """Give where its hits are kept."""
        if self.cache is None:
            return None
        name = hashlib.sha256(f"yara:{self.key}:{self.file.table}:{self.file.key}".encode()).hexdigest()
        return self.cache / f"{name[:32]}-yara.arrow"


@dataclass(slots=True)
class RecordsDone:
    """What came of a data file.

    Attributes:
        hits: rows in `dwell.hunt.hits.HITS`.
        records: records that were put to the rules.
        slow: stretches on which a rule was broken off, or was not put any more, by its number.
        failed: stretches on which the library failed on a rule, by its number.
    """

    hits: pa.Table
    records: int
    slow: dict[int, int] = field(default_factory=dict)
    failed: dict[int, int] = field(default_factory=dict)


def put_to_records(job: RecordJob) -> RecordsDone:
    """Put the rules to a data file, or take what was kept of it.

    Raises:
        CustodyError: the data file is not what was written.
    """
    place = job.place
    if place is not None:
        try:
            kept = read_kept(place)
            records = msgspec.json.decode(kept.schema.metadata[_META], type=int)
            return RecordsDone(kept.replace_schema_metadata(None), records)
        except (OSError, pa.ArrowInvalid, msgspec.MsgspecError, KeyError, TypeError):
            pass
    out = _Records(read_rules(job.rules, job.key), job.file).done()
    if place is not None and not out.slow and not out.failed:
        write_kept(place, out.hits.replace_schema_metadata({_META: msgspec.json.encode(out.records)}))
    return out


def _texts_of(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Give a column as texts; None for instants and for numbers with a fraction, which no log writes as they are kept."""
    kind = column.type
    if pa.types.is_dictionary(kind) or pa.types.is_string(kind) or pa.types.is_integer(kind):
        return column.cast(pa.string())
    if pa.types.is_map(kind) or pa.types.is_list(kind):
        return pa.chunked_array([_joined(one) for one in column.chunks], pa.string())
    return None


def _joined(column: pa.Array) -> pa.Array:
    """Give a list, or a map as `key=value`, as one text a row."""
    if pa.types.is_map(column.type):
        pairs = pc.binary_join_element_wise(column.keys, column.items.fill_null(""), "=")
        column = pa.ListArray.from_arrays(column.offsets, pairs, mask=column.is_null() if column.null_count else None)
    counts = pc.list_value_length(column).fill_null(0)
    joined = pc.binary_join(column.fill_null([]) if not column.null_count else column, " ")
    return pc.if_else(pc.greater(counts, 0), joined, pa.scalar(None, pa.string()))


def record_texts(rows: pa.Table, spec: TableSpec) -> pa.StringArray:
    """Give each record as a text: its values in the order of the log, a blank between them.

    Args:
        rows: rows of the table.
        spec: the table.
    """
    order = _ORDER.get(spec.name, ())
    rest = (one.name for one in spec.schema if one.name not in _PREFIX and one.name not in order)
    parts = []
    for name in (*order, *rest):
        column = rows[name] if name in rows.column_names else None
        if column is None or column.null_count == len(column):
            continue
        texts = _texts_of(column)
        if texts is not None:
            parts.append(texts.fill_null("-") if spec.name in _DASHED and name in order else texts)
    if not parts:
        return pa.array([""] * rows.num_rows, pa.string())
    joined = pc.binary_join_element_wise(*parts, " ", null_handling="skip")
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined


def _units(rules: Sequence[RecordRule], *, probing: bool) -> list[Unit]:
    """Give every rule as a unit of its own; probing, with a condition that is true of many records where of one."""
    out = []
    for one in rules:
        source = (probing and one.probe) or one.source
        rule = UnitRule(one.index, f"r{one.index}", 0, 0, len(source))
        out.append(Unit(f"n{one.index}", (Part("records", source),), (rule,)))
    return out


class _Records:
    """One data file under the rules."""

    def __init__(self, rules: YaraRules, file: DataFile) -> None:
        self.rules = rules
        self.by_index = {one.index: one for one in rules.records}
        self.many = RuleScanner(_units(rules.records, probing=True))
        self.single = RuleScanner(_units(rules.records, probing=False))
        self.spec = specs()[file.table]
        columns = [one.name for one in self.spec.schema]
        self.rows = read_rows(file, columns, dictionary=[*self.spec.lexicon, "evidence_id"])
        self.out = RecordsDone(NO_HITS, self.rows.num_rows)
        self.parts: list[pa.Table] = []

    def done(self) -> RecordsDone:
        """Put every stretch to the rules."""
        for start in range(0, self.rows.num_rows, SLICE_ROWS):
            texts = record_texts(self.rows.slice(start, SLICE_ROWS), self.spec)
            self._stretch(texts, start)
        self.out.hits = pa.concat_tables([NO_HITS, *self.parts])
        return self.out

    def _count(self, found: Scanned) -> None:
        for one in {*found.slow, *found.left_out}:
            self.out.slow[one] = self.out.slow.get(one, 0) + 1
        for one in found.failed:
            self.out.failed[one] = self.out.failed.get(one, 0) + 1

    def _stretch(self, texts: pa.StringArray, start: int) -> None:
        """Put some records to the rules; halved where the library finds more places than it tells."""
        buffer = _Buffer(texts)
        found = self.many.scan(buffer.data)
        full = any(len(places) >= MATCHES_MAX for met in found.met for _, places in met.strings)
        if full and len(texts) > 1:
            half = len(texts) // 2
            self._stretch(texts.slice(0, half), start)
            self._stretch(texts.slice(half), start + half)
            return
        self._count(found)
        settled: dict[int, dict[int, Met]] = {}
        for met in found.met:
            self._rule(met, buffer, start, settled)

    def _rule(self, met: Met, buffer: _Buffer, start: int, settled: dict[int, dict[int, Met]]) -> None:
        rule = self.by_index[met.index]
        places = [one for _, one in met.strings]
        rows = [buffer.row(one[:, 0]) for one in places]
        over = [one[:, 0] + one[:, 1] > buffer.ends[row] for one, row in zip(places, rows, strict=True)]
        crossing = np.unique(np.concatenate([row[far] for row, far in zip(rows, over, strict=True)]))
        truly: list[int] = []
        if len(crossing):
            keep = [~np.isin(row, crossing) for row in rows]
            places = [one[held] for one, held in zip(places, keep, strict=True)]
            for row in crossing.tolist():
                alone = self._alone(row, buffer, settled).get(met.index)
                if alone is not None:
                    truly.append(row)
                    shift = np.array([[buffer.starts[row], 0]])
                    places = [
                        np.concatenate([one, found[:1] + shift])
                        for one, (_, found) in zip(places, alone.strings, strict=True)
                    ]
            rows = [buffer.row(one[:, 0]) for one in places]
        asked = np.setdiff1d(np.unique(np.concatenate(rows)), np.array(truly, np.int64))
        held = [asked[_asked(rule, rows, asked)], np.array(truly, np.int64)]
        chosen = np.sort(np.concatenate(held))
        if len(chosen):
            self._hits(rule, chosen, rows, places, buffer, start)

    def _alone(self, row: int, buffer: _Buffer, settled: dict[int, dict[int, Met]]) -> dict[int, Met]:
        """Put one record to the rules by itself, once."""
        if row not in settled:
            found = self.single.scan(buffer.data[buffer.starts[row] : buffer.ends[row]])
            self._count(found)
            settled[row] = {one.index: one for one in found.met}
        return settled[row]

    def _hits(
        self,
        rule: RecordRule,
        chosen: Rows,
        rows: Sequence[Rows],
        places: Sequence[Places],
        buffer: _Buffer,
        start: int,
    ) -> None:
        info = self.rules.rules[rule.index].info
        matched = [
            one
            for name, row, place in zip(rule.names, rows, places, strict=True)
            if (one := _matched(name, chosen, row, place, buffer)) is not None
        ]
        subject = Subject(info.id, "rule", info.title, info.level)
        self.parts.append(group_hits(self.rows, chosen + start, self.spec.name, subject, matched))


class _Buffer:
    """The texts of some records behind each other, a line end after each.

    Attributes:
        data: the bytes.
        starts: where each record begins.
        ends: where each record ends, its line end not counted.
    """

    def __init__(self, texts: pa.StringArray) -> None:
        wide = pa.large_string()
        ended = pc.binary_join_element_wise(texts.cast(wide), pa.scalar("", wide), pa.scalar("\n", wide))
        _, offsets, data = ended.buffers()
        bounds = np.frombuffer(offsets, np.int64)[ended.offset : ended.offset + len(ended) + 1]
        self.data = data.to_pybytes()[bounds[0] : bounds[-1]] if data is not None else b""
        self.starts = bounds[:-1] - bounds[0]
        self.ends = bounds[1:] - bounds[0] - 1

    def row(self, offsets: Rows) -> Rows:
        """Give the record that each offset lies in; a line end belongs to the record before it."""
        found: Rows = np.searchsorted(self.starts, offsets, side="right") - 1
        return found


def _asked(rule: RecordRule, rows: Sequence[Rows], asked: Rows) -> npt.NDArray[np.bool_]:
    """Say of which records the condition is true."""
    truth = np.zeros(len(asked), np.bool_)
    step = max(1, CELLS_MAX // len(rule.names))
    for at in range(0, len(asked), step):
        part = asked[at : at + step]
        counts = np.zeros((len(part), len(rule.names)), np.int64)
        for column, held in enumerate(rows):
            if not len(held):  # of thousands of strings most are nowhere
                continue
            mine = held[np.isin(held, part)]
            counts[:, column] = np.bincount(np.searchsorted(part, mine), minlength=len(part))
        truth[at : at + step] = holds(rule.question, counts)
    return truth


def _matched(name: str, chosen: Rows, rows: Rows, places: Places, buffer: _Buffer) -> Matched | None:
    """Give what a string met first in each of some records; None where it met nothing."""
    order = np.lexsort((places[:, 0], rows))
    held, first = np.unique(rows[order], return_index=True)
    at = np.searchsorted(held, chosen)
    at[at == len(held)] = 0
    there = held[at] == chosen if len(held) else np.zeros(len(chosen), np.bool_)
    if not there.any():
        return None
    picked = places[order][first[at[there]]]
    texts = _cut_out(buffer.data, picked[:, 0], np.minimum(picked[:, 1], TEXT_BYTES)).dictionary_encode()
    codes = np.full(len(chosen), -1, np.int64)
    codes[there] = texts.indices.to_numpy()
    shown = [f"{name}={one.decode('utf-8', 'backslashreplace')}" for one in texts.dictionary.to_pylist()]
    return Matched(codes, pa.array(shown, pa.string()))


def _cut_out(data: bytes, starts: Rows, lengths: Rows) -> pa.BinaryArray:
    """Cut pieces out of a buffer."""
    bounds = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    at = np.repeat(starts - bounds[:-1], lengths) + np.arange(int(bounds[-1]))
    pieces = np.frombuffer(data, np.uint8)[at]
    return pa.BinaryArray.from_buffers(
        pa.binary(), len(starts), [None, pa.py_buffer(bounds.tobytes()), pa.py_buffer(pieces.tobytes())]
    )
