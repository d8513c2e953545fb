"""What a source is: the interface between bytes and the archive.

A source is pure. It sees a stream of bytes (already unpacked) and a hint, and yields `Batch`es: Arrow rows of one
fixed schema, the anomalies it met, and facts about the file. It knows nothing of cases, hashes or tables on disk.

Contract, tested for every source by `tests/sources/test_contract.py`:

* `records + anomalies + structural` equals the number of lines (or binary records) in the stream. Nothing is dropped.
* `read` never raises on any bytes; what it cannot read becomes an `Anomaly`.
* Memory is bounded by `BLOCK_BYTES` and `BATCH_ROWS`, not by the stream.
* Columns carry the vendor's own names. Columns a file holds beyond the schema go to the `extra` map, never dropped.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.model.instants import Dated, TimeBasis
from dwell.model.provenance import Anomaly, Fact
from dwell.sources.utf8_stream import encoding_of

__all__ = [
    "BATCH_ROWS",
    "BLOCK_BYTES",
    "EXTRA",
    "HEAD_BYTES",
    "HOST",
    "RECORD_NO",
    "TIME_UTC",
    "Batch",
    "Guess",
    "Hint",
    "Sniff",
    "Source",
    "Stamp",
    "prefix_fields",
]

HEAD_BYTES = 65_536
"""How much of a file `identify` sees."""
BLOCK_BYTES = 16 * 1024 * 1024
"""How much a text reader holds at once."""
BATCH_ROWS = 131_072
"""How many rows a record-by-record reader gathers before it yields."""

RECORD_NO = pa.field("record_no", pa.int64(), nullable=False)
TIME_UTC = pa.field("time_utc", pa.timestamp("us", tz="UTC"))
HOST = pa.field("host", pa.string())
EXTRA = pa.field("extra", pa.map_(pa.string(), pa.string()))
"""Columns the file holds beyond the schema, by their own names."""


def prefix_fields() -> list[pa.Field]:
    """Give the columns every table starts with (intake puts `evidence_id` before them)."""
    return [RECORD_NO, TIME_UTC, HOST]


@lru_cache(maxsize=2)
def _decoded(head: bytes) -> str:
    """Decode a head once, though every source asks for its text."""
    encoding, mark_bytes = encoding_of(head)
    return head[mark_bytes:].decode(encoding or "utf-8", errors="replace")


@dataclass(frozen=True, slots=True)
class Sniff:
    """What `identify` may look at.

    Attributes:
        head: the first `HEAD_BYTES` of the unpacked stream.
        name: path inside the evidence, `/`-separated; a hint, never proof.
        complete: whether `head` is the whole file.
    """

    head: bytes
    name: str
    complete: bool

    @property
    def text(self) -> str:
        """Give the head as text, what cannot be decoded replaced."""
        return _decoded(self.head)


@dataclass(frozen=True, slots=True, order=True)
class Guess:
    """How sure a source is that a file is its own.

    Attributes:
        score: 0 (no) to 100 (a magic number or an unmistakable header). Below `registry.ACCEPT_SCORE` it is only a guess.
        source: the source's key.
        why: what was seen, in our words.
    """

    score: int
    source: str
    why: str


@dataclass(frozen=True, slots=True)
class Hint:
    """What intake knows of a file that its bytes may not say.

    Attributes:
        name: path inside the evidence, `/`-separated.
        host: host from the folder names, "" where none was found.
        size_bytes: size of the unpacked stream where known.
        seams: where the stream is several files, one behind another (`Source.joins_as`): the lines at which each but the
            first begins, in order. No record reaches across one and nothing on both sides of it is compared. What is told
            of one file is told with a number of that file; a fact without a number may be of any.
    """

    name: str = ""
    host: str = ""
    size_bytes: int | None = None
    seams: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Stamp:
    """Where the instants of a format come from.

    Attributes:
        field: what holds them, as the format names it; "" where there are none.
        basis: where the zone comes from, of rows that are not local time.
        precision: the unit they are written to, `second`, `millisecond` or `microsecond`; "" where the writer chooses.
    """

    field: str
    basis: TimeBasis
    precision: str = ""

    @property
    def words(self) -> str:
        """Give it in words; "" where there are no instants."""
        return Dated(self.basis, "", self.field, self.precision).words if self.field else ""


@dataclass(slots=True)
class Batch:
    """One step of reading.

    Attributes:
        records: rows in the source's `schema`, or None. `time_utc` is null where the instant is unknown; `host` is null
            where only the hint names it.
        anomalies: stretches that could not be read.
        facts: what else was learned.
        structural: lines that are neither record nor anomaly: headers, comments, blank lines.
        bytes_read: bytes of the stream consumed by this step.
        local: numbers of the records whose instant is local time without a zone, given as if it were UTC; None for none of
            them, or for all where the source's `local_time` says so. Numbers of other batches may be among them.
    """

    records: pa.RecordBatch | None = None
    anomalies: list[Anomaly] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    structural: int = 0
    bytes_read: int = 0
    local: npt.NDArray[np.int64] | None = None


class Source(ABC):
    """One evidence format.

    Attributes:
        key: short stable name; the archive table is called the same unless `table` says otherwise.
        title: the vendor's name for the format.
        stamp: where the rows' instants come from.
        schema: Arrow schema of the rows, starting with `prefix_fields()`.
        lexicon: text columns whose distinct values are kept per data file.
        unit: what `record_no` counts: `line` or `record`.
        is_log: True where rows are events in time, so that hours without rows mean something for coverage.
        by_shape: True where lines alone tell the format; it is not asked where a header or magic number has settled it.
        local_time: True where every instant is the machine's local time without a zone; `read` gives it as if it were UTC.
        local_lines: True where that holds of some records and not of others: `Batch.local` says of which.
        grows: True where what a line says hangs on nothing behind it, so that a log which has grown can be read on.
        joins: True where small files may be read one behind another; `joins_as` says which.
    """

    key: str
    title: str
    stamp: Stamp
    schema: pa.Schema
    lexicon: Sequence[str] = ()
    unit: str = "line"
    is_log: bool = True
    by_shape: bool = False
    local_time: bool = False
    local_lines: bool = False
    grows: bool = False
    joins: bool = False

    @property
    def table(self) -> str:
        """Give the archive table its rows go to; several sources may share one."""
        return self.key

    @abstractmethod
    def identify(self, sniff: Sniff) -> Guess | None:
        """Say whether the file is of this format; None for a clear no."""

    def joins_as(self, content: bytes) -> bytes | None:
        """Give what a file's first lines say of how it is read: files of which that is the same are read as one.

        Args:
            content: the whole file, without a byte-order mark.

        Returns:
            None where its first lines do not say all that reading it takes, so that it has to be read by itself.
        """
        del content
        return None

    @abstractmethod
    def read(self, stream: BinaryIO, hint: Hint) -> Iterator[Batch]:
        """Yield the stream's rows, anomalies and facts in order. Never raises on any bytes."""
