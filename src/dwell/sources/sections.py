"""The reader beneath settings as text: a line that names a thing, then its values, until the next one is named.

Each thing is a record under the number of its first line; the lines behind it are structural. One that goes on beyond
`SECTION_BYTES_MAX` becomes several records of one name, so that memory stays bounded and nothing is lost.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, ClassVar

import pyarrow as pa

from dwell.model.provenance import AnomalyKind, Fact, FactKind
from dwell.sources.lines import Block, blocks, decode_line, line_anomaly
from dwell.sources.source import EXTRA, HOST, RECORD_NO, TIME_UTC, Batch, Hint, Source
from dwell.sources.spread import spread

__all__ = ["SECTION_BYTES_MAX", "Pairs", "Sections"]

SECTION_BYTES_MAX = 1 << 20
_GATHERED_BYTES = 8 << 20
"""So much text is held before a batch is given."""
Pairs = list[tuple[str, str]]


@dataclass(slots=True)
class _Section:
    """A thing whose lines are being gathered."""

    number: int
    title: str
    lines: list[str] = field(default_factory=list)
    size: int = 0


@dataclass(slots=True)
class _Held:
    """Lines on their way into things, things on their way into batches.

    Attributes:
        batch: what the next batch has so far.
        made: numbers and values of the things that are whole.
        odd: numbers of lines that were no UTF-8.
        size: characters gathered.
        head: the first line that belongs to the format.
        now: the thing at hand.
        apart: whether the line before was blank.
    """

    batch: Batch = field(default_factory=Batch)
    made: list[tuple[int, Pairs]] = field(default_factory=list)
    odd: list[int] = field(default_factory=list)
    size: int = 0
    head: str = ""
    now: _Section | None = None
    apart: bool = True


class Sections(Source):
    """Settings as text."""

    needs_blank: ClassVar[bool] = False
    """Whether only the line behind a blank one, or the first, can name a thing."""

    @abstractmethod
    def _title(self, line: str) -> str | None:
        """Give what a line names; None where it names nothing."""

    @abstractmethod
    def _is_head(self, line: str) -> bool:
        """Say whether a line before the first thing belongs to the format."""

    @abstractmethod
    def _named(self, title: str, lines: list[str], head: str) -> Pairs:
        """Give the names and values of a thing.

        Args:
            title: what its first line names.
            lines: the lines behind it.
            head: the first line of the file that belongs to the format.
        """

    def read(self, stream: BinaryIO, hint: Hint) -> Iterator[Batch]:
        """Yield the things, some megabytes of text to a batch; a file without any is anomalies."""
        del hint
        held = _Held()
        for block in blocks(stream):
            held.batch.bytes_read += block.size_bytes
            if block.too_long is not None:
                held.batch.anomalies.append(block.too_long)
                continue
            for at in range(len(block)):
                self._take(held, block, at)
            if held.size > _GATHERED_BYTES and held.made:
                yield self._batch(held)
        self._close(held)
        yield self._batch(held)

    def _take(self, held: _Held, block: Block, at: int) -> None:
        """Take a line."""
        text, reencoded = decode_line(block.line(at))
        title = self._title(text) if held.apart or not self.needs_blank else None
        held.apart = not text.strip("\0 \t")
        if not text.strip("\0 \t"):
            if "\0" in text:
                held.batch.anomalies.append(line_anomaly(block, at, AnomalyKind.NUL_RUN, "a run of NUL bytes"))
            else:
                held.batch.structural += 1
        elif held.now is None and title is None:
            if self._is_head(text):
                held.head = held.head or text
                held.batch.structural += 1
            else:
                fault = "a line before anything is named"
                held.batch.anomalies.append(line_anomaly(block, at, AnomalyKind.NO_HEADER, fault))
        else:
            if reencoded:
                held.odd.append(block.number(at))
            self._put(held, block.number(at), text, title)

    def _put(self, held: _Held, number: int, text: str, title: str | None) -> None:
        """Begin a thing, or put a line to the one at hand."""
        now = held.now
        held.size += len(text)
        if title is not None:
            self._close(held)
            held.now = _Section(number, title)
        elif now is not None and now.size + len(text) > SECTION_BYTES_MAX:
            self._close(held)
            held.now = _Section(number, now.title, [text], len(text))
        elif now is not None:
            now.lines.append(text)
            now.size += len(text)
            held.batch.structural += 1

    def _close(self, held: _Held) -> None:
        if held.now is not None:
            now = held.now
            held.made.append((now.number, self._named(now.title, now.lines, held.head)))
            held.batch.facts += self._facts(now.number, now.title, now.lines)
            held.now = None

    def _batch(self, held: _Held) -> Batch:
        """Give what was gathered, and begin anew with the thing at hand."""
        out = held.batch
        if held.made:
            out.records = self._records(held.made)
        if held.odd:
            what = "no UTF-8, read as Windows-1252"
            out.facts.append(Fact(FactKind.REENCODED, held.odd[0], None, None, len(held.odd), what))
        held.batch, held.made, held.odd, held.size = Batch(), [], [], 0
        return out

    def _records(self, made: list[tuple[int, Pairs]]) -> pa.RecordBatch:
        count = len(made)
        kinds: Mapping[str, pa.DataType] = {
            one.name: one.type
            for one in self.schema
            if one.name not in {RECORD_NO.name, TIME_UTC.name, HOST.name, EXTRA.name}
        }
        names = [name for _, pairs in made for name, _ in pairs]
        values = [value for _, pairs in made for _, value in pairs]
        columns = spread(names, values, [len(pairs) for _, pairs in made], kinds, self._resolve)
        columns[RECORD_NO.name] = pa.array([number for number, _ in made], pa.int64())
        columns[TIME_UTC.name] = pa.nulls(count, TIME_UTC.type)
        columns[HOST.name] = pa.nulls(count, HOST.type)
        records = pa.RecordBatch.from_arrays([columns[name] for name in self.schema.names], schema=self.schema)
        return self._completed(records)

    def _resolve(self, name: str) -> str:
        """Give the column that a name stands for; the name itself where it is none."""
        return name

    def _completed(self, records: pa.RecordBatch) -> pa.RecordBatch:
        """Put into records what only whole records show."""
        return records

    def _facts(self, number: int, title: str, lines: list[str]) -> list[Fact]:
        """Give what is told of a thing besides its values."""
        del number, title, lines
        return []
