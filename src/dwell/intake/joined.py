"""Small logs of one kind read as if they were one: an hour's log costs more to open than to read.

Files are put one behind the other only where each says by its own first lines how it is to be read, and all say the same.
Where something is told that may be of any of them (a clock that goes back), nothing is given.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.model.provenance import Anomaly, Fact
from dwell.sources.source import RECORD_NO, Batch, Hint, Source

__all__ = ["FILE_BYTES_MAX", "JOINED_BYTES", "Joined", "joined", "mates"]

FILE_BYTES_MAX = 1 << 20
"""Larger files gain nothing."""
JOINED_BYTES = 8 << 20
"""So much is read at once."""


class Joined(NamedTuple):
    """What several files hold.

    Attributes:
        batches: their records, in the order of the files; `record_no` counts within each file.
        spans: for each batch (place of the file, number of its records), in order.
        anomalies: what could not be read of each file, by its own numbers and offsets.
        facts: what was learned of each file.
        lines: how many lines each file has.
    """

    batches: list[pa.RecordBatch]
    spans: list[list[tuple[int, int]]]
    anomalies: list[list[Anomaly]]
    facts: list[list[Fact]]
    lines: list[int]


def mates(source: Source, contents: Sequence[bytes | None]) -> Iterator[range]:
    """Part files into neighbours that may be read at once; give their places.

    Args:
        source: what reads them.
        contents: the bytes of each; None for one that has to be read by itself.
    """
    keys = [place if (key := _key(source, one)) is None else key for place, one in enumerate(contents)]
    for _, run in groupby(range(len(keys)), keys.__getitem__):
        places = list(run)
        yield range(places[0], places[-1] + 1)


def _key(source: Source, content: bytes | None) -> bytes | None:
    """Name what a file can be joined with. One that ends in mid-line is read by itself: what is cut has to be told."""
    if content is None or not content.endswith(b"\n"):
        return None
    return source.joins_as(content.removeprefix(codecs.BOM_UTF8))


def joined(source: Source, contents: Sequence[bytes]) -> Joined | None:
    """Read files at once that are mates; None where they have to be parted.

    Args:
        source: what reads them.
        contents: the bytes of each.
    """
    marks = [len(codecs.BOM_UTF8) if one.startswith(codecs.BOM_UTF8) else 0 for one in contents]
    bare = [one[mark:] for one, mark in zip(contents, marks, strict=True)]
    lines = [one.count(b"\n") for one in bare]
    before = np.concatenate(([0], np.cumsum(lines)))
    bytes_before = np.concatenate(([0], np.cumsum([len(one) for one in bare])))
    out = Joined([], [], [[] for _ in contents], [[] for _ in contents], lines)
    hint = Hint(seams=tuple((before[1:-1] + 1).tolist()))
    for batch in source.read(io.BytesIO(b"".join(bare)), hint):
        for one in batch.anomalies:
            place = int(np.searchsorted(before, one.record_no)) - 1
            offset = None if one.offset_bytes is None else one.offset_bytes - int(bytes_before[place]) + marks[place]
            number = one.record_no - int(before[place])
            out.anomalies[place].append(replace(one, record_no=number, offset_bytes=offset))
        for fact in batch.facts:
            if not fact.record_no:
                return None
            place = int(np.searchsorted(before, fact.record_no)) - 1
            out.facts[place].append(replace(fact, record_no=fact.record_no - int(before[place])))
        for records, spans in _apart(batch, before):
            out.batches.append(records)
            out.spans.append(spans)
    return out


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
