"""The reader beneath every format of JSON objects that are flat or nearly so: one object a record, columns by name.

Names are matched without regard to case, since exports, tables and interfaces write one name in two or three ways. What
lies deeper is named by its path (`status.errorCode`), lists are kept as JSON texts. An object that only carries others
(`value`, `items`, `records` with a list of objects) gives its members as records; what else it holds goes to the first
one. A record wrapped as `{time, category, properties: {…}}` is read as one.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, BinaryIO, ClassVar

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.provenance import Anomaly, Fact, FactKind
from dwell.sources.evtx_text import mended_facts
from dwell.sources.json_objects import TWICE, lenient, objects, with_repeats
from dwell.sources.source import EXTRA, HOST, RECORD_NO, TIME_UTC, Batch, Guess, Hint, Sniff, Source
from dwell.sources.spread import spread
from dwell.sources.time_words import by_value, iso_or_dotnet

__all__ = ["JsonRecords", "Look", "look", "members", "merged"]

ROWS = 16_384
DEPTH_MAX = 12
"""Deeper structures are kept as one JSON text."""
_LISTS = ("value", "items", "records", "Records", "Value", "results", "Results", "activities")
"""Names under which objects carry a list of records."""
_OPENING = re.compile(r'^\s*\{[^{}\[\]]*"(?:' + "|".join(_LISTS) + r')"\s*:\s*\[')
_LOOKED_AT = 5
_WRAPPED = "properties"


@dataclass(frozen=True, slots=True)
class Look:
    """What the first records of a JSON file hold.

    Attributes:
        names: names of the first one, in lower case, those of a wrapper as well.
        records: the first ones, wrappers taken off.
    """

    names: frozenset[str]
    records: tuple[dict[str, Any], ...]

    def text(self, name: str) -> str:
        """Give a text of the first record; "" where it holds none of this name."""
        held = self.records[0].get(name) if self.records else None
        return held if isinstance(held, str) else ""


_NOTHING = Look(frozenset(), ())


@lru_cache(maxsize=4)
def look(sniff: Sniff) -> Look:
    """Look at the first records of what may be JSON."""
    text = sniff.text.lstrip()
    if not text.startswith(("{", "[")):
        return _NOTHING
    if (opening := _OPENING.match(text)) is not None and "}" not in opening[0]:
        text = text[opening.end() :]
    found: list[dict[str, Any]] = []
    for piece, _ in objects(io.BytesIO(text.encode(errors="replace"))):
        record = None if piece.fault else _decoded(piece.raw)[0]
        if record is not None:
            found.extend(merged(one) for one in members(record))
        if len(found) >= _LOOKED_AT:
            break
    if not found:
        return _NOTHING
    return Look(frozenset(name.lower() for name in found[0]), tuple(found[:_LOOKED_AT]))


def _decoded(raw: bytes) -> tuple[dict[str, Any] | None, str]:
    try:
        found, how = msgspec.json.decode(raw), ""
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        found, how = lenient(raw)
    return (found, how) if isinstance(found, dict) else (None, "")


def members(record: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the records that an object carries; the object itself where it carries none."""
    if len(record) > _LOOKED_AT:
        return [record]
    for name in _LISTS:
        held = record.get(name)
        if isinstance(held, list) and held and all(type(one) is dict for one in held):
            others = {f"envelope.{key}": value for key, value in record.items() if key != name}
            return [held[0] | others, *held[1:]]
    return [record]


def merged(record: dict[str, Any]) -> dict[str, Any]:
    """Give a wrapped record as one; what the wrapper repeats in other words keeps its own name."""
    inner = record.get(_WRAPPED)
    if type(inner) is not dict or not ("time" in record or "category" in record or "Category" in record):
        return record
    taken = {name.lower() for name in inner}
    outer = {
        (f"envelope.{name}" if name.lower() in taken else name): value
        for name, value in record.items()
        if name != _WRAPPED
    }
    return inner | outer


def _facts(mendings: Mapping[str, list[int]], repeated: list[int]) -> list[Fact]:
    """Give what is told of records that were mended, and of those in which a key stands several times."""
    out = mended_facts(mendings)
    return [*out, Fact(FactKind.REPEATED, repeated[0], None, None, len(repeated), TWICE)] if repeated else out


class _Gathered:
    """Names and values of records, side by side, on their way into a batch."""

    def __init__(self, whole: frozenset[str]) -> None:
        self.whole = whole
        self.numbers: list[int] = []
        self.names: list[str] = []
        self.values: list[str] = []
        self.counts: list[int] = []

    def add(self, number: int, record: dict[str, Any]) -> None:
        """Take one record."""
        before = len(self.names)
        self._take(record, "", 0)
        self.numbers.append(number)
        self.counts.append(len(self.names) - before)

    def _take(self, record: dict[str, Any], path: str, depth: int) -> None:
        names, values = self.names, self.values
        for key, value in record.items():
            kind = type(value)
            if kind is str:
                if value:
                    names.append(path + key)
                    values.append(value)
            elif kind is int or kind is float:
                names.append(path + key)
                values.append(str(value))
            elif kind is bool:
                names.append(path + key)
                values.append("true" if value else "false")
            elif kind is dict and value and depth < DEPTH_MAX and (path + key).lower() not in self.whole:
                self._take(value, f"{path}{key}.", depth + 1)
            elif value is not None and value not in ({}, []):
                names.append(path + key)
                values.append(msgspec.json.encode(value).decode())


class JsonRecords(Source):
    """A format of JSON records.

    Attributes:
        columns: the columns and their types.
        aliases: columns by other names, in lower case.
        whole: paths, in lower case, whose structures are kept as one JSON text.
        time_names: columns that hold the instant, the first that is filled counts.
        host_name: the column that names the host.
        marks: groups of names in lower case; a record with one of every group is ours.
        score: how sure such a record makes us.
    """

    unit = "record"
    grows = True
    columns: ClassVar[Mapping[str, pa.DataType]]
    aliases: ClassVar[Mapping[str, str]] = {}
    whole: ClassVar[frozenset[str]] = frozenset()
    time_names: ClassVar[tuple[str, ...]] = ()
    host_name: ClassVar[str | None] = None
    marks: ClassVar[tuple[frozenset[str], ...]] = ()
    score: ClassVar[int] = 85

    @cached_property
    def _known(self) -> dict[str, str]:
        return {name.lower(): name for name in self.columns} | dict(self.aliases)

    def _resolve(self, name: str) -> str:
        return self._known.get(name.lower(), name)

    def identify(self, sniff: Sniff) -> Guess | None:
        """Go by the names in the first record."""
        seen = look(sniff)
        if not seen.records or not self._is_ours(seen):
            return None
        return Guess(self.score, self.key, "JSON records with the names of this format")

    def _is_ours(self, seen: Look) -> bool:
        """Say whether the first records are of this format."""
        return bool(self.marks) and all(group & seen.names for group in self.marks)

    def _shaped(self, record: dict[str, Any]) -> dict[str, Any]:
        """Put a record into the shape that the columns expect."""
        return merged(record)

    def _instants(self, texts: pa.Array) -> pa.Array:
        """Read the distinct values of a time column; PowerShell 5 writes what it took for a date as `/Date(…)/`."""
        return iso_or_dotnet(texts)

    def read(self, stream: BinaryIO, hint: Hint) -> Iterator[Batch]:
        """Yield the records, some thousands to a batch."""
        del hint
        held = _Gathered(self.whole)
        anomalies: list[Anomaly] = []
        mendings: dict[str, list[int]] = {}
        repeated: list[int] = []
        number = told = taken = 0
        for piece, taken in objects(stream):
            record, how = (None, "") if piece.fault else _decoded(piece.raw)
            if record is None:
                number += 1
                anomalies.append(piece.anomaly(number, "no readable JSON"))
            else:
                whole = with_repeats(piece.raw, record)
                if whole is not record:
                    repeated.append(number + 1)
                for one in members(whole):
                    number += 1
                    held.add(number, self._shaped(one))
                    if how:
                        mendings.setdefault(how, []).append(number)
            if len(held.numbers) + len(anomalies) >= ROWS:
                yield self._batch(held, anomalies, _facts(mendings, repeated), taken - told)
                held, anomalies, mendings, told = _Gathered(self.whole), [], {}, taken
                repeated = []
        yield self._batch(held, anomalies, _facts(mendings, repeated), taken - told)

    def _batch(self, held: _Gathered, anomalies: list[Anomaly], facts: list[Fact], taken: int) -> Batch:
        out = Batch(anomalies=anomalies, facts=facts, bytes_read=taken)
        if not held.numbers:
            return out
        columns = spread(held.names, held.values, held.counts, self.columns, self._resolve)
        columns[RECORD_NO.name] = pa.array(held.numbers, pa.int64())
        columns[TIME_UTC.name] = self._time(columns)
        columns[EXTRA.name] = self._with_unread_times(columns)
        host = None if self.host_name is None else columns[self.host_name]
        columns[HOST.name] = pa.nulls(len(held.numbers), HOST.type) if host is None else host
        records = pa.RecordBatch.from_arrays([columns[name] for name in self.schema.names], schema=self.schema)
        out.records = self._completed(records)
        return out

    def _completed(self, records: pa.RecordBatch) -> pa.RecordBatch:
        """Put into records of the schema what only whole records show."""
        return records

    def _with_unread_times(self, columns: Mapping[str, pa.Array]) -> pa.Array:
        """Keep an instant that could not be read, where its column is none of the table's."""
        extra: pa.Array = columns[EXTRA.name]
        for name in self.time_names:
            if name in self.schema.names:
                continue
            unread = pc.and_(columns[TIME_UTC.name].is_null(), columns[name].is_valid())
            if pc.any(unread).as_py():
                held = extra.to_pylist()
                for at in pc.indices_nonzero(unread).to_pylist():
                    held[at] = [*(held[at] or []), (name, columns[name][at].as_py())]
                extra = pa.array(held, EXTRA.type)
        return extra

    def _time(self, columns: Mapping[str, pa.Array]) -> pa.Array:
        """Give the first time column that holds an instant."""
        found = [
            one if pa.types.is_timestamp(one.type) else by_value(one, self._instants)
            for one in (columns[name] for name in self.time_names)
        ]
        if not found:
            return pa.nulls(len(columns[RECORD_NO.name]), TIME_UTC.type)
        return found[0] if len(found) == 1 else pc.coalesce(*found)
