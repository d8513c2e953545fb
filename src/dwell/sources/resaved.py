"""What a spreadsheet does to an export that is opened and saved: cells are cut at its limit, instants lose their seconds.

Neither can be undone here. Both are told, so that nobody takes a cut text for a whole one or a missing instant for none.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.provenance import Fact, FactKind
from dwell.sources.lines import by_file

__all__ = ["CELL_MAX", "resaved"]

CELL_MAX = 32_767
"""So many characters a cell of a spreadsheet holds."""
_CUT = "cells end at 32,766 or 32,767 characters, where a spreadsheet cuts them when it saves: their texts may go on"
_REWRITTEN = (
    "instants are written without seconds, in the order of a culture, as a spreadsheet saves them: they are not read, "
    "and the text is kept"
)
_MINUTES = r"^\d{1,2}[./-]\d{1,2}[./-]\d{2,4},? \d{1,2}:\d\d(?: ?[AaPp]\.?[Mm]\.?)?$"

Int64s = npt.NDArray[np.int64]


def resaved(table: pa.Table, numbers: Int64s, time: str | None, seams: Int64s) -> list[Fact]:
    """Tell of rows that a spreadsheet changed.

    Args:
        table: columns of text, as they stand in the file.
        numbers: the record number of each row.
        time: the column of the instant, where there is one.
        seams: as in `Hint`.
    """
    cut = np.zeros(table.num_rows, np.bool_)
    for column in table.columns:
        cut |= _met(column, _is_cut)
    found = [(cut, _CUT)]
    if time is not None and time in table.column_names:
        found.append((_met(table[time], lambda texts: pc.match_substring_regex(texts, _MINUTES)), _REWRITTEN))
    return [
        Fact(FactKind.RESAVED, one[0], None, None, len(one), detail)
        for rows, detail in found
        if rows.any()
        for one in by_file(numbers[rows].tolist(), seams)
    ]


def _is_cut(texts: pa.Array) -> pa.Array:
    if (pc.max(pc.binary_length(texts)).as_py() or 0) < CELL_MAX - 1:
        return pa.repeat(pa.scalar(value=False), len(texts))
    length = pc.utf8_length(texts)
    return pc.or_(pc.equal(length, CELL_MAX), pc.equal(length, CELL_MAX - 1))


def _met(column: pa.ChunkedArray, asked: Callable[[pa.Array], pa.Array]) -> npt.NDArray[np.bool_]:
    """Ask something of the distinct texts of a coded column, or of each text of another."""
    out = []
    for chunk in column.chunks:
        coded = pa.types.is_dictionary(chunk.type)
        flags = pc.fill_null(asked(chunk.dictionary if coded else chunk), fill_value=False)
        flags = pc.fill_null(flags.take(chunk.indices), fill_value=False) if coded else flags
        out.append(flags.to_numpy(zero_copy_only=False))
    return np.concatenate(out) if out else np.zeros(0, np.bool_)
