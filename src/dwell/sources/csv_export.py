"""What exports as CSV have in common: one header line, whatever quoting and delimiter the tool that wrote them used.

PowerShell puts `#TYPE …` before the header, spreadsheets `sep=;`; PowerShell writes `;` where the culture asks for it,
and UTF-16 where it was redirected. Columns go by name, in any order; a column the schema does not know goes to `extra`.
What a spreadsheet changed when it saved the file is told (`resaved`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.sources.delimited import Delimited, State, unique_names
from dwell.sources.exchange_csv import delimiter_of, header_cells, lowered_names
from dwell.sources.resaved import resaved
from dwell.sources.source import EXTRA, Guess, Sniff, prefix_fields

__all__ = ["CsvExport", "header_of"]

_SNIFFED_LINES = 20
_SEPARATOR = re.compile(r"\ufeff?sep=.?\s*$", re.IGNORECASE)
"""What spreadsheets take the delimiter from, and write before the header."""
_BEFORE = re.compile(r"#TYPE|\ufeff?sep=.?\s*$", re.IGNORECASE)


@lru_cache(maxsize=2)
def header_of(sniff: Sniff) -> str:
    """Find the line that a file's header is, once though every kind of export asks; "" where there is none."""
    lines = sniff.text.splitlines()[:_SNIFFED_LINES]
    return next((one for one in lines if one.strip() and not _BEFORE.match(one)), "")


class CsvExport(Delimited):
    """One kind of CSV export.

    Attributes:
        columns: the exporter's columns and their types.
        marks: groups of names in lower case; a header that holds one name of every group is this export's.
        score: how sure such a header makes us.
        time_name: the column `time_utc` is read from.
        host_name: the column `host` is taken from.
    """

    columns: ClassVar[Mapping[str, pa.DataType]]
    marks: ClassVar[tuple[frozenset[str], ...]]
    score: ClassVar[int] = 85
    # a cell may hold a pretty-printed record
    lines_max: ClassVar[int] = 5_000
    bytes_max: ClassVar[int] = 1 << 20
    time_name: ClassVar[str | None] = None
    host_name: ClassVar[str | None] = None

    @classmethod
    def table_schema(cls, columns: Mapping[str, pa.DataType]) -> pa.Schema:
        """Make the schema: the prefix, the exporter's columns, the extra map."""
        return pa.schema([*prefix_fields(), *(pa.field(name, kind) for name, kind in columns.items()), EXTRA])

    @cached_property
    def _known(self) -> Mapping[str, str]:
        return {name.lower(): name for name in self.columns}

    def _is_ours(self, line: str) -> bool:
        names = lowered_names(line)
        return len(names) > 1 and all(group & names for group in self.marks)

    def identify(self, sniff: Sniff) -> Guess | None:
        """Go by the names in the header."""
        header = header_of(sniff)
        if header and self._is_ours(header):
            return Guess(self.score, self.key, "the header names this export's columns")
        return None

    def _is_notice(self, text: str, state: State) -> bool:
        return (
            text.startswith("#TYPE")
            or (not state.names and bool(_SEPARATOR.match(text)))
            or (not state.names and self._is_ours(text))
        )

    def _named(self, names: Sequence[str]) -> list[str]:
        """Give the columns that names stand for; a second name for one column stays as it is written."""
        lowered = {name.lower() for name in names}
        out: list[str] = []
        for name in names:
            column = self._known.get(name.lower(), name)
            told = column.lower() == name.lower()
            out.append(column if told or (column.lower() not in lowered and column not in out) else name)
        return out

    def _fit(self, table: pa.Table, numbers: npt.NDArray[np.int64], state: State) -> pa.Table:
        state.facts += resaved(table, numbers, state.time, state.seams)
        return super()._fit(table, numbers, state)

    def _notice(self, raw: bytes, text: str, number: int, state: State) -> None:
        if _BEFORE.match(text):
            return
        state.delimiter, state.settled = delimiter_of(text), True
        names = [name or f"column {place}" for place, name in enumerate(header_cells(text), 1)]
        state.names = unique_names(self._named(names))
        state.header = raw
        state.time = self.time_name if self.time_name in state.names else None
        state.host = self.host_name if self.host_name in state.names else None
