"""CSV exports whose columns go by several names: tools, versions and portals name one thing in two or three ways."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from dwell.sources.columns import instants
from dwell.sources.csv_export import CsvExport
from dwell.sources.delimited import State
from dwell.sources.source import TIME_UTC
from dwell.sources.time_words import by_value

__all__ = ["AliasedCsv", "AzureCsv"]

_AZURE = (
    r"^(?P<month>\d\d)/(?P<day>\d\d)/(?P<year>\d{4}), (?P<hour>0[1-9]|1[0-2])(?P<rest>:\d\d:\d\d(?:\.\d+)?)"
    r" (?P<half>[AP])M$"
)


class AliasedCsv(CsvExport):
    """One kind of CSV export with more than one vocabulary.

    Attributes:
        aliases: columns by other names, in lower case.
        time_names: columns that may hold the instant, the first that the header names counts.
    """

    aliases: ClassVar[Mapping[str, str]] = {}
    time_names: ClassVar[tuple[str, ...]] = ()

    @cached_property
    def _known(self) -> Mapping[str, str]:
        return {name.lower(): name for name in self.columns} | dict(self.aliases)

    def _notice(self, raw: bytes, text: str, number: int, state: State) -> None:
        super()._notice(raw, text, number, state)
        state.time = next((one for one in self.time_names if one in state.names), None)


class AzureCsv(AliasedCsv):
    """A CSV export of Azure's portals: names may end in ` [UTC]`, and instants be written `8/2/2021, 1:29:25.983 PM`."""

    @cached_property
    def _known(self) -> Mapping[str, str]:
        known = {name.lower(): name for name in self.columns} | dict(self.aliases)
        return known | {f"{name} [utc]": column for name, column in known.items()}

    def _completed(self, records: pa.RecordBatch) -> pa.RecordBatch:
        if not records[TIME_UTC.name].null_count:
            return records
        times = [records[TIME_UTC.name], *(by_value(records[name], _azure) for name in self.time_names)]
        place = records.schema.get_field_index(TIME_UTC.name)
        return records.set_column(place, TIME_UTC, pc.coalesce(*times))


def _azure(texts: pa.Array) -> pa.Array:
    """Read `8/2/2021, 1:29:25.983 PM`, as Azure's portals write it in every culture."""
    padded = pc.replace_substring_regex(texts, r"\b(\d)([/:])", r"0\1\2")
    padded = pc.replace_substring_regex(padded, r"/(\d)/", r"/0\1/")
    found = pc.extract_regex(padded, _AZURE)
    month, day, year, hour, rest, half = (pc.struct_field(found, [at]) for at in range(6))
    clock = pc.add(
        pc.if_else(pc.equal(hour, "12"), 0, hour.cast(pa.int64())), pc.if_else(pc.equal(half, "P"), 12, 0)
    ).cast(pa.string())
    date = pc.binary_join_element_wise(year, month, day, "-")
    time = pc.binary_join_element_wise(pc.utf8_lpad(clock, 2, "0"), rest, "")
    return instants(pc.binary_join_element_wise(date, time, "T"))
