"""What the Exchange logs beside HttpProxy and EWS have in common.

The shape of some cells tells a record without header, and columns that hold a blob of `key=value;` come as a map as
well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.sources.blobs import BLOB, Grammar, blob_map
from dwell.sources.delimited import Mended, State, unique_names
from dwell.sources.exchange_csv import BEFORE, ExchangeCsv
from dwell.sources.quoted import split_cells
from dwell.sources.source import EXTRA

__all__ = ["Blob", "ExchangeLog"]

_STARTS_MAX = 16
"""So many places of a line are tried as the start of a record."""
_TIMED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z,")


@dataclass(frozen=True, slots=True)
class Blob:
    """A column that holds a blob.

    Attributes:
        column: the vendor's column.
        name: the column with its map.
        grammar: how the blob is written.
        only: a pattern; texts of another shape are no blobs.
    """

    column: str
    name: str
    grammar: Grammar = BLOB
    only: str = ""


class ExchangeLog(ExchangeCsv):
    """One kind of Exchange text log that is told by the shape of its cells.

    Attributes:
        aliases: other values of `#Log-type`, in lower case.
        shapes: what certain cells look like in every record; all of them tell a record without header.
        blobs: the columns that hold a blob.
        derived: columns that the source adds to the vendor's.
    """

    aliases: ClassVar[frozenset[str]] = frozenset()
    shapes: ClassVar[Mapping[str, re.Pattern[str]]]
    blobs: ClassVar[Sequence[Blob]] = ()
    derived: ClassVar[Sequence[pa.Field]] = ()
    fused: ClassVar[re.Pattern[str]] = _TIMED

    @classmethod
    def log_schema(
        cls, columns: Mapping[str, pa.DataType], blobs: Sequence[Blob] = (), derived: Sequence[pa.Field] = ()
    ) -> pa.Schema:
        """Make the schema: the prefix, the vendor's columns, what is derived, the maps, the extra map."""
        vendor = list(cls.table_schema(columns, EXTRA))[:-1]
        maps = [pa.field(one.name, EXTRA.type) for one in blobs]
        return pa.schema([*vendor, *derived, *maps, EXTRA])

    def _is_type(self, value: str) -> bool:
        return value == self.log_type or value in self.aliases

    def _certain(self, layout: Sequence[str], cells: Sequence[str]) -> bool:
        return self._shaped(layout, cells)

    def _shaped(self, names: Sequence[str], cells: Sequence[str]) -> bool:
        if not super()._shaped(names, cells):
            return False
        held = dict(zip(names, cells, strict=True))
        return all(name not in held or shape.fullmatch(held[name]) for name, shape in self.shapes.items())

    def _mend(self, text: str, cells: list[str] | None, state: State) -> Mended | None:
        # a record that runs into another has surplus cells as well: look for the other one first
        return self._unfused(text, state) or super()._mend(text, cells, state)

    def _unfused(self, text: str, state: State) -> Mended | None:
        """Take off an unfinished record: the last place where a record of the right size and shape starts."""
        if not state.guard or BEFORE in state.names:
            return None
        starts = [found.start() for found in islice(self.fused.finditer(text, 1), _STARTS_MAX)]
        for start in reversed(starts):
            cells = split_cells(text[start:], state.delimiter)
            if cells is None or len(cells) != len(state.names) or not self._shaped(state.names, cells):
                continue
            if not self._may_hold_instant(text[:start], state):
                how = "an unfinished record runs into this one, kept in the extra map"
                return Mended([*state.names, BEFORE], [*cells, text[:start]], how)
        return None

    def _may_hold_instant(self, before: str, state: State) -> bool:
        """Say whether what follows stands in a column of instants, and so need not start a record."""
        place = before.count(state.delimiter)
        kind = self.columns.get(state.names[place]) if place < len(state.names) else None
        return before.endswith(state.delimiter) and kind is not None and pa.types.is_timestamp(kind)

    def _fit(self, table: pa.Table, numbers: npt.NDArray[np.int64], state: State) -> pa.Table:
        ours = {*(one.name for one in self.derived), *(one.name for one in self.blobs)}
        if ours & set(table.column_names):
            # a file that has a column of such a name keeps it in the extra map
            names = [f"{one} (logged)" if one in ours else one for one in table.column_names]
            table = table.rename_columns(unique_names(names))
        fitted = super()._fit(table, numbers, state)
        for one in self.blobs:
            place = fitted.schema.get_field_index(one.name)
            fitted = fitted.set_column(place, one.name, blob_map(fitted[one.column], one.grammar, one.only))
        return self._derive(fitted, state)

    def _derive(self, table: pa.Table, state: State) -> pa.Table:
        """Fill the derived columns."""
        del state
        return table
