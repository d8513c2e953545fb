"""One data file of Windows events held against others: which of its rows are copies, and which only share a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dwell.archive.datafile import DataFile, RowGroups
from dwell.casebook.evidence import Evidence
from dwell.intake.event_agreement import WHOLE_FORMS, agreement
from dwell.intake.event_numbers import Extents, Numbers, Pairs, numbers_of, pairs_among, pairs_with
from dwell.model.provenance import EvidenceId
from dwell.sources.windows_event import SCHEMA

__all__ = ["Links", "Match"]

PAIRS = 16_384
"""So many pairs of rows are compared at once."""
_SAID = tuple(one for one in SCHEMA.names if one not in {"record_no", "time_utc", "host"})

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Links:
    """For each row of a data file another row.

    Attributes:
        place: where the other row is in its data file; -1 where there is none.
        file: which of the files looked at that is (`Match.files`).
    """

    place: Ints
    file: Ints

    @classmethod
    def none(cls, count: int) -> Links:
        """Give links for so many rows, none of them to anything."""
        return cls(np.full(count, -1), np.zeros(count, np.int64))

    def put(self, rows: Ints, places: Ints, file: int) -> None:
        """Link rows to rows of a file."""
        self.place[rows], self.file[rows] = places, file


@dataclass(slots=True)
class Match:
    """A data file on its way into the archive, and what was found of its rows.

    Attributes:
        file: the data file.
        numbers: its record numbers.
        register: all evidence, for the form that a piece of it is in.
        files: the data files it was held against; itself is the first.
        copy: what each row is a copy of.
        unlike: a row that has the same number and says something else, or less.
        near: of `unlike`, whether event id and time agree.
        more: rows that would be copies, did they not say more than what is held.
    """

    file: DataFile
    numbers: Numbers
    register: Mapping[EvidenceId, Evidence]
    files: list[DataFile]
    copy: Links
    unlike: Links
    near: Mask
    more: Mask
    _first: Ints = field(default_factory=lambda: np.zeros(0, np.int64))

    @classmethod
    def of(cls, file: DataFile, register: Mapping[EvidenceId, Evidence]) -> Match:
        """Look at a data file, and hold its rows against one another."""
        count = file.staged.rows
        no = np.zeros(count, np.bool_)
        out = cls(
            file, numbers_of(file), register, [file], Links.none(count), Links.none(count), no.copy(), no.copy()
        )  # fmt: skip
        rows = _Rows(file, file, register)
        for pairs in pairs_among(out.numbers):
            out._take(pairs, 0, rows)
        out._first = out._roots()
        return out

    def against(self, other: DataFile, shared: Extents) -> None:
        """Hold the rows against those of a data file that is part of the archive.

        Args:
            other: the data file.
            shared: the numbers that both reach over.
        """
        mine = self.numbers.where(self.copy.place[self.numbers.places] < 0).within(shared)
        theirs = numbers_of(other).within(shared)
        mine = mine.where(np.isin(mine.ids, theirs.ids))
        theirs = theirs.where(np.isin(theirs.ids, mine.ids))
        if len(mine) and len(theirs):
            self.files.append(other)
            rows = _Rows(self.file, other, self.register)
            for pairs in pairs_with(mine, theirs):
                self._take(pairs, len(self.files) - 1, rows)

    def settle(self) -> None:
        """Let a copy of a row that is a copy itself be one of what that is a copy of."""
        rows = np.flatnonzero(self._first >= 0)
        roots = self._first[rows]
        further = self.copy.place[roots] >= 0
        self.copy.place[rows] = np.where(further, self.copy.place[roots], roots)
        self.copy.file[rows] = np.where(further, self.copy.file[roots], 0)

    def _roots(self) -> Ints:
        """Give for each row that is a copy of one in its own file the first of them; -1 for the others."""
        of = self.copy.place.copy()
        while True:
            further = np.where(of >= 0, of[np.maximum(of, 0)], -1)
            step = further >= 0
            if not step.any():
                return of
            of[step] = further[step]

    def _take(self, pairs: Pairs, file: int, rows: _Rows) -> None:
        """Compare pairs, and note for each row what came of it."""
        pairs = pairs.where(self.copy.place[pairs.new] < 0)
        near = np.flatnonzero(pairs.near)
        same, more = np.zeros(len(pairs.new), np.bool_), np.zeros(len(pairs.new), np.bool_)
        if len(near):
            same[near], more[near] = rows.agreement(pairs.new[near], pairs.held[near])
        gone, stays = same & ~more, same & more
        self.copy.put(pairs.new[gone], pairs.held[gone], file)
        self.more[pairs.new[gone]] = False
        self.more[pairs.new[stays]] = True
        better = (self.unlike.place[pairs.new] < 0) | (pairs.near & ~self.near[pairs.new])
        rest = stays | (~same & better & ~self.more[pairs.new])
        self.unlike.put(pairs.new[rest], pairs.held[rest], file)
        self.near[pairs.new[rest]] = pairs.near[rest]


class _Rows:
    """What the rows of two data files say, read when it is first wanted, a stretch at a time."""

    def __init__(self, new: DataFile, held: DataFile, register: Mapping[EvidenceId, Evidence]) -> None:
        self._files = (new, held)
        self._register = register
        self._read: list[RowGroups] = []

    def agreement(self, new: Ints, held: Ints) -> tuple[Mask, Mask]:
        """Say which pairs of rows tell the same event, and which of those more in the first."""
        if not self._read:
            self._read = [RowGroups(one, ("evidence_id", *_SAID)) for one in self._files]
        same, more = np.zeros(len(new), np.bool_), np.zeros(len(new), np.bool_)
        # in the order of the first file, so that each stretch of it is read once; the other's mostly lies alike
        order = np.lexsort((held, new))
        for start in range(0, len(new), PAIRS):
            at = order[start : start + PAIRS]
            mine, my_forms = self._rows(0, new[at])
            theirs, their_forms = self._rows(1, held[at])
            found = agreement(mine, theirs, my_forms, their_forms)
            same[at], more[at] = found.same, found.more
        return same, more

    def _rows(self, file: int, places: Ints) -> tuple[pa.Table, Mask]:
        """Give rows in the table's types, and whether each is of a form that holds the whole event."""
        rows = self._read[file].take(places)
        evidence = rows["evidence_id"].combine_chunks().dictionary_encode()
        forms = [self._register[one].source in WHOLE_FORMS for one in evidence.dictionary.to_pylist()]
        columns = [_typed(rows[name], name) for name in _SAID]
        return pa.table(columns, names=list(_SAID)), np.array(forms, np.bool_)[evidence.indices.to_numpy()]


def _typed(column: pa.ChunkedArray, name: str) -> pa.Array:
    kind = SCHEMA.field(name).type
    return pa.nulls(len(column), kind) if pa.types.is_null(column.type) else column.combine_chunks()
