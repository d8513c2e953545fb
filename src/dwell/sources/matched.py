"""The reader beneath every format of free lines that a pattern takes apart: access logs, firewalls, mail servers.

All lines of a block are matched at once, the patterns tried in order. A line with a NUL, a stray carriage return or bytes
that are no UTF-8 is put right by itself and then matched like the others. What no pattern takes is an anomaly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import BinaryIO, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.provenance import Anomaly, AnomalyKind, Fact, FactKind
from dwell.sources.columns import fit, flat, is_utf8, reversals
from dwell.sources.lines import Block, blocks, decode_line, line_anomaly
from dwell.sources.source import EXTRA, TIME_UTC, Batch, Guess, Hint, Sniff, Source, prefix_fields
from dwell.sources.time_words import by_value, without_zone

__all__ = [
    "Matched",
    "Run",
    "State",
    "line_texts",
    "part",
    "schema_of",
    "sniffed_lines",
    "split",
    "unless",
]

_SNIFFED_LINES = 40
_Rows = npt.NDArray[np.int64]


def schema_of(columns: Mapping[str, pa.DataType]) -> pa.Schema:
    """Make a schema: the prefix, the format's columns, the extra map."""
    return pa.schema([*prefix_fields(), *(pa.field(name, kind) for name, kind in columns.items()), EXTRA])


@lru_cache(maxsize=2)
def _head_lines(sniff: Sniff) -> tuple[str, ...]:
    lines = sniff.text.split("\n")
    whole = lines if sniff.complete else lines[:-1]
    return tuple(one.rstrip("\r") for one in whole if one.strip("\r\0 \t"))[:_SNIFFED_LINES]


def sniffed_lines(sniff: Sniff) -> tuple[str, ...]:
    """Give the first lines that hold something, the one that the head cuts off left out."""
    return _head_lines(sniff)


@dataclass(slots=True)
class State:
    """What a reader carries from block to block."""

    name: str = ""
    last: tuple[int, int] | None = None
    local: list[npt.NDArray[np.int64]] = field(default_factory=list)

    def take_local(self) -> npt.NDArray[np.int64] | None:
        """Give the numbers of the block's records in local time, and begin anew."""
        found, self.local = self.local, []
        return np.concatenate(found) if found else None


@dataclass(slots=True)
class Run:
    """What became of a block's lines."""

    anomalies: list[Anomaly] = field(default_factory=list)
    counts: dict[tuple[FactKind, str], list[int]] = field(default_factory=dict)

    def note(self, kind: FactKind, what: str, number: int) -> None:
        """Note something of a line."""
        self.counts.setdefault((kind, what), []).append(number)

    def forget(self, numbers: set[int]) -> None:
        """Take back what was noted of lines that are no records after all."""
        if numbers:
            self.counts = {key: [one for one in held if one not in numbers] for key, held in self.counts.items()}

    def facts(self) -> list[Fact]:
        """Give what was noted."""
        return [
            Fact(kind, min(numbers), None, None, len(numbers), what)
            for (kind, what), numbers in sorted(self.counts.items())
            if numbers
        ]


def line_texts(block: Block, rows: _Rows) -> pa.Array:
    """Give lines that hold no stray carriage return and are UTF-8 as an array of texts."""
    edges = np.append(block.starts, len(block.data)).astype(np.int32)
    every = pa.StringArray.from_buffers(len(block), pa.py_buffer(edges), pa.py_buffer(block.data))
    chosen = every if len(rows) == len(block) else every.take(pa.array(rows))
    return pc.ascii_rtrim(chosen, characters="\r\n")


def part(block: Block, start: int, stop: int) -> Block:
    """Give some lines of a block as a block that takes no bytes of its own."""
    first = int(block.starts[start])
    end = int(block.starts[stop]) if stop < len(block) else len(block.data)
    places = None if block.places is None else block.places[start:stop] - block.places[start]
    return replace(
        block,
        data=block.data[first:end],
        offset=block.at(start),
        first_line=block.number(start),
        starts=block.starts[start:stop] - first,
        ends=block.ends[start:stop] - first,
        cut=block.cut and stop == len(block),
        size_bytes=0,
        places=places,
    )


def split(column: pa.Array | pa.ChunkedArray, pattern: str) -> dict[str, pa.Array]:
    """Take a column apart by a pattern's groups; null where it does not match or a group holds nothing."""
    found = pc.extract_regex(flat(column), pattern)
    held = [unless(one, ("",)) for one in found.flatten()]
    return dict(zip([one.name for one in found.type], held, strict=True))


class Matched(Source):
    """A format of lines that a pattern takes apart.

    Attributes:
        columns: the columns and their types; groups that are none of them go to `extra`.
        shapes: patterns, tried in order; a group that matched nothing is null.
        renamed: the vendor's names, by group, where a group cannot be called so.
        blanks: texts that stand for nothing.
        comment: how a line starts that is no record; empty where there are none.
        host_name: the column that names the host.
        as_written: the group that holds the instant; kept in `extra` where it is none.
        score: how sure we are where the first lines fit.
        share: how many of the first lines have to fit.
        telling: of how many patterns one line must be; None for all.
        told: what was seen then.
        fault: what a line is called that fits nothing.
    """

    by_shape = True
    columns: ClassVar[Mapping[str, pa.DataType]]
    shapes: ClassVar[tuple[str, ...]]
    renamed: ClassVar[Mapping[str, str]] = {}
    blanks: ClassVar[tuple[str, ...]] = ("", "-")
    comment: ClassVar[str] = ""
    host_name: ClassVar[str | None] = None
    as_written: ClassVar[str] = "time"
    score: ClassVar[int] = 85
    share: ClassVar[float] = 0.5
    telling: ClassVar[int | None] = None
    told: ClassVar[str] = "the first lines are of this shape"
    fault: ClassVar[str] = "a line of another shape"

    def identify(self, sniff: Sniff) -> Guess | None:
        """Match the first lines."""
        lines = [one for one in sniffed_lines(sniff) if not (self.comment and one.startswith(self.comment))]
        if not lines:
            return None
        texts = pa.array(lines, pa.string())
        found = [pc.match_substring_regex(texts, shape).to_numpy(zero_copy_only=False) for shape in self.shapes]
        if not np.any(found[: self.telling]) or np.any(found, axis=0).mean() < self.share:
            return None
        return Guess(self.score, self.key, self.told)

    def _begin(self, hint: Hint) -> State:
        """Make the state of a new stream."""
        return State(hint.name)

    def _widen(self, table: pa.Table, shape: int, state: State) -> pa.Table:
        """Add columns to what a pattern gave; `shape` says which one."""
        del shape, state
        return table

    def _times(self, table: pa.Table, state: State) -> pa.Array | None:
        """Give the instant of each row; None where the format writes none."""
        del table, state
        return None

    def _local(self, table: pa.Table) -> pa.Array:
        """Say of which rows the instant is local time without a zone; asked only where some can be."""
        return by_value(table[self.as_written], without_zone)

    def _is_structural(self, block: Block) -> npt.NDArray[np.bool_]:
        """Say which lines are no records: empty ones and comments."""
        out: npt.NDArray[np.bool_] = block.ends <= block.starts
        if self.comment:
            out = out | (block.first_bytes() == ord(self.comment))
        return out

    def read(self, stream: BinaryIO, hint: Hint) -> Iterator[Batch]:
        """Yield a batch per block."""
        yield from self._read(stream, self._begin(hint))

    def _read(self, stream: BinaryIO, state: State) -> Iterator[Batch]:
        for block in blocks(stream):
            if block.too_long is not None:
                yield Batch(anomalies=[block.too_long], bytes_read=block.size_bytes)
                continue
            yield from self._read_block(block, state)

    def _read_block(self, block: Block, state: State) -> Iterator[Batch]:
        structural = self._is_structural(block)
        rows = np.flatnonzero(~structural)
        batch = Batch(structural=int(structural.sum()), bytes_read=block.size_bytes)
        if not len(rows):
            yield batch
            return
        run = Run()
        rows, texts = self._texts(block, rows, run)
        tables, left = self._match(texts, block.first_line + rows, run, state)
        run.forget({block.number(int(rows[at])) for at in left})
        run.anomalies += [self._anomaly(block, int(rows[at]), run, state) for at in left]
        batch.anomalies = sorted(run.anomalies, key=lambda one: one.record_no)
        batch.facts = run.facts()
        if tables:
            table = tables[0] if len(tables) == 1 else pa.concat_tables([_plain(one) for one in tables])
            table = table.sort_by("record_no") if len(tables) > 1 or len(run.counts) else table
            if self.is_log:
                state.last = reversals(table, state.last, batch.facts)
            batch.local = state.take_local()
            *before, batch.records = table.combine_chunks().to_batches()
            for one in before:
                yield Batch(records=one, local=batch.local)
        yield batch

    def _texts(self, block: Block, rows: _Rows, run: Run) -> tuple[_Rows, pa.Array]:
        """Give the lines as texts, the odd ones put right; what holds nothing becomes an anomaly."""
        odd = block.holds(0)[rows]
        if b"\r" in block.data:
            odd |= block.broken()[rows]
        high = block.high()
        if high.any() and not is_utf8(block.data):
            odd |= high[rows]
        good = rows[~odd]
        texts = line_texts(block, good) if len(good) else pa.array([], pa.string())
        if not odd.any():
            return good, texts
        kept: list[int] = []
        mended: list[str] = []
        for at in rows[odd].tolist():
            text, reencoded = decode_line(block.line(at))
            whole = text.strip("\0").replace("\0", " ")
            if not whole.strip():
                nul = "\0" in text
                kind = AnomalyKind.NUL_RUN if nul else AnomalyKind.BAD_RECORD
                run.anomalies.append(
                    line_anomaly(block, at, kind, "a run of NUL bytes" if nul else "nothing but blanks")
                )
                continue
            if reencoded:
                run.note(FactKind.REENCODED, "no UTF-8, read as Windows-1252", block.number(at))
            if "\0" in text:
                run.note(FactKind.MENDED, "NUL bytes taken off", block.number(at))
            kept.append(at)
            mended.append(whole)
        places = np.concatenate((good, np.array(kept, np.int64)))
        return places, pa.concat_arrays([texts, pa.array(mended, pa.string())])

    def _match(self, texts: pa.Array, numbers: _Rows, run: Run, state: State) -> tuple[list[pa.Table], list[int]]:
        """Match texts against each pattern in turn; give the rows and the places that none takes."""
        del run
        tables: list[pa.Table] = []
        left = np.arange(len(texts))
        for place, shape in enumerate(self.shapes):
            if not len(left):
                break
            found = pc.extract_regex(texts if len(left) == len(texts) else texts.take(pa.array(left)), shape)
            fits = found.is_valid()
            mask = fits.to_numpy(zero_copy_only=False)
            if not mask.any():
                continue
            kept = found if mask.all() else found.filter(fits)
            names = [self.renamed.get(one.name, one.name) for one in kept.type]
            held = [unless(one, self.blanks) for one in kept.flatten()]
            tables.append(
                self._fitted(self._widen(pa.table(held, names=names), place, state), numbers[left[mask]], state)
            )
            left = left[~mask]
        return tables, left.tolist()

    def _fitted(self, table: pa.Table, numbers: _Rows, state: State) -> pa.Table:
        """Put texts by name into the schema."""
        times = self._times(table, state)
        if self.local_lines and times is not None:
            local = pc.and_kleene(times.is_valid(), pc.fill_null(self._local(table), fill_value=False))
            local = local.to_numpy(zero_copy_only=False).astype(np.bool_)
            state.local += [numbers[local]] if local.any() else []
        if times is not None:
            table = table.append_column(TIME_UTC.name, times)
            if self.as_written in table.column_names:
                left = pc.if_else(times.is_null(), flat(table[self.as_written]), pa.scalar(None, pa.string()))
                table = table.set_column(table.column_names.index(self.as_written), self.as_written, left)
        time = None if times is None else TIME_UTC.name
        return fit(table, numbers, self.schema, time=time, host=self.host_name)

    def _anomaly(self, block: Block, at: int, run: Run, state: State) -> Anomaly:
        del state
        if block.cut and at == len(block) - 1:
            run.note(FactKind.TRUNCATED, "the file ends in mid-line", block.number(at))
            return line_anomaly(block, at, AnomalyKind.TRUNCATED, "the file ends in mid-line")
        return line_anomaly(block, at, AnomalyKind.BAD_RECORD, self.fault)


def unless(column: pa.Array, blanks: tuple[str, ...]) -> pa.Array:
    """Give a column with null for the texts that stand for nothing."""
    for one in blanks:
        column = pc.if_else(pc.equal(column, one), pa.scalar(None, pa.string()), column)
    return column


def _plain(table: pa.Table) -> pa.Table:
    return pa.table(
        [one.cast(pa.string()) if pa.types.is_dictionary(one.type) else one for one in table.columns],
        names=table.column_names,
    )
