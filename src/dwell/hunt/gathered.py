"""Many small data files hunted as one, and told apart again: each gives what it would give alone.

A hunt of a data file costs the same few hundred milliseconds for thousands of rules, whether it holds a hundred records or
ten thousand. Event logs that were exported one by one are many small files; put together, their distinct values are
matched once and every condition is decided once. What is told of a file, its hits, which fields it lacks and which rules
had to look at its rows, is worked out file by file from that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import pyarrow as pa

from dwell.archive.datafile import DataFile, read_lexicon, read_rows
from dwell.archive.lexicon import Lexicon, coded
from dwell.hunt.base import Rows
from dwell.hunt.columnvalues import ColumnValues
from dwell.hunt.derived import base_of, derived, is_derived
from dwell.hunt.frame import Frame, columns_of
from dwell.hunt.hits import GROUPS_MAX, NO_HITS, batched, group_apart, together
from dwell.hunt.patterns import Indices
from dwell.hunt.recordkinds import EVENT_ID, RecordKinds, Sites
from dwell.hunt.records import NO_RECORDS, told_records
from dwell.hunt.ruleset import Node
from dwell.hunt.tasks import Task
from dwell.hunt.wide import FileHunt, FileReport, Found, Hunter
from dwell.hunt.words import Truth, Words, words

__all__ = ["GATHERED_ROWS_MAX", "find_all", "gathered"]

GATHERED_ROWS_MAX = 131_072
"""So many records are hunted at once; more would only hold more memory."""
_TABLES = frozenset({"evtx"})
"""Tables whose files are small and many, and whose records are all told apart by columns of their own."""
_FILE = "dwell.file"


def gathered(files: Sequence[DataFile]) -> Iterator[tuple[DataFile, ...]]:
    """Put neighbouring small files of a table together; the same files give the same groups.

    A file of more records than one rule's hits are told apart for goes alone.
    """
    waiting: list[DataFile] = []
    rows = 0
    for file in files:
        small = file.table in _TABLES and file.staged.rows <= GROUPS_MAX and bool(file.staged.lexicon_sha256)
        if waiting and (not small or rows + file.staged.rows > GATHERED_ROWS_MAX):
            yield tuple(waiting)
            waiting, rows = [], 0
        if not small:
            yield (file,)
            continue
        waiting.append(file)
        rows += file.staged.rows
    if waiting:
        yield tuple(waiting)


def find_all(hunter: Hunter, files: Sequence[DataFile]) -> list[Found]:
    """Hunt data files that `gathered` put together; give what each would give alone, in their order.

    Raises:
        CustodyError: a file is not what was written.
    """
    if len(files) == 1 or not hunter.tasks(files[0].table):
        return [hunter.find(one) for one in files]
    alike: dict[frozenset[str], list[int]] = {}
    lexicons = [read_lexicon(one) for one in files]
    for at, one in enumerate(lexicons):
        # what one file's lexicon leaves out has to be scanned there: such files go with their like
        alike.setdefault(one.complete, []).append(at)
    out: dict[int, Found] = {}
    for places in alike.values():
        mine = [files[at] for at in places]
        told = (
            _Gathering(hunter, mine, [lexicons[at] for at in places]).found()
            if len(mine) > 1
            else [FileHunt(hunter, mine[0], ColumnValues(lexicons[places[0]])).run()]
        )
        out.update(zip(places, told, strict=True))
    return [out[at] for at in range(len(files))]


@dataclass(frozen=True, slots=True)
class _Spread:
    """How often each file holds each text of a column.

    Attributes:
        values: the distinct texts of all files.
        codes: of each entry its text, -1 for none.
        files: its file.
        counts: its rows.
    """

    values: pa.StringArray
    codes: Indices
    files: Indices
    counts: Indices


class _SharedValues(ColumnValues):
    """The lexicons of several data files, column by column; all hold the same columns in full."""

    def __init__(self, lexicons: Sequence[Lexicon]) -> None:
        table = pa.concat_tables([one.table for one in lexicons])
        super().__init__(Lexicon(table, lexicons[0].complete, sum(one.rows for one in lexicons)))
        self._files = np.repeat(np.arange(len(lexicons)), [one.table.num_rows for one in lexicons])

    def spread(self, name: str) -> _Spread:
        """Give a column's texts with the files that hold them."""
        rows = self.rows_of(name)
        values = self.values_of(rows).cast(pa.string()).dictionary_encode()
        codes = values.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        return _Spread(values.dictionary, codes, self._files[rows], self.counts_of(rows))

    def of(self, name: str) -> tuple[pa.StringArray, Indices, int]:
        """Give a column's distinct texts, how many rows each has, and rows without one, over all files."""
        told = self.spread(name)
        counts = _summed(told.codes + 1, told.counts, len(told.values) + 1)
        return told.values, counts[1:], int(counts[0])


def _summed(codes: Indices, weights: Indices, size: int) -> Indices:
    return np.bincount(codes, weights=weights, minlength=size).astype(np.int64)


class _Gathering(FileHunt):
    """The hunt of several data files at once."""

    def __init__(self, hunter: Hunter, files: Sequence[DataFile], lexicons: Sequence[Lexicon]) -> None:
        self._files = files
        self._shared = _SharedValues(lexicons)
        self._spreads: dict[str, tuple[Indices, Indices, Indices]] = {}
        self._apart: dict[int, tuple[Truth, Truth]] = {}
        super().__init__(hunter, files[0], self._shared)
        self._whole = pa.table({})
        self._files_of_sorts = np.zeros(0, np.int64)
        self._rows_by_file = np.array([one.staged.rows for one in files], np.int64)
        self.report.rows = int(self._rows_by_file.sum())

    def _words(self, place: str) -> Words:
        told = self._shared.spread(base_of(place))
        values, codes = told.values, told.codes
        if is_derived(place):
            part = derived(place, values).dictionary_encode()
            to = part.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
            values, codes = part.dictionary, np.append(to, -1)[codes]
        counts = _summed(codes + 1, told.counts, len(values) + 1)
        asked = self.asked[place]
        held = words(self.file.table, place, values, counts[1:], int(counts[0]), asked, self.rules.atoms, self._able)
        self._note_spread(place, held, codes, told.files, told.counts)
        return held

    def _read_all(self, wanted: AbstractSet[str]) -> pa.Table:
        """Read all files below each other, each row with the number of its file."""
        columns = [one for one in self.spec.schema.names if one in wanted]
        dictionary = [one for one in columns if one in self.coded]
        whole = pa.concat_tables([read_rows(one, columns, dictionary=dictionary) for one in self._files])
        # one dictionary a column: the rows are looked at once for each kind of record
        told = [coded(one) if pa.types.is_dictionary(one.type) else one.combine_chunks() for one in whole.columns]
        numbers = np.repeat(np.arange(len(self._files)), self._rows_by_file)
        return pa.table([*told, pa.array(numbers)], names=[*whole.column_names, _FILE])

    def _kinds(self) -> RecordKinds:
        """Tell the rows of each kind of record apart, and those of each file; read all that may be asked, once."""
        able = {where: self.rules.wheres[where] for where in self._wheres() if self._may_hold(where)}
        tasks = [one for one in self.tasks if one.case.where in able]
        self._whole = self._read_all(self._columns(tasks) | {"record_no", *RecordKinds.columns(able.values())})
        kinds = RecordKinds(self._whole, able, [_FILE])
        self._files_of_sorts = kinds.numbers(_FILE)
        return kinds

    @cached_property
    def table(self) -> Rows:
        """Give the rows of all files below each other, each with the number of its file."""
        return Rows.of(self._whole)

    def _know_numbers(self, kinds: RecordKinds) -> None:
        super()._know_numbers(kinds)
        if EVENT_ID in self.known:
            _, codes = kinds.texts(EVENT_ID)
            self._note_spread(EVENT_ID, self.known[EVENT_ID], codes, self._files_of_sorts, kinds.rows)

    def _counted(self, place: str) -> Words:
        held = super()._counted(place)
        codes = self.base.codes(place)[0].astype(np.int64)
        self._note_spread(place, held, codes, self._file_of_rows, np.ones(len(codes), np.int64))
        return held

    @property
    def _file_of_rows(self) -> Indices:
        numbers: Indices = self._whole[_FILE].to_numpy()
        return numbers

    def _note_spread(self, place: str, held: Words, codes: Indices, files: Indices, counts: Indices) -> None:
        """Note how many rows of each file have each slot of a place."""
        slots = np.full(len(codes) + 2 + int(codes.max(initial=0)), held.other, np.int64)
        slots[held.marked] = np.arange(len(held.marked))
        slots[-1] = held.null
        self._spreads[place] = (slots[codes], files, counts)

    def found(self) -> list[Found]:
        """Give the hits, the records told one by one, and what was seen, file by file."""
        reports = [FileReport(one.staged.rows, dict.fromkeys(self._wheres(), 0)) for one in self._files]
        kinds = self._kinds()
        waiting, looked = self._sorted_out(kinds)
        if not looked:
            return [Found(NO_HITS, NO_RECORDS, one) for one in reports]
        frames = self._frames(waiting, looked, kinds)
        sites = Sites(self.base, kinds, self.spec, self.rules)
        held = {where: self._count(kinds.of(where), kinds) for where in frames}
        for where in frames:
            self._note(where, kinds, sites, held[where], reports)
        met: list[tuple[Task, Indices]] = []
        for task in waiting:
            rows = self._met(task, frames)
            if len(rows):
                met.append((task, rows))
            if task.case.where in frames:
                looked_at = self._possible(task.case.tree)[0] & (held[task.case.where] > 0)
                for at in np.flatnonzero(looked_at).tolist():
                    reports[at].opened.append(task.rule)
        for one in reports:
            one.opened = sorted(set(one.opened))
        hits = self._hits_by_file(frames, met)
        records = self._records_by_file(frames, met)
        return [Found(*each) for each in zip(hits, records, reports, strict=True)]

    def _count(self, sorts: Truth, kinds: RecordKinds) -> Indices:
        """Give how many rows of some sorts each file has."""
        return _summed(self._files_of_sorts[sorts], kinds.rows[sorts], len(self._files))

    def _note(self, where: int, kinds: RecordKinds, sites: Sites, held: Indices, reports: Sequence[FileReport]) -> None:
        """Note how many records of a kind each file holds, and which places of theirs hold nothing."""
        for at, rows in enumerate(held.tolist()):
            reports[at].wheres[where] = rows
        if not self.rules.wheres[where].uniform:
            return
        sorts = kinds.of(where)
        asked = [one for one in self.of.of_kind(where) if not one.endswith(":*")]
        lacking = np.ones((len(asked), len(self._files)), np.bool_)
        for at, place in enumerate(asked):
            if columns_of(place, self.spec):
                lacking[at, self._files_of_sorts[sorts & sites.holding(place)]] = False
        for at in np.flatnonzero(held).tolist():
            reports[at].missing[where] = [asked[one] for one in np.flatnonzero(lacking[:, at]).tolist()]

    def _possible(self, node: Node) -> tuple[Truth, Truth]:
        """Say for each file whether a condition can be true there, and whether it must be, as far as its lexicon says."""
        size = len(self._files)
        if node.op == "atom" or not self.prune:
            return np.ones(size, np.bool_), np.zeros(size, np.bool_)
        if node.op == "leaf":
            return self._leaf_by_file(node.index)
        parts = [self._possible(one) for one in node.children]
        if node.op == "not":
            return ~parts[0][1], ~parts[0][0]
        combine = np.logical_and if node.op == "and" else np.logical_or
        can, must = (np.asarray(combine.reduce([one[at] for one in parts]), np.bool_) for at in (0, 1))
        return can, must

    def _leaf_by_file(self, index: int) -> tuple[Truth, Truth]:
        if index not in self._apart:
            size = len(self._files)
            place = self.rules.leaves[index].place
            if place in self.known:
                slots, files, counts = self._spreads[place]
                right = self._truth(index)[slots]
                met = _summed(files[right], counts[right], size)
                self._apart[index] = (met > 0, (met > 0) & (met == self._rows_by_file))
            elif place in self.of.maps:
                self._apart[index] = self._atoms_by_file(self.rules.leaves[index].tree, place), np.zeros(size, np.bool_)
            else:
                self._apart[index] = (np.ones(size, np.bool_), np.zeros(size, np.bool_))
        return self._apart[index]

    def _atoms_by_file(self, node: Node, place: str) -> Truth:
        """Say for each file whether a condition over a map can be true there, by the texts that its rows hold."""
        size = len(self._files)
        if node.op == "not" or (node.op == "atom" and self.rules.atoms[node.index].kind == "null"):
            return np.ones(size, np.bool_)
        if node.op == "atom":
            slots = self._keyed.slots(place)
            rows = slots.rows[slots.entries(slots.held.atom(node.index))] if slots.rows is not None else slots.slots[:0]
            return np.bincount(self._file_of_rows[rows], minlength=size) > 0
        combine = np.logical_and if node.op == "and" else np.logical_or
        return np.asarray(combine.reduce([self._atoms_by_file(one, place) for one in node.children]), np.bool_)

    def _hits_by_file(self, frames: Mapping[int, Frame], met: Sequence[tuple[Task, Indices]]) -> list[pa.Table]:
        parts: list[pa.Table] = [NO_HITS]
        files: list[Indices] = [np.zeros(0, np.int64)]
        for where, frame in frames.items():
            numbers = _files_of(frame)
            for some in batched(self._meetings(frame, where, met)):
                rows, subjects, matched = together(some)
                # by row as `together` has them: rows of the files do not mix
                apart = numbers[np.sort(np.concatenate([one.frame_rows for one in some]))]
                hits, apart = group_apart(some[0].table, rows, self.spec.name, subjects, matched, apart)
                parts.append(hits)
                files.append(apart)
        return self._by_file(pa.concat_tables(parts), np.concatenate(files))

    def _records_by_file(self, frames: Mapping[int, Frame], met: Sequence[tuple[Task, Indices]]) -> list[pa.Table]:
        parts: list[pa.Table] = [NO_RECORDS]
        files: list[Indices] = [np.zeros(0, np.int64)]
        for task, rows in met:
            if self._is_correlated(task):
                frame = frames[task.case.where]
                rule_id = self.rules.rules[task.rule].info.id
                # a gathered file has fewer records than are told one by one
                parts.append(told_records(frame, self.spec.name, rule_id, task.case, rows))
                files.append(_files_of(frame)[rows])
        return self._by_file(pa.concat_tables(parts), np.concatenate(files))

    def _by_file(self, whole: pa.Table, files: Indices) -> list[pa.Table]:
        """Cut a table into those of each file, rows in the order they stand in."""
        order = np.argsort(files, kind="stable")
        bounds = np.searchsorted(files[order], np.arange(len(self._files) + 1)).tolist()
        moved = whole.combine_chunks().take(pa.array(order))
        return [moved.slice(first, last - first) for first, last in pairwise(bounds)]


def _files_of(frame: Frame) -> Indices:
    """Give the file of each row of a frame."""
    return frame.numbers(_FILE)
