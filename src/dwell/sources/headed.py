"""The reader beneath formats of lines whose columns are named by comments in the file, cells parted by one character.

No cell is quoted. Where a line has more cells than there are names, the surplus belongs to the one column that an
outsider writes; a line that is short of cells is an anomaly.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.provenance import Anomaly, AnomalyKind, FactKind
from dwell.sources.lines import Block, blocks, decode_line, line_anomaly
from dwell.sources.matched import Matched, Run, State, part, unless
from dwell.sources.source import Batch, Hint

__all__ = ["Headed", "HeadedState"]

_SURPLUS_MAX = 4096


@dataclass(slots=True)
class HeadedState(State):
    """What a reader carries from block to block.

    Attributes:
        names: the columns now in force; empty before any header.
        delimiter: what stands between cells.
        about: what else the comments say, by name.
    """

    names: list[str] = field(default_factory=list)
    delimiter: str = " "
    about: dict[str, str] = field(default_factory=dict)


class Headed(Matched):
    """A format of lines under a header of comments.

    Attributes:
        delimiter: what stands between cells unless the file says otherwise.
        surplus_name: the column that takes surplus cells; None where none does.
    """

    by_shape = False
    comment: ClassVar[str] = "#"
    delimiter: ClassVar[str] = " "
    surplus_name: ClassVar[str | None] = None
    shapes: ClassVar[tuple[str, ...]] = ()

    def _begin(self, hint: Hint) -> State:
        return HeadedState(hint.name, delimiter=self.delimiter)

    @abstractmethod
    def _take_comment(self, text: str, state: HeadedState) -> None:
        """Take in a comment that alters something."""

    @abstractmethod
    def _alters(self, text: str, state: HeadedState) -> bool:
        """Say whether a comment changes how the lines after it are read; the others do not part the lines around them."""

    def read(self, stream: BinaryIO, hint: Hint) -> Iterator[Batch]:
        """Yield a batch per run of lines under one header."""
        state = self._begin(hint)
        assert isinstance(state, HeadedState)  # noqa: S101 - made just above
        for block in blocks(stream):
            if block.too_long is not None:
                yield Batch(anomalies=[block.too_long], bytes_read=block.size_bytes)
                continue
            start = 0
            for at in np.flatnonzero(block.first_bytes() == ord(self.comment)).tolist():
                text = decode_line(block.line(at))[0]
                if self._alters(text, state):
                    if at > start:
                        yield from self._read_block(part(block, start, at), state)
                    start = at
                    self._take_comment(text, state)
            if start < len(block):
                yield from self._read_block(part(block, start, len(block)), state)
            yield Batch(bytes_read=block.size_bytes)

    def _match(
        self, texts: pa.Array, numbers: npt.NDArray[np.int64], run: Run, state: State
    ) -> tuple[list[pa.Table], list[int]]:
        """Cut texts into cells; give the rows and the places that have too few of them."""
        assert isinstance(state, HeadedState)  # noqa: S101 - `_begin` makes no other
        wanted = len(state.names)
        if not wanted:
            return [], list(range(len(texts)))
        counts = pc.add(pc.count_substring(texts, state.delimiter), 1).to_numpy(zero_copy_only=False)
        fits = counts == wanted
        tables: list[pa.Table] = []
        left: list[int] = []
        if fits.any():
            kept = texts if fits.all() else texts.filter(pa.array(fits))
            flat = pc.split_pattern(kept, state.delimiter).flatten()
            columns = [flat.take(pa.array(np.arange(at, len(flat), wanted))) for at in range(wanted)]
            tables.append(self._table(columns, numbers[fits], state))
        rows: list[list[str]] = []
        mended: list[int] = []
        for at in np.flatnonzero(~fits).tolist():
            cells = self._mend(texts[at].as_py().split(state.delimiter), state)
            if cells is None:
                left.append(at)
                continue
            rows.append(cells)
            mended.append(at)
            run.note(FactKind.MENDED, f"spaces inside {self.surplus_name}", int(numbers[at]))
        if rows:
            columns = [pa.array(list(one), pa.string()) for one in zip(*rows, strict=True)]
            tables.append(self._table(columns, numbers[mended], state))
        return tables, left

    def _table(self, columns: list[pa.Array], numbers: npt.NDArray[np.int64], state: HeadedState) -> pa.Table:
        held = [unless(one, self.blanks) for one in columns]
        return self._fitted(self._widen(pa.table(held, names=state.names), 0, state), numbers, state)

    def _mend(self, cells: list[str], state: HeadedState) -> list[str] | None:
        """Give surplus cells to the column that an outsider writes."""
        surplus = len(cells) - len(state.names)
        if self.surplus_name not in state.names or not 0 < surplus <= _SURPLUS_MAX:
            return None
        at = state.names.index(self.surplus_name)
        return [*cells[:at], state.delimiter.join(cells[at : at + surplus + 1]), *cells[at + surplus + 1 :]]

    def _anomaly(self, block: Block, at: int, run: Run, state: State) -> Anomaly:
        assert isinstance(state, HeadedState)  # noqa: S101 - `_begin` makes no other
        if not state.names:
            return line_anomaly(block, at, AnomalyKind.NO_HEADER, "a line before any header: the columns are unknown")
        found = super()._anomaly(block, at, run, state)
        if found.kind is AnomalyKind.TRUNCATED:
            return found
        detail = f"fewer or more cells than the {len(state.names)} columns that the header names"
        return line_anomaly(block, at, AnomalyKind.COLUMN_COUNT, detail)
