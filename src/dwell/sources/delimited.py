"""The reader beneath every format of delimited, quoted lines with a header: Exchange's text logs and CSV exports.

Runs of plain lines go to a vectorised parser in one piece. An odd line is looked at by itself: an open quote takes in the
lines that follow it, up to `lines_max` and `bytes_max`; where that gives no record of the right size, or swallows whole
records, the line is mended or becomes an anomaly, and reading goes on at the very next line. Lines that continue a
record count as structural, so that records, anomalies and structural lines add up to the lines of the file.
"""

from __future__ import annotations

import io
import re
from abc import abstractmethod
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pa_csv

from dwell.model.provenance import Anomaly, AnomalyKind, Fact, FactKind
from dwell.sources.columns import fit, joined, reversals
from dwell.sources.lines import Block, after, blocks, by_file, decode_line, from_line, line_anomaly
from dwell.sources.quoted import Scan, split_cells
from dwell.sources.source import Batch, Hint, Source

__all__ = ["COLUMNS_MAX", "STARTS_TIMED", "Delimited", "Mended", "State", "unique_names"]

COLUMNS_MAX = 1024
"""A header with more columns than this is none: no format we read has them."""

STARTS_TIMED = re.compile(r'"?\d{4}-\d\d-\d\dT')
"""How a record of an Exchange log starts."""

_CODED = pa.dictionary(pa.int32(), pa.string())
_CARRY = 0


def unique_names(names: Sequence[str]) -> list[str]:
    """Number the repeats among column names, so that none hides another."""
    out: list[str] = []
    held: set[str] = set()
    for name in names:
        unique, count = name, 2
        while unique in held:
            unique = f"{name}#{count}"
            count += 1
        held.add(unique)
        out.append(unique)
    return out


@dataclass(slots=True)
class State:
    """What a reader carries from line to line.

    Attributes:
        names: the columns now in force; empty before any header.
        header: the header line as it stands in the file, to know it again.
        delimiter: what stands between cells; settled by the first header.
        settled: whether it is.
        guard: whether a record must start with an instant.
        time: the column that holds it.
        host: the column that holds the host.
        log_type: what the file calls the log.
        refused: why the lines are not taken, where they are another format's.
        headless: why there are no columns, where a header stood above and was not taken.
        build: the build a header named, not yet reported.
        last: the last instant read, and the number of its record.
        seams: see `Hint`.
        facts: learned since the last batch.
    """

    names: list[str] = field(default_factory=list)
    header: bytes = b""
    delimiter: str = ","
    settled: bool = False
    guard: bool = False
    time: str | None = None
    host: str | None = None
    log_type: str = ""
    refused: str = ""
    headless: str = ""
    build: tuple[str, int] | None = None
    last: tuple[int, int] | None = None
    seams: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    facts: list[Fact] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Mended:
    """One record read by itself: its cells by name, and how it was mended ("" where it was whole)."""

    names: Sequence[str]
    cells: Sequence[str]
    how: str = ""


@dataclass(slots=True)
class _Run:
    """A stretch of lines under one header."""

    start: int
    rows: list[tuple[int, Mended]] = field(default_factory=list)
    anomalies: list[Anomaly] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)
    structural: int = 0
    counts: dict[tuple[FactKind, str], list[int]] = field(default_factory=dict)

    def note(self, kind: FactKind, what: str, number: int) -> None:
        self.counts.setdefault((kind, what), []).append(number)


class Delimited(Source):
    """A format of delimited lines.

    Attributes:
        unreadable_detail: what a line before any header is called.
        lines_max: a record that spans more lines than this has a quote that was never closed.
        bytes_max: the lines after a record's first one hold at most this much, or its quote was never closed.
    """

    unreadable_detail: ClassVar[str] = "a line before any header: the columns are unknown"
    lines_max: ClassVar[int] = 50
    bytes_max: ClassVar[int] = 65_536

    @abstractmethod
    def _is_notice(self, text: str, state: State) -> bool:
        """Say whether a line is no record: a comment or a header."""

    @abstractmethod
    def _notice(self, raw: bytes, text: str, number: int, state: State) -> None:
        """Take in a comment or header line."""

    def _alters(self, text: str) -> bool:
        """Say whether a comment or header may change how the lines after it are read."""
        return not text.startswith("#")

    def _assume(self, text: str, number: int, state: State) -> None:
        """Settle the columns by the first record where no header came before it; do nothing where that is unsure."""

    def _mend(self, text: str, cells: list[str] | None, state: State) -> Mended | None:
        """Make a record of a line whose cells are not as many as the columns, or whose quotes do not match."""
        if cells is None:
            cells = text.split(state.delimiter)
            if len(cells) == len(state.names):
                return Mended(state.names, cells, "a quote that is never closed, taken as a character")
            return None
        surplus = cells[len(state.names) :]
        if surplus and not any(surplus):
            return Mended(state.names, cells[: len(state.names)], "empty cells past the last column left out")
        return None

    def read(self, stream: BinaryIO, hint: Hint) -> Iterator[Batch]:
        """Yield one batch or more per run of lines under one header."""
        state = State(seams=np.array(hint.seams, dtype=np.int64))
        held: Block | None = None
        for block in blocks(stream):
            if block.too_long is None:
                if held is not None:
                    tail = yield from self._read_block(held, state, final=False)
                    block = block if tail is None else after(tail, block)
                held = block
                continue
            if held is not None:
                yield from self._read_block(held, state, final=True)
                held = None
            yield Batch(anomalies=[block.too_long], bytes_read=block.size_bytes)
        if held is not None:
            yield from self._read_block(held, state, final=True)

    def _read_block(self, block: Block, state: State, *, final: bool) -> Generator[Batch, None, Block | None]:
        """Read a block; give the lines at its end that need the next block to be read."""
        scan = Scan(block, state.delimiter, state.seams)
        limit = len(block) if final else len(block) - 1
        run = _Run(0)
        at = 0
        while at < limit:
            if state.names and not state.refused:
                odd = min(scan.next_odd(at, guard=state.guard), limit)
                if odd > at:
                    at = odd
                    continue
            text, reencoded = decode_line(block.line(at))
            text = text.removeprefix("\ufeff")
            notice = not scan.blank[at] and self._is_notice(text, state)
            if notice and (not self._alters(text) or _says_nothing_new(block.line(at), text, state)):
                self._notice(block.line(at), text, block.number(at), state)
                run.taken.append(at)
                run.structural += 1
                at += 1
                continue
            if notice:
                yield from self._flush(scan, run, at, state)
                self._notice(block.line(at), text, block.number(at), state)
                if scan.delimiter != state.delimiter:
                    scan = Scan(block, state.delimiter, state.seams)
                at += 1
                run = _Run(at, structural=1)
                continue
            used = self._take(scan, at, (text, reencoded), run, state, final=final)
            if used == _CARRY:
                break
            at += used
        yield from self._flush(scan, run, at, state)
        yield Batch(bytes_read=block.at(at) - block.offset if at < len(block) else block.size_bytes)
        return from_line(block, at) if at < len(block) else None

    def _take(self, scan: Scan, at: int, decoded: tuple[str, bool], run: _Run, state: State, *, final: bool) -> int:
        """Read one odd line; give how many lines that used, `_CARRY` where the next block is needed for it."""
        block = scan.block
        text, reencoded = decoded
        number = block.number(at)
        run.taken.append(at)
        if scan.blank[at]:
            run.structural += 1
            return 1
        whole = text.strip("\0")
        if not whole.strip():
            kind = AnomalyKind.NUL_RUN if "\0" in text else AnomalyKind.BAD_RECORD
            detail = "a run of NUL bytes" if "\0" in text else "nothing but blanks"
            run.anomalies.append(line_anomaly(block, at, kind, detail))
            return 1
        if not state.names:
            self._assume(whole, number, state)
        if state.refused or not state.names:
            kind = AnomalyKind.UNREADABLE if state.refused else AnomalyKind.NO_HEADER
            run.anomalies.append(
                line_anomaly(block, at, kind, state.refused or state.headless or self.unreadable_detail)
            )
            return 1
        found, used = self._record(scan, at, whole, state, final=final)
        if used == _CARRY:
            run.taken.pop()
            return _CARRY
        if found is None:
            kind, detail = _fault(scan, at, whole, state)
            run.anomalies.append(line_anomaly(block, at, kind, detail))
            if kind is AnomalyKind.TRUNCATED:
                state.facts.append(Fact(FactKind.TRUNCATED, number, None, None, 1, "the file ends in mid-record"))
            return 1
        run.taken.extend(range(at + 1, at + used))
        run.structural += used - 1
        run.rows.append((number, found))
        if reencoded:
            run.note(FactKind.REENCODED, "no UTF-8, read as Windows-1252", number)
        if len(whole) < len(text):
            run.note(FactKind.MENDED, "NUL bytes taken off", number)
        if found.how:
            run.note(FactKind.MENDED, found.how, number)
        return used

    def _record(self, scan: Scan, at: int, text: str, state: State, *, final: bool) -> tuple[Mended | None, int]:
        """Make a record of the line at `at` and, where it leaves a quote open, of the lines behind it."""
        cells = split_cells(text, state.delimiter)
        if cells is not None and len(cells) == len(state.names):
            return Mended(state.names, cells), 1
        if cells is None and (not state.guard or STARTS_TIMED.match(text)):
            last = self._closing_line(scan, at, final=final)
            if last == _CARRY:
                return None, _CARRY
            if last is not None:
                lines = [text, *(decode_line(scan.block.line(one))[0] for one in range(at + 1, last + 1))]
                several = split_cells("\n".join(lines), state.delimiter)
                if several is not None and len(several) == len(state.names) and not _swallows(lines, state):
                    return Mended(state.names, several), last - at + 1
        return self._mend(text, cells, state), 1

    def _closing_line(self, scan: Scan, at: int, *, final: bool) -> int | None:
        """Find the line that closes the quote left open at `at`; None where none does, `_CARRY` where it may lie ahead."""
        block = scan.block
        if scan.quotes[at] % 2 == 0:
            return None
        stop = scan.file_end(at)
        line = min(scan.next_unbalanced(at + 1), stop)
        known = min(line, stop - 1)
        if line - at >= self.lines_max or int(block.ends[known] - block.ends[at]) > self.bytes_max:
            return None
        if line < stop:
            return line
        return None if final or stop < len(block) else _CARRY

    def _flush(self, scan: Scan, run: _Run, stop: int, state: State) -> Iterator[Batch]:
        """Yield what the run has gathered, its plain lines parsed."""
        tables: list[pa.Table] = []
        if stop > run.start and state.names and not state.refused:
            plain = scan.plain(guard=state.guard)[run.start : stop].copy()
            plain[np.array(run.taken, dtype=np.int64) - run.start] = False
            good = np.flatnonzero(plain) + run.start
            again = _same_lines(scan.block, good, state.header)
            run.structural += int(again.sum())
            good = good[~again]
            if len(good):
                table, refused = self._parse(scan.block, good, state)
                if table is not None:
                    tables.append(table)
                for at in refused:
                    self._take(scan, at, decode_line(scan.block.line(at)), run, state, final=True)
        tables.extend(self._mended(run, state))
        batch = Batch(
            anomalies=sorted(run.anomalies, key=lambda one: one.record_no), facts=state.facts, structural=run.structural
        )
        state.facts = []
        for (kind, what), numbers in sorted(run.counts.items()):
            batch.facts += [Fact(kind, min(one), None, None, len(one), what) for one in by_file(numbers, state.seams)]
        if tables:
            table = tables[0] if len(tables) == 1 else _together(tables)
            state.last = reversals(table, state.last, batch.facts, state.seams) if self.is_log else None
            parts = table.combine_chunks().to_batches()
            for one in parts[:-1]:
                yield Batch(records=self._completed(one))
            batch.records = self._completed(parts[-1])
        yield batch

    def _completed(self, records: pa.RecordBatch) -> pa.RecordBatch:
        """Put into records of the schema what only whole records show."""
        return records

    def _mended(self, run: _Run, state: State) -> Iterator[pa.Table]:
        """Yield the rows that were read one by one, as one table per set of columns."""
        groups: dict[tuple[str, ...], list[tuple[int, Mended]]] = {}
        for row in run.rows:
            groups.setdefault(tuple(row[1].names), []).append(row)
        for names, rows in groups.items():
            columns = zip(*(row.cells for _, row in rows), strict=True)
            table = pa.table([pa.array([cell or None for cell in one], pa.string()) for one in columns], names=names)
            numbers = np.array([number for number, _ in rows], dtype=np.int64)
            yield self._fit(table, numbers, state)

    def _parse(self, block: Block, good: npt.NDArray[np.int64], state: State) -> tuple[pa.Table | None, list[int]]:
        """Parse plain lines at once; give those with another number of cells to be looked at one by one."""
        types = dict.fromkeys(state.names, _CODED)
        coded = {*self.lexicon, state.host}
        for one in self.schema:
            if pa.types.is_string(one.type) and one.name not in coded and one.name in types:
                types[one.name] = pa.string()
        refused: list[int] = []

        def refuse(row: pa_csv.InvalidRow) -> str:
            refused.append(row.number)
            return "skip"

        data = joined(block, good)
        try:
            table = pa_csv.read_csv(
                io.BytesIO(data) if isinstance(data, bytes) else pa.BufferReader(data),
                read_options=pa_csv.ReadOptions(column_names=state.names, use_threads=False, block_size=1 << 26),
                parse_options=pa_csv.ParseOptions(
                    delimiter=state.delimiter, ignore_empty_lines=False, invalid_row_handler=refuse
                ),
                convert_options=pa_csv.ConvertOptions(
                    column_types=types, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=True
                ),
            )
        except pa.ArrowInvalid:
            return None, good.tolist()
        if table.num_rows + len(refused) != len(good):
            return None, good.tolist()
        numbers = good
        if refused:
            places = np.array(refused, dtype=np.int64) - 1
            numbers = np.delete(good, places)
            refused = good[places].tolist()
        if not len(numbers):
            return None, refused
        return self._fit(table, block.first_line + numbers, state), refused

    def _fit(self, table: pa.Table, numbers: npt.NDArray[np.int64], state: State) -> pa.Table:
        """Put a table of text columns into the schema."""
        return fit(table, numbers, self.schema, time=state.time, host=state.host)


def _swallows(lines: Sequence[str], state: State) -> bool:
    """Say whether a line inside a record would be a whole one by itself: then the quote was never closed."""
    wanted = len(state.names)
    if state.guard or wanted < 2:
        return False
    return any(len(split_cells(one, state.delimiter) or ()) == wanted for one in lines[1:-1])


def _fault(scan: Scan, at: int, text: str, state: State) -> tuple[AnomalyKind, str]:
    block = scan.block
    cells = split_cells(text, state.delimiter)
    found = len(cells) if cells is not None else len(text.split(state.delimiter))
    if block.cut and at == len(block) - 1:
        return AnomalyKind.TRUNCATED, f"the file ends in mid-record: {found} columns of {len(state.names)}"
    if state.guard and not STARTS_TIMED.match(text):
        return AnomalyKind.BAD_TIME, f"{found} columns of {len(state.names)}, and no instant at the start"
    if cells is None:
        return AnomalyKind.BAD_QUOTE, "a quote that is opened or closed in the wrong place"
    return AnomalyKind.COLUMN_COUNT, f"{found} columns where the header names {len(state.names)}"


def _says_nothing_new(raw: bytes, text: str, state: State) -> bool:
    """Say whether a line is the header or the kind of log in force once more: the run of lines goes on.

    A run of its own for every few lines costs a hundred times what the lines cost.
    """
    word, _, value = text.partition(":")
    if word.lower() == "#log-type":
        return value.strip() == state.log_type != ""
    told = value.strip().encode() if word.lower() == "#fields" else raw
    return told == state.header != b""


def _same_lines(block: Block, rows: npt.NDArray[np.int64], line: bytes) -> npt.NDArray[np.bool_]:
    """Say which lines are the header over again, as where exports were put together."""
    same: npt.NDArray[np.bool_] = (block.ends[rows] - block.starts[rows]) == len(line)
    for place in np.flatnonzero(same):
        same[place] = block.line(int(rows[place])) == line
    return same


def _together(tables: list[pa.Table]) -> pa.Table:
    """Put tables of one schema together in record order, text columns coded alike."""
    whole = [pa.table([_plain_text(column) for column in one.columns], names=one.column_names) for one in tables]
    return pa.concat_tables(whole).sort_by("record_no")


def _plain_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
