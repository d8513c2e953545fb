r"""IIS access logs that Log Parser wrote as CSV: the columns of the log, behind the file and the line each row comes from.

Source:
    Microsoft Learn, "Log Parser 2.2" (`-i:IISW3C -o:CSV`): `LogFilename,LogRow,date,time,c-ip,…`, some queries
    `RowNumber`; the others are the fields of IIS, in any order and number. Unverified: built from the description, no
    sample of a whole file seen; the output of `SELECT * … -o:CSV` on one log would verify it.
Time:
    `date` and `time` are UTC, as in the log. Log Parser gives each the whole form of an instant where it is told to: of
    `date` the day counts then, of `time` the clock. An instant under another name (`TO_TIMESTAMP(date, time)`) is not
    known for one, and such rows have none.
Units:
    As in the log: `time-taken` milliseconds, `sc-bytes` and `cs-bytes` bytes on the wire.

Raises:
    Nothing. A line that cannot be read is an anomaly.
Trust:
    As for the log, and whoever wrote the query chose the rows.
Silence:
    No row does not mean that no request came: the query may have left it out. `LogFilename` says which file of the server
    a row is from and is kept, as is its line there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import BinaryIO, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.instants import TimeBasis
from dwell.model.provenance import EXTRACT, Fact, FactKind
from dwell.sources.aliased_csv import AliasedCsv
from dwell.sources.columns import flat
from dwell.sources.delimited import State
from dwell.sources.iis import FIELDS, RENAMED, IisW3c
from dwell.sources.iis_fields import Lacking
from dwell.sources.iis_request_id import split_request_id
from dwell.sources.query_parts import LOG, query_parts, repeats, sparing
from dwell.sources.source import Batch, Hint, Stamp

__all__ = ["IisCsv"]

_DAY = r"^(?P<v>\d{4}-\d\d-\d\d)(?:[T ]00:00:00(?:\.0+)?)?$"
_CLOCK = r"^(?:\d{4}-\d\d-\d\d[T ])?(?P<v>(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?)$"
_NUMBERS = frozenset(name for name, kind in FIELDS.items() if pa.types.is_integer(kind))
_AT = "date and time"
"""The column that the instant is put together in; no file has one of this name that would be read."""


class IisCsv(AliasedCsv):
    """IIS access log, as Log Parser writes it as CSV."""

    key = "iis_csv"
    stamp = Stamp("date and time", TimeBasis.UTC, "second")
    title = "IIS log (CSV of Log Parser)"
    columns: ClassVar[Mapping[str, pa.DataType]] = FIELDS
    aliases: ClassVar[Mapping[str, str]] = RENAMED
    marks = (
        frozenset({"cs-uri-stem"}),
        frozenset({"date", "time"}),
        frozenset({"c-ip", "cs-username", "sc-status", "cs-method"}),
    )
    score = 90
    host_name = "s-computername"
    schema = IisW3c.schema
    lexicon = IisW3c.lexicon

    @property
    def table(self) -> str:
        """Give the table of IIS logs."""
        return "iis"

    def _notice(self, raw: bytes, text: str, number: int, state: State) -> None:
        super()._notice(raw, text, number, state)
        lowered = {one.lower() for one in state.names}
        state.time = _AT if state.names and {"date", "time"} <= lowered and _AT not in lowered else None

    def read(self, stream: BinaryIO, hint: Hint) -> Iterator[Batch]:
        """Yield the rows, and that they are an extract."""
        yield from super().read(stream, hint)
        yield Batch(facts=[Fact(FactKind.NOT_RECORDED, None, None, None, 1, EXTRACT)])

    def _fit(self, table: pa.Table, numbers: npt.NDArray[np.int64], state: State) -> pa.Table:
        """Put a table into the schema, with the instant put together, and the parts of the query in their columns."""
        table = table.rename_columns(
            [one.lower() if one.lower() in {"date", "time"} else one for one in table.column_names]
        )
        dashes = [_undashed(table[one]) if one in _NUMBERS else table[one] for one in table.column_names]
        table = pa.table(dashes, names=table.column_names)
        if state.time is not None:
            table = _dated(table)
        fitted = super()._fit(table, numbers, state)
        query, request_id = split_request_id(flat(fitted["cs-uri-query"]))
        held = sparing(query)
        parts = query_parts(held)
        made = {"cs-uri-query": held, "cafeReqId": request_id, **parts.texts, LOG: parts.log}
        for name, values in made.items():
            place = fitted.schema.get_field_index(name)
            fitted = fitted.set_column(place, name, values)
        state.facts += repeats(numbers[parts.repeated].tolist(), state.seams)
        lacking = Lacking()
        lacking.take(state.names, fitted)
        state.facts += lacking.facts()
        return fitted


def _undashed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Give numbers with nothing where IIS has `-` for nothing; in texts it stays, as it does in the log."""
    text = column.cast(pa.string())
    return pc.if_else(pc.equal(text, "-"), pa.scalar(None, pa.string()), text)


def _dated(table: pa.Table) -> pa.Table:
    """Put the day and the clock together; where one of them is none, both are kept as they are written."""
    day = pc.struct_field(pc.extract_regex(flat(table["date"]), _DAY), [0])
    clock = pc.struct_field(pc.extract_regex(flat(table["time"]), _CLOCK), [0])
    at = pc.binary_join_element_wise(day, clock, "T")
    read = at.is_valid()
    none = pa.scalar(None, pa.string())
    for name in ("date", "time"):
        place = table.column_names.index(name)
        table = table.set_column(place, name, pc.if_else(read, none, flat(table[name])))
    return table.append_column(_AT, at)
