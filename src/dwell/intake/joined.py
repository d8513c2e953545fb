"""Small logs of one kind read as if they were one: an hour's log costs more to open than to read.

Files are put one behind the other only where each says by its own first lines how it is to be read. Where anything in
them has to be told of the file that it stands in (a line that cannot be read, a clock that goes back), nothing is given,
and they are read one by one.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.model.provenance import Fact
from dwell.sources.source import RECORD_NO, Batch, Hint, Source

__all__ = ["FILE_BYTES_MAX", "JOINED_BYTES", "Joined", "joined"]

FILE_BYTES_MAX = 1 << 20
"""Larger files gain nothing."""
JOINED_BYTES = 8 << 20
"""So much is read at once."""


class Joined(NamedTuple):
    """What several files hold.

    Attributes:
        batches: their records, in the order of the files; `record_no` counts within each file.
        spans: for each batch (place of the file, number of its records), in order.
        facts: what was learned of each file.
        lines: how many lines each file has.
    """

    batches: list[pa.RecordBatch]
    spans: list[list[tuple[int, int]]]
    facts: list[list[Fact]]
    lines: list[int]


def joined(source: Source, contents: Sequence[bytes]) -> Joined | None:
    """Read files at once; None where they have to be read one by one.

    Args:
        source: what reads them.
        contents: the bytes of each.
    """
    if not all(source.opens_by_itself(one) for one in contents):
        return None
    whole = [one if one.endswith(b"\n") else one + b"\n" for one in contents]
    lines = [one.count(b"\n") for one in whole]
    before = np.concatenate(([0], np.cumsum(lines)))
    out = Joined([], [], [[] for _ in contents], lines)
    for batch in source.read(io.BytesIO(b"".join(whole)), Hint()):
        if batch.anomalies or not all(_of_one_line(fact) for fact in batch.facts):
            return None
        for fact in batch.facts:
            number = fact.record_no or 0
            place = int(np.searchsorted(before, number)) - 1
            out.facts[place].append(replace(fact, record_no=number - int(before[place])))
        for records, spans in _apart(batch, before):
            out.batches.append(records)
            out.spans.append(spans)
    return out


def _of_one_line(fact: Fact) -> bool:
    return bool(fact.record_no) and fact.count == 1


def _apart(batch: Batch, before: npt.NDArray[np.int64]) -> Iterator[tuple[pa.RecordBatch, list[tuple[int, int]]]]:
    """Number a batch's records within their files; say how many are of which file."""
    records = batch.records
    if records is None or not records.num_rows:
        return
    numbers = records[RECORD_NO.name].to_numpy()
    places = np.searchsorted(before, numbers) - 1
    own = pa.array(numbers - before[places], RECORD_NO.type)
    starts = np.append(0, np.flatnonzero(np.diff(places)) + 1)
    spans = zip(places[starts].tolist(), np.diff(starts, append=len(places)).tolist(), strict=True)
    column = records.schema.get_field_index(RECORD_NO.name)
    yield records.set_column(column, RECORD_NO, own), list(spans)
